//! How a plan counts the power of its machines, as tables.

use wattmill_catalog::System;
use wattmill_factory::{Factory, PowerBasis};
use wattmill_plan::{Claim, Convention, Counted, Plan, Provisioned};

use crate::Table;
use crate::format::{grouped, number, percent, signed_percent};
use crate::holding;

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
        "beside it",
        "PUE",
        "oversubscribed",
        "TDP",
        "provisioned",
        "facility",
        "accelerators",
    ])
    .units([
        "",
        "",
        "",
        "a unit",
        "power",
        "IT",
        "at peak",
        "",
        "kW each",
        "kW IT each",
        "kW each",
        "",
    ])
    .left(&[0, 2, 4]);
    for counted in &plan.counting.machines {
        let hardware = &factory.hardware[counted.hardware];
        let units = f64::from(hardware.system.accelerators);
        let tdp = hardware.accelerator.tdp;
        let provisioned_it = counted.unit_power * (1.0 + counted.beside);
        table.push([
            hardware.system.id.clone(),
            counted.power.to_string(),
            basis(counted.basis).to_owned(),
            counted.unit_power.to_string(),
            provisioned(counted, &hardware.system),
            percent(counted.beside),
            number(counted.pue),
            oversubscribed(counted),
            tdp.map_or_else(|| "-".to_owned(), |tdp| number(tdp.as_kw())),
            number(provisioned_it.as_kw() / (units * counted.oversubscription)),
            number(counted.each().as_kw()),
            grouped(counted.accelerators),
        ]);
    }
    table
}

/// What is provisioned of a unit, with what its source calls it.
fn provisioned(counted: &Counted, system: &System) -> String {
    let called = match counted.provisioned {
        Provisioned::Typical => system.power_typical_as.as_ref(),
        Provisioned::Maximum => system.power_max_as.as_ref(),
        Provisioned::Stated => None,
    };
    let name = counted.provisioned.name();
    called.map_or_else(|| name.to_owned(), |called| format!("{name} ({called})"))
}

fn oversubscribed(counted: &Counted) -> String {
    match counted.oversubscription {
        1.0 => "no".to_owned(),
        times => format!("{} times", number(times)),
    }
}

/// Where the power that is provisioned for an accelerator goes, for every kind of machine; `None` without one.
pub(super) fn chains(factory: &Factory, plan: &Plan) -> Option<Table> {
    let of = |counted: &Counted| {
        let name = &factory.hardware[counted.hardware].system.id;
        format!("{name}, PUE {}", number(counted.pue))
    };
    let names: Vec<String> = plan.counting.machines.iter().map(of).collect();
    let machines = plan.counting.machines.iter().zip(&names);
    let chains: Vec<_> =
        machines.map(|(counted, name)| (name.as_str(), counted.chain.as_slice())).collect();
    (!chains.is_empty()).then(|| holding::chain(&chains))
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
            claim.said.stated.says.clone(),
            stated(claim),
            grouped(claim.planned),
            signed_percent(claim.planned / claim.said.accelerators(claim.power)[1] - 1.0),
            if claim.holds() { "holds here" } else { "does not hold here" }.to_owned(),
        ];
        table.push(said.into_iter().chain(first));
        for way in ways {
            table.push(vec![String::new(); 5].into_iter().chain(way));
        }
    }
    (!plan.counting.claims.is_empty()).then_some(table)
}

fn stated(claim: &Claim) -> String {
    let [fewest, best, most] = claim.said.accelerators(claim.power);
    let many = match fewest == most {
        true => grouped(best),
        false => format!("{} to {}", grouped(fewest), grouped(most)),
    };
    format!("{many} in {}", claim.power)
}
