//! Quantities as people write them: `"1.2 GW"`, `"45 USD/MWh"`, `"180 days"`.

use std::fmt;
use std::str::FromStr;

use crate::quantity::*;

/// A quantity that can be written as a number and a unit.
///
/// The table is what an error message offers as the way out, so the usual unit stands first.
pub trait UnitTable: Sized + Copy {
    /// What is measured, in plain words: `"power"`.
    const DIMENSION: &'static str;
    /// Unit and its size in base units. The first is the one to suggest.
    const UNITS: &'static [(&'static str, f64)];
    /// Units used for printing, smallest first.
    const PRINT: &'static [(&'static str, f64)];
    /// From the base unit.
    fn from_base_value(value: f64) -> Self;
    /// In the base unit.
    fn base_value(self) -> f64;
}

/// Why a piece of text is not the quantity that was wanted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// The text is empty or does not start with a number.
    #[error("`{text}` does not start with a number; write {dimension} like `{example}`")]
    NotANumber {
        /// What was read.
        text: String,
        /// What was wanted.
        dimension: &'static str,
        /// A text that would do.
        example: String,
    },
    /// A number without its unit.
    #[error("`{text}` has no unit; write {dimension} like `{example}` (units: {allowed})")]
    NoUnit {
        /// What was read.
        text: String,
        /// What was wanted.
        dimension: &'static str,
        /// The same number with a unit.
        example: String,
        /// Every unit that is understood.
        allowed: String,
    },
    /// A number beyond any that can be computed with.
    #[error("`{text}` is beyond any number; write {dimension} like `{example}`")]
    TooLarge {
        /// What was read.
        text: String,
        /// What was wanted.
        dimension: &'static str,
        /// A text that would do.
        example: String,
    },
    /// A unit of something else, or of nothing.
    #[error("`{unit}` is not a unit of {dimension}; use one of {allowed}")]
    UnknownUnit {
        /// The unit as read.
        unit: String,
        /// What was wanted.
        dimension: &'static str,
        /// Every unit that is understood.
        allowed: String,
    },
}

fn allowed<Q: UnitTable>() -> String {
    Q::UNITS.iter().map(|(unit, _)| *unit).filter(|u| !u.is_empty()).collect::<Vec<_>>().join(", ")
}

fn parse<Q: UnitTable>(text: &str) -> Result<Q, QuantityError> {
    let trimmed = text.trim();
    // The longest prefix that is a number: an exponent must not swallow a unit such as `EFLOP/s`.
    let number_at = |end: usize| {
        let head = trimmed.get(..end)?;
        let number = head.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        Some((head.parse::<f64>().ok().filter(|_| number)?, end))
    };
    let example = |number: &str| {
        let unit = Q::UNITS.first().map_or("", |u| u.0);
        format!("{number} {unit}")
    };
    let Some((value, split)) = (1..=trimmed.len()).rev().find_map(number_at) else {
        return Err(QuantityError::NotANumber {
            text: text.to_owned(),
            dimension: Q::DIMENSION,
            example: example("1").trim().to_owned(),
        });
    };
    let (number, unit) = (&trimmed[..split], trimmed[split..].trim());
    match Q::UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) if (value * factor).is_finite() => Ok(Q::from_base_value(value * factor)),
        Some(_) => Err(QuantityError::TooLarge {
            text: text.to_owned(),
            dimension: Q::DIMENSION,
            example: example("1").trim().to_owned(),
        }),
        None if unit.is_empty() => Err(QuantityError::NoUnit {
            text: text.to_owned(),
            dimension: Q::DIMENSION,
            example: example(number),
            allowed: allowed::<Q>(),
        }),
        None => Err(QuantityError::UnknownUnit {
            unit: unit.to_owned(),
            dimension: Q::DIMENSION,
            allowed: allowed::<Q>(),
        }),
    }
}

fn print<Q: UnitTable>(q: Q, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = q.base_value();
    let magnitude = value.abs();
    let (unit, factor) = Q::PRINT
        .iter()
        .rev()
        .find(|(_, factor)| magnitude >= *factor)
        .or(Q::PRINT.first())
        .copied()
        .unwrap_or(("", 1.0));
    let shown = format!("{} {unit}", Magnitude(value / factor));
    f.pad(shown.trim_end())
}

/// A bare number with three or four significant digits and no needless zeros.
///
/// ```
/// use wattmill_units::Magnitude;
/// assert_eq!(Magnitude(1234.5).to_string(), "1234");
/// assert_eq!(Magnitude(1.25).to_string(), "1.25");
/// assert_eq!(Magnitude(0.5).to_string(), "0.5");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Magnitude(pub f64);

impl fmt::Display for Magnitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        let decimals = match magnitude {
            m if m >= 999.5 || m == 0.0 => 0,
            m if m >= 99.95 => 1,
            m if m >= 9.995 => 2,
            m if m >= 0.0995 => 3,
            m if m >= 0.000_995 => 5,
            _ => return f.pad(&format!("{:.2e}", self.0)),
        };
        // The negative of nothing is nothing.
        let mut shown = format!("{:.decimals$}", self.0 + 0.0);
        if shown.contains('.') {
            let end = shown.trim_end_matches('0').trim_end_matches('.').len();
            shown.truncate(end);
        }
        f.pad(&shown)
    }
}

macro_rules! units {
    (
        $name:ident, $dimension:literal, [$(($unit:literal, $factor:expr)),+ $(,)?],
        print [$(($punit:literal, $pfactor:expr)),+ $(,)?]
    ) => {
        impl UnitTable for $name {
            const DIMENSION: &'static str = $dimension;
            const UNITS: &'static [(&'static str, f64)] = &[$(($unit, $factor)),+];
            const PRINT: &'static [(&'static str, f64)] = &[$(($punit, $pfactor)),+];
            fn from_base_value(value: f64) -> Self { Self::from_base(value) }
            fn base_value(self) -> f64 { self.base() }
        }
        impl FromStr for $name {
            type Err = QuantityError;
            fn from_str(text: &str) -> Result<Self, QuantityError> { parse(text) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { print(*self, f) }
        }
    };
}

units!(Power, "power", [("MW", 1e6), ("W", 1.0), ("kW", 1e3), ("GW", 1e9)],
    print [("W", 1.0), ("kW", 1e3), ("MW", 1e6), ("GW", 1e9)]);
units!(Energy, "energy", [("MWh", 3.6e9), ("J", 1.0), ("kWh", 3.6e6), ("GWh", 3.6e12), ("TWh", 3.6e15)],
    print [("J", 1.0), ("kJ", 1e3), ("kWh", 3.6e6), ("MWh", 3.6e9), ("GWh", 3.6e12), ("TWh", 3.6e15)]);
units!(Money, "money in US dollars", [("USD", 1.0), ("kUSD", 1e3), ("MUSD", 1e6), ("GUSD", 1e9)],
    print [("USD", 1.0), ("kUSD", 1e3), ("MUSD", 1e6), ("GUSD", 1e9)]);
units!(
    EnergyPrice,
    "a price of energy",
    [("USD/MWh", 1.0 / 3.6e9), ("USD/kWh", 1.0 / 3.6e6)],
    print[("USD/MWh", 1.0 / 3.6e9)]
);
units!(
    CarbonIntensity,
    "carbon intensity",
    [("g/kWh", 1.0), ("kg/MWh", 1.0)],
    print[("g/kWh", 1.0)]
);
units!(Bytes, "an amount of memory", [("GB", 1e9), ("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("TB", 1e12), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0)],
    print [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15)]);
units!(Flops, "an amount of computation", [("TFLOP", 1e12), ("FLOP", 1.0), ("GFLOP", 1e9), ("PFLOP", 1e15)],
    print [("FLOP", 1.0), ("MFLOP", 1e6), ("GFLOP", 1e9), ("TFLOP", 1e12), ("PFLOP", 1e15), ("EFLOP", 1e18)]);
units!(FlopRate, "a rate of computation", [("TFLOP/s", 1e12), ("GFLOP/s", 1e9), ("PFLOP/s", 1e15), ("EFLOP/s", 1e18)],
    print [("GFLOP/s", 1e9), ("TFLOP/s", 1e12), ("PFLOP/s", 1e15), ("EFLOP/s", 1e18)]);
units!(ByteRate, "a data rate", [("GB/s", 1e9), ("B/s", 1.0), ("MB/s", 1e6), ("TB/s", 1e12), ("Gbit/s", 1.25e8), ("Tbit/s", 1.25e11)],
    print [("B/s", 1.0), ("MB/s", 1e6), ("GB/s", 1e9), ("TB/s", 1e12)]);
units!(
    Seconds,
    "a length of time",
    [
        ("s", 1.0),
        ("ns", 1e-9),
        ("us", 1e-6),
        ("ms", 1e-3),
        ("min", 60.0),
        ("h", 3600.0),
        ("hours", 3600.0),
        ("hour", 3600.0),
        ("days", 86_400.0),
        ("day", 86_400.0),
        ("weeks", 604_800.0),
        ("years", 31_557_600.0),
        ("year", 31_557_600.0),
    ],
    print [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86_400.0)]
);
units!(Ratio, "a ratio", [("%", 0.01), ("", 1.0)], print[("", 1.0)]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!("1.2 GW".parse(), Ok(Power::from_gw(1.2)));
        assert_eq!("360MW".parse(), Ok(Power::from_mw(360.0)));
        assert_eq!(" 45 USD/MWh ".parse(), Ok(EnergyPrice::from_usd_per_mwh(45.0)));
        assert_eq!("-3 USD/MWh".parse(), Ok(EnergyPrice::from_usd_per_mwh(-3.0)));
        assert_eq!("1e3 MW".parse(), Ok(Power::from_gw(1.0)));
        assert_eq!("2 EFLOP/s".parse(), Ok(FlopRate::from_tflops_per_s(2e6)));
        assert_eq!("25 %".parse(), Ok(Ratio::from_fraction(0.25)));
        assert_eq!("0.25".parse(), Ok(Ratio::from_fraction(0.25)));
    }

    #[test]
    fn says_what_is_wrong_and_what_would_do() {
        let text = |r: Result<Power, QuantityError>| r.unwrap_err().to_string();
        assert_eq!(
            text("1.2".parse()),
            "`1.2` has no unit; write power like `1.2 MW` (units: MW, W, kW, GW)"
        );
        assert_eq!(
            text("1.2 GWh".parse()),
            "`GWh` is not a unit of power; use one of MW, W, kW, GW"
        );
        assert_eq!(
            text("lots".parse()),
            "`lots` does not start with a number; write power like `1 MW`"
        );
        assert_eq!(text("".parse()), "`` does not start with a number; write power like `1 MW`");
        assert!("NaN MW".parse::<Power>().is_err());
        assert!("inf MW".parse::<Power>().is_err());
        assert!("1.5 ÅW".parse::<Power>().is_err());
        for large in ["1e400 MW", "1e308 GW", "-1e400 W"] {
            assert_eq!(
                text(large.parse()),
                format!("`{large}` is beyond any number; write power like `1 MW`")
            );
        }
    }

    #[test]
    fn prints_in_the_unit_one_would_say() {
        assert_eq!(Power::from_mw(1200.0).to_string(), "1.2 GW");
        assert_eq!(Seconds::from_s(0.0345).to_string(), "34.5 ms");
        assert_eq!(Money::from_usd(0.0).to_string(), "0 USD");
        assert_eq!((-Money::ZERO).to_string(), "0 USD");
        assert_eq!(Magnitude(-0.0).to_string(), "0");
        assert_eq!(format!("{:>10}", Money::from_busd(35.0)), "   35 GUSD");
    }
}
