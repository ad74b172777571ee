//! Accelerators in a power under each convention, as text.

use wattmill_plan::{Holding, Link};
use wattmill_units::Power;

use crate::Table;
use crate::format::{grouped, number, percent, signed_percent};

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
        if !holding.beside.is_empty() {
            out.push_str(&format!(
                "Published, and which of these comes closest; true is what is off by 2 % at most\n\n{}\n\
                 What a {} would be provisioned for if these were true to the last accelerator: solved \
                 for, published by nobody\n\n{}\n",
                published(holding),
                holding.system.unit,
                solved(holding)
            ));
        }
        let modes = holding.chains.iter();
        let chains: Vec<_> = modes.map(|(mode, links)| (mode.as_str(), links.as_slice())).collect();
        if !chains.is_empty() {
            out.push_str(&format!(
                "Where it goes, for each accelerator of a {} provisioned at what is stated of it, PUE {} at \
                 peak\n\n{}\n",
                holding.system.unit,
                holding.pue.design,
                chain(&chains)
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
    for beside in &holding.beside {
        let said = &beside.said;
        let [low, best, high] = said.each;
        let range = low != high;
        let each = if range { format!("{} to {}", kw(low), kw(high)) } else { kw(best) };
        let [least, middle, most] = said.accelerators(holding.power).map(grouped);
        let many = if range { format!("{least} to {most}") } else { middle };
        let nearest = &holding.conventions[beside.nearest];
        let is_true = said.holds(holding.power, nearest.accelerators);
        table.push([
            said.stated.says.clone(),
            each,
            many,
            nearest.name.clone(),
            signed_percent(nearest.each / best - 1.0),
            if is_true { "true so counted" } else { "not true of these" }.to_owned(),
        ]);
    }
    table
}

fn solved(holding: &Holding) -> Table {
    let pue = holding.pue;
    let mut table = Table::new([
        "who says".to_owned(),
        format!("IT, PUE {}", pue.annual),
        "of its maximum".to_owned(),
        format!("IT, PUE {}", pue.design),
        "of its maximum".to_owned(),
    ])
    .units(["", "kW", "", "kW", ""]);
    let most = holding.system.power_max.or(holding.system.power_typical);
    let share = |power: Power| match most {
        Some(most) => percent(power / most),
        None => "-".to_owned(),
    };
    for beside in &holding.beside {
        let [year, peak] = beside.said.unit_power(holding.system.accelerators, pue);
        let says = beside.said.stated.says.clone();
        table.push([says, kw(year), share(year), kw(peak), share(peak)]);
    }
    table
}

/// Where the power of an accelerator goes, from the package to the power station: a pair of columns for each
/// of these chains, which have the same steps.
pub(crate) fn chain(chains: &[(&str, &[Link])]) -> Table {
    let mut headers = vec!["from the package outwards".to_owned(), "reaches".to_owned()];
    let mut units = vec![String::new(); 2];
    for (name, _) in chains {
        headers.extend([format!("{name}: adds"), "sum".to_owned(), "lost".to_owned()]);
        units.extend(["kW".to_owned(), "kW".to_owned(), String::new()]);
    }
    let mut table = Table::new(headers).units(units).left(&[0, 1]);
    let Some((_, first)) = chains.first() else { return table };
    for (index, step) in first.iter().enumerate() {
        let mut row = vec![step.name.clone(), step.reaches.unwrap_or_default().to_owned()];
        for (_, links) in chains {
            let link = &links[index];
            let lost = if link.is_loss { percent(link.adds / link.sum) } else { String::new() };
            row.extend([kw(link.adds), kw(link.sum), lost]);
        }
        table.push(row);
    }
    table
}
