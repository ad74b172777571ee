//! Regions and sites: who asks where, and who answers.

use std::cmp::Ordering;

use wattmill_perf::StepModel;
use wattmill_units::{SimTime, Stream};

use super::pool::Pool;
use super::spec::{Preference, RegionSpec, SiteSpec, WorldSpec};

const HOUR_NS: u64 = 3_600_000_000_000;

/// Regions, sites, and which pools a region's request may go to, the preferred first.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    regions: Vec<RegionSpec>,
    /// Whether each site stands.
    standing: Vec<bool>,
    preference: Preference,
    /// By region, then service: the pools that answer it, the preferred first.
    candidates: Vec<Vec<u16>>,
    services: usize,
}

impl Places {
    pub(crate) fn new<M>(spec: &WorldSpec<M>) -> Self {
        let mut candidates = Vec::new();
        for region in &spec.regions {
            for service in 0..spec.services.len() {
                let serves = |pool: &u16| {
                    spec.pools[usize::from(*pool)].services.contains(&(service as u16))
                };
                let mut pools: Vec<u16> = (0..spec.pools.len() as u16).filter(serves).collect();
                let site = |pool: u16| usize::from(spec.pools[usize::from(pool)].site);
                pools.sort_by(|a, b| {
                    prefer(spec.preference, region, &spec.sites, site(*a), site(*b))
                });
                candidates.push(pools);
            }
        }
        Self {
            regions: spec.regions.clone(),
            standing: vec![true; spec.sites.len()],
            preference: spec.preference,
            candidates,
            services: spec.services.len(),
        }
    }

    /// The region that asks at `now`.
    pub(crate) fn region(&self, now: SimTime, draws: &mut Stream) -> u16 {
        if self.regions.len() == 1 {
            return 0;
        }
        let weight = |region: &RegionSpec| {
            let local = now + region.local_start;
            region.weights[(local.as_ns() / HOUR_NS % 24) as usize]
        };
        let mut left = draws.uniform() * self.regions.iter().map(weight).sum::<f64>();
        for (index, region) in (0..).zip(&self.regions) {
            left -= weight(region);
            if left < 0.0 {
                return index;
            }
        }
        0
    }

    /// One way between a region and a site.
    pub(crate) fn latency(&self, region: u16, site: u16) -> SimTime {
        self.regions[usize::from(region)].latency[usize::from(site)]
    }

    /// Whether a site stands.
    pub(crate) fn stands(&self, site: u16) -> bool {
        self.standing[usize::from(site)]
    }

    /// A site is lost or back.
    pub(crate) fn set_standing(&mut self, site: u16, stands: bool) {
        self.standing[usize::from(site)] = stands;
    }

    /// The pool for a request: the preferred one with a replica open and room to wait; else one with
    /// a replica open; else one where a replica is coming. `None`: nobody will answer.
    pub(crate) fn choose<M: StepModel>(
        &self,
        region: u16,
        service: u16,
        pools: &[Pool<M>],
    ) -> Option<u16> {
        let row = usize::from(region) * self.services + usize::from(service);
        let candidates = self.candidates[row].iter().copied();
        let candidates = candidates.filter(|pool| {
            let pool = &pools[usize::from(*pool)];
            self.stands(pool.spec.site) && (pool.router.open_replicas() > 0 || pool.coming > 0)
        });
        // Worse by class first, then by what is preferred.
        let class = |pool: &Pool<M>| {
            let full = pool.unanswered >= pool.spec.most_waiting;
            if pool.router.open_replicas() == 0 { 2 } else { u8::from(full) }
        };
        let load = |pool: &Pool<M>| match self.preference {
            Preference::Capacity => {
                let open = u64::from(pool.router.open_replicas().max(1));
                1_000 * pool.unanswered / open
            }
            _ => 0,
        };
        candidates.min_by_key(|pool| {
            let pool = &pools[usize::from(*pool)];
            (class(pool), load(pool))
        })
    }
}

/// Which of two sites comes first for a region.
fn prefer(
    preference: Preference,
    region: &RegionSpec,
    sites: &[SiteSpec],
    a: usize,
    b: usize,
) -> Ordering {
    let near = || region.latency[a].cmp(&region.latency[b]);
    match preference {
        Preference::Latency | Preference::Capacity => near(),
        Preference::Price => sites[a].price.total_cmp(&sites[b].price).then_with(near),
        Preference::Carbon => sites[a].carbon.total_cmp(&sites[b].carbon).then_with(near),
    }
}
