//! Prompts that are handed over from the pool that computes them to the one that answers.

use std::ops::ControlFlow;

use wattmill_policy::{BatchLimits, RouterKind};
use wattmill_sim::{Ask, Duty, Failures, Handover, Request, World, WorldProblem, WorldSpec};
use wattmill_units::{SimTime, Ticks};

use super::{Simple, asks, ms, one_site, pool, run, site};

/// `prefill` replicas that hand over to `decode` ones: 100 kB a token at 1 GB/s, 1 ms of latency.
fn pair(prefill: u32, decode: u32, limits: BatchLimits, short: u32) -> WorldSpec<Simple> {
    let mut first = pool(prefill, limits, RouterKind::RoundRobin);
    let handover = Handover { decode: 1, bytes_per_token: 100_000, latency: ms(1), short };
    (first.part, first.port_bytes_per_s) = (Duty::Prefill(handover), 1_000_000_000);
    let mut second = pool(decode, limits, RouterKind::LeastLoaded);
    (second.services, second.port_bytes_per_s) = (Vec::new(), 1_000_000_000);
    one_site(vec![first, second])
}

#[test]
fn a_prompt_is_handed_over_to_the_nanosecond() {
    let limits = BatchLimits::new(8, 512, 16, 1_000);
    let mut world = World::new(pair(1, 1, limits, 0)).expect("sound");
    let request = Request { id: 9, arrival: ms(2), input: 200, output: 3 };
    let ask = Ask { request, service: 0, prompt: Vec::new(), answer: None };
    let answers = run(&mut world, &[ask]);
    // 5 ms and 200 tokens of 20 µs.
    let first_token = 2_000_000 + 9_000_000;
    // 20 MB at 1 GB/s, and a millisecond.
    let arrived = first_token + 20_000_000 + 1_000_000;
    // Two steps of one sequence at contexts of 201 and 202.
    let finish = arrived + 2 * 5_050_000 + 16 * (201 + 202);
    assert_eq!(answers.len(), 1);
    let done = answers[0].done;
    assert_eq!((done.first_token.as_ns(), done.finish.as_ns()), (first_token, finish));
    assert_eq!((answers[0].pool, done.request), (1, request));
    assert_eq!(world.transfers().bytes, 20_000_000);
    assert_eq!(world.transfers().waits.max(), arrived - first_token);
    // The gap between the first two tokens is that of the transfer and a step.
    let gaps = &world.pool_tally(1).gaps;
    assert_eq!(gaps.count(), 2);
    assert_eq!(gaps.max() >> Ticks::FRACTION_BITS, arrived - first_token + 5_050_000 + 16 * 201);
    let [prefill, decode] = [0, 1].map(|pool| world.pool_usage(pool));
    assert_eq!((prefill.prompt_completions, prefill.decode_tokens), (1, 0));
    assert_eq!((decode.prompt_completions, decode.decode_tokens, decode.prefill_tokens), (0, 2, 0));
    assert_eq!(world.books().check(), Ok(()));
}

#[test]
fn senders_share_the_port_of_a_receiver() {
    let limits = BatchLimits::new(8, 512, 16, 1_000);
    let waits = |prefill| {
        let mut world = World::new(pair(prefill, 1, limits, 0)).expect("sound");
        let ask = |id| {
            let request = Request { id, arrival: SimTime::ZERO, input: 200, output: 3 };
            Ask { request, service: 0, prompt: Vec::new(), answer: None }
        };
        let asks: Vec<Ask> = (0..4).map(ask).collect();
        assert_eq!(run(&mut world, &asks).len(), 4);
        world.transfers().waits.clone()
    };
    // Four caches of 20 ms each, all sent at once.
    assert_eq!((waits(4).min(), waits(4).max()), (81_000_000, 81_000_000));
}

#[test]
fn a_decode_pool_that_is_full_holds_up_the_prefill_pool() {
    let mut spec = pair(2, 1, BatchLimits::new(8, 512, 16, 400), 0);
    // Six prompts of 300 tokens and no more.
    spec.pools[1].limits = BatchLimits::new(8, 512, 16, 120);
    spec.row = Some(ms(20));
    let ask = |id| {
        let request = Request { id, arrival: SimTime::ZERO, input: 300, output: 40 };
        Ask { request, service: 0, prompt: Vec::new(), answer: None }
    };
    let asks: Vec<Ask> = (0..120).map(ask).collect();
    let mut world = World::new(spec).expect("sound");
    assert_eq!(run(&mut world, &asks).len(), 120);
    assert_eq!(world.books().check(), Ok(()));
    let rows = world.rows();
    // Both prefilling replicas are full of prompts that nobody takes: 21 of 19 blocks each.
    let stuck = rows.iter().filter(|row| row.pools[0].blocks == 2 * 21 * 19).count();
    assert!(stuck > 10, "{stuck} of {}", rows.len());
    assert!(rows.iter().all(|row| row.pools[1].blocks <= 120));
    let blocked =
        rows.iter().filter(|row| row.pools[0].work.steps == 0 && row.pools[0].waiting > 0);
    assert!(blocked.count() > 10);
    // At last nobody holds anything.
    assert!(world.transfers().waits.max() > 1_000_000_000);
}

#[test]
fn a_cache_that_takes_longer_than_replicas_live_is_not_sent_for_ever() {
    let mut spec = pair(1, 2, BatchLimits::new(8, 512, 16, 1_000), 0);
    // 20 MB take two hundred seconds.
    spec.pools[0].port_bytes_per_s = 100_000;
    spec.pools[1].failures = Some(Failures { between: ms(10_000), repair: ms(1_000) });
    let request = Request { id: 0, arrival: SimTime::ZERO, input: 200, output: 3 };
    let ask = Ask { request, service: 0, prompt: Vec::new(), answer: None };
    let mut world = World::new(spec).expect("sound");
    let _ = world.run(std::iter::once(ask), ms(10_000_000), |_| {}, |_| ControlFlow::Continue(()));
    let books = world.books();
    assert_eq!(books.check(), Ok(()));
    assert_eq!((books.requests.lost(), books.in_hand, books.resent), (1, 0, 2));
    assert_eq!(world.pool_usage(0).peak_blocks, 13, "held for a while");
}

#[test]
fn short_prompts_stay_where_they_are_decoded() {
    let limits = BatchLimits::new(32, 512, 16, 2_000);
    let asks = asks(8, 500, 20_000, 1);
    let mut world = World::new(pair(2, 2, limits, 150)).expect("sound");
    let answers = run(&mut world, &asks);
    assert_eq!(answers.len(), 500);
    let handed = asks.iter().filter(|ask| ask.request.input > 150 && ask.request.output > 1);
    assert_eq!(world.transfers().waits.count(), handed.count() as u64);
    let short = asks.iter().filter(|ask| ask.request.input <= 150);
    let short: u64 = short.map(|ask| u64::from(ask.request.input)).sum();
    assert_eq!(world.pool_usage(1).prefill_tokens, short);
}

#[test]
fn pairs_that_do_not_match_say_so() {
    let mut spec = pair(1, 1, BatchLimits::new(8, 512, 16, 1_000), 0);
    spec.sites.push(site());
    spec.regions[0].latency.push(SimTime::ZERO);
    spec.pools[1].site = 1;
    spec.pools[1].limits.block_tokens = 64;
    spec.pools[0].port_bytes_per_s = 0;
    let problems = World::new(spec).expect_err("broken");
    let said: Vec<String> = problems.iter().map(WorldProblem::to_string).collect();
    let before = "pool `pool` cannot hand prompts over to pool `pool`: ";
    assert_eq!(
        said,
        [
            "they are at different sites; pair pools of one site, whose network carries the cache",
            "blocks of 16 tokens do not become blocks of 64; give both one block size",
            "`pool` has ports of 0 bytes/s; state their rate",
        ]
        .map(|why| format!("{before}{why}"))
    );
}
