//! What must add up, and whether it does.

/// One thing that is conserved: what came in against what it went into.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// Such as `energy`.
    pub what: &'static str,
    /// Unit of both sides.
    pub unit: &'static str,
    /// Sum of the sources.
    pub sources: f64,
    /// Sum of the uses.
    pub uses: f64,
}

impl Balance {
    /// Largest difference, as a fraction of the sources, that counts as rounding.
    pub const TOLERANCE: f64 = 1e-9;

    /// Difference as a fraction of the larger side, 0 for nothing against nothing.
    pub fn error(&self) -> f64 {
        let scale = self.sources.abs().max(self.uses.abs());
        if scale == 0.0 { 0.0 } else { (self.sources - self.uses).abs() / scale }
    }

    /// Whether it closes.
    pub fn closes(&self) -> bool {
        self.error() <= Self::TOLERANCE
    }
}
