//! What a replica says of its future is never too late, and asking changes nothing.

use proptest::prelude::*;
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{BatchLimits, Preemption, PrefillOrder, Scheduling, Segment};
use wattmill_sim::{Aside, Ask, Finished, Replica, Request, Tally};
use wattmill_units::{SimTime, Ticks};

/// A price with a base and slopes over tokens and context, which becomes steeper at 600 of them.
struct Bent {
    base: u64,
}

const KINK: u64 = 600;

impl StepModel for Bent {
    fn step(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes + shape.prefill.tokens);
        let beyond = shape.decode_context.saturating_sub(KINK);
        let ns = self.base + 900 * tokens + shape.decode_context + 2 * beyond;
        StepCost { time: Ticks::from_raw(ns << 20), dynamic_nj: tokens }
    }
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let shape = StepShape { decodes, decode_context: context, ..StepShape::default() };
        let n = u64::from(decodes);
        let (slope, steps) =
            if context >= KINK { (3, u64::MAX) } else { (1, (KINK - context) / n + 1) };
        let growth = StepCost { time: Ticks::from_raw((slope * n) << 20), dynamic_nj: 0 };
        DecodeRun { first: self.step(&shape), growth, steps }
    }
    fn together(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes + shape.prefill.tokens);
        let ns = self.base / 2 + 300 * tokens;
        StepCost { time: Ticks::from_raw(ns << 20), dynamic_nj: tokens / 2 }
    }
}

fn limits() -> impl Strategy<Value = BatchLimits> {
    (
        (1u32..20, 8u32..200, prop::sample::select(vec![3u32, 16]), 400u64..2_000),
        prop::sample::select(vec![PrefillOrder::Mixed, PrefillOrder::First]),
        prop::sample::select(vec![Scheduling::Synchronous, Scheduling::Ahead]),
        prop::sample::select(vec![0u32, 10, 100]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(sizes, order, scheduling, answer_percent, swaps, prefix_caching)| {
            let (max_seqs, max_tokens, block_tokens, capacity) = sizes;
            let blocks = capacity / u64::from(block_tokens) + 1;
            let preemption = if swaps {
                Preemption::Swap { block: Ticks::from_raw(1 << 30) }
            } else {
                Preemption::Recompute
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

fn work() -> impl Strategy<Value = Vec<Ask>> {
    let drawn = (0u64..60_000, 1u32..200, 1u32..60, 0u8..6, 0u64..4);
    prop::collection::vec(drawn, 1..60).prop_map(|drawn| {
        let mut at = 0;
        let ask = |(id, (gap, input, output, odd, content))| {
            at += if odd < 2 { 0 } else { gap };
            let output = if odd == 5 { 1 } else { output };
            let request = Request { id, arrival: SimTime::from_ns(at), input, output };
            let prompt = vec![Segment { content, tokens: input / 2 }];
            Ask { request, service: 0, prompt, answer: None }
        };
        (0..).zip(drawn).map(ask).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_said_before_the_next_report(
        asks in work(),
        limits in limits(),
        groups in prop::sample::select(vec![1u32, 1, 2, 4]),
        base in 1u64..50_000,
        asides in prop::collection::vec((any::<bool>(), 1u64..30), 8),
        ahead in 0u64..100_000,
    ) {
        let model = Bent { base };
        let mut replica = Replica::grouped(limits, groups);
        replica.note_first_tokens();
        let (mut tally, mut finished) = (Tally::new(None), Vec::<Finished>::new());
        let mut firsts = 0;
        let mut coming = asks.iter().peekable();
        let mut held: Vec<Aside> = Vec::new();
        let (mut now, mut rounds) = (SimTime::ZERO, 0);
        loop {
            // Some are known of before they arrive.
            let known = now + SimTime::from_ns(ahead);
            while let Some(ask) = coming.next_if(|ask| ask.request.arrival <= known) {
                replica.push_ask(ask.clone());
            }
            let next = replica.next_report(&model);
            let arrival = coming.peek().map_or(SimTime::MAX, |ask| ask.request.arrival);
            if next == SimTime::MAX && arrival == SimTime::MAX && held.is_empty() {
                break;
            }
            // Up to then nobody hears of anything.
            let until = next.min(arrival);
            let mut silent = replica.clone();
            let mut said = 0;
            silent.run_until(&model, until, &mut tally.clone(), &mut |_| said += 1);
            prop_assert_eq!((said, silent.take_first_tokens().count()), (0, 0));
            if until < SimTime::MAX {
                now = until + SimTime::from_ns(1);
                replica.run_until(&model, now, &mut tally, &mut |done| finished.push(*done));
                firsts += replica.take_first_tokens().count();
                prop_assert!(replica.next_report(&model) >= now);
            }
            // Now and then blocks are spoken for, and come back.
            rounds += 1;
            let (takes, blocks) = asides[rounds % asides.len()];
            if until == SimTime::MAX || !takes {
                held.drain(..).for_each(|aside| replica.give_back(now, aside));
            } else if rounds < 300 {
                let blocks = blocks.min(limits.blocks / 3);
                held.extend(replica.set_aside(blocks));
                held.push(replica.hold_back(1));
            }
        }
        prop_assert_eq!(replica.live(), 0);
        let all = asks.iter().map(|ask| ask.request);
        let possible = all.filter(|r| limits.can_ever_run(r.input, r.output)).count();
        prop_assert_eq!(finished.len(), possible);
        prop_assert_eq!(firsts, possible);
        prop_assert_eq!(replica.gauge().blocks, 0);
    }
}
