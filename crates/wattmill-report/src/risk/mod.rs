//! Samples of a plan: text and pictures.

mod page;
mod tables;
mod text;

pub(crate) use page::put;
pub(crate) use text::risk_text;

use jiff::civil::date;
use wattmill_factory::{Uncertain, Written};
use wattmill_plan::{Figure, FigureUnit, Spread, figure_day};
use wattmill_units::{Energy, Money, Power};

use crate::format::{energy, fixed, number, percent, prefixed};

/// A value of a figure as people read it.
pub(crate) fn figure_value(unit: FigureUnit, value: f64) -> String {
    match unit {
        FigureUnit::Day => figure_day(value).map_or("never".to_owned(), |day| day.to_string()),
        _ if !value.is_finite() => "-".to_owned(),
        FigureUnit::Mw if value == 0.0 => "0 MW".to_owned(),
        FigureUnit::Mw => Power::from_mw(value).to_string(),
        FigureUnit::Mwh => energy(Energy::from_mwh(value)),
        FigureUnit::Count | FigureUnit::TokensPerMwh => prefixed(value),
        FigureUnit::Share => percent(value),
        FigureUnit::Tonnes => format!("{} t", prefixed(value)),
        FigureUnit::Litres => format!("{} m³", prefixed(value / 1e3)),
        FigureUnit::Usd => Money::from_usd(value).to_string(),
        FigureUnit::UsdPerMillionTokens => format!("{} USD/M", number(value)),
    }
}

/// Values of one figure side by side. Dollars for tokens, which have no larger and smaller units, have the
/// same decimals throughout: as many as show three or four digits of the largest.
pub(crate) fn figure_row(unit: FigureUnit, values: &[f64]) -> Vec<String> {
    let most = values.iter().filter(|value| value.is_finite()).map(|value| value.abs());
    let most = most.fold(0.0, f64::max);
    let show = |value: &f64| match unit {
        FigureUnit::UsdPerMillionTokens if value.is_finite() && most > 0.0 => {
            let before = libm::floor(libm::log10(most)) as i32 + 1;
            format!("{} USD/M", fixed(*value, (4 - before).clamp(0, 6) as usize))
        }
        _ => figure_value(unit, *value),
    };
    values.iter().map(show).collect()
}

/// A unit of an axis that suits values of a figure up to `most`, and how many of it one of the figure's
/// own is. Tokens are called so, as P alone would be a unit of nothing.
pub(crate) fn figure_scale(figure: &Figure, most: f64) -> (String, f64) {
    let of = |units: &[(f64, &str)]| {
        let fits = units.iter().find(|(size, _)| most >= 2.0 * size).or(units.last());
        fits.map_or((String::new(), 1.0), |(size, name)| ((*name).to_owned(), 1.0 / size))
    };
    match figure.unit {
        FigureUnit::Mw => of(&[(1e3, "GW"), (1.0, "MW"), (1e-3, "kW")]),
        FigureUnit::Mwh => of(&[(1e6, "TWh"), (1e3, "GWh"), (1.0, "MWh"), (1e-3, "kWh")]),
        FigureUnit::Usd => of(&[(1e9, "GUSD"), (1e6, "MUSD"), (1e3, "kUSD"), (1.0, "USD")]),
        FigureUnit::Tonnes => of(&[(1e6, "M t"), (1.0, "t")]),
        FigureUnit::Share => ("%".to_owned(), 100.0),
        FigureUnit::Litres => ("m³".to_owned(), 1e-3),
        FigureUnit::UsdPerMillionTokens => ("USD/M tokens".to_owned(), 1.0),
        FigureUnit::Day => (String::new(), 1.0),
        FigureUnit::Count | FigureUnit::TokensPerMwh => {
            let (prefix, scale) =
                of(&[(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]);
            let tokens = figure.name.to_string().contains("tokens");
            let unit = if tokens { format!("{prefix} tokens") } else { prefix };
            (unit.trim_start().to_owned(), scale)
        }
    }
}

/// A value of an input as one would write it in the file.
pub(crate) fn input_value(input: &Uncertain, value: f64) -> String {
    // What the quantiles' rounding leaves of nothing is nothing.
    let most = input.distribution.quantile(0.9).abs().max(input.distribution.quantile(0.1).abs());
    let value = if value.abs() <= most * 1e-9 { 0.0 } else { value };
    match input.written {
        Written::Number => number(value),
        Written::Date => {
            let days = jiff::Span::new().days(value.clamp(-1e6, 1e6) as i64);
            date(1970, 1, 1).saturating_add(days).to_string()
        }
        // Nobody writes months of seconds: days where the longest of it are some.
        Written::Unit("s", size) => {
            let (low, high) = input.distribution.ends();
            let longest = high.max(-low) / size;
            let (unit, length) = match longest {
                days if days >= 86_400.0 => ("days", 86_400.0),
                hours if hours >= 7_200.0 => ("h", 3_600.0),
                _ => ("s", 1.0),
            };
            format!("{} {unit}", number(value / size / length))
        }
        Written::Unit(unit, size) => format!("{} {unit}", number(value / size)),
    }
}

/// The three quantiles of a figure.
fn quantiles(spread: &Spread) -> [String; 3] {
    [spread.p10, spread.p50, spread.p90].map(|value| figure_value(spread.figure.unit, value))
}

/// What is planned and the three quantiles, side by side.
fn planned_and_quantiles(spread: &Spread) -> Vec<String> {
    figure_row(spread.figure.unit, &[spread.planned, spread.p10, spread.p50, spread.p90])
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_plan::FigureName;
    use wattmill_units::Distribution;

    #[test]
    fn durations_are_told_in_days_and_nothing_in_the_unit_of_the_rest() {
        let late = |p90| Uncertain {
            path: "phase.a.slip".to_owned(),
            distribution: Distribution::Quantiles { p10: 0.0, p50: 43_200.0, p90 },
            written: Written::Unit("s", 1.0),
        };
        assert_eq!(input_value(&late(15_768_000.0), 15_768_000.0), "182.5 days");
        assert_eq!(input_value(&late(15_768_000.0), 43_200.0), "0.5 days");
        assert_eq!(input_value(&late(15_768_000.0), 3e-9), "0 days");
        assert_eq!(input_value(&late(50_000.0), 36_000.0), "10 h");
        assert_eq!(figure_value(FigureUnit::Mwh, 0.0), "0 MWh");
        assert_eq!(figure_value(FigureUnit::Mw, -0.0), "0 MW");
    }

    #[test]
    fn dollars_for_tokens_have_the_same_decimals_in_a_row() {
        let row = |values: &[f64]| figure_row(FigureUnit::UsdPerMillionTokens, values);
        assert_eq!(
            row(&[-2.189, 0.07249, 0.0, f64::NAN]),
            ["-2.189 USD/M", "0.072 USD/M", "0.000 USD/M", "-"]
        );
        assert_eq!(row(&[12.5, -0.0001]), ["12.50 USD/M", "0.00 USD/M"]);
        assert_eq!(figure_row(FigureUnit::Usd, &[2e9, -3e6]), ["2 GUSD", "-3 MUSD"]);
    }

    #[test]
    fn units_suit_what_is_drawn() {
        let scale =
            |what, unit, most| figure_scale(&Figure { name: FigureName::Whole(what), unit }, most);
        assert_eq!(scale("energised at the end", FigureUnit::Mw, 100.0), ("MW".to_owned(), 1.0));
        let tokens = |most| scale("output tokens served", FigureUnit::Count, most).0;
        assert_eq!(
            (tokens(1.8e12), tokens(3e15), tokens(5.0)),
            ("G tokens".to_owned(), "P tokens".to_owned(), "tokens".to_owned())
        );
        assert_eq!(scale("accelerator-hours", FigureUnit::Count, 5e6).0, "M");
        assert_eq!(scale("energy", FigureUnit::Mwh, 5e5), ("GWh".to_owned(), 1e-3));
    }
}
