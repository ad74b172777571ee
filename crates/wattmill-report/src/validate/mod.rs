//! Measurements against the model, for people and spreadsheets.

mod page;
mod rows;
#[cfg(test)]
mod tests;
mod text;

pub use page::{validation_page, validation_picture};
pub use rows::validation_csv;
pub use text::validation_text;

use crate::calibrate::CalibratedWith;
use wattmill_units::AnswerHash;
use wattmill_validate::{Evaluation, FittedErrors, beside_left_out};

/// Measured tables, each with what came of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// In the order they were given.
    pub files: Vec<Validated>,
    /// Whether it was stopped early: then the last file is partial and later ones are missing.
    pub interrupted: bool,
    /// Constants of engines that took the place of the catalogue's.
    pub calibration: Option<CalibratedWith>,
}

/// One measured table.
#[derive(Clone, Debug, PartialEq)]
pub struct Validated {
    /// Name of the file.
    pub name: String,
    /// What came of its rows.
    pub evaluation: Evaluation,
}

impl Validation {
    /// The errors of one of its files beside those of rows whose model or chip no constant was fitted
    /// to. Nothing where constants of the user's own had a part.
    pub(crate) fn beside_left_out(&self, evaluation: &Evaluation) -> Vec<FittedErrors> {
        if self.calibration.is_none() { beside_left_out(evaluation) } else { Vec::new() }
    }

    /// Hash of every prediction and of the lines without one.
    pub fn answer_hash(&self) -> u64 {
        let mut hash = AnswerHash::new();
        for file in &self.files {
            hash.add_text(file.evaluation.kind.name());
            for outcome in &file.evaluation.outcomes {
                hash.add(outcome.line);
                outcome.figures.iter().for_each(|figure| hash.add_f64(figure.predicted));
            }
            for row in &file.evaluation.unanswered {
                hash.add(row.line);
                hash.add_text(row.reason.kind());
            }
        }
        hash.finish()
    }
}
