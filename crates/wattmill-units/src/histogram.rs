//! A mergeable histogram of times.

/// Counts of `u64` values in logarithmic buckets of at most 1/128 relative width, in fixed memory.
///
/// Merging is exact and order-free: a sharded run and a whole one give the same histogram. A
/// quantile is the middle of its bucket, hence within 0.4 % of the true one; minimum, maximum and
/// mean are exact.
///
/// ```
/// use wattmill_units::Histogram;
/// let mut h = Histogram::new();
/// h.record(1_000, 98);
/// h.record(5_000, 2);
/// assert_eq!(h.count(), 100);
/// assert!((h.quantile(0.5) as f64 / 1_000.0 - 1.0).abs() < 0.004);
/// assert_eq!(h.mean(), 1_080.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// Sub-buckets per power of two, as a power of two.
const PRECISION: u32 = 7;
const LEN: usize = ((64 - PRECISION as usize) + 1) << PRECISION;

impl Histogram {
    /// Empty.
    pub fn new() -> Self {
        Self { buckets: vec![0; LEN], count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    const fn bucket(value: u64) -> usize {
        // Below 2^PRECISION every value has a bucket of its own.
        let log = 63 - (value | 1).leading_zeros();
        if log < PRECISION {
            return value as usize;
        }
        let shift = log - PRECISION;
        (((shift + 1) as usize) << PRECISION) + ((value >> shift) as usize - (1 << PRECISION))
    }

    /// Smallest value that falls into the bucket after `value`'s.
    ///
    /// Lets a caller who records a rising sequence do so bucket by bucket.
    pub const fn bucket_end(value: u64) -> u64 {
        let log = 63 - (value | 1).leading_zeros();
        if log < PRECISION {
            return value + 1;
        }
        let shift = log - PRECISION;
        ((value >> shift) + 1) << shift
    }

    fn middle(bucket: usize) -> u64 {
        let (group, offset) = (bucket >> PRECISION, (bucket & ((1 << PRECISION) - 1)) as u64);
        if group == 0 {
            return offset;
        }
        let shift = group as u32 - 1;
        let low = ((1 << PRECISION) + offset) << shift;
        low + ((1u64 << shift) - 1) / 2
    }

    /// Records `value` `times` over.
    #[inline]
    pub fn record(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.buckets[Self::bucket(value)] += times;
        self.count += times;
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Records `times` values of one bucket whose sum is `sum`, the smallest `low`, the largest
    /// `high`.
    #[inline]
    pub fn record_run(&mut self, low: u64, high: u64, times: u64, sum: u128) {
        debug_assert!(Self::bucket(low) == Self::bucket(high));
        self.buckets[Self::bucket(low)] += times;
        self.count += times;
        self.sum += sum;
        self.min = self.min.min(low);
        self.max = self.max.max(high);
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Exact sum.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// Exact mean, 0 if empty.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// Exact maximum, 0 if empty.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Exact minimum, 0 if empty.
    pub const fn min(&self) -> u64 {
        if self.count == 0 { 0 } else { self.min }
    }

    /// The value below or at which a fraction `q` of the values lies, within half a bucket; 0 if
    /// empty.
    pub fn quantile(&self, q: f64) -> u64 {
        if self.count == 0 {
            return 0;
        }
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        for (bucket, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Self::middle(bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// How many values are at most `limit`, to within the bucket of `limit`.
    pub fn count_at_most(&self, limit: u64) -> u64 {
        if limit >= self.max {
            return self.count;
        }
        self.buckets[..=Self::bucket(limit)].iter().sum()
    }

    /// Middle value and count of every bucket that holds something, rising.
    pub fn nonempty(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.iter().enumerate().filter(|(_, n)| **n > 0).map(|(b, n)| (Self::middle(b), *n))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_tile_the_line() {
        for value in (0..100_000).chain([u64::MAX - 1, u64::MAX / 3, 1 << 40]) {
            let bucket = Histogram::bucket(value);
            assert_eq!(Histogram::bucket(Histogram::middle(bucket)), bucket, "{value}");
            let end = Histogram::bucket_end(value);
            if end != 0 {
                assert_eq!(Histogram::bucket(end), bucket + 1, "{value}");
                assert_eq!(Histogram::bucket(end - 1), bucket, "{value}");
            }
        }
        assert_eq!(Histogram::bucket(u64::MAX), LEN - 1);
    }

    #[test]
    fn quantiles_are_within_half_a_bucket() {
        let mut h = Histogram::new();
        let values: Vec<u64> = (1..=10_000u64).map(|i| i * i).collect();
        values.iter().for_each(|v| h.record(*v, 1));
        for q in [0.0, 0.01, 0.5, 0.9, 0.99, 1.0] {
            let rank = ((q * 10_000.0_f64).ceil() as usize).max(1);
            let (got, want) = (h.quantile(q) as f64, values[rank - 1] as f64);
            assert!((got / want - 1.0).abs() < 1.0 / 256.0, "{q}: {got} {want}");
        }
    }

    #[test]
    fn merging_is_recording() {
        let (mut a, mut b, mut both) = (Histogram::new(), Histogram::new(), Histogram::new());
        for i in 0..1000u64 {
            if i % 3 == 0 {
                a.record(i * 77, i)
            } else {
                b.record(i * 77, i)
            }
            both.record(i * 77, i);
        }
        a.merge(&b);
        assert_eq!(a, both);
    }
}
