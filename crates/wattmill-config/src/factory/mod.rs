//! The factory file.

mod builtin;
mod check;
mod context;
mod correlation;
mod day;
mod energy;
mod engine;
mod files;
mod flag;
mod fleet;
mod hourly;
mod keys;
mod lists;
mod money;
mod own;
mod reference;
mod row;
mod schema;
mod schema_json;
mod service;
mod sessions;
mod site;
mod spans;
mod target;
mod text;
mod traffic;
mod uncertain;
mod variants;
mod vary;

#[cfg(test)]
mod tests;

use std::ops::Range;

use jiff::civil::Date;
use toml::de::DeTable;
use wattmill_catalog::{Catalog, Kind};
use wattmill_factory::{Contract, Deal, Factory, Hardware, Payment, Phase, Site};
use wattmill_units::{Id, IdVec, Power, Seconds};

use crate::Diagnostics;
use check::Placed;
use context::Context;
use money::{Paid, Terms};
use own::Own;
use row::Row;

pub use builtin::{BUILTIN_FACTORIES, BUILTIN_FLEETS, builtin_factory, builtin_fleet};
pub use files::Files;
pub use fleet::{
    Fleet, FleetCurtailment, FleetPool, FleetProvider, FleetRegion, FleetService, FleetSite,
    ParsedFleet, PoolFailures, PoolRole, PoolScale, parse_fleet,
};
pub use reference::reference_markdown;
pub use schema_json::{fleet_json_schema, json_schema};
pub use sessions::{BUILTIN_SESSIONS, parse_sessions};
pub use spans::Spans;
pub use variants::Variants;
pub use vary::{Chosen, Over, Varied, VaryError, with_values};

/// What came of a factory file.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The factory, unless a diagnostic is an error.
    pub factory: Option<Factory>,
    /// Everything wrong or odd about the file.
    pub diagnostics: Diagnostics,
    /// Where everything stands, for checks that come later.
    pub spans: Spans,
}

/// Reads a factory file; systems, models and traffic tables that it names come from `catalog`.
///
/// Every problem is found at once; none of them panics. [`Parsed::factory`] is there exactly if no
/// diagnostic is an error.
///
/// ```
/// use wattmill_catalog::Catalog;
/// let text = wattmill_config::builtin_factory("hgx-node").expect("it is built in");
/// let parsed = wattmill_config::parse_factory(text, Catalog::builtin());
/// let factory = parsed.factory.expect("it is sound");
/// assert_eq!(factory.sites.len(), 1);
/// ```
pub fn parse_factory(text: &str, catalog: &Catalog) -> Parsed {
    parse_factory_with(text, catalog, &files::NO_FILES)
}

/// The same with the files that it names.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_config::{Files, builtin_factory, parse_factory_with};
/// let text = builtin_factory("hgx-node").expect("it is built in");
/// let text = text.replace("price = ", "hourly = \"prices.csv\", price = ");
/// let mut files = Files::default();
/// let hours = "50\n".repeat(8760);
/// files.put("prices.csv", Ok(format!("price_usd_per_mwh\n{hours}")));
/// assert!(parse_factory_with(&text, Catalog::builtin(), &files).factory.is_some());
/// assert!(parse_factory_with(&text, Catalog::builtin(), &Files::default()).factory.is_none());
/// ```
pub fn parse_factory_with(text: &str, catalog: &Catalog, files: &Files) -> Parsed {
    let mut cx = Context::with(catalog, files);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        cx.broken(error.span().unwrap_or(0..0), error.message());
    }
    let row = Row::file(&mut cx, &keys::FILE, document.get_ref());
    let factory = read(&mut cx, &row).filter(|_| !cx.failed());
    let (diagnostics, spans) = cx.finish();
    Parsed { factory, diagnostics, spans }
}

fn read(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Factory> {
    let name = file.text(cx, "name");
    let (start, end) = (file.date(cx, "start"), file.date(cx, "end"));
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        cx.error(
            file.span("end"),
            format!("the plan ends on {end}, before it starts"),
            format!("starts on {start}"),
            "move `end` to the day of `start` or later",
        );
    }
    // A plan that ends before it starts would seem to miss everything.
    let horizon = end.filter(|end| start.is_none_or(|start| start <= *end));
    let days = start.zip(horizon).map(|(start, end)| hourly::Days { start, end });
    let seed = file.whole(cx, "seed");
    cx.weather_varies = file.choice(cx, "weather") == Some("varies");
    let own = Own::read(cx, file);

    let site_rows = some_tables(cx, file, "site");
    let sites: IdVec<Option<Site>> =
        site_rows.iter().map(|row| site::site(cx, row, days)).collect();
    let phase_rows = some_tables(cx, file, "phase");
    let mut hardware = IdVec::new();
    let mut refreshes = Vec::new();
    let phases: Vec<Option<Phase>> = phase_rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let mut phase = phase(cx, row, (&site_rows, &sites), &own, &mut hardware)?;
            if row.has("refresh") {
                let id = Id::from_index(index);
                refreshes.push(refresh(cx, row, &mut phase, id, &own, &mut hardware)?);
            }
            check::cancelled(cx, &phase, row);
            check::inside(
                cx,
                &format!("phase `{}`", phase.name),
                phase.first_rack,
                row.span("first_rack"),
                horizon,
            );
            Some(phase)
        })
        .collect();
    let placed: Vec<_> = phases
        .iter()
        .zip(&phase_rows)
        .filter_map(|(phase, row)| Some(Placed { phase: phase.as_ref()?, row }))
        .collect();
    check::capacity(cx, &sites, &placed);

    let service_rows = file.tables(cx, "service");
    let services: IdVec<_> =
        service_rows.iter().filter_map(|row| service::service(cx, row, &own)).collect();
    if let (Some(start), Some(end)) = (start, horizon) {
        services.iter().for_each(|service| check::growth(cx, service, start, end));
    }
    let training_rows = file.tables(cx, "training");
    let mut trainings = IdVec::new();
    for row in &training_rows {
        if let Some(training) = service::training(cx, row, &own, start) {
            let what = format!("training `{}`", training.name);
            check::inside(cx, &what, training.from, row.span("from"), horizon);
            trainings.push(training);
        }
    }
    for rows in [&site_rows, &phase_rows, &service_rows, &training_rows] {
        check::duplicates(cx, rows);
    }

    let curtailments =
        energy::curtailments(cx, file, &sites, days, |cx, row| site_of(cx, row, &site_rows));
    let economics = money::economics(cx, file);
    let event_rows = file.tables(cx, "event");
    let events = money::events(cx, &event_rows);
    let currencies = money::currencies(cx, file);
    let contract_rows = file.tables(cx, "contract");
    check::duplicates(cx, &contract_rows);
    let called = |(index, row): (usize, &Row<'_>)| {
        row.plain_text("name").map_or_else(|| format!("contract {}", index + 1), str::to_owned)
    };
    let names: Vec<String> = contract_rows.iter().enumerate().map(called).collect();
    let deal_rows: Vec<&Row<'_>> = contract_rows.iter().filter(|row| money::is_deal(row)).collect();
    let deal_names: Vec<String> = contract_rows
        .iter()
        .zip(&names)
        .filter(|(row, _)| money::is_deal(row))
        .map(|(_, name)| name.clone())
        .collect();
    let terms = Terms {
        start: start.unwrap_or(jiff::civil::Date::ZERO),
        sites: &sites,
        services: &services,
        events: events.as_deref().unwrap_or_default(),
        currencies: currencies.as_deref().unwrap_or_default(),
        price_year: economics.as_ref().map_or(0, |economics| economics.price_year),
        inflation: economics.as_ref().map_or(0.0, |economics| economics.inflation_per_year),
        deals: &deal_names,
    };
    let (mut contracts, mut payments, mut deals) = (Vec::new(), Vec::new(), IdVec::new());
    for (row, name) in contract_rows.iter().zip(&names) {
        match money::contract(cx, row, name, &terms) {
            Some(Paid::ByPower(contract)) => {
                check::steps(cx, &contract, &placed, &sites, row.span("for_each"));
                contracts.push(contract);
            }
            Some(Paid::OnDate(payment)) => payments.push(payment),
            Some(Paid::OverTime(deal)) => {
                deals.push(deal);
            }
            None => {}
        }
    }
    if !cx.sampling() {
        let of_deals = deals.iter().flat_map(|deal: &Deal| [deal.from.as_str(), &deal.to]);
        let steps = contracts.iter().flat_map(|of: &Contract| [of.from.as_str(), &of.to]);
        let at_once = payments.iter().flat_map(|of: &Payment| [of.from.as_str(), &of.to]);
        money::defaults(cx, &event_rows, of_deals.chain(steps).chain(at_once));
    }
    // Only if all of them were read do their numbers mean what they say.
    if deals.len() == deal_rows.len() {
        money::circles(cx, &deals, &deal_rows);
    }
    let targets = target::targets(cx, file, &trainings);
    let uncertainty = correlation::uncertainty(cx, file);

    Some(Factory {
        name: name?,
        start: start?,
        end: end?,
        seed: seed?,
        weather: cx.weather(),
        sites: sites.iter().cloned().collect::<Option<_>>()?,
        hardware,
        phases: phases.into_iter().chain(refreshes.into_iter().map(Some)).collect::<Option<_>>()?,
        services,
        trainings,
        curtailments: curtailments?,
        contracts,
        payments,
        deals,
        events: events?,
        economics: economics?,
        targets: targets?,
        uncertainty: uncertainty?,
    })
}

/// The tables of an array that may not be empty.
fn some_tables<'a>(cx: &mut Context<'_>, file: &Row<'a>, key: &str) -> Vec<Row<'a>> {
    let empty = |value: &row::Value<'_>| value.get_ref().as_array().is_some_and(|a| a.is_empty());
    if file.raw(key).is_some_and(empty) {
        cx.error(
            file.span(key),
            format!("there is no {key}"),
            "at least one is needed",
            format!("add a `[[{key}]]`"),
        );
    }
    file.tables(cx, key)
}

/// One `[[phase]]` with everything it names.
fn phase(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    (site_rows, sites): (&[Row<'_>], &IdVec<Option<Site>>),
    own: &Own,
    hardware: &mut IdVec<Hardware>,
) -> Option<Phase> {
    let delivery = site::delivery(cx, row);
    let site = site_of(cx, row, site_rows);
    let (machine, unit_power) = machine(cx, row, own)?;
    let (delivery, site) = (delivery?, site?);
    let system = machine.system.id.clone();
    let mut place = |machine| placed(hardware, machine);
    let ordered = (place(machine), unit_power);
    let mut delivery = delivery;
    let (mut chosen, mut options) = (ordered, Vec::new());
    let mut written = row.span("first_rack");
    if row.has("substitute") {
        let Substitute { machine, unit_power, if_after, first_rack, span } =
            substitute(cx, row, own)?;
        let other = (place(machine), unit_power);
        options = vec![ordered, other];
        let days = jiff::Span::new().days(delivery.slip.as_days().floor() as i64);
        if delivery.first_rack.saturating_add(days) > if_after {
            chosen = other;
            (delivery.first_rack, delivery.slip) = (first_rack, Seconds::ZERO);
            written = span;
        }
    }
    let (hardware, unit_power) = chosen;
    let phase = Phase {
        name: delivery.name,
        site: Id::from_index(site),
        hardware,
        power: delivery.power,
        basis: delivery.basis,
        options,
        unit_power,
        beside: delivery.beside,
        oversubscription: delivery.oversubscription,
        first_rack: delivery.first_rack,
        ramp: delivery.ramp,
        slip: delivery.slip,
        chains: delivery.chains,
        cancelled: delivery.cancelled,
        retire: delivery.retire,
        resale: None,
        refreshes: None,
        source: delivery.source,
    };
    if let Some(site) = &sites[Id::from_index(site)] {
        check::energized(cx, site, &phase, written);
        check::one_unit(cx, site, &phase, &system, row);
    }
    Some(phase)
}

/// The machine that a row has under `system`, and what is provisioned for a unit of it.
fn machine(cx: &mut Context<'_>, row: &Row<'_>, own: &Own) -> Option<(Hardware, Power)> {
    let stated = row.quantity(cx, "unit_power");
    let system = row.text(cx, "system");
    let machine = system.and_then(|name| own.hardware(cx, row, "system", &name))?;
    let unit_power = stated.or(machine.system.power_max).or(machine.system.power_typical);
    if unit_power.is_none() && !row.has("unit_power") {
        cx.error(
            row.span("system"),
            format!("no source states the power of one `{}`", machine.system.id),
            "its power is needed",
            "state `unit_power`, such as `unit_power = \"190 kW\"`",
        );
    }
    let unit_power = unit_power?;
    let key = if stated.is_some() { "unit_power" } else { "system" };
    check::unit_power(cx, &machine, unit_power, row.span(key));
    let machine = check::limited(cx, machine, unit_power, row.span("system"));
    Some((machine, unit_power))
}

/// Where a machine stands among those of the file.
fn placed(hardware: &mut IdVec<Hardware>, machine: Hardware) -> Id<Hardware> {
    hardware.find(|known| *known == machine).unwrap_or_else(|| hardware.push(machine))
}

/// What takes the place of `phase`, which then ends at an age.
fn refresh(
    cx: &mut Context<'_>,
    phase_row: &Row<'_>,
    phase: &mut Phase,
    id: Id<Phase>,
    own: &Own,
    hardware: &mut IdVec<Hardware>,
) -> Option<Phase> {
    let row = phase_row.table(cx, "refresh")?;
    let at = row.quantity::<Seconds>(cx, "at");
    let residual = row.number(cx, "residual");
    let downtime = row.quantity::<Seconds>(cx, "downtime");
    let _ = row.text(cx, "source");
    if phase_row.has("retire") {
        cx.error(
            phase_row.span("retire"),
            "both `retire` and `refresh`",
            "its age is said already",
            "keep `refresh` if others take its place, or else `retire`",
        );
        return None;
    }
    if row.has("unit_power") && !row.has("system") {
        cx.error(
            row.span("unit_power"),
            "`unit_power` without `system`",
            "of the same again it is known",
            "add `system`, or take `unit_power` away",
        );
        return None;
    }
    let (kind, unit_power) = match row.has("system") {
        true => {
            let (machine, unit_power) = machine(cx, &row, own)?;
            (placed(hardware, machine), unit_power)
        }
        false => (phase.hardware, phase.unit_power),
    };
    let whole_days = |span: Seconds| span.as_days().floor();
    let (age, gap) = (whole_days(at?).max(1.0), whole_days(downtime?));
    let later = |day: Date| day.saturating_add(jiff::Span::new().days((age + gap) as i64));
    phase.retire = Some(Seconds::from_days(age));
    phase.resale = Some(residual?);
    Some(Phase {
        name: format!("{}, refreshed", phase.name),
        hardware: kind,
        options: Vec::new(),
        unit_power,
        first_rack: later(phase.first_rack),
        chains: phase
            .chains
            .iter()
            .map(|chain| wattmill_factory::Chain { ready: later(chain.ready), ..chain.clone() })
            .collect(),
        cancelled: phase.cancelled.map(later),
        retire: None,
        resale: None,
        refreshes: Some(id),
        ..phase.clone()
    })
}

/// What comes in place of a phase's system.
struct Substitute {
    machine: Hardware,
    /// Provisioned for a unit of it.
    unit_power: Power,
    /// Day of the other after which it comes.
    if_after: Date,
    /// From when on it comes, and where that is written.
    first_rack: Date,
    span: Range<usize>,
}

fn substitute(cx: &mut Context<'_>, phase: &Row<'_>, own: &Own) -> Option<Substitute> {
    let row = phase.table(cx, "substitute")?;
    let machine = machine(cx, &row, own);
    let if_after = row.date(cx, "if_after");
    let key = if row.has("first_rack") { "first_rack" } else { "if_after" };
    let first_rack = row.date(cx, key);
    let (machine, unit_power) = machine?;
    Some(Substitute {
        machine,
        unit_power,
        if_after: if_after?,
        first_rack: first_rack?,
        span: row.span(key),
    })
}

/// Which of the sites a phase stands on.
fn site_of(cx: &mut Context<'_>, row: &Row<'_>, sites: &[Row<'_>]) -> Option<usize> {
    let wanted = row.text(cx, "site")?;
    let names = || sites.iter().filter_map(|site| site.plain_text("name"));
    let found = sites.iter().position(|site| site.plain_text("name") == Some(&wanted));
    if found.is_none() {
        let meant = cx.closest(&wanted, names());
        let all: Vec<_> = names().map(|name| format!("`{name}`")).collect();
        cx.missing(
            row.span("site"),
            format!("there is no site `{wanted}`"),
            meant.map_or("no such `[[site]]`".to_owned(), |m| format!("did you mean `{m}`?")),
            match all.is_empty() {
                true => "add a `[[site]]` of that name".to_owned(),
                false => format!("sites of this file: {}", all.join(", ")),
            },
        );
    }
    found
}

/// Reports a name that no row of `kind` has; `near` are names it may have meant.
fn not_known(cx: &mut Context<'_>, span: Range<usize>, kind: Kind, name: &str, near: Vec<String>) {
    let label = match near.first() {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("no such {kind}"),
    };
    let help = match kind {
        Kind::Lengths | Kind::Shape => {
            let all: Vec<_> = cx.catalog.ids(kind).iter().map(|id| format!("`{id}`")).collect();
            format!("the catalogue has {}", all.join(", "))
        }
        _ => format!(
            "`wattmill catalog list` shows every {kind}; describe your own in `[{kind}.NAME]`"
        ),
    };
    cx.error(span, format!("unknown {kind} `{name}`"), label, help);
}
