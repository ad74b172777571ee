//! What a fleet does from minute to minute.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;

use wattmill_perf::StepModel;
use wattmill_units::SimTime;

use super::{Fleet, Progress};
use crate::{Finished, Limits, Request, Row, Usage};

/// Rows that are not closed yet, the first of them open.
struct Open {
    length: SimTime,
    limits: Option<Limits>,
    rows: VecDeque<Row>,
}

impl Open {
    /// The row of an instant that is not before the open one.
    fn at(&mut self, at: SimTime) -> &mut Row {
        let length = self.length.as_ns();
        let first = self.rows[0].from.as_ns() / length;
        let place = (at.as_ns() / length - first) as usize;
        while self.rows.len() <= place {
            let from = (first + self.rows.len() as u64).saturating_mul(length);
            self.rows.push_back(Row::new(SimTime::from_ns(from), 1, 1, 1));
        }
        &mut self.rows[place]
    }
}

impl Fleet {
    /// As [`Self::run`], with a row for every `length` of time, of one pool, one service, held to
    /// `limits`, and one region. The last row ends with the last token.
    pub fn run_in_rows<M: StepModel>(
        &mut self,
        model: &M,
        requests: impl Iterator<Item = Request>,
        (length, limits): (SimTime, Option<Limits>),
        mut on_finish: impl FnMut(u32, &Finished),
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> (ControlFlow<()>, Vec<Row>) {
        let length = length.max(SimTime::from_ns(1));
        let rows = VecDeque::from([Row::new(SimTime::ZERO, 1, 1, 1)]);
        let open = RefCell::new(Open { length, limits, rows });
        let count = |request: &Request| {
            let mut open = open.borrow_mut();
            let row = open.at(request.arrival);
            row.services[0].asked += 1;
            row.regions[0] += 1;
        };
        let mut asked = requests.inspect(count).peekable();
        let mut nobody = std::iter::empty().peekable();
        let (mut flow, mut before, mut closed) =
            (ControlFlow::Continue(()), Usage::default(), Vec::new());
        loop {
            let until = open.borrow().rows[0].from + length;
            let finish = |replica: u32, done: &Finished| {
                let mut open = open.borrow_mut();
                let within = open.limits.is_none_or(|limits| limits.hold(done));
                open.at(done.finish).services[0].answer(done, within);
                on_finish(replica, done);
            };
            let shed = self.shed;
            if flow.is_continue() {
                flow = self.advance(model, &mut asked, until, finish, &mut on_progress);
            } else {
                let _ = self.advance(model, &mut nobody, until, finish, &mut on_progress);
            }
            let live = self.replicas.iter().any(|replica| !replica.is_vacant());
            let over = !live && (flow.is_break() || asked.peek().is_none());
            let end = if over { until.min(self.tally.last_finish) } else { until };
            let mut open = open.borrow_mut();
            open.at(until);
            // Who came before `until` was dealt by now.
            open.rows[0].services[0].shed += self.shed - shed;
            if let Some(mut row) = open.rows.pop_front() {
                self.fill(&mut row, end, &mut before);
                if end > row.from || row.services[0].finished > 0 {
                    closed.push(row);
                }
            }
            // What ended beside the last step ended in the row after.
            if over && open.rows.iter().all(|row| row.services[0].finished == 0) {
                return (flow, closed);
            }
        }
    }

    /// Puts into a row what the replicas hold and did.
    fn fill(&self, row: &mut Row, until: SimTime, before: &mut Usage) {
        row.until = until.max(row.from);
        let usage = self.usage();
        let pool = &mut row.pools[0];
        pool.ready = self.replicas.len() as u32;
        for replica in &self.replicas {
            pool.hold(replica);
        }
        pool.on_ns = u128::from(row.until.since(row.from).as_ns()) * self.replicas.len() as u128;
        pool.work = usage.since(before);
        *before = usage;
    }
}
