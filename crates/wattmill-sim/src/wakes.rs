//! When each of many replicas next has something to say.

use wattmill_units::SimTime;

/// The earliest of many instants, each of which may move, at a cost of O(log n) a move.
///
/// A tournament: every node of a binary tree holds the earlier of its two children. Of equal instants
/// the one with the lowest index wins, so that the order is the same everywhere.
///
/// ```
/// use wattmill_sim::Wakes;
/// use wattmill_units::SimTime;
/// let mut wakes = Wakes::new(3);
/// assert_eq!(wakes.earliest(), None);
/// wakes.set(2, SimTime::from_ns(5));
/// wakes.set(0, SimTime::from_ns(9));
/// assert_eq!(wakes.earliest(), Some((2, SimTime::from_ns(5))));
/// wakes.set(2, SimTime::MAX);
/// assert_eq!(wakes.earliest(), Some((0, SimTime::from_ns(9))));
/// ```
#[derive(Clone, Debug)]
pub struct Wakes {
    /// Root at 1, children of `i` at `2i` and `2i + 1`, the instants themselves from `leaves` on.
    tree: Vec<u64>,
    leaves: usize,
}

impl Wakes {
    /// Of `count` that have nothing to say.
    pub fn new(count: u32) -> Self {
        let leaves = (count.max(1) as usize).next_power_of_two();
        Self { tree: vec![u64::MAX; 2 * leaves], leaves }
    }

    /// Moves `index` to `at`; [`SimTime::MAX`] is never.
    #[inline]
    pub fn set(&mut self, index: u32, at: SimTime) {
        let mut node = self.leaves + index as usize;
        let mut value = at.as_ns();
        loop {
            // What is above is already what it would become.
            if self.tree[node] == value {
                return;
            }
            self.tree[node] = value;
            if node == 1 {
                return;
            }
            value = value.min(self.tree[node ^ 1]);
            node /= 2;
        }
    }

    /// Moves `index` to `at` unless it comes sooner.
    #[inline]
    pub fn sooner(&mut self, index: u32, at: SimTime) {
        if at.as_ns() < self.tree[self.leaves + index as usize] {
            self.set(index, at);
        }
    }

    /// Instant of `index`.
    #[inline]
    pub fn at(&self, index: u32) -> SimTime {
        SimTime::from_ns(self.tree[self.leaves + index as usize])
    }

    /// Instant of the earliest, [`SimTime::MAX`] if none has anything to say.
    #[inline]
    pub fn next(&self) -> SimTime {
        SimTime::from_ns(self.tree[1])
    }

    /// The earliest and its instant.
    #[inline]
    pub fn earliest(&self) -> Option<(u32, SimTime)> {
        let next = self.tree[1];
        if next == u64::MAX {
            return None;
        }
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            node += usize::from(self.tree[node] != next);
        }
        Some(((node - self.leaves) as u32, SimTime::from_ns(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_units::Stream;

    #[test]
    fn finds_what_a_look_at_all_finds() {
        for count in [1u32, 2, 3, 17, 64] {
            let mut wakes = Wakes::new(count);
            let mut plain = vec![u64::MAX; count as usize];
            let mut random = Stream::new(3, "wakes", u64::from(count));
            for _ in 0..5_000 {
                let index = random.below(u64::from(count)) as u32;
                let at = if random.below(4) == 0 { u64::MAX } else { random.below(40) };
                if random.below(2) == 0 {
                    wakes.set(index, SimTime::from_ns(at));
                    plain[index as usize] = at;
                } else {
                    wakes.sooner(index, SimTime::from_ns(at));
                    plain[index as usize] = plain[index as usize].min(at);
                }
                let first = (0..).zip(&plain).min_by_key(|(i, at)| (**at, *i));
                let want = first.filter(|(_, at)| **at < u64::MAX);
                let got = wakes.earliest().map(|(i, at)| (i, at.as_ns()));
                assert_eq!(got, want.map(|(i, at)| (i, *at)));
            }
        }
    }
}
