//! The numbers of a plan that samples of it are compared by.

use std::fmt;

use jiff::civil::{Date, date};
use wattmill_catalog::Catalog;
use wattmill_factory::{Factory, Goal, Service, Site, Training};
use wattmill_units::{Id, Power};

use crate::almanac::Almanac;
use crate::calendar::QuarterLabel;
use crate::cash::{Cash, Quarterly};
use crate::deals::{Period, lent, moved, net, period};
use crate::fluid::{Course, walk};
use crate::ledger::Balance;
use crate::result::Sums;
use crate::serving::Offer;
use crate::targets::{Reach, first_day};

/// One number that every sample of a plan has.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub name: FigureName,
    /// What it is measured in.
    pub unit: FigureUnit,
}

/// What a figure is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FigureName {
    /// Of the whole plan.
    Whole(&'static str),
    /// Of a phase, a training run or a target, by its name.
    Of(&'static str, String),
    /// Of one quarter.
    In(&'static str, QuarterLabel),
}

impl fmt::Display for FigureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(what) => f.pad(what),
            Self::Of(what, name) => f.pad(&format!("{what} of `{name}`")),
            Self::In(what, quarter) => f.pad(&format!("{what} in {quarter}")),
        }
    }
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureUnit {
    /// Facility power.
    Mw,
    /// Facility energy.
    Mwh,
    /// Pieces.
    Count,
    /// A share of one.
    Share,
    /// Tonnes of CO₂ equivalent.
    Tonnes,
    /// Water.
    Litres,
    /// Dollars of the price year.
    Usd,
    /// Dollars for a million output tokens.
    UsdPerMillionTokens,
    /// Output tokens for a megawatt-hour.
    TokensPerMwh,
    /// A day, counted from 1970-01-01; infinite for never.
    Day,
}

impl FigureUnit {
    /// As a suffix of names in documents.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Mw => "mw",
            Self::Mwh => "mwh",
            Self::Count => "count",
            Self::Share => "fraction",
            Self::Tonnes => "t",
            Self::Litres => "l",
            Self::Usd => "usd",
            Self::UsdPerMillionTokens => "usd_per_million_tokens",
            Self::TokensPerMwh => "tokens_per_mwh",
            Self::Day => "date",
        }
    }
}

/// Days from 1970-01-01.
pub(crate) fn day_number(day: Date) -> f64 {
    f64::from(date(1970, 1, 1).until(day).map_or(0, |span| span.get_days()))
}

/// The day of a figure in [`FigureUnit::Day`]; `None` for never.
pub fn figure_day(days: f64) -> Option<Date> {
    const MOST: f64 = 1_000_000.0;
    let in_reach = days.is_finite() && days.abs() < MOST;
    in_reach.then(|| date(1970, 1, 1).saturating_add(jiff::Span::new().days(days as i64)))
}

/// Every figure of a sample and its value: the factory walked hour by hour as [`run`](crate::run)
/// does, in a fraction of the time. `offers` are those of the factory that samples are drawn of.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_plan::{figures, offers, run};
/// let text = wattmill_config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let factory = wattmill_config::parse_factory(text, Catalog::builtin()).factory.expect("sound");
/// let offers = offers(&factory, Catalog::builtin(), |_, _| {});
/// let (figure, energy) = figures(&factory, Catalog::builtin(), &offers).remove(2);
/// assert_eq!(figure.name.to_string(), "energy");
/// let plan = run(&factory, Catalog::builtin(), offers);
/// let walked: f64 = plan.quarters.iter().map(|q| q.total().energy.as_mwh()).sum();
/// assert!((energy / walked - 1.0).abs() < 1e-9);
/// ```
pub fn figures(factory: &Factory, catalog: &Catalog, offers: &[Offer]) -> Vec<(Figure, f64)> {
    reckon(factory, catalog, offers, &Almanac::default()).0
}

/// The same with an almanac that may know it, and of everything that is conserved what is furthest
/// off.
pub fn reckon(
    factory: &Factory,
    catalog: &Catalog,
    offers: &[Offer],
    almanac: &Almanac,
) -> (Vec<(Figure, f64)>, Balance) {
    let mut all = Vec::new();
    let worst =
        of_course(factory, &walk(factory, catalog, offers, almanac), |name, unit, value| {
            let name = match name {
                Name::Whole(what) => FigureName::Whole(what),
                Name::Of(what, name) => FigureName::Of(what, name.to_owned()),
                Name::In(what, quarter) => FigureName::In(what, quarter),
            };
            all.push((Figure { name, unit }, value));
        });
    (all, worst)
}

/// The values of [`reckon`] alone.
pub fn sample(
    factory: &Factory,
    catalog: &Catalog,
    offers: &[Offer],
    almanac: &Almanac,
) -> (Vec<f64>, Balance) {
    let mut all = Vec::new();
    let course = walk(factory, catalog, offers, almanac);
    let worst = of_course(factory, &course, |_, _, value| all.push(value));
    (all, worst)
}

/// A name that is only spelled out where it is asked for.
enum Name<'a> {
    Whole(&'static str),
    Of(&'static str, &'a str),
    In(&'static str, QuarterLabel),
}

/// Every figure of a course, and what is furthest off of it.
fn of_course(
    factory: &Factory,
    course: &Course,
    mut push: impl FnMut(Name<'_>, FigureUnit, f64),
) -> Balance {
    use FigureUnit::*;
    use Name::{In, Of, Whole};
    let mut total = Sums::default();
    course.quarters.iter().for_each(|quarter| total.add(&quarter.total));
    let services = || course.quarters.iter().flat_map(|quarter| &quarter.services);
    let end = course.quarters.last().map(|quarter| quarter.total).unwrap_or_default();
    let peaks = course.quarters.iter().map(|quarter| quarter.total.peak_draw);
    let peak = peaks.fold(Power::ZERO, Power::max);
    push(Whole("energised at the end"), Mw, end.energised.as_mw());
    push(Whole("accelerators at the end"), Count, end.accelerators);
    push(Whole("energy"), Mwh, total.energy.as_mwh());
    push(Whole("peak draw"), Mw, peak.as_mw());
    push(Whole("carbon"), Tonnes, total.carbon_t);
    let flows = &total.flows;
    if factory.sites.iter().any(|site| site.water_l_per_kwh.is_some()) {
        push(Whole("water"), Litres, flows.water_l);
    }
    if factory.sites.iter().any(|site| site.solar.is_some() || site.wind.is_some()) {
        push(Whole("sun and wind used"), Mwh, (flows.solar + flows.wind).as_mwh());
        push(Whole("sun and wind curtailed"), Mwh, flows.curtailed.as_mwh());
    }
    if factory.sites.iter().any(|site| site.battery.is_some()) {
        push(Whole("energy from batteries"), Mwh, flows.given().as_mwh());
    }
    if factory.sites.iter().any(|site| site.grid.as_ref().is_some_and(|g| g.export.is_some())) {
        push(Whole("energy sold"), Mwh, flows.sold.as_mwh());
        push(Whole("sales of energy"), Usd, flows.sales.as_usd());
    }
    let demand = |site: &Site| site.grid.as_ref().is_some_and(|grid| grid.demand_usd_per_kw > 0.0);
    if factory.sites.iter().any(demand) {
        push(Whole("demand charges"), Usd, flows.demand_charges.as_usd());
    }
    if !factory.curtailments.is_empty() {
        push(Whole("curtailment asked"), Mwh, flows.asked.as_mwh());
        push(Whole("curtailment unanswered"), Mwh, flows.unanswered.as_mwh());
    }
    if factory.phases.iter().any(|phase| phase.oversubscription > 1.0) {
        push(Whole("energy held back"), Mwh, flows.held_back.as_mwh());
        push(Whole("accelerator-hours throttled"), Count, flows.throttled_hours);
    }
    push(Whole("accelerator-hours"), Count, total.accelerator_hours());
    push(Whole("output tokens served"), Count, total.served_output_tokens);
    let (asked, served) =
        services().fold((0.0, 0.0), |(a, s), of| (a + of.asked_requests, s + of.served_requests));
    // What is summed up in another order than what is asked may be a rounding more.
    push(
        Whole("requests served"),
        Share,
        if asked > 0.0 { (served / asked).min(1.0) } else { 1.0 },
    );
    push(Whole("tokens per MWh"), TokensPerMwh, total.tokens_per_mwh().unwrap_or(0.0));
    push(Whole("capital"), Usd, total.capital.as_usd());
    push(Whole("energy cost"), Usd, total.energy_cost.as_usd());
    push(Whole("operations"), Usd, total.operations.as_usd());
    push(Whole("depreciation"), Usd, total.depreciation.as_usd());
    let cost = total.cost_per_million_tokens().map_or(f64::INFINITY, |cost| cost.as_usd());
    push(Whole("full cost of tokens"), UsdPerMillionTokens, cost);
    if factory.phases.iter().any(|phase| phase.resale.is_some()) {
        push(Whole("machines sold"), Usd, total.resale.as_usd());
    }
    if factory.services.iter().any(|service| service.subscription.is_some()) {
        push(Whole("subscriptions"), Usd, services().map(|of| of.subscriptions.as_usd()).sum());
    }
    if factory.services.iter().any(Service::earns) {
        push(Whole("revenue"), Usd, services().map(|of| of.revenue.as_usd()).sum());
    }
    let periods: Vec<Period> = match factory.deals.is_empty() {
        true => Vec::new(),
        false => course.quarters.iter().map(|q| period(q.days, &q.total, &q.services)).collect(),
    };
    let moved = moved(factory, &periods);
    let cash = Cash::of(
        course.quarters.iter().enumerate().map(|(index, quarter)| Quarterly {
            label: quarter.label,
            days: quarter.days,
            sums: &quarter.total,
            revenue: quarter.services.iter().map(|service| service.revenue).sum(),
            received: quarter.received,
            contracts: net(factory, &moved, index),
        }),
        factory.economics.discount_per_year,
    );
    push(Whole("most to finance"), Usd, cash.to_finance.as_usd());
    push(Whole("cost of ownership a year"), Usd, cash.ownership_per_year.as_usd());
    if !factory.deals.is_empty() {
        let owed = moved.iter().filter_map(|moved| moved.last()).map(|moved| moved.owed);
        push(Whole("owed at the end"), Usd, owed.sum::<wattmill_units::Money>().as_usd());
        let paid = cash.quarters.iter().map(|quarter| quarter.contracts.as_usd());
        push(Whole("from contracts"), Usd, paid.sum());
    }
    push(Whole("net present value"), Usd, cash.present_value.as_usd());
    let rate = cash.rate_of_return.unwrap_or(f64::NEG_INFINITY);
    push(Whole("internal rate of return"), Share, rate);
    for (outcome, training) in course.trainings.iter().zip(&factory.trainings) {
        push(Of("share done", &training.name), Share, outcome.done);
        let finished = outcome.finished.map_or(f64::INFINITY, day_number);
        push(Of("last token", &training.name), Day, finished);
        push(Of("cost", &training.name), Usd, outcome.cost.as_usd());
    }
    for delivery in &course.deliveries {
        let name = &factory.phases[delivery.phase].name;
        let day = |hour| day_number(course.calendar.date_of(hour));
        push(Of("first rack", name), Day, day(delivery.first_hour));
        push(Of("last rack", name), Day, day(delivery.last_hour));
    }
    for target in &factory.targets {
        push(Of("target", &target.name), Day, reached(course, target.goal));
    }
    for quarter in &course.quarters {
        let sums = &quarter.total;
        push(In("energised", quarter.label), Mw, sums.energised.as_mw());
        push(In("accelerators", quarter.label), Count, sums.accelerators);
        push(In("output tokens served", quarter.label), Count, sums.served_output_tokens);
        push(In("energy", quarter.label), Mwh, sums.energy.as_mwh());
        push(In("capital", quarter.label), Usd, sums.capital.as_usd());
        push(In("operating cost", quarter.label), Usd, sums.operating_cost().as_usd());
    }
    lent(factory, &moved).into_iter().fold(course.worst, Balance::worse)
}

/// First day on which a goal is met.
fn reached(course: &Course, goal: Goal) -> f64 {
    let days = course.days.iter().map(|day| Reach {
        energised: day.energised,
        accelerators: day.accelerators,
        tokens: day.served_tokens,
    });
    let finished = |run: Id<Training>| course.trainings.get(run.index())?.finished;
    first_day(goal, course.calendar.date(0), days, finished).map_or(f64::INFINITY, day_number)
}
