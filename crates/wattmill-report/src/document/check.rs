//! `wattmill check`, and what any command says of input it cannot use.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::Factory;

use super::factory::Factory as Inputs;
use super::head::{Head, hash_of};
use super::text::text;
use crate::calibrate::CalibratedWith;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.check/1";

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum DiagnosticSeverity {
    /// The input cannot be used.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One problem of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Diagnostic")]
pub struct DiagnosticEntry {
    /// How bad it is: `error` if the input cannot be used, `warning` if it can.
    pub severity: DiagnosticSeverity,
    /// Name of the file or flag.
    pub file: String,
    /// Line, from 1; null where there is no place to point at.
    pub line: Option<u64>,
    /// Character of the line, from 1; null likewise.
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What is allowed there; may be empty.
    pub label: String,
    /// The way out, where one is known.
    pub help: Option<String>,
}

/// What was found in `file`, as JSON text; `factory` is there if the file can be used.
///
/// Every command prints it in place of its own document if its input is wrong.
pub fn check_document(
    file: &str,
    factory: Option<&Factory>,
    diagnostics: &[DiagnosticEntry],
    calibration: Option<&CalibratedWith>,
) -> String {
    let mut document = Check::new(file, factory, diagnostics);
    document.head = document.head.calibrated(calibration);
    text(&document)
}

/// Everything wrong or odd about an input. Any command prints it in place of its own document if
/// its input is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Check {
    #[serde(flatten)]
    head: Head,
    /// Name of the input.
    file: String,
    /// Whether it can be used: there is no error.
    valid: bool,
    /// How many errors.
    errors: usize,
    /// Every problem, in the order of the file.
    diagnostics: Vec<DiagnosticEntry>,
    /// The factory as it was read; null if it was not.
    inputs: Option<Inputs>,
}

impl Check {
    fn new(file: &str, factory: Option<&Factory>, diagnostics: &[DiagnosticEntry]) -> Self {
        let of = |severity| diagnostics.iter().filter(move |entry| entry.severity == severity);
        let errors = of(DiagnosticSeverity::Error).count();
        let warnings = of(DiagnosticSeverity::Warning).map(|entry| entry.message.clone()).collect();
        let inputs = factory.map(Inputs::from);
        let hash = hash_of(&(diagnostics, &inputs));
        Self {
            head: Head::new(SCHEMA, factory.map(|factory| factory.seed), hash, warnings),
            file: file.to_owned(),
            valid: errors == 0,
            errors,
            diagnostics: diagnostics.to_vec(),
            inputs,
        }
    }
}
