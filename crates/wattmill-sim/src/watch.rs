//! A world that is watched: every step of its replicas, every turn of its requests.
//!
//! Watched replicas take their steps one at a time. They are the steps that they take unwatched, since
//! sums of integers do not depend on how they are cut; what a step did is what the replica's books
//! say after it and did not say before.

use std::cell::Cell;

use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::ReplicaState;
use wattmill_units::SimTime;

use crate::rank::{Doing, Seated, ticks_at, whole_ns};
use crate::{Answer, Finished, Gauge, Replica, Request, Tally, Usage};

/// A time of which steps are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of steps that start before this only the last is told, if it ends after.
    pub from: SimTime,
    /// Not told are those that start then or later.
    pub until: SimTime,
}

impl Window {
    /// All time.
    pub const ALL: Self = Self { from: SimTime::ZERO, until: SimTime::MAX };
}

/// One replica of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Its pool, by its place in the list.
    pub pool: u16,
    /// The replica of that pool.
    pub replica: u32,
}

/// A step that a replica took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it began, in raw [`Ticks`](wattmill_units::Ticks).
    pub begin: u128,
    /// When it ended, likewise.
    pub end: u128,
    /// What was done in it. The peak is that of the whole time so far.
    pub work: Usage,
    /// Prompts of which it computed a chunk.
    pub chunks: u32,
    /// Time at its beginning in which it waited for KV blocks on their way to or from host memory, in
    /// raw ticks.
    pub swapping: u64,
    /// Requests that waited while it ran, preempted ones among them.
    pub waiting: u32,
    /// What the replica held at its end, when those who were done had left.
    pub after: Gauge,
}

impl Step {
    /// When it began, to the nanosecond below.
    pub const fn from(&self) -> SimTime {
        SimTime::from_ns(whole_ns(self.begin))
    }

    /// When it ended, likewise.
    pub const fn until(&self) -> SimTime {
        SimTime::from_ns(whole_ns(self.end))
    }

    /// When it had waited for host memory, likewise; when it began if it did not.
    pub const fn swapped(&self) -> SimTime {
        SimTime::from_ns(whole_ns(self.begin + self.swapping as u128))
    }

    /// Sequences in it: those that decoded and those that were prefilled.
    pub const fn sequences(&self) -> u64 {
        self.work.decode_tokens + self.chunks as u64
    }
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On its way to a site.
    Travelling,
    /// At a pool, for a replica with room.
    Waiting,
    /// At a replica, for its place in the batch.
    Queued,
    /// In the batch, its prompt being computed.
    Prefilling,
    /// In the batch, with a token a step.
    Decoding,
    /// Out of the batch for want of blocks.
    Preempted,
    /// Its prompt is computed and held, until a decoding replica has blocks for it.
    Held,
    /// Its cache is on the way from one replica to another.
    Moving {
        /// From where.
        from: Spot,
        /// Of how many bytes it is.
        bytes: u64,
    },
}

/// A request gets from one phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The request.
    pub request: u64,
    /// When.
    pub at: SimTime,
    /// To which phase.
    pub phase: Phase,
    /// At which pool it is then, or will be.
    pub pool: u16,
    /// At which of its replicas, if it was given to one.
    pub replica: Option<u32>,
}

/// How a request ends that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It was too long for any replica.
    Rejected,
    /// A queue sent it away.
    Shed,
    /// Its replica or site was lost once too often, or nobody was there.
    Lost,
}

/// Watches a world.
///
/// Turns of a request come in order of time, with one exception: a step under way counts as taken, and
/// so do the turns at its end. If its replica is lost before, the turns that follow come earlier and
/// make those void that lie ahead of them.
pub trait Watch {
    /// Whether it wants to know anything at all.
    const WATCHES: bool = true;

    /// Of which time it wants to know the steps, and what replicas do with their requests. A request
    /// that is in a batch when it begins turns to what it does there at that moment.
    fn window(&self) -> Window;

    /// Whether it has seen all it can take: the run then stops as if it were interrupted.
    fn is_full(&self) -> bool {
        false
    }

    /// Somebody asks.
    fn asked(&mut self, request: &Request, service: u16, region: u16);

    /// A request gets on.
    fn turned(&mut self, turn: &Turn);

    /// A request was answered: its last token was there at `at`, before it went back to the client.
    fn answered(&mut self, at: SimTime, answer: &Answer);

    /// A request will not be answered.
    fn unanswered(&mut self, request: u64, at: SimTime, how: Unanswered);

    /// What a replica holds when the window begins, after its last step that ended before; told before
    /// anything that it does in the window.
    fn found(&mut self, spot: Spot, gauge: &Gauge);

    /// A replica took a step. Those of one replica come in order of time.
    fn stepped(&mut self, spot: Spot, step: &Step);

    /// A replica with several attention groups took a step, at the end of which each had so many
    /// sequences in its batch.
    fn batches(&mut self, spot: Spot, step: &Step, sequences: &[u32]);

    /// Between two steps a replica got to hold so many KV blocks: room for a cache to come, caches that
    /// others fetched, or nothing after it was lost.
    fn held(&mut self, spot: Spot, at: SimTime, blocks: u64);

    /// A replica got from one state of its life to another.
    fn lived(&mut self, spot: Spot, at: SimTime, before: ReplicaState, after: ReplicaState);
}

/// Nobody watches, which costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwatched;

impl Watch for Unwatched {
    const WATCHES: bool = false;

    fn window(&self) -> Window {
        Window::ALL
    }
    fn asked(&mut self, _: &Request, _: u16, _: u16) {}
    fn turned(&mut self, _: &Turn) {}
    fn answered(&mut self, _: SimTime, _: &Answer) {}
    fn unanswered(&mut self, _: u64, _: SimTime, _: Unanswered) {}
    fn found(&mut self, _: Spot, _: &Gauge) {}
    fn stepped(&mut self, _: Spot, _: &Step) {}
    fn batches(&mut self, _: Spot, _: &Step, _: &[u32]) {}
    fn held(&mut self, _: Spot, _: SimTime, _: u64) {}
    fn lived(&mut self, _: Spot, _: SimTime, _: ReplicaState, _: ReplicaState) {}
}

/// Prices as its model does, and notes of how many prompts the latest step has a chunk.
struct Noting<'m, M> {
    model: &'m M,
    chunks: Cell<u32>,
}

impl<M: StepModel> StepModel for Noting<'_, M> {
    fn step(&self, shape: &StepShape) -> StepCost {
        self.chunks.set(shape.prefill.chunks);
        self.model.step(shape)
    }

    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        self.chunks.set(0);
        self.model.decode_run(decodes, context)
    }

    // Of several groups this is asked for last, of all of them.
    fn together(&self, shape: &StepShape) -> StepCost {
        self.chunks.set(shape.prefill.chunks);
        self.model.together(shape)
    }
}

/// Who sits at a replica, as far as is known: by attention group and seat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crew {
    /// Whether the window has begun for it.
    known: bool,
    seats: Vec<Vec<Option<Seated>>>,
    /// Room for those after a step.
    after: Vec<Vec<Option<Seated>>>,
    /// What was done ahead of the coming step, such as swapping somebody out.
    ahead: Usage,
    /// Room for the sequences in the batch of each group.
    batches: Vec<u32>,
}

/// A replica under way, and where what it says goes.
struct Run<'r, 'm, M> {
    engine: &'r mut Replica,
    model: Noting<'m, M>,
    tally: &'r mut Tally,
    finished: &'r mut Vec<Finished>,
}

impl<M: StepModel> Run<'_, '_, M> {
    fn until(&mut self, horizon: SimTime) {
        let Self { engine, model, tally, finished } = self;
        engine.run_until(model, horizon, tally, &mut |done| finished.push(*done));
    }

    /// The same; what it did beside what was done `ahead`, where that may be part of a step to come.
    fn step_until(&mut self, horizon: SimTime, ahead: &mut Usage) -> Step {
        let before = *self.engine.usage();
        self.until(horizon);
        let mut work = self.engine.usage().since(&before);
        work.merge(&std::mem::take(ahead));
        let end = self.engine.clock();
        let begin = end - work.busy_ticks;
        Step {
            begin,
            end,
            work,
            chunks: self.model.chunks.get(),
            swapping: self.engine.waited_for_host(work.swapped_blocks),
            waiting: self.engine.waiting_at(begin),
            after: Gauge { waiting: self.engine.waiting_at(end), ..self.engine.gauge() },
        }
    }
}

impl Crew {
    /// The replica lost everybody.
    pub(crate) fn clear(&mut self) {
        self.seats.iter_mut().for_each(Vec::clear);
    }

    /// Takes every step of a replica that starts before `horizon` and tells those in the window.
    /// Requests have the names that `name` gives them.
    #[expect(clippy::too_many_arguments, reason = "what a run takes, and who watches it")]
    pub(crate) fn run<M: StepModel>(
        &mut self,
        watch: &mut impl Watch,
        spot: Spot,
        engine: &mut Replica,
        model: &M,
        horizon: SimTime,
        tally: &mut Tally,
        finished: &mut Vec<Finished>,
        name: impl Fn(u64) -> u64,
    ) {
        let Window { from, until } = watch.window();
        let model = Noting { model, chunks: Cell::new(0) };
        let mut run = Run { engine, model, tally, finished };
        if from < until {
            if !self.known {
                self.approach(watch, spot, &mut run, horizon, &name);
            }
            while self.known {
                let start = run.engine.next_step(run.model.model);
                if start >= horizon.min(until) {
                    break;
                }
                let done = run.finished.len();
                let step = run.step_until(start + SimTime::from_ns(1), &mut self.ahead);
                self.look(run.engine);
                let (begin, end) = (step.begin, step.end);
                let told = Told { watch: &mut *watch, spot, begin, end, name: &name };
                self.compare(told, &run.finished[done..]);
                std::mem::swap(&mut self.seats, &mut self.after);
                if step.work.steps == 0 {
                    self.ahead = step.work;
                } else {
                    self.tell(watch, spot, &step);
                }
            }
        }
        run.until(horizon);
    }

    /// Takes the steps that start before the window and before `horizon`, and tells the one that is
    /// under way when it begins.
    fn approach<M: StepModel>(
        &mut self,
        watch: &mut impl Watch,
        spot: Spot,
        run: &mut Run<'_, '_, M>,
        horizon: SimTime,
        name: &impl Fn(u64) -> u64,
    ) {
        let from = watch.window().from;
        let opening = ticks_at(from.as_ns());
        while run.engine.next_step(run.model.model) < from.min(horizon) {
            let reach = run.engine.reach_by(run.model.model, from).min(horizon);
            let (before, done) = (run.engine.gauge(), run.finished.len());
            let step = run.step_until(reach, &mut self.ahead);
            if step.work.steps == 0 {
                self.ahead = step.work;
            } else if step.end > opening {
                debug_assert!(step.work.steps == 1, "several steps: {step:?}");
                let waiting = run.engine.waiting_at(opening);
                watch.found(spot, &Gauge { waiting, ..before });
                self.look(run.engine);
                // Nobody knows who sat there before: what they do is told from now on.
                let (begin, end) = (opening, step.end);
                let told = Told { watch: &mut *watch, spot, begin, end, name };
                self.compare(told, &run.finished[done..]);
                std::mem::swap(&mut self.seats, &mut self.after);
                self.introduce(watch, spot, from, name, |doing| {
                    matches!(doing, Doing::Away { .. })
                });
                self.known = true;
                self.tell(watch, spot, &step);
                return;
            }
        }
        if horizon > from {
            let waiting = run.engine.waiting_at(opening);
            watch.found(spot, &Gauge { waiting, ..run.engine.gauge() });
            self.known = true;
            self.look(run.engine);
            std::mem::swap(&mut self.seats, &mut self.after);
            self.introduce(watch, spot, from, name, |_| true);
        }
    }

    /// Tells a step after which those sit there who do now.
    fn tell(&mut self, watch: &mut impl Watch, spot: Spot, step: &Step) {
        watch.stepped(spot, step);
        if self.seats.len() > 1 {
            let seated = |seat: &&Option<Seated>| seat.is_some_and(|seat| seat.admission > 0);
            let batch = |seats: &Vec<Option<Seated>>| seats.iter().filter(seated).count() as u32;
            self.batches.clear();
            self.batches.extend(self.seats.iter().map(batch));
            watch.batches(spot, step, &self.batches);
        }
    }

    /// Notes who sits there now.
    fn look(&mut self, engine: &Replica) {
        for (group, seats) in engine.seated().enumerate() {
            if self.after.len() == group {
                self.after.push(Vec::new());
                self.seats.push(Vec::new());
            }
            self.after[group].clear();
            self.after[group].extend(seats);
        }
    }

    /// Tells of those who sit there when the window begins and do what is `meant`.
    fn introduce(
        &self,
        watch: &mut impl Watch,
        spot: Spot,
        at: SimTime,
        name: &impl Fn(u64) -> u64,
        meant: impl Fn(Doing) -> bool,
    ) {
        let seated = self.seats.iter().flatten().flatten();
        for seated in seated.filter(|seated| meant(seated.doing)) {
            let phase = match seated.doing {
                Doing::Prefilling => Phase::Prefilling,
                Doing::Decoding => Phase::Decoding,
                Doing::Away { .. } => Phase::Preempted,
            };
            let Spot { pool, replica } = spot;
            let request = name(seated.id);
            watch.turned(&Turn { request, at, phase, pool, replica: Some(replica) });
        }
    }

    /// Tells what a step made of those who sat there, of those who came and of those who were done.
    fn compare<W: Watch>(&self, mut told: Told<'_, W, impl Fn(u64) -> u64>, finished: &[Finished]) {
        let end = SimTime::from_ns(whole_ns(told.end));
        let nobody = Vec::new();
        for (group, seats) in self.after.iter().enumerate() {
            let before = self.seats.get(group).unwrap_or(&nobody);
            for (seat, after) in seats.iter().enumerate() {
                let Some(after) = after else { continue };
                let sat = before.get(seat).copied().flatten().filter(|sat| sat.id == after.id);
                if after.admission == 0 {
                    if sat.is_some_and(|sat| sat.admission > 0) {
                        told.begins(after.id, Phase::Preempted);
                    }
                    continue;
                }
                let stayed = sat.filter(|sat| sat.admission == after.admission);
                match stayed {
                    Some(Seated { doing: Doing::Decoding, .. }) => continue,
                    Some(_) => {}
                    None => {
                        // Preempted and let in again before anything ran.
                        if sat.is_some_and(|sat| sat.admission > 0) {
                            told.begins(after.id, Phase::Preempted);
                        }
                        let recomputed = sat
                            .is_some_and(|sat| matches!(sat.doing, Doing::Away { swapped: false }));
                        let prompt = after.doing == Doing::Prefilling;
                        if prompt || recomputed || after.first_token >= end {
                            told.begins(after.id, Phase::Prefilling);
                        } else {
                            told.begins(after.id, Phase::Decoding);
                            continue;
                        }
                    }
                }
                if after.doing == Doing::Decoding {
                    told.ends(after.id, Phase::Decoding);
                }
            }
        }
        for done in finished {
            let id = done.request.id;
            let sat = self.seats.iter().flatten().flatten().find(|sat| sat.id == id);
            match sat.map(|sat| sat.doing) {
                Some(Doing::Decoding | Doing::Prefilling) => {}
                Some(Doing::Away { swapped: true }) => told.begins(id, Phase::Decoding),
                Some(Doing::Away { swapped: false }) => told.begins(id, Phase::Prefilling),
                None if done.first_token >= end => told.begins(id, Phase::Prefilling),
                None => told.begins(id, Phase::Decoding),
            }
        }
    }
}

/// Whom a step is told, and when it was.
struct Told<'w, W, N> {
    watch: &'w mut W,
    spot: Spot,
    begin: u128,
    end: u128,
    name: &'w N,
}

impl<W: Watch, N: Fn(u64) -> u64> Told<'_, W, N> {
    fn begins(&mut self, id: u64, phase: Phase) {
        self.turn(id, self.begin, phase);
    }

    fn ends(&mut self, id: u64, phase: Phase) {
        self.turn(id, self.end, phase);
    }

    fn turn(&mut self, id: u64, clock: u128, phase: Phase) {
        let Spot { pool, replica } = self.spot;
        let at = SimTime::from_ns(whole_ns(clock));
        let request = (self.name)(id);
        self.watch.turned(&Turn { request, at, phase, pool, replica: Some(replica) });
    }
}
