//! Constants from runs of which every request was timed, and what they are worth on other runs.

use wattmill_catalog::{Catalog, Efficiency, Overheads};

use super::engines::{EngineKey, engine_key};
use super::overheads::{Prior, fit_from};
use crate::engine::Effort;
use crate::evaluate::{Case, predict};
use crate::outcome::Outcome;
use crate::requests::{self, replay};

/// Rows of other tables that a run weighs as much as, however many requests it has: they share their
/// steps, so that hundreds of them say the same few things of the constants.
const ROWS_OF_A_RUN: f64 = 12.0;
/// What a request counts for that can no longer be answered with the constants that are tried.
const UNANSWERED: f64 = 1.0;

/// Weighted logarithms of predicted over measured, of each request: its time per token, and its time
/// to the last token, in which its time in the queue is. Its time to the first token follows from
/// the two.
pub(super) fn misses_of(run: &requests::Case<'_>, efficiency: &Efficiency) -> Vec<f64> {
    let figures = 2 * run.timed.len();
    let weight = (ROWS_OF_A_RUN / figures.max(1) as f64).sqrt().min(1.0);
    let Ok(predicted) = replay(run, efficiency) else {
        return vec![weight * UNANSWERED; figures];
    };
    let miss = |predicted: f64, measured: f64| {
        let ratio = libm::log(predicted / measured);
        weight * if ratio.is_finite() { ratio } else { UNANSWERED }
    };
    let pairs = run.timed.iter().zip(&predicted);
    pairs
        .flat_map(|(measured, predicted)| {
            let tpot = predicted.tpot.zip(measured.tpot).map(|(p, m)| miss(p, m));
            [Some(miss(predicted.e2e, measured.e2e)), tpot].into_iter().flatten()
        })
        .collect()
}

/// A run predicted with constants that it had no part in.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossRun {
    /// Models of the runs that the constants were fitted to.
    pub fitted_to: Vec<String>,
    /// The constants.
    pub constants: Overheads,
    /// Measured and predicted.
    pub outcome: Outcome,
}

/// Constants of the engine and chip family `key` from those of `cases` that are runs of it; `None`
/// where there are none. They start from usual values and leave them as a user's calibration leaves
/// the catalogue's: those of the host more easily than those of kernels.
pub fn fit_runs(cases: &[&Case<'_>], key: &EngineKey, catalog: &Catalog) -> Option<Overheads> {
    let own: Vec<&Case<'_>> = cases
        .iter()
        .filter(|case| matches!(case, Case::Requests(_)) && engine_key(case) == *key)
        .copied()
        .collect();
    if own.is_empty() {
        return None;
    }
    let efficiency = catalog.efficiency(&key.0)?;
    Some(fit_from(
        &own,
        efficiency,
        &key.1,
        &Prior::known(Prior::usual().start, own.len()),
        Effort::default(),
    ))
}

/// Every run among `cases`, predicted with constants fitted to the other runs of its engine and chip
/// family and to nothing else; a run that is the only one is left out.
pub fn cross_runs(cases: &[Case<'_>], catalog: &Catalog) -> Vec<CrossRun> {
    let mut found = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if !matches!(case, Case::Requests(_)) {
            continue;
        }
        let key = engine_key(case);
        let others: Vec<&Case<'_>> = (0..)
            .zip(cases)
            .filter(|(other, case)| *other != at && engine_key(case) == key)
            .map(|(_, case)| case)
            .collect();
        let Some(constants) = fit_runs(&others, &key, catalog) else { continue };
        let Some(efficiency) = catalog.efficiency(&key.0) else { continue };
        let mut efficiency = efficiency.clone();
        efficiency.overheads.insert(key.1, constants);
        let Ok(predicted) = predict(case, &efficiency, Effort::default()) else { continue };
        let runs = others.iter().filter(|case| matches!(case, Case::Requests(_)));
        found.push(CrossRun {
            fitted_to: runs.map(|case| case.measured().group.model.clone()).collect(),
            constants,
            outcome: Outcome::of(case.measured(), &predicted),
        });
    }
    found
}
