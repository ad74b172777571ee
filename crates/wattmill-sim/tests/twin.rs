//! The engine equals its slow twin, to the nanosecond and the nanojoule, whatever the workload.

use proptest::prelude::*;
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{BatchLimits, Preemption, PrefillOrder, Scheduling, Segment};
use wattmill_sim::twin::{self, Work};
use wattmill_sim::{
    Ask, ClosedLoop, Exchange, Finished, Limits, Replica, Request, Resident, Tally, Usage,
};
use wattmill_units::{SimTime, Ticks};

/// A price with a kink in the context and a slope on either side.
#[derive(Clone, Debug)]
struct Kinked {
    base: u64,
    per_token: u64,
    slope: u64,
    kink: u64,
    steeper: u64,
}

impl StepModel for Kinked {
    fn step(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes + shape.prefill.tokens);
        let beyond = shape.decode_context.saturating_sub(self.kink);
        let time = self.base
            + self.per_token * tokens
            + self.slope * shape.decode_context
            + self.steeper * beyond
            + 3 * shape.prefill.products
            + shape.prefill.squares;
        StepCost { time: Ticks::from_raw(time), dynamic_nj: 7 * tokens + shape.decode_context }
    }

    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let n = u64::from(decodes);
        let shape = StepShape { decodes, decode_context: context, ..StepShape::default() };
        let first = self.step(&shape);
        let (slope, steps) = if context >= self.kink {
            (self.slope + self.steeper, u64::MAX)
        } else {
            (self.slope, (self.kink - context) / n + 1)
        };
        let growth = StepCost { time: Ticks::from_raw(slope * n), dynamic_nj: n };
        DecodeRun { first, growth, steps }
    }

    fn together(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes + shape.prefill.tokens);
        let time = self.base / 3 + self.per_token / 2 * tokens;
        StepCost { time: Ticks::from_raw(time), dynamic_nj: 4 * tokens }
    }
}

/// The engine, stopped now and then, which must not change anything; how many were taken back too.
fn fast(work: &Work<'_>, model: &Kinked, stops: &[u64]) -> (Vec<Finished>, Tally, Usage, usize) {
    let mut replica = Replica::grouped(work.limits, work.groups);
    let mut tally = Tally::new(LIMITS);
    let mut finished = Vec::new();
    let mut asks = work.asks.iter().peekable();
    let mut residents = work.residents.iter().peekable();
    let stops = stops.iter().map(|stop| (SimTime::from_ns(*stop), None));
    let mut stops: Vec<(SimTime, Option<u64>)> = stops.collect();
    stops.extend(work.withdrawn.iter().map(|(at, id)| (*at, Some(*id))));
    stops.push((SimTime::MAX, None));
    stops.sort_by_key(|(at, _)| *at);
    let mut withdrawn = 0;
    for (stop, gives_up) in stops {
        loop {
            let ask = asks.peek().map(|ask| ask.request.arrival).filter(|at| *at < stop);
            let resident = residents.peek().map(|r| r.ready).filter(|at| *at < stop);
            match (ask, resident) {
                (None, None) => break,
                (Some(at), Some(ready)) if ready < at => {
                    replica.push_resident(*residents.next().expect("peeked"));
                }
                (None, Some(_)) => replica.push_resident(*residents.next().expect("peeked")),
                (Some(_), _) => replica.push_ask(asks.next().expect("peeked").clone()),
            }
        }
        replica.run_until(model, stop, &mut tally, &mut |done| finished.push(*done));
        withdrawn += usize::from(gives_up.is_some_and(|id| replica.withdraw(stop, id)));
    }
    assert_eq!(replica.live(), 0);
    finished.sort_by_key(|done| done.request.id);
    (finished, tally, *replica.usage(), withdrawn)
}

fn plain(requests: &[Request]) -> Vec<Ask> {
    let ask =
        |request: &Request| Ask { request: *request, service: 0, prompt: vec![], answer: None };
    requests.iter().map(ask).collect()
}

const LIMITS: Option<Limits> =
    Some(Limits { ttft: SimTime::from_ns(2_000_000), tpot: SimTime::from_ns(30_000) });

fn workload() -> impl Strategy<Value = Vec<Request>> {
    let request = (0u64..400_000, 1u32..90, 1u32..60, 0u32..40);
    prop::collection::vec(request, 1..120).prop_map(|drawn| {
        let mut at = 0;
        let mut requests = Vec::new();
        for (id, (gap, input, output, odd)) in drawn.into_iter().enumerate() {
            // Some arrive together, some much later, some are long.
            at += match odd {
                0 => gap * 50,
                1..=9 => 0,
                _ => gap,
            };
            let (input, output) = match odd {
                10 => (input * 20, output),
                11 => (input, output * 30),
                12 => (input, 1),
                _ => (input, output),
            };
            let arrival = SimTime::from_ns(at);
            requests.push(Request { id: id as u64, arrival, input, output });
        }
        requests
    })
}

/// Conversations over `requests`: each goes on from an earlier one, or begins with one of three system
/// prompts, or with nothing that anybody knows.
fn conversations(requests: Vec<Request>, picks: &[(u8, u16)]) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for (request, (kind, which)) in requests.into_iter().zip(picks) {
        let mut prompt: Vec<Segment> = Vec::new();
        match kind % 4 {
            0 if !asks.is_empty() => {
                let before = &asks[usize::from(*which) % asks.len()];
                prompt.clone_from(&before.prompt);
                let named: u32 = prompt.iter().map(|segment| segment.tokens).sum();
                let tokens = before.request.input - named + before.request.output;
                prompt.extend(before.answer.map(|content| Segment { content, tokens }));
            }
            1 | 2 => prompt.push(Segment {
                content: u64::from(which % 3),
                tokens: 20 + 30 * u32::from(which % 3),
            }),
            _ => {}
        }
        let mut named: u32 = prompt.iter().map(|segment| segment.tokens).sum();
        while named > 4_000 {
            named -= prompt.pop().expect("longer than nothing").tokens;
        }
        let id = 1_000 + 2 * request.id;
        if kind % 8 < 5 {
            prompt.push(Segment { content: id, tokens: request.input });
            named += request.input;
        }
        let request = Request { input: named.max(request.input), ..request };
        asks.push(Ask { request, service: 0, prompt, answer: (kind % 3 > 0).then_some(id + 1) });
    }
    asks
}

fn flavour() -> impl Strategy<Value = BatchLimits> {
    (
        (1u32..40, 1u32..200, prop::sample::select(vec![1u32, 3, 16, 64]), 60u64..4_000),
        prop::sample::select(vec![PrefillOrder::Mixed, PrefillOrder::First]),
        prop::sample::select(vec![Scheduling::Synchronous, Scheduling::Ahead]),
        prop::sample::select(vec![0u32, 10, 100]),
        prop::sample::select(vec![None, Some(0), Some(1u64 << 33)]),
        any::<bool>(),
    )
        .prop_map(|(sizes, order, scheduling, answer_percent, swap, prefix_caching)| {
            let (max_seqs, max_tokens, block_tokens, capacity) = sizes;
            let blocks = capacity / u64::from(block_tokens) + 1;
            let preemption = match swap {
                None => Preemption::Recompute,
                Some(raw) => Preemption::Swap { block: Ticks::from_raw(raw) },
            };
            BatchLimits {
                order,
                scheduling,
                answer_percent,
                preemption,
                prefix_caching,
                ..BatchLimits::new(max_seqs, max_tokens, block_tokens, blocks)
            }
        })
}

fn price() -> impl Strategy<Value = Kinked> {
    (
        0u64..1 << 40,
        0u64..1 << 34,
        prop::sample::select(vec![0u64, 1, 1 << 20, 1 << 33]),
        0u64..2_000,
        prop::sample::select(vec![0u64, 12_345, 1 << 30]),
    )
        .prop_map(|(base, per_token, slope, kink, steeper)| Kinked {
            base: base + 1,
            per_token,
            slope,
            kink,
            steeper,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn engine_equals_twin(
        requests in workload(),
        limits in flavour(),
        model in price(),
        groups in prop::sample::select(vec![1u32, 1, 2, 5]),
        picks in prop::collection::vec((any::<u8>(), any::<u16>()), 120),
        with_cache in 0usize..6,
        mut stops in prop::collection::vec(0u64..30_000_000, 0..6),
        patience in prop::option::of(1u64..3_000_000),
    ) {
        stops.sort_unstable();
        let residents: Vec<Resident> = requests
            .iter()
            .filter(|r| with_cache > 2 && r.id % with_cache as u64 == 0 && r.output > 1)
            .map(|r| Resident {
                request: Request { id: r.id + 10_000, ..*r },
                ready: r.arrival + SimTime::from_ns(5),
                produced: 1 + (r.id as u32 % 3).min(r.output - 2),
                first_token: r.arrival + SimTime::from_ns(3),
            })
            .collect();
        let asks = conversations(requests, &picks);
        let withdrawn = impatient(&asks, limits, patience);
        let work = Work { limits, groups, asks: &asks, residents: &residents, withdrawn: &withdrawn };
        let mut slow_tally = Tally::new(LIMITS);
        let (mut slow, slow_usage) = twin::work(&work, &model, &mut slow_tally, |_| None);
        slow.sort_by_key(|done| done.request.id);
        let (fast, fast_tally, fast_usage, gave_up) = fast(&work, &model, &stops);
        let mut differing: Vec<_> = fast.iter().zip(&slow).filter(|(f, s)| f != s).collect();
        differing.sort_by_key(|(f, s)| f.finish.min(s.finish));
        differing.truncate(3);
        prop_assert!(differing.is_empty(), "{:?}", differing);
        prop_assert_eq!(fast.len(), slow.len());
        prop_assert_eq!(fast_usage, slow_usage);
        prop_assert_eq!(fast_tally, slow_tally);

        // Nothing is lost, nothing is made up.
        let all = || asks.iter().map(|a| a.request).chain(residents.iter().map(|r| r.request));
        let impossible = all().filter(|r| !limits.can_ever_run(r.input, r.output)).count();
        prop_assert_eq!(fast.len() + gave_up + impossible, asks.len() + residents.len());
        let mut produced: u64 = fast.iter().map(|done| u64::from(done.request.output)).sum();
        let elsewhere = residents.iter().filter(|r| limits.can_ever_run(r.request.input, r.request.output));
        produced -= elsewhere.map(|r| u64::from(r.produced)).sum::<u64>();
        prop_assert_eq!(produced, fast_usage.decode_tokens + fast_usage.prompt_completions);
        let computed: u64 = fast.iter().filter(|d| d.request.id < 10_000).map(|d| u64::from(d.request.input)).sum();
        prop_assert!(computed <= fast_usage.prefill_tokens + fast_usage.cached_tokens);
        for done in &fast {
            prop_assert!(done.request.arrival <= done.first_token && done.first_token <= done.finish);
            prop_assert!(done.cached_tokens < done.request.input);
        }
        prop_assert!(fast_usage.peak_blocks <= limits.blocks * u64::from(groups));
        if !limits.prefix_caching {
            // Never less than the mean over steps of what sequences filled.
            let most = u128::from(fast_usage.steps * fast_usage.peak_blocks * u64::from(limits.block_tokens));
            prop_assert!(fast_usage.context_steps <= most, "{:?}", fast_usage);
            prop_assert_eq!(fast_usage.cached_tokens + fast_usage.evicted_blocks, 0);
            if limits.answer_percent == 100 {
                prop_assert_eq!(preemptions(&fast), 0);
            }
        }
    }
}

/// When who gives up: some do not, some wait twice as long.
fn impatient(asks: &[Ask], limits: BatchLimits, patience: Option<u64>) -> Vec<(SimTime, u64)> {
    let possible = |ask: &&Ask| limits.can_ever_run(ask.request.input, ask.request.output);
    let gives_up = |ask: &Ask| {
        let patience = patience? * (ask.request.id % 3);
        (patience > 0).then(|| (ask.request.arrival + SimTime::from_ns(patience), ask.request.id))
    };
    let mut all: Vec<_> = asks.iter().filter(possible).filter_map(gives_up).collect();
    all.sort_unstable();
    all
}

fn preemptions(finished: &[Finished]) -> u32 {
    finished.iter().map(|done| done.preemptions).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn closed_loop_equals_twin(
        lengths in prop::collection::vec((1u32..200, 1u32..60), 0..80),
        concurrency in 1u32..30,
        max_seqs in 1u32..40,
        max_tokens in 1u32..200,
        capacity in 10u64..200,
        slope in prop::sample::select(vec![0u64, 1, 1 << 20]),
        service in prop::sample::select(vec![0u64, 1, 5_000]),
        latency in prop::sample::select(vec![0u64, 333]),
        pause in prop::sample::select(vec![0u64, 77, 900_000]),
    ) {
        let limits = BatchLimits::new(max_seqs, max_tokens, 16, capacity);
        let model = Kinked { base: 1 << 32, per_token: 1 << 20, slope, kink: 500, steeper: 7 };
        let exchanges: Vec<Exchange> =
            lengths.into_iter().map(|(input, output)| Exchange { input, output }).collect();
        let [latency, service, pause] = [latency, service, pause].map(SimTime::from_ns);
        let clients = ClosedLoop { concurrency, exchanges: &exchanges, latency, service, pause };
        let run = clients.run(&model, limits);

        let possible = exchanges.iter().filter(|e| limits.can_ever_run(e.input, e.output));
        let mut busy = SimTime::ZERO;
        let mut at = |sent: SimTime| {
            busy = busy.max(sent + latency) + service;
            busy
        };
        let all: Vec<Request> = (0..)
            .zip(possible)
            .map(|(id, e)| Request {
                id,
                arrival: if id < u64::from(concurrency) { at(SimTime::ZERO) } else { SimTime::ZERO },
                input: e.input,
                output: e.output,
            })
            .collect();
        let (first, rest) = all.split_at(all.len().min(concurrency as usize));
        let mut rest = rest.iter();
        let answer = |done: &Finished| {
            let next = rest.next()?;
            Some(Request { arrival: at(done.finish + pause), ..*next })
        };
        let mut tally = Tally::new(None);
        let (mut slow, usage) = twin::run_answering(limits, &model, first, &mut tally, answer);
        slow.sort_by_key(|done| done.request.id);
        prop_assert_eq!(&run.answers, &slow);
        prop_assert_eq!(run.usage, usage);
        prop_assert_eq!(run.answers.len() as u64 + run.rejected, exchanges.len() as u64);
        // Never more under way than there are clients.
        for done in &run.answers {
            let at = done.request.arrival;
            let live = run.answers.iter().filter(|o| o.request.arrival <= at && o.finish > at);
            prop_assert!(live.count() <= concurrency as usize);
        }
    }
}

/// Guards the property above against generators that never reach what they are there for.
#[test]
fn everything_happens_in_these_tests() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut total, mut preempted, mut capped, mut gave_up) = (Usage::default(), 0, 0, 0);
    for _ in 0..300 {
        let requests = workload().new_tree(&mut runner).unwrap().current();
        let picks = prop::collection::vec((any::<u8>(), any::<u16>()), 120);
        let picks = picks.new_tree(&mut runner).unwrap().current();
        let limits = flavour().new_tree(&mut runner).unwrap().current();
        let model = price().new_tree(&mut runner).unwrap().current();
        let asks = conversations(requests, &picks);
        let withdrawn = impatient(&asks, limits, Some(300_000));
        let work = Work { limits, groups: 1, asks: &asks, residents: &[], withdrawn: &withdrawn };
        let (finished, tally, usage, some) = fast(&work, &model, &[]);
        gave_up += some;
        total.merge(&usage);
        preempted += tally.preemptions;
        let whole = |d: &&Finished| d.cached_tokens + limits.block_tokens >= d.request.input;
        capped += finished.iter().filter(whole).count();
    }
    assert!(preempted > 100, "{preempted}");
    assert!(total.cached_tokens > 10_000 && total.evicted_blocks > 1_000, "{total:?}");
    assert!(total.swapped_blocks > 100, "{total:?}");
    assert!(capped > 20, "{capped}");
    assert!(gave_up > 1_000, "{gave_up}");
}

#[test]
fn short_memory_preempts() {
    let requests: Vec<Request> =
        (0..20).map(|id| Request { id, arrival: SimTime::ZERO, input: 30, output: 200 }).collect();
    let limits = BatchLimits::new(20, 64, 16, 40);
    let model = Kinked { base: 1 << 30, per_token: 1 << 20, slope: 1, kink: 0, steeper: 0 };
    let work = Work { limits, groups: 1, asks: &plain(&requests), residents: &[], withdrawn: &[] };
    let (finished, tally, usage, _) = fast(&work, &model, &[]);
    assert_eq!(finished.len(), 20);
    assert!(tally.preemptions > 5, "{}", tally.preemptions);
    assert!(usage.peak_blocks > 38, "{}", usage.peak_blocks);
}
