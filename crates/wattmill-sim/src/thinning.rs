//! Part of a trace: which requests stay.

use wattmill_units::scramble;

/// Keeps a share of what has a number, always the same ones.
///
/// Whoever is kept depends on its number and the seed alone, not on how many came before; what a
/// smaller share keeps a larger one keeps too. To thin sessions, ask with the session's number, or
/// conversations lose turns.
///
/// ```
/// use wattmill_sim::Thinning;
/// let (tenth, third) = (Thinning::new(7, 0.1), Thinning::new(7, 0.3));
/// let kept = (0..100_000).filter(|id| tenth.keeps(*id)).count();
/// assert!((kept as f64 / 10_000.0 - 1.0).abs() < 0.03);
/// assert!((0..100_000).all(|id| third.keeps(id) || !tenth.keeps(id)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinning {
    seed: u64,
    /// Kept if the number's hash is at most this; `None` keeps nothing.
    most: Option<u64>,
}

impl Thinning {
    /// Keeps the fraction `keep` of world `seed`: nothing at 0 or less, everything at 1 or more.
    pub fn new(seed: u64, keep: f64) -> Self {
        let most = (keep > 0.0).then_some((keep * 18_446_744_073_709_551_616.0) as u64);
        Self { seed: scramble(seed), most }
    }

    /// Whether number `id` stays.
    #[inline]
    pub const fn keeps(&self, id: u64) -> bool {
        match self.most {
            // Scrambled once more, as two worlds would keep the same if their seeds were close.
            Some(most) => scramble(scramble(id) ^ self.seed) <= most,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_keep_nothing_and_everything() {
        for keep in [0.0, -1.0, f64::NAN] {
            assert!((0..1000).all(|id| !Thinning::new(1, keep).keeps(id)), "{keep}");
        }
        for keep in [1.0, 7.0, f64::INFINITY] {
            assert!((0..1000).all(|id| Thinning::new(1, keep).keeps(id)), "{keep}");
        }
    }

    #[test]
    fn the_share_is_kept_and_worlds_differ() {
        let n = 200_000u64;
        for keep in [0.001, 0.1, 0.5, 0.9] {
            let (one, other) = (Thinning::new(1, keep), Thinning::new(2, keep));
            let kept = (0..n).filter(|id| one.keeps(*id)).count() as f64;
            let expected = n as f64 * keep;
            let deviation = (expected * (1.0 - keep)).sqrt();
            assert!((kept - expected).abs() < 4.0 * deviation, "{keep}: {kept}");
            let both = (0..n).filter(|id| one.keeps(*id) && other.keeps(*id)).count() as f64;
            let shared = n as f64 * keep * keep;
            assert!((both - shared).abs() < 4.0 * shared.sqrt() + 1.0, "{keep}: {both}");
        }
    }
}
