//! Constants of the training model, fitted per chip family and stack.

use std::collections::BTreeMap;

use wattmill_catalog::{
    Catalog, Efficiency, TrainingConstant, TrainingEfficiency, TrainingReach, TrainingResiduals,
    TrainingTable,
};
use wattmill_perf::TrainingStep;

use super::row::{DescribedJob, TrainingRow, describe};
use super::{measured_s, predict, quantile, speaks_against};

/// Head of `training.toml`.
const HEAD: &str = "\
# What training reaches of a chip family's peaks, by software stack.
#
# Written by a fit (wattmill-validate, fit_training) over measured training steps: one set of
# constants for all rows of a family and stack, none for a row. Rows that were not read again at
# their source decide nothing. A constant that no row speaks of stays where every fit starts; the
# comments of TrainingConstant say what each means, where it starts and how far it may go.
#
# rows            rows that decided
# median_error,   of |model / measured - 1| over those rows
# p90_error
# residual_*      first decile, median and ninth decile of measured / model
# most_*          the largest degrees and jobs among the rows
# unseen_*        first and ninth decile of the same for models that a fit was made without
";

/// Residual, in log step time, beyond which rows count less and less.
const ROBUST: f64 = 0.05;
/// Weight of one constant's distance from its start, in spreads, against one row's loss. Of 0.02 to
/// 1, this gives about the least error on models that were left out and little more on the rest.
const PRIOR: f64 = 0.5;
/// Rounds over all constants at most.
const ROUNDS: usize = 60;

/// A row a fit used.
#[derive(Clone, Debug, PartialEq)]
pub struct FitRow {
    /// Line in the file.
    pub line: u64,
    /// Predicted over measured with the fitted constants.
    pub ratio: f64,
}

/// What a fit of one family and stack came to.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// The constants with their residuals.
    pub efficiency: TrainingEfficiency,
    /// Rows used.
    pub rows: Vec<FitRow>,
}

/// One row prepared for a fit.
struct Sample<'a> {
    line: u64,
    job: DescribedJob<'a>,
    efficiency: &'a Efficiency,
    measured: f64,
}

/// Fits every chip family and stack that has rows which may decide.
///
/// Coordinate descent on the logarithm of each constant from [`TrainingConstant::start`], steps
/// halved where none helps: deterministic, and what no row speaks of stays where it starts. The loss
/// of a row grows linearly with the error of its logarithm.
pub fn fit_training(rows: &[TrainingRow], catalog: &Catalog) -> Vec<FitReport> {
    let mut groups: BTreeMap<(String, &'static str), Vec<Sample<'_>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.decides()) {
        let Some(sample) = sample(row, catalog) else { continue };
        let family = sample.job.accelerator.family.clone();
        groups.entry((family, row.stack())).or_default().push(sample);
    }
    groups.iter().map(|((family, stack), samples)| fit_group(family, stack, samples)).collect()
}

/// Fits as [`fit_training`], with the residuals of models that were left out beside those of the
/// rows. What has only one model keeps the guess of what was never measured.
pub fn fit_with_unseen(rows: &[TrainingRow], catalog: &Catalog) -> Vec<FitReport> {
    let mut measured: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for (table, held) in leave_out(rows, catalog, |row| row.model.clone()) {
        for answer in predict(&held, catalog, &table).into_iter().filter(|a| a.decides) {
            let known = table.get(&answer.family, &answer.stack).is_measured();
            if let (Some(ratio), true) = (answer.ratio(), known) {
                measured.entry((answer.family, answer.stack)).or_default().push(1.0 / ratio);
            }
        }
    }
    let mut fits = fit_training(rows, catalog);
    for fit in &mut fits {
        let key = (fit.efficiency.family.clone(), fit.efficiency.stack.clone());
        let Some(values) = measured.get_mut(&key).filter(|values| values.len() >= 10) else {
            continue;
        };
        if let (Some(low), Some(high)) = (quantile(values, 0.1), quantile(values, 0.9)) {
            fit.efficiency.residuals.unseen = [low, high];
        }
    }
    fits
}

/// The text of `training.toml` that these fits make.
pub fn training_toml(fits: &[FitReport]) -> String {
    let rows = fits.iter().map(|fit| format!("\n{}", fit.efficiency.to_toml()));
    std::iter::once(HEAD.to_owned()).chain(rows).collect()
}

fn sample<'a>(row: &TrainingRow, catalog: &'a Catalog) -> Option<Sample<'a>> {
    let job = describe(row, catalog).ok()?;
    let efficiency = catalog.efficiency(&job.accelerator.family)?;
    let start = TrainingEfficiency::start(&job.accelerator.family, row.stack());
    let priced = job.with(efficiency, &start);
    if priced.problems().iter().any(speaks_against) {
        return None;
    }
    let measured = measured_s(row, &priced)?;
    Some(Sample { line: row.line, job, efficiency, measured })
}

fn fit_group(family: &str, stack: &str, samples: &[Sample<'_>]) -> FitReport {
    let mut fit = TrainingEfficiency::start(family, stack);
    // Drift counts from the middle of the rows, so that it does not stand in for other constants.
    let mut years: Vec<f64> = samples.iter().map(|s| s.job.recipe.year).collect();
    fit.year = (quantile(&mut years, 0.5).unwrap_or(2025.0) * 10.0).round() / 10.0;
    let mut best = loss(&fit, samples);
    let mut steps = TrainingConstant::ALL.map(|c| libm::log(c.spread()) / 2.0);
    for _ in 0..ROUNDS {
        for constant in TrainingConstant::ALL {
            let i = constant as usize;
            let (low, high) = constant.range();
            let mut helped = false;
            for direction in [1.0, -1.0] {
                let mut trial = fit.clone();
                let moved = fit.constants[i] * libm::exp(direction * steps[i]);
                trial.constants[i] = moved.clamp(low, high);
                let cost = loss(&trial, samples);
                if cost < best - 1e-9 {
                    (best, fit, helped) = (cost, trial, true);
                    break;
                }
            }
            steps[i] *= if helped { 1.3 } else { 0.5 };
        }
        if steps.iter().all(|s| *s < 1e-3) {
            break;
        }
    }
    // As it will be read back from its file.
    let table = TrainingTable::from_text(&fit.to_toml()).ok();
    let mut fit = table.map_or(fit, |t| t.get(family, stack));
    let rows: Vec<FitRow> = samples
        .iter()
        .map(|s| FitRow { line: s.line, ratio: predicted(&fit, s) / s.measured })
        .collect();
    fit.residuals = residuals(&rows);
    fit.models = samples.iter().map(|s| s.job.model.id.clone()).collect();
    fit.reach = samples
        .iter()
        .map(|s| s.job.with(s.efficiency, &fit).reach())
        .fold(TrainingReach::default(), TrainingReach::max);
    fit.models.sort_unstable();
    fit.models.dedup();
    fit.source =
        format!("fitted to {} rows of ../shared/truth/training.csv (2026-11-23)", rows.len());
    FitReport { efficiency: fit, rows }
}

fn predicted(fit: &TrainingEfficiency, sample: &Sample<'_>) -> f64 {
    TrainingStep::of(&sample.job.with(sample.efficiency, fit)).time.total().as_s()
}

fn loss(fit: &TrainingEfficiency, samples: &[Sample<'_>]) -> f64 {
    let rows: f64 = samples
        .iter()
        .map(|s| {
            let error = libm::log(predicted(fit, s) / s.measured) / ROBUST;
            (1.0 + error * error).sqrt() - 1.0
        })
        .sum();
    let prior: f64 = TrainingConstant::ALL
        .into_iter()
        .map(|c| {
            let away = libm::log(fit.get(c) / c.start()) / libm::log(c.spread());
            away * away
        })
        .sum();
    rows + PRIOR * prior
}

fn residuals(rows: &[FitRow]) -> TrainingResiduals {
    let mut errors: Vec<f64> = rows.iter().map(|r| (r.ratio - 1.0).abs()).collect();
    let mut measured: Vec<f64> = rows.iter().map(|r| 1.0 / r.ratio).collect();
    let of = |values: &mut Vec<f64>, q| quantile(values, q).unwrap_or(1.0);
    TrainingResiduals {
        rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        median_error: of(&mut errors, 0.5),
        p90_error: of(&mut errors, 0.9),
        low: of(&mut measured, 0.1),
        middle: of(&mut measured, 0.5),
        high: of(&mut measured, 0.9),
        unseen: TrainingResiduals::UNMEASURED.unseen,
    }
}

/// Fits without each of the `groups` that `key` sorts rows into, five folds at most, and returns
/// the table that answers each fold with the rows it has to answer.
pub fn leave_out(
    rows: &[TrainingRow],
    catalog: &Catalog,
    key: impl Fn(&TrainingRow) -> String,
) -> Vec<(TrainingTable, Vec<TrainingRow>)> {
    const FOLDS: usize = 5;
    // Largest groups first, each to the emptiest fold: folds of about one size, the same each time.
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        *sizes.entry(key(row)).or_default() += 1;
    }
    let mut groups: Vec<(String, usize)> = sizes.into_iter().collect();
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut filled = [0; FOLDS];
    let mut fold_of: BTreeMap<String, usize> = BTreeMap::new();
    for (group, size) in groups {
        let fold = (0..FOLDS).min_by_key(|i| filled[*i]).unwrap_or(0);
        filled[fold] += size;
        fold_of.insert(group, fold);
    }
    (0..FOLDS)
        .map(|fold| {
            let (held, kept): (Vec<TrainingRow>, Vec<TrainingRow>) =
                rows.iter().cloned().partition(|r| fold_of.get(&key(r)) == Some(&fold));
            let fits = fit_training(&kept, catalog);
            (TrainingTable::from_rows(fits.into_iter().map(|f| f.efficiency)), held)
        })
        .collect()
}
