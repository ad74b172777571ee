//! A fleet is its replicas; a probe finds what a replica sustains.

use std::ops::ControlFlow;

use wattmill_factory::{Arrivals, LengthTable, Lengths, Slo};
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::BatchLimits;
use wattmill_sim::{
    Binding, Capacity, Demand, Fleet, Rates, Request, Synthetic, Tally, probe, twin,
};
use wattmill_units::{Seconds, Ticks};

/// 5 ms a step, 20 µs a prompt token, 50 µs a decoding sequence.
struct Simple;

impl StepModel for Simple {
    fn step(&self, shape: &StepShape) -> StepCost {
        let us = 5_000 + 20 * u64::from(shape.prefill.tokens) + 50 * u64::from(shape.decodes);
        StepCost { time: Ticks::from_seconds(Seconds::from_us(us as f64)), dynamic_nj: us }
    }
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let shape = StepShape { decodes, decode_context: context, ..StepShape::default() };
        DecodeRun { first: self.step(&shape), growth: StepCost::default(), steps: u64::MAX }
    }
}

fn lengths() -> Lengths {
    let table = |points: &[(f64, f64)]| LengthTable::from_quantiles(points).expect("sound");
    Lengths {
        name: "test".to_owned(),
        input: table(&[(0.0, 10.0), (0.9, 800.0), (1.0, 3_000.0)]),
        output: table(&[(0.0, 1.0), (0.9, 300.0), (1.0, 900.0)]),
    }
}

#[test]
fn a_fleet_is_its_replicas() {
    let lengths = lengths();
    let limits = BatchLimits::new(64, 512, 16, 3_000);
    let traffic =
        || Synthetic::new(9, Rates::constant(30.0), Arrivals::Poisson, &lengths).take(2_000);
    let mut fleet = Fleet::new(7, limits, Tally::new(None));
    let mut count = 0;
    let flow = fleet.run(&Simple, traffic(), |_, _| count += 1, |_| ControlFlow::Continue(()));
    assert!(flow.is_continue());
    assert_eq!((count, fleet.routed()), (2_000, 2_000));

    let mut alone = Tally::new(None);
    let mut usage = wattmill_sim::Usage::default();
    for replica in 0..7 {
        let mine: Vec<Request> = traffic().skip(replica).step_by(7).collect();
        let mut tally = Tally::new(None);
        usage.merge(&twin::run(limits, &Simple, &mine, &mut tally).1);
        alone.merge(&tally);
    }
    assert_eq!(fleet.tally(), &alone);
    assert_eq!(fleet.usage(), usage);
}

#[test]
fn a_stopped_run_finishes_what_it_took() {
    let lengths = lengths();
    let mut fleet = Fleet::new(1, BatchLimits::new(64, 512, 16, 3_000), Tally::new(None));
    let traffic = Synthetic::new(9, Rates::constant(2.0), Arrivals::Poisson, &lengths);
    let flow = fleet.run(&Simple, traffic, |_, _| {}, |_| ControlFlow::Break(()));
    assert!(flow.is_break());
    assert_eq!(fleet.tally().finished(), fleet.routed());
}

fn demand<'a>(lengths: &'a Lengths, ttft_ms: f64, tpot_ms: f64) -> Demand<'a> {
    let slo =
        Slo { ttft: Seconds::from_ms(ttft_ms), tpot: Seconds::from_ms(tpot_ms), quantile: 0.95 };
    Demand { lengths, arrivals: Arrivals::Poisson, replicas: 1, slo, seed: 1 }
}

#[test]
fn a_stricter_slo_never_allows_more() {
    let lengths = lengths();
    let limits = BatchLimits::new(128, 512, 16, 20_000);
    let mut last = f64::INFINITY;
    for tpot in [200.0, 30.0, 20.0, 14.0] {
        let Capacity::Sustained { at, binding } =
            probe(&Simple, limits, &demand(&lengths, 1_000.0, tpot))
        else {
            panic!("{tpot} ms is feasible");
        };
        // To the precision of a probe and the chance of its window, which the SLO sizes.
        assert!(at.rate_per_s <= last * 1.04, "{tpot}: {} after {last}", at.rate_per_s);
        if tpot < 20.0 {
            assert_eq!(binding, Binding::Tpot);
        }
        // The window holds the SLO it was found for.
        assert!(at.tally.tpot.quantile(0.95) as f64 <= tpot * 1e6 * 1.005);
        assert!(at.tally.ttft.quantile(0.95) as f64 <= 1e9 * 1.005);
        last = at.rate_per_s;
    }
    assert!(last > 1.0);
}

#[test]
fn an_slo_no_rate_can_meet_is_an_answer() {
    let lengths = lengths();
    let limits = BatchLimits::new(128, 512, 16, 20_000);
    let Capacity::Infeasible { binding, tpot, .. } =
        probe(&Simple, limits, &demand(&lengths, 1_000.0, 2.0))
    else {
        panic!("a step takes 5 ms");
    };
    assert_eq!(binding, Binding::Tpot);
    assert!(tpot >= Seconds::from_ms(5.0));
    let Capacity::Infeasible { binding, .. } = probe(&Simple, limits, &demand(&lengths, 1.0, 50.0))
    else {
        panic!("a first token takes 5 ms");
    };
    assert_eq!(binding, Binding::Ttft);
}

#[test]
fn what_is_too_long_for_the_cache_breaks_the_slo() {
    let lengths = lengths();
    let limits = BatchLimits::new(128, 512, 16, 1);
    let Capacity::Infeasible { binding, .. } =
        probe(&Simple, limits, &demand(&lengths, 1_000.0, 50.0))
    else {
        panic!("nothing fits into 16 tokens");
    };
    assert_eq!(binding, Binding::Ttft);
}

#[test]
fn without_an_slo_the_machine_is_the_limit() {
    let lengths = lengths();
    let limits = BatchLimits::new(128, 512, 16, 20_000);
    let Capacity::Sustained { at, .. } =
        probe(&Simple, limits, &demand(&lengths, 5_000.0, 1_000.0))
    else {
        panic!("anything goes");
    };
    // A full batch of 128 makes 128 tokens in 5 + 6.4 ms and a prompt token costs 20 µs more.
    let (input, output) = (lengths.input.mean(), lengths.output.mean());
    let bound = 1e6 / (output * (5_000.0 + 50.0 * 128.0) / 128.0 + 20.0 * input);
    assert!((at.rate_per_s / bound - 1.0).abs() < 0.1, "{} of {bound}", at.rate_per_s);
}
