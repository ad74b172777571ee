//! What others publish of an accelerator's power.

use std::cmp::Ordering;

use wattmill_catalog::{StatedPower, Statement};
use wattmill_factory::Pue;
use wattmill_units::Power;

use crate::conventions::Convention;

/// What one way of counting may be off from another and still be the same: what provisioned powers are
/// rounded by.
const NEAR: f64 = 0.02;

/// A published power of an accelerator.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Who says what.
    pub stated: StatedPower,
    /// Power of one accelerator as stated, lowest, best and highest.
    pub each: [Power; 3],
    /// The power and the accelerators in it that are stated, fewest, best and most, where a number is.
    pub named: Option<(Power, [f64; 3])>,
    /// Whether it is stated of facility power, not of IT.
    pub facility: bool,
}

/// A place among ways of counting, the best first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rank(bool, bool, f64);

impl Rank {
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1).cmp(&(other.0, other.1)).then(self.2.total_cmp(&other.2))
    }
}

impl Published {
    /// `None` for a statement that is not about the power of one accelerator.
    pub(crate) fn of(stated: StatedPower) -> Option<Self> {
        let Statement::Each { power, low, high, facility, accelerators: named } = stated.statement
        else {
            return None;
        };
        Some(Self { stated, each: [low, power, high], named, facility })
    }

    /// Whether it is about these accelerators, or about any.
    pub(crate) fn is_about(&self, accelerator: &str) -> bool {
        self.stated.accelerator.as_ref().is_none_or(|about| about == accelerator)
    }

    /// Accelerators in a power as stated, fewest, best and most.
    pub fn accelerators(&self, power: Power) -> [f64; 3] {
        let [low, best, high] = self.each;
        match self.named {
            Some((named, many)) => many.map(|many| many * (power / named)),
            None => [high, best, low].map(|each| power / each),
        }
    }

    /// Whether so many accelerators in a power are what is stated, within a fiftieth.
    pub fn holds(&self, power: Power, accelerators: f64) -> bool {
        let [fewest, _, most] = self.accelerators(power);
        (fewest * (1.0 - NEAR)..=most * (1.0 + NEAR)).contains(&accelerators)
    }

    /// How well a way of counting explains what is stated of a power, the best first: ways under which it
    /// holds, of these ways that take no oversubscription to do so, and then by how far they are from what
    /// is stated best, the same above as below. `None` for one that counts elsewhere.
    pub(crate) fn rank(&self, power: Power, way: &Convention) -> Option<Rank> {
        let place = if self.facility { "facility" } else { "IT" };
        let holds = self.holds(power, way.accelerators);
        let far = libm::log(way.each / self.each[1]).abs();
        (way.counted == place).then_some(Rank(!holds, holds && way.oversubscribed, far))
    }

    /// IT power that a unit of so many accelerators is provisioned for if the best figure is true to the
    /// last of them, at the PUE of a year and at that of the peak. Solved for, not stated by anybody.
    ///
    /// ```
    /// use wattmill_catalog::Catalog;
    /// use wattmill_factory::Pue;
    /// use wattmill_plan::holding;
    /// use wattmill_units::Power;
    /// let pue = Pue { design: 1.4, annual: 1.1 };
    /// let holding = holding(Catalog::builtin(), "vr-nvl72", Power::from_gw(1.0), pue).unwrap();
    /// let dsx = holding.beside.iter().find(|beside| beside.said.stated.id == "dsx").unwrap();
    /// let [year, peak] = dsx.said.unit_power(72, pue);
    /// assert!(peak < year && (year.as_kw() - 238.0).abs() < 0.1);
    /// ```
    pub fn unit_power(&self, accelerators: u32, pue: Pue) -> [Power; 2] {
        let each = self.named.map_or(self.each[1], |(power, [_, many, _])| power / many);
        let unit = each * f64::from(accelerators);
        match self.facility {
            true => [unit / pue.annual, unit / pue.design],
            false => [unit, unit],
        }
    }
}
