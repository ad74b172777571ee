//! The performance model compiled to tables and integer slopes.

use std::hint::select_unpredictable;

use wattmill_factory::EngineSpec;
use wattmill_units::{Power, Seconds, Ticks};

use crate::attention::DecodeAttention;
use crate::context::ContextExchange;
use crate::decode_table::DecodeTable;
use crate::deployment::{Deployment, LayoutProblem};
use crate::memory::MemoryPlan;
use crate::operator::Operator;
use crate::operators::Replica;
use crate::prefill_attention::{PrefillAttention, PrefillWork};
use crate::spacing::{Spacing, in_proportion};
use crate::step::{DecodeRun, Prefill, StepCost, StepModel, StepShape};

/// Counts of up to 256 have an entry of their own, then there are 64 in every octave.
const COUNTS: Spacing = Spacing { each: 8, octave: 6 };

/// Step times and energies of one deployment, ready for a simulator's inner loop.
///
/// Linear operators are a table over the step's tokens, output head and sampling one over the
/// sampled sequences; up to 256 every count has an entry of its own, beyond that there are 64 in
/// every octave and what lies between is interpolated, from the
/// count after the entry, where another tile begins. Decode attention is a table over sequences and
/// their mean context, linear in the context between its knots and evaluated in integers, so that a
/// run of steps is an arithmetic series to the last bit. Prefill attention follows the closed form.
/// [`explain`](crate::explain) prices the same step operator by operator, without tables.
///
/// Steps longer than `max_tokens` are priced as if they continued the table in proportion.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSurface {
    linear: CostTable,
    head: CostTable,
    decode: Box<[DecodeTable]>,
    /// Decode attention in steps that hold prompts, where it is priced otherwise.
    beside_prompts: Option<Box<[DecodeTable]>>,
    prefill: Box<[PrefillAttention]>,
    context: Option<Box<ContextRanks>>,
    meeting: Option<Box<Meeting>>,
    uncaptured: StepCost,
    speculation: Option<Rounds>,
    idle: Option<Power>,
    accelerators: u32,
    memory: MemoryPlan,
}

/// Decoding in rounds, each of which gives a sequence several tokens. What a round costs is spread
/// over them, so that a step still gives one.
#[derive(Clone, Debug, PartialEq)]
struct Rounds {
    /// Linear operators, output head and drafting of a round of so many sequences, for each token
    /// that a sequence gains.
    decode: CostTable,
    /// Tokens of a sequence that are verified in a round.
    verified: u32,
}

impl Rounds {
    /// What a step of `decodes` sequences costs beside prompts of so many tokens, of which so many samples
    /// are drawn: a token's share of a round, and all of what the prompts add to it.
    #[inline]
    fn cost(
        &self,
        decodes: u64,
        tokens: u64,
        samples: u64,
        passing: impl Fn(u64, u64) -> StepCost,
    ) -> StepCost {
        if decodes == 0 {
            return passing(tokens, samples);
        }
        let verified = decodes * u64::from(self.verified);
        let both = passing(verified + tokens, verified + samples);
        plus(self.decode.at(decodes), both.without(passing(verified, verified)))
    }
}

/// What attention groups do together of what depends on tokens alone.
#[derive(Clone, Debug, PartialEq)]
struct Meeting {
    /// Of so many tokens that pass all layers.
    passing: CostTable,
    /// With speculation: rounds of it.
    rounds: Option<Rounds>,
}

impl Meeting {
    fn of(replica: &Replica<'_>, spec: &EngineSpec, tokens: u32, share: f64) -> Option<Box<Self>> {
        if spec.layout.data_attention < 2 || !replica.meets() {
            return None;
        }
        let verified = replica.verified();
        let rounds = spec.speculation.map(|_| {
            let decode = CostTable::new(spec.max_seqs, |n, out| {
                let mut spread = |o: Operator| out(o.spread(share));
                replica.meeting(n * verified, &mut spread);
                replica.meeting_of_drafts(n, &mut spread);
            });
            Rounds { decode, verified }
        });
        let passing = CostTable::new(tokens, |n, out| replica.meeting(n, out));
        Some(Box::new(Self { passing, rounds }))
    }
}

/// Ranks that share the tokens of every sequence, and what each kind of attention layer sends among
/// them.
#[derive(Clone, Debug, PartialEq)]
struct ContextRanks {
    ranks: u32,
    kinds: Box<[ContextTables]>,
}

#[derive(Clone, Debug, PartialEq)]
struct ContextTables {
    exchange: ContextExchange,
    /// Gathering the keys and values of so many tokens.
    gathering: CostTable,
    /// Merging the partial results of so many sequences, for each token that one gains.
    merging: CostTable,
}

impl ContextRanks {
    fn of(replica: &Replica<'_>, spec: &EngineSpec, share: f64) -> Option<Box<Self>> {
        let network = &replica.network;
        let tables = |exchange: &ContextExchange| ContextTables {
            gathering: CostTable::new(exchange.most(spec.max_tokens), |n, out| {
                out(exchange.gathering(network, n.into()));
            }),
            merging: CostTable::new(spec.max_seqs, |n, out| {
                let o = exchange.merging(network, n.saturating_mul(replica.verified()));
                out(o.spread(share));
            }),
            exchange: *exchange,
        };
        let kinds: Box<[_]> = replica.exchanges.iter().map(tables).collect();
        let ranks = spec.layout.context;
        (ranks > 1).then(|| Box::new(Self { ranks, kinds }))
    }

    fn cost(&self, shape: &StepShape) -> StepCost {
        let mut cost = self.merging(shape.decodes);
        if shape.prefill.chunks > 0 {
            for kind in &self.kinds {
                let behind = kind.exchange.behind(&shape.prefill);
                cost = plus(cost, kind.gathering.at(shape.prefill.tokens.into()));
                if behind > 0 {
                    cost = plus(cost, kind.gathering.at(behind));
                }
            }
        }
        cost
    }

    fn merging(&self, decodes: u32) -> StepCost {
        let cost = StepCost::default();
        if decodes == 0 {
            return cost;
        }
        self.kinds.iter().fold(cost, |cost, kind| plus(cost, kind.merging.at(decodes.into())))
    }
}

impl Rounds {
    fn of(replica: &Replica<'_>, spec: &EngineSpec) -> Option<Self> {
        let share = 1.0 / spec.speculation?.tokens_per_round();
        let verified = replica.verified();
        let decode = CostTable::new(spec.max_seqs, |n, out| {
            let mut spread = |o: Operator| {
                out(o.spread(share));
            };
            replica.linear(n * verified, &mut spread);
            replica.head(n * verified, &mut spread);
            replica.drafting(n).into_iter().for_each(spread);
        });
        Some(Self { decode, verified })
    }
}

impl StepSurface {
    /// Compiles the performance model of one deployment. Takes a few milliseconds.
    ///
    /// # Errors
    /// The [problems](Deployment::problems) of the deployment.
    pub fn compile(deployment: &Deployment<'_>) -> Result<Self, Vec<LayoutProblem>> {
        let replica = Replica::of(deployment)?;
        let spec = &deployment.spec;
        let tokens = spec.max_tokens.max(spec.max_seqs.saturating_mul(replica.verified()));
        let share = spec.speculation.map_or(1.0, |s| 1.0 / s.tokens_per_round());
        let uncaptured = replica.uncaptured();
        let decode = &replica.attention.decode;
        Ok(Self {
            linear: CostTable::new(tokens, |n, out| replica.linear(n, out)),
            head: CostTable::new(spec.max_seqs.saturating_mul(replica.verified()), |n, out| {
                replica.head(n, out);
            }),
            speculation: Rounds::of(&replica, spec),
            context: ContextRanks::of(&replica, spec, share),
            meeting: Meeting::of(&replica, spec, tokens, share),
            decode: decode
                .iter()
                .map(|a| DecodeTable::new(spec.max_seqs, a.cap, share, |n, c| a.alone(n, c)))
                .collect(),
            beside_prompts: decode.iter().any(DecodeAttention::is_tiled).then(|| {
                let beside = |a: &DecodeAttention<'_>| {
                    DecodeTable::new(spec.max_seqs, a.cap, share, |n, c| a.beside_prompts(n, c))
                };
                decode.iter().map(beside).collect()
            }),
            uncaptured: StepCost::of(uncaptured.time, uncaptured.joules()),
            prefill: replica.attention.prefill.into(),
            idle: replica.chip.idle,
            accelerators: spec.layout.accelerators(),
            memory: MemoryPlan::of(deployment),
        })
    }

    /// Power of the whole replica's accelerators while nothing runs; steps cost energy above it.
    /// `None` where nothing states the accelerator's power limit: then steps have times alone.
    pub const fn idle_power(&self) -> Option<Power> {
        self.idle
    }

    /// How its memory is used, and how many KV blocks the replica has.
    pub const fn memory(&self) -> &MemoryPlan {
        &self.memory
    }

    /// What `tokens` tokens that pass all layers cost, of which `samples` are drawn from; attention
    /// is not in it.
    #[inline]
    fn passing(&self, tokens: u64, samples: u64) -> StepCost {
        plus(self.linear.at(tokens), self.head.at(samples))
    }

    /// Prompt tokens of a step that each context rank passes.
    #[inline]
    fn prompts(&self, prefill: &Prefill) -> u64 {
        let each = |context: &ContextRanks| prefill.tokens.div_ceil(context.ranks);
        self.context.as_deref().map_or(prefill.tokens, each).into()
    }

    /// Accelerators of the replica.
    pub const fn accelerators(&self) -> u32 {
        self.accelerators
    }
}

impl StepModel for StepSurface {
    #[inline]
    fn step(&self, shape: &StepShape) -> StepCost {
        let prefill = &shape.prefill;
        let n = u64::from(shape.decodes);
        let (tokens, samples) = (self.prompts(prefill), u64::from(prefill.completed));
        // What follows from what: attention of prompts is a long chain of divisions and roots. What is
        // looked up in tables stands between its halves, so that a processor does both at once.
        let prompts = if prefill.chunks > 0 { self.prefill.split_first() } else { None };
        let begun = prompts.map(|(attention, others)| (attention, attention.work(prefill), others));
        let mut cost = match &self.speculation {
            None => self.passing(n + tokens, n + samples),
            Some(rounds) => rounds.cost(n, tokens, samples, |t, s| self.passing(t, s)),
        };
        if let Some(context) = &self.context {
            cost = plus(cost, context.cost(shape));
        }
        if shape.decodes > 0 {
            let beside = self.beside_prompts.as_ref().filter(|_| prefill.chunks > 0);
            for table in beside.unwrap_or(&self.decode) {
                cost = plus(cost, table.cost(shape.decodes, shape.decode_context));
            }
        }
        if prefill.chunks > 0 {
            cost = plus(cost, self.uncaptured);
        }
        if let Some((attention, work, others)) = begun {
            cost = plus(cost, prefill_cost(attention, &work));
            for attention in others {
                cost = plus(cost, prefill_cost(attention, &attention.work(prefill)));
            }
        }
        cost
    }

    fn together(&self, shape: &StepShape) -> StepCost {
        let Some(meeting) = &self.meeting else {
            return StepCost::default();
        };
        let (n, prompts) = (u64::from(shape.decodes), self.prompts(&shape.prefill));
        match &meeting.rounds {
            None => meeting.passing.at(n + prompts),
            // Samples are drawn by each group for itself.
            Some(rounds) => rounds.cost(n, prompts, 0, |tokens, _| meeting.passing.at(tokens)),
        }
    }

    #[inline]
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let n = u64::from(decodes);
        let first = match &self.speculation {
            None => self.passing(n, n),
            Some(rounds) => rounds.decode.at(n),
        };
        let mut run = DecodeRun { first, growth: StepCost::default(), steps: u64::MAX };
        if decodes == 0 {
            run.steps = 1;
            return run;
        }
        if let Some(context) = &self.context {
            run.first = plus(run.first, context.merging(decodes));
        }
        for table in &*self.decode {
            let part = table.run(decodes, context);
            run.first = plus(run.first, part.first);
            run.growth = plus(run.growth, part.growth);
            run.steps = run.steps.min(part.steps);
        }
        run
    }
}

#[inline]
fn prefill_cost(attention: &PrefillAttention, work: &PrefillWork) -> StepCost {
    let run = attention.run(work);
    StepCost::of(Seconds::from_s(run.seconds), run.joules)
}

#[inline]
fn plus(a: StepCost, b: StepCost) -> StepCost {
    StepCost { time: a.time + b.time, dynamic_nj: a.dynamic_nj.saturating_add(b.dynamic_nj) }
}

/// Costs by a count, interpolated between entries.
#[derive(Clone, Debug, PartialEq)]
struct CostTable {
    /// The last stands there twice, so that each has a next.
    entries: Box<[Entry]>,
    /// Count of the last entry.
    most: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    cost: StepCost,
    /// Where the line to the next entry begins. Multiplications go in tiles and rounds of tiles: one
    /// row past a full one costs another, so the line is drawn from there.
    base: StepCost,
}

impl CostTable {
    /// Up to `most`, summing the operators that `operators` yields for a count.
    fn new(most: u32, operators: impl Fn(u32, &mut dyn FnMut(Operator))) -> Self {
        let counts = COUNTS.counts(most.max(1));
        let cost = |count: u32| {
            let (mut time, mut joules) = (0.0, 0.0);
            operators(count, &mut |operator| {
                time += operator.time.as_s();
                joules += operator.joules();
            });
            StepCost::of(Seconds::from_s(time), joules)
        };
        let costs: Vec<StepCost> = counts.iter().map(|count| cost(*count)).collect();
        let base = |index: usize| {
            let (Some(above), Some(next)) = (counts.get(index + 1), costs.get(index + 1)) else {
                return costs[index];
            };
            let width = above - counts[index];
            if width < 2 {
                return *next;
            }
            let after = cost(counts[index] + 1);
            StepCost {
                time: Ticks::from_raw(before(after.time.raw(), next.time.raw(), width)),
                dynamic_nj: before(after.dynamic_nj, next.dynamic_nj, width),
            }
        };
        let last = counts.len() - 1;
        let entries =
            (0..counts.len()).chain([last]).map(|i| Entry { cost: costs[i], base: base(i) });
        Self { entries: entries.collect(), most: counts[last] }
    }

    #[inline(always)]
    fn at(&self, count: u64) -> StepCost {
        if count > u64::from(self.most) {
            return self.beyond(count);
        }
        let place = COUNTS.place(count as u32);
        let Entry { cost, base } = &self.entries[place.entry];
        let next = &self.entries[place.entry + 1].cost;
        let from = |cost: u64, base: u64| select_unpredictable(place.is_entry(), cost, base);
        let time = from(cost.time.raw(), base.time.raw());
        let nanojoules = from(cost.dynamic_nj, base.dynamic_nj);
        StepCost {
            time: Ticks::from_raw(place.between(time, next.time.raw())),
            dynamic_nj: place.between(nanojoules, next.dynamic_nj),
        }
    }

    /// In proportion to the last entry.
    #[cold]
    fn beyond(&self, count: u64) -> StepCost {
        let Entry { cost, .. } = self.entries[self.entries.len() - 1];
        StepCost {
            time: Ticks::from_raw(in_proportion(cost.time.raw(), self.most, count)),
            dynamic_nj: in_proportion(cost.dynamic_nj, self.most, count),
        }
    }
}

/// Where a line must begin that is at `first` after one of `width` units and at `last` after all.
fn before(first: u64, last: u64, width: u32) -> u64 {
    let slope = (i128::from(last) - i128::from(first)) / i128::from(width - 1);
    (i128::from(first) - slope).max(0) as u64
}
