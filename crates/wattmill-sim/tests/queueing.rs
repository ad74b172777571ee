//! Queueing theory: with suitable step times and limits the engine is a queue whose mean wait is
//! known, and must have it.
//!
//! Prompts are of one token, so that a request of `k` tokens takes `k` steps. Between steps of length
//! `STEP` nothing starts: an idle engine starts at the arrival itself, a busy one at its next step.
//! With one seat that is no restriction, because a step that ends a request is the last before the
//! next starts: M/D/1 holds exactly. With several seats a request may wait for the rest of a step
//! although a seat is free, and with shared steps a step is as long as its batch is large; both vanish
//! against requests of twenty thousand steps, and are granted to the theory on top of the interval.
//!
//! Intervals are of batch means: the first tenth of a run is dropped, the rest cut into [`BATCHES`],
//! whose means are nearly independent, and their spread gives the interval in which the mean lies in
//! 99 of 100 runs.

use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::BatchLimits;
use wattmill_sim::{Finished, Replica, Request, Tally};
use wattmill_units::{Seconds, SimTime, Stream, Ticks};

/// Shortest step, s.
const STEP: f64 = 1e-6;
/// Tokens of a request, mean.
const TOKENS: f64 = 20_000.0;
const REQUESTS: u32 = 400_000;
const BATCHES: usize = 30;
/// 99.5 % quantile of Student's distribution with one degree of freedom less than there are batches.
const STUDENT: f64 = 2.756;

/// Every step takes as long, however many sequences are in it.
struct Constant;

/// A step takes as long as it has sequences: each gets its share of the engine.
struct Shared;

fn price(steps: u64) -> StepCost {
    StepCost { time: Ticks::from_seconds(Seconds::from_s(STEP * steps as f64)), dynamic_nj: 0 }
}

const fn run(first: StepCost) -> DecodeRun {
    let growth = StepCost { time: Ticks::from_raw(0), dynamic_nj: 0 };
    DecodeRun { first, growth, steps: u64::MAX }
}

impl StepModel for Constant {
    fn step(&self, _: &StepShape) -> StepCost {
        price(1)
    }
    fn decode_run(&self, _: u32, _: u64) -> DecodeRun {
        run(price(1))
    }
}

impl StepModel for Shared {
    fn step(&self, shape: &StepShape) -> StepCost {
        price(u64::from(shape.decodes) + u64::from(shape.prefill.chunks))
    }
    fn decode_run(&self, decodes: u32, _: u64) -> DecodeRun {
        run(price(decodes.into()))
    }
}

/// What comes of Poisson arrivals of `rate` a second at an engine of `seats`, in order of arrival.
fn answers(
    model: &impl StepModel,
    seats: u32,
    rate: f64,
    tokens: impl Fn(&mut Stream) -> u32,
) -> Vec<Finished> {
    let limits = BatchLimits::new(seats, 1 << 24, 16, BatchLimits::UNLIMITED_BLOCKS);
    let mut arrivals = Stream::new(7, "queueing arrivals", 0);
    let mut lengths = Stream::new(7, "queueing lengths", 0);
    let mut now = 0.0;
    let requests = (0..u64::from(REQUESTS)).map(|id| {
        now += arrivals.exponential() / rate;
        let arrival = SimTime::from_seconds(Seconds::from_s(now));
        Request { id, arrival, input: 1, output: tokens(&mut lengths) }
    });
    let mut replica = Replica::new(limits);
    requests.for_each(|request| replica.push(request));
    let mut found = Vec::with_capacity(REQUESTS as usize);
    replica.run_until(model, SimTime::MAX, &mut Tally::new(None), &mut |done| found.push(*done));
    assert_eq!(found.len(), REQUESTS as usize);
    found.sort_unstable_by_key(|done| done.request.id);
    found
}

/// Exponential lengths, rounded up: geometric.
fn geometric(stream: &mut Stream) -> u32 {
    ((stream.exponential() * TOKENS).ceil() as u32).max(1)
}

/// Mean service time of [`geometric`] requests.
fn geometric_mean() -> f64 {
    STEP / (1.0 - (-1.0 / TOKENS).exp())
}

fn sojourn(done: &Finished) -> f64 {
    done.e2e().as_seconds().as_s()
}

/// Time that is not service where a step takes [`STEP`].
fn wait(done: &Finished) -> f64 {
    sojourn(done) - f64::from(done.request.output) * STEP
}

/// Mean, and half the width of its interval.
fn mean(values: &[f64]) -> (f64, f64) {
    let settled = &values[values.len() / 10..];
    let size = settled.len() / BATCHES;
    let means: Vec<f64> = settled
        .chunks_exact(size)
        .take(BATCHES)
        .map(|batch| batch.iter().sum::<f64>() / size as f64)
        .collect();
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let variance = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / (n - 1.0);
    (mean, STUDENT * (variance / n).sqrt())
}

/// The mean of `values` is what theory says, but for the interval and `granted`; and the interval is
/// narrow enough to say something.
#[track_caller]
fn holds(values: &[f64], theory: f64, granted: f64) {
    let (mean, half) = mean(values);
    println!("theory {theory:.6}, found {mean:.6} ± {half:.6}");
    assert!((mean - theory).abs() <= half + granted, "{mean} ± {half}, but {theory} in theory");
    assert!(half < 0.15 * theory, "the interval ±{half} of {mean} says nothing");
    assert!(granted < 0.01 * theory, "{granted} is too much to grant against {theory}");
}

#[test]
fn one_seat_and_equal_requests_wait_as_in_m_d_1() {
    let service = TOKENS * STEP;
    for load in [0.3, 0.6, 0.9] {
        let found = answers(&Constant, 1, load / service, |_| TOKENS as u32);
        let waits: Vec<f64> = found.iter().map(wait).collect();
        // Stamps are whole nanoseconds.
        holds(&waits, load * service / (2.0 * (1.0 - load)), 1e-9);
        let first: Vec<f64> = found.iter().map(|done| done.ttft().as_seconds().as_s()).collect();
        holds(&first, load * service / (2.0 * (1.0 - load)) + STEP, 1e-9);
    }
}

/// Probability that a request finds all of `seats` taken, by Erlang.
fn erlang_c(seats: u32, offered: f64) -> f64 {
    let mut blocked = 1.0;
    for k in 1..=seats {
        blocked = offered * blocked / (f64::from(k) + offered * blocked);
    }
    let load = offered / f64::from(seats);
    blocked / (1.0 - load * (1.0 - blocked))
}

#[test]
fn seats_and_exponential_requests_wait_as_in_m_m_c() {
    assert!((erlang_c(1, 0.7) - 0.7).abs() < 1e-12, "M/M/1 is busy for its load");
    let service = geometric_mean();
    for (seats, load) in [(1, 0.7), (4, 0.8), (16, 0.9)] {
        let offered = load * f64::from(seats);
        let found = answers(&Constant, seats, offered / service, geometric);
        let waits: Vec<f64> = found.iter().map(wait).collect();
        let theory = erlang_c(seats, offered) * service / (f64::from(seats) * (1.0 - load));
        holds(&waits, theory, STEP);
    }
}

/// Sojourns under processor sharing are service over what the load leaves, whatever the lengths, and
/// that in proportion for short and for long requests.
#[track_caller]
fn shares(load: f64, service: f64, tokens: impl Fn(&mut Stream) -> u32) {
    let found = answers(&Shared, 1 << 20, load / service, tokens);
    // Whoever comes waits for the rest of a step, which is as long as its batch: 1/(1 - load) on
    // average in the stationary state, more as seen by a random instant.
    let granted = 2.0 * STEP / ((1.0 - load) * (1.0 - load));
    let sojourns: Vec<f64> = found.iter().map(sojourn).collect();
    holds(&sojourns, service / (1.0 - load), granted);
    let slowdowns: Vec<f64> = found
        .iter()
        .filter(|done| f64::from(done.request.output) > 0.25 * TOKENS)
        .map(|done| sojourn(done) / (f64::from(done.request.output) * STEP))
        .collect();
    holds(&slowdowns, 1.0 / (1.0 - load), granted / (0.25 * TOKENS * STEP));
}

#[test]
fn shared_steps_and_exponential_requests_are_m_m_1_ps() {
    shares(0.5, geometric_mean(), geometric);
}

#[test]
fn shared_steps_are_m_g_1_ps_whatever_the_lengths() {
    // All alike; and one in ten fourteen and a half times as long as the others.
    shares(0.7, TOKENS * STEP, |_| TOKENS as u32);
    let (short, long) = (8_500.0, 123_500.0);
    let service = (0.9 * short + 0.1 * long) * STEP;
    shares(0.7, service, |stream| if stream.below(10) == 0 { long as u32 } else { short as u32 });
}
