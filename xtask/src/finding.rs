//! What a chore found wrong.

use std::fmt;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A crate, a file, or a line of a file as `path:12`.
    pub(crate) place: String,
    /// What is wrong there, why, and the way out.
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Prints every finding, and fails if there is one.
pub(crate) fn conclude(chore: &str, looked_at: &str, findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        println!("{finding}");
    }
    anyhow::ensure!(findings.is_empty(), "{chore}: {} to repair in {looked_at}", findings.len());
    println!("{chore}: {looked_at} in order");
    Ok(())
}
