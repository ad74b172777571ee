//! Layers that carry a state of constant size through a sequence instead of a cache.

use crate::row::Row;

/// How a state is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// Gated delta rule: decays the state, takes out what the key finds in it, and adds the value.
    GatedDelta,
    /// Lightning attention: a fixed decay per head, and the product of key and value.
    Lightning,
    /// Mamba-2: a decay per token and head, and the product of input and value.
    Mamba2,
}

impl StateKind {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::GatedDelta, Self::Lightning, Self::Mamba2];

    /// As written in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GatedDelta => "gated delta",
            Self::Lightning => "lightning",
            Self::Mamba2 => "mamba-2",
        }
    }

    /// Numbers per head and token that steer the state: decay and writing strength of the gated
    /// delta rule, the step of Mamba-2.
    pub const fn scalars(self) -> u32 {
        match self {
            Self::GatedDelta => 2,
            Self::Lightning => 0,
            Self::Mamba2 => 1,
        }
    }

    /// Operations on one number of the state for one token: decay, write and read; the delta rule
    /// reads before it writes.
    pub const fn operations(self) -> f64 {
        match self {
            Self::GatedDelta => 7.0,
            Self::Lightning | Self::Mamba2 => 5.0,
        }
    }
}

/// The shape of the layers with a state.
///
/// A token becomes a query and a key for each of `key_heads`, a value and an output gate for each of
/// `heads`, and [`StateKind::scalars`]. What Mamba-2 calls groups, state size and head size are
/// `key_heads`, `key_dim` and `value_dim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMixer {
    /// What the layers do with their state.
    pub kind: StateKind,
    /// How many layers have one.
    pub layers: u32,
    /// States of a layer.
    pub heads: u32,
    /// Queries and keys of a layer, shared by the heads.
    pub key_heads: u32,
    /// Rows of a state.
    pub key_dim: u32,
    /// Columns of a state.
    pub value_dim: u32,
    /// Tokens of the short convolution before the state, 0 if there is none.
    pub conv: u32,
}

impl StateMixer {
    /// Bytes of one number of a state. Engines keep states in FP32 (`mamba_ssm_dtype` of the
    /// configurations), whatever the weights are in.
    pub const STATE_BYTES: f64 = 4.0;

    /// Numbers of all keys of a token.
    pub fn keys(&self) -> f64 {
        f64::from(self.key_heads) * f64::from(self.key_dim)
    }

    /// Numbers of all values of a token.
    pub fn values(&self) -> f64 {
        f64::from(self.heads) * f64::from(self.value_dim)
    }

    /// Numbers that a token is projected to: queries, keys, values, gates and scalars.
    pub fn projected(&self) -> f64 {
        let scalars = f64::from(self.kind.scalars()) * f64::from(self.heads);
        2.0 * self.keys() + 2.0 * self.values() + scalars
    }

    /// Parameters of one layer in a model of width `hidden`.
    pub fn parameters(&self, hidden: u32) -> f64 {
        let projections = f64::from(hidden) * (self.projected() + self.values());
        projections + f64::from(self.conv) * self.convolved()
    }

    /// Channels of the short convolution: queries, keys and values.
    pub fn convolved(&self) -> f64 {
        if self.conv == 0 { 0.0 } else { 2.0 * self.keys() + self.values() }
    }

    /// Numbers of the states of one sequence in one layer.
    pub fn state_elements(&self) -> f64 {
        f64::from(self.key_dim) * self.values()
    }

    /// Bytes that one sequence keeps in one layer: its states, and in BF16 the last inputs of the
    /// convolution.
    pub fn bytes(&self) -> f64 {
        let window = f64::from(self.conv.saturating_sub(1)) * self.convolved();
        self.state_elements() * Self::STATE_BYTES + window * 2.0
    }

    /// Whether all is there that a price needs.
    pub(crate) const fn is_whole(&self) -> bool {
        self.layers > 0
            && self.heads > 0
            && self.key_heads > 0
            && self.key_dim > 0
            && self.value_dim > 0
    }
}

/// The state layers of a row that has a `state`.
pub(crate) fn parse_state(row: &mut Row<'_>) -> Option<StateMixer> {
    let kind = row.text("state");
    let mut count = |name| row.count(name).unwrap_or(0);
    let (layers, heads) = (count("state_layers"), count("state_heads"));
    let (key_dim, value_dim) = (count("state_key_dim"), count("state_value_dim"));
    let conv = count("state_conv");
    let key_heads = row.count("state_key_heads").unwrap_or(heads);
    let Some(kind) = kind else {
        if layers > 0 {
            let message = "missing; write what kind of state its state_layers have".to_owned();
            row.refuse("state", message);
        }
        return None;
    };
    let Some(kind) = StateKind::ALL.into_iter().find(|k| k.name() == kind) else {
        let known = StateKind::ALL.map(StateKind::name).join("`, `");
        row.refuse("state", format!("`{kind}` is none of `{known}`"));
        return None;
    };
    if heads > 0 && (key_heads == 0 || !heads.is_multiple_of(key_heads)) {
        let message = format!("{key_heads} does not divide its {heads} state_heads");
        row.refuse("state_key_heads", message);
    }
    Some(StateMixer { kind, layers, heads, key_heads, key_dim, value_dim, conv })
}
