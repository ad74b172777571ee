//! What prompts have in common.

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
    /// Tokens of the longest beginning of `prompt` whose segments are all `known`.
    pub fn shared(prompt: &[Self], known: impl Fn(u64) -> bool) -> u64 {
        let known = prompt.iter().take_while(|segment| known(segment.content));
        known.map(|segment| u64::from(segment.tokens)).sum()
    }
}
