//! `wattmill validate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_validate::{self as validate, Metric, errors_by_group, errors_by_metric};

use super::head::Head;
use super::text::text;
use crate::validate::{Validated, Validation};

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.validate/1";

/// Errors by file and group as JSON text.
pub fn validate_document(validation: &Validation) -> String {
    text(&Validate {
        head: Head::new(SCHEMA, None, validation.answer_hash(), Vec::new())
            .calibrated(validation.calibration.as_ref()),
        interrupted: validation.interrupted,
        files: validation.files.iter().map(MeasuredFile::from).collect(),
    })
}

/// Measurements against the model: errors by file and group.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Validate {
    #[serde(flatten)]
    head: Head,
    /// Whether it was stopped early: then the last file is partial and later ones are missing.
    interrupted: bool,
    /// Every measured table, in the order given.
    files: Vec<MeasuredFile>,
}

/// One measured table.
#[derive(Debug, Serialize, JsonSchema)]
struct MeasuredFile {
    /// Its name.
    file: String,
    /// What it measures: `serving`, `long-prompt`, `mlperf`, `throughput`, `energy`, `phases` and others.
    kind: String,
    /// Its rows.
    rows: usize,
    /// Rows with a prediction.
    answered: usize,
    /// Rows with a prediction that count towards `metrics`: the others are of unknown conditions or
    /// figures recalled and not read again.
    headline: usize,
    /// Rows without a prediction, by kind of reason.
    unanswered: BTreeMap<String, usize>,
    /// Errors of the headline rows, by metric: `ttft`, `tpot`, `output_rate` and others.
    metrics: BTreeMap<String, PredictionErrors>,
    /// The same by what rows have in common.
    groups: Vec<MeasuredGroup>,
}

impl From<&Validated> for MeasuredFile {
    fn from(file: &Validated) -> Self {
        let evaluation = &file.evaluation;
        let reasons = evaluation.reasons().into_iter();
        Self {
            file: file.name.clone(),
            kind: evaluation.kind.name().to_owned(),
            rows: evaluation.rows(),
            answered: evaluation.outcomes.len(),
            headline: evaluation.headline().count(),
            unanswered: reasons.map(|(kind, count)| (kind.to_owned(), count)).collect(),
            metrics: metrics(&errors_by_metric(evaluation.headline())),
            groups: errors_by_group(evaluation)
                .into_iter()
                .map(|group| MeasuredGroup {
                    by: group.by.to_owned(),
                    rows: group.rows,
                    metrics: metrics(&group.metrics),
                    name: group.name,
                })
                .collect(),
        }
    }
}

/// Rows that have something in common.
#[derive(Debug, Serialize, JsonSchema)]
struct MeasuredGroup {
    /// What: `model`, `accelerator`, `engine`, `mode`, `precision`, `concurrency`, `source`; or
    /// `headline` for the rows outside of it.
    by: String,
    /// Which one.
    name: String,
    /// How many rows.
    rows: usize,
    /// Their errors, by metric.
    metrics: BTreeMap<String, PredictionErrors>,
}

/// How far predictions are from measurements, as fractions of what was measured.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PredictionErrors {
    /// Figures compared.
    count: usize,
    /// Median of |predicted/measured - 1|.
    median: f64,
    /// Mean of |predicted/measured - 1|.
    mean: f64,
    /// 90 % quantile of |predicted/measured - 1|, linear between ranks.
    p90: f64,
    /// Median of predicted/measured - 1: above 0, the model says more than was measured.
    bias: f64,
}

pub(super) fn metrics(
    errors: &BTreeMap<Metric, validate::Errors>,
) -> BTreeMap<String, PredictionErrors> {
    let one = |(metric, e): (&Metric, &validate::Errors)| {
        let validate::Errors { count, median, mean, p90, bias } = *e;
        (metric.key().to_owned(), PredictionErrors { count, median, mean, p90, bias })
    };
    errors.iter().map(one).collect()
}
