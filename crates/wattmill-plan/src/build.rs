//! What stands where, hour by hour: phases ramp up, the site's power decides how much of it runs.

use wattmill_factory::{Factory, Hardware, Phase, PowerBasis, Site};
use wattmill_units::{EnergyPrice, Id, Power};

use crate::calendar::{Calendar, hours};
use crate::supply::Supply;

/// One phase on the plan's clock.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) phase: Id<Phase>,
    pub(crate) site: Id<Site>,
    /// Units when complete.
    pub(crate) units: f64,
    /// Facility power of one unit at design PUE.
    pub(crate) unit_facility: Power,
    /// First rack, the median slip included, in hours of the plan.
    pub(crate) first_hour: f64,
    /// Last rack.
    pub(crate) last_hour: f64,
}

impl Delivery {
    /// Whole units installed at `hour`.
    pub(crate) fn installed(&self, hour: f64) -> f64 {
        if hour >= self.last_hour {
            return self.units;
        }
        if hour < self.first_hour {
            return 0.0;
        }
        let done = (hour - self.first_hour) / (self.last_hour - self.first_hour);
        (self.units * done).floor()
    }
}

/// Whole units that the phase's power makes.
pub(crate) fn units_of(factory: &Factory, phase: &Phase) -> f64 {
    let it = match phase.basis {
        PowerBasis::It => phase.power,
        PowerBasis::Facility => phase.power / factory.sites[phase.site].pue.design,
    };
    // A power that is a whole number of units to rounding error is that many.
    (it / phase.unit_power + 1e-9).floor()
}

/// Accelerators of one kind of machine when every phase is complete.
pub(crate) fn accelerators_of(factory: &Factory, hardware: Id<Hardware>) -> f64 {
    let phases = factory.phases.iter().filter(|phase| phase.hardware == hardware);
    let units: f64 = phases.map(|phase| units_of(factory, phase)).sum();
    units * f64::from(factory.hardware[hardware].system.accelerators)
}

/// Most accelerators of one kind of machine that ever stand at one site.
pub(crate) fn most_at_a_site(factory: &Factory, hardware: Id<Hardware>) -> f64 {
    let at = |site: Id<Site>| -> f64 {
        let here = |phase: &&Phase| phase.hardware == hardware && phase.site == site;
        factory.phases.iter().filter(here).map(|phase| units_of(factory, phase)).sum()
    };
    let most = factory.sites.ids().map(at).fold(0.0, f64::max);
    most * f64::from(factory.hardware[hardware].system.accelerators)
}

/// Every phase of the factory on the plan's clock.
pub(crate) fn deliveries(factory: &Factory, calendar: Calendar) -> Vec<Delivery> {
    factory
        .phases
        .enumerate()
        .map(|(id, phase)| {
            let slip = phase.slip.map_or(0.0, |slip| hours(slip.p50));
            let first_hour = calendar.hour_of(phase.first_rack) + slip;
            Delivery {
                phase: id,
                site: phase.site,
                units: units_of(factory, phase),
                unit_facility: phase.unit_power * factory.sites[phase.site].pue.design,
                first_hour,
                last_hour: first_hour + hours(phase.ramp),
            }
        })
        .collect()
}

/// What stands and what runs at an hour.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Units installed, by delivery.
    pub(crate) installed: Vec<f64>,
    /// Units that run, by delivery: what the site's power carries, earlier phases first.
    pub(crate) running: Vec<f64>,
    /// Facility power available, by site.
    pub(crate) available: Vec<Power>,
    /// Of it, what running units leave, by site.
    pub(crate) left: Vec<Power>,
    /// Price of the cheapest energy there is, by site.
    pub(crate) cheapest: Vec<Option<EnergyPrice>>,
}

impl Standing {
    /// At `hour` of the plan; `supplies` by site.
    pub(crate) fn at(supplies: &[Supply], deliveries: &[Delivery], hour: f64) -> Self {
        let available: Vec<Power> = supplies.iter().map(|supply| supply.power(hour)).collect();
        let mut standing = Self {
            installed: Vec::with_capacity(deliveries.len()),
            running: Vec::with_capacity(deliveries.len()),
            left: available.clone(),
            available,
            cheapest: supplies.iter().map(|supply| supply.cheapest(hour)).collect(),
        };
        for delivery in deliveries {
            let left = &mut standing.left[delivery.site.index()];
            let installed = delivery.installed(hour);
            let fit = (*left / delivery.unit_facility + 1e-9).floor().max(0.0);
            let running = installed.min(fit);
            *left -= delivery.unit_facility * running;
            standing.installed.push(installed);
            standing.running.push(running);
        }
        standing
    }
}
