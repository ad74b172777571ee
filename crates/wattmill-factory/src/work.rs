//! What the factory is for.

use jiff::civil::Date;
use wattmill_catalog::{Model, Precision};
use wattmill_units::{Id, Money, Power, Seconds};

use crate::{EngineChoice, Traffic};

/// Latency promised to users of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// Time to first token.
    pub ttft: Seconds,
    /// Time per output token after the first.
    pub tpot: Seconds,
    /// Quantile at which both hold, such as 0.99.
    pub quantile: f64,
}

/// A model served to users.
#[derive(Clone, Debug)]
pub struct Service {
    /// Unique name.
    pub name: String,
    /// What answers.
    pub model: Model,
    /// What is promised.
    pub slo: Slo,
    /// Who asks, how much.
    pub traffic: Traffic,
    /// How it is run.
    pub engine: EngineChoice,
    /// Revenue of a million output tokens, if the file states one.
    pub price_per_million_output: Option<Money>,
    /// What users pay by the month, if some do.
    pub subscription: Option<Subscription>,
    /// Whether it may be throttled when power is short: nobody waits for its answers.
    pub batch: bool,
}

/// What users pay by the month, whatever they ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subscription {
    /// Of one who pays, a month.
    pub monthly: Money,
    /// Share of the weekly users who pay.
    pub paying: f64,
}

impl Service {
    /// Whether it brings money.
    pub fn earns(&self) -> bool {
        self.price_per_million_output.is_some() || self.subscription.is_some()
    }
}

/// A training run.
#[derive(Clone, Debug)]
pub struct Training {
    /// Unique name.
    pub name: String,
    /// What is trained.
    pub model: Model,
    /// Tokens to train on.
    pub tokens: f64,
    /// Accelerators it wants; it runs on fewer, proportionally slower, until serving leaves them.
    pub accelerators: u32,
    /// First day it may run.
    pub from: Date,
    /// Format of matrix multiplications.
    pub precision: Precision,
    /// Model-FLOPs utilisation, dense, against the peak of `precision`.
    pub mfu: f64,
}

/// Something to be reached by a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Unique name.
    pub name: String,
    /// What.
    pub goal: Goal,
    /// Last day on which it counts as met.
    pub by: Date,
}

/// What a target asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Facility power of machines that run, at design PUE.
    Energised(Power),
    /// Accelerators that run.
    Accelerators(f64),
    /// Output tokens served in a day.
    TokensPerDay(f64),
    /// The last token of this training run.
    Trained(Id<Training>),
}
