//! How many of the requests that come one replica of a pool sustains, and how many it then has in hand.

use wattmill_config::{Fleet, PoolRole};
use wattmill_perf::StepSurface;
use wattmill_policy::BatchLimits;
use wattmill_sim::{Ask, Limits, Replica, Request, Resident, Tally};
use wattmill_units::{Seconds, SimTime, Stream};

use super::asked_through;

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
    /// Requests that it has in hand at the rate it sustains, on the mean; 0 if it sustains none.
    pub(super) in_hand: f64,
}

/// A rate that was tried.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// Whether every service kept its promise.
    holds: bool,
    /// When the last was done.
    end: Seconds,
    /// Mean time from arrival to last token.
    stay: Seconds,
}

/// One replica and what it is tried with.
pub(super) struct Trial<'a> {
    pub(super) surface: &'a StepSurface,
    pub(super) limits: BatchLimits,
    pub(super) groups: u32,
    requests: Vec<Request>,
    /// Whether their prompts were computed elsewhere.
    prefilled: bool,
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
        let prefilled = pool.role == PoolRole::Decode;
        let gets = |service: usize| {
            asked_through(fleet, index).any(|asked| asked.services.contains(&service))
        };
        let (mut requests, mut services) = (Vec::new(), Vec::new());
        for ask in asks {
            let service = usize::from(ask.service);
            let Request { input, output, .. } = ask.request;
            let output = if prefills { 1 } else { output };
            let goes_on = !prefilled || output > 1;
            if goes_on && gets(service) && limits.can_ever_run(input, output) {
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
        Self { surface, limits, groups, requests, prefilled, services, promises, gaps }
    }

    /// What it does; `None` of no requests.
    pub(super) fn find(&self) -> Option<Found> {
        if self.requests.is_empty() {
            return None;
        }
        let finished = self.requests.len() as f64 / self.run(f64::INFINITY).end.as_s();
        let most = MOST_UTILISATION * finished;
        let found = |rate: f64, tried: Tried| Found {
            sustained: Some(rate),
            finished,
            in_hand: rate * tried.stay.as_s(),
        };
        let tried = self.run(most);
        if tried.holds {
            return Some(found(most, tried));
        }
        let mut high = most;
        let holds = (0..MOST_HALVINGS).find_map(|_| {
            let rate = high / 2.0;
            let tried = self.run(rate);
            high = if tried.holds { high } else { rate };
            tried.holds.then_some((rate, tried))
        });
        let Some((mut low, mut at_low)) = holds else {
            return Some(Found { sustained: None, finished, in_hand: 0.0 });
        };
        while high / low > PRECISION {
            let middle = (low * high).sqrt();
            let tried = self.run(middle);
            if tried.holds { (low, at_low) = (middle, tried) } else { high = middle }
        }
        Some(found(low, at_low))
    }

    /// What becomes of them at so many requests a second.
    fn run(&self, rate: f64) -> Tried {
        let mut replica = Replica::grouped(self.limits, self.groups);
        let mut at = 0.0;
        for (request, gap) in self.requests.iter().zip(&self.gaps) {
            at += gap / rate;
            let arrival = SimTime::from_seconds(Seconds::from_s(at));
            let request = Request { arrival, ..*request };
            if self.prefilled {
                let (ready, first_token) = (arrival, arrival);
                replica.push_resident(Resident { request, ready, produced: 1, first_token });
            } else {
                replica.push(request);
            }
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
        let stay = Seconds::from_s(tally.e2e.mean() * 1e-9);
        Tried { holds, end: tally.last_finish.as_seconds(), stay }
    }
}
