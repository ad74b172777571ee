//! The world: every request of every region, at every site, event by event.
//!
//! Replicas are not stepped whenever something happens. Each has an instant before which it has
//! nothing to say ([`Replica::next_report`]), and only those whose instant has come are run, in one
//! stretch. What a replica knows ahead of time, because a step ends after it began, reaches the router
//! when that step ends.

mod handover;
mod job;
mod lives;
mod pairing;
mod places;
mod pool;
mod series;
mod spec;
mod waiting;

use std::ops::ControlFlow;

use wattmill_perf::StepModel;
use wattmill_policy::{Caller, Ledger, Pace, Reservation, RouteAsk, Shed, ShedReason};
use wattmill_units::{Energy, Histogram, SimTime, Stream};

use self::job::{Job, Jobs, NOBODY, Role, Stage};
use self::places::Places;
use self::pool::Pool;
use self::series::Series;
use crate::event::{Event, Queue};
use crate::watch::Crew;
use crate::{
    Ask, Books, CacheChange, Finished, Link, Phase, Progress, Replica, Request, Spot, Tally, Turn,
    Unanswered, Unwatched, Usage, Watch,
};

pub use self::pairing::{Pairing, PairingProblem};
pub use self::series::{PoolRow, Row, ServiceRow, TransferRow};
pub use self::spec::{
    Duty, Failures, Handover, Outage, PoolSpec, RegionSpec, Scale, ServiceSpec, SiteSpec,
    WorldProblem, WorldSpec,
};

/// Requests between two looks at whether the run shall go on.
const LOOK: u64 = 1 << 12;

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

/// Sites, pools and replicas under simulation; `W` [watches](Watch) what they do.
#[derive(Debug)]
pub struct World<M, W = Unwatched> {
    now: SimTime,
    queue: Queue,
    jobs: Jobs,
    pools: Vec<Pool<M>>,
    places: Places,
    services: Vec<Service>,
    most_resends: u8,
    /// Whether a request may have to start again after it was given to a replica.
    may_start_again: bool,
    row: Option<SimTime>,
    series: Series,
    /// Requests that came so far.
    asked: u64,
    /// What else is counted as it happens; what is in hand is counted when asked for.
    ended: Books,
    regions: Stream,
    link: Link,
    transfers: Transfers,
    /// Room for what a replica just finished.
    finished: Vec<Finished>,
    /// Room for whom a queue just sent away.
    shed: Vec<Shed>,
    watch: W,
    /// By pool and replica, who sits there; empty if nobody watches.
    crews: Vec<Vec<Crew>>,
}

/// What went over the link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Bytes sent, of transfers that were cut short too.
    pub bytes: u128,
    /// From each first token to the arrival of the cache at the decoding replica, ns: the wait for
    /// blocks, for the end of a step, for the link.
    pub waits: Histogram,
}

/// A service and what its requests add up to.
#[derive(Clone, Debug)]
struct Service {
    spec: ServiceSpec,
    tally: Tally,
    requests: Ledger,
}

/// How a request ends that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Rejected,
    Shed(ShedReason),
    Lost,
}

impl<M: StepModel> World<M> {
    /// A world at time zero.
    ///
    /// # Errors
    /// Everything that is wrong with `spec`.
    pub fn new(spec: WorldSpec<M>) -> Result<Self, Vec<WorldProblem>> {
        Self::watched(spec, Unwatched)
    }
}

impl<M: StepModel, W: Watch> World<M, W> {
    /// A world at time zero that `watch` watches. It does what it would do unwatched.
    ///
    /// # Errors
    /// Everything that is wrong with `spec`.
    pub fn watched(spec: WorldSpec<M>, watch: W) -> Result<Self, Vec<WorldProblem>> {
        let problems = spec.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let places = Places::new(&spec);
        let (pools, services) = (spec.pools.len(), spec.services.len());
        let mut world = Self {
            now: SimTime::ZERO,
            queue: Queue::new(),
            jobs: Jobs::default(),
            places,
            services: spec.services.iter().map(Service::new).collect(),
            most_resends: spec.most_resends,
            may_start_again: spec.may_start_again(),
            row: spec.row,
            series: Series::new(pools, services, spec.regions.len()),
            asked: 0,
            ended: Books::default(),
            regions: Stream::new(spec.seed, "region", 0),
            finished: Vec::new(),
            link: Link::new(Vec::new()),
            transfers: Transfers::default(),
            shed: Vec::new(),
            pools: Vec::new(),
            watch,
            crews: Vec::new(),
        };
        for (index, pool) in spec.pools.into_iter().enumerate() {
            let mut pool = Pool::new(pool, index, spec.seed);
            if W::WATCHES {
                world.crews.push(vec![Crew::default(); pool.replicas.len()]);
                pool.note_lives();
            }
            world.pools.push(pool);
        }
        world.lay_link();
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
        let mut look = self.asked + LOOK;
        loop {
            let next = if flow.is_break() { None } else { asks.peek() };
            let arrival = next.map_or(SimTime::MAX, |ask| ask.request.arrival);
            if arrival == SimTime::MAX && self.jobs.live() == 0 {
                return flow;
            }
            let sent = self.link.next_end();
            let at = self.queue.next().min(sent).min(arrival);
            if self.catch_up(at.min(until)) {
                continue;
            }
            if at >= until {
                self.now = self.now.max(until);
                return flow;
            }
            self.now = self.now.max(at);
            if self.queue.next() == at {
                if let Some((_, event)) = self.queue.take() {
                    self.happen(event, &mut on_answer);
                }
            } else if sent == at {
                let slot = self.link.take_ended(at);
                slot.into_iter().for_each(|slot| self.cache_sent(slot as u32));
            } else if let Some(ask) = asks.next() {
                self.ask(ask);
                if self.asked == look {
                    look += LOOK;
                    flow = on_progress(Progress { requests: self.asked, time: self.now });
                    if self.watch.is_full() {
                        flow = ControlFlow::Break(());
                    }
                }
            }
        }
    }

    /// Runs the replicas that have something to say before `at`; whether there were any, whereupon
    /// there may be an earlier event than `at`.
    fn catch_up(&mut self, at: SimTime) -> bool {
        // What these say may make something happen, so they are taken one by one and no further.
        let acting = (0..).zip(&self.pools).filter(|(_, pool)| pool.acts_on_reports());
        let first = acting.min_by_key(|(_, pool)| pool.wakes.next()).map(|(number, _)| number);
        if let Some(number) = first
            && let Some((replica, wake)) = self.pools[usize::from(number)].wakes.earliest()
            && wake < at
        {
            self.run_replica(number, replica, wake + SimTime::from_ns(1));
            return true;
        }
        let mut any = false;
        for number in 0..self.pools.len() {
            while let Some((replica, wake)) = self.pools[number].wakes.earliest()
                && wake < at
            {
                self.run_replica(number as u16, replica, at);
                any = true;
            }
        }
        any
    }

    /// Takes every step of one replica that starts before `horizon`, and files what it says.
    fn run_replica(&mut self, pool: u16, replica: u32, horizon: SimTime) {
        let Self { pools, jobs, queue, finished, watch, crews, .. } = self;
        let spot = Spot { pool, replica };
        let pool = &mut pools[usize::from(pool)];
        let model = &pool.spec.models[pool.level];
        let engine = &mut pool.replicas[replica as usize];
        if W::WATCHES {
            let crew = &mut crews[usize::from(spot.pool)][replica as usize];
            let name = |slot| jobs[slot as u32].request.id;
            crew.run(watch, spot, engine, model, horizon, &mut pool.tally, finished, name);
        } else {
            engine.run_until(model, horizon, &mut pool.tally, &mut |done| finished.push(*done));
        }
        if pool.router.kind().looks_at_caches() {
            for change in engine.cache_changes() {
                match change {
                    CacheChange::Stored(content) => pool.router.stored(replica, content),
                    CacheChange::Evicted(content) => pool.router.evicted(replica, content),
                }
            }
        }
        for first in engine.take_first_tokens() {
            let job = first.id as u32;
            let generation = jobs[job].generation;
            queue.file(first.at, Event::FirstToken { job, generation });
        }
        for done in finished.drain(..) {
            let slot = done.request.id as u32;
            let job = &mut jobs[slot];
            job.stage = match job.stage {
                Stage::Prefilling => {
                    // Before anybody else can have them.
                    let blocks = pool.spec.limits.blocks_for(job.request.input.into());
                    job.held = engine.hold_back(blocks);
                    if W::WATCHES {
                        watch.held(spot, done.finish, engine.gauge().blocks);
                    }
                    Stage::Prefilled
                }
                _ => Stage::Done,
            };
            (job.preemptions, job.cached_tokens) = (done.preemptions, done.cached_tokens);
            queue.file(done.finish, Event::Finish { job: slot, generation: job.generation });
        }
        pool.rewake(replica);
        // Else whoever waits for this replica to say something would wait for ever.
        debug_assert!(
            pool.wakes.at(replica) >= horizon,
            "replica {replica} was run up to {horizon}, yet has something to say at {}",
            pool.wakes.at(replica)
        );
    }

    /// Takes every step that starts before now, so that all replicas are seen at one time.
    fn run_all(&mut self) {
        (0..self.pools.len() as u16).for_each(|pool| self.run_pool(pool));
    }

    /// Takes all steps of a pool that start before now.
    fn run_pool(&mut self, number: u16) {
        for replica in 0..self.pools[usize::from(number)].spec.replicas {
            self.run_replica(number, replica, self.now);
        }
    }

    fn happen(&mut self, event: Event, on_answer: &mut impl FnMut(&Answer)) {
        match event {
            Event::Deliver { job, generation } => {
                if let Some(Job { pool, .. }) = self.jobs.current(job, generation) {
                    self.pools[usize::from(*pool)].on_the_way -= 1;
                    self.deliver(job);
                }
            }
            Event::Expire { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.expire(job);
                }
            }
            Event::FirstToken { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.first_token(job);
                }
            }
            Event::Finish { job, generation } => {
                if let Some(Job { stage, .. }) = self.jobs.current(job, generation) {
                    match *stage {
                        Stage::Prefilled => self.prompt_done(job),
                        _ => self.finish(job, on_answer),
                    }
                }
            }
            Event::Send { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.send_cache(job);
                }
            }
            Event::Arrived { job, generation } => {
                if self.jobs.current(job, generation).is_some() {
                    self.cache_arrived(job);
                }
            }
            Event::Failure { pool, replica, life } => self.fail(pool, replica, life),
            Event::Repaired { pool, replica, life } => self.repaired(pool, replica, life),
            Event::Started { pool, replica, life } => self.started(pool, replica, life),
            Event::SiteLost { site } => self.lose_site(site),
            Event::SiteBack { site } => self.regain_site(site),
            Event::Level { pool, level } => self.set_level(pool, level),
            Event::Scale { pool } => self.scale(pool),
            Event::Row => self.end_row(),
        }
        if W::WATCHES {
            for (pool, number) in self.pools.iter_mut().zip(0..) {
                for (replica, at, before, after) in pool.noted_lives() {
                    self.watch.lived(Spot { pool: number, replica }, at, before, after);
                }
            }
        }
    }

    /// Tells whoever watches how many blocks a replica holds from its next step on.
    #[inline]
    fn tell_blocks(&mut self, pool: u16, replica: u32) {
        if W::WATCHES {
            let engine = &self.pools[usize::from(pool)].replicas[replica as usize];
            let at = engine.next_start().max(self.now);
            self.watch.held(Spot { pool, replica }, at, engine.gauge().blocks);
        }
    }

    /// Tells whoever watches that a request is now in another phase.
    #[inline]
    fn tell(&mut self, slot: u32, phase: Phase) {
        if W::WATCHES {
            let job = &self.jobs[slot];
            let replica = job.work.as_ref().map(Reservation::replica);
            let (request, pool) = (job.request.id, job.pool);
            self.watch.turned(&Turn { request, at: self.now, phase, pool, replica });
        }
    }

    /// Somebody asks.
    fn ask(&mut self, ask: Ask) {
        let service = usize::from(ask.service).min(self.services.len() - 1);
        self.series.open.services[service].asked += 1;
        let mut job = Job::new(ask.request, ask.prompt, ask.answer);
        job.ticket = Some(self.services[service].requests.ask());
        self.asked += 1;
        job.service = service as u16;
        job.region = self.places.region(self.now, &mut self.regions);
        self.series.open.regions[usize::from(job.region)] += 1;
        if W::WATCHES {
            self.watch.asked(&job.request, job.service, job.region);
        }
        let slot = self.jobs.add(job);
        self.send(slot);
    }

    /// Sends a request to the site that its region prefers now.
    fn send(&mut self, slot: u32) {
        let (region, service) = (self.jobs[slot].region, self.jobs[slot].service);
        let Some(pool) = self.places.choose(region, service, &self.pools) else {
            return self.end(slot, End::Lost);
        };
        let latency = self.places.latency(region, self.pools[usize::from(pool)].spec.site);
        let job = &mut self.jobs[slot];
        (job.pool, job.latency, job.stage) = (pool, latency, Stage::Travelling);
        if latency == SimTime::ZERO {
            self.deliver(slot);
        } else {
            let generation = job.generation;
            self.pools[usize::from(pool)].on_the_way += 1;
            self.queue.file(self.now + latency, Event::Deliver { job: slot, generation });
            self.tell(slot, Phase::Travelling);
        }
    }

    /// A request reaches its pool.
    fn deliver(&mut self, slot: u32) {
        let Request { input, output, .. } = self.jobs[slot].request;
        let handover = self.handover(self.jobs[slot].pool);
        if let Some(handover) = handover {
            let decode = &self.pools[usize::from(handover.decode)].spec.limits;
            if !decode.can_ever_run(input, output) {
                return self.end(slot, End::Rejected);
            }
            self.keep_short(slot, handover);
        }
        let job = &self.jobs[slot];
        let request = job.request;
        let pool = &mut self.pools[usize::from(job.pool)];
        let output = if handover.is_some() { 1 } else { output };
        if !pool.spec.limits.can_ever_run(input, output) {
            return self.end(slot, End::Rejected);
        }
        if !self.places.stands(pool.spec.site) || !pool.has_prospects() {
            return self.send_again(slot);
        }
        let deadline = self.deadline(slot);
        if let Some(deadline) = deadline {
            if deadline < self.now {
                return self.end(slot, End::Shed(ShedReason::TooLate));
            }
            let generation = self.jobs[slot].generation;
            let passed = deadline + SimTime::from_ns(1);
            self.queue.file(passed, Event::Expire { job: slot, generation });
        }
        let pool = &mut self.pools[usize::from(self.jobs[slot].pool)];
        pool.lately.arrived += 1;
        if pool.queue.waiting() == 0
            && pool.has_room()
            && let Some(reservation) = self.route(slot)
        {
            return self.dispatch(slot, reservation);
        }
        let job = &mut self.jobs[slot];
        job.stage = Stage::Waiting;
        let priority = self.services[usize::from(job.service)].spec.priority;
        let caller = Caller { id: u64::from(slot), priority, deadline, tokens: request.input };
        let number = job.pool;
        self.tell(slot, Phase::Waiting);
        let pool = &mut self.pools[usize::from(number)];
        pool.queue.offer(self.now, caller, Pace::UNKNOWN, &mut self.shed);
        self.end_shed();
        // Others may wait in front of room that a lost replica's requests left.
        self.serve_queue(number);
    }

    /// Chooses a replica of a request's pool, and reserves the load there.
    fn route(&mut self, slot: u32) -> Option<Reservation> {
        let job = &self.jobs[slot];
        let pool = &mut self.pools[usize::from(job.pool)];
        let Request { input, output, .. } = job.request;
        let output = if pool.prefills(output) { 1 } else { output };
        let ask = RouteAsk { input, output, prompt: &job.prompt };
        pool.router.route(&ask, pool.draws.next_u64())
    }

    /// Gives a request to a replica.
    fn dispatch(&mut self, slot: u32, reservation: Reservation) {
        if self.is_queue_full(self.jobs[slot].pool, reservation.replica()) {
            let pool = &mut self.pools[usize::from(self.jobs[slot].pool)];
            pool.router.finished(reservation);
            return self.end(slot, End::Shed(ShedReason::QueueFull));
        }
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(job.pool)];
        let replica = reservation.replica();
        let mut request = Request { id: u64::from(slot), arrival: self.now, ..job.request };
        (job.stage, job.first_token) = (Stage::Serving, SimTime::ZERO);
        if pool.prefills(request.output) {
            (job.stage, request.output) = (Stage::Prefilling, 1);
        }
        job.work = Some(reservation);
        let prompt = if !pool.spec.limits.prefix_caching {
            Vec::new()
        } else if self.may_start_again {
            job.prompt.clone()
        } else {
            std::mem::take(&mut job.prompt)
        };
        let ask = Ask { request, service: job.service, prompt, answer: job.answer };
        let machine = &mut pool.machines[replica as usize];
        machine.jobs += 1;
        pool.in_hand += 1;
        self.jobs.enlist(&mut machine.work, slot, Role::Work);
        let engine = &mut pool.replicas[replica as usize];
        engine.push_ask(ask);
        pool.wakes.sooner(replica, engine.next_start().max(self.now));
        self.tell(slot, Phase::Queued);
    }

    /// A first token is there.
    fn first_token(&mut self, slot: u32) {
        let job = &mut self.jobs[slot];
        let pool = &mut self.pools[usize::from(job.pool)];
        job.first_token = self.now;
        if let Some(work) = &mut job.work {
            pool.router.prefilled(work, job.request.input);
        }
    }

    /// A replica is done with a request.
    fn finish(&mut self, slot: u32, on_answer: &mut impl FnMut(&Answer)) {
        let (number, replica) = self.leave_work(slot);
        self.switch_off_if_drained(number, replica);
        let job = &mut self.jobs[slot];
        let done = Finished {
            request: job.request,
            first_token: job.first_token + job.latency,
            finish: self.now + job.latency,
            preemptions: job.preemptions,
            cached_tokens: job.cached_tokens,
        };
        let (service, region, resends) = (job.service, job.region, job.resends);
        let ticket = job.ticket.take();
        let answer = Answer { done, service, region, pool: number, replica, resends };
        on_answer(&answer);
        self.watch.answered(self.now, &answer);
        let Service { spec, tally, requests } = &mut self.services[usize::from(service)];
        ticket.into_iter().for_each(|ticket| requests.finish(ticket));
        tally.finish(&done);
        let within = spec.limits.is_none_or(|limits| limits.hold(&done));
        if self.row.is_some() {
            self.series.open.services[usize::from(service)].answer(&done, within);
        }
        self.ended.tokens_delivered += u64::from(done.request.output);
        // What was lost with a replica is late for that reason.
        if resends == 0 {
            self.pools[usize::from(number)].judge(done.request.arrival, within);
        }
        self.jobs.remove(slot);
        self.set_aside(number, replica);
        self.serve_queue(number);
    }

    /// Takes a request from the replica that works on it: its pool and replica.
    fn leave_work(&mut self, slot: u32) -> (u16, u32) {
        let job = &mut self.jobs[slot];
        let number = job.pool;
        let pool = &mut self.pools[usize::from(number)];
        let Some(work) = job.work.take() else { return (number, NOBODY) };
        let replica = work.replica();
        pool.router.finished(work);
        pool.in_hand -= 1;
        let machine = &mut pool.machines[replica as usize];
        machine.jobs -= 1;
        self.jobs.delist(&mut machine.work, slot, Role::Work);
        (number, replica)
    }

    /// Ends a request that is with nobody.
    fn end(&mut self, slot: u32, how: End) {
        let job = &mut self.jobs[slot];
        let requests = &mut self.services[usize::from(job.service)].requests;
        if let Some(ticket) = job.ticket.take() {
            match how {
                End::Rejected => requests.reject(ticket),
                End::Shed(_) => requests.shed(ticket),
                End::Lost => requests.lose(ticket),
            }
        }
        let row = &mut self.series.open.services[usize::from(job.service)];
        let (told, count) = match how {
            End::Rejected => (Unanswered::Rejected, &mut row.rejected),
            End::Shed(_) => (Unanswered::Shed, &mut row.shed),
            End::Lost => (Unanswered::Lost, &mut row.lost),
        };
        *count += 1;
        if matches!(how, End::Shed(_)) {
            self.pools[usize::from(job.pool)].judge(job.request.arrival, false);
        }
        self.watch.unanswered(job.request.id, self.now, told);
        self.ended.too_late += u64::from(how == End::Shed(ShedReason::TooLate));
        self.jobs.remove(slot);
    }

    /// What the requests of a service add up to, as its clients see it. Gaps between tokens are with
    /// the pools.
    pub fn service_tally(&self, service: u16) -> &Tally {
        &self.services[usize::from(service)].tally
    }

    /// What became of the requests of a service.
    pub fn service_requests(&self, service: u16) -> &Ledger {
        &self.services[usize::from(service)].requests
    }

    /// Replica-nanoseconds that replicas of a pool were on so far.
    pub fn pool_on_ns(&self, pool: u16) -> u128 {
        self.pools[usize::from(pool)].on_time_until(self.now)
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

    /// Time that replicas of a pool spent in steps so far, in raw [`Ticks`](wattmill_units::Ticks), of the
    /// time that they were on: less than [`Usage::busy_ticks`] says where one died in a step.
    pub fn pool_busy_ticks(&self, pool: u16) -> u128 {
        self.pools[usize::from(pool)].busy_until(self.now)
    }

    /// Energy of a pool's accelerators so far, idle included.
    pub fn pool_energy(&self, pool: u16) -> Energy {
        let pool = &self.pools[usize::from(pool)];
        let on_s = pool.on_time_until(self.now) as f64 * 1e-9;
        Energy::from_joules(pool.spec.idle.as_watts() * on_s) + pool.usage().dynamic_energy()
    }

    /// What went over the link between prefilling and decoding replicas.
    pub const fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Simulated time reached.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// Who watched, with what was seen.
    pub fn into_watch(self) -> W {
        self.watch
    }

    /// What became of every request and token so far, counted from both sides.
    pub fn books(&self) -> Books {
        let elsewhere = self.jobs.iter().filter(|(_, job)| job.work.is_none());
        let mut requests = Ledger::default();
        self.services.iter().for_each(|service| requests.merge(&service.requests));
        let mut books = Books { requests, in_hand: elsewhere.count() as u64, ..self.ended };
        for pool in &self.pools {
            books.in_hand += pool.machines.iter().map(|m| u64::from(m.jobs)).sum::<u64>();
            let usage = pool.usage();
            books.tokens_made += usage.output_tokens();
        }
        let done = self.jobs.iter().filter(|(_, job)| job.stage == Stage::Done);
        books.tokens_under_way = done.map(|(_, job)| u64::from(job.request.output)).sum();
        let held = |stage| stage == Stage::Prefilled || handover::is_between(stage);
        books.tokens_under_way +=
            self.jobs.iter().filter(|(_, job)| held(job.stage)).count() as u64;
        let engines = self.pools.iter().flat_map(|pool| &pool.replicas);
        books.tokens_under_way += engines.map(Replica::tokens_under_way).sum::<u64>();
        books
    }

    /// Hash of all answers: the sum of those of the services.
    pub fn fingerprint(&self) -> u64 {
        let hashes = self.services.iter().map(|service| service.tally.fingerprint());
        hashes.fold(0, u64::wrapping_add)
    }
}

impl Service {
    fn new(spec: &ServiceSpec) -> Self {
        Self { spec: spec.clone(), tally: Tally::new(spec.limits), requests: Ledger::default() }
    }
}
