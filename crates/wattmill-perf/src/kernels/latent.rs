//! Multi-head latent attention: decode on the latent itself, prefill on expanded heads.
//!
//! Measured for the one shape there is: a latent of 512 with 64 numbers of position, heads of 128.

use wattmill_catalog::MOST_AXES;

use super::attention::two_rates;
use super::{AxisPlan, Constant, MICRO, Parts, Rates, free, log2, overlap};

/// One new token of each sequence attends to its context of latents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentDecodeKernel {
    /// Sequences.
    pub sequences: f64,
    /// Tokens each attends to.
    pub context: f64,
    /// Heads on the accelerator.
    pub heads: f64,
    /// Rank of the latent.
    pub rank: f64,
    /// Numbers of position beside it.
    pub rope: f64,
    /// Bytes of a cached number.
    pub cached: f64,
}

pub(super) const DECODE: &[Constant] = &[
    free("launch_us", 12.0, 1.0, 40.0),
    free("memory", 0.7, 0.1, 1.0),
    free("compute", 0.5, 0.05, 1.0),
];

pub(super) const DECODE_AXES: &[AxisPlan] = &[
    ("log2 context", &[1.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 17.0]),
    ("log2 sequences", &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
    ("log2 heads", &[0.0, 2.0, 4.0, 5.0, 6.0, 7.0]),
];

impl LatentDecodeKernel {
    /// Operations.
    pub fn flops(&self) -> f64 {
        2.0 * self.sequences * self.heads * self.context * (2.0 * self.rank + self.rope)
    }

    /// Bytes read and written.
    pub fn bytes(&self) -> f64 {
        let cache = self.context * (self.rank + self.rope) * self.cached;
        self.sequences * (cache + 2.0 * self.heads * (2.0 * self.rank + self.rope))
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [log2(self.context), log2(self.sequences), log2(self.heads), 0.0]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        two_rates(constants, rates, self.flops(), self.bytes())
    }
}

/// Every token of a prompt attends to those before it, on expanded heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentPrefillKernel {
    /// Prompts.
    pub prompts: f64,
    /// Tokens of each.
    pub tokens: f64,
    /// Heads on the accelerator.
    pub heads: f64,
    /// Size of a key head.
    pub key: f64,
    /// Size of a value head.
    pub value: f64,
}

/// `start` as in prefill attention of grouped heads.
pub(super) const PREFILL: &[Constant] = &[
    free("launch_us", 16.0, 1.0, 40.0),
    free("memory", 0.4, 0.1, 1.0),
    free("compute", 0.5, 0.05, 1.0),
    free("start", 3.0, 0.1, 30.0),
];

pub(super) const PREFILL_AXES: &[AxisPlan] = &[
    ("log2 tokens", &[0.0, 4.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 15.0]),
    ("log2 prompts x heads", &[0.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0]),
    ("log2 heads", &[0.0, 3.0, 7.0]),
];

impl LatentPrefillKernel {
    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [log2(self.tokens), log2(self.prompts * self.heads), log2(self.heads), 0.0]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, memory, compute, start] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let wide = self.key + self.value;
        let bytes = self.prompts * self.tokens * self.heads * 4.0 * wide;
        let pairs = self.tokens * (self.tokens + 1.0) / 2.0 + start * 100.0 * self.tokens;
        let flops = 2.0 * self.prompts * self.heads * wide * pairs;
        let compute = flops / (rates.compute * compute);
        let memory = bytes / (rates.bandwidth * memory);
        Parts { launch: launch * MICRO, compute, memory, work: overlap(compute, memory) }
    }
}
