//! Which of several pools answers: the one that is preferred for as long as it has room, then the next.

use proptest::prelude::*;
use wattmill_policy::{BatchLimits, Preference, RouterKind, SiteRules};
use wattmill_sim::{Answer, Duty, Handover, World, WorldSpec};
use wattmill_units::{Money, SimTime};

use super::{Simple, asks, ms, one_site, pool, run, site};

/// One pool at each of several sites, of so many replicas with room for so many requests each, the
/// first the cheapest and so far away.
fn ranked(pools: &[(u32, u32, u64)], prefer: Preference) -> WorldSpec<Simple> {
    let limits = BatchLimits::new(64, 512, 16, 4_000);
    let mut spec = one_site(Vec::new());
    (spec.sites, spec.regions[0].latency) = (Vec::new(), Vec::new());
    for (place, (replicas, room, latency)) in (0..).zip(pools) {
        let mut pool = pool(*replicas, limits, RouterKind::LeastLoaded);
        (pool.site, pool.room) = (place, vec![*room]);
        (pool.price, pool.carbon_g) = (Money::from_usd(f64::from(place)), f64::from(place));
        spec.pools.push(pool);
        spec.sites.push(site());
        spec.regions[0].latency.push(ms(*latency));
    }
    spec.choice = SiteRules { prefer, farthest: None };
    spec
}

/// Requests that a pool had when another was asked: sent there and not answered.
fn had(answers: &[Answer], pool: u16, latency: u64, at: SimTime, id: u64) -> u64 {
    let there = |answer: &&Answer| {
        let (request, finish) = (answer.done.request, answer.done.finish.since(ms(latency)));
        // Of equal instants whoever was asked first came first, and whoever was done left first.
        answer.pool == pool && (request.arrival, request.id) < (at, id) && finish > at
    };
    answers.iter().filter(there).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_pool_is_overloaded_while_another_has_room(
        seed in 0u64..1 << 32,
        pools in prop::collection::vec((1u32..4, 1u32..20, 0u64..40), 2..4),
        gap_us in prop::sample::select(vec![2_000u64, 10_000, 40_000]),
        prefer in prop::sample::select(vec![Preference::Price, Preference::Carbon]),
    ) {
        let mut world = World::new(ranked(&pools, prefer)).expect("sound");
        let asks = asks(seed, 500, gap_us, 1);
        let answers = run(&mut world, &asks);
        prop_assert_eq!(answers.len(), 500);
        for answer in &answers {
            let request = answer.done.request;
            let full: Vec<bool> = (0..)
                .zip(&pools)
                .map(|(pool, (replicas, room, latency))| {
                    let had = had(&answers, pool, *latency, request.arrival, request.id);
                    had >= u64::from(replicas * room)
                })
                .collect();
            // The cheapest that has room.
            let best = full.iter().position(|full| !full);
            prop_assert!(best.is_none_or(|best| best == usize::from(answer.pool)), "{:?}", answer);
        }
    }
}

#[test]
fn what_the_cheapest_cannot_take_goes_to_the_next_and_comes_back() {
    let spec = || ranked(&[(1, 12, 5), (1, 12, 20), (1, 12, 0)], Preference::Price);
    // Requests come evenly, thirty a second for five seconds in the middle, else five.
    let mut at = 0;
    let mut asks = asks(3, 300, 1_000, 1);
    for ask in &mut asks {
        at += if (100..250).contains(&ask.request.id) { 33 } else { 200 };
        (ask.request.arrival, ask.request.input, ask.request.output) = (ms(at), 200, 100);
    }
    let mut world = World::new(spec()).expect("sound");
    let answers = run(&mut world, &asks);
    let share = |pool: u16, ids: std::ops::Range<u64>| {
        let of = |answer: &&Answer| ids.contains(&answer.done.request.id) && answer.pool == pool;
        answers.iter().filter(of).count()
    };
    assert_eq!((share(0, 0..100), share(1, 0..100)), (100, 0), "it has room");
    let busy = [0, 1, 2].map(|pool| share(pool, 110..250));
    assert!(busy[0] > 50 && busy[1] > 30 && busy[2] < busy[1], "{busy:?}");
    assert_eq!(share(0, 260..300), 40, "it has room again");
    // With all of it at one pool they would wait; so nobody does.
    let slowest = answers.iter().map(|answer| answer.done.ttft()).max().expect("some");
    assert!(slowest < ms(60), "{slowest}");
}

#[test]
fn a_pair_is_as_full_as_the_fuller_of_the_two() {
    let mut spec = ranked(&[(2, 40, 0), (4, 40, 0)], Preference::Price);
    // The cheapest hands over to one that decodes ten at a time.
    let limits = BatchLimits::new(10, 512, 16, 4_000);
    let mut decode = pool(1, limits, RouterKind::LeastLoaded);
    (decode.services, decode.port_bytes_per_s) = (Vec::new(), 1_000_000_000);
    spec.pools.push(decode);
    let handover = Handover { decode: 2, bytes_per_token: 100, latency: ms(1), short: 0 };
    let prefill = &mut spec.pools[0];
    (prefill.part, prefill.port_bytes_per_s) = (Duty::Prefill(handover), 1_000_000_000);
    let mut world = World::new(spec).expect("sound");
    let mut asks = asks(5, 400, 1_000, 1);
    for (place, ask) in (1..).zip(&mut asks) {
        (ask.request.arrival, ask.request.input, ask.request.output) = (ms(20 * place), 200, 100);
    }
    let answers = run(&mut world, &asks);
    let elsewhere = answers.iter().filter(|answer| answer.pool == 1).count();
    assert!((150..350).contains(&elsewhere), "{elsewhere}");
    // Nobody waits for a place in the batch that decodes.
    assert!(world.transfers().waits.max() < 60_000_000, "{}", world.transfers().waits.max());
}
