//! Whose demand was served and from where, and whose was not: product by region by hour.
//!
//! Requests of an hour are alike wherever they come from: each region gets its part of what every site
//! serves in the hour, and of what nobody does. Regions differ because they ask at other hours.

use wattmill_factory::{Factory, Service};
use wattmill_units::{Id, IdVec};

use crate::ledger::Balance;
use crate::result::Quarter;

/// Users of a service in a region over a quarter.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionQuarter {
    /// Which service.
    pub service: Id<Service>,
    /// Which of its regions.
    pub region: usize,
    /// Requests asked, by the hour of the UTC day.
    pub asked: [f64; 24],
    /// Of them, requests served inside the SLO.
    pub served: [f64; 24],
    /// Requests served, by site.
    pub from: Vec<f64>,
    /// Requests that nobody served.
    pub unserved: f64,
}

impl RegionQuarter {
    /// Adds another quarter of the same region.
    pub fn add(&mut self, other: &Self) {
        let all = |sums: &mut [f64], others: &[f64]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        };
        all(&mut self.asked, &other.asked);
        all(&mut self.served, &other.served);
        all(&mut self.from, &other.from);
        self.unserved += other.unserved;
    }
}

/// Every region of every service, before anything is asked.
pub(crate) fn open(factory: &Factory) -> Vec<RegionQuarter> {
    let of = |(service, of): (Id<Service>, &Service)| {
        let regions = 0..of.traffic.regions.len();
        regions.map(move |region| RegionQuarter {
            service,
            region,
            asked: [0.0; 24],
            served: [0.0; 24],
            from: vec![0.0; factory.sites.len()],
            unserved: 0.0,
        })
    };
    factory.services.enumerate().flat_map(of).collect()
}

/// Books an hour of the day: what was `asked` of each service, what was served `from` each site, by
/// service, and what was not.
pub(crate) fn book(
    regions: &mut [RegionQuarter],
    services: &IdVec<Service>,
    hour: usize,
    asked: &[f64],
    from: &[Vec<f64>],
    unserved: &[f64],
) {
    for region in regions {
        let traffic = &services[region.service].traffic;
        let (part, whole) = (&traffic.regions[region.region], traffic.daily_shape[hour]);
        if whole <= 0.0 {
            continue;
        }
        let share = part.daily_shape[hour] / whole;
        let service = region.service.index();
        region.asked[hour] += asked[service] * share;
        for (sum, served) in region.from.iter_mut().zip(&from[service]) {
            *sum += served * share;
            region.served[hour] += served * share;
        }
        region.unserved += unserved[service] * share;
    }
}

/// Requests of services whose users live in regions, against what was counted there; nothing without.
pub(crate) fn balance(factory: &Factory, quarters: &[Quarter]) -> Option<Balance> {
    let regions = || quarters.iter().flat_map(|quarter| &quarter.regions);
    regions().next()?;
    let placed = |service: Id<Service>| !factory.services[service].traffic.regions.is_empty();
    let services = quarters.iter().flat_map(|quarter| &quarter.services);
    Some(Balance {
        what: "requests by service = by region",
        unit: "requests",
        sources: services.filter(|s| placed(s.service)).map(|s| s.asked_requests).sum(),
        uses: regions().map(|r| r.from.iter().sum::<f64>() + r.unserved).sum(),
    })
}
