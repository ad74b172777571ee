//! Accelerators in a power under each convention, as text.

use wattmill_plan::Holding;
use wattmill_units::Power;

use crate::Table;
use crate::format::{grouped, number, signed_percent};

/// Each system's accelerators under every convention, beside the published figures.
pub fn holding_text(holdings: &[Holding]) -> String {
    let mut out = String::new();
    for holding in holdings {
        out.push_str(&format!(
            "{} of {} ({} accelerators a {})\n\n{}\n",
            holding.power,
            holding.system.name,
            holding.system.accelerators,
            holding.system.unit,
            conventions(holding)
        ));
        if !holding.published.is_empty() {
            out.push_str(&format!(
                "Published, and which of these comes closest\n\n{}\n",
                published(holding)
            ));
        }
    }
    out
}

fn kw(power: Power) -> String {
    number(power.as_kw())
}

fn conventions(holding: &Holding) -> Table {
    let mut table = Table::new(["counted as", "where", "each", "accelerators"])
        .units(["", "", "kW", ""])
        .left(&[0, 1]);
    for convention in &holding.conventions {
        table.push([
            convention.name.clone(),
            convention.counted.to_owned(),
            kw(convention.each),
            grouped(convention.accelerators),
        ]);
    }
    table
}

fn published(holding: &Holding) -> Table {
    let mut table =
        Table::new(["who says", "each", "accelerators", "nearest convention", "difference", ""])
            .units(["", "kW", "", "", "", ""])
            .left(&[0, 3, 5]);
    for published in &holding.published {
        let [low, best, high] = published.each;
        let range = low != high;
        let each = if range { format!("{} to {}", kw(low), kw(high)) } else { kw(best) };
        let [most, middle, least] = published.accelerators.map(grouped);
        let many = if range { format!("{least} to {most}") } else { middle };
        let verdict = match (published.within, range) {
            (true, true) => "true so counted",
            (false, true) => "not true of these",
            _ => "",
        };
        table.push([
            published.stated.says.clone(),
            each,
            many,
            holding.conventions[published.nearest].name.clone(),
            signed_percent(published.off),
            verdict.to_owned(),
        ]);
    }
    table
}
