//! Division by small numbers without dividing.

/// Numbers below this have a reciprocal.
const KNOWN: usize = 1 << 10;
/// Whole numbers below this are divided by reciprocals: less than 2⁶⁴ over [`KNOWN`].
const MOST: u64 = 1 << 54;
/// 2⁶⁴ over each number, rounded up; 0 where that is no `u64`.
const RECIPROCALS: [u64; KNOWN] = {
    let mut table = [0; KNOWN];
    let mut number = 2;
    while number < KNOWN {
        table[number] = u64::MAX / number as u64 + 1;
        number += 1;
    }
    table
};

/// A number to divide by, taken for 1 where it is 0.
///
/// A processor divides five to ten times as slowly as it multiplies. The product with a reciprocal
/// that is rounded up is too large by less than `x · KNOWN / 2⁶⁴` of one, which is less than what is
/// missing to the next whole number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor {
    number: u64,
    reciprocal: u64,
}

impl Divisor {
    #[inline(always)]
    pub(crate) fn of(number: u32) -> Self {
        let reciprocal = RECIPROCALS.get(number as usize).copied().unwrap_or(0);
        Self { number: u64::from(number.max(1)), reciprocal }
    }

    /// `x` over it, rounded down.
    #[inline(always)]
    pub(crate) const fn quotient(self, x: u64) -> u64 {
        if self.reciprocal == 0 || x >= MOST {
            return x / self.number;
        }
        ((x as u128 * self.reciprocal as u128) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_a_division() {
        for number in (0..2_000).chain([u32::MAX]) {
            let by = u64::from(number.max(1));
            let near = |x: u64| [x.saturating_sub(1), x, x.saturating_add(1)];
            // Where a quotient turns, and where reciprocals end.
            let turns = (0..54).map(|bits| (MOST >> bits) / by * by);
            for x in turns.chain([0, by, 7 * by, MOST, u64::MAX]).flat_map(near) {
                assert_eq!(Divisor::of(number).quotient(x), x / by, "{x} over {number}");
            }
        }
    }
}
