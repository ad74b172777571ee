//! Multiplications of a training step, and the conventions by which its FLOPs are counted.

use wattmill_catalog::{AttentionKind, Compressed, Model, Moe};
use wattmill_units::Flops;

use super::job::{Task, TrainingJob};

/// A matrix multiplication of one layer on one accelerator: `rows × inner` times `inner × outer`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Product {
    pub(crate) rows: f64,
    pub(crate) inner: f64,
    pub(crate) outer: f64,
    /// How many of the same shape run one after another or in one grouped kernel.
    pub(crate) copies: f64,
}

impl Product {
    pub(crate) fn flops(&self) -> f64 {
        2.0 * self.rows * self.inner * self.outer * self.copies
    }

    /// Operands and result, elements.
    pub(crate) fn elements(&self) -> f64 {
        self.copies * (self.rows * self.inner + self.inner * self.outer + self.rows * self.outer)
    }
}

/// Linear layers of one block's attention for `rows` tokens, split over `tensor` ranks.
pub(crate) fn attention_products(model: &Model, rows: f64, tensor: f64) -> Vec<Product> {
    let hidden = f64::from(model.hidden);
    let one = |inner: f64, outer: f64| Product { rows, inner, outer, copies: 1.0 };
    match model.attention {
        AttentionKind::Grouped { heads, kv_heads, head_dim } => {
            let dim = f64::from(head_dim);
            let query = f64::from(heads) * dim / tensor;
            let key_value = (2.0 * f64::from(kv_heads) / tensor).max(2.0) * dim;
            vec![one(hidden, query + key_value), one(query, hidden)]
        }
        AttentionKind::Latent { heads, q_rank, kv_rank, nope_dim, rope_dim, v_dim } => {
            let (heads, q_rank, kv_rank) =
                (f64::from(heads) / tensor, f64::from(q_rank), f64::from(kv_rank));
            let (nope, rope, v) = (f64::from(nope_dim), f64::from(rope_dim), f64::from(v_dim));
            let mut products = vec![one(hidden, kv_rank + rope), one(kv_rank, heads * (nope + v))];
            if q_rank > 0.0 {
                products.push(one(hidden, q_rank));
                products.push(one(q_rank, heads * (nope + rope)));
            } else {
                products.push(one(hidden, heads * (nope + rope)));
            }
            products.push(one(heads * v, hidden));
            products
        }
        AttentionKind::Compressed(c) => compressed_products(model, &c, rows, tensor),
    }
}

/// The mean of all layers, some of which have entries and some an indexer, too.
fn compressed_products(model: &Model, c: &Compressed, rows: f64, tensor: f64) -> Vec<Product> {
    let (hidden, dim) = (f64::from(model.hidden), f64::from(c.head_dim));
    let (q_rank, rank) = (f64::from(c.q_rank), f64::from(c.output_rank));
    let (wide, groups) = (f64::from(c.heads) * dim, f64::from(c.output_groups));
    let share = |layers: u32| f64::from(layers) / f64::from(model.layers.max(1));
    let (keys, key) = model.indexer.map_or((0.0, 0.0), |i| {
        (f64::from(i.heads) * f64::from(i.head_dim), f64::from(i.head_dim))
    });
    let [sparse, dense] = Compressed::MAKING;
    let one = |inner: f64, outer: f64, copies: f64| Product { rows, inner, outer, copies };
    vec![
        one(hidden, q_rank + dim, 1.0),
        one(q_rank, wide / tensor, 1.0),
        one(hidden, sparse * (dim + key), share(c.sparse.layers)),
        one(hidden, dense * dim, share(c.dense.layers)),
        one(q_rank, keys, share(c.sparse.layers)),
        one(wide / groups, rank, groups / tensor),
        one(groups * rank / tensor, hidden, 1.0),
    ]
}

/// A feed-forward block of inner size `inner`.
pub(crate) fn ffn_products(model: &Model, inner: f64, rows: f64, copies: f64) -> [Product; 2] {
    let hidden = f64::from(model.hidden);
    let up = if model.ffn.gated { 2.0 } else { 1.0 };
    [
        Product { rows, inner: hidden, outer: up * inner, copies },
        Product { rows, inner, outer: hidden, copies },
    ]
}

/// Query width times the tokens a query meets on average, causal, summed over all layers and
/// divided by their number: what the two multiplications of attention cost per token and layer is
/// four times this.
pub(crate) fn attended(model: &Model, sequence: f64) -> f64 {
    let width = match model.attention {
        AttentionKind::Grouped { heads, head_dim, .. } => f64::from(heads) * f64::from(head_dim),
        AttentionKind::Latent { heads, nope_dim, rope_dim, v_dim, .. } => {
            f64::from(heads) * (f64::from(nope_dim) + f64::from(rope_dim) + f64::from(v_dim)) / 2.0
        }
        AttentionKind::Compressed(c) => return compressed_attended(model, &c, sequence),
    };
    width * met(model, sequence)
}

/// The same over windows and entries; what the indexer compares counts half, having no values.
fn compressed_attended(model: &Model, c: &Compressed, sequence: f64) -> f64 {
    let width = f64::from(c.heads) * f64::from(c.head_dim);
    let index = model.indexer.map_or(0.0, |i| f64::from(i.heads) * f64::from(i.head_dim) / 2.0);
    let entries = |tokens: u32| sequence / 2.0 / f64::from(tokens.max(1));
    let all = entries(c.sparse.tokens);
    let picked = all.min(model.sparse_top_k.into());
    let (sparse, dense) = (f64::from(c.sparse.layers), f64::from(c.dense.layers));
    let behind = sparse * (width * picked + index * all) + dense * width * entries(c.dense.tokens);
    width * windowed(model, sequence) + behind / f64::from(model.layers.max(1))
}

/// Tokens a query meets on average over layers, the causal half only.
fn met(model: &Model, sequence: f64) -> f64 {
    let layers = f64::from(model.layers).max(1.0);
    let full = f64::from(model.full_attention_layers).min(layers);
    (full * sequence / 2.0 + (layers - full) * windowed(model, sequence)) / layers
}

/// Tokens of its window a query meets on average: the first of a sequence meet fewer.
fn windowed(model: &Model, sequence: f64) -> f64 {
    let window = f64::from(model.window).min(sequence);
    window * (1.0 - window / (2.0 * sequence.max(1.0)))
}

/// FLOPs of one step of a whole job, by who counts.
///
/// All count a multiply-add as two, multiplications of weights and attention only, and each routed
/// token's own experts only. Recomputation is counted in [`Self::hardware`] alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelFlops {
    /// Multiplications with weights, the output head included, the input embedding not:
    /// `6 × weights × tokens` in pretraining, `4 ×` where the weights are frozen.
    pub linear: Flops,
    /// Attention, forward and backward, where each query meets the tokens before it: half of the
    /// square. Windows count as long as they are.
    pub attention: Flops,
    /// What the accelerators execute: forward passes that are computed twice included.
    pub hardware: Flops,
}

impl ModelFlops {
    /// Of one step of `job`.
    pub fn of(job: &TrainingJob<'_>) -> Self {
        let tokens = job.tokens();
        let passes = if job.recipe.task.is_frozen() { 2.0 } else { 3.0 };
        let weights = linear_weights(job.model) + adapters(job.model, job.recipe.task);
        let linear = 2.0 * passes * weights * tokens;
        let layers = f64::from(job.model.layers);
        let attended = attended(job.model, f64::from(job.sequence));
        let forward_attention = 4.0 * attended * layers * tokens;
        let attention = 3.0 * forward_attention;
        let head = 2.0 * f64::from(job.model.vocab) * f64::from(job.model.hidden) * tokens;
        let again = match job.recipe.recompute {
            super::Recompute::None => 0.0,
            super::Recompute::Selective => forward_attention,
            super::Recompute::Full => linear / passes - head + forward_attention,
        };
        Self {
            linear: Flops::from_flops(linear),
            attention: Flops::from_flops(attention),
            hardware: Flops::from_flops(linear + attention + again),
        }
    }

    /// The convention Wattmill states MFU in: weights and the causal half of attention, no
    /// recomputation.
    pub fn model(&self) -> Flops {
        self.linear + self.attention
    }

    /// As [`Self::model`] with the whole square of attention, as Megatron-LM and MaxText counted
    /// for years.
    pub fn model_full_square(&self) -> Flops {
        self.linear + self.attention * 2.0
    }
}

/// Weights a token is multiplied with: all it visits but the input embedding.
pub(crate) fn linear_weights(model: &Model) -> f64 {
    let embedding = f64::from(model.vocab) * f64::from(model.hidden);
    let inputs = if model.tied_embeddings { 0.0 } else { embedding };
    model.active_parameters() - inputs
}

/// Weights of LoRA adapters beside the attention's linear layers; 0 for other tasks.
pub(crate) fn adapters(model: &Model, task: Task) -> f64 {
    let Task::Lora { rank } = task else { return 0.0 };
    let products = attention_products(model, 1.0, 1.0);
    let sides: f64 = products.iter().map(|p| p.inner + p.outer).sum();
    sides * f64::from(rank) * f64::from(model.layers)
}

/// Rows the experts of one accelerator see, and how many it holds.
pub(crate) fn expert_share(moe: &Moe, rows: f64, expert: f64, expert_tensor: f64) -> (f64, f64) {
    let held = (f64::from(moe.routed) / expert).max(1.0);
    // The group of `expert × expert_tensor` ranks brings that many ranks' rows and splits them.
    (rows * f64::from(moe.top_k) * expert_tensor, held)
}
