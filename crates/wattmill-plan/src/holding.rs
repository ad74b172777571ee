//! One system's accelerators in a power, beside what is published of them.

use wattmill_catalog::{Accelerator, Catalog, StatedPower, System};
use wattmill_factory::Pue;
use wattmill_units::Power;

use crate::chain::{Link, chain};
use crate::conventions::{Convention, modes, ways};
use crate::published::Published;

/// One system's accelerators in a power.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// The system.
    pub system: System,
    /// Its accelerator.
    pub accelerator: Accelerator,
    /// What it was asked of.
    pub power: Power,
    /// Facility over IT power.
    pub pue: Pue,
    /// Every convention, from the least counted to the most.
    pub conventions: Vec<Convention>,
    /// Every published figure about it.
    pub beside: Vec<Beside>,
    /// Where the power of an accelerator goes at the peak, for each power that is stated of a unit.
    pub chains: Vec<(String, Vec<Link>)>,
}

/// A published figure beside the convention that comes closest to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Who says what.
    pub said: Published,
    /// Which of the conventions explains it best: one under which it is true, if possible without power
    /// that is oversubscribed, or else the closest.
    pub nearest: usize,
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
    let conventions = ways(&system, &accelerator, power, pue)?;
    let said = StatedPower::builtin().into_iter().filter_map(Published::of);
    let beside = said.filter(|said| said.is_about(&accelerator.id)).filter_map(|said| {
        let places = conventions.iter().enumerate();
        let ranked = places.filter_map(|(index, way)| Some((index, said.rank(power, way)?)));
        let (nearest, _) = ranked.min_by(|(_, a), (_, b)| a.cmp(b))?;
        Some(Beside { said, nearest })
    });
    let beside = beside.collect();
    let count = f64::from(system.accelerators);
    let chains = modes(&system, &accelerator).into_iter().filter_map(|mode| {
        Some((mode.name, chain((mode.unit, count), mode.package?, 0.0, pue.design)))
    });
    let chains = chains.collect();
    Some(Holding { system, accelerator, power, pue, conventions, beside, chains })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUE: Pue = Pue { design: 1.4, annual: 1.1 };

    fn in_power(system: &str, gw: f64) -> Holding {
        holding(Catalog::builtin(), system, Power::from_gw(gw), PUE).expect("a known system")
    }

    fn published<'h>(holding: &'h Holding, id: &str) -> (&'h Published, &'h Convention) {
        let found = holding.beside.iter().find(|beside| beside.said.stated.id == id);
        let Beside { said, nearest } = found.expect("stated");
        (said, &holding.conventions[*nearest])
    }

    /// Over what is stated of one gigawatt.
    fn off(said: &Published, way: &Convention) -> f64 {
        way.accelerators / said.accelerators(Power::from_gw(1.0))[1] - 1.0
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

    /// Max-Q and Max-P are named where a source names them (Vera Rubin: 190 and 230 kW a rack), and
    /// nowhere else.
    #[test]
    fn what_a_maker_calls_its_powers_is_said() {
        let names = |system| {
            let all = in_power(system, 1.0).conventions;
            all.into_iter().map(|way| way.name).collect::<Vec<_>>()
        };
        let rubin = names("vr-nvl72");
        for name in [
            "power limit of the packages alone, Max-Q",
            "power limit of the packages alone, Max-P",
            "rack at its typical (Max-Q)",
            "rack at its maximum (Max-P), PUE 1.4 at peak",
            "rack at its maximum (Max-P), 1.4 times oversubscribed, PUE 1.1 of a year",
        ] {
            assert!(rubin.iter().any(|known| known == name), "{name}: {rubin:?}");
        }
        let other = names("dgx-h100").join(";");
        assert!(!other.contains("Max-") && !other.contains("oversubscribed"), "{other}");
    }

    /// NVIDIA DSX, 2026-06: 274,968 in a gigawatt are racks at Max-Q behind the peak PUE, within 2 %, or
    /// at Max-P behind the PUE of a year, within 4 %.
    #[test]
    fn a_gigawatt_of_vera_rubin_is_what_its_maker_says() {
        let holding = in_power("vr-nvl72", 1.0);
        let (dsx, nearest) = published(&holding, "dsx");
        assert_eq!(nearest.name, "rack at its typical (Max-Q), PUE 1.4 at peak");
        assert!(
            off(dsx, nearest).abs() < 0.02 && dsx.holds(holding.power, nearest.accelerators),
            "{nearest:?}"
        );
        let max_p = "rack at its maximum (Max-P), PUE 1.1 of a year";
        let max_p = holding.conventions.iter().find(|way| way.name == max_p);
        assert!(off(dsx, max_p.expect("a convention")).abs() < 0.04, "{max_p:?}");
    }

    /// 399,096 with MaxLPS are racks at Max-P (230 kW, regantih) behind the PUE of a year, oversubscribed
    /// 1.4 times, which is what its maker says of MaxLPS elsewhere (technical blog of 2026-09): within
    /// 0.5 %. No rack as provisioned holds as many, so that oversubscription is what it takes.
    #[test]
    fn more_than_racks_as_provisioned_hold_takes_oversubscription() {
        let holding = in_power("vr-nvl72", 1.0);
        let (most, nearest) = published(&holding, "dsx-maxlps");
        let named = "rack at its maximum (Max-P), 1.4 times oversubscribed, PUE 1.1 of a year";
        assert_eq!(nearest.name, named);
        assert!(
            off(most, nearest).abs() < 0.005 && most.holds(holding.power, nearest.accelerators),
            "{nearest:?}"
        );
        for way in holding.conventions.iter().filter(|way| way.counted == "facility") {
            let enough = way.accelerators >= 399_096.0 * 0.98;
            assert!(!enough || way.oversubscribed, "{way:?}");
        }
    }

    /// DSX states three budgets, each with and without MaxLPS (Orply, 2026-06-02). Whole racks of 72 at one
    /// power with and one without explain all of them but one: 26,322 is no multiple of 72, nor of a tray
    /// of 4, and whole racks come to 26,352. At a PUE of 1.1 those powers are 164.0 and 238.0 kW of IT, to
    /// 0.1 kW: solved for, stated by nobody. 238 kW is 3.5 % above Max-P; 164 kW is 86 % of Max-Q.
    #[test]
    fn one_power_with_and_one_without_explain_every_budget_of_dsx() {
        let solved = |id: &str| {
            let holding = in_power("vr-nvl72", 1.0);
            let (said, _) = published(&holding, id);
            said.unit_power(72, PUE)[0].as_kw()
        };
        let (with, without) = (solved("dsx-maxlps"), solved("dsx"));
        assert!((with - 164.0).abs() < 0.1, "{with}");
        assert!((without - 238.0).abs() < 0.1, "{without}");
        // What a rack takes of the facility, rounded to 0.1 kW as both budgets below have it.
        let racks =
            |budget_kw: f64, unit: f64| (budget_kw / ((unit * 11.0).round() / 10.0)).floor();
        for (budget, stated_with, stated_without) in
            [(1e6, 399_096.0, 274_968.0), (250e3, 99_720.0, 68_688.0), (96e3, 38_304.0, 26_352.0)]
        {
            assert_eq!(racks(budget, with) * 72.0, stated_with, "{budget} kW with MaxLPS");
            assert_eq!(racks(budget, without) * 72.0, stated_without, "{budget} kW without");
        }
    }

    /// The announcement's "four to five million GPUs" in ten gigawatts hold for GB200 racks at their
    /// typical power behind the peak PUE; of Vera Rubin only where power is oversubscribed.
    #[test]
    fn ten_gigawatts_are_four_to_five_million_of_gb200() {
        let holding = in_power("gb200-nvl72", 10.0);
        let (announced, nearest) = published(&holding, "announced-10gw");
        assert!(announced.holds(holding.power, nearest.accelerators), "{announced:?}");
        assert_eq!(nearest.name, "rack at its typical, PUE 1.4 at peak");
        assert!((4e6..5e6).contains(&nearest.accelerators), "{}", nearest.accelerators);
        let rubin = in_power("vr-nvl72", 10.0);
        let (announced, _) = published(&rubin, "announced-10gw");
        for way in rubin.conventions.iter().filter(|way| way.counted == "facility") {
            let holds = announced.holds(rubin.power, way.accelerators);
            assert!(!holds || way.oversubscribed, "{way:?}");
        }
    }

    /// Meta, 2026-05 (arXiv 2605.24461): about 83,000 GB200 in 150 MW are racks at their typical power
    /// behind the PUE of a year, within 2 %.
    #[test]
    fn the_cluster_of_meta_holds_what_it_holds() {
        let holding = in_power("gb200-nvl72", 0.15);
        let (meta, nearest) = published(&holding, "meta-150mw");
        assert_eq!(nearest.name, "rack at its typical, PUE 1.1 of a year");
        assert!((nearest.accelerators / 83_000.0 - 1.0).abs() < 0.02, "{}", nearest.accelerators);
        assert!(meta.holds(holding.power, nearest.accelerators));
    }

    /// SemiAnalysis constants, 2026-04, all-in utility power of an H100 and a GB200: within 20 and
    /// 15 % of the nearest convention.
    #[test]
    fn others_all_in_power_is_near() {
        for (system, id, far) in
            [("dgx-h100", "semianalysis-h100", 0.2), ("gb200-nvl72", "semianalysis-gb200", 0.15)]
        {
            let holding = in_power(system, 1.0);
            let (said, nearest) = published(&holding, id);
            assert!((nearest.each / said.each[1] - 1.0).abs() < far, "{id}: {nearest:?}");
        }
    }

    /// A chain reaches what the conventions count: the same IT and facility powers.
    #[test]
    fn chains_arrive_at_what_conventions_count() {
        let holding = in_power("vr-nvl72", 1.0);
        assert_eq!(holding.chains.len(), 2);
        for (mode, links) in &holding.chains {
            for (place, tail) in
                [("IT", String::new()), ("facility", ", PUE 1.4 at peak".to_owned())]
            {
                let name = format!("rack at its {mode}{tail}");
                let way = holding.conventions.iter().find(|way| way.name == name);
                let link = links.iter().find(|link| link.reaches == Some(place));
                let (way, link) = (way.expect("a convention"), link.expect("a step"));
                assert!((link.sum / way.each - 1.0).abs() < 1e-12, "{name}");
            }
        }
    }
}
