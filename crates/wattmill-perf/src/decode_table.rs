//! Decode attention as a table of integers, linear in the context between its knots.

use wattmill_units::Ticks;

use crate::divisor::Divisor;
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

/// Mean contexts between two knots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    low: u64,
    high: u64,
}

/// Decode attention of one kind of layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecodeTable {
    /// Tokens of a sequence it reads at most.
    cap: u64,
    /// What lies between two knots of each row.
    spans: Box<[Span]>,
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
        let spans = contexts.windows(2).map(|pair| Span { low: pair[0], high: pair[1] }).collect();
        Self { cap, spans, batches: batches.into(), knots: knots.into() }
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

    #[inline(always)]
    fn segment(&self, decodes: u32, seen: u64) -> Segment {
        let batch = Divisor::of(decodes);
        let n = u64::from(decodes);
        let last = self.spans.len() - 1;
        // The knot at or below the mean context, whose remainder cannot reach the next.
        let at = at_or_below(batch.quotient(seen)).min(last);
        let Span { low, high } = self.spans[at];
        let [base, next] = self.knots(decodes, at);
        let width = high - low;
        let each = |next: u64, base: u64| batch.quotient(over(next.saturating_sub(base), width));
        Segment {
            begin: n * low,
            end: if at == last { u64::MAX } else { n * high },
            base,
            slope: Knot {
                ticks: each(next.ticks, base.ticks),
                nanojoules: each(next.nanojoules, base.nanojoules),
            },
        }
    }

    /// Two neighbouring knots of any batch: of its own row, between two rows, or in proportion to the
    /// last.
    #[inline(always)]
    fn knots(&self, decodes: u32, at: usize) -> [Knot; 2] {
        let columns = self.spans.len() + 1;
        let row = |index: usize| -> [Knot; 2] {
            let first = index * columns + at;
            [self.knots[first], self.knots[first + 1]]
        };
        let place = BATCHES.place(decodes);
        let last = self.batches.len() - 1;
        let beyond = place.entry > last || place.entry == last && !place.is_entry();
        if beyond {
            let scaled = |cost: u64| in_proportion(cost, self.batches[last], decodes.into());
            return row(last).map(|knot| Knot {
                ticks: scaled(knot.ticks),
                nanojoules: scaled(knot.nanojoules),
            });
        }
        // A batch with a row of its own has no part of the next.
        let ([a, b], [c, d]) = (row(place.entry), row((place.entry + 1).min(last)));
        let between = |knot: Knot, next: Knot| Knot {
            ticks: place.between(knot.ticks, next.ticks),
            nanojoules: place.between(knot.nanojoules, next.nanojoules),
        };
        [between(a, c), between(b, d)]
    }
}

/// `x / width`, mostly a shift: knots lie powers of two apart, but for the first and the cap.
#[inline(always)]
const fn over(x: u64, width: u64) -> u64 {
    if width.is_power_of_two() { x >> (width.trailing_zeros() & 63) } else { x / width }
}

/// The least length of an octave (even) or of its upper half.
const fn leading_bits(leading: usize) -> u64 {
    let octave = 1u64 << (leading / 2);
    if leading.is_multiple_of(2) { octave } else { octave + octave / 2 }
}

/// The knot at or below `context`, if none was left out.
#[inline]
fn at_or_below(context: u64) -> usize {
    let octave = (context | 1).ilog2();
    let upper = (context << 1) >> octave & 1;
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
