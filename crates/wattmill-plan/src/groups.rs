//! Groups of equal machines, and who gets them in an hour.

use wattmill_catalog::Catalog;
use wattmill_factory::{Factory, Hardware, Phase, Service, Site};
use wattmill_policy::{Claim, serve_in_order};
use wattmill_units::{Id, IdVec};

use crate::build::{Delivery, Standing};
use crate::machine::Machine;
use crate::serving::{Offer, ServingPoint};

/// Machines of one kind at one site.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) site: Id<Site>,
    pub(crate) hardware: Id<Hardware>,
    pub(crate) machine: Machine,
    /// Operating point of each service on this hardware.
    pub(crate) points: Vec<Option<ServingPoint>>,
    /// Deliveries it consists of.
    pub(crate) deliveries: Vec<usize>,
    /// A phase that made it: others of another unit power are other machines.
    phase: Id<Phase>,
}

impl Group {
    /// Accelerators that run.
    pub(crate) fn accelerators(&self, standing: &Standing) -> f64 {
        self.units(standing) * self.machine.accelerators
    }

    /// Units that run.
    pub(crate) fn units(&self, standing: &Standing) -> f64 {
        self.deliveries.iter().map(|delivery| standing.running[*delivery]).sum()
    }
}

/// Every group.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    pub(crate) all: Vec<Group>,
    /// Group of each delivery.
    pub(crate) of_delivery: Vec<usize>,
    /// Groups of each site.
    pub(crate) of_site: Vec<Vec<usize>>,
}

impl Groups {
    pub(crate) fn new(
        factory: &Factory,
        catalog: &Catalog,
        deliveries: &[Delivery],
        offers: &[Offer],
    ) -> Self {
        let mut all: Vec<Group> = Vec::new();
        let mut of_delivery = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            let phase = &factory.phases[delivery.phase];
            let same = |group: &Group| {
                group.site == phase.site
                    && group.hardware == phase.hardware
                    && factory.phases[group.phase].unit_power == phase.unit_power
                    && factory.phases[group.phase].beside == phase.beside
            };
            let group = all.iter().position(same).unwrap_or_else(|| {
                let of_hardware = |offer: &&Offer| offer.hardware == phase.hardware;
                all.push(Group {
                    site: phase.site,
                    hardware: phase.hardware,
                    machine: Machine::new(factory, catalog, phase),
                    points: offers.iter().filter(of_hardware).map(Offer::point).collect(),
                    deliveries: Vec::new(),
                    phase: delivery.phase,
                });
                all.len() - 1
            });
            all[group].deliveries.push(index);
            of_delivery.push(group);
        }
        let mut of_site = vec![Vec::new(); factory.sites.len()];
        for (index, group) in all.iter().enumerate() {
            of_site[group.site.index()].push(index);
        }
        Self { all, of_delivery, of_site }
    }

    /// Gives machines to services, earlier services first, where energy is cheapest first.
    /// `accelerators` run, by group; `asked` requests are asked in the hour, by service.
    pub(crate) fn place(
        &self,
        standing: &Standing,
        accelerators: &[f64],
        asked: &[f64],
    ) -> Placement {
        let order = self.order(standing);
        let claim = |wanted: &f64| Claim { wanted: *wanted, per_machine: 0.0 };
        let mut claims: Vec<Claim> = asked.iter().map(claim).collect();
        let mut given = vec![vec![0.0; asked.len()]; self.all.len()];
        for index in &order {
            let group = &self.all[*index];
            for (claim, point) in claims.iter_mut().zip(&group.points) {
                claim.per_machine =
                    point.as_ref().map_or(0.0, ServingPoint::requests_per_accelerator_hour);
            }
            serve_in_order(accelerators[*index], &mut claims, &mut given[*index]);
        }
        Placement { order, given, unserved: claims.iter().map(|claim| claim.wanted).collect() }
    }

    /// The order in which groups are filled; of equal prices the phase that is written first.
    pub(crate) fn order(&self, standing: &Standing) -> Vec<usize> {
        let price = |group: &usize| {
            let cheapest = standing.cheapest[self.all[*group].site.index()];
            cheapest.map_or(f64::INFINITY, |price| price.as_usd_per_mwh())
        };
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by(|a, b| price(a).total_cmp(&price(b)));
        order
    }
}

/// Who got what in an hour.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    /// Groups in the order in which they were filled.
    pub(crate) order: Vec<usize>,
    /// Accelerators, by group, then service.
    pub(crate) given: Vec<Vec<f64>>,
    /// Requests that found none, by service.
    pub(crate) unserved: Vec<f64>,
}

/// Requests asked in the `hour` of `day`, by service.
pub(crate) fn asked(services: &IdVec<Service>, day: u32, hour: u32) -> Vec<f64> {
    let of = |service: &Service| {
        let traffic = &service.traffic;
        let growth = libm::pow(1.0 + traffic.growth_per_year, f64::from(day) / 365.25);
        traffic.requests_per_day * growth * traffic.daily_shape[hour as usize % 24] / 24.0
    };
    services.iter().map(of).collect()
}

/// Accelerator-hours and output tokens of one hour's whole demand, as far as a group can serve it.
pub(crate) fn mix(
    asked: &[f64],
    points: &[Option<ServingPoint>],
    services: &IdVec<Service>,
) -> (f64, f64) {
    let (mut machine_hours, mut tokens) = (0.0, 0.0);
    for (index, (requests, point)) in asked.iter().zip(points).enumerate() {
        if let Some(point) = point {
            machine_hours += requests / point.requests_per_accelerator_hour();
            tokens += requests * services[Id::from_index(index)].traffic.lengths.output.mean();
        }
    }
    (machine_hours, tokens)
}
