//! Named streams of random numbers.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ziggurat;

/// One stream of random numbers, named by (seed, kind, id).
///
/// Streams of different names are independent, so adding a consumer never changes what another
/// draws. Transcendental functions come from `libm`, not the platform, so that the same name gives
/// the same numbers on every machine.
///
/// ```
/// use wattmill_units::Stream;
/// let mut a = Stream::new(7, "arrivals", 0);
/// let mut b = Stream::new(7, "arrivals", 0);
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert_ne!(Stream::new(7, "lengths", 0).next_u64(), a.next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream `kind`/`id` of the world `seed`.
    pub fn new(seed: u64, kind: &str, id: u64) -> Self {
        let named = xxh3_64_with_seed(kind.as_bytes(), seed);
        Self(Xoshiro256PlusPlus::seed_from_u64(xxh3_64_with_seed(&id.to_le_bytes(), named)))
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..`n` (0 if `n` is 0).
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Exponential of mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        ziggurat::exponential(|| self.next_u64())
    }

    /// Normal of mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Gamma of the given shape (> 0) and mean 1 (Marsaglia and Tsang, 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // Boosted: gamma(a) = gamma(a + 1) · u^(1/a).
            let boost = libm::pow(1.0 - self.uniform(), 1.0 / shape);
            return self.gamma_unscaled(shape + 1.0) * boost / shape;
        }
        self.gamma_unscaled(shape) / shape
    }

    fn gamma_unscaled(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = 1.0 - self.uniform();
            if libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(n: usize, mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let xs: Vec<f64> = (0..n).map(|_| draw()).collect();
        let mean = xs.iter().sum::<f64>() / n as f64;
        let var = xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
        (mean, var)
    }

    #[test]
    fn the_first_numbers_are_pinned() {
        let mut s = Stream::new(42, "arrivals", 3);
        let first: Vec<u64> = (0..3).map(|_| s.next_u64()).collect();
        assert_eq!(first, PINNED);
    }
    const PINNED: [u64; 3] = [4131772039337151125, 63006691666428570, 10631322571721627843];

    #[test]
    fn distributions_have_their_moments() {
        let mut s = Stream::new(1, "test", 0);
        let (mean, var) = moments(200_000, || s.exponential());
        assert!((mean - 1.0).abs() < 0.01 && (var - 1.0).abs() < 0.03, "{mean} {var}");
        for shape in [0.3, 1.0, 4.0] {
            let (mean, var) = moments(200_000, || s.gamma(shape));
            assert!((mean - 1.0).abs() < 0.02, "{shape}: {mean}");
            assert!((var * shape - 1.0).abs() < 0.05, "{shape}: {var}");
        }
        let (mean, var) = moments(200_000, || s.normal());
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.02, "{mean} {var}");
    }
}
