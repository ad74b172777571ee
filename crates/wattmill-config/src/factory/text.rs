//! Numbers as people write them: with a unit, with a suffix, per year.

use std::ops::RangeInclusive;

use jiff::civil::{Date, date};
use wattmill_units::UnitTable;

use super::reference::measures;

/// What a text measures and the units it may be written in. The first unit is the one to suggest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// In plain words: `power`.
    pub what: &'static str,
    /// Unit and its size in base units.
    pub units: &'static [(&'static str, f64)],
}

impl Measure {
    /// The units of a quantity.
    pub(super) const fn of<Q: UnitTable>() -> Self {
        Self { what: Q::DIMENSION, units: Q::UNITS }
    }

    /// Growth or cost as a share, per year.
    pub(super) const YEARLY: Self =
        Self { what: "a share per year", units: &[("%/year", 0.01), ("/year", 1.0)] };

    /// Cost of something sized by its power.
    pub(super) const COST_OF_POWER: Self = Self {
        what: "a cost of power",
        units: &[("USD/W", 1.0), ("USD/kW", 1e-3), ("MUSD/MW", 1.0), ("GUSD/GW", 1.0)],
    };

    /// Price of tokens.
    pub(super) const COST_OF_TOKENS: Self =
        Self { what: "a price of tokens", units: &[("USD/M tokens", 1.0), ("USD/k tokens", 1e3)] };

    /// What the highest hour of a month costs.
    pub(super) const DEMAND_CHARGE: Self = Self {
        what: "a demand charge",
        units: &[("USD/kW", 1.0), ("USD/MW", 1e-3), ("kUSD/MW", 1.0)],
    };

    /// Water for energy.
    pub(super) const WATER: Self =
        Self { what: "a use of water", units: &[("L/kWh", 1.0), ("m³/MWh", 1.0)] };

    /// Wind.
    pub(super) const SPEED: Self =
        Self { what: "a speed", units: &[("m/s", 1.0), ("km/h", 1.0 / 3.6)] };

    /// How warm it is.
    pub(super) const TEMPERATURE: Self =
        Self { what: "a temperature", units: &[("°C", 1.0), ("degC", 1.0)] };

    /// How much warmer.
    pub(super) const WARMTH: Self =
        Self { what: "a difference of temperature", units: &[("K", 1.0)] };

    /// A share for each degree.
    pub(super) const PER_DEGREE: Self =
        Self { what: "a share per degree", units: &[("%/K", 0.01), ("/K", 1.0)] };

    /// Plain counts.
    const COUNT: Self = Self { what: "a count", units: COUNT_SUFFIXES };

    /// A unit and what each of these texts is in it, if all of them are quantities of one dimension: that of
    /// the first. What is written in it stays as it is, to the last digit.
    pub(super) fn common(texts: &[String]) -> Option<(String, Vec<f64>)> {
        let (_, unit) = split(texts.first()?)?;
        [&Self::COUNT].into_iter().chain(measures()).find_map(|measure| {
            let one = measured(&format!("1 {unit}"), measure).ok()?;
            let each = |text: &String| match split(text) {
                Some((number, same)) if same == unit => Some(number),
                _ => Some(rounded(measured(text, measure).ok()? / one)),
            };
            Some((unit.to_owned(), texts.iter().map(each).collect::<Option<_>>()?))
        })
    }

    /// Every unit, comma-separated.
    pub(super) fn allowed(&self) -> String {
        let units: Vec<_> = self.units.iter().map(|u| u.0).filter(|u| !u.is_empty()).collect();
        units.join(", ")
    }

    /// The unit to suggest.
    pub(super) fn usual(&self) -> &'static str {
        self.units.first().map_or("", |u| u.0)
    }
}

/// Why a text is not what was wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextError {
    /// It does not start with a number.
    NoNumber,
    /// The number, without a unit.
    NoUnit(String),
    /// A unit of something else, or of nothing, and the unit that may have been meant.
    UnknownUnit(String, Option<&'static str>),
}

/// Size in base units of a text such as `1.2 GW`.
pub(super) fn measured(text: &str, measure: &Measure) -> Result<f64, TextError> {
    let (number, unit) = split(text).ok_or(TextError::NoNumber)?;
    let same = |a: &str, b: &str| squeezed(a).eq(squeezed(b));
    if let Some((_, size)) = measure.units.iter().find(|u| same(u.0, unit)) {
        return Ok(number * size);
    }
    if unit.is_empty() {
        let number = text.trim().to_owned();
        return Err(TextError::NoUnit(number));
    }
    let meant = measure.units.iter().map(|u| u.0).find(|u| u.eq_ignore_ascii_case(unit));
    Err(TextError::UnknownUnit(unit.to_owned(), meant))
}

/// To nine digits, which no rounding of the steps between shows in.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

/// Suffixes of plain counts.
pub(super) const COUNT_SUFFIXES: &[(&str, f64)] =
    &[("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("B", 1e9), ("T", 1e12)];

/// A count such as `15.6 T` or `700 M`.
pub(super) fn counted(text: &str) -> Option<f64> {
    let (number, suffix) = split(text)?;
    let (_, size) = COUNT_SUFFIXES.iter().find(|s| s.0 == suffix)?;
    Some(number * size)
}

/// A number and nothing else.
pub(super) fn plain(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A ratio such as `0.41` or `41 %`.
pub(super) fn ratio(text: &str) -> Option<f64> {
    match split(text)? {
        (number, "") => Some(number),
        (number, "%") => Some(number / 100.0),
        _ => None,
    }
}

/// A percentile such as `p99` or `p99.9`, as a fraction.
pub(super) fn percentile(text: &str) -> Option<f64> {
    let (number, rest) = split(text.trim().strip_prefix('p')?)?;
    rest.is_empty().then_some(number / 100.0)
}

/// Years that a day of a factory may lie in.
pub(super) const YEARS: RangeInclusive<i16> = 1900..=2200;

/// Days from 1970-01-01 to `day`.
pub(super) fn days_to(day: Date) -> f64 {
    // Both lie within jiff's four digits of years: the span in days always exists.
    f64::from(date(1970, 1, 1).until(day).map_or(0, |span| span.get_days()))
}

/// The day that is so many from 1970-01-01.
pub(super) fn day_of(days: f64) -> Date {
    const MOST: f64 = 1_000_000.0;
    let days = days.floor().clamp(-MOST, MOST) as i64;
    date(1970, 1, 1).saturating_add(jiff::Span::new().days(days))
}

/// Both ends of a range such as `20..90 USD/MWh`; the unit of the second holds for both.
pub(super) fn ends(text: &str) -> Option<(String, String)> {
    let (low, high) = text.split_once("..")?;
    let (low, high) = (low.trim(), high.trim());
    let unit = match (split(low), split(high)) {
        // A day has no unit, and its month is none.
        (Some((_, "")), Some((_, unit))) if low.parse::<f64>().is_ok() => unit,
        _ => "",
    };
    Some((format!("{low} {unit}").trim_end().to_owned(), high.to_owned()))
}

/// A leading finite number and what follows it.
pub(super) fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    // The longest prefix that is a number: an exponent must not swallow a unit such as `EFLOP/s`.
    let end = (1..=text.len()).rev().find(|&i| {
        text.is_char_boundary(i)
            && text[..i].ends_with(|c: char| c.is_ascii_digit() || c == '.')
            && text[..i].parse::<f64>().is_ok()
    })?;
    let number = text[..end].parse().ok().filter(|n: &f64| n.is_finite())?;
    Some((number, text[end..].trim()))
}

fn squeezed(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_units::{FlopRate, Power};

    #[test]
    fn reads_numbers_with_units() {
        assert_eq!(measured("1.2 GW", &Measure::of::<Power>()), Ok(1.2e9));
        assert_eq!(measured("2EFLOP/s", &Measure::of::<FlopRate>()), Ok(2e18));
        assert_eq!(measured("40 % / year", &Measure::YEARLY), Ok(0.4));
        assert_eq!(measured("-1e1 %/year", &Measure::YEARLY), Ok(-0.1));
        assert_eq!(measured("17.9 GUSD/GW", &Measure::COST_OF_POWER), Ok(17.9));
        assert_eq!(
            measured("1 gw", &Measure::of::<Power>()),
            Err(TextError::UnknownUnit("gw".into(), Some("GW")))
        );
        assert_eq!(measured("1", &Measure::of::<Power>()), Err(TextError::NoUnit("1".into())));
        for text in ["", "GW", "NaN GW", "inf GW", "1e999 GW", "ü"] {
            assert_eq!(measured(text, &Measure::of::<Power>()), Err(TextError::NoNumber), "{text}");
        }
    }

    #[test]
    fn reads_ranges_and_days() {
        let ends = |text| ends(text).map(|(low, high)| format!("{low}|{high}"));
        assert_eq!(ends("20..90 USD/MWh").as_deref(), Some("20 USD/MWh|90 USD/MWh"));
        assert_eq!(ends("-3 .. 5e1 %").as_deref(), Some("-3 %|5e1 %"));
        assert_eq!(ends("800 MW..1.2 GW").as_deref(), Some("800 MW|1.2 GW"));
        assert_eq!(ends("2027-01-01..2027-06-30").as_deref(), Some("2027-01-01|2027-06-30"));
        assert_eq!(ends("20 USD/MWh"), None);
        for day in [date(1969, 12, 31), date(1970, 1, 1), date(2028, 2, 29)] {
            assert_eq!(day_of(days_to(day)), day);
        }
        assert_eq!(day_of(days_to(date(2028, 2, 29)) + 0.9), date(2028, 2, 29));
    }

    #[test]
    fn reads_counts_ratios_and_percentiles() {
        assert_eq!(counted("15.6 T"), Some(15.6e12));
        assert_eq!(counted("700M"), Some(700e6));
        assert_eq!(counted("12"), Some(12.0));
        assert_eq!(counted("12 apples"), None);
        assert_eq!(ratio("41 %"), Some(0.41));
        assert_eq!(ratio("0.41"), Some(0.41));
        assert_eq!(percentile("p99"), Some(0.99));
        assert_eq!(percentile("99"), None);
        assert_eq!(percentile("p99th"), None);
    }
}
