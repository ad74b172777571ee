//! Replicas and sites that start, break, drain and come back.

use wattmill_perf::StepModel;
use wattmill_units::{Seconds, SimTime};

use super::job::{Role, Stage};
use super::pool::Life;
use super::spec::SiteSpec;
use super::{NOBODY, World};
use crate::event::Event;

impl<M: StepModel> World<M> {
    /// Files what is known of the future at time zero.
    pub(super) fn begin(&mut self, sites: &[SiteSpec]) {
        for (site, spec) in (0..).zip(sites) {
            for outage in &spec.outages {
                self.queue.file(outage.from, Event::SiteLost { site });
                if outage.until < SimTime::MAX {
                    self.queue.file(outage.until, Event::SiteBack { site });
                }
            }
        }
        for pool in 0..self.pools.len() {
            for (at, level) in self.pools[pool].spec.levels.clone() {
                self.queue.file(at, Event::Level { pool: pool as u16, level });
            }
            for replica in 0..self.pools[pool].spec.ready {
                self.expect_failure(pool as u16, replica);
            }
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
        let life = pool.machines[replica as usize].lives;
        self.queue.file(self.now + after, Event::Failure { pool: number, replica, life });
    }

    /// A replica breaks.
    pub(super) fn fail(&mut self, number: u16, replica: u32, life: u32) {
        let pool = &mut self.pools[usize::from(number)];
        let machine = pool.machines[replica as usize];
        if machine.lives != life {
            return;
        }
        let Some(failures) = pool.spec.failures else { return };
        let draining = machine.life == Life::Draining;
        let repair = stretched(failures.repair, pool.failures[replica as usize].exponential());
        let back = self.now + repair + pool.spec.start_up;
        self.lose_replica(number, replica, if draining { Life::Off } else { Life::Broken });
        if !draining {
            let life = self.pools[usize::from(number)].machines[replica as usize].lives;
            self.queue.file(back, Event::Ready { pool: number, replica, life });
        }
    }

    /// A replica takes requests from now on, the waiting ones first.
    pub(super) fn make_ready(&mut self, number: u16, replica: u32, life: u32) {
        let pool = &mut self.pools[usize::from(number)];
        if pool.machines[replica as usize].lives != life {
            return;
        }
        pool.become_at(self.now, replica, Life::Ready);
        self.expect_failure(number, replica);
        while let Some(slot) = self.pools[usize::from(number)].queue.pop_front() {
            self.dispatch(slot);
        }
    }

    /// Starts a replica that is off.
    pub(super) fn start(&mut self, number: u16, replica: u32) {
        let pool = &mut self.pools[usize::from(number)];
        pool.become_at(self.now, replica, Life::Starting);
        let life = pool.machines[replica as usize].lives;
        let at = self.now + pool.spec.start_up;
        self.queue.file(at, Event::Ready { pool: number, replica, life });
    }

    /// Switches a draining replica off when it has worked off what it had.
    pub(super) fn switch_off_if_drained(&mut self, number: u16, replica: u32) {
        if replica == NOBODY {
            return;
        }
        let pool = &mut self.pools[usize::from(number)];
        let machine = pool.machines[replica as usize];
        if machine.life == Life::Draining && machine.jobs == 0 {
            pool.become_at(self.now, replica, Life::Off);
        }
    }

    /// A site is lost with everything under way there.
    pub(super) fn lose_site(&mut self, site: u16) {
        self.places.set_standing(site, false);
        for number in self.pools_at(site) {
            for replica in 0..self.pools[usize::from(number)].spec.replicas {
                let machine = self.pools[usize::from(number)].machines[replica as usize];
                match machine.life {
                    Life::Off => {}
                    Life::Draining => self.lose_replica(number, replica, Life::Off),
                    _ => self.lose_replica(number, replica, Life::Broken),
                }
            }
            self.clear_queue(number);
        }
    }

    /// A site is back: what was on there starts anew.
    pub(super) fn regain_site(&mut self, site: u16) {
        self.places.set_standing(site, true);
        for number in self.pools_at(site) {
            for replica in 0..self.pools[usize::from(number)].spec.replicas {
                let pool = &self.pools[usize::from(number)];
                if pool.machines[replica as usize].life == Life::Broken {
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
        while let Some(slot) = self.pools[usize::from(number)].queue.pop_front() {
            self.pools[usize::from(number)].unanswered -= 1;
            self.send_again(slot);
        }
    }

    /// A replica is gone with all it had in hand, which is sent again.
    fn lose_replica(&mut self, number: u16, replica: u32, becomes: Life) {
        // The step under way counts as taken, so it must have been.
        self.run_replica(number, replica, self.now);
        let pool = &mut self.pools[usize::from(number)];
        pool.become_at(self.now, replica, becomes);
        pool.router.lost(replica);
        self.ended.tokens_wasted += pool.replicas[replica as usize].lose_everything(self.now);
        pool.wakes.set(replica, SimTime::MAX);
        let work = self.jobs.listed(pool.machines[replica as usize].work, Role::Work);
        for slot in work {
            self.leave_work(slot);
            let job = &mut self.jobs[slot];
            if job.stage == Stage::Done {
                self.ended.tokens_wasted += u64::from(job.request.output);
            }
            if !job.answered {
                self.pools[usize::from(number)].unanswered -= 1;
            }
            self.send_again(slot);
        }
    }

    /// Sends a request that lost its replica or site once more, from its region and from its start.
    pub(super) fn send_again(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        job.generation = job.generation.wrapping_add(1);
        job.answered = false;
        if job.resends >= self.most_resends {
            return self.end(slot, |ended| &mut ended.lost);
        }
        job.resends += 1;
        self.ended.resent += 1;
        self.send(slot);
    }

    /// A pool runs at another power level from now on.
    pub(super) fn set_level(&mut self, number: u16, level: u8) {
        for replica in 0..self.pools[usize::from(number)].spec.replicas {
            self.run_replica(number, replica, self.now);
        }
        let pool = &mut self.pools[usize::from(number)];
        pool.level = usize::from(level);
        (0..pool.spec.replicas).for_each(|replica| pool.rewake(replica));
    }
}

/// `mean` times `factor`, to the nanosecond.
fn stretched(mean: SimTime, factor: f64) -> SimTime {
    let drawn = SimTime::from_seconds(Seconds::from_s(mean.as_seconds().as_s() * factor));
    drawn.max(SimTime::from_ns(1))
}
