//! A training run as a fluid: work that takes what machines serving leaves.

use jiff::civil::Date;
use wattmill_factory::Training;
use wattmill_units::{Id, Money};

use crate::calendar::Calendar;
use crate::machine::Machine;
use crate::result::TrainingOutcome;

/// A training run on the plan's clock.
pub(crate) struct TrainingRun {
    training: Training,
    /// FLOPs of the whole run.
    pub(crate) flops: f64,
    pub(crate) progress: Progress,
}

/// How far a training run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Progress {
    /// FLOPs that are left.
    pub(crate) left: f64,
    /// FLOPs of every hour so far, added up apart from `left`.
    done: f64,
    started: Option<Date>,
    finished: Option<Date>,
    accelerator_hours: f64,
}

impl TrainingRun {
    pub(crate) fn new(training: &Training) -> Self {
        let flops = 6.0 * training.model.active_parameters() * training.tokens;
        Self {
            training: training.clone(),
            flops,
            progress: Progress {
                left: flops,
                done: 0.0,
                started: None,
                finished: None,
                accelerator_hours: 0.0,
            },
        }
    }

    /// Accelerators it wants in the hour `at`.
    pub(crate) fn wants(&self, at: f64, calendar: Calendar) -> f64 {
        let due = at >= calendar.hour_of(self.training.from);
        if due && self.progress.left > 0.0 { f64::from(self.training.accelerators) } else { 0.0 }
    }

    /// Whether it is done within `hours` hours on all it wants of the fastest of `machines`.
    pub(crate) fn ends_within(&self, hours: f64, fastest: f64) -> bool {
        self.progress.left <= f64::from(self.training.accelerators) * fastest * hours
    }

    /// FLOPs an accelerator of `machine` does in an hour; none without the format.
    pub(crate) fn per_hour(&self, machine: &Machine) -> Option<f64> {
        let peak = machine.peak(self.training.precision)?;
        Some(peak.as_flops_per_s() * self.training.mfu * 3600.0)
    }

    /// Trains for `accelerator_hours` at `per_hour` on the day of hour `at`.
    pub(crate) fn advance(
        &mut self,
        accelerator_hours: f64,
        per_hour: f64,
        at: f64,
        calendar: Calendar,
    ) {
        let today = || calendar.date((at / 24.0) as u32);
        let progress = &mut self.progress;
        progress.started.get_or_insert_with(today);
        progress.accelerator_hours += accelerator_hours;
        progress.left -= accelerator_hours * per_hour;
        progress.done += accelerator_hours * per_hour;
        if self.is_done_with(self.progress.left) {
            self.progress.left = 0.0;
            self.progress.finished = Some(today());
        }
    }

    /// Whether `left` FLOPs are nothing but rounding.
    pub(crate) fn is_done_with(&self, left: f64) -> bool {
        left <= self.flops * 1e-12
    }

    pub(crate) const fn flops_done(&self) -> f64 {
        self.progress.done
    }

    pub(crate) const fn flops_left(&self) -> f64 {
        self.progress.left
    }

    /// How it went, when an accelerator-hour costs `per_hour`.
    pub(crate) fn outcome(&self, training: Id<Training>, per_hour: Money) -> TrainingOutcome {
        TrainingOutcome {
            training,
            flops: self.flops,
            done: if self.flops > 0.0 {
                (self.flops - self.progress.left) / self.flops
            } else {
                1.0
            },
            started: self.progress.started,
            finished: self.progress.finished,
            accelerator_hours: self.progress.accelerator_hours,
            cost: per_hour * self.progress.accelerator_hours,
        }
    }
}
