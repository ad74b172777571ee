//! Tables of factories side by side.

use wattmill_factory::{Cause, Unmatched};
use wattmill_plan::{Comparison, Contrast, FigureUnit};

use super::Compared;
use crate::Table;
use crate::format::percent;
use crate::risk::figure_row;

/// Every figure of every factory.
pub(super) fn side_by_side(compared: &Compared<'_>) -> Table {
    let letters = (0..=compared.others.len()).map(Compared::letter);
    let mut table = Table::new([String::new()].into_iter().chain(letters));
    let mut shown: Vec<String> = Vec::new();
    for (_, comparison) in &compared.others {
        for contrast in &comparison.figures {
            let name = contrast.figure.name.to_string();
            if shown.contains(&name) {
                continue;
            }
            let unit = contrast.figure.unit;
            let of = |comparison: &Comparison, base: bool| {
                let found =
                    comparison.figures.iter().find(|c| c.figure.name == contrast.figure.name);
                found.map_or(f64::NAN, |c| if base { c.base } else { c.other })
            };
            let others = compared.others.iter().map(|(_, comparison)| of(comparison, false));
            let values: Vec<f64> = [of(comparison, true)].into_iter().chain(others).collect();
            shown.push(name.clone());
            // What none of them has, as a rate of return, is no figure of theirs.
            if values.iter().any(|value| value.is_finite()) {
                table.push([name].into_iter().chain(figure_row(unit, &values)));
            }
        }
    }
    table
}

/// Changes with their signs, side by side; nothing for what is rounding against `scale`.
fn changes(unit: FigureUnit, values: &[f64], scale: f64) -> Vec<String> {
    let sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    let shown = figure_row(unit, &sizes);
    let told = |(shown, value): (String, &f64)| {
        let number = shown.split(' ').next().unwrap_or_default();
        match value {
            value if !value.is_finite() => "-".to_owned(),
            value if value.abs() <= scale * 1e-9 => "0".to_owned(),
            // What is too small to be seen has no side.
            _ if number.chars().all(|c| matches!(c, '0' | '.')) => shown,
            value if *value > 0.0 => format!("+{shown}"),
            _ => format!("-{shown}"),
        }
    };
    shown.into_iter().zip(values).map(told).collect()
}

/// The larger of two values, of those that there are.
fn scale(contrast: &Contrast) -> f64 {
    let ends = [contrast.other, contrast.base].into_iter().filter(|end| end.is_finite());
    ends.map(f64::abs).fold(0.0, f64::max)
}

/// The difference of one factory from the base, figure by figure and cause by cause.
pub(super) fn causes(comparison: &Comparison) -> Table {
    let names = Cause::ALL.map(Cause::name);
    let mut table = Table::new(["", "difference"].into_iter().chain(names));
    for contrast in &comparison.figures {
        if !contrast.base.is_finite() && !contrast.other.is_finite() {
            continue;
        }
        let parts = contrast.causes.unwrap_or([f64::NAN; Cause::ALL.len()]);
        let values: Vec<f64> = [contrast.other - contrast.base].into_iter().chain(parts).collect();
        let cells = changes(contrast.figure.unit, &values, scale(contrast));
        table.push([contrast.figure.name.to_string()].into_iter().chain(cells));
    }
    table
}

/// The same over samples.
pub(super) fn gaps(comparison: &Comparison) -> Table {
    let names = Cause::ALL.map(Cause::name);
    let header = ["", "P10", "P50", "P90", "higher", "mean"].into_iter().chain(names);
    let mut table = Table::new(header);
    for (contrast, gap) in comparison.figures.iter().zip(&comparison.gaps) {
        if !gap.mean.is_finite() {
            continue;
        }
        let name = contrast.figure.name.to_string();
        let name = match gap.undefined {
            0 => name,
            1 => format!("{name} (without 1 sample that has none)"),
            some => format!("{name} (without {some} samples that have none)"),
        };
        let parts = gap.causes.unwrap_or([f64::NAN; Cause::ALL.len()]);
        let values: Vec<f64> = gap.difference.into_iter().chain([gap.mean]).chain(parts).collect();
        let mut cells = changes(contrast.figure.unit, &values, scale(contrast));
        cells.insert(gap.difference.len(), percent(gap.chance_of_more));
        table.push([name].into_iter().chain(cells));
    }
    table
}

/// Phases that only one of two factories has, in words; nothing if both have all.
pub(super) fn unmatched(compared: &Compared<'_>, index: usize) -> Option<String> {
    let (other, _) = compared.others.get(index)?;
    let Unmatched { base, other } = Unmatched::phases(compared.base, other);
    let letter = Compared::letter(index + 1);
    let part = |of: &str, names: &[String]| match names {
        [] => None,
        names => Some(format!("only in {of}: {}", names.join("; "))),
    };
    let parts: Vec<String> =
        [part("A", &base), part(&letter, &other)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("Phases {}.", parts.join(". ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_decimals_of_the_largest() {
        let told = |values: &[f64]| changes(FigureUnit::UsdPerMillionTokens, values, 3.0);
        assert_eq!(
            told(&[-2.189, 0.07249, 1e-12, 1e-5, f64::NAN]),
            ["-2.189 USD/M", "+0.072 USD/M", "0", "0.000 USD/M", "-"]
        );
        assert_eq!(changes(FigureUnit::Share, &[f64::INFINITY, 0.25], 1.0), ["-", "+25 %"]);
        assert_eq!(changes(FigureUnit::Usd, &[-3e6, 0.0], 1e9), ["-3 MUSD", "0"]);
    }
}
