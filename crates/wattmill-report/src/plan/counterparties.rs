//! Cash and counterparties of a plan, as tables and pictures.

use wattmill_factory::Factory;
use wattmill_plan::{CashQuarter, Plan};
use wattmill_units::Money;

use crate::Table;
use crate::format::{or_dash, percent};
use crate::measure::Measure;
use crate::svg::{Arrangement, BarChart, Heading, Series, Svg};

/// Capital and depreciation by part.
pub(super) fn parts(plan: &Plan) -> Table {
    let mut table = Table::new(["part", "capital", "depreciation"]);
    for part in &plan.parts {
        let cells = [part.capital, part.depreciation].map(|money| money.to_string());
        table.push([part.name.to_owned()].into_iter().chain(cells));
    }
    table
}

/// Every contract that pays over time.
pub(super) fn deals(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "contract",
        "kind",
        "from",
        "to",
        "begins",
        "paid or lent",
        "paid back",
        "interest",
        "owed at most",
        "owed at the end",
    ])
    .left(&[0, 1, 2, 3, 4]);
    for outcome in &plan.statement.deals {
        let deal = &factory.deals[outcome.deal];
        let money =
            [outcome.paid, outcome.repaid, outcome.interest, outcome.most_owed, outcome.owed];
        let begins = match (deal.begins, deal.after) {
            (None, _) => "never".to_owned(),
            (_, Some(before)) => format!("after {}", factory.deals[before].name),
            (Some(day), None) => day.to_string(),
        };
        let words = [
            deal.name.clone(),
            deal.kind.name().to_owned(),
            deal.from.clone(),
            deal.to.clone(),
            begins,
        ];
        table.push(words.into_iter().chain(money.map(|money| money.to_string())));
    }
    table
}

/// Everyone who pays us or whom we pay.
pub(super) fn parties(plan: &Plan) -> Table {
    let mut table = Table::new([
        "counterparty",
        "from it",
        "to it",
        "goes round",
        "owed at most",
        "of all income",
        "if it defaults",
        "others go without",
        "a year late",
    ])
    .units(["", "", "", "", "", "", "more to finance", "of their pay", "more to finance"]);
    for party in &plan.statement.parties {
        table.push([
            party.name.clone(),
            party.received.to_string(),
            party.paid.to_string(),
            party.round_trip().to_string(),
            party.most_owed.to_string(),
            percent(party.share),
            or_dash(party.stress, |stress| stress.default_to_finance.to_string()),
            or_dash(party.stress, |stress| percent(stress.default_of_others)),
            or_dash(party.stress, |stress| stress.late_to_finance.to_string()),
        ]);
    }
    table
}

/// How much hangs on a few.
pub(super) fn words(plan: &Plan) -> String {
    let first = plan.statement.parties.iter().max_by(|a, b| a.share.total_cmp(&b.share));
    match (plan.statement.concentration, first) {
        (Some(concentration), Some(first)) => format!(
            "Concentration of what comes in (sum of squared shares, 1 if all of it is one's): {}; the \
             most, {}, comes from {}.",
            crate::format::number(concentration),
            percent(first.share),
            first.name
        ),
        _ => "Nothing comes in.".to_owned(),
    }
}

/// What each default does that happens; nothing where none does.
pub(super) fn defaults(plan: &Plan) -> String {
    let told = plan.statement.defaults.iter().map(|default| {
        let others: Vec<String> =
            default.others.iter().take(4).map(|(name, less)| format!("{name} {less}")).collect();
        let others = match others.is_empty() {
            true => "nobody else goes without".to_owned(),
            false => format!("others go without if nobody steps in: {}", others.join(", ")),
        };
        format!(
            "{} defaults on {} (`{}`): {} less come of it, {} need not be paid, {} are owed on, {} more \
             to finance; {others}.",
            default.party,
            default.on,
            default.event,
            default.missing,
            default.spared,
            default.owed,
            default.to_finance,
        )
    });
    told.collect::<Vec<String>>().join("\n")
}

/// Circles that money goes in.
pub(super) fn circles(plan: &Plan) -> Table {
    let mut table = Table::new(["each pays the next", "goes all the way round"]);
    for circle in &plan.statement.circles {
        let first = circle.parties.first().map_or("", String::as_str);
        let names = circle.parties.iter().map(String::as_str).chain([first]);
        let names: Vec<&str> = names.collect();
        table.push([names.join(" → "), circle.around.to_string()]);
    }
    table
}

/// What comes in and goes out, quarter by quarter.
pub(super) fn cash(factory: &Factory, plan: &Plan) -> Svg {
    type Part = (&'static str, fn(&CashQuarter) -> Money);
    let parts: [Part; 6] = [
        ("revenue", |q| q.revenue),
        ("investors", |q| q.received),
        ("contracts", |q| q.contracts),
        ("debt", |q| q.debt),
        ("operating", |q| -q.operating),
        ("capital", |q| -q.capital),
    ];
    let quarters = &plan.cash.quarters;
    let most = quarters
        .iter()
        .flat_map(|quarter| parts.map(|(_, of)| of(quarter).max(-of(quarter))))
        .fold(Money::ZERO, Money::max);
    let unit = Measure::of_money(most);
    let used = parts.iter().filter(|(_, of)| quarters.iter().any(|q| of(q) != Money::ZERO));
    let series = used.map(|(name, of)| {
        Series::new(*name, quarters.iter().map(|quarter| unit.money(of(quarter))).collect())
    });
    BarChart {
        heading: Heading::new(
            "Cash by quarter",
            format!(
                "What comes in above zero, what goes out below, {} of {}.",
                unit.name, factory.economics.price_year
            ),
        ),
        categories: quarters.iter().map(|quarter| quarter.label.to_string()).collect(),
        y_label: unit.name.to_owned(),
        series: series.collect(),
        arrangement: Arrangement::Stacked,
    }
    .to_svg()
}

/// Counterparties of a picture.
const DRAWN: usize = 10;

/// What comes from everyone and goes to them.
pub(super) fn flows(factory: &Factory, plan: &Plan) -> Svg {
    let parties = &plan.statement.parties[..plan.statement.parties.len().min(DRAWN)];
    let most = parties.iter().map(|p| p.received.max(p.paid)).fold(Money::ZERO, Money::max);
    let unit = Measure::of_money(most);
    let series = |name: &str, of: &dyn Fn(&wattmill_plan::Party) -> Money| {
        Series::new(name, parties.iter().map(|party| unit.money(of(party))).collect())
    };
    BarChart {
        heading: Heading::new(
            "Who pays whom",
            format!(
                "Over the whole plan, {} of {}; what comes from one and goes back goes round.",
                unit.name, factory.economics.price_year
            ),
        ),
        categories: parties.iter().map(|party| party.name.clone()).collect(),
        y_label: unit.name.to_owned(),
        series: vec![
            series("comes from it", &|party| party.received),
            series("goes to it", &|party| party.paid),
            series("owed to it at most", &|party| party.most_owed),
        ],
        arrangement: Arrangement::Grouped,
    }
    .to_svg()
}
