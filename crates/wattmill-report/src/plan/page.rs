//! A plan as one page.

use jiff::civil::Date;
use wattmill_factory::Factory;
use wattmill_plan::{Outcome, Plan, Risk, Sums};

use super::{counterparties, counting, energy, power, schedule, tables, text, yield_and_cost};
use crate::Page;
use crate::bars::{PlanBars, plan_words};
use crate::calibrate::CalibratedWith;
use crate::format::{counted, energy as energy_words, grouped, percent, prefixed, usd};
use crate::risk;

/// A plan as one page of HTML: headline figures, pictures, tables, and what it was made from.
///
/// It opens offline and needs nothing else.
pub fn plan_page(
    factory: &Factory,
    plan: &Plan,
    bars: &PlanBars,
    risk: Option<&Risk>,
    calibration: Option<&CalibratedWith>,
) -> String {
    plan_page_of_week(factory, plan, bars, risk, calibration, None)
}

/// The same with the hours of the week that begins on `week`, where there are hours to show; `None` for
/// a week that is worth looking at.
pub fn plan_page_of_week(
    factory: &Factory,
    plan: &Plan,
    bars: &PlanBars,
    risk: Option<&Risk>,
    calibration: Option<&CalibratedWith>,
    week: Option<Date>,
) -> String {
    let mut page = headline(factory, plan);
    if let Some(with) = calibration {
        page = page.note(&with.to_string());
    }
    for warning in plan.warnings.iter().chain(&risk.and_then(Risk::warning)) {
        page = page.note(warning);
    }
    page = page.section("Power").chart(&schedule::phases(factory, plan, risk));
    let targets = wattmill_plan::targets(factory, plan);
    if !targets.is_empty() {
        page =
            page.text("Targets, with every input at its median.").table(&tables::targets(&targets));
    }
    if let Some(map) = schedule::sites(factory, plan) {
        page = page.chart(&map);
    }
    page = page
        .charts(&[
            power::by_site(factory, plan),
            power::by_phase(factory, plan),
            power::drawn(factory, plan),
            power::binds(factory, plan),
        ])
        .text("What each phase waits for, at the end of each month.")
        .table(&tables::waiting(factory, plan))
        .section("Machines")
        .charts(&[power::accelerators(factory, plan), power::work(plan)])
        .text("How power is counted: what the phases' power is, and what of it each accelerator takes.")
        .table(&counting::machines(factory, plan))
        .text(&counting::levels(plan));
    if let Some(chains) = counting::chains(factory, plan) {
        page = page
            .text("Where the power provisioned for an accelerator goes at peak.")
            .table(&chains);
    }
    if let Some(claims) = counting::claims(plan) {
        page =
            page.text("Published of such powers, and what one must count for it.").table(&claims);
    }
    if !plan.trainings.is_empty() {
        page = page
            .text("Training runs, placed on what serving leaves; FLOP are 6 × active parameters × tokens.")
            .table(&text::trainings(factory, plan));
    }
    page = page
        .section("Tokens")
        .charts(&[yield_and_cost::tokens(plan), yield_and_cost::served(plan)])
        .text("Services over the whole plan.")
        .table(&text::services(factory, plan));
    if factory.services.iter().any(|service| !service.traffic.regions.is_empty()) {
        page = page
            .text("Where it is asked, and from where it is served.")
            .table(&tables::regions(factory, plan));
    }
    page = page
        .section("Latency")
        .charts([&yield_and_cost::latency(factory, plan)])
        .text("What the machines do for the services, at the highest rate inside the SLO.")
        .table(&text::offers(factory, plan));
    for (service, system, why) in refusals(factory, plan) {
        page = page.note(&format!("{system} cannot serve {service}: {why}"));
    }
    page = page.section("Money").charts(&[
        yield_and_cost::capital(factory, plan),
        yield_and_cost::cost(factory, plan),
        yield_and_cost::token_cost(factory, plan),
    ]);
    page = page
        .text("Capital by part.")
        .table(&counterparties::parts(plan))
        .charts([&counterparties::cash(factory, plan)])
        .text("Cash by quarter.")
        .table(&tables::cash(plan))
        .text(&text::cash_words(factory, plan));
    if !plan.receipts.is_empty() {
        page = page
            .charts([&yield_and_cost::funding(factory, plan)])
            .text("Investments.")
            .table(&text::receipts(plan));
    }
    page = page
        .section("Counterparties")
        .charts([&counterparties::flows(factory, plan)])
        .table(&counterparties::parties(plan))
        .text(&counterparties::words(plan));
    if !plan.statement.defaults.is_empty() {
        page = page.text(&counterparties::defaults(plan));
    }
    if !plan.statement.circles.is_empty() {
        page = page
            .text("Circles of money: each pays the next, the last one the first.")
            .table(&counterparties::circles(plan));
    }
    if !plan.statement.deals.is_empty() {
        page = page.text("Contracts.").table(&counterparties::deals(factory, plan));
    }
    page = page.section("Energy").charts([&yield_and_cost::waterfall(plan).to_svg()]);
    if let Some(serving) = yield_and_cost::serving_waterfall(plan) {
        page = page.chart(&serving);
    }
    page = energy::put(page, factory, plan, week);
    if let Some(risk) = risk {
        page = risk::put(page, factory, plan, risk);
    }
    page.section("What measurements make of it")
        .text(&plan_words(bars))
        .section("Every quarter")
        .table(&tables::quarters(plan))
        .section("Sources")
        .text("Sites and phases as the factory file has them; a phase's dates include its slip.")
        .table(&tables::sites(factory))
        .table(&tables::phases(factory, plan))
        .section("Books")
        .text("What is conserved: what came in against what it went into.")
        .table(&tables::ledger(plan))
        .foot(format!("seed {}, answer {:016x}", plan.seed, plan.answer_hash))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

/// The watt-to-token waterfall as one SVG file in light colours.
pub fn plan_picture(factory: &Factory, plan: &Plan) -> String {
    let mut chart = yield_and_cost::waterfall(plan);
    chart.heading.subtitle = format!(
        "{}: where the facility energy of {} to {} goes.",
        factory.name, plan.start, plan.end
    );
    format!("{}\n", chart.to_svg().light())
}

fn headline(factory: &Factory, plan: &Plan) -> Page {
    let mut total = Sums::default();
    plan.quarters.iter().for_each(|quarter| total.add(&quarter.total()));
    let end = plan.quarters.last().map(|quarter| quarter.total()).unwrap_or_default();
    let (asked, served) = plan
        .quarters
        .iter()
        .flat_map(|quarter| &quarter.services)
        .fold((0.0, 0.0), |(a, s), of| (a + of.asked_requests, s + of.served_requests));
    let year = factory.economics.price_year;
    let mut page = Page::new(&plan.factory)
        .lead(format!(
            "{} to {}, hour by hour: {}, {}. Power is facility power at design PUE unless it says otherwise.",
            plan.start,
            plan.end,
            counted(factory.sites.len(), "site"),
            counted(factory.phases.len(), "phase"),
        ))
        .figure(end.energised.to_string(), "energised at the end, at design PUE")
        .figure(grouped(end.accelerators), "accelerators at the end")
        .figure(energy_words(total.energy), "facility energy over the plan")
        .figure(tokens(total.served_output_tokens), "output tokens served");
    if asked > 0.0 {
        page = page.figure(percent(served / asked), "of requests served inside the SLO");
    }
    if let Some(tokens) = total.tokens_per_mwh() {
        page = page.figure(prefixed(tokens), "output tokens per MWh, training's energy included");
    }
    page = page
        .figure(total.capital.to_string(), format!("capital, USD of {year}"))
        .figure(total.operating_cost().to_string(), "energy and operations");
    if let Some(cost) = total.cost_per_million_tokens() {
        let meaning = "full cost of a million output tokens, idle machines included";
        page = page.figure(format!("{} USD", usd(cost)), meaning);
    }
    page
}

/// Trillions are as far as prefixes are common.
fn tokens(count: f64) -> String {
    if count < 1e15 { prefixed(count) } else { format!("{} T", grouped(count / 1e12)) }
}

/// Service, system and reason of every offer there is none of.
fn refusals<'a>(
    factory: &'a Factory,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    plan.offers.iter().filter_map(|offer| match &offer.outcome {
        Outcome::Serves(_) => None,
        Outcome::Cannot(why) => Some((
            factory.services[offer.service].name.as_str(),
            factory.hardware[offer.hardware].system.id.as_str(),
            why.as_str(),
        )),
    })
}
