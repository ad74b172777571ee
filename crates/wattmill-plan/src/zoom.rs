//! The same factory at request level: a window of the plan, every request simulated.

use std::ops::ControlFlow;

use jiff::civil::DateTime;
use wattmill_catalog::Catalog;
use wattmill_factory::{EngineSpec, Factory, Hardware, Service, Site};
use wattmill_sim::{Fleet, Limits, Progress, Rates, Summary, Synthetic, Tally, settling_time};
use wattmill_units::{Id, Power, Seconds, SimTime, Stream};

use crate::build::{Standing, deliveries};
use crate::calendar::Calendar;
use crate::engine::Engine;
use crate::groups::{Groups, asked};
use crate::serving::{Offer, ServingPoint};
use crate::supply::Supply;

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Start, UTC.
    pub at: DateTime,
    /// Length.
    pub length: Seconds,
    /// Only this site; all of them otherwise.
    pub site: Option<Id<Site>>,
    /// Only this service; all of them otherwise.
    pub service: Option<Id<Service>>,
}

/// One pool of replicas through the window: what the plan's fluid says, what the engine does.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Where.
    pub site: Id<Site>,
    /// On what.
    pub hardware: Id<Hardware>,
    /// For whom.
    pub service: Id<Service>,
    /// Replicas simulated: the fluid's, rounded up to whole ones.
    pub replicas: u32,
    /// Accelerators of a replica.
    pub accelerators: u32,
    /// Its engine.
    pub spec: EngineSpec,
    /// The plan's figures for these machines in that hour.
    pub fluid: Flow,
    /// The same figures, measured in the window.
    pub exact: Flow,
    /// Fraction of requests that the plan promises to keep each latency limit.
    pub promised: f64,
    /// Everything else that was measured.
    pub summary: Summary,
}

/// Figures that fluid and window both have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// Requests finished a second.
    pub requests_per_s: f64,
    /// Output tokens a second.
    pub output_tokens_per_s: f64,
    /// Accelerator power of the pool.
    pub power: Power,
}

/// A window of the plan at request level.
#[derive(Clone, Debug)]
pub struct Zoom {
    /// Start of the window, UTC.
    pub at: DateTime,
    /// Its length.
    pub length: Seconds,
    /// Every pool that serves in it.
    pub pools: Vec<Pool>,
    /// Requests asked in the window that no machine was there for, by service.
    pub unserved: Vec<f64>,
    /// Whether it was stopped before the end of its last pool.
    pub interrupted: bool,
    /// Hash of the answer.
    pub answer_hash: u64,
}

/// Why there is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZoomError {
    /// The window does not lie within the plan.
    #[error("{at} is not within the plan, which runs from {start} to {end}")]
    OutsidePlan {
        /// Asked for.
        at: DateTime,
        /// First day.
        start: jiff::civil::Date,
        /// Last day.
        end: jiff::civil::Date,
    },
    /// The window has no length.
    #[error("a window must be longer than nothing and at most a day; write `--for 10min`")]
    Length,
}

/// Simulates a window of the plan request by request, pool by pool. Traffic is that of the hour in
/// which it starts, throughout and for as long before it as a replica needs to settle.
///
/// `progress` gets the fraction of the work that is done; it may stop the run.
///
/// # Errors
/// If the window is not within the plan or has no length.
pub fn zoom(
    factory: &Factory,
    catalog: &Catalog,
    offers: &[Offer],
    window: &Window,
    mut progress: impl FnMut(f64) -> ControlFlow<()>,
) -> Result<Zoom, ZoomError> {
    let calendar = Calendar::new(factory.start, factory.end);
    let at = window.at;
    if at.date() < factory.start || at.date() > factory.end {
        return Err(ZoomError::OutsidePlan { at, start: factory.start, end: factory.end });
    }
    if !(window.length > Seconds::ZERO && window.length <= Seconds::from_days(1.0)) {
        return Err(ZoomError::Length);
    }
    let (day, hour) = ((calendar.hour_of(at.date()) / 24.0) as u32, at.hour() as u32);
    let deliveries = deliveries(factory, calendar);
    let groups = Groups::new(factory, catalog, &deliveries, offers);
    let plan_hour = f64::from(day) * 24.0 + f64::from(hour);
    let supplies: Vec<Supply> =
        factory.sites.iter().map(|site| Supply::of(site, calendar)).collect();
    let standing = Standing::at(&supplies, &deliveries, plan_hour);
    let machines: Vec<f64> = groups.all.iter().map(|group| group.accelerators(&standing)).collect();
    let asked = asked(&factory.services, day, hour);
    let placement = groups.place(&standing, &machines, &asked);

    let mut wanted = Vec::new();
    for (group, given) in groups.all.iter().zip(&placement.given) {
        for (service, given) in factory.services.ids().zip(given) {
            let looked_at = window.site.is_none_or(|site| site == group.site)
                && window.service.is_none_or(|only| only == service);
            if let (Some(point), true) = (&group.points[service.index()], looked_at && *given > 0.0)
            {
                wanted.push((group.site, group.hardware, service, point, *given));
            }
        }
    }
    let mut zoom = Zoom {
        at,
        length: window.length,
        pools: Vec::new(),
        unserved: placement.unserved.iter().map(|r| r * window.length.as_hours()).collect(),
        interrupted: false,
        answer_hash: 0,
    };
    let all = wanted.len();
    for (site, hardware, service, point, given) in wanted {
        let done = zoom.pools.len();
        let machine = PoolOf { factory, catalog, site, hardware, service, point, given };
        let flow =
            machine.simulate(window.length, |within| progress((done as f64 + within) / all as f64));
        zoom.answer_hash = zoom.answer_hash.rotate_left(7) ^ flow.0.summary.answer_hash;
        zoom.pools.push(flow.0);
        if flow.1.is_break() {
            zoom.interrupted = true;
            break;
        }
    }
    Ok(zoom)
}

/// A pool to simulate.
struct PoolOf<'a> {
    factory: &'a Factory,
    catalog: &'a Catalog,
    site: Id<Site>,
    hardware: Id<Hardware>,
    service: Id<Service>,
    point: &'a ServingPoint,
    /// Accelerators the fluid gives it.
    given: f64,
}

impl PoolOf<'_> {
    fn simulate(
        &self,
        length: Seconds,
        mut progress: impl FnMut(f64) -> ControlFlow<()>,
    ) -> (Pool, ControlFlow<()>) {
        let service = &self.factory.services[self.service];
        let hardware = &self.factory.hardware[self.hardware];
        let point = self.point;
        let engine = match Engine::new(&service.model, hardware, self.catalog, point.spec) {
            Ok(engine) => engine,
            // The point was measured on this very engine.
            Err(why) => unreachable!("an offered engine is not buildable: {why:?}"),
        };
        let replicas = (self.given / f64::from(point.accelerators)).ceil().max(1.0) as u32;
        let requests_per_s = self.given * point.requests_per_accelerator_hour() / 3600.0;
        let limits = Limits::from(&service.slo);
        let traffic = &service.traffic;
        // A named stream gives each pool a world of its own.
        let (site, machine, service_id) =
            (self.site.index() as u64, self.hardware.index() as u64, self.service.index() as u64);
        let pool = site << 42 | machine << 21 | service_id;
        let seed = Stream::new(self.factory.seed, "zoom pool", pool).next_u64();
        let mut requests = Synthetic::new(
            seed,
            Rates::constant(requests_per_s),
            traffic.arrivals,
            &traffic.lengths,
        )
        .peekable();
        let warm = settling_time(&service.slo, &traffic.lengths);
        let (start, end) = (SimTime::from_seconds(warm), SimTime::from_seconds(warm + length));
        let mut progress =
            |at: Progress| progress((at.time.as_seconds() / (warm + length)).min(1.0));
        let mut fleet = Fleet::new(replicas, engine.limits, Tally::new(Some(limits)));
        let mut flow =
            fleet.advance(&engine.surface, &mut requests, start, |_, _| {}, &mut progress);
        fleet.swap_tally(Tally::new(Some(limits)));
        let before = fleet.usage();
        if flow.is_continue() {
            flow = fleet.advance(&engine.surface, &mut requests, end, |_, _| {}, &mut progress);
        }
        let usage = fleet.usage().since(&before);
        let setup = engine.setup(replicas);
        let summary = Summary::new(fleet.tally(), &usage, &setup, SimTime::from_seconds(length));
        // The fluid's machines and the rest of the last replica, which idles.
        let used = self.given / f64::from(point.accelerators);
        let power_of_fluid = point.idle_power * f64::from(replicas) + point.dynamic_power_of(used);
        let pool = Pool {
            spec: point.spec,
            site: self.site,
            hardware: self.hardware,
            service: self.service,
            replicas,
            accelerators: point.accelerators,
            fluid: Flow {
                requests_per_s,
                output_tokens_per_s: requests_per_s * traffic.lengths.output.mean(),
                power: power_of_fluid,
            },
            exact: Flow {
                requests_per_s: summary.requests_per_s,
                output_tokens_per_s: summary.output_tokens_per_s,
                power: summary.power.unwrap_or(Power::ZERO),
            },
            promised: service.slo.quantile,
            summary,
        };
        (pool, flow)
    }
}
