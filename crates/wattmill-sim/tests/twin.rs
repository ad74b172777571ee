//! The engine equals its slow twin, to the nanosecond and the nanojoule, whatever the workload.

use proptest::prelude::*;
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{BatchLimits, PrefillOrder};
use wattmill_sim::{ClosedLoop, Exchange, Finished, Limits, Replica, Request, Tally, Usage, twin};
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
}

fn fast(
    limits: BatchLimits,
    model: &Kinked,
    requests: &[Request],
    stops: &[u64],
) -> (Vec<Finished>, Tally, Usage) {
    let mut replica = Replica::new(limits);
    let mut tally = Tally::new(LIMITS);
    let mut finished = Vec::new();
    let mut fed = 0;
    for stop in stops.iter().copied().chain([u64::MAX]) {
        while fed < requests.len() && requests[fed].arrival.as_ns() < stop {
            replica.push(requests[fed]);
            fed += 1;
        }
        replica
            .run_until(model, SimTime::from_ns(stop), &mut tally, &mut |done| finished.push(*done));
    }
    assert_eq!(replica.live(), 0);
    finished.sort_by_key(|done| done.request.id);
    (finished, tally, *replica.usage())
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn engine_equals_twin(
        requests in workload(),
        max_seqs in 1u32..40,
        max_tokens in 1u32..200,
        block_tokens in prop::sample::select(vec![1u32, 3, 16, 64]),
        capacity in 60u64..4_000,
        base in 0u64..1 << 40,
        per_token in 0u64..1 << 34,
        slope in prop::sample::select(vec![0u64, 1, 1 << 20, 1 << 33]),
        kink in 0u64..2_000,
        steeper in prop::sample::select(vec![0u64, 12_345, 1 << 30]),
        mut stops in prop::collection::vec(0u64..30_000_000, 0..6),
        order in prop::sample::select(vec![PrefillOrder::Mixed, PrefillOrder::First]),
    ) {
        let blocks = capacity / u64::from(block_tokens) + 1;
        let limits = BatchLimits::new(max_seqs, max_tokens, block_tokens, blocks).in_order(order);
        let model = Kinked { base: base + 1, per_token, slope, kink, steeper };
        stops.sort_unstable();
        let mut slow_tally = Tally::new(LIMITS);
        let (mut slow, slow_usage) = twin::run(limits, &model, &requests, &mut slow_tally);
        slow.sort_by_key(|done| done.request.id);
        let (fast, fast_tally, fast_usage) = fast(limits, &model, &requests, &stops);
        prop_assert_eq!(&fast, &slow);
        prop_assert_eq!(fast_usage, slow_usage);
        prop_assert_eq!(fast_tally, slow_tally);

        // Nothing is lost, nothing is made up.
        let rejected = requests.len() - fast.len();
        let impossible = requests.iter().filter(|r| !limits.can_ever_run(r.input, r.output));
        prop_assert_eq!(rejected, impossible.count());
        let produced: u64 = fast.iter().map(|done| u64::from(done.request.output)).sum();
        prop_assert_eq!(produced, fast_usage.decode_tokens + fast_usage.prompt_completions);
        for done in &fast {
            prop_assert!(done.request.arrival <= done.first_token && done.first_token <= done.finish);
        }
        prop_assert!(fast_usage.peak_blocks <= limits.blocks);
    }
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

#[test]
fn preemption_happens_in_these_tests() {
    // Guards the property above against a generator that never runs short of blocks.
    let requests: Vec<Request> =
        (0..20).map(|id| Request { id, arrival: SimTime::ZERO, input: 30, output: 200 }).collect();
    let limits = BatchLimits::new(20, 64, 16, 40);
    let model = Kinked { base: 1 << 30, per_token: 1 << 20, slope: 1, kink: 0, steeper: 0 };
    let (finished, tally, usage) = fast(limits, &model, &requests, &[]);
    assert_eq!(finished.len(), 20);
    assert!(tally.preemptions > 5, "{}", tally.preemptions);
    assert!(usage.peak_blocks > 38, "{}", usage.peak_blocks);
}
