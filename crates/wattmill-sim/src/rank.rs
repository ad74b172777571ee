//! One batch: who runs, who waits, which blocks are held.
//!
//! Knows no price: whoever drives it says how long a step took. Per step only the batch's aggregates
//! move: the number of decoding sequences, the sum of their contexts, the free KV blocks. A sequence
//! is touched when it is admitted, at its first token and when it leaves.

mod admission;
mod departure;
mod outlook;
mod seated;

use std::collections::VecDeque;

use wattmill_perf::{Prefill, StepShape};
use wattmill_policy::{BatchLimits, PrefillOrder, Scheduling};
use wattmill_units::{SimTime, Ticks};

use crate::leavers::Leavers;
use crate::prefix::{CacheChange, PrefixCache, Prompt};
use crate::{Finished, FirstToken, Request, Resident, Tally, Usage};

pub(crate) use outlook::Outlook;
pub(crate) use seated::{Doing, Seated};

/// A running or preempted sequence.
#[derive(Clone, Copy, Debug)]
struct Seat {
    request: Request,
    /// Tokens produced so far; while decoding, as of the moment it (re)joined the batch.
    produced: u32,
    preemptions: u32,
    first_token: SimTime,
    /// Clock at its latest token, as of the moment it (re)joined the batch or was preempted.
    last_token: u128,
    /// Number of its latest admission, 0 while it is free or preempted.
    admission: u64,
}

/// A prompt of which a chunk is done, or was found in the cache.
#[derive(Clone, Copy, Debug)]
struct Partial {
    seat: u32,
    done: u32,
}

/// A preempted sequence.
#[derive(Clone, Copy, Debug)]
struct Away {
    seat: u32,
    /// Whether its cache waits in host memory.
    swapped: bool,
}

/// What a rank has in hand. A vacant rank's holds nothing but room, which another can use.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// Requests not yet admitted, in order of arrival.
    inbox: VecDeque<Request>,
    /// Likewise of those that come with their cache.
    residents: VecDeque<Resident>,
    seats: Vec<Seat>,
    free_seats: Vec<u32>,
    leavers: Leavers,
    /// Decoding sequences by the residue of the steps at which they open a block. Empty until there
    /// is a request, so that a fleet's replicas cost no memory before they run.
    openers: Vec<u32>,
    /// Preempted sequences; the last goes first.
    preempted: Vec<Away>,
    /// Seats whose prompt completes in this step.
    completing: Vec<u32>,
    /// Seats whose answer is complete.
    leaving: Vec<u32>,
    /// Since when how many sequences have been waiting for a decode step, if not all of them since
    /// the end of the last: where prompts go first, or some come back or from elsewhere.
    stalled: Vec<(u128, u32)>,
    /// First tokens that nobody asked for yet, if anybody wants to know.
    first_tokens: Vec<FirstToken>,
    notes_first_tokens: bool,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            inbox: VecDeque::new(),
            residents: VecDeque::new(),
            seats: Vec::new(),
            free_seats: Vec::new(),
            leavers: Leavers::new(),
            openers: Vec::new(),
            preempted: Vec::new(),
            completing: Vec::new(),
            leaving: Vec::new(),
            stalled: Vec::new(),
            first_tokens: Vec::new(),
            notes_first_tokens: false,
        }
    }
}

/// What the next step of a rank is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until something arrives.
    Nothing,
    /// One with at least one prefill chunk; whether waiting prompts may join it, and the blocks that
    /// the first of them takes if it may for certain.
    Mixed { admit: bool, head: Option<u64> },
    /// Decodes, until the next arrival that is known of and at most so many steps.
    Decode { arrival: Option<SimTime>, most: u64 },
}

/// One batch under simulation.
#[derive(Clone, Debug)]
pub(crate) struct Rank {
    limits: BatchLimits,
    /// Decode steps taken.
    step: u64,
    decodes: u32,
    /// Sum of the decoding sequences' contexts, last produced token included.
    context: u64,
    /// Tokens that admitted sequences have still to produce.
    to_come: u64,
    /// Blocks that hold nothing, or only what nobody uses at the moment.
    free_blocks: u64,
    /// Blocks taken out of use for caches that are not in the batch.
    aside: u64,
    /// `step % block_tokens`.
    residue: usize,
    partial: Option<Partial>,
    /// Whether the head of the queue was refused and nobody has left since, of prompts and of those
    /// that come with their cache.
    refused: [bool; 2],
    /// Admissions so far.
    admitted: u64,
    /// Start of the latest step, in raw ticks: who arrived after it is not yet seen by a scheduler
    /// that works ahead.
    composed: u128,
    /// Time that the coming step waits for blocks to move to or from host memory.
    toll: u64,
    desk: Desk,
    cache: Option<Box<PrefixCache>>,
}

const PROMPT: usize = 0;
const RESIDENT: usize = 1;

pub(crate) const fn whole_ns(clock: u128) -> u64 {
    (clock >> Ticks::FRACTION_BITS) as u64
}

pub(crate) const fn ticks_at(ns: u64) -> u128 {
    (ns as u128) << Ticks::FRACTION_BITS
}

impl Rank {
    /// Empty.
    pub(crate) fn new(limits: BatchLimits) -> Self {
        Self {
            limits,
            step: 0,
            decodes: 0,
            context: 0,
            to_come: 0,
            free_blocks: limits.blocks,
            aside: 0,
            residue: 0,
            partial: None,
            refused: [false; 2],
            admitted: 0,
            composed: 0,
            toll: 0,
            desk: Desk::new(),
            cache: limits.prefix_caching.then(|| Box::new(PrefixCache::new(limits.block_tokens))),
        }
    }

    /// Hands over a request. Arrivals must not fall from one call to the next.
    #[inline]
    pub(crate) fn push(&mut self, request: Request) {
        self.push_prompt(request, Prompt::default());
    }

    /// Hands over a request whose prompt may share its beginning with others, likewise.
    #[inline]
    pub(crate) fn push_prompt(&mut self, request: Request, prompt: Prompt) {
        debug_assert!(self.desk.inbox.back().is_none_or(|last| last.arrival <= request.arrival));
        self.unfold();
        self.desk.inbox.push_back(request);
        if let Some(cache) = &mut self.cache {
            cache.wait(prompt);
        }
    }

    /// Hands over a sequence that comes with its cache. Arrivals must not fall likewise.
    pub(crate) fn push_resident(&mut self, resident: Resident) {
        self.unfold();
        self.desk.residents.push_back(resident);
    }

    /// Lays out what depends on the block size, once there is a request.
    #[inline]
    fn unfold(&mut self) {
        if self.desk.openers.is_empty() {
            self.desk.openers.resize(self.limits.block_tokens as usize, 0);
        }
    }

    pub(crate) fn reserve(&mut self, requests: usize) {
        self.desk.inbox.reserve(requests);
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is_idle() && self.desk.inbox.is_empty() && self.desk.residents.is_empty()
    }

    /// Swaps its desk for another vacant one of the same block size. It must be vacant itself.
    pub(crate) const fn swap_desk(&mut self, other: &mut Desk) {
        std::mem::swap(&mut self.desk, other);
    }

    /// From now on remembers what its prefix cache stores and evicts.
    pub(crate) fn watch_cache(&mut self) {
        self.cache.iter_mut().for_each(|cache| cache.watch());
    }

    /// What its prefix cache stored and evicted since the last call.
    pub(crate) fn cache_changes(&mut self) -> impl Iterator<Item = CacheChange> {
        self.cache.iter_mut().flat_map(|cache| cache.changes())
    }

    /// Loses everything in hand and in the cache; what it is told to note it still does.
    pub(crate) fn begin_anew(&mut self, limits: BatchLimits) {
        let watched = self.cache.as_ref().is_some_and(|cache| cache.is_watched());
        let notes = self.desk.notes_first_tokens;
        *self = Self::new(limits);
        self.desk.notes_first_tokens = notes;
        if watched {
            self.watch_cache();
        }
    }

    /// Notes first tokens from now on.
    pub(crate) const fn note_first_tokens(&mut self) {
        self.desk.notes_first_tokens = true;
    }

    /// First tokens since the last call, in the order in which they came.
    pub(crate) fn take_first_tokens(&mut self) -> impl Iterator<Item = FirstToken> {
        self.desk.first_tokens.drain(..)
    }

    /// Requests handed over and not yet finished or rejected.
    pub(crate) fn live(&self) -> usize {
        let seated = self.desk.seats.len() - self.desk.free_seats.len();
        self.desk.inbox.len() + self.desk.residents.len() + seated
    }

    /// What it is limited to.
    pub(crate) const fn limits(&self) -> BatchLimits {
        self.limits
    }

    /// Blocks in use.
    pub(crate) const fn used_blocks(&self) -> u64 {
        self.limits.blocks - self.free_blocks
    }

    /// Sequences that decode.
    pub(crate) const fn decodes(&self) -> u32 {
        self.decodes
    }

    /// Sum of their contexts.
    pub(crate) const fn context(&self) -> u64 {
        self.context
    }

    pub(crate) const fn is_idle(&self) -> bool {
        self.decodes == 0 && self.partial.is_none() && self.desk.preempted.is_empty()
    }

    /// The next arrival of an idle rank, without those that can never run.
    pub(crate) fn next_arrival(&mut self, tally: &mut Tally) -> Option<SimTime> {
        self.reject_impossible(tally);
        self.reject_impossible_residents(tally);
        // Whom blocks keep out that were taken out of use has to wait for those.
        let kept_out = |kind: usize| self.aside > 0 && self.refused[kind];
        let request = self.desk.inbox.front().filter(|_| !kept_out(PROMPT));
        let resident = self.desk.residents.front().filter(|_| !kept_out(RESIDENT));
        earlier(request.map(|request| request.arrival), resident.map(|resident| resident.ready))
    }

    /// An idle rank's scheduler has seen whoever has arrived by now.
    pub(crate) const fn rest(&mut self, clock: u128) {
        self.composed = clock;
    }

    /// What it would do now. Preempts whom the coming step needs the blocks of and lets those in that
    /// come with their cache.
    #[inline(always)]
    pub(crate) fn look(&mut self, clock: u128, tally: &mut Tally, usage: &mut Usage) -> Next {
        if self.limits.scheduling == Scheduling::Synchronous {
            self.composed = clock;
        }
        let mut preempting = false;
        if !self.desk.openers.is_empty() {
            preempting = self.opened() > self.free_blocks;
            while self.opened() > self.free_blocks {
                self.preempt_last(clock, usage);
            }
        }
        let mut until = None;
        if !preempting && (!self.desk.residents.is_empty() || self.head_is_swapped()) {
            until = self.admit_residents(clock, tally, usage);
        }
        let room = self.limits.max_tokens - self.decodes_beside_prompts();
        if self.partial.is_some() && room > 0 {
            return Next::Mixed { admit: !preempting, head: None };
        }
        let waiting = if preempting {
            Waiting::Blocked
        } else {
            let free = self.free_blocks - self.blocks_opened_beside_prompts();
            self.head(self.running(), room, free, clock, tally)
        };
        let (arrival, unseen) = match waiting {
            Waiting::Admissible(blocks) => {
                // With a cache, the blocks that decodes open may evict what the head would share.
                let head = self.cache.is_none().then_some(blocks);
                return Next::Mixed { admit: true, head };
            }
            Waiting::None(next) => (next, false),
            Waiting::Unseen => (None, true),
            Waiting::Blocked => (None, false),
        };
        if self.decodes == 0 {
            return Next::Nothing;
        }
        let arrival = earlier(arrival, until);
        // After a preemption the queue is looked at again at the very next step, and so it is when
        // somebody has arrived whom the scheduler has not seen; a toll is paid by one step.
        let one = preempting || unseen || self.toll > 0;
        Next::Decode { arrival, most: if one { 1 } else { u64::MAX } }
    }

    /// Blocks that the decodes of the coming step open.
    #[inline]
    fn opened(&self) -> u64 {
        u64::from(self.desk.openers[self.residue])
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
            PrefillOrder::Mixed if !self.desk.openers.is_empty() => self.opened(),
            PrefillOrder::Mixed | PrefillOrder::First => 0,
        }
    }

    pub(crate) const fn running(&self) -> u32 {
        self.decodes + self.partial.is_some() as u32
    }

    /// Adds a sequence to the decodes whose latest token is there.
    #[inline]
    fn join(&mut self, seat: u32, step: u64) {
        let Seat { request, produced, .. } = self.desk.seats[seat as usize];
        let context = request.input + produced;
        self.decodes += 1;
        self.context += u64::from(context);
        let opener = self.opener(step, context);
        self.desk.openers[opener] += 1;
        self.desk.leavers.file(seat, step + u64::from(request.output - produced));
    }

    /// Takes free blocks; what nobody uses of the cache makes room.
    #[inline]
    fn take(&mut self, blocks: u64, usage: &mut Usage) {
        self.free_blocks -= blocks;
        if let Some(cache) = &mut self.cache {
            usage.evicted_blocks += cache.shrink_to(self.free_blocks);
        }
    }

    /// Tokens that seat must prefill: its prompt and what it had produced before a preemption.
    #[inline]
    fn prompt(&self, seat: u32) -> u32 {
        let seat = &self.desk.seats[seat as usize];
        seat.request.input + seat.produced
    }

    /// Composes a step with at least one prefill chunk.
    #[inline(always)]
    pub(crate) fn compose(
        &mut self,
        clock: u128,
        admit: bool,
        mut head: Option<u64>,
        tally: &mut Tally,
        usage: &mut Usage,
    ) -> StepShape {
        let decodes = self.decodes_beside_prompts();
        self.take(self.blocks_opened_beside_prompts(), usage);
        let mut room = self.limits.max_tokens - decodes;
        let mut prefill = Prefill::default();
        let mut running = self.running();
        if let Some(partial) = self.partial.take() {
            self.chunk(partial, &mut room, &mut prefill);
        }
        while admit && self.partial.is_none() {
            let blocks = head.take().or_else(|| {
                match self.head(running, room, self.free_blocks, clock, tally) {
                    Waiting::Admissible(blocks) => Some(blocks),
                    _ => None,
                }
            });
            let Some(partial) = blocks.and_then(|blocks| self.admit_next(blocks, usage)) else {
                break;
            };
            running += 1;
            self.chunk(partial, &mut room, &mut prefill);
        }
        usage.prefill_tokens += u64::from(prefill.tokens);
        usage.peak_blocks = usage.peak_blocks.max(self.used_blocks());
        let decode_context = if decodes > 0 { self.context } else { 0 };
        StepShape { decodes, decode_context, prefill }
    }

    /// Gives `partial` its share of the step.
    #[inline(always)]
    fn chunk(&mut self, partial: Partial, room: &mut u32, prefill: &mut Prefill) {
        let missing = self.prompt(partial.seat) - partial.done;
        let tokens = missing.min(*room);
        let done = partial.done + tokens;
        if tokens > 0 {
            *room -= tokens;
            prefill.add(tokens, partial.done, tokens == missing);
            if let Some(cache) = &mut self.cache {
                self.free_blocks = cache.computed(partial.seat, done, self.free_blocks);
            }
        }
        if tokens == missing {
            self.desk.completing.push(partial.seat);
        } else {
            self.partial = Some(Partial { seat: partial.seat, done });
        }
    }

    /// Time that the coming step waits for the host link.
    #[inline]
    pub(crate) const fn toll(&mut self) -> u64 {
        let toll = self.toll;
        self.toll = 0;
        toll
    }

    /// After a step that was [composed](Self::compose), which began at `begin` and ends at `clock`.
    #[inline(always)]
    pub(crate) fn conclude(
        &mut self,
        begin: u128,
        clock: u128,
        tally: &mut Tally,
        usage: &mut Usage,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        self.composed = begin;
        match self.limits.order {
            PrefillOrder::Mixed => {
                if !self.desk.stalled.is_empty() {
                    self.end_stall(clock, tally);
                } else if self.decodes > 0 {
                    tally.decode_steps(u64::from(self.decodes), (clock - begin) as u64, 0, 1);
                }
                self.advance(1, self.context.into(), usage);
                self.leave(clock, tally, on_finish);
                self.complete_prompts(clock, tally, usage, on_finish);
            }
            PrefillOrder::First => {
                self.stall(begin);
                let before = self.decodes;
                self.complete_prompts(clock, tally, usage, on_finish);
                if self.decodes > before {
                    self.desk.stalled.push((clock, self.decodes - before));
                }
            }
        }
    }

    /// Remembers since when the batch has been waiting for prompts.
    #[inline]
    fn stall(&mut self, begin: u128) {
        if self.desk.stalled.is_empty() && self.decodes > 0 {
            self.desk.stalled.push((begin, self.decodes));
        }
    }

    /// The token that all have been waiting for is there.
    fn end_stall(&mut self, clock: u128, tally: &mut Tally) {
        for (since, sequences) in self.desk.stalled.drain(..) {
            tally.gaps(clock - since, u64::from(sequences));
        }
    }

    /// Decode steps after which somebody leaves, or fewer.
    #[inline]
    pub(crate) fn steps_to_leaver(&self) -> u64 {
        self.desk.leavers.distance(self.step)
    }

    /// Takes decode steps, at most as many as go before the next [leaver](Self::steps_to_leaver),
    /// which open `opened` blocks.
    #[inline(always)]
    pub(crate) fn decode(
        &mut self,
        run: &Stretch,
        opened: u64,
        tally: &mut Tally,
        usage: &mut Usage,
        on_finish: &mut impl FnMut(&Finished),
    ) {
        let Stretch { begin, first, growth, steps, end } = *run;
        self.take(opened, usage);
        usage.peak_blocks = usage.peak_blocks.max(self.used_blocks());
        let waited = u64::from(!self.desk.stalled.is_empty());
        if waited > 0 {
            self.end_stall(begin + u128::from(first), tally);
        }
        if steps > waited {
            let next = first + growth * waited;
            tally.decode_steps(u64::from(self.decodes), next, growth, steps - waited);
        }
        let context = series(self.context, u64::from(self.decodes), steps);
        if self.limits.scheduling == Scheduling::Ahead {
            self.composed = end - u128::from(first + growth * (steps - 1));
        }
        self.advance(steps, context, usage);
        self.leave(end, tally, on_finish);
    }

    /// At most `steps` steps whose new blocks fit, and the blocks they open. The first always fits.
    #[inline(always)]
    pub(crate) fn steps_within_blocks(&self, steps: u64) -> (u64, u64) {
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

    /// Moves the aggregates over `steps` decode steps of an unchanged batch.
    #[inline(always)]
    fn advance(&mut self, steps: u64, context: u128, usage: &mut Usage) {
        usage.context_steps += context;
        let decoded = u64::from(self.decodes) * steps;
        usage.decode_tokens += decoded;
        self.context += decoded;
        self.to_come -= decoded;
        self.step += steps;
        let residue = self.residue as u64 + steps;
        let period = self.desk.openers.len() as u64;
        self.residue = if residue < period { residue } else { residue % period } as usize;
    }
}

/// Consecutive decode steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Clock at the start of the first.
    pub(crate) begin: u128,
    /// Ticks of the first.
    pub(crate) first: u64,
    /// Ticks that each further one takes more than the one before.
    pub(crate) growth: u64,
    pub(crate) steps: u64,
    /// Clock at the end of the last.
    pub(crate) end: u128,
}

/// Head of the queue, as the next step sees it.
enum Waiting {
    /// Nobody yet; the next arrival, if one is known.
    None(Option<SimTime>),
    /// Somebody who came after the scheduler had chosen.
    Unseen,
    /// Somebody who may start now, taking so many blocks.
    Admissible(u64),
    /// Somebody who may not, until somebody leaves.
    Blocked,
}

/// The earlier of two moments that may not be known.
fn earlier(a: Option<SimTime>, b: Option<SimTime>) -> Option<SimTime> {
    a.into_iter().chain(b).min()
}

/// Σ of `first + i·growth` for `i < steps`.
#[inline]
pub(crate) fn series(first: u64, growth: u64, steps: u64) -> u128 {
    let steps = u128::from(steps);
    if growth == 0 {
        return u128::from(first) * steps;
    }
    u128::from(first) * steps + u128::from(growth) * (steps * (steps - 1) / 2)
}
