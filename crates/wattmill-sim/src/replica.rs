//! One replica: continuous batching at a cost of O(changes).
//!
//! Per step only the batch's aggregates move: the number of decoding sequences, the sum of their
//! contexts, the free KV blocks. A sequence is touched when it is admitted, at its first token and
//! when it leaves. While nothing changes, steps are summed in closed form
//! ([`StepModel::decode_run`]) up to the next arrival, leaver, kink of the price or shortage of
//! blocks. All sums are integers, so this equals walking every step; [`twin`](crate::twin) does.

use std::collections::VecDeque;

use wattmill_perf::{DecodeRun, Prefill, StepModel, StepShape};
use wattmill_policy::{BatchLimits, PrefillOrder};
use wattmill_units::{SimTime, Ticks};

use crate::leavers::Leavers;
use crate::{Finished, Request, Tally, Usage};

mod report;

pub use report::{FirstToken, Gauge};

/// A running or preempted sequence.
#[derive(Clone, Copy, Debug)]
struct Seat {
    request: Request,
    /// Tokens produced so far; while decoding, as of the moment it (re)joined the batch.
    produced: u32,
    preemptions: u32,
    first_token: SimTime,
    /// Clock at the last token before a preemption.
    last_token: u128,
    /// Number of its latest admission, 0 while it is free or preempted.
    admission: u64,
}

/// A prompt of which a chunk is done.
#[derive(Clone, Copy, Debug)]
struct Partial {
    seat: u32,
    done: u32,
}

/// What a replica has in hand. A vacant replica's holds nothing but room, which another can use.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// Requests not yet admitted, in order of arrival.
    inbox: VecDeque<Request>,
    seats: Vec<Seat>,
    free_seats: Vec<u32>,
    leavers: Leavers,
    /// Decoding sequences by the residue of the steps at which they open a block. Empty until there
    /// is a request, so that a fleet's replicas cost no memory before they run.
    openers: Vec<u32>,
    /// Preempted sequences; the last goes first.
    preempted: Vec<u32>,
    /// Seats whose prompt completes in this step.
    completing: Vec<u32>,
    /// Where prompts go first: since when how many sequences have been waiting for a decode step.
    stalled: Vec<(u128, u32)>,
    /// First tokens that nobody asked for yet, if anybody wants to know.
    first_tokens: Vec<FirstToken>,
    notes_first_tokens: bool,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            inbox: VecDeque::new(),
            seats: Vec::new(),
            free_seats: Vec::new(),
            leavers: Leavers::new(),
            openers: Vec::new(),
            preempted: Vec::new(),
            completing: Vec::new(),
            stalled: Vec::new(),
            first_tokens: Vec::new(),
            notes_first_tokens: false,
        }
    }
}

/// One engine replica under simulation.
#[derive(Clone, Debug)]
pub struct Replica {
    limits: BatchLimits,
    /// Start of the next step, in raw ticks.
    clock: u128,
    /// Steps taken.
    step: u64,
    decodes: u32,
    /// Sum of the decoding sequences' contexts, last produced token included.
    context: u64,
    free_blocks: u64,
    /// `step % block_tokens`.
    residue: usize,
    partial: Option<Partial>,
    /// Admissions so far.
    admitted: u64,
    desk: Desk,
    usage: Usage,
}

const fn whole_ns(clock: u128) -> u64 {
    (clock >> Ticks::FRACTION_BITS) as u64
}

const fn ticks_at(ns: u64) -> u128 {
    (ns as u128) << Ticks::FRACTION_BITS
}

impl Replica {
    /// Idle at time zero.
    pub fn new(limits: BatchLimits) -> Self {
        Self {
            limits,
            clock: 0,
            step: 0,
            decodes: 0,
            context: 0,
            free_blocks: limits.blocks,
            residue: 0,
            partial: None,
            admitted: 0,
            desk: Desk::new(),
            usage: Usage::default(),
        }
    }

    /// Hands over a request. Arrivals must not fall from one call to the next.
    #[inline]
    pub fn push(&mut self, request: Request) {
        debug_assert!(self.desk.inbox.back().is_none_or(|last| last.arrival <= request.arrival));
        if self.desk.openers.is_empty() {
            self.desk.openers.resize(self.limits.block_tokens as usize, 0);
        }
        self.desk.inbox.push_back(request);
    }

    /// Hands over several, as [`Self::push`] one by one.
    pub fn push_all(&mut self, requests: impl ExactSizeIterator<Item = Request>) {
        self.desk.inbox.reserve(requests.len());
        requests.for_each(|request| self.push(request));
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is_idle() && self.desk.inbox.is_empty()
    }

    /// Swaps its desk for another vacant one of the same block size. It must be vacant itself.
    pub(crate) const fn swap_desk(&mut self, other: &mut Desk) {
        std::mem::swap(&mut self.desk, other);
    }

    /// What it did so far.
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Requests handed over and not yet finished or rejected.
    pub fn live(&self) -> usize {
        self.desk.inbox.len() + self.desk.seats.len() - self.desk.free_seats.len()
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
        self.run_answering(model, horizon, tally, &mut |done| {
            on_finish(done);
            None
        });
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
        loop {
            if self.is_idle() && !self.wake(horizon, tally) {
                return;
            }
            if whole_ns(self.clock) >= horizon.as_ns() {
                return;
            }
            let preempting = self.desk.openers[self.residue] as u64 > self.free_blocks;
            while self.desk.openers[self.residue] as u64 > self.free_blocks {
                self.preempt_last();
            }
            let room = self.limits.max_tokens - self.decodes_beside_prompts();
            let waiting = if preempting {
                Waiting::Blocked
            } else {
                let free = self.free_blocks - self.blocks_opened_beside_prompts();
                self.head(self.running(), room, free, tally)
            };
            if self.partial.is_some_and(|_| room > 0) || matches!(waiting, Waiting::Admissible) {
                self.mixed_step(model, !preempting, tally, on_finish);
            } else {
                let until = match waiting {
                    Waiting::None(next) => next.map_or(horizon, |next| next.min(horizon)),
                    _ => horizon,
                };
                // After a preemption the queue is looked at again at the very next step.
                let most = if preempting { 1 } else { u64::MAX };
                self.decode_steps(model, until, most, tally, on_finish);
            }
        }
    }

    /// Sequences that decode in a step that holds prompts.
    #[inline]
    fn decodes_beside_prompts(&self) -> u32 {
        match self.limits.order {
            PrefillOrder::Mixed => self.decodes,
            PrefillOrder::First => 0,
        }
    }

    /// Blocks that they open.
    #[inline]
    fn blocks_opened_beside_prompts(&self) -> u64 {
        match self.limits.order {
            PrefillOrder::Mixed => u64::from(self.desk.openers[self.residue]),
            PrefillOrder::First => 0,
        }
    }

    const fn is_idle(&self) -> bool {
        self.decodes == 0 && self.partial.is_none() && self.desk.preempted.is_empty()
    }

    /// From idle to the next arrival before `horizon`; false if there is none.
    fn wake(&mut self, horizon: SimTime, tally: &mut Tally) -> bool {
        self.reject_impossible(tally);
        match self.desk.inbox.front() {
            Some(next) if next.arrival < horizon => {
                self.clock = self.clock.max(ticks_at(next.arrival.as_ns()));
                true
            }
            _ => false,
        }
    }

    /// Drops requests at the head of the queue that no empty replica could hold.
    #[inline]
    fn reject_impossible(&mut self, tally: &mut Tally) {
        while let Some(head) = self.desk.inbox.front()
            && !self.limits.can_ever_run(head.input, head.output)
        {
            tally.rejected += 1;
            self.desk.inbox.pop_front();
        }
    }

    const fn running(&self) -> u32 {
        self.decodes + self.partial.is_some() as u32
    }

    /// What the head of the queue could do now, beside `running` sequences, with `room` tokens of the
    /// step and `free` blocks left.
    #[inline]
    fn head(&mut self, running: u32, room: u32, free: u64, tally: &mut Tally) -> Waiting {
        let prompt = if let Some(seat) = self.desk.preempted.last() {
            self.prompt(*seat)
        } else {
            self.reject_impossible(tally);
            match self.desk.inbox.front() {
                None => return Waiting::None(None),
                Some(next) if ticks_at(next.arrival.as_ns()) > self.clock => {
                    return Waiting::None(Some(next.arrival));
                }
                Some(next) => next.input,
            }
        };
        if self.limits.admits(running, room, free, u64::from(prompt)) {
            Waiting::Admissible
        } else {
            Waiting::Blocked
        }
    }

    /// Tokens that seat must prefill: its prompt and what it had produced before a preemption.
    #[inline]
    fn prompt(&self, seat: u32) -> u32 {
        let seat = &self.desk.seats[seat as usize];
        seat.request.input + seat.produced
    }

    /// One step with at least one prefill chunk.
    fn mixed_step<M: StepModel>(
        &mut self,
        model: &M,
        admit: bool,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        let decodes = self.decodes_beside_prompts();
        self.free_blocks -= self.blocks_opened_beside_prompts();
        let mut room = self.limits.max_tokens - decodes;
        let mut prefill = Prefill::default();
        let mut running = self.running();
        if let Some(partial) = self.partial.take() {
            self.chunk(partial, &mut room, &mut prefill);
        }
        while admit && self.partial.is_none() {
            let Some(seat) = self.admit_next(running, room, tally) else {
                break;
            };
            running += 1;
            self.chunk(Partial { seat, done: 0 }, &mut room, &mut prefill);
        }
        self.usage.prefill_tokens += u64::from(prefill.tokens);
        self.usage.peak_blocks = self.usage.peak_blocks.max(self.limits.blocks - self.free_blocks);
        let decode_context = if decodes > 0 { self.context } else { 0 };
        let cost = model.step(&StepShape { decodes, decode_context, prefill });
        let (time, energy) = (u128::from(cost.time.raw()), u128::from(cost.dynamic_nj));
        match self.limits.order {
            PrefillOrder::Mixed => {
                if decodes > 0 {
                    tally.decode_steps(u64::from(decodes), cost.time.raw(), 0, 1);
                }
                self.advance(1, time, energy, self.context.into());
                self.leave(tally, on_finish);
                self.complete_prompts(tally, on_finish);
            }
            PrefillOrder::First => {
                self.stall();
                self.pass(1, time, energy);
                let before = self.decodes;
                self.complete_prompts(tally, on_finish);
                if self.decodes > before {
                    self.desk.stalled.push((self.clock, self.decodes - before));
                }
            }
        }
    }

    /// Remembers since when the batch has been waiting for prompts.
    fn stall(&mut self) {
        if self.desk.stalled.is_empty() && self.decodes > 0 {
            self.desk.stalled.push((self.clock, self.decodes));
        }
    }

    /// Gives `partial` its share of the step.
    #[inline]
    fn chunk(&mut self, partial: Partial, room: &mut u32, prefill: &mut Prefill) {
        let missing = self.prompt(partial.seat) - partial.done;
        let tokens = missing.min(*room);
        if tokens > 0 {
            *room -= tokens;
            prefill.add(tokens, partial.done, tokens == missing);
        }
        if tokens == missing {
            self.desk.completing.push(partial.seat);
        } else {
            self.partial = Some(Partial { seat: partial.seat, done: partial.done + tokens });
        }
    }

    /// Seats the head of the queue if the limits admit it.
    #[inline]
    fn admit_next(&mut self, running: u32, room: u32, tally: &mut Tally) -> Option<u32> {
        let Waiting::Admissible = self.head(running, room, self.free_blocks, tally) else {
            return None;
        };
        let seat = match self.desk.preempted.pop() {
            Some(seat) => seat,
            None => {
                let request = self.desk.inbox.pop_front()?;
                self.sit(request)
            }
        };
        self.free_blocks -= self.limits.blocks_for(u64::from(self.prompt(seat)));
        self.admitted += 1;
        self.desk.seats[seat as usize].admission = self.admitted;
        Some(seat)
    }

    #[inline]
    fn sit(&mut self, request: Request) -> u32 {
        let seat = Seat {
            request,
            produced: 0,
            preemptions: 0,
            first_token: SimTime::ZERO,
            last_token: 0,
            admission: 0,
        };
        match self.desk.free_seats.pop() {
            Some(free) => {
                self.desk.seats[free as usize] = seat;
                free
            }
            None => {
                self.desk.seats.push(seat);
                (self.desk.seats.len() - 1) as u32
            }
        }
    }

    /// As many pure decode steps, at least one and at most `most`, as start before `until` and
    /// before anything else changes.
    fn decode_steps<M: StepModel>(
        &mut self,
        model: &M,
        until: SimTime,
        most: u64,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        let run = model.decode_run(self.decodes, self.context);
        let mut steps = run.steps.min(self.desk.leavers.distance(self.step)).min(most);
        if until < SimTime::MAX {
            steps = steps_before(&run, ticks_at(until.as_ns()).saturating_sub(self.clock), steps);
        }
        let (steps, opened) = self.steps_within_blocks(steps);
        self.free_blocks -= opened;
        self.usage.peak_blocks = self.usage.peak_blocks.max(self.limits.blocks - self.free_blocks);
        let (first, growth) = (run.first.time.raw(), run.growth.time.raw());
        let waited = u64::from(!self.desk.stalled.is_empty());
        if waited > 0 {
            let end = self.clock + u128::from(first);
            for (since, sequences) in self.desk.stalled.drain(..) {
                tally.gaps(end - since, u64::from(sequences));
            }
        }
        if steps > waited {
            let next = first + growth * waited;
            tally.decode_steps(u64::from(self.decodes), next, growth, steps - waited);
        }
        let time = series(first, growth, steps);
        let energy = series(run.first.dynamic_nj, run.growth.dynamic_nj, steps);
        let context = series(self.context, u64::from(self.decodes), steps);
        self.advance(steps, time, energy, context);
        self.leave(tally, on_finish);
    }

    /// At most `steps` steps whose new blocks fit, and the blocks they open. The first always fits.
    #[inline]
    fn steps_within_blocks(&self, steps: u64) -> (u64, u64) {
        let period = self.desk.openers.len() as u64;
        let decodes = u64::from(self.decodes);
        let (mut whole, mut rest) = (steps / period, steps % period);
        let affordable = self.free_blocks / decodes;
        if affordable < whole {
            // The shortage falls within the period after those that are affordable.
            (whole, rest) = (affordable, period);
        }
        let mut opened = whole * decodes;
        let mut residue = self.residue;
        for taken in 0..rest {
            let more = u64::from(self.desk.openers[residue]);
            if opened + more > self.free_blocks {
                return (whole * period + taken, opened);
            }
            opened += more;
            residue = if residue + 1 == self.desk.openers.len() { 0 } else { residue + 1 };
        }
        (whole * period + rest, opened)
    }

    /// Moves the clock over `steps` steps.
    #[inline]
    const fn pass(&mut self, steps: u64, time: u128, energy: u128) {
        self.clock += time;
        self.usage.busy_ticks += time;
        self.usage.dynamic_nj += energy;
        self.usage.steps += steps;
    }

    /// Moves clock and aggregates over `steps` steps of an unchanged batch.
    #[inline]
    fn advance(&mut self, steps: u64, time: u128, energy: u128, context: u128) {
        self.pass(steps, time, energy);
        self.usage.context_steps += context;
        let decoded = u64::from(self.decodes) * steps;
        self.usage.decode_tokens += decoded;
        self.context += decoded;
        self.step += steps;
        let residue = self.residue as u64 + steps;
        let period = self.desk.openers.len() as u64;
        self.residue = if residue < period { residue } else { residue % period } as usize;
    }

    /// Lets go of every sequence that produced its last token.
    #[inline]
    fn leave(
        &mut self,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        while let Some(seat) = self.desk.leavers.take(self.step) {
            let Seat { request, produced, .. } = self.desk.seats[seat as usize];
            let joined = self.step - u64::from(request.output - produced);
            let opener = self.opener(joined, request.input + produced);
            self.desk.openers[opener] -= 1;
            self.decodes -= 1;
            let total = u64::from(request.input) + u64::from(request.output);
            self.context -= total;
            self.finish(seat, tally, on_finish);
        }
    }

    /// Residue of the steps at which a sequence opens a block that joins the batch at `joined` with
    /// `context` tokens, the last of them not yet in the cache.
    #[inline]
    fn opener(&self, joined: u64, context: u32) -> usize {
        let period = self.desk.openers.len() as u64;
        let ahead = u64::from(context - 1) % period;
        ((joined + period - ahead) % period) as usize
    }

    fn finish(
        &mut self,
        seat: u32,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        let Seat { request, first_token, preemptions, .. } = self.desk.seats[seat as usize];
        let cached = u64::from(request.input) + u64::from(request.output) - 1;
        self.free_blocks += self.limits.blocks_for(cached);
        self.desk.seats[seat as usize].admission = 0;
        self.desk.free_seats.push(seat);
        let finish = SimTime::from_ns(whole_ns(self.clock));
        let done = Finished { request, first_token, finish, preemptions };
        tally.finish(&done);
        if let Some(next) = on_finish(&done) {
            self.push(next);
        }
    }

    /// Every prompt that was completed produces a token and joins the batch, or is done.
    fn complete_prompts(
        &mut self,
        tally: &mut Tally,
        on_finish: &mut impl FnMut(&Finished) -> Option<Request>,
    ) {
        let mut completing = std::mem::take(&mut self.desk.completing);
        for seat in completing.drain(..) {
            self.usage.prompt_completions += 1;
            let state = &mut self.desk.seats[seat as usize];
            if state.produced == 0 {
                state.first_token = SimTime::from_ns(whole_ns(self.clock));
                if self.desk.notes_first_tokens {
                    let (id, at) = (state.request.id, state.first_token);
                    self.desk.first_tokens.push(FirstToken { id, at });
                }
            } else {
                tally.gaps(self.clock - state.last_token, 1);
            }
            state.produced += 1;
            let left = state.request.output - state.produced;
            let context = state.request.input + state.produced;
            if left == 0 {
                self.finish(seat, tally, on_finish);
                continue;
            }
            self.decodes += 1;
            self.context += u64::from(context);
            let opener = self.opener(self.step, context);
            self.desk.openers[opener] += 1;
            self.desk.leavers.file(seat, self.step + u64::from(left));
        }
        self.desk.completing = completing;
    }

    /// Preempts the sequence admitted last: its blocks are freed, it will be recomputed.
    fn preempt_last(&mut self) {
        // Preemption is rare: looking for the victim costs less than keeping it ready.
        let last = (0..).zip(&self.desk.seats).max_by_key(|(_, seat)| seat.admission);
        let Some((seat, _)) = last else { return };
        let prompt = self.prompt(seat);
        if self.partial.is_some_and(|partial| partial.seat == seat) {
            self.partial = None;
            self.free_blocks += self.limits.blocks_for(u64::from(prompt));
        } else {
            let left = (self.desk.leavers.due(seat) - self.step) as u32;
            self.desk.leavers.remove(seat);
            let state = &mut self.desk.seats[seat as usize];
            let joined_with = state.request.input + state.produced;
            let decoded = state.request.output - state.produced - left;
            state.produced += decoded;
            // Whoever was admitted last has been waiting for the shortest time.
            state.last_token = match self.desk.stalled.last_mut() {
                Some((since, sequences)) => {
                    *sequences -= 1;
                    *since
                }
                None => self.clock,
            };
            self.desk.stalled.pop_if(|(_, sequences)| *sequences == 0);
            let context = joined_with + decoded;
            let opener = self.opener(self.step - u64::from(decoded), joined_with);
            self.desk.openers[opener] -= 1;
            self.decodes -= 1;
            self.context -= u64::from(context);
            self.free_blocks += self.limits.blocks_for(u64::from(context - 1));
        }
        let state = &mut self.desk.seats[seat as usize];
        state.preemptions += 1;
        state.admission = 0;
        self.desk.preempted.push(seat);
    }
}

/// Head of the queue, as the next step sees it.
enum Waiting {
    /// Nobody yet; the next arrival, if one is known.
    None(Option<SimTime>),
    /// Somebody who may start now.
    Admissible,
    /// Somebody who may not, until somebody leaves.
    Blocked,
}

/// Σ of `first + i·growth` for `i < steps`.
#[inline]
fn series(first: u64, growth: u64, steps: u64) -> u128 {
    let steps = u128::from(steps);
    if growth == 0 {
        return u128::from(first) * steps;
    }
    u128::from(first) * steps + u128::from(growth) * (steps * (steps - 1) / 2)
}

/// Fewest steps, at least 1 and at most `most`, after which `span` ticks have passed.
#[inline]
fn steps_before(run: &DecodeRun, span: u128, most: u64) -> u64 {
    let (first, growth) = (run.first.time.raw(), run.growth.time.raw());
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
