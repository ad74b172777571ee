//! Servers, racks and pods of accelerators.

use wattmill_units::{Money, Power};

use crate::Provenance;

/// A unit one can buy: a server, rack or pod. `None` is a value no source states.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Catalogue id, such as `vr-nvl72`.
    pub id: String,
    /// As the vendor calls it.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Catalogue id of its accelerator.
    pub accelerator: String,
    /// Accelerators in one unit.
    pub accelerators: u32,
    /// `server`, `rack`, `pod`, …
    pub unit: String,
    /// IT power of one unit under typical full load.
    pub power_typical: Option<Power>,
    /// Highest IT power of one unit, what is provisioned for.
    pub power_max: Option<Power>,
    /// Price of one unit, middle of the sources' range.
    pub price: Option<Money>,
    /// First available, as `2026-Q3`.
    pub available: String,
    /// Where it all comes from.
    pub provenance: Provenance,
}
