//! What a row without an answer says of itself.

use wattmill_catalog::Catalog;

use crate::labels;
use crate::outcome::{Group, Reason, Unanswered};
use crate::table::Row;

impl Unanswered {
    /// A row that was not answered for this reason.
    pub fn of(row: &Row<'_>, catalog: &Catalog, reason: Reason) -> Self {
        Self { line: row.line, group: group(row, catalog), reason }
    }
}

/// What it has in common with others: by the catalogue's names where these are known, else in its own
/// words.
fn group(row: &Row<'_>, catalog: &Catalog) -> Group {
    let first = |columns: &[&str]| {
        columns.iter().find_map(|column| row.text(column)).unwrap_or_default().to_owned()
    };
    let model = first(&["model"]);
    let accelerator = first(&["gpu", "hardware"]);
    let engine = first(&["backend", "engine", "software", "framework"]);
    let precision = first(&["precision_label", "precision"]);
    let concurrency = row.number("concurrency").or_else(|| row.number("batch_size"));
    Group {
        model: labels::model(&model, catalog).map_or(model, |known| known.id.clone()),
        accelerator: labels::accelerator(&accelerator, catalog)
            .map_or(accelerator, |known| known.id.clone()),
        engine: labels::flavour(&engine).map_or(engine, |known| known.name().to_owned()),
        mode: first(&["mode", "scenario", "task", "benchmark", "op_name"]),
        precision: labels::precision(&precision).map_or(precision, |known| known.name().to_owned()),
        concurrency: concurrency
            .filter(|n| (1.0..=f64::from(u32::MAX)).contains(n))
            .map(|n| n.round() as u32),
        source: first(&["src_kind", "source_kind", "source"]),
    }
}
