//! A stream of requests on a fleet of equal replicas.

use std::ops::ControlFlow;

use wattmill_perf::{StepModel, StepTable};
use wattmill_plan::Engine;
use wattmill_policy::{BatchLimits, QueueLimits, RouterKind, SiteRules};
use wattmill_report::{ServedRow, Traced, TracedPool};
use wattmill_sim::{
    Ask, Duty, Finished, Fleet, Limits, PoolSpec, Progress, RegionSpec, Row, ServiceSpec, Setup,
    SiteSpec, Summary, Tally, Unwatched, Usage, Watch, World, WorldProblem, WorldSpec,
};
use wattmill_units::{Money, Power, SimTime};

use crate::rows::{PoolTerms, served_row};

/// What prices the steps of a replica.
pub enum Pricing<'a> {
    /// The performance model.
    Engine(Box<Engine<'a>>),
    /// A user's own step times, with batching limits of their own.
    Table(StepTable, BatchLimits),
}

impl Pricing<'_> {
    /// KV blocks of a replica and tokens in each; `None` where memory is not modelled.
    pub fn cache(&self) -> Option<(u64, u32)> {
        let limits = self.limits();
        (limits.blocks < BatchLimits::UNLIMITED_BLOCKS)
            .then_some((limits.blocks, limits.block_tokens))
    }

    /// Batching limits of a replica.
    pub const fn limits(&self) -> &BatchLimits {
        match self {
            Self::Engine(engine) => &engine.limits,
            Self::Table(_, limits) => limits,
        }
    }

    /// What a trace of `replicas` of it says of them; `engine` describes one, `title` all of it.
    pub fn traced(&self, title: &str, engine: &str, replicas: u32) -> Traced {
        Traced {
            title: title.to_owned(),
            pools: vec![TracedPool {
                name: "replica".to_owned(),
                about: engine.to_owned(),
                replicas,
                idle: self.setup(replicas).idle_power,
            }],
            services: vec!["requests".to_owned()],
            regions: Vec::new(),
        }
    }

    /// What a reader should know of its answers: why nothing is known of watts, where nothing states the
    /// accelerator's power limit.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Engine(engine) => {
                engine.deployment.accelerator.power_unknown().into_iter().collect()
            }
            Self::Table(..) => Vec::new(),
        }
    }

    fn setup(&self, replicas: u32) -> Setup {
        match self {
            Self::Engine(engine) => engine.setup(replicas),
            Self::Table(_, limits) => Setup { replicas, limits: *limits, idle_power: None },
        }
    }
}

/// How a stream is spread over equal replicas and what they keep of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Serving {
    /// Replicas, at least 1.
    pub replicas: u32,
    /// Who chooses among them.
    pub router: RouterKind,
    /// Whether replicas keep the beginnings of prompts for others that begin alike.
    pub prefix_caching: bool,
    /// Whether each attention group has a batch of its own and waits for the slowest in every step;
    /// otherwise the batch is dealt to them evenly, which is never slower.
    pub own_batches: bool,
    /// Most requests that wait in front of the router once every batch is full; more are turned away.
    /// `None`: none wait there, but at the replicas.
    pub most_waiting: Option<u32>,
    /// Most requests that wait at each replica, where none do in front of the router; more are turned
    /// away, so that memory is bounded whatever comes.
    pub most_queued: u32,
    /// Length of a row of the time series; `None` for no series.
    pub row: Option<SimTime>,
}

impl Serving {
    /// A million requests, 24 MB: more than a replica answers in hours.
    pub const MOST_QUEUED: u32 = 1_000_000;

    /// `replicas` in turn, none of which keeps anything.
    ///
    /// ```
    /// assert_eq!(wattmill::Serving::plain(4).replicas, 4);
    /// ```
    pub const fn plain(replicas: u32) -> Self {
        Self {
            replicas,
            router: RouterKind::RoundRobin,
            prefix_caching: false,
            own_batches: false,
            most_waiting: None,
            most_queued: Self::MOST_QUEUED,
            row: None,
        }
    }

    /// Whether replicas can run one after the other: nobody looks at them, nothing is kept.
    fn is_plain(&self) -> bool {
        let Self { replicas, most_queued, row, .. } = *self;
        *self == Self { most_queued, row, ..Self::plain(replicas) }
    }
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// In the field's terms.
    pub summary: Summary,
    /// Distributions, for pictures.
    pub tally: Tally,
    /// What the replicas did.
    pub usage: Usage,
    /// Requests that came.
    pub requests: u64,
    /// Of them, those that were turned away because too many waited.
    pub shed: u64,
    /// Whether it was stopped before the last request; what was handed out is answered.
    pub interrupted: bool,
    /// Rows of the time series, of one service, one region and one pool.
    pub rows: Vec<ServedRow>,
}

/// Runs `asks`, in order of arrival, on equal replicas.
///
/// `on_finish` gets each finished request with its replica; `on_progress` may stop the run.
///
/// # Errors
/// What cannot be of the replicas, such as more attention groups than a batch has places.
pub fn replay(
    pricing: &Pricing<'_>,
    serving: &Serving,
    limits: Option<Limits>,
    asks: impl Iterator<Item = Ask>,
    on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Replayed, Vec<WorldProblem>> {
    let setup = pricing.setup(serving.replicas);
    match pricing {
        Pricing::Engine(engine) if serving.is_plain() => {
            Ok(in_turn(&engine.surface, &setup, serving, limits, asks, on_finish, on_progress))
        }
        Pricing::Table(table, _) if serving.is_plain() => {
            Ok(in_turn(table, &setup, serving, limits, asks, on_finish, on_progress))
        }
        _ => {
            let watched =
                replay_watched(pricing, serving, limits, asks, Unwatched, on_finish, on_progress);
            watched.map(|(replayed, _)| replayed)
        }
    }
}

/// As [`replay`], with the same answer, while `watch` watches every step; it is given back.
///
/// # Errors
/// Likewise.
pub fn replay_watched<W: Watch>(
    pricing: &Pricing<'_>,
    serving: &Serving,
    limits: Option<Limits>,
    asks: impl Iterator<Item = Ask>,
    watch: W,
    on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<(Replayed, W), Vec<WorldProblem>> {
    let setup = pricing.setup(serving.replicas);
    match pricing {
        Pricing::Engine(engine) => {
            let groups =
                if serving.own_batches { engine.deployment.spec.layout.data_attention } else { 1 };
            let spec = world(&engine.surface, &setup, serving, groups, limits);
            side_by_side(spec, &setup, asks, watch, on_finish, on_progress)
        }
        Pricing::Table(table, _) => {
            let spec = world(table, &setup, serving, 1, limits);
            side_by_side(spec, &setup, asks, watch, on_finish, on_progress)
        }
    }
}

fn in_turn<M: StepModel>(
    model: &M,
    setup: &Setup,
    serving: &Serving,
    limits: Option<Limits>,
    asks: impl Iterator<Item = Ask>,
    on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Replayed {
    let fleet = Fleet::new(setup.replicas, setup.limits, Tally::new(limits));
    let mut fleet = fleet.with_queue(serving.most_queued);
    // Whoever no replica can hold does not take a turn of one.
    let mut rejected = Vec::new();
    let requests = asks.map(|ask| ask.request).filter(|request| {
        let possible = setup.limits.can_ever_run(request.input, request.output);
        if !possible {
            rejected.push(request.arrival);
        }
        possible
    });
    let (flow, mut rows) = match serving.row {
        None => (fleet.run(model, requests, on_finish, on_progress), Vec::new()),
        Some(row) => fleet.run_in_rows(model, requests, (row, limits), on_finish, on_progress),
    };
    for at in &rejected {
        let place = rows.partition_point(|row| row.until <= *at).min(rows.len().saturating_sub(1));
        if let Some(row) = rows.get_mut(place) {
            row.services[0].asked += 1;
            row.services[0].rejected += 1;
            row.regions[0] += 1;
        }
    }
    let rejected = rejected.len() as u64;
    let (mut tally, usage) = (fleet.tally().clone(), fleet.usage());
    tally.rejected += rejected;
    Replayed {
        summary: Summary::new(&tally, &usage, setup, tally.last_finish),
        requests: fleet.routed() + rejected,
        shed: fleet.was_shed(),
        interrupted: flow.is_break(),
        rows: told(setup, &rows),
        tally,
        usage,
    }
}

/// Rows of equal replicas, of which no price is known.
fn told(setup: &Setup, rows: &[Row]) -> Vec<ServedRow> {
    let terms = [PoolTerms { idle: setup.idle_power, pue: 1.0, price: None, replica_hour: None }];
    rows.iter().map(|row| served_row(&terms, row)).collect()
}

/// One pool at one site next door.
fn world<'m, M: StepModel>(
    model: &'m M,
    setup: &Setup,
    serving: &Serving,
    groups: u32,
    limits: Option<Limits>,
) -> WorldSpec<&'m M> {
    let whole = setup.limits;
    let limits_of_group =
        BatchLimits { prefix_caching: serving.prefix_caching, ..whole.of_group(groups) };
    let (in_hand, queue) = match serving.most_waiting {
        None => (u32::MAX, QueueLimits { requests: serving.most_queued, ..QueueLimits::NONE }),
        Some(requests) => (whole.max_seqs, QueueLimits { requests, ..QueueLimits::NONE }),
    };
    WorldSpec {
        seed: 0,
        services: vec![ServiceSpec { name: "all".to_owned(), limits, priority: 0, patience: None }],
        regions: vec![RegionSpec {
            name: "here".to_owned(),
            local_start: SimTime::ZERO,
            weights: [1.0; 24],
            latency: vec![SimTime::ZERO],
        }],
        sites: vec![SiteSpec { name: "here".to_owned(), outages: Vec::new() }],
        pools: vec![PoolSpec {
            name: "replicas".to_owned(),
            site: 0,
            price: Money::ZERO,
            carbon_g: 0.0,
            services: vec![0],
            replicas: setup.replicas,
            ready: setup.replicas,
            limits: limits_of_group,
            groups,
            models: vec![model],
            levels: Vec::new(),
            idle: setup.idle_power.unwrap_or(Power::ZERO),
            router: serving.router,
            part: Duty::Whole,
            port_bytes_per_s: 0,
            failures: None,
            start_up: SimTime::ZERO,
            in_hand,
            room: Vec::new(),
            queue,
            scale: None,
        }],
        choice: SiteRules::default(),
        most_resends: 0,
        row: serving.row,
    }
}

fn side_by_side<M: StepModel, W: Watch>(
    spec: WorldSpec<M>,
    setup: &Setup,
    asks: impl Iterator<Item = Ask>,
    watch: W,
    mut on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<(Replayed, W), Vec<WorldProblem>> {
    let mut world = World::watched(spec, watch)?;
    let alone = |ask: Ask| Ask { service: 0, ..ask };
    let flow = world.run(
        asks.map(alone),
        SimTime::MAX,
        |answer| on_finish(answer.replica, &answer.done),
        on_progress,
    );
    let requests = world.books().requests;
    // As clients see it, but for the gaps between tokens and the rejections, which are the pool's.
    let mut tally = world.service_tally(0).clone();
    tally.gaps = world.pool_tally(0).gaps.clone();
    tally.rejected = requests.rejected();
    let usage = world.pool_usage(0);
    world.close_series();
    let replayed = Replayed {
        rows: told(setup, world.rows()),
        summary: Summary::new(&tally, &usage, setup, tally.last_finish),
        requests: requests.asked(),
        shed: requests.was_shed(),
        interrupted: flow.is_break(),
        tally,
        usage,
    };
    Ok((replayed, world.into_watch()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_catalog::{Catalog, Precision};
    use wattmill_factory::{EngineSpec, Hardware, Layout};
    use wattmill_policy::Segment;
    use wattmill_report::PerfettoWriter;
    use wattmill_sim::{Request, Window};

    fn asks() -> Vec<Ask> {
        let ask = |id: u64| {
            let request = Request {
                id,
                arrival: SimTime::from_ns(id * 3_000_000),
                input: 600 + (id % 7) as u32 * 100,
                output: 20 + (id % 5) as u32 * 30,
            };
            let prompt = vec![Segment { content: id % 3, tokens: 512 }];
            Ask { prompt, ..Ask::alone(request) }
        };
        (0..600).map(ask).collect()
    }

    /// The same requests, whose prompts share nothing.
    fn unshared() -> Vec<Ask> {
        asks().into_iter().map(|ask| Ask::alone(ask.request)).collect()
    }

    /// Of DeepSeek-V3 with eight attention groups.
    fn replayed(serving: &Serving, asks: Vec<Ask>) -> Replayed {
        on_engine(|pricing| {
            let go = |_| ControlFlow::Continue(());
            replay(pricing, serving, None, asks.into_iter(), |_, _| {}, go).unwrap()
        })
    }

    fn on_engine<T>(run: impl FnOnce(&Pricing<'_>) -> T) -> T {
        let catalog = Catalog::builtin();
        let model = catalog.model("deepseek-v3").unwrap();
        let system = catalog.system("dgx-h200").unwrap().clone();
        let accelerator = catalog.accelerator(&system.accelerator).unwrap().clone();
        let hardware = Hardware { system, accelerator };
        let layout = Layout { expert: 8, data_attention: 8, ..Layout::tensor(1) };
        let spec = EngineSpec { max_seqs: 256, ..EngineSpec::new(layout, Precision::Fp8) };
        let engine = Engine::new(model, &hardware, catalog, spec).unwrap();
        run(&Pricing::Engine(Box::new(engine)))
    }

    #[test]
    fn a_trace_changes_no_answer_and_holds_every_token() {
        let mut asks = asks();
        // Longer than any replica can hold.
        asks[100].request.input = u32::MAX / 2;
        for serving in [
            Serving { row: Some(SimTime::from_ns(300_000_000)), ..Serving::plain(3) },
            Serving { own_batches: true, ..Serving::plain(1) },
            Serving { prefix_caching: true, most_waiting: Some(10), ..Serving::plain(2) },
        ] {
            let plain = replayed(&serving, asks.clone());
            let (traced, json) = on_engine(|pricing| {
                let traced = pricing.traced("a test", "an engine", serving.replicas);
                let watch = PerfettoWriter::new(Vec::new(), traced, Window::ALL);
                let (asks, go) = (asks.iter().cloned(), |_| ControlFlow::Continue(()));
                let (replayed, watch) =
                    replay_watched(pricing, &serving, None, asks, watch, |_, _| {}, go).unwrap();
                (replayed, String::from_utf8(watch.finish().unwrap().0).unwrap())
            });
            assert_eq!(traced.summary, plain.summary);
            assert_eq!((traced.usage, traced.tally), (plain.usage, plain.tally));
            assert_eq!(traced.rows, plain.rows);
            let sum = |arg: &str| {
                let key = format!("\"{arg}\":");
                let parts = json.split(&key).skip(1);
                parts
                    .map(|rest| {
                        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
                        rest[..digits].parse::<u128>().unwrap()
                    })
                    .sum::<u128>()
            };
            assert_eq!(sum("decodes"), traced.usage.decode_tokens.into());
            assert_eq!(sum("prefill_tokens"), traced.usage.prefill_tokens.into());
            // Of several attention groups the sum is divided by their number before it is told.
            assert_eq!(sum("energy_above_idle_nj"), traced.usage.dynamic_nj);
        }
    }

    #[test]
    fn side_by_side_is_in_turn_where_nobody_looks() {
        let row = Some(SimTime::from_ns(400_000_000));
        let serving = Serving { row, ..Serving::plain(2) };
        let plain = replayed(&serving, asks());
        assert_eq!(plain.summary, replayed(&Serving::plain(2), asks()).summary);
        // Caches that have nothing for anybody: the same replicas, run the other way.
        let world = replayed(&Serving { prefix_caching: true, ..serving }, unshared());
        assert_eq!(world.summary, plain.summary);
        assert_eq!(world.rows, plain.rows);
        assert!(plain.rows.len() > 5, "{}", plain.rows.len());
        let (mut asked, mut finished, mut joules) = (0, 0, 0.0);
        for row in &plain.rows {
            asked += row.all.asked;
            finished += row.all.finished;
            joules += row.pools[0].energy.unwrap().as_joules();
        }
        assert_eq!((asked, finished), (600, 600));
        let energy = plain.summary.energy.unwrap().as_joules();
        assert!((joules / energy - 1.0).abs() < 1e-9, "{joules} {energy}");
        assert_eq!((world.usage, world.requests, world.shed), (plain.usage, plain.requests, 0));
    }

    #[test]
    fn what_is_kept_is_not_computed_again() {
        let plain = replayed(&Serving::plain(2), asks());
        for router in RouterKind::ALL {
            let serving = Serving { router, prefix_caching: true, ..Serving::plain(2) };
            let kept = replayed(&serving, asks());
            assert_eq!(kept.summary.finished, 600, "{router}");
            let prompts = kept.usage.cached_tokens + kept.usage.prefill_tokens;
            assert_eq!(prompts, plain.usage.prefill_tokens, "{router}");
            assert!(kept.usage.cached_tokens > 250_000, "{router}: {}", kept.usage.cached_tokens);
            assert!(kept.summary.ttft.mean < plain.summary.ttft.mean, "{router}");
        }
    }

    #[test]
    fn groups_of_their_own_wait_for_the_slowest() {
        let even = replayed(&Serving::plain(1), asks());
        let own = replayed(&Serving { own_batches: true, ..Serving::plain(1) }, asks());
        assert_eq!(own.summary.finished, even.summary.finished);
        assert!(own.summary.tpot.mean > even.summary.tpot.mean);
    }

    #[test]
    fn a_queue_at_a_replica_ends_somewhere_either_way_it_is_run() {
        let row = Some(SimTime::from_ns(400_000_000));
        let mut many = unshared();
        // All at once, then some more that find less.
        many.iter_mut().take(500).for_each(|ask| ask.request.arrival = SimTime::ZERO);
        let serving = Serving { most_queued: 60, row, ..Serving::plain(1) };
        let plain = replayed(&serving, many.clone());
        assert!(plain.shed > 400 && plain.summary.finished > 60, "{}", plain.shed);
        assert_eq!(plain.summary.finished + plain.shed, 600);
        let told = |replayed: &Replayed| {
            replayed.rows.iter().map(|row| (row.all.asked, row.all.shed)).collect::<Vec<_>>()
        };
        assert_eq!(told(&plain).iter().map(|row| row.1).sum::<u64>(), plain.shed);
        // Caches that have nothing for anybody: the same replica, run the other way.
        let world = replayed(&Serving { prefix_caching: true, ..serving }, many.clone());
        assert_eq!((&world.summary, world.shed), (&plain.summary, plain.shed));
        assert_eq!(told(&world), told(&plain));
        // Rows change nothing, nor does a queue that nobody fills.
        let unseen = replayed(&Serving { row: None, ..serving }, many.clone());
        assert_eq!((&unseen.summary, unseen.shed), (&plain.summary, plain.shed));
        let free = replayed(&Serving::plain(1), many.clone());
        let wide = replayed(&Serving { most_queued: 600, ..Serving::plain(1) }, many);
        assert_eq!((free.summary, free.shed), (wide.summary, 0));
    }

    #[test]
    fn who_cannot_wait_is_turned_away() {
        let mut many = asks();
        many.iter_mut().for_each(|ask| ask.request.arrival = SimTime::ZERO);
        let serving = Serving { most_waiting: Some(10), ..Serving::plain(1) };
        let kept = replayed(&serving, many);
        assert_eq!((kept.summary.finished, kept.shed, kept.requests), (266, 334, 600));
    }
}
