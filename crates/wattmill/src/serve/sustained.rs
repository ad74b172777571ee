//! How many of the requests that come one replica of a pool sustains.

use wattmill_config::{Fleet, PoolRole};
use wattmill_perf::StepSurface;
use wattmill_policy::BatchLimits;
use wattmill_sim::{Ask, Limits, Replica, Request, Tally};
use wattmill_units::{Seconds, SimTime, Stream};

/// Requests that are tried, the first that come.
pub(super) const TRIED: usize = 4_000;
/// Highest load over what a replica finishes when it is never out of work: nearer to 1 the requests
/// tried are too few to show how its queue grows.
const MOST_UTILISATION: f64 = 0.97;
/// The search ends at this ratio between a rate that holds and one that does not.
const PRECISION: f64 = 1.02;
/// Halvings after which no rate holds.
const MOST_HALVINGS: u32 = 12;

/// What one replica does of the requests that come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// Requests a second inside the SLO; `None` if not even a few are.
    pub(super) sustained: Option<f64>,
    /// Requests a second when it is never out of work.
    pub(super) finished: f64,
}

/// One replica and what it is tried with.
pub(super) struct Trial<'a> {
    pub(super) surface: &'a StepSurface,
    pub(super) limits: BatchLimits,
    pub(super) groups: u32,
    requests: Vec<Request>,
    /// By request: the place of its service.
    services: Vec<usize>,
    /// By service: limits, and the share of requests that keeps them.
    promises: Vec<(Limits, f64)>,
    /// Gaps between arrivals at one a second.
    gaps: Vec<f64>,
}

impl<'a> Trial<'a> {
    /// Of the pool at `index`, with those of `asks` that it would get.
    pub(super) fn new(
        fleet: &Fleet,
        index: usize,
        surface: &'a StepSurface,
        (limits, groups): (BatchLimits, u32),
        asks: &[Ask],
    ) -> Self {
        let pool = &fleet.pools[index];
        let prefills = matches!(pool.role, PoolRole::Prefill { .. });
        let (mut requests, mut services) = (Vec::new(), Vec::new());
        for ask in asks {
            let service = usize::from(ask.service);
            let Request { input, output, .. } = ask.request;
            let output = if prefills { 1 } else { output };
            if pool.services.contains(&service) && limits.can_ever_run(input, output) {
                let id = requests.len() as u64;
                requests.push(Request { id, arrival: SimTime::ZERO, input, output });
                services.push(service);
            }
        }
        let promise = |service: &wattmill_config::FleetService| {
            (Limits::from(&service.slo), service.slo.quantile)
        };
        let mut draws = Stream::new(fleet.seed, "sustained", index as u64);
        let gaps = requests.iter().map(|_| draws.exponential()).collect();
        let promises = fleet.services.iter().map(promise).collect();
        Self { surface, limits, groups, requests, services, promises, gaps }
    }

    /// What it does; `None` of no requests.
    pub(super) fn find(&self) -> Option<Found> {
        if self.requests.is_empty() {
            return None;
        }
        let (_, end) = self.run(f64::INFINITY);
        let finished = self.requests.len() as f64 / end.as_s();
        let most = MOST_UTILISATION * finished;
        if self.run(most).0 {
            return Some(Found { sustained: Some(most), finished });
        }
        let mut high = most;
        let holds = (0..MOST_HALVINGS).find_map(|_| {
            let rate = high / 2.0;
            let held = self.run(rate).0.then_some(rate);
            high = if held.is_some() { high } else { rate };
            held
        });
        let sustained = holds.map(|mut low| {
            while high / low > PRECISION {
                let middle = (low * high).sqrt();
                if self.run(middle).0 { low = middle } else { high = middle }
            }
            low
        });
        Some(Found { sustained, finished })
    }

    /// Whether every service keeps its promise at so many requests a second, and when the last is
    /// done.
    fn run(&self, rate: f64) -> (bool, Seconds) {
        let mut replica = Replica::grouped(self.limits, self.groups);
        let mut at = 0.0;
        for (request, gap) in self.requests.iter().zip(&self.gaps) {
            at += gap / rate;
            let arrival = SimTime::from_seconds(Seconds::from_s(at));
            replica.push(Request { arrival, ..*request });
        }
        let mut tally = Tally::new(None);
        let mut within = vec![0_u32; self.promises.len()];
        replica.run_until(&self.surface, SimTime::MAX, &mut tally, &mut |done| {
            let service = self.services[done.request.id as usize];
            within[service] += u32::from(self.promises[service].0.hold(done));
        });
        let mut asked = vec![0_u32; self.promises.len()];
        self.services.iter().for_each(|service| asked[*service] += 1);
        let kept = within.iter().zip(&asked).zip(&self.promises);
        let holds = kept
            .into_iter()
            .all(|((within, asked), (_, share))| f64::from(*within) >= share * f64::from(*asked));
        (holds, tally.last_finish.as_seconds())
    }
}
