//! What is not known exactly: a number as a distribution.

use crate::random::Stream;

/// Normal score at which tails end: one draw in a thousand lies at either end.
const TAIL_SCORE: f64 = 3.090_232_306_167_813;
/// Normal score of the 90th percentile.
const P90_SCORE: f64 = 1.281_551_565_544_600_4;

/// A number that is not known exactly. Every one has a lowest and a highest value.
///
/// ```
/// use wattmill_units::Distribution;
/// let price = Distribution::Quantiles { p10: 30.0, p50: 47.0, p90: 80.0 };
/// assert_eq!(price.median(), 47.0);
/// assert!((price.quantile(0.9) - 80.0).abs() < 1e-9);
/// assert!(price.ends().1 > 80.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Anything between the two is as likely.
    Uniform {
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// Rises evenly to the mode and falls evenly from it.
    Triangular {
        /// Lowest.
        low: f64,
        /// Most likely.
        mode: f64,
        /// Highest.
        high: f64,
    },
    /// Two halves of normal distributions that meet in the median and pass through the other two
    /// quantiles, ending where one draw in a thousand would lie beyond.
    Quantiles {
        /// One in ten is lower.
        p10: f64,
        /// Median.
        p50: f64,
        /// One in ten is higher.
        p90: f64,
    },
    /// Its logarithm is normal, up to the one draw in a thousand beyond either end. Both are
    /// positive.
    Lognormal {
        /// Median.
        p50: f64,
        /// One in ten is higher.
        p90: f64,
    },
    /// One of several values, in rising order, each with the chance that it or a lower one is
    /// drawn; the last chance is 1.
    Discrete(Vec<(f64, f64)>),
}

impl Distribution {
    /// Median and 90th percentile of something that cannot be below zero: the lower half reaches
    /// down to zero, the upper half is as in [`Distribution::Quantiles`].
    pub fn from_zero(p50: f64, p90: f64) -> Self {
        Self::Quantiles { p10: p50 * (1.0 - P90_SCORE / TAIL_SCORE), p50, p90 }
    }

    /// The value that a fraction `u` of all draws stays below. Never falls as `u` rises.
    pub fn quantile(&self, u: f64) -> f64 {
        let u = u.clamp(0.0, 1.0);
        match self {
            Self::Uniform { low, high } => low + (high - low) * u,
            Self::Triangular { low, mode, high } => {
                let width = high - low;
                if width <= 0.0 {
                    return *low;
                }
                let at_mode = (mode - low) / width;
                if u < at_mode {
                    low + libm::sqrt(u * width * (mode - low))
                } else {
                    high - libm::sqrt((1.0 - u) * width * (high - mode))
                }
            }
            Self::Quantiles { p10, p50, p90 } => {
                let score = tail(u);
                let side = if score < 0.0 { p50 - p10 } else { p90 - p50 };
                p50 + side * (score / P90_SCORE)
            }
            Self::Lognormal { p50, p90 } => {
                let deviation = libm::log(p90 / p50) / P90_SCORE;
                p50 * libm::exp(deviation * tail(u))
            }
            Self::Discrete(values) => {
                let at = values.partition_point(|(_, chance)| *chance < u);
                values.get(at).or(values.last()).map_or(0.0, |(value, _)| *value)
            }
        }
    }

    /// What a plan takes that draws nothing.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Lowest and highest value.
    pub fn ends(&self) -> (f64, f64) {
        (self.quantile(0.0), self.quantile(1.0))
    }
}

fn tail(u: f64) -> f64 {
    normal_score(u).clamp(-TAIL_SCORE, TAIL_SCORE)
}

/// The value that a fraction `u` of a normal distribution of mean 0 and deviation 1 stays below;
/// infinite at 0 and 1. Acklam's rational approximation (2003), refined once.
pub fn normal_score(u: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const LOW: f64 = 0.024_25;
    if u <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if u >= 1.0 {
        return f64::INFINITY;
    }
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    let far = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    let x = if u < LOW {
        far(u)
    } else if u > 1.0 - LOW {
        -far(1.0 - u)
    } else {
        let q = u - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    };
    let error = normal_share(x) - u;
    let step = error * libm::sqrt(std::f64::consts::TAU) * libm::exp(x * x / 2.0);
    x - step / (1.0 + x * step / 2.0)
}

/// Fraction of a normal distribution of mean 0 and deviation 1 below `score`.
pub fn normal_share(score: f64) -> f64 {
    0.5 * libm::erfc(-score * std::f64::consts::FRAC_1_SQRT_2)
}

/// A number between 0 and 1 by name: what [`Stream`] draws first for (seed, name, sample).
/// The same name draws the same in every factory.
///
/// ```
/// use wattmill_units::draw;
/// assert_eq!(draw(1, "site.a.grid.price", 7), draw(1, "site.a.grid.price", 7));
/// assert_ne!(draw(1, "site.a.grid.price", 7), draw(1, "site.a.grid.price", 8));
/// ```
pub fn draw(seed: u64, name: &str, sample: u64) -> f64 {
    Stream::new(seed, name, sample).uniform()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_shares_undo_each_other() {
        for u in [1e-9, 1e-4, 0.02, 0.1, 0.5, 0.7, 0.975, 0.999_9] {
            let back = normal_share(normal_score(u));
            assert!((back / u - 1.0).abs() < 1e-12, "{u}: {back}");
        }
        // Tables of the normal distribution.
        assert!((normal_score(0.9) - P90_SCORE).abs() < 1e-13);
        assert!((normal_score(0.999) - TAIL_SCORE).abs() < 1e-12);
        assert!((normal_score(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_what_they_say_and_never_fall() {
        let all = [
            Distribution::Uniform { low: -1.0, high: 3.0 },
            Distribution::Triangular { low: 1.0, mode: 2.0, high: 6.0 },
            Distribution::Triangular { low: 1.0, mode: 1.0, high: 6.0 },
            Distribution::Triangular { low: 2.0, mode: 2.0, high: 2.0 },
            Distribution::Quantiles { p10: -3.0, p50: 1.0, p90: 2.0 },
            Distribution::from_zero(0.0, 365.0),
            Distribution::from_zero(60.0, 270.0),
            Distribution::Lognormal { p50: 60.0, p90: 270.0 },
            Distribution::Discrete(vec![(1.0, 0.25), (4.0, 0.75), (9.0, 1.0)]),
        ];
        for distribution in &all {
            let mut before = f64::NEG_INFINITY;
            for step in 0..=1000 {
                let value = distribution.quantile(f64::from(step) / 1000.0);
                assert!(value >= before && value.is_finite(), "{distribution:?} at {step}");
                before = value;
            }
        }
        assert_eq!(all[1].quantile(0.2), 2.0, "a fifth of the triangle lies below its mode");
        assert!((all[6].quantile(0.9) - 270.0).abs() < 1e-9);
        assert!(all[6].ends().0.abs() < 1e-9);
        assert_eq!(all[5].median(), 0.0);
        assert!((all[7].quantile(0.9) - 270.0).abs() < 1e-9);
        assert_eq!([0.2, 0.25, 0.26, 0.99].map(|u| all[8].quantile(u)), [1.0, 1.0, 4.0, 9.0]);
    }
}
