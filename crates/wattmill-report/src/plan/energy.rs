//! Where a plan's energy comes from: tables, words and pictures.

use jiff::civil::Date;
use wattmill_factory::{Answer, Factory};
use wattmill_plan::{EnergyFlows, HourMix, Plan, SiteBound};
use wattmill_units::{Energy, Money, Power};

use crate::format::{counted, grouped, number, percent, prefixed};
use crate::measure::Measure;
use crate::{AreaChart, Heading, Horizontal, LineChart, Page, Series, Spacing, Svg, Table};

/// Hours of a week.
const WEEK: usize = 7 * 24;

/// Sources and what became of their energy, site by site over the whole plan; nothing where there is no
/// more to tell than of grid and generators.
pub(super) fn table(factory: &Factory, plan: &Plan) -> Option<Table> {
    let flows = by_site(factory, plan);
    if !flows.iter().any(EnergyFlows::has_more) {
        return None;
    }
    let most = flows.iter().map(|f| f.grid + f.generators + f.renewable());
    let unit = Measure::of_energy(most.fold(Energy::ZERO, Energy::max));
    let heads = [
        "site",
        "grid",
        "generators",
        "sun",
        "wind",
        "curtailed",
        "sold",
        "into battery",
        "of battery",
        "lost in it",
        "demand charges",
        "sales",
        "water",
    ];
    let units = ["", "", "", "", "", "", "", "", "", "", "", "", "m³"];
    let energy = |index: usize| (1..=9).contains(&index);
    let named = (0..heads.len()).map(|i| if energy(i) { unit.name } else { units[i] });
    let mut table = Table::new(heads).units(named).left(&[0]);
    let mut row = |name: &str, f: &EnergyFlows| {
        let energies = [
            f.grid,
            f.generators,
            f.solar,
            f.wind,
            f.curtailed,
            f.sold,
            f.charged,
            f.given(),
            f.lost,
        ];
        let mut cells = vec![name.to_owned()];
        cells.extend(energies.map(|energy| number(unit.energy(energy))));
        let money = [f.demand_charges, f.sales].map(|money| money.to_string());
        cells.extend(money);
        cells.push(prefixed(f.water_l / 1e3));
        table.push(cells);
    };
    for (site, flows) in factory.sites.iter().zip(&flows) {
        row(&site.name, flows);
    }
    if flows.len() > 1 {
        row("all", &total(&flows));
    }
    Some(table)
}

/// What was asked in hours of curtailment and what answered, and what oversubscription cost; empty where
/// there was neither.
pub(super) fn relief_words(factory: &Factory, plan: &Plan) -> String {
    let flows = total(&by_site(factory, plan));
    let mut words = Vec::new();
    if flows.asked > Energy::ZERO {
        let share = |energy: Energy| percent(energy / flows.asked);
        let unit = Measure::of_energy(flows.asked);
        let told = |energy: Energy| format!("{} {}", number(unit.energy(energy)), unit.name);
        let answered: Vec<String> = Answer::ALL
            .iter()
            .zip(flows.answered)
            .filter(|(_, energy)| *energy > Energy::ZERO)
            .map(|(answer, energy)| {
                format!("{} {} ({})", answer.name(), told(energy), share(energy))
            })
            .collect();
        let answered = if answered.is_empty() { "nothing".to_owned() } else { answered.join(", ") };
        words.push(format!(
            "Curtailment asked for {}; answered by {answered}; drawn anyway {} ({}).",
            told(flows.asked),
            told(flows.unanswered.max(Energy::ZERO)),
            share(flows.unanswered.max(Energy::ZERO)),
        ));
    }
    if flows.held_back > Energy::ZERO {
        words.push(format!("Oversubscribed machines were held back by {}.", flows.held_back));
    }
    if flows.throttled_hours > 0.0 {
        words.push(format!(
            "{} accelerator-hours gave way in {} site-hours.",
            grouped(flows.throttled_hours),
            grouped(flows.throttled_site_hours),
        ));
    }
    words.join(" ")
}

/// What an optimiser would have paid for the same draw; empty where nobody asked.
pub(super) fn bound_words(factory: &Factory, plan: &Plan) -> String {
    let Some(bound) = &plan.bound else { return String::new() };
    let days = counted(bound.window_days as usize, "day");
    if bound.sites.is_empty() {
        return "No site has anything to choose: what its energy cost is the least.".to_owned();
    }
    let site = |site: &SiteBound| {
        let name = &factory.sites[site.site].name;
        let gap = (site.policy - site.least).max(Money::ZERO);
        let share = match site.policy.abs() > Money::ZERO {
            true => format!(" ({})", percent(gap / site.policy.abs())),
            false => String::new(),
        };
        format!("`{name}` {} against {}, {gap} less{share}", site.least, site.policy)
    };
    let sites: Vec<String> = bound.sites.iter().map(site).collect();
    format!(
        "Least that the same draw could have cost, knowing {days} at a time, against what the policy paid: {}.",
        sites.join("; ")
    )
}

fn by_site(factory: &Factory, plan: &Plan) -> Vec<EnergyFlows> {
    let of = |index: usize| {
        let mut sum = EnergyFlows::default();
        plan.quarters.iter().for_each(|quarter| sum.add(&quarter.sites[index].sums.flows));
        sum
    };
    (0..factory.sites.len()).map(of).collect()
}

fn total(flows: &[EnergyFlows]) -> EnergyFlows {
    let mut sum = EnergyFlows::default();
    flows.iter().for_each(|flows| sum.add(flows));
    sum
}

/// The first hour of a week worth looking at: of the first curtailment, or else of the highest hour.
fn worth_seeing(plan: &Plan) -> usize {
    let asked = plan.mix.iter().position(|mix| mix.asked_mw > 0.0);
    let supplied = |mix: &HourMix| {
        mix.grid_mw + mix.generators_mw + mix.solar_mw + mix.wind_mw + mix.discharged_mw
    };
    let mut most = 0;
    for (hour, mix) in plan.mix.iter().enumerate() {
        if supplied(mix) > supplied(&plan.mix[most]) {
            most = hour;
        }
    }
    let day = asked.unwrap_or(most) / 24;
    day.saturating_sub(3).min((plan.mix.len() / 24).saturating_sub(7)) * 24
}

/// Adds the pictures of a week: the one of `date`, or one worth looking at.
pub(super) fn put(page: Page, factory: &Factory, plan: &Plan, date: Option<Date>) -> Page {
    let mut page = page;
    if let Some(table) = table(factory, plan) {
        page = page.text("Sources over the whole plan.").table(&table);
    }
    let words = relief_words(factory, plan);
    if !words.is_empty() {
        page = page.text(&words);
    }
    let bound = bound_words(factory, plan);
    if !bound.is_empty() {
        page = page.text(&bound);
    }
    if plan.mix.is_empty() {
        return page;
    }
    let day = |date: Date| plan.start.until(date).map_or(0, |span| span.get_days()).max(0);
    let first = date.map_or_else(|| worth_seeing(plan), |date| day(date) as usize * 24);
    let first = first.min(plan.mix.len() - 1);
    let hours = &plan.mix[first..plan.mix.len().min(first + WEEK)];
    let start = Horizontal::day(plan.start);
    let x = Horizontal::Calendar {
        days: (0..hours.len()).map(|hour| start + (first + hour) as f64 / 24.0).collect(),
    };
    page = page.charts([&mix(hours, x.clone())]);
    if factory.sites.iter().any(|site| site.battery.is_some()) {
        page = page.charts([&stored(hours, x)]);
    }
    page
}

/// A source's name, and what it gives in an hour.
type Part = (&'static str, fn(&HourMix) -> f32);

fn mix(hours: &[HourMix], x: Horizontal) -> Svg {
    let most = |of: fn(&HourMix) -> f32| hours.iter().map(of).fold(0.0, f32::max);
    let parts: [Part; 5] = [
        ("sun", |mix| mix.solar_mw),
        ("wind", |mix| mix.wind_mw),
        ("battery", |mix| mix.discharged_mw),
        ("grid", |mix| mix.grid_mw),
        ("generators", |mix| mix.generators_mw),
    ];
    let all = hours.iter().map(|mix| parts.iter().map(|(_, of)| f64::from(of(mix))).sum::<f64>());
    let unit = Measure::of_power(Power::from_mw(all.fold(0.0, f64::max)));
    let series = |name: &str, of: &dyn Fn(&HourMix) -> f32| {
        let values = hours.iter().map(|mix| unit.power(Power::from_mw(f64::from(of(mix)))));
        Series::new(name, values.collect())
    };
    let mut areas: Vec<Series> =
        parts.iter().filter(|(_, of)| most(*of) > 0.0).map(|(name, of)| series(name, of)).collect();
    if most(|mix| mix.curtailed_mw) > 0.0 {
        areas.push(series("sun and wind curtailed", &|mix| mix.curtailed_mw).as_loss());
    }
    let facility = series("drawn by the facilities", &|mix| {
        mix.solar_mw + mix.wind_mw + mix.discharged_mw + mix.grid_mw + mix.generators_mw
            - mix.charged_mw
            - mix.sold_mw
    });
    AreaChart {
        heading: Heading::new(
            "Where the energy comes from, hour by hour",
            "All sites, UTC. What lies above the line charges batteries, is sold, or nobody takes it.",
        ),
        x,
        y_label: format!("power at the meter, {}", unit.name),
        series: areas,
        over: vec![facility],
        limits: Vec::new(),
    }
    .to_svg()
}

fn stored(hours: &[HourMix], x: Horizontal) -> Svg {
    let most = hours.iter().map(|mix| mix.stored_mwh).fold(0.0, f32::max);
    let unit = Measure::of_energy(Energy::from_mwh(f64::from(most)));
    let values = hours.iter().map(|mix| unit.energy(Energy::from_mwh(f64::from(mix.stored_mwh))));
    LineChart {
        heading: Heading::new(
            "What the batteries hold",
            "At the end of each hour, all sites, UTC.",
        ),
        x,
        y_label: format!("stored, {}", unit.name),
        spacing: Spacing::Even,
        series: vec![Series::new("stored", values.collect())],
        limits: Vec::new(),
    }
    .to_svg()
}
