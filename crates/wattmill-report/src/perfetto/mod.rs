//! What a world did in a window of time, as a file for ui.perfetto.dev and chrome://tracing.

mod event;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use wattmill_policy::ReplicaState;
use wattmill_sim::{Answer, Gauge, Request, Spot, Step, Turn, Unanswered, Watch, Window};
use wattmill_units::{Power, SimTime, Ticks};

use self::event::{Events, Nothing, Track};
use self::request::{End, Known, Pending};

/// The process of all requests; those of replicas follow.
const REQUESTS: u64 = 1;
/// Threads of a replica's process.
const STEPS: u32 = 1;
const LIFE: u32 = 2;
const SWAPS: u32 = 3;

const fn replica_track(process: u64) -> Track {
    Track { process, thread: STEPS }
}

/// A pool of replicas in a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedPool {
    /// What people call it.
    pub name: String,
    /// What else is to be known of it, such as its site and role; may be empty.
    pub about: String,
    /// Most replicas it can have.
    pub replicas: u32,
    /// Power of a replica that is on and does nothing; `None` where nothing is known of watts.
    pub idle: Option<Power>,
}

/// What a trace is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// What was simulated, in a line.
    pub title: String,
    /// Pools, in the order of the world's.
    pub pools: Vec<TracedPool>,
    /// Names of services likewise.
    pub services: Vec<String>,
    /// Names of regions likewise.
    pub regions: Vec<String>,
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum PerfettoError {
    /// More happened than a file may hold.
    #[error(
        "what happens from {} s to {} holds more than {most} events, as many as a trace may have; \
         they were full at {} s: choose less of the time, such as {}",
        seconds(window.from),
        end_of(window),
        seconds(*full_at),
        narrower(window, *full_at)
    )]
    Full {
        /// What was to be in it.
        window: Window,
        /// Most events of a trace.
        most: u64,
        /// When the first event happened that found no room.
        full_at: SimTime,
    },
    /// Nothing happened in the window.
    #[error(
        "nothing happens from {} s to {}: the run is over at {} s; choose an earlier window",
        seconds(window.from),
        end_of(window),
        seconds(*end)
    )]
    Empty {
        /// What was to be in it.
        window: Window,
        /// When the last thing happened.
        end: SimTime,
    },
    /// It could not be written.
    #[error("the trace cannot be written: {0}")]
    Io(#[from] io::Error),
}

fn seconds(at: SimTime) -> f64 {
    // A quotient, so that whole milliseconds are written as such.
    at.as_ns() as f64 / 1e9
}

fn end_of(window: &Window) -> String {
    if window.until == SimTime::MAX {
        "the end".to_owned()
    } else {
        format!("{} s", seconds(window.until))
    }
}

/// A window that is likely to fit: replicas are not all as far when it is full.
fn narrower(window: &Window, full_at: SimTime) -> String {
    let fits = full_at.since(window.from).as_ns() / 2;
    let until = window.from + SimTime::from_ns(fits.max(1));
    format!("{}s..{}s", seconds(window.from), seconds(until))
}

/// Writes what a world does in a window of time as a trace in the Chrome Trace Event Format: JSON that
/// ui.perfetto.dev and chrome://tracing open. To be given to
/// [`World::watched`](wattmill_sim::World::watched).
///
/// Every replica that takes a step in the window is a process. Its track `steps` has a slice for each step that
/// starts in the window, and for the one that is under way when the window begins, with the tokens,
/// chunks, blocks and watts of that step; its track `swaps` has one for blocks on their way to or from host
/// memory, for which the step waits; counters tell its batch, that of each attention group, its queue, KV
/// blocks and power; `transfer`s are caches it sends to others, with arrows from the
/// step that computed a prompt to the first that decodes it. What becomes of replicas that fail, start
/// or drain is on a track of its own. All requests are in one process, a track for each service: a
/// slice for each from its arrival to its end, and in it one for each phase, cut at the ends of the
/// window.
///
/// Events are written as they happen, in no order of time, so that memory holds requests under way
/// only. A trace of more than [`MOST_EVENTS`](Self::MOST_EVENTS) is refused.
pub struct PerfettoWriter<W> {
    events: Events<W>,
    traced: Traced,
    /// Of the first replica of each pool.
    processes: Vec<u64>,
    window: Window,
    pending: BTreeMap<u64, Pending>,
    replicas: BTreeMap<Spot, Shown>,
    /// What those hold at first of which nothing was told yet.
    found: BTreeMap<Spot, Gauge>,
    /// Sequences in the batch of each attention group, where there are several.
    batches: BTreeMap<Spot, Vec<u32>>,
    /// States of replicas' lives, since when.
    lives: BTreeMap<Spot, (SimTime, ReplicaState)>,
    last: SimTime,
}

/// What the counters of a replica show.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    /// End of its latest step.
    end: SimTime,
    /// Who waited then.
    waits: u32,
    /// Whether its counters have been told that it does nothing.
    rests: bool,
    /// Whether it has swapped anybody.
    swaps: bool,
    batch: Option<f64>,
    waiting: Option<f64>,
    blocks: Option<f64>,
    watts: Option<f64>,
}

/// What is said of a step.
#[derive(Serialize)]
struct AboutStep {
    decodes: u64,
    context_tokens: u64,
    prefill_tokens: u64,
    chunks: u32,
    first_tokens: u64,
    waiting_requests: u32,
    kv_blocks: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    evicted_blocks: u64,
    #[serde(skip_serializing_if = "is_zero")]
    swapped_blocks: u64,
    /// When it began, if that was before the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_above_idle_nj: Option<u64>,
}

/// What is said of blocks on their way to or from host memory.
#[derive(Serialize)]
struct AboutSwap {
    blocks: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct AboutTrace<'a> {
    what: &'a str,
    from_s: f64,
    until_s: Option<f64>,
    wattmill: &'static str,
}

impl<W: Write> PerfettoWriter<W> {
    /// Most events of a trace: about 200 MB, which a browser still opens.
    pub const MOST_EVENTS: u64 = 1_000_000;

    /// Starts a trace in `out`.
    pub fn new(out: W, traced: Traced, window: Window) -> Self {
        Self::of_at_most(out, traced, window, Self::MOST_EVENTS)
    }

    fn of_at_most(out: W, traced: Traced, window: Window, most: u64) -> Self {
        let until = (window.until < SimTime::MAX).then(|| seconds(window.until));
        let about = AboutTrace {
            what: &traced.title,
            from_s: seconds(window.from),
            until_s: until,
            wattmill: env!("CARGO_PKG_VERSION"),
        };
        let mut events = Events::new(out, most, &about);
        events.process(REQUESTS, "requests");
        let mut processes = Vec::new();
        let mut next = REQUESTS + 1;
        for pool in &traced.pools {
            processes.push(next);
            next += u64::from(pool.replicas);
        }
        Self {
            events,
            traced,
            processes,
            window,
            pending: BTreeMap::new(),
            replicas: BTreeMap::new(),
            found: BTreeMap::new(),
            batches: BTreeMap::new(),
            lives: BTreeMap::new(),
            last: SimTime::ZERO,
        }
    }

    /// Ends the trace, with what is still under way; gives `out` back and says how many events there
    /// are.
    ///
    /// # Errors
    /// If they were too many, if nothing happened in the window, or `out` could not be written.
    pub fn finish(mut self) -> Result<(W, u64), PerfettoError> {
        if self.window.from > self.last {
            return Err(PerfettoError::Empty { window: self.window, end: self.last });
        }
        let end = self.window.until.min(self.last);
        for (spot, (since, state)) in std::mem::take(&mut self.lives) {
            self.life(spot, state, (since, end));
        }
        for (spot, shown) in std::mem::take(&mut self.replicas) {
            if !shown.rests {
                self.idle(spot, shown);
            }
        }
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.write(pending, End::UnderWay(end));
        }
        if let Some(full_at) = self.events.full_at {
            let (window, most) = (self.window, self.events.most);
            return Err(PerfettoError::Full { window, most, full_at });
        }
        Ok(self.events.finish()?)
    }

    fn process(&self, spot: Spot) -> u64 {
        self.processes
            .get(usize::from(spot.pool))
            .map_or(REQUESTS, |first| first + u64::from(spot.replica))
    }

    /// A replica that is mentioned for the first time gets its names.
    fn introduce(&mut self, spot: Spot, thread: u32) {
        let known = self.replicas.contains_key(&spot) || self.lives.contains_key(&spot);
        let process = self.process(spot);
        if !known {
            let mut name = spot_name(&self.traced, spot);
            if let Some(pool) = self.traced.pools.get(usize::from(spot.pool))
                && !pool.about.is_empty()
            {
                name = format!("{name} ({})", pool.about);
            }
            self.events.process(process, &name);
        }
        let name = if thread == STEPS { "steps" } else { "state" };
        self.events.thread(Track { process, thread }, name);
    }

    fn write(&mut self, pending: Pending, end: End) {
        let Self { events, traced, processes, window, .. } = self;
        let spot = |spot: Spot| spot_name(traced, spot);
        let process = |spot: Spot| processes[usize::from(spot.pool)] + u64::from(spot.replica);
        let known = Known {
            services: &traced.services,
            regions: &traced.regions,
            spot: &spot,
            process: &process,
        };
        pending.write(events, &known, *window, end);
    }

    /// Writes the part of a state that lies in the window.
    fn life(&mut self, spot: Spot, state: ReplicaState, (from, until): (SimTime, SimTime)) {
        let (from, until) = (from.max(self.window.from), until.min(self.window.until));
        if from < until {
            let track = Track { process: self.process(spot), thread: LIFE };
            self.events.slice(track, &state.to_string(), (from, until), &Nothing {});
        }
    }

    /// The counters of a replica of which nothing was told, as the window finds it.
    fn show(&mut self, spot: Spot, is_on: bool) -> Shown {
        self.introduce(spot, STEPS);
        let Gauge { waiting, blocks, .. } = self.found.remove(&spot).unwrap_or_default();
        let end = self.window.from;
        let mut shown = Shown { end, waits: waiting, ..Shown::default() };
        self.count(spot, "KV cache", "blocks", end, &mut shown.blocks, blocks as f64);
        if !is_on {
            shown = self.idle(spot, shown);
            if shown.watts.is_some() {
                self.count(spot, "power", "W", end, &mut shown.watts, 0.0);
            }
        }
        shown
    }

    /// The counters of a replica that does nothing after its latest step.
    fn idle(&mut self, spot: Spot, mut shown: Shown) -> Shown {
        let idle = self.traced.pools.get(usize::from(spot.pool)).and_then(|pool| pool.idle);
        let at = shown.end;
        self.count(spot, "batch", "sequences", at, &mut shown.batch, 0.0);
        self.count(spot, "queue", "requests", at, &mut shown.waiting, shown.waits.into());
        if let Some(idle) = idle {
            self.count(spot, "power", "W", at, &mut shown.watts, idle.as_watts());
        }
        shown.rests = true;
        shown
    }

    /// Tells a counter that is not what it was.
    fn count(
        &mut self,
        spot: Spot,
        name: &str,
        unit: &str,
        at: SimTime,
        shown: &mut Option<f64>,
        value: f64,
    ) {
        if *shown != Some(value) {
            *shown = Some(value);
            let process = self.process(spot);
            self.events.counter(process, name, unit, at, value);
        }
    }
}

/// What a replica is called.
fn spot_name(traced: &Traced, spot: Spot) -> String {
    match traced.pools.get(usize::from(spot.pool)) {
        Some(pool) if pool.replicas > 1 => format!("{} {}", pool.name, spot.replica),
        Some(pool) => pool.name.clone(),
        None => format!("{} {}", spot.pool, spot.replica),
    }
}

/// What a step is called.
const fn step_name(step: &Step) -> &'static str {
    match (step.work.prefill_tokens > 0, step.work.decode_tokens > 0) {
        (true, true) => "prefill + decode",
        (true, false) => "prefill",
        (false, _) => "decode",
    }
}

impl<W: Write> Watch for PerfettoWriter<W> {
    fn window(&self) -> Window {
        self.window
    }

    fn is_full(&self) -> bool {
        self.events.full_at.is_some()
    }

    fn asked(&mut self, request: &Request, service: u16, region: u16) {
        self.last = self.last.max(request.arrival);
        if request.arrival < self.window.until {
            self.pending.insert(request.id, Pending::new(*request, service, region));
        }
    }

    fn turned(&mut self, turn: &Turn) {
        if let Some(pending) = self.pending.get_mut(&turn.request) {
            pending.turn(*turn);
        }
    }

    fn answered(&mut self, at: SimTime, answer: &Answer) {
        self.last = self.last.max(at);
        if let Some(pending) = self.pending.remove(&answer.done.request.id) {
            self.write(pending, End::Answered(at, *answer));
        }
    }

    fn unanswered(&mut self, request: u64, at: SimTime, how: Unanswered) {
        self.last = self.last.max(at);
        if let Some(pending) = self.pending.remove(&request) {
            let how = match how {
                Unanswered::Rejected => "rejected",
                Unanswered::Shed => "shed",
                Unanswered::Lost => "lost",
            };
            self.write(pending, End::Unanswered(at, how));
        }
    }

    fn found(&mut self, spot: Spot, gauge: &Gauge) {
        self.found.insert(spot, *gauge);
    }

    fn stepped(&mut self, spot: Spot, step: &Step) {
        let began = step.from();
        let (from, until) = (began.max(self.window.from), step.until());
        self.last = self.last.max(until);
        let mut shown = match self.replicas.get(&spot).copied() {
            Some(shown) => shown,
            None => {
                let is_on = self.lives.get(&spot).is_none_or(|(_, state)| state.is_on());
                self.show(spot, is_on)
            }
        };
        if from > shown.end && !shown.rests {
            shown = self.idle(spot, shown);
        }
        let work = &step.work;
        let idle = self.traced.pools.get(usize::from(spot.pool)).and_then(|pool| pool.idle);
        let length = Ticks::from_raw(1).as_seconds() * (step.end - step.begin) as f64;
        let watts = idle.map(|idle| (idle + work.dynamic_energy() / length).as_watts());
        let about = AboutStep {
            decodes: work.decode_tokens,
            context_tokens: work.context_steps as u64,
            prefill_tokens: work.prefill_tokens,
            chunks: step.chunks,
            first_tokens: work.prompt_completions,
            waiting_requests: step.waiting,
            kv_blocks: step.after.blocks,
            cached_tokens: work.cached_tokens,
            evicted_blocks: work.evicted_blocks,
            swapped_blocks: work.swapped_blocks,
            began_s: (began < from).then(|| seconds(began)),
            watts,
            energy_above_idle_nj: watts.map(|_| work.dynamic_nj as u64),
        };
        let track = replica_track(self.process(spot));
        self.events.slice(track, step_name(step), (from, until), &about);
        let there = step.swapped();
        if there > from {
            let track = Track { process: self.process(spot), thread: SWAPS };
            if !shown.swaps {
                self.events.thread(track, "swaps");
                shown.swaps = true;
            }
            let about = AboutSwap { blocks: work.swapped_blocks };
            self.events.slice(track, "swap", (from, there), &about);
        }
        let sequences = step.sequences() as f64;
        self.count(spot, "batch", "sequences", from, &mut shown.batch, sequences);
        self.count(spot, "queue", "requests", from, &mut shown.waiting, step.waiting.into());
        let blocks = step.after.blocks as f64;
        self.count(spot, "KV cache", "blocks", until, &mut shown.blocks, blocks);
        if let Some(watts) = watts {
            self.count(spot, "power", "W", from, &mut shown.watts, watts);
        }
        (shown.end, shown.waits, shown.rests) = (until, step.after.waiting, false);
        self.replicas.insert(spot, shown);
    }

    fn batches(&mut self, spot: Spot, step: &Step, sequences: &[u32]) {
        let process = self.process(spot);
        let shown = self.batches.entry(spot).or_default();
        if shown != sequences {
            shown.clear();
            shown.extend(sequences);
            let groups = sequences.iter().enumerate().map(|(group, n)| (group, (*n).into()));
            self.events.counters(process, "batch of group", step.until(), groups);
        }
    }

    fn held(&mut self, spot: Spot, at: SimTime, blocks: u64) {
        if let Some(mut shown) = self.replicas.get(&spot).copied()
            && at < self.window.until
        {
            let at = at.max(shown.end);
            self.count(spot, "KV cache", "blocks", at, &mut shown.blocks, blocks as f64);
            self.replicas.insert(spot, shown);
        }
    }

    fn lived(&mut self, spot: Spot, at: SimTime, before: ReplicaState, after: ReplicaState) {
        self.last = self.last.max(at);
        let since = match self.lives.get(&spot) {
            Some((since, _)) => *since,
            None => {
                self.introduce(spot, LIFE);
                SimTime::ZERO
            }
        };
        self.life(spot, before, (since, at));
        self.lives.insert(spot, (at, after));
        let idle = self.traced.pools.get(usize::from(spot.pool)).and_then(|pool| pool.idle);
        let (from, until) = (self.window.from, self.window.until);
        if before.is_on() != after.is_on() && (from..until).contains(&at) {
            let shown = self.replicas.get(&spot).copied();
            let mut shown = shown.unwrap_or_else(|| self.show(spot, before.is_on()));
            if !shown.rests {
                shown.waits = 0;
                shown = self.idle(spot, shown);
            }
            if let Some(idle) = idle {
                let watts = if after.is_on() { idle.as_watts() } else { 0.0 };
                self.count(spot, "power", "W", at.max(shown.end), &mut shown.watts, watts);
            }
            self.replicas.insert(spot, shown);
        }
    }
}
