//! Fits an engine's constants to measured serving.

use std::collections::BTreeMap;

use wattmill_catalog::Overheads;

use super::least_squares::least_squares;
use super::response::Response;
use crate::outcome::{Measured, Metric};

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
/// What it costs an engine to leave the usual constants, and a chip family to leave those of the
/// engine, in misses of one row for each factor of e. Rows of one model miss together, so that even
/// a hundred of them may not bend a constant that only another model would speak of.
const LOYALTY: [f64; 2] = [6.0, 6.0];
/// The same of what stands between clients and the engine, which only TTFTs speak of.
const FRONTEND_LOYALTY: [f64; 2] = [0.3, 1.0];
/// The same of steps that first tokens are gathered over: a setting of the software on any chip.
const GATHERING_LOYALTY: [f64; 2] = [0.3, 6.0];
/// The same for an engine as a campaign ran it: few rows each, and no answer for anybody else
/// follows from them.
const CAMPAIGN_LOYALTY: [f64; 2] = [1.5, 1.5];
/// Constants of the frontend, in the order of [`Overheads::NAMES`]: from `request` to `latency`; the
/// last is `gathered_steps`.
const FRONTEND: std::ops::Range<usize> = 12..15;
const GATHERING: usize = 15;
/// Difference for derivatives, in logarithm: requests that meet or miss a step make the times a
/// little rough.
const STEP: f64 = 0.05;
/// What a row counts for that can no longer be answered with the constants that are tried.
const UNANSWERED: f64 = 1.0;

/// The same for constants that are known already: what a host adds differs from one machine to the
/// next by factors, how fast kernels are on the same chip by a few per cent.
const HOST_LOYALTY: f64 = 0.05;
const KERNEL_LOYALTY: f64 = 0.5;
/// Constants of kernels, in the order of [`Overheads::NAMES`]: from `reading` to `exchange`.
const KERNELS: std::ops::Range<usize> = 5..12;
/// Rows below which known constants are left less easily, and how much less at most.
const FEW_ROWS: f64 = 8.0;
const MOST_LOYAL: f64 = 2.0;
/// A constant that moves less than this, in logarithm, has not moved: the rows say nothing of it.
const UNMOVED: f64 = 0.02;

/// What an engine's constants are before anything was measured.
pub(super) fn usual() -> Overheads {
    Overheads::from_values(CONSTANTS.map(|free| free.start))
}

/// Within the limits of each.
pub(super) fn allowed(values: [f64; 16]) -> [f64; 16] {
    let limits = CONSTANTS.map(|free| (free.least, free.most));
    std::array::from_fn(|i| values[i].clamp(limits[i].0, limits[i].1))
}

/// From their logarithms, within the limits of each.
fn constants(logs: &[f64]) -> [f64; 16] {
    let mut values = [0.0; 16];
    for ((value, log), free) in values.iter_mut().zip(logs).zip(&CONSTANTS) {
        *value = libm::exp(*log).clamp(free.least, free.most);
    }
    values
}

/// Constants of one engine.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineFit {
    /// On a chip family that no row is of.
    pub anywhere: Overheads,
    /// On the families that rows are of.
    pub families: BTreeMap<String, Overheads>,
}

/// Constants that make `responses`, all of one engine, fit best.
///
/// They are the engine's own, and each chip family's differ from them: a family with few rows, or
/// with rows of a single model, stays with what the engine does elsewhere.
pub fn fit_engine(responses: &[&Response]) -> EngineFit {
    let families: Vec<&str> = {
        let mut names: Vec<&str> = responses.iter().map(|r| r.key().0.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let own: Vec<usize> = responses
        .iter()
        .map(|r| families.partition_point(|family| *family < r.key().0.as_str()))
        .collect();
    let campaign = responses.iter().any(|r| Overheads::parts_of(&r.key().1).1.is_some());
    let loyalty = |unknown: usize| {
        let constant = unknown % CONSTANTS.len();
        let loyalty = match constant {
            _ if campaign => CAMPAIGN_LOYALTY,
            GATHERING => GATHERING_LOYALTY,
            _ if FRONTEND.contains(&constant) => FRONTEND_LOYALTY,
            _ => LOYALTY,
        };
        loyalty[usize::from(unknown >= CONSTANTS.len())]
    };
    let start: Vec<f64> = CONSTANTS.iter().map(|free| libm::log(free.start)).collect();
    // The engine's first, then what each family adds to them.
    let mut unknowns = start.clone();
    unknowns.resize(start.len() * (1 + families.len()), 0.0);
    let of_family = |unknowns: &[f64], family: usize| -> [f64; 16] {
        let (engine, added) = unknowns.split_at(start.len());
        let added = &added[family * start.len()..];
        let logs: Vec<f64> = engine.iter().zip(added).map(|(e, a)| e + a).collect();
        constants(&logs)
    };
    let found = least_squares(&unknowns, STEP, |tried| {
        let values: Vec<[f64; 16]> =
            (0..families.len()).map(|family| of_family(tried, family)).collect();
        let mut misses = Vec::new();
        for (response, family) in responses.iter().zip(&own) {
            response.misses(&values[*family], &mut misses);
        }
        let left = tried.iter().zip(&unknowns).enumerate();
        misses.extend(left.map(|(i, (log, start))| loyalty(i) * (log - start)));
        misses
    });
    let rounded = |values: [f64; 16]| Overheads::from_values(values.map(significant));
    EngineFit {
        anywhere: rounded(constants(&found[..start.len()])),
        families: families
            .iter()
            .enumerate()
            .map(|(index, name)| ((*name).to_owned(), rounded(of_family(&found, index))))
            .collect(),
    }
}

/// Constants that make `responses`, all of one engine and chip family, fit best, from known ones such
/// as the catalogue's: each stays what it is unless the cases speak against it, and the fewer they are
/// the louder they must.
pub fn fit_overheads(responses: &[&Response], start: Overheads) -> Overheads {
    let known = start.values();
    let logs = allowed(known).map(libm::log);
    let few = (FEW_ROWS / responses.len().max(1) as f64).clamp(1.0, MOST_LOYAL);
    let loyalty = |constant: usize| {
        if KERNELS.contains(&constant) { KERNEL_LOYALTY * few } else { HOST_LOYALTY * few }
    };
    let found = least_squares(&logs, STEP, |tried_logs| {
        let tried = constants(tried_logs);
        let mut misses = Vec::new();
        responses.iter().for_each(|response| response.misses(&tried, &mut misses));
        let left = tried_logs.iter().zip(&logs).enumerate();
        misses.extend(left.map(|(i, (log, start))| loyalty(i) * (log - start)));
        misses
    });
    let mut fitted = constants(&found).map(significant);
    for ((value, kept), moved) in fitted.iter_mut().zip(known).zip(found.iter().zip(&logs)) {
        if (moved.0 - moved.1).abs() < UNMOVED {
            *value = kept;
        }
    }
    Overheads::from_values(fitted)
}

/// Weighted logarithms of predicted over measured, one for each metric that has a weight.
pub(super) fn misses_of(measured: &Measured, predicted: &[(Metric, f64)]) -> Vec<f64> {
    let miss = |(metric, weight, measured): (Metric, f64, f64)| {
        let found = predicted.iter().find(|(m, _)| *m == metric);
        let ratio = found.map(|(_, p)| libm::log(p / measured)).filter(|r| r.is_finite());
        weight * ratio.unwrap_or(UNANSWERED)
    };
    weighed(measured).map(miss).collect()
}

/// Figures that a fit weighs: what they are, their weight, and what was measured.
pub(super) fn weighed(measured: &Measured) -> impl Iterator<Item = (Metric, f64, f64)> {
    let timed = measured.figures.iter().any(|(metric, _)| TIMES.contains(metric));
    measured.figures.iter().filter_map(move |(metric, value)| {
        if *metric == Metric::OutputRate && timed {
            return None;
        }
        let (_, weight) = WEIGHTS.iter().find(|(m, _)| m == metric)?;
        Some((*metric, *weight, *value))
    })
}

/// Four digits: more would not be the measurements'.
pub(super) fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
