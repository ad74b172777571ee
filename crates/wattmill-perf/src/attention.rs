//! Attention of a step, affine in the sums a step shape carries.

use wattmill_catalog::AttentionKind;
use wattmill_units::{Bytes, Energy, Flops, Seconds};

use crate::chip::{Chip, bound};
use crate::deployment::Deployment;
use crate::operator::Operator;
use crate::shard::Shard;
use crate::step::Prefill;

/// Attention over a whole prompt reaches this share of what a large multiplication does.
/// Measured: aiconfigurator context attention of A100 (0.57) and H100 (0.83), long prompts.
const PREFILL_OF_GEMM: f64 = 0.75;
/// Short chunks are slower, as if every new token saw this much more context. Measured: the same,
/// 300 tokens on A100 and 650 on H100 at prompts of 512 to 4,096.
const PREFILL_START: f64 = 500.0;
/// Decode attention where arithmetic limits it (latent attention), against a large multiplication.
/// Measured: aiconfigurator latent decode of H100 and H200.
const DECODE_OF_GEMM: f64 = 0.9;
/// Decode attention splits the context over the chip and joins the parts in a second kernel.
const DECODE_KERNELS: f64 = 2.0;

/// What one sequence and one token of context add.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerDecode {
    pub(crate) sequence: f64,
    pub(crate) token: f64,
}

impl PerDecode {
    fn times(self, decodes: f64, context: f64) -> f64 {
        self.sequence * decodes + self.token * context
    }

    pub(crate) fn scaled(self, k: f64) -> Self {
        Self { sequence: self.sequence * k, token: self.token * k }
    }

    /// Joules, none of which exceed what `watts` allow in the larger of two times, and still affine.
    ///
    /// Any mean of the two times is at most the larger, so joules that stay below the mean term by
    /// term stay below it altogether. The mean is the one nearest to `memory` that leaves the joules
    /// of a token of context alone, or takes least of them: at long contexts they are all there is.
    fn limited(self, compute: Self, memory: Self, watts: f64) -> Self {
        let (joules, compute, memory) = (self, compute.scaled(watts), memory.scaled(watts));
        let weight = if joules.token > memory.token && compute.token > memory.token {
            ((joules.token - memory.token) / (compute.token - memory.token)).min(1.0)
        } else {
            0.0
        };
        let mean = |compute: f64, memory: f64| weight * compute + (1.0 - weight) * memory;
        Self {
            sequence: joules.sequence.min(mean(compute.sequence, memory.sequence)),
            token: joules.token.min(mean(compute.token, memory.token)),
        }
    }
}

/// Decode attention of one kind of layer, all layers together: the larger of two affine functions
/// of sequences and context, plus a latency. Replica-wide sums in, one accelerator's share out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodeAttention {
    pub(crate) name: &'static str,
    /// Tokens of a sequence it reads at most. Applied to the sum over sequences, `n · cap`.
    pub(crate) cap: u64,
    pub(crate) latency: f64,
    flops: PerDecode,
    bytes: PerDecode,
    /// Seconds.
    pub(crate) compute: PerDecode,
    /// Seconds.
    pub(crate) memory: PerDecode,
    /// Joules.
    pub(crate) energy: PerDecode,
}

/// What prefill work adds, by kind of sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerPrefill {
    /// Per half of a pair of new token and token it attends to: `2·Σc·p + Σc²` of them.
    pub(crate) half_pair: f64,
    /// Per new token.
    pub(crate) token: f64,
    /// Per token already in the cache.
    pub(crate) context: f64,
}

impl PerPrefill {
    fn times(self, sums: PrefillSums) -> f64 {
        self.half_pair * sums.half_pairs as f64
            + self.token * sums.tokens as f64
            + self.context * sums.context as f64
    }

    pub(crate) fn scaled(self, k: f64) -> Self {
        Self { half_pair: self.half_pair * k, token: self.token * k, context: self.context * k }
    }
}

/// Prefill attention of one kind of layer, as [`DecodeAttention`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefillAttention {
    pub(crate) name: &'static str,
    /// Tokens a new token attends to at most. Applied to the sums.
    pub(crate) cap: u64,
    pub(crate) latency: f64,
    flops: PerPrefill,
    bytes: PerPrefill,
    /// Seconds.
    pub(crate) compute: PerPrefill,
    /// Seconds.
    pub(crate) memory: PerPrefill,
    /// Joules, as far as the limit allows.
    pub(crate) energy: PerPrefill,
    /// Joules above idle that a second allows.
    pub(crate) limit: f64,
}

/// The sums prefill attention is affine in, with a window applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefillSums {
    pub(crate) half_pairs: u64,
    pub(crate) tokens: u64,
    pub(crate) context: u64,
}

impl PrefillSums {
    /// Of chunks whose tokens attend to at most `cap` tokens each.
    #[inline]
    pub(crate) fn of(prefill: &Prefill, cap: u64) -> Self {
        let tokens = u64::from(prefill.tokens);
        let half_pairs = prefill.products.saturating_mul(2).saturating_add(prefill.squares);
        Self {
            half_pairs: half_pairs.min(tokens.saturating_mul(cap).saturating_mul(2)),
            tokens,
            context: prefill.context.min(u64::from(prefill.chunks).saturating_mul(cap)),
        }
    }
}

/// Shapes of one layer's attention on one accelerator.
struct Layer {
    layers: f64,
    cap: u64,
    name: [&'static str; 2],
    /// Operations per token of context a decoding sequence reads.
    decode_flops: f64,
    /// Operations per pair in prefill.
    pair_flops: f64,
    /// Operations per cached token a prefill chunk needs expanded.
    expand_flops: f64,
    /// Bytes of cache per token.
    cached: f64,
    /// Bytes of queries and outputs per token.
    io: f64,
    /// Whether short chunks are slow.
    start: f64,
}

/// Every kind of attention layer of a deployment.
pub(crate) struct AttentionCosts {
    pub(crate) decode: Vec<DecodeAttention>,
    pub(crate) prefill: Vec<PrefillAttention>,
}

impl AttentionCosts {
    pub(crate) fn of(deployment: &Deployment<'_>, shard: &Shard, chip: &Chip) -> Self {
        let kinds = layers(deployment, shard);
        Self {
            decode: kinds.iter().map(|l| l.decode(shard, chip)).collect(),
            prefill: kinds.iter().map(|l| l.prefill(shard, chip)).collect(),
        }
    }
}

fn layers(deployment: &Deployment<'_>, shard: &Shard) -> Vec<Layer> {
    let model = deployment.model;
    let element = deployment.spec.kv_precision.bytes_per_weight();
    let (decode_flops, pair_flops, expand_flops) = match model.attention {
        AttentionKind::Grouped { head_dim, .. } => {
            let flops = 4.0 * shard.heads * f64::from(head_dim);
            (flops, flops, 0.0)
        }
        AttentionKind::Latent { kv_rank, nope_dim, rope_dim, v_dim, .. } => {
            let (rank, nope) = (f64::from(kv_rank), f64::from(nope_dim));
            let (rope, v) = (f64::from(rope_dim), f64::from(v_dim));
            // Decode works on the latent itself; prefill expands it to keys and values first.
            (
                2.0 * shard.heads * (2.0 * rank + rope),
                2.0 * shard.heads * (nope + rope + v),
                2.0 * rank * shard.heads * (nope + v),
            )
        }
    };
    let whole = Layer {
        layers: shard.full_layers,
        cap: match model.sparse_top_k {
            0 => u64::MAX,
            k => u64::from(k),
        },
        name: ["decode attention", "prefill attention"],
        decode_flops,
        pair_flops,
        expand_flops,
        cached: shard.kv_elements * element,
        io: shard.attention_io * 2.0,
        start: PREFILL_START,
    };
    let window = Layer {
        layers: shard.window_layers,
        cap: u64::from(model.window),
        name: ["decode window attention", "prefill window attention"],
        ..whole
    };
    let indexer = model.indexer.map(|indexer| {
        let (heads, dim) = (f64::from(indexer.heads), f64::from(indexer.head_dim));
        Layer {
            layers: shard.full_layers,
            cap: u64::MAX,
            name: ["decode indexer", "prefill indexer"],
            decode_flops: 2.0 * heads * dim,
            pair_flops: 2.0 * heads * dim,
            expand_flops: 0.0,
            cached: shard.index_elements * element,
            io: heads * dim * 2.0,
            start: 0.0,
        }
    });
    let kinds = [Some(whole), Some(window), indexer];
    kinds.into_iter().flatten().filter(|l| l.layers > 0.0).collect()
}

impl Layer {
    fn decode(&self, shard: &Shard, chip: &Chip) -> DecodeAttention {
        // Sequences are dealt evenly to attention groups and pipeline stages.
        let share = self.layers / shard.ranks();
        let flops = PerDecode { sequence: 0.0, token: self.decode_flops * share };
        let bytes =
            PerDecode { sequence: (self.io + self.cached) * share, token: self.cached * share };
        let compute = flops.scaled(1.0 / (chip.peak_bf16 * chip.gemm_bf16 * DECODE_OF_GEMM));
        let memory = bytes.scaled(1.0 / (chip.bandwidth * chip.memory_kv));
        let joules = PerDecode {
            sequence: chip.joules_bf16(flops.sequence, bytes.sequence),
            token: chip.joules_bf16(flops.token, bytes.token),
        };
        DecodeAttention {
            name: self.name[0],
            cap: self.cap,
            latency: self.layers * DECODE_KERNELS * chip.kernel,
            flops,
            bytes,
            compute,
            memory,
            energy: joules.limited(compute, memory, chip.joules_at_most(1.0)),
        }
    }

    fn prefill(&self, shard: &Shard, chip: &Chip) -> PrefillAttention {
        let share = self.layers / shard.ranks();
        let flops = PerPrefill {
            half_pair: self.pair_flops / 2.0 * share,
            token: 0.0,
            context: self.expand_flops * share,
        };
        let bytes = PerPrefill {
            half_pair: 0.0,
            token: (self.io + 2.0 * self.cached) * share,
            context: self.cached * share,
        };
        let mut compute = flops.scaled(1.0 / (chip.peak_bf16 * chip.gemm_bf16 * PREFILL_OF_GEMM));
        compute.token = compute.half_pair * 2.0 * self.start;
        let memory = bytes.scaled(1.0 / (chip.bandwidth * chip.memory_kv));
        PrefillAttention {
            name: self.name[1],
            cap: self.cap,
            latency: self.layers * chip.kernel,
            flops,
            bytes,
            compute,
            memory,
            energy: PerPrefill {
                half_pair: chip.joules_bf16(flops.half_pair, 0.0),
                token: chip.joules_bf16(0.0, bytes.token),
                context: chip.joules_bf16(flops.context, bytes.context),
            },
            limit: chip.joules_at_most(1.0),
        }
    }
}

impl DecodeAttention {
    /// Of `decodes` sequences whose contexts sum to `context`.
    pub(crate) fn operator(&self, decodes: u32, context: u64) -> Operator {
        let seen = context.min(u64::from(decodes).saturating_mul(self.cap));
        let (n, s) = (f64::from(decodes), seen as f64);
        let (compute, memory) = (self.compute.times(n, s), self.memory.times(n, s));
        Operator {
            name: self.name,
            flops: Flops::from_flops(self.flops.times(n, s)),
            bytes: Bytes::from_bytes(self.bytes.times(n, s)),
            message: Bytes::ZERO,
            time: Seconds::from_s(self.latency + compute.max(memory)),
            energy: Energy::from_joules(self.energy.times(n, s)),
            bound: bound(self.latency, compute, memory),
        }
    }
}

impl PrefillAttention {
    /// Of the prefill part of a step.
    pub(crate) fn operator(&self, prefill: &Prefill) -> Operator {
        let sums = PrefillSums::of(prefill, self.cap);
        let (compute, memory) = (self.compute.times(sums), self.memory.times(sums));
        let time = self.latency + compute.max(memory);
        Operator {
            name: self.name,
            flops: Flops::from_flops(self.flops.times(sums)),
            bytes: Bytes::from_bytes(self.bytes.times(sums)),
            message: Bytes::ZERO,
            time: Seconds::from_s(time),
            energy: Energy::from_joules(self.energy.times(sums).min(self.limit * time)),
            bound: bound(self.latency, compute, memory),
        }
    }
}
