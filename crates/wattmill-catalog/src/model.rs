//! Transformer architectures.

use crate::Provenance;

/// How a layer attends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AttentionKind {
    /// Multi-head (`kv_heads == heads`), multi-query (1) or grouped-query attention.
    Grouped {
        /// Query heads.
        heads: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Size of a head.
        head_dim: u32,
    },
    /// Multi-head latent attention: the cache holds one compressed latent per token.
    Latent {
        /// Query heads.
        heads: u32,
        /// Rank of the compressed query (0 = not compressed).
        q_rank: u32,
        /// Rank of the cached latent.
        kv_rank: u32,
        /// Head size without position.
        nope_dim: u32,
        /// Head size with rotary position, also cached once per token.
        rope_dim: u32,
        /// Value head size.
        v_dim: u32,
    },
}

/// Mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moe {
    /// Routed experts per MoE layer.
    pub routed: u32,
    /// Routed experts a token visits.
    pub top_k: u32,
    /// Inner size of one routed expert.
    pub expert_dim: u32,
    /// Total inner size of the shared experts (0 = none).
    pub shared_dim: u32,
    /// How many of the layers are MoE layers.
    pub layers: u32,
}

/// Feed-forward parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ffn {
    /// Inner size of a dense layer (0 = none).
    pub dense_dim: u32,
    /// How many layers are dense.
    pub dense_layers: u32,
    /// The mixture of experts, if any.
    pub moe: Option<Moe>,
    /// Whether the inner part is gated (three matrices) or not (two).
    pub gated: bool,
}

/// The shape of a model. Everything the performance model needs and nothing about weights' values.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Catalogue id, such as `llama-3.1-70b`.
    pub id: String,
    /// Family as its maker calls it.
    pub family: String,
    /// Released, as `2024-07`.
    pub release: String,
    /// Layers. 0 where no source states them: such a model can be shown, not priced.
    pub layers: u32,
    /// Residual width.
    pub hidden: u32,
    /// Attention of a layer.
    pub attention: AttentionKind,
    /// Layers that attend over the whole context; the rest attend over [`Self::window`] or keep a
    /// constant state.
    pub full_attention_layers: u32,
    /// Sliding window, tokens, of the layers that have one (0 = none).
    pub window: u32,
    /// Tokens a sparse attention layer selects from the context (0 = dense attention).
    pub sparse_top_k: u32,
    /// Feed-forward parts.
    pub ffn: Ffn,
    /// Vocabulary.
    pub vocab: u32,
    /// Whether input and output embeddings are one matrix.
    pub tied_embeddings: bool,
    /// Longest context, tokens.
    pub context: u32,
    /// Published total of parameters, where known.
    pub params_published: Option<f64>,
    /// Where it all comes from.
    pub provenance: Provenance,
}
