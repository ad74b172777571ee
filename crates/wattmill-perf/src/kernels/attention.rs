//! Grouped-query attention of sequences that decode and of whole prompts.

use wattmill_catalog::MOST_AXES;

use super::{AxisPlan, Constant, MICRO, Parts, Rates, free, log2, overlap};

/// One new token of each sequence attends to its context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeAttentionKernel {
    /// Sequences.
    pub sequences: f64,
    /// Tokens each attends to, the window applied.
    pub context: f64,
    /// Query heads on the accelerator.
    pub heads: f64,
    /// Key and value heads on the accelerator.
    pub kv_heads: f64,
    /// Size of a head.
    pub head_dim: f64,
    /// Bytes of a cached number.
    pub cached: f64,
}

pub(super) const DECODE: &[Constant] = &[
    free("launch_us", 10.0, 1.0, 40.0),
    free("memory", 0.8, 0.1, 1.0),
    free("compute", 0.05, 0.005, 1.0),
];

pub(super) const DECODE_AXES: &[AxisPlan] = &[
    ("log2 context", &[1.0, 5.0, 7.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 17.0]),
    ("log2 sequences x KV heads", &[0.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]),
    ("log2 queries per KV head", &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0]),
    ("log2 head size", &[6.0, 7.0, 8.0, 9.0]),
];

impl DecodeAttentionKernel {
    /// Operations.
    pub fn flops(&self) -> f64 {
        4.0 * self.sequences * self.heads * self.context * self.head_dim
    }

    /// Bytes read and written.
    pub fn bytes(&self) -> f64 {
        let cache = 2.0 * self.kv_heads * self.context * self.cached;
        self.sequences * self.head_dim * (cache + 4.0 * self.heads)
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [
            log2(self.context),
            log2(self.sequences * self.kv_heads),
            log2(self.heads / self.kv_heads),
            log2(self.head_dim),
        ]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        two_rates(constants, rates, self.flops(), self.bytes())
    }
}

/// Every token of a prompt attends to those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrefillAttentionKernel {
    /// Prompts.
    pub prompts: f64,
    /// Tokens of each.
    pub tokens: f64,
    /// Tokens a token attends to at most (0 = all before it).
    pub window: f64,
    /// Query heads on the accelerator.
    pub heads: f64,
    /// Key and value heads on the accelerator.
    pub kv_heads: f64,
    /// Size of a head.
    pub head_dim: f64,
    /// Bytes of a cached number.
    pub cached: f64,
}

/// `start` is the hundreds of tokens that every row seems to attend to in addition.
pub(super) const PREFILL: &[Constant] = &[
    free("launch_us", 10.0, 1.0, 40.0),
    free("memory", 0.5, 0.1, 1.0),
    free("compute", 0.6, 0.05, 1.0),
    free("start", 3.0, 0.1, 30.0),
];

pub(super) const PREFILL_AXES: &[AxisPlan] = &[
    ("log2 tokens", &[0.0, 4.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0]),
    ("log2 prompts x heads", &[0.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0]),
    ("log2 queries per KV head", &[0.0, 2.0, 3.0, 6.0]),
    ("log2 head size", &[6.0, 7.0, 8.0, 9.0]),
];

impl PrefillAttentionKernel {
    /// Pairs of a token and one it attends to, of one prompt and head.
    fn pairs(&self) -> f64 {
        let seen = if self.window > 0.0 { self.window.min(self.tokens) } else { self.tokens };
        seen * (seen + 1.0) / 2.0 + (self.tokens - seen) * seen
    }

    /// Operations.
    pub fn flops(&self) -> f64 {
        4.0 * self.prompts * self.heads * self.head_dim * self.pairs()
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [
            log2(self.tokens),
            log2(self.prompts * self.heads),
            log2(self.heads / self.kv_heads),
            log2(self.head_dim),
        ]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, memory, compute, start] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let numbers = 2.0 * self.kv_heads * (2.0 + self.cached) + 4.0 * self.heads;
        let bytes = self.prompts * self.tokens * self.head_dim * numbers;
        let padded = self.pairs() + start * 100.0 * self.tokens;
        let flops = 4.0 * self.prompts * self.heads * self.head_dim * padded;
        let compute = flops / (rates.compute * compute);
        let memory = bytes / (rates.bandwidth * memory);
        Parts { launch: launch * MICRO, compute, memory, work: overlap(compute, memory) }
    }
}

/// A fixed part, and the larger of arithmetic and memory.
pub(super) fn two_rates(constants: &[f64], rates: &Rates, flops: f64, bytes: f64) -> Parts {
    let &[launch, memory, compute] = constants else {
        return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
    };
    let compute = flops / (rates.compute * compute);
    let memory = bytes / (rates.bandwidth * memory);
    Parts { launch: launch * MICRO, compute, memory, work: overlap(compute, memory) }
}
