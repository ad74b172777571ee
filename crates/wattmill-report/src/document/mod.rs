//! Answers for programs: one JSON document for each command.
//!
//! What a field means is said once, at the field: the schema and `docs/json.md` are made from it.

mod bars;
mod calibrate;
mod catalog;
mod check;
mod comparison;
mod counting;
mod day;
mod energy;
mod engine;
mod explain;
mod factory;
mod figures;
mod head;
mod holding;
mod latency;
mod measured;
mod reference;
mod replay;
mod risk;
mod run;
mod saturation;
mod schema;
mod series;
mod serve;
mod statement;
mod sweep;
mod text;
mod train;
mod validate;
mod zoom;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{day_of_three, fleet::served, saturated, training};

pub use calibrate::calibrate_document;
pub use catalog::{catalog_list_document, catalog_show_document};
pub use check::{DiagnosticEntry, DiagnosticSeverity, check_document};
pub use comparison::comparison_document;
pub use day::day_document;
pub use explain::explain_document;
pub(crate) use explain::explain_hash;
pub use holding::holding_document;
pub use reference::output_reference_markdown;
pub use replay::{PrefixCache, ReplayEngine, ReplayInputs, ReplayTraffic, replay_document};
pub use run::run_document;
pub use saturation::saturation_document;
pub use schema::output_schemas;
pub use serve::serve_document;
pub use sweep::sweep_document;
pub use train::train_document;
pub(crate) use train::train_hash;
pub use validate::validate_document;
pub use zoom::zoom_document;
