//! `cargo xtask calibrate runs`: what constants fitted to one of the built-in runs, of which every
//! request was timed, are worth on the others.

use std::collections::BTreeSet;

use wattmill::catalog::{Catalog, MEASURED, Overheads};
use wattmill::validate::fit::{
    CrossRun, EngineConstants, EngineKey, cross_runs, engine_key, fit_runs,
};
use wattmill::validate::{Case, Table, resolve};

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

/// Constants fitted to all runs, after printing what those fitted to some are worth on the others.
pub(super) fn fit(catalog: &Catalog) -> EngineConstants {
    let cases = cases(catalog);
    print(&cross_runs(&cases, catalog));
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let fitted = |key: EngineKey| Some((key.clone(), fit_runs(&all, &key, catalog)?));
    keys(catalog).into_iter().filter_map(fitted).collect()
}

fn print(found: &[CrossRun]) {
    for run in found {
        let fitted = match &*run.fitted_to {
            [] => "to nothing".to_owned(),
            models => format!("to {}", models.join(" and ")),
        };
        println!("{}, constants fitted {fitted}", run.outcome.group.model);
        for (name, value) in Overheads::NAMES.iter().zip(run.constants.values()) {
            print!(" {name} {value:?}");
        }
        println!();
        for figure in &run.outcome.figures {
            let error = 100.0 * figure.error();
            println!(
                "    {:<14} {:>10.2} {:>10.2} {error:>+6.1} %",
                figure.metric, figure.measured, figure.predicted
            );
        }
    }
}
