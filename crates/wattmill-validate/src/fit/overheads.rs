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
const CONSTANTS: [Free; 17] = [
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
    within(128.0, 1.0, 512.0),
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
/// Place of `exposed`, which on cards without a link of their own is the host's: which way messages
/// take through it.
const EXPOSED: usize = 10;
/// Rows below which known constants are left less easily, and how much less at most.
const FEW_ROWS: f64 = 8.0;
const MOST_LOYAL: f64 = 2.0;
/// A constant that moves less than this, in logarithm, has not moved: the rows say nothing of it.
const UNMOVED: f64 = 0.02;

/// What is thought of constants before any row is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// What they are expected to be.
    pub(super) start: Overheads,
    /// What it costs each to leave that, in misses of one row for each factor of e.
    pub(super) loyalty: [f64; Overheads::NAMES.len()],
}

impl Prior {
    /// Usual values.
    pub(super) fn usual() -> Self {
        let start = Overheads::from_values(CONSTANTS.map(|free| free.start));
        Self { start, loyalty: [LOYALTY; Overheads::NAMES.len()] }
    }

    /// Constants of the same kernels, but maybe of another host, seen by so many cases.
    pub(super) fn known(start: Overheads, cases: usize) -> Self {
        let few = (FEW_ROWS / cases.max(1) as f64).clamp(1.0, MOST_LOYAL);
        let loyalty = std::array::from_fn(|constant| {
            let kernel = KERNELS.contains(&constant) && constant != EXPOSED;
            if kernel { KERNEL_LOYALTY * few } else { HOST_LOYALTY * few }
        });
        Self { start, loyalty }
    }
}

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
    let Some(start) = start else {
        // Closed loops of one length say nothing of decodes beside prompts.
        let usual = Prior::usual();
        let start = Overheads { attention_rows: 0.0, ..usual.start };
        return fit_from(cases, efficiency, engine, &Prior { start, ..usual }, effort);
    };
    let mut fitted =
        fit_from(cases, efficiency, engine, &Prior::known(start, cases.len()), effort).values();
    for (value, kept) in fitted.iter_mut().zip(start.values()) {
        if libm::log(*value / kept).abs() < UNMOVED {
            *value = kept;
        }
    }
    Overheads::from_values(fitted)
}

/// Constants that fit `cases` best, given what is thought of them before. One that starts at zero, if
/// it may not be fitted from there, stays zero.
pub(super) fn fit_from(
    cases: &[&Case<'_>],
    efficiency: &Efficiency,
    engine: &str,
    prior: &Prior,
    effort: Effort,
) -> Overheads {
    let start = prior.start;
    let values = |logs: &[f64]| -> Overheads {
        let mut values = Overheads::NONE.values();
        for ((value, log), free) in values.iter_mut().zip(logs).zip(&CONSTANTS) {
            *value = libm::exp(*log).clamp(free.least, free.most);
        }
        let found = Overheads::from_values(values);
        // An engine whose decodes keep a kernel of their own does not lose it to a fit.
        if start.attention_rows > 0.0 { found } else { Overheads { attention_rows: 0.0, ..found } }
    };
    let of = start.values();
    let logs: Vec<f64> = of
        .iter()
        .zip(&CONSTANTS)
        .map(|(v, free)| libm::log(v.clamp(free.least, free.most)))
        .collect();
    let found = least_squares(&logs, STEP, |tried_logs| {
        let mut tried = efficiency.clone();
        tried.overheads.insert(engine.to_owned(), values(tried_logs));
        let mut misses: Vec<f64> =
            cases.iter().flat_map(|case| misses_of(case, &tried, effort)).collect();
        let left = tried_logs.iter().zip(&logs).zip(&prior.loyalty);
        misses.extend(left.map(|((log, start), loyalty)| loyalty * (log - start)));
        misses
    });
    Overheads::from_values(values(&found).values().map(significant))
}

/// Weighted logarithms of predicted over measured, one for each metric that has a weight.
pub(super) fn misses_of(case: &Case<'_>, efficiency: &Efficiency, effort: Effort) -> Vec<f64> {
    if let Case::Requests(run) = case {
        return super::runs::misses_of(run, efficiency);
    }
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
