//! A training job, for people.

mod text;

pub use text::train_text;

use wattmill_factory::PowerCap;
use wattmill_perf::{
    RankedLayout, Recompute, RefusedLayout, StepInterval, TrainingFormat, TrainingLayout,
    TrainingRun, TrainingStep,
};
use wattmill_units::Money;

/// A training job and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// Id of the model.
    pub model: String,
    /// Id of the system.
    pub system: String,
    /// Id of the accelerator in it.
    pub accelerator: String,
    /// Accelerators of the job.
    pub accelerators: u32,
    /// Software stack whose measured steps the constants come from.
    pub stack: String,
    /// `family.stack` of the measurements, where there are none of this very pair.
    pub borrowed_from: Option<String>,
    /// Format of the linear layers.
    pub format: TrainingFormat,
    /// Rank of LoRA adapters; `None`: all weights are trained.
    pub lora_rank: Option<u32>,
    /// Sequences of a step.
    pub global_batch: u32,
    /// Tokens of a sequence.
    pub sequence: u32,
    /// What each accelerator may draw; `None`: its own limit.
    pub power_cap: Option<PowerCap>,
    /// Whether the layout was asked for, and not searched.
    pub stated: bool,
    /// Layouts looked at.
    pub tried: u32,
    /// What it comes to; `None`: no layout can be.
    pub answer: Option<TrainAnswer>,
    /// The next best layouts of a search, fastest first.
    pub others: Vec<RankedLayout>,
    /// Why other layouts cannot be, or the one asked for.
    pub refused: Vec<RefusedLayout>,
    /// What a reader should know before believing it.
    pub warnings: Vec<String>,
}

/// What the best layout, or the one asked for, comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainAnswer {
    /// Layout.
    pub layout: TrainingLayout,
    /// Sequences of a micro-batch.
    pub micro_batch: u32,
    /// What is computed twice.
    pub recompute: Recompute,
    /// One step.
    pub step: TrainingStep,
    /// Between which step times a measurement is to be expected.
    pub interval: StepInterval,
    /// The whole run, where its tokens are known.
    pub run: Option<TrainingRun>,
    /// Price of an hour of one accelerator and who states it.
    pub price: Option<(Money, String)>,
}
