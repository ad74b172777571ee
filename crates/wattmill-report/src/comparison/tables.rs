//! Tables of factories side by side.

use wattmill_factory::{Cause, Unmatched};
use wattmill_plan::{Comparison, FigureUnit};

use super::Compared;
use crate::Table;
use crate::format::percent;
use crate::risk::figure_value;

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
                found.map_or("-".to_owned(), |c| {
                    figure_value(unit, if base { c.base } else { c.other })
                })
            };
            let others = compared.others.iter().map(|(_, comparison)| of(comparison, false));
            table.push([name.clone(), of(comparison, true)].into_iter().chain(others));
            shown.push(name);
        }
    }
    table
}

/// A change with its sign; nothing for what is rounding against `scale`.
fn change(unit: FigureUnit, value: f64, scale: f64) -> String {
    if value.abs() <= scale * 1e-9 {
        return "0".to_owned();
    }
    let shown = figure_value(unit, value.abs());
    match value > 0.0 {
        // What is too small to be seen has no side.
        _ if shown.starts_with("0 ") => shown,
        true => format!("+{shown}"),
        false => format!("-{shown}"),
    }
}

/// The difference of one factory from the base, figure by figure and cause by cause.
pub(super) fn causes(comparison: &Comparison) -> Table {
    let names = Cause::ALL.map(Cause::name);
    let mut table = Table::new(["", "difference"].into_iter().chain(names));
    for contrast in &comparison.figures {
        let unit = contrast.figure.unit;
        let difference = contrast.other - contrast.base;
        let scale = contrast.other.abs().max(contrast.base.abs());
        let mut row = vec![contrast.figure.name.to_string()];
        match contrast.causes {
            Some(causes) => {
                row.push(change(unit, difference, scale));
                row.extend(causes.map(|part| change(unit, part, scale)));
            }
            None => {
                row.push(figure_value(unit, difference));
                row.extend(Cause::ALL.map(|_| "-".to_owned()));
            }
        }
        table.push(row);
    }
    table
}

/// The same over samples.
pub(super) fn gaps(comparison: &Comparison) -> Table {
    let names = Cause::ALL.map(Cause::name);
    let header = ["", "P10", "P50", "P90", "higher", "mean"].into_iter().chain(names);
    let mut table = Table::new(header);
    for (contrast, gap) in comparison.figures.iter().zip(&comparison.gaps) {
        let unit = contrast.figure.unit;
        let scale = contrast.other.abs().max(contrast.base.abs());
        let mut row = vec![contrast.figure.name.to_string()];
        row.extend(gap.difference.map(|value| change(unit, value, scale)));
        row.push(percent(gap.chance_of_more));
        row.push(change(unit, gap.mean, scale));
        match gap.causes {
            Some(causes) => row.extend(causes.map(|part| change(unit, part, scale))),
            None => row.extend(Cause::ALL.map(|_| "-".to_owned())),
        }
        table.push(row);
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
