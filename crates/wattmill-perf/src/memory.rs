//! The one formula for what fits an accelerator's memory: weights, activations, KV blocks.

use wattmill_catalog::{AttentionKind, Precision};
use wattmill_factory::Flavour;
use wattmill_units::Bytes;

use crate::deployment::Deployment;
use crate::shard::Shard;

/// Runtime, captured graphs, communication buffers and fragmentation of one accelerator, bytes.
const RUNTIME: f64 = 1.5e9;
/// Rows of hidden size that live at once per token beside the residual: input, output, normalised
/// copy.
const LIVE_ROWS: f64 = 3.0;

/// How the memory of one accelerator is used. Every accelerator of a replica is taken to hold as
/// much as the fullest.
///
/// Weights are in the format of the engine; embeddings, output head and routers stay in BF16, norms
/// and biases are left out. Activations are four rows of the hidden size and two of the widest
/// inner size per token of a step, the logits of every sequence in FP32, and 1.5 GB of runtime.
/// Pipeline stages hold `ceil(layers / stages)` layers of average size and one embedding.
///
/// Context parallel ranks each hold all weights but those of routed experts, and their share of
/// every sequence: token by token in turn, so that a block lies on all of them. While they compute a
/// chunk each has the keys and values of all its tokens in one layer.
///
/// The cache holds keys and values, split over tensor parallelism as far as there are KV heads and
/// repeated beyond; a latent is repeated on every accelerator of a tensor parallel group. Layers
/// with a sliding window are either reserved for every sequence the engine may run, at full window
/// length, or paid for like full layers: whichever leaves more blocks. TensorRT-LLM keeps whole
/// contexts in them, unless it is told a `max_attention_window` (`KvCacheConfig` of its LLM API).
/// States are reserved for every sequence the engine may run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryPlan {
    /// What the engine may use.
    pub usable: Bytes,
    /// Weights.
    pub weights: Bytes,
    /// Activations and runtime.
    pub activations: Bytes,
    /// Reserved for the windows of sliding-window layers and for states.
    pub windows: Bytes,
    /// Cache that one more token of one sequence takes, on each accelerator that has a share of it.
    pub kv_per_token: Bytes,
    /// Tokens in a KV block.
    pub block_tokens: u32,
    /// KV blocks of the whole replica, all attention data parallel groups and context ranks
    /// together. 0: it does not fit.
    pub blocks: u64,
}

impl MemoryPlan {
    /// The plan of a deployment. Of one with other [problems](Deployment::problems) it means little.
    pub fn of(deployment: &Deployment<'_>) -> Self {
        let shard = Shard::of(deployment);
        let spec = &deployment.spec;
        let usable = deployment.usable_memory().as_bytes();
        let weights = weights(&shard, deployment);
        let activations = activations(&shard, deployment);

        let stage = 1.0 / shard.pipeline;
        let full = (shard.full_layers * stage).ceil();
        let window = (shard.attending.window_layers * stage).ceil();
        let bytes = spec.kv_precision.bytes_per_weight();
        let attending = &shard.attending;
        let layer = (attending.kv_elements + attending.index_elements) * bytes;
        let sequences = (f64::from(spec.max_seqs) / shard.data_attention).ceil();
        let states = shard.state.as_ref();
        let states = states.map_or(0.0, |s| (s.layers * stage).ceil() * s.bytes_per_sequence);
        let windowed = window * attending.window_elements * bytes;
        let bounded = windowed * f64::from(deployment.model.window) / shard.context;

        let reserved = Self {
            usable: Bytes::from_bytes(usable),
            weights: Bytes::from_bytes(weights),
            activations: Bytes::from_bytes(activations),
            windows: Bytes::from_bytes((bounded + states) * sequences),
            kv_per_token: Bytes::from_bytes(full * layer),
            block_tokens: spec.block_tokens,
            blocks: 0,
        };
        let unbounded = Self {
            windows: Bytes::from_bytes(states * sequences),
            kv_per_token: Bytes::from_bytes(full * layer + windowed),
            ..reserved
        };
        let groups = u64::from(spec.layout.data_attention) * u64::from(spec.layout.context);
        let [reserved, unbounded] = [reserved, unbounded].map(|plan| plan.filled(groups));
        // Beside compressed entries a window is what the model itself keeps.
        let whole = spec.flavour == Flavour::Trtllm
            && matches!(deployment.model.attention, AttentionKind::Grouped { .. });
        if whole || unbounded.blocks > reserved.blocks { unbounded } else { reserved }
    }

    /// What is left for the cache of one accelerator; zero if nothing is.
    pub fn cache(&self) -> Bytes {
        (self.usable - self.weights - self.activations - self.windows).max(Bytes::ZERO)
    }

    /// Tokens whose keys and values the replica can hold.
    pub fn tokens(&self) -> u64 {
        self.blocks.saturating_mul(u64::from(self.block_tokens))
    }

    fn filled(self, groups: u64) -> Self {
        let block = self.kv_per_token * f64::from(self.block_tokens);
        // A model without a full layer keeps no cache that grows: nothing bounds its tokens.
        let each = (self.cache() / block.max(Bytes::from_bytes(1.0))).floor() as u64;
        Self { blocks: each.saturating_mul(groups), ..self }
    }
}

/// Bytes of weights on one accelerator.
fn weights(shard: &Shard, deployment: &Deployment<'_>) -> f64 {
    let bytes = deployment.spec.precision.bytes_per_weight();
    let wide = Precision::Bf16.bytes_per_weight();
    let attention_bytes = deployment.attention_precision().bytes_per_weight();
    let mixing = shard.mixing().map(|(layers, p)| layers * p.weights).sum::<f64>();
    let mixing = mixing * attention_bytes;
    let dense = shard.dense_layers * shard.dense * bytes;
    let moe = shard.experts.map_or(0.0, |e| {
        let routed = e.expert * f64::from(e.moe.routed) / shard.group;
        f64::from(e.moe.layers) * ((routed + e.shared + e.latent) * bytes + e.router * wide)
    });
    let stage = (shard.layers / shard.pipeline).ceil() / shard.layers;
    // The first stage embeds, the last unembeds.
    let shared = deployment.model.tied_embeddings || shard.pipeline > 1.0;
    let embeddings = if shared { 1.0 } else { 2.0 };
    (mixing + dense + moe) * stage + embeddings * shard.embedding * wide
}

/// Bytes of activations and runtime on one accelerator.
fn activations(shard: &Shard, deployment: &Deployment<'_>) -> f64 {
    let spec = &deployment.spec;
    let tokens = (f64::from(spec.max_tokens) / shard.data_attention).ceil();
    let sequences = (f64::from(spec.max_seqs) / shard.data_attention).ceil();
    // What decodes passes every context rank.
    let decodes = sequences.min(tokens);
    let rows = decodes + ((tokens - decodes) / shard.context).ceil();
    let elements = shard.attending.kv_elements.max(shard.attending.index_elements);
    let gathered = if shard.context > 1.0 { tokens * elements } else { 0.0 };
    let routed = shard.experts.map_or(0.0, |e| {
        f64::from(e.moe.top_k) * (f64::from(e.moe.expert_dim) * shard.spread() / shard.group)
    });
    let shared = shard.experts.map_or(0.0, |e| e.shared_inner);
    let inner = shard.dense_inner.max(routed).max(shared);
    let numbers = (LIVE_ROWS + shard.streams) * shard.hidden + 2.0 * inner + shard.attending.io;
    let logits = sequences * shard.vocab / shard.tensor * 4.0;
    rows * numbers * 2.0 + gathered * spec.kv_precision.bytes_per_weight() + logits + RUNTIME
}
