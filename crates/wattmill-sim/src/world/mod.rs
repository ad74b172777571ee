//! The world: every request of every region, at every site, event by event.
//!
//! Replicas are not stepped whenever something happens. Each has an instant before which it has
//! nothing to say ([`Replica::next_report`]), and only those whose instant has come are run, in one
//! stretch. What a replica knows ahead of time, because a step ends after it began, reaches the router
//! when that step ends.

mod job;
mod lives;
mod places;
mod pool;
mod series;
mod spec;

use std::ops::ControlFlow;

use wattmill_perf::StepModel;
use wattmill_policy::RouteAsk;
use wattmill_units::{Energy, SimTime, Stream};

use self::job::{Job, Jobs, NOBODY, Role, Stage};
use self::places::Places;
use self::pool::{Life, Pool};
use self::series::Series;
use crate::event::{Event, Queue};
use crate::{Ask, Finished, Ledger, Limits, Progress, Request, Tally, Usage};

pub use self::series::{PoolRow, Row, ServiceRow};
pub use self::spec::{
    Failures, Outage, Part, PoolSpec, Preference, RegionSpec, ServiceSpec, SiteSpec, WorldProblem,
    WorldSpec,
};

/// Requests between two looks at whether the run shall go on.
const LOOK: u64 = 1 << 16;

/// A request that was answered, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As the client saw it.
    pub done: Finished,
    /// Its service.
    pub service: u16,
    /// The region it came from.
    pub region: u16,
    /// The pool that finished it.
    pub pool: u16,
    /// The replica of that pool.
    pub replica: u32,
    /// How often it was sent again.
    pub resends: u8,
}

/// Sites, pools and replicas under simulation.
#[derive(Debug)]
pub struct World<M> {
    now: SimTime,
    queue: Queue,
    jobs: Jobs,
    pools: Vec<Pool<M>>,
    places: Places,
    services: Vec<(Tally, Option<Limits>)>,
    /// By service: the fraction of a pool's waiting room that it may fill, as a share of `of`.
    may_fill: Vec<(u64, u64)>,
    most_resends: u8,
    row: Option<SimTime>,
    series: Series,
    /// Counts of ended requests and of wasted tokens; what is in flight is counted when asked for.
    ended: Ledger,
    regions: Stream,
    /// Room for what a replica just finished.
    finished: Vec<Finished>,
}

impl<M: StepModel> World<M> {
    /// A world at time zero.
    ///
    /// # Errors
    /// Everything that is wrong with `spec`.
    pub fn new(spec: WorldSpec<M>) -> Result<Self, Vec<WorldProblem>> {
        let problems = spec.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let places = Places::new(&spec);
        let most = spec.services.iter().map(|service| u64::from(service.priority)).max();
        let shares = most.unwrap_or(0) + 1;
        let (pools, services) = (spec.pools.len(), spec.services.len());
        let mut world = Self {
            now: SimTime::ZERO,
            queue: Queue::new(),
            jobs: Jobs::default(),
            places,
            may_fill: spec.services.iter().map(|s| (u64::from(s.priority) + 1, shares)).collect(),
            services: spec.services.iter().map(|s| (Tally::new(s.limits), s.limits)).collect(),
            most_resends: spec.most_resends,
            row: spec.row,
            series: Series::new(pools, services),
            ended: Ledger::default(),
            regions: Stream::new(spec.seed, "region", 0),
            finished: Vec::new(),
            pools: Vec::new(),
        };
        for (index, pool) in spec.pools.into_iter().enumerate() {
            world.pools.push(Pool::new(pool, index, spec.seed));
        }
        world.begin(&spec.sites);
        Ok(world)
    }

    /// Answers `asks`, which come in order of arrival, until all are answered or `until` has come.
    ///
    /// `on_answer` gets every answer when it is complete. `on_progress` may stop the run: what was
    /// asked so far is then answered.
    pub fn run(
        &mut self,
        asks: impl Iterator<Item = Ask>,
        until: SimTime,
        mut on_answer: impl FnMut(&Answer),
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut asks = asks.peekable();
        let mut flow = ControlFlow::Continue(());
        let mut look = self.ended.asked + LOOK;
        loop {
            let next = if flow.is_break() { None } else { asks.peek() };
            let arrival = next.map_or(SimTime::MAX, |ask| ask.request.arrival);
            if arrival == SimTime::MAX && self.jobs.live() == 0 {
                return flow;
            }
            let at = self.queue.next().min(arrival);
            if self.catch_up(at.min(until)) {
                continue;
            }
            if at >= until {
                self.now = self.now.max(until);
                return flow;
            }
            self.now = self.now.max(at);
            if self.queue.next() <= arrival {
                if let Some((_, event)) = self.queue.take() {
                    self.happen(event, &mut on_answer);
                }
            } else if let Some(ask) = asks.next() {
                self.ask(ask);
                if self.ended.asked == look {
                    look += LOOK;
                    flow = on_progress(Progress { requests: self.ended.asked, time: self.now });
                }
            }
        }
    }

    /// Runs the replicas that have something to say before `at`; whether there were any, whereupon
    /// there may be an earlier event than `at`.
    fn catch_up(&mut self, at: SimTime) -> bool {
        let mut any = false;
        for pool in 0..self.pools.len() {
            while let Some((replica, wake)) = self.pools[pool].wakes.earliest()
                && wake < at
            {
                self.run_replica(pool as u16, replica, at);
                any = true;
            }
        }
        any
    }

    /// Takes every step of one replica that starts before `horizon`, and files what it says.
    fn run_replica(&mut self, pool: u16, replica: u32, horizon: SimTime) {
        let Self { pools, jobs, queue, finished, .. } = self;
        let pool = &mut pools[usize::from(pool)];
        let model = &pool.spec.models[pool.level];
        let engine = &mut pool.replicas[replica as usize];
        engine.run_until(model, horizon, &mut pool.tally, &mut |done| finished.push(*done));
        for first in engine.take_first_tokens() {
            let job = first.id as u32;
            let generation = jobs[job].generation;
            queue.file(first.at, Event::FirstToken { job, generation });
        }
        for done in finished.drain(..) {
            let slot = done.request.id as u32;
            let job = &mut jobs[slot];
            (job.stage, job.preemptions) = (Stage::Done, done.preemptions);
            queue.file(done.finish, Event::Finish { job: slot, generation: job.generation });
        }
        pool.rewake(replica);
    }

    /// Takes every step that starts before now, so that all replicas are seen at one time.
    fn run_all(&mut self) {
        for pool in 0..self.pools.len() {
            for replica in 0..self.pools[pool].spec.replicas {
                self.run_replica(pool as u16, replica, self.now);
            }
        }
    }

    fn happen(&mut self, event: Event, on_answer: &mut impl FnMut(&Answer)) {
        match event {
            Event::Deliver { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.deliver(job);
                }
            }
            Event::FirstToken { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.first_token(job);
                }
            }
            Event::Finish { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.finish(job, on_answer);
                }
            }
            Event::Failure { pool, replica, life } => self.fail(pool, replica, life),
            Event::Ready { pool, replica, life } => self.make_ready(pool, replica, life),
            Event::SiteLost { site } => self.lose_site(site),
            Event::SiteBack { site } => self.regain_site(site),
            Event::Level { pool, level } => self.set_level(pool, level),
            Event::Row => self.end_row(),
        }
    }

    /// Somebody asks.
    fn ask(&mut self, ask: Ask) {
        self.ended.asked += 1;
        let service = usize::from(ask.service).min(self.services.len() - 1);
        self.series.open.services[service].asked += 1;
        let mut job = Job::new(ask.request, ask.prompt, ask.answer);
        job.service = service as u16;
        job.region = self.places.region(self.now, &mut self.regions);
        let slot = self.jobs.add(job);
        self.send(slot);
    }

    /// Sends a request to the site that its region prefers now.
    fn send(&mut self, slot: u32) {
        let (region, service) = (self.jobs[slot].region, self.jobs[slot].service);
        let Some(pool) = self.places.choose(region, service, &self.pools) else {
            return self.end(slot, |ended| &mut ended.lost);
        };
        let latency = self.places.latency(region, self.pools[usize::from(pool)].spec.site);
        let job = &mut self.jobs[slot];
        (job.pool, job.latency, job.stage) = (pool, latency, Stage::Travelling);
        if latency == SimTime::ZERO {
            self.deliver(slot);
        } else {
            let generation = job.generation;
            self.queue.file(self.now + latency, Event::Deliver { job: slot, generation });
        }
    }

    /// A request reaches its pool.
    fn deliver(&mut self, slot: u32) {
        let job = &self.jobs[slot];
        let (number, request) = (usize::from(job.pool), job.request);
        let (share, of) = self.may_fill[usize::from(job.service)];
        let pool = &mut self.pools[number];
        if !pool.spec.limits.can_ever_run(request.input, request.output) {
            return self.end(slot, |ended| &mut ended.rejected);
        }
        if !self.places.stands(pool.spec.site) {
            return self.send_again(slot);
        }
        if u128::from(pool.unanswered) * u128::from(of)
            >= u128::from(pool.spec.most_waiting) * u128::from(share)
        {
            return self.end(slot, |ended| &mut ended.shed);
        }
        pool.unanswered += 1;
        self.dispatch(slot);
    }

    /// Gives a request at its pool to a replica, or has it wait for one.
    fn dispatch(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(job.pool)];
        let Request { input, output, .. } = job.request;
        let ask = RouteAsk { input, output, prompt: &job.prompt };
        let Some(reservation) = pool.router.route(&ask, pool.draws.next_u64()) else {
            if pool.coming > 0 {
                job.stage = Stage::Waiting;
                pool.queue.push_back(slot);
            } else {
                pool.unanswered -= 1;
                self.send_again(slot);
            }
            return;
        };
        let replica = reservation.replica();
        (job.work, job.stage) = (Some(reservation), Stage::Serving);
        let machine = &mut pool.machines[replica as usize];
        machine.jobs += 1;
        self.jobs.enlist(&mut machine.work, slot, Role::Work);
        let request = Request { id: u64::from(slot), arrival: self.now, input, output };
        let engine = &mut pool.replicas[replica as usize];
        engine.push(request);
        pool.wakes.sooner(replica, engine.next_start().max(self.now));
    }

    /// A first token is there.
    fn first_token(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(job.pool)];
        job.first_token = self.now;
        job.answered = true;
        pool.unanswered -= 1;
        if let Some(work) = &mut job.work {
            pool.router.prefilled(work, job.request.input);
        }
    }

    /// A replica is done with a request.
    fn finish(&mut self, slot: u32, on_answer: &mut impl FnMut(&Answer)) {
        let (pool, replica) = self.leave_work(slot);
        self.switch_off_if_drained(pool, replica);
        let job = &self.jobs[slot];
        let done = Finished {
            request: job.request,
            first_token: job.first_token + job.latency,
            finish: self.now + job.latency,
            preemptions: job.preemptions,
        };
        let (service, region, resends) = (job.service, job.region, job.resends);
        on_answer(&Answer { done, service, region, pool, replica, resends });
        let (tally, limits) = &mut self.services[usize::from(service)];
        tally.finish(&done);
        let row = &mut self.series.open.services[usize::from(service)];
        row.finished += 1;
        row.within_limits += u64::from(limits.is_none_or(|limits| limits.hold(&done)));
        row.output_tokens += u64::from(done.request.output);
        if self.row.is_some() {
            row.ttft.record(done.ttft());
            done.tpot().into_iter().for_each(|tpot| row.tpot.record(tpot));
        }
        self.ended.finished += 1;
        self.ended.tokens_delivered += u64::from(done.request.output);
        self.jobs.remove(slot);
    }

    /// Takes a request from the replica that works on it: its pool and replica.
    fn leave_work(&mut self, slot: u32) -> (u16, u32) {
        let job = &mut self.jobs[slot];
        let number = job.pool;
        let pool = &mut self.pools[usize::from(number)];
        let Some(work) = job.work.take() else { return (number, NOBODY) };
        let replica = work.replica();
        pool.router.finished(work);
        let machine = &mut pool.machines[replica as usize];
        machine.jobs -= 1;
        self.jobs.delist(&mut machine.work, slot, Role::Work);
        (number, replica)
    }

    /// Ends a request that is with nobody.
    fn end(&mut self, slot: u32, count: impl FnOnce(&mut Ledger) -> &mut u64) {
        *count(&mut self.ended) += 1;
        let service = usize::from(self.jobs[slot].service);
        self.series.open.services[service].failed += 1;
        self.jobs.remove(slot);
    }

    /// Ends the row of the time series.
    fn end_row(&mut self) {
        self.run_all();
        self.fill_row();
        self.series.close(self.now);
        if let Some(row) = self.row {
            self.queue.file(self.now + row, Event::Row);
        }
    }

    /// Puts into the open row what the pools hold and did.
    fn fill_row(&mut self) {
        for (index, pool) in self.pools.iter().enumerate() {
            let row = &mut self.series.open.pools[index];
            *row = PoolRow::default();
            for (machine, replica) in pool.machines.iter().zip(&pool.replicas) {
                if !matches!(machine.life, Life::Ready | Life::Draining) {
                    continue;
                }
                let gauge = replica.gauge();
                row.ready += u32::from(machine.life == Life::Ready);
                row.waiting += u64::from(gauge.waiting);
                row.running += u64::from(gauge.running);
                row.blocks += gauge.blocks;
                row.blocks_there += pool.spec.limits.blocks;
            }
            row.waiting += pool.queue.len() as u64;
            let now = (pool.usage(), pool.on_time_until(self.now));
            let before = std::mem::replace(&mut self.series.before[index], now);
            row.work = now.0.since(&before.0);
            row.on_ns = now.1 - before.1;
        }
    }

    /// Closed rows of the time series.
    pub fn rows(&self) -> &[Row] {
        &self.series.rows
    }

    /// What the requests of a service add up to, as its clients see it. Gaps between tokens are with
    /// the pools.
    pub fn service_tally(&self, service: u16) -> &Tally {
        &self.services[usize::from(service)].0
    }

    /// What the requests of a pool add up to, as its engines see it: from when each reaches its
    /// replica.
    pub fn pool_tally(&self, pool: u16) -> &Tally {
        &self.pools[usize::from(pool)].tally
    }

    /// What the replicas of a pool did.
    pub fn pool_usage(&self, pool: u16) -> Usage {
        self.pools[usize::from(pool)].usage()
    }

    /// Energy of a pool's accelerators so far, idle included.
    pub fn pool_energy(&self, pool: u16) -> Energy {
        let pool = &self.pools[usize::from(pool)];
        let on_s = pool.on_time_until(self.now) as f64 * 1e-9;
        Energy::from_joules(pool.spec.idle.as_watts() * on_s) + pool.usage().dynamic_energy()
    }

    /// Simulated time reached.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// What became of every request so far, counted from both sides.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger { in_flight: self.jobs.live(), ..self.ended };
        let elsewhere = self.jobs.iter().filter(|(_, job)| job.work.is_none());
        ledger.in_places = elsewhere.count() as u64;
        for pool in &self.pools {
            ledger.in_places += pool.machines.iter().map(|m| u64::from(m.jobs)).sum::<u64>();
            let usage = pool.usage();
            ledger.tokens_made += usage.decode_tokens + usage.prompt_completions;
        }
        let done = self.jobs.iter().filter(|(_, job)| job.stage == Stage::Done);
        ledger.tokens_under_way = done.map(|(_, job)| u64::from(job.request.output)).sum();
        if ledger.in_flight > 0 {
            let engines = self.pools.iter().flat_map(|pool| &pool.replicas);
            let made = engines.map(|engine| engine.clone().lose_everything(self.now));
            ledger.tokens_under_way += made.sum::<u64>();
        }
        ledger
    }

    /// Hash of all answers: the sum of those of the services.
    pub fn fingerprint(&self) -> u64 {
        let hashes = self.services.iter().map(|(tally, _)| tally.fingerprint());
        hashes.fold(0, u64::wrapping_add)
    }
}
