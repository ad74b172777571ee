//! The hash of an answer: proof that two runs gave the same one.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

/// Accumulates the integers of an answer, in order. Not cryptographic.
///
/// ```
/// use wattmill_units::AnswerHash;
/// let mut a = AnswerHash::new();
/// a.add(3);
/// a.add(4);
/// let mut b = AnswerHash::new();
/// b.add(4);
/// b.add(3);
/// assert_ne!(a.finish(), b.finish());
/// ```
#[derive(Clone)]
pub struct AnswerHash(Xxh3);

impl AnswerHash {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self(Xxh3::new())
    }

    /// Adds one integer.
    pub fn add(&mut self, value: u64) {
        self.0.update(&value.to_le_bytes());
    }

    /// Adds one float by its bits.
    pub fn add_f64(&mut self, value: f64) {
        self.add(value.to_bits());
    }

    /// Adds a text and its length.
    pub fn add_text(&mut self, text: &str) {
        self.add(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// The hash so far.
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}

impl Default for AnswerHash {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AnswerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerHash({:016x})", self.finish())
    }
}
