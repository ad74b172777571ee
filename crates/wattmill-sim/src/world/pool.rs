//! A pool under simulation.

use std::collections::VecDeque;

use wattmill_perf::StepModel;
use wattmill_policy::{Admission, Autoscaler, ReplicaEvent, ReplicaState, Router};
use wattmill_units::{SimTime, Stream};

use super::job::NOBODY;
use super::spec::{Duty, PoolSpec};
use crate::rank::ticks_at;
use crate::{Replica, Tally, Usage, Wakes};

/// A replica as a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) state: ReplicaState,
    /// Raised whenever it comes up or goes down, so that older events are void.
    pub(crate) life: u32,
    /// Since when it is on, if it is.
    on_since: SimTime,
    /// Requests it works on, a list.
    pub(crate) work: u32,
    /// How many they are.
    pub(crate) jobs: u32,
    /// Prompts it holds for another replica to fetch, a list.
    pub(crate) hold: u32,
    /// How many they are.
    pub(crate) holds: u32,
}

/// What happened between two looks of the autoscaler.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lately {
    pub(crate) arrived: u64,
    /// Requests that ended and by which it is judged, and those of them outside their limits.
    pub(crate) judged: u64,
    pub(crate) missed: u64,
}

/// A pool under simulation.
#[derive(Debug)]
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
    /// Those that wait in front of the router.
    pub(crate) queue: Admission,
    /// Requests that were sent there and have not arrived.
    pub(crate) on_the_way: u64,
    /// Requests at replicas, prompts that they hold among them.
    pub(crate) in_hand: u64,
    /// Where it decodes what others prefilled: by replica, prompts that wait for blocks.
    pub(crate) offers: Vec<VecDeque<u32>>,
    /// Such prompts for which no replica is open.
    pub(crate) parked: VecDeque<u32>,
    /// First of its replicas' ports on the link: to send and to receive.
    pub(crate) ports: [u32; 2],
    pub(crate) scaler: Option<Autoscaler>,
    pub(crate) lately: Lately,
    /// Replicas that are starting or being repaired.
    pub(crate) coming: u32,
    /// Time that replicas were on, those that are on now not included.
    on_time: u128,
    /// What was left of steps when their replicas went off, in raw ticks: a step that a death cuts short
    /// counts as taken, but not as time.
    cut_short: u128,
    /// Turns of its replicas' lives that nobody asked for yet, if anybody wants to know.
    lives: Option<Vec<Lived>>,
}

/// A replica, and when it got from which state to which.
pub(crate) type Lived = (u32, SimTime, ReplicaState, ReplicaState);

impl<M: StepModel> Pool<M> {
    /// At time zero.
    pub(crate) fn new(spec: PoolSpec<M>, index: usize, seed: u64) -> Self {
        let count = spec.replicas;
        let state = |replica| {
            if replica < spec.ready { ReplicaState::Ready } else { ReplicaState::Down }
        };
        let machine = |replica| Machine {
            state: state(replica),
            life: 0,
            on_since: SimTime::ZERO,
            work: NOBODY,
            jobs: 0,
            hold: NOBODY,
            holds: 0,
        };
        let replica = |_| {
            let mut replica = Replica::grouped(spec.limits, spec.groups);
            replica.note_first_tokens();
            if spec.router.looks_at_caches() {
                replica.watch_cache();
            }
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
            queue: Admission::new(spec.queue),
            on_the_way: 0,
            in_hand: 0,
            offers: Vec::new(),
            parked: VecDeque::new(),
            ports: [0; 2],
            scaler: spec.scale.and_then(|scale| Autoscaler::new(scale.rules).ok()),
            lately: Lately::default(),
            coming: 0,
            on_time: 0,
            cut_short: 0,
            lives: None,
            spec,
        }
    }

    /// Whether what its replicas say makes things happen, rather than only being known from then on.
    #[inline]
    pub(crate) const fn acts_on_reports(&self) -> bool {
        self.spec.in_hand < u32::MAX
            || !self.offers.is_empty()
            || matches!(self.spec.part, Duty::Prefill(_))
    }

    /// Notes for the autoscaler, if there is one, how a request ended that came at `arrival`.
    #[inline]
    pub(crate) fn judge(&mut self, arrival: SimTime, kept: bool) {
        if self.scaler.as_ref().is_some_and(|scaler| arrival >= scaler.judges_from()) {
            self.lately.judged += 1;
            self.lately.missed += u64::from(!kept);
        }
    }

    /// Whether it only computes the prompt of a request with so many tokens to make.
    #[inline]
    pub(crate) const fn prefills(&self, output: u32) -> bool {
        output > 1 && matches!(self.spec.part, Duty::Prefill(_))
    }

    /// Whether another request may go to a replica.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        let open = u64::from(self.router.open_replicas());
        open > 0 && self.in_hand < u64::from(self.spec.in_hand).saturating_mul(open)
    }

    /// Requests that its open replicas together can have in hand and do what they promise.
    pub(crate) fn capacity(&self) -> u64 {
        let spec = &self.spec;
        let batches = spec.limits.max_seqs.saturating_mul(spec.groups);
        let each = spec.room.get(self.level).copied().unwrap_or(batches).min(spec.in_hand);
        u64::from(each) * u64::from(self.router.open_replicas())
    }

    /// Requests that wait for a replica, those that one holds until another has room among them.
    pub(crate) fn waiting(&self) -> u64 {
        u64::from(self.queue.waiting()) + self.parked.len() as u64
    }

    /// Requests that it has, wherever they are.
    pub(crate) fn load(&self) -> u64 {
        self.on_the_way + self.in_hand + self.waiting()
    }

    /// Whether anybody takes requests or will.
    pub(crate) fn has_prospects(&self) -> bool {
        let scales = |scaler: &Autoscaler| scaler.rules().maximum > 0 && self.spec.replicas > 0;
        self.router.open_replicas() > 0
            || self.coming > 0
            || self.scaler.as_ref().is_some_and(scales)
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

    /// Replica-nanoseconds that replicas were on up to `now`.
    pub(crate) fn on_time_until(&self, now: SimTime) -> u128 {
        let on = self.machines.iter().filter(|machine| machine.state.is_on());
        let running: u128 = on.map(|machine| u128::from(now.since(machine.on_since).as_ns())).sum();
        self.on_time + running
    }

    /// Time in steps up to `now`, in raw ticks: never more than replicas were on.
    pub(crate) fn busy_until(&self, now: SimTime) -> u128 {
        let on = self.machines.iter().zip(&self.replicas).filter(|(m, _)| m.state.is_on());
        let to_come: u128 = on.map(|(_, replica)| overhang(replica, now)).sum();
        self.usage().busy_ticks - self.cut_short - to_come
    }

    /// Notes from now on what turns the lives of its replicas take.
    pub(crate) fn note_lives(&mut self) {
        self.lives = Some(Vec::new());
    }

    /// Those turns since the last call.
    pub(crate) fn noted_lives(&mut self) -> impl Iterator<Item = Lived> {
        self.lives.iter_mut().flat_map(|lives| lives.drain(..))
    }

    /// How many replicas are in a state.
    pub(crate) fn count(&self, state: ReplicaState) -> u32 {
        self.machines.iter().filter(|machine| machine.state == state).count() as u32
    }

    /// Something happens to a replica as a machine; false if it cannot in its state, whereupon
    /// nothing changes.
    pub(crate) fn turn(&mut self, now: SimTime, replica: u32, event: ReplicaEvent) -> bool {
        let machine = &mut self.machines[replica as usize];
        let before = machine.state;
        let Ok(after) = before.after(event) else { return false };
        match (before.is_on(), after.is_on()) {
            (true, false) => {
                self.on_time += u128::from(now.since(machine.on_since).as_ns());
                self.cut_short += overhang(&self.replicas[replica as usize], now);
            }
            (false, true) => machine.on_since = now,
            _ => {}
        }
        let comes = |state| matches!(state, ReplicaState::Starting | ReplicaState::Repairing);
        self.coming = self.coming + u32::from(comes(after)) - u32::from(comes(before));
        machine.state = after;
        self.lives.iter_mut().for_each(|lives| lives.push((replica, now, before, after)));
        if !matches!(event, ReplicaEvent::Drain | ReplicaEvent::Recall) {
            machine.life = machine.life.wrapping_add(1);
        }
        if after.takes_requests() {
            self.router.open(replica);
        } else {
            self.router.close(replica);
        }
        true
    }
}

/// What is left of the step that a replica takes at `now`, in raw ticks.
fn overhang(replica: &Replica, now: SimTime) -> u128 {
    replica.clock().saturating_sub(ticks_at(now.as_ns()))
}
