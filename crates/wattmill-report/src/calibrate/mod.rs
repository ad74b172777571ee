//! What a calibration says, for people, and what an answer says that was made with one.

#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use wattmill_units::AnswerHash;
use wattmill_validate::fit::{Calibrated, EngineCalibration};
use wattmill_validate::{Reason, Unanswered};

pub use text::calibration_text;

/// Points of one's own, and what became of the constants.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationReport {
    /// Files the points are from.
    pub files: Vec<String>,
    /// Rows of all files.
    pub rows: usize,
    /// Rows that could not be resolved, by file.
    pub unanswered: Vec<(String, Unanswered)>,
    /// What came of the others.
    pub calibrated: Calibrated,
    /// Whether constants are taken that are of too few cases or do not help.
    pub forced: bool,
    /// File the constants were written to, if there were any and a file was named.
    pub written: Option<String>,
}

impl CalibrationReport {
    /// Engines whose constants are worth writing: better on points held out, or forced.
    pub fn taken(&self) -> impl Iterator<Item = &EngineCalibration> {
        let taken = |engine: &&EngineCalibration| {
            engine.fitted.as_ref().is_some_and(|f| self.forced || f.is_better())
        };
        self.calibrated.engines.iter().filter(taken)
    }

    /// The constants that are worth writing, as the text of a calibration file; `None` without any.
    pub fn to_toml(&self) -> Option<String> {
        let tables: Vec<String> = self.taken().map(EngineCalibration::to_toml).collect();
        let head = "# Written by `wattmill calibrate`: engine constants of one's own machine, in place of the\n\
                    # catalogue's with `--calibration FILE`. Times are in seconds, all else are factors;\n\
                    # `error` is the median before, after, and on points held out.\n";
        (!tables.is_empty()).then(|| format!("{head}\n{}", tables.join("\n")))
    }

    /// Hash of the constants and of the errors that speak for them.
    pub fn answer_hash(&self) -> u64 {
        let mut hash = AnswerHash::new();
        for engine in &self.calibrated.engines {
            hash.add_text(&engine.key.0);
            hash.add_text(&engine.key.1);
            hash.add(engine.rows() as u64);
            if let Some(fitted) = &engine.fitted {
                fitted.constants.values().iter().for_each(|value| hash.add_f64(*value));
                hash.add_f64(fitted.miss_unseen);
            }
        }
        hash.finish()
    }

    /// Rows that take no part and why, in the order of the files.
    pub(crate) fn left_out(&self) -> Vec<(String, String)> {
        let reason = |reason: &Reason| reason.to_string();
        let unanswered = self.unanswered.iter();
        let unanswered =
            unanswered.map(|(file, row)| (format!("{file}:{}", row.line), reason(&row.reason)));
        let left_out = self.calibrated.left_out.iter();
        unanswered.chain(left_out.map(|(place, why)| (place.to_string(), why.clone()))).collect()
    }
}

/// The calibration that an answer was made with, in place of the catalogue's constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalibratedWith {
    /// Name of its file.
    pub file: String,
    /// Engines it has constants of, such as `hopper.vllm`.
    pub engines: Vec<String>,
}

impl fmt::Display for CalibratedWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calibrated: constants of {} from {}", self.engines.join(", "), self.file)
    }
}
