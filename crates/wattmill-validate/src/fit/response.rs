//! How what is predicted of a case answers to an engine's constants.

use wattmill_catalog::{Catalog, Efficiency, Overheads};

use super::engines::{EngineKey, engine_key};
use super::overheads::{allowed, usual, weighed};
use crate::engine::Effort;
use crate::evaluate::{Case, predict};
use crate::outcome::Metric;

/// Difference for slopes, as a share: requests that meet or miss a step make the times a little
/// rough.
const STEP: f64 = 0.05;
/// Share of the last prediction below which a line is not followed: times stay times.
const LEAST: f64 = 0.05;

/// Figures of a case as lines in the constants of its engine.
///
/// A step is a sum of constants times work, and a time to a token a sum of steps; what makes the line
/// bend is only that other constants let other requests share a step. So a line drawn once, whose
/// height is [taken anew](Self::retake) where the constants have come to lie, serves for any fit: of
/// everything, or of the rows that a cross-validation keeps.
#[derive(Clone, Debug)]
pub struct Response {
    key: EngineKey,
    at: [f64; 16],
    lines: Vec<Line>,
}

/// One figure.
#[derive(Clone, Debug)]
struct Line {
    metric: Metric,
    weight: f64,
    measured: f64,
    predicted: f64,
    /// What one more of each constant adds.
    slopes: [f64; 16],
}

impl Response {
    /// Of a case at the usual constants, with a prediction for each of them. `None` where there
    /// is none, or nothing that a fit weighs.
    pub fn of(case: &Case<'_>, catalog: &Catalog, effort: Effort) -> Option<Self> {
        let efficiency = catalog.efficiency(case.family())?;
        Self::drawn(case, efficiency, &usual(), effort)
    }

    /// The same at other constants.
    pub(super) fn drawn(
        case: &Case<'_>,
        efficiency: &Efficiency,
        at: &Overheads,
        effort: Effort,
    ) -> Option<Self> {
        let key = engine_key(case);
        let start = allowed(at.values());
        let predicted = |values: [f64; 16]| predicted_at(case, &key, values, efficiency, effort);
        let here = predicted(start)?;
        let beside: Option<Vec<_>> = (0..start.len())
            .map(|constant| {
                let mut moved = start;
                moved[constant] *= 1.0 + STEP;
                predicted(moved)
            })
            .collect();
        let beside = beside?;
        let lines = weighed(case.measured()).filter_map(|(metric, weight, measured)| {
            let base = find(&here, metric)?;
            let slope = |constant: usize| {
                find(&beside[constant], metric)
                    .map_or(0.0, |p| (p - base) / (STEP * start[constant]))
            };
            let slopes = std::array::from_fn(slope);
            Some(Line { metric, weight, measured, predicted: base, slopes })
        });
        let lines: Vec<Line> = lines.filter(|line| line.predicted > 0.0).collect();
        (!lines.is_empty()).then_some(Self { key, at: start, lines })
    }

    /// Chip family and constants it answers to.
    pub const fn key(&self) -> &EngineKey {
        &self.key
    }

    /// Draws its lines through what is predicted with `constants`.
    pub fn retake(
        &mut self,
        case: &Case<'_>,
        constants: &Overheads,
        catalog: &Catalog,
        effort: Effort,
    ) {
        if let Some(efficiency) = catalog.efficiency(&self.key.0) {
            self.retaken(case, efficiency, constants, effort);
        }
    }

    /// The same with the surfaces of `efficiency`.
    pub(super) fn retaken(
        &mut self,
        case: &Case<'_>,
        efficiency: &Efficiency,
        constants: &Overheads,
        effort: Effort,
    ) {
        let values = constants.values();
        let Some(here) = predicted_at(case, &self.key, values, efficiency, effort) else { return };
        if self.lines.iter().all(|line| find(&here, line.metric).is_some_and(|p| p > 0.0)) {
            self.at = values;
            for line in &mut self.lines {
                line.predicted = find(&here, line.metric).unwrap_or(line.predicted);
            }
        }
    }

    /// Weighted logarithms of predicted over measured with constants of these values.
    pub(super) fn misses(&self, values: &[f64; 16], out: &mut Vec<f64>) {
        for line in &self.lines {
            let moved: f64 = (0..16)
                .map(|constant| line.slopes[constant] * (values[constant] - self.at[constant]))
                .sum();
            let predicted = (line.predicted + moved).max(LEAST * line.predicted);
            out.push(line.weight * libm::log(predicted / line.measured));
        }
    }
}

fn predicted_at(
    case: &Case<'_>,
    key: &EngineKey,
    values: [f64; 16],
    efficiency: &Efficiency,
    effort: Effort,
) -> Option<Vec<(Metric, f64)>> {
    let mut efficiency = efficiency.clone();
    efficiency.overheads.insert(key.1.clone(), Overheads::from_values(values));
    predict(case, &efficiency, effort).ok()
}

fn find(predicted: &[(Metric, f64)], metric: Metric) -> Option<f64> {
    predicted.iter().find(|(other, _)| *other == metric).map(|(_, value)| *value)
}
