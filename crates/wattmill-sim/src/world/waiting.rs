//! Requests that wait, in front of a router or at a replica: how long, how many, who is next.

use wattmill_perf::StepModel;
use wattmill_policy::{Pace, Reservation, ShedReason};
use wattmill_units::SimTime;

use super::job::{Job, Stage};
use super::{End, World};
use crate::Watch;

impl<M: StepModel, W: Watch> World<M, W> {
    /// When the prompt of a request has to begin at the latest; `None` if it may wait for ever.
    pub(super) fn deadline(&self, slot: u32) -> Option<SimTime> {
        let job = &self.jobs[slot];
        let patience = self.services[usize::from(job.service)].spec.patience?;
        // The first token has to find its way back.
        Some(job.request.arrival + patience.since(job.latency))
    }

    /// The deadline of a request has passed: wherever it waits, it is shed, unless its prompt has
    /// begun.
    pub(super) fn expire(&mut self, slot: u32) {
        let Job { stage, pool: number, first_token, .. } = self.jobs[slot];
        let pool = &mut self.pools[usize::from(number)];
        match stage {
            Stage::Waiting => {
                pool.queue.expire(self.now, &mut self.shed);
                self.end_shed();
            }
            Stage::Serving | Stage::Prefilling if first_token == SimTime::ZERO => {
                let work = self.jobs[slot].work.as_ref();
                let Some(replica) = work.map(Reservation::replica) else { return };
                self.run_replica(number, replica, self.now);
                let pool = &mut self.pools[usize::from(number)];
                if !pool.replicas[replica as usize].withdraw(self.now, slot.into()) {
                    return;
                }
                pool.rewake(replica);
                self.leave_work(slot);
                self.switch_off_if_drained(number, replica);
                self.end(slot, End::Shed(ShedReason::TooLate));
                self.serve_queue(number);
            }
            _ => {}
        }
    }

    /// Hands those who wait in front of a router on, for as long as there is room.
    pub(super) fn serve_queue(&mut self, number: u16) {
        loop {
            let pool = &mut self.pools[usize::from(number)];
            if pool.queue.waiting() == 0 || !pool.has_room() {
                return;
            }
            let next = pool.queue.next(self.now, Pace::UNKNOWN, &mut self.shed);
            self.end_shed();
            let Some(caller) = next else { return };
            let slot = caller.id as u32;
            match self.route(slot) {
                Some(reservation) => self.dispatch(slot, reservation),
                None => self.send_again(slot),
            }
        }
    }

    /// Whether as many wait at a replica as may, where nobody waits in front of the router.
    pub(super) fn is_queue_full(&mut self, number: u16, replica: u32) -> bool {
        let pool = &self.pools[usize::from(number)];
        let most = pool.spec.queue.requests;
        // No more can wait there than it has.
        if pool.spec.in_hand < u32::MAX || pool.machines[replica as usize].jobs < most {
            return false;
        }
        self.run_replica(number, replica, self.now);
        self.pools[usize::from(number)].replicas[replica as usize].queued() >= most as usize
    }

    /// Ends those whom a queue sent away.
    pub(super) fn end_shed(&mut self) {
        while let Some(shed) = self.shed.pop() {
            self.end(shed.caller.id as u32, End::Shed(shed.reason));
        }
    }
}
