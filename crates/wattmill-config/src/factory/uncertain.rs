//! Numbers that are distributions.

use toml::Spanned;
use toml::de::DeValue;
use wattmill_factory::{Uncertain, Written};
use wattmill_units::Distribution;

use super::context::Context;
use super::keys;
use super::row::{Row, Value, bare, shown};
use super::schema::{Key, Kind};
use super::text;

/// Reads one number or day, in base units; reports what is wrong with it.
type ReadOne<'r> = &'r dyn Fn(&mut Context<'_>, &Value<'_>) -> Option<f64>;

/// Ways to write a distribution, for messages.
const WAYS: &str = "write `{ low, high }`, `{ low, mode, high }`, `{ p10, p50, p90 }`, \
                    `{ p50, p90 }` or `{ values, weights }`";

/// Whether a value is written as a distribution.
pub(super) fn is_drawn(value: &Value<'_>) -> bool {
    match value.get_ref() {
        DeValue::Table(_) => true,
        DeValue::String(text) => text.contains(".."),
        _ => false,
    }
}

impl<'a> Row<'a> {
    /// A number as `one` reads it, or what stands for it: the median of a distribution, in a sample
    /// what was drawn.
    pub(super) fn perhaps(
        &self,
        cx: &mut Context<'_>,
        key: &'static Key,
        value: &'a Value<'a>,
        one: ReadOne<'_>,
    ) -> Option<f64> {
        if let Some(drawn) = cx.drawn(value.span().start) {
            return Some(drawn);
        }
        let distribution = match value.get_ref() {
            DeValue::Table(_) => {
                self.refuse(cx, key, value)?;
                let row = self.table_as(cx, key.name, &keys::DISTRIBUTION)?;
                of_table(cx, key, &row, one)?
            }
            DeValue::String(text) if text.contains("..") => {
                self.refuse(cx, key, value)?;
                of_range(cx, value, text, one)?
            }
            _ => return one(cx, value),
        };
        let (low, high) = distribution.ends();
        if let Some(beyond) = [low, high].into_iter().find(|end| !holds(key, *end)) {
            cx.error(
                value.span(),
                format!("draws of `{}` reach {}", key.name, in_words(key, beyond)),
                key.kind.wanted(),
                "narrow the distribution; tails end where one draw in a thousand lies beyond",
            );
            return None;
        }
        let median = distribution.median();
        let written = written(key);
        let uncertain = Uncertain { path: self.path(key.name), distribution, written };
        cx.uncertain.push((value.span().start, uncertain));
        Some(median)
    }

    /// Reports a distribution where none may stand.
    fn refuse(&self, cx: &mut Context<'_>, key: &Key, value: &Value<'_>) -> Option<()> {
        match self.certain() {
            "" => Some(()),
            why => self.refused(cx, key, value, why),
        }
    }

    /// Reports a distribution of what is a whole number.
    pub(super) fn never_drawn<T>(
        &self,
        cx: &mut Context<'_>,
        key: &Key,
        value: &Value<'_>,
    ) -> Option<T> {
        let why = match self.certain() {
            "" => "whole numbers are never drawn",
            why => why,
        };
        self.refused(cx, key, value, why)
    }

    fn refused<T>(
        &self,
        cx: &mut Context<'_>,
        key: &Key,
        value: &Value<'_>,
        why: &str,
    ) -> Option<T> {
        cx.error(
            value.span(),
            format!("`{}` cannot be a distribution", key.name),
            why,
            match key.example {
                "" => "write one value".to_owned(),
                example => format!("write one value, like `{} = {example}`", key.name),
            },
        );
        None
    }
}

fn of_range(
    cx: &mut Context<'_>,
    value: &Value<'_>,
    text: &str,
    one: ReadOne<'_>,
) -> Option<Distribution> {
    let (low, high) = text::ends(text)?;
    let at = |text: String| Spanned::new(value.span(), DeValue::String(text.into()));
    let (low, high) = (one(cx, &at(low)), one(cx, &at(high)));
    let (low, high) = (low?, high?);
    if high < low {
        cx.error(
            value.span(),
            format!("the range `{text}` ends below its start"),
            "nothing lies in it",
            "write the lower end first",
        );
        return None;
    }
    Some(Distribution::Uniform { low, high })
}

fn of_table(
    cx: &mut Context<'_>,
    key: &Key,
    row: &Row<'_>,
    one: ReadOne<'_>,
) -> Option<Distribution> {
    if row.has("values") {
        return discrete(cx, row, one);
    }
    const POINTS: [&str; 6] = ["low", "mode", "high", "p10", "p50", "p90"];
    let points = POINTS.map(|name| row.raw(name).map(|value| one(cx, value)));
    let lognormal = row.has("shape").then(|| row.choice(cx, "shape"));
    // Something that is written and wrong is told already.
    let wrong = points.iter().flatten().any(Option::is_none) || lognormal == Some(None);
    let [low, mode, high, p10, p50, p90] = points.map(Option::flatten);
    let rising = |cx: &mut Context<'_>, names: &[&str]| rising(cx, row, one, names);
    match (low, mode, high, p10, p50, p90) {
        _ if wrong => None,
        (Some(low), None, Some(high), None, None, None) if lognormal.is_none() => {
            rising(cx, &["low", "high"])?;
            Some(Distribution::Uniform { low, high })
        }
        (Some(low), Some(mode), Some(high), None, None, None) if lognormal.is_none() => {
            rising(cx, &["low", "mode", "high"])?;
            Some(Distribution::Triangular { low, mode, high })
        }
        (None, None, None, Some(p10), Some(p50), Some(p90)) if lognormal.is_none() => {
            rising(cx, &["p10", "p50", "p90"])?;
            Some(Distribution::Quantiles { p10, p50, p90 })
        }
        (None, None, None, Some(p10), None, Some(p90)) if lognormal.is_none() => {
            rising(cx, &["p10", "p90"])?;
            Some(Distribution::Quantiles { p10, p50: 0.5 * (p10 + p90), p90 })
        }
        (None, None, None, None, Some(p50), Some(p90)) => {
            rising(cx, &["p50", "p90"])?;
            let day = matches!(key.kind, Kind::Date);
            if day || p50 < 0.0 || (lognormal.is_some() && p50 <= 0.0) {
                cx.error(
                    row.span("p50"),
                    format!("`{}` has no natural zero to reach down to", key.name),
                    "what is lower is not said",
                    "state `p10` too, and leave `shape` out",
                );
                return None;
            }
            Some(match lognormal {
                Some(_) => Distribution::Lognormal { p50, p90 },
                None => Distribution::from_zero(p50, p90),
            })
        }
        _ => {
            cx.error(
                row.header(),
                format!("`{}` is no distribution that is known", key.name),
                "these do not go together",
                WAYS,
            );
            None
        }
    }
}

/// Reports values that fall from one name to the next.
fn rising(cx: &mut Context<'_>, row: &Row<'_>, one: ReadOne<'_>, names: &[&str]) -> Option<()> {
    for pair in names.windows(2) {
        let (lower, upper) = (row.raw(pair[0])?, row.raw(pair[1])?);
        if one(cx, upper)? < one(cx, lower)? {
            cx.error(
                upper.span(),
                format!("`{}` {} is below `{}` {}", pair[1], shown(upper), pair[0], shown(lower)),
                "the values of a distribution may not cross",
                format!("raise `{}` to `{}` or more", pair[1], pair[0]),
            );
            return None;
        }
    }
    Some(())
}

fn discrete(cx: &mut Context<'_>, row: &Row<'_>, one: ReadOne<'_>) -> Option<Distribution> {
    const ALONE: [&str; 7] = ["low", "mode", "high", "p10", "p50", "p90", "shape"];
    if let Some(other) = ALONE.into_iter().find(|name| row.has(name)) {
        cx.error(
            row.span(other),
            format!("both `values` and `{other}`"),
            "what is drawn is said already",
            WAYS,
        );
        return None;
    }
    let value = row.raw("values")?;
    let values: &[Value<'_>] = match value.get_ref() {
        DeValue::Array(array) if !array.is_empty() => array,
        _ => {
            row.mismatch(cx, "values", value);
            return None;
        }
    };
    let read: Vec<Option<f64>> = values.iter().map(|value| one(cx, value)).collect();
    let read: Vec<f64> = read.into_iter().collect::<Option<_>>()?;
    let weights: Vec<f64> = match row.raw("weights") {
        None => vec![1.0; read.len()],
        Some(weights) => {
            let sound = weights.get_ref().as_array().and_then(|array| {
                array.iter().map(|weight| bare(weight.get_ref())).collect::<Option<Vec<f64>>>()
            });
            let fits = |w: &Vec<f64>| {
                w.len() == read.len() && w.iter().all(|x| *x >= 0.0) && w.iter().sum::<f64>() > 0.0
            };
            let Some(sound) = sound.filter(fits) else {
                cx.error(
                    weights.span(),
                    "`weights` do not go with `values`",
                    format!("{} are needed", read.len()),
                    "one number of at least 0 for each value, not all of them 0",
                );
                return None;
            };
            sound
        }
    };
    let total: f64 = weights.iter().sum();
    let mut pairs: Vec<(f64, f64)> = read.into_iter().zip(weights).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    for (_, weight) in &mut pairs {
        sum += *weight / total;
        *weight = sum;
    }
    Some(Distribution::Discrete(pairs))
}

/// Whether the key allows `number`, in base units.
fn holds(key: &Key, number: f64) -> bool {
    match &key.kind {
        Kind::Quantity(measure, limits) => {
            limits.hold(number, |end| text::measured(end, measure).ok())
        }
        Kind::Count(limits) => limits.hold(number, text::counted),
        Kind::Number(limits) => limits.hold(number, text::plain),
        Kind::Date => text::YEARS.contains(&text::day_of(number).year()),
        _ => true,
    }
}

fn written(key: &Key) -> Written {
    match &key.kind {
        Kind::Quantity(measure, _) => {
            let (unit, size) = measure.units.first().copied().unwrap_or(("", 1.0));
            Written::Unit(unit, size)
        }
        Kind::Date => Written::Date,
        _ => Written::Number,
    }
}

/// A value of `key` as one would write it.
fn in_words(key: &Key, number: f64) -> String {
    match written(key) {
        Written::Number => wattmill_units::Magnitude(number).to_string(),
        Written::Date => text::day_of(number).to_string(),
        Written::Unit(unit, size) => {
            format!("{} {unit}", wattmill_units::Magnitude(number / size))
        }
    }
}

#[cfg(test)]
mod tests;
