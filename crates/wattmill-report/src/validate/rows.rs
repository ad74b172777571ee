//! Every prediction as a line of CSV.

use std::fmt::Write;

use wattmill_validate::{Figure, Group};

use super::Validation;

const HEADER: &str = "file,line,kind,model,accelerator,engine,mode,precision,concurrency,source,\
                      headline,metric,measured,predicted,error_fraction,interval_low,interval_high,\
                      in_interval,in_calibrated_range,reason\n";

/// Every figure of every row as CSV, a line each, with the ends of its 80 % interval in the figure's
/// unit; a row without an answer has one line with its reason, one whose answer something speaks
/// against has that there.
pub fn validation_csv(validation: &Validation) -> String {
    let mut out = HEADER.to_owned();
    for file in &validation.files {
        let (name, kind) = (quoted(&file.name), file.evaluation.kind.name());
        for outcome in &file.evaluation.outcomes {
            let group = columns(&outcome.group);
            for figure in &outcome.figures {
                let _ = writeln!(
                    out,
                    "{name},{},{kind},{group},{},{},{},{},{},{},{}",
                    outcome.line,
                    outcome.headline,
                    figure.metric,
                    figure.measured,
                    figure.predicted,
                    figure.error(),
                    interval(figure),
                    quoted(outcome.note.as_deref().unwrap_or_default()),
                );
            }
        }
        for row in &file.evaluation.unanswered {
            let group = columns(&row.group);
            let reason = quoted(&row.reason.to_string());
            let _ = writeln!(out, "{name},{},{kind},{group},,,,,,,,,,{reason}", row.line);
        }
    }
    out
}

/// Its ends, whether the measurement lies inside, whether it is of the calibrated range; blank without
/// one.
fn interval(figure: &Figure) -> String {
    match (figure.interval, figure.is_within()) {
        (Some(bar), Some(within)) => {
            let [low, high] = [bar.low, bar.high].map(|factor| factor * figure.predicted);
            format!("{low},{high},{within},{}", bar.inside)
        }
        _ => ",,,".to_owned(),
    }
}

fn columns(group: &Group) -> String {
    let texts = [&group.model, &group.accelerator, &group.engine, &group.mode, &group.precision];
    let mut all: Vec<String> = texts.into_iter().map(|text| quoted(text)).collect();
    all.push(group.concurrency.map_or_else(String::new, |n| n.to_string()));
    all.push(quoted(&group.source));
    all.join(",")
}

/// As RFC 4180 has it, if it has to be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
