//! How much faster a stream may come before its latencies leave the SLO.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use wattmill_catalog::Catalog;
use wattmill_perf::{Bound, Prefill, StepShape, explain};
use wattmill_policy::BatchLimits;
use wattmill_report::{Limiting, SaturationPoint, ServingBars};
use wattmill_sim::{Summary, Tally, Usage};
use wattmill_units::Seconds;

use crate::bars::{Load, serving_bars};
use crate::replay::{Pricing, Replayed};

/// The search ends at this ratio between a speed that holds and one that does not.
const PRECISION: f64 = 1.02;
/// Doublings, or halvings, after which there is no such speed.
const MOST_DOUBLINGS: u32 = 24;
/// Share of a limit from which it counts as reached.
const REACHED: f64 = 0.95;

/// What is asked of a stream at every speed.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// Limits on the time to first token and the mean time per output token.
    pub slo: (Seconds, Seconds),
    /// Share of the requests that keeps both.
    pub share: f64,
}

/// A saturation curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// What was tried, slowest first.
    pub points: Vec<SaturationPoint>,
    /// What keeps the stream from coming faster; `None` if nothing was found to.
    pub limiting: Option<Limiting>,
    /// Whether the search was stopped early.
    pub interrupted: bool,
}

impl Saturation {
    /// The fastest that holds, if any does.
    pub fn best(&self) -> Option<&SaturationPoint> {
        self.points.iter().rev().find(|point| point.holds)
    }
}

/// Finds the highest speed, to 2 %, at which the promise holds. `run` replays the stream so many
/// times as fast, and breaks if it was stopped.
///
/// Speeds are doubled from 1 until one fails, or halved until one holds, then bisected; a stream that
/// does not hold at 2⁻²⁴ of its speed never does.
pub fn saturate(
    pricing: &Pricing<'_>,
    promise: &Promise,
    mut run: impl FnMut(f64) -> ControlFlow<(), Replayed>,
) -> Saturation {
    let mut tried: BTreeMap<u64, (SaturationPoint, Option<Limiting>)> = BTreeMap::new();
    let mut holds_at = |speed: f64| -> ControlFlow<(), bool> {
        let replayed = run(speed)?;
        let holds = replayed.summary.attainment >= promise.share;
        let limiting = (!holds).then(|| limiting(pricing, promise, &replayed));
        let bars = bars(pricing, &replayed.summary);
        let point = SaturationPoint { speed, holds, summary: replayed.summary, bars };
        // The bits of positive numbers are in their order.
        tried.insert(speed.to_bits(), (point, limiting));
        ControlFlow::Continue(holds)
    };
    let flow = search(&mut holds_at);
    let limiting = tried.values().find_map(|(_, limiting)| limiting.clone());
    let points = tried.into_values().map(|(point, _)| point).collect();
    Saturation { points, limiting, interrupted: flow.is_break() }
}

/// Where measurements lie of what came of one speed; a table's steps were measured by no one here.
fn bars(pricing: &Pricing<'_>, summary: &Summary) -> Option<ServingBars> {
    let Pricing::Engine(engine) = pricing else { return None };
    let load = Load::of(summary)?;
    Some(serving_bars(Catalog::builtin(), &engine.deployment, load))
}

fn search(holds_at: &mut impl FnMut(f64) -> ControlFlow<(), bool>) -> ControlFlow<()> {
    let starts = holds_at(1.0)?;
    let factor = if starts { 2.0 } else { 0.5 };
    let mut speed = 1.0;
    let mut turned = false;
    for _ in 0..MOST_DOUBLINGS {
        speed *= factor;
        if holds_at(speed)? != starts {
            turned = true;
            break;
        }
    }
    if !turned {
        return ControlFlow::Continue(());
    }
    let (mut low, mut high) = if starts { (speed / 2.0, speed) } else { (speed, speed * 2.0) };
    while high / low > PRECISION {
        let middle = (low * high).sqrt();
        if holds_at(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    ControlFlow::Continue(())
}

/// What stands in the way at a speed that does not hold.
fn limiting(pricing: &Pricing<'_>, promise: &Promise, replayed: &Replayed) -> Limiting {
    let (summary, tally) = (&replayed.summary, &replayed.tally);
    let late = |histogram: &wattmill_units::Histogram, limit: Seconds| {
        histogram.count() > 0 && histogram.quantile(promise.share) as f64 * 1e-9 > limit.as_s()
    };
    Limiting {
        late_ttft: late(&tally.ttft, promise.slo.0),
        late_tpot: late(&tally.tpot, promise.slo.1),
        resource: resource(pricing, summary, tally, &replayed.usage),
    }
}

fn resource(pricing: &Pricing<'_>, summary: &Summary, tally: &Tally, usage: &Usage) -> String {
    let limits = pricing.limits();
    if tally.rejected * 2 > tally.finished() {
        return "KV cache: requests longer than a whole replica's".to_owned();
    }
    let cached = limits.blocks < BatchLimits::UNLIMITED_BLOCKS;
    if cached && (summary.preemptions > 0 || summary.kv_peak >= REACHED) {
        return "KV cache: its blocks run out".to_owned();
    }
    if summary.batch_mean >= REACHED * f64::from(limits.max_seqs) {
        return format!("batch: its limit of {} sequences is reached", limits.max_seqs);
    }
    let steps = usage.steps.max(1) as f64;
    if usage.prefill_tokens as f64 / steps >= REACHED * f64::from(limits.max_tokens) {
        return format!("step: its limit of {} tokens is reached", limits.max_tokens);
    }
    match pricing {
        Pricing::Table(..) => "step time, by the table".to_owned(),
        Pricing::Engine(engine) => {
            let shape = mean_step(usage);
            let operators = explain(&engine.deployment, &shape).unwrap_or_default();
            let time = |bound: Bound| -> f64 {
                operators.iter().filter(|o| o.bound == bound).map(|o| o.time.as_s()).sum()
            };
            let parts = [
                (time(Bound::Compute), "compute"),
                (time(Bound::Memory), "memory bandwidth"),
                (time(Bound::Communication), "messages between accelerators"),
                (time(Bound::Latency), "launches and the engine's own work"),
            ];
            let all: f64 = parts.iter().map(|(time, _)| time).sum();
            let (most, name) = parts
                .into_iter()
                .fold((0.0, "nothing"), |most, part| if part.0 > most.0 { part } else { most });
            let share = (100.0 * most / all.max(f64::MIN_POSITIVE)).round();
            format!("step time: {name}, {share} % of the mean step")
        }
    }
}

/// The mean of the steps that were taken: its prompt tokens as one chunk.
fn mean_step(usage: &Usage) -> StepShape {
    let steps = usage.steps.max(1) as f64;
    let mut prefill = Prefill::default();
    let tokens = (usage.prefill_tokens as f64 / steps).round() as u32;
    if tokens > 0 {
        prefill.add(tokens, 0, true);
    }
    StepShape {
        decodes: (usage.decode_tokens as f64 / steps).round() as u32,
        decode_context: (usage.context_steps as f64 / steps).round() as u64,
        prefill,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speeds(edge: f64) -> (Vec<f64>, ControlFlow<()>) {
        let mut tried = Vec::new();
        let flow = search(&mut |speed| {
            tried.push(speed);
            ControlFlow::Continue(speed <= edge)
        });
        (tried, flow)
    }

    #[test]
    fn the_edge_is_found_from_either_side() {
        for edge in [0.003, 0.7, 1.0, 5.3, 900.0] {
            let (tried, flow) = speeds(edge);
            let low = tried.iter().copied().filter(|s| *s <= edge).fold(0.0, f64::max);
            let high = tried.iter().copied().filter(|s| *s > edge).fold(f64::INFINITY, f64::min);
            assert!(flow.is_continue() && high / low <= PRECISION, "{edge}: {low} to {high}");
        }
    }

    #[test]
    fn what_never_holds_and_what_always_does_end() {
        assert_eq!(speeds(0.0).0.len() as u32, MOST_DOUBLINGS + 1);
        assert_eq!(speeds(f64::INFINITY).0.len() as u32, MOST_DOUBLINGS + 1);
    }
}
