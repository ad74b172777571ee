//! What prompts have in common.

use wattmill_units::scramble;

/// A stretch of a prompt, named together with everything before it: two prompts whose segments carry
/// the same `content` are equal from their first token to the end of that segment.
///
/// ```
/// use wattmill_policy::Segment;
/// // A system prompt that everybody shares, then one user's question.
/// let prompt = [Segment { content: 7, tokens: 400 }, Segment { content: 41, tokens: 60 }];
/// assert_eq!(Segment::shared(&prompt, |content| content == 7), 400);
/// assert_eq!(Segment::shared(&prompt, |content| content == 41), 0, "nothing without what is before");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Names the stretch and all that precedes it.
    pub content: u64,
    /// Tokens of the stretch alone, at least 1.
    pub tokens: u32,
}

impl Segment {
    /// `tokens` tokens of the text `id` behind what `before` names; 0 is the beginning. The same text
    /// has another name behind another beginning, and cut to another length.
    ///
    /// ```
    /// use wattmill_policy::Segment;
    /// let system = Segment::following(0, 1, 400);
    /// let question = Segment::following(system.content, 2, 60);
    /// assert_eq!(question, Segment::following(system.content, 2, 60));
    /// assert_ne!(question.content, Segment::following(0, 2, 60).content);
    /// assert_ne!(question.content, Segment::following(system.content, 2, 61).content);
    /// ```
    #[inline]
    pub const fn following(before: u64, id: u64, tokens: u32) -> Self {
        Self { content: scramble(before ^ scramble(id ^ scramble(tokens as u64))), tokens }
    }

    /// Tokens of the longest beginning of `prompt` whose segments are all `known`.
    pub fn shared(prompt: &[Self], known: impl Fn(u64) -> bool) -> u64 {
        let known = prompt.iter().take_while(|segment| known(segment.content));
        known.map(|segment| u64::from(segment.tokens)).sum()
    }
}
