//! What things cost and who pays.

use jiff::civil::Date;
use wattmill_units::{Money, Power, Seconds};

/// Costs that no catalogue row states. Every default carries its source in the file reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Economics {
    /// Year whose dollars these are.
    pub price_year: i16,
    /// Land, building, electrical and mechanical plant, per watt of facility power.
    pub infrastructure_usd_per_w: f64,
    /// Price of one accelerator with its share of server and network, where the system has no
    /// price of its own.
    pub accelerator_price: Money,
    /// Staff, spares, insurance and tax a year, as a fraction of all capital spent.
    pub operations_per_year: f64,
    /// Rate a year at which later money is worth less.
    pub discount_per_year: f64,
    /// Straight-line life of machines.
    pub machine_life: Seconds,
    /// Straight-line life of infrastructure.
    pub infrastructure_life: Seconds,
}

/// An investment released as power is deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// Who pays.
    pub from: String,
    /// How much for each step.
    pub amount: Money,
    /// Facility power of one step.
    pub for_each: Power,
    /// Most that is ever paid, if limited.
    pub up_to: Option<Money>,
}

/// Money that comes on a day, whatever is built.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Who pays.
    pub from: String,
    /// How much.
    pub amount: Money,
    /// When. May lie before the plan.
    pub on: Date,
}
