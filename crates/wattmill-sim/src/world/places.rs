//! Regions and sites: who asks where, and who answers.

use wattmill_perf::StepModel;
use wattmill_policy::{SiteRules, SiteView};
use wattmill_units::{SimTime, Stream};

use super::pool::Pool;
use super::spec::{Duty, RegionSpec, WorldSpec};

const HOUR_NS: u64 = 3_600_000_000_000;

/// A request, in the unit of capacities and loads.
const REQUEST: f64 = 1.0;

/// Regions, sites, and which pools a request may go to.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    regions: Vec<RegionSpec>,
    /// Whether each site stands.
    standing: Vec<bool>,
    rules: SiteRules,
    /// By service: the pools that take its requests.
    candidates: Vec<Vec<u16>>,
    /// Room for what the rules look at.
    views: Vec<SiteView>,
}

impl Places {
    pub(crate) fn new<M>(spec: &WorldSpec<M>) -> Self {
        let takes = |service: u16| {
            let pools = (0..).zip(&spec.pools);
            pools.filter(|(_, p)| p.services.contains(&service)).map(|(i, _)| i).collect()
        };
        Self {
            regions: spec.regions.clone(),
            standing: vec![true; spec.sites.len()],
            rules: spec.choice,
            candidates: (0..spec.services.len() as u16).map(takes).collect(),
            views: Vec::new(),
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

    /// The pool for a request; `None`: nobody will answer it.
    ///
    /// A pool's capacity is the requests that its open replicas may have in hand and still do what they
    /// promise, its load all that were sent there and are not answered. One that hands its prompts over
    /// is as full as the fuller of the two.
    pub(crate) fn choose<M: StepModel>(
        &mut self,
        region: u16,
        service: u16,
        pools: &[Pool<M>],
    ) -> Option<u16> {
        let Self { regions, standing, rules, candidates, views } = self;
        let candidates = &candidates[usize::from(service)];
        let is_up = |pool: &Pool<M>| {
            let goes_on = match pool.spec.part {
                Duty::Whole => true,
                Duty::Prefill(handover) => pools[usize::from(handover.decode)].has_prospects(),
            };
            standing[usize::from(pool.spec.site)] && pool.has_prospects() && goes_on
        };
        if let [only] = candidates.as_slice() {
            return is_up(&pools[usize::from(*only)]).then_some(*only);
        }
        let latency = &regions[usize::from(region)].latency;
        views.clear();
        views.extend(candidates.iter().map(|number| {
            let pool = &pools[usize::from(*number)];
            let site = usize::from(pool.spec.site);
            let (capacity, mut load) = (pool.capacity() as f64, pool.load() as f64);
            if let Duty::Prefill(handover) = pool.spec.part {
                let decode = &pools[usize::from(handover.decode)];
                let used = (decode.load() as f64 + REQUEST) / decode.capacity() as f64;
                load = load.max(used * capacity - REQUEST);
            }
            SiteView {
                is_up: is_up(pool),
                latency: latency[site] + latency[site],
                capacity,
                load,
                price: pool.spec.price,
                carbon_g: pool.spec.carbon_g,
            }
        }));
        rules.choose(views, REQUEST).map(|choice| candidates[choice.site])
    }
}
