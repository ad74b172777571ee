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
    /// From investors.
    pub received: Money,
    /// Energy and operations.
    pub operating: Money,
    /// Machines and infrastructure.
    pub capital: Money,
}

impl CashQuarter {
    /// What is left of the quarter; below zero it has to be financed.
    pub fn net(&self) -> Money {
        self.revenue + self.received - self.operating - self.capital
    }

    /// The same without what investors give.
    pub fn own(&self) -> Money {
        self.net() - self.received
    }
}

/// Cash of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Cash {
    /// Every quarter, in order. What came before the plan is in none of them.
    pub quarters: Vec<CashQuarter>,
    /// What machines and infrastructure are still worth at the end: their price less depreciation.
    pub book_value: Money,
    /// Most that has to be financed from elsewhere at any time, investors' money counted.
    pub to_finance: Money,
    /// Net present value of everything but investors' money, at the end of each quarter and at the
    /// discount rate, the book value sold at the end.
    pub present_value: Money,
    /// Discount rate at which that is nothing, if there is one between -90 % and 1000 % a year.
    pub rate_of_return: Option<f64>,
}

/// A quarter as a walk knows it: label, days, sums, revenue and what was received.
pub(crate) type Quarterly<'a> = (QuarterLabel, u32, &'a Sums, Money, Money);

impl Cash {
    /// `discount` is a rate a year.
    pub(crate) fn of<'a>(quarters: impl Iterator<Item = Quarterly<'a>>, discount: f64) -> Self {
        let mut cash = Self {
            quarters: Vec::new(),
            book_value: Money::ZERO,
            to_finance: Money::ZERO,
            present_value: Money::ZERO,
            rate_of_return: None,
        };
        let (mut days, mut balance) = (0.0, Money::ZERO);
        let mut flows: Vec<(f64, f64)> = Vec::new();
        for (label, of_quarter, sums, revenue, received) in quarters {
            let operating = sums.operating_cost();
            let quarter =
                CashQuarter { label, revenue, received, operating, capital: sums.capital };
            days += f64::from(of_quarter);
            flows.push((days / 365.25, quarter.own().as_usd()));
            balance += quarter.net();
            cash.to_finance = cash.to_finance.max(-balance);
            cash.book_value += sums.capital - sums.depreciation;
            cash.quarters.push(quarter);
        }
        flows.push((days / 365.25, cash.book_value.as_usd()));
        cash.present_value = Money::from_usd(worth(&flows, discount));
        cash.rate_of_return = rate(&flows);
        cash
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
    }

    #[test]
    fn what_must_be_financed_is_the_deepest_point() {
        let label = |quarter| QuarterLabel { year: 2027, quarter };
        let spent = |capital: f64| Sums { capital: Money::from_usd(capital), ..Sums::default() };
        let sums = [spent(100.0), spent(50.0), spent(0.0)];
        let revenue = [0.0, 30.0, 40.0].map(Money::from_usd);
        let received = [40.0, 0.0, 0.0].map(Money::from_usd);
        let quarters = (0..3).map(|i| (label(i as i8 + 1), 91, &sums[i], revenue[i], received[i]));
        let cash = Cash::of(quarters, 0.0);
        assert_eq!(cash.to_finance, Money::from_usd(80.0));
        assert_eq!(cash.book_value, Money::from_usd(150.0));
        assert_eq!(cash.present_value, Money::from_usd(70.0), "0 + 30 + 40 - 150 + 150");
    }
}
