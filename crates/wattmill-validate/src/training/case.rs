//! A row of measured training beside those of the other tables.

use wattmill_catalog::{Catalog, Interval, TrainingTable};

use super::{answer, row_of};
use crate::labels;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// A row with what the model says to it: training has constants of its own, by chip family and
/// stack, and no efficiency changes the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What was measured.
    pub measured: Measured,
    /// Chip family.
    pub family: String,
    /// Predicted step time, s.
    pub step_s: f64,
    /// Where four in five measurements of the kind lie, as factors on it.
    pub interval: Interval,
}

impl Case {
    /// What is compared.
    pub fn predicted(&self) -> Vec<(Metric, f64)> {
        vec![(Metric::TrainingStep, self.step_s)]
    }
}

/// What a row measured, on what, and what the built-in constants say.
///
/// # Errors
/// Why it cannot be predicted.
pub(crate) fn resolve(row: &Row<'_>, catalog: &Catalog) -> Result<Case, Reason> {
    let model = labels::model(row.needed_text("model")?, catalog)?;
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    let read = row_of(row.line, &|column| row.text(column).unwrap_or_default().to_owned());
    let answer = answer(&read, catalog, TrainingTable::builtin());
    let (Some(step_s), Some(interval)) = (answer.predicted_s, answer.interval) else {
        return Err(Reason::Unsupported(answer.reason.unwrap_or_default()));
    };
    let measured = Measured {
        line: row.line,
        group: Group {
            model: model.id.clone(),
            accelerator: chip.id.clone(),
            engine: answer.stack,
            mode: answer.task,
            precision: read.precision,
            concurrency: None,
            source: answer.source_kind,
        },
        headline: answer.decides,
        figures: vec![(Metric::TrainingStep, answer.measured_s)],
    };
    Ok(Case { measured, family: answer.family, step_s, interval })
}
