//! Whoever watches a world sees what it did, all of it, and changes nothing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;
use wattmill_policy::{BatchLimits, ReplicaState, RouterKind};
use wattmill_sim::{
    Answer, Ask, Gauge, Phase, Request, Spot, Step, Turn, Unanswered, Usage, Watch, Window, World,
    WorldSpec,
};
use wattmill_units::{SimTime, Ticks};

use super::{AT_LAST, Simple, asks, eventful, ms, one_site, pool};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Answered(Answer),
    Unanswered(SimTime, Unanswered),
}

/// A request as it was seen.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    asked: u32,
    turns: Vec<Turn>,
    end: Option<End>,
}

/// Remembers everything.
#[derive(Debug)]
struct Notes {
    window: Window,
    steps: BTreeMap<Spot, Vec<Step>>,
    requests: BTreeMap<u64, Seen>,
    states: BTreeMap<Spot, ReplicaState>,
    blocks: BTreeMap<Spot, u64>,
    found: BTreeMap<Spot, Gauge>,
    batches: BTreeMap<Spot, Vec<u32>>,
}

impl Notes {
    fn of(from: SimTime, until: SimTime) -> Self {
        Self {
            window: Window { from, until },
            steps: BTreeMap::new(),
            requests: BTreeMap::new(),
            states: BTreeMap::new(),
            blocks: BTreeMap::new(),
            found: BTreeMap::new(),
            batches: BTreeMap::new(),
        }
    }

    /// What the steps of a pool's replicas add up to.
    fn work(&self, pool: u16) -> Usage {
        let mut sum = Usage::default();
        let steps = self.steps.iter().filter(|(spot, _)| spot.pool == pool);
        steps.flat_map(|(_, steps)| steps).for_each(|step| sum.merge(&step.work));
        sum
    }
}

impl Watch for Notes {
    fn window(&self) -> Window {
        self.window
    }
    fn asked(&mut self, request: &Request, _: u16, _: u16) {
        self.requests.entry(request.id).or_default().asked += 1;
    }
    fn turned(&mut self, turn: &Turn) {
        let turns = &mut self.requests.get_mut(&turn.request).expect("was asked").turns;
        // What lay ahead of a lost replica.
        while turns.last().is_some_and(|last| last.at > turn.at) {
            assert!(matches!(
                turn.phase,
                Phase::Travelling | Phase::Waiting | Phase::Queued | Phase::Held
            ));
            turns.pop();
        }
        turns.push(*turn);
    }
    fn answered(&mut self, at: SimTime, answer: &Answer) {
        assert!(at <= answer.done.finish);
        let seen = self.requests.get_mut(&answer.done.request.id).expect("was asked");
        assert_eq!(seen.end.replace(End::Answered(*answer)), None);
    }
    fn unanswered(&mut self, request: u64, at: SimTime, how: Unanswered) {
        let seen = self.requests.get_mut(&request).expect("was asked");
        assert_eq!(seen.end.replace(End::Unanswered(at, how)), None);
    }
    fn found(&mut self, spot: Spot, gauge: &Gauge) {
        assert!(!self.steps.contains_key(&spot));
        assert_eq!(self.found.insert(spot, *gauge), None);
    }
    fn stepped(&mut self, spot: Spot, step: &Step) {
        assert_eq!(step.work.steps, 1);
        assert_eq!(step.end - step.begin, step.work.busy_ticks);
        assert!(step.end > ticks(self.window.from) && step.from() < self.window.until);
        assert!(u128::from(step.swapping) <= step.end - step.begin);
        assert_eq!(step.swapping > 0, step.work.swapped_blocks > 0);
        assert!(self.found.contains_key(&spot));
        assert_eq!(step.chunks > 0, step.work.prefill_tokens > 0, "{step:?}");
        assert!(u64::from(step.chunks) >= step.work.prompt_completions, "{step:?}");
        assert!(u64::from(step.chunks) <= step.work.prefill_tokens, "{step:?}");
        let steps = self.steps.entry(spot).or_default();
        assert!(steps.last().is_none_or(|last| last.end <= step.begin), "{spot:?}: {step:?}");
        steps.push(*step);
        self.blocks.insert(spot, step.after.blocks);
    }
    fn batches(&mut self, spot: Spot, step: &Step, sequences: &[u32]) {
        assert_eq!(sequences.iter().sum::<u32>(), step.after.running);
        self.batches.insert(spot, sequences.to_vec());
    }
    fn held(&mut self, spot: Spot, _: SimTime, blocks: u64) {
        self.blocks.insert(spot, blocks);
    }
    fn lived(&mut self, spot: Spot, _: SimTime, before: ReplicaState, after: ReplicaState) {
        let state = self.states.insert(spot, after);
        assert!(state.is_none_or(|state| state == before));
    }
}

fn watched(spec: WorldSpec<Simple>, asks: &[Ask], notes: Notes) -> World<Simple, Notes> {
    let mut world = World::watched(spec, notes).expect("sound");
    let go = |_| ControlFlow::Continue(());
    let _ = world.run(asks.iter().cloned(), AT_LAST, |_| {}, go);
    world
}

fn ticks(at: SimTime) -> u128 {
    u128::from(at.as_ns()) << Ticks::FRACTION_BITS
}

/// Everything of `work` but its peak, which is that of the whole time.
fn without_peak(work: Usage) -> Usage {
    Usage { peak_blocks: 0, ..work }
}

#[test]
fn a_watched_world_does_what_it_does_unwatched() {
    let (mut moved, mut patient) = (0, 0);
    for seed in 0..150 {
        let spec = eventful(seed);
        let (services, pools) = (spec.services.len() as u16, spec.pools.len() as u16);
        let patience: Vec<_> = spec.services.iter().map(|service| service.patience).collect();
        let asks = asks(seed, 400, 50_000, services.into());
        let mut unwatched = World::new(spec.clone()).expect("sound");
        let go = |_| ControlFlow::Continue(());
        let _ = unwatched.run(asks.iter().cloned(), AT_LAST, |_| {}, go);
        let world = watched(spec, &asks, Notes::of(SimTime::ZERO, SimTime::MAX));

        assert_eq!(world.fingerprint(), unwatched.fingerprint(), "seed {seed}");
        assert_eq!(world.books(), unwatched.books(), "seed {seed}");
        assert_eq!(world.rows(), unwatched.rows(), "seed {seed}");
        assert_eq!(world.transfers(), unwatched.transfers(), "seed {seed}");
        let whole: Vec<Usage> = (0..pools).map(|pool| world.pool_usage(pool)).collect();
        for (pool, usage) in (0..).zip(&whole) {
            assert_eq!(*usage, unwatched.pool_usage(pool), "seed {seed}");
            assert_eq!(world.pool_tally(pool), unwatched.pool_tally(pool), "seed {seed}");
        }
        let books = world.books();
        let notes = world.into_watch();
        for (pool, usage) in (0..).zip(whole) {
            // Blocks may leave a cache between two steps, for a prompt from elsewhere.
            let told = without_peak(notes.work(pool));
            let done = Usage { evicted_blocks: told.evicted_blocks, ..without_peak(usage) };
            assert_eq!(told, done, "seed {seed}, pool {pool}");
            assert!(told.evicted_blocks <= usage.evicted_blocks);
        }
        assert!(
            notes.blocks.values().all(|blocks| *blocks == 0),
            "seed {seed}: {:?}",
            notes.blocks
        );
        assert_eq!(notes.requests.len() as u64, books.requests.asked());
        for (id, seen) in &notes.requests {
            assert_eq!((seen.asked, seen.end.is_some()), (1, true), "seed {seed}, request {id}");
            moved += seen.turns.iter().filter(|t| matches!(t.phase, Phase::Moving { .. })).count();
            if let Some(End::Answered(answer)) = seen.end {
                told_as_answered(seen, &answer);
                if let Some(patience) = patience[usize::from(answer.service)] {
                    began_in_time(seen, answer.done.request.arrival + patience);
                    patient += 1;
                }
            }
        }
    }
    assert!(moved > 3_000, "{moved}");
    assert!(patient > 5_000, "{patient}");
}

/// Whoever waited at a replica did so no longer than its patience, however often it was sent again.
fn began_in_time(seen: &Seen, deadline: SimTime) {
    for pair in seen.turns.windows(2) {
        if (pair[0].phase, pair[1].phase) == (Phase::Queued, Phase::Prefilling) {
            assert!(pair[1].at <= deadline, "{deadline}: {seen:#?}");
        }
    }
}

/// What was seen of an answered request is what its answer says.
fn told_as_answered(seen: &Seen, answer: &Answer) {
    let mut decoding = seen.turns.iter().filter(|turn| turn.phase == Phase::Decoding);
    let at = |turn: &Turn| Spot { pool: turn.pool, replica: turn.replica.expect("a replica") };
    let last = decoding.next_back();
    if answer.done.request.output > 1 {
        let last = last.expect("it decoded");
        assert_eq!(at(last), Spot { pool: answer.pool, replica: answer.replica }, "{seen:#?}");
    }
    let preempted = seen.turns.iter().filter(|turn| turn.phase == Phase::Preempted).count();
    if answer.resends == 0 {
        assert!(preempted >= answer.done.preemptions as usize, "{seen:#?}");
        // The way to the site is as long as the way back.
        let arrived = seen.turns.iter().find(|turn| turn.phase != Phase::Travelling);
        let latency = arrived.expect("it arrived").at.since(answer.done.request.arrival);
        let prompt = seen.turns.iter().position(|turn| turn.phase == Phase::Prefilling);
        let end = prompt.and_then(|at| seen.turns.get(at + 1));
        if let Some(end) = end
            && matches!(end.phase, Phase::Decoding | Phase::Held)
        {
            assert_eq!(end.at + latency, answer.done.first_token, "{seen:#?}");
        }
    }
}

#[test]
fn windows_add_up_to_the_whole() {
    let mut twice = 0;
    for seed in 0..60 {
        let spec = eventful(seed);
        let asks = asks(seed, 300, 50_000, spec.services.len() as u64);
        let cuts = [SimTime::ZERO, ms(2_000), ms(5_500) + SimTime::from_ns(7), ms(11_000)];
        let ends = cuts.iter().skip(1).copied().chain([SimTime::MAX]);
        let mut parts: BTreeMap<Spot, Vec<Step>> = BTreeMap::new();
        for (from, until) in cuts.into_iter().zip(ends) {
            let notes = watched(spec.clone(), &asks, Notes::of(from, until)).into_watch();
            for (spot, steps) in notes.steps {
                let before = parts.entry(spot).or_default();
                // What is under way at a cut is in the windows on both sides.
                let under_way = steps.first().filter(|step| step.from() < from);
                assert_eq!(under_way, under_way.and(before.last()), "seed {seed}, {from}");
                twice += usize::from(under_way.is_some());
                before.extend(steps.iter().filter(|step| step.from() >= from));
            }
        }
        let whole = watched(spec, &asks, Notes::of(SimTime::ZERO, SimTime::MAX)).into_watch();
        assert_eq!(parts, whole.steps, "seed {seed}");
    }
    assert!(twice > 60, "{twice}");
}

#[test]
fn a_window_begins_with_what_is_under_way() {
    let limits = BatchLimits::new(4, 256, 16, 400);
    let spec = one_site(vec![pool(1, limits, RouterKind::RoundRobin)]);
    let ask = |id, input| {
        let request = Request { id, arrival: SimTime::ZERO, input, output: 100 };
        Ask { request, service: 0, prompt: Vec::new(), answer: None }
    };
    let asks: Vec<Ask> = (0..6).map(|id| ask(id, 200 + 10 * id as u32)).collect();
    let at = ms(100);
    let notes = watched(spec.clone(), &asks, Notes::of(at, ms(200))).into_watch();
    let phases: Vec<Option<Phase>> = notes
        .requests
        .values()
        .map(|seen| seen.turns.iter().find(|turn| turn.at == at).map(|turn| turn.phase))
        .collect();
    let decoding = Some(Phase::Decoding);
    assert_eq!(phases, [decoding, decoding, decoding, decoding, None, None]);
    let steps = &notes.steps[&Spot { pool: 0, replica: 0 }];
    assert!(steps.iter().all(|step| (step.sequences(), step.waiting) == (4, 2)), "{steps:?}");
    // Each of about 5.2 ms, and the one that is under way when the window begins.
    assert_eq!(steps.len(), 21);
    assert!(steps[0].from() < at && at < steps[0].until());
    let before = watched(spec, &asks, Notes::of(SimTime::ZERO, at)).into_watch();
    let before = &before.steps[&Spot { pool: 0, replica: 0 }];
    assert_eq!(before.last(), steps.first());
    assert_eq!(notes.found[&Spot { pool: 0, replica: 0 }], before[before.len() - 2].after);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_token_is_in_a_step(
        seed in 0u64..1 << 32,
        replicas in 1u32..5,
        groups in 1u32..4,
        gap_us in prop::sample::select(vec![500u64, 5_000, 60_000]),
        max_seqs in 1u32..30,
        // The longest request takes 133 of them.
        blocks in 133u64..400,
    ) {
        let limits = BatchLimits::new(max_seqs, 256, 16, blocks);
        let mut pool = pool(replicas, limits, RouterKind::LeastLoaded);
        pool.groups = groups;
        let asks = asks(seed, 200, gap_us, 1);
        let notes = Notes::of(SimTime::ZERO, SimTime::MAX);
        let world = watched(one_site(vec![pool]), &asks, notes);
        let usage = world.pool_usage(0);
        let notes = world.into_watch();
        prop_assert_eq!(notes.work(0), usage);
        let batches = notes.batches.values().map(Vec::len);
        prop_assert!(groups == 1 && batches.len() == 0 || batches.clone().all(|n| n == groups as usize));
        let mut delivered = 0;
        for ask in &asks {
            let request = &ask.request;
            match notes.requests[&request.id].end {
                Some(End::Answered(_)) => delivered += u64::from(request.output),
                end => {
                    prop_assert!(u64::from(request.input + request.output) > 16 * blocks, "{end:?}");
                    prop_assert!(matches!(end, Some(End::Unanswered(_, Unanswered::Rejected))));
                }
            }
        }
        prop_assert_eq!(usage.decode_tokens + usage.prompt_completions, delivered);
    }
}
