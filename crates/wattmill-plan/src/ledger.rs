//! What must add up, and whether it does.

use std::fmt;

use wattmill_units::{Energy, Money};

use crate::microgrid::Microgrid;
use crate::property::Property;
use crate::relief;
use crate::result::{ServiceQuarter, Sums};
use crate::training::TrainingRun;

/// One thing that is conserved: what came in against what it went into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// Such as `energy`.
    pub what: &'static str,
    /// Unit of both sides.
    pub unit: &'static str,
    /// Sum of the sources.
    pub sources: f64,
    /// Sum of the uses.
    pub uses: f64,
}

impl Balance {
    /// Largest difference, as a fraction of the sources, that counts as rounding.
    pub const TOLERANCE: f64 = 1e-9;

    /// Nothing against nothing.
    pub(crate) const NOTHING: Self = Self { what: "nothing", unit: "", sources: 0.0, uses: 0.0 };

    /// Difference as a fraction of the larger side, 0 for nothing against nothing.
    pub fn error(&self) -> f64 {
        let scale = self.sources.abs().max(self.uses.abs());
        if scale == 0.0 { 0.0 } else { (self.sources - self.uses).abs() / scale }
    }

    /// Whether it closes.
    pub fn closes(&self) -> bool {
        self.error() <= Self::TOLERANCE
    }

    /// The one that is further off.
    pub fn worse(self, other: Self) -> Self {
        if other.error() > self.error() { other } else { self }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, unit, sources, uses } = self;
        write!(f, "{what} ({sources} against {uses} {unit})")
    }
}

/// What a walk sums apart from what it reports, hour by hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Books {
    /// Facility energy of machines and plant.
    pub(crate) energy_used: Energy,
    /// Accelerator-hours that there were.
    pub(crate) hours_available: f64,
    /// Requests that nobody served.
    pub(crate) requests_unserved: f64,
}

impl Books {
    /// Both sides of everything that is conserved: `total` and `services` are what is reported of all
    /// quarters, the others are as they are at the end.
    pub(crate) fn balances<'a>(
        &self,
        total: &Sums,
        services: impl Iterator<Item = &'a ServiceQuarter> + Clone,
        property: &[Property],
        trainings: &[TrainingRun],
        microgrids: &[Option<Microgrid>],
    ) -> [Balance; 9] {
        let balance = |what, unit, sources, uses| Balance { what, unit, sources, uses };
        // The sum of nothing is -0.
        let of =
            |figure: fn(&ServiceQuarter) -> f64| services.clone().map(figure).sum::<f64>() + 0.0;
        let of_runs =
            |figure: fn(&TrainingRun) -> f64| trainings.iter().map(figure).sum::<f64>() + 0.0;
        let flows = &total.flows;
        let capital: Money = property.iter().map(Property::net).sum();
        let stored: Energy = microgrids.iter().flatten().map(Microgrid::stored).sum();
        [
            balance(
                "energy bought = used",
                "MWh",
                total.energy.as_mwh(),
                self.energy_used.as_mwh(),
            ),
            balance(
                "energy bought + sold = sources",
                "MWh",
                (total.energy + flows.charged + flows.sold).as_mwh(),
                (flows.grid + flows.generators + flows.solar + flows.wind + flows.given()).as_mwh(),
            ),
            balance(
                "battery: brought + charged = given + lost + held",
                "MWh",
                (flows.brought + flows.charged).as_mwh(),
                (flows.given() + flows.lost + stored).as_mwh(),
            ),
            balance(
                "curtailment asked = answered + unanswered",
                "MWh",
                flows.asked.as_mwh(),
                relief::answers(flows).as_mwh(),
            ),
            balance("accelerator-hours", "h", self.hours_available, total.accelerator_hours()),
            balance(
                "requests asked = served + unserved",
                "requests",
                of(|service| service.asked_requests),
                of(|service| service.served_requests) + self.requests_unserved,
            ),
            balance(
                "tokens by site = by service",
                "tokens",
                total.served_output_tokens,
                of(|service| service.served_output_tokens),
            ),
            balance(
                "training FLOPs = done + left",
                "FLOP",
                of_runs(|run| run.flops),
                of_runs(TrainingRun::flops_done) + of_runs(TrainingRun::flops_left),
            ),
            balance(
                "capital less resale by quarter = by site",
                "USD",
                (total.capital - total.resale).as_usd(),
                capital.as_usd(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_that_is_off_is_found() {
        let mwh = Energy::from_mwh;
        let total = Sums {
            energy: mwh(10.0),
            serving_hours: 3.0,
            idle_hours: 1.0,
            flows: crate::EnergyFlows { grid: mwh(10.0), ..Default::default() },
            ..Sums::default()
        };
        let sound = Books { energy_used: mwh(10.0), hours_available: 4.0, ..Books::default() };
        let open = |books: Books, total: &Sums| -> Vec<&str> {
            let all = books.balances(total, std::iter::empty(), &[], &[], &[]);
            all.iter().filter(|balance| !balance.closes()).map(|balance| balance.what).collect()
        };
        assert_eq!(open(sound, &total), [""; 0]);
        let wasted = Books { energy_used: mwh(10.001), ..sound };
        assert_eq!(open(wasted, &total), ["energy bought = used"]);
        assert_eq!(open(Books { hours_available: 5.0, ..sound }, &total), ["accelerator-hours"]);
        let lost = Books { requests_unserved: 1.0, ..sound };
        assert_eq!(open(lost, &total), ["requests asked = served + unserved"]);
        let more = Sums { capital: Money::from_usd(1.0), served_output_tokens: 1.0, ..total };
        let both = ["tokens by site = by service", "capital less resale by quarter = by site"];
        assert_eq!(open(sound, &more), both);
        let worst = lost.balances(&total, std::iter::empty(), &[], &[], &[]);
        let worst = worst.into_iter().fold(Balance::NOTHING, Balance::worse);
        let said = "requests asked = served + unserved (0 against 1 requests)";
        assert_eq!(worst.to_string(), said);
    }
}
