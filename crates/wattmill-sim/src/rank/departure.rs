//! Who produces a first token, and who leaves the batch: answered or preempted.

use wattmill_policy::Preemption;
use wattmill_units::SimTime;

use super::{Away, Rank, Seat, whole_ns};
use crate::{Finished, FirstToken, Tally, Usage};

impl Rank {
    /// Lets go of every sequence that produced its last token.
    #[inline(always)]
    pub(super) fn leave(
        &mut self,
        clock: u128,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        if self.cache.is_some() {
            return self.leave_in_order(clock, tally, on_finish);
        }
        while let Some(seat) = self.desk.leavers.take(self.step) {
            self.stop_decoding(seat);
            self.finish(seat, clock, tally, on_finish);
        }
    }

    /// Likewise in order of admission, so that the cache forgets in that order.
    pub(super) fn leave_in_order(
        &mut self,
        clock: u128,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        let mut leaving = std::mem::take(&mut self.desk.leaving);
        leaving.extend(std::iter::from_fn(|| self.desk.leavers.take(self.step)));
        leaving.sort_unstable_by_key(|seat| self.desk.seats[*seat as usize].admission);
        for seat in leaving.drain(..) {
            self.stop_decoding(seat);
            self.finish(seat, clock, tally, on_finish);
        }
        self.desk.leaving = leaving;
    }

    /// Takes a sequence that produced its last token out of the aggregates.
    #[inline]
    pub(super) fn stop_decoding(&mut self, seat: u32) {
        let Seat { request, produced, .. } = self.desk.seats[seat as usize];
        let joined = self.step - u64::from(request.output - produced);
        let opener = self.opener(joined, request.input + produced);
        self.desk.openers[opener] -= 1;
        self.decodes -= 1;
        self.context -= u64::from(request.input) + u64::from(request.output);
    }

    /// Residue of the steps at which a sequence opens a block that joins the batch at `joined` with
    /// `context` tokens, the last of them not yet in the cache.
    #[inline]
    pub(super) fn opener(&self, joined: u64, context: u32) -> usize {
        let period = self.desk.openers.len() as u64;
        let ahead = u64::from(context - 1) % period;
        ((joined + period - ahead) % period) as usize
    }

    pub(super) fn finish(
        &mut self,
        seat: u32,
        clock: u128,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        let Seat { request, first_token, preemptions, .. } = self.desk.seats[seat as usize];
        let cached = u64::from(request.input) + u64::from(request.output) - 1;
        let blocks = self.limits.blocks_for(cached);
        let mut cached_tokens = 0;
        match &mut self.cache {
            None => self.free_blocks += blocks,
            Some(cache) => {
                self.free_blocks += cache.leave(seat, blocks, cached);
                cached_tokens = cache.found(seat);
            }
        }
        self.refused = [false; 2];
        self.desk.seats[seat as usize].admission = 0;
        self.desk.free_seats.push(seat);
        let finish = SimTime::from_ns(whole_ns(clock));
        let done = Finished { request, first_token, finish, preemptions, cached_tokens };
        tally.finish(&done);
        on_finish(&done);
    }

    /// Every prompt that was completed produces a token and joins the batch, or is done.
    #[inline]
    pub(super) fn complete_prompts(
        &mut self,
        clock: u128,
        tally: &mut Tally,
        usage: &mut Usage,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        let mut completing = std::mem::take(&mut self.desk.completing);
        for seat in completing.drain(..) {
            usage.prompt_completions += 1;
            self.to_come -= 1;
            let state = &mut self.desk.seats[seat as usize];
            if state.produced == 0 {
                state.first_token = SimTime::from_ns(whole_ns(clock));
                if self.desk.notes_first_tokens {
                    let (id, at) = (state.request.id, state.first_token);
                    self.desk.first_tokens.push(FirstToken { id, at });
                }
            } else {
                tally.gaps(clock - state.last_token, 1);
            }
            state.produced += 1;
            state.last_token = clock;
            if state.produced == state.request.output {
                self.finish(seat, clock, tally, on_finish);
            } else {
                self.join(seat, self.step);
            }
        }
        self.desk.completing = completing;
    }

    /// Preempts the sequence admitted last.
    pub(super) fn preempt_last(&mut self, clock: u128, usage: &mut Usage) {
        // Preemption is rare: looking for the victim costs less than keeping it ready.
        let last = (0..).zip(&self.desk.seats).max_by_key(|(_, seat)| seat.admission);
        let Some((seat, _)) = last else { return };
        self.refused = [false; 2];
        let prompt = u64::from(self.prompt(seat));
        let mut swapped = false;
        let (blocks, cached) = match self.partial {
            Some(partial) if partial.seat == seat => {
                self.partial = None;
                (self.limits.blocks_for(prompt), u64::from(partial.done))
            }
            _ => {
                let left = (self.desk.leavers.due(seat) - self.step) as u32;
                self.desk.leavers.remove(seat);
                let state = &mut self.desk.seats[seat as usize];
                let joined_with = state.request.input + state.produced;
                let decoded = state.request.output - state.produced - left;
                state.produced += decoded;
                let stalled = &mut self.desk.stalled;
                // Whoever has decoded since it joined had its latest token when the stall began.
                if decoded > 0 {
                    state.last_token = stalled.first().map_or(clock, |(since, _)| *since);
                }
                let entry = stalled.iter().rposition(|(since, _)| *since == state.last_token);
                if let Some(entry) = entry {
                    stalled[entry].1 -= 1;
                    if stalled[entry].1 == 0 {
                        stalled.remove(entry);
                    }
                }
                let context = joined_with + decoded;
                let opener = self.opener(self.step - u64::from(decoded), joined_with);
                self.desk.openers[opener] -= 1;
                self.decodes -= 1;
                self.context -= u64::from(context);
                swapped = matches!(self.limits.preemption, Preemption::Swap { .. });
                let cached = u64::from(context - 1);
                (self.limits.blocks_for(cached), cached)
            }
        };
        if swapped {
            self.pay(blocks, usage);
        }
        self.free_blocks += match &mut self.cache {
            None => blocks,
            Some(cache) => cache.preempt(seat, blocks, cached),
        };
        let state = &mut self.desk.seats[seat as usize];
        self.to_come -= u64::from(state.request.output - state.produced);
        state.preemptions += 1;
        state.admission = 0;
        self.desk.preempted.push(Away { seat, swapped });
    }
}
