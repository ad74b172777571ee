//! `cargo xtask calibrate runs`: constants from the built-in runs of which every request was timed, and
//! what constants fitted to one run are worth on the others.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use wattmill::catalog::{Catalog, MEASURED, Overheads};
use wattmill::validate::fit::{CrossRun, EngineKey, cross_runs, engine_key, fit_runs};
use wattmill::validate::{Case, Table, resolve};

use super::WRITTEN;

/// The built-in runs.
fn cases(catalog: &Catalog) -> Vec<Case<'_>> {
    let (_, text) = MEASURED.iter().find(|(name, _)| *name == "requests").expect("it is built in");
    let table = Table::read(text).expect("a test proves that it is sound");
    table.rows().filter_map(|row| resolve(&row, table.kind(), catalog).ok()).collect()
}

/// Chip families and engines of which there are runs.
pub(super) fn keys(catalog: &Catalog) -> BTreeSet<EngineKey> {
    cases(catalog).iter().map(engine_key).collect()
}

pub(super) fn write(data: &Path) -> anyhow::Result<()> {
    let catalog = Catalog::builtin();
    let cases = cases(catalog);
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let path = data.join("overheads.toml");
    let mut text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for key in keys(catalog) {
        if let Some(constants) = fit_runs(&all, &key, catalog) {
            println!("{} {}: {constants:?}", key.0, key.1);
            text = with_section(&text, &key, &constants);
        }
    }
    super::write(&path, &text)?;
    let found = cross_runs(&cases, catalog);
    print(&found);
    super::write(&data.join("cross-runs.toml"), &to_toml(&found))
}

/// `text` with the table of `key` in place of the one it had, or behind the others.
fn with_section(text: &str, (family, engine): &EngineKey, constants: &Overheads) -> String {
    let head = format!("[{family}.{engine}]");
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == head;
        }
        if !inside {
            kept.push(line);
        }
    }
    format!("{}\n\n{head}\n{}", kept.join("\n").trim_end(), constants.to_toml())
}

fn print(found: &[CrossRun]) {
    for run in found {
        println!("{}, fitted to {}", run.outcome.group.model, run.fitted_to.join(" and "));
        for figure in &run.outcome.figures {
            let error = 100.0 * figure.error();
            println!(
                "    {:<14} {:>10.2} {:>10.2} {error:>+6.1} %",
                figure.metric, figure.measured, figure.predicted
            );
        }
    }
}

fn to_toml(found: &[CrossRun]) -> String {
    let mut text = WRITTEN.to_owned();
    for run in found {
        let group = &run.outcome.group;
        for figure in &run.outcome.figures {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[[run]]\nfitted_to = {:?}\nmodel = {:?}\naccelerator = {:?}\nengine = {:?}\n\
                 metric = {:?}\nmeasured = {:?}\npredicted = {:?}\n",
                run.fitted_to,
                group.model,
                group.accelerator,
                group.engine,
                figure.metric.name(),
                rounded(figure.measured),
                rounded(figure.predicted),
            );
        }
    }
    text
}

/// Six digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let text = "# head\n\n[a.vllm]\nstep = 1.0\n\n[b.vllm]\nstep = 2.0\n";
        let key = ("a".to_owned(), "vllm".to_owned());
        let new = with_section(text, &key, &Overheads::NONE);
        assert_eq!(new.matches("[a.vllm]").count(), 1);
        assert!(
            new.starts_with("# head\n\n[b.vllm]\nstep = 2.0\n\n[a.vllm]\nstep = 0.0\n"),
            "{new}"
        );
    }
}
