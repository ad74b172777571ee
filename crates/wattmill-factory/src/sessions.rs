//! Conversations: requests that go on from one another.

use wattmill_units::Seconds;

use crate::LengthTable;

/// What the sessions of a service are like: of people who chat, or of agents that call tools.
///
/// The prompt of a turn is the system prompt, every earlier turn with its answer, and new text. The
/// longest system prompt, opening and answer together fit into `context`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// Name; sessions of different names share nothing.
    pub name: String,
    /// Instructions that sessions begin with.
    pub system: SystemPrompts,
    /// Turns of a session, at most [`Self::MOST_TURNS`].
    pub turns: LengthTable,
    /// New tokens of the first turn.
    pub opening: LengthTable,
    /// New tokens of every later one: a question, or what a tool answered.
    pub follow_up: LengthTable,
    /// Answer tokens of a turn.
    pub answer: LengthTable,
    /// From the end of an answer to the next turn.
    pub pause: Pause,
    /// Most tokens of a prompt and its answer; a session whose next turn would be longer ends.
    pub context: u32,
}

impl Sessions {
    /// More turns no session has.
    pub const MOST_TURNS: u32 = 1 << 16;
}

/// System prompts that many sessions share.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemPrompts {
    /// How many different ones there are, at least 1.
    pub count: u32,
    /// How fast popularity falls: the `i`-th begins sessions in proportion to `i` to the minus this.
    pub popularity: f64,
    /// Tokens of one.
    pub tokens: LengthTable,
}

/// Gamma-distributed times between an answer and the next turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause {
    /// Mean.
    pub mean: Seconds,
    /// Deviation over the mean; 0 is always the same.
    pub cv: f64,
}
