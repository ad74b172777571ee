//! A plan as tables on a terminal.

use wattmill_factory::Factory;
use wattmill_plan::{Binds, Plan, Quarter, Risk};
use wattmill_sim::Binding;
use wattmill_units::{Energy, Money};

use super::{counterparties, counting, energy, tables};
use crate::Table;
use crate::bars::{PlanBars, plan_words};
use crate::engine::layout_name;
use crate::format::{counted, grouped, ms, number, or_dash, percent, prefixed};
use crate::measure::Measure;
use crate::risk::risk_text;

/// How much of a plan to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every quarter, and every site once.
    Overview,
    /// Every site in every quarter.
    Sites,
}

/// A plan, its error bars and samples of it if there are any, as text.
pub fn plan_text(
    factory: &Factory,
    plan: &Plan,
    bars: &PlanBars,
    risk: Option<&Risk>,
    detail: Detail,
) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "{}\n{} to {}, {} hours, {}, {}; power is facility power at design PUE unless it says otherwise\n",
        plan.factory,
        plan.start,
        plan.end,
        grouped(plan.hours as f64),
        counted(factory.sites.len(), "site"),
        counted(factory.phases.len(), "phase"),
    ));
    line(format!("How power is counted\n\n{}", counting::machines(factory, plan)));
    let levels = counting::levels(plan);
    if !levels.is_empty() {
        line(format!("{levels}\n"));
    }
    if let Some(chains) = counting::chains(factory, plan) {
        line(format!("Where the power provisioned for an accelerator goes at peak\n\n{chains}"));
    }
    if let Some(claims) = counting::claims(plan) {
        line(format!("Published of such powers, and what one must count for it\n\n{claims}"));
    }
    line(format!(
        "What the machines do for the services, at the highest rate inside the SLO\n\n{}",
        offers(factory, plan)
    ));
    line(format!(
        "Every quarter, all sites; tokens are output tokens inside the SLO\n\n{}",
        tables::quarters(plan)
    ));
    match detail {
        Detail::Overview => line(format!(
            "Sites: {} energised at the end of each quarter, and what kept the site from serving more\n\n{}",
            tables::most_power(plan).name,
            sites(factory, plan)
        )),
        Detail::Sites => {
            for quarter in &plan.quarters {
                line(format!(
                    "{}\n\n{}",
                    quarter.label,
                    tables::quarter_sites(factory, plan, quarter)
                ));
            }
        }
    }
    line(format!(
        "What each phase waits for, at the end of each month\n\n{}",
        tables::waiting(factory, plan)
    ));
    let targets = wattmill_plan::targets(factory, plan);
    if !targets.is_empty() {
        line(format!("Targets, with every input at its median\n\n{}", tables::targets(&targets)));
    }
    line(format!("Services over the whole plan\n\n{}", services(factory, plan)));
    if factory.services.iter().any(|service| !service.traffic.regions.is_empty()) {
        line(format!(
            "Where it is asked and from where it is served, over the whole plan\n\n{}",
            tables::regions(factory, plan)
        ));
    }
    if !plan.trainings.is_empty() {
        line(format!("Training, on what serving leaves\n\n{}", trainings(factory, plan)));
    }
    if !plan.receipts.is_empty() {
        line(format!("Investments\n\n{}", receipts(plan)));
    }
    line(format!("Capital by part, over the whole plan\n\n{}", counterparties::parts(plan)));
    line(format!("Cash by quarter\n\n{}", tables::cash(plan)));
    if !plan.statement.deals.is_empty() {
        line(format!("Contracts over the whole plan\n\n{}", counterparties::deals(factory, plan)));
    }
    line(format!(
        "Who pays whom, over the whole plan\n\n{}\n{}\n",
        counterparties::parties(plan),
        counterparties::words(plan)
    ));
    if !plan.statement.defaults.is_empty() {
        line(format!("{}\n", counterparties::defaults(plan)));
    }
    if !plan.statement.circles.is_empty() {
        line(format!("Circles of money\n\n{}", counterparties::circles(plan)));
    }
    line(format!("{}\n", cash_words(factory, plan)));
    line(format!(
        "From the watt to the token: where the energy of the whole plan goes\n\n{}",
        waterfall(plan)
    ));
    if let Some(table) = energy::table(factory, plan) {
        line(format!("Where the energy comes from, over the whole plan\n\n{table}"));
        let words = energy::relief_words(factory, plan);
        if !words.is_empty() {
            line(format!("{words}\n"));
        }
    }
    let bound = energy::bound_words(factory, plan);
    if !bound.is_empty() {
        line(format!("{bound}\n"));
    }
    line(books(plan));
    line(plan_words(bars));
    if let Some(risk) = risk {
        line(format!("\n{}", risk_text(factory, plan, risk)));
    }
    for warning in &plan.warnings {
        line(format!("warning: {warning}"));
    }
    line(format!("seed {}, answer {:016x}", plan.seed, plan.answer_hash));
    out
}

/// What the cash is worth.
pub(super) fn cash_words(factory: &Factory, plan: &Plan) -> String {
    let cash = &plan.cash;
    let before = match cash.lost_before {
        Money::ZERO => String::new(),
        lost => format!(" What stood before the plan had lost {lost} of its price by then."),
    };
    format!(
        "Owning and running what stands at the end costs {} a year, capital spread over its life. Most to \
         finance from elsewhere: {}. Without investors' and lenders' money and with what stands sold at its book \
         value of {} at the end, the plan is worth {} at {} a year, every flow \
         at the end of its quarter, all in USD of {}; {}.{before}",
        cash.ownership_per_year,
        cash.to_finance,
        cash.book_value,
        cash.present_value,
        percent(factory.economics.discount_per_year),
        factory.economics.price_year,
        match cash.rate_of_return {
            Some(rate) => format!("it returns {} a year", percent(rate)),
            None => "no rate of return makes it worth nothing".to_owned(),
        }
    )
}

/// What keeps a replica from a higher rate.
pub(crate) const fn binding(binding: Binding) -> &'static str {
    match binding {
        Binding::Ttft => "TTFT",
        Binding::Tpot => "TPOT",
        Binding::Throughput => "throughput",
    }
}

pub(super) fn offers(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "system",
        "service",
        "layout",
        "per replica",
        "per accelerator",
        "TTFT p99",
        "TPOT p99",
        "batch",
        "bound by",
    ])
    .units(["", "", "", "requests/s", "output tokens/s", "ms", "ms", "sequences", ""])
    .left(&[0, 1, 2, 8]);
    for offer in &plan.offers {
        let service = &factory.services[offer.service];
        let system = factory.hardware[offer.hardware].system.id.clone();
        match offer.point() {
            Some(point) => {
                let tokens = point.requests_per_accelerator_hour() / 3600.0
                    * service.traffic.lengths.output.mean();
                table.push([
                    system,
                    service.name.clone(),
                    layout_name(&point.spec),
                    number(point.rate_per_s),
                    number(tokens),
                    ms(point.ttft.p99),
                    ms(point.tpot.p99),
                    number(point.batch),
                    binding(point.binding).to_owned(),
                ]);
            }
            None => table.push([system, service.name.clone(), "cannot".to_owned()]),
        }
    }
    table
}

/// What binds where most of the power is, or would be.
pub(super) fn main_bind(quarter: &Quarter) -> Binds {
    let weight = |bind: Binds| -> f64 {
        let sites = quarter.sites.iter().filter(|site| site.binds == bind);
        sites.map(|site| 1.0 + site.sums.energised.as_mw()).sum()
    };
    let mut most = Binds::ALL[0];
    for bind in Binds::ALL {
        if weight(bind) > weight(most) {
            most = bind;
        }
    }
    most
}

/// Sites down, quarters across; years' ends only where there are many quarters.
fn sites(factory: &Factory, plan: &Plan) -> Table {
    let every = if plan.quarters.len() > 8 { 4 } else { 1 };
    let last = plan.quarters.len().saturating_sub(1);
    let shown: Vec<&Quarter> = plan
        .quarters
        .iter()
        .enumerate()
        .filter(|(index, quarter)| {
            every == 1 || *index == 0 || *index == last || quarter.label.quarter == 4
        })
        .map(|(_, quarter)| quarter)
        .collect();
    let header = ["site".to_owned()].into_iter().chain(shown.iter().map(|q| q.label.to_string()));
    let mut table = Table::new(header).left(&(0..=shown.len()).collect::<Vec<_>>());
    let unit = tables::most_power(plan);
    for (index, site) in factory.sites.iter().enumerate() {
        let cell = |quarter: &&Quarter| {
            let site = &quarter.sites[index];
            format!("{} {}", number(unit.power(site.sums.energised)), site.binds.name())
        };
        table.push([site.name.clone()].into_iter().chain(shown.iter().map(cell)));
    }
    table
}

pub(super) fn services(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "service",
        "model",
        "asked",
        "served",
        "served",
        "peak",
        "worst hour",
        "revenue",
    ])
    .units(["", "", "requests", "requests", "", "requests/s", "served", "USD"])
    .left(&[0, 1]);
    for (id, service) in factory.services.enumerate() {
        let all = || plan.quarters.iter().flat_map(|q| &q.services).filter(|s| s.service == id);
        let asked: f64 = all().map(|s| s.asked_requests).sum();
        let served: f64 = all().map(|s| s.served_requests).sum();
        let revenue: f64 = all().map(|s| s.revenue.as_usd()).sum();
        table.push([
            service.name.clone(),
            service.model.id.clone(),
            prefixed(asked),
            prefixed(served),
            if asked > 0.0 { percent(served / asked) } else { "-".to_owned() },
            grouped(all().map(|s| s.peak_asked_per_s).fold(0.0, f64::max)),
            percent(all().map(|s| s.worst_hour_served).fold(1.0, f64::min)),
            or_dash(service.earns().then_some(revenue), prefixed),
        ]);
    }
    table
}

pub(super) fn trainings(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "run",
        "model",
        "FLOP",
        "done",
        "started",
        "finished",
        "accelerator-hours",
        "full cost",
    ])
    .left(&[0, 1, 4, 5]);
    for outcome in &plan.trainings {
        let training = &factory.trainings[outcome.training];
        table.push([
            training.name.clone(),
            training.model.id.clone(),
            format!("{:.2e}", outcome.flops),
            percent(outcome.done),
            or_dash(outcome.started, |date| date.to_string()),
            or_dash(outcome.finished, |date| date.to_string()),
            prefixed(outcome.accelerator_hours),
            outcome.cost.to_string(),
        ]);
    }
    table
}

pub(super) fn receipts(plan: &Plan) -> Table {
    let mut table = Table::new(["date", "from", "to", "amount", "released at"]).left(&[0, 1, 2]);
    for receipt in &plan.receipts {
        table.push([
            receipt.date.to_string(),
            receipt.from.clone(),
            receipt.to.clone(),
            receipt.amount.to_string(),
            or_dash(receipt.released_at, |power| power.to_string()),
        ]);
    }
    table
}

fn waterfall(plan: &Plan) -> Table {
    let total: Energy = plan.waterfall.iter().map(|stage| stage.energy).sum();
    let unit = Measure::of_energy(total);
    let total = unit.energy(total);
    let share = |energy: f64| {
        if total > 0.0 { percent(energy / total) } else { "-".to_owned() }
    };
    let mut table = Table::new(["", "energy", "share", "left", ""])
        .units(["", unit.name, "", unit.name, ""])
        .left(&[0, 4]);
    table.push(["at the meter", &number(total), &share(total), &number(total), "grid and on-site"]);
    let mut left = total;
    for stage in &plan.waterfall {
        let energy = unit.energy(stage.energy);
        left -= energy;
        let left = if left.abs() < total * 1e-9 { 0.0 } else { left };
        table.push([stage.name, &number(energy), &share(energy), &number(left), stage.meaning]);
    }
    table
}

fn books(plan: &Plan) -> String {
    let worst = plan.ledger.iter().map(wattmill_plan::Balance::error).fold(0.0, f64::max);
    let served: f64 = plan.quarters.iter().map(|q| q.total().served_output_tokens).sum();
    let energy: Energy = plan.quarters.iter().map(|q| q.total().energy).sum();
    let tokens = match energy.as_mwh() {
        mwh if mwh > 0.0 => prefixed(served / mwh),
        _ => "no".to_owned(),
    };
    let unit = Measure::of_energy(energy);
    format!(
        "{} output tokens from {} {}: {tokens} tokens per MWh. {} balances checked, largest error {:.0e}",
        prefixed(served),
        number(unit.energy(energy)),
        unit.name,
        plan.ledger.len(),
        worst,
    )
}
