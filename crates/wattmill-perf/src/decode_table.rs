//! Decode attention as a table of integers, linear in the context between its knots.

use wattmill_units::Ticks;

use crate::operator::Operator;
use crate::spacing::{Spacing, in_proportion};
use crate::step::{DecodeRun, StepCost};

/// Mean contexts at which attention is priced: two in every octave from 512, where the measurements
/// have a knot in each; beyond the last it goes on as between the last two.
const CONTEXTS: [u64; 22] = [
    1, 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576,
    32_768, 49_152, 65_536, 98_304, 131_072, 262_144,
];
/// The last of [`CONTEXTS`] that is not longer, by the two leading bits of a length.
const AT_OR_BELOW: [u8; 2 * u64::BITS as usize] = {
    let mut table = [0; 2 * u64::BITS as usize];
    let mut leading = 0;
    while leading < table.len() {
        let least = leading_bits(leading);
        let mut at = 0;
        while at + 1 < CONTEXTS.len() && CONTEXTS[at + 1] <= least {
            at += 1;
        }
        table[leading] = at as u8;
        leading += 1;
    }
    table
};
/// Batches of up to 64 have a row of their own, then there are 16 in every octave.
const BATCHES: Spacing = Spacing { each: 6, octave: 4 };

/// Cost of a batch whose contexts are all as long as a knot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Knot {
    ticks: u64,
    nanojoules: u64,
}

/// Decode attention of one kind of layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecodeTable {
    /// Tokens of a sequence it reads at most.
    cap: u64,
    contexts: Box<[u64]>,
    /// Batch sizes of the rows.
    batches: Box<[u32]>,
    /// Knots of each row.
    knots: Box<[Knot]>,
}

/// What lies between two knots of one batch.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Sum of contexts at which it begins, and where it ends.
    begin: u64,
    end: u64,
    base: Knot,
    /// Added per token of context.
    slope: Knot,
}

impl DecodeTable {
    /// For batches of up to `most` sequences, each of which reads at most `cap` tokens; `price` says
    /// what so many sequences of so much context take, of which `share` is counted.
    pub(crate) fn new(
        most: u32,
        cap: u64,
        share: f64,
        price: impl Fn(f64, f64) -> Operator,
    ) -> Self {
        let mut contexts: Vec<u64> = CONTEXTS.into_iter().filter(|c| *c < cap).collect();
        if cap < u64::MAX {
            contexts.push(cap.max(1));
        }
        if contexts.len() < 2 {
            contexts = vec![1, 2];
        }
        let batches = BATCHES.counts(most.max(2));
        let mut knots = Vec::with_capacity(batches.len() * contexts.len());
        for &n in &batches {
            let mut last = Knot::default();
            for &context in &contexts {
                let operator = price(f64::from(n), context as f64);
                // More context is never cheaper, whatever the scatter of the measurements.
                last = Knot {
                    ticks: Ticks::from_seconds(operator.time * share).raw().max(last.ticks),
                    nanojoules: ((operator.joules() * share * 1e9) as u64).max(last.nanojoules),
                };
                knots.push(last);
            }
        }
        Self { cap, contexts: contexts.into(), batches: batches.into(), knots: knots.into() }
    }

    #[inline]
    pub(crate) fn cost(&self, decodes: u32, context: u64) -> StepCost {
        let seen = context.min(u64::from(decodes).saturating_mul(self.cap));
        self.segment(decodes, seen).cost(seen)
    }

    /// Steps up to the first that is cut by the cap, or lies in another segment.
    #[inline]
    pub(crate) fn run(&self, decodes: u32, context: u64) -> DecodeRun {
        let n = u64::from(decodes);
        let most = n.saturating_mul(self.cap);
        let seen = context.min(most);
        let segment = self.segment(decodes, seen);
        let first = segment.cost(seen);
        if context >= most {
            return DecodeRun { first, growth: StepCost::default(), steps: u64::MAX };
        }
        // The last step may reach the cap, but must stay below the next segment.
        let last = if segment.end == u64::MAX { most } else { most.min(segment.end - 1) };
        DecodeRun {
            first,
            growth: StepCost {
                time: Ticks::from_raw(segment.slope.ticks.saturating_mul(n)),
                dynamic_nj: segment.slope.nanojoules.saturating_mul(n),
            },
            steps: ((last - seen) / n).saturating_add(1),
        }
    }

    #[inline]
    fn segment(&self, decodes: u32, seen: u64) -> Segment {
        let n = u64::from(decodes);
        let lasts = self.contexts.len() - 1;
        // The knot at or below the mean context, whose remainder cannot reach the next.
        let mean = seen / n.max(1);
        let at = at_or_below(mean).min(lasts - 1);
        let (low, high) = (self.contexts[at], self.contexts[at + 1]);
        let base = self.knot(decodes, at);
        let next = self.knot(decodes, at + 1);
        let width = n * (high - low);
        Segment {
            begin: n * low,
            end: if at + 1 == lasts { u64::MAX } else { n * high },
            base,
            slope: Knot {
                ticks: next.ticks.saturating_sub(base.ticks) / width,
                nanojoules: next.nanojoules.saturating_sub(base.nanojoules) / width,
            },
        }
    }

    /// A knot of any batch: of its own row, between two rows, or in proportion to the last.
    #[inline(always)]
    fn knot(&self, decodes: u32, at: usize) -> Knot {
        let columns = self.contexts.len();
        let row = |index: usize| self.knots[index * columns + at];
        let place = BATCHES.place(decodes);
        let last = self.batches.len() - 1;
        if place.entry <= last && place.is_entry() {
            return row(place.entry);
        }
        if place.entry < last {
            let (knot, next) = (row(place.entry), row(place.entry + 1));
            return Knot {
                ticks: place.between(knot.ticks, next.ticks),
                nanojoules: place.between(knot.nanojoules, next.nanojoules),
            };
        }
        let (below, knot) = (self.batches[last], row(last));
        Knot {
            ticks: in_proportion(knot.ticks, below, decodes.into()),
            nanojoules: in_proportion(knot.nanojoules, below, decodes.into()),
        }
    }
}

/// The least length of an octave (even) or of its upper half.
const fn leading_bits(leading: usize) -> u64 {
    let octave = 1u64 << (leading / 2);
    if leading.is_multiple_of(2) { octave } else { octave + octave / 2 }
}

/// The knot at or below `context`, if none was left out.
#[inline]
fn at_or_below(context: u64) -> usize {
    let octave = context.max(1).ilog2();
    let upper = if octave == 0 { 0 } else { context >> (octave - 1) & 1 };
    AT_OR_BELOW[2 * octave as usize + upper as usize].into()
}

impl Segment {
    #[inline]
    fn cost(&self, seen: u64) -> StepCost {
        let along = |base: u64, slope: u64| {
            let further = slope.saturating_mul(seen.saturating_sub(self.begin));
            base.saturating_add(further)
        };
        StepCost {
            time: Ticks::from_raw(along(self.base.ticks, self.slope.ticks)),
            dynamic_nj: along(self.base.nanojoules, self.slope.nanojoules),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_bits_find_the_knot_that_counting_finds() {
        let around = |c: u64| [c - 1, c, c + 1];
        let lengths = CONTEXTS.into_iter().flat_map(around).chain(0..3000).chain([u64::MAX]);
        for length in lengths {
            let counted = CONTEXTS.iter().filter(|c| **c <= length).count().max(1) - 1;
            assert_eq!(at_or_below(length), counted, "{length}");
        }
    }
}
