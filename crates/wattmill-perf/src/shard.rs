//! What of a model lies on one accelerator.

use wattmill_catalog::{AttentionKind, Compressed, Model, Moe};

use crate::deployment::{Deployment, heads};
use crate::state::StateLayers;

/// One matrix multiplication per layer: a token's row of `input` numbers becomes `output` numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    pub(crate) name: &'static str,
    /// Weights on one accelerator.
    pub(crate) weights: f64,
    pub(crate) input: f64,
    pub(crate) output: f64,
}

/// Mixture-of-experts layers on one accelerator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Experts {
    pub(crate) moe: Moe,
    /// Weights of one whole routed expert.
    pub(crate) expert: f64,
    /// Weights of the shared experts on one accelerator.
    pub(crate) shared: f64,
    /// Numbers of a token's row as it goes to the routed experts and comes back.
    pub(crate) width: f64,
    /// Weights of the projections to that row and back on one accelerator; 0 where the row is the
    /// residual's.
    pub(crate) latent: f64,
    /// Weights of the router, on every accelerator.
    pub(crate) router: f64,
    /// Inner size of the shared experts on one accelerator.
    pub(crate) shared_inner: f64,
}

/// What stands around attention on one accelerator, and what it keeps.
#[derive(Clone, Debug)]
pub(crate) struct Attending {
    /// Projections, each with the layers that have it.
    pub(crate) projections: Vec<(f64, Projection)>,
    /// Numbers attention reads and writes per token beside the cache: queries and outputs.
    pub(crate) io: f64,
    /// Cached numbers of one token in one layer over the whole context, without the indexer's key.
    pub(crate) kv_elements: f64,
    /// Cached numbers of the indexer of one token in such a layer.
    pub(crate) index_elements: f64,
    /// Layers with a window.
    pub(crate) window_layers: f64,
    /// Cached numbers of one token in one of them.
    pub(crate) window_elements: f64,
}

/// Shapes of one accelerator's share of every layer.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    pub(crate) hidden: f64,
    /// Rows of that width between layers.
    pub(crate) streams: f64,
    /// All layers.
    pub(crate) layers: f64,
    /// Layers that attend.
    pub(crate) attention_layers: f64,
    /// Layers with a state.
    pub(crate) state: Option<StateLayers>,
    /// Layers that attend over the whole context.
    pub(crate) full_layers: f64,
    /// Query heads on one accelerator.
    pub(crate) heads: f64,
    /// What stands around attention, and its cache.
    pub(crate) attending: Attending,
    /// Dense feed-forward layers, weights of one and their inner size.
    pub(crate) dense_layers: f64,
    pub(crate) dense: f64,
    pub(crate) dense_inner: f64,
    pub(crate) experts: Option<Experts>,
    /// Weights of one embedding matrix.
    pub(crate) embedding: f64,
    /// Rows of the embedding, which is split over tensor parallelism.
    pub(crate) vocab: f64,
    /// Accelerators that share the experts.
    pub(crate) group: f64,
    pub(crate) tensor: f64,
    pub(crate) pipeline: f64,
    pub(crate) data_attention: f64,
    /// Ranks that share the tokens of a sequence.
    pub(crate) context: f64,
}

impl Shard {
    pub(crate) fn of(deployment: &Deployment<'_>) -> Self {
        let (model, layout) = (deployment.model, deployment.spec.layout);
        let tensor = f64::from(layout.tensor);
        let hidden = f64::from(model.hidden);
        let attention_layers = f64::from(model.attention_layers);
        let context = f64::from(layout.context);
        let group = tensor * f64::from(layout.data_attention) * context;
        Self {
            hidden,
            streams: f64::from(model.residual_streams),
            layers: f64::from(model.layers),
            attention_layers,
            state: model.state.map(|state| StateLayers::of(&state, hidden, tensor)),
            full_layers: f64::from(model.full_attention_layers),
            heads: f64::from(heads(model)) / tensor,
            attending: Attending::of(model, tensor),
            dense_layers: f64::from(model.ffn.dense_layers),
            dense: model.ffn_parameters(model.ffn.dense_dim) / tensor,
            dense_inner: f64::from(model.ffn.dense_dim) / tensor,
            experts: model.ffn.moe.map(|moe| Experts {
                moe,
                expert: model.expert_parameters(),
                width: f64::from(model.expert_width()),
                latent: 2.0 * hidden * f64::from(moe.latent_dim) / tensor,
                shared: model.ffn_parameters(moe.shared_dim) / tensor,
                router: hidden * f64::from(moe.routed),
                shared_inner: f64::from(moe.shared_dim) / tensor,
            }),
            embedding: f64::from(model.vocab) * hidden / tensor,
            vocab: f64::from(model.vocab),
            group,
            tensor,
            pipeline: f64::from(layout.pipeline),
            data_attention: f64::from(layout.data_attention),
            context,
        }
    }

    /// Attention batches that are under way at once: groups times pipeline stages. Context ranks
    /// share a batch.
    pub(crate) fn ranks(&self) -> f64 {
        self.data_attention * self.pipeline
    }

    /// Ranks with tokens of their own that meet in the experts: context ranks of all groups.
    pub(crate) fn spread(&self) -> f64 {
        self.data_attention * self.context
    }

    /// Projections around attention and states, each with the layers that have it.
    pub(crate) fn mixing(&self) -> impl Iterator<Item = (f64, &Projection)> {
        let attention = self.attending.projections.iter().map(|(layers, p)| (*layers, p));
        let states = self.state.iter().flat_map(|s| s.projections.iter().map(|p| (s.layers, p)));
        attention.chain(states).filter(|(layers, _)| *layers > 0.0)
    }

    /// Halves of layers, each with a norm and a sum of its own: attention, states, feed-forward.
    pub(crate) fn halves(&self) -> f64 {
        let experts = self.experts.map_or(0.0, |e| f64::from(e.moe.layers));
        let states = self.state.as_ref().map_or(0.0, |s| s.layers);
        self.attention_layers + states + self.dense_layers + experts
    }
}

impl Attending {
    fn of(model: &Model, tensor: f64) -> Self {
        let hidden = f64::from(model.hidden);
        let local_heads = f64::from(heads(model)) / tensor;
        match model.attention {
            AttentionKind::Grouped { kv_heads, head_dim, .. } => {
                let dim = f64::from(head_dim);
                // Repeated where there are fewer than accelerators.
                let kv = (f64::from(kv_heads) / tensor).max(1.0);
                let (query, qkv) = (local_heads * dim, (local_heads + 2.0 * kv) * dim);
                let projections = vec![
                    projection("qkv projection", hidden, qkv),
                    projection("output projection", query, hidden),
                ];
                Self::of_tokens(model, projections, hidden, query, 2.0 * query, 2.0 * kv * dim)
            }
            AttentionKind::Latent { q_rank, kv_rank, nope_dim, rope_dim, v_dim, .. } => {
                let (q_rank, kv_rank) = (f64::from(q_rank), f64::from(kv_rank));
                let (nope, rope) = (f64::from(nope_dim), f64::from(rope_dim));
                let read = local_heads * f64::from(v_dim);
                let query_in = if q_rank > 0.0 { q_rank } else { hidden };
                let key_value = local_heads * (nope + f64::from(v_dim));
                let projections = vec![
                    projection("latent projection", hidden, q_rank + kv_rank + rope),
                    projection("query projection", query_in, local_heads * (nope + rope)),
                    // In decode absorbed into query and output: the same weights and operations.
                    projection("key-value projection", kv_rank, key_value),
                    projection("output projection", read, hidden),
                ];
                let io = local_heads * (2.0 * kv_rank + rope);
                Self::of_tokens(model, projections, query_in, read, io, kv_rank + rope)
            }
            AttentionKind::Compressed(c) => Self::compressed(model, &c, tensor),
        }
    }

    /// Keys and values, or latents, of every token, with what picks and what gates: queries are made
    /// of `query_in` numbers, and attention gives `read`.
    fn of_tokens(
        model: &Model,
        mut projections: Vec<Projection>,
        query_in: f64,
        read: f64,
        io: f64,
        kv_elements: f64,
    ) -> Self {
        let hidden = f64::from(model.hidden);
        let mut index_elements = 0.0;
        if let Some(indexer) = model.indexer {
            let (count, dim) = (f64::from(indexer.heads), f64::from(indexer.head_dim));
            projections.push(projection("indexer projection", query_in, count * dim));
            projections.push(projection("indexer key", hidden, dim + count));
            index_elements = dim;
        }
        if model.output_gate {
            projections.push(projection("output gate", hidden, read));
        }
        let layers = f64::from(model.attention_layers);
        Self {
            projections: projections.into_iter().map(|p| (layers, p)).collect(),
            io,
            kv_elements,
            index_elements,
            window_layers: layers - f64::from(model.full_attention_layers),
            window_elements: kv_elements,
        }
    }

    /// A window in every layer, and entries. Rows and entries are repeated on every accelerator.
    fn compressed(model: &Model, c: &Compressed, tensor: f64) -> Self {
        let hidden = f64::from(model.hidden);
        let (dim, q_rank) = (f64::from(c.head_dim), f64::from(c.q_rank));
        let query = f64::from(c.heads) * dim / tensor;
        let groups = (f64::from(c.output_groups) / tensor).max(1.0);
        let grouped = groups * f64::from(c.output_rank);
        let (layers, sparse) = (f64::from(model.attention_layers), f64::from(c.sparse.layers));
        let [of_sparse, of_dense] = Compressed::MAKING.map(|numbers| numbers * dim);
        let mut projections = vec![
            (layers, projection("latent projection", hidden, q_rank + dim)),
            (layers, projection("query projection", q_rank, query)),
            (sparse, projection("sparse entries", hidden, of_sparse)),
            (f64::from(c.dense.layers), projection("entries", hidden, of_dense)),
            // Each group of heads for itself: so many times narrower than it is wide.
            (layers, projection("output groups", query / groups, grouped)),
            (layers, projection("output projection", grouped, hidden)),
        ];
        let mut key = 0.0;
        if let Some(indexer) = model.indexer {
            let heads = f64::from(indexer.heads);
            key = f64::from(indexer.head_dim);
            let made = Compressed::MAKING[0] * key + heads;
            projections.push((sparse, projection("indexer projection", q_rank, heads * key)));
            projections.push((sparse, projection("indexer key", hidden, made)));
        }
        let entries = f64::from(c.layers().max(1));
        let keys = key * sparse / f64::from(c.sparse.tokens.max(1)) / entries;
        Self {
            projections,
            io: 2.0 * query,
            kv_elements: model.kv_elements_per_layer() - keys,
            index_elements: keys,
            window_layers: layers,
            window_elements: dim,
        }
    }
}

pub(crate) fn projection(name: &'static str, input: f64, output: f64) -> Projection {
    Projection { name, weights: input * output, input, output }
}
