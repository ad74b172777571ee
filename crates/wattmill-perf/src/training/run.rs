//! A whole training run: as many steps as its tokens take.

use wattmill_catalog::Interval;
use wattmill_units::{Energy, Money, Seconds};

use super::step::TrainingStep;

/// Between which step times a measurement is to be expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInterval {
    /// One measured step in ten is shorter.
    pub low: Seconds,
    /// Half of the measured steps are shorter.
    pub median: Seconds,
    /// One measured step in ten is longer.
    pub high: Seconds,
    /// Rows of measured training it was taken from; 0: borrowed, and widened.
    pub rows: u32,
    /// Whether this chip family was measured with this software stack.
    pub inside: bool,
}

impl StepInterval {
    /// Of `step`, where measurements lie between these factors of the model's answers.
    pub fn of(step: &TrainingStep, factors: &Interval) -> Self {
        let time = step.time.total();
        Self {
            low: time * factors.low,
            median: time * factors.median,
            high: time * factors.high,
            rows: factors.rows,
            inside: factors.inside,
        }
    }
}

/// What a run over so many tokens takes, if nothing fails and nothing waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingRun {
    /// Tokens of the run.
    pub tokens: f64,
    /// Steps, the last one whole.
    pub steps: f64,
    /// Time of the steps, nothing for failures, checkpoints or evaluation.
    pub time: Seconds,
    /// Hours of all accelerators.
    pub accelerator_hours: f64,
    /// Energy of the accelerator packages, where their limit is known; hosts, network and cooling
    /// come on top.
    pub energy: Option<Energy>,
    /// Cost, where an hour of the accelerator has a price.
    pub cost: Option<Money>,
}

impl TrainingRun {
    /// Steps of `step` until `tokens` are seen, at `per_hour` for an hour of one accelerator.
    ///
    /// ```
    /// # use wattmill_units::{Money, Seconds};
    /// # use wattmill_perf::{TrainingRun, TrainingStep};
    /// # fn run(step: &TrainingStep) {
    /// let run = TrainingRun::of(step, 15.6e12, Some(Money::from_usd(1.3)));
    /// assert!((run.time / step.time.total() - run.steps).abs() < 1e-6 * run.steps);
    /// # }
    /// ```
    pub fn of(step: &TrainingStep, tokens: f64, per_hour: Option<Money>) -> Self {
        let steps = (tokens / step.tokens.max(1.0)).ceil();
        let time = step.time.total() * steps;
        let accelerator_hours = time.as_hours() * step.accelerators as f64;
        Self {
            tokens,
            steps,
            time,
            accelerator_hours,
            energy: step.energy.map(|energy| energy * steps),
            cost: per_hour.map(|price| price * accelerator_hours),
        }
    }
}
