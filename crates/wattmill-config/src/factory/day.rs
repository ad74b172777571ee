//! Days as files write them.

use jiff::civil::Date;
use toml::de::DeValue;

use super::context::Context;
use super::row::{Value, mismatch};
use super::schema::Key;
use super::text;

/// A day, counted from 1970-01-01.
pub(super) fn day(cx: &mut Context<'_>, key: &Key, value: &Value<'_>) -> Option<f64> {
    let name = key.name;
    let found: Option<Date> = match value.get_ref() {
        DeValue::Datetime(stamp) if stamp.time.is_none() => {
            stamp.date.and_then(|d| Date::new(d.year as i16, d.month as i8, d.day as i8).ok())
        }
        DeValue::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match found {
        Some(date) if text::YEARS.contains(&date.year()) => Some(text::days_to(date)),
        Some(date) => {
            cx.error(
                value.span(),
                format!("`{name}` is {date}"),
                "outside the years 1900 to 2200",
                "correct the year",
            );
            None
        }
        None => {
            let problem = match value.get_ref() {
                DeValue::Datetime(stamp) if stamp.time.is_some() => "has a time of day",
                DeValue::String(_) | DeValue::Datetime(_) => "is not a day of the calendar",
                other => {
                    mismatch(cx, key, value.span(), other);
                    return None;
                }
            };
            cx.error(
                value.span(),
                format!("`{name}` {problem}"),
                "not a day",
                "write a day like `2026-10-01`",
            );
            None
        }
    }
}
