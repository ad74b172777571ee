//! The plan's cash with its contracts, and whether it adds up from both ends.

use jiff::civil::Date;
use wattmill_factory::{Covers, Deal, DealKind, Factory, Service, US};
use wattmill_units::{Id, Money, Power};

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
                    let date = receipt.date.max(factory.start);
                    date <= factory.end && QuarterLabel::of(date) == quarter.label
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
        let warnings = overshared(factory, &cash, &periods, &moved);
        Self { cash, statement, ledger, warnings }
    }
}

/// What is promised more than once: of capital to lenders, of revenue to those who share it.
fn overshared(
    factory: &Factory,
    cash: &Cash,
    periods: &[Period],
    moved: &[Vec<Moved>],
) -> Vec<String> {
    let first = |take, within: &dyn Fn(&Deal) -> bool, whole: &dyn Fn(&Period) -> Money| {
        let these = || factory.deals.iter().zip(moved).filter(|(deal, _)| within(deal));
        periods.iter().zip(&cash.quarters).enumerate().find_map(|(index, (period, quarter))| {
            let paid: Money = these().map(|(_, moved)| moved[index].paid).sum();
            let whole = whole(period);
            if paid <= whole * (1.0 + Balance::TOLERANCE) {
                return None;
            }
            let active = these().filter(|(_, moved)| moved[index].paid > Money::ZERO);
            let names: Vec<String> = active.map(|(deal, _)| format!("`{}`", deal.name)).collect();
            Some(format!(
                "in {} {take} {paid} of {whole}: lower the share of {}, or let one begin after another",
                quarter.label,
                names.join(" or ")
            ))
        })
    };
    let lent = |which: Option<Covers>, whole: &dyn Fn(&Period) -> Money| {
        let within = |deal: &Deal| match deal.kind {
            DealKind::Loan { covers, .. } => {
                deal.to == US && which.is_none_or(|which| covers == which)
            }
            _ => false,
        };
        first("loans pay for", &within, whole)
    };
    let shared = |of: Option<Id<Service>>, whole: &dyn Fn(&Period) -> Money| {
        let within = |deal: &Deal| match deal.kind {
            DealKind::RevenueShare { service, .. } => {
                deal.from == US && (of.is_none() || service == of)
            }
            _ => false,
        };
        first("shares of revenue take", &within, whole)
    };
    let of_capital = lent(Some(Covers::Machines), &|period| period.machines)
        .or_else(|| lent(Some(Covers::Infrastructure), &|period| period.infrastructure))
        .or_else(|| lent(None, &|period| period.machines + period.infrastructure + period.energy));
    let of_revenue = factory
        .services
        .ids()
        .find_map(|service| shared(Some(service), &|period| period.revenue[service.index()]))
        .or_else(|| shared(None, &|period| period.revenue.iter().copied().sum()));
    of_capital.into_iter().chain(of_revenue).collect()
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
