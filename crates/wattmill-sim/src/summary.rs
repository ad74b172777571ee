//! What a run says, in the field's terms.

use wattmill_policy::BatchLimits;
use wattmill_units::{Energy, Histogram, Power, Seconds, SimTime, Ticks};

use crate::{Tally, Usage};

/// A latency at its quantiles. Quantiles are within 0.4 %, the mean is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Mean.
    pub mean: Seconds,
    /// Median.
    pub p50: Seconds,
    /// Nine in ten are at most this.
    pub p90: Seconds,
    /// Nineteen in twenty are at most this.
    pub p95: Seconds,
    /// Ninety-nine in a hundred are at most this.
    pub p99: Seconds,
}

impl Latency {
    /// Of a histogram of nanoseconds.
    pub fn of_ns(histogram: &Histogram) -> Self {
        Self::of(histogram, |ns| Seconds::from_s(ns * 1e-9))
    }

    /// Of a histogram of raw [`Ticks`].
    pub fn of_ticks(histogram: &Histogram) -> Self {
        let per_tick = Ticks::from_raw(1).as_seconds();
        Self::of(histogram, |ticks| per_tick * ticks)
    }

    fn of(histogram: &Histogram, seconds: impl Fn(f64) -> Seconds) -> Self {
        let at = |q| seconds(histogram.quantile(q) as f64);
        Self {
            mean: seconds(histogram.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
        }
    }
}

/// The replicas a summary is of.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How many.
    pub replicas: u32,
    /// Limits of each.
    pub limits: BatchLimits,
    /// Accelerator power of one replica without work; `None` where nothing is known of watts.
    pub idle_power: Option<Power>,
}

/// A run in the field's terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Requests answered in full.
    pub finished: u64,
    /// Requests too long for a whole replica's cache.
    pub rejected: u64,
    /// Prompt tokens of finished requests.
    pub input_tokens: u64,
    /// Output tokens of finished requests.
    pub output_tokens: u64,
    /// From the start to the last token.
    pub span: Seconds,
    /// Output tokens a second over the span.
    pub output_tokens_per_s: f64,
    /// Requests finished a second over the span.
    pub requests_per_s: f64,
    /// Time to first token.
    pub ttft: Latency,
    /// Mean time per output token after the first, of each request.
    pub tpot: Latency,
    /// Every gap between two tokens of a request.
    pub inter_token: Latency,
    /// Arrival to last token.
    pub end_to_end: Latency,
    /// Fraction of requests, rejected ones included, that kept the limits; 1 of none.
    pub attainment: f64,
    /// Times a sequence was preempted and recomputed.
    pub preemptions: u64,
    /// Highest fraction of one replica's KV blocks in use; 0 where memory is unlimited.
    pub kv_peak: f64,
    /// Fraction of the KV cache filled by decoding sequences, mean over steps, what they share counted
    /// for each; 0 likewise.
    pub kv_mean: f64,
    /// Sequences decoding in a step, mean.
    pub batch_mean: f64,
    /// Steps of all replicas.
    pub steps: u64,
    /// Fraction of the span a replica spends in steps, mean.
    pub busy: f64,
    /// Accelerator energy, idle included; `None` where nothing is known of watts.
    pub energy: Option<Energy>,
    /// Mean accelerator power of all replicas; `None` likewise.
    pub power: Option<Power>,
    /// Output tokens per joule of accelerator energy; `None` likewise.
    pub tokens_per_joule: Option<f64>,
    /// Hash of the answer.
    pub answer_hash: u64,
}

impl Summary {
    /// Of what `tally` and `usage` add up to over `span`, counted from the start of the window.
    pub fn new(tally: &Tally, usage: &Usage, setup: &Setup, span: SimTime) -> Self {
        let span = span.as_seconds();
        let replicas = f64::from(setup.replicas);
        let over = |x: f64, y: f64| if y > 0.0 { x / y } else { 0.0 };
        let asked = tally.finished() + tally.rejected;
        let energy = setup.idle_power.map(|idle| idle * replicas * span + usage.dynamic_energy());
        let tokens = tally.output_tokens as f64;
        let busy = Ticks::from_raw(1).as_seconds() * usage.busy_ticks as f64;
        let cache_tokens = setup.limits.blocks as f64 * f64::from(setup.limits.block_tokens);
        let context = over(usage.context_steps as f64, usage.steps as f64);
        let limited = setup.limits.blocks < BatchLimits::UNLIMITED_BLOCKS;
        Self {
            finished: tally.finished(),
            rejected: tally.rejected,
            input_tokens: tally.input_tokens,
            output_tokens: tally.output_tokens,
            span,
            output_tokens_per_s: over(tokens, span.as_s()),
            requests_per_s: over(tally.finished() as f64, span.as_s()),
            ttft: Latency::of_ns(&tally.ttft),
            tpot: Latency::of_ns(&tally.tpot),
            inter_token: Latency::of_ticks(&tally.gaps),
            end_to_end: Latency::of_ns(&tally.e2e),
            attainment: if asked == 0 { 1.0 } else { tally.within_limits as f64 / asked as f64 },
            preemptions: tally.preemptions,
            kv_peak: if limited {
                over(usage.peak_blocks as f64, setup.limits.blocks as f64)
            } else {
                0.0
            },
            kv_mean: if limited { over(context, cache_tokens) } else { 0.0 },
            batch_mean: over(usage.decode_tokens as f64, usage.steps as f64),
            steps: usage.steps,
            busy: over(busy.as_s(), span.as_s() * replicas),
            energy,
            power: energy.filter(|_| span > Seconds::ZERO).map(|energy| energy / span),
            tokens_per_joule: energy.map(|energy| over(tokens, energy.as_joules())),
            answer_hash: tally.fingerprint(),
        }
    }
}
