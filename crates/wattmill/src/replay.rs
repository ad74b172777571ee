//! A stream of requests on a fleet of equal replicas.

use std::ops::ControlFlow;

use wattmill_perf::{StepModel, StepTable};
use wattmill_plan::Engine;
use wattmill_policy::BatchLimits;
use wattmill_sim::{Finished, Fleet, Limits, Progress, Request, Setup, Summary, Tally, Usage};

/// What prices the steps of a replica.
pub enum Pricing<'a> {
    /// The performance model.
    Engine(Box<Engine<'a>>),
    /// A user's own step times, with batching limits of their own.
    Table(StepTable, BatchLimits),
}

impl Pricing<'_> {
    /// KV blocks of a replica and tokens in each; `None` where memory is not modelled.
    pub fn cache(&self) -> Option<(u64, u32)> {
        let limits = self.limits();
        (limits.blocks < BatchLimits::UNLIMITED_BLOCKS)
            .then_some((limits.blocks, limits.block_tokens))
    }

    /// Batching limits of a replica.
    pub const fn limits(&self) -> &BatchLimits {
        match self {
            Self::Engine(engine) => &engine.limits,
            Self::Table(_, limits) => limits,
        }
    }

    fn setup(&self, replicas: u32) -> Setup {
        match self {
            Self::Engine(engine) => engine.setup(replicas),
            Self::Table(_, limits) => Setup { replicas, limits: *limits, idle_power: None },
        }
    }
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// In the field's terms.
    pub summary: Summary,
    /// Distributions, for pictures.
    pub tally: Tally,
    /// What the replicas did.
    pub usage: Usage,
    /// Requests handed to replicas.
    pub requests: u64,
    /// Whether it was stopped before the last request; what was handed out is answered.
    pub interrupted: bool,
}

/// Runs `requests`, in order of arrival, on `replicas` replicas.
///
/// `on_finish` gets each finished request with its replica; `on_progress` may stop the run.
pub fn replay(
    pricing: &Pricing<'_>,
    replicas: u32,
    limits: Option<Limits>,
    requests: impl Iterator<Item = Request>,
    on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Replayed {
    let setup = pricing.setup(replicas);
    match pricing {
        Pricing::Engine(engine) => {
            run(&engine.surface, &setup, limits, requests, on_finish, on_progress)
        }
        Pricing::Table(table, _) => run(table, &setup, limits, requests, on_finish, on_progress),
    }
}

fn run<M: StepModel>(
    model: &M,
    setup: &Setup,
    limits: Option<Limits>,
    requests: impl Iterator<Item = Request>,
    on_finish: impl FnMut(u32, &Finished),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Replayed {
    let mut fleet = Fleet::new(setup.replicas, setup.limits, Tally::new(limits));
    let flow = fleet.run(model, requests, on_finish, on_progress);
    let (tally, usage) = (fleet.tally().clone(), fleet.usage());
    Replayed {
        summary: Summary::new(&tally, &usage, setup, tally.last_finish),
        requests: fleet.routed(),
        interrupted: flow.is_break(),
        tally,
        usage,
    }
}
