//! A world that is watched: every step of its replicas, every turn of its requests.
//!
//! Watched replicas take their steps one at a time. They are the steps that they take unwatched, since
//! sums of integers do not depend on how they are cut; what a step did is what the replica's books
//! say after it and did not say before.

use wattmill_perf::StepModel;
use wattmill_policy::ReplicaState;
use wattmill_units::SimTime;

use crate::rank::{Doing, Seated, whole_ns};
use crate::{Answer, Finished, Gauge, Replica, Request, Tally, Usage};

/// A time of which steps are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Steps that start before this are not told.
    pub from: SimTime,
    /// Nor are those that start then or later.
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

    /// A replica took a step. Those of one replica come in order of time.
    fn stepped(&mut self, spot: Spot, step: &Step);

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
    fn stepped(&mut self, _: Spot, _: &Step) {}
    fn held(&mut self, _: Spot, _: SimTime, _: u64) {}
    fn lived(&mut self, _: Spot, _: SimTime, _: ReplicaState, _: ReplicaState) {}
}

/// Who sits at a replica, as far as is known: by attention group and seat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crew {
    known: bool,
    seats: Vec<Vec<Option<Seated>>>,
    /// Room for those after a step.
    after: Vec<Vec<Option<Seated>>>,
    /// What was done ahead of the coming step, such as swapping somebody out.
    ahead: Usage,
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
        let mut run = |engine: &mut Replica, horizon, finished: &mut Vec<Finished>| {
            engine.run_until(model, horizon, tally, &mut |done| finished.push(*done));
        };
        if horizon > from && from < until {
            run(engine, from, finished);
            if !self.known {
                self.known = true;
                self.look(engine);
                std::mem::swap(&mut self.seats, &mut self.after);
                self.introduce(watch, spot, from, &name);
            }
            loop {
                let start = engine.next_step(model);
                if start >= horizon.min(until) {
                    break;
                }
                let (before, done) = (*engine.usage(), finished.len());
                run(engine, start + SimTime::from_ns(1), finished);
                let mut work = engine.usage().since(&before);
                work.merge(&std::mem::take(&mut self.ahead));
                let end = engine.clock();
                let begin = end - work.busy_ticks;
                self.look(engine);
                let told = Told { watch: &mut *watch, spot, begin, end, name: &name };
                let chunks = self.compare(told, &finished[done..]);
                std::mem::swap(&mut self.seats, &mut self.after);
                if work.steps == 0 {
                    self.ahead = work;
                } else {
                    let waiting = engine.waiting_at(begin);
                    let after = Gauge { waiting: engine.waiting_at(end), ..engine.gauge() };
                    watch.stepped(spot, &Step { begin, end, work, chunks, waiting, after });
                }
            }
        }
        run(engine, horizon, finished);
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

    /// Tells of whoever sits there when the window begins.
    fn introduce(
        &self,
        watch: &mut impl Watch,
        spot: Spot,
        at: SimTime,
        name: &impl Fn(u64) -> u64,
    ) {
        for seated in self.seats.iter().flatten().flatten() {
            let phase = match seated.doing {
                Doing::Prefilling { .. } => Phase::Prefilling,
                Doing::Decoding => Phase::Decoding,
                Doing::Away { .. } => Phase::Preempted,
            };
            let Spot { pool, replica } = spot;
            let request = name(seated.id);
            watch.turned(&Turn { request, at, phase, pool, replica: Some(replica) });
        }
    }

    /// Tells what a step made of those who sat there, of those who came and of those who were done;
    /// how many prompts had a chunk in it.
    fn compare<W: Watch>(
        &self,
        mut told: Told<'_, W, impl Fn(u64) -> u64>,
        finished: &[Finished],
    ) -> u32 {
        let (mut chunks, end) = (0, SimTime::from_ns(whole_ns(told.end)));
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
                let was = match stayed {
                    Some(Seated { doing: Doing::Decoding, .. }) => continue,
                    Some(stayed) => stayed.doing,
                    None => {
                        // Preempted and let in again before anything ran.
                        if sat.is_some_and(|sat| sat.admission > 0) {
                            told.begins(after.id, Phase::Preempted);
                        }
                        let recomputed = sat
                            .is_some_and(|sat| matches!(sat.doing, Doing::Away { swapped: false }));
                        let prompt = matches!(after.doing, Doing::Prefilling { .. });
                        if prompt || recomputed || after.first_token >= end {
                            told.begins(after.id, Phase::Prefilling);
                            Doing::Prefilling { done: u32::MAX }
                        } else {
                            told.begins(after.id, Phase::Decoding);
                            continue;
                        }
                    }
                };
                chunks += u32::from(was != after.doing);
                if after.doing == Doing::Decoding {
                    told.ends(after.id, Phase::Decoding);
                }
            }
        }
        for done in finished {
            let id = done.request.id;
            let sat = self.seats.iter().flatten().flatten().find(|sat| sat.id == id);
            match sat.map(|sat| sat.doing) {
                Some(Doing::Decoding) => {}
                Some(Doing::Prefilling { .. }) => chunks += 1,
                Some(Doing::Away { swapped: true }) => told.begins(id, Phase::Decoding),
                Some(Doing::Away { swapped: false }) => {
                    told.begins(id, Phase::Prefilling);
                    chunks += 1;
                }
                None if done.first_token >= end => {
                    told.begins(id, Phase::Prefilling);
                    chunks += 1;
                }
                None => told.begins(id, Phase::Decoding),
            }
        }
        chunks
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
