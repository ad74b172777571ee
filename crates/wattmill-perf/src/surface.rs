//! The performance model compiled to tables and integer slopes.

use wattmill_units::{Power, Seconds, Ticks};

use crate::attention::{DecodeAttention, PerDecode, PerPrefill, PrefillAttention, PrefillSums};
use crate::deployment::{Deployment, LayoutProblem};
use crate::fixed::Slope;
use crate::memory::MemoryPlan;
use crate::operator::Operator;
use crate::operators::Replica;
use crate::step::{DecodeRun, Prefill, StepCost, StepModel, StepShape};

/// Counts that have an entry of their own; beyond, a table is thinned and interpolated.
const TABLE_LEN: u64 = 16_384;

/// Step times and energies of one deployment, ready for a simulator's inner loop.
///
/// Linear operators are a table over the step's tokens, output head and sampling one over the
/// sampled sequences; up to 16,384 every count has an entry of its own, beyond that every second,
/// fourth, … and what lies between is interpolated. Attention is evaluated in integers: decode as
/// the larger of two affine functions of sequences and context, so that a run of steps is an
/// arithmetic series to the last bit; prefill as the larger of two affine functions of its sums.
/// [`explain`](crate::explain) prices the same step operator by operator.
///
/// Steps longer than `max_tokens` are priced as if they continued the table in proportion.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSurface {
    linear: CostTable,
    head: CostTable,
    decode: Box<[DecodeSlopes]>,
    prefill: Box<[PrefillSlopes]>,
    idle: Power,
    accelerators: u32,
    memory: MemoryPlan,
}

impl StepSurface {
    /// Compiles the performance model of one deployment. Takes a few milliseconds.
    ///
    /// # Errors
    /// The [problems](Deployment::problems) of the deployment.
    pub fn compile(deployment: &Deployment<'_>) -> Result<Self, Vec<LayoutProblem>> {
        let replica = Replica::of(deployment)?;
        let spec = &deployment.spec;
        let tokens = spec.max_tokens.max(spec.max_seqs);
        Ok(Self {
            linear: CostTable::new(tokens, |n, out| replica.linear(n, out)),
            head: CostTable::new(spec.max_seqs, |n, out| replica.head(n, out)),
            decode: replica.attention.decode.iter().map(Into::into).collect(),
            prefill: replica.attention.prefill.iter().map(Into::into).collect(),
            idle: replica.chip.idle,
            accelerators: spec.layout.accelerators(),
            memory: MemoryPlan::of(deployment),
        })
    }

    /// Power of the whole replica's accelerators while nothing runs; steps cost energy above it.
    pub const fn idle_power(&self) -> Power {
        self.idle
    }

    /// How its memory is used, and how many KV blocks the replica has.
    pub const fn memory(&self) -> &MemoryPlan {
        &self.memory
    }

    /// Accelerators of the replica.
    pub const fn accelerators(&self) -> u32 {
        self.accelerators
    }
}

impl StepModel for StepSurface {
    #[inline]
    fn step(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes) + u64::from(shape.prefill.tokens);
        let samples = u64::from(shape.decodes) + u64::from(shape.prefill.completed);
        let mut cost = self.linear.at(tokens);
        cost = plus(cost, self.head.at(samples));
        if shape.decodes > 0 {
            for slopes in &*self.decode {
                cost = plus(cost, slopes.cost(shape.decodes, shape.decode_context));
            }
        }
        if shape.prefill.chunks > 0 {
            for slopes in &*self.prefill {
                cost = plus(cost, slopes.cost(&shape.prefill));
            }
        }
        cost
    }

    #[inline]
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let n = u64::from(decodes);
        let first = plus(self.linear.at(n), self.head.at(n));
        let mut run = DecodeRun { first, growth: StepCost::default(), steps: u64::MAX };
        if decodes == 0 {
            run.steps = 1;
            return run;
        }
        for slopes in &*self.decode {
            let part = slopes.run(decodes, context);
            run.first = plus(run.first, part.first);
            run.growth = plus(run.growth, part.growth);
            run.steps = run.steps.min(part.steps);
        }
        run
    }
}

#[inline]
fn plus(a: StepCost, b: StepCost) -> StepCost {
    StepCost { time: a.time + b.time, dynamic_nj: a.dynamic_nj.saturating_add(b.dynamic_nj) }
}

/// Costs by a count: of each of the first, and of every `2^shift`th up to the last.
#[derive(Clone, Debug, PartialEq)]
struct CostTable {
    each: Box<[StepCost]>,
    shift: u32,
    thinned: Box<[StepCost]>,
}

impl CostTable {
    /// Up to `most`, summing the operators that `operators` yields for a count.
    fn new(most: u32, operators: impl Fn(u32, &mut dyn FnMut(Operator))) -> Self {
        let most = u64::from(most);
        let cost = |count: u64| {
            let (mut time, mut joules) = (0.0, 0.0);
            operators(count as u32, &mut |operator| {
                time += operator.time.as_s();
                joules += operator.energy.as_joules();
            });
            StepCost {
                time: Ticks::from_seconds(Seconds::from_s(time)),
                dynamic_nj: (joules * 1e9).round() as u64,
            }
        };
        let mut shift = 0;
        while most >> shift > TABLE_LEN {
            shift += 1;
        }
        // One entry past the end, for what lies behind the last full stride.
        let thinned = if shift > 0 { (most >> shift) + 2 } else { 0 };
        Self {
            each: (0..=most.min(TABLE_LEN)).map(cost).collect(),
            shift,
            thinned: (0..thinned).map(|i| cost(i << shift)).collect(),
        }
    }

    #[inline]
    fn at(&self, count: u64) -> StepCost {
        match self.each.get(count as usize) {
            Some(&cost) => cost,
            None => self.interpolated(count),
        }
    }

    #[cold]
    fn interpolated(&self, count: u64) -> StepCost {
        let entry = (count >> self.shift) as usize;
        let rest = count & ((1 << self.shift) - 1);
        match (self.thinned.get(entry), self.thinned.get(entry + 1)) {
            (Some(&cost), Some(&next)) => self.between(cost, next, rest),
            _ => self.beyond(count),
        }
    }

    fn between(&self, a: StepCost, b: StepCost, rest: u64) -> StepCost {
        let mix = |a: u64, b: u64| {
            let rise = (i128::from(b) - i128::from(a)) * i128::from(rest);
            (i128::from(a) + (rise >> self.shift)) as u64
        };
        StepCost {
            time: Ticks::from_raw(mix(a.time.raw(), b.time.raw())),
            dynamic_nj: mix(a.dynamic_nj, b.dynamic_nj),
        }
    }

    fn beyond(&self, count: u64) -> StepCost {
        let last = match self.thinned.len() {
            0 => self.each.len() - 1,
            len => (len - 1) << self.shift,
        };
        let cost = *self.thinned.last().unwrap_or(&self.each[self.each.len() - 1]);
        let scale = |cost: u64| {
            let scaled = u128::from(cost) * u128::from(count) / (last as u128).max(1);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        StepCost {
            time: Ticks::from_raw(scale(cost.time.raw())),
            dynamic_nj: scale(cost.dynamic_nj),
        }
    }
}

/// `sequence · n + token · s`, in whole ticks or nanojoules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Affine {
    sequence: u64,
    token: u64,
}

impl Affine {
    fn rounded(slopes: PerDecode, unit: f64) -> Self {
        let scaled = slopes.scaled(unit);
        Self { sequence: scaled.sequence.round() as u64, token: scaled.token.round() as u64 }
    }

    #[inline]
    const fn at(self, decodes: u64, context: u64) -> u64 {
        let sequences = self.sequence.saturating_mul(decodes);
        sequences.saturating_add(self.token.saturating_mul(context))
    }
}

/// Ticks in a second.
fn ticks() -> f64 {
    1e9 * (1u64 << Ticks::FRACTION_BITS) as f64
}

/// Decode attention of one kind of layer in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DecodeSlopes {
    cap: u64,
    latency: u64,
    compute: Affine,
    memory: Affine,
    energy: Affine,
}

impl From<&DecodeAttention> for DecodeSlopes {
    fn from(attention: &DecodeAttention) -> Self {
        Self {
            cap: attention.cap,
            latency: Ticks::from_seconds(Seconds::from_s(attention.latency)).raw(),
            compute: Affine::rounded(attention.compute, ticks()),
            memory: Affine::rounded(attention.memory, ticks()),
            energy: Affine::rounded(attention.energy, 1e9),
        }
    }
}

impl DecodeSlopes {
    #[inline]
    fn cost(&self, decodes: u32, context: u64) -> StepCost {
        let n = u64::from(decodes);
        let seen = context.min(n.saturating_mul(self.cap));
        let work = self.compute.at(n, seen).max(self.memory.at(n, seen));
        StepCost {
            time: Ticks::from_raw(work.saturating_add(self.latency)),
            dynamic_nj: self.energy.at(n, seen),
        }
    }

    /// Steps up to the first that is cut by the cap, or in which the other function is larger.
    #[inline]
    fn run(&self, decodes: u32, context: u64) -> DecodeRun {
        let n = u64::from(decodes);
        let first = self.cost(decodes, context);
        let most = n.saturating_mul(self.cap);
        if context >= most {
            return DecodeRun { first, growth: StepCost::default(), steps: u64::MAX };
        }
        let (compute, memory) = (self.compute.at(n, context), self.memory.at(n, context));
        let (by_compute, by_memory) = (self.compute.token, self.memory.token);
        let (lead, slope, other) = if (compute, by_compute) >= (memory, by_memory) {
            (compute - memory, by_compute, by_memory)
        } else {
            (memory - compute, by_memory, by_compute)
        };
        // The one behind grows faster: it passes after `lead / (difference · n)` further steps.
        let mut further = (most - context) / n;
        if other > slope {
            further = further.min(lead / ((other - slope).saturating_mul(n)));
        }
        DecodeRun {
            first,
            growth: StepCost {
                time: Ticks::from_raw(slope.saturating_mul(n)),
                dynamic_nj: self.energy.token.saturating_mul(n),
            },
            steps: further.saturating_add(1),
        }
    }
}

/// `half_pair · h + token · t + context · p`, finer than ticks or nanojoules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AffinePrefill {
    half_pair: Slope,
    token: Slope,
    context: Slope,
}

impl AffinePrefill {
    fn rounded(slopes: PerPrefill, unit: f64) -> Self {
        let scaled = slopes.scaled(unit);
        Self {
            half_pair: Slope::rounded(scaled.half_pair),
            token: Slope::rounded(scaled.token),
            context: Slope::rounded(scaled.context),
        }
    }

    #[inline]
    const fn at(self, sums: PrefillSums) -> u64 {
        let pairs = self.half_pair.times(sums.half_pairs);
        let tokens = self.token.times(sums.tokens);
        let context = self.context.times(sums.context);
        pairs.saturating_add(tokens).saturating_add(context)
    }
}

/// Prefill attention of one kind of layer in integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PrefillSlopes {
    cap: u64,
    latency: u64,
    compute: AffinePrefill,
    memory: AffinePrefill,
    energy: AffinePrefill,
    /// Nanojoules that a nanosecond allows.
    limit: Slope,
}

impl From<&PrefillAttention> for PrefillSlopes {
    fn from(attention: &PrefillAttention) -> Self {
        Self {
            cap: attention.cap,
            latency: Ticks::from_seconds(Seconds::from_s(attention.latency)).raw(),
            compute: AffinePrefill::rounded(attention.compute, ticks()),
            memory: AffinePrefill::rounded(attention.memory, ticks()),
            energy: AffinePrefill::rounded(attention.energy, 1e9),
            limit: Slope::rounded(attention.limit),
        }
    }
}

impl PrefillSlopes {
    #[inline]
    fn cost(&self, prefill: &Prefill) -> StepCost {
        let sums = PrefillSums::of(prefill, self.cap);
        let work = self.compute.at(sums).max(self.memory.at(sums));
        let time = Ticks::from_raw(work.saturating_add(self.latency));
        let allowed = self.limit.times(time.as_ns());
        StepCost { time, dynamic_nj: self.energy.at(sums).min(allowed) }
    }
}
