//! Cash and counterparties of a plan, as tables and pictures.

use wattmill_factory::Factory;
use wattmill_plan::{CashQuarter, Party, Plan, Stress};
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
    // Contracts may be among others: what they pay each other is no business of most plans.
    let among = plan.statement.parties.iter().any(|party| party.among_others() > Money::ZERO);
    let mut columns = vec![
        ["counterparty", ""],
        ["from it", ""],
        ["to it", ""],
        ["goes round", ""],
        ["owed at most", ""],
        ["of all income", ""],
        ["if it defaults", "more to finance"],
        ["others go without", "of their pay"],
        ["a year late", "more to finance"],
    ];
    if among {
        columns.extend([["from others", "to it"], ["to others", "from it"]]);
    }
    let mut table =
        Table::new(columns.iter().map(|[name, _]| *name)).units(columns.iter().map(|[_, u]| *u));
    for party in &plan.statement.parties {
        let mut row = vec![
            party.name.clone(),
            party.received.to_string(),
            party.paid.to_string(),
            party.round_trip().to_string(),
            party.most_owed.to_string(),
            percent(party.share),
            or_dash(party.stress, |stress| stress.default_to_finance.to_string()),
            or_dash(party.stress, |stress| percent(stress.default_of_others)),
            or_dash(party.stress, |stress| stress.late_to_finance.to_string()),
        ];
        if among {
            row.extend([party.from_others, party.to_others].map(|money| money.to_string()));
        }
        table.push(row);
    }
    table
}

/// How much hangs on a few.
pub(super) fn words(plan: &Plan) -> String {
    let parties = &plan.statement.parties;
    let first = parties.iter().max_by(|a, b| a.share.total_cmp(&b.share));
    let mut words = match (plan.statement.concentration, first) {
        (Some(concentration), Some(first)) => format!(
            "Concentration of what comes in (sum of squared shares, 1 if all of it is one's): {}; the \
             most, {}, comes from {}.",
            crate::format::number(concentration),
            percent(first.share),
            first.name
        ),
        _ => "Nothing comes in.".to_owned(),
    };
    let stressed = || parties.iter().filter_map(|party| party.stress);
    if stressed().any(|stress| stress.default_of_others >= 1.0) {
        words.push_str(
            " Where others would go without 100 % of their pay, what is missing is as much as all of it or \
             more: the rest has nobody to go without it.",
        );
    }
    let same = |stress: Stress| {
        stress.late_to_finance > Money::ZERO && stress.late_to_finance == stress.default_to_finance
    };
    if stressed().any(same) {
        words.push_str(
            " Whoever is a year late does as much as by a default where what it pays would then come after \
             the plan, or after the day on which most is to be financed.",
        );
    }
    words
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
    type Part = (&'static str, usize, fn(&CashQuarter) -> Money);
    let parts: [Part; 6] = [
        ("revenue", colors::REVENUE, |q| q.revenue),
        ("investors", colors::INVESTORS, |q| q.received),
        ("contracts", colors::CONTRACTS, |q| q.contracts),
        ("debt", colors::DEBT, |q| q.debt),
        ("operating", colors::OPERATING, |q| -q.operating),
        ("capital", colors::CAPITAL, |q| -q.capital),
    ];
    let quarters = &plan.cash.quarters;
    let most = quarters
        .iter()
        .flat_map(|quarter| parts.map(|(_, _, of)| of(quarter).max(-of(quarter))))
        .fold(Money::ZERO, Money::max);
    let unit = Measure::of_money(most);
    let used = parts.iter().filter(|(_, _, of)| quarters.iter().any(|q| of(q) != Money::ZERO));
    let series = used.map(|(name, color, of)| {
        let values = quarters.iter().map(|quarter| unit.money(of(quarter))).collect();
        Series::new(*name, values).colored(*color)
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

/// Counterparties of a picture; those that there are beyond it are one.
const DRAWN: usize = 10;

/// The largest of those who deal with us, and all others as one if there are several.
fn drawn(parties: &[Party]) -> Vec<Party> {
    let ours = |party: &&Party| party.received + party.paid > Money::ZERO;
    let mut drawn: Vec<Party> = parties.iter().filter(ours).cloned().collect();
    if drawn.len() > DRAWN {
        let rest = drawn.split_off(DRAWN - 1);
        let sum = |of: fn(&Party) -> Money| rest.iter().map(of).sum();
        drawn.push(Party {
            name: format!("{} others", rest.len()),
            received: sum(|party| party.received),
            paid: sum(|party| party.paid),
            from_others: sum(|party| party.from_others),
            to_others: sum(|party| party.to_others),
            most_owed: sum(|party| party.most_owed),
            share: rest.iter().map(|party| party.share).sum(),
            stress: None,
        });
    }
    drawn
}

/// What comes from everyone and goes to them.
pub(super) fn flows(factory: &Factory, plan: &Plan) -> Svg {
    let parties = drawn(&plan.statement.parties);
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

/// Colours of what money is for, the same in every picture of it.
pub(super) mod colors {
    pub(in crate::plan) const INVESTORS: usize = 0;
    pub(in crate::plan) const OPERATING: usize = 1;
    pub(in crate::plan) const REVENUE: usize = 2;
    pub(in crate::plan) const CAPITAL: usize = 3;
    pub(in crate::plan) const DEBT: usize = 4;
    pub(in crate::plan) const CONTRACTS: usize = 5;
    pub(in crate::plan) const ENERGY: usize = 6;
    pub(in crate::plan) const DEPRECIATION: usize = 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_many_parties_are_drawn_as_one() {
        let party = |index: u32| Party {
            name: format!("party {index}"),
            received: Money::from_usd(f64::from(100 - index)),
            paid: Money::from_usd(1.0),
            from_others: Money::ZERO,
            to_others: Money::ZERO,
            most_owed: Money::from_usd(2.0),
            share: 0.01,
            stress: None,
        };
        let all: Vec<Party> = (0..13).map(party).collect();
        let shown = drawn(&all);
        assert_eq!(shown.len(), DRAWN);
        let last = &shown[DRAWN - 1];
        assert_eq!(last.name, "4 others");
        assert_eq!((last.received.as_usd(), last.most_owed.as_usd()), (358.0, 8.0));
        let both = |all: &[Party]| all.iter().map(|p| p.received + p.paid).sum::<Money>().as_usd();
        assert!((both(&shown) - both(&all)).abs() < 1e-9);
        assert_eq!(drawn(&all[..DRAWN]), all[..DRAWN]);
        // Who only pays others is in no picture of who pays us.
        let stranger = Party { received: Money::ZERO, paid: Money::ZERO, ..party(0) };
        assert!(drawn(&[stranger]).is_empty());
    }
}
