//! A site's sources behind its meter, hour by hour: the policy decides, this does it and keeps count.

use wattmill_factory::{Answer, Export, Factory, Hourly, Site, SolarWeather, WindWeather};
use wattmill_policy::{BatteryRules, Buyer, EnergyActions, EnergyView, Seller, dispatch_energy};
use wattmill_units::{CarbonIntensity, Energy, EnergyPrice, Id, Money, Power, Seconds};

use crate::almanac::Almanac;
use crate::battery::{Rated, Storage};
use crate::calendar::Calendar;
use crate::flows::EnergyFlows;
use crate::result::Sums;
use crate::supply::{Bill, Source};
use crate::tariff::Tariff;
use crate::weather::{Gales, Share, modelled_suns};

const HOUR: Seconds = Seconds::from_hours(1.0);

/// Panels or turbines.
#[derive(Clone, Debug)]
struct Renewable {
    from: f64,
    capacity: Power,
    price: EnergyPrice,
    share: Share,
}

impl Renewable {
    fn power(&self, at: f64) -> Power {
        if at < self.from { Power::ZERO } else { self.capacity * self.share.at(at as usize) }
    }
}

/// A site whose energy is more than firm sources at constant prices.
#[derive(Clone, Debug)]
pub(crate) struct Microgrid {
    sources: Vec<Source>,
    grid_price: Option<Tariff>,
    grid_carbon: Option<Hourly>,
    solar: Option<Renewable>,
    wind: Option<Renewable>,
    storage: Option<Storage>,
    rules: BatteryRules,
    /// What the battery held, had brought and had lost at the end of the last hour.
    booked: (Energy, Energy, Energy),
    demand_usd_per_kw: f64,
    export: Option<Export>,
    /// Highest hour of the grid in this month.
    month_peak: Power,
    /// Sources that sell in the hour under way, cheapest first, and what each of them carries.
    selling: Vec<usize>,
    sellers: Vec<Seller>,
    bought: Vec<Power>,
}

/// What an hour would be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outlook {
    pub(crate) actions: EnergyActions,
    pub(crate) grid: Power,
    pub(crate) generators: Power,
    /// What generators could carry.
    pub(crate) generation: Power,
    /// What the battery could give, its reserve included.
    pub(crate) battery: Power,
}

/// What there is in an hour.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    /// Cheapest first.
    pub(crate) sellers: Vec<Seller>,
    pub(crate) renewables: Vec<(Power, EnergyPrice)>,
    pub(crate) battery: Option<Rated>,
    pub(crate) buyer: Buyer,
}

/// What the grid asks of an hour, and what it would have been without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Restraint {
    /// Most that is to be drawn from the grid.
    pub(crate) grid: Power,
    /// The hour without it.
    pub(crate) before: Outlook,
    /// Most that the battery may give.
    pub(crate) battery: Power,
    /// Most that generators may carry.
    pub(crate) generation: Power,
    /// What answered of work, by [`Answer::ALL`].
    pub(crate) work: [Power; Answer::ALL.len()],
}

/// What an hour came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct HourPower {
    pub(crate) grid: Power,
    pub(crate) generators: Power,
    pub(crate) solar: Power,
    pub(crate) wind: Power,
    pub(crate) discharged: Power,
    pub(crate) charged: Power,
    pub(crate) curtailed: Power,
    pub(crate) sold: Power,
    pub(crate) asked: Power,
}

impl Microgrid {
    /// Of every site; `None` for one whose energy is firm sources at constant prices, and which is never
    /// asked to draw less.
    pub(crate) fn of_all(
        factory: &Factory,
        calendar: Calendar,
        almanac: &Almanac,
    ) -> Vec<Option<Self>> {
        let winds = Gales::of(factory, calendar).map(|gales| almanac.wind(&gales));
        let mut winds = winds.into_iter().flatten();
        let mut suns = modelled_suns(factory, calendar, almanac).into_iter();
        let of = |id| {
            let wind = factory.sites[id].wind.as_ref().and_then(|wind| match &wind.weather {
                WindWeather::Profile(hourly) => Some(hourly.clone()),
                WindWeather::Modelled { .. } => winds.next(),
            });
            let sun = factory.sites[id].solar.as_ref().and_then(|solar| match &solar.weather {
                SolarWeather::Profile(hourly) => Some(Share::Hourly(hourly.clone())),
                SolarWeather::Modelled { .. } => suns.next(),
            });
            Self::of(factory, id, calendar, almanac, (sun, wind))
        };
        factory.sites.ids().map(of).collect()
    }

    /// Of a site, with what sun and wind bring there.
    fn of(
        factory: &Factory,
        id: Id<Site>,
        calendar: Calendar,
        almanac: &Almanac,
        (sun, winds): (Option<Share>, Option<Hourly>),
    ) -> Option<Self> {
        let site = &factory.sites[id];
        let tariff = site.grid.as_ref().is_some_and(|grid| {
            grid.demand_usd_per_kw != 0.0
                || grid.hourly_carbon.is_some()
                || grid.hourly_price.is_some()
                || !grid.periods.is_empty()
        });
        let asked = factory.curtailments.iter().any(|event| event.site == id);
        let more = site.solar.is_some() || site.wind.is_some() || site.battery.is_some();
        if !(tariff || asked || more) {
            return None;
        }
        let solar = site.solar.as_ref().zip(sun).map(|(solar, share)| Renewable {
            from: calendar.hour_of(solar.from),
            capacity: solar.capacity,
            price: solar.price,
            share,
        });
        let wind = site.wind.as_ref().zip(winds).map(|(wind, hours)| Renewable {
            from: calendar.hour_of(wind.from),
            capacity: wind.capacity,
            price: wind.price,
            share: Share::Hourly(hours),
        });
        let rules = site.battery.as_ref().map(|battery| BatteryRules {
            charge_below: battery.charge_below,
            discharge_above: battery.discharge_above,
            shave_above: battery.shave_above,
        });
        let sources: Vec<Source> = Source::of_site(site, calendar).collect();
        let of_grid = site.grid.as_ref();
        Some(Self {
            grid_price: Tariff::of(site, calendar, almanac),
            grid_carbon: of_grid.and_then(|grid| grid.hourly_carbon.clone()),
            demand_usd_per_kw: of_grid.map_or(0.0, |grid| grid.demand_usd_per_kw),
            export: of_grid.and_then(|grid| grid.export),
            solar,
            wind,
            storage: site.battery.as_ref().map(|battery| Storage::new(battery, calendar)),
            rules: rules.unwrap_or_default(),
            booked: (Energy::ZERO, Energy::ZERO, Energy::ZERO),
            month_peak: Power::ZERO,
            selling: Vec::with_capacity(sources.len()),
            sellers: Vec::with_capacity(sources.len()),
            bought: vec![Power::ZERO; sources.len()],
            sources,
        })
    }

    /// Price of a source at an hour.
    fn price(&self, source: &Source, at: f64) -> EnergyPrice {
        match &self.grid_price {
            Some(tariff) if source.grid => tariff.at(at as usize),
            _ => source.price,
        }
    }

    fn carbon(&self, source: &Source, at: f64) -> CarbonIntensity {
        match &self.grid_carbon {
            Some(hourly) if source.grid => CarbonIntensity::from_g_per_kwh(hourly.at(at as usize)),
            _ => source.carbon,
        }
    }

    /// Who sells at an hour, cheapest first, of equal prices the grid and then who is written first.
    fn open(&mut self, at: f64, restraint: Option<&Restraint>) {
        self.selling.clear();
        self.selling.extend((0..self.sources.len()).filter(|i| self.sources[*i].is_on(at)));
        let mut selling = std::mem::take(&mut self.selling);
        selling.sort_by(|a, b| {
            let price = |i: &usize| self.price(&self.sources[*i], at).as_usd_per_mwh();
            price(a).total_cmp(&price(b))
        });
        self.sellers.clear();
        let mut generation = restraint.map_or(Power::from_watts(f64::INFINITY), |r| r.generation);
        for index in &selling {
            let source = &self.sources[*index];
            let most = match restraint {
                Some(restraint) if source.grid => restraint.grid,
                _ if source.grid => source.capacity,
                _ => generation,
            };
            let capacity = source.capacity.min(most);
            if !source.grid {
                generation -= capacity;
            }
            self.sellers.push(Seller {
                capacity,
                price: self.price(source, at),
                grid: source.grid,
            });
        }
        self.selling = selling;
    }

    /// What the grid would buy at an hour, once it is known who sells then.
    fn buyer(&self, at: f64) -> Buyer {
        let grid = self.sellers.iter().find(|seller| seller.grid);
        let (Some(export), Some(grid)) = (self.export, grid) else { return Buyer::default() };
        let (mut power, mut usd) = (0.0, 0.0);
        for of in [&self.solar, &self.wind].into_iter().flatten() {
            let brings = of.power(at).as_mw();
            power += brings;
            usd += brings * of.price.as_usd_per_mwh();
        }
        let costs = if power > 0.0 { usd / power } else { 0.0 };
        Buyer {
            most: export.most,
            pays: export.price.unwrap_or(grid.price),
            costs: EnergyPrice::from_usd_per_mwh(costs),
        }
    }

    fn storage_view(&self, at: f64, most: Power) -> (Power, Power, Power) {
        let Some(storage) = &self.storage else {
            return (Power::ZERO, Power::ZERO, Power::ZERO);
        };
        let (free, reserve) = storage.gives(at);
        let free = free.min(most);
        (storage.takes(at), free, reserve.min(most - free))
    }

    /// Who carries a draw, of what sun and wind bring, and what the grid would buy.
    fn dispatch(
        &mut self,
        at: f64,
        draw: Power,
        restraint: Option<&Restraint>,
    ) -> (EnergyActions, Power, Buyer) {
        if let Some(storage) = &mut self.storage {
            storage.age(at);
        }
        self.open(at, restraint);
        let most = restraint.map_or(Power::from_watts(f64::INFINITY), |r| r.battery);
        let (takes, gives, reserve) = self.storage_view(at, most);
        let (renewable, buyer) = (self.renewable(at), self.buyer(at));
        let view =
            EnergyView { draw, renewable, sellers: &self.sellers, takes, gives, reserve, buyer };
        let actions = dispatch_energy(&view, &self.rules, &mut self.bought);
        // What nobody sells is drawn of whom it can be: of the grid beyond what it asks, or else of
        // the dearest.
        let beyond = match restraint {
            Some(_) => self.sellers.iter().position(|seller| seller.grid),
            None => self.sellers.len().checked_sub(1),
        };
        if let Some(beyond) = beyond {
            self.bought[beyond] += actions.unmet;
        }
        (actions, renewable, buyer)
    }

    /// What sun and wind bring in an hour.
    fn renewable(&self, at: f64) -> Power {
        [&self.solar, &self.wind].into_iter().flatten().map(|of| of.power(at)).sum()
    }

    /// What the hour would be like with a draw, nothing of it done.
    pub(crate) fn outlook(&mut self, at: f64, draw: Power) -> Outlook {
        let (actions, ..) = self.dispatch(at, draw, None);
        let bought = |grid: bool| -> Power {
            let sold = self.sellers.iter().zip(&self.bought);
            sold.filter(|(seller, _)| seller.grid == grid).map(|(_, bought)| *bought).sum()
        };
        let generators = self.sellers.iter().filter(|seller| !seller.grid);
        let (free, reserve) = self.storage.as_ref().map_or_else(Default::default, |s| s.gives(at));
        Outlook {
            actions,
            grid: bought(true),
            generators: bought(false),
            generation: generators.map(|seller| seller.capacity).sum(),
            battery: free + reserve,
        }
    }

    /// Carries the hour's `draw`; what it costs goes into the bill, what flows into `flows`.
    pub(crate) fn hour(
        &mut self,
        at: f64,
        draw: Power,
        restraint: Option<&Restraint>,
        flows: &mut EnergyFlows,
    ) -> (Bill, HourPower) {
        let (actions, renewable, buyer) = self.dispatch(at, draw, restraint);
        let mut bill = Bill::default();
        let mut now = HourPower::default();
        for (place, index) in self.selling.iter().enumerate() {
            let source = &self.sources[*index];
            let bought = self.bought[place];
            let energy = bought * HOUR;
            bill.energy += energy;
            bill.cost += self.sellers[place].price * energy;
            bill.carbon_t += self.carbon(source, at).as_g_per_kwh() * energy.as_kwh() / 1e6;
            if source.grid {
                now.grid += bought;
            } else {
                now.generators += bought;
            }
        }
        let curtailed = actions.curtailed;
        let used = renewable - curtailed;
        // What is not taken is of both alike.
        let share = if renewable > Power::ZERO { used / renewable } else { 0.0 };
        let of = |of: &Option<Renewable>| {
            of.as_ref().map_or((Power::ZERO, Money::ZERO), |of| {
                let used = of.power(at) * share;
                (used, of.price * (used * HOUR))
            })
        };
        let ((solar, solar_cost), (wind, wind_cost)) = (of(&self.solar), of(&self.wind));
        now.sold = actions.sold();
        let sales = buyer.pays * (now.sold * HOUR);
        bill.cost += solar_cost + wind_cost - sales;
        flows.sales += sales;
        (now.solar, now.wind, now.curtailed) = (solar, wind, curtailed);
        (now.charged, now.discharged) = (actions.charged(), actions.discharged());
        bill.grid = now.grid * HOUR;
        // Energy of the facility: what batteries take is used, what they give comes from somewhere, and
        // what is sold is others'.
        bill.energy += (actions.renewable_used + actions.discharged_for_use()
            - actions.charged_of_grid)
            * HOUR;
        if let Some(storage) = &mut self.storage {
            storage.work(now.charged, now.discharged);
            // Since the last hour: it may have aged, or come, as someone looked ahead.
            let (charge, brought, lost) = self.booked;
            self.booked = (storage.charge(), storage.brought(), storage.lost());
            flows.stored += self.booked.0 - charge;
            flows.brought += self.booked.1 - brought;
            flows.lost += self.booked.2 - lost;
        }
        flows.grid += now.grid * HOUR;
        flows.generators += now.generators * HOUR;
        flows.solar += solar * HOUR;
        flows.wind += wind * HOUR;
        flows.curtailed += curtailed * HOUR;
        flows.sold += now.sold * HOUR;
        flows.charged += now.charged * HOUR;
        for (sum, given) in flows.discharged.iter_mut().zip(actions.given) {
            *sum += given * HOUR;
        }
        if let Some(restraint) = restraint {
            now.asked = restraint.before.grid - restraint.grid;
            answered(restraint, &actions, &now, flows);
        }
        self.month_peak = self.month_peak.max(now.grid);
        (bill, now)
    }

    /// Books what the month's highest hour costs; the next month begins.
    pub(crate) fn close_month(&mut self, sums: &mut Sums) {
        let peak = std::mem::take(&mut self.month_peak);
        let charge = Money::from_usd(self.demand_usd_per_kw * peak.as_kw());
        sums.energy_cost += charge;
        sums.flows.demand_charges += charge;
    }

    /// What each kilowatt of a month's highest hour costs.
    pub(crate) const fn demand_usd_per_kw(&self) -> f64 {
        self.demand_usd_per_kw
    }

    /// What there is in an hour, whoever decides.
    pub(crate) fn offered(&mut self, at: f64) -> Offered {
        self.open(at, None);
        let renewables = [&self.solar, &self.wind].into_iter().flatten();
        Offered {
            sellers: self.sellers.clone(),
            renewables: renewables.map(|of| (of.power(at), of.price)).collect(),
            battery: self.storage.as_ref().and_then(|storage| storage.rated(at)),
            buyer: self.buyer(at),
        }
    }

    /// What the battery holds.
    pub(crate) fn stored(&self) -> Energy {
        self.storage.as_ref().map_or(Energy::ZERO, Storage::charge)
    }
}

/// Counts what answered to a restraint: the grid's share of the hour is what it would have been, less
/// what work gave, batteries gave more or took less, and generators carried more.
fn answered(
    restraint: &Restraint,
    actions: &EnergyActions,
    now: &HourPower,
    flows: &mut EnergyFlows,
) {
    // Where nothing is asked nothing answers, though batteries are not where they would have been.
    if now.asked <= Power::ZERO {
        return;
    }
    let before = &restraint.before;
    flows.asked += now.asked * HOUR;
    for (sum, work) in flows.answered.iter_mut().zip(restraint.work) {
        *sum += work * HOUR;
    }
    let battery = (actions.discharged_for_use() - before.actions.discharged_for_use())
        + (before.actions.charged() - now.charged)
        + (actions.renewable_used - before.actions.renewable_used)
        + (actions.charged_of_surplus - before.actions.charged_of_surplus);
    flows.answered[Answer::Battery as usize] += battery * HOUR;
    flows.answered[Answer::Generation as usize] += (now.generators - before.generators) * HOUR;
    flows.unanswered += (now.grid - restraint.grid) * HOUR;
}
