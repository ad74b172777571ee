//! `wattmill calibrate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_catalog::Overheads;
use wattmill_validate::fit::EngineCalibration;

use super::head::Head;
use super::text::text;
use super::validate::{PredictionErrors, metrics};
use crate::calibrate::CalibrationReport;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.calibrate/1";

/// A calibration as JSON text.
pub fn calibrate_document(report: &CalibrationReport) -> String {
    text(&Calibrate {
        head: Head::new(SCHEMA, None, report.answer_hash(), Vec::new()),
        files: report.files.clone(),
        rows: report.rows,
        interrupted: report.calibrated.interrupted,
        left_out: report
            .left_out()
            .into_iter()
            .map(|(place, reason)| LeftOutRow { place, reason })
            .collect(),
        engines: report
            .calibrated
            .engines
            .iter()
            .map(|engine| {
                CalibratedEngine::of(engine, report.taken().any(|taken| taken.key == engine.key))
            })
            .collect(),
        written: report.written.clone(),
    })
}

/// Constants of engines fitted to measurements of one's own, and whether they help.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Calibrate {
    #[serde(flatten)]
    head: Head,
    /// Files the points are from.
    files: Vec<String>,
    /// Their rows.
    rows: usize,
    /// Whether it was stopped early: engines that were not reached are missing or not fitted.
    interrupted: bool,
    /// Rows that take no part.
    left_out: Vec<LeftOutRow>,
    /// What came of the others, by chip family and engine.
    engines: Vec<CalibratedEngine>,
    /// File the constants were written to; null if none were.
    written: Option<String>,
}

/// A row that takes no part in a calibration.
#[derive(Debug, Serialize, JsonSchema)]
struct LeftOutRow {
    /// File and line.
    place: String,
    /// Why.
    reason: String,
}

/// One engine on one chip family.
#[derive(Debug, Serialize, JsonSchema)]
struct CalibratedEngine {
    /// Chip family.
    family: String,
    /// Name of the constants: the engine, and the campaign that ran it if that was not a server as
    /// shipped.
    engine: String,
    /// Rows that take part.
    rows: usize,
    /// Cases among them that the model tells apart.
    cases: usize,
    /// Rows by accelerator, each as file and line: more than one accelerator is more than one
    /// machine.
    machines: BTreeMap<String, Vec<String>>,
    /// Figures of the same case that differ by more than a factor of two.
    contradictions: Vec<ContradictoryFigures>,
    /// Errors with the catalogue's constants, by metric.
    before: BTreeMap<String, PredictionErrors>,
    /// Whether it was stopped before all its points had been held out once.
    interrupted: bool,
    /// Errors with the fitted constants; null if there are too few cases to fit, or it was stopped
    /// before.
    after: Option<BTreeMap<String, PredictionErrors>>,
    /// Errors of each point with constants fitted to the others: what to expect of other points.
    held_out: Option<BTreeMap<String, PredictionErrors>>,
    /// The fitted constants, times in seconds, all else factors.
    constants: Option<BTreeMap<String, f64>>,
    /// Names of those that moved.
    moved: Vec<String>,
    /// Whether points that were held out are predicted better than before.
    better: bool,
    /// Whether the constants are taken: better, or forced.
    taken: bool,
}

impl CalibratedEngine {
    fn of(engine: &EngineCalibration, taken: bool) -> Self {
        let places = |places: &Vec<wattmill_validate::fit::Place>| {
            places.iter().map(ToString::to_string).collect()
        };
        let fitted = engine.fitted.as_ref();
        let constants = |values: [f64; Overheads::NAMES.len()]| {
            Overheads::NAMES.into_iter().map(str::to_owned).zip(values).collect()
        };
        Self {
            family: engine.key.0.clone(),
            engine: engine.key.1.clone(),
            rows: engine.rows(),
            cases: engine.cases,
            machines: engine.machines.iter().map(|(c, p)| (c.clone(), places(p))).collect(),
            contradictions: engine
                .contradictions
                .iter()
                .map(|c| ContradictoryFigures {
                    metric: c.metric.name().to_owned(),
                    ratio: c.high.0 / c.low.0,
                    low_place: c.low.1.to_string(),
                    high_place: c.high.1.to_string(),
                })
                .collect(),
            interrupted: engine.interrupted,
            before: metrics(&engine.before),
            after: fitted.map(|f| metrics(&f.after)),
            held_out: fitted.map(|f| metrics(&f.unseen)),
            constants: fitted.map(|f| constants(f.constants.values())),
            moved: engine.moved().iter().map(|(name, ..)| (*name).to_owned()).collect(),
            better: fitted.is_some_and(|f| f.is_better()),
            taken,
        }
    }
}

/// Two figures of one case that cannot both be of the machine.
#[derive(Debug, Serialize, JsonSchema)]
struct ContradictoryFigures {
    /// What was measured, with its unit: `tpot_ms` and others.
    metric: String,
    /// The higher figure over the lower.
    ratio: f64,
    /// File and line of the lower.
    low_place: String,
    /// File and line of the higher.
    high_place: String,
}
