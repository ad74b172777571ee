//! Simulated time: integers only, so that the same seed gives the same answer everywhere.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

use crate::Seconds;

/// An instant or a span in whole nanoseconds since the start of a simulation.
///
/// ```
/// use wattmill_units::{Seconds, SimTime};
/// let t = SimTime::from_seconds(Seconds::from_ms(1.5));
/// assert_eq!(t.as_ns(), 1_500_000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

impl SimTime {
    /// The start.
    pub const ZERO: Self = Self(0);
    /// Later than anything: 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// From nanoseconds.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nearest nanosecond; negative and NaN become zero, what is too long becomes [`Self::MAX`].
    pub fn from_seconds(s: Seconds) -> Self {
        Self(nearest(s.as_s() * 1e9))
    }

    /// In nanoseconds.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// As physics sees it.
    pub fn as_seconds(self) -> Seconds {
        Seconds::from_s(self.0 as f64 * 1e-9)
    }

    /// From `earlier` to here, zero if that is not earlier.
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// The later of the two.
    pub fn max(self, other: Self) -> Self {
        Ord::max(self, other)
    }

    /// The earlier of the two.
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }
}

impl Add for SimTime {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_seconds().fmt(f)
    }
}

/// Nearest whole number, halves up; negative and NaN become zero, what is too large `u64::MAX`.
/// What [`f64::round`] says, without a call on machines that have no instruction for it.
///
/// ```
/// use wattmill_units::nearest;
/// assert_eq!([nearest(2.5), nearest(2.4999), nearest(-1.0), nearest(f64::NAN)], [3, 2, 0, 0]);
/// ```
#[inline]
pub const fn nearest(x: f64) -> u64 {
    // From here to twice as far numbers are whole, so that adding it rounds, halves to even.
    const WHOLE: f64 = (1u64 << (f64::MANTISSA_DIGITS - 1)) as f64;
    if x >= 0.0 && x < WHOLE {
        let shifted = x + WHOLE;
        let down = x - (shifted - WHOLE) == 0.5;
        return shifted.to_bits() - WHOLE.to_bits() + down as u64;
    }
    let whole = x as u64;
    whole.saturating_add((x - whole as f64 >= 0.5) as u64)
}

/// A span in 2⁻²⁴ ns: the exact fixed-point unit in which step times are priced and summed.
///
/// Adding integers is associative, so `k` steps summed in closed form equal `k` additions to the
/// last bit, which nanoseconds alone could not promise. A `u64` of it holds eighteen minutes, a
/// step; an engine's clock is a `u128` of it.
///
/// ```
/// use wattmill_units::{Seconds, Ticks};
/// let step = Ticks::from_seconds(Seconds::from_ms(20.0));
/// assert_eq!(step.as_ns(), 20_000_000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(u64);

impl Ticks {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Fractional bits below one nanosecond.
    pub const FRACTION_BITS: u32 = 24;

    /// From the raw count of 2⁻²⁴ ns.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The raw count of 2⁻²⁴ ns.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Nearest tick; negative and NaN become zero, what is too long the longest there is.
    #[inline]
    pub fn from_seconds(s: Seconds) -> Self {
        Self(nearest(s.as_s() * 1e9 * (1u64 << Self::FRACTION_BITS) as f64))
    }

    /// Whole nanoseconds, rounded down.
    pub const fn as_ns(self) -> u64 {
        self.0 >> Self::FRACTION_BITS
    }

    /// As physics sees it.
    pub fn as_seconds(self) -> Seconds {
        Seconds::from_s(self.0 as f64 * (1e-9 / (1u64 << Self::FRACTION_BITS) as f64))
    }
}

impl Add for Ticks {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }
}
impl AddAssign for Ticks {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}
impl Sub for Ticks {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self(self.0.saturating_sub(o.0))
    }
}
impl Mul<u64> for Ticks {
    type Output = Self;
    fn mul(self, k: u64) -> Self {
        Self(self.0.saturating_mul(k))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_become_ends_of_the_scale() {
        assert_eq!(SimTime::from_seconds(Seconds::from_s(-1.0)), SimTime::ZERO);
        assert_eq!(SimTime::from_seconds(Seconds::from_s(f64::NAN)), SimTime::ZERO);
        assert_eq!(SimTime::from_seconds(Seconds::from_s(1e30)), SimTime::MAX);
    }

    #[test]
    fn numbers_are_rounded_as_round_does() {
        let whole =
            [0.0, 1.0, 2.0, 3.0, 1e9, 2e15, 4_503_599_627_370_495.0, 4_503_599_627_370_496.0];
        let parts = [0.0, 0.25, 0.499_999, 0.5, 0.500_001, 0.75];
        let near = whole.into_iter().flat_map(|w| parts.map(|part: f64| w + part));
        let halves = near.flat_map(|x: f64| [x.next_down(), x, x.next_up(), -x]);
        for x in halves.chain([f64::MAX, f64::INFINITY, 1.8e19, -0.0, f64::MIN_POSITIVE]) {
            assert_eq!(nearest(x), x.round() as u64, "{x}");
        }
    }

    #[test]
    fn ticks_keep_what_nanoseconds_lose() {
        let third = Ticks::from_seconds(Seconds::from_s(1e-9 / 3.0));
        assert_eq!(third.as_ns(), 0);
        assert_eq!((third * 3_000_000).as_ns(), 999_999);
    }
}
