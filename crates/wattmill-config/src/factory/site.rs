//! `[[site]]` and `[[phase]]`.

use jiff::civil::Date;
use wattmill_factory::{Chain, Export, Grid, Onsite, PowerBasis, Pue, Site};
use wattmill_units::{Power, Seconds};

use super::context::Context;
use super::energy;
use super::hourly::Days;
use super::row::Row;

/// A site; generation without a date is there from the first of `days`.
pub(super) fn site(cx: &mut Context<'_>, row: &Row<'_>, days: Option<Days>) -> Option<Site> {
    let plan_start = days.map(|days| days.start);
    let name = row.text(cx, "name");
    let location = location(cx, row);
    let grid_row = row.table(cx, "grid");
    let grid = grid_row.as_ref().and_then(|row| grid(cx, row, days));
    let onsite_rows = row.tables(cx, "onsite");
    let onsite: Vec<Onsite> =
        onsite_rows.iter().filter_map(|row| onsite(cx, row, plan_start)).collect();
    let powered = row.has_or_means("grid") || row.has_or_means("onsite");
    if !powered {
        cx.missing(
            row.header(),
            "site has no power",
            "`grid` or `onsite` is needed here",
            "such as `grid = { connection = \"100 MW\", energized = 2026-10-01, \
             price = \"47 USD/MWh\", carbon = \"299 g/kWh\" }`",
        );
    }
    let (solar, wind) = (energy::solar(cx, row, location, days), energy::wind(cx, row, days));
    let battery = energy::battery(cx, row, days);
    let clock = energy::clock(cx, row);
    let water_l_per_kwh = row.measured(cx, "water", |text| text);
    let pue_row = row.table_or_defaults(cx, "pue");
    let cooling = pue_row.as_ref().and_then(|pue| energy::cooling(cx, row, pue, location, days));
    let pue = pue_row.and_then(|row| pue(cx, &row));
    let source = row.text(cx, "source");
    // A part of its power would make phases look too large.
    let complete = powered
        && grid.is_some() == row.has_or_means("grid")
        && onsite.len() == onsite_rows.len()
        && solar.is_some() == row.has("solar")
        && wind.is_some() == row.has("wind")
        && battery.is_some() == row.has("battery");
    let site = Site {
        name: name?,
        location,
        grid,
        onsite,
        solar,
        wind,
        battery,
        clock: clock?,
        pue: pue?,
        cooling: cooling?,
        water_l_per_kwh,
        source,
    };
    complete.then_some(site)
}

fn location(cx: &mut Context<'_>, row: &Row<'_>) -> Option<(f64, f64)> {
    let (latitude, longitude) = (row.number(cx, "latitude"), row.number(cx, "longitude"));
    for (one, other) in [("latitude", "longitude"), ("longitude", "latitude")] {
        if row.has(one) && !row.has_or_means(other) {
            cx.missing(
                row.span(one),
                format!("`{one}` without `{other}`"),
                "half a place",
                format!("add `{other}`, or leave both out"),
            );
        }
    }
    latitude.zip(longitude)
}

fn grid(cx: &mut Context<'_>, row: &Row<'_>, days: Option<Days>) -> Option<Grid> {
    let connection = row.quantity(cx, "connection");
    let energized = row.date(cx, "energized");
    let rows = row.tables(cx, "step");
    let mut steps: Vec<(Date, Power)> = Vec::new();
    let mut complete = true;
    for row in &rows {
        let Some((from, connection)) = step(cx, row, energized) else {
            complete = false;
            continue;
        };
        // Draws may meet: then the later one in the file holds.
        if !cx.sampling() && steps.iter().any(|(other, _)| *other == from) {
            cx.error(
                row.span("from"),
                format!("a second step of the connection on {from}"),
                "which of them holds?",
                "keep one of them, or move the other to its day",
            );
        }
        steps.push((from, connection));
    }
    let rates = energy::rates(cx, row, days);
    let demand_usd_per_kw = row.measured(cx, "demand_charge", |text| text);
    let export = match row.table(cx, "export") {
        Some(row) => Some(export(cx, &row)?),
        None if row.has("export") => return None,
        None => None,
    };
    let rates = rates?;
    if !complete {
        return None;
    }
    Some(Grid {
        connection: connection?,
        energized: energized?,
        steps,
        price: rates.price,
        carbon: rates.carbon,
        periods: rates.periods,
        hourly_price: rates.hourly_price,
        hourly_carbon: rates.hourly_carbon,
        demand_usd_per_kw: demand_usd_per_kw?,
        export,
    })
}

fn step(cx: &mut Context<'_>, row: &Row<'_>, energized: Option<Date>) -> Option<(Date, Power)> {
    let from = row.date(cx, "from");
    let connection = row.quantity(cx, "connection");
    let _ = row.text(cx, "source");
    // A draw may bring it forward: then it comes with the power.
    if let (Some(first), Some(day), false) = (energized, from, cx.sampling())
        && day <= first
    {
        cx.error(
            row.span("from"),
            format!("a step of the connection on {day}, which has power from {first} on"),
            "nothing is there to change",
            "write what it carries first under `connection`, and later days in `step`",
        );
    }
    Some((from?, connection?))
}

fn export(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Export> {
    let most = row.quantity(cx, "most");
    let price = row.quantity(cx, "price");
    let _ = row.text(cx, "source");
    Some(Export { most: most?, price })
}

fn onsite(cx: &mut Context<'_>, row: &Row<'_>, plan_start: Option<Date>) -> Option<Onsite> {
    let kind = row.text(cx, "kind");
    let capacity = row.quantity(cx, "capacity");
    let from = if row.has("from") { row.date(cx, "from") } else { plan_start };
    let price = row.quantity(cx, "price");
    let carbon = row.quantity(cx, "carbon");
    let outlay = energy::outlay(cx, row);
    Some(Onsite {
        kind: kind?,
        capacity: capacity?,
        from: from?,
        price: price?,
        carbon: carbon?,
        outlay: outlay?,
    })
}

fn pue(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Pue> {
    let (design, annual) = (row.number(cx, "design"), row.number(cx, "annual"));
    let (design, annual) = (design?, annual?);
    if design < annual {
        let (at, other) =
            if row.has("design") { ("design", "annual") } else { ("annual", "design") };
        cx.error(
            row.span(at),
            format!("`design` PUE {design} is below `annual` PUE {annual}"),
            "the peak cannot be better than the year",
            format!("`design` is at least `annual`; correct `{at}` or `{other}`"),
        );
    }
    Some(Pue { design, annual })
}

/// A phase but for what it names.
#[derive(Debug)]
pub(super) struct Delivery {
    pub name: String,
    pub power: Power,
    pub basis: PowerBasis,
    pub beside: f64,
    pub oversubscription: f64,
    pub first_rack: Date,
    pub ramp: Seconds,
    pub slip: Seconds,
    pub chains: Vec<Chain>,
    pub cancelled: Option<Date>,
    pub retire: Option<Seconds>,
    pub source: Option<String>,
}

/// One `[[phase]]` but for what it names.
pub(super) fn delivery(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Delivery> {
    let name = row.text(cx, "name");
    let power = row.quantity(cx, "power");
    let basis = row.choice(cx, "basis").map(|word| match word {
        "it" => PowerBasis::It,
        _ => PowerBasis::Facility,
    });
    let beside = row.number(cx, "beside");
    let oversubscription = row.number(cx, "oversubscription");
    let first_rack = row.date(cx, "first_rack");
    let ramp = row.quantity(cx, "ramp");
    let slip = row.quantity(cx, "slip");
    let chain_rows = row.tables(cx, "chain");
    let chains: Vec<Option<Chain>> = chain_rows.iter().map(|row| chain(cx, row)).collect();
    let cancelled = row.date(cx, "cancelled");
    let retire = row.quantity(cx, "retire");
    let source = row.text(cx, "source");
    Some(Delivery {
        name: name?,
        power: power?,
        basis: basis?,
        beside: beside?,
        oversubscription: oversubscription?,
        first_rack: first_rack?,
        ramp: ramp?,
        slip: slip?,
        chains: chains.into_iter().collect::<Option<_>>()?,
        cancelled,
        retire,
        source,
    })
}

/// Something a phase needs.
fn chain(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Chain> {
    let needs = row.text(cx, "needs");
    let ready = row.date(cx, "ready");
    let ordered = row.date(cx, "ordered");
    let lead = row.quantity::<Seconds>(cx, "lead");
    let delay = row.quantity(cx, "delay");
    let ramp = row.quantity(cx, "ramp");
    let _ = row.text(cx, "source");
    let order = ["ordered", "lead"];
    if let (true, Some(other)) = (row.has("ready"), order.into_iter().find(|key| row.has(key))) {
        cx.error(
            row.span(other),
            format!("both `ready` and `{other}`"),
            "when it is ready is said already",
            "keep `ready`, or `ordered` with `lead`",
        );
        return None;
    }
    let absent = order.into_iter().find(|key| !row.has_or_means(key));
    if let (false, Some(key)) = (row.has_or_means("ready"), absent) {
        cx.missing(
            row.header(),
            format!("phase.chain has no `{key}`"),
            "when it is ready is needed here",
            "write `ready = 2027-06-30`, or `ordered = 2025-01-01` with `lead = \"128 weeks\"`",
        );
    }
    let delivered = || {
        let days = (lead?.as_days()).floor() as i64;
        Some(ordered?.saturating_add(jiff::Span::new().days(days)))
    };
    Some(Chain { needs: needs?, ready: ready.or_else(delivered)?, delay: delay?, ramp: ramp? })
}
