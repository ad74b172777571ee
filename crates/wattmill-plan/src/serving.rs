//! What each kind of machine does for each service: the layout, and the capacity that the
//! request-level engine sustains inside the SLO.

use wattmill_catalog::Catalog;
use wattmill_factory::{EngineChoice, EngineSpec, Hardware, Lengths, Service};
use wattmill_perf::{Bound, Prefill, StepModel, StepShape, explain};
use wattmill_sim::{Binding, Demand, Latency, Operating, Summary, power_at};
use wattmill_units::{Id, Power, Seconds, SimTime};

use crate::engine::{Engine, usual_specs};
use crate::waterfall::Split;

/// Fraction of the time per output token that the choice of a layout plans with: what is left is
/// for the queue, which only the engine knows.
const PLANNED_TPOT: f64 = 0.85;
/// Likewise of the KV cache.
const PLANNED_CACHE: f64 = 0.9;
/// Replicas behind one router beyond which their arrivals no longer get smoother.
pub(crate) const ROUTER_REPLICAS: f64 = 64.0;

/// What one kind of machine does for one service.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The machine.
    pub hardware: Id<Hardware>,
    /// The service.
    pub service: Id<Service>,
    /// How, or why not.
    pub outcome: Outcome,
}

/// The outcome of looking for an offer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It serves, at this operating point.
    Serves(Box<ServingPoint>),
    /// It does not: what binds.
    Cannot(String),
}

impl Offer {
    /// Its operating point, if it serves.
    pub fn point(&self) -> Option<ServingPoint> {
        match &self.outcome {
            Outcome::Serves(point) => Some((**point).clone()),
            Outcome::Cannot(_) => None,
        }
    }

    /// Why it does not serve, if so.
    pub fn cannot(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Serves(_) => None,
            Outcome::Cannot(why) => Some(why),
        }
    }
}

/// One replica at the highest rate it sustains inside the SLO.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingPoint {
    /// Layout, formats and limits.
    pub spec: EngineSpec,
    /// Accelerators of a replica.
    pub accelerators: u32,
    /// KV blocks of a replica.
    pub kv_blocks: u64,
    /// Requests a second of a replica.
    pub rate_per_s: f64,
    /// What keeps it from more.
    pub binding: Binding,
    /// Accelerator power of a replica without work.
    pub idle_power: Power,
    /// Accelerator power above idle of a replica at each of [`Self::LOADS`].
    pub dynamic_power: [Power; 5],
    /// Time to first token at that rate.
    pub ttft: Latency,
    /// Time per output token at that rate.
    pub tpot: Latency,
    /// Sequences decoding in a step, mean.
    pub batch: f64,
    /// Fraction of the KV blocks in use at the peak.
    pub kv_peak: f64,
    /// Where its energy goes.
    pub split: Split,
}

impl ServingPoint {
    /// Loads, as fractions of the rate, at which power was measured.
    pub const LOADS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 1.0];

    /// Accelerator power above idle of as much of a pool as `replicas` stands for: whole ones at
    /// their capacity and one that has the rest.
    pub fn dynamic_power_of(&self, replicas: f64) -> Power {
        let whole = replicas.floor();
        self.dynamic_power[4] * whole + self.dynamic_power_at(replicas - whole)
    }

    /// Of one replica at a fraction of its rate: linear between what was measured.
    fn dynamic_power_at(&self, load: f64) -> Power {
        let (mut below, mut power_below) = (0.0, Power::ZERO);
        for (above, power) in Self::LOADS.into_iter().zip(self.dynamic_power) {
            if load <= above {
                let share = (load - below) / (above - below);
                return power_below + (power - power_below) * share;
            }
            (below, power_below) = (above, power);
        }
        power_below
    }

    /// Requests that one accelerator's share of the replica serves in an hour.
    pub fn requests_per_accelerator_hour(&self) -> f64 {
        self.rate_per_s * 3600.0 / f64::from(self.accelerators)
    }
}

/// The engine of `service` on `hardware`: the one it states, or the usual one that promises the
/// highest rate per accelerator in steady state; where none promises any, the one of the shortest
/// step, which may keep the SLO without the margin that is planned with.
///
/// # Errors
/// What stands in the way of the last layout tried, which is the largest.
pub fn choose<'a>(
    service: &'a Service,
    hardware: &'a Hardware,
    catalog: &'a Catalog,
) -> Result<Engine<'a>, String> {
    let candidates = match service.engine {
        EngineChoice::Explicit(spec) => vec![spec],
        EngineChoice::Auto => usual_specs(&service.model, hardware),
    };
    let mut best: Option<(f64, Seconds, Engine<'a>)> = None;
    let mut refusal = Vec::new();
    for spec in candidates {
        match Engine::new(&service.model, hardware, catalog, spec) {
            Ok(engine) => {
                let step = service.slo.tpot * PLANNED_TPOT;
                let rate = steady_rate(&engine, service, step) / f64::from(engine.accelerators());
                let alone = step_alone(&engine, service);
                let better = |(best, shortest, _): &(f64, Seconds, Engine<'a>)| {
                    rate > *best || (rate == *best && alone < *shortest)
                };
                if best.as_ref().is_none_or(better) {
                    best = Some((rate, alone, engine));
                }
            }
            Err(why) => refusal = why,
        }
    }
    let (.., engine) = best.ok_or_else(|| refusal.join("; "))?;
    // A plan shares watts.
    match hardware.accelerator.power_unknown() {
        Some(unknown) => Err(unknown),
        None => Ok(engine),
    }
}

/// Fraction of requests that no replica can ever hold.
pub(crate) fn too_long(engine: &Engine<'_>, lengths: &Lengths) -> f64 {
    const CELLS: u32 = 100;
    let at = |cell: u32| (f64::from(cell) + 0.5) / f64::from(CELLS);
    let inputs: Vec<u32> = (0..CELLS).map(|cell| lengths.input.quantile(at(cell))).collect();
    let outputs: Vec<u32> = (0..CELLS).map(|cell| lengths.output.quantile(at(cell))).collect();
    let fits = |input| outputs.iter().filter(|o| engine.limits.can_ever_run(input, **o)).count();
    let fitting: usize = inputs.into_iter().map(fits).sum();
    1.0 - fitting as f64 / f64::from(CELLS * CELLS)
}

/// Highest rate, requests a second, at which the replica has a steady state with steps of at most
/// `longest`: every request prefilled once and decoding in every step until it leaves.
fn steady_rate(engine: &Engine<'_>, service: &Service, longest: Seconds) -> f64 {
    if too_long(engine, &service.traffic.lengths) > 1.0 - service.slo.quantile {
        return 0.0;
    }
    let holds = |rate: f64| steady_step(engine, service, rate).is_some_and(|step| step <= longest);
    // The rate at which one request at a time would already need steps that long.
    let mut low = 0.0;
    let mut high = 1.0 / (longest.as_s() * service.traffic.lengths.output.mean());
    for _ in 0..64 {
        if !holds(high) {
            break;
        }
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

/// Length of a step that decodes a single sequence.
fn step_alone(engine: &Engine<'_>, service: &Service) -> Seconds {
    let context = service.traffic.lengths.input.mean() as u64;
    let alone = StepShape { decodes: 1, decode_context: context, ..StepShape::default() };
    engine.surface.step(&alone).time.as_seconds()
}

/// Length of a step in the steady state at `rate`, if there is one within the engine's limits.
fn steady_step(engine: &Engine<'_>, service: &Service, rate: f64) -> Option<Seconds> {
    let limits = &engine.limits;
    let (input, output) =
        (service.traffic.lengths.input.mean(), service.traffic.lengths.output.mean());
    let mean_context = input + output / 2.0;
    let cache = limits.blocks as f64 * f64::from(limits.block_tokens) * PLANNED_CACHE;
    // From below.
    let mut step = step_alone(engine, service);
    for _ in 0..200 {
        let decodes = rate * step.as_s() * output;
        let prompt_tokens = rate * step.as_s() * input;
        let fits = decodes <= f64::from(limits.max_seqs)
            && decodes + prompt_tokens <= f64::from(limits.max_tokens)
            && decodes * mean_context <= cache;
        if !fits {
            return None;
        }
        let mut prefill = Prefill::default();
        let chunk = prompt_tokens.min(input).ceil() as u32;
        if chunk > 0 {
            prefill.add(chunk, 0, true);
            // Work that grows with the square of a prompt, at the mean share of one.
            prefill.tokens = prompt_tokens.ceil() as u32;
            prefill.squares = (prompt_tokens * input) as u64;
        }
        let shape = StepShape {
            decodes: decodes.ceil() as u32,
            decode_context: (decodes * mean_context) as u64,
            prefill,
        };
        let next = engine.surface.step(&shape).time.as_seconds();
        if (next - step).abs() <= next * 1e-4 {
            return Some(next);
        }
        step = next;
    }
    None
}

pub(crate) fn point(
    engine: &Engine<'_>,
    service: &Service,
    demand: &Demand<'_>,
    at: &Operating,
    binding: Binding,
) -> ServingPoint {
    let setup = engine.setup(1);
    let window = SimTime::from_seconds(at.window);
    let summary = Summary::new(&at.tally, &at.usage, &setup, window);
    let mut dynamic_power = [at.usage.dynamic_energy() / at.window; 5];
    let partial = &ServingPoint::LOADS[..4];
    let measured = power_at(&engine.surface, engine.limits, demand, at.rate_per_s, partial);
    dynamic_power[..4].copy_from_slice(&measured);
    let unbounded = steady_rate(engine, service, Seconds::from_hours(1.0));
    ServingPoint {
        spec: engine.deployment.spec,
        accelerators: engine.accelerators(),
        kv_blocks: engine.limits.blocks,
        rate_per_s: at.rate_per_s,
        binding,
        idle_power: engine.idle_power().expect("`choose` takes none whose power is unknown"),
        dynamic_power,
        ttft: summary.ttft,
        tpot: summary.tpot,
        batch: summary.batch_mean,
        kv_peak: summary.kv_peak,
        split: split(engine, at, summary.busy, unbounded),
    }
}

/// Where the time of a replica at its operating point goes, priced operator by operator at the mean
/// shape of its steps.
fn split(engine: &Engine<'_>, at: &Operating, busy: f64, unbounded: f64) -> Split {
    let usage = &at.usage;
    let steps = usage.steps.max(1);
    let per_step = |sum: u128| (sum as f64 / steps as f64).round() as u64;
    let mut prefill = Prefill::default();
    let tokens = per_step(u128::from(usage.prefill_tokens)) as u32;
    if tokens > 0 {
        prefill.add(tokens, 0, true);
    }
    let shape = StepShape {
        decodes: per_step(u128::from(usage.decode_tokens)) as u32,
        decode_context: per_step(usage.context_steps),
        prefill,
    };
    let mut bound = [Seconds::ZERO; 4];
    // An engine that was compiled has no problems left.
    for operator in explain(&engine.deployment, &shape).unwrap_or_default() {
        let index = match operator.bound {
            Bound::Latency => 0,
            Bound::Communication => 1,
            Bound::Memory => 2,
            Bound::Compute => 3,
        };
        bound[index] += operator.time;
    }
    let total: Seconds = bound.iter().sum();
    let headroom = (1.0 - at.rate_per_s / unbounded).clamp(0.0, 1.0);
    let working = (1.0 - headroom) * busy.min(1.0);
    let share = |index: usize| {
        if total > Seconds::ZERO { working * (bound[index] / total) } else { 0.0 }
    };
    let (communication, memory, compute) = (share(1), share(2), share(3));
    Split {
        headroom,
        // What is left: time between steps and fixed costs within them.
        overhead: 1.0 - headroom - communication - memory - compute,
        communication,
        memory,
        compute,
    }
}
