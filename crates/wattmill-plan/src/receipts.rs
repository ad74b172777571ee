//! Money that comes in from investors, day by day.

use jiff::civil::Date;
use wattmill_factory::{Factory, Payment};
use wattmill_units::{Money, Power};

use crate::result::Receipt;

/// What contracts have paid so far.
#[derive(Clone, Debug)]
pub(crate) struct Investors {
    /// Steps paid, by contract.
    paid: Vec<f64>,
}

impl Investors {
    pub(crate) fn new(factory: &Factory) -> Self {
        Self { paid: vec![0.0; factory.contracts.len()] }
    }

    /// What had come before the plan, in order.
    pub(crate) fn before(factory: &Factory) -> Vec<Receipt> {
        let early = factory.payments.iter().filter(|payment| payment.on < factory.start);
        let mut earlier: Vec<Receipt> = early.map(receipt).collect();
        earlier.sort_by_key(|receipt| receipt.date);
        earlier
    }

    /// What comes on a day at the end of which `deployed` runs.
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
            .filter(|payment| payment.on == date)
            .map(receipt)
            .for_each(&mut take);
        for (contract, paid) in factory.contracts.iter().zip(&mut self.paid) {
            // What does not begin, and what has ended, pays nothing.
            let begun = contract.begins.is_some_and(|day| date >= day);
            if !begun || contract.ends.is_some_and(|day| date >= day) {
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
                let from = contract.from.clone();
                take(Receipt { date, from, amount, released_at: Some(at) });
            }
        }
    }
}

fn receipt(payment: &Payment) -> Receipt {
    let Payment { from, amount, on } = payment.clone();
    Receipt { date: on, from, amount, released_at: None }
}
