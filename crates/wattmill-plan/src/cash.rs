//! Cash by quarter, and what the programme is worth.

use wattmill_units::Money;

use crate::calendar::QuarterLabel;
use crate::result::Sums;

/// What comes in and goes out in a quarter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CashQuarter {
    /// Which.
    pub label: QuarterLabel,
    /// Of services that have a price.
    pub revenue: Money,
    /// From investors, less what we invest in others.
    pub received: Money,
    /// Energy and operations.
    pub operating: Money,
    /// Machines, infrastructure and what makes energy, less what refreshed machines were sold for.
    pub capital: Money,
    /// What leases, capacity and shares of revenue bring, less what they take.
    pub contracts: Money,
    /// What is borrowed, less interest and what is paid back.
    pub debt: Money,
}

impl CashQuarter {
    /// What is left of the quarter; below zero it has to be financed.
    pub fn net(&self) -> Money {
        self.own() + self.received + self.debt
    }

    /// The same without what investors and lenders give and take.
    pub fn own(&self) -> Money {
        self.revenue + self.contracts - self.operating - self.capital
    }
}

/// Cash of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Cash {
    /// Every quarter, in order. What investors had paid before the plan is in the first, as are the machines
    /// that stand by then.
    pub quarters: Vec<CashQuarter>,
    /// What of capital had been lost in value before the plan by what stood then.
    pub lost_before: Money,
    /// What machines and infrastructure are still worth at the end: their price less depreciation, that
    /// before the plan included.
    pub book_value: Money,
    /// Most that has to be financed from elsewhere at any time, investors' money and loans counted.
    pub to_finance: Money,
    /// What owning and running the machines of the last quarter costs in a year: capital of all that
    /// was bought spread evenly over its life, with interest at the discount rate, and operation at
    /// the pace of that quarter.
    pub ownership_per_year: Money,
    /// Net present value of everything but investors' and lenders' money, at the end of each quarter and at the
    /// discount rate, the book value sold at the end.
    pub present_value: Money,
    /// Discount rate at which that is nothing, if there is one between -90 % and 1000 % a year.
    pub rate_of_return: Option<f64>,
}

/// A quarter as a walk knows it.
pub(crate) struct Quarterly<'a> {
    pub(crate) label: QuarterLabel,
    pub(crate) days: u32,
    pub(crate) sums: &'a Sums,
    pub(crate) revenue: Money,
    /// From investors.
    pub(crate) received: Money,
    /// From contracts and from loans.
    pub(crate) contracts: [Money; 2],
}

impl Cash {
    pub(crate) fn of<'a>(
        quarters: impl Iterator<Item = Quarterly<'a>>,
        discount_per_year: f64,
    ) -> Self {
        let mut cash = Self {
            quarters: Vec::new(),
            lost_before: Money::ZERO,
            book_value: Money::ZERO,
            to_finance: Money::ZERO,
            ownership_per_year: Money::ZERO,
            present_value: Money::ZERO,
            rate_of_return: None,
        };
        let (mut days, mut balance, mut yearly) = (0.0, Money::ZERO, Money::ZERO);
        let mut flows: Vec<(f64, f64)> = Vec::new();
        for Quarterly { label, days: of_quarter, sums, revenue, received, contracts } in quarters {
            let operating = sums.operating_cost();
            let [contracts, debt] = contracts;
            let capital = sums.capital - sums.resale;
            let quarter =
                CashQuarter { label, revenue, received, operating, capital, contracts, debt };
            days += f64::from(of_quarter);
            yearly += sums.yearly;
            cash.ownership_per_year = yearly + operating * (DAYS_PER_YEAR / f64::from(of_quarter));
            flows.push((days / DAYS_PER_YEAR, quarter.own().as_usd()));
            balance += quarter.net();
            cash.to_finance = cash.to_finance.max(-balance);
            cash.lost_before += sums.lost_before;
            cash.book_value += capital - sums.depreciation - sums.lost_before;
            cash.quarters.push(quarter);
        }
        flows.push((days / DAYS_PER_YEAR, cash.book_value.as_usd()));
        cash.present_value = Money::from_usd(worth(&flows, discount_per_year));
        cash.rate_of_return = rate(&flows);
        cash
    }
}

const DAYS_PER_YEAR: f64 = 365.25;

/// What is paid in a year, in equal parts over a life, for each dollar spent at a rate a year; a share
/// of it comes back in the end.
pub(crate) fn annuity_of(rate: f64, life_hours: f64, back: f64) -> f64 {
    let years = life_hours / 24.0 / DAYS_PER_YEAR;
    if rate > 0.0 {
        let worth = libm::pow(1.0 + rate, -years);
        rate * (1.0 - back * worth) / (1.0 - worth)
    } else {
        (1.0 - back) / years
    }
}

/// Present value of flows, each so many years away, at a rate a year.
fn worth(flows: &[(f64, f64)], rate: f64) -> f64 {
    flows.iter().map(|(years, flow)| flow * libm::pow(1.0 + rate, -years)).sum()
}

/// The rate at which flows are worth nothing, if they change sign between the ends.
fn rate(flows: &[(f64, f64)]) -> Option<f64> {
    let (mut low, mut high) = (-0.9, 10.0);
    let rising = worth(flows, low) < 0.0;
    if rising == (worth(flows, high) < 0.0) {
        return None;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if (worth(flows, middle) < 0.0) == rising { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loan_at_ten_percent_returns_ten_percent() {
        let flows = [(0.0, -100.0), (1.0, 10.0), (2.0, 110.0)];
        assert!((rate(&flows).expect("one") - 0.1).abs() < 1e-12);
        assert!(worth(&flows, 0.1).abs() < 1e-9);
        assert_eq!(rate(&[(0.0, -1.0), (1.0, -1.0)]), None, "nothing ever comes back");
        assert_eq!(rate(&[]), None);
        let loan = annuity_of(0.1, 48.0 * DAYS_PER_YEAR, 0.0);
        assert!((loan - 110.0 / 210.0 * 1.1).abs() < 1e-12, "{loan}: 1 = loan/1.1 + loan/1.21");
        let rest = annuity_of(0.1, 48.0 * DAYS_PER_YEAR, 0.5);
        assert!((rest - loan * (1.0 - 0.5 / 1.21)).abs() < 1e-12, "{rest}: half comes back");
    }

    #[test]
    fn what_must_be_financed_is_the_deepest_point() {
        let label = |quarter| QuarterLabel { year: 2027, quarter };
        let spent = |capital: f64| Sums {
            capital: Money::from_usd(capital),
            yearly: Money::from_usd(capital / 10.0),
            ..Sums::default()
        };
        let sums = [spent(100.0), spent(50.0), spent(0.0)];
        let revenue = [0.0, 30.0, 40.0].map(Money::from_usd);
        let received = [40.0, 0.0, 0.0].map(Money::from_usd);
        let quarters = (0..3).map(|i| Quarterly {
            label: label(i as i8 + 1),
            days: 91,
            sums: &sums[i],
            revenue: revenue[i],
            received: received[i],
            contracts: [Money::ZERO; 2],
        });
        let cash = Cash::of(quarters, 0.0);
        assert!((cash.ownership_per_year.as_usd() - 15.0).abs() < 1e-9, "150 over ten years");
        assert_eq!(cash.to_finance, Money::from_usd(80.0));
        assert_eq!(cash.book_value, Money::from_usd(150.0));
        assert_eq!(cash.present_value, Money::from_usd(70.0), "0 + 30 + 40 - 150 + 150");
    }
}
