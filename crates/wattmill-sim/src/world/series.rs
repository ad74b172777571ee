//! What happens from minute to minute: small rows that can be added up.

use wattmill_perf::StepModel;
use wattmill_policy::ReplicaState;
use wattmill_units::SimTime;

use super::World;
use crate::event::Event;
use crate::{Finished, Replica, Sketch, Usage, Watch};

/// A pool over one row, or several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoolRow {
    /// Replicas that take requests, at the end of the row.
    pub ready: u32,
    /// Replicas that are starting, draining, being repaired, and lost with their site then.
    pub turning: [u32; 4],
    /// Requests that wait to be admitted to a batch, at the end of the row.
    pub waiting: u64,
    /// Sequences in the batches, at the end of the row.
    pub running: u64,
    /// KV blocks in use, at the end of the row.
    pub blocks: u64,
    /// KV blocks there are at the replicas that are on, at the end of the row.
    pub blocks_there: u64,
    /// Time that replicas drew power, replica-nanoseconds.
    pub on_ns: u128,
    /// Work done. Its peak is that of the whole time so far.
    pub work: Usage,
}

impl PoolRow {
    /// Adds what a replica holds.
    pub(crate) fn hold(&mut self, replica: &Replica) {
        let gauge = replica.gauge();
        self.waiting += u64::from(gauge.waiting);
        self.running += u64::from(gauge.running);
        self.blocks += gauge.blocks;
        self.blocks_there += replica.blocks_there();
    }

    /// Adds another pool's of the same time.
    pub fn merge(&mut self, other: &Self) {
        self.ready += other.ready;
        let turning = self.turning.iter_mut().zip(other.turning);
        turning.for_each(|(mine, theirs)| *mine += theirs);
        self.waiting += other.waiting;
        self.running += other.running;
        self.blocks += other.blocks;
        self.blocks_there += other.blocks_there;
        self.on_ns += other.on_ns;
        self.work.merge(&other.work);
    }
}

/// A service over one row, or several added up. Requests count where they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRow {
    /// Requests that came.
    pub asked: u64,
    /// Requests answered in full.
    pub finished: u64,
    /// Those of them within the service's limits.
    pub within_limits: u64,
    /// Requests too long for any replica.
    pub rejected: u64,
    /// Requests that a queue sent away.
    pub shed: u64,
    /// Requests whose replica or site was gone.
    pub lost: u64,
    /// Prompt tokens of those answered.
    pub input_tokens: u64,
    /// Output tokens of those answered.
    pub output_tokens: u64,
    /// Time to first token of those answered, as clients saw it.
    pub ttft: Sketch,
    /// Time per output token likewise.
    pub tpot: Sketch,
}

impl ServiceRow {
    /// A request was answered; whether within its limits.
    pub(crate) fn answer(&mut self, done: &Finished, within: bool) {
        self.finished += 1;
        self.within_limits += u64::from(within);
        self.input_tokens += u64::from(done.request.input);
        self.output_tokens += u64::from(done.request.output);
        self.ttft.record(done.ttft());
        done.tpot().into_iter().for_each(|tpot| self.tpot.record(tpot));
    }

    /// Adds another's, of another time or another world.
    pub fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.finished += other.finished;
        self.within_limits += other.within_limits;
        self.rejected += other.rejected;
        self.shed += other.shed;
        self.lost += other.lost;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.ttft.merge(&other.ttft);
        self.tpot.merge(&other.tpot);
    }
}

/// What went over links between pools in one row, counted when it has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferRow {
    /// Prompts that were handed over.
    pub prompts: u64,
    /// Bytes of their caches.
    pub bytes: u128,
    /// From each first token to the arrival of its cache.
    pub waits: Sketch,
}

impl TransferRow {
    /// Adds another's, of another time or another world.
    pub fn merge(&mut self, other: &Self) {
        self.prompts += other.prompts;
        self.bytes += other.bytes;
        self.waits.merge(&other.waits);
    }
}

/// One row of the time series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// When it begins.
    pub from: SimTime,
    /// When it ends.
    pub until: SimTime,
    /// By pool.
    pub pools: Vec<PoolRow>,
    /// By service.
    pub services: Vec<ServiceRow>,
    /// Requests that came from each region.
    pub regions: Vec<u64>,
    /// Hand-overs.
    pub transfers: TransferRow,
}

impl Row {
    /// A row of nothing from `from` on.
    pub(crate) fn new(from: SimTime, pools: usize, services: usize, regions: usize) -> Self {
        Self {
            from,
            until: from,
            pools: vec![PoolRow::default(); pools],
            services: vec![ServiceRow::default(); services],
            regions: vec![0; regions],
            transfers: TransferRow::default(),
        }
    }

    /// Adds a row of the same time and the same pools, services and regions: another shard's.
    pub fn merge(&mut self, other: &Self) {
        self.regions.iter_mut().zip(&other.regions).for_each(|(mine, theirs)| *mine += theirs);
        self.transfers.merge(&other.transfers);
        self.pools.iter_mut().zip(&other.pools).for_each(|(mine, theirs)| mine.merge(theirs));
        self.services.iter_mut().zip(&other.services).for_each(|(m, t)| m.merge(t));
    }
}

/// The rows so far and the one being filled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) rows: Vec<Row>,
    pub(crate) open: Row,
    /// Work and time on of each pool at the start of the open row.
    pub(crate) before: Vec<(Usage, u128)>,
}

impl Series {
    pub(crate) fn new(pools: usize, services: usize, regions: usize) -> Self {
        let open = Row::new(SimTime::ZERO, pools, services, regions);
        Self { rows: Vec::new(), open, before: vec![(Usage::default(), 0); pools] }
    }

    /// Closes the open row at `until`.
    pub(crate) fn close(&mut self, until: SimTime) {
        let Row { pools, services, regions, .. } = &self.open;
        let next = Row::new(until, pools.len(), services.len(), regions.len());
        self.rows.push(std::mem::replace(&mut self.open, next));
        if let Some(row) = self.rows.last_mut() {
            row.until = until;
        }
    }
}

impl<M: StepModel, W: Watch> World<M, W> {
    /// Ends the row of the time series.
    pub(super) fn end_row(&mut self) {
        self.run_all();
        self.fill_row();
        self.series.close(self.now);
        if let Some(row) = self.row {
            self.queue.file(self.now + row, Event::Row);
        }
    }

    /// Closes the row of the time series that is open, if anything of it has passed.
    pub fn close_series(&mut self) {
        let open = &self.series.open;
        // What ends together with a row counts to the next, however short.
        let some = self.now > open.from || open.services.iter().any(|row| row.finished > 0);
        if self.row.is_some() && some {
            self.run_all();
            self.fill_row();
            self.series.close(self.now);
        }
    }

    /// Puts into the open row what the pools hold and did.
    fn fill_row(&mut self) {
        for (index, pool) in self.pools.iter().enumerate() {
            let row = &mut self.series.open.pools[index];
            *row = PoolRow::default();
            for (machine, replica) in pool.machines.iter().zip(&pool.replicas) {
                if !machine.state.has_requests() {
                    continue;
                }
                row.ready += u32::from(machine.state.takes_requests());
                row.hold(replica);
            }
            row.waiting += u64::from(pool.queue.waiting());
            // Nobody repairs where there is no site: what was on there starts anew when it is back.
            let broken = pool.count(ReplicaState::Repairing);
            let stands = self.places.stands(pool.spec.site);
            let [repairing, lost] = if stands { [broken, 0] } else { [0, broken] };
            let [starting, draining] =
                [ReplicaState::Starting, ReplicaState::Draining].map(|state| pool.count(state));
            row.turning = [starting, draining, repairing, lost];
            let now = (pool.usage(), pool.on_time_until(self.now));
            let before = std::mem::replace(&mut self.series.before[index], now);
            row.work = now.0.since(&before.0);
            row.on_ns = now.1 - before.1;
        }
    }

    /// Closed rows of the time series.
    pub fn rows(&self) -> &[Row] {
        &self.series.rows
    }
}
