//! The figures of the document, as Markdown tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wattmill::catalog::{Catalog, MEASURED, Overheads, TrainingTable};
use wattmill::report::Validated;
use wattmill::validate::fit::cross_runs;
use wattmill::validate::{Case, cross_validated, errors_by_metric, resolve};

/// Built-in figures: a line for each table and metric.
pub(super) fn headline(files: &[Validated]) -> String {
    let mut rows = Vec::new();
    for file in files {
        let evaluation = &file.evaluation;
        for (metric, e) in errors_by_metric(evaluation.headline()) {
            rows.push(vec![
                format!("`{}`", file.name),
                metric.describe().to_owned(),
                e.count.to_string(),
                percent(e.median),
                percent(e.mean),
                percent(e.p90),
                format!("{:+.1} %", 100.0 * e.bias),
            ]);
        }
    }
    table(&["table", "figure", "figures", "median", "mean", "p90", "bias"], 2, rows)
}

/// Quantiles of measured over predicted by kind of answer, family and constants.
pub(super) fn residuals(catalog: &Catalog) -> String {
    let any = |name: &str| if name.is_empty() { "all".to_owned() } else { format!("`{name}`") };
    let three = |q: &[f64; 3]| format!("{:.2} · {:.2} · {:.2}", q[0], q[1], q[2]);
    let rows = catalog.error_bars().iter().map(|(metric, family, engine, r)| {
        vec![
            format!("`{metric}`"),
            any(family),
            any(engine),
            r.rows.to_string(),
            r.models.len().to_string(),
            three(&r.quantiles),
            r.unseen.as_ref().map_or_else(String::new, three),
        ]
    });
    let heads = [
        "answer",
        "chip family",
        "constants",
        "rows",
        "models",
        "10 % · 50 % · 90 %",
        "the same of unseen models",
    ];
    table(&heads, 3, rows)
}

/// Errors where the row's model or chip was left out of the fit.
pub(super) fn left_out() -> String {
    let mut rows = Vec::new();
    for errors in cross_validated() {
        let engine = errors.engine.map_or_else(|| "all".to_owned(), |engine| format!("`{engine}`"));
        for (metric, missed) in errors.metrics {
            rows.push(vec![
                errors.fitted.left_out().unwrap_or("nothing").to_owned(),
                engine.clone(),
                format!("`{}`", metric.name()),
                missed.rows.to_string(),
                percent(missed.median),
                percent(missed.p90),
            ]);
        }
    }
    table(&["left out", "constants", "figure", "rows", "median", "p90"], 3, rows)
}

/// Runs of which every request was timed, predicted with constants fitted to other runs.
pub(super) fn across_runs(catalog: &Catalog) -> String {
    let (_, text) = MEASURED.iter().find(|(name, _)| *name == "requests").expect("it is built in");
    let measured = wattmill::validate::Table::read(text).expect("a test proves that it is sound");
    let cases: Vec<Case<'_>> =
        measured.rows().filter_map(|row| resolve(&row, measured.kind(), catalog).ok()).collect();
    let rows = cross_runs(&cases, catalog).into_iter().flat_map(|run| {
        let fitted = match &*run.fitted_to {
            [] => "neither".to_owned(),
            models => models.join(", "),
        };
        let model = run.outcome.group.model;
        run.outcome.figures.into_iter().map(move |figure| {
            vec![
                model.clone(),
                fitted.clone(),
                format!("`{}`", figure.metric),
                format!("{:.2}", figure.measured),
                format!("{:.2}", figure.predicted),
                format!("{:+.1} %", 100.0 * figure.error()),
            ]
        })
    });
    table(&["run", "constants fitted to", "figure", "measured", "predicted", "error"], 3, rows)
}

/// Training by chip family and stack.
pub(super) fn training() -> String {
    let rows = TrainingTable::builtin().rows().map(|row| {
        let r = row.residuals;
        vec![
            row.family.clone(),
            row.stack.clone(),
            r.rows.to_string(),
            row.models.len().to_string(),
            percent(r.median_error),
            percent(r.p90_error),
            format!("{:.2} · {:.2} · {:.2}", r.low, r.middle, r.high),
            format!("{:.2} · {:.2}", r.unseen[0], r.unseen[1]),
        ]
    });
    let heads = [
        "chip family",
        "stack",
        "rows",
        "models",
        "median",
        "p90",
        "10 % · 50 % · 90 %",
        "10 % · 90 % of unseen models",
    ];
    table(&heads, 2, rows)
}

/// Operator surfaces of every family that was measured.
pub(super) fn surfaces(catalog: &Catalog) -> String {
    let mut rows = Vec::new();
    for efficiency in catalog.efficiencies().filter(|e| e.is_measured()) {
        for (operator, format, surface) in efficiency.surfaces.iter().filter(|(.., s)| !s.borrowed)
        {
            let e = surface.error;
            rows.push(vec![
                efficiency.family.clone(),
                format!("`{operator}`"),
                format.to_owned(),
                surface.rows.to_string(),
                percent(e.median),
                percent(e.p90),
                percent(e.unseen_median),
                percent(e.unseen_p90),
            ]);
        }
    }
    let heads =
        ["chip family", "operator", "format", "rows", "median", "p90", "unseen, median", "p90"];
    table(&heads, 3, rows)
}

/// What each constant of an engine means.
pub(super) fn constants() -> String {
    let rows = MEANINGS.iter().map(|(name, unit, meaning)| {
        vec![format!("`{name}`"), (*unit).to_owned(), (*meaning).to_owned()]
    });
    table(&["constant", "unit", "meaning"], 3, rows)
}

/// Engines' constants: for every family a table of its own, constants down, engines across.
pub(super) fn overheads(catalog: &Catalog) -> String {
    let mut text = String::new();
    for efficiency in catalog.efficiencies() {
        let lender = efficiency.borrowed_from.as_deref().and_then(|id| catalog.efficiency(id));
        let lent = |name: &str| lender.and_then(|lender| lender.overheads.get(name));
        let engines: BTreeMap<&str, [f64; 16]> = efficiency
            .overheads
            .iter()
            .filter(|&(name, constants)| lent(name) != Some(constants))
            .map(|(name, o)| (name.as_str(), o.values()))
            .collect();
        if engines.is_empty() {
            continue;
        }
        let names: Vec<String> = engines.keys().map(|name| format!("`{name}`")).collect();
        let mut heads = vec!["constant"];
        heads.extend(names.iter().map(String::as_str));
        let rows = Overheads::NAMES.iter().enumerate().map(|(index, name)| {
            let unit = MEANINGS.iter().find(|(n, ..)| n == name).map_or("", |(_, unit, _)| unit);
            let cells = engines.values().map(|values| figure(values[index], unit));
            [format!("`{name}`")].into_iter().chain(cells).collect()
        });
        // Writing to a string cannot fail.
        let _ = write!(text, "### {}\n\n{}\n", efficiency.family, table(&heads, 1, rows));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// Constants by name: unit they are shown in, meaning.
const MEANINGS: [(&str, &str, &str); 16] = [
    ("step", "ms", "each step: scheduling, preparing inputs, handing out tokens"),
    ("sequence", "µs", "each running sequence in each step: sampling and bookkeeping"),
    ("mixed", "ms", "each step that holds prefill, which runs outside captured graphs"),
    ("kernel", "µs", "each small kernel: norms, positions, activations, quantisation, routing"),
    ("launch", "×", "of a kernel's own fixed time, what is left inside a captured graph"),
    ("reading", "×", "matrix multiplications bound by memory, against kernels timed alone"),
    ("multiplying", "×", "matrix multiplications bound by arithmetic, likewise"),
    ("decode_attention", "×", "decode attention, likewise"),
    ("prefill_attention", "×", "prefill attention, likewise"),
    ("experts", "×", "routed experts, against kernels timed alone with skewed routing"),
    ("exposed", "×", "tensor parallel messages: the share that nothing hides"),
    ("exchange", "×", "expert dispatch and combine, against kernels timed alone"),
    ("request", "ms", "each request before it reaches the engine, one after the other"),
    ("prompt_token", "µs", "each prompt token before it reaches the engine, likewise"),
    ("latency", "ms", "each request on its way there and its first token on the way back"),
    ("gathered_steps", "steps", "decode steps that a first token waits to be sent with others"),
];

fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ms" => format!("{:.2} ms", value * 1e3),
        "µs" => format!("{:.2} µs", value * 1e6),
        _ => format!("{value:.2}"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A table, the first `left` columns set to the left; what to read instead where it has no rows.
fn table(heads: &[&str], left: usize, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        text.push('|');
        for cell in cells {
            let cell = if cell.is_empty() { "–" } else { cell };
            let _ = write!(text, " {} |", cell.replace('|', "\\|"));
        }
        text.push('\n');
    };
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return "Nothing was measured yet.\n".to_owned();
    }
    line(&mut heads.iter().copied());
    line(&mut heads.iter().enumerate().map(|(i, _)| if i < left { "---" } else { "---:" }));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_has_a_meaning_and_what_is_empty_says_so() {
        assert_eq!(MEANINGS.map(|(name, ..)| name), Overheads::NAMES);
        assert_eq!(table(&["a"], 1, []), "Nothing was measured yet.\n");
        let one = table(&["a", "b"], 1, [vec!["x|y".to_owned(), String::new()]]);
        assert_eq!(one, "| a | b |\n| --- | ---: |\n| x\\|y | – |\n");
    }
}
