//! Transformer architectures.

use toml::Table;

use crate::compressed::parse_compressed;
use crate::row::{Row, RowError};
use crate::state::parse_state;
use crate::{Compressed, Provenance, StateMixer};

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
    /// A window, and entries that each stand for several tokens before it.
    Compressed(Compressed),
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
    /// Width of what routed experts take and give: a token is projected to it before it is sent to
    /// them, and back after (0 = the residual width, without projections).
    pub latent_dim: u32,
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

/// A part of an architecture that the other fields of [`Model`] do not describe. A model that has
/// one can be shown, not priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undescribed {
    /// Layers of linear attention with a constant state.
    LinearAttention,
    /// State-space layers with a constant state.
    StateSpace,
}

impl Undescribed {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::LinearAttention, Self::StateSpace];

    /// As written in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinearAttention => "linear attention",
            Self::StateSpace => "state space",
        }
    }
}

/// What picks the tokens of sparse attention: a small attention of its own, whose keys are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexer {
    /// Query heads.
    pub heads: u32,
    /// Size of a head, and of the one key cached per token and layer.
    pub head_dim: u32,
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
    /// Layers. 0 where no source states them: such a model can be shown, not priced. In some models
    /// attention, state and feed-forward part are layers of their own, in others each layer has a
    /// feed-forward part and one of the others; their counts say how many there are of each.
    pub layers: u32,
    /// Residual width.
    pub hidden: u32,
    /// Rows of that width that go from layer to layer side by side (1, or more with
    /// hyper-connections).
    pub residual_streams: u32,
    /// Attention of a layer.
    pub attention: AttentionKind,
    /// Whether what attention reads is multiplied by a gate, which has a projection of its own.
    pub output_gate: bool,
    /// Layers that attend.
    pub attention_layers: u32,
    /// Of these, layers that attend over the whole context; the rest attend over [`Self::window`].
    /// With [compressed](Compressed) attention those that have entries.
    pub full_attention_layers: u32,
    /// Sliding window, tokens, of the layers that have one (0 = none). With
    /// [compressed](Compressed) attention every layer has it.
    pub window: u32,
    /// Tokens, or entries, a sparse attention layer selects from the context (0 = dense attention).
    pub sparse_top_k: u32,
    /// The indexer of sparse attention, if it has one.
    pub indexer: Option<Indexer>,
    /// The layers that keep a state, if any.
    pub state: Option<StateMixer>,
    /// What the fields above leave out, if anything.
    pub undescribed: Option<Undescribed>,
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
    /// Published parameters a token visits, where known. Some publishers leave embeddings out.
    pub params_active_published: Option<f64>,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl Model {
    /// Parameters from the dimensions: attention, states, feed-forward, routers and embeddings; no
    /// norms, biases or multi-token prediction. Too few where [`Self::undescribed`] is not `None`.
    ///
    /// ```
    /// let catalog = wattmill_catalog::Catalog::builtin();
    /// let model = catalog.model("llama-3.1-70b").unwrap();
    /// assert_eq!((model.parameters() / 1e9).round(), 71.0);
    /// assert_eq!(model.kv_bytes_per_token(2.0), 327_680.0);
    /// ```
    pub fn parameters(&self) -> f64 {
        self.parameters_with_experts(self.ffn.moe.map_or(0, |m| m.routed))
    }

    /// Parameters one token visits: as [`Self::parameters`] with only the experts it is routed to.
    pub fn active_parameters(&self) -> f64 {
        self.parameters_with_experts(self.ffn.moe.map_or(0, |m| m.top_k))
    }

    fn parameters_with_experts(&self, experts: u32) -> f64 {
        let dense = self.ffn_parameters(self.ffn.dense_dim) * f64::from(self.ffn.dense_layers);
        let moe = self.ffn.moe.map_or(0.0, |m| {
            let router = f64::from(self.hidden) * f64::from(m.routed);
            let latent = 2.0 * f64::from(self.hidden) * f64::from(m.latent_dim);
            let routed = self.expert_parameters() * f64::from(experts);
            let shared = self.ffn_parameters(m.shared_dim);
            (router + latent + routed + shared) * f64::from(m.layers)
        });
        let state = self.state.map_or(0.0, |s| s.parameters(self.hidden) * f64::from(s.layers));
        let embeddings = if self.tied_embeddings { 1.0 } else { 2.0 };
        self.attention_parameters() * f64::from(self.attention_layers)
            + state
            + dense
            + moe
            + embeddings * f64::from(self.vocab) * f64::from(self.hidden)
    }

    /// Parameters of one layer's attention, its gate and indexer included; the mean of all layers
    /// where they differ.
    pub fn attention_parameters(&self) -> f64 {
        let hidden = f64::from(self.hidden);
        let (attention, query_in, read) = match self.attention {
            AttentionKind::Grouped { heads, kv_heads, head_dim } => {
                let (q, kv) = (f64::from(heads), f64::from(kv_heads));
                let dim = f64::from(head_dim);
                (hidden * dim * 2.0 * (q + kv), hidden, q * dim)
            }
            AttentionKind::Latent { heads, q_rank, kv_rank, nope_dim, rope_dim, v_dim } => {
                let (heads, kv_rank) = (f64::from(heads), f64::from(kv_rank));
                let (nope, rope, v) = (f64::from(nope_dim), f64::from(rope_dim), f64::from(v_dim));
                let query_in = if q_rank == 0 { hidden } else { f64::from(q_rank) };
                let down = if q_rank == 0 { 0.0 } else { hidden * query_in };
                let query = down + query_in * heads * (nope + rope);
                let key_value = hidden * (kv_rank + rope) + kv_rank * heads * (nope + v);
                (query + key_value + heads * v * hidden, query_in, heads * v)
            }
            AttentionKind::Compressed(c) => return self.compressed_parameters(&c),
        };
        let indexer = self.indexer.map_or(0.0, |i| {
            let (heads, dim) = (f64::from(i.heads), f64::from(i.head_dim));
            query_in * heads * dim + hidden * dim + hidden * heads
        });
        let gate = if self.output_gate { hidden * read } else { 0.0 };
        attention + gate + indexer
    }

    fn compressed_parameters(&self, c: &Compressed) -> f64 {
        let hidden = f64::from(self.hidden);
        let (heads, dim) = self.indexer.map_or((0.0, 0.0), |i| (i.heads.into(), i.head_dim.into()));
        let indexing = f64::from(c.q_rank) * heads * dim + hidden * heads;
        let some = c.making(hidden, dim) + f64::from(c.sparse.layers) * indexing;
        c.parameters(hidden) + some / f64::from(self.attention_layers.max(1))
    }

    /// Parameters of one feed-forward block of inner size `inner`.
    pub fn ffn_parameters(&self, inner: u32) -> f64 {
        let matrices = if self.ffn.gated { 3.0 } else { 2.0 };
        matrices * f64::from(self.hidden) * f64::from(inner)
    }

    /// Parameters of one routed expert.
    pub fn expert_parameters(&self) -> f64 {
        let matrices = if self.ffn.gated { 3.0 } else { 2.0 };
        let inner = self.ffn.moe.map_or(0, |m| m.expert_dim);
        matrices * f64::from(self.expert_width()) * f64::from(inner)
    }

    /// Width of what routed experts take and give.
    pub fn expert_width(&self) -> u32 {
        self.ffn.moe.map(|m| m.latent_dim).filter(|latent| *latent > 0).unwrap_or(self.hidden)
    }

    /// Bytes of cache that one more token of one sequence takes over all layers that attend over
    /// the whole context, at `bytes_per_element` (2 for BF16, 1 for FP8). Layers with a window
    /// come on top, once per sequence and no longer than their window, and so do
    /// [states](Self::state_bytes).
    pub fn kv_bytes_per_token(&self, bytes_per_element: f64) -> f64 {
        self.kv_elements_per_layer() * f64::from(self.full_attention_layers) * bytes_per_element
    }

    /// Bytes of state that one sequence keeps over all layers that have one, however long it is.
    ///
    /// ```
    /// let catalog = wattmill_catalog::Catalog::builtin();
    /// let model = catalog.model("nemotron-nano-12b-v2").unwrap();
    /// assert_eq!((model.state_bytes() / 1e6).round(), 149.0);
    /// ```
    pub fn state_bytes(&self) -> f64 {
        self.state.map_or(0.0, |s| s.bytes() * f64::from(s.layers))
    }

    /// Cached numbers of one token in one layer that attends over the whole context: keys and values,
    /// or the latent, and the indexer's key; a token's share of entries, the mean of their layers.
    pub fn kv_elements_per_layer(&self) -> f64 {
        let attention = match self.attention {
            AttentionKind::Grouped { kv_heads, head_dim, .. } => {
                2.0 * f64::from(kv_heads) * f64::from(head_dim)
            }
            AttentionKind::Latent { kv_rank, rope_dim, .. } => {
                f64::from(kv_rank) + f64::from(rope_dim)
            }
            AttentionKind::Compressed(c) => {
                let key = self.indexer.map_or(0.0, |i| f64::from(i.head_dim));
                let [sparse, dense] = c.entries_per_token();
                let row = f64::from(c.head_dim);
                return (sparse * (row + key) + dense * row) / f64::from(c.layers().max(1));
            }
        };
        attention + self.indexer.map_or(0.0, |i| f64::from(i.head_dim))
    }

    /// Whether it routes tokens to experts.
    pub const fn is_moe(&self) -> bool {
        self.ffn.moe.is_some()
    }

    /// What is lacking to price it, in words. Empty for a model that can be priced.
    pub fn missing(&self) -> Vec<&'static str> {
        let attention = match self.attention {
            AttentionKind::Grouped { heads, kv_heads, head_dim } => {
                heads > 0 && kv_heads > 0 && head_dim > 0
            }
            AttentionKind::Latent { heads, kv_rank, nope_dim, v_dim, .. } => {
                heads > 0 && kv_rank > 0 && nope_dim > 0 && v_dim > 0
            }
            AttentionKind::Compressed(c) => c.is_whole() && self.window > 0,
        };
        let dense = self.ffn.dense_layers == 0 || self.ffn.dense_dim > 0;
        let moe = self.ffn.moe.is_none_or(|m| m.expert_dim > 0 && m.top_k > 0 && m.layers > 0);
        let ffn_layers = self.ffn.dense_layers + self.ffn.moe.map_or(0, |m| m.layers);
        let undescribed = match self.undescribed {
            None => "",
            Some(Undescribed::LinearAttention) => "the shape of its linear-attention layers",
            Some(Undescribed::StateSpace) => "the shape of its state-space layers",
        };
        let state = self.state.is_none_or(|s| s.is_whole());
        [
            ("layers", self.layers > 0),
            ("hidden", self.hidden > 0),
            ("the shape of its attention", attention),
            ("the shape of its feed-forward part", dense && moe && ffn_layers > 0),
            ("vocab", self.vocab > 0),
            ("the shape of its states", state),
            (undescribed, self.undescribed.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect()
    }
}

/// One model from its table, such as a `[model.mine]` of a factory file.
///
/// Every value may be bare or `{ value = …, source = …, confidence = … }`. What is not there counts
/// as not known ([`Model::missing`] says what that prevents), except where one value follows from
/// others: `kv_heads` from `heads`, `head_dim` from `hidden / heads`, `state_key_heads` from
/// `state_heads`, `dense_layers` and `moe_layers` from `layers`, `attention_layers` from `layers` and
/// `state_layers`, and `full_attention_layers` from `attention_layers`.
///
/// # Errors
///
/// Everything that is wrong with the row: unknown keys, values that are no counts, and counts that
/// contradict each other.
pub fn parse_model(id: &str, table: &Table) -> Result<Model, Vec<RowError>> {
    let mut row = Row::new(table);
    let family = row.text("family").unwrap_or_default();
    let release = row.text("release").unwrap_or_default();
    let layers = row.count("layers").unwrap_or(0);
    let hidden = row.count("hidden").unwrap_or(0);
    let residual_streams = row.count("residual_streams").unwrap_or(1);
    if residual_streams == 0 {
        row.refuse("residual_streams", "must be at least 1".to_owned());
    }
    let attention = attention(&mut row, hidden);
    let output_gate = row.flag("output_gate").unwrap_or(false);
    let state = parse_state(&mut row);
    let state_layers = state.map_or(0, |s| s.layers);
    let attention_layers = row.count("attention_layers");
    let attention_layers = attention_layers.unwrap_or(layers.saturating_sub(state_layers));
    if u64::from(attention_layers) + u64::from(state_layers) > u64::from(layers) {
        let message = match state_layers {
            0 => format!("{attention_layers} is more than its {layers} layers"),
            n => {
                format!("{attention_layers} and {n} state_layers are more than its {layers} layers")
            }
        };
        row.refuse("attention_layers", message);
    }
    let compressed = match attention {
        AttentionKind::Compressed(c) => Some(c.layers()),
        _ => None,
    };
    let full_attention_layers = row.count("full_attention_layers");
    if let (Some(entries), Some(full)) = (compressed, full_attention_layers)
        && entries != full
    {
        let message = format!("{full}, but {entries} layers have entries; leave it out");
        row.refuse("full_attention_layers", message);
    }
    let full_attention_layers = full_attention_layers.or(compressed).unwrap_or(attention_layers);
    if full_attention_layers > attention_layers {
        let message = format!("{full_attention_layers} is more than its {attention_layers} layers");
        row.refuse("full_attention_layers", message);
    }
    let window = row.count("window").unwrap_or(0);
    let sparse_top_k = row.count("sparse_top_k").unwrap_or(0);
    let indexer = match (row.count("indexer_heads"), row.count("indexer_dim")) {
        (Some(heads), Some(head_dim)) => Some(Indexer { heads, head_dim }),
        (None, None) => None,
        _ => {
            let message = "an indexer needs both indexer_heads and indexer_dim".to_owned();
            row.refuse("indexer_heads", message);
            None
        }
    };
    if let AttentionKind::Compressed(c) = attention
        && c.sparse.layers > 0
    {
        let picking = [
            ("sparse_top_k", sparse_top_k > 0),
            ("indexer_heads", indexer.is_some_and(|i| i.heads > 0)),
            ("indexer_dim", indexer.is_some_and(|i| i.head_dim > 0)),
        ];
        let lacking: Vec<&str> =
            picking.into_iter().filter_map(|(key, there)| (!there).then_some(key)).collect();
        if !lacking.is_empty() {
            let message = format!(
                "what picks the entries of {} layers is not there; write {}, too",
                c.sparse.layers,
                lacking.join(", ")
            );
            row.refuse("sparse_entry_layers", message);
        }
    }
    let undescribed = row.text("undescribed").and_then(|text| {
        let kind = Undescribed::ALL.into_iter().find(|u| u.name() == text);
        if kind.is_none() {
            let known = Undescribed::ALL.map(Undescribed::name).join("`, `");
            row.refuse("undescribed", format!("`{text}` is none of `{known}`"));
        }
        kind
    });
    if full_attention_layers < attention_layers && window == 0 && undescribed.is_none() {
        let message = "missing; write the tokens that the other attention layers see".to_owned();
        row.refuse("window", message);
    }
    let ffn = ffn(&mut row, layers);
    let vocab = row.count("vocab").unwrap_or(0);
    let tied_embeddings = row.flag("tied_embeddings").unwrap_or(false);
    let context = row.count("context").unwrap_or(0);
    row.shown(&["mtp_layers"]);
    let params_published = row.number("params");
    let params_active_published = row.number("params_active");
    Ok(Model {
        id: id.to_owned(),
        family,
        release,
        layers,
        hidden,
        residual_streams,
        attention,
        output_gate,
        attention_layers,
        full_attention_layers,
        window,
        sparse_top_k,
        indexer,
        state,
        undescribed,
        ffn,
        vocab,
        tied_embeddings,
        context,
        params_published,
        params_active_published,
        provenance: row.finish()?,
    })
}

/// `compressed` where the tokens of an entry are given, `latent` where a rank of the latent is,
/// otherwise `grouped`.
fn attention(row: &mut Row<'_>, hidden: u32) -> AttentionKind {
    let heads = row.count("heads").unwrap_or(0);
    if let Some(compressed) = parse_compressed(row, heads) {
        return AttentionKind::Compressed(compressed);
    }
    if let Some(kv_rank) = row.count("kv_rank") {
        return AttentionKind::Latent {
            heads,
            q_rank: row.count("q_rank").unwrap_or(0),
            kv_rank,
            nope_dim: row.count("nope_dim").unwrap_or(0),
            rope_dim: row.count("rope_dim").unwrap_or(0),
            v_dim: row.count("v_dim").unwrap_or(0),
        };
    }
    let kv_heads = row.count("kv_heads").unwrap_or(heads);
    if heads > 0 && (kv_heads == 0 || !heads.is_multiple_of(kv_heads)) {
        row.refuse("kv_heads", format!("{kv_heads} does not divide its {heads} heads"));
    }
    let head_dim = row.count("head_dim").or(hidden.checked_div(heads)).unwrap_or(0);
    AttentionKind::Grouped { heads, kv_heads, head_dim }
}

fn ffn(row: &mut Row<'_>, layers: u32) -> Ffn {
    let gated = row.flag("gated").unwrap_or(true);
    let dense_dim = row.count("ffn_dim").unwrap_or(0);
    let experts = row.count("experts");
    let dense_layers = row.count("dense_layers");
    let dense_layers = dense_layers.unwrap_or(if experts.is_some() { 0 } else { layers });
    let moe = experts.map(|routed| {
        let top_k = row.count("experts_per_token").unwrap_or(0);
        if top_k > routed {
            let message = format!("{top_k} is more than its {routed} experts");
            row.refuse("experts_per_token", message);
        }
        Moe {
            routed,
            top_k,
            expert_dim: row.count("expert_dim").unwrap_or(0),
            shared_dim: row.count("shared_expert_dim").unwrap_or(0),
            latent_dim: row.count("expert_latent_dim").unwrap_or(0),
            layers: row.count("moe_layers").unwrap_or(layers.saturating_sub(dense_layers)),
        }
    });
    let moe_layers = moe.map_or(0, |m| m.layers);
    if u64::from(dense_layers) + u64::from(moe_layers) > u64::from(layers) {
        let message = match moe_layers {
            0 => format!("{dense_layers} is more than its {layers} layers"),
            moe => format!("{dense_layers} and {moe} moe_layers are more than its {layers} layers"),
        };
        row.refuse("dense_layers", message);
    }
    Ffn { dense_dim, dense_layers, moe, gated }
}
