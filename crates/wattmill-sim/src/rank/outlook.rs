//! What a rank says of itself without taking a step, and blocks that are spoken for.

use wattmill_units::SimTime;

use super::{PROMPT, RESIDENT, Rank, ticks_at};
use crate::Usage;

/// What the coming steps of a rank may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// The next one may end with a first token, or let somebody in.
    Soon,
    /// Decodes, until the next arrival that is known of; [`SimTime::MAX`] if none is.
    Decodes { arrival: SimTime },
    /// Nothing until then.
    Nothing { arrival: SimTime },
}

impl Rank {
    /// What comes after `clock`, the start of the next step.
    pub(crate) fn outlook(&self, clock: u128) -> Outlook {
        let short = !self.desk.openers.is_empty() && self.opened() > self.free_blocks;
        if short || self.partial.is_some() {
            return Outlook::Soon;
        }
        let mut arrival = SimTime::MAX;
        if self.head_is_swapped() {
            if !self.refused[RESIDENT] {
                return Outlook::Soon;
            }
        } else if !self.desk.preempted.is_empty() {
            if !self.refused[PROMPT] {
                return Outlook::Soon;
            }
        } else {
            let resident = self.desk.residents.front().map(|next| (next.ready, RESIDENT));
            let request = self.desk.inbox.front().map(|next| (next.arrival, PROMPT));
            for (at, kind) in resident.into_iter().chain(request) {
                if ticks_at(at.as_ns()) > clock {
                    arrival = arrival.min(at);
                } else if !self.refused[kind] {
                    return Outlook::Soon;
                }
            }
        }
        if self.decodes == 0 {
            return Outlook::Nothing { arrival };
        }
        Outlook::Decodes { arrival }
    }

    /// Requests that wait to be admitted, preempted ones among them.
    pub(crate) fn waiting(&self) -> usize {
        self.desk.inbox.len() + self.desk.residents.len() + self.desk.preempted.len()
    }

    /// Output tokens made so far for the requests in hand, elsewhere too.
    pub(crate) fn produced(&self) -> u64 {
        let mut vacant = vec![false; self.desk.seats.len()];
        self.desk.free_seats.iter().for_each(|seat| vacant[*seat as usize] = true);
        let partial = self.partial.map(|partial| partial.seat);
        let waiting = self.desk.residents.iter().map(|resident| u64::from(resident.produced));
        let mut produced = waiting.sum();
        for (seat, state) in (0u32..).zip(&self.desk.seats).filter(|(i, _)| !vacant[*i as usize]) {
            let decodes = state.admission != 0 && partial != Some(seat);
            produced += if decodes {
                u64::from(state.request.output) - (self.desk.leavers.due(seat) - self.step)
            } else {
                u64::from(state.produced)
            };
        }
        produced
    }

    /// Blocks that could be set aside beside those kept free while anything runs.
    pub(crate) const fn spare_blocks(&self) -> u64 {
        let kept = if self.running() == 0 { 0 } else { self.limits.watermark_blocks };
        self.free_blocks.saturating_sub(kept)
    }

    /// Takes at most `blocks` free blocks out of use; how many.
    pub(crate) fn hold_back(&mut self, blocks: u64, usage: &mut Usage) -> u64 {
        let blocks = blocks.min(self.free_blocks);
        self.take(blocks, usage);
        self.aside += blocks;
        blocks
    }

    /// Puts blocks back into use.
    pub(crate) const fn give_back(&mut self, blocks: u64) {
        self.free_blocks += blocks;
        self.aside -= blocks;
        self.refused = [false; 2];
    }

    /// Whether its coming step waits for the host link.
    pub(crate) const fn owes(&self) -> bool {
        self.toll > 0
    }

    /// Whether somebody is there whom blocks keep out that were taken out of use.
    pub(crate) const fn is_kept_out(&self) -> bool {
        self.aside > 0 && (self.refused[PROMPT] || self.refused[RESIDENT])
    }
}
