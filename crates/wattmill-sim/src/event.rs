//! What happens when: a queue ordered by `(time, sequence)`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wattmill_units::SimTime;

/// Something of which the time is known before it happens.
///
/// Whatever is done to a job in between raises its `generation`, a replica's its `life`; an event of
/// an earlier one is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A request reaches the pool it was sent to.
    Deliver { job: u32, generation: u32 },
    /// Its first token is of no use any more if it has not even begun.
    Expire { job: u32, generation: u32 },
    /// Its first token is there.
    FirstToken { job: u32, generation: u32 },
    /// Its replica is done with it.
    Finish { job: u32, generation: u32 },
    /// The cache of its prompt goes onto the link.
    Send { job: u32, generation: u32 },
    /// The cache of its prompt has arrived.
    Arrived { job: u32, generation: u32 },
    /// A replica breaks.
    Failure { pool: u16, replica: u32, life: u32 },
    /// It is whole again, and off.
    Repaired { pool: u16, replica: u32, life: u32 },
    /// A replica has started and takes requests.
    Started { pool: u16, replica: u32, life: u32 },
    /// A site is lost.
    SiteLost { site: u16 },
    /// A site is back.
    SiteBack { site: u16 },
    /// A pool goes to another power level.
    Level { pool: u16, level: u8 },
    /// The autoscaler of a pool looks at it.
    Scale { pool: u16 },
    /// A row of the time series ends.
    Row,
}

/// Events to come, the earliest first; of equal times the one that was filed first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(SimTime, u64, Event)>>,
    filed: u64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Files `event` for `at`.
    #[inline]
    pub(crate) fn file(&mut self, at: SimTime, event: Event) {
        self.heap.push(Reverse((at, self.filed, event)));
        self.filed += 1;
    }

    /// When the next one happens; [`SimTime::MAX`] if there is none.
    #[inline]
    pub(crate) fn next(&self) -> SimTime {
        self.heap.peek().map_or(SimTime::MAX, |Reverse((at, ..))| *at)
    }

    /// Takes the next one.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<(SimTime, Event)> {
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = Queue::new();
        let at = SimTime::from_ns;
        queue.file(at(7), Event::Row);
        queue.file(at(3), Event::SiteLost { site: 1 });
        queue.file(at(3), Event::SiteBack { site: 0 });
        queue.file(at(3), Event::Row);
        assert_eq!(queue.next(), at(3));
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        let want = [
            (at(3), Event::SiteLost { site: 1 }),
            (at(3), Event::SiteBack { site: 0 }),
            (at(3), Event::Row),
            (at(7), Event::Row),
        ];
        assert_eq!(taken, want);
        assert_eq!(queue.next(), SimTime::MAX);
        assert!(size_of::<(SimTime, u64, Event)>() <= 32);
    }
}
