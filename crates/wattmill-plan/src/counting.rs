//! How a plan counts the power of its machines, beside what others say of such powers.

use wattmill_catalog::{Catalog, StatedPower, System};
use wattmill_factory::{Factory, Hardware, PowerBasis, Pue};
use wattmill_units::{Id, Power, Seconds};

use crate::build::Delivery;
use crate::calendar::QuarterLabel;
use crate::chain::{Link, chain};
use crate::conventions::{Convention, package_limit, ways};
use crate::published::{Published, Rank};
use crate::result::Quarter;

/// How a plan counts, and who counts likewise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counting {
    /// Every kind of machine, in the order in which phases bring them.
    pub machines: Vec<Counted>,
    /// What is published of these machines, or of a power like the plan's.
    pub claims: Vec<Claim>,
    /// The powers of what runs at the end, which are not to be mistaken for each other; `None` for a
    /// plan without days.
    pub end: Option<Levels>,
}

/// Powers of all machines that run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// In which quarter.
    pub quarter: QuarterLabel,
    /// On the nameplate: the power limits of the packages, where they are known.
    pub nameplate: Power,
    /// Provisioned for their units.
    pub it: Power,
    /// Provisioned for the facility at peak.
    pub facility: Power,
    /// Drawn in the highest hour of the quarter, added up over sites.
    pub peak: Power,
    /// Drawn in the mean of the quarter.
    pub mean: Power,
}

/// Machines that are counted alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Which.
    pub hardware: Id<Hardware>,
    /// What the phases' power is.
    pub basis: PowerBasis,
    /// IT power that is provisioned for a unit.
    pub unit_power: Power,
    /// What that is of the unit.
    pub provisioned: Provisioned,
    /// IT power beside the units, over theirs.
    pub beside: f64,
    /// Facility power over IT power at peak.
    pub pue: f64,
    /// IT power of the units installed over what is provisioned for them.
    pub oversubscription: f64,
    /// What the phases say they have.
    pub power: Power,
    /// Accelerators in it: whole units.
    pub accelerators: f64,
    /// Where the power that is provisioned for one of them goes at peak, step by step.
    pub chain: Vec<Link>,
}

/// What is provisioned for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioned {
    /// Its typical power: of some makers Max-Q.
    Typical,
    /// Its maximum: of some makers Max-P.
    Maximum,
    /// A power that the file states.
    Stated,
}

impl Provisioned {
    /// As shown in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typical => "typical",
            Self::Maximum => "maximum",
            Self::Stated => "stated",
        }
    }
}

/// What somebody publishes, and how one must count for it to be true.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Who says what.
    pub said: Published,
    /// The power that it is held against: what the plan has of the machines that it is about.
    pub power: Power,
    /// Accelerators that the plan has in it.
    pub planned: f64,
    /// Conventions under which it is true, and of which system: those without oversubscribed power first,
    /// and of these the nearest to the best figure.
    pub under: Vec<(String, Convention)>,
    /// The first of these, or else the convention that comes nearest; `None` where no power is known.
    pub nearest: Option<(String, Convention)>,
}

/// How far a plan's power may be from the one that a statement names.
const LIKE: f64 = 0.1;

impl Counting {
    /// Of these deliveries, of which so many units run at the end.
    pub(crate) fn of(
        factory: &Factory,
        catalog: &Catalog,
        (deliveries, running): (&[Delivery], &[f64]),
        quarters: &[Quarter],
    ) -> Self {
        let mut machines: Vec<Counted> = Vec::new();
        for delivery in deliveries {
            let phase = &factory.phases[delivery.phase];
            if phase.refreshes.is_some() {
                continue;
            }
            let pue = factory.sites[phase.site].pue.design;
            let system = &factory.hardware[phase.hardware].system;
            let accelerators = delivery.units * f64::from(system.accelerators);
            let same = |known: &&mut Counted| {
                known.hardware == phase.hardware
                    && known.basis == phase.basis
                    && known.unit_power == phase.unit_power
                    && known.beside == phase.beside
                    && known.pue == pue
                    && known.oversubscription == phase.oversubscription
            };
            match machines.iter_mut().find(same) {
                Some(known) => {
                    known.power += phase.power;
                    known.accelerators += accelerators;
                }
                None => machines.push(Counted {
                    hardware: phase.hardware,
                    basis: phase.basis,
                    unit_power: phase.unit_power,
                    provisioned: match Some(phase.unit_power) {
                        unit if unit == system.power_typical => Provisioned::Typical,
                        unit if unit == system.power_max => Provisioned::Maximum,
                        _ => Provisioned::Stated,
                    },
                    beside: phase.beside,
                    pue,
                    oversubscription: phase.oversubscription,
                    power: phase.power,
                    accelerators,
                    chain: {
                        let each = f64::from(system.accelerators);
                        let accelerator = &factory.hardware[phase.hardware].accelerator;
                        let limit = package_limit(system, accelerator, phase.unit_power);
                        let unit = phase.unit_power / phase.oversubscription;
                        let limit = limit.unwrap_or(phase.unit_power / each);
                        chain((unit, each), limit, phase.beside, pue)
                    },
                }),
            }
        }
        let claims = StatedPower::builtin();
        let claims = claims.into_iter().filter_map(|s| Claim::of(s, factory, catalog, &machines));
        let end = quarters.last().map(|last| Levels::of(factory, (deliveries, running), last));
        Self { claims: claims.collect(), machines, end }
    }
}

impl Levels {
    fn of(
        factory: &Factory,
        (deliveries, running): (&[Delivery], &[f64]),
        quarter: &Quarter,
    ) -> Self {
        let sum = |of: &dyn Fn(&Delivery) -> Power| -> Power {
            deliveries.iter().zip(running).map(|(delivery, units)| of(delivery) * *units).sum()
        };
        let packages = |delivery: &Delivery| {
            let phase = &factory.phases[delivery.phase];
            let hardware = &factory.hardware[phase.hardware];
            let each = package_limit(&hardware.system, &hardware.accelerator, phase.unit_power);
            let each = each.unwrap_or(Power::ZERO);
            each * f64::from(hardware.system.accelerators)
        };
        let unit = |delivery: &Delivery| {
            let phase = &factory.phases[delivery.phase];
            phase.unit_it() / phase.oversubscription
        };
        let total = quarter.total();
        Self {
            quarter: quarter.label,
            nameplate: sum(&packages),
            it: sum(&unit),
            facility: sum(&|delivery| delivery.unit_facility),
            peak: total.peak_draw,
            mean: total.energy / Seconds::from_days(f64::from(quarter.days)),
        }
    }
}

impl Counted {
    /// Facility power of an accelerator at peak, as its phases count it.
    pub fn each(&self) -> Power {
        let facility = self.basis.facility(self.power, self.pue);
        if self.accelerators > 0.0 { facility / self.accelerators } else { Power::ZERO }
    }
}

impl Claim {
    /// `None` for a statement that has nothing to do with the plan.
    fn of(
        stated: StatedPower,
        factory: &Factory,
        catalog: &Catalog,
        machines: &[Counted],
    ) -> Option<Self> {
        let said = Published::of(stated)?;
        let about =
            |counted: &&Counted| said.is_about(&factory.hardware[counted.hardware].accelerator.id);
        let there: Vec<&Counted> = machines.iter().filter(about).collect();
        let planned: f64 = there.iter().map(|counted| counted.accelerators).sum();
        let counted = |counted: &&Counted| match said.facility {
            true => counted.basis.facility(counted.power, counted.pue),
            false => counted.basis.it(counted.power, counted.pue),
        };
        let power: Power = there.iter().map(counted).sum();
        // What names no machine is about a power like the plan's.
        let like = |named: Power| (power / named - 1.0).abs() <= LIKE;
        let meant =
            said.stated.accelerator.is_some() || said.named.is_some_and(|(named, _)| like(named));
        if planned <= 0.0 || !meant {
            return None;
        }
        let all = conventions(factory, catalog, &there, said.stated.accelerator.as_deref(), power);
        let ranked = |way: (String, Convention)| Some((said.rank(power, &way.1)?, way));
        let mut all: Vec<(Rank, (String, Convention))> =
            all.into_iter().filter_map(ranked).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut under: Vec<(String, Convention)> = all.into_iter().map(|(_, way)| way).collect();
        let nearest = under.first().cloned();
        under.retain(|(_, way)| said.holds(power, way.accelerators));
        Some(Self { said, power, planned, under, nearest })
    }

    /// Whether the plan has what is stated, within a fiftieth.
    pub fn holds(&self) -> bool {
        self.said.holds(self.power, self.planned)
    }
}

/// Every way of counting every system that a statement may be about: those with its accelerator, or all
/// of the maker of the plan's machines. Sites count as those of the first machines do.
fn conventions(
    factory: &Factory,
    catalog: &Catalog,
    there: &[&Counted],
    accelerator: Option<&str>,
    power: Power,
) -> Vec<(String, Convention)> {
    let Some(first) = there.first() else { return Vec::new() };
    let annual = factory.phases.iter().find(|phase| phase.hardware == first.hardware);
    let annual = annual.map_or(first.pue, |phase| factory.sites[phase.site].pue.annual);
    let pue = Pue { design: first.pue, annual };
    let vendor = &factory.hardware[first.hardware].system.vendor;
    let meant = |system: &&System| match accelerator {
        Some(accelerator) => system.accelerator == accelerator,
        None => system.vendor == *vendor,
    };
    let of = |system: &System| {
        let known = catalog.accelerator(&system.accelerator);
        let found = known.and_then(|accelerator| ways(system, accelerator, power, pue));
        found.into_iter().flatten().map(|way| (system.id.clone(), way)).collect::<Vec<_>>()
    };
    catalog.systems().filter(meant).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{offers, run};

    fn of(factory: &str) -> Counting {
        let text = wattmill_config::builtin_factory(factory).expect("built in");
        let catalog = Catalog::builtin();
        let factory = wattmill_config::parse_factory(text, catalog).factory.expect("sound");
        run(&factory, catalog, offers(&factory, catalog, |_, _| {})).counting
    }

    fn claim<'c>(counting: &'c Counting, id: &str) -> &'c Claim {
        counting
            .claims
            .iter()
            .find(|claim| claim.said.stated.id == id)
            .expect("it is about the plan")
    }

    /// The announcement of ten gigawatts says four to five million GPUs, which racks of GB200 and GB300
    /// are under some conventions, and racks of Vera Rubin only where power is oversubscribed.
    #[test]
    fn the_announced_programme_says_what_makes_its_figure_true() {
        let counting = of("ten-gigawatt");
        let [counted] = &counting.machines[..] else { panic!("{:?}", counting.machines) };
        assert_eq!(counted.basis, PowerBasis::Facility);
        assert_eq!(counted.provisioned, Provisioned::Typical);
        assert!((counted.power.as_gw() - 10.0).abs() < 1e-9, "{}", counted.power);
        assert!((counted.each().as_kw() - 3.694).abs() < 0.002, "{}", counted.each());
        let announced = claim(&counting, "announced-10gw");
        assert_eq!(announced.said.accelerators(announced.power), [4e6, 4.5e6, 5e6]);
        assert!(!announced.holds() && announced.planned == counted.accelerators);
        let ways: Vec<String> =
            announced.under.iter().map(|(of, way)| format!("{of}: {}", way.name)).collect();
        assert!(ways.contains(&"gb200-nvl72: rack at its typical, PUE 1.4 at peak".to_owned()));
        let rubin = |way: &&String| way.starts_with("vr-");
        assert!(ways.iter().filter(rubin).all(|way| way.contains("oversubscribed")), "{ways:?}");
        assert_eq!(announced.under[0].0, "gb200-nvl72", "{ways:?}");
        for (_, way) in &announced.under {
            assert!((3.9e6..5.1e6).contains(&way.accelerators), "{way:?}");
        }
        // Each of these is called "the power" by somebody.
        let end = counting.end.expect("it has days");
        assert!((end.facility.as_gw() - 10.0).abs() < 0.01, "{end:?}");
        assert!((end.it.as_gw() - 10.0 / 1.4).abs() < 0.01, "{end:?}");
        assert!((end.nameplate.as_watts() / (counted.accelerators * 1800.0) - 1.0).abs() < 1e-3);
        assert!(end.mean < end.peak && end.peak < end.facility, "{end:?}");
        // NVIDIA's own gigawatt of Vera Rubin is 1.6 % more: counted alike. With MaxLPS it is Max-P behind
        // the PUE of a year, oversubscribed.
        let dsx = claim(&counting, "dsx");
        assert!(
            (dsx.planned / dsx.said.accelerators(dsx.power)[1] - 0.984).abs() < 0.001,
            "{dsx:?}"
        );
        let (of, way) = &dsx.under[0];
        assert!(dsx.holds() && of == "vr-nvl72", "{dsx:?}");
        assert_eq!(way.name, "rack at its typical (Max-Q), PUE 1.4 at peak");
        let most = claim(&counting, "dsx-maxlps");
        let (_, nearest) = most.nearest.as_ref().expect("one");
        assert!(!most.holds() && most.under[0].1 == *nearest, "{most:?}");
        let named = "rack at its maximum (Max-P), 1.4 times oversubscribed, PUE 1.1 of a year";
        assert_eq!(nearest.name, named);
        // What is provisioned for an accelerator is split, step by step, and adds up to the facility.
        let meter = counted.chain.iter().find(|link| link.reaches == Some("facility"));
        assert!((meter.expect("it is reached").sum / counted.each() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn who_speaks_of_ten_gigawatts_does_not_speak_of_one_node() {
        let counting = of("hgx-node");
        assert!(counting.claims.iter().all(|claim| claim.said.stated.accelerator.is_some()));
        assert_eq!(claim(&counting, "semianalysis-h100").planned, 8.0);
    }
}
