//! Days as files write them.

use jiff::civil::{Date, DateTime};
use toml::de::DeValue;

use super::context::Context;
use super::row::{Row, Value, mismatch};
use super::schema::Key;
use super::text;
use crate::{read_day, read_moment};

/// A day, counted from 1970-01-01.
pub(super) fn day(cx: &mut Context<'_>, key: &Key, value: &Value<'_>) -> Option<f64> {
    let name = key.name;
    let found: Option<Date> = match value.get_ref() {
        DeValue::Datetime(stamp) if stamp.time.is_none() => {
            stamp.date.and_then(|d| Date::new(d.year as i16, d.month as i8, d.day as i8).ok())
        }
        DeValue::String(text) => read_day(text).ok(),
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
                DeValue::String(text) if read_moment(text).is_ok() => "has a time of day",
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

impl Row<'_> {
    /// A moment of UTC.
    pub(super) fn moment(&self, cx: &mut Context<'_>, name: &str) -> Option<DateTime> {
        self.require(cx, name);
        let value = self.raw(name)?;
        let text = match value.get_ref() {
            DeValue::Datetime(stamp) => stamp.to_string(),
            DeValue::String(text) => text.trim().to_owned(),
            _ => {
                self.mismatch(cx, name, value);
                return None;
            }
        };
        match read_moment(&text) {
            Ok(moment) if text::YEARS.contains(&moment.year()) => Some(moment),
            _ => {
                cx.error(
                    value.span(),
                    format!("`{name}` is no day and time"),
                    "not a moment",
                    format!(
                        "write UTC like `{name} = {0}`, or another clock with its offset like \
                         `{name} = {0}-06:00`",
                        self.example(name)
                    ),
                );
                None
            }
        }
    }
}
