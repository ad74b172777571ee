//! Who joins the batch, and with how many blocks.

use wattmill_policy::{Need, Preemption};
use wattmill_units::SimTime;

use super::{PROMPT, Partial, RESIDENT, Rank, Seat, Waiting, ticks_at};
use crate::{Request, Resident, Tally, Usage};

impl Rank {
    /// Drops requests at the head of the queue that no empty replica could hold.
    #[inline(always)]
    pub(super) fn reject_impossible(&mut self, tally: &mut Tally) {
        while let Some(head) = self.desk.inbox.front()
            && !self.limits.can_ever_run(head.input, head.output)
        {
            tally.rejected += 1;
            self.desk.inbox.pop_front();
            if let Some(cache) = &mut self.cache {
                cache.reject();
            }
        }
    }

    /// Likewise of those that come with their cache.
    pub(super) fn reject_impossible_residents(&mut self, tally: &mut Tally) {
        while let Some(Resident { request, .. }) = self.desk.residents.front()
            && !self.limits.can_ever_run(request.input, request.output)
        {
            tally.rejected += 1;
            self.desk.residents.pop_front();
        }
    }

    /// Requests that were not yet admitted; preempted ones were.
    pub(crate) fn queued(&self) -> usize {
        self.desk.inbox.len()
    }

    /// Takes a request that was not yet admitted out of the queue; false if it is not there.
    pub(crate) fn withdraw(&mut self, id: u64) -> bool {
        let place = self.desk.inbox.iter().position(|request| request.id == id);
        let Some(place) = place else { return false };
        self.desk.inbox.remove(place);
        self.cache.iter_mut().for_each(|cache| cache.withdraw(place));
        if place == 0 && self.desk.preempted.is_empty() {
            // Whoever is the head now may need less.
            self.refused[PROMPT] = false;
        }
        true
    }

    pub(super) fn head_is_swapped(&self) -> bool {
        self.desk.preempted.last().is_some_and(|away| away.swapped)
    }

    /// Lets sequences in that come with their cache, for as long as the limits admit them; gives the
    /// arrival of the next one that is known of.
    pub(super) fn admit_residents(
        &mut self,
        clock: u128,
        tally: &mut Tally,
        usage: &mut Usage,
    ) -> Option<SimTime> {
        loop {
            self.reject_impossible_residents(tally);
            // Whoever was preempted goes first, and is waited for.
            let swapped = match self.desk.preempted.last() {
                Some(away) if !away.swapped => return None,
                Some(away) => Some(away.seat),
                None => None,
            };
            let (request, produced) = match (swapped, self.desk.residents.front()) {
                (Some(seat), _) => {
                    let seat = &self.desk.seats[seat as usize];
                    (seat.request, seat.produced)
                }
                (None, Some(next)) if ticks_at(next.ready.as_ns()) > self.composed => {
                    return Some(next.ready);
                }
                (None, Some(next)) => (next.request, next.produced),
                (None, None) => return None,
            };
            let context = u64::from(request.input) + u64::from(produced);
            let left = u64::from(request.output - produced);
            // The block of the token that it decodes next may be one more.
            let blocks = self.limits.blocks_for(context - 1);
            let opened = self.opened()
                + u64::from((context - 1).is_multiple_of(self.limits.block_tokens.into()));
            let room = self.limits.max_tokens - self.decodes.min(self.limits.max_tokens);
            let free = self.free_blocks.saturating_sub(opened);
            let need = Need { blocks, to_come: self.to_come + left };
            if self.refused[RESIDENT] || !self.limits.admits(self.running(), room, free, need) {
                self.refused[RESIDENT] = true;
                return None;
            }
            let seat = match swapped {
                Some(seat) => {
                    self.desk.preempted.pop();
                    self.pay(blocks, usage);
                    seat
                }
                None => {
                    let resident = self.desk.residents.pop_front()?;
                    let seat = self.sit(resident.request);
                    let state = &mut self.desk.seats[seat as usize];
                    state.produced = produced;
                    state.first_token = resident.first_token;
                    state.last_token = ticks_at(resident.first_token.as_ns());
                    if let Some(cache) = &mut self.cache {
                        cache.sit_apart(seat);
                    }
                    seat
                }
            };
            self.take(blocks, usage);
            self.to_come += left;
            self.admitted += 1;
            let state = &mut self.desk.seats[seat as usize];
            state.admission = self.admitted;
            let since = state.last_token;
            self.stall(clock);
            self.desk.stalled.push((since, 1));
            self.join(seat, self.step);
        }
    }

    /// Moves blocks over the host link before the coming step.
    pub(super) fn pay(&mut self, blocks: u64, usage: &mut Usage) {
        if let Preemption::Swap { block } = self.limits.preemption {
            self.toll = self.toll.saturating_add(block.raw().saturating_mul(blocks));
            usage.swapped_blocks += blocks;
        }
    }

    /// Head of the queue of prompts: what it could do now, beside `running` sequences, with `room`
    /// tokens of the step and `free` blocks left.
    #[inline]
    pub(super) fn head(
        &mut self,
        running: u32,
        room: u32,
        free: u64,
        clock: u128,
        tally: &mut Tally,
    ) -> Waiting {
        let (prompt, left, seat) = if let Some(away) = self.desk.preempted.last() {
            if away.swapped {
                return Waiting::Blocked;
            }
            let seat = &self.desk.seats[away.seat as usize];
            let prompt = seat.request.input + seat.produced;
            (prompt, seat.request.output - seat.produced, Some(away.seat))
        } else {
            self.reject_impossible(tally);
            match self.desk.inbox.front() {
                None => return Waiting::None(None),
                Some(next) => {
                    let arrival = ticks_at(next.arrival.as_ns());
                    if arrival > clock {
                        return Waiting::None(Some(next.arrival));
                    }
                    if arrival > self.composed {
                        return Waiting::Unseen;
                    }
                    (next.input, next.output, None)
                }
            }
        };
        if self.refused[PROMPT] {
            return Waiting::Blocked;
        }
        let blocks = self.limits.blocks_for(u64::from(prompt));
        let blocks = match &self.cache {
            None => blocks,
            Some(cache) => cache.needed(seat, prompt, blocks),
        };
        let need = Need { blocks, to_come: self.to_come + u64::from(left) };
        if self.limits.admits(running, room, free, need) {
            return Waiting::Admissible(need.blocks);
        }
        self.refused[PROMPT] = room > 0;
        Waiting::Blocked
    }

    /// Seats the head of the queue, which takes `blocks` free blocks.
    #[inline(always)]
    pub(super) fn admit_next(&mut self, blocks: u64, usage: &mut Usage) -> Option<Partial> {
        let seat = match self.desk.preempted.pop() {
            Some(away) => away.seat,
            None => {
                let request = self.desk.inbox.pop_front()?;
                let seat = self.sit(request);
                if let Some(cache) = &mut self.cache {
                    cache.sit(seat);
                }
                seat
            }
        };
        let mut done = 0;
        if let Some(cache) = &mut self.cache {
            let Seat { request, produced, .. } = self.desk.seats[seat as usize];
            done = cache.share(seat, request.input + produced);
            usage.cached_tokens += u64::from(done);
        }
        self.take(blocks, usage);
        let Seat { request, produced, .. } = self.desk.seats[seat as usize];
        self.to_come += u64::from(request.output - produced);
        self.admitted += 1;
        self.desk.seats[seat as usize].admission = self.admitted;
        Some(Partial { seat, done })
    }

    #[inline]
    pub(super) fn sit(&mut self, request: Request) -> u32 {
        let seat = Seat {
            request,
            produced: 0,
            preemptions: 0,
            first_token: SimTime::ZERO,
            last_token: 0,
            admission: 0,
        };
        match self.desk.free_seats.pop() {
            Some(free) => {
                self.desk.seats[free as usize] = seat;
                free
            }
            None => {
                self.desk.seats.push(seat);
                (self.desk.seats.len() - 1) as u32
            }
        }
    }
}
