//! A trace over and over.

use wattmill_policy::Segment;
use wattmill_units::{SimTime, scramble};

use crate::Ask;

/// A trace `times` times in a row, each round `period` after the one before.
///
/// Every round is asked by others: ids go on counting, and prompts of different rounds share nothing,
/// as a cache that knew the first round would otherwise answer all the others.
///
/// ```
/// use wattmill_sim::{Ask, Repeat, Request};
/// use wattmill_units::SimTime;
/// let trace = [3, 5].map(|ns| {
///     Ask::alone(Request { id: ns, arrival: SimTime::from_ns(ns), input: 1, output: 1 })
/// });
/// assert_eq!(Repeat::period(&trace), SimTime::from_ns(7));
/// let twice: Vec<_> = Repeat::new(&trace, 2, SimTime::from_ns(7))
///     .map(|ask| (ask.request.id, ask.request.arrival.as_ns()))
///     .collect();
/// assert_eq!(twice, [(3, 3), (5, 5), (9, 10), (11, 12)]);
/// ```
#[derive(Clone, Debug)]
pub struct Repeat<'a> {
    trace: &'a [Ask],
    period: SimTime,
    rounds: u64,
    round: u64,
    next: usize,
    ids: u64,
}

impl<'a> Repeat<'a> {
    /// Of a `trace` in order of arrival. A period shorter than the trace counts as its length.
    pub fn new(trace: &'a [Ask], rounds: u64, period: SimTime) -> Self {
        let last = trace.last().map_or(SimTime::ZERO, |ask| ask.request.arrival);
        let ids = trace.iter().map(|ask| ask.request.id + 1).max().unwrap_or(0);
        Self { trace, period: period.max(last), rounds, round: 0, next: 0, ids }
    }

    /// The period at which the trace goes on at its own rate: up to its last arrival, and a mean gap.
    pub fn period(trace: &[Ask]) -> SimTime {
        let (Some(first), Some(last)) = (trace.first(), trace.last()) else {
            return SimTime::ZERO;
        };
        let (first, last) = (first.request.arrival, last.request.arrival);
        let gaps = (trace.len() as u64 - 1).max(1);
        last + SimTime::from_ns(last.since(first).as_ns() / gaps)
    }
}

impl Iterator for Repeat<'_> {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        if self.next == self.trace.len() {
            self.next = 0;
            self.round += 1;
        }
        if self.round >= self.rounds {
            return None;
        }
        let mut ask = self.trace.get(self.next)?.clone();
        self.next += 1;
        if self.round > 0 {
            let start = self.round.checked_mul(self.period.as_ns())?;
            ask.request.arrival = ask.request.arrival + SimTime::from_ns(start);
            ask.request.id += self.round * self.ids;
            let renamed = |content: u64| scramble(content ^ scramble(self.round));
            ask.answer = ask.answer.map(renamed);
            for segment in &mut ask.prompt {
                *segment = Segment { content: renamed(segment.content), ..*segment };
            }
        }
        Some(ask)
    }
}
