//! What a site owns: machines, building and plant, and what makes energy; bought, worn off, taken out.

use wattmill_factory::{Economics, Factory, Site};
use wattmill_units::{Id, Money, Seconds};

use crate::assets::{EnergyPlant, Estate, Parts, Purchase, Stay};
use crate::build::Delivery;
use crate::calendar::Calendar;
use crate::result::Sums;
use crate::run::HOURS_PER_YEAR;

/// Units of a delivery, as far as they came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units {
    /// Units that came until now.
    came: f64,
    /// Of them, those that were taken out.
    gone: f64,
    /// Units paid for: what was taken out before the plan is none of its.
    pub(crate) bought: f64,
    /// What a dollar of them costs in a year.
    yearly: f64,
}

/// What a site owns.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    machines: Estate,
    infrastructure: Estate,
    energy: EnergyPlant,
    /// Price of the machines that were taken out.
    gone: Money,
    /// What they were sold for.
    resold: Money,
    /// What a dollar of infrastructure costs in a year.
    infrastructure_yearly: f64,
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

/// Of each delivery, nothing of which is paid for yet.
pub(crate) fn unpaid(
    property: &[Property],
    deliveries: &[Delivery],
    economics: &Economics,
) -> Vec<Units> {
    let of = |delivery: &Delivery| {
        let machines = &property[delivery.site.index()].machines;
        let yearly = machines.yearly(delivery.stay(), economics.discount_per_year);
        Units { came: 0.0, gone: delivery.retired(0.0), bought: 0.0, yearly }
    };
    deliveries.iter().map(of).collect()
}

impl Property {
    pub(crate) fn new(factory: &Factory, site: Id<Site>, calendar: Calendar) -> Self {
        let economics = &factory.economics;
        let infrastructure = Estate::new(&Parts::of_infrastructure(economics));
        Self {
            machines: Estate::new(&Parts::of_machines(economics)),
            infrastructure_yearly: infrastructure
                .yearly(Stay::FOR_LIFE, economics.discount_per_year),
            infrastructure,
            energy: EnergyPlant::of(&factory.sites[site], calendar),
            gone: Money::ZERO,
            resold: Money::ZERO,
        }
    }

    /// Of every site.
    pub(crate) fn of_all(factory: &Factory, calendar: Calendar) -> Vec<Self> {
        factory.sites.ids().map(|site| Self::new(factory, site, calendar)).collect()
    }

    /// All that was bought.
    fn bought(&self) -> Money {
        self.machines.bought() + self.infrastructure.bought() + self.energy.bought()
    }

    /// All that was bought, less what was sold.
    pub(crate) fn net(&self) -> Money {
        self.bought() - self.resold
    }

    /// Buys what came of a delivery until hour `at`, and takes out what has been there for its time; of
    /// the delivery so many units are `installed` and of these so many still `there`.
    pub(crate) fn install(
        &mut self,
        at: f64,
        (delivery, units): (&Delivery, &mut Units),
        unit_price: Money,
        (installed, there): (f64, f64),
        sums: &mut Sums,
    ) {
        let gone = installed - there - units.gone;
        if gone > 0.0 {
            units.gone += gone;
            let price = unit_price * gone;
            let resale = price * delivery.stay().resale;
            self.gone += price;
            self.resold += resale;
            sums.resale += resale;
            sums.yearly -= price * units.yearly;
        }
        if installed <= units.came {
            return;
        }
        if at == 0.0 {
            // What stands by then came day by day.
            let first = (delivery.first_hour / 24.0).floor().min(0.0) as i64;
            for day in first..0 {
                let at = day as f64 * 24.0;
                let new = delivery.installed(at) - units.came;
                self.buy(at, (delivery, units), unit_price, new, sums);
            }
        }
        let new = installed - units.came;
        self.buy(at, (delivery, units), unit_price, new, sums);
    }

    fn buy(
        &mut self,
        at: f64,
        (delivery, units): (&Delivery, &mut Units),
        unit_price: Money,
        new: f64,
        sums: &mut Sums,
    ) {
        if new <= 0.0 {
            return;
        }
        // Machines that were taken out before the plan are none of its; what they stood in is.
        let paid = (units.came + new - units.gone).clamp(0.0, new);
        units.came += new;
        units.bought += paid;
        let (machines, infrastructure) = (unit_price * paid, delivery.unit_infrastructure * new);
        let stay = delivery.stay();
        sums.lost_before += self.machines.buy(Purchase { at, price: machines, stay });
        let stay = Stay::FOR_LIFE;
        sums.lost_before += self.infrastructure.buy(Purchase { at, price: infrastructure, stay });
        sums.capital += machines + infrastructure;
        sums.machine_capital += machines;
        sums.yearly += machines * units.yearly + infrastructure * self.infrastructure_yearly;
    }

    /// Buys what makes energy and comes until hour `at`; interest is at `rate` a year.
    pub(crate) fn equip(&mut self, at: f64, rate: f64, sums: &mut Sums) {
        self.energy.arrive(at, rate, sums);
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
