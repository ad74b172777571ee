//! Counts at which a table has entries: each of the first, then so many in every octave.

/// Where the entries of a table lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spacing {
    /// Logarithm of the count up to which each has an entry of its own.
    pub(crate) each: u32,
    /// Logarithm of the entries in an octave beyond.
    pub(crate) octave: u32,
}

impl Spacing {
    /// Counts from 0 to `most` or the first entry beyond it.
    pub(crate) fn counts(self, most: u32) -> Vec<u32> {
        let each = 1 << self.each;
        let mut counts: Vec<u32> = (0..=most.min(each)).collect();
        while let Some(&last) = counts.last()
            && last < most
        {
            let stride = 1 << (last.ilog2() - self.octave);
            counts.push(last.saturating_add(stride));
        }
        counts
    }

    /// The entry at or below `count`, if the table were endless.
    #[inline]
    pub(crate) const fn at_or_below(self, count: u32) -> usize {
        let each = 1 << self.each;
        if count <= each {
            return count as usize;
        }
        let octave = count.ilog2();
        let before = each + ((octave - self.each) << self.octave);
        let beyond = (count - (1 << octave)) >> (octave - self.octave);
        (before + beyond) as usize
    }
}

/// `a` for no part, `b` for all of `whole`, a power of two, and in whole numbers between.
#[inline]
pub(crate) const fn between(a: u64, b: u64, part: u32, whole: u32) -> u64 {
    let rise = (b as i128 - a as i128) * part as i128;
    (a as i128 + (rise >> whole.trailing_zeros())) as u64
}

/// `cost` of `known` units for `count` of them, in proportion.
#[inline]
pub(crate) const fn in_proportion(cost: u64, known: u32, count: u64) -> u64 {
    let known = if known == 0 { 1 } else { known };
    let scaled = cost as u128 * count as u128 / known as u128;
    if scaled > u64::MAX as u128 { u64::MAX } else { scaled as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_lies_at_or_above_its_entry() {
        for spacing in [Spacing { each: 6, octave: 4 }, Spacing { each: 8, octave: 6 }] {
            for most in [1, 2, 64, 65, 256, 300, 5000, 8192] {
                let counts = spacing.counts(most);
                assert!(counts.last().is_some_and(|last| *last >= most));
                for count in 0..=most {
                    let index = spacing.at_or_below(count);
                    assert!(counts[index] <= count, "{count} of {most}");
                    assert!(counts.get(index + 1).is_none_or(|above| *above > count), "{count}");
                }
            }
        }
    }

    #[test]
    fn what_lies_between_is_in_proportion() {
        assert_eq!(between(10, 20, 1, 4), 12);
        assert_eq!(between(20, 10, 1, 4), 17);
        assert_eq!(in_proportion(7, 2, 10), 35);
        assert_eq!(in_proportion(u64::MAX, 1, 2), u64::MAX);
    }
}
