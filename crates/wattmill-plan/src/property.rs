//! What a site owns: machines, building and plant, and what makes energy; bought, refreshed, worn off.

use wattmill_factory::{Factory, Site};
use wattmill_units::{Id, Money, Seconds};

use crate::assets::{EnergyPlant, Estate, Parts};
use crate::build::Delivery;
use crate::calendar::Calendar;
use crate::result::Sums;
use crate::run::HOURS_PER_YEAR;

/// Units of a delivery that were paid for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Units {
    /// Ever bought.
    pub(crate) bought: f64,
    /// Of them, those that others took the place of.
    refreshed: f64,
}

/// What a site owns.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    machines: Estate,
    infrastructure: Estate,
    energy: EnergyPlant,
    /// What is left of the price of refreshed machines after their sale.
    gone: Money,
}

/// What some hours cost of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upkeep {
    /// Staff, spares, insurance, tax.
    pub(crate) operations: Money,
    /// Depreciation of machines.
    pub(crate) machines: Money,
    /// Of building and plant.
    pub(crate) infrastructure: Money,
    /// Of what makes energy.
    pub(crate) energy: Money,
}

impl Property {
    pub(crate) fn new(factory: &Factory, site: Id<Site>, calendar: Calendar) -> Self {
        Self {
            machines: Estate::new(&Parts::of_machines(&factory.economics)),
            infrastructure: Estate::new(&Parts::of_infrastructure(&factory.economics)),
            energy: EnergyPlant::of(&factory.sites[site], calendar),
            gone: Money::ZERO,
        }
    }

    /// Of every site.
    pub(crate) fn of_all(factory: &Factory, calendar: Calendar) -> Vec<Self> {
        factory.sites.ids().map(|site| Self::new(factory, site, calendar)).collect()
    }

    /// All that was bought, less what was sold.
    pub(crate) fn bought(&self) -> Money {
        self.machines.bought() + self.infrastructure.bought() + self.energy.bought()
    }

    /// Buys what came of a delivery until hour `at`, and sells what others took the place of; of the
    /// delivery so many units are `installed` and of these so many still `there`.
    pub(crate) fn install(
        &mut self,
        at: f64,
        (delivery, units): (&Delivery, &mut Units),
        unit_price: Money,
        (installed, there): (f64, f64),
        sums: &mut Sums,
    ) {
        if let Some(share) = delivery.resale {
            let gone = installed - there;
            let price = unit_price * (gone - units.refreshed);
            if price > Money::ZERO {
                units.refreshed = gone;
                let resale = price * share;
                // What they bring is so much less to be written off.
                self.machines.buy(at, -resale);
                self.gone += price - resale;
                sums.refreshed += price;
                sums.resale += resale;
            }
        }
        let new = installed - units.bought;
        if new <= 0.0 {
            return;
        }
        units.bought = installed;
        let (machines, infrastructure) = (unit_price * new, delivery.unit_infrastructure * new);
        self.machines.buy(at, machines);
        self.infrastructure.buy(at, infrastructure);
        sums.capital += machines + infrastructure;
        sums.machine_capital += machines;
    }

    /// Buys what makes energy and comes until hour `at`; interest is at `rate` a year.
    pub(crate) fn equip(&mut self, at: f64, rate: f64, sums: &mut Sums) {
        let (capital, yearly) = self.energy.arrive(at, rate);
        sums.capital += capital;
        sums.energy_capital += capital;
        sums.energy_yearly += yearly;
    }

    /// What `hours` hours from `at` on cost, with operations of this share of capital a year.
    pub(crate) fn keep(&mut self, at: f64, hours: u32, operations_per_year: f64) -> Upkeep {
        let capital = self.bought() - self.gone;
        Upkeep {
            operations: capital * (operations_per_year / HOURS_PER_YEAR * f64::from(hours)),
            machines: self.machines.depreciation(at, hours),
            infrastructure: self.infrastructure.depreciation(at, hours),
            energy: self.energy.depreciation(at, hours),
        }
    }

    /// What the parts of this life of machines have lost so far, and their share in the price.
    pub(crate) fn worn_machines(&self, life: Seconds) -> (Money, f64) {
        self.machines.worn(life)
    }

    /// The same of building and plant.
    pub(crate) fn worn_infrastructure(&self, life: Seconds) -> (Money, f64) {
        self.infrastructure.worn(life)
    }
}
