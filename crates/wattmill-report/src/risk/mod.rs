//! Samples of a plan: text and pictures.

mod page;
mod tables;
mod text;

pub(crate) use page::put;
pub(crate) use text::risk_text;

use jiff::civil::date;
use wattmill_factory::{Uncertain, Written};
use wattmill_plan::{FigureUnit, Spread, figure_day};
use wattmill_units::{Energy, Money, Power};

use crate::format::{number, percent, prefixed};

/// A value of a figure as people read it.
pub(crate) fn figure_value(unit: FigureUnit, value: f64) -> String {
    match unit {
        FigureUnit::Day => figure_day(value).map_or("never".to_owned(), |day| day.to_string()),
        _ if !value.is_finite() => "-".to_owned(),
        FigureUnit::Mw => Power::from_mw(value).to_string(),
        FigureUnit::Mwh => Energy::from_mwh(value).to_string(),
        FigureUnit::Count | FigureUnit::TokensPerMwh => prefixed(value),
        FigureUnit::Share => percent(value),
        FigureUnit::Tonnes => format!("{} t", prefixed(value)),
        FigureUnit::Litres => format!("{} m³", prefixed(value / 1e3)),
        FigureUnit::Usd => Money::from_usd(value).to_string(),
        FigureUnit::UsdPerMillionTokens => format!("{} USD/M", number(value)),
    }
}

/// A unit of an axis that suits values up to `most`, and how many of it one of the figure's is.
fn figure_scale(unit: FigureUnit, most: f64) -> (&'static str, f64) {
    match unit {
        FigureUnit::Mw if most >= 1e3 => ("GW", 1e-3),
        FigureUnit::Mw => ("MW", 1.0),
        FigureUnit::Mwh if most >= 1e6 => ("TWh", 1e-6),
        FigureUnit::Mwh if most >= 1e3 => ("GWh", 1e-3),
        FigureUnit::Mwh => ("MWh", 1.0),
        FigureUnit::Usd if most >= 1e9 => ("GUSD", 1e-9),
        FigureUnit::Usd if most >= 1e6 => ("MUSD", 1e-6),
        FigureUnit::Usd => ("USD", 1.0),
        FigureUnit::Count | FigureUnit::TokensPerMwh if most >= 1e12 => ("T (10^12)", 1e-12),
        FigureUnit::Count | FigureUnit::TokensPerMwh if most >= 1e6 => ("M", 1e-6),
        FigureUnit::Share => ("%", 100.0),
        FigureUnit::Litres => ("m³", 1e-3),
        FigureUnit::Tonnes if most >= 1e6 => ("M t", 1e-6),
        FigureUnit::Tonnes => ("t", 1.0),
        FigureUnit::UsdPerMillionTokens => ("USD/M tokens", 1.0),
        FigureUnit::Day => ("year", 1.0),
        FigureUnit::Count | FigureUnit::TokensPerMwh => ("", 1.0),
    }
}

/// A value of an input as one would write it in the file.
pub(crate) fn input_value(input: &Uncertain, value: f64) -> String {
    match input.written {
        Written::Number => number(value),
        Written::Date => {
            let days = jiff::Span::new().days(value.clamp(-1e6, 1e6) as i64);
            date(1970, 1, 1).saturating_add(days).to_string()
        }
        Written::Unit(unit, size) => format!("{} {unit}", number(value / size)),
    }
}

/// The three quantiles of a figure.
fn quantiles(spread: &Spread) -> [String; 3] {
    [spread.p10, spread.p50, spread.p90].map(|value| figure_value(spread.figure.unit, value))
}
