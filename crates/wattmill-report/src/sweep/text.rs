//! What a sweep says, for the terminal.

use super::SweepReport;
use crate::Table;
use crate::format::{counted, grouped};
use crate::risk::figure_row;

/// Lowest, middle and highest of every figure, where they are, and what they depend on.
pub fn sweep_text(report: &SweepReport<'_>) -> String {
    let mut out = format!(
        "{}: {} points of a {} design, {} computed now, {} known, in {}\n\n",
        report.factory,
        grouped(report.points as f64),
        report.design,
        grouped(report.computed as f64),
        grouped(report.known as f64),
        report.table
    );
    if report.is_partial() {
        out.push_str("PARTIAL: run the same again to compute what is missing\n\n");
    }
    if let Some(why) = report.first_refusal {
        out.push_str(&format!(
            "{} make no sound factory; the first: {why}\n\n",
            counted(report.refused, "point")
        ));
    }
    let mut table = Table::new(["", "lowest", "P50", "highest", "depends on"]).left(&[0, 4]);
    for swept in &report.figures {
        let unit = swept.figure.unit;
        let bars = swept
            .bars
            .iter()
            .map(|bar| format!("{} ({:+.2})", report.paths[bar.input], bar.correlation));
        let bars: Vec<String> = bars.collect();
        let depends = if bars.is_empty() { "-".to_owned() } else { bars.join(", ") };
        let values = figure_row(unit, &[swept.low.0, swept.middle, swept.high.0]);
        let name = swept.figure.name.to_string();
        table.push([name].into_iter().chain(values).chain([depends]));
    }
    out.push_str(&format!(
        "Every figure over the points, and the values it depends on with their rank correlation\n\n{table}\n"
    ));
    let ends = ["", "lowest with", "highest with"];
    let mut table = Table::new(ends).left(&[0, 1, 2]);
    let at = |point: usize| report.values.get(point).map_or(String::new(), |v| v.join(", "));
    // What is the same everywhere is lowest nowhere.
    for swept in report.figures.iter().filter(|swept| swept.low.0 < swept.high.0) {
        table.push([swept.figure.name.to_string(), at(swept.low.1), at(swept.high.1)]);
    }
    out.push_str(&format!("{}\n\n{table}\n", report.paths.join(", ")));
    out.push_str(&format!("seed {}, answer {:016x}\n", report.seed, report.answer_hash));
    out
}
