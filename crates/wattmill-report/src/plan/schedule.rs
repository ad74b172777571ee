//! When phases come, and where.

use wattmill_factory::Factory;
use wattmill_plan::{FigureName, Plan, Risk};
use wattmill_units::Power;

use super::tables::most_power;
use crate::svg::{Heading, Horizontal, Lasting, Place, PlaceMap, SpanChart, Svg};

/// First to last rack of every phase, with their quantiles if there are samples.
pub(super) fn phases(factory: &Factory, plan: &Plan, risk: Option<&Risk>) -> Svg {
    let range = |what: &'static str, phase: &str| {
        let name = FigureName::Of(what, phase.to_owned());
        let spread = risk?.figures.iter().find(|spread| spread.figure.name == name)?;
        (spread.p10 < spread.p90).then_some((spread.p10, spread.p90))
    };
    let row = |outcome: &wattmill_plan::PhaseOutcome| {
        let phase = &factory.phases[outcome.phase];
        let cancelled = phase.cancelled.filter(|day| *day < outcome.last_rack);
        let last = cancelled.unwrap_or(outcome.last_rack);
        let words = match cancelled {
            Some(day) => format!("{}\n{} on, cancelled {day}", phase.name, outcome.first_rack),
            None => format!("{}\n{} to {last}", phase.name, outcome.first_rack),
        };
        let first = Horizontal::day(outcome.first_rack);
        let outside = match cancelled {
            Some(day) if last < outcome.first_rack => {
                format!("called off on {day}, before its first rack on {}", outcome.first_rack)
            }
            Some(day) if last < plan.start => format!("called off before the plan, on {day}"),
            None if last < plan.start => format!("complete before the plan, on {last}"),
            _ => format!("after the plan: {} to {last}", outcome.first_rack),
        };
        Lasting {
            name: phase.name.clone(),
            // What is cancelled before it starts never comes.
            from: if last < outcome.first_rack { f64::INFINITY } else { first },
            to: Horizontal::day(last),
            from_range: range("first rack", &phase.name),
            to_range: range("last rack", &phase.name),
            words,
            outside,
        }
    };
    let rows: Vec<Lasting> = plan.phases.iter().map(row).collect();
    let ranges = match rows.iter().any(|row| row.from_range.is_some() || row.to_range.is_some()) {
        true => ["first rack, P10 to P90".to_owned(), "last rack, P10 to P90".to_owned()],
        false => [String::new(), String::new()],
    };
    SpanChart {
        heading: Heading::new(
            "Phases",
            "From the first to the last rack of each phase, slips and delays of its chains included.",
        ),
        bar: "first to last rack, as planned".to_owned(),
        ranges,
        rows,
        window: (Horizontal::day(plan.start), Horizontal::day(plan.end)),
    }
    .to_svg()
}

/// Where the sites are, as large as what is energised there at the end; nothing if no site says where.
pub(super) fn sites(factory: &Factory, plan: &Plan) -> Option<Svg> {
    let unit = most_power(plan);
    let energised = |index: usize| {
        let last = plan.quarters.last().and_then(|quarter| quarter.sites.get(index));
        last.map_or(Power::ZERO, |site| site.sums.energised)
    };
    let place =
        |(id, site): (wattmill_units::Id<wattmill_factory::Site>, &wattmill_factory::Site)| {
            let (north, east) = site.location?;
            let size = unit.power(energised(id.index()));
            Some(Place { name: site.name.clone(), north, east, size })
        };
    let places: Vec<Place> = factory.sites.enumerate().filter_map(place).collect();
    let map = PlaceMap {
        heading: Heading::new(
            "Sites",
            "Where the file states a latitude and a longitude; the larger the dot, the more is energised at \
             the end of the plan.",
        ),
        unit: unit.name.to_owned(),
        places,
    };
    (!map.places.is_empty()).then(|| map.to_svg())
}
