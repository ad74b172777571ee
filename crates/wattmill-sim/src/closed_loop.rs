//! A closed loop: clients that each wait for an answer before they ask again, as benchmarks do.

use wattmill_perf::StepModel;
use wattmill_policy::BatchLimits;
use wattmill_units::{Seconds, SimTime, Ticks};

use crate::{Finished, Replica, Request, Tally, Usage};

/// Tokens of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Prompt tokens, at least 1.
    pub input: u32,
    /// Tokens to generate, at least 1.
    pub output: u32,
}

/// Clients in front of one replica.
#[derive(Clone, Copy, Debug)]
pub struct ClosedLoop<'a> {
    /// Clients; each has one request under way until the list is used up.
    pub concurrency: u32,
    /// What is asked, in this order, by whoever is free first.
    pub exchanges: &'a [Exchange],
    /// From a client's sending a request to the frontend's having it, and of a first token back to
    /// the client; part of the TTFT.
    pub latency: SimTime,
    /// Time in which the frontend hands one request on, one after the other; part of the TTFT.
    /// Requests sent together so come to the replica apart, as they do in practice.
    pub service: SimTime,
    /// From a client's last token to its sending the next request.
    pub pause: SimTime,
}

/// What the clients saw and what the replica did.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedRun {
    /// Every answer, in the order of the list; those that no empty replica could hold are left out.
    pub answers: Vec<Finished>,
    /// Requests that no empty replica could hold.
    pub rejected: u64,
    /// When each request of the list was sent, by its number.
    pub sent: Vec<SimTime>,
    /// What the replica did.
    pub usage: Usage,
}

impl ClosedLoop<'_> {
    /// Runs until every request of the list is answered.
    ///
    /// All clients send their first request at time zero. The replica is fast-forwarded from one
    /// change to the next, so the cost grows with requests and not with tokens.
    ///
    /// ```
    /// # use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
    /// # use wattmill_policy::BatchLimits;
    /// # use wattmill_sim::{ClosedLoop, Exchange};
    /// # use wattmill_units::{SimTime, Ticks};
    /// /// Every step takes 10 ms.
    /// struct Even;
    /// impl StepModel for Even {
    ///     fn step(&self, _: &StepShape) -> StepCost {
    ///         StepCost { time: Ticks::from_raw(10_000_000 << 24), dynamic_nj: 0 }
    ///     }
    ///     fn decode_run(&self, _: u32, _: u64) -> DecodeRun {
    ///         let first = self.step(&StepShape::default());
    ///         DecodeRun { first, growth: StepCost::default(), steps: u64::MAX }
    ///     }
    /// }
    /// let clients = ClosedLoop {
    ///     concurrency: 2,
    ///     exchanges: &[Exchange { input: 100, output: 51 }; 6],
    ///     latency: SimTime::ZERO,
    ///     service: SimTime::ZERO,
    ///     pause: SimTime::ZERO,
    /// };
    /// let run = clients.run(&Even, BatchLimits::new(8, 8192, 16, 1000));
    /// assert_eq!(run.answers.len(), 6);
    /// // Three rounds of 51 steps in which two clients get a token each.
    /// assert_eq!(run.span().as_ns(), 3 * 51 * 10_000_000);
    /// assert!((run.output_per_s() - 200.0).abs() < 1e-9);
    /// ```
    pub fn run<M: StepModel>(&self, model: &M, limits: BatchLimits) -> ClosedRun {
        let (mut replica, mut frontend) = self.begin(limits);
        let mut answers = Vec::with_capacity(self.exchanges.len());
        replica.run_answering(model, SimTime::MAX, &mut Tally::new(None), &mut |done| {
            answers.push(*done);
            frontend.send(done.finish + self.pause)
        });
        answers.sort_unstable_by_key(|done| done.request.id);
        let rejected = (self.exchanges.len() - answers.len()) as u64;
        ClosedRun { answers, rejected, sent: frontend.sent, usage: *replica.usage() }
    }

    /// The stretch of the run in which nothing starts or ends: from when as many answers were
    /// complete as there are clients until the last request is sent. `None` if the list is too short
    /// for that: it takes more than two requests a client.
    pub fn steady<M: StepModel>(&self, model: &M, limits: BatchLimits) -> Option<Steady> {
        let whole = self.run(model, limits);
        let mut finishes: Vec<SimTime> = whole.answers.iter().map(|done| done.finish).collect();
        finishes.sort_unstable();
        let clients = self.concurrency as usize;
        let last = finishes.len().checked_sub(clients + 1)?;
        if clients == 0 || last < clients {
            return None;
        }
        // The same run again, stopped at both ends.
        let (mut replica, mut frontend) = self.begin(limits);
        let mut on_finish = |done: &Finished| frontend.send(done.finish + self.pause);
        let (from, to) = (finishes[clients - 1], finishes[last]);
        replica.run_answering(model, from, &mut Tally::new(None), &mut on_finish);
        let before = *replica.usage();
        let mut tally = Tally::new(None);
        replica.run_answering(model, to, &mut tally, &mut on_finish);
        Some(Steady { usage: replica.usage().since(&before), tally })
    }

    /// A replica that has every client's first request, and where the others come from.
    fn begin(&self, limits: BatchLimits) -> (Replica, Frontend<'_>) {
        let mut replica = Replica::new(limits);
        let mut frontend = Frontend {
            waiting: self.exchanges,
            limits,
            latency: self.latency,
            service: self.service,
            free: SimTime::ZERO,
            sent: Vec::with_capacity(self.exchanges.len()),
        };
        for _ in 0..self.concurrency {
            match frontend.send(SimTime::ZERO) {
                Some(request) => replica.push(request),
                None => break,
            }
        }
        (replica, frontend)
    }
}

/// Hands requests of the list on, one after the other.
struct Frontend<'a> {
    waiting: &'a [Exchange],
    limits: BatchLimits,
    latency: SimTime,
    service: SimTime,
    /// When it has handed on the last.
    free: SimTime,
    sent: Vec<SimTime>,
}

impl Frontend<'_> {
    /// The next request of the list, sent at `now`.
    fn send(&mut self, now: SimTime) -> Option<Request> {
        // The engine drops what can never run without an answer, and a client would wait for ever.
        let possible = |e: &Exchange| self.limits.can_ever_run(e.input, e.output);
        let skipped = self.waiting.iter().position(possible)?;
        let exchange = self.waiting[skipped];
        self.waiting = &self.waiting[skipped + 1..];
        self.free = self.free.max(now + self.latency) + self.service;
        let id = self.sent.len() as u64;
        self.sent.push(now);
        Some(Request { id, arrival: self.free, input: exchange.input, output: exchange.output })
    }
}

/// A stretch of a closed loop in which every client is busy.
#[derive(Clone, Debug)]
pub struct Steady {
    /// What the replica did.
    pub usage: Usage,
    /// Gaps between tokens, and what finished.
    pub tally: Tally,
}

impl Steady {
    /// Time in steps.
    pub fn busy(&self) -> Seconds {
        let ns = self.usage.busy_ticks as f64 / (1u64 << Ticks::FRACTION_BITS) as f64;
        Seconds::from_s(ns * 1e-9)
    }

    /// Output tokens a second of time in steps; 0 without a step.
    pub fn output_per_s(&self) -> f64 {
        self.per_s(self.usage.output_tokens() as f64)
    }

    /// Prompt tokens a second of time in steps; 0 without a step.
    pub fn input_per_s(&self) -> f64 {
        self.per_s(self.usage.prefill_tokens as f64)
    }

    fn per_s(&self, tokens: f64) -> f64 {
        let busy = self.busy().as_s();
        if busy > 0.0 { tokens / busy } else { 0.0 }
    }
}

impl ClosedRun {
    /// When the request of an answer was sent.
    pub fn sent_at(&self, done: &Finished) -> SimTime {
        self.sent.get(done.request.id as usize).copied().unwrap_or(done.request.arrival)
    }

    /// Times to first token, from the client's sending, in the order of the list.
    pub fn ttft(&self) -> impl Iterator<Item = SimTime> {
        self.answers.iter().map(|done| done.first_token.since(self.sent_at(done)))
    }

    /// Mean times per output token after the first, of requests with more than one.
    pub fn tpot(&self) -> impl Iterator<Item = SimTime> {
        self.answers.iter().filter_map(Finished::tpot)
    }

    /// Times from sending to the last token, in the order of the list.
    pub fn e2e(&self) -> impl Iterator<Item = SimTime> {
        self.answers.iter().map(|done| done.finish.since(self.sent_at(done)))
    }

    /// From the first request's sending to the last token of all.
    pub fn span(&self) -> SimTime {
        self.answers.iter().map(|done| done.finish).max().unwrap_or(SimTime::ZERO)
    }

    /// Output tokens a second over the whole run, ramp-up and drain included; 0 without an answer.
    pub fn output_per_s(&self) -> f64 {
        let tokens: u64 = self.answers.iter().map(|done| u64::from(done.request.output)).sum();
        self.per_s(tokens)
    }

    /// Prompt tokens a second over the whole run; 0 without an answer.
    pub fn input_per_s(&self) -> f64 {
        let tokens: u64 = self.answers.iter().map(|done| u64::from(done.request.input)).sum();
        self.per_s(tokens)
    }

    /// Sequences that decoded in a step, mean over the steps; 0 without a step.
    pub fn mean_batch(&self) -> f64 {
        self.usage.decode_tokens as f64 / (self.usage.steps as f64).max(1.0)
    }

    fn per_s(&self, tokens: u64) -> f64 {
        let span = self.span().as_seconds().as_s();
        if span > 0.0 { tokens as f64 / span } else { 0.0 }
    }
}
