//! A world of one pool is a fleet; whatever dies in a larger one, every request is accounted for.

mod choice;
mod handover;
mod watch;

use std::ops::ControlFlow;

use proptest::prelude::*;
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{
    BatchLimits, KvWeights, Preemption, Preference, PrefillOrder, QueueLimits, RouterKind,
    ScaleRules, Scheduling, Segment, SiteRules,
};
use wattmill_sim::{
    Answer, Ask, Books, Duty, Failures, Fleet, Handover, Limits, Outage, PoolSpec, RegionSpec,
    Request, Scale, ServiceSpec, SiteSpec, Tally, Usage, World, WorldProblem, WorldSpec,
};
use wattmill_units::{Histogram, Money, Power, SimTime, Stream, Ticks};

/// 5 ms a step, 20 µs a prompt token, 50 µs a decoding sequence, 1 µs for 64 tokens of context; all
/// of it `slower` times over.
#[derive(Clone, Copy, Debug)]
struct Simple {
    slower: u64,
}

impl StepModel for Simple {
    fn step(&self, shape: &StepShape) -> StepCost {
        let us = 5_000 + 20 * u64::from(shape.prefill.tokens) + 50 * u64::from(shape.decodes);
        let ns = (1_000 * us + 16 * shape.decode_context) * self.slower;
        StepCost { time: Ticks::from_raw(ns << Ticks::FRACTION_BITS), dynamic_nj: us }
    }
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let shape = StepShape { decodes, decode_context: context, ..StepShape::default() };
        let more = 16 * self.slower * u64::from(decodes);
        let growth =
            StepCost { time: Ticks::from_raw(more << Ticks::FRACTION_BITS), dynamic_nj: 0 };
        DecodeRun { first: self.step(&shape), growth, steps: u64::MAX }
    }
}

const fn ms(ms: u64) -> SimTime {
    SimTime::from_ns(ms * 1_000_000)
}

const LIMITS: Option<Limits> = Some(Limits { ttft: ms(500), tpot: ms(20) });

fn asks(seed: u64, count: u64, mean_gap_us: u64, services: u64) -> Vec<Ask> {
    let mut draws = Stream::new(seed, "asks", 0);
    let mut contents = Stream::new(seed, "contents", 0);
    let mut at = 0;
    let ask = |id| {
        // A third arrive together.
        if draws.below(3) > 0 {
            at += draws.below(3 * mean_gap_us * 1_000);
        }
        let input = if draws.below(20) == 0 { 2_000 } else { 1 + draws.below(300) as u32 };
        let output = if draws.below(9) == 0 { 1 } else { 1 + draws.below(120) as u32 };
        let request = Request { id, arrival: SimTime::from_ns(at), input, output };
        let service = draws.below(services) as u16;
        let mut prompt = Vec::new();
        if input >= 64 {
            // One of five system prompts, then one of seven documents.
            let system = contents.below(5);
            prompt.push(Segment { content: system, tokens: 32 });
            prompt.push(Segment { content: 100 + 7 * system + contents.below(7), tokens: 24 });
        }
        Ask { request, service, prompt, answer: None }
    };
    (0..count).map(ask).collect()
}

fn pool(replicas: u32, limits: BatchLimits, router: RouterKind) -> PoolSpec<Simple> {
    PoolSpec {
        name: "pool".to_owned(),
        site: 0,
        price: Money::from_usd(1.0),
        carbon_g: -1.0,
        services: vec![0],
        replicas,
        ready: replicas,
        limits,
        groups: 1,
        models: vec![Simple { slower: 1 }],
        levels: Vec::new(),
        idle: Power::from_watts(100.0),
        router,
        part: Duty::Whole,
        port_bytes_per_s: 0,
        failures: None,
        start_up: ms(3_000),
        in_hand: u32::MAX,
        room: Vec::new(),
        queue: QueueLimits::NONE,
        scale: None,
    }
}

fn service(priority: u8) -> ServiceSpec {
    ServiceSpec { name: "service".to_owned(), limits: LIMITS, priority, patience: None }
}

fn region(latency: Vec<SimTime>) -> RegionSpec {
    let name = "region".to_owned();
    RegionSpec { name, local_start: SimTime::ZERO, weights: [1.0; 24], latency }
}

fn site() -> SiteSpec {
    SiteSpec { name: "site".to_owned(), outages: Vec::new() }
}

/// One site, one region, no latency.
fn one_site(pools: Vec<PoolSpec<Simple>>) -> WorldSpec<Simple> {
    WorldSpec {
        seed: 5,
        services: vec![service(0)],
        regions: vec![region(vec![SimTime::ZERO])],
        sites: vec![site()],
        pools,
        choice: SiteRules::default(),
        most_resends: 2,
        row: None,
    }
}

fn run(world: &mut World<Simple>, asks: &[Ask]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let flow = world.run(
        asks.iter().cloned(),
        SimTime::MAX,
        |answer| answers.push(*answer),
        |_| ControlFlow::Continue(()),
    );
    assert!(flow.is_continue());
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn round_robin_equals_the_fleet(
        seed in 0u64..1 << 32,
        replicas in 1u32..9,
        gap_us in prop::sample::select(vec![500u64, 5_000, 60_000]),
        max_seqs in 1u32..40,
        blocks in 20u64..400,
        row in prop::sample::select(vec![None, Some(ms(100))]),
        stop in prop::option::of(0u64..3_000),
    ) {
        let limits = BatchLimits::new(max_seqs, 256, 16, blocks);
        let asks = asks(seed, 400, gap_us, 1);
        // The fleet deals what it rejects to a replica, the world does not.
        let possible = |ask: &&Ask| limits.can_ever_run(ask.request.input, ask.request.output);
        let requests = asks.iter().filter(possible).map(|ask| ask.request);
        let mut fleet = Fleet::new(replicas, limits, Tally::new(LIMITS));
        let (model, go) = (Simple { slower: 1 }, |_| ControlFlow::Continue(()));
        let rows = if let Some(row) = row {
            fleet.run_in_rows(&model, requests, (row, LIMITS), |_, _| {}, go).1
        } else {
            let _ = fleet.run(&model, requests, |_, _| {}, go);
            Vec::new()
        };

        let mut spec = one_site(vec![pool(replicas, limits, RouterKind::RoundRobin)]);
        spec.row = row;
        let mut world = World::new(spec).expect("sound");
        if let Some(stop) = stop {
            // Stopping on the way changes nothing.
            let mut answers = 0;
            let mut rest = asks.iter().cloned();
            let before: Vec<Ask> = rest.by_ref().take_while(|a| a.request.arrival < ms(stop)).collect();
            let _ = world.run(
                before.iter().cloned(), ms(stop), |_| answers += 1, |_| ControlFlow::Continue(()),
            );
            let books = world.books();
            prop_assert_eq!(books.check(), Ok(()));
            prop_assert_eq!(books.requests.finished(), answers);
            let after: Vec<Ask> = asks[before.len()..].to_vec();
            run(&mut world, &after);
        } else {
            run(&mut world, &asks);
        }
        prop_assert_eq!(world.fingerprint(), fleet.tally().fingerprint());
        prop_assert_eq!(world.pool_usage(0), fleet.usage());
        world.close_series();
        // The world counts those too that it rejects.
        let mut of_world = world.rows().to_vec();
        for row in &mut of_world {
            let rejected = std::mem::take(&mut row.services[0].rejected);
            row.services[0].asked -= rejected;
            row.regions[0] -= rejected;
        }
        prop_assert_eq!(of_world, rows);
        prop_assert_eq!(&world.pool_tally(0).gaps, &fleet.tally().gaps);
        let tally = world.service_tally(0);
        prop_assert_eq!(&tally.ttft, &fleet.tally().ttft);
        prop_assert_eq!(tally.within_limits, fleet.tally().within_limits);
        let books = world.books();
        prop_assert_eq!(books.check(), Ok(()));
        prop_assert_eq!(books.requests.finished(), fleet.tally().finished());
        prop_assert_eq!(books.in_hand, 0);
    }
}

/// A world in which about everything happens.
fn eventful(seed: u64) -> WorldSpec<Simple> {
    let mut draws = Stream::new(seed, "world", 0);
    let sites = 1 + draws.below(3);
    let regions = 1 + draws.below(3);
    let services = 1 + draws.below(3) as u16;
    let at = |draws: &mut Stream| ms(draws.below(30_000));
    let mut prices = Vec::new();
    let mut some_site = |draws: &mut Stream| {
        let mut site = site();
        prices.push(draws.uniform());
        for _ in 0..draws.below(3) {
            let from = at(draws);
            let until =
                if draws.below(4) == 0 { SimTime::MAX } else { from + ms(1 + draws.below(9_000)) };
            site.outages.push(Outage { from, until });
        }
        site
    };
    let some_pool = |draws: &mut Stream| {
        let blocks = 110 + draws.below(300);
        let limits = BatchLimits::new(1 + draws.below(30) as u32, 256, 16, blocks);
        let routers = RouterKind::ALL;
        let mut pool = pool(1 + draws.below(6) as u32, limits, routers[draws.below(5) as usize]);
        pool.groups = 1 + draws.below(3) as u32;
        pool.limits.prefix_caching = draws.below(2) == 0;
        if draws.below(3) == 0 {
            pool.limits.order = PrefillOrder::First;
        }
        if draws.below(3) == 0 {
            pool.limits.scheduling = Scheduling::Ahead;
        }
        if draws.below(3) == 0 {
            pool.limits.preemption = Preemption::Swap { block: Ticks::from_raw(1 << 40) };
        }
        pool.limits.answer_percent = [0, 0, 10, 100][draws.below(4) as usize];
        pool.site = draws.below(sites) as u16;
        pool.services = (0..services).filter(|_| draws.below(3) > 0).collect();
        pool.ready = draws.below(u64::from(pool.replicas) + 1) as u32;
        pool.models = vec![Simple { slower: 1 }, Simple { slower: 3 }];
        pool.levels = (0..draws.below(3)).map(|_| (at(draws), draws.below(2) as u8)).collect();
        pool.failures = (draws.below(2) == 0)
            .then(|| Failures { between: ms(2_000 + draws.below(20_000)), repair: ms(3_000) });
        if draws.below(2) == 0 {
            pool.in_hand = 1 + draws.below(20) as u32;
            pool.queue.requests = draws.below(60) as u32;
        }
        if draws.below(3) == 0 {
            let rules = ScaleRules {
                minimum: draws.below(2) as u32,
                maximum: pool.replicas,
                startup: pool.start_up,
                settle: ms(2_000),
                cool_down: ms(500),
                ..ScaleRules::default()
            };
            pool.scale = Some(Scale { rules, every: ms(300), sustained: 3.0 });
        }
        pool
    };
    let mut pools: Vec<PoolSpec<Simple>> =
        (0..1 + draws.below(4)).map(|_| some_pool(&mut draws)).collect();
    // Some hand their prompts over to the last.
    if let [before @ .., decode] = pools.as_mut_slice() {
        decode.port_bytes_per_s = 10_000_000 + draws.below(1_000_000_000);
        for pool in before {
            if draws.below(2) == 0 {
                continue;
            }
            pool.part = Duty::Prefill(Handover {
                decode: 0,
                bytes_per_token: draws.below(100_000),
                latency: SimTime::from_ns(draws.below(1_000_000)),
                short: draws.below(100) as u32,
            });
            (pool.site, pool.port_bytes_per_s) = (decode.site, decode.port_bytes_per_s / 2);
        }
    }
    let last = pools.len() as u16 - 1;
    for pool in &mut pools {
        if let Duty::Prefill(handover) = &mut pool.part {
            handover.decode = last;
        }
    }
    let mut spec = WorldSpec {
        seed,
        services: (0..services)
            .map(|s| ServiceSpec {
                patience: (draws.below(3) == 0).then(|| ms(200 + draws.below(2_000))),
                ..service(s as u8)
            })
            .collect(),
        sites: (0..sites).map(|_| some_site(&mut draws)).collect(),
        regions: (0..regions)
            .map(|_| region((0..sites).map(|_| ms(draws.below(80))).collect()))
            .collect(),
        pools,
        choice: SiteRules {
            prefer: Preference::ALL[draws.below(4) as usize],
            farthest: (draws.below(2) == 0).then_some(ms(50)),
        },
        most_resends: draws.below(4) as u8,
        row: (draws.below(2) == 0).then_some(ms(700)),
    };
    for pool in &mut spec.pools {
        let price = prices[usize::from(pool.site)];
        (pool.price, pool.carbon_g) = (Money::from_usd(price), -price);
    }
    spec
}

/// When everything has long been answered: a request that nobody ever answers fails the test, instead
/// of keeping it busy for ever.
const AT_LAST: SimTime = ms(2_000_000);

#[test]
fn every_request_of_an_eventful_world_is_accounted_for() {
    let mut seen = Books::default();
    let mut waits = Histogram::new();
    let (mut cached, mut cut) = (0, 0);
    for seed in 0..400 {
        let spec = eventful(seed);
        let (services, pools) = (spec.services.len(), spec.pools.len());
        let asks = asks(seed, 600, 100_000 / 2, services as u64);
        let mut world = World::new(spec.clone()).expect("sound");
        let mut ids = Vec::new();
        // Looked at on the way, with everything in flight.
        let mut rest = asks.iter().cloned().peekable();
        for stop in [ms(4_000), ms(9_500), ms(20_001), AT_LAST] {
            let part = std::iter::from_fn(|| rest.next_if(|ask| ask.request.arrival < stop));
            let _ = world.run(
                part,
                stop,
                |answer| ids.push(answer.done.request.id),
                |_| ControlFlow::Continue(()),
            );
            let books = world.books();
            assert_eq!(books.check(), Ok(()), "seed {seed} at {stop}: {books:?}");
            for pool in 0..pools as u16 {
                let on = world.pool_on_ns(pool) << Ticks::FRACTION_BITS;
                let (busy, steps) =
                    (world.pool_busy_ticks(pool), world.pool_usage(pool).busy_ticks);
                assert!(busy <= on && busy <= steps, "seed {seed}, pool {pool}: {busy} of {on}");
                cut += u32::from(steps > on);
            }
        }
        let books = world.books();
        assert_eq!(books.in_hand, 0, "seed {seed}");
        assert_eq!(books.requests.asked(), 600);
        assert_eq!(books.requests.finished(), ids.len() as u64, "seed {seed}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            books.requests.finished(),
            ids.len() as u64,
            "seed {seed}: nobody is answered twice"
        );
        let tallies = (0..services as u16).map(|s| world.service_tally(s).finished());
        assert_eq!(tallies.sum::<u64>(), books.requests.finished(), "seed {seed}");

        // The series adds up to the whole, but for what came after its last row.
        let mut work = vec![Usage::default(); pools];
        for row in world.rows() {
            work.iter_mut().zip(&row.pools).for_each(|(sum, pool)| sum.merge(&pool.work));
        }
        for (index, sum) in (0..).zip(&work) {
            let whole = world.pool_usage(index);
            assert!(sum.dynamic_nj <= whole.dynamic_nj && sum.steps <= whole.steps);
        }
        // The same again.
        let mut again = World::new(spec).expect("sound");
        run(&mut again, &asks);
        assert_eq!(again.fingerprint(), world.fingerprint(), "seed {seed}");
        assert_eq!(again.books(), books, "seed {seed}");
        waits.merge(&world.transfers().waits);
        let usages = (0..pools as u16).map(|pool| world.pool_usage(pool));
        cached += usages.map(|usage| usage.cached_tokens).sum::<u64>();
        seen.requests.merge(&books.requests);
        seen.resent += books.resent;
        seen.too_late += books.too_late;
        seen.tokens_wasted += books.tokens_wasted;
    }
    // Guards the above against a world in which nothing happens.
    let all = &seen.requests;
    assert!(all.finished() > 50_000 && all.lost() > 1_000 && all.rejected() > 100, "{seen:?}");
    assert!(cached > 100_000, "{cached}");
    assert!(cut > 0, "no replica died in a step that was longer than its idle time");
    assert!(waits.count() > 10_000, "{}", waits.count());
    assert!(all.was_shed() > 1_000 && seen.too_late > 100, "{seen:?}");
    assert!(seen.resent > 1_000 && seen.tokens_wasted > 10_000, "{seen:?}");
}

#[test]
fn all_sites_down_is_an_answer() {
    let mut spec = one_site(vec![pool(3, BatchLimits::new(8, 256, 16, 400), RouterKind::Random)]);
    spec.sites[0].outages.push(Outage { from: SimTime::ZERO, until: SimTime::MAX });
    let mut world = World::new(spec).expect("sound");
    let asks = asks(1, 500, 10_000, 1);
    assert_eq!(run(&mut world, &asks), []);
    let books = world.books();
    assert_eq!((books.requests.asked(), books.requests.lost()), (500, 500));
    assert_eq!(books.check(), Ok(()));
    assert_eq!(world.pool_usage(0), Usage::default());
    assert_eq!(world.pool_energy(0).as_joules(), 0.0);
}

#[test]
fn a_queue_that_is_capped_sheds_the_least_important_first() {
    let mut busy = pool(2, BatchLimits::new(4, 256, 16, 400), RouterKind::LeastLoaded);
    busy.services = vec![0, 1];
    busy.in_hand = 8;
    busy.queue.requests = 20;
    let mut spec = one_site(vec![busy]);
    spec.services = vec![service(0), service(1)];
    let mut world = World::new(spec).expect("sound");
    // A thousand times what two replicas can do.
    let asks = asks(4, 50_000, 10, 2);
    let mut shed = [0u64; 2];
    asks.iter().for_each(|ask| shed[usize::from(ask.service)] += 1);
    let mut most = 0;
    let flow = world.run(
        asks.iter().cloned(),
        SimTime::MAX,
        |answer| {
            shed[usize::from(answer.service)] -= 1;
            most = most.max(answer.done.ttft().as_ns());
        },
        |_| ControlFlow::Continue(()),
    );
    assert!(flow.is_continue());
    let books = world.books();
    assert_eq!(books.check(), Ok(()));
    assert!(books.requests.was_shed() > 40_000, "{books:?}");
    let finished = [0, 1].map(|service| world.service_tally(service).finished());
    assert!(finished[1] > 5 * finished[0], "{finished:?}");
    assert_eq!(shed.iter().sum::<u64>(), books.requests.was_shed() + books.requests.rejected());
    // Twenty in front of two replicas of four sequences wait for five rounds or so.
    assert!(most < 10_000_000_000, "{most}");
}

#[test]
fn whoever_waits_at_a_replica_longer_than_its_patience_is_shed() {
    let limits = BatchLimits::new(4, 256, 16, 400);
    for (groups, router, in_hand) in [
        (1, RouterKind::RoundRobin, u32::MAX),
        (2, RouterKind::KvAware(KvWeights::PUBLISHED), 4_096),
        (1, RouterKind::LeastLoaded, 6),
    ] {
        let mut busy = pool(2, BatchLimits { prefix_caching: groups > 1, ..limits }, router);
        (busy.groups, busy.in_hand, busy.services) = (groups, in_hand, vec![0, 1]);
        let mut spec = one_site(vec![busy]);
        spec.services = vec![service(0), service(0)];
        spec.services[0].patience = Some(ms(1_000));
        spec.row = Some(ms(100));
        let mut world = World::new(spec).expect("sound");
        // Many times what two replicas can do, of which every seventh waits for ever.
        let mut asks = asks(4, 6_000, 1_000, 1);
        for ask in &mut asks {
            ask.request.input = ask.request.input.min(200);
            ask.service = u16::from(ask.request.id % 7 == 0);
        }
        let answers = run(&mut world, &asks);
        let books = world.books();
        assert_eq!((books.check(), books.in_hand), (Ok(()), 0), "{books:?}");
        let [hurried, patient] = [0, 1].map(|service| *world.service_requests(service));
        assert_eq!(patient.finished(), patient.asked());
        assert!(hurried.was_shed() > 4_000 && hurried.finished() > 20, "{hurried:?}");
        assert_eq!(hurried.was_shed(), books.too_late);
        let of = |service| answers.iter().filter(move |answer| answer.service == service);
        let longest = |service| of(service).map(|answer| answer.done.ttft()).max().expect("some");
        // A prompt of one step at most, beside whoever is in the batch.
        assert!(longest(0) < ms(1_000 + 60), "{}", longest(0));
        assert!(longest(1) > ms(5_000), "{}", longest(1));
        // They are gone when their time has come, not when somebody would look at them.
        let end = asks.last().expect("some").request.arrival;
        let waits = world.rows().iter().rfind(|row| row.from > end + ms(1_000));
        let waiting = waits.expect("it goes on").pools[0].waiting;
        assert!(waiting <= patient.asked(), "{waiting}");
        let shed = world.rows().iter().filter(|row| row.from > end + ms(1_100));
        assert_eq!(shed.map(|row| row.services[0].shed).sum::<u64>(), 0);
    }
}

#[test]
fn clients_see_the_way_to_their_site() {
    let limits = BatchLimits::new(64, 512, 16, 4_000);
    let asks = asks(2, 300, 50_000, 1);
    let ttft = |latency| {
        let mut spec = one_site(vec![pool(2, limits, RouterKind::RoundRobin)]);
        spec.regions[0].latency[0] = latency;
        let mut world = World::new(spec).expect("sound");
        run(&mut world, &asks);
        (world.service_tally(0).ttft.mean(), world.service_tally(0).tpot.clone())
    };
    let ((near, near_tpot), (far, far_tpot)) = (ttft(SimTime::ZERO), ttft(ms(40)));
    assert!((far - near - 80e6).abs() < 1.0, "{near} {far}");
    assert_eq!(near_tpot, far_tpot);
}

#[test]
fn a_lost_site_hands_over_to_the_next() {
    let limits = BatchLimits::new(64, 512, 16, 4_000);
    let mut there = pool(4, limits, RouterKind::LeastLoaded);
    there.site = 1;
    let mut spec = one_site(vec![pool(4, limits, RouterKind::LeastLoaded), there]);
    spec.sites.push(site());
    spec.regions[0].latency = vec![ms(5), ms(60)];
    spec.sites[0].outages.push(Outage { from: ms(5_000), until: ms(9_000) });
    spec.row = Some(ms(1_000));
    let mut world = World::new(spec).expect("sound");
    let asks = asks(3, 3_000, 5_000, 1);
    let answers = run(&mut world, &asks);
    assert_eq!(answers.len(), 3_000, "{:?}", world.books());
    let books = world.books();
    assert!(books.resent > 0 && books.tokens_wasted > 0, "{books:?}");
    // Nothing begins at the lost site while it is lost and while its replicas start: 3 s more.
    let began = |a: &&Answer| a.pool == 0 && a.resends == 0;
    let arrivals = answers.iter().filter(began).map(|a| a.done.request.arrival);
    let dark = arrivals.filter(|at| *at > ms(5_000) && *at < ms(11_900)).count();
    assert_eq!(dark, 0);
    assert!(answers.iter().any(|a| a.pool == 1));
    assert!(answers.iter().any(|a| a.pool == 0 && a.done.request.arrival > ms(12_000)));
    let ready: Vec<u32> = world.rows().iter().map(|row| row.pools[0].ready).collect();
    assert_eq!(ready[..13], [4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 4, 4], "{ready:?}");
}

#[test]
fn a_site_of_two_outages_is_back_when_both_are_over() {
    let mut spec = one_site(vec![pool(2, BatchLimits::new(8, 256, 16, 400), RouterKind::Random)]);
    // The later one in the list begins first.
    let outage = |from, until| Outage { from: ms(from), until: ms(until) };
    spec.sites[0].outages = vec![outage(7_500, 12_500), outage(5_500, 9_500), outage(8_500, 9_000)];
    (spec.row, spec.most_resends) = (Some(ms(1_000)), 0);
    let mut world = World::new(spec).expect("sound");
    let answers = run(&mut world, &asks(3, 600, 60_000, 1));
    // Lost at 5.5 s, back at 12.5 s, and replicas need 3 s to start.
    let ready: Vec<u32> = world.rows().iter().map(|row| row.pools[0].ready).collect();
    assert_eq!(ready[..17], [2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2], "{ready:?}");
    let lost: Vec<u32> = world.rows().iter().map(|row| row.pools[0].turning[3]).collect();
    assert_eq!(lost[..14], [0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 0, 0], "{lost:?}");
    assert!(world.rows().iter().all(|row| row.pools[0].turning[2] == 0), "nobody repairs");
    let dark = answers.iter().map(|answer| answer.done.finish);
    assert_eq!(dark.filter(|at| *at > ms(5_600) && *at < ms(15_500)).count(), 0);
}

#[test]
fn nobody_waits_in_front_of_the_room_that_a_lost_replica_left() {
    let limits = BatchLimits::new(8, 256, 16, 400);
    let mut breaking = pool(2, limits, RouterKind::Random);
    breaking.in_hand = 2;
    breaking.failures = Some(Failures { between: ms(5_000), repair: ms(1_000) });
    // It has no reason to start the one that broke, as the other could do all of it.
    let rules = ScaleRules { minimum: 1, maximum: 2, ..ScaleRules::default() };
    breaking.scale = Some(Scale { rules, every: ms(1_000), sustained: 1e6 });
    let mut spec = one_site(vec![breaking]);
    spec.most_resends = u8::MAX;
    for seed in 0..50 {
        spec.seed = seed;
        let mut world = World::new(spec.clone()).expect("sound");
        let asks = asks(seed, 200, 50_000, 1);
        let _ =
            world.run(asks.iter().cloned(), ms(1_000_000), |_| {}, |_| ControlFlow::Continue(()));
        let books = world.books();
        assert_eq!(books.check(), Ok(()));
        assert_eq!(books.in_hand, 0, "seed {seed}: {books:?}");
    }
}

#[test]
fn repairs_take_their_time() {
    let mut breaking = pool(200, BatchLimits::new(8, 256, 16, 400), RouterKind::Random);
    breaking.failures = Some(Failures { between: ms(60_000), repair: ms(17_000) });
    let mut spec = one_site(vec![breaking]);
    spec.row = Some(ms(1_000));
    let mut world = World::new(spec).expect("sound");
    let asks = asks(6, 4_000, 40_000, 1);
    run(&mut world, &asks);
    assert_eq!(world.books().check(), Ok(()));
    let rows = world.rows();
    assert!(rows.len() > 100);
    let ready: u32 = rows[40..].iter().map(|row| row.pools[0].ready).sum();
    let share = f64::from(ready) / (200.0 * (rows.len() - 40) as f64);
    // 60 s up, 17 s of repair and 3 s of starting.
    assert!((share - 0.75).abs() < 0.03, "{share}");
    // Broken ones draw nothing.
    let on: f64 = rows.iter().map(|row| row.pools[0].on_ns as f64 * 1e-9).sum();
    let all = 200.0 * rows.len() as f64;
    assert!(on / all < 0.82, "{on} of {all}");
}

#[test]
fn a_broken_description_says_everything_at_once() {
    let mut spec = one_site(vec![pool(2, BatchLimits::new(8, 256, 16, 400), RouterKind::Random)]);
    spec.pools[0].site = 3;
    spec.pools[0].ready = 5;
    spec.pools[0].services = vec![0, 7];
    spec.pools[0].models.clear();
    spec.regions[0].latency.clear();
    spec.row = Some(SimTime::ZERO);
    let problems = World::new(spec).expect_err("broken");
    let said: Vec<String> = problems.iter().map(WorldProblem::to_string).collect();
    assert_eq!(
        said,
        [
            "a row of the time series cannot have length zero; take a minute, or no series",
            "region `region` has 0 latencies for 1 sites; give one for each site, in their order",
            "pool `pool` names site 3, but there are 1, counted from 0; name one of those",
            "pool `pool` names service 7, but there are 1, counted from 0; name one of those",
            "pool `pool` starts with 5 replicas ready, but has 2; start with fewer",
            "pool `pool` has no model of its steps; give one for each power level, at least one",
        ]
    );
}

#[test]
fn an_autoscaler_follows_the_load_and_does_not_flap() {
    let mut scaled = pool(20, BatchLimits::new(8, 512, 16, 2_000), RouterKind::LeastLoaded);
    scaled.ready = 2;
    let rules = ScaleRules {
        minimum: 1,
        maximum: 20,
        startup: scaled.start_up,
        settle: ms(10_000),
        cool_down: ms(2_000),
        ..ScaleRules::default()
    };
    scaled.scale = Some(Scale { rules, every: ms(5_000), sustained: 15.0 });
    let mut spec = one_site(vec![scaled]);
    spec.row = Some(ms(1_000));
    let mut world = World::new(spec).expect("sound");
    // A hundred a second for a minute and a half: 8.3 replicas at 80 % of 15 a second each.
    let mut asks = asks(11, 9_000, 10_000, 1);
    let end = asks[8_999].request.arrival;
    // Then one that comes so late that everything has been scaled down.
    let mut late = asks[0].clone();
    (late.request.id, late.request.arrival) = (9_000, end + ms(200_000));
    asks.push(late);
    run(&mut world, &asks);
    assert_eq!(world.books().check(), Ok(()));
    let ready: Vec<u32> = world.rows().iter().map(|row| row.pools[0].ready).collect();
    let busy = &ready[25..(end.as_ns() / 1_000_000_000) as usize];
    assert!(busy.len() > 50 && busy.iter().all(|n| (8..=13).contains(n)), "{busy:?}");
    let changes = busy.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 4, "{busy:?}");
    assert_eq!(ready.last(), Some(&1));
    // Those that are off draw nothing.
    let on: f64 = world.rows().iter().map(|row| row.pools[0].on_ns as f64 * 1e-9).sum();
    assert!(on < 12.0 * ready.len() as f64, "{on}");
}

#[test]
fn a_power_level_holds_from_its_moment_on() {
    let mut capped = pool(2, BatchLimits::new(8, 512, 16, 2_000), RouterKind::RoundRobin);
    capped.models = vec![Simple { slower: 1 }, Simple { slower: 3 }];
    capped.levels = vec![(ms(10_000), 1), (ms(20_000), 0)];
    let mut world = World::new(one_site(vec![capped])).expect("sound");
    let answers = run(&mut world, &asks(12, 600, 60_000, 1));
    let mean = |from, until| {
        let inside = answers.iter().filter(|answer| {
            answer.done.request.arrival >= ms(from) && answer.done.finish < ms(until)
        });
        let tpots: Vec<u64> =
            inside.filter_map(|answer| Some(answer.done.tpot()?.as_ns())).collect();
        assert!(tpots.len() > 10, "{}", tpots.len());
        tpots.iter().sum::<u64>() as f64 / tpots.len() as f64
    };
    let (before, during, after) = (mean(0, 10_000), mean(11_000, 20_000), mean(24_000, 60_000));
    assert!(during > 2.5 * before && during > 2.5 * after, "{before} {during} {after}");
}

#[test]
fn a_router_that_knows_the_caches_fills_fewer_of_them() {
    // Room for six or seven of the forty documents.
    let mut limits = BatchLimits::new(2, 512, 16, 80);
    limits.prefix_caching = true;
    let cached = |router| {
        let mut world = World::new(one_site(vec![pool(5, limits, router)])).expect("sound");
        let mut draws = Stream::new(13, "documents", 0);
        let mut asks = asks(13, 3_000, 60_000, 1);
        for ask in &mut asks {
            (ask.request.input, ask.request.output) = (180, 20);
            ask.prompt = vec![Segment { content: draws.below(40), tokens: 160 }];
        }
        run(&mut world, &asks);
        assert_eq!(world.books().check(), Ok(()));
        world.pool_usage(0).cached_tokens
    };
    let aware = cached(RouterKind::KvAware(KvWeights { slack: 2_000, ..KvWeights::PUBLISHED }));
    let blind = cached(RouterKind::RoundRobin);
    assert!(aware as f64 > 1.2 * blind as f64, "{aware} {blind}");
}
