//! What was bought, and what it loses in value.

use std::collections::VecDeque;

use wattmill_units::Money;

/// Everything of one life that a site bought.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assets {
    bought: Money,
    /// Of it, what has lost all its value.
    written_off: Money,
    /// Hour of each purchase that still has value, and all that was bought until then.
    purchases: VecDeque<(f64, Money)>,
}

impl Assets {
    /// Buys at hour `at`, not earlier than the last time.
    pub(crate) fn buy(&mut self, at: f64, price: Money) {
        self.bought += price;
        self.purchases.push_back((at, self.bought));
    }

    /// All that was bought.
    pub(crate) const fn bought(&self) -> Money {
        self.bought
    }

    /// Straight-line depreciation of the hour `at`, which must not fall from call to call, with a
    /// life of `life` hours.
    pub(crate) fn depreciation(&mut self, at: f64, life: f64) -> Money {
        while let Some((_, until_then)) =
            self.purchases.pop_front_if(|(hour, _)| at >= *hour + life)
        {
            self.written_off = until_then;
        }
        (self.bought - self.written_off) / life
    }
}

impl Assets {
    /// Straight-line depreciation of `hours` hours from `at` on, as [`Self::depreciation`] of each.
    pub(crate) fn depreciation_of(&mut self, at: f64, hours: u32, life: f64) -> Money {
        let last = at + f64::from(hours);
        if self.purchases.front().is_none_or(|(hour, _)| last <= *hour + life) {
            return (self.bought - self.written_off) / life * f64::from(hours);
        }
        (0..hours).map(|hour| self.depreciation(at + f64::from(hour), life)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_loses_more_than_it_cost() {
        let mut assets = Assets::default();
        let mut lost = Money::ZERO;
        for hour in 0..40 {
            if hour == 0 || hour == 7 {
                assets.buy(f64::from(hour), Money::from_usd(100.0));
            }
            lost += assets.depreciation(f64::from(hour), 10.0);
            if hour == 8 {
                assert_eq!(lost, Money::from_usd(110.0), "nine hours of one, two of the other");
            }
        }
        assert_eq!(lost, assets.bought());
        assert_eq!(assets.depreciation(40.0, 10.0), Money::ZERO);
    }
}
