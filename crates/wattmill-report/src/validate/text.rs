//! Errors as tables on a terminal.

use std::fmt::Write;

use wattmill_validate::{
    Errors, Evaluation, Fitted, GroupErrors, Metric, coverage_by_metric, errors_by_group,
    errors_by_metric, worst_figures,
};

use super::Validation;
use crate::Table;
use crate::format::{counted, grouped, number, or_dash};

/// Figures listed as the worst of a file.
const WORST: usize = 5;
/// Stands above the tables: what the columns are.
pub(super) const EXPLAINED: &str = "Errors are |predicted/measured - 1|: median, mean and 90 % quantile \
     (linear between ranks). Bias is the median of predicted/measured - 1: above 0, the model says more. \
     Within is the share of figures inside the 80 % interval of their answer, calibrated the share of \
     answers inside of what was measured.";

/// Errors by file and group as text.
pub fn validation_text(validation: &Validation) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("{EXPLAINED}"));
    if validation.interrupted {
        line(format_args!("PARTIAL: interrupted; the last file below is answered in part"));
    }
    for file in &validation.files {
        let evaluation = &file.evaluation;
        line(format_args!("\n{}: {}\n\n{}", file.name, summary(evaluation), headline(evaluation)));
        if let Some(noted) = noted(evaluation) {
            line(format_args!("{noted}\n"));
        }
        if let Some(left_out) = left_out(validation, evaluation) {
            line(format_args!("{left_out}"));
        }
        if !evaluation.unanswered.is_empty() {
            line(format_args!("{}", reasons(evaluation)));
        }
        let groups = errors_by_group(evaluation);
        if !groups.is_empty() {
            line(format_args!("{}", by_group(evaluation, &groups)));
        }
        let worst = worst(evaluation);
        if !worst.rows().is_empty() {
            line(format_args!("{worst}"));
        }
    }
    line(format_args!("answer {:016x}", validation.answer_hash()));
    out
}

/// In a sentence.
pub(super) fn summary(evaluation: &Evaluation) -> String {
    format!(
        "{}; {}, {} answered, {} of them in the headline",
        evaluation.kind.describe(),
        counted(evaluation.rows(), "row"),
        grouped(evaluation.outcomes.len() as f64),
        grouped(evaluation.headline().count() as f64),
    )
}

/// The errors of the headline rows, a line for each metric.
pub(super) fn headline(evaluation: &Evaluation) -> Table {
    let headers = ["headline", "figures", "median", "mean", "p90", "bias", "within", "calibrated"];
    let mut table = Table::new(headers).units(["", "", "%", "%", "%", "%", "%", "%"]);
    let coverage = coverage_by_metric(evaluation.headline());
    for (metric, errors) in errors_by_metric(evaluation.headline()) {
        let mut row = vec![metric.name().to_owned(), grouped(errors.count as f64)];
        row.extend([errors.median, errors.mean, errors.p90].map(share));
        row.push(signed(errors.bias));
        let covered = coverage.get(&metric);
        row.push(or_dash(covered, |c| share(c.share_within())));
        row.push(or_dash(covered, |c| share(c.share_calibrated())));
        table.push(row);
    }
    table
}

/// How many answers something speaks against, and what.
pub(super) fn noted(evaluation: &Evaluation) -> Option<String> {
    let noted = || evaluation.outcomes.iter().filter_map(|o| Some((o, o.note.as_ref()?)));
    let (outcome, note) = noted().next()?;
    let count = counted(noted().count(), "answered row");
    Some(format!(
        "{count} with something that speaks against the answer, such as line {}: {note}",
        outcome.line
    ))
}

/// The errors of the rows at hand, and beneath them those of published rows where constants were fitted
/// without the row's model or chip. `None` where the constants are not those.
pub(super) fn left_out(validation: &Validation, evaluation: &Evaluation) -> Option<Table> {
    let all = validation.beside_left_out(evaluation);
    if all.is_empty() {
        return None;
    }
    let at_hand = |metric: &Metric| {
        let mut these = all.iter().filter(|errors| errors.fitted == Fitted::Everything);
        these.any(|errors| errors.metrics.contains_key(metric))
    };
    let metrics: Vec<Metric> = Metric::ALL.into_iter().filter(at_hand).collect();
    let mut headers = vec!["constants fitted", "engine"];
    let mut units = vec!["", ""];
    for metric in &metrics {
        headers.extend([metric.key(), "", ""]);
        units.extend(["rows", "median %", "p90 %"]);
    }
    let mut table = Table::new(headers).units(units).left(&[0, 1]);
    for errors in &all {
        let fitted = errors.fitted.left_out().map_or_else(
            || "as they are, these rows".to_owned(),
            |group| format!("without the row's {group}, published rows"),
        );
        let mut cells = vec![fitted, errors.engine.as_deref().unwrap_or("all").to_owned()];
        for metric in &metrics {
            let missed = errors.metrics.get(metric);
            cells.push(or_dash(missed, |missed| grouped(missed.rows as f64)));
            cells.push(or_dash(missed, |missed| share(missed.median)));
            cells.push(or_dash(missed, |missed| share(missed.p90)));
        }
        table.push(cells);
    }
    Some(table)
}

/// Why rows went unanswered, the commonest reason first, each with one row that has it.
pub(super) fn reasons(evaluation: &Evaluation) -> Table {
    let mut table = Table::new(["not answered", "rows", "such as"]).left(&[0, 2]);
    let mut reasons: Vec<_> = evaluation.reasons().into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (kind, count) in reasons {
        let example = evaluation.unanswered.iter().find(|row| row.reason.kind() == kind);
        let example = example.map_or_else(String::new, |row| {
            let text = row.reason.to_string();
            let short: String = text.chars().take(100).collect();
            let cut = if short.len() < text.len() { "…" } else { "" };
            format!("line {}: {short}{cut}", row.line)
        });
        table.push([kind.to_owned(), grouped(count as f64), example]);
    }
    table
}

/// Median and bias of every metric, a line for each group.
pub(super) fn by_group(evaluation: &Evaluation, groups: &[GroupErrors]) -> Table {
    let metrics: Vec<Metric> = Metric::ALL
        .into_iter()
        .filter(|metric| {
            evaluation.outcomes.iter().any(|outcome| outcome.figure(*metric).is_some())
        })
        .collect();
    let mut headers = vec!["by".to_owned(), "group".to_owned(), "rows".to_owned()];
    let mut units = vec![String::new(); 3];
    for metric in &metrics {
        headers.extend([metric.key().to_owned(), String::new()]);
        units.extend(["median %".to_owned(), "bias %".to_owned()]);
    }
    let mut table = Table::new(headers).units(units).left(&[0, 1]);
    for group in groups {
        let mut row = vec![group.by.to_owned(), group.name.clone(), grouped(group.rows as f64)];
        for metric in &metrics {
            let errors: Option<&Errors> = group.metrics.get(metric);
            row.push(errors.map_or_else(|| "-".to_owned(), |e| share(e.median)));
            row.push(errors.map_or_else(|| "-".to_owned(), |e| signed(e.bias)));
        }
        table.push(row);
    }
    table
}

/// The figures furthest from what was measured.
pub(super) fn worst(evaluation: &Evaluation) -> Table {
    let mut table =
        Table::new(["worst", "line", "model", "accelerator", "engine", "measured", "predicted"])
            .left(&[0, 2, 3, 4]);
    for (outcome, figure) in worst_figures(evaluation, WORST) {
        table.push([
            figure.metric.name().to_owned(),
            outcome.line.to_string(),
            outcome.group.model.clone(),
            outcome.group.accelerator.clone(),
            outcome.group.engine.clone(),
            number(figure.measured),
            number(figure.predicted),
        ]);
    }
    table
}

fn share(fraction: f64) -> String {
    format!("{:.1}", 100.0 * fraction)
}

fn signed(fraction: f64) -> String {
    format!("{:+.1}", 100.0 * fraction)
}
