//! A training job, for people.

mod text;

pub use text::train_text;

use wattmill_catalog::Interval;
use wattmill_factory::PowerCap;
use wattmill_perf::{
    RankedLayout, Recompute, RefusedLayout, StepInterval, TrainingFormat, TrainingLayout,
    TrainingRun, TrainingStep,
};
use wattmill_units::{Money, Seconds};

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
    /// Where measurements of the power of nodes lie of the model's; `None` where nothing states the
    /// accelerator's limit.
    pub power_interval: Option<Interval>,
    /// The whole run, where its tokens are known.
    pub run: Option<TrainingRun>,
    /// Price of an hour of one accelerator and who states it.
    pub price: Option<(Money, String)>,
}

impl TrainAnswer {
    /// Times of a step that measurements lie between, over the one answered: everything that is paid
    /// by the hour follows them, everything by the second its inverse.
    pub(crate) fn times(&self) -> [f64; 2] {
        self.ends(|time, total| time / total)
    }

    /// The same of whatever is done in a second, least first.
    pub(crate) fn rates(&self) -> [f64; 2] {
        let [low, high] = self.ends(|time, total| total / time);
        [high, low]
    }

    /// The same of energy: time and power off in the same direction, power as sure as time where
    /// none was measured.
    pub(crate) fn energies(&self) -> [f64; 2] {
        let [low, high] = self.times();
        self.power_interval.map_or([low, high], |power| [low * power.low, high * power.high])
    }

    fn ends(&self, of: impl Fn(Seconds, Seconds) -> f64) -> [f64; 2] {
        let total = self.step.time.total();
        [self.interval.low, self.interval.high].map(|time| of(time, total))
    }
}
