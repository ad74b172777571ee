//! Tables of a plan that only its page has.

use wattmill_factory::{Factory, Phase, PowerBasis, Site};
use wattmill_plan::{Plan, Quarter, Sums};
use wattmill_units::{Energy, Money, Power};

use super::text::main_bind;
use crate::Table;
use crate::format::{grouped, number, or_dash, percent, prefixed, usd};
use crate::measure::Measure;

/// Every quarter in units that suit the plan.
pub(super) fn quarters(plan: &Plan) -> Table {
    let totals: Vec<(&Quarter, Sums)> = plan.quarters.iter().map(|q| (q, q.total())).collect();
    let each = || totals.iter().map(|(_, sums)| sums);
    let power = Measure::of_power(each().map(|s| s.energised).fold(Power::ZERO, Power::max));
    let energy = Measure::of_energy(each().map(|s| s.energy).fold(Energy::ZERO, Energy::max));
    let capital = Measure::of_money(each().map(|s| s.capital).fold(Money::ZERO, Money::max));
    let running = Measure::of_money(each().map(Sums::operating_cost).fold(Money::ZERO, Money::max));
    let mut table = Table::new([
        "quarter",
        "energised",
        "racks",
        "accelerators",
        "binds",
        "asked",
        "can serve",
        "served",
        "worst hour",
        "energy",
        "tokens",
        "capital",
        "operating",
        "full cost",
        "carbon",
    ])
    .units([
        "",
        power.name,
        "units",
        "",
        "",
        "tokens/day",
        "tokens/day",
        "tokens/day",
        "served",
        energy.name,
        "per MWh",
        capital.name,
        running.name,
        "USD/M tokens",
        "t",
    ])
    .left(&[0, 4]);
    for (quarter, sums) in &totals {
        let worst = quarter.services.iter().map(|s| s.worst_hour_served).fold(1.0, f64::min);
        table.push([
            quarter.label.to_string(),
            number(power.power(sums.energised)),
            grouped(sums.units),
            grouped(sums.accelerators),
            main_bind(quarter).name().to_owned(),
            prefixed(quarter.asked_tokens_per_day()),
            prefixed(sums.capacity_tokens_per_day),
            prefixed(sums.served_output_tokens / f64::from(quarter.days)),
            percent(worst),
            number(energy.energy(sums.energy)),
            or_dash(sums.tokens_per_mwh(), prefixed),
            number(capital.money(sums.capital)),
            number(running.money(sums.operating_cost())),
            or_dash(sums.cost_per_million_tokens(), usd),
            prefixed(sums.carbon_t),
        ]);
    }
    table
}

/// Every site as the file has it.
pub(super) fn sites(factory: &Factory) -> Table {
    let mut table = Table::new([
        "site",
        "connection",
        "energised",
        "on site",
        "PUE",
        "PUE",
        "energy price",
        "carbon",
        "source",
    ])
    .units(["", "", "", "", "design", "annual", "USD/MWh", "g/kWh", ""])
    .left(&[0, 2, 3, 8]);
    for site in &factory.sites {
        let grid = site.grid;
        table.push([
            site.name.clone(),
            or_dash(grid, |grid| grid.connection.to_string()),
            or_dash(grid, |grid| grid.energized.to_string()),
            onsite(site),
            number(site.pue.design),
            number(site.pue.annual),
            or_dash(grid, |grid| number(grid.price.as_usd_per_mwh())),
            or_dash(grid, |grid| number(grid.carbon.as_g_per_kwh())),
            or_dash(site.source.clone(), |source| source),
        ]);
    }
    table
}

fn onsite(site: &Site) -> String {
    if site.onsite.is_empty() {
        return "-".to_owned();
    }
    let each = site.onsite.iter().map(|o| format!("{} {} from {}", o.capacity, o.kind, o.from));
    each.collect::<Vec<_>>().join("; ")
}

/// Every phase as it comes.
pub(super) fn phases(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "phase",
        "site",
        "system",
        "power",
        "units",
        "accelerators",
        "first rack",
        "last rack",
        "source",
    ])
    .left(&[0, 1, 2, 6, 7, 8]);
    for outcome in &plan.phases {
        let phase = &factory.phases[outcome.phase];
        table.push([
            phase.name.clone(),
            factory.sites[phase.site].name.clone(),
            factory.hardware[phase.hardware].system.id.clone(),
            phase_power(phase),
            grouped(outcome.units),
            grouped(outcome.accelerators),
            outcome.first_rack.to_string(),
            outcome.last_rack.to_string(),
            or_dash(phase.source.clone(), |source| source),
        ]);
    }
    table
}

fn phase_power(phase: &Phase) -> String {
    match phase.basis {
        PowerBasis::Facility => format!("{} facility", phase.power),
        PowerBasis::It => format!("{} IT", phase.power),
    }
}

/// What is conserved.
pub(super) fn ledger(plan: &Plan) -> Table {
    let mut table =
        Table::new(["balance", "unit", "sources", "uses", "difference", ""]).left(&[0, 1, 5]);
    for balance in &plan.ledger {
        table.push([
            balance.what.to_owned(),
            balance.unit.to_owned(),
            prefixed(balance.sources),
            prefixed(balance.uses),
            format!("{:.0e}", balance.error()),
            if balance.closes() { "closes" } else { "DOES NOT CLOSE" }.to_owned(),
        ]);
    }
    table
}
