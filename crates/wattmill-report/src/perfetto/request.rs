//! A request from phase to phase.

use std::io::Write;

use serde::Serialize;
use wattmill_sim::{Answer, Finished, Phase, Request, Spot, Turn, Window};
use wattmill_units::SimTime;

use super::event::Events;
use super::{REQUESTS, replica_track, seconds};

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    request: Request,
    service: u16,
    region: u16,
    turns: Vec<Turn>,
}

/// How a request ended, or that it has not.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Its last token was there, before it went back to the client.
    Answered(SimTime, Answer),
    /// Not answered, and why.
    Unanswered(SimTime, &'static str),
    /// Under way when the trace ended.
    UnderWay(SimTime),
}

/// Names of what requests have to do with.
pub(super) struct Known<'a> {
    pub(super) services: &'a [String],
    pub(super) regions: &'a [String],
    /// Name of a replica.
    pub(super) spot: &'a dyn Fn(Spot) -> String,
    /// Process of a replica.
    pub(super) process: &'a dyn Fn(Spot) -> u64,
}

/// What is said of a request.
#[derive(Serialize)]
struct About<'a> {
    id: u64,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    arrival_s: f64,
    prompt_tokens: u32,
    output_tokens: u32,
    ended: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttft_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpot_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_to_end_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preemptions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_again: Option<u8>,
}

/// What is said of a phase.
#[derive(Serialize)]
struct AboutPhase {
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_bytes: Option<u64>,
}

/// A cache on its way to another replica.
#[derive(Serialize)]
struct AboutTransfer {
    request: u64,
    prompt_tokens: u32,
    cache_bytes: u64,
    to: Option<String>,
}

impl Pending {
    pub(super) const fn new(request: Request, service: u16, region: u16) -> Self {
        Self { request, service, region, turns: Vec::new() }
    }

    /// It gets on. What lay ahead of a lost replica is void.
    pub(super) fn turn(&mut self, turn: Turn) {
        while self.turns.last().is_some_and(|last| last.at > turn.at) {
            self.turns.pop();
        }
        self.turns.push(turn);
    }

    /// Writes the part of it that lies in the window.
    pub(super) fn write<W: Write>(
        mut self,
        events: &mut Events<W>,
        known: &Known<'_>,
        window: Window,
        end: End,
    ) {
        let arrival = self.request.arrival;
        let until = match end {
            End::Answered(at, answer) => {
                let back = Turn {
                    request: self.request.id,
                    at,
                    phase: Phase::Travelling,
                    pool: answer.pool,
                    replica: None,
                };
                self.turn(back);
                answer.done.finish
            }
            End::Unanswered(at, _) | End::UnderWay(at) => at.max(arrival),
        };
        if until < window.from || arrival >= window.until {
            return;
        }
        let cut = |at: SimTime| at.max(window.from).min(window.until);
        let about = self.about(known, &end);
        let key = ("request", self.request.id);
        let name = about.service;
        if until == arrival {
            return events.instant(REQUESTS, key, name, arrival, &about);
        }
        events.begin(REQUESTS, key, name, cut(arrival), &about);
        let ends = self.turns.iter().skip(1).map(|turn| turn.at).chain([until]);
        for (turn, end) in self.turns.iter().zip(ends) {
            let (from, until) = (cut(turn.at), cut(end));
            if from < until {
                let phase = phase_name(turn.phase);
                events.begin(REQUESTS, key, phase, from, &about_phase(turn, known));
                events.end(REQUESTS, key, phase, until);
            }
        }
        events.end(REQUESTS, key, name, cut(until));
        self.write_transfers(events, known, window, until);
    }

    /// Its cache's ways from one replica to another, and arrows between the steps at their ends.
    fn write_transfers<W: Write>(
        &self,
        events: &mut Events<W>,
        known: &Known<'_>,
        window: Window,
        until: SimTime,
    ) {
        let inside = |at: SimTime| at >= window.from && at < window.until;
        let tick = SimTime::from_ns(1);
        for (at, turn) in self.turns.iter().enumerate() {
            let Phase::Moving { from, bytes } = turn.phase else { continue };
            let end = self.turns.get(at + 1).map_or(until, |next| next.at);
            let (start, stop) = (turn.at.max(window.from), end.min(window.until));
            let to = turn.replica.map(|replica| Spot { pool: turn.pool, replica });
            if start < stop {
                let key = ("transfer", self.request.id);
                let about = AboutTransfer {
                    request: self.request.id,
                    prompt_tokens: self.request.input,
                    cache_bytes: bytes,
                    to: to.map(|to| (known.spot)(to)),
                };
                let process = (known.process)(from);
                events.begin(process, key, "transfer", start, &about);
                events.end(process, key, "transfer", stop);
            }
            let before = &self.turns[..at];
            let computed = before.iter().rposition(|turn| turn.phase == Phase::Prefilling);
            let computed = computed.and_then(|at| Some((before[at], before.get(at + 1)?.at)));
            let decoded = self.turns[at..].iter().find(|turn| turn.phase == Phase::Decoding);
            if let (Some((prompt, done)), Some(decoded), Some(to)) = (computed, decoded, to)
                && inside(prompt.at)
                && inside(decoded.at)
            {
                let ends = [
                    (
                        replica_track((known.process)(from)),
                        SimTime::from_ns(done.as_ns().saturating_sub(1)),
                    ),
                    (replica_track((known.process)(to)), decoded.at + tick),
                ];
                events.arrow(self.request.id, "hand-over", ends);
            }
        }
    }

    fn about<'a>(&self, known: &Known<'a>, end: &End) -> About<'a> {
        let name = |names: &'a [String], index: u16| {
            names.get(usize::from(index)).map_or("request", String::as_str)
        };
        let answer = match end {
            End::Answered(_, answer) => Some(answer),
            _ => None,
        };
        let ms = |time: SimTime| time.as_seconds().as_ms();
        let done = answer.map(|answer| answer.done);
        About {
            id: self.request.id,
            service: name(known.services, self.service),
            region: (known.regions.len() > 1).then(|| name(known.regions, self.region)),
            arrival_s: seconds(self.request.arrival),
            prompt_tokens: self.request.input,
            output_tokens: self.request.output,
            ended: match end {
                End::Answered(..) => "answered",
                End::Unanswered(_, how) => how,
                End::UnderWay(_) => "under way",
            },
            ttft_ms: done.map(|done| ms(done.ttft())),
            tpot_ms: done.and_then(|done: Finished| done.tpot()).map(ms),
            end_to_end_ms: done.map(|done| ms(done.e2e())),
            cached_tokens: done.map(|done| done.cached_tokens).filter(|tokens| *tokens > 0),
            preemptions: done.map(|done| done.preemptions).filter(|times| *times > 0),
            sent_again: answer.map(|answer| answer.resends).filter(|times| *times > 0),
        }
    }
}

fn about_phase(turn: &Turn, known: &Known<'_>) -> AboutPhase {
    let (from, cache_bytes) = match turn.phase {
        Phase::Moving { from, bytes } => (Some((known.spot)(from)), Some(bytes)),
        _ => (None, None),
    };
    let spot = turn.replica.map(|replica| Spot { pool: turn.pool, replica });
    AboutPhase { replica: spot.map(|spot| (known.spot)(spot)), from, cache_bytes }
}

/// What a phase is called in the trace.
const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Travelling => "on the way",
        Phase::Waiting => "waiting at the router",
        Phase::Queued => "queued",
        Phase::Prefilling => "prefill",
        Phase::Decoding => "decode",
        Phase::Preempted => "preempted",
        Phase::Held => "held for a decoding replica",
        Phase::Moving { .. } => "transfer",
    }
}
