//! One day of a service, every request of it.

use std::ops::ControlFlow;

use wattmill_catalog::Catalog;
use wattmill_factory::{Factory, Hardware, Service};
use wattmill_plan::{Engine, ServingPoint, offers};
use wattmill_sim::{Fleet, Limits, Rates, Summary, Synthetic, Tally, Usage};
use wattmill_units::{Seconds, SimTime};

/// Replicas behind one router: beyond them arrivals no longer get smoother, and the state of as many
/// stays in a processor's cache.
const ROUTER_REPLICAS: u32 = 64;
const HOURS: usize = 24;

/// A day of a factory's first service on the kind of machine that serves most of it, over as many
/// replicas as the day's busiest hour needs.
///
/// The fleet is split into equal shards, each with a router and independent arrivals of its own, which
/// can be [run](Self::run) in any order and on any threads and [added up](Self::total).
pub struct Day<'a> {
    service: &'a Service,
    hardware: &'a Hardware,
    engine: Engine<'a>,
    point: ServingPoint,
    requests: f64,
    shards: u32,
    shard_replicas: u32,
    seed: u64,
}

/// What came of one shard.
#[derive(Clone, Debug)]
pub struct DayShard {
    /// Requests handed to replicas.
    pub requests: u64,
    /// What they add up to.
    pub tally: Tally,
    /// What the replicas did.
    pub usage: Usage,
    /// Whether it was stopped early; what was handed out is answered.
    pub interrupted: bool,
}

/// A day in the field's terms.
#[derive(Clone, Debug, PartialEq)]
pub struct DayTotal {
    /// Id of the model.
    pub model: String,
    /// Id of the system.
    pub system: String,
    /// Replicas of the whole fleet.
    pub replicas: u32,
    /// Accelerators of a replica.
    pub accelerators_per_replica: u32,
    /// Requests a second that one replica sustains inside the SLO.
    pub replica_rate_per_s: f64,
    /// Shards of the fleet.
    pub shards: u32,
    /// Requests handed to replicas.
    pub requests: u64,
    /// Limits that attainment is counted against: TTFT, TPOT.
    pub slo: (Seconds, Seconds),
    /// Everything that was measured.
    pub summary: Summary,
    /// Whether some of it was not simulated.
    pub interrupted: bool,
    /// World seed.
    pub seed: u64,
}

impl<'a> Day<'a> {
    /// A day of `requests` requests, with the lengths, the daily shape and the SLO of the factory's
    /// first service.
    ///
    /// # Errors
    /// What stands in the way, no service or no machine of the factory that serves it, and the way
    /// out if there is one.
    pub fn new(
        factory: &'a Factory,
        catalog: &'a Catalog,
        requests: f64,
    ) -> Result<Self, (String, Option<String>)> {
        let Some(id) = factory.services.ids().next() else {
            let way_out = "add a `[[service]]`".to_owned();
            return Err(("the factory has no service".to_owned(), Some(way_out)));
        };
        let service = &factory.services[id];
        let mut best: Option<(ServingPoint, &Hardware)> = None;
        let mut refusals = Vec::new();
        for offer in offers(factory, catalog, |_, _| {}).iter().filter(|o| o.service == id) {
            let hardware = &factory.hardware[offer.hardware];
            match (offer.point(), offer.cannot()) {
                (Some(point), _) => {
                    let rate = ServingPoint::requests_per_accelerator_hour;
                    if best.as_ref().is_none_or(|(other, _)| rate(&point) > rate(other)) {
                        best = Some((point, hardware));
                    }
                }
                (None, why) => refusals.push(format!(
                    "{}: {}",
                    hardware.system.id,
                    why.unwrap_or("nothing is known of it")
                )),
            }
        }
        let (point, hardware) = best.ok_or_else(|| {
            (format!("no machine serves `{}`: {}", service.name, refusals.join("; ")), None)
        })?;
        let engine = Engine::new(&service.model, hardware, catalog, point.spec)
            .map_err(|why| (why.join("; "), None))?;
        let peak = service.traffic.daily_shape.iter().fold(0.0, |a: f64, b| a.max(*b));
        let busiest = requests / 86_400.0 * peak;
        let replicas = (busiest / point.rate_per_s).ceil().clamp(1.0, f64::from(1 << 24)) as u32;
        let shards = replicas.div_ceil(ROUTER_REPLICAS);
        let shard_replicas = replicas.div_ceil(shards);
        let seed = factory.seed;
        Ok(Self { service, hardware, engine, point, requests, shards, shard_replicas, seed })
    }

    /// Shards of the fleet.
    pub const fn shards(&self) -> u32 {
        self.shards
    }

    /// Requests expected in one shard.
    pub fn shard_requests(&self) -> f64 {
        self.requests / f64::from(self.shards)
    }

    /// Runs one shard from midnight to midnight and until its last answer. `on_progress` gets the
    /// requests handed out so far and may stop it.
    pub fn run(&self, shard: u32, mut on_progress: impl FnMut(u64) -> ControlFlow<()>) -> DayShard {
        let traffic = &self.service.traffic;
        let mean = self.shard_requests() / 86_400.0;
        let per_s = traffic.daily_shape.iter().map(|share| share * mean).collect();
        let hour = SimTime::from_seconds(Seconds::from_hours(1.0));
        let rates = Rates::cycle(hour, per_s);
        let midnight = SimTime::from_seconds(Seconds::from_hours(HOURS as f64));
        let requests = Synthetic::part(self.seed, shard, rates, traffic.arrivals, &traffic.lengths)
            .take_while(|request| request.arrival < midnight);
        let limits = Limits::from(&self.service.slo);
        let mut fleet =
            Fleet::new(self.shard_replicas, self.engine.limits, Tally::new(Some(limits)));
        let flow = fleet.run(
            &self.engine.surface,
            requests,
            |_, _| {},
            |progress| on_progress(progress.requests),
        );
        DayShard {
            requests: fleet.routed(),
            usage: fleet.usage(),
            tally: fleet.tally().clone(),
            interrupted: flow.is_break(),
        }
    }

    /// Adds shards up; the answer does not depend on their order.
    pub fn total(&self, shards: impl IntoIterator<Item = DayShard>) -> DayTotal {
        let mut tally = Tally::new(None);
        let mut usage = Usage::default();
        let (mut requests, mut done, mut interrupted) = (0, 0, false);
        for shard in shards {
            tally.merge(&shard.tally);
            usage.merge(&shard.usage);
            requests += shard.requests;
            interrupted |= shard.interrupted;
            done += 1;
        }
        let replicas = self.shard_replicas * done;
        let setup = self.engine.setup(replicas);
        DayTotal {
            model: self.service.model.id.clone(),
            system: self.hardware.system.id.clone(),
            replicas,
            accelerators_per_replica: self.engine.accelerators(),
            replica_rate_per_s: self.point.rate_per_s,
            shards: self.shards,
            requests,
            slo: (self.service.slo.ttft, self.service.slo.tpot),
            summary: Summary::new(&tally, &usage, &setup, tally.last_finish),
            interrupted: interrupted || done < self.shards,
            seed: self.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_config::{builtin_factory, parse_factory};

    fn node() -> Factory {
        let text = builtin_factory("hgx-node").expect("built in");
        parse_factory(text, Catalog::builtin()).factory.expect("valid")
    }

    #[test]
    fn a_whole_day() {
        let factory = node();
        let day = Day::new(&factory, Catalog::builtin(), 3e5).expect("the node serves");
        let total = day.total([day.run(0, |_| ControlFlow::Continue(()))]);
        assert!((total.requests as f64 - 3e5).abs() < 5.0 * 3e5_f64.sqrt(), "{}", total.requests);
        assert_eq!(total.summary.finished + total.summary.rejected, total.requests);
        assert!(!total.interrupted && total.summary.attainment > 0.9, "{total:?}");
        assert!(total.summary.span > Seconds::from_hours(23.9));
    }

    #[test]
    fn shards_add_up_in_any_order() {
        let factory = node();
        let day = Day::new(&factory, Catalog::builtin(), 1e9).expect("the node serves");
        assert!(day.shards() > 2);
        // The first block of each of three.
        let begin = |shard| day.run(shard, |_| ControlFlow::Break(()));
        let forth = day.total((0..3).map(begin));
        assert_eq!(forth, day.total((0..3).rev().map(begin)));
        assert!(forth.interrupted && forth.requests > 0);
        assert_eq!(forth.summary.finished + forth.summary.rejected, forth.requests);
        assert_ne!(begin(0).tally.fingerprint(), begin(1).tally.fingerprint());
    }
}
