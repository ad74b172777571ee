//! Equal replicas behind a router.

use std::ops::ControlFlow;

use wattmill_perf::StepModel;
use wattmill_policy::{BatchLimits, RoundRobin};
use wattmill_units::SimTime;

use crate::{Finished, Replica, Request, Tally, Usage};

/// Requests handed out between two looks at the replicas. Long enough that each replica then runs
/// a long stretch with its state in cache, short enough to bound the memory.
const BLOCK: usize = 1 << 16;

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Requests handed out.
    pub requests: u64,
    /// Simulated time reached.
    pub time: SimTime,
}

/// Equal replicas behind a round-robin router.
///
/// The router needs no report from the replicas, so each runs on its own between two blocks of
/// requests; the answer is that of running them side by side.
#[derive(Clone, Debug)]
pub struct Fleet {
    replicas: Vec<Replica>,
    router: RoundRobin,
    tally: Tally,
    routed: u64,
}

impl Fleet {
    /// `replicas` idle replicas (at least one); results go to `tally`.
    pub fn new(replicas: u32, limits: BatchLimits, tally: Tally) -> Self {
        let replicas = replicas.max(1);
        Self {
            replicas: vec![Replica::new(limits); replicas as usize],
            router: RoundRobin::new(replicas),
            tally,
            routed: 0,
        }
    }

    /// Answers all of `requests`, which come in order of arrival, and drains.
    ///
    /// `on_finish` gets each finished request with its replica's index; `on_progress` may stop the
    /// run between blocks, whereupon the requests handed out so far are drained.
    pub fn run<M: StepModel>(
        &mut self,
        model: &M,
        requests: impl Iterator<Item = Request>,
        mut on_finish: impl FnMut(u32, &Finished),
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let mut requests = requests.peekable();
        while requests.peek().is_some() && flow.is_continue() {
            let mut horizon = SimTime::ZERO;
            for request in requests.by_ref().take(BLOCK.max(64 * self.replicas.len())) {
                horizon = request.arrival;
                self.replicas[self.router.route() as usize].push(request);
                self.routed += 1;
            }
            self.run_replicas(model, horizon, &mut on_finish);
            flow = on_progress(Progress {
                requests: self.routed,
                time: horizon,
            });
        }
        self.run_replicas(model, SimTime::MAX, &mut on_finish);
        flow
    }

    /// Runs every replica up to `horizon` with what it has been given.
    fn run_replicas<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        on_finish: &mut impl FnMut(u32, &Finished),
    ) {
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            replica.run_until(model, horizon, &mut self.tally, &mut |done| {
                on_finish(index as u32, done);
            });
        }
    }

    /// Requests handed to replicas so far.
    pub const fn routed(&self) -> u64 {
        self.routed
    }

    /// What the requests add up to.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What the replicas did, added up.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        self.replicas
            .iter()
            .for_each(|replica| usage.merge(replica.usage()));
        usage
    }
}
