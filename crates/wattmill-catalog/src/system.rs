//! Servers, racks and pods of accelerators.

use toml::Table;
use wattmill_units::{Money, Power};

use crate::row::{Row, RowError};
use crate::{Accelerator, Provenance};

/// A unit one can buy: a server, rack or pod. `None` is a value no source states.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Catalogue id, such as `vr-nvl72`.
    pub id: String,
    /// As the vendor calls it.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Catalogue id of its accelerator. Empty where the catalogue has no row for it.
    pub accelerator: String,
    /// Accelerators in one unit.
    pub accelerators: u32,
    /// `server`, `rack`, `pod`, …
    pub unit: String,
    /// IT power of one unit under typical full load.
    pub power_typical: Option<Power>,
    /// What its source calls that, such as `Max-Q`.
    pub power_typical_as: Option<String>,
    /// Highest IT power of one unit, what is provisioned for.
    pub power_max: Option<Power>,
    /// What its source calls that, such as `Max-P`.
    pub power_max_as: Option<String>,
    /// Price of one unit, middle of the sources' range.
    pub price: Option<Money>,
    /// First available, as `2026-Q3`.
    pub available: String,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl System {
    /// One scale-up domain of an accelerator and nothing around it, for those that no system is known
    /// with.
    ///
    /// ```
    /// use wattmill_catalog::{Catalog, System};
    /// let card = Catalog::builtin().accelerator("rtx-4090").unwrap();
    /// let system = System::domain_of(card);
    /// assert_eq!((system.id.as_str(), Some(system.accelerators)), ("rtx-4090", card.scaleup_domain));
    /// ```
    pub fn domain_of(accelerator: &Accelerator) -> Self {
        Self {
            id: accelerator.id.clone(),
            name: accelerator.name.clone(),
            vendor: accelerator.vendor.clone(),
            accelerator: accelerator.id.clone(),
            accelerators: accelerator.scaleup_domain.unwrap_or(1),
            unit: "domain".to_owned(),
            power_typical: None,
            power_typical_as: None,
            power_max: None,
            power_max_as: None,
            price: None,
            available: accelerator.launch.clone(),
            provenance: accelerator.provenance.clone(),
        }
    }

    /// Values without which it can be shown but not deployed.
    pub fn missing(&self) -> Vec<&'static str> {
        [
            ("accelerator", !self.accelerator.is_empty()),
            ("power_max", self.power_max.or(self.power_typical).is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect()
    }
}

/// One system from its table, such as a `[system.my-rack]` of a factory file.
///
/// Every value may be bare or `{ value = …, source = …, confidence = … }`. Only `accelerators` must
/// be there; a row that names no source counts as its author's estimate. That `accelerator` names a
/// row is for the caller to see.
///
/// # Errors
///
/// Everything that is wrong with the row: unknown keys, values without unit or below zero, no
/// accelerators, a typical power above the highest.
pub fn parse_system(id: &str, table: &Table) -> Result<System, Vec<RowError>> {
    let mut row = Row::new(table);
    let name = row.text("name").unwrap_or_else(|| id.to_owned());
    let vendor = row.text("vendor").unwrap_or_default();
    let accelerator = row.text("accelerator").unwrap_or_default();
    let accelerators = match row.count("accelerators") {
        Some(0) => {
            row.refuse("accelerators", "0 is too few; a system has at least 1".to_owned());
            0
        }
        Some(n) => n,
        None => row.absent("accelerators", "how many are in one unit, like `72`", 0),
    };
    let unit = row.text("unit").unwrap_or_else(|| "server".to_owned());
    let power_typical = row.quantity::<Power>("power_typical");
    let power_typical_as = row.text("power_typical_as");
    let power_max = row.quantity::<Power>("power_max");
    let power_max_as = row.text("power_max_as");
    if let (Some(typical), Some(max)) = (power_typical, power_max)
        && typical > max
    {
        row.refuse("power_typical", format!("{typical} is above power_max, {max}"));
    }
    let price = row.quantity("price");
    row.shown(&["price_low", "price_high"]);
    let available = row.text("available").unwrap_or_default();
    row.shown(&["cpu", "cooling", "scaleup_fabric", "scaleout_fabric", "memory", "fp8", "fp4"]);
    Ok(System {
        id: id.to_owned(),
        name,
        vendor,
        accelerator,
        accelerators,
        unit,
        power_typical,
        power_typical_as,
        power_max,
        power_max_as,
        price,
        available,
        provenance: row.finish()?,
    })
}
