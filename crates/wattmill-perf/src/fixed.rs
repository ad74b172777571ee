//! Fixed-point slopes: what one more unit of work costs, in integers.

/// Fractional bits of a [`Slope`].
const SLOPE_BITS: u32 = 16;

/// Ticks (or nanojoules) per unit of work with sixteen more fractional bits, so that one rounding of
/// the slope stays invisible after multiplying by millions of units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slope(u64);

impl Slope {
    /// Nearest slope; negative and NaN become zero.
    pub(crate) fn rounded(per_unit: f64) -> Self {
        Self((per_unit * (1u64 << SLOPE_BITS) as f64).round() as u64)
    }

    /// Whole ticks, or nanojoules, of `units` of work, rounded down; what is too long becomes the longest there is.
    #[inline]
    pub(crate) const fn times(self, units: u64) -> u64 {
        let ticks = (self.0 as u128 * units as u128) >> SLOPE_BITS;
        if ticks > u64::MAX as u128 { u64::MAX } else { ticks as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_rounds_once_and_saturates() {
        assert_eq!(Slope::rounded(1.0 / 3.0).times(3_000_000), 999_984);
        assert_eq!(Slope::rounded(1e9).times(u64::MAX), u64::MAX);
        assert_eq!(Slope::rounded(f64::NAN).times(7), 0);
    }
}
