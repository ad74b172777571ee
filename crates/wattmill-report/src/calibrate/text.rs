//! A calibration as tables on a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use wattmill_validate::fit::{EngineCalibration, FEWEST_CASES, Fitted, Place};
use wattmill_validate::{Errors, Metric};

use super::CalibrationReport;
use crate::Table;
use crate::format::{counted, number};

/// Lines of a file, or rows that take no part, that are named; of more, how many.
const MOST_NAMED: usize = 12;

/// A calibration as text.
pub fn calibration_text(report: &CalibrationReport) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    let used: usize = report.calibrated.engines.iter().map(EngineCalibration::rows).sum();
    line(format_args!(
        "{} of {}; {used} of them say something of an engine's constants",
        counted(report.rows, "row"),
        report.files.join(", "),
    ));
    if report.calibrated.interrupted {
        line(format_args!(
            "PARTIAL: interrupted; engines that were not reached are not calibrated"
        ));
    }
    let left_out = report.left_out();
    if !left_out.is_empty() {
        let mut table = Table::new(["left out", "why"]).left(&[0, 1]);
        left_out.iter().take(MOST_NAMED).for_each(|(place, why)| table.push([place, why]));
        line(format_args!("\n{}", table.to_string().trim_end()));
        if left_out.len() > MOST_NAMED {
            line(format_args!("and {} more", left_out.len() - MOST_NAMED));
        }
    }
    for engine in &report.calibrated.engines {
        line(format_args!("\n{}", engine_text(engine, report.forced)));
    }
    line(format_args!("{}", outcome(report)));
    line(format_args!("answer {:016x}", report.answer_hash()));
    out
}

fn engine_text(engine: &EngineCalibration, forced: bool) -> String {
    let (family, name) = &engine.key;
    let mut out = format!(
        "{family}.{name}: {}, {} that the model tells apart\n",
        counted(engine.rows(), "row"),
        counted(engine.cases, "case"),
    );
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    if engine.machines.len() > 1 {
        line(
            "These are points of several machines, which are given the same constants:".to_owned(),
        );
        for (chip, places) in &engine.machines {
            line(format!("  {chip}: {}", listed(places)));
        }
        line("Calibrate each by itself if they do not share host and software.".to_owned());
    }
    for c in &engine.contradictions {
        let ((low, here), (high, there)) = (&c.low, &c.high);
        line(format!(
            "Contradiction: {} is {} at {here} and {} at {there}, of the same case; drop the one that \
             is wrong, or give the column in which they differ.",
            c.metric.name(),
            number(*low),
            number(*high),
        ));
    }
    let Some(fitted) = &engine.fitted else {
        if engine.interrupted {
            line("Stopped before any point was held out.".to_owned());
            return out;
        }
        let missing = FEWEST_CASES.saturating_sub(engine.cases);
        let places: Vec<Place> = engine.machines.values().flatten().cloned().collect();
        line(format!(
            "Too few to calibrate: {}. {} of other lengths or concurrency are missing.",
            listed(&places),
            counted(missing, "case"),
        ));
        return out;
    };
    line(format!("\n{}", errors(&engine.before, fitted)));
    let moved = engine.moved();
    if moved.is_empty() {
        line("No constant moves.".to_owned());
    } else {
        let mut table = Table::new(["constant", "catalogue", "calibrated", "factor"]);
        for (name, from, to) in moved {
            let factor = if from > 0.0 { number(to / from) } else { "-".to_owned() };
            table.push([name.to_owned(), number_of(from), number_of(to), factor]);
        }
        line(table.to_string());
    }
    if engine.interrupted {
        line("Stopped: the verdict is of the points that were held out by then.".to_owned());
    }
    line(verdict(fitted, forced));
    out
}

/// Constants reach from nanoseconds to tens: exponents where they are small.
fn number_of(value: f64) -> String {
    if value != 0.0 && value < 1e-2 { format!("{value:.3e}") } else { number(value) }
}

fn errors(before: &BTreeMap<Metric, Errors>, fitted: &Fitted) -> Table {
    let mut table = Table::new(["error", "figures", "before", "", "after", "", "held out", ""])
        .units(["", "", "median %", "p90 %", "median %", "p90 %", "median %", "p90 %"]);
    for (metric, errors) in before {
        let mut row = vec![metric.name().to_owned(), errors.count.to_string()];
        for errors in [Some(errors), fitted.after.get(metric), fitted.unseen.get(metric)] {
            let share = |of: fn(&Errors) -> f64| {
                errors.map_or_else(|| "-".to_owned(), |e| format!("{:.1}", 100.0 * of(e)))
            };
            row.extend([share(|e| e.median), share(|e| e.p90)]);
        }
        table.push(row);
    }
    table
}

fn verdict(fitted: &Fitted, forced: bool) -> String {
    let percent = |miss: f64| format!("{:.1} %", 100.0 * miss.exp_m1());
    if !fitted.miss_unseen.is_finite() {
        return "A single case: nothing can be held out to tell whether it helps.".to_owned();
    }
    let (before, unseen) = (percent(fitted.miss_before), percent(fitted.miss_unseen));
    if fitted.is_better() {
        format!("Better on points held out: off by {unseen} in the mean, before {before}.")
    } else {
        let taken = if forced { "; taken by force" } else { "; not taken" };
        format!(
            "No better on points held out: off by {unseen} in the mean, before {before}{taken}."
        )
    }
}

fn outcome(report: &CalibrationReport) -> String {
    let taken: Vec<String> =
        report.taken().map(|engine| format!("{}.{}", engine.key.0, engine.key.1)).collect();
    match (&report.written, taken.as_slice()) {
        (_, []) => {
            "Nothing is written: no constants are better on points held out. More points, or \
                    --force if you know why."
                .to_owned()
        }
        (Some(file), taken) => {
            format!("Wrote {file}: {}. Use it with --calibration {file}.", taken.join(", "))
        }
        (None, taken) => format!("Worth writing, with --out FILE: {}.", taken.join(", ")),
    }
}

fn listed(places: &[Place]) -> String {
    let mut text = String::new();
    let mut file = None;
    for place in places.iter().take(MOST_NAMED) {
        let gap = if text.is_empty() { "" } else { ", " };
        if file == Some(&place.file) {
            let _ = write!(text, "{gap}{}", place.line);
        } else {
            let _ = write!(text, "{gap}{place}");
        }
        file = Some(&place.file);
    }
    if places.len() > MOST_NAMED {
        let _ = write!(text, " and {} more", places.len() - MOST_NAMED);
    }
    text
}
