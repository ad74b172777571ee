//! What a replica tells whoever watches it: when it next has something to say, what it holds now,
//! and what is lost when it dies.

use wattmill_perf::StepModel;
use wattmill_policy::Preemption;
use wattmill_units::SimTime;

use super::{Replica, slowest, steps_before};
use crate::Resident;
use crate::rank::{Outlook, Rank, Seated, series, ticks_at, whole_ns};

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

/// Blocks of an attention group that were taken out of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// The group.
    pub group: u32,
    /// How many.
    pub blocks: u64,
}

/// What comes next.
enum Ahead {
    /// It may say something from then on; [`SimTime::MAX`] if it has nothing to do.
    Report(SimTime),
    /// So many decode steps of an unchanged batch, until somebody comes who is known of.
    Decodes { first: u64, growth: u64, steps: u64, arrival: SimTime },
}

impl Replica {
    pub(super) fn ranks(&self) -> impl Iterator<Item = &Rank> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Notes first tokens from now on, for [`Self::take_first_tokens`].
    pub fn note_first_tokens(&mut self) {
        self.ranks_mut().for_each(Rank::note_first_tokens);
    }

    /// First tokens since the last call, of each attention group in the order in which they came.
    pub fn take_first_tokens(&mut self) -> impl Iterator<Item = FirstToken> {
        self.ranks_mut().flat_map(Rank::take_first_tokens)
    }

    /// When its next step starts at the earliest.
    pub const fn next_start(&self) -> SimTime {
        SimTime::from_ns(whole_ns(self.clock))
    }

    /// No step that starts before this instant ends with a first token or a finish of what it was
    /// given so far; [`SimTime::MAX`] if there is nothing to do.
    ///
    /// Cheap, hence not the latest such instant: a step that holds prompts counts as one that ends
    /// with a token. Running a replica over a step that starts then, again and again, takes all of
    /// its steps.
    ///
    /// ```
    /// # use wattmill_policy::BatchLimits;
    /// # use wattmill_sim::{Replica, Request, Tally};
    /// # use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
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
    /// // Every step takes 10 ms.
    /// let mut replica = Replica::new(BatchLimits::new(8, 8192, 16, 1000));
    /// let ms = |ms: u64| SimTime::from_ns(ms * 1_000_000);
    /// assert_eq!(replica.next_report(&Even), SimTime::MAX);
    /// replica.push(Request { id: 0, arrival: ms(5), input: 100, output: 51 });
    /// assert_eq!(replica.next_report(&Even), ms(5), "its prompt");
    /// replica.run_until(&Even, ms(6), &mut Tally::new(None), &mut |_| {});
    /// assert_eq!(replica.next_report(&Even), ms(5 + 500), "the last of its fifty decode steps");
    /// ```
    pub fn next_report<M: StepModel>(&self, model: &M) -> SimTime {
        match self.ahead(model) {
            Ahead::Report(at) => at,
            Ahead::Decodes { first, growth, steps, arrival } => {
                self.start_of(first, growth, steps).min(arrival)
            }
        }
    }

    /// How far it can be run so that, of the steps it then takes, none but the first ends after `by`.
    pub(crate) fn reach_by<M: StepModel>(&self, model: &M, by: SimTime) -> SimTime {
        let tick = SimTime::from_ns(1);
        match self.ahead(model) {
            Ahead::Report(at) if at < SimTime::MAX => at + tick,
            Ahead::Report(at) => at,
            Ahead::Decodes { first, growth, steps, arrival } => {
                let span = ticks_at(by.as_ns()).saturating_sub(self.clock);
                // The step after which `by` is passed goes alone, and so does one that also waits for
                // the host link.
                let most = steps_before(first, growth, span, steps);
                let most = most - u64::from(series(first, growth, most) > span);
                let alone = most == 0 || self.ranks().any(Rank::owes);
                let taken = if alone { 0 } else { series(first, growth, most) };
                let end = SimTime::from_ns(whole_ns(self.clock + taken)).min(arrival);
                end.max(self.next_start() + tick)
            }
        }
    }

    #[inline]
    fn ahead<M: StepModel>(&self, model: &M) -> Ahead {
        let now = self.next_start();
        let lobby = self.lobby.front().map_or(SimTime::MAX, super::Arrival::at);
        if lobby <= now {
            return Ahead::Report(now);
        }
        if self.others.is_empty() {
            let rank = &self.first;
            return match rank.outlook(self.clock) {
                Outlook::Soon => Ahead::Report(now),
                Outlook::Nothing { arrival } => Ahead::Report(arrival.max(now)),
                Outlook::Decodes { arrival } => {
                    let run = model.decode_run(rank.decodes(), rank.context());
                    let steps = run.steps.min(rank.steps_to_leaver());
                    let (steps, _) = rank.steps_within_blocks(steps);
                    let (first, growth) = (run.first.time.raw(), run.growth.time.raw());
                    Ahead::Decodes { first, growth, steps, arrival }
                }
            };
        }
        let (mut next, mut decoding) = (lobby, false);
        for rank in self.ranks() {
            match rank.outlook(self.clock) {
                Outlook::Soon => return Ahead::Report(now),
                Outlook::Nothing { arrival } => next = next.min(arrival.max(now)),
                Outlook::Decodes { arrival } => (next, decoding) = (next.min(arrival), true),
            }
        }
        if !decoding {
            return Ahead::Report(next);
        }
        let (runs, together) = self.runs(model);
        let (first, growth, mut steps) = slowest(&runs, together);
        for rank in self.ranks().filter(|rank| rank.decodes() > 0) {
            (steps, _) = rank.steps_within_blocks(steps);
        }
        Ahead::Decodes { first, growth, steps, arrival: next }
    }

    /// Of its latest step, which moved so many blocks to or from host memory, the time at its beginning
    /// that it waited for them, in raw ticks.
    pub(crate) fn waited_for_host(&self, swapped_blocks: u64) -> u64 {
        match self.first.limits().preemption {
            Preemption::Swap { block } if self.others.is_empty() => {
                block.raw().saturating_mul(swapped_blocks)
            }
            Preemption::Swap { .. } => self.toll,
            Preemption::Recompute => 0,
        }
    }

    /// When its next step starts, of what it was given so far; [`SimTime::MAX`] if there is none.
    pub(crate) fn next_step<M: StepModel>(&self, model: &M) -> SimTime {
        let runs = self.ranks().any(|rank| rank.running() > 0);
        if runs { self.next_start() } else { self.next_report(model) }
    }

    /// End of the latest step, in raw ticks.
    pub(crate) const fn clock(&self) -> u128 {
        self.clock
    }

    /// Every seat of each of its attention groups.
    pub(crate) fn seated(&self) -> impl Iterator<Item = impl Iterator<Item = Option<Seated>>> {
        self.ranks().map(Rank::seated)
    }

    /// Requests that have come by `clock`, in raw ticks, and wait to be admitted.
    pub(crate) fn waiting_at(&self, clock: u128) -> u32 {
        let by = |arrival: &super::Arrival| ticks_at(arrival.at().as_ns()) <= clock;
        let waiting = self.ranks().map(|rank| rank.waiting_at(clock)).sum::<usize>();
        (self.lobby.partition_point(by) + waiting) as u32
    }

    /// When the last of `steps` steps starts.
    fn start_of(&self, first: u64, growth: u64, steps: u64) -> SimTime {
        let before = if steps > 1 { series(first, growth, steps - 1) } else { 0 };
        SimTime::from_ns(whole_ns(self.clock + before))
    }

    /// What it holds after the steps it has taken.
    pub fn gauge(&self) -> Gauge {
        let mut gauge = Gauge { waiting: self.lobby.len() as u32, ..Gauge::default() };
        for rank in self.ranks() {
            gauge.waiting += rank.waiting() as u32;
            gauge.running += rank.running();
            gauge.blocks += rank.used_blocks();
        }
        gauge
    }

    /// KV blocks of all its attention groups.
    pub(crate) fn blocks_there(&self) -> u64 {
        self.ranks().map(|rank| rank.limits().blocks).sum()
    }

    /// Output tokens made so far for the requests in hand, elsewhere too.
    pub fn tokens_under_way(&self) -> u64 {
        let lobby = self.lobby.iter().map(|arrival| match arrival {
            super::Arrival::Request(..) => 0,
            super::Arrival::Resident(resident) => u64::from(resident.produced),
        });
        lobby.sum::<u64>() + self.ranks().map(Rank::produced).sum::<u64>()
    }

    /// Loses everything in hand and in its cache, as a machine does that dies at `at`; the step under
    /// way counts as taken.
    pub fn lose_everything(&mut self, at: SimTime) {
        let limits = self.first.limits();
        self.ranks_mut().for_each(|rank| rank.begin_anew(limits));
        self.lobby.clear();
        self.clock = ticks_at(at.as_ns());
    }

    /// Takes `blocks` blocks out of use for a cache that another replica will send; `None` if no
    /// attention group has them free beside those kept free while anything runs.
    ///
    /// To be called after all steps that start before now were taken. The cache that comes belongs
    /// to the group: see [`Self::push_resident_to`].
    pub fn set_aside(&mut self, blocks: u64) -> Option<Aside> {
        let most = self.ranks().map(Rank::spare_blocks).max()?;
        (most >= blocks).then(|| self.hold_back(blocks))
    }

    /// Takes up to `blocks` blocks out of use that were given free by what just finished, for another
    /// replica to fetch: of the group with the most free ones.
    pub fn hold_back(&mut self, blocks: u64) -> Aside {
        let group = self.emptiest_group();
        let rank = std::iter::once(&mut self.first).chain(&mut self.others).nth(group as usize);
        let held = rank.map_or(0, |rank| rank.hold_back(blocks, &mut self.usage));
        self.note_peak();
        Aside { group, blocks: held }
    }

    fn note_peak(&mut self) {
        let held = self.ranks().map(Rank::used_blocks).sum();
        self.usage.peak_blocks = self.usage.peak_blocks.max(held);
    }

    /// Puts blocks back into use at `now`.
    pub fn give_back(&mut self, now: SimTime, aside: Aside) {
        let rank = self.ranks_mut().nth(aside.group as usize);
        rank.into_iter().for_each(|rank| rank.give_back(aside.blocks));
        self.wait_until(now);
    }

    /// Whoever waited for what became free at `now` could not start earlier, if nobody runs.
    pub(super) fn wait_until(&mut self, now: SimTime) {
        if self.ranks().all(|rank| rank.running() == 0) {
            self.clock = self.clock.max(ticks_at(now.as_ns()));
        }
    }

    /// Hands a sequence over to one attention group, as [`Self::push_resident`].
    pub fn push_resident_to(&mut self, group: u32, resident: Resident) {
        let rank = self.ranks_mut().nth(group as usize);
        rank.into_iter().for_each(|rank| rank.push_resident(resident));
    }

    /// The group with the most blocks to spare, the first of equals.
    fn emptiest_group(&self) -> u32 {
        let spare = (0..).zip(self.ranks()).map(|(group, rank)| (rank.spare_blocks(), group));
        let most = spare.min_by_key(|(blocks, group)| (u64::MAX - blocks, *group));
        most.map_or(0, |(_, group)| group)
    }
}
