//! The interface between pricing and simulation: what a step consists of, what it costs.

use wattmill_units::{Seconds, Ticks, nearest};

/// Prefill part of a step, as sums over its chunks. A chunk is `c` new tokens of one prompt of
/// which `p` tokens are already in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefill {
    /// Chunks.
    pub chunks: u32,
    /// Σ c.
    pub tokens: u32,
    /// Σ c².
    pub squares: u64,
    /// Σ c·p.
    pub products: u64,
    /// Σ p.
    pub context: u64,
    /// Σ p, each rounded up to a multiple of 64.
    pub context_padded: u64,
    /// Chunks that complete their prompt and so produce a first token.
    pub completed: u32,
}

impl Prefill {
    /// Adds one chunk.
    #[inline]
    pub fn add(&mut self, tokens: u32, context: u32, completes: bool) {
        let (c, p) = (u64::from(tokens), u64::from(context));
        self.chunks += 1;
        self.tokens += tokens;
        self.squares += c * c;
        self.products += c * p;
        self.context += p;
        self.context_padded += (p + 63) & !63;
        self.completed += u32::from(completes);
    }
}

/// What one step of one replica does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepShape {
    /// Sequences that each decode one token.
    pub decodes: u32,
    /// Sum of their contexts before the step, tokens, the last produced one included.
    pub decode_context: u64,
    /// Prompts under way.
    pub prefill: Prefill,
}

impl StepShape {
    /// The shape of `groups` attention groups that each do this.
    #[inline]
    pub const fn of_groups(&self, groups: u32) -> Self {
        let (n, many) = (groups, groups as u64);
        let p = &self.prefill;
        Self {
            decodes: self.decodes.saturating_mul(n),
            decode_context: self.decode_context.saturating_mul(many),
            prefill: Prefill {
                chunks: p.chunks.saturating_mul(n),
                tokens: p.tokens.saturating_mul(n),
                squares: p.squares.saturating_mul(many),
                products: p.products.saturating_mul(many),
                context: p.context.saturating_mul(many),
                context_padded: p.context_padded.saturating_mul(many),
                completed: p.completed.saturating_mul(n),
            },
        }
    }

    /// What this and `other` do in one step.
    #[inline]
    #[must_use]
    pub const fn and(&self, other: &Self) -> Self {
        let (a, b) = (&self.prefill, &other.prefill);
        Self {
            decodes: self.decodes.saturating_add(other.decodes),
            decode_context: self.decode_context.saturating_add(other.decode_context),
            prefill: Prefill {
                chunks: a.chunks.saturating_add(b.chunks),
                tokens: a.tokens.saturating_add(b.tokens),
                squares: a.squares.saturating_add(b.squares),
                products: a.products.saturating_add(b.products),
                context: a.context.saturating_add(b.context),
                context_padded: a.context_padded.saturating_add(b.context_padded),
                completed: a.completed.saturating_add(b.completed),
            },
        }
    }
}

/// What one step costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCost {
    /// From the step's start to its end.
    pub time: Ticks,
    /// Accelerator energy above idle, whole replica, nanojoules; 0 where nothing is known of watts, which
    /// whoever prices steps says by having no idle power.
    pub dynamic_nj: u64,
}

impl StepCost {
    /// The nearest whole ticks and nanojoules.
    #[inline]
    pub(crate) fn of(time: Seconds, joules: f64) -> Self {
        Self { time: Ticks::from_seconds(time), dynamic_nj: nearest(joules * 1e9) }
    }

    /// What is left of it without `part`, at least nothing.
    #[inline]
    #[must_use]
    pub fn without(self, part: Self) -> Self {
        Self {
            time: self.time - self.time.min(part.time),
            dynamic_nj: self.dynamic_nj.saturating_sub(part.dynamic_nj),
        }
    }
}

/// Consecutive pure decode steps of an unchanged batch, whose cost rises evenly from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeRun {
    /// Cost of the first step.
    pub first: StepCost,
    /// What each further step costs more than the one before.
    pub growth: StepCost,
    /// How many steps this holds for, at least 1.
    pub steps: u64,
}

/// Prices steps. Implemented by the compiled performance model and by a user's step-time table.
///
/// `decode_run` must agree with `step`, to the last bit, for each of its steps: the fast engine uses
/// one and its slow twin the other.
pub trait StepModel {
    /// Cost of one step.
    fn step(&self, shape: &StepShape) -> StepCost;

    /// Cost of the coming decode steps of `decodes` sequences whose contexts now sum to `context`
    /// and grow by `decodes` a step.
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun;

    /// What of a [step](Self::step) attention groups with batches of their own do together, on the
    /// tokens of all of them; `shape` is their sum, and its contexts do not matter.
    ///
    /// A step of several groups takes as long as the slowest of them takes for the rest of
    /// [its batch, were it that of each](StepShape::of_groups), and what all do together. Nothing, if
    /// nobody says what that is.
    fn together(&self, _shape: &StepShape) -> StepCost {
        StepCost::default()
    }
}

impl<M: StepModel + ?Sized> StepModel for &M {
    #[inline]
    fn step(&self, shape: &StepShape) -> StepCost {
        (**self).step(shape)
    }

    #[inline]
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        (**self).decode_run(decodes, context)
    }

    #[inline]
    fn together(&self, shape: &StepShape) -> StepCost {
        (**self).together(shape)
    }
}
