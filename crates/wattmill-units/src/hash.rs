//! The hash of an answer: proof that two runs gave the same one.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

/// Another number in a fixed order without pattern; no two numbers have the same (the finaliser of
/// splitmix64).
///
/// ```
/// use wattmill_units::scramble;
/// let ones: u32 = (0..1000).map(|i| (scramble(i) ^ scramble(i + 1)).count_ones()).sum();
/// assert!((31_000..33_000).contains(&ones), "half the bits differ");
/// ```
#[inline]
pub const fn scramble(value: u64) -> u64 {
    let mut x = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

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
