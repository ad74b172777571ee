//! Units that suit what is drawn: kilowatts for a rack, gigawatts for a programme.

use wattmill_units::{Energy, Money, Power};

/// A unit and how many of the base unit it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measure {
    /// As an axis says it.
    pub(crate) name: &'static str,
    size: f64,
}

impl Measure {
    /// The largest of `units`, largest first, that `most` is at least two of; the last otherwise.
    fn of(most: f64, units: &[(f64, &'static str)]) -> Self {
        let fits = units.iter().find(|(size, _)| most >= 2.0 * size).or(units.last());
        let (size, name) = fits.copied().unwrap_or((1.0, ""));
        Self { name, size }
    }

    /// For powers up to `most`.
    pub(crate) fn of_power(most: Power) -> Self {
        Self::of(most.as_watts(), &[(1e9, "GW"), (1e6, "MW"), (1e3, "kW"), (1.0, "W")])
    }

    /// For energies up to `most`.
    pub(crate) fn of_energy(most: Energy) -> Self {
        Self::of(most.as_kwh(), &[(1e9, "TWh"), (1e6, "GWh"), (1e3, "MWh"), (1.0, "kWh")])
    }

    /// For sums of money up to `most`.
    pub(crate) fn of_money(most: Money) -> Self {
        Self::of(most.as_usd(), &[(1e9, "GUSD"), (1e6, "MUSD"), (1e3, "kUSD"), (1.0, "USD")])
    }

    /// In this unit.
    pub(crate) fn power(self, power: Power) -> f64 {
        power.as_watts() / self.size
    }

    /// In this unit.
    pub(crate) fn energy(self, energy: Energy) -> f64 {
        energy.as_kwh() / self.size
    }

    /// In this unit.
    pub(crate) fn money(self, money: Money) -> f64 {
        money.as_usd() / self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_suits_its_values() {
        let measure = Measure::of_power(Power::from_gw(10.0));
        assert_eq!((measure.name, measure.power(Power::from_mw(500.0))), ("GW", 0.5));
        assert_eq!(Measure::of_power(Power::from_mw(1500.0)).name, "MW");
        assert_eq!(Measure::of_power(Power::from_kw(192.0)).name, "kW");
        assert_eq!(Measure::of_power(Power::ZERO).name, "W");
        let measure = Measure::of_energy(Energy::from_twh(69.0));
        assert_eq!((measure.name, measure.energy(Energy::from_twh(69.0))), ("TWh", 69.0));
        let measure = Measure::of_money(Money::from_usd(4e6));
        assert_eq!((measure.name, measure.money(Money::from_usd(4e6))), ("MUSD", 4.0));
    }
}
