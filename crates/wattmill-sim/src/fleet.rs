//! Equal replicas behind a router.

use std::iter::Peekable;
use std::ops::ControlFlow;

use wattmill_perf::StepModel;
use wattmill_policy::{BatchLimits, RoundRobin};
use wattmill_units::SimTime;

use crate::rank::Desk;
use crate::{Finished, Replica, Request, Tally, Usage};

mod rows;

/// Requests handed out between two looks at the replicas. Long enough that each replica then runs
/// a long stretch with its state in cache, short enough to bound the memory.
const BLOCK: usize = 1 << 16;
/// Likewise for each replica of a large fleet.
const SHARE: usize = 64;
/// Most requests of a block, however large the fleet: 128 MB of them.
const MOST: usize = 1 << 22;

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
    /// Most that wait at each replica.
    most_queued: usize,
    routed: u64,
    shed: u64,
    /// Room for a replica that has nothing in hand.
    spare: Desk,
    /// Requests taken and not yet dealt.
    block: Vec<Request>,
    /// Replica of each request of the block.
    routes: Vec<u32>,
    /// Where each replica's share of `order` ends.
    share_ends: Vec<u32>,
    /// Positions in the block, by replica, then arrival.
    order: Vec<u32>,
}

impl Fleet {
    /// `replicas` idle replicas (at least one); results go to `tally`.
    pub fn new(replicas: u32, limits: BatchLimits, tally: Tally) -> Self {
        let replicas = replicas.max(1);
        Self {
            replicas: (0..replicas).map(|_| Replica::new(limits)).collect(),
            router: RoundRobin::new(replicas),
            tally,
            most_queued: usize::MAX,
            routed: 0,
            shed: 0,
            spare: Desk::new(),
            block: Vec::new(),
            routes: Vec::new(),
            share_ends: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Turns requests away from now on that find so many others waiting at their replica, which bounds
    /// the memory of a load that is far beyond the fleet.
    ///
    /// ```
    /// # use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
    /// # use wattmill_policy::BatchLimits;
    /// # use wattmill_sim::{Fleet, Request, Tally};
    /// # use wattmill_units::{SimTime, Ticks};
    /// # struct Even;
    /// # impl StepModel for Even {
    /// #     fn step(&self, _: &StepShape) -> StepCost {
    /// #         StepCost { time: Ticks::from_raw(10_000_000 << 24), dynamic_nj: 0 }
    /// #     }
    /// #     fn decode_run(&self, _: u32, _: u64) -> DecodeRun {
    /// #         let first = self.step(&StepShape::default());
    /// #         DecodeRun { first, growth: StepCost::default(), steps: u64::MAX }
    /// #     }
    /// # }
    /// // A hundred at once, for a batch of eight and a queue of twenty.
    /// let limits = BatchLimits::new(8, 8192, 16, 1000);
    /// let mut fleet = Fleet::new(1, limits, Tally::new(None)).with_queue(20);
    /// let request = |id| Request { id, arrival: SimTime::ZERO, input: 100, output: 50 };
    /// let go = |_| std::ops::ControlFlow::Continue(());
    /// let _ = fleet.run(&Even, (0..100).map(request), |_, _| {}, go);
    /// assert_eq!((fleet.tally().finished(), fleet.was_shed()), (20, 80));
    /// ```
    #[must_use]
    pub fn with_queue(self, most: u32) -> Self {
        Self { most_queued: most as usize, ..self }
    }

    /// Requests that were turned away.
    pub const fn was_shed(&self) -> u64 {
        self.shed
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
        on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut requests = requests.peekable();
        let flow = self.hand_out(model, &mut requests, SimTime::MAX, &mut on_finish, on_progress);
        // A run that was stopped still has to drain.
        self.run_replicas(model, SimTime::MAX, &mut on_finish);
        flow
    }

    /// Takes the requests that arrive before `until` and every step that starts before it. The next
    /// call must not bring earlier ones.
    pub fn advance<M: StepModel>(
        &mut self,
        model: &M,
        requests: &mut Peekable<impl Iterator<Item = Request>>,
        until: SimTime,
        mut on_finish: impl FnMut(u32, &Finished),
        on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let flow = self.hand_out(model, requests, until, &mut on_finish, on_progress);
        self.run_replicas(model, until, &mut on_finish);
        flow
    }

    /// Hands out the requests before `until` in blocks.
    fn hand_out<M: StepModel>(
        &mut self,
        model: &M,
        requests: &mut Peekable<impl Iterator<Item = Request>>,
        until: SimTime,
        on_finish: &mut impl FnMut(u32, &Finished),
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let size = BLOCK.max((SHARE * self.replicas.len()).min(MOST));
        let mut more = true;
        while more {
            while self.block.len() < size
                && let Some(request) = requests.next_if(|request| request.arrival < until)
            {
                self.block.push(request);
            }
            more = requests.peek().is_some_and(|request| request.arrival < until);
            let time = self.block.last().map_or(SimTime::ZERO, |last| last.arrival);
            self.routed += self.block.len() as u64;
            // What ends with this block ends in one go: each replica's state is fetched once.
            let horizon = if more { time } else { until };
            self.deal(model, horizon, on_finish);
            on_progress(Progress { requests: self.routed, time })?;
        }
        ControlFlow::Continue(())
    }

    /// Routes the block and runs each replica up to `horizon` with its share, one after the other,
    /// so that a replica's state is in cache while it takes and answers its requests.
    fn deal<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        on_finish: &mut impl FnMut(u32, &Finished),
    ) {
        // A counting sort by replica, stable, so that shares stay in order of arrival.
        self.share_ends.clear();
        self.share_ends.resize(self.replicas.len(), 0);
        self.routes.clear();
        for _ in &self.block {
            let replica = self.router.route();
            self.routes.push(replica);
            self.share_ends[replica as usize] += 1;
        }
        let mut end = 0;
        for share in &mut self.share_ends {
            end += *share;
            *share = end - *share;
        }
        self.order.clear();
        self.order.resize(self.block.len(), 0);
        for (position, replica) in (0..).zip(&self.routes) {
            let next = &mut self.share_ends[*replica as usize];
            self.order[*next as usize] = position;
            *next += 1;
        }
        let mut start = 0;
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            let end = self.share_ends[index] as usize;
            let share = self.order[start..end].iter().map(|at| self.block[*at as usize]);
            // A vacant replica works at the desk that the last one left vacant, which is in cache.
            if replica.is_vacant() {
                replica.swap_desk(&mut self.spare);
            }
            if replica.queued() + share.len() <= self.most_queued {
                replica.push_all(share);
            } else {
                // Somebody may find the queue full: each is looked at when it comes.
                for request in share {
                    replica.run_until(model, request.arrival, &mut self.tally, &mut |done| {
                        on_finish(index as u32, done);
                    });
                    if replica.queued() < self.most_queued {
                        replica.push(request);
                    } else {
                        self.shed += 1;
                    }
                }
            }
            start = end;
            replica.run_until(model, horizon, &mut self.tally, &mut |done| {
                on_finish(index as u32, done);
            });
            if replica.is_vacant() {
                replica.swap_desk(&mut self.spare);
            }
        }
        self.block.clear();
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

    /// Starts counting anew: gives what was counted so far and continues with `tally`.
    pub fn swap_tally(&mut self, tally: Tally) -> Tally {
        std::mem::replace(&mut self.tally, tally)
    }

    /// What the replicas did, added up.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        self.replicas.iter().for_each(|replica| usage.merge(replica.usage()));
        usage
    }
}
