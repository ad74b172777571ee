//! How a plan counts the power of its machines, as tables.

use wattmill_factory::{Factory, PowerBasis};
use wattmill_plan::{Claim, Convention, Counted, Plan};

use crate::Table;
use crate::format::{grouped, number, signed_percent};

/// What a phase's power is.
pub(super) const fn basis(basis: PowerBasis) -> &'static str {
    match basis {
        PowerBasis::Facility => "facility at peak",
        PowerBasis::It => "IT",
    }
}

/// Every kind of machine: what its phases' power is, and what of it each accelerator takes.
pub(super) fn machines(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "system",
        "power",
        "counted as",
        "provisioned for",
        "of a unit its",
        "PUE",
        "oversubscribed",
        "TDP",
        "provisioned",
        "facility",
        "accelerators",
    ])
    .units(["", "", "", "a unit", "power", "at peak", "", "kW each", "kW IT each", "kW each", ""])
    .left(&[0, 2, 4]);
    for counted in &plan.counting.machines {
        let hardware = &factory.hardware[counted.hardware];
        let units = f64::from(hardware.system.accelerators);
        let tdp = hardware.accelerator.tdp;
        table.push([
            hardware.system.id.clone(),
            counted.power.to_string(),
            basis(counted.basis).to_owned(),
            counted.unit_power.to_string(),
            counted.provisioned.name().to_owned(),
            number(counted.pue),
            oversubscribed(counted),
            tdp.map_or_else(|| "-".to_owned(), |tdp| number(tdp.as_kw())),
            number(counted.unit_power.as_kw() / (units * counted.oversubscription)),
            number(counted.each().as_kw()),
            grouped(counted.accelerators),
        ]);
    }
    table
}

fn oversubscribed(counted: &Counted) -> String {
    match counted.oversubscription {
        1.0 => "no".to_owned(),
        times => format!("{} times", number(times)),
    }
}

/// The powers that are each called the power of what runs at the end.
pub(super) fn levels(plan: &Plan) -> String {
    let Some(end) = plan.counting.end else { return String::new() };
    format!(
        "What runs at the end has packages of {} by their limits and racks and hosts of {} provisioned IT power, \
         for which the facilities have {} at peak. In {} it drew {} in the highest hour, sites added up, and {} on \
         average.",
        end.nameplate, end.it, end.facility, end.quarter, end.peak, end.mean
    )
}

/// What is published of such powers, and every way of counting that makes it true; `None` if nothing is.
pub(super) fn claims(plan: &Plan) -> Option<Table> {
    let mut table = Table::new([
        "who says",
        "as stated",
        "here",
        "difference",
        "",
        "true of",
        "counted as",
        "accelerators",
    ])
    .left(&[0, 1, 4, 5, 6]);
    for claim in &plan.counting.claims {
        let row = |(system, way): &(String, Convention), word: &str| {
            [format!("{word}{system}"), way.name.clone(), grouped(way.accelerators)]
        };
        let mut ways: Vec<[String; 3]> = claim.under.iter().map(|way| row(way, "")).collect();
        if let (true, Some(nearest)) = (ways.is_empty(), &claim.nearest) {
            ways.push(row(nearest, "none; nearest "));
        }
        let mut ways = ways.into_iter();
        let first = ways.next().unwrap_or_default();
        let said = [
            claim.stated.says.clone(),
            stated(claim),
            grouped(claim.planned),
            signed_percent(claim.planned / claim.stated_accelerators[1] - 1.0),
            if claim.holds { "holds here" } else { "does not hold here" }.to_owned(),
        ];
        table.push(said.into_iter().chain(first));
        for way in ways {
            table.push(vec![String::new(); 5].into_iter().chain(way));
        }
    }
    (!plan.counting.claims.is_empty()).then_some(table)
}

fn stated(claim: &Claim) -> String {
    let [fewest, best, most] = claim.stated_accelerators;
    let many = match fewest == most {
        true => grouped(best),
        false => format!("{} to {}", grouped(fewest), grouped(most)),
    };
    format!("{many} in {}", claim.power)
}
