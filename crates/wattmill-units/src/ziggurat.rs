//! Exponential draws without a logarithm: the ziggurat of Marsaglia and Tsang (2000).
//!
//! The area under e⁻ˣ is cut into layers of equal area. A draw picks a layer and a point in it; 99 in
//! 100 points lie where the layer is a rectangle, and cost one multiplication. The layers are worked
//! out by the compiler with additions, multiplications and divisions only, so they are the same
//! numbers everywhere.

/// Layers; the lowest eight bits of a draw pick one.
const LAYERS: usize = 256;
/// Where the lowest layer's tail begins.
const TAIL: f64 = 7.697_117_470_131_05;
/// Area of a layer: that of the lowest, its rectangle and the tail beyond.
const AREA: f64 = TAIL * exp_minus(TAIL) + exp_minus(TAIL);

/// Right ends of the layers, from the bottom up, and the curve's height there.
struct Layers {
    ends: [f64; LAYERS + 1],
    heights: [f64; LAYERS + 1],
}

static TABLE: Layers = layers();

/// Exponential of mean 1, from as many 64-bit draws as it takes.
#[inline]
pub(crate) fn exponential(mut bits: impl FnMut() -> u64) -> f64 {
    let first = bits();
    let layer = (first & (LAYERS as u64 - 1)) as usize;
    let x = unit(first) * TABLE.ends[layer];
    if x < TABLE.ends[layer + 1] { x } else { at_the_edge(layer, x, &mut bits) }
}

/// A point that the layer above does not cover: in the tail, or beside the curve.
#[cold]
fn at_the_edge(mut layer: usize, mut x: f64, bits: &mut impl FnMut() -> u64) -> f64 {
    let mut beyond = 0.0;
    loop {
        if layer == 0 {
            // Nothing remembers how far it came: the tail is the whole curve once more.
            beyond += TAIL;
        } else {
            let (low, high) = (TABLE.heights[layer], TABLE.heights[layer + 1]);
            if low + (high - low) * unit(bits()) < libm::exp(-x) {
                return beyond + x;
            }
        }
        let next = bits();
        layer = (next & (LAYERS as u64 - 1)) as usize;
        x = unit(next) * TABLE.ends[layer];
        if x < TABLE.ends[layer + 1] {
            return beyond + x;
        }
    }
}

/// Uniform in [0, 1), from the bits that pick no layer.
#[inline]
const fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

const fn layers() -> Layers {
    let mut ends = [0.0; LAYERS + 1];
    let mut heights = [1.0; LAYERS + 1];
    // The lowest layer is drawn from as if it were a rectangle of its area.
    ends[0] = AREA / exp_minus(TAIL);
    ends[1] = TAIL;
    heights[0] = 0.0;
    heights[1] = exp_minus(TAIL);
    let mut i = 1;
    while i + 1 < LAYERS {
        heights[i + 1] = heights[i] + AREA / ends[i];
        ends[i + 1] = minus_ln(heights[i + 1], ends[i]);
        i += 1;
    }
    Layers { ends, heights }
}

/// e⁻ˣ for small positive x: a Taylor series of a thousandth of it, raised again.
const fn exp_minus(x: f64) -> f64 {
    const HALVINGS: u32 = 10;
    let y = -x / (1u64 << HALVINGS) as f64;
    // As e^y - 1, so that raising it does not magnify the rounding of a number near one.
    let mut term = y;
    let mut sum = y;
    let mut n = 2.0;
    while n < 12.0 {
        term *= y / n;
        sum += term;
        n += 1.0;
    }
    let mut i = 0;
    while i < HALVINGS {
        sum *= 2.0 + sum;
        i += 1;
    }
    1.0 + sum
}

/// -ln(y) by Newton's method, from a guess above it.
const fn minus_ln(y: f64, guess: f64) -> f64 {
    let mut x = guess;
    let mut i = 0;
    while i < 12 {
        x += 1.0 - y / exp_minus(x);
        i += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn layers_have_one_area_and_end_at_the_top() {
        assert!((exp_minus(TAIL) / libm::exp(-TAIL) - 1.0).abs() < 1e-12);
        assert!((TABLE.ends[5] + libm::log(TABLE.heights[5])).abs() < 1e-12);
        for i in 1..LAYERS {
            let area = TABLE.ends[i] * (TABLE.heights[i + 1] - TABLE.heights[i]);
            // The topmost takes what rounding left: a tail that began elsewhere would show here.
            assert!((area / AREA - 1.0).abs() < 1e-8, "{i}: {area} of {AREA}");
        }
        assert!(TABLE.ends.windows(2).all(|w| w[0] > w[1]));
    }

    #[test]
    fn the_first_draws_are_pinned() {
        let mut stream = Stream::new(42, "exponential", 0);
        let drawn: Vec<u64> = (0..4).map(|_| stream.exponential().to_bits()).collect();
        assert_eq!(drawn, PINNED);
    }
    const PINNED: [u64; 4] =
        [4607016403080281642, 4604707641461392220, 4608735155809186042, 4602985628368849967];

    /// Kolmogorov and Smirnov: the largest distance from the true distribution; and the tail apart,
    /// where one in two thousand draws lies.
    #[test]
    fn draws_are_exponential_from_end_to_end() {
        const N: usize = 1 << 20;
        let mut stream = Stream::new(3, "exponential", 0);
        let mut drawn: Vec<f64> = (0..N).map(|_| stream.exponential()).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let distance = (0..N)
            .map(|i| ((i as f64 + 0.5) / N as f64 - (1.0 - libm::exp(-drawn[i]))).abs())
            .fold(0.0, f64::max);
        // Exceeded by one seed in a thousand.
        assert!(distance < 1.95 / libm::sqrt(N as f64), "{distance}");
        let beyond: Vec<f64> = drawn.iter().filter(|x| **x >= TAIL).map(|x| x - TAIL).collect();
        let expected = N as f64 * libm::exp(-TAIL);
        let count = beyond.len() as f64;
        assert!((count - expected).abs() < 4.0 * libm::sqrt(expected), "{count} of {expected}");
        let mean = beyond.iter().sum::<f64>() / count;
        assert!((mean - 1.0).abs() < 4.0 / libm::sqrt(count), "{mean}");
    }
}
