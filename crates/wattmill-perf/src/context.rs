//! Messages among context parallel ranks, which share the tokens of every sequence.
//!
//! A chunk's keys and values are gathered by all ranks, each of which computes two of its pieces: as
//! many pairs as the others. Of what is cached before the chunk every rank has a share. Either the
//! chunk's queries go around and partial results come back, or the cached keys and values are
//! gathered, too: whichever is less, as in ring attention with passed queries or passed keys. Latents
//! are always gathered, since each rank expands them to keys and values of its own. A decoding token
//! is computed by all ranks; each attends to its share, and the partial results are summed.

use wattmill_catalog::AttentionKind;

use crate::attention::{Layer, layers};
use crate::deployment::Deployment;
use crate::kernels::Kernel;
use crate::network::Network;
use crate::operator::Operator;
use crate::shard::Shard;
use crate::step::Prefill;

/// Bytes of a number of a query or result, and of what sums are weighed with.
const NUMBER: f64 = 2.0;
const WEIGHT: f64 = 4.0;
/// Bytes of a token that was picked, with its score.
const PICK: f64 = 8.0;
/// Most tokens whose messages are priced one by one; more are priced in proportion.
const MOST: u32 = 1 << 20;

/// Kinds of layers by the names of their operators.
const INDEXER: &str = "prefill indexer";
const WINDOWS: &str = "prefill window attention";

/// What one kind of attention layer sends among the context ranks of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ContextExchange {
    /// Of gathering and of merging.
    names: [&'static str; 2],
    layers: f64,
    /// Tokens of a sequence that one of its tokens reads at most.
    cap: u64,
    /// Whether these are the latest, the same for all of a chunk.
    is_window: bool,
    /// Bytes of a token's keys and values.
    token: f64,
    /// Tokens whose keys and values are as many bytes as a query and its partial result; infinite
    /// where queries do not go around.
    round_trip: f64,
    /// Bytes of the partial result of a decoding token.
    partial: f64,
    /// Attention batches under way at once.
    ranks: f64,
    /// Context ranks, and how far apart their accelerators are.
    split: f64,
    stride: f64,
}

impl ContextExchange {
    /// Of every kind of attention layer; none where one rank has all of a sequence.
    pub(crate) fn all(deployment: &Deployment<'_>, shard: &Shard) -> Vec<Self> {
        if shard.context < 2.0 {
            return Vec::new();
        }
        let kinds = layers(deployment, shard);
        kinds.iter().map(|layer| Self::of(layer, deployment, shard)).collect()
    }

    fn of(layer: &Layer, deployment: &Deployment<'_>, shard: &Shard) -> Self {
        let latent = !matches!(deployment.model.attention, AttentionKind::Grouped { .. });
        let names = match layer.name[1] {
            INDEXER => ["context gather, indexer", "context merge, indexer"],
            WINDOWS => ["context gather, windows", "context merge, windows"],
            "prefill picked entries" => ["context gather, picked", "context merge, picked"],
            _ => ["context gather", "context merge"],
        };
        let indexes = layer.name[1] == INDEXER;
        let (query, partial) = match layer.decode {
            // Each rank says which of its own tokens it would pick.
            _ if indexes => (f64::INFINITY, f64::from(deployment.model.sparse_top_k) * PICK),
            Kernel::DecodeAttention(k) => {
                (k.heads * k.head_dim * NUMBER, k.heads * (k.head_dim * NUMBER + WEIGHT))
            }
            Kernel::LatentDecode(k) => (f64::INFINITY, k.heads * (k.rank * NUMBER + WEIGHT)),
            _ => (f64::INFINITY, 0.0),
        };
        let query = if latent { f64::INFINITY } else { query };
        Self {
            names,
            layers: layer.layers,
            cap: layer.cap,
            is_window: layer.name[1] == WINDOWS,
            token: layer.cached,
            round_trip: (query + partial) / layer.cached,
            partial,
            ranks: shard.ranks(),
            split: shard.context,
            stride: shard.tensor,
        }
    }

    /// Tokens whose keys and values are as many bytes as what is sent because of the tokens cached
    /// before the chunks.
    pub(crate) fn behind(&self, prefill: &Prefill) -> u64 {
        let readers = if self.is_window { prefill.chunks } else { prefill.tokens };
        let context = prefill.context.min(u64::from(readers).saturating_mul(self.cap));
        let round_trip = (f64::from(prefill.tokens) * self.round_trip).ceil();
        context.min(round_trip as u64)
    }

    /// Most tokens that a table of [`gathering`](Self::gathering) should hold, for steps of `tokens`.
    pub(crate) fn most(&self, tokens: u32) -> u32 {
        let round_trip = (f64::from(tokens) * self.round_trip.max(1.0)).ceil();
        (round_trip.min(f64::from(MOST)) as u32).max(tokens)
    }

    /// All ranks get the keys and values of `tokens` tokens, in every layer.
    pub(crate) fn gathering(&self, network: &Network<'_>, tokens: u64) -> Operator {
        let bytes = (tokens as f64 / self.ranks).ceil() * self.token;
        network.apart(self.stride).gather(self.names[0], self.layers, bytes, self.split)
    }

    /// The partial results of `tokens` decoding tokens become whole ones on all ranks.
    pub(crate) fn merging(&self, network: &Network<'_>, tokens: u32) -> Operator {
        let bytes = (f64::from(tokens) / self.ranks).ceil() * self.partial;
        network.apart(self.stride).allreduce(self.names[1], self.layers, bytes, self.split)
    }

    /// Of the prefill part of a step: its chunks, and what is cached before them.
    pub(crate) fn operator(&self, network: &Network<'_>, prefill: &Prefill) -> Operator {
        let chunks = self.gathering(network, prefill.tokens.into());
        match self.behind(prefill) {
            0 => chunks,
            tokens => {
                let behind = self.gathering(network, tokens);
                Operator {
                    message: chunks.message + behind.message,
                    time: chunks.time + behind.time,
                    energy: chunks.energy.zip(behind.energy).map(|(a, b)| a + b),
                    // The longer of the two says more.
                    ..if behind.time > chunks.time { behind } else { chunks }
                }
            }
        }
    }
}
