//! Groups of inputs in which two factories may differ, and a factory that takes some of them from
//! another.

use wattmill_units::{Id, IdVec};

use crate::{Curtailment, Deal, DealKind, Factory, Hardware, Phase, Service, Site};

/// A group of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// When power, racks and what else a phase needs come, go and are late.
    Dates,
    /// Which systems the phases install, and what is provisioned for a unit and beside it.
    Hardware,
    /// Which sites and phases there are, refreshes among them, their power and the firm power that they have.
    Power,
    /// Sun, wind, batteries, what the grid takes and asks for, cooling and water, and what energy emits.
    Energy,
    /// Of energy, with the clock that a tariff goes by; of machines, new and used, building, operations,
    /// money and services.
    Price,
    /// What is served and trained.
    Demand,
    /// Who pays what under which conditions.
    Contracts,
    /// The days of the plan, and the seed.
    Rest,
}

impl Cause {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Dates,
        Self::Hardware,
        Self::Power,
        Self::Energy,
        Self::Price,
        Self::Demand,
        Self::Contracts,
        Self::Rest,
    ];

    /// As shown in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dates => "dates",
            Self::Hardware => "hardware",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Price => "price",
            Self::Demand => "demand",
            Self::Contracts => "contracts",
            Self::Rest => "rest",
        }
    }
}

/// A set of causes.
///
/// ```
/// use wattmill_factory::{Cause, Causes};
/// let both = Causes::NONE.with(Cause::Dates).with(Cause::Price);
/// assert!(both.has(Cause::Price) && !both.has(Cause::Power));
/// assert_eq!(Causes::every().count(), 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causes(u16);

impl Causes {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Cause::ALL.len()) - 1);

    /// Every set there is, each at its [`Self::index`].
    pub fn every() -> impl Iterator<Item = Self> {
        (0..=Self::ALL.0).map(Self)
    }

    /// With one more.
    #[must_use]
    pub const fn with(self, cause: Cause) -> Self {
        Self(self.0 | 1 << cause as u8)
    }

    /// Whether it is among them.
    pub const fn has(self, cause: Cause) -> bool {
        self.0 >> cause as u8 & 1 == 1
    }

    /// How many.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its place in [`Self::every`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The factory `base` with the inputs of these causes from `other`.
///
/// Sites, phases and services of one name are the same, and the n-th phases of one site whose names
/// only one of them has. What only one of them has comes and goes with [`Cause::Power`], services with
/// [`Cause::Demand`], all their inputs with them. With no cause it is
/// `base` and with all of them `other`, but for names, targets and what is uncertain, which change no
/// figure.
pub fn mixed(base: &Factory, other: &Factory, causes: Causes) -> Factory {
    let of = |cause| if causes.has(cause) { other } else { base };
    let (power, dates, demand) = (of(Cause::Power), of(Cause::Dates), of(Cause::Demand));
    let (machines, price, money) = (of(Cause::Hardware), of(Cause::Price), of(Cause::Contracts));
    let (energy, rest) = (of(Cause::Energy), of(Cause::Rest));
    let mut hardware: IdVec<Hardware> = IdVec::new();
    let phases = power.phases.iter().map(|phase| {
        let dated = phase_of(power, phase, dates);
        let equipped = phase_of(power, phase, machines);
        let owner = if equipped.is_some() { machines } else { power };
        let equipped = equipped.unwrap_or(phase);
        let mut place = |id: Id<Hardware>| {
            let kind = &owner.hardware[id];
            hardware.find(|known| known == kind).unwrap_or_else(|| hardware.push(kind.clone()))
        };
        let mut mixed = phase.clone();
        // What may come in place of what was ordered has its place whether it does or not.
        let options = equipped.options.iter().map(|(id, unit)| (place(*id), *unit));
        mixed.options = options.collect();
        mixed.hardware = place(equipped.hardware);
        (mixed.unit_power, mixed.beside) = (equipped.unit_power, equipped.beside);
        let (owner, of_dates) = dated.map_or((power, phase), |phase| (dates, phase));
        of_dates.give_dates(&mut mixed);
        // Machines go when others take their place: where only one of the two has these, both happen together.
        if is_refreshed(power, phase) != is_refreshed(owner, of_dates) {
            mixed.retire = phase.retire;
        }
        if let (Some(to), Some(from)) = (&mut mixed.resale, phase_of(power, phase, price)) {
            *to = from.resale.unwrap_or(*to);
        }
        mixed
    });
    let phases: IdVec<Phase> = phases.collect();
    let sites = power.sites.iter().map(|site| {
        let mut mixed = site.clone();
        if let Some(supplied) = site_of(energy, site) {
            supplied.give_energy(&mut mixed);
        }
        if let Some(dated) = site_of(dates, site) {
            dated.give_dates(&mut mixed);
        }
        if let Some(priced) = site_of(price, site) {
            priced.give_prices(&mut mixed);
        }
        mixed
    });
    let services = demand.services.iter().map(|service| {
        let mut mixed = service.clone();
        let same = |other: &&Service| other.name == service.name;
        if let Some(priced) = price.services.iter().find(same) {
            mixed.price_per_million_output = priced.price_per_million_output;
            if let (Some(to), Some(from)) = (&mut mixed.subscription, priced.subscription) {
                to.monthly = from.monthly;
            }
        }
        mixed
    });
    let deals = money
        .deals
        .iter()
        .map(|deal| Deal { kind: placed(deal.kind, money, power, demand), ..deal.clone() });
    let deals = deals.collect();
    Factory {
        name: base.name.clone(),
        start: rest.start,
        end: rest.end,
        seed: rest.seed,
        weather: rest.weather,
        sites: sites.collect(),
        hardware,
        phases,
        services: services.collect(),
        trainings: demand.trainings.clone(),
        curtailments: asked_of(energy, power),
        contracts: money.contracts.clone(),
        payments: money.payments.clone(),
        deals,
        events: money.events.clone(),
        economics: price.economics.clone(),
        targets: Vec::new(),
        uncertainty: crate::Uncertainty::default(),
    }
}

/// Whether other machines take the place of this phase's.
fn is_refreshed(factory: &Factory, phase: &Phase) -> bool {
    let by =
        |other: &Phase| other.refreshes.is_some_and(|id| factory.phases[id].name == phase.name);
    factory.phases.iter().any(by)
}

/// What the grid asks of sites of `from` in a factory with the sites of `power`.
fn asked_of(from: &Factory, power: &Factory) -> Vec<Curtailment> {
    let placed = |event: &Curtailment| {
        let name = &from.sites[event.site].name;
        let site = power.sites.find(|site| site.name == *name && site.grid.is_some())?;
        Some(Curtailment { site, ..event.clone() })
    };
    from.curtailments.iter().filter_map(placed).collect()
}

/// A contract of `of` in a factory with the sites of `power` and the services of `demand`: what is not
/// there stands for nothing that a contract could be about.
fn placed(kind: DealKind, of: &Factory, power: &Factory, demand: &Factory) -> DealKind {
    match kind {
        DealKind::Lease { yearly, site: Some(site) } => {
            let name = &of.sites[site].name;
            DealKind::Lease { yearly, site: power.sites.find(|site| site.name == *name) }
        }
        DealKind::RevenueShare { share, service: Some(service) } => {
            let name = &of.services[service].name;
            match demand.services.find(|service| service.name == *name) {
                Some(service) => DealKind::RevenueShare { share, service: Some(service) },
                None => DealKind::RevenueShare { share: 0.0, service: None },
            }
        }
        other => other,
    }
}

/// The phase of `to` that stands for `phase` of `of`: the one of the same name, or as many-th of the
/// same site among those whose name only one of them has.
fn phase_of<'a>(of: &'a Factory, phase: &Phase, to: &'a Factory) -> Option<&'a Phase> {
    let same = to.phases.iter().find(|other| other.name == phase.name);
    if same.is_some() {
        return same;
    }
    let site = &of.sites[phase.site].name;
    let place = own(of, to, site).position(|p| p.name == phase.name)?;
    own(to, of, site).nth(place)
}

/// Phases at the site of this name whose names `other` does not have.
fn own<'a>(
    factory: &'a Factory,
    other: &'a Factory,
    site: &'a str,
) -> impl Iterator<Item = &'a Phase> {
    factory.phases.iter().filter(move |phase| {
        factory.sites[phase.site].name == site && other.phases.iter().all(|p| p.name != phase.name)
    })
}

fn site_of<'a>(factory: &'a Factory, site: &Site) -> Option<&'a Site> {
    factory.sites.iter().find(|other| other.name == site.name)
}

impl Phase {
    fn give_dates(&self, to: &mut Self) {
        to.first_rack = self.first_rack;
        to.ramp = self.ramp;
        to.slip = self.slip;
        to.chains = self.chains.clone();
        to.cancelled = self.cancelled;
        to.retire = self.retire;
    }
}

impl Site {
    fn give_dates(&self, to: &mut Self) {
        if let (Some(grid), Some(from)) = (&mut to.grid, &self.grid) {
            grid.energized = from.energized;
            for ((to, _), (from, _)) in grid.steps.iter_mut().zip(&from.steps) {
                *to = *from;
            }
        }
        for (source, from) in to.onsite.iter_mut().zip(&self.onsite) {
            source.from = from.from;
        }
        if let (Some(solar), Some(from)) = (&mut to.solar, &self.solar) {
            solar.from = from.from;
        }
        if let (Some(wind), Some(from)) = (&mut to.wind, &self.wind) {
            wind.from = from.from;
        }
        if let (Some(battery), Some(from)) = (&mut to.battery, &self.battery) {
            battery.from = from.from;
        }
    }

    fn give_energy(&self, to: &mut Self) {
        (to.solar, to.wind, to.battery) =
            (self.solar.clone(), self.wind.clone(), self.battery.clone());
        (to.cooling, to.water_l_per_kwh) = (self.cooling.clone(), self.water_l_per_kwh);
        if let (Some(grid), Some(from)) = (&mut to.grid, &self.grid) {
            grid.export = from.export;
            (grid.carbon, grid.hourly_carbon) = (from.carbon, from.hourly_carbon.clone());
        }
        for (source, from) in to.onsite.iter_mut().zip(&self.onsite) {
            source.carbon = from.carbon;
        }
    }

    fn give_prices(&self, to: &mut Self) {
        // The hours of a tariff are written by its own clock, which nothing else goes by.
        to.clock = self.clock;
        if let (Some(grid), Some(from)) = (&mut to.grid, &self.grid) {
            grid.price = from.price;
            (grid.periods, grid.hourly_price) = (from.periods.clone(), from.hourly_price.clone());
            grid.demand_usd_per_kw = from.demand_usd_per_kw;
        }
        for (source, from) in to.onsite.iter_mut().zip(&self.onsite) {
            source.price = from.price;
            source.outlay = from.outlay;
        }
        if let (Some(solar), Some(from)) = (&mut to.solar, &self.solar) {
            (solar.price, solar.outlay) = (from.price, from.outlay);
        }
        if let (Some(wind), Some(from)) = (&mut to.wind, &self.wind) {
            (wind.price, wind.outlay) = (from.price, from.outlay);
        }
        if let (Some(battery), Some(from)) = (&mut to.battery, &self.battery) {
            battery.outlay = from.outlay;
        }
        let export = |site: &Self| site.grid.as_ref().and_then(|grid| grid.export);
        if let (Some(to), Some(from)) = (to.grid.as_mut(), export(self))
            && let Some(export) = &mut to.export
        {
            export.price = from.price;
        }
    }
}

/// Names of what stands for nothing in the other of two factories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// In the base alone.
    pub base: Vec<String>,
    /// In the other alone.
    pub other: Vec<String>,
}

impl Unmatched {
    /// Of phases.
    pub fn phases(base: &Factory, other: &Factory) -> Self {
        let alone = |of: &'_ Factory, to: &'_ Factory| -> Vec<String> {
            let phases = of.phases.iter().filter(|phase| phase_of(of, phase, to).is_none());
            phases.map(|phase| phase.name.clone()).collect()
        };
        Self { base: alone(base, other), other: alone(other, base) }
    }
}
