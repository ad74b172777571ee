//! Requests under way.

use wattmill_policy::{Reservation, Segment, Ticket};
use wattmill_units::SimTime;

use crate::{Aside, Request};

/// End of a list.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Between its region and a site, or on its way back from a failure.
    Travelling,
    /// At a pool, for a replica with room.
    Waiting,
    /// At a replica that answers it.
    Serving,
    /// At a replica that computes its prompt.
    Prefilling,
    /// Its prompt is computed, which nobody knows yet.
    Prefilled,
    /// Its prompt is held; a decoding replica was asked for blocks, or is to be once one is open.
    Offered,
    /// It was given blocks, and will be sent at the end of the step under way there.
    Granted,
    /// Its cache is on the link.
    Moving,
    /// Its cache has left its sender.
    Arriving,
    /// At a replica that only decodes it.
    Decoding,
    /// Its replica is done with it, which nobody knows yet.
    Done,
}

/// What a replica keeps a list of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Requests it works on or will.
    Work = 0,
    /// Finished prompts whose cache it holds for another replica.
    Hold = 1,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    after: u32,
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    /// Its entry in the books, until it ends.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) prompt: Vec<Segment>,
    pub(crate) answer: Option<u64>,
    pub(crate) service: u16,
    pub(crate) region: u16,
    /// Pool it was sent to last.
    pub(crate) pool: u16,
    /// Pool and replica that hold the cache of its prompt; [`NOBODY`] if none does.
    pub(crate) holder: u16,
    pub(crate) holds_at: u32,
    /// Blocks held there, and blocks set aside where it is to be decoded.
    pub(crate) held: Aside,
    pub(crate) aside: Aside,
    /// The transfer of its cache.
    pub(crate) flow: u32,
    /// Its bytes.
    pub(crate) cache_bytes: u64,
    pub(crate) stage: Stage,
    pub(crate) resends: u8,
    /// Raised whenever it is taken from where it was, so that older events are void.
    pub(crate) generation: u32,
    pub(crate) preemptions: u32,
    pub(crate) cached_tokens: u32,
    /// One way between its region and its site.
    pub(crate) latency: SimTime,
    /// At the site.
    pub(crate) first_token: SimTime,
    /// Load at the replica that works on it.
    pub(crate) work: Option<Reservation>,
    links: [Links; 2],
}

impl Job {
    pub(crate) const fn new(request: Request, prompt: Vec<Segment>, answer: Option<u64>) -> Self {
        const NONE: Links = Links { before: NOBODY, after: NOBODY };
        Self {
            request,
            ticket: None,
            prompt,
            answer,
            service: 0,
            region: 0,
            pool: 0,
            holder: 0,
            holds_at: NOBODY,
            held: Aside { group: 0, blocks: 0 },
            aside: Aside { group: 0, blocks: 0 },
            flow: 0,
            cache_bytes: 0,
            stage: Stage::Travelling,
            resends: 0,
            generation: 0,
            preemptions: 0,
            cached_tokens: 0,
            latency: SimTime::ZERO,
            first_token: SimTime::ZERO,
            work: None,
            links: [NONE; 2],
        }
    }
}

/// Every request under way, each in a slot that is used again; memory grows with how many there are
/// at once.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    slots: Vec<Job>,
    free: Vec<u32>,
}

impl Jobs {
    #[inline]
    pub(crate) fn add(&mut self, job: Job) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                let generation = self.slots[slot as usize].generation;
                self.slots[slot as usize] = Job { generation, ..job };
                slot
            }
            None => {
                self.slots.push(job);
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Takes a request out; events that name it are void.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32) {
        let job = &mut self.slots[slot as usize];
        job.generation = job.generation.wrapping_add(1);
        job.prompt = Vec::new();
        self.free.push(slot);
    }

    /// How many there are.
    pub(crate) fn live(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64
    }

    /// Each of them with its slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Job)> {
        let mut vacant = vec![false; self.slots.len()];
        self.free.iter().for_each(|slot| vacant[*slot as usize] = true);
        (0..).zip(&self.slots).filter(move |(slot, _)| !vacant[*slot as usize])
    }

    /// The request of an event, unless the event is void.
    #[inline]
    pub(crate) fn current(&mut self, slot: u32, generation: u32) -> Option<&mut Job> {
        let job = &mut self.slots[slot as usize];
        (job.generation == generation).then_some(job)
    }

    /// Puts a request in front of a list.
    #[inline]
    pub(crate) fn enlist(&mut self, list: &mut u32, slot: u32, role: Role) {
        let after = *list;
        if after != NOBODY {
            self.slots[after as usize].links[role as usize].before = slot;
        }
        self.slots[slot as usize].links[role as usize] = Links { before: NOBODY, after };
        *list = slot;
    }

    /// Takes it from there.
    #[inline]
    pub(crate) fn delist(&mut self, list: &mut u32, slot: u32, role: Role) {
        let Links { before, after } = self.slots[slot as usize].links[role as usize];
        if after != NOBODY {
            self.slots[after as usize].links[role as usize].before = before;
        }
        if before == NOBODY {
            *list = after;
        } else {
            self.slots[before as usize].links[role as usize].after = after;
        }
    }

    /// Everything in a list, the oldest first.
    pub(crate) fn listed(&self, list: u32, role: Role) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut slot = list;
        while slot != NOBODY {
            slots.push(slot);
            slot = self.slots[slot as usize].links[role as usize].after;
        }
        slots.reverse();
        slots
    }
}

impl std::ops::Index<u32> for Jobs {
    type Output = Job;
    #[inline]
    fn index(&self, slot: u32) -> &Job {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Jobs {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Job {
        &mut self.slots[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64) -> Job {
        let request = Request { id, arrival: SimTime::ZERO, input: 1, output: 1 };
        Job::new(request, Vec::new(), None)
    }

    #[test]
    fn slots_are_used_again_and_old_events_are_void() {
        let mut jobs = Jobs::default();
        let (a, b) = (jobs.add(job(1)), jobs.add(job(2)));
        let generation = jobs[a].generation;
        assert!(jobs.current(a, generation).is_some());
        jobs.remove(a);
        assert!(jobs.current(a, generation).is_none());
        assert_eq!(jobs.add(job(3)), a);
        assert!(jobs.current(a, generation).is_none());
        assert_eq!(jobs.live(), 2);
        assert_eq!(jobs.iter().map(|(_, job)| job.request.id).collect::<Vec<_>>(), [3, 2]);
        assert_ne!(a, b);
    }

    #[test]
    fn lists_keep_the_order_of_arrival() {
        let mut jobs = Jobs::default();
        let slots: Vec<u32> = (0..5).map(|id| jobs.add(job(id))).collect();
        let (mut work, mut hold) = (NOBODY, NOBODY);
        for slot in &slots {
            jobs.enlist(&mut work, *slot, Role::Work);
            jobs.enlist(&mut hold, *slot, Role::Hold);
        }
        jobs.delist(&mut work, slots[2], Role::Work);
        jobs.delist(&mut work, slots[4], Role::Work);
        jobs.delist(&mut work, slots[0], Role::Work);
        assert_eq!(jobs.listed(work, Role::Work), [slots[1], slots[3]]);
        assert_eq!(jobs.listed(hold, Role::Hold), slots);
    }
}
