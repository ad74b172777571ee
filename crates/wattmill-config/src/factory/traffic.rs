//! `users` of a service.

use toml::de::DeValue;
use wattmill_catalog::{Kind, Model};
use wattmill_factory::{Arrivals, LengthTable, Lengths, Region, Traffic};

use super::context::Context;
use super::row::{Row, Value, bare};

/// Messages a weekly user sends in a day where the file states no total: 18 billion messages a
/// week of 700 million users (NBER, How People Use ChatGPT, 2025-07).
const MESSAGES_PER_WEEKLY_USER_AND_DAY: f64 = 3.7;

/// Keys that state how much is asked.
const AMOUNTS: [&str; 3] = ["messages_per_day", "requests_per_day", "tokens_per_day"];

/// Who asks how much. `model` limits how long a request can be.
pub(super) fn traffic(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    model: Option<&Model>,
) -> Option<Traffic> {
    let at = row.header().start;
    let lengths = cx.known_lengths(at).or_else(|| lengths(cx, row));
    if let (Some(lengths), false) = (&lengths, cx.sampling()) {
        cx.lengths.insert(at, lengths.clone());
        if let Some(model) = model {
            fits_context(cx, row, lengths, model);
        }
    }
    let weekly_users = row.count(cx, "weekly");
    let requests_per_day = requests(cx, row, lengths.as_ref(), weekly_users);
    let growth = row.measured(cx, "growth", |text| text);
    let shape = shape(cx, row);
    let regions = regions(cx, row, shape.as_ref());
    let arrivals = arrivals(cx, row);
    Some(Traffic {
        requests_per_day: requests_per_day?,
        weekly_users,
        growth_per_year: growth?,
        daily_shape: by_clocks(shape?, regions.as_deref()?),
        regions: regions?,
        lengths: lengths?,
        arrivals: arrivals?,
    })
}

fn requests(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    lengths: Option<&Lengths>,
    weekly: Option<f64>,
) -> Option<f64> {
    let amounts = AMOUNTS.map(|key| row.count(cx, key));
    let written: Vec<&str> = AMOUNTS.into_iter().filter(|key| row.has(key)).collect();
    if let [first, second, ..] = written[..] {
        cx.error(
            row.span(second),
            format!("both `{first}` and `{second}`"),
            "how much is asked is said already",
            format!("keep one of {}", AMOUNTS.map(|k| format!("`{k}`")).join(", ")),
        );
        return None;
    }
    if written.is_empty() {
        if !AMOUNTS.into_iter().chain(["weekly"]).any(|key| row.has_or_means(key)) {
            cx.missing(
                row.header(),
                "nobody asks anything",
                "how much is asked is needed here",
                format!(
                    "add one of {}, such as `messages_per_day = \"2.6 G\"`, or `weekly` users",
                    AMOUNTS.map(|k| format!("`{k}`")).join(", ")
                ),
            );
        }
        return weekly.map(|users| users * MESSAGES_PER_WEEKLY_USER_AND_DAY);
    }
    let [messages, requests, tokens] = amounts;
    let per_request = |l: &Lengths| l.input.mean() + l.output.mean();
    messages.or(requests).or_else(|| Some(tokens? / per_request(lengths?)))
}

fn lengths(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Lengths> {
    let fixed = ["input_tokens", "output_tokens"];
    if let Some(value) = row.raw("lengths") {
        if let Some(key) = fixed.into_iter().find(|key| row.has(key)) {
            cx.error(
                row.span(key),
                format!("both `lengths` and `{key}`"),
                "lengths are said already",
                "keep `lengths`, or `input_tokens` with `output_tokens`",
            );
        }
        return match value.get_ref() {
            DeValue::String(name) => named_lengths(cx, value, name),
            DeValue::Table(_) => {
                let row = row.table_of(cx, "lengths")?;
                own_lengths(cx, &row)
            }
            _ => {
                row.mismatch(cx, "lengths", value);
                None
            }
        };
    }
    let [input, output] = fixed.map(|key| row.small(cx, key));
    if row.has_or_means("lengths") {
        return None;
    }
    for key in fixed.into_iter().filter(|key| !row.has_or_means(key)) {
        let written = fixed.into_iter().find(|key| row.has(key));
        let (message, label) = match written {
            Some(other) => (format!("`{other}` without `{key}`"), format!("`{key}` is needed too")),
            None => (
                "how long requests are is not said".to_owned(),
                "`lengths` is needed here".to_owned(),
            ),
        };
        let at = written.map_or_else(|| row.header(), |other| row.span(other));
        cx.missing(
            at,
            message,
            label,
            "write `lengths = \"azure-conv-2023\"`, or `input_tokens` and `output_tokens`",
        );
        if written.is_none() {
            break;
        }
    }
    let (input, output) = (input?, output?);
    Some(Lengths {
        name: format!("{input} in, {output} out"),
        input: LengthTable::fixed(input),
        output: LengthTable::fixed(output),
    })
}

fn named_lengths(cx: &mut Context<'_>, value: &Value<'_>, name: &str) -> Option<Lengths> {
    let catalog = cx.catalog;
    let Some(row) = catalog.lengths(name) else {
        let near = catalog.closest(Kind::Lengths, name).into_iter().map(str::to_owned).collect();
        super::not_known(cx, value.span(), Kind::Lengths, name, near);
        return None;
    };
    let input = LengthTable::from_quantiles(&row.input);
    let output = LengthTable::from_quantiles(&row.output);
    if input.is_none() || output.is_none() {
        cx.error(
            value.span(),
            format!("length table `{name}` of the catalogue is not a distribution"),
            "cannot be used",
            "take another, or write the quantiles here",
        );
    }
    Some(Lengths { name: row.id.clone(), input: input?, output: output? })
}

fn own_lengths(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Lengths> {
    let (input, output) = (quantiles(cx, row, "input"), quantiles(cx, row, "output"));
    Some(Lengths { name: "of the file".to_owned(), input: input?, output: output? })
}

/// A distribution of lengths by its quantiles.
pub(super) fn quantiles(cx: &mut Context<'_>, row: &Row<'_>, key: &str) -> Option<LengthTable> {
    let Some(value) = row.raw(key) else {
        row.require(cx, key);
        return None;
    };
    let pair = |value: &Value<'_>| match value.get_ref() {
        DeValue::Array(pair) if pair.len() == 2 => {
            Some((bare(pair.first()?.get_ref())?, bare(pair.get(1)?.get_ref())?))
        }
        _ => None,
    };
    let DeValue::Array(array) = value.get_ref() else {
        row.mismatch(cx, key, value);
        return None;
    };
    let points: Option<Vec<(f64, f64)>> = array.iter().map(pair).collect();
    let Some(points) = points else {
        row.mismatch(cx, key, value);
        return None;
    };
    let table = LengthTable::from_quantiles(&points);
    if table.is_none() {
        cx.error(
            value.span(),
            format!("`{key}` is not a distribution"),
            "not rising from probability 0 to 1",
            "probabilities rise from 0 to 1, tokens are at least 1 and never fall, \
             as in `[[0, 3], [0.5, 1020], [1, 4142]]`",
        );
    }
    table
}

/// A longest request that the model cannot hold is one that no engine can serve.
fn fits_context(cx: &mut Context<'_>, row: &Row<'_>, lengths: &Lengths, model: &Model) {
    let longest = u64::from(lengths.input.max()) + u64::from(lengths.output.max());
    if model.context > 0 && longest > u64::from(model.context) {
        let key = ["lengths", "input_tokens"].into_iter().find(|key| row.has(key));
        cx.error(
            row.span(key.unwrap_or("lengths")),
            format!("requests of up to {longest} tokens for `{}`", model.id),
            format!("its context is {} tokens", model.context),
            "take shorter lengths or a model of a longer context",
        );
    }
}

pub(super) fn shape(cx: &mut Context<'_>, row: &Row<'_>) -> Option<[f64; 24]> {
    const FLAT: [f64; 24] = [1.0; 24];
    let Some(value) = row.raw("shape") else {
        return Some(FLAT);
    };
    match value.get_ref() {
        DeValue::String(name) if name == "flat" => Some(FLAT),
        DeValue::String(name) => {
            let catalog = cx.catalog;
            let found = catalog.shape(name);
            if found.is_none() {
                let near = catalog.closest(Kind::Shape, name).into_iter().map(str::to_owned);
                super::not_known(cx, value.span(), Kind::Shape, name, near.collect());
            }
            found.map(|row| row.hourly)
        }
        DeValue::Array(array) => {
            let hours: Option<Vec<f64>> = array.iter().map(|v| bare(v.get_ref())).collect();
            let hours: Option<[f64; 24]> = hours.and_then(|h| h.try_into().ok());
            let Some(hours) = hours else {
                row.mismatch(cx, "shape", value);
                return None;
            };
            let normal = normalised(hours);
            if normal.is_none() {
                cx.error(
                    value.span(),
                    "`shape` is not a daily cycle",
                    "a rate is below zero, or all are zero",
                    "24 rates of at least 0, not all of them 0",
                );
            }
            normal
        }
        _ => {
            row.mismatch(cx, "shape", value);
            None
        }
    }
}

/// Where users are, who each live a day of this shape.
fn regions(cx: &mut Context<'_>, row: &Row<'_>, shape: Option<&[f64; 24]>) -> Option<Vec<Region>> {
    let rows = row.tables(cx, "regions");
    let read = rows.iter().map(|row| {
        let name = row.text(cx, "name");
        let (share, utc_offset) = (row.number(cx, "share"), row.number(cx, "utc_offset"));
        let daily_shape = *shape?;
        Some(Region { name: name?, share: share?, utc_offset: utc_offset?, daily_shape })
    });
    let regions: Vec<Region> = read.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let sum: f64 = regions.iter().map(|region| region.share).sum();
    // What was drawn for shares need not add up any more; their proportions count.
    if !regions.is_empty() && !cx.sampling() && (sum - 1.0).abs() > 1e-6 {
        cx.error(
            row.span("regions"),
            format!("the shares of the regions add up to {}", wattmill_units::Magnitude(sum)),
            "not 1",
            "change `share` of one of them, or add the region that is missing",
        );
    }
    let placed = |region: Region| {
        let share = region.share / sum.max(1e-12);
        let daily_shape = by_clock(&region.daily_shape, region.utc_offset).map(|rate| share * rate);
        Region { share, daily_shape, ..region }
    };
    Some(regions.into_iter().map(placed).collect())
}

/// The UTC day of users who live a day of this shape by a clock that is so many hours ahead.
fn by_clock(local: &[f64; 24], utc_offset: f64) -> [f64; 24] {
    std::array::from_fn(|hour| {
        let clock = (hour as f64 + utc_offset).rem_euclid(24.0);
        let (before, part) = (clock.floor(), clock.fract());
        let at = |hour: f64| local[hour as usize % 24];
        at(before) * (1.0 - part) + at(before + 1.0) * part
    })
}

/// The UTC day of all users: of this shape where nobody says where they are.
fn by_clocks(local: [f64; 24], regions: &[Region]) -> [f64; 24] {
    if regions.is_empty() {
        return local;
    }
    std::array::from_fn(|hour| regions.iter().map(|region| region.daily_shape[hour]).sum())
}

/// Scaled to a mean of 1, if it has one.
fn normalised(hours: [f64; 24]) -> Option<[f64; 24]> {
    let mean = hours.iter().sum::<f64>() / 24.0;
    let sound = hours.iter().all(|h| *h >= 0.0) && mean > 0.0 && mean.is_finite();
    sound.then(|| hours.map(|h| h / mean))
}

fn arrivals(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Arrivals> {
    let Some(value) = row.raw("arrivals") else {
        return Some(Arrivals::Poisson);
    };
    match value.get_ref() {
        DeValue::String(word) if word == "poisson" => Some(Arrivals::Poisson),
        DeValue::Table(_) => {
            let row = row.table_of(cx, "arrivals")?;
            row.number(cx, "cv").map(|cv| Arrivals::Gamma { cv })
        }
        _ => {
            row.mismatch(cx, "arrivals", value);
            None
        }
    }
}
