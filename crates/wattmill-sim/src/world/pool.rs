//! A pool under simulation.

use std::collections::VecDeque;

use wattmill_perf::StepModel;
use wattmill_policy::Router;
use wattmill_units::{SimTime, Stream};

use super::job::NOBODY;
use super::spec::PoolSpec;
use crate::{Replica, Tally, Usage, Wakes};

/// What a replica is doing as a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing, and no power.
    Off,
    /// Booting and loading the model.
    Starting,
    /// Taking requests.
    Ready,
    /// Working off what it has, to be switched off then.
    Draining,
    /// Broken.
    Broken,
}

/// A replica as a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) life: Life,
    /// Raised at every change of life, so that older events are void.
    pub(crate) lives: u32,
    /// Since when it draws power, if it does.
    pub(crate) on_since: SimTime,
    /// Requests it works on, a list.
    pub(crate) work: u32,
    /// Prompts it holds, a list.
    pub(crate) hold: u32,
    /// How many are in both lists.
    pub(crate) jobs: u32,
}

/// A pool under simulation.
#[derive(Clone, Debug)]
pub(crate) struct Pool<M> {
    pub(crate) spec: PoolSpec<M>,
    pub(crate) level: usize,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) router: Router,
    /// Draws of the router.
    pub(crate) draws: Stream,
    /// One stream of failures and repairs for each replica; none if they never break.
    pub(crate) failures: Vec<Stream>,
    pub(crate) wakes: Wakes,
    /// As the engines see it: from when a request reaches its replica.
    pub(crate) tally: Tally,
    /// Requests for which no replica is open, in order of arrival.
    pub(crate) queue: VecDeque<u32>,
    /// Requests sent here that have no token yet.
    pub(crate) unanswered: u64,
    /// Replicas that are starting or being repaired.
    pub(crate) coming: u32,
    /// Time that replicas drew power, those that draw it now not included.
    pub(crate) on_time: u128,
}

impl<M: StepModel> Pool<M> {
    /// At time zero.
    pub(crate) fn new(spec: PoolSpec<M>, index: usize, seed: u64) -> Self {
        let count = spec.replicas;
        let machine = |replica| Machine {
            life: if replica < spec.ready { Life::Ready } else { Life::Off },
            lives: 0,
            on_since: SimTime::ZERO,
            work: NOBODY,
            hold: NOBODY,
            jobs: 0,
        };
        let replica = |_| {
            let mut replica = Replica::new(spec.limits);
            replica.note_first_tokens();
            replica
        };
        let mut router = Router::new(spec.router, count);
        (spec.ready..count).for_each(|replica| router.close(replica));
        let breaking = if spec.failures.is_some() { count } else { 0 };
        let stream =
            |replica| Stream::new(seed, "failures", ((index as u64) << 32) | u64::from(replica));
        Self {
            level: 0,
            replicas: (0..count).map(replica).collect(),
            machines: (0..count).map(machine).collect(),
            router,
            draws: Stream::new(seed, "router", index as u64),
            failures: (0..breaking).map(stream).collect(),
            wakes: Wakes::new(count),
            tally: Tally::new(None),
            queue: VecDeque::new(),
            unanswered: 0,
            coming: 0,
            on_time: 0,
            spec,
        }
    }

    /// When `replica` next has something to say.
    #[inline]
    pub(crate) fn rewake(&mut self, replica: u32) {
        let model = &self.spec.models[self.level];
        let next = self.replicas[replica as usize].next_report(model);
        self.wakes.set(replica, next);
    }

    /// What its replicas did.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        self.replicas.iter().for_each(|replica| usage.merge(replica.usage()));
        usage
    }

    /// Replica-nanoseconds of drawn power up to `now`.
    pub(crate) fn on_time_until(&self, now: SimTime) -> u128 {
        let on = self.machines.iter().filter(|m| !matches!(m.life, Life::Off | Life::Broken));
        let running: u128 = on.map(|m| u128::from(now.since(m.on_since).as_ns())).sum();
        self.on_time + running
    }

    /// Changes what `replica` is as a machine; events of its former life are void.
    pub(crate) fn become_at(&mut self, now: SimTime, replica: u32, life: Life) {
        let machine = &mut self.machines[replica as usize];
        let draws = |life| !matches!(life, Life::Off | Life::Broken);
        match (draws(machine.life), draws(life)) {
            (true, false) => self.on_time += u128::from(now.since(machine.on_since).as_ns()),
            (false, true) => machine.on_since = now,
            _ => {}
        }
        let coming = |life| u32::from(matches!(life, Life::Starting | Life::Broken));
        self.coming = self.coming + coming(life) - coming(machine.life);
        machine.life = life;
        machine.lives = machine.lives.wrapping_add(1);
        if life == Life::Ready {
            self.router.open(replica);
        } else {
            self.router.close(replica);
        }
    }
}
