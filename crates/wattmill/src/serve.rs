//! A fleet of sites and pools under traffic, request by request.

mod levels;
mod price;
mod sustained;

use std::ops::ControlFlow;

use wattmill_catalog::{Catalog, Interval};
use wattmill_config::{
    Diagnostic, Diagnostics, Fleet, FleetPool, FleetService, PoolRole, Spans, parse_fleet,
};
use wattmill_perf::StepSurface;
use wattmill_plan::Engine;
use wattmill_policy::{BatchLimits, QueueLimits, ScaleRules};
use wattmill_report::{
    ServedCap, ServedFleet, ServedPool, ServedProvider, ServedService, ServedTransfers,
    ServingBars, Traced, TracedPool, engine_name,
};
use wattmill_sim::{
    Answer, Ask, Duty, Failures, Handover, Latency, Limits, Outage, Pairing, PoolSpec, Progress,
    RegionSpec, Scale, ServiceSpec, SiteSpec, Unwatched, Watch, World, WorldSpec,
};
use wattmill_units::{Energy, EnergyPrice, Money, Power, Ratio, Seconds, SimTime, Stream};

use crate::bars::{Load, cost_factors, serving_bars, widest};

use self::levels::{Levels, Refusal, levels};
use self::sustained::{Found, TRIED, Trial};
use crate::rows::{PoolTerms, served_row};

/// Batches of requests that a replica has in hand at most, where the file does not say.
const BATCHES_IN_HAND: u32 = 4;
/// What a stated rate may exceed the one found by before it is told: the search ends at 2 %.
const TOLERATED: f64 = 1.05;

/// A fleet file, checked.
#[derive(Clone, Debug)]
pub struct CheckedFleet {
    /// The fleet, unless a diagnostic is an error.
    pub fleet: Option<Fleet>,
    /// Everything wrong or odd about the file, in its order.
    pub diagnostics: Diagnostics,
}

/// Reads a fleet file and proves that every engine can be built on its machines, and that pools
/// which work together can.
///
/// ```
/// use wattmill::{catalog::Catalog, check_fleet};
/// let checked = check_fleet("name = 3\n", Catalog::builtin());
/// assert!(checked.fleet.is_none() && checked.diagnostics.has_errors());
/// ```
pub fn check_fleet(text: &str, catalog: &Catalog) -> CheckedFleet {
    let parsed = parse_fleet(text, catalog);
    let mut diagnostics = parsed.diagnostics;
    let Some(fleet) = parsed.fleet else {
        return CheckedFleet { fleet: None, diagnostics };
    };
    match levels(&fleet, catalog) {
        Err(refused) => {
            for refusal in &refused {
                diagnostics.push(told_of(&parsed.spans, refusal));
            }
        }
        Ok(engines) => {
            for (pool, levels) in fleet.pools.iter().zip(&engines) {
                let PoolRole::Prefill { decode, .. } = pool.role else { continue };
                let (ours, theirs) = (levels.engine(), engines[decode].engine());
                let paired = Pairing::of(&ours.deployment, &theirs.deployment);
                for problem in paired.err().unwrap_or_default() {
                    let refusal = Refusal {
                        kind: "pool",
                        name: pool.name.clone(),
                        key: "hands_to",
                        curtailment: None,
                        problem: problem.to_string(),
                    };
                    diagnostics.push(told_of(&parsed.spans, &refusal));
                }
            }
        }
    }
    let fleet = (!diagnostics.has_errors()).then_some(fleet);
    CheckedFleet { fleet, diagnostics }
}

/// What speaks against a pool or site; the problem ends in its way out.
fn told_of(spans: &Spans, refusal: &Refusal) -> Diagnostic {
    let Refusal { kind, name, key, curtailment, problem } = refusal;
    let of_it = |index: usize| spans.near("curtailment", &index.to_string(), "power");
    let span = curtailment.and_then(of_it).or_else(|| spans.near(kind, name, key)).unwrap_or(0..0);
    let (problem, help) = problem.split_once("; ").unwrap_or((problem, ""));
    let message = format!("{kind} `{name}`: {problem}");
    let diagnostic = Diagnostic::error(span, message, "cannot be run");
    if help.is_empty() { diagnostic } else { diagnostic.with_help(help) }
}

/// Answers `asks`, which come in order of arrival, with a checked fleet.
///
/// Which service a request is of is drawn by the services' shares, the same for all requests of one
/// `group` (a conversation, or the request alone). `on_answer` gets every answer; `on_progress` may
/// stop the run, whereupon what was asked is answered.
///
/// # Errors
/// What speaks against the fleet, as [`check_fleet`] would have said.
pub fn serve(
    fleet: &Fleet,
    catalog: &Catalog,
    asks: impl Iterator<Item = Ask>,
    group: impl Fn(u64) -> u64,
    on_answer: impl FnMut(&Answer),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<ServedFleet, Vec<String>> {
    let served = serve_watched(fleet, catalog, asks, group, |_| Unwatched, on_answer, on_progress);
    served.map(|(served, _)| served)
}

/// As [`serve`], with the same answer, while what `watch` makes watches every step; it is given back.
///
/// # Errors
/// Likewise.
pub fn serve_watched<W: Watch>(
    fleet: &Fleet,
    catalog: &Catalog,
    asks: impl Iterator<Item = Ask>,
    group: impl Fn(u64) -> u64,
    watch: impl FnOnce(Traced) -> W,
    on_answer: impl FnMut(&Answer),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<(ServedFleet, W), Vec<String>> {
    let engines = levels(fleet, catalog).map_err(|refused| {
        refused.into_iter().map(|refusal| refusal.problem).collect::<Vec<_>>()
    })?;
    let shares = Shares::new(fleet);
    let mut asks = asks.map(|ask| Ask { service: shares.service(group(ask.request.id)), ..ask });
    let tried = (0..fleet.pools.len()).any(|pool| is_tried(fleet, pool));
    let first: Vec<Ask> = asks.by_ref().take(if tried { TRIED } else { 0 }).collect();
    let chips = fleet.pools.iter().map(|pool| &pool.hardware.accelerator);
    let mut warnings: Vec<String> = chips.filter_map(|chip| chip.power_unknown()).collect();
    warnings.dedup();
    let borne: Vec<Borne> = (0..fleet.pools.len())
        .map(|pool| borne(fleet, pool, &engines[pool], &first, &mut warnings))
        .collect();
    let spec = world(fleet, &engines, &borne)?;
    let watch = watch(traced(fleet, &engines));
    let mut world = World::watched(spec, watch)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let asks = first.into_iter().chain(asks);
    let flow = world.run(asks, SimTime::MAX, on_answer, on_progress);
    world.close_series();
    let told = told(fleet, catalog, &engines, &world, flow.is_break());
    let pools = told.pools.into_iter().zip(borne);
    let pools = pools.map(|(pool, borne)| ServedPool { sustained: borne.sustained, ..pool });
    let pools = pools.collect();
    Ok((ServedFleet { pools, warnings, ..told }, world.into_watch()))
}

/// What a trace says of a fleet.
fn traced(fleet: &Fleet, engines: &[Levels<'_>]) -> Traced {
    let pool = |(pool, levels): (&FleetPool, &Levels<'_>)| TracedPool {
        name: pool.name.clone(),
        about: format!("{}, {}", fleet.sites[pool.site].name, role(pool)),
        replicas: most_replicas(pool),
        idle: levels.engine().idle_power(),
    };
    Traced {
        title: fleet.name.clone(),
        pools: fleet.pools.iter().zip(engines).map(pool).collect(),
        services: fleet.services.iter().map(|service| service.name.clone()).collect(),
        regions: fleet.regions.iter().map(|region| region.name.clone()).collect(),
    }
}

/// Replicas that a pool can have.
fn most_replicas(pool: &FleetPool) -> u32 {
    pool.scale.map_or(pool.replicas, |scale| scale.maximum)
}

/// Which part of a request a pool does.
const fn role(pool: &FleetPool) -> &'static str {
    match pool.role {
        PoolRole::Both => "both",
        PoolRole::Prefill { .. } => "prefill",
        PoolRole::Decode => "decode",
    }
}

/// Shares of services among the requests.
struct Shares {
    seed: u64,
    /// Ends of the services' parts of 0 to 1.
    ends: Vec<f64>,
}

impl Shares {
    fn new(fleet: &Fleet) -> Self {
        let all: f64 = fleet.services.iter().map(|service| service.share).sum();
        let mut end = 0.0;
        let part = |service: &FleetService| {
            end += service.share / all;
            end
        };
        Self { seed: fleet.seed, ends: fleet.services.iter().map(part).collect() }
    }

    fn service(&self, group: u64) -> u16 {
        if let [_] = self.ends.as_slice() {
            return 0;
        }
        let drawn = Stream::new(self.seed, "service", group).uniform();
        let last = self.ends.len() - 1;
        self.ends.iter().position(|end| drawn < *end).unwrap_or(last) as u16
    }
}

/// Attention groups of a replica with batches of their own, and the limits of each.
fn groups(pool: &FleetPool, engine: &Engine<'_>) -> (BatchLimits, u32) {
    let groups = if pool.own_batches { engine.deployment.spec.layout.data_attention } else { 1 };
    let limits = engine.limits.of_group(groups);
    (BatchLimits { prefix_caching: pool.prefix_caching, ..limits }, groups)
}

/// What a replica of a pool bears, as far as anybody asks.
#[derive(Clone, Debug, Default)]
struct Borne {
    /// Requests a second inside the SLO, for an autoscaler.
    sustained: Option<f64>,
    /// Requests in hand inside the SLO by power level, for a choice among pools.
    room: Vec<u32>,
}

/// The pool at `index` and those that hand over to it: who is asked what it gets.
fn asked_through(fleet: &Fleet, index: usize) -> impl Iterator<Item = &FleetPool> {
    let hands_over = move |pool: &FleetPool| matches!(pool.role, PoolRole::Prefill { decode, .. } if decode == index);
    let pools = fleet.pools.iter().enumerate();
    pools.filter(move |(at, pool)| *at == index || hands_over(pool)).map(|(_, pool)| pool)
}

/// Whether some service has a choice of this pool and others, or of one that hands over to it.
fn is_chosen(fleet: &Fleet, index: usize) -> bool {
    let of = |service| fleet.pools.iter().filter(move |pool| pool.services.contains(service));
    asked_through(fleet, index).flat_map(|pool| &pool.services).any(|s| of(s).count() > 1)
}

/// Whether anybody wants to know what a replica of it bears.
fn is_tried(fleet: &Fleet, index: usize) -> bool {
    fleet.pools[index].scale.is_some() || is_chosen(fleet, index)
}

/// What a replica bears of the `first` requests, as far as anybody wants to know.
fn borne(
    fleet: &Fleet,
    index: usize,
    levels: &Levels<'_>,
    first: &[Ask],
    warnings: &mut Vec<String>,
) -> Borne {
    if !is_tried(fleet, index) {
        return Borne::default();
    }
    let pool = &fleet.pools[index];
    let find = |engine: &Engine<'_>| {
        Trial::new(fleet, index, &engine.surface, groups(pool, engine), first).find()
    };
    let found = find(levels.engine());
    let sustained = sustains(pool, found, warnings);
    let mut room = Vec::new();
    if let (Some(found), true) = (found, is_chosen(fleet, index)) {
        let others = levels.engines.iter().skip(1).filter_map(find);
        let all = std::iter::once(found).chain(others);
        // Where no rate keeps the SLO, others are better for all but one.
        room.extend(all.map(|found| (found.in_hand.round() as u32).max(1)));
    }
    Borne { sustained, room }
}

/// Requests a second that the autoscaler of a pool takes a replica to sustain, if it has one: as
/// stated, or as found. Warns of what was stated and does not hold.
fn sustains(pool: &FleetPool, found: Option<Found>, warnings: &mut Vec<String>) -> Option<f64> {
    let scale = pool.scale?;
    let Some(Found { sustained, finished, .. }) = found else {
        return Some(scale.sustained.unwrap_or(1.0));
    };
    let mut warn = |what: String| warnings.push(format!("pool `{}`: {what}", pool.name));
    let Some(found) = sustained else {
        warn(format!(
            "one replica keeps the SLO at no rate of these requests; its autoscaler follows the \
             {finished:.3} a second that it finishes"
        ));
        return Some(scale.sustained.unwrap_or(finished));
    };
    if let Some(stated) = scale.sustained.filter(|stated| *stated > found * TOLERATED) {
        warn(format!(
            "`sustained = {stated}` is more than the {found:.3} requests a second that one replica \
             sustains of these inside the SLO, so that its autoscaler starts too few; lower it, or \
             leave it out to have it found"
        ));
    }
    Some(scale.sustained.unwrap_or(found))
}

/// The fleet as a world.
fn world<'e>(
    fleet: &Fleet,
    engines: &'e [Levels<'_>],
    borne: &[Borne],
) -> Result<WorldSpec<&'e StepSurface>, Vec<String>> {
    let mut pools = Vec::new();
    for (index, levels) in engines.iter().enumerate() {
        let (pool, worth) = (&fleet.pools[index], price::of(fleet, engines, index));
        pools.push(PoolSpec {
            price: worth.money,
            carbon_g: worth.carbon_g,
            ..pool_spec(pool, goal(fleet, pool), levels, &borne[index])
        });
    }
    for (index, pool) in fleet.pools.iter().enumerate() {
        let PoolRole::Prefill { decode, short } = pool.role else { continue };
        let [ours, theirs] = [index, decode].map(|at| &engines[at].engine().deployment);
        let pairing = Pairing::of(ours, theirs)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        pools[index].part = Duty::Prefill(Handover {
            decode: decode as u16,
            bytes_per_token: pairing.cache_per_token.as_bytes().round() as u64,
            latency: pairing.latency,
            short,
        });
        pools[index].port_bytes_per_s = pairing.sends.as_bytes_per_s() as u64;
        pools[decode].port_bytes_per_s = pairing.receives.as_bytes_per_s() as u64;
    }
    let site = |site: &wattmill_config::FleetSite| SiteSpec {
        name: site.name.clone(),
        outages: site
            .outages
            .iter()
            .map(|(from, until)| Outage { from: *from, until: *until })
            .collect(),
    };
    let mut regions: Vec<RegionSpec> = fleet
        .regions
        .iter()
        .map(|region| RegionSpec {
            name: region.name.clone(),
            local_start: region.clock,
            weights: region.weights,
            latency: region.latency.clone(),
        })
        .collect();
    if regions.is_empty() {
        regions.push(RegionSpec {
            name: "everywhere".to_owned(),
            local_start: SimTime::ZERO,
            weights: [1.0; 24],
            latency: vec![SimTime::ZERO; fleet.sites.len()],
        });
    }
    let service = |service: &FleetService| ServiceSpec {
        name: service.name.clone(),
        limits: Some(Limits::from(&service.slo)),
        priority: service.priority,
        patience: service.patience,
    };
    Ok(WorldSpec {
        seed: fleet.seed,
        services: fleet.services.iter().map(service).collect(),
        regions,
        sites: fleet.sites.iter().map(site).collect(),
        pools,
        choice: fleet.choice,
        most_resends: fleet.most_resends,
        row: Some(fleet.row),
    })
}

/// Share of the requests of a pool that are to keep their SLO, as its services promise together.
fn goal(fleet: &Fleet, pool: &FleetPool) -> f64 {
    let services = || pool.services.iter().map(|service| &fleet.services[*service]);
    let asked: f64 = services().map(|service| service.share).sum();
    let kept: f64 = services().map(|service| service.share * service.slo.quantile).sum();
    // A pool that only decodes answers what others are asked.
    if asked > 0.0 { kept / asked } else { ScaleRules::default().goal.as_fraction() }
}

fn pool_spec<'e>(
    pool: &FleetPool,
    goal: f64,
    levels: &'e Levels<'_>,
    borne: &Borne,
) -> PoolSpec<&'e StepSurface> {
    let engine = levels.engine();
    let (limits, groups) = groups(pool, engine);
    let batch = limits.max_seqs.saturating_mul(groups);
    let scale = pool.scale.zip(borne.sustained).map(|(scale, sustained)| Scale {
        rules: ScaleRules {
            minimum: scale.minimum,
            maximum: scale.maximum,
            target: Ratio::from_fraction(scale.target),
            startup: pool.start_up,
            settle: scale.settle,
            cool_down: scale.cool_down,
            goal: Ratio::from_fraction(goal),
            ..ScaleRules::default()
        },
        every: scale.every,
        sustained,
    });
    PoolSpec {
        name: pool.name.clone(),
        site: pool.site as u16,
        services: pool.services.iter().map(|service| *service as u16).collect(),
        replicas: most_replicas(pool),
        ready: pool.replicas,
        limits,
        groups,
        price: Money::ZERO,
        carbon_g: 0.0,
        models: levels.engines.iter().map(|engine| &engine.surface).collect(),
        levels: levels.changes.clone(),
        idle: engine.idle_power().unwrap_or(Power::ZERO),
        router: pool.router,
        part: Duty::Whole,
        port_bytes_per_s: 0,
        failures: pool
            .failures
            .map(|failures| Failures { between: failures.between, repair: failures.repair }),
        start_up: pool.start_up,
        in_hand: pool.in_hand.unwrap_or_else(|| batch.saturating_mul(BATCHES_IN_HAND)),
        room: borne.room.clone(),
        queue: QueueLimits { requests: pool.queue, ..QueueLimits::NONE },
        scale,
    }
}

/// What the world has to tell.
fn told<W: Watch>(
    fleet: &Fleet,
    catalog: &Catalog,
    engines: &[Levels<'_>],
    world: &World<&StepSurface, W>,
    interrupted: bool,
) -> ServedFleet {
    let span = world.now().as_seconds();
    let over_span =
        |count: u64| if span > Seconds::ZERO { count as f64 / span.as_s() } else { 0.0 };
    let mut pools: Vec<ServedPool> = (0..)
        .zip(fleet.pools.iter().zip(engines))
        .map(|(index, (pool, levels))| served_pool(fleet, catalog, pool, levels, world, index))
        .collect();
    let services = (0..).zip(&fleet.services).map(|(index, service)| {
        let (tally, requests) = (world.service_tally(index), world.service_requests(index));
        ServedService {
            name: service.name.clone(),
            slo: (service.slo.ttft, service.slo.tpot, service.slo.quantile),
            asked: requests.asked(),
            finished: requests.finished(),
            within: tally.within_limits,
            rejected: requests.rejected(),
            shed: requests.was_shed(),
            lost: requests.lost(),
            goodput_per_s: over_span(tally.within_limits),
            output_tokens: tally.output_tokens,
            ttft: Latency::of_ns(&tally.ttft),
            tpot: Latency::of_ns(&tally.tpot),
            end_to_end: Latency::of_ns(&tally.e2e),
            bars: bars_of(fleet, &pools, |pool| pool.services.contains(&usize::from(index))),
        }
    });
    let services: Vec<ServedService> = services.collect();
    let books = world.books();
    let Bill { facility_energy, cost, energy_cost, carbon_g, providers, by_pool } =
        Bill::of(fleet, engines, world, &pools);
    for (pool, paid) in pools.iter_mut().zip(by_pool) {
        let made = pool.output_tokens() as f64 / 1e6;
        let paid = paid.filter(|_| made > 0.0);
        pool.cost_per_million = paid.map(|(machines, energy)| (machines + energy) / made);
        pool.cost_interval = paid
            .and_then(|(machines, energy)| cost_interval(machines + energy, energy, &pool.bars));
    }
    let all = bars_of(fleet, &pools, |_| true);
    let cost_interval =
        cost.zip(energy_cost).and_then(|(cost, energy)| cost_interval(cost, energy, &all));
    let delivered = books.tokens_delivered as f64 / 1e6;
    let transfers = world.transfers();
    let terms = terms(fleet, engines);
    ServedFleet {
        interrupted,
        span,
        services,
        regions: fleet.regions.iter().map(|region| region.name.clone()).collect(),
        rows: world.rows().iter().map(|row| served_row(&terms, row)).collect(),
        imbalance: books.check().err().map(|why| why.to_string()),
        books,
        transfers: ServedTransfers {
            count: transfers.waits.count(),
            bytes: transfers.bytes as f64,
            wait: Latency::of_ns(&transfers.waits),
        },
        facility_energy,
        cost,
        cost_per_million_output: cost.filter(|_| delivered > 0.0).map(|cost| cost / delivered),
        cost_interval,
        carbon_g,
        providers,
        pools,
        warnings: Vec::new(),
        answer_hash: world.fingerprint(),
    }
}

/// The widest error bars of the pools that are meant and did something; of times, those that have a
/// part in them.
fn bars_of(fleet: &Fleet, pools: &[ServedPool], meant: impl Fn(&FleetPool) -> bool) -> ServingBars {
    let of = |role: &str, bar: fn(&ServingBars) -> Option<Interval>, worse: fn(f64, f64) -> f64| {
        let all = fleet.pools.iter().zip(pools);
        let those = all
            .filter(|(pool, served)| meant(pool) && served.usage.steps > 0 && served.role != role);
        widest(those.map(|(_, served)| bar(&served.bars)), worse)
    };
    ServingBars {
        ttft: of("decode", |bars| bars.ttft, f64::max),
        tpot: of("prefill", |bars| bars.tpot, f64::max),
        throughput: of("", |bars| bars.throughput, f64::min),
        energy: of("", |bars| bars.energy, f64::max),
        power: of("", |bars| bars.power, f64::max),
    }
}

/// Between which shares of the cost of a token measurements would put it, as an interval.
fn cost_interval(cost: Money, energy_cost: Money, bars: &ServingBars) -> Option<Interval> {
    let (throughput, energy) = (bars.throughput?, bars.energy?);
    let share = if cost > Money::ZERO { energy_cost.as_usd() / cost.as_usd() } else { 0.0 };
    let [low, high] = cost_factors(share, &throughput, &energy);
    Some(Interval {
        low,
        median: (1.0 - share) / throughput.median + share * energy.median,
        high,
        rows: throughput.rows.min(energy.rows),
        inside: throughput.inside && energy.inside,
    })
}

fn served_pool<W: Watch>(
    fleet: &Fleet,
    catalog: &Catalog,
    pool: &FleetPool,
    levels: &Levels<'_>,
    world: &World<&StepSurface, W>,
    index: u16,
) -> ServedPool {
    let engine = levels.engine();
    let span_s = world.now().as_seconds().as_s();
    let usage = world.pool_usage(index);
    let (on_s, busy_s) = (
        world.pool_on_ns(index) as f64 * 1e-9,
        wattmill_units::Ticks::from_raw(1).as_seconds().as_s()
            * world.pool_busy_ticks(index) as f64,
    );
    let energy = engine.idle_power().map(|_| world.pool_energy(index));
    let prompts = usage.prefill_tokens + usage.cached_tokens;
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    // Of the deepest cap that its site ever leaves it.
    let deepest = levels.engines.last().unwrap_or(engine);
    let bars = Load::of_usage(&usage)
        .map(|load| serving_bars(catalog, &deepest.deployment, load))
        .unwrap_or_default();
    ServedPool {
        name: pool.name.clone(),
        site: fleet.sites[pool.site].name.clone(),
        provider: pool.provider.map(|provider| fleet.providers[provider].name.clone()),
        engine: engine_name(&pool.model.id, &pool.hardware.system.id, &engine.deployment.spec),
        role: role(pool),
        router: pool.router.name(),
        replicas: most_replicas(pool),
        replicas_on: share(on_s, span_s),
        accelerators: engine.accelerators(),
        groups: groups(pool, engine).1,
        cache: (engine.limits.blocks, engine.limits.block_tokens),
        batch_mean: share(usage.decode_tokens as f64, usage.steps as f64),
        busy: share(busy_s, on_s),
        preemptions: world.pool_tally(index).preemptions,
        hit_rate: pool.prefix_caching.then(|| share(usage.cached_tokens as f64, prompts as f64)),
        energy,
        power: energy.map(|energy| Power::from_watts(share(energy.as_joules(), span_s))),
        caps: levels
            .caps()
            .into_iter()
            .map(|(from, accelerator)| ServedCap { from: from.as_seconds(), accelerator })
            .collect(),
        sustained: None,
        usage,
        bars,
        cost_per_million: None,
        cost_interval: None,
    }
}

/// What pools used, paid and emitted.
struct Bill {
    facility_energy: Option<Energy>,
    cost: Option<Money>,
    /// Its part for energy.
    energy_cost: Option<Money>,
    carbon_g: Option<f64>,
    /// What accelerators and energy of each pool cost; `None` where not both are known.
    by_pool: Vec<Option<(Money, Money)>>,
    /// In the order of the file; those that have machines of their own last.
    providers: Vec<ServedProvider>,
}

impl Bill {
    fn of<W: Watch>(
        fleet: &Fleet,
        engines: &[Levels<'_>],
        world: &World<&StepSurface, W>,
        pools: &[ServedPool],
    ) -> Self {
        let mut facility_energy = Some(Energy::ZERO);
        let mut carbon_g = Some(0.0);
        let mut by_pool = Vec::new();
        let names = fleet.providers.iter().map(|provider| Some(provider.name.clone()));
        let mut providers: Vec<ServedProvider> =
            names.chain([None]).map(ServedProvider::new).collect();
        for (index, (pool, served)) in (0..).zip(fleet.pools.iter().zip(pools)) {
            let site = &fleet.sites[pool.site];
            let used = served.energy.map(|energy| energy * site.pue);
            facility_energy = facility_energy.zip(used).map(|(sum, used)| sum + used);
            let on_hours = world.pool_on_ns(index) as f64 / 3.6e12;
            let accelerators = engines[usize::from(index)].engine().accelerators();
            let hours = on_hours * f64::from(accelerators);
            let paid = energy_price(fleet, pool).and_then(|price| paid(used, price));
            let own = providers.len() - 1;
            let part = &mut providers[pool.provider.unwrap_or(own)];
            part.pools += 1;
            part.accelerator_hours += hours;
            let machines = pool.accelerator_hour.map(|each| each * hours);
            by_pool.push(machines.zip(paid));
            part.accelerators = part.accelerators.zip(machines).map(|(sum, paid)| sum + paid);
            part.energy = part.energy.zip(paid).map(|(sum, paid)| sum + paid);
            part.output_tokens += served.output_tokens();
            let emitted = site
                .carbon
                .zip(used)
                .map(|(carbon, used)| carbon.as_g_per_kwh() * used.as_mwh() * 1e3);
            carbon_g = carbon_g.zip(emitted).map(|(sum, emitted)| sum + emitted);
        }
        let cost: Option<Money> = providers.iter().map(ServedProvider::cost).sum();
        let energy_cost = providers.iter().map(|provider| provider.energy).sum();
        providers.retain(|provider| provider.name.is_some() || provider.pools > 0);
        if fleet.providers.is_empty() {
            providers.clear();
        }
        Self { facility_energy, cost, energy_cost, carbon_g, by_pool, providers }
    }
}

/// What a pool pays for energy of the facility: nothing where its provider includes it.
fn energy_price(fleet: &Fleet, pool: &FleetPool) -> Option<EnergyPrice> {
    match pool.provider {
        Some(provider) if fleet.providers[provider].energy_included => Some(EnergyPrice::ZERO),
        _ => fleet.sites[pool.site].price,
    }
}

/// What energy costs at a price; where it is not known how much it is, only nothing is known to be paid.
pub(crate) fn paid(used: Option<Energy>, price: EnergyPrice) -> Option<Money> {
    match used {
        Some(used) => Some(used * price),
        None => (price == EnergyPrice::ZERO).then_some(Money::ZERO),
    }
}

/// What the rows of the pools are told by.
fn terms(fleet: &Fleet, engines: &[Levels<'_>]) -> Vec<PoolTerms> {
    let of = |(pool, levels): (&FleetPool, &Levels<'_>)| {
        let (site, engine) = (&fleet.sites[pool.site], levels.engine());
        let accelerators = f64::from(engine.accelerators());
        PoolTerms {
            idle: engine.idle_power(),
            pue: site.pue,
            price: energy_price(fleet, pool),
            replica_hour: pool.accelerator_hour.map(|each| each * accelerators),
        }
    };
    fleet.pools.iter().zip(engines).map(of).collect()
}
