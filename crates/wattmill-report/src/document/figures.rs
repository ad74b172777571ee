//! Figures of one or more sites over a time.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_plan::Sums;

use super::energy::EnergyFlows;

/// What stands at the end of a quarter, and what flowed in it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Figures {
    /// Facility power available in the last hour: connections and on-site generation.
    facility_power_available_mw: f64,
    /// Facility power of the machines that run in the last hour, at design PUE.
    facility_power_energised_mw: f64,
    /// Highest facility power drawn in an hour; of several sites the sum of theirs, an upper bound.
    facility_power_peak_mw: f64,
    /// Racks, servers or pods that run in the last hour.
    units: f64,
    /// Accelerators that run in the last hour.
    accelerators: f64,
    /// Output tokens that the machines could serve inside the SLO of the mix that is asked, mean.
    capacity_output_tokens_per_day: f64,
    #[serde(flatten)]
    flows: Flows,
}

impl From<&Sums> for Figures {
    fn from(sums: &Sums) -> Self {
        Self {
            facility_power_available_mw: sums.available.as_mw(),
            facility_power_energised_mw: sums.energised.as_mw(),
            facility_power_peak_mw: sums.peak_draw.as_mw(),
            units: sums.units,
            accelerators: sums.accelerators,
            capacity_output_tokens_per_day: sums.capacity_tokens_per_day,
            flows: Flows::from(sums),
        }
    }
}

/// What flowed in a time.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Flows {
    /// Output tokens served.
    served_output_tokens: f64,
    /// Prompt tokens served.
    served_input_tokens: f64,
    /// Time of accelerators that served.
    serving_accelerator_hours: f64,
    /// Time of accelerators that trained.
    training_accelerator_hours: f64,
    /// Time of accelerators that ran and did neither.
    idle_accelerator_hours: f64,
    /// Facility energy.
    energy_mwh: f64,
    /// Of it, what serving accelerators used.
    serving_energy_mwh: f64,
    /// Emitted CO₂e, tonnes.
    carbon_t: f64,
    /// Machines, infrastructure and what makes energy bought.
    capital_usd: f64,
    /// What machines were sold for that others took the place of.
    resale_usd: f64,
    /// Energy bought.
    energy_cost_usd: f64,
    /// Staff, spares, insurance and tax.
    operations_cost_usd: f64,
    /// Straight-line depreciation of what stands.
    depreciation_usd: f64,
    /// Energy and operations.
    operating_cost_usd: f64,
    /// Operating cost and depreciation.
    full_cost_usd: f64,
    /// Full cost of a million output tokens, the share of training machines left out and idle ones
    /// charged to serving; null if nothing was served.
    cost_usd_per_million_output_tokens: Option<f64>,
    /// Output tokens for each megawatt-hour of facility energy; null without energy.
    output_tokens_per_mwh: Option<f64>,
    /// Where the energy came from, and what it passed through.
    energy_flows: EnergyFlows,
}

impl From<&Sums> for Flows {
    fn from(sums: &Sums) -> Self {
        Self {
            served_output_tokens: sums.served_output_tokens,
            served_input_tokens: sums.served_input_tokens,
            serving_accelerator_hours: sums.serving_hours,
            training_accelerator_hours: sums.training_hours,
            idle_accelerator_hours: sums.idle_hours,
            energy_mwh: sums.energy.as_mwh(),
            serving_energy_mwh: sums.serving_energy.as_mwh(),
            carbon_t: sums.carbon_t,
            capital_usd: sums.capital.as_usd(),
            resale_usd: sums.resale.as_usd(),
            energy_cost_usd: sums.energy_cost.as_usd(),
            operations_cost_usd: sums.operations.as_usd(),
            depreciation_usd: sums.depreciation.as_usd(),
            operating_cost_usd: sums.operating_cost().as_usd(),
            full_cost_usd: sums.full_cost().as_usd(),
            cost_usd_per_million_output_tokens: sums
                .cost_per_million_tokens()
                .map(|cost| cost.as_usd()),
            output_tokens_per_mwh: sums.tokens_per_mwh(),
            energy_flows: EnergyFlows::from(&sums.flows),
        }
    }
}
