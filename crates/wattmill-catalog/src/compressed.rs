//! Attention over a compressed context: entries that each stand for several tokens.

use crate::row::Row;

/// Layers whose cache holds an entry for every so many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// How many layers.
    pub layers: u32,
    /// Tokens that an entry stands for.
    pub tokens: u32,
}

/// The shape of compressed attention.
///
/// Every query head reads rows that are key and value at once: the tokens of the window, which every
/// layer keeps, and behind them the entries of layers that have any. Of the entries of a `sparse`
/// layer an indexer picks [`Model::sparse_top_k`](crate::Model::sparse_top_k), those of a `dense`
/// layer are all read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// Query heads.
    pub heads: u32,
    /// Rank of the compressed query.
    pub q_rank: u32,
    /// Size of a head, of a token's row and of an entry.
    pub head_dim: u32,
    /// Groups of heads that are projected together to `output_rank` numbers.
    pub output_groups: u32,
    /// What each of them becomes before the output projection.
    pub output_rank: u32,
    /// Layers whose entries are picked, and overlap: each is made of twice its tokens.
    pub sparse: Entries,
    /// Layers whose entries are all read.
    pub dense: Entries,
}

impl Compressed {
    /// Numbers of a token that make an entry, over the size of the entry: values and their weights, of
    /// two stretches where entries overlap.
    pub const MAKING: [f64; 2] = [4.0, 2.0];

    /// Layers with entries, sparse and dense.
    pub const fn layers(&self) -> u32 {
        self.sparse.layers + self.dense.layers
    }

    /// Layers of a kind over the tokens of its entries: entries of a token over all of them.
    pub(crate) fn entries_per_token(&self) -> [f64; 2] {
        [self.sparse, self.dense].map(|e| f64::from(e.layers) / f64::from(e.tokens.max(1)))
    }

    /// Parameters of queries, rows and outputs of a layer of width `hidden`, without what makes its
    /// entries.
    pub(crate) fn parameters(&self, hidden: f64) -> f64 {
        let (q_rank, dim) = (f64::from(self.q_rank), f64::from(self.head_dim));
        let (wide, rank) = (f64::from(self.heads) * dim, f64::from(self.output_rank));
        let outputs = wide * rank + f64::from(self.output_groups) * rank * hidden;
        hidden * (q_rank + dim) + q_rank * wide + outputs
    }

    /// Parameters that make the entries of all layers, and those that the indexer of a sparse layer
    /// compares with keys of `index_dim` numbers.
    pub(crate) fn making(&self, hidden: f64, index_dim: f64) -> f64 {
        let dim = f64::from(self.head_dim);
        let [sparse, dense] = Self::MAKING;
        f64::from(self.sparse.layers) * sparse * hidden * (dim + index_dim)
            + f64::from(self.dense.layers) * dense * hidden * dim
    }

    pub(crate) fn is_whole(&self) -> bool {
        let sizes = self.heads > 0 && self.q_rank > 0 && self.head_dim > 0;
        let output = self.output_groups > 0 && self.output_rank > 0;
        let has_tokens = |entries: Entries| entries.layers == 0 || entries.tokens > 0;
        sizes && output && has_tokens(self.sparse) && has_tokens(self.dense)
    }
}

/// The compressed attention of a row with `heads` query heads; none if it has no `entry_tokens`.
pub(crate) fn parse_compressed(row: &mut Row<'_>, heads: u32) -> Option<Compressed> {
    let tokens = [row.count("sparse_entry_tokens"), row.count("entry_tokens")];
    let layers = [row.count("sparse_entry_layers"), row.count("entry_layers")];
    let groups = row.count("output_groups");
    let rank = row.count("output_rank");
    if tokens == [None, None] {
        for (name, given) in [
            ("sparse_entry_layers", layers[0].is_some()),
            ("entry_layers", layers[1].is_some()),
            ("output_groups", groups.is_some()),
            ("output_rank", rank.is_some()),
        ] {
            if given {
                let message = "is of compressed attention; write its entry_tokens, too".to_owned();
                row.refuse(name, message);
            }
        }
        return None;
    }
    let entries =
        |at: usize| Entries { layers: layers[at].unwrap_or(0), tokens: tokens[at].unwrap_or(0) };
    let output_groups = groups.unwrap_or(0);
    if output_groups > 0 && !heads.is_multiple_of(output_groups) {
        row.refuse("output_groups", format!("{output_groups} does not divide its {heads} heads"));
    }
    Some(Compressed {
        heads,
        q_rank: row.count("q_rank").unwrap_or(0),
        head_dim: row.count("head_dim").unwrap_or(0),
        output_groups,
        output_rank: rank.unwrap_or(0),
        sparse: entries(0),
        dense: entries(1),
    })
}
