//! What chip families draw: constants of the power model from measured power.

use wattmill_catalog::{Catalog, Efficiency};

use super::folds::{FOLDS, folds};
use super::least_squares::least_squares;
use crate::engine::Effort;
use crate::evaluate::{Case, predict};
use crate::outcome::Metric;

/// Rows that a fit takes at most, of more every so many.
const MOST_ROWS: usize = 160;
/// Rows without which there is no fit.
const FEWEST_ROWS: usize = 12;
/// Difference for derivatives, of a logarithm.
const STEP: f64 = 0.02;
/// What a constant that is e times its start counts as, in misses of one row: decides what the rows
/// leave open and nothing else.
const PRIOR: f64 = 0.3;

/// Constants of the power model, as in [`Efficiency`]; idle power is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerConstants {
    /// [`Efficiency::power_compute`].
    pub compute: f64,
    /// [`Efficiency::power_memory`].
    pub memory: f64,
    /// [`Efficiency::power_link`].
    pub link: f64,
    /// [`Efficiency::power_active`].
    pub active: f64,
    /// [`Efficiency::power_waiting`].
    pub waiting: f64,
    /// [`Efficiency::power_sequence`].
    pub sequence: f64,
}

/// Where every fit starts: arithmetic alone passes the limit, memory alone stays below.
const START: PowerConstants = PowerConstants {
    compute: 2.0,
    memory: 0.8,
    link: 1.0,
    active: 0.1,
    waiting: 0.2,
    sequence: 0.5,
};

impl PowerConstants {
    /// Names in the catalogue, with values.
    pub const fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("power_compute", self.compute),
            ("power_memory", self.memory),
            ("power_link", self.link),
            ("power_active", self.active),
            ("power_waiting", self.waiting),
            ("power_sequence", self.sequence),
        ]
    }

    /// As logarithms over [`START`]; shares end at 1.
    fn from_logarithms(x: &[f64]) -> Self {
        let at = |i: usize| libm::exp(x[i].clamp(-4.0, 3.0));
        Self {
            compute: (START.compute * at(0)).min(10.0),
            memory: (START.memory * at(1)).min(10.0),
            link: (START.link * at(2)).min(10.0),
            active: (START.active * at(3)).min(1.0),
            waiting: (START.waiting * at(4)).min(1.0),
            sequence: (START.sequence * at(5)).min(1.0),
        }
    }

    /// `efficiency` with these constants.
    pub fn applied(&self, efficiency: &Efficiency) -> Efficiency {
        Efficiency {
            power_compute: self.compute,
            power_memory: self.memory,
            power_link: self.link,
            power_active: self.active,
            power_waiting: self.waiting,
            power_sequence: self.sequence,
            ..efficiency.clone()
        }
    }
}

/// Measured and predicted power of one row, W of one accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerMiss {
    /// As published.
    pub measured: f64,
    /// As predicted.
    pub predicted: f64,
    /// Predicted, had its steps taken as long as measured ones.
    pub in_time: f64,
    /// Energy of a token, predicted over measured, where it was measured.
    pub energy: Option<f64>,
}

/// Constants of `family` from the rows of `cases` that measured the power of its accelerators; `None`
/// where there are too few. Rows whose steps take longer than predicted are taken to have waited for
/// the rest, so that a wrong time does not become a wrong power.
pub fn fit_power(
    cases: &[&Case<'_>],
    efficiency: &Efficiency,
    effort: Effort,
) -> Option<PowerConstants> {
    let own: Vec<&Case<'_>> = measured(cases, &efficiency.family).collect();
    if own.len() < FEWEST_ROWS {
        return None;
    }
    let picked: Vec<&Case<'_>> =
        own.iter().step_by(own.len().div_ceil(MOST_ROWS)).copied().collect();
    let misses = |x: &[f64]| {
        let tried = PowerConstants::from_logarithms(x).applied(efficiency);
        let one = |case: &&Case<'_>| match power_miss(case, &tried, effort) {
            Some(miss) => libm::log(miss.in_time / miss.measured),
            None => 0.0,
        };
        let rows = picked.iter().map(one);
        rows.chain(x.iter().map(|x| x * PRIOR)).collect()
    };
    Some(PowerConstants::from_logarithms(&least_squares(&[0.0; 6], STEP, misses)))
}

/// Rows of a family that measured accelerators' power and count.
fn measured<'a, 'b: 'a>(
    cases: &'a [&'b Case<'b>],
    family: &'a str,
) -> impl Iterator<Item = &'b Case<'b>> + 'a {
    let counts = move |case: &&'b Case<'b>| {
        let measured = case.measured();
        let power = measured.figures.iter().any(|(metric, _)| *metric == Metric::AcceleratorPower);
        measured.headline && power && case.family() == family
    };
    cases.iter().copied().filter(counts)
}

/// Power of one row by `efficiency`; `None` where it measured none or cannot be predicted.
pub fn power_miss(case: &Case<'_>, efficiency: &Efficiency, effort: Effort) -> Option<PowerMiss> {
    let of = |figures: &[(Metric, f64)], metric: Metric| {
        figures.iter().find(|(name, _)| *name == metric).map(|(_, value)| *value)
    };
    let known = &case.measured().figures;
    let measured = of(known, Metric::AcceleratorPower)?;
    let answer = predict(case, efficiency, effort).ok()?;
    let predicted = of(&answer, Metric::AcceleratorPower)?;
    let limit = case.accelerator_limit()?.as_watts();
    let idle = limit * efficiency.idle_fraction;
    let ratio = |metric| Some(of(&answer, metric)? / of(known, metric)?);
    let slower = ratio(Metric::OutputRate).or_else(|| ratio(Metric::StepTime).map(|r| 1.0 / r));
    // Share of the time in which there is work.
    let busy = 1.0 / slower.unwrap_or(1.0).max(1.0);
    let waiting = (limit - idle) * efficiency.power_waiting;
    let in_time = idle + (predicted - idle) * busy + waiting * (1.0 - busy);
    Some(PowerMiss { measured, predicted, in_time, energy: ratio(Metric::EnergyPerToken) })
}

/// Every counting row of a family predicted with constants that were fitted without its model: five
/// folds of models.
pub fn cross_validate_power(
    cases: &[Case<'_>],
    family: &str,
    catalog: &Catalog,
    effort: Effort,
) -> Vec<PowerMiss> {
    let Some(efficiency) = catalog.efficiency(family) else { return Vec::new() };
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let own: Vec<&Case<'_>> = measured(&all, family).collect();
    let of = folds(own.iter().map(|case| case.measured().group.model.clone()));
    let mut found = Vec::new();
    for fold in 0..FOLDS {
        let (left, kept): (Vec<&Case<'_>>, Vec<_>) =
            own.iter().partition(|c| of.get(&c.measured().group.model) == Some(&fold));
        let Some(constants) = fit_power(&kept, efficiency, effort) else { continue };
        let fitted = constants.applied(efficiency);
        found.extend(left.into_iter().filter_map(|case| power_miss(case, &fitted, effort)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_stay_where_the_catalogue_takes_them() {
        assert_eq!(PowerConstants::from_logarithms(&[0.0; 6]), START);
        for x in [-1e9, -1.0, 1.0, 1e9] {
            let constants = PowerConstants::from_logarithms(&[x; 6]);
            for (name, value) in constants.named() {
                let most = if matches!(name, "power_active" | "power_waiting" | "power_sequence") {
                    1.0
                } else {
                    10.0
                };
                assert!(value > 0.0 && value <= most, "{name} {value}");
            }
        }
    }
}
