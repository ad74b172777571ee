//! Sun, wind, storage, tariffs, cooling, and `[[curtailment]]`.

use jiff::civil::{Date, DateTime, Time};
use wattmill_factory::{
    Answer, Battery, Clock, Cooling, Curtailment, Hourly, Outlay, Period, Site, Solar,
    SolarWeather, SummerTime, Temperature, Wind, WindWeather,
};
use wattmill_units::{CarbonIntensity, EnergyPrice, Id, IdVec, Seconds};

use super::context::Context;
use super::hourly::{Column, Days};
use super::row::Row;

const FRACTION: (f64, f64) = (0.0, 1.0);

/// What a grid's energy costs and emits in each hour, and on average.
pub(super) struct Rates {
    pub price: EnergyPrice,
    pub carbon: CarbonIntensity,
    pub hourly_price: Option<Hourly>,
    pub hourly_carbon: Option<Hourly>,
    pub periods: Vec<Period>,
}

/// Prices and carbon of a `grid`.
pub(super) fn rates(cx: &mut Context<'_>, row: &Row<'_>, days: Option<Days>) -> Option<Rates> {
    let price = row.quantity::<EnergyPrice>(cx, "price");
    let carbon = row.quantity::<CarbonIntensity>(cx, "carbon");
    let columns = [
        Column { name: "price_usd_per_mwh", within: (-10_000.0, 100_000.0) },
        Column { name: "carbon_g_per_kwh", within: (0.0, 2000.0) },
    ];
    let [mut hourly_price, hourly_carbon] = row.hours(cx, columns, days);
    let period_rows = row.tables(cx, "period");
    let periods: Vec<Period> = period_rows.iter().filter_map(|row| period(cx, row)).collect();
    for (key, there) in [("price", hourly_price.is_some()), ("carbon", hourly_carbon.is_some())] {
        // A file with problems of its own may have held it.
        let told = row.has_hours() && hourly_price.is_none() && hourly_carbon.is_none();
        if !there && !told && !row.has_or_means(key) {
            cx.missing(
                row.header(),
                format!("site.grid has no `{key}`"),
                format!("`{key}` is needed here"),
                format!("add `{key} = {}`, or a file under `hourly` that has it", row.example(key)),
            );
        }
    }
    if hourly_price.is_some() && !periods.is_empty() {
        cx.error(
            row.span("period"),
            "both `period` and a file with prices",
            "what an hour costs is said already",
            "keep one of them",
        );
    }
    if let (Some(price), Some(hours)) = (price, &mut hourly_price) {
        let mean = row.plan_mean(cx, "price_usd_per_mwh").unwrap_or_else(|| hours.mean());
        if mean <= 0.0 {
            cx.error(
                row.span("price"),
                format!("the prices of the file are {mean} USD/MWh on average"),
                "they cannot be scaled to this mean",
                "take `price` away: those of the file hold as they are",
            );
        } else {
            let factor = price.as_usd_per_mwh() / mean;
            *hours = Hourly(hours.0.iter().map(|hour| hour * factor).collect());
        }
    }
    if carbon.is_some() && hourly_carbon.is_some() {
        cx.error(
            row.span("carbon"),
            "both `carbon` and a file with carbon intensities",
            "what an hour emits is said already",
            "keep one of them",
        );
    }
    let mean_price = hourly_price.as_ref().map(|h| EnergyPrice::from_usd_per_mwh(h.mean()));
    let mean_carbon = hourly_carbon.as_ref().map(|h| CarbonIntensity::from_g_per_kwh(h.mean()));
    if periods.len() < period_rows.len() {
        return None;
    }
    Some(Rates {
        price: price.or(mean_price)?,
        carbon: carbon.or(mean_carbon)?,
        hourly_price,
        hourly_carbon,
        periods,
    })
}

fn period(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Period> {
    let price = row.quantity(cx, "price");
    let months = row.wholes(cx, "months");
    let (from, to) = (row.whole(cx, "from"), row.whole(cx, "to"));
    let days = row.choice(cx, "days");
    let small = |number: u64| i8::try_from(number).ok();
    Some(Period {
        price: price?,
        months: months?.into_iter().filter_map(small).collect(),
        from: small(from?)?,
        to: small(to?)?,
        workdays: days? == "workdays",
    })
}

/// The `solar` of a site at a place, if it has one.
pub(super) fn solar(
    cx: &mut Context<'_>,
    site: &Row<'_>,
    place: Option<(f64, f64)>,
    days: Option<Days>,
) -> Option<Solar> {
    let row = site.table(cx, "solar")?;
    let capacity = row.quantity(cx, "capacity");
    let from = first_day(cx, &row, days);
    let price = row.quantity(cx, "price");
    let clearness = row.number(cx, "clearness");
    let mount = row.choice(cx, "mount");
    let outlay = outlay(cx, &row);
    let _ = row.text(cx, "source");
    let [share] = row.hours(cx, [Column { name: "solar_fraction", within: FRACTION }], days);
    let weather = if row.has_hours() {
        beside_a_file(cx, &row, &["clearness", "mount"]);
        share.map(SolarWeather::Profile)
    } else {
        needs_place(cx, &row, site, "the sun's path");
        let (latitude, longitude) = place?;
        let tracking = mount? == "tracking";
        Some(SolarWeather::Modelled { latitude, longitude, clearness: clearness?, tracking })
    };
    Some(Solar {
        capacity: capacity?,
        from: from?,
        price: price?,
        outlay: outlay?,
        weather: weather?,
    })
}

/// The `wind` of a site, if it has one.
pub(super) fn wind(cx: &mut Context<'_>, site: &Row<'_>, days: Option<Days>) -> Option<Wind> {
    let row = site.table(cx, "wind")?;
    let capacity = row.quantity(cx, "capacity");
    let from = first_day(cx, &row, days);
    let price = row.quantity(cx, "price");
    let speed = row.measured(cx, "speed", |text| text);
    let shape = row.number(cx, "shape");
    let persistence = row.number(cx, "persistence");
    let outlay = outlay(cx, &row);
    let _ = row.text(cx, "source");
    let [share] = row.hours(cx, [Column { name: "wind_fraction", within: FRACTION }], days);
    let weather = if row.has_hours() {
        beside_a_file(cx, &row, &["speed", "shape", "persistence"]);
        share.map(WindWeather::Profile)
    } else {
        if !row.has_or_means("speed") {
            cx.missing(
                row.header(),
                "site.wind has no `speed`",
                "how much wind there is, is needed here",
                format!("add `speed = {}`, or a file under `hourly`", row.example("speed")),
            );
        }
        let (shape, persistence) = (shape?, persistence?);
        Some(WindWeather::Modelled { mean_m_per_s: speed?, shape, persistence })
    };
    Some(Wind {
        capacity: capacity?,
        from: from?,
        price: price?,
        outlay: outlay?,
        weather: weather?,
    })
}

/// Reports keys of the model where a file says it all.
fn beside_a_file(cx: &mut Context<'_>, row: &Row<'_>, keys: &[&str]) {
    for key in keys.iter().filter(|key| row.has(key)) {
        cx.error(
            row.span(key),
            format!("both `hourly` and `{key}`"),
            "the file says how much there is",
            "keep one of them",
        );
    }
}

fn needs_place(cx: &mut Context<'_>, row: &Row<'_>, site: &Row<'_>, what: &str) {
    if !site.has_or_means("latitude") || !site.has_or_means("longitude") {
        cx.missing(
            row.header(),
            format!("{what} needs the site's place"),
            "modelled, as there is no file",
            "add `latitude` and `longitude` to the site, or a file under `hourly`",
        );
    }
}

fn first_day(cx: &mut Context<'_>, row: &Row<'_>, days: Option<Days>) -> Option<Date> {
    if row.has("from") { row.date(cx, "from") } else { days.map(|days| days.start) }
}

/// The `battery` of a site, if it has one.
pub(super) fn battery(cx: &mut Context<'_>, site: &Row<'_>, days: Option<Days>) -> Option<Battery> {
    let row = site.table(cx, "battery")?;
    let energy = row.quantity(cx, "energy");
    let power = row.quantity(cx, "power");
    let efficiency = efficiency(cx, &row);
    let from = first_day(cx, &row, days);
    let start = row.number(cx, "start");
    let reserve = row.number(cx, "reserve");
    let fade_per_year = row.measured(cx, "fade", |text| text);
    let cycles = row.count(cx, "cycles");
    let charge_below = row.quantity::<EnergyPrice>(cx, "charge_below");
    let discharge_above = row.quantity::<EnergyPrice>(cx, "discharge_above");
    let shave_above = row.quantity(cx, "shave_above");
    let outlay = outlay(cx, &row);
    let _ = row.text(cx, "source");
    if let (Some(low), Some(high)) = (charge_below, discharge_above)
        && low > high
    {
        cx.error(
            row.span("charge_below"),
            format!("`charge_below` {low} is above `discharge_above` {high}"),
            "it would buy dear and give cheap",
            "lower `charge_below`, or raise `discharge_above`",
        );
    }
    if row.has("cycles") && cycles.is_none() {
        return None;
    }
    Some(Battery {
        energy: energy?,
        power: power?,
        efficiency: efficiency?,
        from: from?,
        start: start?,
        reserve: reserve?,
        fade_per_year: fade_per_year?,
        cycles: cycles.unwrap_or(f64::INFINITY),
        charge_below,
        discharge_above,
        shave_above,
        outlay: outlay?,
    })
}

/// What it costs to build, and for how long it stands.
pub(super) fn outlay(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Outlay> {
    let (capital, life) = (row.quantity(cx, "capital"), row.quantity(cx, "life"));
    Some(Outlay { capital: capital?, life: life? })
}

/// The round trip, with a word of its own for what nature does not allow.
fn efficiency(cx: &mut Context<'_>, row: &Row<'_>) -> Option<f64> {
    let written = row.raw("efficiency");
    let above = written.filter(|value| super::row::bare(value.get_ref()).is_some_and(|e| e > 1.0));
    if let Some(value) = above {
        cx.error(
            value.span(),
            format!("a battery of efficiency {} creates energy", super::row::shown(value)),
            "more comes out than goes in",
            "write the share that comes out again, at most 1: `efficiency = 0.86`, or `\"86 %\"`",
        );
        return None;
    }
    row.number(cx, "efficiency")
}

/// The `clock` of a site, or UTC.
pub(super) fn clock(cx: &mut Context<'_>, site: &Row<'_>) -> Option<Clock> {
    if !site.has("clock") {
        return Some(Clock::default());
    }
    let row = site.table(cx, "clock")?;
    let offset = row.quantity(cx, "utc_offset");
    let summer = row.choice(cx, "summer_time").map(|word| match word {
        "us" => SummerTime::UnitedStates,
        "europe" => SummerTime::Europe,
        _ => SummerTime::Never,
    });
    Some(Clock { offset: offset?, summer: summer? })
}

/// How the overhead of a site goes: its `pue` and its `climate`.
pub(super) fn cooling(
    cx: &mut Context<'_>,
    site: &Row<'_>,
    pue: &Row<'_>,
    place: Option<(f64, f64)>,
    days: Option<Days>,
) -> Option<Cooling> {
    let fixed = pue.number(cx, "fixed");
    let per_degree = pue.measured(cx, "per_degree", |text| text);
    let free_below_c = pue.measured(cx, "free_below", |text| text);
    let temperature = match site.has("climate") {
        true => Some(climate(cx, site, place, days)?),
        false => None,
    };
    if per_degree.is_some_and(|share| share > 0.0) && !site.has_or_means("climate") {
        cx.missing(
            pue.span("per_degree"),
            "`per_degree` needs to know how warm it is",
            "degrees of what?",
            format!("add `climate = {}` to the site", site.example("climate")),
        );
    }
    Some(Cooling {
        fixed: fixed?,
        per_degree: per_degree?,
        free_below_c: free_below_c?,
        temperature,
    })
}

fn climate(
    cx: &mut Context<'_>,
    site: &Row<'_>,
    place: Option<(f64, f64)>,
    days: Option<Days>,
) -> Option<Temperature> {
    let row = site.table(cx, "climate")?;
    let mean = row.measured(cx, "mean", |text| text);
    let (season, day) =
        (row.measured(cx, "season", |text| text), row.measured(cx, "day", |text| text));
    let [hours] = row.hours(cx, [Column { name: "temperature_c", within: (-90.0, 60.0) }], days);
    if row.has_hours() {
        beside_a_file(cx, &row, &["mean", "season", "day"]);
        return hours.map(Temperature::Profile);
    }
    if !row.has_or_means("mean") {
        cx.missing(
            row.header(),
            "site.climate has no `mean`",
            "how warm it is, is needed here",
            format!("add `mean = {}`, or a file under `hourly`", row.example("mean")),
        );
    }
    needs_place(cx, &row, site, "the wave of the year");
    let (latitude, _) = place?;
    Some(Temperature::Modelled { mean_c: mean?, season_k: season?, day_k: day?, latitude })
}

/// Every `[[curtailment]]`; `site_of` finds the site that one names.
pub(super) fn curtailments(
    cx: &mut Context<'_>,
    file: &Row<'_>,
    sites: &IdVec<Option<Site>>,
    days: Option<Days>,
    site_of: impl Fn(&mut Context<'_>, &Row<'_>) -> Option<usize>,
) -> Option<Vec<Curtailment>> {
    let rows = file.tables(cx, "curtailment");
    let mut all = Vec::new();
    for row in &rows {
        let site = site_of(cx, row);
        let at = row.moment(cx, "at");
        let length = row.quantity::<Seconds>(cx, "for");
        let cut = row.number(cx, "cut");
        let answers = row.words(cx, "answers");
        let _ = row.text(cx, "source");
        if length.is_some_and(|length| length <= Seconds::ZERO) {
            cx.error(
                row.span("for"),
                "a curtailment of no time",
                "nothing is asked",
                format!("write how long it is, like `for = {}`", row.example("for")),
            );
        }
        if let (Some(at), Some(length), Some(days)) = (at, length, days) {
            heard(cx, row, (at, length), days);
        }
        if let Some(Some(named)) = site.map(|site| &sites[Id::from_index(site)])
            && named.grid.is_none()
        {
            cx.error(
                row.span("site"),
                format!("site `{}` has no grid", named.name),
                "nobody can ask it for less",
                "add `grid` to the site, or take the curtailment away",
            );
        }
        let known = |word: &&str| Answer::named(word);
        all.push((|| {
            Some(Curtailment {
                site: Id::from_index(site?),
                at: at?,
                length: length?,
                cut: cut?,
                answers: answers?.iter().filter_map(known).collect(),
            })
        })());
    }
    all.into_iter().collect()
}

/// Says so if nobody is there to hear what the grid asks.
fn heard(cx: &mut Context<'_>, row: &Row<'_>, (at, length): (DateTime, Seconds), days: Days) {
    let hours = jiff::Span::new().hours(libm::ceil(length.as_hours()) as i64);
    let over = at.saturating_add(hours);
    let first = days.start.to_datetime(Time::midnight());
    let (message, help) = if at.date() > days.end {
        ("a curtailment after the plan ends", format!("the plan ends on {}", days.end))
    } else if over <= first {
        ("a curtailment before the plan starts", format!("the plan starts on {}", days.start))
    } else {
        return;
    };
    let help = format!("{help}; move one of them, or take it away");
    cx.warning(row.span("at"), message, "never seen", help);
}

#[cfg(test)]
mod tests;
