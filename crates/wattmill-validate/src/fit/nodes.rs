//! What nodes draw besides their packages at work: constants from measured node power.

use std::collections::BTreeMap;

use wattmill_catalog::Efficiency;
use wattmill_units::Power;

use super::least_squares::least_squares;
use crate::engine::Effort;
use crate::evaluate::{Case, predict};
use crate::outcome::Metric;

/// Difference for derivatives, of a logarithm.
const STEP: f64 = 0.02;
/// What a constant that is e times its start counts as, in misses of one system.
const PRIOR: f64 = 0.03;
/// Where every fit starts: a host of 2 kW for eight packages.
const START: NodeConstants = NodeConstants { exposed: 0.3, node: Power::from_watts(250.0) };

/// Constants of nodes, as in [`Efficiency`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeConstants {
    /// [`Efficiency::power_exposed`].
    pub exposed: f64,
    /// [`Efficiency::power_node`].
    pub node: Power,
}

/// Measured and predicted power of one node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeMiss {
    /// Which of its figures: [`Metric::NodePower`] or [`Metric::NodePowerP95`].
    pub metric: Metric,
    /// Whether the row counts towards the headline.
    pub headline: bool,
    /// Predicted over measured, minus 1.
    pub error: f64,
}

impl NodeConstants {
    fn from_logarithms(x: &[f64]) -> Self {
        let at = |i: usize| libm::exp(x[i].clamp(-3.0, 3.0));
        Self { exposed: (START.exposed * at(0)).min(1.0), node: START.node * at(1) }
    }

    /// `efficiency` with these constants.
    pub fn applied(&self, efficiency: &Efficiency) -> Efficiency {
        Efficiency { power_exposed: self.exposed, power_node: self.node, ..efficiency.clone() }
    }
}

/// Constants of `efficiency`'s family from the rows of `cases` that measured the power of nodes;
/// `None` where there are none. Every system and job counts once, however often it was measured.
/// Means of runs that are outside of the headline hold too much start-up to count.
pub fn fit_nodes(
    cases: &[Case<'_>],
    efficiency: &Efficiency,
    effort: Effort,
) -> Option<NodeConstants> {
    let mut systems: BTreeMap<_, Vec<&Case<'_>>> = BTreeMap::new();
    for case in measured(cases, &efficiency.family) {
        systems.entry(&case.measured().group).or_default().push(case);
    }
    if systems.is_empty() {
        return None;
    }
    let misses = |x: &[f64]| {
        let tried = NodeConstants::from_logarithms(x).applied(efficiency);
        let mut misses = Vec::new();
        for rows in systems.values() {
            let all: Vec<NodeMiss> =
                rows.iter().flat_map(|case| node_misses(case, &tried, effort)).collect();
            for metric in [Metric::NodePower, Metric::NodePowerP95] {
                let counts = |m: &&NodeMiss| {
                    m.metric == metric && (m.headline || metric == Metric::NodePowerP95)
                };
                let own: Vec<f64> =
                    all.iter().filter(counts).map(|m| libm::log1p(m.error)).collect();
                // As many misses whatever the constants.
                misses.push(own.iter().sum::<f64>() / own.len().max(1) as f64);
            }
        }
        misses.extend(x.iter().map(|x| x * PRIOR));
        misses
    };
    Some(NodeConstants::from_logarithms(&least_squares(&[0.0; 2], STEP, misses)))
}

/// Rows of a family that measured the power of whole nodes.
fn measured<'a, 'b>(
    cases: &'a [Case<'b>],
    family: &'a str,
) -> impl Iterator<Item = &'a Case<'b>> + 'a {
    let counts = move |case: &&'a Case<'b>| {
        matches!(case, Case::Power(_) | Case::TrainingPower(_)) && case.family() == family
    };
    cases.iter().filter(counts)
}

/// How far the power of a node is off by `efficiency`, figure by figure; none where it was not
/// measured or cannot be predicted.
pub fn node_misses(case: &Case<'_>, efficiency: &Efficiency, effort: Effort) -> Vec<NodeMiss> {
    let known = case.measured();
    let answer = predict(case, efficiency, effort).unwrap_or_default();
    let of_node = |metric: &Metric| matches!(metric, Metric::NodePower | Metric::NodePowerP95);
    let miss = |(metric, measured): &(Metric, f64)| {
        let (_, predicted) = answer.iter().find(|(name, _)| name == metric)?;
        let error = predicted / measured - 1.0;
        Some(NodeMiss { metric: *metric, headline: known.headline, error })
    };
    known.figures.iter().filter(|(metric, _)| of_node(metric)).filter_map(miss).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_stay_where_the_catalogue_takes_them() {
        assert_eq!(NodeConstants::from_logarithms(&[0.0; 2]), START);
        for x in [-1e9, 1e9] {
            let constants = NodeConstants::from_logarithms(&[x; 2]);
            assert!(constants.exposed > 0.0 && constants.exposed <= 1.0);
            assert!(constants.node > Power::ZERO && constants.node.as_watts() < 1e4);
        }
    }
}
