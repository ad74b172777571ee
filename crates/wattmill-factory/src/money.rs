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
    /// How much dearer dollars of an earlier price year are each year.
    pub inflation_per_year: f64,
    /// Rate a year at which later money is worth less.
    pub discount_per_year: f64,
    /// Straight-line life of machines.
    pub machine_life: Seconds,
    /// Straight-line life of infrastructure.
    pub infrastructure_life: Seconds,
    /// What machines and infrastructure consist of.
    pub shares: PartShares,
    /// How long these parts last where they last otherwise than the whole.
    pub lives: PartLives,
}

/// Shares of parts in capital: the rest of machines is racks, the rest of infrastructure building
/// and land.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartShares {
    /// Of machines: switches, cables, network cards.
    pub network: f64,
    /// Of infrastructure: generators, transformers, distribution.
    pub power: f64,
    /// Of infrastructure: cooling and other mechanical plant.
    pub cooling: f64,
}

/// Straight-line lives of parts, as far as they are not those of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PartLives {
    /// Of switches, cables, network cards.
    pub network: Option<Seconds>,
    /// Of generators, transformers, distribution.
    pub power: Option<Seconds>,
    /// Of cooling and other mechanical plant.
    pub cooling: Option<Seconds>,
    /// Of building and land.
    pub building: Option<Seconds>,
}

impl PartShares {
    /// Racks and buildings alone.
    pub const NONE: Self = Self { network: 0.0, power: 0.0, cooling: 0.0 };
}

/// An investment released as power is deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// Who pays.
    pub from: String,
    /// Who is paid.
    pub to: String,
    /// How much for each step.
    pub amount: Money,
    /// Facility power of one step.
    pub for_each: Power,
    /// Most that is ever paid, if limited.
    pub up_to: Option<Money>,
    /// First day on which it pays; `None` if the event that begins it does not happen.
    pub begins: Option<Date>,
    /// Day from which it pays no more.
    pub ends: Option<Date>,
}

/// Money that comes on a day, whatever is built.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Who pays.
    pub from: String,
    /// Who is paid.
    pub to: String,
    /// How much.
    pub amount: Money,
    /// When. May lie before the plan.
    pub on: Date,
}
