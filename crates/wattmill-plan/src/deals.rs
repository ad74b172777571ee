//! What contracts pay quarter by quarter.
//!
//! Every amount is a closed form over the days of a quarter, so that a sample pays as the plan does.

use jiff::civil::Date;
use wattmill_factory::{Covers, Deal, DealKind, Factory, US};
use wattmill_units::Money;

use crate::calendar::Calendar;
use crate::ledger::Balance;
use crate::result::{ServiceQuarter, Sums};

/// What contracts have to know of a quarter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    /// Days of it.
    pub(crate) days: u32,
    /// Spent on machines.
    pub(crate) machines: Money,
    /// Spent on infrastructure.
    pub(crate) infrastructure: Money,
    /// Spent on what makes and stores energy on the campus.
    pub(crate) energy: Money,
    /// Revenue, by service.
    pub(crate) revenue: Vec<Money>,
    /// Share of the accelerator-hours that worked.
    pub(crate) used: f64,
}

/// What one contract moves in a quarter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moved {
    /// Paid by who pays, or lent.
    pub(crate) paid: Money,
    /// Paid back of what was lent.
    pub(crate) repaid: Money,
    /// Interest on what was lent.
    pub(crate) interest: Money,
    /// Lent and not paid back at the end of the quarter.
    pub(crate) owed: Money,
}

/// What every contract moves, by contract, then quarter.
pub(crate) fn moved(factory: &Factory, periods: &[Period]) -> Vec<Vec<Moved>> {
    moved_late(factory, periods, |_| 0.0)
}

/// The same with contracts so many days late.
pub(crate) fn moved_late(
    factory: &Factory,
    periods: &[Period],
    late: impl Fn(&Deal) -> f64,
) -> Vec<Vec<Moved>> {
    let calendar = Calendar::new(factory.start, factory.end);
    let deals = &factory.deals;
    let mut all: Vec<Option<(Vec<Moved>, Option<f64>)>> = vec![None; deals.len()];
    // A contract comes after those it waits for, which the file proves to end somewhere.
    for _ in 0..deals.len() {
        for (id, deal) in deals.enumerate() {
            if all[id.index()].is_some() {
                continue;
            }
            let after = match deal.after {
                None => Some(f64::NEG_INFINITY),
                Some(before) => match &all[before.index()] {
                    None => continue,
                    Some((_, ended)) => *ended,
                },
            };
            let day = |date: Date| calendar.hour_of(date) / 24.0;
            let begins =
                deal.begins.zip(after).map(|(date, after)| day(date).max(after) + late(deal));
            let term = deal.term.filter(|_| !matches!(deal.kind, DealKind::Loan { .. }));
            let ends =
                begins.zip(term).map_or(f64::INFINITY, |(begins, term)| begins + term.as_days());
            let ends = deal.ends.map_or(ends, |date| ends.min(day(date)));
            // Who defaults pays and lends nothing any more, and hands over nothing that would be paid for;
            // who has borrowed then pays nothing back. Shares of revenue are owed on.
            let stops = |party: &str| factory.default_of(party).map_or(f64::INFINITY, day);
            let delivers = !matches!(deal.kind, DealKind::RevenueShare { .. });
            let to_stops = stops(&deal.to);
            let ends =
                ends.min(stops(&deal.from)).min(if delivers { to_stops } else { f64::INFINITY });
            let span = begins.map(|begins| (begins, ends));
            all[id.index()] = Some(walk(deal, span, to_stops, periods));
        }
    }
    all.into_iter().flatten().map(|(moved, _)| moved).collect()
}

/// What a contract moves that lasts over these days of the plan, and the day on which it ended. What was
/// lent is paid back until the day `stops`.
fn walk(
    deal: &Deal,
    span: Option<(f64, f64)>,
    stops: f64,
    periods: &[Period],
) -> (Vec<Moved>, Option<f64>) {
    let mut all = Vec::with_capacity(periods.len());
    let mut ended = span.filter(|(_, ends)| ends.is_finite()).map(|(_, ends)| ends);
    let (mut from, mut paid) = (0.0, Money::ZERO);
    // What was lent in each quarter, and how much of it is left.
    let mut draws: Vec<(Money, Money)> = Vec::new();
    for period in periods {
        let to = from + f64::from(period.days);
        let mut moved = Moved::default();
        if let DealKind::Loan { rate, .. } = deal.kind {
            let owed: Money = draws.iter().map(|(_, left)| *left).sum();
            let days = f64::from(period.days).min(stops - from).max(0.0);
            moved.interest = owed * (rate * (days / DAYS_PER_YEAR));
            let term = deal.term.map_or(f64::INFINITY, |term| term.as_days());
            for (draw, left) in &mut draws {
                let part = (*draw * (days / term)).min(*left);
                *left -= part;
                moved.repaid += part;
            }
        }
        if let Some((begins, ends)) = span {
            let due = due(deal, (begins, ends), (from, to), period);
            let room = deal.up_to.map_or(due, |most| (most - paid).max(Money::ZERO));
            moved.paid = due.min(room);
            if due > Money::ZERO && moved.paid < due {
                // It is full within the quarter, as far into it as its last payment goes.
                let share = moved.paid / due;
                let full = from + share * (to - from);
                ended = Some(ended.map_or(full, |ended| ended.min(full)));
            }
            paid += moved.paid;
            if matches!(deal.kind, DealKind::Loan { .. }) && moved.paid > Money::ZERO {
                draws.push((moved.paid, moved.paid));
            }
        }
        moved.owed = draws.iter().map(|(_, left)| *left).sum();
        all.push(moved);
        from = to;
    }
    (all, ended)
}

const DAYS_PER_YEAR: f64 = 365.25;

/// What is to be paid, or lent, over the days from `from` to `to`.
fn due(deal: &Deal, (begins, ends): (f64, f64), (from, to): (f64, f64), period: &Period) -> Money {
    let (first, last) = (from.max(begins), to.min(ends));
    if last <= first {
        return Money::ZERO;
    }
    let active = (last - first) / (to - from);
    let ramp = deal.ramp.as_days();
    // Days of the full amount from its begin on.
    let full = |days: f64| if days < ramp { days * days / (2.0 * ramp) } else { days - ramp / 2.0 };
    let years = (full(last - begins) - full(first - begins)) / DAYS_PER_YEAR;
    match deal.kind {
        DealKind::Loan { share, covers, .. } => {
            let spent = match covers {
                Covers::All => period.machines + period.infrastructure + period.energy,
                Covers::Machines => period.machines,
                Covers::Infrastructure => period.infrastructure,
            };
            spent * (share * active)
        }
        DealKind::Lease { yearly, .. } => yearly * years,
        DealKind::Capacity { yearly, minimum } => {
            let ours = deal.to == US;
            yearly * (years * if ours { period.used.max(minimum) } else { 1.0 })
        }
        DealKind::RevenueShare { share, service } => {
            let of = |(index, money): (usize, &Money)| {
                service.is_none_or(|service| service.index() == index).then_some(*money)
            };
            let revenue: Money = period.revenue.iter().enumerate().filter_map(of).sum();
            revenue * (share * active)
        }
    }
}

/// What contracts leave of a quarter: payments for what was had, and loans.
pub(crate) fn net(factory: &Factory, moved: &[Vec<Moved>], quarter: usize) -> [Money; 2] {
    let (mut contracts, mut debt) = (Money::ZERO, Money::ZERO);
    for (deal, moved) in factory.deals.iter().zip(moved) {
        let moved = &moved[quarter];
        let sign = match (deal.to == US, deal.from == US) {
            (true, false) => 1.0,
            (false, true) => -1.0,
            // Among others.
            _ => continue,
        };
        let flow = moved.paid - moved.repaid - moved.interest;
        match deal.kind {
            DealKind::Loan { .. } => debt += flow * sign,
            _ => contracts += flow * sign,
        }
    }
    [contracts, debt]
}

/// What was lent against what became of it; `None` without loans.
pub(crate) fn lent(factory: &Factory, moved: &[Vec<Moved>]) -> Option<Balance> {
    let loans = || {
        let all = factory.deals.iter().zip(moved);
        all.filter(|(deal, _)| matches!(deal.kind, DealKind::Loan { .. })).map(|(_, moved)| moved)
    };
    let sum = |of: fn(&Moved) -> Money| -> Money { loans().flatten().map(of).sum() };
    let owed: Money = loans().filter_map(|moved| moved.last()).map(|moved| moved.owed).sum();
    loans().next().map(|_| Balance {
        what: "lent = paid back + owed",
        unit: "USD",
        sources: sum(|moved| moved.paid).as_usd(),
        uses: (sum(|moved| moved.repaid) + owed).as_usd(),
    })
}

/// What contracts have to know of a quarter with these sums and services.
pub(crate) fn period(days: u32, sums: &Sums, services: &[ServiceQuarter]) -> Period {
    let hours = sums.accelerator_hours();
    Period {
        days,
        machines: sums.machine_capital,
        infrastructure: sums.infrastructure_capital(),
        energy: sums.energy_capital,
        revenue: services.iter().map(|service| service.revenue).collect(),
        used: if hours > 0.0 { 1.0 - sums.idle_hours / hours } else { 0.0 },
    }
}
