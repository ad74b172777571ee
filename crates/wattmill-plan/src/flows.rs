//! What energy comes from where, what it passes through, and what is asked of it.

use wattmill_factory::Answer;
use wattmill_policy::BatteryUse;
use wattmill_units::{Energy, Money, Power};

use crate::microgrid::HourPower;

/// Energy of one or more sites over a time, at the meter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EnergyFlows {
    /// Bought from the grid.
    pub grid: Energy,
    /// Of generators on the sites.
    pub generators: Energy,
    /// Of the sun, as far as it was used.
    pub solar: Energy,
    /// Of the wind, as far as it was used.
    pub wind: Energy,
    /// Of sun and wind, what nobody took.
    pub curtailed: Energy,
    /// Of sun, wind and batteries, what the grid bought.
    pub sold: Energy,
    /// What batteries took.
    pub charged: Energy,
    /// What batteries gave, by [`BatteryUse::ALL`].
    pub discharged: [Energy; BatteryUse::ALL.len()],
    /// What batteries held when they came.
    pub brought: Energy,
    /// What batteries lost, in and out and as they aged.
    pub lost: Energy,
    /// What batteries hold more than before, less than before if negative.
    pub stored: Energy,
    /// What was not to be drawn from the grid in hours of curtailment.
    pub asked: Energy,
    /// What answered to that, by [`Answer::ALL`].
    pub answered: [Energy; Answer::ALL.len()],
    /// What was drawn although it was not to be.
    pub unanswered: Energy,
    /// What machines would have drawn more if there had been power for all that are oversubscribed.
    pub held_back: Energy,
    /// Accelerator-hours throttled, paused or turned away for curtailment and oversubscription.
    pub throttled_hours: f64,
    /// Site-hours in which that was so.
    pub throttled_site_hours: f64,
    /// Of the energy cost, what is charged for the highest hour of each month.
    pub demand_charges: Money,
    /// What the grid paid for what it bought; the energy cost is less by it.
    pub sales: Money,
    /// Litres of water.
    pub water_l: f64,
}

impl EnergyFlows {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.grid += other.grid;
        self.generators += other.generators;
        self.solar += other.solar;
        self.wind += other.wind;
        self.curtailed += other.curtailed;
        self.sold += other.sold;
        self.charged += other.charged;
        self.brought += other.brought;
        self.lost += other.lost;
        self.stored += other.stored;
        self.asked += other.asked;
        self.unanswered += other.unanswered;
        self.held_back += other.held_back;
        self.throttled_hours += other.throttled_hours;
        self.throttled_site_hours += other.throttled_site_hours;
        self.demand_charges += other.demand_charges;
        self.sales += other.sales;
        self.water_l += other.water_l;
        let all = |sums: &mut [Energy], others: &[Energy]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += *other);
        };
        all(&mut self.discharged, &other.discharged);
        all(&mut self.answered, &other.answered);
    }

    /// What batteries gave.
    pub fn given(&self) -> Energy {
        self.discharged.iter().sum()
    }

    /// Of sun and wind, what came at all.
    pub fn renewable(&self) -> Energy {
        self.solar + self.wind + self.curtailed
    }

    /// Every figure, for the answer hash.
    pub(crate) fn values(&self) -> Vec<f64> {
        let energies = [
            self.grid,
            self.generators,
            self.solar,
            self.wind,
            self.curtailed,
            self.charged,
            self.brought,
            self.lost,
            self.stored,
            self.asked,
            self.unanswered,
            self.held_back,
        ];
        let lists = self.discharged.iter().chain(&self.answered);
        let energies = energies.iter().chain(lists).map(|energy| energy.as_joules());
        let others = [
            self.throttled_hours,
            self.throttled_site_hours,
            self.demand_charges.as_usd(),
            self.water_l,
        ];
        // What sells nothing is what it was before anything could be sold.
        let sold =
            (self.sold != Energy::ZERO).then(|| [self.sold.as_joules(), self.sales.as_usd()]);
        energies.chain(others).chain(sold.into_iter().flatten()).collect()
    }

    /// Whether there is more to tell than of grid and generators.
    pub fn has_more(&self) -> bool {
        let plain = Self { grid: self.grid, generators: self.generators, ..Self::default() };
        *self != plain
    }
}

/// An hour of all sites: where its power came from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HourMix {
    /// Of the grid, MW.
    pub grid_mw: f32,
    /// Of generators, MW.
    pub generators_mw: f32,
    /// Of the sun, as far as it was used, MW.
    pub solar_mw: f32,
    /// Of the wind, as far as it was used, MW.
    pub wind_mw: f32,
    /// Of batteries, MW.
    pub discharged_mw: f32,
    /// Into batteries, MW.
    pub charged_mw: f32,
    /// Of sun and wind, what nobody took, MW.
    pub curtailed_mw: f32,
    /// Of sun, wind and batteries, what the grid bought, MW.
    pub sold_mw: f32,
    /// What batteries hold at the end of it, MWh.
    pub stored_mwh: f32,
    /// What was not to be drawn from the grid, MW.
    pub asked_mw: f32,
}

impl HourMix {
    /// Adds what a microgrid did.
    pub(crate) fn put(&mut self, now: &HourPower, stored: Energy) {
        self.put_firm(now.grid, now.generators);
        self.solar_mw += now.solar.as_mw() as f32;
        self.wind_mw += now.wind.as_mw() as f32;
        self.discharged_mw += now.discharged.as_mw() as f32;
        self.charged_mw += now.charged.as_mw() as f32;
        self.curtailed_mw += now.curtailed.as_mw() as f32;
        self.asked_mw += now.asked.as_mw() as f32;
        self.sold_mw += now.sold.as_mw() as f32;
        self.stored_mwh += stored.as_mwh() as f32;
    }

    /// Adds what a site of firm sources alone bought.
    pub(crate) fn put_firm(&mut self, grid: Power, generators: Power) {
        self.grid_mw += grid.as_mw() as f32;
        self.generators_mw += generators.as_mw() as f32;
    }
}
