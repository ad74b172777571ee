//! Who leaves the batch after which step.

/// End of a list.
const NONE: u32 = u32::MAX;
const SLOTS: usize = 512;
const WORDS: usize = SLOTS / 64;

/// Seats filed by the step after which they leave, in a ring of [`SLOTS`] lists.
///
/// A seat due more than a revolution ahead waits in its slot and is filed again each time the slot
/// comes up, so there is no horizon; answers are rarely that long.
#[derive(Clone, Debug)]
pub(crate) struct Leavers {
    /// First seat of each slot's list; empty until a seat is filed, so that a fleet's replicas cost
    /// no memory before they run.
    heads: Vec<u32>,
    occupied: [u64; WORDS],
    /// By seat.
    filed: Vec<Filed>,
}

/// Where a seat is filed.
#[derive(Clone, Copy, Debug)]
struct Filed {
    /// Step after which it leaves.
    due: u64,
    /// Next seat of the same list.
    next: u32,
}

impl Leavers {
    pub(crate) fn new() -> Self {
        Self { heads: Vec::new(), occupied: [0; WORDS], filed: Vec::new() }
    }

    /// Files `seat` to leave when the step counter reaches `due`.
    #[inline]
    pub(crate) fn file(&mut self, seat: u32, due: u64) {
        if self.filed.len() <= seat as usize {
            self.filed.resize(seat as usize + 1, Filed { due: 0, next: NONE });
        }
        if self.heads.is_empty() {
            self.heads.resize(SLOTS, NONE);
        }
        let slot = due as usize % SLOTS;
        self.filed[seat as usize] = Filed { due, next: self.heads[slot] };
        self.heads[slot] = seat;
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// When `seat` is due.
    #[inline]
    pub(crate) fn due(&self, seat: u32) -> u64 {
        self.filed[seat as usize].due
    }

    /// Takes one seat that is due at `step`, if there is one left.
    #[inline]
    pub(crate) fn take(&mut self, step: u64) -> Option<u32> {
        let slot = step as usize % SLOTS;
        if self.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
            return None;
        }
        let mut seat = self.heads[slot];
        if self.filed[seat as usize].due == step {
            self.heads[slot] = self.filed[seat as usize].next;
        } else {
            // The head waits for a later revolution: look behind it.
            let mut before = seat;
            loop {
                seat = self.filed[before as usize].next;
                if seat == NONE {
                    return None;
                }
                if self.filed[seat as usize].due == step {
                    break;
                }
                before = seat;
            }
            self.filed[before as usize].next = self.filed[seat as usize].next;
        }
        if self.heads[slot] == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
        Some(seat)
    }

    /// Unfiles `seat` before it is due.
    pub(crate) fn remove(&mut self, seat: u32) {
        let slot = self.filed[seat as usize].due as usize % SLOTS;
        if self.heads[slot] == seat {
            self.heads[slot] = self.filed[seat as usize].next;
        } else {
            let mut before = self.heads[slot];
            while self.filed[before as usize].next != seat {
                before = self.filed[before as usize].next;
            }
            self.filed[before as usize].next = self.filed[seat as usize].next;
        }
        if self.heads[slot] == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
        }
    }

    /// Steps from `step` to the next one with something filed in its slot, at least 1 and at most
    /// one revolution: nobody leaves sooner.
    #[inline]
    pub(crate) fn distance(&self, step: u64) -> u64 {
        let start = (step as usize + 1) % SLOTS;
        let first = self.occupied[start / 64] >> (start % 64);
        if first != 0 {
            return 1 + u64::from(first.trailing_zeros());
        }
        let mut distance = 1 + (64 - start % 64);
        for i in 1..=WORDS {
            let word = self.occupied[(start / 64 + i) % WORDS];
            if word != 0 {
                return (distance + word.trailing_zeros() as usize).min(SLOTS) as u64;
            }
            distance += 64;
        }
        SLOTS as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_units::Stream;

    #[test]
    fn behaves_like_a_plain_list() {
        let mut ring = Leavers::new();
        let mut plain: Vec<(u64, u32)> = Vec::new();
        let mut random = Stream::new(5, "leavers", 0);
        let mut step = 0u64;
        let mut seat = 0;
        for _ in 0..20_000 {
            match random.below(4) {
                0 | 1 => {
                    let reach = if random.below(10) == 0 { 3_000 } else { 300 };
                    let due = step + 1 + random.below(reach);
                    ring.file(seat, due);
                    plain.push((due, seat));
                    seat += 1;
                }
                2 if !plain.is_empty() => {
                    let i = random.below(plain.len() as u64) as usize;
                    ring.remove(plain.swap_remove(i).1);
                }
                _ => {
                    let nearest = plain.iter().map(|p| p.0).min();
                    let distance = ring.distance(step);
                    assert!(nearest.is_none_or(|due| step + distance <= due));
                    step += 1 + random.below(distance);
                    let mut due: Vec<u32> = std::iter::from_fn(|| ring.take(step)).collect();
                    due.sort_unstable();
                    let mut want: Vec<u32> =
                        plain.iter().filter(|p| p.0 == step).map(|p| p.1).collect();
                    want.sort_unstable();
                    plain.retain(|p| p.0 != step);
                    assert_eq!(due, want);
                }
            }
        }
    }
}
