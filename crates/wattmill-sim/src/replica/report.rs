//! What a replica tells whoever watches it: when it next has something to say, what it holds now,
//! and what is lost when it dies.

use wattmill_perf::StepModel;
use wattmill_units::SimTime;

use super::{Replica, series, ticks_at, whole_ns};

/// A replica at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Requests that wait to be admitted, preempted ones among them.
    pub waiting: u32,
    /// Sequences in the batch, the prompt under way among them.
    pub running: u32,
    /// KV blocks in use.
    pub blocks: u64,
}

/// A request's first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstToken {
    /// The request.
    pub id: u64,
    /// When it was there.
    pub at: SimTime,
}

impl Replica {
    /// Notes first tokens from now on, for [`Self::take_first_tokens`].
    pub fn note_first_tokens(&mut self) {
        self.desk.notes_first_tokens = true;
    }

    /// First tokens since the last call, in the order in which they came.
    pub fn take_first_tokens(&mut self) -> impl Iterator<Item = FirstToken> + '_ {
        self.desk.first_tokens.drain(..)
    }

    /// No step that starts before this instant ends with a first token or a finish, whatever else
    /// arrives later than now; [`SimTime::MAX`] if there is nothing to do.
    ///
    /// Cheap, hence not the latest such instant: a step that holds prompts counts as one that ends
    /// with a token. Running a replica over a step that starts then, again and again, takes all of
    /// its steps.
    pub fn next_report<M: StepModel>(&self, model: &M) -> SimTime {
        let now = self.next_start();
        if self.is_idle() {
            return self.desk.inbox.front().map_or(SimTime::MAX, |next| next.arrival.max(now));
        }
        let opens = u64::from(self.desk.openers[self.residue]);
        if self.partial.is_some() || opens > self.free_blocks {
            return now;
        }
        let mut arrival = SimTime::MAX;
        let head = match (self.desk.preempted.last(), self.desk.inbox.front()) {
            (Some(seat), _) => Some(self.prompt(*seat)),
            (None, Some(next)) if ticks_at(next.arrival.as_ns()) <= self.clock => Some(next.input),
            (None, Some(next)) => {
                arrival = next.arrival;
                None
            }
            (None, None) => None,
        };
        if let Some(prompt) = head {
            let room = self.limits.max_tokens - self.decodes_beside_prompts();
            let free = self.free_blocks - self.blocks_opened_beside_prompts();
            if self.limits.admits(self.running(), room, free, u64::from(prompt)) {
                return now;
            }
        }
        let run = model.decode_run(self.decodes, self.context);
        let steps = run.steps.min(self.desk.leavers.distance(self.step));
        let (steps, _) = self.steps_within_blocks(steps);
        let before_last = match steps {
            0 | 1 => 0,
            steps => series(run.first.time.raw(), run.growth.time.raw(), steps - 1),
        };
        SimTime::from_ns(whole_ns(self.clock + before_last)).min(arrival)
    }

    /// When its next step starts at the earliest.
    pub const fn next_start(&self) -> SimTime {
        SimTime::from_ns(whole_ns(self.clock))
    }

    /// What it holds after the steps it has taken.
    pub fn gauge(&self) -> Gauge {
        Gauge {
            waiting: (self.desk.inbox.len() + self.desk.preempted.len()) as u32,
            running: self.running(),
            blocks: self.limits.blocks - self.free_blocks,
        }
    }

    /// Loses everything in hand, as a machine does that dies at `at`; the step under way counts as
    /// taken. Gives back how many tokens it had produced for requests that are not finished.
    pub fn lose_everything(&mut self, at: SimTime) -> u64 {
        let mut vacant = vec![false; self.desk.seats.len()];
        self.desk.free_seats.iter().for_each(|seat| vacant[*seat as usize] = true);
        let partial = self.partial.map(|partial| partial.seat);
        let mut produced = 0;
        for (seat, state) in (0u32..).zip(&self.desk.seats).filter(|(i, _)| !vacant[*i as usize]) {
            let decodes = state.admission != 0 && partial != Some(seat);
            produced += if decodes {
                u64::from(state.request.output) - (self.desk.leavers.due(seat) - self.step)
            } else {
                u64::from(state.produced)
            };
        }
        let mut fresh = Self::new(self.limits);
        fresh.desk.notes_first_tokens = self.desk.notes_first_tokens;
        fresh.clock = ticks_at(at.as_ns());
        fresh.usage = self.usage;
        *self = fresh;
        produced
    }
}
