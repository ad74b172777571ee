//! How many accelerators a power holds, under each way of counting that is in public use.

use wattmill_catalog::{Accelerator, Catalog, StatedPower, Statement, System};
use wattmill_factory::Pue;
use wattmill_units::Power;

/// A way to count the power of an accelerator.
#[derive(Clone, Debug, PartialEq)]
pub struct Convention {
    /// What is counted, in a few words.
    pub name: String,
    /// Where: `package`, `IT` or `facility`.
    pub counted: &'static str,
    /// Power of one accelerator.
    pub each: Power,
    /// Accelerators in the power that was asked for: whole units, where it is a unit that is
    /// counted.
    pub accelerators: f64,
}

/// A published figure beside the convention that comes closest to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Who says what.
    pub stated: StatedPower,
    /// Power of one accelerator as stated, lowest, best and highest.
    pub each: [Power; 3],
    /// Accelerators of it in the power that was asked for, highest, best and lowest.
    pub accelerators: [f64; 3],
    /// Which of the conventions comes closest.
    pub nearest: usize,
    /// The nearest convention's power of an accelerator over the best one stated, less one.
    pub off: f64,
    /// Whether the nearest convention lies within the range that is stated.
    pub within: bool,
}

/// One system's accelerators in a power.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// The system.
    pub system: System,
    /// Its accelerator.
    pub accelerator: Accelerator,
    /// What it was asked of.
    pub power: Power,
    /// Every convention, from the least counted to the most.
    pub conventions: Vec<Convention>,
    /// Every published figure about it.
    pub published: Vec<Published>,
}

/// Accelerators of `system` in `power` under each convention; `pue` as sites of a factory file have
/// it by default. `None` without a system of that name, its accelerator or their powers.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_factory::Pue;
/// use wattmill_plan::holding;
/// use wattmill_units::Power;
/// let pue = Pue { design: 1.4, annual: 1.1 };
/// let holding = holding(Catalog::builtin(), "vr-nvl72", Power::from_gw(1.0), pue).expect("known");
/// assert!(holding.conventions.iter().all(|convention| convention.accelerators > 2e5));
/// ```
pub fn holding(catalog: &Catalog, system: &str, power: Power, pue: Pue) -> Option<Holding> {
    let system = catalog.system(system)?.clone();
    let accelerator = catalog.accelerator(&system.accelerator)?.clone();
    let tdp = accelerator.tdp?;
    let count = f64::from(system.accelerators);
    let mut conventions = Vec::new();
    let mut push = |name: String, counted: &'static str, each: Power, whole: bool| {
        let units = if whole { count } else { 1.0 };
        let accelerators = (power / (each * units) + 1e-9).floor() * units;
        conventions.push(Convention { name, counted, each, accelerators });
    };
    push("power limit of the packages alone".to_owned(), "package", tdp, false);
    let of_unit = [("typical", system.power_typical), ("maximum", system.power_max)];
    for (which, unit) in of_unit {
        let Some(each) = unit.map(|unit| unit / count) else { continue };
        push(format!("{} at its {which}", system.unit), "IT", each, true);
        let name = format!("{} at its {which}, PUE {} of a year", system.unit, pue.annual);
        push(name, "facility", each * pue.annual, true);
        let name = format!("{} at its {which}, PUE {} at peak", system.unit, pue.design);
        push(name, "facility", each * pue.design, true);
    }
    let stated = StatedPower::builtin();
    for chain in &stated {
        if let Statement::Chain { server_over_packages, it_over_server, facility_over_it } =
            chain.statement
        {
            let each = tdp * (server_over_packages * it_over_server * facility_over_it);
            push(chain.says.clone(), "facility", each, false);
        }
    }
    conventions.sort_by(|a, b| a.each.as_watts().total_cmp(&b.each.as_watts()));
    let mut published: Vec<Published> = Vec::new();
    for stated in stated {
        let about = stated.accelerator.as_ref().is_none_or(|id| *id == accelerator.id);
        if about && let Some(published_as) = Published::of(stated, power, &conventions) {
            published.push(published_as);
        }
    }
    Some(Holding { system, accelerator, power, conventions, published })
}

impl Published {
    fn of(stated: StatedPower, of: Power, conventions: &[Convention]) -> Option<Self> {
        let Statement::Each { power, low, high, facility, accelerators } = stated.statement else {
            return None;
        };
        let counted = if facility { "facility" } else { "IT" };
        let distance = |each: Power| libm::log(each / power).abs();
        let mut nearest: Option<(usize, f64)> = None;
        for (index, convention) in conventions.iter().enumerate() {
            let far = distance(convention.each);
            if convention.counted == counted && nearest.is_none_or(|(_, other)| far < other) {
                nearest = Some((index, far));
            }
        }
        let (nearest, _) = nearest?;
        let each = conventions[nearest].each;
        Some(Self {
            stated,
            each: [low, power, high],
            accelerators: match accelerators {
                Some((named, [least, middle, most])) => {
                    [most, middle, least].map(|many| many * (of / named))
                }
                None => [low, power, high].map(|each| of / each),
            },
            nearest,
            off: each / power - 1.0,
            // A range that is a point is met to a thousandth.
            within: each >= low * 0.999 && each <= high * 1.001,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_power(system: &str, gw: f64) -> Holding {
        let pue = Pue { design: 1.4, annual: 1.1 };
        holding(Catalog::builtin(), system, Power::from_gw(gw), pue).expect("a known system")
    }

    fn published(holding: &Holding, id: &str) -> Published {
        let found = holding.published.iter().find(|published| published.stated.id == id);
        found.expect("stated").clone()
    }

    /// Epoch AI, 2025-12-18: 1.53 × 1.14 × 1.4, 2.44 times the power of the GPUs.
    #[test]
    fn the_chain_of_epoch_is_its_product() {
        for system in ["dgx-h100", "gb200-nvl72", "vr-nvl72"] {
            let holding = in_power(system, 1.0);
            let chain = holding.conventions.iter().find(|c| c.name.starts_with("Epoch"));
            let over = chain.expect("a chain").each / holding.accelerator.tdp.expect("a limit");
            assert!((over - 2.44).abs() < 0.005, "{system}: {over}");
        }
    }

    /// NVIDIA DSX, 2026-06: 274,968 in a gigawatt are racks at Max-Q behind the peak PUE, within 2 %,
    /// or at Max-P behind the PUE of a year, within 4 %. 399,096 with MaxLPS are more than any rack
    /// as provisioned: power is oversubscribed.
    #[test]
    fn a_gigawatt_of_vera_rubin_is_what_its_maker_says() {
        let holding = in_power("vr-nvl72", 1.0);
        let dsx = published(&holding, "dsx");
        let nearest = &holding.conventions[dsx.nearest];
        assert_eq!(nearest.name, "rack at its typical, PUE 1.4 at peak");
        assert!((nearest.accelerators / 274_968.0 - 1.0).abs() < 0.02, "{}", nearest.accelerators);
        let max_p = holding.conventions.iter().find(|c| c.name.contains("maximum, PUE 1.1"));
        let max_p = max_p.expect("a convention").accelerators;
        assert!((max_p / 274_968.0 - 1.0).abs() < 0.04, "{max_p}");
        let oversubscribed = published(&holding, "dsx-maxlps");
        let nearest = &holding.conventions[oversubscribed.nearest];
        assert_eq!(nearest.name, "rack at its typical, PUE 1.1 of a year");
        assert!(oversubscribed.off > 0.1 && nearest.accelerators < 399_096.0);
    }

    /// The announcement's "four to five million GPUs" in ten gigawatts hold for GB200 racks at their
    /// typical power behind the peak PUE, not for packages of Vera Rubin.
    #[test]
    fn ten_gigawatts_are_four_to_five_million_of_gb200() {
        let holding = in_power("gb200-nvl72", 10.0);
        let announced = published(&holding, "announced-10gw");
        let nearest = &holding.conventions[announced.nearest];
        assert!(announced.within, "{announced:?}");
        assert_eq!(nearest.name, "rack at its typical, PUE 1.4 at peak");
        assert!((4e6..5e6).contains(&nearest.accelerators), "{}", nearest.accelerators);
        assert!(!published(&in_power("vr-nvl72", 10.0), "announced-10gw").within);
    }

    /// SemiAnalysis constants, 2026-04, all-in utility power of an H100 and a GB200: within 20 and
    /// 15 % of the nearest convention.
    #[test]
    fn others_all_in_power_is_near() {
        let h100 = published(&in_power("dgx-h100", 1.0), "semianalysis-h100");
        assert!(h100.off.abs() < 0.2, "{h100:?}");
        let gb200 = published(&in_power("gb200-nvl72", 1.0), "semianalysis-gb200");
        assert!(gb200.off.abs() < 0.15, "{gb200:?}");
    }
}
