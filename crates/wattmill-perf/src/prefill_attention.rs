//! Prefill attention of the chunks of a step, from their sums.

use wattmill_units::{Bytes, FlopRate, Flops, Seconds};

use crate::attention::{Layer, Seen};
use crate::chip::{Chip, KernelDraw, Surfaced, bound};
use crate::kernels::Kernel;
use crate::operator::{Operator, SurfaceUse};
use crate::power::{Run, Span};
use crate::shard::Shard;
use crate::state::{self, StateLayers};
use crate::step::Prefill;

/// Logarithms of lengths and of chunks at which corrections are looked up beforehand.
const LENGTHS: usize = 21;
const CHUNKS: usize = 9;
/// Share of peaks where no surface is measured.
const UNMEASURED: f64 = 0.5;
/// Shares that expanding latents reaches: a large multiplication.
const EXPANDING: f64 = 0.7;

/// Prefill attention of one kind of layer, all layers together.
///
/// Kernels are timed with whole prompts of one length. A chunk behind a cache is priced as its pairs
/// of tokens, at the utilisation of prompts whose tokens attend to as many; chunks of several lengths
/// as so many of their mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PrefillAttention {
    name: &'static str,
    layers: f64,
    ranks: f64,
    /// Layers over the ranks that share the work: context ranks of all attention batches. Tokens are
    /// dealt evenly to attention groups and pipeline stages, and what one of them attends to to its
    /// context ranks: of 2n pieces of a chunk each takes one and the one as far from the end.
    share: f64,
    /// Of the cached tokens that a share reads and expands, so many times its own.
    gathered: f64,
    cap: u64,
    seen: Seen,
    launch: f64,
    /// Operations of a pair.
    pair: f64,
    /// Pairs that every token seems to have in addition.
    start: f64,
    /// Operations of a cached token that is expanded.
    expand: f64,
    /// Bytes of a token, and of a cached one.
    token: f64,
    cached: f64,
    /// Seconds of an operation and of a byte, at the rates the surface was fitted with.
    per_flop: f64,
    per_byte: f64,
    per_expanded: f64,
    /// What the surface adds, by logarithms of length and of chunks.
    factors: Box<[[f64; CHUNKS]]>,
    used: Option<SurfaceUse>,
    /// Which of them lie within what was measured.
    inside: Box<[[bool; CHUNKS]]>,
    peak: FlopRate,
    draws: KernelDraw,
}

/// What the chunks of a step have to do in attention, and how long it would take at the full clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefillWork {
    span: Span,
    /// Seconds of arithmetic, but for expanding.
    pairs: f64,
    flops: f64,
    bytes: f64,
}

impl PrefillAttention {
    pub(crate) fn of(
        layer: &Layer,
        shard: &Shard,
        chip: &Chip<'_>,
        surfaced: Option<Surfaced<'_>>,
    ) -> Self {
        let (pair, token) = match layer.prefill {
            Kernel::PrefillAttention(k) => {
                let numbers = 2.0 * k.kv_heads * (2.0 + k.cached) + 4.0 * k.heads;
                (4.0 * k.heads * k.head_dim, k.head_dim * numbers)
            }
            Kernel::LatentPrefill(k) => {
                let wide = k.key + k.value;
                (2.0 * k.heads * wide, k.heads * 4.0 * wide)
            }
            _ => (0.0, 0.0),
        };
        let (launch, memory, compute, start) = match surfaced.as_ref().map(|s| s.pricer.constants())
        {
            Some(&[launch, memory, compute, start]) => {
                (launch * 1e-6, memory, compute, start * 100.0)
            }
            _ => (chip.overheads.kernel, UNMEASURED, UNMEASURED, 0.0),
        };
        let of = |length: usize, chunks: usize| {
            let (tokens, prompts) = ((1u64 << length) as f64, (1u64 << chunks) as f64);
            let kernel = match layer.prefill {
                Kernel::PrefillAttention(mut k) => {
                    (k.tokens, k.prompts) = (tokens, prompts);
                    Kernel::PrefillAttention(k)
                }
                Kernel::LatentPrefill(mut k) => {
                    (k.tokens, k.prompts) = (tokens, prompts);
                    Kernel::LatentPrefill(k)
                }
                other => other,
            };
            surfaced.as_ref().map_or((1.0, false), |s| {
                let priced = s.pricer.price(&kernel, &chip.wide);
                (priced.factor, priced.inside)
            })
        };
        let factor = chip.overheads.prefill_attention;
        let grid: Vec<[(f64, bool); CHUNKS]> =
            (0..LENGTHS).map(|length| std::array::from_fn(|chunks| of(length, chunks))).collect();
        let factors: Vec<_> = grid.iter().map(|row| row.map(|(f, _)| factor * f)).collect();
        let inside: Vec<_> = grid.iter().map(|row| row.map(|(_, inside)| inside)).collect();
        let wide = &chip.wide;
        Self {
            name: layer.name[1],
            layers: layer.layers,
            ranks: shard.ranks(),
            share: layer.layers / (shard.ranks() * shard.context),
            // Latents are gathered and expanded by every rank.
            gathered: if layer.expand > 0.0 { shard.context } else { 1.0 },
            cap: layer.cap,
            seen: layer.seen,
            launch: launch * chip.overheads.launch,
            pair,
            start,
            expand: layer.expand,
            token,
            cached: layer.cached,
            per_flop: 1.0 / (wide.compute * compute),
            per_byte: 1.0 / (wide.bandwidth * memory),
            per_expanded: 1.0 / (wide.compute * EXPANDING),
            factors: factors.into(),
            used: surfaced.map(|s| s.used),
            inside: inside.into(),
            peak: chip.peak_wide(),
            draws: chip.draws_wide(),
        }
    }

    /// The states of prompts, in proportion to their tokens: as if each attended to one.
    pub(crate) fn of_states(states: &StateLayers, shard: &Shard, chip: &Chip<'_>) -> Self {
        Self {
            name: "prefill states",
            layers: states.layers,
            ranks: shard.ranks(),
            share: states.layers / shard.ranks(),
            gathered: 1.0,
            cap: 1,
            seen: Seen::ALL,
            launch: state::KERNELS * chip.overheads.kernel,
            pair: states.prefill.flops,
            start: 0.0,
            expand: 0.0,
            token: states.prefill.bytes,
            cached: 0.0,
            per_flop: 1.0 / (chip.wide.compute * state::SCANNING),
            per_byte: 1.0 / (chip.wide.bandwidth * state::MEMORY),
            per_expanded: 0.0,
            factors: vec![[1.0; CHUNKS]; LENGTHS].into(),
            used: None,
            inside: vec![[false; CHUNKS]; LENGTHS].into(),
            peak: chip.peak_wide(),
            draws: chip.draws_wide(),
        }
    }

    /// Of the prefill part of a step, which has at least one chunk. Arithmetic alone, so that it is
    /// the same everywhere.
    #[inline]
    pub(crate) fn work(&self, prefill: &Prefill) -> PrefillWork {
        let tokens = f64::from(prefill.tokens.max(1));
        let half_pairs = self.half_pairs(prefill);
        let context =
            prefill.context.min(u64::from(prefill.chunks).saturating_mul(self.cap)) as f64;
        let context = context * self.gathered;
        let share = self.share;
        let factor = self.factor(half_pairs / tokens, f64::from(prefill.chunks) / self.ranks);
        let pairs = half_pairs / 2.0;
        let (flops, expanded) = (pairs * self.pair, context * self.expand);
        let bytes = tokens * self.token + context * self.cached;
        let compute = (flops + tokens * self.start * self.pair) * self.per_flop;
        let memory = bytes * self.per_byte;
        let (c, m) = (compute * compute, memory * memory);
        let work = factor * (c * c + m * m).sqrt().sqrt() + expanded * self.per_expanded;
        // Expanding is arithmetic, too.
        let span = Span {
            fixed: self.layers * self.launch,
            work: share * work,
            compute: share * (factor * compute + expanded * self.per_expanded),
            memory: share * factor * memory,
        };
        PrefillWork {
            span,
            pairs: share * factor * compute,
            flops: share * (flops + expanded),
            bytes: share * bytes,
        }
    }

    /// Time and energy of that.
    #[inline]
    pub(crate) fn run(&self, work: &PrefillWork) -> Run {
        self.draws.run(&work.span, work.flops, work.bytes)
    }

    /// Seconds of arithmetic in a layer for `tokens` tokens in `chunks` chunks, each of which attends to
    /// `context` tokens.
    pub(crate) fn arithmetic(&self, tokens: f64, context: f64, chunks: f64) -> f64 {
        // Tokens of a whole prompt attend to half of it on average.
        let factor = self.factor(2.0 * context, chunks);
        factor * tokens * (context + self.start) * self.pair * self.per_flop
    }

    /// Twice the pairs of a chunk's tokens with what they attend to. By token: the length of a whole
    /// prompt whose tokens attend to as much.
    #[inline]
    fn half_pairs(&self, prefill: &Prefill) -> f64 {
        let half_pairs = prefill.products.saturating_mul(2).saturating_add(prefill.squares);
        let most = u64::from(prefill.tokens).saturating_mul(self.cap).saturating_mul(2);
        let within = half_pairs.min(most) as f64;
        if self.seen == Seen::ALL {
            return within;
        }
        let latest = 2.0 * f64::from(prefill.tokens) * self.seen.latest;
        within / self.seen.tokens + latest.min(half_pairs as f64)
    }

    /// Whether the points around it all lie within what was measured.
    fn is_inside(&self, prefill: &Prefill) -> bool {
        let length = self.half_pairs(prefill) / f64::from(prefill.tokens.max(1));
        let (i, x) = place(length, LENGTHS);
        let (j, y) = place(f64::from(prefill.chunks) / self.ranks, CHUNKS);
        let (below, right) = (i + usize::from(x > 0.0), j + usize::from(y > 0.0));
        self.inside[i][j] && self.inside[below][j] && self.inside[i][right]
    }

    #[inline]
    fn factor(&self, length: f64, chunks: f64) -> f64 {
        let (i, x) = place(length, LENGTHS);
        let (j, y) = place(chunks, CHUNKS);
        let (low, high) = (&self.factors[i], &self.factors[i + 1]);
        let along = |row: &[f64; CHUNKS]| row[j] + (row[j + 1] - row[j]) * y;
        let (low, high) = (along(low), along(high));
        low + (high - low) * x
    }

    /// Of the prefill part of a step, as an operator.
    pub(crate) fn operator(&self, prefill: &Prefill) -> Operator {
        let work = self.work(prefill);
        let run = self.run(&work);
        Operator {
            name: self.name,
            flops: Flops::from_flops(work.flops),
            peak: self.peak,
            bytes: Bytes::from_bytes(work.bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(run.seconds),
            energy: self.draws.energy(run.joules),
            clock: run.clock,
            bound: bound(work.span.fixed, work.pairs / run.clock, work.span.memory),
            surface: self.used.map(|used| SurfaceUse { inside: self.is_inside(prefill), ..used }),
        }
    }
}

/// The power of two at or below `x`, and how far `x` is on the way to the next, up to `length` - 1:
/// exponent and fraction of the number.
#[inline]
fn place(x: f64, length: usize) -> (usize, f64) {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = x.max(1.0).to_bits();
    let power = (bits >> FRACTION) as usize - (f64::MAX_EXP - 1) as usize;
    if power > length - 2 {
        return (length - 2, 1.0);
    }
    let one = 1f64.to_bits();
    (power, f64::from_bits(one | (bits & ((1 << FRACTION) - 1))) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn lengths_lie_between_powers_of_two() {
        assert_eq!(place(1.0, 9), (0, 0.0));
        assert_eq!(place(0.2, 9), (0, 0.0));
        assert_eq!(place(3.0, 9), (1, 0.5));
        assert_eq!(place(1e30, 9), (7, 1.0));
    }
}
