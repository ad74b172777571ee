//! Predicted against measured as one page.

use std::collections::BTreeMap;

use wattmill_validate::{Metric, errors_by_group, errors_by_metric};

use super::text::{EXPLAINED, by_group, headline, left_out, noted, reasons, summary, worst};
use super::{Validated, Validation};
use crate::format::grouped;
use crate::svg::Points;
use crate::{Heading, Page, ScatterChart, Svg};

/// Half the width of the band around the diagonal.
const BAND: f64 = 0.2;
/// Points of a picture beyond which every second, third, … is left out.
const MOST_POINTS: usize = 2_000;

/// Errors by file and group as one page of HTML, with a picture of every metric.
pub fn validation_page(validation: &Validation) -> String {
    let rows: usize = validation.files.iter().map(|file| file.evaluation.rows()).sum();
    let answered: usize = validation.files.iter().map(|file| file.evaluation.outcomes.len()).sum();
    let mut page = Page::new("Measurements against the model")
        .lead(EXPLAINED)
        .figure(grouped(rows as f64), "measured rows")
        .figure(grouped(answered as f64), "of them answered");
    let all = validation.files.iter().flat_map(|file| file.evaluation.headline());
    for (metric, errors) in errors_by_metric(all) {
        let meaning = format!("median error of {}, {} figures", metric.key(), errors.count);
        page = page.figure(format!("{:.1} %", 100.0 * errors.median), meaning);
    }
    if let Some(with) = &validation.calibration {
        page = page.note(&with.to_string());
    }
    if validation.interrupted {
        page = page.note("Partial: interrupted; the last file is answered in part.");
    }
    for file in &validation.files {
        let evaluation = &file.evaluation;
        page = page.section(file.name.as_str()).text(&summary(evaluation));
        page = page.table(&headline(evaluation));
        if let Some(noted) = noted(evaluation) {
            page = page.text(&noted);
        }
        if let Some(left_out) = left_out(validation, evaluation) {
            page = page.table(&left_out);
        }
        for metric in Metric::ALL {
            if let Some(chart) = scatter(file, metric) {
                page = page.chart(&chart);
            }
        }
        let groups = errors_by_group(evaluation);
        if !groups.is_empty() {
            page = page.table(&by_group(evaluation, &groups));
        }
        if !evaluation.unanswered.is_empty() {
            page = page.table(&reasons(evaluation));
        }
        let worst = worst(evaluation);
        if !worst.rows().is_empty() {
            page = page.table(&worst);
        }
    }
    page.foot(format!("answer {:016x}", validation.answer_hash()))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

/// Every headline figure of one metric as one SVG file in light colours; `None` if there is none.
pub fn validation_picture(file: &Validated, metric: Metric) -> Option<String> {
    scatter(file, metric).map(|chart| format!("{}\n", chart.light()))
}

/// Every headline figure of one metric; `None` if there is none.
fn scatter(file: &Validated, metric: Metric) -> Option<Svg> {
    let figures: Vec<_> =
        file.evaluation.headline().filter_map(|o| Some((o, o.figure(metric)?))).collect();
    let every = figures.len().div_ceil(MOST_POINTS).max(1);
    let mut series: BTreeMap<&str, Vec<(f64, f64, String)>> = BTreeMap::new();
    for (outcome, figure) in figures.into_iter().step_by(every) {
        let group = &outcome.group;
        let words =
            format!("{} {} {}, line {}", group.model, group.engine, group.mode, outcome.line);
        let point = (figure.measured, figure.predicted, words);
        series.entry(&group.accelerator).or_default().push(point);
    }
    if series.is_empty() {
        return None;
    }
    let what = metric.describe();
    let chart = ScatterChart {
        heading: Heading::new(
            format!("Predicted against measured: {what}"),
            format!(
                "{}; on the line both are equal, dotted: 20 % less and more{}",
                file.name,
                if every > 1 { format!("; every {every}th figure") } else { String::new() }
            ),
        ),
        x_label: format!("measured: {what}"),
        y_label: format!("predicted: {what}"),
        series: series
            .into_iter()
            .map(|(name, points)| Points { name: name.to_owned(), points })
            .collect(),
        band: BAND,
    };
    Some(chart.to_svg())
}
