//! Pictures of what a plan yields and what it costs.

use jiff::civil::Date;
use wattmill_factory::Factory;
use wattmill_plan::{Day, Plan, Quarter, Stage, Sums};
use wattmill_units::{Energy, Money};

use super::counterparties::colors;
use super::power::{calendar, quarters};
use crate::latency::{Held, latency_chart};
use crate::measure::Measure;
use crate::{
    Arrangement, BarChart, Heading, Horizontal, LineChart, Series, Spacing, Svg, WaterfallChart,
    WaterfallStage,
};

/// Output tokens asked, served, and what could have been served.
pub(super) fn tokens(plan: &Plan) -> Svg {
    let daily = |name: &str, value: fn(&Day) -> f64| {
        Series::new(name, plan.days.iter().map(value).collect())
    };
    let chart = LineChart {
        heading: Heading::new(
            "Output tokens asked, served, and what could be served",
            "All services, on a logarithmic axis; T is 10¹², P is 10¹⁵. Could be served: of the mix that is asked, inside the SLO.",
        ),
        x: calendar(plan),
        y_label: "output tokens a day".to_owned(),
        spacing: Spacing::Logarithmic,
        series: vec![
            daily("could be served", |day| day.capacity_tokens),
            daily("asked in the day's busiest hour, as a rate", |day| day.peak_asked_tokens),
            daily("asked", |day| day.asked_tokens),
            daily("served", |day| day.served_tokens),
        ],
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// Fraction of what was asked that was served, day by day.
pub(super) fn served(plan: &Plan) -> Svg {
    let share = |day: &Day| match day.asked_tokens {
        0.0 => f64::NAN,
        asked => 100.0 * day.served_tokens / asked,
    };
    let chart = LineChart {
        heading: Heading::new(
            "Served inside the SLO, of what was asked",
            "All services, each day. What is not served is not queued: whoever asks finds no machine.",
        ),
        x: calendar(plan),
        y_label: "share of output tokens, %".to_owned(),
        spacing: Spacing::Even,
        series: vec![Series::new("", plan.days.iter().map(share).collect())],
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// Latency of each offer at its operating point.
pub(super) fn latency(factory: &Factory, plan: &Plan) -> Svg {
    let held: Vec<Held> = plan
        .offers
        .iter()
        .filter_map(|offer| {
            let point = offer.point()?;
            let service = &factory.services[offer.service];
            let system = &factory.hardware[offer.hardware].system.id;
            Some(Held {
                name: format!("{} on {system}", service.name),
                ttft: point.ttft,
                tpot: point.tpot,
                slo: service.slo,
            })
        })
        .collect();
    let heading = Heading::new(
        "Latency at the operating point, against the SLO",
        "Each kind of machine at the highest rate it sustains: the engine's requests, not a formula's.",
    );
    latency_chart(heading, &held)
}

/// Capital, by site.
pub(super) fn capital(factory: &Factory, plan: &Plan) -> Svg {
    let unit = money_unit(plan, |sums| sums.capital);
    let of_site = |(index, site): (usize, &wattmill_factory::Site)| {
        let capital = |quarter: &Quarter| unit.money(quarter.sites[index].sums.capital);
        Series::new(&site.name, plan.quarters.iter().map(capital).collect())
    };
    let chart = BarChart {
        heading: Heading::new(
            "Capital, by site",
            format!(
                "Machines and infrastructure, in the quarter they are bought, {}.",
                price_year(factory)
            ),
        ),
        categories: quarters(plan),
        y_label: format!("capital of the quarter, {}", unit.name),
        series: factory.sites.iter().enumerate().map(of_site).collect(),
        arrangement: Arrangement::Stacked,
    };
    chart.to_svg()
}

/// Capital spent in the plan and investments received, added up to the end of each quarter.
pub(super) fn funding(factory: &Factory, plan: &Plan) -> Svg {
    let ends: Vec<Date> = plan.quarters.iter().filter_map(|q| end_of(q, plan)).collect();
    let mut spent = Money::ZERO;
    let spent: Vec<Money> = plan
        .quarters
        .iter()
        .map(|quarter| {
            spent += quarter.total().capital;
            spent
        })
        .collect();
    let received = |end: &Date| -> Money {
        plan.receipts.iter().filter(|receipt| receipt.date <= *end).map(|r| r.ours()).sum()
    };
    let received: Vec<Money> = ends.iter().map(received).collect();
    let unit =
        Measure::of_money(spent.iter().chain(&received).copied().fold(Money::ZERO, Money::max));
    let series = |name: &str, sums: &[Money]| {
        Series::new(name, sums.iter().map(|sum| unit.money(*sum)).collect())
    };
    let chart = LineChart {
        heading: Heading::new(
            "Capital spent against investments received",
            format!(
                "Added up to the end of each quarter, investments from before the plan included, {}.",
                price_year(factory)
            ),
        ),
        x: Horizontal::Calendar { days: ends.iter().map(|end| Horizontal::day(*end)).collect() },
        y_label: format!("added up, {}", unit.name),
        spacing: Spacing::Even,
        series: vec![
            series("capital", &spent).colored(colors::CAPITAL),
            series("investments received", &received).colored(colors::INVESTORS),
        ],
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// Last day of a quarter, or of the plan if that is sooner.
fn end_of(quarter: &Quarter, plan: &Plan) -> Option<Date> {
    let month = Date::new(quarter.label.year, 3 * quarter.label.quarter, 1).ok()?;
    Some(month.last_of_month().min(plan.end))
}

/// What it costs to run what stands.
pub(super) fn cost(factory: &Factory, plan: &Plan) -> Svg {
    let unit = money_unit(plan, Sums::full_cost);
    let series = |name: &str, cost: fn(&Sums) -> Money| {
        let of = |quarter: &Quarter| unit.money(cost(&quarter.total()));
        Series::new(name, plan.quarters.iter().map(of).collect())
    };
    let chart = BarChart {
        heading: Heading::new(
            "Cost of running it",
            format!(
                "Energy, staff, spares, insurance and tax, and straight-line depreciation, {}.",
                price_year(factory)
            ),
        ),
        categories: quarters(plan),
        y_label: format!("cost of the quarter, {}", unit.name),
        series: vec![
            series("energy", |sums| sums.energy_cost).colored(colors::ENERGY),
            series("operations", |sums| sums.operations).colored(colors::OPERATING),
            series("depreciation", |sums| sums.depreciation).colored(colors::DEPRECIATION),
        ],
        arrangement: Arrangement::Stacked,
    };
    chart.to_svg()
}

/// Full cost of a million output tokens.
pub(super) fn token_cost(factory: &Factory, plan: &Plan) -> Svg {
    let cost = |quarter: &Quarter| {
        quarter.total().cost_per_million_tokens().map_or(f64::NAN, Money::as_usd)
    };
    let chart = BarChart {
        heading: Heading::new(
            "Full cost of a million output tokens",
            format!(
                "Operating cost and depreciation, training's share of the machines left out, idle machines charged to serving, {}.",
                price_year(factory)
            ),
        ),
        categories: quarters(plan),
        y_label: "USD per million output tokens served".to_owned(),
        series: vec![Series::new("", plan.quarters.iter().map(cost).collect())],
        arrangement: Arrangement::Grouped,
    };
    chart.to_svg()
}

fn money_unit(plan: &Plan, value: fn(&Sums) -> Money) -> Measure {
    let each = plan.quarters.iter().map(|quarter| value(&quarter.total()));
    Measure::of_money(each.fold(Money::ZERO, Money::max))
}

fn price_year(factory: &Factory) -> String {
    format!("USD of {}", factory.economics.price_year)
}

/// The stage that parts the energy of machines at large from that of those that serve.
const TRAINING: &str = "training";

/// Where the energy goes, from the meter to the token.
pub(super) fn waterfall(plan: &Plan) -> WaterfallChart {
    stages(
        "From the watt to the token",
        "Where the facility energy of the whole plan goes.",
        "at the meter",
        &plan.waterfall,
    )
}

/// The same from where the serving begins; `None` where it cannot be told or there is none.
pub(super) fn serving_waterfall(plan: &Plan) -> Option<Svg> {
    let first = 1 + plan.waterfall.iter().position(|stage| stage.name == TRAINING)?;
    let serving = &plan.waterfall[first..];
    (serving.iter().map(|stage| stage.energy).sum::<Energy>() > Energy::ZERO).then(|| {
        stages(
            "The last of it: accelerators that serve",
            "Of the energy of accelerators while they serve, what bounds them.",
            "serving accelerators",
            serving,
        )
        .to_svg()
    })
}

fn stages(title: &str, subtitle: &str, whole: &str, stages: &[Stage]) -> WaterfallChart {
    let unit = Measure::of_energy(stages.iter().map(|stage| stage.energy).sum());
    let last = stages.len().saturating_sub(1);
    let drawn = stages.iter().enumerate().map(|(index, stage)| {
        let value = unit.energy(stage.energy);
        if stage.name == TRAINING || index == last {
            WaterfallStage::useful(stage.name, stage.meaning, value)
        } else {
            WaterfallStage::loss(stage.name, stage.meaning, value)
        }
    });
    WaterfallChart {
        heading: Heading::new(title, subtitle),
        whole: whole.to_owned(),
        unit: unit.name.to_owned(),
        stages: drawn.collect(),
    }
}
