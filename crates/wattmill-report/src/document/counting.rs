//! How a plan counts the power of its machines.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::Factory;
use wattmill_plan as plan;

/// How power is counted, and who counts likewise.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Counting {
    /// Every kind of machine.
    machines: Vec<Machines>,
    /// What is published of these machines, or of a power like the plan's.
    claims: Vec<Claim>,
    /// The powers of what runs at the end; null for a plan without days.
    end: Option<Levels>,
}

/// Powers of all machines that run at the end.
#[derive(Debug, Serialize, JsonSchema)]
struct Levels {
    /// In which quarter.
    quarter: String,
    /// Power limits of the packages, where they are known.
    nameplate_power_mw: f64,
    /// Provisioned for their units.
    it_power_mw: f64,
    /// Provisioned for the facility at peak.
    facility_power_mw: f64,
    /// Drawn in the highest hour of the quarter, added up over sites.
    peak_draw_mw: f64,
    /// Drawn in the mean of the quarter.
    mean_draw_mw: f64,
}

/// Machines that are counted alike.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedMachines")]
struct Machines {
    /// Id of the system.
    system: String,
    /// What its phases have, counted as the next field says.
    power_mw: f64,
    /// Power of the facility at peak, or of IT.
    #[schemars(extend("enum" = ["facility", "IT"]))]
    counted: &'static str,
    /// IT power that is provisioned for a unit.
    unit_it_power_mw: f64,
    /// What that is of the unit: its typical power (Max-Q), its maximum (Max-P), or what the file states.
    #[schemars(extend("enum" = ["typical", "maximum", "stated"]))]
    provisioned: &'static str,
    /// IT power beside the units, such as switches and storage, over theirs.
    beside_fraction: f64,
    /// Facility power over IT power at peak.
    pue_ratio: f64,
    /// IT power of the units installed over what is provisioned for them.
    oversubscription_ratio: f64,
    /// Power limit of an accelerator's package; null where no source states it.
    each_tdp_mw: Option<f64>,
    /// Facility power of an accelerator at peak, as counted.
    each_facility_power_mw: f64,
    /// Accelerators in the power.
    accelerators: f64,
    /// Where the power provisioned for an accelerator goes at peak, from the package outwards.
    chain: Vec<Link>,
}

/// A step of an accelerator's power outwards, from the package to the power station.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PowerStep")]
pub(super) struct Link {
    /// What is added.
    name: String,
    /// How much of it, for one accelerator.
    adds_power_mw: f64,
    /// What all steps so far add up to.
    sum_power_mw: f64,
    /// Whether what is added is lost in conversion.
    lost: bool,
    /// What is reached with this step, if it has a name: the package's limit, IT power of its unit, all IT
    /// power, facility power at the meter, or what is generated for it.
    #[schemars(extend("enum" = ["package", "unit", "IT", "facility", "generated", null]))]
    reaches: Option<&'static str>,
}

impl From<&plan::Link> for Link {
    fn from(link: &plan::Link) -> Self {
        Self {
            name: link.name.clone(),
            adds_power_mw: link.adds.as_mw(),
            sum_power_mw: link.sum.as_mw(),
            lost: link.is_loss,
            reaches: link.reaches,
        }
    }
}

/// What somebody publishes, and how one must count for it to be true.
#[derive(Debug, Serialize, JsonSchema)]
struct Claim {
    /// Who says what.
    says: String,
    /// The power that it is held against.
    power_mw: f64,
    /// Accelerators in it as stated, fewest.
    stated_low_accelerators: f64,
    /// The best single figure.
    stated_accelerators: f64,
    /// Most.
    stated_high_accelerators: f64,
    /// Accelerators that the plan has in it.
    planned_accelerators: f64,
    /// Whether that is what is stated.
    holds: bool,
    /// Ways of counting under which it is true: those without oversubscribed power first, the nearest first.
    under: Vec<Way>,
    /// The first of these, or else the way that comes nearest; null where no power is known.
    nearest: Option<Way>,
    /// Where it was read.
    source: String,
    /// When it was made.
    date: String,
    /// A read in a primary source, B in a secondary one, C general knowledge, E an estimate.
    confidence: String,
}

/// A way of counting a system.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedAs")]
struct Way {
    /// Id of the system.
    system: String,
    /// What is counted.
    convention: String,
    /// Accelerators so counted.
    accelerators: f64,
}

impl Counting {
    pub(super) fn of(factory: &Factory, counting: &plan::Counting) -> Self {
        let machines = |counted: &plan::Counted| {
            let hardware = &factory.hardware[counted.hardware];
            Machines {
                system: hardware.system.id.clone(),
                power_mw: counted.power.as_mw(),
                counted: counted.basis.name(),
                unit_it_power_mw: counted.unit_power.as_mw(),
                provisioned: counted.provisioned.name(),
                beside_fraction: counted.beside,
                pue_ratio: counted.pue,
                oversubscription_ratio: counted.oversubscription,
                each_tdp_mw: hardware.accelerator.tdp.map(|tdp| tdp.as_mw()),
                each_facility_power_mw: counted.each().as_mw(),
                accelerators: counted.accelerators,
                chain: counted.chain.iter().map(Link::from).collect(),
            }
        };
        let claim = |claim: &plan::Claim| {
            let [low, best, high] = claim.said.accelerators(claim.power);
            let way = |(system, way): &(String, plan::Convention)| Way {
                system: system.clone(),
                convention: way.name.clone(),
                accelerators: way.accelerators,
            };
            Claim {
                says: claim.said.stated.says.clone(),
                power_mw: claim.power.as_mw(),
                stated_low_accelerators: low,
                stated_accelerators: best,
                stated_high_accelerators: high,
                planned_accelerators: claim.planned,
                holds: claim.holds(),
                under: claim.under.iter().map(way).collect(),
                nearest: claim.nearest.as_ref().map(way),
                source: claim.said.stated.provenance.source.clone(),
                date: claim.said.stated.provenance.date.clone(),
                confidence: claim.said.stated.provenance.confidence.to_string(),
            }
        };
        Self {
            machines: counting.machines.iter().map(machines).collect(),
            claims: counting.claims.iter().map(claim).collect(),
            end: counting.end.map(|end| Levels {
                quarter: end.quarter.to_string(),
                nameplate_power_mw: end.nameplate.as_mw(),
                it_power_mw: end.it.as_mw(),
                facility_power_mw: end.facility.as_mw(),
                peak_draw_mw: end.peak.as_mw(),
                mean_draw_mw: end.mean.as_mw(),
            }),
        }
    }
}
