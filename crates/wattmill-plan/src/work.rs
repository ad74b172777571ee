//! What every group of machines does in an hour, and what power that takes.

use wattmill_factory::Service;
use wattmill_units::{Id, Power};

use crate::build::Standing;
use crate::calendar::Calendar;
use crate::groups::{Group, Groups};
use crate::training::TrainingRun;

/// An hour's work, before any of it is booked.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Groups in the order in which they were filled.
    pub(crate) order: Vec<usize>,
    /// Accelerators that serve, by group, then service.
    pub(crate) given: Vec<Vec<f64>>,
    /// Accelerators that train, by group, then run.
    pub(crate) trained: Vec<Vec<f64>>,
    /// Requests that found no machine, by service.
    pub(crate) unserved: Vec<f64>,
    /// Whether a training run wants more machines than it got.
    pub(crate) wanting: bool,
}

impl Work {
    /// Places services, then training on what they leave. `accelerators` run, by group.
    pub(crate) fn of_hour(
        groups: &Groups,
        standing: &Standing,
        accelerators: &[f64],
        asked: &[f64],
        trainings: &[TrainingRun],
        (at, calendar): (f64, Calendar),
    ) -> Self {
        let placement = groups.place(standing, accelerators, asked);
        let mut wants: Vec<f64> = trainings.iter().map(|run| run.wants(at, calendar)).collect();
        let mut left: Vec<f64> = trainings.iter().map(|run| run.progress.left).collect();
        let mut trained = vec![vec![0.0; trainings.len()]; groups.all.len()];
        for index in &placement.order {
            let serving: f64 = serving(&groups.all[*index], &placement.given[*index]);
            let mut free = accelerators[*index] - serving;
            for (run, training) in trainings.iter().enumerate() {
                let Some(per_hour) = training.per_hour(&groups.all[*index].machine) else {
                    continue;
                };
                let taken = free.min(wants[run]).min(left[run] / per_hour);
                if taken <= 0.0 {
                    continue;
                }
                trained[*index][run] = taken;
                free -= taken;
                wants[run] -= taken;
                left[run] -= taken * per_hour;
                if training.is_done_with(left[run]) {
                    (left[run], wants[run]) = (0.0, 0.0);
                }
            }
        }
        Self {
            order: placement.order,
            given: placement.given,
            trained,
            unserved: placement.unserved,
            wanting: wants.iter().any(|want| *want > 0.0),
        }
    }

    /// Becomes what `other` is in these groups, and in what is not served.
    pub(crate) fn renew(&mut self, other: &Self, groups: &[usize]) {
        for index in groups {
            self.given[*index].copy_from_slice(&other.given[*index]);
            self.trained[*index].copy_from_slice(&other.trained[*index]);
        }
        self.unserved.copy_from_slice(&other.unserved);
    }

    /// What a group's machines draw.
    pub(crate) fn power(
        &self,
        index: usize,
        group: &Group,
        units: f64,
        accelerators: f64,
    ) -> GroupPower {
        let machine = &group.machine;
        let (mut serving, mut dynamic) = (0.0, Power::ZERO);
        for (point, given) in group.points.iter().zip(&self.given[index]) {
            let (Some(point), true) = (point, *given > 0.0) else { continue };
            serving += given;
            dynamic += point.dynamic_power_of(given / f64::from(point.accelerators));
        }
        let training: f64 = self.trained[index].iter().sum();
        let idle = (accelerators - serving - training).max(0.0);
        // Hosts of idle machines stand by with them; those of working ones serve them.
        let working = serving + training;
        let hosts = machine.idle_host_power * units;
        let standby = if accelerators > 0.0 { hosts * (idle / accelerators) } else { hosts };
        GroupPower {
            serving,
            training,
            idle,
            host: hosts - standby + machine.host_power_per_working * working,
            idle_power: standby + machine.idle_power * idle,
            serving_power: machine.idle_power * serving + dynamic,
            training_power: machine.training_power * training,
        }
    }

    /// Requests that a group serves of a service.
    pub(crate) fn requests(&self, index: usize, group: &Group, service: Id<Service>) -> f64 {
        let given = self.given[index][service.index()];
        group.points[service.index()]
            .as_ref()
            .map_or(0.0, |point| given * point.requests_per_accelerator_hour())
    }
}

fn serving(group: &Group, given: &[f64]) -> f64 {
    let parts = group.points.iter().zip(given);
    parts.filter(|(point, given)| point.is_some() && **given > 0.0).map(|(_, given)| *given).sum()
}

/// Accelerators of a group by what they do, and IT power by what it goes into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GroupPower {
    pub(crate) serving: f64,
    pub(crate) training: f64,
    pub(crate) idle: f64,
    pub(crate) host: Power,
    pub(crate) idle_power: Power,
    pub(crate) serving_power: Power,
    pub(crate) training_power: Power,
}

impl GroupPower {
    /// All of it.
    pub(crate) fn it(&self) -> Power {
        self.host + self.idle_power + self.serving_power + self.training_power
    }
}
