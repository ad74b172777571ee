//! The plan's cash with its contracts, and whether it adds up from both ends.

use jiff::civil::Date;
use wattmill_factory::{Deal, DealKind, Factory, US};
use wattmill_units::{Money, Power};

use crate::calendar::QuarterLabel;
use crate::cash::{Cash, CashQuarter, Quarterly};
use crate::deals::{Moved, Period, lent, moved, net, period};
use crate::ledger::Balance;
use crate::receipts::received;
use crate::result::{Quarter, Receipt, Sums};
use crate::statement::{Accounts, Statement};

/// Cash and counterparties of a plan.
pub(crate) struct Settlement {
    pub(crate) cash: Cash,
    pub(crate) statement: Statement,
    pub(crate) ledger: Vec<Balance>,
    /// Of what more is promised than there is.
    pub(crate) warnings: Vec<String>,
}

impl Settlement {
    /// `machines` are purchases by vendor; energy, infrastructure and operations come from `totals`,
    /// one for each quarter; `deployed` runs at the end of each day.
    pub(crate) fn of(
        factory: &Factory,
        quarters: &[Quarter],
        totals: &[Sums],
        receipts: &[Receipt],
        machines: &[(String, Money)],
        deployed: &[(Date, Power)],
    ) -> Self {
        let periods: Vec<Period> = quarters
            .iter()
            .zip(totals)
            .map(|(quarter, total)| period(quarter.days, total, &quarter.services))
            .collect();
        let cash_of = |moved: &[Vec<Moved>], receipts: &[Receipt]| {
            let all = quarters.iter().zip(totals).enumerate().map(|(index, (quarter, sums))| {
                let within = |receipt: &&Receipt| {
                    QuarterLabel::of(receipt.date.max(factory.start)) == quarter.label
                };
                Quarterly {
                    label: quarter.label,
                    days: quarter.days,
                    sums,
                    revenue: quarter.services.iter().map(|service| service.revenue).sum(),
                    received: receipts.iter().filter(within).map(Receipt::ours).sum(),
                    contracts: net(factory, moved, index),
                }
            });
            Cash::of(all, factory.economics.discount_per_year)
        };
        let moved = moved(factory, &periods);
        let cash = cash_of(&moved, receipts);
        let sum = |of: fn(&Sums) -> Money| -> Money { totals.iter().map(of).sum() };
        let mut purchases = machines.to_vec();
        purchases.extend([
            ("builders".to_owned(), sum(Sums::infrastructure_capital)),
            ("makers of energy plant".to_owned(), sum(|s| s.energy_capital)),
            ("energy suppliers".to_owned(), sum(|s| s.energy_cost + s.flows.sales)),
            // Who is paid less than nothing pays.
            ("buyers of energy".to_owned(), sum(|s| Money::ZERO - s.flows.sales)),
            ("operations".to_owned(), sum(|s| s.operations)),
            ("buyers of used machines".to_owned(), sum(|s| Money::ZERO - s.resale)),
        ]);
        let accounts = Accounts {
            factory,
            periods: &periods,
            receipts,
            purchases: &purchases,
            moved: &moved,
            to_finance: cash.to_finance,
            cash: &cash_of,
            received: &|factory| received(factory, deployed.iter().copied()),
        };
        let statement = accounts.statement();
        let ledger = ledger(factory, &cash, &statement, &moved);
        let over = |halves: &Halves| overshared(factory, &cash, totals, &moved, halves);
        let warnings = HALVES.iter().filter_map(over).collect();
        Self { cash, statement, ledger, warnings }
    }
}

/// Contracts of one kind that go halves on something, and may have promised more than all of it.
struct Halves {
    /// Whether a contract is one of them.
    of: fn(&Deal) -> bool,
    /// What they go halves on, in the quarter that is this one.
    whole: fn(&CashQuarter, &Sums) -> Money,
    /// What they do with it, in words.
    take: &'static str,
}

const HALVES: [Halves; 2] = [
    Halves {
        of: |deal| matches!(deal.kind, DealKind::RevenueShare { .. }) && deal.from == US,
        whole: |quarter, _| quarter.revenue,
        take: "shares of revenue take",
    },
    Halves {
        of: |deal| matches!(deal.kind, DealKind::Loan { .. }) && deal.to == US,
        whole: |_, sums| sums.capital,
        take: "loans pay for",
    },
];

/// What to say of the first quarter in which more is promised of something than there is.
fn overshared(
    factory: &Factory,
    cash: &Cash,
    totals: &[Sums],
    moved: &[Vec<Moved>],
    halves: &Halves,
) -> Option<String> {
    let these = || factory.deals.iter().zip(moved).filter(|(deal, _)| (halves.of)(deal));
    cash.quarters.iter().zip(totals).enumerate().find_map(|(index, (quarter, sums))| {
        let paid: Money = these().map(|(_, moved)| moved[index].paid).sum();
        let whole = (halves.whole)(quarter, sums);
        if paid <= whole * (1.0 + Balance::TOLERANCE) {
            return None;
        }
        let active = these().filter(|(_, moved)| moved[index].paid > Money::ZERO);
        let names: Vec<String> = active.map(|(deal, _)| format!("`{}`", deal.name)).collect();
        Some(format!(
            "in {} {} {paid} of {whole}: lower the share of {}, or let one begin after another",
            quarter.label,
            halves.take,
            names.join(" or ")
        ))
    })
}

/// Cash by quarter against what counterparties gave and got, and loans against what became of them.
fn ledger(
    factory: &Factory,
    cash: &Cash,
    statement: &Statement,
    moved: &[Vec<Moved>],
) -> Vec<Balance> {
    let received: Money = statement.parties.iter().map(|party| party.received).sum();
    let paid: Money = statement.parties.iter().map(|party| party.paid).sum();
    let net: Money = cash.quarters.iter().map(CashQuarter::net).sum();
    // What was paid stands on both sides, so that an error is one of all that was moved.
    let parties = Balance {
        what: "cash by counterparty = by quarter",
        unit: "USD",
        sources: (received + paid).as_usd(),
        uses: (paid * 2.0 + net).as_usd(),
    };
    std::iter::once(parties).chain(lent(factory, moved)).collect()
}
