//! The least that a plan's energy could have cost: an optimiser beside the policy.
//!
//! For each site and window of days a linear programme dispatches the same draw with all prices and all
//! weather of the window known, the battery as full at its ends as the policy had it. What the policy did
//! is one of the ways the programme may choose, so that what it finds is never more. It is spared what
//! curtailment asked, and of a month's demand charge it pays the window's share: both make it cheaper, as
//! a lower bound may be.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use wattmill_factory::{Factory, Site};
use wattmill_units::{Energy, Id, Money, Power};

use crate::almanac::Almanac;
use crate::calendar::Calendar;
use crate::microgrid::{Microgrid, Offered};
use crate::result::Plan;

/// What was drawn at a site, hour by hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteHours {
    /// Facility power in each hour.
    pub draw: Vec<Power>,
    /// What its battery held before the first hour and after each.
    pub stored: Vec<Energy>,
}

/// What energy cost, and the least that it could have cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Days of a window.
    pub window_days: u32,
    /// Every site whose energy is more than firm sources at constant prices. Of the others the policy's
    /// cost is the least.
    pub sites: Vec<SiteBound>,
}

/// A site of a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteBound {
    /// Which.
    pub site: Id<Site>,
    /// What the policy's dispatch cost.
    pub policy: Money,
    /// Least that the same draw could have cost.
    pub least: Money,
}

/// Why there is no bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundError {
    /// A window of no days.
    #[error("a window has at least one day; write `--bound 1`")]
    Window,
    /// The solver gave up.
    #[error(
        "the solver found no dispatch of `{site}` from day {day} on; take a window of another length"
    )]
    Solver {
        /// Name of the site.
        site: String,
        /// Day of the plan.
        day: u32,
    },
}

/// The least that the energy of a `plan` of the factory could have cost, in windows of so many days.
///
/// # Errors
/// If a window has no day, or the solver gives up.
pub fn bound(factory: &Factory, plan: &Plan, window_days: u32) -> Result<Bound, BoundError> {
    if window_days == 0 {
        return Err(BoundError::Window);
    }
    let calendar = Calendar::new(factory.start, factory.end);
    let mut bound = Bound { window_days, sites: Vec::new() };
    let microgrids = Microgrid::of_all(factory, calendar, &Almanac::default());
    for ((site, hours), microgrid) in factory.sites.ids().zip(&plan.site_hours).zip(microgrids) {
        let Some(mut microgrid) = microgrid else { continue };
        let quarters = plan.quarters.iter().map(|q| q.sites[site.index()].sums.energy_cost);
        let mut of_site = SiteBound { site, policy: quarters.sum(), least: Money::ZERO };
        let mut day = 0;
        while day < calendar.days() {
            // A window ends with its month: the demand charge is the month's.
            let date = calendar.date(day);
            let left =
                u32::from(date.days_in_month().unsigned_abs() - date.day().unsigned_abs()) + 1;
            let days = window_days.min(left).min(calendar.days() - day);
            let window = Window { hours, first: day as usize * 24, count: days as usize * 24 };
            let share = f64::from(days) / f64::from(date.days_in_month());
            let least = window.least(&mut microgrid, share).ok_or_else(|| BoundError::Solver {
                site: factory.sites[site].name.clone(),
                day,
            })?;
            of_site.least += Money::from_usd(least);
            day += days;
        }
        bound.sites.push(of_site);
    }
    Ok(bound)
}

/// Some hours of a site.
struct Window<'a> {
    hours: &'a SiteHours,
    first: usize,
    count: usize,
}

impl Window<'_> {
    /// Least cost in dollars; powers in megawatts, energies in megawatt-hours.
    fn least(&self, microgrid: &mut Microgrid, share_of_month: f64) -> Option<f64> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let free = (0.0, f64::INFINITY);
        let demand = microgrid.demand_usd_per_kw() * 1e3 * share_of_month;
        let peak = (demand > 0.0).then(|| problem.add_var(demand, free));
        let stored = |hour: usize| self.hours.stored.get(hour).map_or(0.0, |e| e.as_mwh());
        let mut before: Option<Variable> = None;
        for hour in self.first..self.first + self.count {
            let at = hour as f64;
            let draw = self.hours.draw.get(hour).map_or(0.0, |draw| draw.as_mw());
            let Offered { sellers, renewables, battery, buyer } = microgrid.offered(at);
            let mut carried: Vec<(Variable, f64)> = Vec::new();
            let mut grid = Vec::new();
            for seller in &sellers {
                let price = seller.price.as_usd_per_mwh();
                let bought = problem.add_var(price, (0.0, seller.capacity.as_mw()));
                carried.push((bought, 1.0));
                if seller.grid {
                    grid.push((bought, 1.0));
                }
            }
            // As in the plan, what nobody can carry is bought of the dearest.
            if let Some(dearest) = sellers.last() {
                let short = draw - sellers.iter().map(|s| s.capacity.as_mw()).sum::<f64>();
                let beyond = problem.add_var(dearest.price.as_usd_per_mwh(), (0.0, short.max(0.0)));
                carried.push((beyond, 1.0));
                if dearest.grid {
                    grid.push((beyond, 1.0));
                }
            }
            // What is sold is the site's own: of sun, wind and battery.
            let mut own = Vec::new();
            for (power, price) in renewables {
                let used = problem.add_var(price.as_usd_per_mwh(), (0.0, power.as_mw()));
                carried.push((used, 1.0));
                own.push((used, -1.0));
            }
            if let Some(battery) = battery {
                // Its comings and goings of age are the policy's.
                let arrives = before.is_none() && hour == self.first;
                let most = (0.0, battery.power.as_mw());
                let (into, out) = (problem.add_var(0.0, most), problem.add_var(0.0, most));
                carried.extend([(into, -1.0), (out, 1.0)]);
                own.push((out, -1.0));
                let last = hour + 1 == self.first + self.count;
                let least = if last { stored(hour + 1) } else { 0.0 };
                let capacity = battery.energy.as_mwh().max(least);
                let after = problem.add_var(0.0, (least, capacity));
                let way = battery.one_way;
                let mut kept = vec![(after, 1.0), (into, -way), (out, 1.0 / way)];
                // What it brings with it on its first day is a gift to either.
                let brought = if battery.arrives { battery.brought.as_mwh() } else { 0.0 };
                let start = if arrives { stored(hour) } else { 0.0 } + brought;
                if let Some(before) = before {
                    kept.push((before, -1.0));
                }
                problem.add_constraint(kept, ComparisonOp::Le, start);
                before = Some(after);
            }
            if buyer.most > Power::ZERO && !own.is_empty() {
                let most = (0.0, buyer.most.as_mw());
                let sold = problem.add_var(-buyer.pays.as_usd_per_mwh(), most);
                carried.push((sold, -1.0));
                own.push((sold, 1.0));
                problem.add_constraint(own, ComparisonOp::Le, 0.0);
            }
            if carried.is_empty() {
                continue;
            }
            if let (Some(peak), false) = (peak, grid.is_empty()) {
                let mut below = grid;
                below.push((peak, -1.0));
                problem.add_constraint(below, ComparisonOp::Le, 0.0);
            }
            problem.add_constraint(carried, ComparisonOp::Eq, draw);
        }
        let solved = problem.solve().ok()?;
        let optimal = solved.is_optimal();
        solved.solution().filter(|_| optimal).map(|solution| solution.objective())
    }
}
