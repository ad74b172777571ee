//! `wattmill validate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_validate::{
    self as validate, FittedErrors, Metric, coverage_by_metric, errors_by_group, errors_by_metric,
};

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
        files: validation.files.iter().map(|file| MeasuredFile::new(validation, file)).collect(),
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
    /// How many of the figures lie inside the 80 % interval of their answer, by metric.
    coverage: BTreeMap<String, IntervalCoverage>,
    /// Errors of the published serving points and throughput tables where constants were fitted without
    /// the row's model or chip; empty where the answers are not by those constants, or of something
    /// else.
    cross_validated: Vec<CrossValidated>,
    /// The same as `metrics` by what rows have in common.
    groups: Vec<MeasuredGroup>,
}

impl MeasuredFile {
    fn new(validation: &Validation, file: &Validated) -> Self {
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
            coverage: coverage_by_metric(evaluation.headline())
                .into_iter()
                .map(|(metric, coverage)| (metric.key().to_owned(), (&coverage).into()))
                .collect(),
            cross_validated: validation
                .beside_left_out(evaluation)
                .iter()
                .flat_map(CrossValidated::of)
                .collect(),
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

/// Figures inside the 80 % interval of their answer.
#[derive(Debug, Serialize, JsonSchema)]
struct IntervalCoverage {
    /// Figures whose answer has an interval.
    count: usize,
    /// Share of them that were measured inside it.
    within_fraction: f64,
    /// Share of them whose answer lies inside of what was measured.
    calibrated_fraction: f64,
}

impl From<&validate::Coverage> for IntervalCoverage {
    fn from(coverage: &validate::Coverage) -> Self {
        Self {
            count: coverage.figures,
            within_fraction: coverage.share_within(),
            calibrated_fraction: coverage.share_calibrated(),
        }
    }
}

/// The error of one metric on rows whose model or chip the constants had not seen.
#[derive(Debug, Serialize, JsonSchema)]
struct CrossValidated {
    /// What was left out of the fit together: `model` or `chip`.
    left_out: String,
    /// Engine whose rows they are; null for all.
    engine: Option<String>,
    /// Which figure, with its unit.
    metric: String,
    /// Figures compared.
    count: usize,
    /// Median of |predicted/measured - 1|.
    median: f64,
    /// 90 % quantile of the same.
    p90: f64,
}

impl CrossValidated {
    /// One for each figure; none of constants that had seen the rows.
    fn of(errors: &FittedErrors) -> impl Iterator<Item = Self> {
        let one = move |left_out: &'static str| {
            errors.metrics.iter().map(move |(metric, missed)| Self {
                left_out: left_out.to_owned(),
                engine: errors.engine.clone(),
                metric: metric.name().to_owned(),
                count: missed.rows,
                median: missed.median,
                p90: missed.p90,
            })
        };
        errors.fitted.left_out().into_iter().flat_map(one)
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
