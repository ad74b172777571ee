//! Prompts computed by one pool and answered by another.
//!
//! A prefilling replica computes a prompt up to its first token and holds the cache. A decoding replica
//! sets the blocks aside as soon as it has them, at the end of the step it is in; only then is the
//! cache sent, over the ports of both. When it has come, the one lets go of its blocks and the other
//! lets the sequence into its batch. So a decode pool that is full holds up the prefill pool: blocks
//! stay held, and no further prompts are admitted.

use wattmill_perf::StepModel;
use wattmill_policy::RouteAsk;

use super::job::{Role, Stage};
use super::spec::{Duty, Handover};
use super::{NOBODY, World};
use crate::event::Event;
use crate::{Link, Phase, Request, Resident, Spot, Watch};

impl<M: StepModel, W: Watch> World<M, W> {
    /// Gives every replica that hands prompts over or takes them its ports.
    pub(super) fn lay_link(&mut self) {
        let mut rates = Vec::new();
        for number in 0..self.pools.len() {
            if let Duty::Prefill(Handover { decode, .. }) = self.pools[number].spec.part {
                for (at, which) in [(number, 0), (usize::from(decode), 1)] {
                    let pool = &mut self.pools[at];
                    let count = pool.spec.replicas as usize;
                    if which == 1 && !pool.offers.is_empty() {
                        continue;
                    }
                    pool.ports[which] = rates.len() as u32;
                    rates.extend(std::iter::repeat_n(pool.spec.port_bytes_per_s, count));
                    if which == 1 {
                        pool.offers.resize(count, Default::default());
                    }
                }
            }
        }
        self.link = Link::new(rates);
    }

    /// Where and how the prompts of a pool go on; `None` if it answers them itself.
    pub(super) fn handover(&self, pool: u16) -> Option<Handover> {
        match self.pools[usize::from(pool)].spec.part {
            Duty::Whole => None,
            Duty::Prefill(handover) => Some(handover),
        }
    }

    /// Sends a prompt that is short enough, what is cached of it not counted, to the decode pool
    /// alone.
    pub(super) fn keep_short(&mut self, slot: u32, handover: Handover) {
        let job = &mut self.jobs[slot];
        let decode = &mut self.pools[usize::from(handover.decode)];
        let Request { input, output, .. } = job.request;
        let uncached = if input > handover.short && decode.router.kind().looks_at_caches() {
            let ask = RouteAsk { input, output, prompt: &job.prompt };
            let tried = decode.router.route(&ask, decode.draws.next_u64());
            tried.map_or(input, |reservation| {
                let uncached = reservation.uncached();
                decode.router.finished(reservation);
                uncached
            })
        } else {
            input
        };
        if uncached <= handover.short {
            job.pool = handover.decode;
        }
    }

    /// A prefilling replica has computed a prompt and holds it.
    pub(super) fn prompt_done(&mut self, slot: u32) {
        let number = self.jobs[slot].pool;
        let Some(handover) = self.handover(number) else { return };
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(number)];
        if let Some(work) = job.work.take() {
            let machine = &mut pool.machines[work.replica() as usize];
            (job.holder, job.holds_at) = (number, work.replica());
            machine.jobs -= 1;
            machine.holds += 1;
            self.jobs.delist(&mut machine.work, slot, Role::Work);
            self.jobs.enlist(&mut machine.hold, slot, Role::Hold);
            pool.router.finished(work);
        }
        self.jobs[slot].pool = handover.decode;
        self.offer(slot);
    }

    /// Asks a decoding replica for blocks for a prompt that is held.
    pub(super) fn offer(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        job.stage = Stage::Offered;
        let number = job.pool;
        self.tell(slot, Phase::Held);
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(number)];
        let Request { input, output, .. } = job.request;
        let ask = RouteAsk { input, output, prompt: &[] };
        let Some(mut work) = pool.router.route(&ask, pool.draws.next_u64()) else {
            if pool.has_prospects() {
                pool.lately.arrived += 1;
                pool.parked.push_back(slot);
            } else {
                self.start_again(slot);
            }
            return;
        };
        pool.lately.arrived += 1;
        // Its prompt is computed.
        pool.router.prefilled(&mut work, input);
        let replica = work.replica();
        job.work = Some(work);
        let machine = &mut pool.machines[replica as usize];
        machine.jobs += 1;
        pool.in_hand += 1;
        self.jobs.enlist(&mut machine.work, slot, Role::Work);
        pool.offers[replica as usize].push_back(slot);
        self.set_aside(number, replica);
    }

    /// Offers the prompts for which no decoding replica was open.
    pub(super) fn offer_parked(&mut self, number: u16) {
        if self.pools[usize::from(number)].router.open_replicas() > 0 {
            let parked = std::mem::take(&mut self.pools[usize::from(number)].parked);
            parked.into_iter().for_each(|slot| self.offer(slot));
        }
    }

    /// Gives blocks of a decoding replica to the prompts that it was offered, in their order, and has
    /// them sent at the end of the step under way.
    pub(super) fn set_aside(&mut self, number: u16, replica: u32) {
        if self.pools[usize::from(number)].offers.get(replica as usize).is_none_or(|o| o.is_empty())
        {
            return;
        }
        self.run_replica(number, replica, self.now);
        let pool = &mut self.pools[usize::from(number)];
        let engine = &mut pool.replicas[replica as usize];
        while let Some(slot) = pool.offers[replica as usize].front().copied() {
            let job = &mut self.jobs[slot];
            let blocks = pool.spec.limits.blocks_for(job.request.input.into());
            let Some(aside) = engine.set_aside(blocks) else { break };
            pool.offers[replica as usize].pop_front();
            (job.aside, job.stage) = (aside, Stage::Granted);
            let at = engine.next_start().max(self.now);
            self.queue.file(at, Event::Send { job: slot, generation: job.generation });
        }
        pool.rewake(replica);
        self.tell_blocks(number, replica);
    }

    /// A cache goes onto the link.
    pub(super) fn send_cache(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        let Some(work) = &job.work else { return };
        let from = self.pools[usize::from(job.holder)].ports[0] + job.holds_at;
        let to = self.pools[usize::from(job.pool)].ports[1] + work.replica();
        let Duty::Prefill(handover) = self.pools[usize::from(job.holder)].spec.part else { return };
        let bytes = handover.bytes_per_token.saturating_mul(job.request.input.into());
        (job.stage, job.cache_bytes) = (Stage::Moving, bytes);
        job.flow = self.link.start(self.now, from, to, bytes.max(1), u64::from(slot));
        self.transfers.bytes += u128::from(bytes);
        let from = Spot { pool: job.holder, replica: job.holds_at };
        self.tell(slot, Phase::Moving { from, bytes });
    }

    /// A cache has left its sender; its end is still on the way.
    pub(super) fn cache_sent(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        job.stage = Stage::Arriving;
        let Duty::Prefill(handover) = self.pools[usize::from(job.holder)].spec.part else { return };
        let arrived = Event::Arrived { job: slot, generation: job.generation };
        self.queue.file(self.now + handover.latency, arrived);
    }

    /// A cache has arrived: one replica lets go of it, the other decodes.
    pub(super) fn cache_arrived(&mut self, slot: u32) {
        self.let_go(slot);
        let job = &mut self.jobs[slot];
        let wait = self.now.since(job.first_token);
        self.transfers.waits.record(wait.as_ns(), 1);
        if self.row.is_some() {
            let row = &mut self.series.open.transfers;
            row.prompts += 1;
            row.bytes += u128::from(job.cache_bytes);
            row.waits.record(wait);
        }
        let number = job.pool;
        let Some(work) = &job.work else { return };
        let replica = work.replica();
        job.stage = Stage::Decoding;
        let request = Request { id: u64::from(slot), arrival: self.now, ..job.request };
        let (first_token, aside) = (job.first_token, std::mem::take(&mut job.aside));
        self.run_replica(number, replica, self.now);
        let pool = &mut self.pools[usize::from(number)];
        let engine = &mut pool.replicas[replica as usize];
        engine.give_back(self.now, aside);
        let resident = Resident { request, ready: self.now, produced: 1, first_token };
        engine.push_resident_to(aside.group, resident);
        pool.rewake(replica);
        self.tell_blocks(number, replica);
        self.tell(slot, Phase::Queued);
    }

    /// The replica that holds a request's prompt lets go of it.
    pub(super) fn let_go(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        if job.holds_at == NOBODY {
            return;
        }
        let (number, replica) = (job.holder, job.holds_at);
        let held = std::mem::take(&mut job.held);
        job.holds_at = NOBODY;
        self.run_replica(number, replica, self.now);
        let pool = &mut self.pools[usize::from(number)];
        pool.replicas[replica as usize].give_back(self.now, held);
        pool.rewake(replica);
        let machine = &mut pool.machines[replica as usize];
        machine.holds -= 1;
        pool.in_hand -= 1;
        self.jobs.delist(&mut machine.hold, slot, Role::Hold);
        self.tell_blocks(number, replica);
        self.switch_off_if_drained(number, replica);
        self.serve_queue(number);
    }

    /// Takes back what was asked of a decoding replica that lives on, or of one that is gone.
    pub(super) fn take_back_offer(&mut self, slot: u32, lives: bool) {
        let job = &mut self.jobs[slot];
        job.generation = job.generation.wrapping_add(1);
        let (stage, number) = (job.stage, job.pool);
        if stage == Stage::Moving {
            self.link.cancel(self.now, job.flow);
        }
        let aside = std::mem::take(&mut job.aside);
        let (_, replica) = self.leave_work(slot);
        let pool = &mut self.pools[usize::from(number)];
        match stage {
            Stage::Offered if replica == NOBODY => pool.parked.retain(|parked| *parked != slot),
            Stage::Offered => {
                pool.offers[replica as usize].retain(|offer| *offer != slot);
                if lives {
                    // Whoever stood behind it may fit.
                    self.set_aside(number, replica);
                    self.switch_off_if_drained(number, replica);
                }
            }
            _ if lives => {
                self.run_replica(number, replica, self.now);
                let pool = &mut self.pools[usize::from(number)];
                pool.replicas[replica as usize].give_back(self.now, aside);
                pool.rewake(replica);
                self.tell_blocks(number, replica);
                self.set_aside(number, replica);
                self.switch_off_if_drained(number, replica);
            }
            _ => {}
        }
    }

    /// Offers a prompt anew whose decoding replica was lost. That counts as sending it again: else one
    /// whose cache takes longer to send than replicas live would be sent for ever.
    pub(super) fn offer_again(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        if job.resends >= self.most_resends {
            return self.start_again(slot);
        }
        job.resends += 1;
        self.ended.resent += 1;
        self.offer(slot);
    }

    /// Drops a prompt that nobody will go on from; the request is sent again from its start.
    pub(super) fn start_again(&mut self, slot: u32) {
        self.ended.tokens_wasted += 1;
        self.let_go(slot);
        self.send_again(slot);
    }

    /// Gives up what waits for a decoding replica of a pool where nobody will come.
    pub(super) fn clear_parked(&mut self, number: u16) {
        let parked = std::mem::take(&mut self.pools[usize::from(number)].parked);
        parked.into_iter().for_each(|slot| self.start_again(slot));
    }
}

/// Whether a stage is between the end of a prompt and its arrival at the decoding replica.
pub(super) const fn is_between(stage: Stage) -> bool {
    matches!(stage, Stage::Offered | Stage::Granted | Stage::Moving | Stage::Arriving)
}
