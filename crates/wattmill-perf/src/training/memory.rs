//! What one accelerator holds in training.

use wattmill_catalog::{AttentionKind, Moe};
use wattmill_units::Bytes;

use super::job::{Recompute, Sharding, TrainingJob};
use super::work::adapters;

/// Bytes of one computed activation.
const ACTIVATION: f64 = 2.0;
/// Context, communication buffers and fragmentation: at least this, bytes …
const RUNTIME: f64 = 1e9;
/// … and this share of the memory. Megatron and torchtitan runs reach 95 to 97 % of it.
const RUNTIME_SHARE: f64 = 0.03;

/// Memory of the accelerator that holds most, by what for.
///
/// Weights in 16 bits (frozen ones in the recipe's format), gradients and optimizer state as the
/// recipe says, activations of the micro-batches in flight under 1F1B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingMemory {
    /// Weights, gathered layers included.
    pub weights: Bytes,
    /// Accumulated gradients.
    pub gradients: Bytes,
    /// Optimizer state, master copy included.
    pub optimizer: Bytes,
    /// Activations kept for the backward pass, logits included.
    pub activations: Bytes,
    /// Context, buffers, fragmentation.
    pub runtime: Bytes,
}

impl TrainingMemory {
    /// Of `job`, on its first pipeline stage or its last, whichever needs more.
    ///
    /// Source of the activations: Korthikanti et al., arXiv 2205.05198, without the attention matrix
    /// and dropout, which fused attention and today's models do not keep.
    pub fn of(job: &TrainingJob<'_>) -> Self {
        let (layout, recipe) = (job.layout, job.recipe);
        let held = Held::of(job);
        let (group, shards_gradients, shards_weights) = match layout.sharding {
            Sharding::None => (1.0, false, false),
            Sharding::Optimizer => {
                (f64::from(layout.data) * f64::from(layout.context), false, false)
            }
            Sharding::Gradients { group } => (f64::from(group), true, false),
            Sharding::Full { group } => (f64::from(group), true, true),
        };
        let group = group.max(1.0);
        // Experts have fewer copies than the rest, so their state is shared by fewer.
        let copies = f64::from(layout.tensor) * f64::from(layout.context) * f64::from(layout.data);
        let expert_ranks = f64::from(layout.expert) * f64::from(layout.expert_tensor);
        let expert_copies = (copies / expert_ranks.max(1.0)).max(1.0);
        let expert_group = if group > 1.0 { group.min(expert_copies) } else { 1.0 };
        let frozen = recipe.task.is_frozen();
        let weight = if frozen { recipe.format.precision().bytes_per_weight() } else { ACTIVATION };
        let spread = |dense: f64, experts: f64, sharded: bool| {
            if sharded { dense / group + experts / expert_group } else { dense + experts }
        };
        let gathered = if shards_weights { 2.0 * held.layer * weight } else { 0.0 };
        let weights = spread(held.dense, held.experts, shards_weights) * weight + gathered;
        let trained = if frozen { held.adapters } else { held.dense };
        let trained_experts = if frozen { 0.0 } else { held.experts };
        let gradients = spread(trained, trained_experts, shards_gradients) * recipe.gradient_bytes;
        let state = spread(trained, trained_experts, true) * recipe.optimizer_bytes;
        // Sharded weights are the master copy in 32 bits already; only its 16-bit image is extra.
        let optimizer = if frozen || !shards_weights { state } else { state - held.dense / group };
        let capacity = job.accelerator.memory.map_or(0.0, |m| m.as_bytes());
        Self {
            weights: Bytes::from_bytes(weights),
            gradients: Bytes::from_bytes(gradients),
            optimizer: Bytes::from_bytes(optimizer.max(0.0)),
            activations: Bytes::from_bytes(activations(job)),
            runtime: Bytes::from_bytes(RUNTIME + RUNTIME_SHARE * capacity),
        }
    }

    /// All of it.
    pub fn total(&self) -> Bytes {
        self.weights + self.gradients + self.optimizer + self.activations + self.runtime
    }
}

/// Weights one accelerator works on, before data parallel ranks share them.
struct Held {
    dense: f64,
    experts: f64,
    adapters: f64,
    /// The largest layer, gathered.
    layer: f64,
}

impl Held {
    fn of(job: &TrainingJob<'_>) -> Self {
        let (model, layout) = (job.model, job.layout);
        let (tensor, pipeline) = (f64::from(layout.tensor), f64::from(layout.pipeline));
        let experts = model.ffn.moe.map_or(0.0, |m| {
            model.ffn_parameters(m.expert_dim) * f64::from(m.routed) * f64::from(m.layers)
        });
        let embeddings = f64::from(model.vocab) * f64::from(model.hidden);
        let both = if model.tied_embeddings { 1.0 } else { 2.0 };
        let blocks = model.parameters() - experts - both * embeddings;
        // One stage has all embeddings, two have one each.
        let ends = if layout.pipeline == 1 { both * embeddings } else { embeddings };
        let expert_ranks = f64::from(layout.expert) * f64::from(layout.expert_tensor);
        let per_layer = (blocks + experts) / f64::from(model.layers).max(1.0);
        let stage = stage_layers(job) / f64::from(model.layers).max(1.0);
        Self {
            dense: blocks * stage / tensor + ends / tensor,
            experts: experts * stage / expert_ranks,
            adapters: adapters(model, job.recipe.task) / (tensor * pipeline),
            layer: per_layer / tensor,
        }
    }
}

/// Layers of the fullest stage.
pub(crate) fn stage_layers(job: &TrainingJob<'_>) -> f64 {
    f64::from(job.model.layers.div_ceil(job.layout.pipeline.max(1)))
}

/// Micro-batches whose activations the first stage holds at once, in whole passes through it.
pub(crate) fn in_flight(job: &TrainingJob<'_>) -> f64 {
    let (pipeline, chunks) =
        (f64::from(job.layout.pipeline), f64::from(job.layout.virtual_stages.max(1)));
    // Interleaving: warm-up runs `pipeline - 1` further chunks ahead, each a part of a stage.
    let held = if chunks > 1.0 { pipeline + (pipeline - 1.0) / chunks } else { pipeline };
    held.min(job.micro_batches())
}

fn activations(job: &TrainingJob<'_>) -> f64 {
    let (model, layout) = (job.model, job.layout);
    let rows = job.rank_tokens();
    let (kept, whole) = per_layer(job);
    let extra = if job.recipe.recompute == Recompute::Full { whole } else { 0.0 };
    let stage = stage_layers(job) * kept * in_flight(job) + extra;
    // The last stage holds fewer micro-batches but the logits, whose gradient takes their place.
    let logits = 4.0 * rows * f64::from(model.vocab) / f64::from(layout.tensor);
    if layout.pipeline == 1 { stage + logits } else { stage.max(stage_layers(job) * kept + logits) }
}

/// Bytes of one layer's activations for one micro-batch: kept, and before anything is dropped.
fn per_layer(job: &TrainingJob<'_>) -> (f64, f64) {
    let (model, layout) = (job.model, job.layout);
    let rows = job.rank_tokens();
    let tensor = f64::from(layout.tensor);
    let hidden = f64::from(model.hidden);
    let stream = if layout.sequence_parallel { rows / tensor } else { rows };
    let lanes = if model.ffn.gated { 3.0 } else { 2.0 };
    let width = match model.attention {
        AttentionKind::Grouped { heads, kv_heads, head_dim } => {
            f64::from(2 * heads + 2 * kv_heads) * f64::from(head_dim)
        }
        AttentionKind::Latent { heads, q_rank, kv_rank, nope_dim, rope_dim, v_dim } => {
            f64::from(heads) * f64::from(2 * (nope_dim + rope_dim) + 2 * v_dim)
                + f64::from(q_rank + kv_rank) * tensor
        }
        AttentionKind::Compressed(c) => {
            f64::from(2 * c.heads) * f64::from(c.head_dim)
                + f64::from(c.q_rank + c.head_dim) * tensor
        }
    };
    // Means over the layers of both kinds.
    let layers = f64::from(model.layers).max(1.0);
    let dense = f64::from(model.ffn.dense_dim) * f64::from(model.ffn.dense_layers) / layers;
    let (routed, moved) = model.ffn.moe.map_or((0.0, 0.0), |m: Moe| {
        let share = f64::from(m.layers) / layers;
        let copies = f64::from(m.top_k);
        let inner = f64::from(m.expert_dim) * copies + f64::from(m.shared_dim);
        (inner * share, 2.0 * copies * hidden * share)
    });
    let inner = (dense + routed) * rows / tensor;
    let frozen = job.recipe.task.is_frozen();
    let kept = job.recipe.kept_bytes;
    // Inputs of norms, queries, keys, values and what attention gives, routed copies.
    let wide = 2.0 * hidden * stream + width * rows / tensor + moved * rows / tensor;
    // Inputs of linear layers. Frozen ones need none, but their adapters, beside attention, do.
    let linear = if frozen { hidden * stream } else { 2.0 * hidden * stream + inner };
    let gates = (lanes - 1.0) * inner;
    let whole = ACTIVATION * wide + kept * linear + if frozen { kept } else { ACTIVATION } * gates;
    let kept = match job.recipe.recompute {
        Recompute::None => whole,
        // Results of norms and activations come from their inputs again.
        Recompute::Selective => whole - kept * linear,
        Recompute::Full => ACTIVATION * hidden * stream,
    };
    (kept, whole)
}
