//! Replicas and sites that start, break, drain and come back.

use wattmill_perf::StepModel;
use wattmill_policy::{Pace, PoolView, ReplicaEvent, ReplicaState, ScaleAction, drain_first};
use wattmill_units::{Seconds, SimTime};

use super::handover::is_between;
use super::job::{Role, Stage};
use super::spec::{Scale, SiteSpec};
use super::{End, NOBODY, World};
use crate::event::Event;
use crate::{Aside, Spot, Watch};

impl<M: StepModel, W: Watch> World<M, W> {
    /// Files what is known of the future at time zero.
    pub(super) fn begin(&mut self, sites: &[SiteSpec]) {
        for (site, spec) in (0..).zip(sites) {
            for outage in spec.joined_outages() {
                self.queue.file(outage.from, Event::SiteLost { site });
                if outage.until < SimTime::MAX {
                    self.queue.file(outage.until, Event::SiteBack { site });
                }
            }
        }
        for pool in 0..self.pools.len() as u16 {
            let spec = &self.pools[usize::from(pool)].spec;
            for (at, level) in spec.levels.iter().copied() {
                self.queue.file(at, Event::Level { pool, level });
            }
            if spec.scale.is_some() {
                self.queue.file(SimTime::ZERO, Event::Scale { pool });
            }
            (0..spec.ready).for_each(|replica| self.expect_failure(pool, replica));
        }
        if let Some(row) = self.row {
            self.queue.file(row, Event::Row);
        }
    }

    /// Draws when a replica that just became ready breaks.
    fn expect_failure(&mut self, number: u16, replica: u32) {
        let pool = &mut self.pools[usize::from(number)];
        let Some(failures) = pool.spec.failures else { return };
        let after = stretched(failures.between, pool.failures[replica as usize].exponential());
        let life = pool.machines[replica as usize].life;
        self.queue.file(self.now + after, Event::Failure { pool: number, replica, life });
    }

    /// Whether a replica still lives the life that an event was filed for.
    fn lives(&self, pool: u16, replica: u32, life: u32) -> bool {
        self.pools[usize::from(pool)].machines[replica as usize].life == life
    }

    /// A replica breaks.
    pub(super) fn fail(&mut self, number: u16, replica: u32, life: u32) {
        let pool = &mut self.pools[usize::from(number)];
        let Some(failures) = pool.spec.failures else { return };
        let repair = stretched(failures.repair, pool.failures[replica as usize].exponential());
        if self.lives(number, replica, life) && self.lose_replica(number, replica) {
            let life = self.pools[usize::from(number)].machines[replica as usize].life;
            let whole = Event::Repaired { pool: number, replica, life };
            self.queue.file(self.now + repair, whole);
            // Its requests no longer take room from those who wait.
            self.serve_queue(number);
        }
    }

    /// A replica is whole again. It starts, unless an autoscaler has to say so.
    pub(super) fn repaired(&mut self, number: u16, replica: u32, life: u32) {
        if self.lives(number, replica, life) {
            let pool = &mut self.pools[usize::from(number)];
            pool.turn(self.now, replica, ReplicaEvent::Repaired);
            if pool.scaler.is_none() {
                self.start(number, replica);
            }
        }
    }

    /// Starts a replica that is down.
    fn start(&mut self, number: u16, replica: u32) {
        let pool = &mut self.pools[usize::from(number)];
        if pool.turn(self.now, replica, ReplicaEvent::Start) {
            let life = pool.machines[replica as usize].life;
            let at = self.now + pool.spec.start_up;
            self.queue.file(at, Event::Started { pool: number, replica, life });
        }
    }

    /// A replica takes requests from now on, the waiting ones first.
    pub(super) fn started(&mut self, number: u16, replica: u32, life: u32) {
        if self.lives(number, replica, life) {
            self.pools[usize::from(number)].turn(self.now, replica, ReplicaEvent::Started);
            self.expect_failure(number, replica);
            self.serve_queue(number);
            self.offer_parked(number);
        }
    }

    /// Switches a draining replica off when it has worked off what it had.
    pub(super) fn switch_off_if_drained(&mut self, number: u16, replica: u32) {
        if replica == NOBODY {
            return;
        }
        let pool = &mut self.pools[usize::from(number)];
        let machine = pool.machines[replica as usize];
        if machine.jobs == 0 && machine.holds == 0 {
            pool.turn(self.now, replica, ReplicaEvent::Drained);
        }
    }

    /// A site is lost with everything under way there.
    pub(super) fn lose_site(&mut self, site: u16) {
        self.places.set_standing(site, false);
        for number in self.pools_at(site) {
            for replica in 0..self.pools[usize::from(number)].spec.replicas {
                if !self.lose_replica(number, replica) {
                    // Repairs stop too.
                    let machine = &mut self.pools[usize::from(number)].machines[replica as usize];
                    machine.life = machine.life.wrapping_add(1);
                }
            }
            self.clear_queue(number);
            self.clear_parked(number);
        }
    }

    /// A site is back: what was on or in repair there starts anew.
    pub(super) fn regain_site(&mut self, site: u16) {
        self.places.set_standing(site, true);
        for number in self.pools_at(site) {
            for replica in 0..self.pools[usize::from(number)].spec.replicas {
                let pool = &mut self.pools[usize::from(number)];
                if pool.turn(self.now, replica, ReplicaEvent::Repaired) {
                    self.start(number, replica);
                }
            }
        }
    }

    fn pools_at(&self, site: u16) -> Vec<u16> {
        (0..).zip(&self.pools).filter(|(_, p)| p.spec.site == site).map(|(i, _)| i).collect()
    }

    /// What waits at a pool where nobody will come goes elsewhere.
    fn clear_queue(&mut self, number: u16) {
        // At the beginning of time nobody is late.
        let (start, mut shed) = (SimTime::ZERO, Vec::new());
        let pace = Pace::UNKNOWN;
        let queue = |world: &mut Self, shed: &mut Vec<_>| {
            world.pools[usize::from(number)].queue.next(start, pace, shed)
        };
        while let Some(caller) = queue(self, &mut shed) {
            self.send_again(caller.id as u32);
        }
    }

    /// A replica is gone with all it had in hand, which is sent again; false if it was not on.
    fn lose_replica(&mut self, number: u16, replica: u32) -> bool {
        // The step under way counts as taken, so it must have been.
        self.run_replica(number, replica, self.now);
        let pool = &mut self.pools[usize::from(number)];
        if !pool.turn(self.now, replica, ReplicaEvent::Fail) {
            return false;
        }
        pool.router.lost(replica);
        let engine = &mut pool.replicas[replica as usize];
        self.ended.tokens_wasted += engine.tokens_under_way();
        engine.lose_everything(self.now);
        if W::WATCHES {
            self.crews[usize::from(number)][replica as usize].clear();
            self.watch.held(Spot { pool: number, replica }, self.now, 0);
        }
        pool.wakes.set(replica, SimTime::MAX);
        let work = self.jobs.listed(pool.machines[replica as usize].work, Role::Work);
        let hold = self.jobs.listed(pool.machines[replica as usize].hold, Role::Hold);
        for slot in hold {
            self.jobs[slot].held = Aside::default();
            self.take_back_offer(slot, true);
            self.start_again(slot);
        }
        for slot in work {
            let job = &mut self.jobs[slot];
            (job.held, job.aside) = match job.stage {
                // Held elsewhere.
                stage if is_between(stage) => (job.held, Aside::default()),
                _ => <(Aside, Aside)>::default(),
            };
            match job.stage {
                Stage::Done => self.ended.tokens_wasted += u64::from(job.request.output),
                Stage::Prefilled => self.ended.tokens_wasted += 1,
                stage if is_between(stage) => {
                    self.take_back_offer(slot, false);
                    self.offer_again(slot);
                    continue;
                }
                _ => {}
            }
            self.leave_work(slot);
            self.send_again(slot);
        }
        true
    }

    /// Sends a request that lost its replica or site once more, from its region and from its start.
    pub(super) fn send_again(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        job.generation = job.generation.wrapping_add(1);
        if job.resends >= self.most_resends {
            return self.end(slot, End::Lost);
        }
        job.resends += 1;
        self.ended.resent += 1;
        self.send(slot);
    }

    /// A pool runs at another power level from now on.
    pub(super) fn set_level(&mut self, number: u16, level: u8) {
        self.run_pool(number);
        let pool = &mut self.pools[usize::from(number)];
        pool.level = usize::from(level);
        (0..pool.spec.replicas).for_each(|replica| pool.rewake(replica));
    }

    /// The autoscaler of a pool looks at it.
    pub(super) fn scale(&mut self, number: u16) {
        let pool = &mut self.pools[usize::from(number)];
        let Some(Scale { every, sustained, .. }) = pool.spec.scale else { return };
        self.queue.file(self.now + every, Event::Scale { pool: number });
        let lately = std::mem::take(&mut pool.lately);
        if !self.places.stands(pool.spec.site) {
            return;
        }
        self.run_pool(number);
        let pool = &mut self.pools[usize::from(number)];
        let broken = pool.count(ReplicaState::Repairing);
        let at_replicas: u64 =
            pool.replicas.iter().map(|replica| u64::from(replica.gauge().waiting)).sum();
        let view = PoolView {
            now: self.now,
            ready: pool.count(ReplicaState::Ready),
            starting: pool.count(ReplicaState::Starting),
            draining: pool.count(ReplicaState::Draining),
            rate: lately.arrived as f64 / every.as_seconds().as_s(),
            // A slope between two looks would be mostly noise.
            growth: 0.0,
            waiting: pool.waiting() + at_replicas,
            sustained,
            judged: lately.judged,
            missed: lately.missed,
            allowed: pool.spec.replicas - broken,
        };
        match pool.scaler.as_mut().and_then(|scaler| scaler.decide(&view)) {
            Some(ScaleAction::Up { recall, start, .. }) => {
                for replica in self.in_state(number, ReplicaState::Draining, recall) {
                    let pool = &mut self.pools[usize::from(number)];
                    pool.turn(self.now, replica, ReplicaEvent::Recall);
                }
                for replica in self.in_state(number, ReplicaState::Down, start) {
                    self.start(number, replica);
                }
                self.serve_queue(number);
                self.offer_parked(number);
            }
            Some(ScaleAction::Down { cancel, drain, .. }) => {
                for replica in self.in_state(number, ReplicaState::Starting, cancel) {
                    let pool = &mut self.pools[usize::from(number)];
                    pool.turn(self.now, replica, ReplicaEvent::Stop);
                }
                let ready = self.in_state(number, ReplicaState::Ready, u32::MAX);
                let pool = &mut self.pools[usize::from(number)];
                let loads = ready.into_iter().map(|replica| (replica, pool.router.load(replica)));
                for replica in drain_first(drain, loads) {
                    let pool = &mut self.pools[usize::from(number)];
                    pool.turn(self.now, replica, ReplicaEvent::Drain);
                    self.switch_off_if_drained(number, replica);
                }
            }
            None => {}
        }
    }

    /// The first `most` replicas of a pool in a state.
    fn in_state(&self, number: u16, state: ReplicaState, most: u32) -> Vec<u32> {
        let machines = (0..).zip(&self.pools[usize::from(number)].machines);
        let found = machines.filter(|(_, machine)| machine.state == state).map(|(index, _)| index);
        found.take(most as usize).collect()
    }
}

/// `mean` times `factor`, to the nanosecond.
fn stretched(mean: SimTime, factor: f64) -> SimTime {
    let drawn = SimTime::from_seconds(Seconds::from_s(mean.as_seconds().as_s() * factor));
    drawn.max(SimTime::from_ns(1))
}
