//! One kind of machine as a phase installs it: counts, powers and price of a unit.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{Factory, Phase};
use wattmill_units::{FlopRate, Money, Power};

/// Highest node power measured in training, as a fraction of its rating (arXiv 2412.08602: 8.4 of
/// 10.2 kW). Stands in for a typical power that no source states.
const TYPICAL_OF_MAX: f64 = 0.82;
/// Least that host, switches and fans take, as a fraction of the accelerators' limits: where
/// provisioned power leaves less, it was provisioned tighter than it runs.
const LEAST_HOST: f64 = 0.1;
/// Host power without work as a fraction of that under load: servers of 8 A100 drew 1.51 kW at the
/// 5th percentile and 5.04 kW at the 95th, of which the accelerators 0.49 and 3.26 kW (Acme power
/// traces, CC-BY-4.0).
const IDLE_HOST: f64 = 0.57;
/// Accelerator power in training as a fraction of its limit: nodes were measured at 76 to 82 % of
/// their rating (arXiv 2506.14551, 2412.08602), of which hosts and fans are the smaller part.
const TRAINING_OF_TDP: f64 = 0.9;
/// Fraction of the limit an accelerator idles at where its family has no figure.
const IDLE_OF_TDP: f64 = 0.15;

/// Power and price of one unit of a system, as a phase provisions it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Machine {
    /// Accelerators of a unit.
    pub(crate) accelerators: f64,
    /// IT power of a unit, and of what stands beside it, besides its accelerators, all of them without
    /// work.
    pub(crate) idle_host_power: Power,
    /// What it draws more for each accelerator that works.
    pub(crate) host_power_per_working: Power,
    /// Of one accelerator without work.
    pub(crate) idle_power: Power,
    /// Of one accelerator in training.
    pub(crate) training_power: Power,
    /// Of one unit.
    pub(crate) unit_price: Money,
    peaks: [Option<FlopRate>; 3],
}

impl Machine {
    pub(crate) fn new(factory: &Factory, catalog: &Catalog, phase: &Phase) -> Self {
        let hardware = &factory.hardware[phase.hardware];
        let (system, chip) = (&hardware.system, &hardware.accelerator);
        let count = f64::from(system.accelerators);
        // Without a stated limit all of the unit's power is the accelerators'.
        let tdp = chip.tdp.unwrap_or(phase.unit_power / count);
        let typical =
            system.power_typical.unwrap_or(phase.unit_power * TYPICAL_OF_MAX).min(phase.unit_power);
        let host_power = (typical - tdp * count).max(tdp * count * LEAST_HOST);
        let idle = catalog.efficiency(&chip.family).map_or(IDLE_OF_TDP, |e| e.idle_fraction);
        Self {
            accelerators: count,
            // Switches and storage beside it draw the same at all hours.
            idle_host_power: host_power * IDLE_HOST + phase.unit_power * phase.beside,
            host_power_per_working: host_power * ((1.0 - IDLE_HOST) / count),
            idle_power: tdp * idle,
            training_power: tdp * TRAINING_OF_TDP,
            unit_price: system.price.unwrap_or(factory.economics.accelerator_price * count),
            peaks: Precision::ALL.map(|precision| chip.peak(precision)),
        }
    }

    /// Dense peak of one accelerator.
    pub(crate) const fn peak(&self, precision: Precision) -> Option<FlopRate> {
        self.peaks[precision as usize]
    }
}
