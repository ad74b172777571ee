//! Tokens that are guessed ahead and verified together.

use std::fmt;

/// Where guesses come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Draft {
    /// A module of one layer of the model and its output head, run once for each guess: multi-token
    /// prediction (DeepSeek-V3's MTP) and EAGLE.
    #[default]
    Layer,
    /// The prompt itself, for nothing: n-grams that were there before.
    Lookup,
}

impl Draft {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::Layer, Self::Lookup];

    /// As written in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Lookup => "lookup",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|draft| draft.name() == name)
    }
}

/// Speculative decoding: in a round, every sequence's next tokens are guessed, then the model verifies
/// all guesses at once and adds one token of its own.
///
/// ```
/// use wattmill_factory::{Draft, Speculation};
/// let mtp = Speculation { draft_tokens: 1, acceptance: 0.85, draft: Draft::Layer };
/// assert_eq!(mtp.tokens_per_round(), 1.85);
/// let sure = Speculation { draft_tokens: 3, acceptance: 1.0, draft: Draft::Lookup };
/// assert_eq!((sure.tokens_per_round(), sure.to_string().as_str()), (4.0, "3 drafted, 100 % accepted"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speculation {
    /// Tokens guessed in a round, at least 1.
    pub draft_tokens: u32,
    /// Probability that a guess is right if those before it are; 0 to 1.
    pub acceptance: f64,
    /// Where guesses come from.
    pub draft: Draft,
}

impl Speculation {
    /// Tokens that are verified for each sequence in a round.
    pub const fn verified(self) -> u32 {
        self.draft_tokens + 1
    }

    /// Tokens that a sequence gains in a round, mean: 1 + a + a² + … + aᵏ (Leviathan et al., 2023).
    pub fn tokens_per_round(self) -> f64 {
        (0..=self.draft_tokens).rev().fold(0.0, |sum, _| sum * self.acceptance + 1.0)
    }
}

impl fmt::Display for Speculation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (self.acceptance * 1e3).round() / 10.0;
        write!(f, "{} drafted, {percent} % accepted", self.draft_tokens)
    }
}
