//! Pictures of a plan's power and of what it runs.

use jiff::civil::Date;
use wattmill_factory::{Factory, Site};
use wattmill_plan::{Binds, Day, Plan, Quarter};
use wattmill_units::Power;

use crate::format::number;
use crate::measure::Measure;
use crate::{
    AreaChart, Arrangement, BarChart, Cell, Heading, Horizontal, LineChart, Series, Spacing, State,
    StateChart, Svg,
};

/// The days of a plan as a horizontal axis.
pub(super) fn calendar(plan: &Plan) -> Horizontal {
    Horizontal::Calendar { days: plan.days.iter().map(|day| Horizontal::day(day.date)).collect() }
}

/// The quarters of a plan by name.
pub(super) fn quarters(plan: &Plan) -> Vec<String> {
    plan.quarters.iter().map(|quarter| quarter.label.to_string()).collect()
}

/// Facility power that all sites may draw on a day: connections and generation behind them.
fn available(factory: &Factory, date: Date) -> Power {
    let of_site = |site: &Site| {
        let onsite = site.onsite.iter().filter(|source| source.from <= date);
        site.grid.as_ref().map_or(Power::ZERO, |grid| grid.on(date))
            + onsite.map(|source| source.capacity).sum::<Power>()
    };
    factory.sites.iter().map(of_site).sum()
}

/// Power that a day has at all, for all the power pictures to share a unit.
fn unit(factory: &Factory, plan: &Plan) -> Measure {
    let most = plan.days.iter().map(|day| energised(day).max(available(factory, day.date)));
    Measure::of_power(most.fold(Power::ZERO, Power::max))
}

fn energised(day: &Day) -> Power {
    day.phase_power.iter().sum()
}

/// A line of one value a day.
fn daily(name: impl Into<String>, plan: &Plan, value: impl Fn(&Day) -> f64) -> Series {
    Series::new(name, plan.days.iter().map(value).collect())
}

/// Power energised, by site, against what is there for it.
pub(super) fn by_site(factory: &Factory, plan: &Plan) -> Svg {
    let unit = unit(factory, plan);
    let of_site = |(id, site): (_, &Site)| {
        daily(&site.name, plan, |day| {
            let phases = factory.phases.iter().zip(&day.phase_power);
            unit.power(phases.filter(|(phase, _)| phase.site == id).map(|(_, power)| *power).sum())
        })
    };
    let chart = AreaChart {
        heading: Heading::new(
            "Power energised, by site",
            "Facility power of the machines that run, at design PUE, against all that connections and on-site generation carry.",
        ),
        x: calendar(plan),
        y_label: format!("facility power at design PUE, {}", unit.name),
        series: factory.sites.enumerate().map(of_site).collect(),
        over: vec![daily("available", plan, |day| unit.power(available(factory, day.date)))],
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// Power energised, by phase.
pub(super) fn by_phase(factory: &Factory, plan: &Plan) -> Svg {
    let unit = unit(factory, plan);
    let of_phase = |(index, phase): (usize, &wattmill_factory::Phase)| {
        let power = |day: &Day| day.phase_power.get(index).map_or(0.0, |power| unit.power(*power));
        daily(&phase.name, plan, power)
    };
    let chart = AreaChart {
        heading: Heading::new(
            "Power energised, by phase",
            "Each phase from its first rack, with its slip, to its last.",
        ),
        x: calendar(plan),
        y_label: format!("facility power at design PUE, {}", unit.name),
        series: factory.phases.iter().enumerate().map(of_phase).collect(),
        over: Vec::new(),
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// Power drawn against power energised.
pub(super) fn drawn(factory: &Factory, plan: &Plan) -> Svg {
    let unit = unit(factory, plan);
    let chart = LineChart {
        heading: Heading::new(
            "Power drawn against power energised",
            "What is drawn is the mean of each day; what is energised is what the machines are provisioned for.",
        ),
        x: calendar(plan),
        y_label: format!("facility power, all sites, {}", unit.name),
        spacing: Spacing::Even,
        series: vec![
            daily("drawn, mean of the day", plan, |day| unit.power(day.site_power.iter().sum())),
            daily("energised, at design PUE", plan, |day| unit.power(energised(day))),
            daily("available", plan, |day| unit.power(available(factory, day.date))),
        ],
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// What kept each site from serving more, quarter by quarter.
pub(super) fn binds(factory: &Factory, plan: &Plan) -> Svg {
    let color = |binds| match binds {
        Binds::Energisation => 7,
        Binds::FirstRack => 4,
        Binds::Power => 3,
        Binds::Demand => 2,
        Binds::Machines => 1,
        Binds::Fit => 5,
    };
    let meaning = |binds| match binds {
        Binds::Energisation => "no power yet",
        Binds::FirstRack => "no machines yet",
        Binds::Power => "more machines than power",
        Binds::Demand => "nobody asks for more",
        Binds::Machines => "more is asked than machines do",
        Binds::Fit => "no machine fits what is asked",
    };
    let states = Binds::ALL.into_iter().map(|binds| State {
        name: format!("{}: {}", binds.name(), meaning(binds)),
        color: color(binds),
    });
    let unit = unit(factory, plan);
    let cell = |quarter: &Quarter, site: usize| {
        let site = &quarter.sites[site];
        let state = Binds::ALL.into_iter().position(|binds| binds == site.binds);
        Cell {
            state: state.unwrap_or(usize::MAX),
            text: number(three_digits(unit.power(site.sums.energised))),
        }
    };
    let row = |site: usize| plan.quarters.iter().map(|quarter| cell(quarter, site)).collect();
    let chart = StateChart {
        heading: Heading::new(
            "What kept each site from serving more",
            format!(
                "For most hours of the quarter; figures are {} energised at its end.",
                unit.name
            ),
        ),
        states: states.collect(),
        rows: factory.sites.iter().map(|site| site.name.clone()).collect(),
        columns: quarters(plan),
        cells: (0..factory.sites.len()).map(row).collect(),
        text_label: format!("{} energised", unit.name),
    };
    chart.to_svg()
}

/// As much of a number as a small cell holds.
fn three_digits(value: f64) -> f64 {
    let factor = libm::pow(10.0, (2.0 - libm::floor(libm::log10(value.max(1.0)))).max(0.0));
    (value * factor).round() / factor
}

/// Accelerators that run, by system.
pub(super) fn accelerators(factory: &Factory, plan: &Plan) -> Svg {
    let of_system = |(id, hardware): (_, &wattmill_factory::Hardware)| {
        let per_unit = f64::from(hardware.system.accelerators);
        daily(&hardware.system.id, plan, |day| {
            let running = factory.phases.iter().zip(&day.phase_power);
            let running = running.filter(|(phase, _)| phase.hardware == id);
            // What is oversubscribed shares the power: a unit takes less of it than it is provisioned for.
            let units = running.map(|(phase, power)| {
                let facility = phase.unit_it() * factory.sites[phase.site].pue.design;
                *power * phase.oversubscription / facility
            });
            units.sum::<f64>() * per_unit
        })
    };
    let chart = AreaChart {
        heading: Heading::new("Accelerators that run, by system", ""),
        x: calendar(plan),
        y_label: "accelerators, at midnight".to_owned(),
        series: factory.hardware.enumerate().map(of_system).collect(),
        over: Vec::new(),
        limits: Vec::new(),
    };
    chart.to_svg()
}

/// What accelerators do, quarter by quarter.
pub(super) fn work(plan: &Plan) -> Svg {
    let series = |name: &str, hours: fn(&wattmill_plan::Sums) -> f64| {
        let mean = |quarter: &Quarter| hours(&quarter.total()) / (24.0 * f64::from(quarter.days));
        Series::new(name, plan.quarters.iter().map(mean).collect())
    };
    let chart = BarChart {
        heading: Heading::new(
            "What accelerators do",
            "Serving first, then training, on what serving leaves; the rest is idle.",
        ),
        categories: quarters(plan),
        y_label: "accelerators, mean of the quarter".to_owned(),
        series: vec![
            series("serving", |sums| sums.serving_hours),
            series("training", |sums| sums.training_hours),
            series("idle", |sums| sums.idle_hours).as_loss(),
        ],
        arrangement: Arrangement::Stacked,
    };
    chart.to_svg()
}
