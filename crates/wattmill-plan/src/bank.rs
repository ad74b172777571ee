//! A group of equal machines as a walk over days needs it, and what it draws.

use wattmill_units::{Power, Seconds};

use crate::groups::Group;
use crate::machine::Machine;
use crate::result::Sums;
use crate::stretch::Point;

const HOUR: Seconds = Seconds::from_hours(1.0);

/// A group of equal machines, as the loop needs it.
pub(crate) struct Bank {
    pub(crate) site: usize,
    pub(crate) machine: Machine,
    pub(crate) deliveries: Vec<usize>,
    pub(crate) points: Vec<Option<Point>>,
    pub(crate) units: f64,
    pub(crate) accelerators: f64,
    /// Kind of machine, for what all banks of a kind share.
    pub(crate) kind: usize,
}

impl Bank {
    /// Of a group, none of whose machines runs yet.
    pub(crate) fn of(group: &Group) -> Self {
        Self {
            site: group.site.index(),
            machine: group.machine,
            deliveries: group.deliveries.clone(),
            points: group.points.iter().map(|of| of.as_ref().map(Point::new)).collect(),
            units: 0.0,
            accelerators: 0.0,
            kind: group.hardware.index(),
        }
    }
}

/// Facility power of a bank: so many watts with all of it serving, and more or less for what does
/// otherwise.
pub(crate) struct Load<'b> {
    bank: &'b Bank,
    serving: f64,
    idle_instead: f64,
    training_instead: f64,
    pue: f64,
}

impl<'b> Load<'b> {
    #[inline]
    pub(crate) fn of(bank: &'b Bank, pue: f64) -> Self {
        let machine = &bank.machine;
        let serving = machine.idle_host_power * bank.units
            + (machine.host_power_per_working + machine.idle_power) * bank.accelerators;
        Self {
            serving: serving.as_watts() * pue,
            idle_instead: -machine.host_power_per_working.as_watts() * pue,
            training_instead: (machine.training_power - machine.idle_power).as_watts() * pue,
            pue,
            bank,
        }
    }

    /// Watts with `idle` of the accelerators doing nothing, `trained` training, the others serving at
    /// `dynamic` watts above their idle power.
    #[inline]
    pub(crate) fn draw(&self, idle: f64, dynamic: f64, trained: f64) -> f64 {
        self.serving
            + self.idle_instead * idle
            + self.training_instead * trained
            + self.pue * dynamic
    }

    /// Books sums over so many hours.
    #[inline]
    pub(crate) fn book(&self, total: &mut Sums, idle: f64, dynamic: f64, trained: f64, hours: f64) {
        let serving = (self.bank.accelerators * hours - idle - trained).max(0.0);
        let above_idle = Power::from_watts(dynamic);
        total.serving_hours += serving;
        total.training_hours += trained;
        total.idle_hours += idle;
        total.serving_energy += (self.bank.machine.idle_power * serving + above_idle) * HOUR;
    }
}
