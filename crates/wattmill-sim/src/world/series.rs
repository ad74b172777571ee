//! What happens from minute to minute: small rows that can be added up.

use wattmill_units::SimTime;

use crate::{Sketch, Usage};

/// A pool over one row, or several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoolRow {
    /// Replicas that take requests, at the end of the row.
    pub ready: u32,
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
    /// Adds another pool's of the same time.
    pub fn merge(&mut self, other: &Self) {
        self.ready += other.ready;
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
    /// Requests rejected, shed or lost.
    pub failed: u64,
    /// Output tokens of those answered.
    pub output_tokens: u64,
    /// Time to first token of those answered, as clients saw it.
    pub ttft: Sketch,
    /// Time per output token likewise.
    pub tpot: Sketch,
}

impl ServiceRow {
    /// Adds another's, of another time or another world.
    pub fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.finished += other.finished;
        self.within_limits += other.within_limits;
        self.failed += other.failed;
        self.output_tokens += other.output_tokens;
        self.ttft.merge(&other.ttft);
        self.tpot.merge(&other.tpot);
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
}

impl Row {
    /// Adds a row of the same time and the same pools and services: another shard's.
    pub fn merge(&mut self, other: &Self) {
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
    pub(crate) fn new(pools: usize, services: usize) -> Self {
        let open = Row {
            pools: vec![PoolRow::default(); pools],
            services: vec![ServiceRow::default(); services],
            ..Row::default()
        };
        Self { rows: Vec::new(), open, before: vec![(Usage::default(), 0); pools] }
    }

    /// Closes the open row at `until`.
    pub(crate) fn close(&mut self, until: SimTime) {
        let (pools, services) = (self.open.pools.len(), self.open.services.len());
        let next = Row {
            from: until,
            until,
            pools: vec![PoolRow::default(); pools],
            services: vec![ServiceRow::default(); services],
        };
        self.rows.push(std::mem::replace(&mut self.open, next));
        if let Some(row) = self.rows.last_mut() {
            row.until = until;
        }
    }
}
