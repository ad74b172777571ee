//! What every document begins with.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_units::AnswerHash;

use crate::calibrate::CalibratedWith;

/// The first fields of every document.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Head {
    /// Name and version of this document's schema. A version only ever gains fields.
    schema: &'static str,
    /// Version of Wattmill that wrote the document.
    wattmill_version: &'static str,
    /// Seed of everything random; null where nothing is.
    seed: Option<u64>,
    /// Hash of the answer, 16 hexadecimal digits: equal answers have equal ones.
    answer_hash: String,
    /// What a reader should know before believing it.
    warnings: Vec<String>,
    /// Engine constants of one's own that took the place of the catalogue's; null without
    /// `--calibration`.
    calibration: Option<Calibration>,
}

/// A calibration file in use.
#[derive(Debug, Serialize, JsonSchema)]
struct Calibration {
    /// Name of the file.
    file: String,
    /// Chip families and engines it has constants of, such as `hopper.vllm`.
    engines: Vec<String>,
}

impl Head {
    pub(super) fn new(
        schema: &'static str,
        seed: Option<u64>,
        answer_hash: u64,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            schema,
            wattmill_version: env!("CARGO_PKG_VERSION"),
            seed,
            answer_hash: hexadecimal(answer_hash),
            warnings,
            calibration: None,
        }
    }

    /// The same, made with a calibration if there is one.
    pub(super) fn calibrated(mut self, with: Option<&CalibratedWith>) -> Self {
        self.calibration =
            with.map(|with| Calibration { file: with.file.clone(), engines: with.engines.clone() });
        self
    }
}

/// As every output of Wattmill prints a hash.
pub(super) fn hexadecimal(hash: u64) -> String {
    format!("{hash:016x}")
}

/// Hash of an answer that is its own text.
pub(super) fn hash_of(answer: &impl Serialize) -> u64 {
    let mut hash = AnswerHash::new();
    hash.add_text(&super::text::json(answer).to_string());
    hash.finish()
}
