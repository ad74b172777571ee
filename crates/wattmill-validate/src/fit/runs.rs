//! A few physical constants from runs of which every request was timed, and what they are worth on
//! other runs.
//!
//! The surfaces are held: timings of other chip families, scaled by peaks and bandwidths. What a run of
//! one engine on one machine adds is how far its kernels are from that, and what its host takes. It
//! says nothing of messages unless it sends some, and a run that is scored may not say it itself: they
//! follow from the surface and the published rate of the link, whatever run is fitted to.

use wattmill_catalog::{Catalog, Efficiency, Overheads};

use super::engines::{EngineKey, engine_key};
use super::least_squares::least_squares;
use super::overheads::significant;
use crate::engine::Effort;
use crate::evaluate::{Case, Evaluation, predict, resolve};
use crate::kind::Kind;
use crate::outcome::Outcome;
use crate::requests::{self, replay};
use crate::table::Table;

/// A constant that a run may move.
struct Free {
    name: &'static str,
    /// What it costs to leave the value it starts from, in misses of one row for each factor of e.
    loyalty: f64,
}

/// Kernels of a neighbouring family, scaled, are a few per cent off.
const KERNEL: f64 = 0.5;
/// Hosts differ by factors.
const HOST: f64 = 0.15;
const FREE: [Free; 7] = [
    Free { name: "step", loyalty: HOST },
    Free { name: "sequence", loyalty: HOST },
    Free { name: "mixed", loyalty: HOST },
    Free { name: "reading", loyalty: KERNEL },
    Free { name: "multiplying", loyalty: KERNEL },
    Free { name: "decode_attention", loyalty: KERNEL },
    Free { name: "prefill_attention", loyalty: KERNEL },
];
/// Rows of other tables that a run weighs as much as, however many requests it has: they share their
/// steps, so that hundreds of them say the same few things of the constants.
const ROWS_OF_A_RUN: f64 = 12.0;
/// What a request counts for that cannot be answered with the constants that are tried.
const UNANSWERED: f64 = 1.0;
/// Difference for derivatives, in logarithm: requests that meet or miss a step make the times a
/// little rough.
const STEP: f64 = 0.05;

/// Weighted logarithms of predicted over measured, of each request: its time per token, and its time
/// to the last token, in which its time in the queue is. Its time to the first token follows from
/// the two.
fn misses_of(run: &requests::Case<'_>, efficiency: &Efficiency) -> Vec<f64> {
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

/// `start` with the free constants in their place.
fn constants(start: &Overheads, logs: &[f64]) -> Overheads {
    let mut values = start.values();
    for (name, value) in Overheads::NAMES.iter().zip(&mut values) {
        if let Some(at) = FREE.iter().position(|free| free.name == *name) {
            *value = libm::exp(logs[at]);
        }
    }
    Overheads::from_values(values)
}

/// Constants of the engine and chip family `key` from those of `cases` that are runs of it; `None`
/// where there are none.
///
/// They start from those of the family that it borrows from, which know nothing of these runs; what is
/// not free stays there.
pub fn fit_runs(cases: &[&Case<'_>], key: &EngineKey, catalog: &Catalog) -> Option<Overheads> {
    let runs: Vec<&requests::Case<'_>> = cases
        .iter()
        .filter(|case| engine_key(case) == *key)
        .filter_map(|case| if let Case::Requests(run) = case { Some(&**run) } else { None })
        .collect();
    if runs.is_empty() {
        return None;
    }
    let efficiency = catalog.efficiency(&key.0)?;
    let start = lent(efficiency, catalog).overheads(&key.1);
    let known = start.values();
    let named = |free: &Free| Overheads::NAMES.iter().position(|name| *name == free.name);
    let logs: Vec<f64> =
        FREE.iter().filter_map(named).map(|constant| libm::log(known[constant])).collect();
    let found = least_squares(&logs, STEP, |tried| {
        let mut efficiency = efficiency.clone();
        efficiency.overheads.insert(key.1.clone(), constants(&start, tried));
        let mut misses: Vec<f64> =
            runs.iter().flat_map(|run| misses_of(run, &efficiency)).collect();
        let left = tried.iter().zip(&logs).zip(&FREE);
        misses.extend(left.map(|((log, start), free)| free.loyalty * (log - start)));
        misses
    });
    Some(Overheads::from_values(constants(&start, &found).values().map(significant)))
}

/// What is known of a family without any run of its own.
fn lent<'a>(efficiency: &'a Efficiency, catalog: &'a Catalog) -> &'a Efficiency {
    let lender = efficiency.borrowed_from.as_deref().and_then(|id| catalog.efficiency(id));
    lender.unwrap_or(efficiency)
}

/// A run predicted with constants that it had no part in.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossRun {
    /// Models of the runs that the constants were fitted to; none where they were fitted to none.
    pub fitted_to: Vec<String>,
    /// The constants.
    pub constants: Overheads,
    /// Measured and predicted.
    pub outcome: Outcome,
}

/// Every run among `cases`, predicted with constants fitted to nothing, then with constants fitted to
/// the other runs of its engine and chip family and to nothing else.
pub fn cross_runs(cases: &[Case<'_>], catalog: &Catalog) -> Vec<CrossRun> {
    let mut found = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if !matches!(case, Case::Requests(_)) {
            continue;
        }
        let key = engine_key(case);
        let others: Vec<&Case<'_>> = (0..)
            .zip(cases)
            .filter(|(other, case)| {
                *other != at && engine_key(case) == key && matches!(case, Case::Requests(_))
            })
            .map(|(_, case)| case)
            .collect();
        let fitted = fit_runs(&others, &key, catalog).map(|constants| {
            let models = others.iter().map(|case| case.measured().group.model.clone());
            (models.collect(), constants)
        });
        let Some(efficiency) = catalog.efficiency(&key.0) else { continue };
        let unfitted = (Vec::new(), lent(efficiency, catalog).overheads(&key.1));
        for (fitted_to, constants) in [unfitted].into_iter().chain(fitted) {
            let mut efficiency = efficiency.clone();
            efficiency.overheads.insert(key.1.clone(), constants);
            let Ok(predicted) = predict(case, &efficiency, Effort::default()) else { continue };
            let outcome = Outcome::of(case.measured(), &predicted);
            found.push(CrossRun { fitted_to, constants, outcome });
        }
    }
    found
}

/// The runs of `table`, each predicted with constants fitted to the others; `None` where no run has
/// another beside it.
pub fn evaluate_across(table: &Table, catalog: &Catalog) -> Option<Evaluation> {
    let kind = table.kind();
    if kind != Kind::Requests {
        return None;
    }
    let cases: Vec<Case<'_>> =
        table.rows().filter_map(|row| resolve(&row, kind, catalog).ok()).collect();
    let fitted = cross_runs(&cases, catalog).into_iter().filter(|run| !run.fitted_to.is_empty());
    let outcomes: Vec<Outcome> = fitted.map(|run| run.outcome).collect();
    (!outcomes.is_empty()).then(|| Evaluation { kind, outcomes, unanswered: Vec::new() })
}
