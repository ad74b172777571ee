//! The hourly walk over the years: a fluid of machines, dispatched to services and training.

use wattmill_catalog::Catalog;
use wattmill_factory::Factory;
use wattmill_units::{Energy, Id, Money, Power, Seconds};

use crate::almanac::Almanac;
use crate::bound::SiteHours;
use crate::build::{Delivery, Standing, deliveries};
use crate::calendar::{Calendar, QuarterLabel};
use crate::counting::Counting;
use crate::flows::{EnergyFlows, HourMix};
use crate::groups::{Groups, asked, mix};
use crate::ledger::{Balance, Books};
use crate::microgrid::{Microgrid, Restraint};
use crate::plant::Overhead;
use crate::property::{self, Property, Units};
use crate::receipts::Investors;
use crate::relief::{Reliefs, Scene};
use crate::result::*;
use crate::serving::Offer;
use crate::settlement::Settlement;
use crate::supply::Supply;
use crate::training::TrainingRun;
use crate::waterfall::Waterfall;
use crate::work::Work;
use crate::{answer, regions, revenue, warnings};

/// The plan in the making.
struct Walk<'a> {
    factory: &'a Factory,
    calendar: Calendar,
    supplies: Vec<Supply>,
    /// Sites whose energy is more than firm sources at constant prices.
    microgrids: Vec<Option<Microgrid>>,
    overheads: Vec<Overhead>,
    reliefs: Reliefs,
    mix: Vec<HourMix>,
    site_hours: Vec<SiteHours>,
    deliveries: Vec<Delivery>,
    groups: Groups,
    trainings: Vec<TrainingRun>,
    sites: Vec<SiteState>,
    /// What each site owns.
    property: Vec<Property>,
    /// Units paid for, by delivery.
    units: Vec<Units>,
    /// How far each delivery was at the end of every month.
    months: Vec<Vec<PhaseMonth>>,
    quarters: Vec<Quarter>,
    days: Vec<Day>,
    receipts: Vec<Receipt>,
    investors: Investors,
    waterfall: Waterfall,
    books: Books,
}

/// What a site carries from hour to hour.
#[derive(Clone, Default)]
struct SiteState {
    /// Facility energy of the hour under way.
    drawn: Energy,
    /// IT energy of it.
    it: Energy,
    /// What the grid asks of the hour under way.
    restraint: Option<Restraint>,
    /// Whether work gave way to that or to oversubscription.
    throttled: bool,
    /// Idle accelerators of the hour under way.
    idle: f64,
    binds_hours: [u32; Binds::ALL.len()],
}

/// Walks every hour of the factory's plan.
///
/// `offers` are what [`offers`](crate::offers) found for this very factory, by hardware, then
/// service.
pub fn run(factory: &Factory, catalog: &Catalog, offers: Vec<Offer>) -> Plan {
    let calendar = Calendar::new(factory.start, factory.end);
    let mut walk = Walk::new(factory, catalog, calendar, &offers);
    for day in 0..calendar.days() {
        walk.day(day);
    }
    walk.finish(catalog, offers)
}

impl<'a> Walk<'a> {
    fn new(factory: &'a Factory, catalog: &Catalog, calendar: Calendar, offers: &[Offer]) -> Self {
        let deliveries = deliveries(factory, calendar);
        let groups = Groups::new(factory, catalog, &deliveries, offers);
        let trainings: Vec<TrainingRun> = factory.trainings.iter().map(TrainingRun::new).collect();
        let property = Property::of_all(factory, calendar);
        let units = property::unpaid(&property, &deliveries, &factory.economics);
        Self {
            factory,
            calendar,
            supplies: factory.sites.iter().map(|site| Supply::of(site, calendar)).collect(),
            microgrids: Microgrid::of_all(factory, calendar, &Almanac::default()),
            overheads: Overhead::of_all(factory, calendar),
            reliefs: Reliefs::new(factory, calendar),
            mix: Vec::new(),
            site_hours: vec![SiteHours::default(); factory.sites.len()],
            groups,
            sites: vec![SiteState::default(); factory.sites.len()],
            property,
            units,
            months: vec![Vec::new(); deliveries.len()],
            deliveries,
            trainings,
            quarters: Vec::new(),
            days: Vec::new(),
            receipts: Vec::new(),
            investors: Investors::new(factory),
            waterfall: Waterfall::default(),
            books: Books::default(),
        }
    }

    fn day(&mut self, day: u32) {
        let date = self.calendar.date(day);
        let label = QuarterLabel::of(date);
        if self.quarters.last().is_none_or(|quarter| quarter.label != label) {
            self.close_quarter();
            self.quarters.push(self.open_quarter(label));
        }
        self.days.push(Day {
            date,
            site_power: vec![Power::ZERO; self.sites.len()],
            phase_power: vec![Power::ZERO; self.deliveries.len()],
            accelerators: 0.0,
            asked_tokens: 0.0,
            served_tokens: 0.0,
            capacity_tokens: 0.0,
            peak_asked_tokens: 0.0,
        });
        for hour in 0..24 {
            self.hour(day, hour);
        }
        if let Some(quarter) = self.quarters.last_mut() {
            quarter.days += 1;
        }
        if day + 1 == self.calendar.days() || self.calendar.date(day + 1).month() != date.month() {
            self.close_month(f64::from(day) * 24.0, date);
            self.charge_peaks();
        }
        self.pay(date);
    }

    /// Notes how far every phase is on the last day of a month, and what it waits for.
    fn close_month(&mut self, at: f64, date: jiff::civil::Date) {
        let standing = Standing::at(&self.supplies, &self.deliveries, at);
        let parts = self.months.iter_mut().zip(&self.deliveries);
        for (index, (months, delivery)) in parts.enumerate() {
            let phase = &self.factory.phases[delivery.phase];
            let waits_for = if standing.running[index] < standing.there[index] {
                Some(WaitsFor::SitePower)
            } else if delivery.is_cancelled(at) {
                None
            } else {
                delivery.binds(at, phase)
            };
            months.push(PhaseMonth {
                year: date.year(),
                month: date.month(),
                running: standing.running[index],
                waits_for,
            });
        }
    }

    /// Books what the highest hour of the month costs.
    fn charge_peaks(&mut self) {
        let Some(quarter) = self.quarters.last_mut() else { return };
        for (site, microgrid) in quarter.sites.iter_mut().zip(&mut self.microgrids) {
            microgrid.iter_mut().for_each(|microgrid| microgrid.close_month(&mut site.sums));
        }
    }

    fn open_quarter(&self, label: QuarterLabel) -> Quarter {
        let site = |site| SiteQuarter { site, binds: Binds::FirstRack, sums: Sums::default() };
        Quarter {
            label,
            days: 0,
            sites: self.factory.sites.ids().map(site).collect(),
            services: self.factory.services.ids().map(ServiceQuarter::begin).collect(),
            regions: regions::open(self.factory),
        }
    }

    /// Settles means and what bound.
    fn close_quarter(&mut self) {
        let Some(quarter) = self.quarters.last_mut() else {
            return;
        };
        for (site, state) in quarter.sites.iter_mut().zip(&mut self.sites) {
            site.sums.capacity_tokens_per_day /= f64::from(quarter.days);
            let mut most = 0;
            for (index, hours) in state.binds_hours.iter().enumerate() {
                if *hours > state.binds_hours[most] {
                    most = index;
                }
            }
            site.binds = Binds::ALL[most];
            state.binds_hours = Default::default();
        }
    }

    fn hour(&mut self, day: u32, hour: u32) {
        let at = f64::from(day) * 24.0 + f64::from(hour);
        let standing = Standing::at(&self.supplies, &self.deliveries, at);
        self.install(at, &standing);
        let asked = asked(&self.factory.services, day, hour);
        let work = self.work(at, &standing, &asked);
        let short = self.settle(at, &standing, &asked, &work);
        self.account(at, &asked, &standing, short);
    }

    /// Buys what was installed since the last hour and takes stock.
    fn install(&mut self, at: f64, standing: &Standing) {
        let (Some(quarter), Some(day)) = (self.quarters.last_mut(), self.days.last_mut()) else {
            return;
        };
        for (index, delivery) in self.deliveries.iter().enumerate() {
            let site = delivery.site.index();
            let price = self.groups.all[self.groups.of_delivery[index]].machine.unit_price;
            let standing = (standing.installed[index], standing.there[index]);
            let units = &mut self.units[index];
            let sums = &mut quarter.sites[site].sums;
            self.property[site].install(at, (delivery, units), price, standing, sums);
        }
        for site in &mut quarter.sites {
            let index = site.site.index();
            let rate = self.factory.economics.discount_per_year;
            self.property[index].equip(at, rate, &mut site.sums);
            site.sums.available = standing.available[index];
            site.sums.energised = standing.available[index] - standing.left[index];
            (site.sums.units, site.sums.accelerators) = (0.0, 0.0);
        }
        day.accelerators = 0.0;
        for group in &self.groups.all {
            let accelerators = group.accelerators(standing);
            let sums = &mut quarter.sites[group.site.index()].sums;
            sums.units += group.units(standing);
            sums.accelerators += accelerators;
            day.accelerators += accelerators;
        }
        for ((power, running), delivery) in
            day.phase_power.iter_mut().zip(&standing.running).zip(&self.deliveries)
        {
            *power = delivery.unit_facility * *running;
        }
    }

    /// Decides who does what in the hour, and who gives way where power is short.
    fn work(&mut self, at: f64, standing: &Standing, asked: &[f64]) -> Work {
        let accelerators: Vec<f64> =
            self.groups.all.iter().map(|group| group.accelerators(standing)).collect();
        let clock = (at, self.calendar);
        let mut work =
            Work::of_hour(&self.groups, standing, &accelerators, asked, &self.trainings, clock);
        let may = self.reliefs.oversubscribed() || self.reliefs.asked(at, at + 1.0);
        let (true, Some(quarter)) = (may, self.quarters.last_mut()) else { return work };
        let scene = Scene {
            factory: self.factory,
            groups: &self.groups,
            standing,
            accelerators: &accelerators,
            overheads: &self.overheads,
            supplies: &self.supplies,
            at,
        };
        let mut flows = vec![EnergyFlows::default(); self.sites.len()];
        let restraints = self.reliefs.relieve(&scene, &mut self.microgrids, &mut work, &mut flows);
        for (index, restraint) in restraints.into_iter().enumerate() {
            self.sites[index].restraint = restraint;
            self.sites[index].throttled = flows[index].throttled_hours > 0.0;
            quarter.sites[index].sums.flows.add(&flows[index]);
        }
        work
    }

    /// Settles tokens and energy of the hour's work. Returns whether more was asked than was placed.
    fn settle(&mut self, at: f64, standing: &Standing, asked: &[f64], work: &Work) -> bool {
        let (Some(quarter), Some(day)) = (self.quarters.last_mut(), self.days.last_mut()) else {
            return false;
        };
        let services = &self.factory.services;
        let hour = Seconds::from_hours(1.0);
        let placed = !quarter.regions.is_empty();
        let mut from = vec![vec![0.0; self.sites.len()]; if placed { services.len() } else { 0 }];
        for index in work.order.iter().copied() {
            let group = &self.groups.all[index];
            let site = group.site.index();
            let sums = &mut quarter.sites[site].sums;
            let machine = &group.machine;
            let units = group.units(standing);
            let accelerators = group.accelerators(standing);

            for (service, given) in work.given[index].iter().enumerate() {
                let (Some(point), true) = (&group.points[service], *given > 0.0) else {
                    continue;
                };
                let requests = work.requests(index, group, Id::from_index(service));
                let lengths = &services[Id::from_index(service)].traffic.lengths;
                let output = requests * lengths.output.mean();
                let replicas = given / f64::from(point.accelerators);
                let above_idle = point.dynamic_power_of(replicas) * hour;
                sums.served_output_tokens += output;
                sums.served_input_tokens += requests * lengths.input.mean();
                day.served_tokens += output;
                let tally = &mut quarter.services[service];
                tally.served_requests += requests;
                tally.served_output_tokens += output;
                if placed {
                    from[service][site] += requests;
                }
                let idle = machine.idle_power * *given * hour;
                self.waterfall.serving(&point.split, idle + above_idle);
            }
            for (run, trained) in self.trainings.iter_mut().zip(&work.trained[index]) {
                if let (Some(per_hour), true) = (run.per_hour(machine), *trained > 0.0) {
                    run.advance(*trained, per_hour, at, self.calendar);
                }
            }

            let power = work.power(index, group, units, accelerators);
            let it = power.it() * hour;
            // That of a plant follows below, for the whole site.
            let overhead = it * (self.overheads[site].pue() - 1.0);
            self.waterfall.rest(
                overhead,
                power.host * hour,
                power.idle_power * hour,
                power.training_power * hour,
            );
            self.books.energy_used += it + overhead;
            self.books.hours_available += accelerators;

            sums.serving_hours += power.serving;
            sums.training_hours += power.training;
            sums.idle_hours += power.idle;
            sums.serving_energy += power.serving_power * hour;
            day.site_power[site] += (it + overhead) / Seconds::from_hours(24.0);
            self.sites[site].drawn += it + overhead;
            self.sites[site].it += it;
            self.sites[site].idle += power.idle;

            let (hours_per_mix, tokens_per_mix) = mix(asked, &group.points, services);
            if hours_per_mix > 0.0 {
                let tokens = accelerators / hours_per_mix * tokens_per_mix;
                sums.capacity_tokens_per_day += tokens;
                day.capacity_tokens += tokens;
            }
        }
        for (site, state) in self.sites.iter_mut().enumerate() {
            let Some(plant) = self.overheads[site].plant() else { continue };
            let it = state.it / hour;
            let overhead = plant.overhead(it.as_watts(), standing.it[site], at as usize);
            let overhead = Power::from_watts(overhead) * hour;
            self.waterfall.rest(overhead, Energy::ZERO, Energy::ZERO, Energy::ZERO);
            self.books.energy_used += overhead;
            day.site_power[site] += overhead / Seconds::from_hours(24.0);
            state.drawn += overhead;
        }
        if placed {
            let hour = at as usize % 24;
            regions::book(&mut quarter.regions, services, hour, asked, &from, &work.unserved);
        }
        let mut short = work.wanting;
        for (unserved, tally) in work.unserved.iter().zip(&mut quarter.services) {
            self.books.requests_unserved += unserved;
            let asked = asked[tally.service.index()];
            if asked > 0.0 {
                tally.worst_hour_served = tally.worst_hour_served.min(1.0 - unserved / asked);
            }
            short |= *unserved > 0.0;
        }
        short
    }

    /// Books demand, energy purchases and costs of the hour.
    fn account(&mut self, at: f64, asked: &[f64], standing: &Standing, short: bool) {
        let (Some(quarter), Some(day)) = (self.quarters.last_mut(), self.days.last_mut()) else {
            return;
        };
        let mut tokens = 0.0;
        for (requests, tally) in asked.iter().zip(&mut quarter.services) {
            let output =
                requests * self.factory.services[tally.service].traffic.lengths.output.mean();
            tokens += output;
            tally.asked_requests += requests;
            tally.asked_output_tokens += output;
            tally.peak_asked_per_s = tally.peak_asked_per_s.max(requests / 3600.0);
        }
        day.asked_tokens += tokens;
        day.peak_asked_tokens = day.peak_asked_tokens.max(tokens * 24.0);

        let economics = &self.factory.economics;
        let hour = Seconds::from_hours(1.0);
        let mut mix = HourMix::default();
        for (index, (supply, state)) in self.supplies.iter().zip(&mut self.sites).enumerate() {
            let sums = &mut quarter.sites[index].sums;
            let drawn = std::mem::take(&mut state.drawn);
            let idle = std::mem::take(&mut state.idle);
            let it = std::mem::take(&mut state.it);
            let restraint = state.restraint.take();
            let throttled = std::mem::take(&mut state.throttled);
            let bill = match &mut self.microgrids[index] {
                Some(microgrid) => {
                    let (bill, now) =
                        microgrid.hour(at, drawn / hour, restraint.as_ref(), &mut sums.flows);
                    mix.put(&now, microgrid.stored());
                    let hours = &mut self.site_hours[index];
                    if hours.stored.is_empty() {
                        hours.stored.push(Energy::ZERO);
                    }
                    hours.draw.push(drawn / hour);
                    hours.stored.push(microgrid.stored());
                    bill
                }
                None => {
                    let bill = supply.buy(at, drawn / hour);
                    bill.book_firm(1.0, &mut sums.flows);
                    mix.put_firm(bill.grid / hour, (bill.energy - bill.grid) / hour);
                    bill
                }
            };
            if let Some(water) = self.factory.sites[Id::from_index(index)].water_l_per_kwh {
                sums.flows.water_l += water * it.as_kwh();
            }
            bill.book(1.0, sums);
            sums.peak_draw = sums.peak_draw.max(drawn / hour);
            let upkeep = self.property[index].keep(at, 1, economics.operations_per_year);
            sums.operations += upkeep.operations;
            sums.machine_depreciation += upkeep.machines;
            sums.energy_depreciation += upkeep.energy;
            sums.depreciation += upkeep.machines + upkeep.infrastructure + upkeep.energy;

            let starved =
                self.deliveries.iter().zip(standing.there.iter().zip(&standing.running)).any(
                    |(delivery, (there, running))| {
                        delivery.site.index() == index && running < there
                    },
                );
            let binds = if standing.available[index] <= Power::ZERO {
                Binds::Energisation
            } else if sums.units == 0.0 && !starved {
                Binds::FirstRack
            } else if starved || throttled {
                Binds::Power
            } else if !short {
                Binds::Demand
            } else if idle > 0.005 * sums.accelerators {
                Binds::Fit
            } else {
                Binds::Machines
            };
            state.binds_hours[binds as usize] += 1;
        }
        self.mix.push(mix);
    }

    /// Releases what the contracts owe for the power that runs at the end of the day.
    fn pay(&mut self, date: jiff::civil::Date) {
        let Some(day) = self.days.last() else { return };
        let deployed: Power = day.phase_power.iter().sum();
        let receipts = &mut self.receipts;
        self.investors.pay(self.factory, date, deployed, |receipt| receipts.push(receipt));
    }

    fn finish(mut self, catalog: &Catalog, offers: Vec<Offer>) -> Plan {
        self.close_quarter();
        let mut first = 0;
        for quarter in &mut self.quarters {
            for tally in &mut quarter.services {
                let service = &self.factory.services[tally.service];
                revenue::settle(service, (first, quarter.days), tally);
            }
            first += quarter.days;
        }
        let purchases = self.purchases();
        let totals: Vec<Sums> = self.quarters.iter().map(Quarter::total).collect();
        let mut whole = Sums::default();
        totals.iter().for_each(|total| whole.add(total));
        let mut ledger = self.ledger(&whole);
        let running: Vec<f64> =
            self.months.iter().map(|months| months.last().map_or(0.0, |m| m.running)).collect();
        let counting =
            Counting::of(self.factory, catalog, (&self.deliveries, &running), &self.quarters);
        let phases = self
            .deliveries
            .iter()
            .zip(&self.groups.of_delivery)
            .zip(self.months)
            .map(|((delivery, group), months)| PhaseOutcome {
                phase: delivery.phase,
                units: delivery.units,
                accelerators: delivery.units * self.groups.all[*group].machine.accelerators,
                months,
                first_rack: self.calendar.date_of(delivery.first_hour),
                last_rack: self.calendar.date_of(delivery.last_hour),
            })
            .collect();
        // What had come before the plan comes on its first day, as the file has it.
        self.receipts.sort_by_key(|receipt| receipt.date);
        let books = Settlement::of(
            self.factory,
            &self.quarters,
            &totals,
            &self.receipts,
            &purchases,
            &self
                .days
                .iter()
                .map(|day| (day.date, day.phase_power.iter().sum()))
                .collect::<Vec<(jiff::civil::Date, Power)>>(),
        );
        ledger.extend(books.ledger);
        let (cash, statement) = (books.cash, books.statement);
        let per_hour = whole.cost_per_accelerator_hour();
        let worn = |of: fn(&Property, Seconds) -> (Money, f64), life| {
            let all = self.property.iter().map(|property| of(property, life));
            all.fold((Money::ZERO, 1.0), |(sum, _), (worn, share)| (sum + worn, share))
        };
        let parts = CapitalPart::of(
            &whole,
            &self.factory.economics,
            (&|life| worn(Property::worn_machines, life), &|life| {
                worn(Property::worn_infrastructure, life)
            }),
        );
        let mut plan = Plan {
            cash,
            statement,
            parts,
            factory: self.factory.name.clone(),
            start: self.factory.start,
            end: self.factory.end,
            seed: self.factory.seed,
            hours: u64::from(self.calendar.days()) * 24,
            offers,
            counting,
            phases,
            quarters: self.quarters,
            days: self.days,
            mix: self.mix,
            site_hours: self.site_hours,
            bound: None,
            trainings: self
                .trainings
                .iter()
                .zip(self.factory.trainings.ids())
                .map(|(run, id)| run.outcome(id, per_hour))
                .collect(),
            receipts: self.receipts,
            waterfall: self.waterfall.stages(),
            ledger,
            warnings: books.warnings,
            answer_hash: 0,
        };
        plan.warnings.extend(warnings::of(self.factory, &plan));
        plan.answer_hash = answer::hash(&plan);
        plan
    }

    /// What was bought outside of contracts, by supplier.
    fn purchases(&self) -> Vec<(String, Money)> {
        let mut bought: Vec<(String, Money)> = Vec::new();
        for (index, group) in self.groups.of_delivery.iter().enumerate() {
            let group = &self.groups.all[*group];
            let vendor = &self.factory.hardware[group.hardware].accelerator.vendor;
            let spent = group.machine.unit_price * self.units[index].bought;
            match bought.iter_mut().find(|(name, _)| name == vendor) {
                Some((_, so_far)) => *so_far += spent,
                None => bought.push((vendor.clone(), spent)),
            }
        }
        bought
    }

    fn ledger(&self, whole: &Sums) -> Vec<Balance> {
        let services = self.quarters.iter().flat_map(|quarter| &quarter.services);
        let balances =
            self.books.balances(whole, services, &self.property, &self.trainings, &self.microgrids);
        let mut all = balances.to_vec();
        all.push(Balance {
            what: "energy used = waterfall",
            unit: "MWh",
            sources: self.books.energy_used.as_mwh(),
            uses: self.waterfall.total().as_mwh(),
        });
        all.extend(regions::balance(self.factory, &self.quarters));
        all
    }
}

pub(crate) const HOURS_PER_YEAR: f64 = 8766.0;
