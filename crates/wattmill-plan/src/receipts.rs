//! What investors pay, day by day.

use jiff::civil::Date;
use wattmill_factory::{Factory, Payment};
use wattmill_units::{Money, Power};

use crate::result::Receipt;

/// What contracts have paid so far.
#[derive(Clone, Debug)]
pub(crate) struct Investors {
    /// Steps paid, by contract.
    paid: Vec<f64>,
    /// Day from which each contract pays no more: its event's, or that on which a side of it defaults.
    ends: Vec<Option<Date>>,
}

impl Investors {
    pub(crate) fn new(factory: &Factory) -> Self {
        let ends = factory.contracts.iter().map(|contract| {
            let defaulted = default_of_either(factory, &contract.from, &contract.to);
            contract.ends.into_iter().chain(defaulted).min()
        });
        Self { paid: vec![0.0; factory.contracts.len()], ends: ends.collect() }
    }

    /// What comes on a day at the end of which `deployed` runs; on the first day of the plan, also what
    /// had come before.
    pub(crate) fn pay(
        &mut self,
        factory: &Factory,
        date: Date,
        deployed: Power,
        mut take: impl FnMut(Receipt),
    ) {
        factory
            .payments
            .iter()
            .filter(|payment| payment.on.max(factory.start) == date)
            .filter(|Payment { from, to, on, .. }| {
                default_of_either(factory, from, to).is_none_or(|day| *on < day)
            })
            .map(|Payment { from, to, amount, on }| Receipt {
                date: *on,
                from: from.clone(),
                to: to.clone(),
                amount: *amount,
                released_at: None,
            })
            .for_each(&mut take);
        let contracts = factory.contracts.iter().zip(&mut self.paid).zip(&self.ends);
        for ((contract, paid), ends) in contracts {
            // What does not begin, and what has ended, pays nothing.
            let begun = contract.begins.is_some_and(|day| date >= day);
            if !begun || ends.is_some_and(|day| date >= day) {
                continue;
            }
            loop {
                let at = contract.for_each * (*paid + 1.0);
                let amount = match contract.up_to {
                    Some(limit) => contract.amount.min(limit - contract.amount * *paid),
                    None => contract.amount,
                };
                // A gigawatt of whole racks is a little less than a gigawatt.
                if deployed < at * 0.999 || amount <= Money::ZERO {
                    break;
                }
                *paid += 1.0;
                let (from, to) = (contract.from.clone(), contract.to.clone());
                take(Receipt { date, from, to, amount, released_at: Some(at) });
            }
        }
    }
}

fn default_of_either(factory: &Factory, from: &str, to: &str) -> Option<Date> {
    factory.default_of(from).into_iter().chain(factory.default_of(to)).min()
}

/// Everything that comes while `deployed` runs, by day.
pub(crate) fn received(
    factory: &Factory,
    deployed: impl Iterator<Item = (Date, Power)>,
) -> Vec<Receipt> {
    let mut investors = Investors::new(factory);
    let mut all = Vec::new();
    for (date, deployed) in deployed {
        investors.pay(factory, date, deployed, |receipt| all.push(receipt));
    }
    all
}
