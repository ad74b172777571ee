//! A small distribution: what fits into a row of a time series.

use wattmill_units::SimTime;

/// Sub-buckets per power of two, as a power of two.
const PRECISION: u32 = 4;

/// Counts of times in logarithmic buckets of at most 1/16 relative width, of which only those that
/// hold something take room.
///
/// A quantile is the middle of its bucket, hence within about 3 % of the true one. Merging is exact
/// and order-free. [`Histogram`](wattmill_units::Histogram) is the finer one, of fixed size.
///
/// ```
/// use wattmill_sim::Sketch;
/// use wattmill_units::SimTime;
/// let mut sketch = Sketch::default();
/// (1..=100u64).for_each(|ms| sketch.record(SimTime::from_ns(ms * 1_000_000)));
/// let median = sketch.quantile(0.5).unwrap().as_seconds().as_ms();
/// assert!((median / 50.0 - 1.0).abs() < 0.035, "{median}");
/// assert_eq!(Sketch::default().quantile(0.5), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Bucket and count, by bucket.
    counts: Vec<(u16, u32)>,
}

const fn bucket(ns: u64) -> u16 {
    let log = 63 - (ns | 1).leading_zeros();
    if log < PRECISION {
        return ns as u16;
    }
    let shift = log - PRECISION;
    (((shift + 1) << PRECISION) as u64 + ((ns >> shift) - (1 << PRECISION))) as u16
}

const fn middle(bucket: u16) -> u64 {
    let (group, offset) = (bucket >> PRECISION, (bucket & ((1 << PRECISION) - 1)) as u64);
    if group == 0 {
        return offset;
    }
    let shift = group as u32 - 1;
    (((1 << PRECISION) + offset) << shift) + ((1u64 << shift) - 1) / 2
}

impl Sketch {
    /// Adds one.
    #[inline]
    pub fn record(&mut self, time: SimTime) {
        self.add(bucket(time.as_ns()), 1);
    }

    fn add(&mut self, bucket: u16, count: u32) {
        match self.counts.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(count),
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The time below or at which a fraction `q` of them lies; `None` of none.
    pub fn quantile(&self, q: f64) -> Option<SimTime> {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        self.counts.iter().find_map(|(bucket, n)| {
            seen += u64::from(*n);
            (seen >= rank).then(|| SimTime::from_ns(middle(*bucket)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_middle() {
        for ns in (0..10_000).chain([1 << 40, u64::MAX / 3, u64::MAX]) {
            assert_eq!(bucket(middle(bucket(ns))), bucket(ns), "{ns}");
            let off = (middle(bucket(ns)) as f64 - ns as f64).abs();
            assert!(off <= ns as f64 / 31.0, "{ns}: {off}");
        }
    }

    #[test]
    fn merging_is_recording() {
        let (mut a, mut b, mut both) = <(Sketch, Sketch, Sketch)>::default();
        for i in 0..500u64 {
            let time = SimTime::from_ns(i * i * 77);
            if i % 3 == 0 {
                a.record(time)
            } else {
                b.record(time)
            }
            both.record(time);
        }
        a.merge(&b);
        assert_eq!((a.count(), &a), (500, &both));
    }
}
