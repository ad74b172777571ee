//! `wattmill gigawatt`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_plan as plan;

use super::head::{Head, hash_of};
use super::text::text;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.gigawatt/1";

/// Accelerators in a power as JSON text.
pub fn holding_document(holdings: &[plan::Holding]) -> String {
    let systems: Vec<System> = holdings.iter().map(System::from).collect();
    let head = Head::new(SCHEMA, None, hash_of(&systems), Vec::new());
    text(&Gigawatt { head, systems })
}

/// How many accelerators a power holds, under each way of counting that is in public use.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Gigawatt {
    #[serde(flatten)]
    head: Head,
    /// Every system that was asked for.
    systems: Vec<System>,
}

/// Accelerators of one system.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SystemHolding")]
struct System {
    /// Id of the system.
    system: String,
    /// Power that was asked for, counted as each convention says.
    power_mw: f64,
    /// Every convention, from the least counted to the most.
    conventions: Vec<Convention>,
    /// Every published figure.
    published: Vec<Published>,
}

/// A way to count.
#[derive(Debug, Serialize, JsonSchema)]
struct Convention {
    /// What is counted.
    convention: String,
    /// Where.
    #[schemars(extend("enum" = ["package", "IT", "facility"]))]
    counted: &'static str,
    /// Power of one accelerator.
    each_power_mw: f64,
    /// Accelerators in the power that was asked for.
    accelerators: f64,
}

/// A published figure beside the convention that comes closest.
#[derive(Debug, Serialize, JsonSchema)]
struct Published {
    /// Who says what.
    says: String,
    /// Power of one accelerator as stated, lowest.
    each_low_power_mw: f64,
    /// The best single figure.
    each_power_mw: f64,
    /// Highest.
    each_high_power_mw: f64,
    /// Which convention comes closest.
    nearest_convention: String,
    /// That convention's power of an accelerator over the stated one, less one.
    difference_fraction: f64,
    /// Whether it lies within what is stated.
    within: bool,
    /// Where it was read.
    source: String,
    /// When it was made.
    date: String,
    /// A read in a primary source, B in a secondary one, C general knowledge, E an estimate.
    confidence: String,
}

impl From<&plan::Holding> for System {
    fn from(holding: &plan::Holding) -> Self {
        let convention = |convention: &plan::Convention| Convention {
            convention: convention.name.clone(),
            counted: convention.counted,
            each_power_mw: convention.each.as_mw(),
            accelerators: convention.accelerators,
        };
        let published = |published: &plan::Published| Published {
            says: published.stated.says.clone(),
            each_low_power_mw: published.each[0].as_mw(),
            each_power_mw: published.each[1].as_mw(),
            each_high_power_mw: published.each[2].as_mw(),
            nearest_convention: holding.conventions[published.nearest].name.clone(),
            difference_fraction: published.off,
            within: published.within,
            source: published.stated.source.clone(),
            date: published.stated.date.clone(),
            confidence: published.stated.confidence.clone(),
        };
        Self {
            system: holding.system.id.clone(),
            power_mw: holding.power.as_mw(),
            conventions: holding.conventions.iter().map(convention).collect(),
            published: holding.published.iter().map(published).collect(),
        }
    }
}
