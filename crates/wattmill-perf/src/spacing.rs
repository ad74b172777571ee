//! Counts at which a table has entries: each of the first, then so many in every octave.

use std::hint::select_unpredictable;

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

    /// Where `count` lies, if the table were endless. Counts come as they please, so that nothing here
    /// is left for a processor to guess.
    #[inline(always)]
    pub(crate) fn place(self, count: u32) -> Place {
        let each = 1u32 << self.each;
        let octave = (count | each).ilog2();
        let octaves = octave - self.octave;
        let before = each + ((octave - self.each) << self.octave);
        let beyond = count.wrapping_sub(1 << octave);
        let own = count <= each;
        Place {
            entry: select_unpredictable(own, count, before + (beyond >> octaves)) as usize,
            part: select_unpredictable(own, 0, beyond & ((1 << octaves) - 1)),
            octaves,
        }
    }
}

/// Where a count lies among the entries of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The entry at or below it.
    pub(crate) entry: usize,
    /// How far above that entry.
    part: u32,
    /// Logarithm of what lies between that entry and the next.
    octaves: u32,
}

impl Place {
    /// Whether it is the count of the entry itself.
    #[inline]
    pub(crate) const fn is_entry(self) -> bool {
        self.part == 0
    }

    /// `a` at the entry, `b` at the next, which are less than 2⁶³ apart, and in whole numbers between.
    #[inline(always)]
    pub(crate) const fn between(self, a: u64, b: u64) -> u64 {
        let rise = b.wrapping_sub(a).cast_signed() as i128 * self.part as i128;
        // Less than 32, which spares the shift of another word.
        a.wrapping_add((rise >> (self.octaves & 31)) as u64)
    }
}

/// `cost` of `known` units for `count` of them, in proportion.
#[cold]
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
                    let place = spacing.place(count);
                    let below = counts[place.entry];
                    assert_eq!(count - below, place.part, "{count} of {most}");
                    let above = counts.get(place.entry + 1);
                    assert!(above.is_none_or(|above| *above > count), "{count} of {most}");
                    let whole = above.map_or(0, |above| above - below);
                    assert!(place.is_entry() || whole == 1 << place.octaves, "{count} of {most}");
                }
            }
        }
    }

    #[test]
    fn what_lies_between_is_in_proportion() {
        let place = Place { entry: 0, part: 1, octaves: 2 };
        assert_eq!((place.between(10, 20), place.between(20, 10)), (12, 17));
        assert_eq!(in_proportion(7, 2, 10), 35);
        assert_eq!(in_proportion(u64::MAX, 1, 2), u64::MAX);
    }
}
