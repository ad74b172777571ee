//! How far measurements were from answers of a kind: the error bars of a deployment and of a plan.

use wattmill_catalog::{Catalog, Interval};
use wattmill_factory::Factory;
use wattmill_perf::Deployment;
use wattmill_plan::{Engine, Plan, Pool, Sums, Zoom};
use wattmill_report::{EngineBars, PlanBars, ServingBars};
use wattmill_units::Power;
pub use wattmill_validate::Load;
use wattmill_validate::Metric;
pub(crate) use wattmill_validate::{deployment_cap, error_bar};

/// The error bars of what `deployment` answers under `load`: from measurements of its chip family
/// and engine where every operator of its steps lies within what was measured, wider where not.
///
/// ```
/// use wattmill::catalog::{Catalog, Precision};
/// use wattmill::factory::{EngineSpec, Layout};
/// use wattmill::perf::Deployment;
/// use wattmill::{Load, serving_bars};
/// let catalog = Catalog::builtin();
/// let accelerator = catalog.accelerator("h100-sxm").unwrap();
/// let deployment = Deployment {
///     model: catalog.model("llama-3.1-70b").unwrap(),
///     accelerator,
///     efficiency: catalog.efficiency(&accelerator.family).unwrap(),
///     spec: EngineSpec::new(Layout::tensor(4), Precision::Fp8),
///     accelerators_per_domain: 8,
/// };
/// let load = Load { batch: 32.0, input: 1000.0, output: 250.0 };
/// let tpot = serving_bars(catalog, &deployment, load).tpot.unwrap();
/// assert!(tpot.inside && tpot.low < 1.0 && tpot.high > 1.0);
/// ```
pub fn serving_bars(catalog: &Catalog, deployment: &Deployment<'_>, load: Load) -> ServingBars {
    let inside = load.is_measured(deployment);
    let bar = |metric| error_bar(catalog, deployment, metric, inside);
    ServingBars {
        ttft: bar(Metric::Ttft),
        tpot: bar(Metric::Tpot),
        throughput: bar(Metric::OutputRate),
        energy: bar(Metric::EnergyPerToken),
        power: bar(Metric::AcceleratorPower),
    }
}

/// The interval of a `power` that is at most `most`, however far off the model is.
pub(crate) fn at_most(bar: Interval, power: Power, most: Option<Power>) -> Interval {
    let most = most.map_or(f64::INFINITY, |most| (most / power).max(1.0));
    let [low, median, high] = [bar.low, bar.median, bar.high].map(|factor| factor.min(most));
    Interval { low, median, high, ..bar }
}

/// The error bars of every pool of a window, in their order.
pub fn zoom_bars(factory: &Factory, catalog: &Catalog, zoom: &Zoom) -> Vec<ServingBars> {
    let of = |pool: &Pool| {
        let model = &factory.services[pool.service].model;
        let load = Load::of(&pool.summary)?;
        // It was compiled before, when it was simulated.
        let engine =
            Engine::new(model, &factory.hardware[pool.hardware], catalog, pool.spec).ok()?;
        Some(serving_bars(catalog, &engine.deployment, load))
    };
    zoom.pools.iter().map(|pool| of(pool).unwrap_or_default()).collect()
}

/// What measurements make of `plan`: the intervals of every engine that serves, and of the plan
/// where all of them err in the same direction at once.
///
/// Energy of a token scales everything that is paid for energy, tokens that could be served
/// scale everything that is paid.
pub fn plan_bars(factory: &Factory, catalog: &Catalog, plan: &Plan) -> PlanBars {
    let mut engines = Vec::new();
    for offer in &plan.offers {
        let Some(point) = offer.point() else { continue };
        let (service, hardware) =
            (&factory.services[offer.service], &factory.hardware[offer.hardware]);
        let lengths = &service.traffic.lengths;
        let load =
            Load { batch: point.batch, input: lengths.input.mean(), output: lengths.output.mean() };
        // It was compiled before, when it was probed.
        let engine = Engine::new(&service.model, hardware, catalog, point.spec);
        let bars = engine.map(|engine| serving_bars(catalog, &engine.deployment, load));
        engines.push(EngineBars {
            system: hardware.system.id.clone(),
            service: service.name.clone(),
            engine: point.spec.flavour.name(),
            bars: bars.unwrap_or_default(),
        });
    }
    let throughput = widest(engines.iter().map(|e| e.bars.throughput), f64::min);
    let energy = widest(engines.iter().map(|e| e.bars.energy), f64::max);
    let mut total = Sums::default();
    plan.quarters.iter().for_each(|quarter| total.add(&quarter.total()));
    let last = plan.quarters.last().map(|quarter| quarter.total()).unwrap_or_default();
    let cost_per_million = match (throughput, energy, total.cost_per_million_tokens()) {
        (Some(throughput), Some(energy), Some(cost)) => {
            let full = total.full_cost().as_usd();
            let share = if full > 0.0 { total.energy_cost.as_usd() / full } else { 0.0 };
            let ends = cost_factors(share, &throughput, &energy).map(|factor| cost * factor);
            Some((cost, ends))
        }
        _ => None,
    };
    PlanBars {
        throughput,
        energy,
        capacity_tokens_per_day: last.capacity_tokens_per_day,
        cost_per_million,
        engines,
    }
}

/// Between which shares of what was answered measurements would put the cost of a token, of which
/// `share` is for energy: that rises with the energy of a token, the rest as fewer tokens are made.
pub(crate) fn cost_factors(share: f64, throughput: &Interval, energy: &Interval) -> [f64; 2] {
    [(throughput.high, energy.low), (throughput.low, energy.high)]
        .map(|(tokens, energy)| (1.0 - share) / tokens + share * energy)
}

/// The interval that holds all of `intervals`, with the median that is `worse`, the fewest rows, and
/// inside only if all are; `None` where one is missing or there are none.
pub(crate) fn widest(
    intervals: impl Iterator<Item = Option<Interval>>,
    worse: fn(f64, f64) -> f64,
) -> Option<Interval> {
    let all: Option<Vec<Interval>> = intervals.collect();
    all?.into_iter().reduce(|a, b| Interval {
        low: a.low.min(b.low),
        median: worse(a.median, b.median),
        high: a.high.max(b.high),
        rows: a.rows.min(b.rows),
        inside: a.inside && b.inside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Interval = Interval { low: 0.9, median: 1.0, high: 1.1, rows: 90, inside: true };

    #[test]
    fn engines_err_together() {
        let other = Interval { low: 0.95, median: 0.98, high: 1.4, rows: 30, inside: false };
        let both = widest([Some(ONE), Some(other)].into_iter(), f64::min);
        let expected = Interval { low: 0.9, median: 0.98, high: 1.4, rows: 30, inside: false };
        assert_eq!(both, Some(expected));
        assert_eq!(widest([Some(ONE), None].into_iter(), f64::min), None);
        assert_eq!(widest([].into_iter(), f64::min), None);
    }

    #[test]
    fn cost_rises_where_fewer_tokens_take_more_energy() {
        let [low, high] = cost_factors(0.25, &ONE, &ONE);
        assert!((low - (0.75 / 1.1 + 0.25 * 0.9)).abs() < 1e-12);
        assert!((high - (0.75 / 0.9 + 0.25 * 1.1)).abs() < 1e-12);
    }

    #[test]
    fn no_chip_draws_more_than_it_may() {
        let watts = Power::from_watts;
        let bar = at_most(ONE, watts(680.0), Some(watts(700.0)));
        assert_eq!((bar.low, bar.median), (0.9, 1.0));
        assert!((bar.high - 700.0 / 680.0).abs() < 1e-12);
        assert_eq!(at_most(ONE, watts(680.0), None), ONE);
    }
}
