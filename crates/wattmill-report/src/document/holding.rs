//! `wattmill gigawatt`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_plan as plan;

use super::counting::Link;
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
    /// Where the power of an accelerator goes at the peak, for each power that is stated of a unit.
    chains: Vec<Chain>,
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

/// Where the power of an accelerator goes, with one of the powers that are stated of its unit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PowerChain")]
struct Chain {
    /// Which of the unit's powers.
    unit_at: String,
    /// From the package outwards.
    steps: Vec<Link>,
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
    /// Accelerators in the power that was asked for as stated, fewest.
    stated_low_accelerators: f64,
    /// The best single figure.
    stated_accelerators: f64,
    /// Most.
    stated_high_accelerators: f64,
    /// Which convention explains it: one under which it is true, if possible without oversubscribed power,
    /// or else the closest.
    nearest_convention: String,
    /// That convention's power of an accelerator over the stated one, less one.
    difference_fraction: f64,
    /// Whether it holds as many accelerators as are stated, within 2 %.
    within: bool,
    /// IT power that a unit is provisioned for if the best figure is true to the last accelerator, at the
    /// PUE of a year: solved for, published by nobody.
    solved_unit_power_mw: f64,
    /// The same at the PUE of the peak.
    solved_peak_unit_power_mw: f64,
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
        let published = |beside: &plan::Beside| {
            let said = &beside.said;
            let nearest = &holding.conventions[beside.nearest];
            let [low, best, high] = said.each.map(|each| each.as_mw());
            let [fewest, many, most] = said.accelerators(holding.power);
            let [year, peak] = said.unit_power(holding.system.accelerators, holding.pue);
            Published {
                says: said.stated.says.clone(),
                each_low_power_mw: low,
                each_power_mw: best,
                each_high_power_mw: high,
                stated_low_accelerators: fewest,
                stated_accelerators: many,
                stated_high_accelerators: most,
                nearest_convention: nearest.name.clone(),
                difference_fraction: nearest.each / said.each[1] - 1.0,
                within: said.holds(holding.power, nearest.accelerators),
                solved_unit_power_mw: year.as_mw(),
                solved_peak_unit_power_mw: peak.as_mw(),
                source: said.stated.provenance.source.clone(),
                date: said.stated.provenance.date.clone(),
                confidence: said.stated.provenance.confidence.to_string(),
            }
        };
        let chain = |(mode, links): &(String, Vec<plan::Link>)| Chain {
            unit_at: mode.clone(),
            steps: links.iter().map(Link::from).collect(),
        };
        Self {
            system: holding.system.id.clone(),
            power_mw: holding.power.as_mw(),
            conventions: holding.conventions.iter().map(convention).collect(),
            published: holding.beside.iter().map(published).collect(),
            chains: holding.chains.iter().map(chain).collect(),
        }
    }
}
