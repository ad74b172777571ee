//! What stands where, hour by hour: phases ramp up, the site's power decides how much of it runs.

use wattmill_factory::{DealKind, Factory, Hardware, Phase, Site};
use wattmill_units::{EnergyPrice, Id, Money, Power};

use crate::assets::Stay;
use crate::calendar::{Calendar, hours};
use crate::result::WaitsFor;
use crate::supply::Supply;

/// What one of a phase's chains is ready for, on the plan's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Link {
    /// First of it.
    first_hour: f64,
    /// All of it.
    last_hour: f64,
}

impl Link {
    /// Fraction of the phase that it is ready for at `hour`.
    fn share(&self, hour: f64) -> f64 {
        if hour >= self.last_hour {
            1.0
        } else if hour < self.first_hour {
            0.0
        } else {
            (hour - self.first_hour) / (self.last_hour - self.first_hour)
        }
    }
}

/// One phase on the plan's clock.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) phase: Id<Phase>,
    pub(crate) site: Id<Site>,
    /// Units when complete.
    pub(crate) units: f64,
    /// IT power provisioned for one unit, as if all had theirs.
    unit_it: Power,
    /// Facility power provisioned for one unit, at design PUE.
    pub(crate) unit_facility: Power,
    /// First hour in which every chain is ready for something, slips and delays included.
    pub(crate) first_hour: f64,
    /// First hour in which every chain is ready for all of it.
    pub(crate) last_hour: f64,
    /// Its racks, then its chains in their order, then the first power of the site.
    links: Vec<Link>,
    /// Hour from which nothing more comes.
    cancelled: f64,
    /// Hours after which a unit is taken out.
    life: f64,
    /// Infrastructure that one unit needs of ours: none where the site is leased, or where it takes the
    /// place of another.
    pub(crate) unit_infrastructure: Money,
    /// Share of its price that a unit is sold for when it is taken out.
    resale: f64,
}

impl Delivery {
    /// Whole units that ever came until `hour`: what comes in the course of a day runs from the next.
    pub(crate) fn installed(&self, hour: f64) -> f64 {
        let day = (hour.min(self.cancelled) / 24.0).floor() * 24.0;
        if day >= self.last_hour {
            return self.units;
        }
        if day < self.first_hour {
            return 0.0;
        }
        let ready = self.links.iter().map(|link| link.share(day)).fold(1.0, f64::min);
        // A share that is a whole number of units to rounding error is that many.
        (self.units * ready + 1e-9).floor()
    }

    /// Of these, units that were taken out.
    pub(crate) fn retired(&self, hour: f64) -> f64 {
        let day = (hour / 24.0).floor() * 24.0;
        if self.life.is_finite() { self.installed(day - self.life) } else { 0.0 }
    }

    /// How long a unit stays.
    pub(crate) const fn stay(&self) -> Stay {
        Stay { hours: self.life, resale: self.resale }
    }

    /// What is ready for the least at `hour`; of several the one that goes on last, and of these the one
    /// that is ready last. `None` if all are ready for all of it.
    pub(crate) fn binds(&self, hour: f64, phase: &Phase) -> Option<WaitsFor> {
        let day = (hour / 24.0).floor() * 24.0;
        let goes_on = |link: &Link| link.first_hour.max(day);
        let open = self.links.iter().enumerate().filter(|(_, link)| link.share(day) < 1.0);
        // Of equals the last is taken, which is the first of the links.
        let least = open.rev().max_by(|(_, a), (_, b)| {
            let shares = b.share(day).total_cmp(&a.share(day));
            shares.then(goes_on(a).total_cmp(&goes_on(b))).then(a.last_hour.total_cmp(&b.last_hour))
        });
        least.map(|(index, _)| match index {
            0 => WaitsFor::Racks,
            power if power + 1 == self.links.len() => WaitsFor::SitePower,
            chain => WaitsFor::Chain(phase.chains[chain - 1].needs.clone()),
        })
    }

    /// Whether it was called off before `hour`.
    pub(crate) fn is_cancelled(&self, hour: f64) -> bool {
        hour >= self.cancelled
    }
}

/// Whether someone else owns land, building and plant of a site.
fn is_leased(factory: &Factory, site: Id<Site>) -> bool {
    factory.deals.iter().any(|deal| match deal.kind {
        DealKind::Lease { site: leased, .. } => leased == Some(site),
        _ => false,
    })
}

/// Whole units that the phase's power makes if they are of this kind.
fn units_if(factory: &Factory, phase: &Phase, hardware: Id<Hardware>) -> f64 {
    let option = phase.options.iter().find(|(option, _)| *option == hardware);
    whole_units(factory, phase, option.map_or(phase.unit_power, |(_, unit)| *unit))
}

/// Whole units that the phase's power makes.
pub(crate) fn units_of(factory: &Factory, phase: &Phase) -> f64 {
    whole_units(factory, phase, phase.unit_power)
}

fn whole_units(factory: &Factory, phase: &Phase, unit_power: Power) -> f64 {
    let it = phase.basis.it(phase.power, factory.sites[phase.site].pue.design);
    // A power that is a whole number of units to rounding error is that many.
    (it * phase.oversubscription / (unit_power * (1.0 + phase.beside)) + 1e-9).floor()
}

/// Accelerators of one kind of machine when every phase is complete.
pub(crate) fn accelerators_of(factory: &Factory, hardware: Id<Hardware>) -> f64 {
    let phases = factory.phases.iter().filter(|phase| phase.may_be(hardware));
    let units: f64 = phases.map(|phase| units_if(factory, phase, hardware)).sum();
    units * f64::from(factory.hardware[hardware].system.accelerators)
}

/// Most accelerators of one kind of machine that ever stand at one site.
pub(crate) fn most_at_a_site(factory: &Factory, hardware: Id<Hardware>) -> f64 {
    let at = |site: Id<Site>| -> f64 {
        // Units that take the place of others of their kind stand where these did.
        let again = |phase: &Phase| {
            phase.refreshes.is_some_and(|before| factory.phases[before].may_be(hardware))
        };
        let here = |phase: &&Phase| phase.may_be(hardware) && phase.site == site && !again(phase);
        factory.phases.iter().filter(here).map(|phase| units_if(factory, phase, hardware)).sum()
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
            let link = |ready, late, ramp| {
                let first_hour = calendar.hour_of(ready) + hours(late);
                Link { first_hour, last_hour: first_hour + hours(ramp) }
            };
            let racks = link(phase.first_rack, phase.slip, phase.ramp);
            let chains = phase.chains.iter().map(|c| link(c.ready, c.delay, c.ramp));
            let first_power = factory.sites[phase.site].first_power();
            let power = first_power.map_or(f64::INFINITY, |day| calendar.hour_of(day));
            let power = Link { first_hour: power, last_hour: power };
            let links: Vec<Link> = [racks].into_iter().chain(chains).chain([power]).collect();
            let latest = |of: fn(&Link) -> f64| links.iter().map(of).fold(f64::MIN, f64::max);
            // What is oversubscribed shares the plant, not only its power.
            let unit_facility =
                phase.unit_it() * factory.sites[phase.site].pue.design / phase.oversubscription;
            Delivery {
                phase: id,
                site: phase.site,
                units: units_of(factory, phase),
                unit_it: phase.unit_it(),
                unit_facility,
                first_hour: latest(|link| link.first_hour),
                last_hour: latest(|link| link.last_hour),
                links,
                cancelled: phase.cancelled.map_or(f64::INFINITY, |day| calendar.hour_of(day)),
                life: phase.retire.map_or(f64::INFINITY, hours),
                resale: phase.resale.unwrap_or(0.0),
                unit_infrastructure: if is_leased(factory, phase.site) || phase.refreshes.is_some()
                {
                    Money::ZERO
                } else {
                    let watts = unit_facility.as_watts();
                    Money::from_usd(factory.economics.infrastructure_usd_per_w * watts)
                },
            }
        })
        .collect()
}

/// What stands and what runs at an hour.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Units that ever came, by delivery.
    pub(crate) installed: Vec<f64>,
    /// Of these, units that were not taken out.
    pub(crate) there: Vec<f64>,
    /// Units that run, by delivery: what the site's power carries, earlier phases first.
    pub(crate) running: Vec<f64>,
    /// Facility power available, by site.
    pub(crate) available: Vec<Power>,
    /// Of it, what running units leave, by site.
    pub(crate) left: Vec<Power>,
    /// Price of the cheapest energy there is, by site.
    pub(crate) cheapest: Vec<Option<EnergyPrice>>,
    /// IT watts provisioned for the units that run, by site.
    pub(crate) it: Vec<f64>,
}

impl Standing {
    /// At `hour` of the plan; `supplies` by site.
    pub(crate) fn at(supplies: &[Supply], deliveries: &[Delivery], hour: f64) -> Self {
        let mut standing = Self {
            installed: Vec::with_capacity(deliveries.len()),
            there: Vec::with_capacity(deliveries.len()),
            running: Vec::with_capacity(deliveries.len()),
            left: Vec::with_capacity(supplies.len()),
            available: Vec::with_capacity(supplies.len()),
            cheapest: Vec::with_capacity(supplies.len()),
            it: Vec::with_capacity(supplies.len()),
        };
        standing.renew(supplies, deliveries, hour);
        standing
    }

    /// The same at another hour.
    pub(crate) fn renew(&mut self, supplies: &[Supply], deliveries: &[Delivery], hour: f64) {
        self.available.clear();
        self.available.extend(supplies.iter().map(|supply| supply.power(hour)));
        self.left.clone_from(&self.available);
        self.cheapest.clear();
        self.cheapest.extend(supplies.iter().map(|supply| supply.cheapest(hour)));
        self.it.clear();
        self.it.resize(supplies.len(), 0.0);
        self.installed.clear();
        self.there.clear();
        self.running.clear();
        for delivery in deliveries {
            let left = &mut self.left[delivery.site.index()];
            let installed = delivery.installed(hour);
            let fit = (*left / delivery.unit_facility + 1e-9).floor().max(0.0);
            let there = installed - delivery.retired(hour);
            let running = there.min(fit);
            *left -= delivery.unit_facility * running;
            self.it[delivery.site.index()] += delivery.unit_it.as_watts() * running;
            self.installed.push(installed);
            self.there.push(there);
            self.running.push(running);
        }
    }
}
