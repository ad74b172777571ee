//! What only several tables together show.

use std::ops::Range;

use jiff::civil::Date;
use wattmill_factory::{Contract, Grid, Hardware, Phase, Service, Site};
use wattmill_units::{Id, IdVec, Power};

use super::context::Context;
use super::row::Row;

/// A phase and where it is written.
pub(super) struct Placed<'a, 'r> {
    pub phase: &'a Phase,
    pub row: &'a Row<'r>,
}

/// Facility power at the design peak.
fn facility(phase: &Phase, site: &Site) -> Power {
    phase.basis.facility(phase.power, site.pue.design)
}

/// IT power.
fn it(phase: &Phase, site: &Site) -> Power {
    phase.basis.it(phase.power, site.pue.design)
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
        let grid = site.grid.as_ref().map_or(Power::ZERO, Grid::most);
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

/// A phase whose first rack comes before there is power; `first_rack` is where that is written.
pub(super) fn energized(
    cx: &mut Context<'_>,
    site: &Site,
    phase: &Phase,
    first_rack: Range<usize>,
) {
    if let Some(first) = site.first_power()
        && phase.first_rack < first
    {
        cx.warning(
            first_rack,
            format!("phase `{}` starts before site `{}` has power", phase.name, site.name),
            format!("first power on {first}"),
            format!(
                "its racks wait for it; move `first_rack` to {first} or later if they come then, or \
                 bring power forward with `onsite`"
            ),
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
    if power * phase.oversubscription * (1.0 + 1e-9) < phase.unit_it() {
        cx.error(
            row.span("power"),
            format!("no `{system}` fits into {}", phase.power),
            format!("{power} of IT power"),
            format!("one needs {}; raise `power`, or state another `unit_power`", phase.unit_it()),
        );
    }
}

/// Least IT power of a unit, as a fraction of the limits of its accelerators: below that nothing
/// could be provisioned for them, capped or not.
const LEAST_UNIT_POWER: f64 = 0.25;

/// A unit that is provisioned less than its accelerators could ever run on.
pub(super) fn unit_power(
    cx: &mut Context<'_>,
    machine: &Hardware,
    unit_power: Power,
    span: Range<usize>,
) {
    let Some(tdp) = machine.accelerator.tdp else { return };
    let limits = tdp * f64::from(machine.system.accelerators);
    if unit_power < limits * LEAST_UNIT_POWER {
        cx.error(
            span,
            format!("{unit_power} cannot run one `{}`", machine.system.id),
            format!("its accelerators alone may draw {limits}"),
            format!("state at least {} for one unit, a quarter of that", limits * LEAST_UNIT_POWER),
        );
    }
}

/// The machine as a plan takes it, which shares watts: where nothing states what an accelerator may
/// draw, all of the unit's power is the accelerators'.
pub(super) fn limited(
    cx: &mut Context<'_>,
    mut machine: Hardware,
    unit_power: Power,
    span: Range<usize>,
) -> Hardware {
    if machine.accelerator.tdp.is_none() {
        let each = unit_power / f64::from(machine.system.accelerators.max(1));
        cx.warning(
            span,
            format!("no published TDP of `{}`", machine.accelerator.id),
            format!("each is taken to draw up to {each}, its share of the unit's power"),
            format!("state `tdp` in `[accelerator.{}]` if you know better", machine.accelerator.id),
        );
        machine.accelerator.tdp = Some(each);
    }
    machine
}

/// A phase that is called off before anything of it comes.
pub(super) fn cancelled(cx: &mut Context<'_>, phase: &Phase, row: &Row<'_>) {
    if let Some(day) = phase.cancelled
        && day <= phase.first_rack
    {
        cx.warning(
            row.span("cancelled"),
            format!("phase `{}` is cancelled before it starts", phase.name),
            format!("its first rack is due on {}", phase.first_rack),
            "nothing of it ever runs; take the phase away if that is meant",
        );
    }
}

/// Most requests a day that anyone may come to ask, as the file may state.
const MOST_REQUESTS_PER_DAY: f64 = 1e18;

/// A service whose growth leads beyond all bounds before the plan ends.
pub(super) fn growth(cx: &mut Context<'_>, service: &Service, start: Date, end: Date) {
    let days = start.until(end).map_or(0, |span| span.get_days());
    let traffic = &service.traffic;
    let growth = (1.0 + traffic.growth_per_year).powf(f64::from(days) / 365.25);
    let asked = traffic.requests_per_day * growth;
    if asked > MOST_REQUESTS_PER_DAY {
        let span = cx.spans.near("service", &service.name, "users.growth").unwrap_or(0..0);
        cx.error(
            span,
            format!("service `{}` grows beyond all bounds", service.name),
            format!("{asked:.0e} requests a day on {end}"),
            format!(
                "lower `growth` or end the plan earlier: at most {MOST_REQUESTS_PER_DAY:e} \
                 requests a day"
            ),
        );
    }
}

/// Most payments that one contract may make.
const MOST_STEPS: f64 = 10_000.0;

/// A contract that pays in steps too small to be listed.
pub(super) fn steps(
    cx: &mut Context<'_>,
    contract: &Contract,
    phases: &[Placed<'_, '_>],
    sites: &IdVec<Option<Site>>,
    span: Range<usize>,
) {
    let power = |placed: &Placed<'_, '_>| -> Option<Power> {
        let site = &sites[Id::from_index(placed.phase.site.index())];
        Some(facility(placed.phase, site.as_ref()?))
    };
    let built: Power = phases.iter().filter_map(power).sum();
    let by_money = contract.up_to.map_or(f64::INFINITY, |most| most / contract.amount);
    if (built / contract.for_each).min(by_money) > MOST_STEPS {
        cx.error(
            span,
            format!("{built} in steps of {}", contract.for_each),
            format!("more than {MOST_STEPS} payments"),
            format!("state at least {} with its amount", built / MOST_STEPS),
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
