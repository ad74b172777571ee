//! One replica: continuous batching at a cost of O(changes).
//!
//! While nothing changes, steps are summed in closed form ([`StepModel::decode_run`]) up to the next
//! arrival, leaver, kink of the price or shortage of blocks. All sums are integers, so this equals
//! walking every step; [`twin`](crate::twin) does.
//!
//! A replica whose attention is data parallel has a batch for each group. Groups take their steps
//! together, for they meet in every layer: a step takes as long as the slowest of them needs for its
//! own part, and what they do [together](StepModel::together), on the tokens that all of them have.
//! Whoever is done earlier waits idly.

use std::collections::VecDeque;

use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{BatchLimits, emptiest};
use wattmill_units::SimTime;

use crate::prefix::{CacheChange, Prompt};
use crate::rank::{Desk, Next, Outlook, Rank, Stretch, series, ticks_at, whole_ns};
use crate::{Ask, Finished, Request, Resident, Tally, Usage};

mod report;

pub use report::{Aside, FirstToken, Gauge};

/// What arrives at a replica.
#[derive(Clone, Debug)]
enum Arrival {
    Request(Request, Prompt),
    Resident(Resident),
}

impl Arrival {
    const fn at(&self) -> SimTime {
        match self {
            Self::Request(request, _) => request.arrival,
            Self::Resident(resident) => resident.ready,
        }
    }
}

/// One engine replica under simulation.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Start of the next step, in raw ticks.
    clock: u128,
    first: Rank,
    /// The other attention groups, if there are several.
    others: Vec<Rank>,
    /// Where there are several: who has not yet been given to one of them.
    lobby: VecDeque<Arrival>,
    /// Sum of the groups' energies, nanojoules.
    dynamic_nj: u128,
    /// Where there are several groups: how long their latest step waited for the host link.
    toll: u64,
    usage: Usage,
    /// Next requests of clients that got an answer in the step under way.
    returned: Vec<Request>,
}

impl Replica {
    /// Idle at time zero.
    pub fn new(limits: BatchLimits) -> Self {
        Self::grouped(limits, 1)
    }

    /// Likewise with `groups` attention groups (at least one is assumed), each of which has these
    /// limits for itself.
    pub fn grouped(limits: BatchLimits, groups: u32) -> Self {
        Self {
            clock: 0,
            first: Rank::new(limits),
            others: (1..groups).map(|_| Rank::new(limits)).collect(),
            lobby: VecDeque::new(),
            dynamic_nj: 0,
            toll: 0,
            usage: Usage::default(),
            returned: Vec::new(),
        }
    }

    /// Hands over a request. Arrivals must not fall from one call to the next.
    #[inline]
    pub fn push(&mut self, request: Request) {
        if self.others.is_empty() {
            self.first.push(request);
        } else {
            self.lobby.push_back(Arrival::Request(request, Prompt::default()));
        }
    }

    /// Hands over several, as [`Self::push`] one by one.
    pub fn push_all(&mut self, requests: impl ExactSizeIterator<Item = Request>) {
        self.first.reserve(requests.len());
        requests.for_each(|request| self.push(request));
    }

    /// Hands over a request whose prompt others may share, as [`Self::push`].
    pub fn push_ask(&mut self, ask: Ask) {
        let prompt = Prompt { segments: ask.prompt, answer: ask.answer };
        if self.others.is_empty() {
            self.first.push_prompt(ask.request, prompt);
        } else {
            self.lobby.push_back(Arrival::Request(ask.request, prompt));
        }
    }

    /// Hands over a sequence whose prompt was computed elsewhere. It may not be ready before what was
    /// handed over earlier.
    pub fn push_resident(&mut self, resident: Resident) {
        if self.others.is_empty() {
            self.first.push_resident(resident);
        } else {
            self.lobby.push_back(Arrival::Resident(resident));
        }
    }

    /// Takes back a request at `now`, unless its prompt has begun; whether it did.
    ///
    /// To be called after all steps that start before now were taken. Costs nothing where it is not
    /// called, and a look through those who wait where it is.
    ///
    /// ```
    /// # use wattmill_policy::BatchLimits;
    /// # use wattmill_sim::{Replica, Request};
    /// # use wattmill_units::SimTime;
    /// let mut replica = Replica::new(BatchLimits::new(8, 8192, 16, 1000));
    /// let at = SimTime::from_ns(5);
    /// replica.push(Request { id: 7, arrival: at, input: 100, output: 51 });
    /// assert!(replica.withdraw(at, 7) && !replica.withdraw(at, 7));
    /// assert_eq!(replica.live(), 0);
    /// ```
    pub fn withdraw(&mut self, now: SimTime, id: u64) -> bool {
        let waits =
            |arrival: &Arrival| matches!(arrival, Arrival::Request(request, _) if request.id == id);
        let found = match self.lobby.iter().position(waits) {
            Some(place) => self.lobby.remove(place).is_some(),
            None => self.ranks_mut().any(|rank| rank.withdraw(id)),
        };
        if found {
            self.wait_until(now);
        }
        found
    }

    /// From now on remembers what its prefix cache stores and evicts.
    pub fn watch_cache(&mut self) {
        self.ranks_mut().for_each(Rank::watch_cache);
    }

    /// What its prefix cache stored and evicted since the last call.
    pub fn cache_changes(&mut self) -> impl Iterator<Item = CacheChange> {
        self.ranks_mut().flat_map(Rank::cache_changes)
    }

    fn ranks_mut(&mut self) -> impl Iterator<Item = &mut Rank> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_vacant(&self) -> bool {
        let mut ranks = std::iter::once(&self.first).chain(&self.others);
        self.lobby.is_empty() && ranks.all(Rank::is_vacant)
    }

    /// Swaps its first group's desk for another vacant one of the same block size. It must be vacant
    /// itself.
    pub(crate) const fn swap_desk(&mut self, other: &mut Desk) {
        self.first.swap_desk(other);
    }

    /// What it did so far.
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Requests handed over and not yet finished or rejected.
    pub fn live(&self) -> usize {
        let ranks = std::iter::once(&self.first).chain(&self.others);
        self.lobby.len() + ranks.map(Rank::live).sum::<usize>()
    }

    /// Requests handed over that were not yet let into a batch.
    #[inline]
    pub fn queued(&self) -> usize {
        self.lobby.len() + self.ranks().map(Rank::queued).sum::<usize>()
    }

    /// Takes every step that starts before `horizon`, which no request pushed later may precede.
    ///
    /// Finished requests are added to `tally` and handed to `on_finish`.
    pub fn run_until<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        let mut standing = Standing::of(self);
        if self.others.is_empty() {
            while self.step_alone(model, horizon, tally, on_finish) {
                standing.check(self);
            }
        } else {
            while self.step_together(model, horizon, tally, on_finish) {
                standing.check(self);
            }
        }
    }

    /// As [`Self::run_until`], with a client behind every request: what `on_finish` gives back is
    /// the next request of whoever got that answer. Its arrival must not lie before the finish, nor
    /// before what was pushed or given earlier.
    pub fn run_answering<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        let mut returned = std::mem::take(&mut self.returned);
        loop {
            let mut collect = |done: &Finished| returned.extend(on_finish(done));
            let stepped = if self.others.is_empty() {
                self.step_alone(model, horizon, tally, &mut collect)
            } else {
                self.step_together(model, horizon, tally, &mut collect)
            };
            if !stepped {
                break;
            }
            returned.drain(..).for_each(|request| self.push(request));
        }
        self.returned = returned;
    }

    /// One step that starts before `horizon`, or several in which nothing changes; false if there is
    /// none.
    #[inline]
    fn step_alone<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) -> bool {
        let Self { clock, first: rank, usage, .. } = self;
        if rank.is_idle() {
            match rank.next_arrival(tally) {
                Some(arrival) if arrival < horizon => {
                    *clock = (*clock).max(ticks_at(arrival.as_ns()));
                    rank.rest(*clock);
                }
                _ => return false,
            }
        }
        if whole_ns(*clock) >= horizon.as_ns() {
            return false;
        }
        let begin = *clock;
        match rank.look(begin, tally, usage) {
            // The head of the queue was one that can never run; or everybody was preempted, and the
            // queue is looked at next time; or blocks keep somebody out that were taken out of use:
            // then others may still come.
            Next::Nothing => {
                let looks_again = rank.outlook(begin) == Outlook::Soon;
                return looks_again || !rank.is_kept_out() || rank.is_idle();
            }
            Next::Mixed { admit, head } => {
                let shape = rank.compose(begin, admit, head, tally, usage);
                let cost = model.step(&shape);
                let time = cost.time.raw().saturating_add(rank.toll());
                *clock += u128::from(time);
                usage.pass(1, u128::from(time));
                usage.dynamic_nj += u128::from(cost.dynamic_nj);
                rank.conclude(begin, *clock, tally, usage, on_finish);
            }
            Next::Decode { arrival, most } => {
                let run = model.decode_run(rank.decodes(), rank.context());
                let until = arrival.map_or(horizon, |arrival| arrival.min(horizon));
                let steps = run.steps.min(rank.steps_to_leaver()).min(most);
                let (first, growth) = (run.first.time.raw(), run.growth.time.raw());
                let steps = steps_until(first, growth, until, begin, steps);
                let (steps, opened) = rank.steps_within_blocks(steps);
                let first = first.saturating_add(rank.toll());
                let time = series(first, growth, steps);
                *clock += time;
                usage.pass(steps, time);
                usage.dynamic_nj += energy(&run, steps);
                let stretch = Stretch { begin, first, growth, steps, end: *clock };
                rank.decode(&stretch, opened, tally, usage, on_finish);
            }
        }
        true
    }

    /// Likewise where several groups step together.
    fn step_together<M: StepModel>(
        &mut self,
        model: &M,
        horizon: SimTime,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished),
    ) -> bool {
        let groups = 1 + self.others.len() as u32;
        if self.ranks_mut().all(|rank| rank.is_idle()) {
            if self.ranks_mut().all(|rank| rank.is_vacant()) {
                match self.lobby.front().map(Arrival::at) {
                    Some(arrival) if arrival < horizon => {
                        self.clock = self.clock.max(ticks_at(arrival.as_ns()));
                    }
                    _ => return false,
                }
            }
            let clock = self.clock;
            self.ranks_mut().for_each(|rank| rank.rest(clock));
        }
        if whole_ns(self.clock) >= horizon.as_ns() {
            return false;
        }
        self.leave_lobby(tally);
        let begin = self.clock;
        let (lobby, mut usage) = (self.lobby.front().map(Arrival::at), self.usage);
        let nexts: Vec<Next> =
            self.ranks_mut().map(|rank| rank.look(begin, tally, &mut usage)).collect();
        let single = self.ranks_mut().zip(&nexts).any(|(rank, next)| match next {
            // Somebody has come whom its scheduler has not yet seen.
            Next::Nothing => !rank.is_vacant(),
            Next::Mixed { .. } => true,
            Next::Decode { most, .. } => *most == 1,
        });
        if nexts.iter().all(|next| *next == Next::Nothing) {
            self.usage = usage;
            return self.stand_by(horizon);
        }
        let mut stretch = Stretch { begin, first: 0, growth: 0, steps: 1, end: begin };
        // Of all groups as if each were the whole replica.
        let mut dynamic_nj = 0;
        let mut toll = 0;
        if single {
            let mut all = StepShape::default();
            for (rank, next) in self.ranks_mut().zip(&nexts) {
                let shape = match *next {
                    Next::Nothing => continue,
                    Next::Mixed { admit, head } => {
                        rank.compose(begin, admit, head, tally, &mut usage)
                    }
                    Next::Decode { .. } => StepShape {
                        decodes: rank.decodes(),
                        decode_context: rank.context(),
                        ..StepShape::default()
                    },
                };
                let everywhere = shape.of_groups(groups);
                let own = model.step(&everywhere).without(model.together(&everywhere));
                stretch.first = stretch.first.max(own.time.raw());
                toll = toll.max(rank.toll());
                dynamic_nj += u128::from(own.dynamic_nj);
                all = all.and(&shape);
            }
            let together = model.together(&all);
            let rest = together.time.raw().saturating_add(toll);
            stretch.first = stretch.first.saturating_add(rest);
            dynamic_nj += u128::from(together.dynamic_nj) * u128::from(groups);
        } else {
            let arrivals = nexts.iter().filter_map(|next| match next {
                Next::Decode { arrival, .. } => *arrival,
                _ => None,
            });
            let until = arrivals.chain(lobby).fold(horizon, SimTime::min);
            let (runs, together) = self.runs(model);
            (stretch.first, stretch.growth, stretch.steps) = slowest(&runs, together);
            let Stretch { first, growth, steps, .. } = stretch;
            stretch.steps = steps_until(first, growth, until, begin, steps);
            for rank in self.ranks_mut().filter(|rank| rank.decodes() > 0) {
                stretch.steps = rank.steps_within_blocks(stretch.steps).0;
            }
            dynamic_nj = runs.iter().map(|(run, _)| energy(run, stretch.steps)).sum::<u128>()
                + u128::from(together.dynamic_nj) * u128::from(stretch.steps) * u128::from(groups);
        }
        let time = series(stretch.first, stretch.growth, stretch.steps);
        stretch.end = begin + time;
        self.clock = stretch.end;
        usage.pass(stretch.steps, time);
        // Blocks of all groups at the end of the last step, before anybody leaves.
        let mut held = 0;
        for (rank, next) in self.ranks_mut().zip(&nexts) {
            held += rank.used_blocks();
            match next {
                Next::Nothing => rank.rest(begin),
                Next::Mixed { .. } => {
                    rank.conclude(begin, stretch.end, tally, &mut usage, on_finish);
                }
                Next::Decode { .. } => {
                    let (_, opened) = rank.steps_within_blocks(stretch.steps);
                    held += opened;
                    rank.decode(&stretch, opened, tally, &mut usage, on_finish);
                }
            }
        }
        usage.peak_blocks = usage.peak_blocks.max(held);
        self.toll = toll;
        self.dynamic_nj += dynamic_nj;
        usage.dynamic_nj = self.dynamic_nj / u128::from(groups);
        self.usage = usage;
        true
    }

    /// Decode runs of the groups that decode, without what all do together, and steps to their next
    /// leaver; and what all do together in a step.
    fn runs<M: StepModel>(&self, model: &M) -> (Vec<(DecodeRun, u64)>, StepCost) {
        let groups = 1 + self.others.len() as u32;
        let mut all = StepShape::default();
        let runs = self.ranks().filter(|rank| rank.decodes() > 0).map(|rank| {
            let (decodes, decode_context) = (rank.decodes(), rank.context());
            let shape = StepShape { decodes, decode_context, ..StepShape::default() };
            all = all.and(&shape);
            let everywhere = shape.of_groups(groups);
            let mut run = model.decode_run(everywhere.decodes, everywhere.decode_context);
            run.first = run.first.without(model.together(&everywhere));
            (run, rank.steps_to_leaver())
        });
        let runs = runs.collect();
        (runs, model.together(&all))
    }

    /// Nobody has anything to do: moves on to what comes before `horizon`; false if nothing does.
    fn stand_by(&mut self, horizon: SimTime) -> bool {
        let clock = self.clock;
        // While no step is under way, schedulers that work ahead see whoever has arrived by now.
        self.ranks_mut().for_each(|rank| rank.rest(clock));
        let mut next = self.lobby.front().map_or(SimTime::MAX, Arrival::at);
        for rank in self.ranks() {
            match rank.outlook(clock) {
                Outlook::Nothing { arrival } => next = next.min(arrival),
                // It has preempted everybody or turned somebody away, and looks at the queue again.
                Outlook::Soon | Outlook::Decodes { .. } => return true,
            }
        }
        // Others may come while blocks that were taken out of use keep somebody out.
        if next < horizon {
            self.clock = clock.max(ticks_at(next.as_ns()));
        }
        next < horizon
    }

    /// Gives who has arrived to the group with the fewest requests.
    fn leave_lobby(&mut self, tally: &mut Tally) {
        let (clock, limits) = (self.clock, self.first.limits());
        while let Some(arrival) =
            self.lobby.pop_front_if(|arrival| ticks_at(arrival.at().as_ns()) <= clock)
        {
            let (Arrival::Request(request, _) | Arrival::Resident(Resident { request, .. })) =
                &arrival;
            if !limits.can_ever_run(request.input, request.output) {
                tally.rejected += 1;
                continue;
            }
            let chosen = emptiest(self.ranks_mut().map(|rank| rank.live()));
            if let Some(rank) = self.ranks_mut().nth(chosen) {
                match arrival {
                    Arrival::Request(request, prompt) => rank.push_prompt(request, prompt),
                    Arrival::Resident(resident) => rank.push_resident(resident),
                }
            }
        }
    }
}

/// Proves, where debug assertions are on, that a loop of steps comes to its end: every few of them
/// time passes or somebody leaves. Without them it costs nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    clock: u128,
    live: usize,
    looks: u32,
}

impl Standing {
    /// Looks that may find nothing to do in a row: one to preempt everybody, one to turn away those who can
    /// never run.
    const MOST: u32 = 2;

    fn of(replica: &Replica) -> Self {
        if cfg!(debug_assertions) {
            Self { clock: replica.clock, live: replica.live(), looks: 0 }
        } else {
            Self::default()
        }
    }

    #[inline]
    fn check(&mut self, replica: &Replica) {
        if cfg!(debug_assertions) {
            let now = Self::of(replica);
            let moved = now.clock > self.clock || now.live != self.live;
            *self = Self { looks: if moved { 0 } else { self.looks + 1 }, ..now };
            debug_assert!(self.looks <= Self::MOST, "it stands still at {}", replica.next_start());
        }
    }
}

/// The slowest of several groups' runs and what they do together, for as long as it is the slowest
/// and none of them changes: first step, growth and steps.
fn slowest(runs: &[(DecodeRun, u64)], together: StepCost) -> (u64, u64, u64) {
    let line = |run: &DecodeRun| (run.first.time.raw(), run.growth.time.raw());
    let (first, growth) = runs.iter().map(|(run, _)| line(run)).max().unwrap_or((0, 0));
    let mut steps = u64::MAX;
    for (run, to_leaver) in runs {
        steps = steps.min(run.steps).min(*to_leaver);
        let (behind, faster) = line(run);
        if faster > growth {
            steps = steps.min((first - behind) / (faster - growth) + 1);
        }
    }
    (first.saturating_add(together.time.raw()), growth, steps)
}

/// Energy of the first `steps` steps of a run.
#[inline]
fn energy(run: &DecodeRun, steps: u64) -> u128 {
    series(run.first.dynamic_nj, run.growth.dynamic_nj, steps)
}

/// At most `most` steps from `begin`, at least one, of which none starts at `until` or later.
#[inline]
fn steps_until(first: u64, growth: u64, until: SimTime, begin: u128, most: u64) -> u64 {
    if until == SimTime::MAX {
        return most;
    }
    steps_before(first, growth, ticks_at(until.as_ns()).saturating_sub(begin), most)
}

/// Fewest steps, at least 1 and at most `most`, after which `span` ticks have passed.
#[inline]
fn steps_before(first: u64, growth: u64, span: u128, most: u64) -> u64 {
    if u128::from(first) >= span || most <= 1 {
        return 1;
    }
    if series(first, growth, most) < span {
        return most;
    }
    if growth == 0 {
        return (span as u64).div_ceil(first.max(1)).clamp(1, most);
    }
    // growth/2·k² + (first − growth/2)·k = span, then to the exact integer.
    let (a, b) = (growth as f64 / 2.0, first as f64 - growth as f64 / 2.0);
    let root = ((b * b + 4.0 * a * span as f64).sqrt() - b) / (2.0 * a);
    let mut steps = (root as u64).clamp(1, most);
    while steps > 1 && series(first, growth, steps - 1) >= span {
        steps -= 1;
    }
    while series(first, growth, steps) < span {
        steps += 1;
    }
    steps
}
