//! What only several tables together show.

use std::ops::Range;

use jiff::civil::Date;
use wattmill_factory::{Phase, PowerBasis, Site};
use wattmill_units::{IdVec, Power};

use super::context::Context;
use super::row::Row;

/// A phase and where it is written.
pub(super) struct Placed<'a, 'r> {
    pub phase: &'a Phase,
    pub row: &'a Row<'r>,
}

/// Facility power at the design peak.
fn facility(phase: &Phase, site: &Site) -> Power {
    match phase.basis {
        PowerBasis::Facility => phase.power,
        PowerBasis::It => phase.power * site.pue.design,
    }
}

/// IT power.
fn it(phase: &Phase, site: &Site) -> Power {
    match phase.basis {
        PowerBasis::Facility => phase.power / site.pue.design,
        PowerBasis::It => phase.power,
    }
}

/// Phases that ask more of a site than arrives there. The first, in time, that crosses it is told.
pub(super) fn capacity(
    cx: &mut Context<'_>,
    sites: &IdVec<Option<Site>>,
    phases: &[Placed<'_, '_>],
) {
    for (id, site) in sites.enumerate() {
        let Some(site) = site else { continue };
        let here = phases.iter().filter(|p| p.phase.site.index() == id.index());
        let mut here: Vec<_> = here.collect();
        here.sort_by_key(|p| p.phase.first_rack);
        let grid = site.grid.map_or(Power::ZERO, |g| g.connection);
        let onsite: Power = site.onsite.iter().map(|o| o.capacity).sum();
        let there = grid + onsite;
        let mut asked = Power::ZERO;
        for placed in here {
            let before = asked;
            asked += facility(placed.phase, site);
            // A millionth is rounding, not ambition.
            if asked > there * (1.0 + 1e-6) && before <= there * (1.0 + 1e-6) {
                cx.error(
                    placed.row.span("power"),
                    format!(
                        "phase `{}` takes site `{}` {} beyond its power",
                        placed.phase.name,
                        site.name,
                        asked - there
                    ),
                    format!("{} at the meter on top of {before}", facility(placed.phase, site)),
                    format!(
                        "the site has {there} ({grid} grid, {onsite} on site); lower `power`, \
                         raise `connection`, add `onsite`, or move the phase"
                    ),
                );
            }
        }
    }
}

/// A phase whose first rack comes before there is power.
pub(super) fn energized(cx: &mut Context<'_>, site: &Site, phase: &Phase, row: &Row<'_>) {
    let days = site.grid.iter().map(|g| g.energized).chain(site.onsite.iter().map(|o| o.from));
    if let Some(first) = days.min()
        && phase.first_rack < first
    {
        cx.error(
            row.span("first_rack"),
            format!("phase `{}` starts before site `{}` has power", phase.name, site.name),
            format!("first power on {first}"),
            format!("move `first_rack` to {first} or later, or bring power forward with `onsite`"),
        );
    }
}

/// A phase too small for one unit.
pub(super) fn one_unit(
    cx: &mut Context<'_>,
    site: &Site,
    phase: &Phase,
    system: &str,
    row: &Row<'_>,
) {
    let power = it(phase, site);
    if power * (1.0 + 1e-9) < phase.unit_power {
        cx.error(
            row.span("power"),
            format!("no `{system}` fits into {}", phase.power),
            format!("{power} of IT power"),
            format!("one needs {}; raise `power`, or state another `unit_power`", phase.unit_power),
        );
    }
}

/// Something that the plan never sees.
pub(super) fn inside(
    cx: &mut Context<'_>,
    what: &str,
    date: Date,
    span: Range<usize>,
    end: Option<Date>,
) {
    if let Some(end) = end
        && date > end
    {
        cx.warning(
            span,
            format!("{what} starts after the plan ends"),
            "never seen",
            format!("the plan ends on {end}; move one of them, or take it away"),
        );
    }
}

/// Two tables of one kind and one name.
pub(super) fn duplicates(cx: &mut Context<'_>, rows: &[Row<'_>]) {
    for (index, row) in rows.iter().enumerate() {
        let Some(name) = row.plain_text("name") else {
            continue;
        };
        if rows[..index].iter().any(|earlier| earlier.plain_text("name") == Some(name)) {
            cx.error(
                row.span("name"),
                format!("a second {} is called `{name}`", row.what()),
                "taken",
                "give it a name of its own",
            );
        }
    }
}
