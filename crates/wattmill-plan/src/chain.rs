//! The way of an accelerator's power from the package to the power station, step by step.
//!
//! Nothing is counted twice: what power supplies lose is part of a unit's IT power, and what transformers,
//! uninterruptible supplies and distribution lose is part of what PUE adds to it, as the bounds of PUE
//! have it. So a chain splits powers that are known, and adds none.

use wattmill_catalog::{Conversion, Inside};
use wattmill_units::Power;

/// A step outwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// What is added.
    pub name: String,
    /// How much of it, for one accelerator.
    pub adds: Power,
    /// What all steps so far add up to.
    pub sum: Power,
    /// Whether what is added is lost in conversion, not worked with.
    pub is_loss: bool,
    /// What is reached with this step, if it has a name: `package`, `unit` (a server or rack), `IT`,
    /// `facility` (the meter) or `generated`.
    pub reaches: Option<&'static str>,
}

/// The chain of one accelerator of a unit.
///
/// `unit` is IT power provisioned for a unit of so many accelerators, each of which takes at most `package`;
/// `beside` is IT power that stands beside the units over theirs, and `pue` facility over IT power. Where PUE
/// leaves less than conversion takes by the catalogue, conversion takes all that it leaves.
///
/// ```
/// use wattmill_plan::chain;
/// use wattmill_units::Power;
/// let rack = Power::from_kw(190.0);
/// let links = chain((rack, 72.0), Power::from_watts(1800.0), 0.0, 1.4);
/// let meter = links.iter().find(|link| link.reaches == Some("facility")).unwrap();
/// assert!((meter.sum / (rack / 72.0) - 1.4).abs() < 1e-12);
/// ```
pub fn chain(
    (unit, accelerators): (Power, f64),
    package: Power,
    beside: f64,
    pue: f64,
) -> Vec<Link> {
    let conversions = Conversion::builtin();
    let inside = |place: Inside| conversions.iter().filter(move |step| step.inside == place);
    let unit = unit / accelerators;
    let mut links = Links { links: Vec::new(), sum: Power::ZERO };

    // Inwards from the unit's power: what its supplies lose, then what is left for packages and host.
    let delivered = inside(Inside::Unit).fold(unit, |power, step| power * step.efficiency);
    let package = package.min(delivered);
    links.step("package", package, false, Some("package"));
    links.step("board and host", delivered - package, false, None);
    let steps: Vec<&Conversion> = inside(Inside::Unit).collect();
    for (index, step) in steps.iter().enumerate() {
        let reaches = (index + 1 == steps.len()).then_some("unit");
        links.step(&step.says, links.sum * (1.0 / step.efficiency - 1.0), true, reaches);
    }
    links.step("switches and storage beside", unit * beside, false, Some("IT"));

    let it = unit * (1.0 + beside);
    let overhead = it * (pue - 1.0);
    let losses = inside(Inside::Facility).fold(it, |power, step| power / step.efficiency) - it;
    let share = if losses > overhead { overhead / losses } else { 1.0 };
    let mut through = it;
    for step in inside(Inside::Facility) {
        let lost = through * (1.0 / step.efficiency - 1.0);
        through += lost;
        links.step(&step.says, lost * share, true, None);
    }
    let rest = overhead - losses * share;
    links.step("cooling and all else", rest, false, Some("facility"));
    for step in inside(Inside::Beyond) {
        let lost = links.sum * (1.0 / step.efficiency - 1.0);
        links.step(&step.says, lost, true, Some("generated"));
    }
    links.links
}

struct Links {
    links: Vec<Link>,
    sum: Power,
}

impl Links {
    fn step(&mut self, name: &str, adds: Power, is_loss: bool, reaches: Option<&'static str>) {
        self.sum += adds;
        let name = name.to_owned();
        self.links.push(Link { name, adds, sum: self.sum, is_loss, reaches });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(links: &[Link], place: &str) -> f64 {
        let link = links.iter().find(|link| link.reaches == Some(place));
        link.expect("it is reached").sum.as_watts()
    }

    #[test]
    fn a_chain_splits_what_is_known_and_adds_nothing() {
        let unit = Power::from_kw(230.0);
        for (package, beside, pue) in
            [(1.8, 0.0, 1.4), (2.3, 0.14, 1.1), (1.8, 0.0, 1.02), (5.0, 0.05, 1.0)]
        {
            let links = chain((unit, 72.0), Power::from_kw(package), beside, pue);
            let each = unit.as_watts() / 72.0;
            let it = each * (1.0 + beside);
            assert!((reached(&links, "unit") / each - 1.0).abs() < 1e-12, "{links:?}");
            assert!((reached(&links, "IT") / it - 1.0).abs() < 1e-12, "{links:?}");
            assert!((reached(&links, "facility") / (it * pue) - 1.0).abs() < 1e-12, "{links:?}");
            assert!(reached(&links, "package") <= package * 1e3 + 1e-9);
            assert!(links.iter().all(|link| link.adds.as_watts() >= -1e-9), "{links:?}");
            // EIA: one in twenty of what is generated does not arrive.
            let generated = reached(&links, "generated");
            assert!((reached(&links, "facility") / generated - 0.95).abs() < 1e-12);
        }
    }

    /// By hand, at a PUE of 1.4: 1 W of IT draws 1/0.98 W from the hall's distribution, 1/(0.98 × 0.97) from
    /// the uninterruptible supply and 1/(0.98 × 0.97 × 0.9875) from the transformer; the rest is cooling.
    #[test]
    fn losses_in_a_row_multiply() {
        let links = chain((Power::from_kw(100.0), 100.0), Power::from_watts(700.0), 0.0, 1.4);
        let adds = |name: &str| {
            let link = links.iter().find(|link| link.name == name);
            link.expect("a step").adds.as_watts()
        };
        assert!((adds("package") - 700.0).abs() < 1e-9);
        assert!((adds("board and host") - 260.0).abs() < 1e-9);
        assert!((adds("power supplies and busbar") - 40.0).abs() < 1e-9);
        let through = 1000.0 / (0.98 * 0.97);
        assert!((adds("transformer") - (through / 0.9875 - through)).abs() < 1e-9);
        let lost = through / 0.9875 - 1000.0;
        assert!((adds("cooling and all else") - (400.0 - lost)).abs() < 1e-9);
        assert_eq!(links.iter().filter(|link| link.is_loss).count(), 5);
    }

    /// A PUE below what conversion takes by the catalogue has better gear: it is held to the PUE.
    #[test]
    fn conversion_never_takes_more_than_pue_leaves() {
        let links = chain((Power::from_kw(100.0), 100.0), Power::from_watts(700.0), 0.0, 1.03);
        let beyond_it = |link: &&Link| link.is_loss && link.sum.as_watts() > 1000.0 + 1e-6;
        let lost: f64 = links.iter().filter(beyond_it).map(|link| link.adds.as_watts()).sum();
        let meter = reached(&links, "facility");
        let grid = reached(&links, "generated") - meter;
        assert!((lost - grid - 30.0).abs() < 1e-9 && (meter - 1030.0).abs() < 1e-9, "{links:?}");
    }
}
