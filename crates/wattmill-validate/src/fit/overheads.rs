//! Fits an engine's constants to measured serving.

use wattmill_catalog::{Efficiency, Overheads};

use super::least_squares::least_squares;
use crate::engine::Effort;
use crate::evaluate::{Case, predict};
use crate::outcome::Metric;

/// A constant as it is fitted: where it starts, and between which values it may lie.
#[derive(Clone, Copy, Debug)]
struct Free {
    start: f64,
    least: f64,
    most: f64,
}

const fn within(start: f64, least: f64, most: f64) -> Free {
    Free { start, least, most }
}

/// In the order of [`Overheads::NAMES`]. What the rows say nothing of stays where it starts.
const CONSTANTS: [Free; 16] = [
    within(1e-3, 5e-5, 5e-2),
    within(5e-6, 1e-7, 3e-4),
    within(1e-3, 1e-5, 3e-2),
    within(1.5e-6, 2e-7, 1e-5),
    within(0.3, 0.02, 1.5),
    within(1.0, 0.6, 1.6),
    within(1.0, 0.55, 1.8),
    within(1.0, 0.5, 2.5),
    within(1.0, 0.4, 3.0),
    within(1.0, 0.4, 3.0),
    within(1.0, 0.2, 2.5),
    within(1.0, 0.3, 4.0),
    within(1e-3, 1e-5, 2e-2),
    within(5e-7, 1e-8, 2e-5),
    within(2e-2, 1e-3, 2e-1),
    within(1.0, 0.05, 60.0),
];

/// What each metric of a row weighs.
const WEIGHTS: [(Metric, f64); 6] = [
    (Metric::Tpot, 1.0),
    (Metric::Ttft, 0.5),
    (Metric::StepTime, 1.0),
    (Metric::PromptTime, 0.5),
    (Metric::OutputRate, 1.0),
    (Metric::InputRate, 1.0),
];
/// Metrics from which a rate follows: it is not counted again.
const TIMES: [Metric; 2] = [Metric::Tpot, Metric::StepTime];
/// What it costs to leave the start, in misses of one row for each factor of e.
const LOYALTY: f64 = 0.3;
/// Difference for derivatives, in logarithm: requests that meet or miss a step make the times a
/// little rough.
const STEP: f64 = 0.05;
/// What a row counts for that can no longer be answered with the constants that are tried.
const UNANSWERED: f64 = 1.0;

/// The same for constants that are known already: what a host adds differs from one machine to the
/// next by factors, how fast kernels are on the same chip by a few per cent.
const HOST_LOYALTY: f64 = 0.15;
const KERNEL_LOYALTY: f64 = 0.5;
/// Constants of kernels, in the order of [`Overheads::NAMES`]: from `reading` to `exchange`.
const KERNELS: std::ops::Range<usize> = 5..12;
/// Rows below which known constants are left less easily, and how much less at most.
const FEW_ROWS: f64 = 8.0;
const MOST_LOYAL: f64 = 2.0;
/// A constant that moves less than this, in logarithm, has not moved: the rows say nothing of it.
const UNMOVED: f64 = 0.02;

/// Constants that make the predictions of `cases`, all of one engine and chip family, fit best.
///
/// Without a `start` they are looked for from usual values. With one, such as the catalogue's
/// constants for the few points of a user, each stays what it is unless the cases speak against it,
/// and the fewer they are the louder they must.
pub fn fit_overheads(
    cases: &[&Case<'_>],
    efficiency: &Efficiency,
    engine: &str,
    start: Option<Overheads>,
    effort: Effort,
) -> Overheads {
    let values = |logs: &[f64]| -> Overheads {
        let mut values = [0.0; 16];
        for ((value, log), free) in values.iter_mut().zip(logs).zip(&CONSTANTS) {
            *value = libm::exp(*log).clamp(free.least, free.most);
        }
        Overheads::from_values(values)
    };
    let logs: Vec<f64> = match start {
        Some(start) => start
            .values()
            .iter()
            .zip(&CONSTANTS)
            .map(|(v, free)| libm::log(v.clamp(free.least, free.most)))
            .collect(),
        None => CONSTANTS.iter().map(|free| libm::log(free.start)).collect(),
    };
    let few = (FEW_ROWS / cases.len().max(1) as f64).clamp(1.0, MOST_LOYAL);
    let loyalty = |constant: usize| match start {
        None => LOYALTY,
        Some(_) if KERNELS.contains(&constant) => KERNEL_LOYALTY * few,
        Some(_) => HOST_LOYALTY * few,
    };
    let found = least_squares(&logs, STEP, |tried_logs| {
        let mut tried = efficiency.clone();
        tried.overheads.insert(engine.to_owned(), values(tried_logs));
        let mut misses: Vec<f64> =
            cases.iter().flat_map(|case| misses_of(case, &tried, effort)).collect();
        let left = tried_logs.iter().zip(&logs).enumerate();
        misses.extend(left.map(|(i, (log, start))| loyalty(i) * (log - start)));
        misses
    });
    let mut fitted = values(&found).values().map(significant);
    if let Some(start) = start {
        for ((value, kept), moved) in
            fitted.iter_mut().zip(start.values()).zip(found.iter().zip(&logs))
        {
            if (moved.0 - moved.1).abs() < UNMOVED {
                *value = kept;
            }
        }
    }
    Overheads::from_values(fitted)
}

/// Weighted logarithms of predicted over measured, one for each metric that has a weight.
pub(super) fn misses_of(case: &Case<'_>, efficiency: &Efficiency, effort: Effort) -> Vec<f64> {
    let predicted = predict(case, efficiency, effort).unwrap_or_default();
    let measured = &case.measured().figures;
    let timed = measured.iter().any(|(metric, _)| TIMES.contains(metric));
    let weighed = measured.iter().filter_map(|(metric, value)| {
        if *metric == Metric::OutputRate && timed {
            return None;
        }
        let (_, weight) = WEIGHTS.iter().find(|(m, _)| m == metric)?;
        let found = predicted.iter().find(|(m, _)| m == metric);
        let ratio = found.map(|(_, p)| libm::log(p / value)).filter(|r| r.is_finite());
        Some(weight * ratio.unwrap_or(UNANSWERED))
    });
    weighed.collect()
}

/// Four digits: more would not be the measurements'.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
