//! What a world consists of.

use thiserror::Error;
use wattmill_policy::{
    Autoscaler, BatchLimits, QueueLimits, RouterKind, ScaleError, ScaleRules, SiteRules,
};
use wattmill_units::{Money, Power, SimTime};

use crate::Limits;

/// Sites, pools of replicas, the regions that ask and the services they ask for.
///
/// `M` prices the steps of a replica, see [`StepModel`](wattmill_perf::StepModel); for pools of
/// different models take `&dyn StepModel`.
#[derive(Clone, Debug)]
pub struct WorldSpec<M> {
    /// Seed of failures, routers and regions.
    pub seed: u64,
    /// What is asked for; an [`Ask`](crate::Ask) names its service by the place in this list.
    pub services: Vec<ServiceSpec>,
    /// Where it is asked.
    pub regions: Vec<RegionSpec>,
    /// Where it is answered.
    pub sites: Vec<SiteSpec>,
    /// The replicas at the sites.
    pub pools: Vec<PoolSpec<M>>,
    /// Which of the sites that could answer does.
    pub choice: SiteRules,
    /// How often a request is sent again after its replica or site was lost; once more, and it is
    /// lost too.
    pub most_resends: u8,
    /// Length of a row of the time series; `None` for no series.
    pub row: Option<SimTime>,
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// What people call it.
    pub name: String,
    /// Latencies its requests are held to, as the client sees them.
    pub limits: Option<Limits>,
    /// Who goes first; the higher the earlier. Who is turned away first: the lower.
    pub priority: u8,
    /// Time after which a first token is of no use any more; `None` if it always is. A request whose
    /// prompt has not begun by then is shed, in front of a router as at a replica.
    pub patience: Option<SimTime>,
}

/// A part of the world with a clock of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionSpec {
    /// What people call it.
    pub name: String,
    /// What its clocks show at time zero.
    pub local_start: SimTime,
    /// Weight of its requests among those of all regions, by hour of its own day.
    pub weights: [f64; 24],
    /// One way to each site, by the site's place in the list.
    pub latency: Vec<SimTime>,
}

/// A place with machines.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteSpec {
    /// What people call it.
    pub name: String,
    /// When it is lost with everything under way there, and from when it is back. Where two overlap it
    /// is back when both are over.
    pub outages: Vec<Outage>,
}

impl SiteSpec {
    /// Its outages in order of time, those that overlap or follow on each other as one.
    ///
    /// ```
    /// use wattmill_sim::{Outage, SiteSpec};
    /// use wattmill_units::SimTime;
    /// let outage = |from, until| Outage { from: SimTime::from_ns(from), until: SimTime::from_ns(until) };
    /// let outages = vec![outage(30, 40), outage(5, 9), outage(7, 12), outage(8, 9)];
    /// let site = SiteSpec { name: "here".to_owned(), outages };
    /// assert_eq!(site.joined_outages(), [outage(5, 12), outage(30, 40)]);
    /// ```
    pub fn joined_outages(&self) -> Vec<Outage> {
        let mut outages = self.outages.clone();
        outages.sort_by_key(|outage| (outage.from, outage.until));
        let mut joined: Vec<Outage> = Vec::new();
        for outage in outages {
            match joined.last_mut() {
                Some(last) if outage.from <= last.until => {
                    last.until = last.until.max(outage.until)
                }
                _ => joined.push(outage),
            }
        }
        joined
    }
}

/// A time in which a site is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Lost.
    pub from: SimTime,
    /// Back, to start its replicas anew; [`SimTime::MAX`] for never.
    pub until: SimTime,
}

/// Equal replicas behind one router.
#[derive(Clone, Debug)]
pub struct PoolSpec<M> {
    /// What people call it.
    pub name: String,
    /// Its site, by its place in the list.
    pub site: u16,
    /// What a unit of work costs there, the same unit for every pool, for a choice by price.
    pub price: Money,
    /// Grams of CO₂e emitted for a unit of work there, for a choice by carbon.
    pub carbon_g: f64,
    /// Services it answers, by their places in the list.
    pub services: Vec<u16>,
    /// Most replicas it can have.
    pub replicas: u32,
    /// Replicas that stand ready at the start.
    pub ready: u32,
    /// Limits of each attention group's batch.
    pub limits: BatchLimits,
    /// Attention groups of each replica; 1 without attention data parallelism.
    pub groups: u32,
    /// Prices a step at each power level, the highest first.
    pub models: Vec<M>,
    /// When which of the levels holds; level 0 until the first.
    pub levels: Vec<(SimTime, u8)>,
    /// Power of one replica that is on and does nothing.
    pub idle: Power,
    /// Chooses the replica.
    pub router: RouterKind,
    /// Which part of a request it does.
    pub part: Duty,
    /// Bytes a second that one replica's ports send, and as many that they receive; 0 where nothing
    /// is handed over.
    pub port_bytes_per_s: u64,
    /// How its replicas break.
    pub failures: Option<Failures>,
    /// From starting a replica to its first request: the machine, the engine, loading the model.
    pub start_up: SimTime,
    /// Most requests in hand for each open replica; further ones wait in front of the router.
    /// [`u32::MAX`]: none wait there while a replica is open.
    pub in_hand: u32,
    /// By power level, requests in hand of an open replica with which it still does what it promises:
    /// with more, the choice among sites looks for another pool. Where nothing is said, as many as its
    /// batches hold; [`Self::in_hand`] at most in any case.
    pub room: Vec<u32>,
    /// Most that wait in front of the router; further ones are turned away, see
    /// [`Admission`](wattmill_policy::Admission). Where none wait there while a replica is open, as many
    /// requests wait at each replica at most.
    pub queue: QueueLimits,
    /// Who starts and drains replicas; `None` for nobody.
    pub scale: Option<Scale>,
}

/// An autoscaler at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What it follows. Its maximum is also held to the pool's replicas.
    pub rules: ScaleRules,
    /// How often it looks.
    pub every: SimTime,
    /// Requests a second that one replica sustains inside the SLO, as the
    /// [probe](crate::probe) finds it.
    pub sustained: f64,
}

/// Exponential times between failures and to repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Mean time between failures of one replica.
    pub between: SimTime,
    /// Mean time to repair one; starting comes on top.
    pub repair: SimTime,
}

/// Which part of a request a pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// All of it; and the answers of prompts that other pools hand over to it.
    Whole,
    /// The prompt up to the first token, unless it is short; then the cache is handed over.
    Prefill(Handover),
}

/// How prompts go on elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The pool that decodes, by its place in the list; at the same site.
    pub decode: u16,
    /// Cache that is sent for each prompt token.
    pub bytes_per_token: u64,
    /// From the last byte's leaving to its being there.
    pub latency: SimTime,
    /// Prompts of which no more tokens than this have to be computed are computed where they are
    /// decoded; 0 for none.
    pub short: u32,
}

/// What is wrong with a world.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum WorldProblem {
    /// A list that needs an entry has none.
    #[error("there is no {what}; a world needs at least one")]
    None {
        /// Of what.
        what: &'static str,
    },
    /// Something is named that is not there.
    #[error(
        "{whose} names {what} {index}, but there are {count}, counted from 0; name one of those"
    )]
    Absent {
        /// Who names it.
        whose: String,
        /// What kind of thing.
        what: &'static str,
        /// Which.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Not a latency for each site.
    #[error(
        "region `{region}` has {latencies} latencies for {sites} sites; give one for each site, in \
         their order"
    )]
    Latencies {
        /// The region.
        region: String,
        /// How many it has.
        latencies: usize,
        /// How many it needs.
        sites: usize,
    },
    /// A weight that is none.
    #[error("region `{region}` weighs {weight} at hour {hour}; a weight is 0 or more")]
    Weight {
        /// The region.
        region: String,
        /// The hour of its day.
        hour: usize,
        /// What it weighs.
        weight: f64,
    },
    /// More replicas ready than there are.
    #[error(
        "pool `{pool}` starts with {ready} replicas ready, but has {replicas}; start with fewer"
    )]
    Ready {
        /// The pool.
        pool: String,
        /// How many are to be ready.
        ready: u32,
        /// How many there are.
        replicas: u32,
    },
    /// Nothing prices the steps.
    #[error("pool `{pool}` has no model of its steps; give one for each power level, at least one")]
    Models {
        /// The pool.
        pool: String,
    },
    /// A power level without a model.
    #[error(
        "pool `{pool}` is set to power level {level}, but has models of {levels}; counted from 0"
    )]
    Level {
        /// The pool.
        pool: String,
        /// The level.
        level: u8,
        /// How many there are.
        levels: usize,
    },
    /// A mean of zero.
    #[error("pool `{pool}`: a mean {what} of zero cannot be; leave failures out or give a time")]
    Failures {
        /// The pool.
        pool: String,
        /// Which mean.
        what: &'static str,
    },
    /// An autoscaler that cannot be.
    #[error("the autoscaler of pool `{pool}` cannot be: {why}")]
    Scale {
        /// The pool.
        pool: String,
        /// What is wrong with its rules.
        why: ScaleError,
    },
    /// An autoscaler that looks all the time or knows not what a replica does.
    #[error("the autoscaler of pool `{pool}` has {what} of {value}; give one above zero")]
    ScaleFigure {
        /// The pool.
        pool: String,
        /// Which figure.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// Prompts that are handed over to nowhere.
    #[error("pool `{prefill}` cannot hand prompts over to pool `{decode}`: {why}")]
    Handover {
        /// Whose prompts.
        prefill: String,
        /// To whom.
        decode: String,
        /// What stands in the way, and the way out.
        why: String,
    },
    /// An outage that ends before it starts.
    #[error("site `{site}` is back at {until}, before it is lost at {from}; exchange the two")]
    Outage {
        /// The site.
        site: String,
        /// When it is lost.
        from: SimTime,
        /// When it is back.
        until: SimTime,
    },
    /// A row of no length.
    #[error("a row of the time series cannot have length zero; take a minute, or no series")]
    Row,
}

impl<M> WorldSpec<M> {
    /// Whether a request that was given to a replica may have to be sent again.
    pub(crate) fn may_start_again(&self) -> bool {
        let dies = |pool: &PoolSpec<M>| pool.failures.is_some() || pool.part != Duty::Whole;
        let lost = self.sites.iter().any(|site| !site.outages.is_empty());
        self.most_resends > 0 && (lost || self.pools.iter().any(dies))
    }

    /// Everything that speaks against it, each with the way out. Empty: it can be simulated.
    pub fn problems(&self) -> Vec<WorldProblem> {
        let mut problems = Vec::new();
        let none = |what, empty: bool| empty.then_some(WorldProblem::None { what });
        problems.extend(none("service", self.services.is_empty()));
        problems.extend(none("region", self.regions.is_empty()));
        problems.extend(none("site", self.sites.is_empty()));
        problems.extend(none("pool", self.pools.is_empty()));
        if self.row == Some(SimTime::ZERO) {
            problems.push(WorldProblem::Row);
        }
        for region in &self.regions {
            let (name, sites) = (region.name.clone(), self.sites.len());
            let latencies = region.latency.len();
            if latencies != sites {
                problems.push(WorldProblem::Latencies { region: name, latencies, sites });
            }
            for (hour, weight) in region.weights.into_iter().enumerate() {
                if !(weight.is_finite() && weight >= 0.0) {
                    let region = region.name.clone();
                    problems.push(WorldProblem::Weight { region, hour, weight });
                }
            }
        }
        for site in &self.sites {
            for Outage { from, until } in site.outages.iter().copied() {
                if until <= from {
                    problems.push(WorldProblem::Outage { site: site.name.clone(), from, until });
                }
            }
        }
        self.pools.iter().for_each(|pool| self.problems_of(pool, &mut problems));
        problems
    }

    fn problems_of(&self, pool: &PoolSpec<M>, problems: &mut Vec<WorldProblem>) {
        let name = || pool.name.clone();
        let absent = |what, index, count| WorldProblem::Absent {
            whose: format!("pool `{}`", pool.name),
            what,
            index,
            count,
        };
        if usize::from(pool.site) >= self.sites.len() {
            problems.push(absent("site", pool.site.into(), self.sites.len()));
        }
        for service in &pool.services {
            if usize::from(*service) >= self.services.len() {
                problems.push(absent("service", (*service).into(), self.services.len()));
            }
        }
        if pool.ready > pool.replicas {
            let (ready, replicas) = (pool.ready, pool.replicas);
            problems.push(WorldProblem::Ready { pool: name(), ready, replicas });
        }
        if pool.models.is_empty() {
            problems.push(WorldProblem::Models { pool: name() });
        }
        for (_, level) in &pool.levels {
            if usize::from(*level) >= pool.models.len() {
                let (level, levels) = (*level, pool.models.len());
                problems.push(WorldProblem::Level { pool: name(), level, levels });
            }
        }
        if let Some(failures) = pool.failures {
            let zero = |what, time| {
                (time == SimTime::ZERO).then(|| WorldProblem::Failures { pool: name(), what })
            };
            problems.extend(zero("time between failures", failures.between));
            problems.extend(zero("time to repair", failures.repair));
        }
        if let Duty::Prefill(handover) = pool.part {
            match self.pools.get(usize::from(handover.decode)) {
                None => problems.push(absent("pool", handover.decode.into(), self.pools.len())),
                Some(decode) => problems.extend(ill_matched(pool, decode)),
            }
        }
        if let Some(Scale { rules, every, sustained }) = pool.scale {
            if let Err(why) = Autoscaler::new(rules) {
                problems.push(WorldProblem::Scale { pool: name(), why });
            }
            let mut figure = |what, value: f64| {
                // A figure that is no number is none either.
                if value.is_nan() || value <= 0.0 {
                    problems.push(WorldProblem::ScaleFigure { pool: name(), what, value });
                }
            };
            figure("seconds between two looks", every.as_seconds().as_s());
            figure("requests a second that a replica sustains", sustained);
        }
    }
}

/// Everything that keeps one pool from handing its prompts over to another.
fn ill_matched<M>(prefill: &PoolSpec<M>, decode: &PoolSpec<M>) -> Vec<WorldProblem> {
    let mut whys = Vec::new();
    if prefill.site != decode.site {
        whys.push(
            "they are at different sites; pair pools of one site, whose network carries the cache"
                .to_owned(),
        );
    }
    if decode.part != Duty::Whole {
        whys.push("that one hands over too; name a pool that answers".to_owned());
    }
    let (theirs, ours) = (decode.limits.block_tokens, prefill.limits.block_tokens);
    if theirs != ours {
        whys.push(format!(
            "blocks of {ours} tokens do not become blocks of {theirs}; give both one block size"
        ));
    }
    for pool in [prefill, decode] {
        if pool.port_bytes_per_s == 0 {
            whys.push(format!("`{}` has ports of 0 bytes/s; state their rate", pool.name));
        }
    }
    let problem = |why| WorldProblem::Handover {
        prefill: prefill.name.clone(),
        decode: decode.name.clone(),
        why,
    };
    whys.into_iter().map(problem).collect()
}
