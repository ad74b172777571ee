//! The hourly walk once more, for thousands of samples: every hour still counts, but a day whose
//! hours are alike is computed once.
//!
//! [`run`](crate::run) is its slow twin: it takes every hour of every machine by itself, and tests
//! hold both to the same sums. What makes this one fast: within a day the same machines stand; a
//! group of machines that one service fills, or that nobody asks for, does the same in every hour of
//! the day; a site whose draw is the same in every hour buys once. Only the groups at the edge
//! between two services, which breathes with the day, are taken hour by hour. So is a site whose energy
//! is more than firm sources at constant prices, and a day in which work gives way to power.

use std::ops::Range;

use wattmill_catalog::Catalog;
use wattmill_factory::Factory;
use wattmill_units::{Id, Money, Power, Seconds};

use crate::almanac::Almanac;
use crate::bank::{Bank, Load};
use crate::build::{Delivery, Standing, deliveries};
use crate::calendar::{Calendar, QuarterLabel};
use crate::flows::EnergyFlows;
use crate::groups::Groups;
use crate::ledger::{Balance, Books};
use crate::microgrid::{Microgrid, Restraint};
use crate::plant::Overhead;
use crate::property::{self, Property, Units};
use crate::receipts::Investors;
use crate::relief::{Reliefs, Scene};
use crate::result::{ServiceQuarter, Sums, TrainingOutcome};
use crate::revenue;
use crate::serving::Offer;
use crate::stretch::{HOURS, PerHour, Want, lanes, serve, sum, train};
use crate::supply::Supply;
use crate::training::{Progress, TrainingRun};
use crate::work::Work;

const HOUR: Seconds = Seconds::from_hours(1.0);

/// What came of one sample.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) calendar: Calendar,
    pub(crate) quarters: Vec<CourseQuarter>,
    pub(crate) trainings: Vec<TrainingOutcome>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) days: Vec<CourseDay>,
    /// Of everything that is conserved, what is furthest off.
    pub(crate) worst: Balance,
}

/// A quarter of a course, all sites together.
#[derive(Clone, Debug)]
pub(crate) struct CourseQuarter {
    pub(crate) label: QuarterLabel,
    pub(crate) days: u32,
    pub(crate) total: Sums,
    pub(crate) services: Vec<ServiceQuarter>,
    /// From investors.
    pub(crate) received: Money,
}

/// A day of a course.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CourseDay {
    /// Facility power of machines that run, at design PUE.
    pub(crate) energised: Power,
    pub(crate) accelerators: f64,
    pub(crate) served_tokens: f64,
}

/// How far the books were when a day began.
struct Mark {
    total: Sums,
    services: Vec<ServiceQuarter>,
    trainings: Vec<Progress>,
    it: Vec<f64>,
}

struct Walk<'a> {
    factory: &'a Factory,
    calendar: Calendar,
    supplies: Vec<Supply>,
    microgrids: Vec<Option<Microgrid>>,
    overheads: Vec<Overhead>,
    reliefs: Reliefs,
    deliveries: Vec<Delivery>,
    banks: Vec<Bank>,
    groups: Groups,
    order: Vec<usize>,
    trainings: Vec<TrainingRun>,
    /// FLOPs an hour of an accelerator of the fastest bank, by run.
    fastest: Vec<f64>,
    standing: Standing,
    units: Vec<Units>,
    property: Vec<Property>,
    wants: Vec<Want>,
    asked: Vec<[f64; HOURS]>,
    output_tokens: Vec<f64>,
    input_tokens: Vec<f64>,
    /// Draw of each site, in each hour of the day: facility watts, or IT watts until its plant is counted.
    draw: Vec<[f64; HOURS]>,
    /// IT watt-hours of each site in the day.
    it: Vec<f64>,
    uneven: Vec<bool>,
    peaks: Vec<Power>,
    quarter: Option<CourseQuarter>,
    investors: Investors,
    books: Books,
    course: Course,
}

/// Walks every hour of one sample. `offers` as for [`run`](crate::run).
pub(crate) fn walk(
    factory: &Factory,
    catalog: &Catalog,
    offers: &[Offer],
    almanac: &Almanac,
) -> Course {
    let calendar = Calendar::new(factory.start, factory.end);
    let microgrids = Microgrid::of_all(factory, calendar, almanac);
    let mut walk = Walk::new(factory, catalog, calendar, offers, microgrids);
    for day in 0..calendar.days() {
        walk.day(day);
    }
    walk.close_quarter();
    let ids = factory.trainings.ids();
    let mut total = Sums::default();
    walk.course.quarters.iter().for_each(|quarter| total.add(&quarter.total));
    walk.course.worst = walk.worst(&total);
    let per_hour = total.cost_per_accelerator_hour();
    let outcomes = walk.trainings.iter().zip(ids).map(|(run, id)| run.outcome(id, per_hour));
    walk.course.trainings = outcomes.collect();
    walk.course.deliveries = walk.deliveries;
    walk.course
}

impl<'a> Walk<'a> {
    fn new(
        factory: &'a Factory,
        catalog: &Catalog,
        calendar: Calendar,
        offers: &[Offer],
        microgrids: Vec<Option<Microgrid>>,
    ) -> Self {
        let deliveries = deliveries(factory, calendar);
        let groups = Groups::new(factory, catalog, &deliveries, offers);
        let supplies: Vec<Supply> =
            factory.sites.iter().map(|site| Supply::of(site, calendar)).collect();
        let banks: Vec<Bank> = groups.all.iter().map(Bank::of).collect();
        let trainings: Vec<TrainingRun> = factory.trainings.iter().map(TrainingRun::new).collect();
        let property = Property::of_all(factory, calendar);
        let units = property::unpaid(&property, &deliveries, &factory.economics);
        let fastest = trainings
            .iter()
            .map(|run| {
                let rates = banks.iter().filter_map(|bank| run.per_hour(&bank.machine));
                rates.fold(0.0, f64::max)
            })
            .collect();
        let standing = Standing::at(&supplies, &deliveries, 0.0);
        let lengths = factory.services.iter().map(|service| &service.traffic.lengths);
        let sites = factory.sites.len();
        Self {
            factory,
            calendar,
            order: groups.order(&standing),
            groups,
            banks,
            trainings,
            fastest,
            units,
            property,
            wants: vec![Want::nothing(); factory.services.len()],
            asked: vec![[0.0; HOURS]; factory.services.len()],
            output_tokens: lengths.clone().map(|of| of.output.mean()).collect(),
            input_tokens: lengths.map(|of| of.input.mean()).collect(),
            draw: vec![[0.0; HOURS]; sites],
            it: vec![0.0; sites],
            microgrids,
            overheads: Overhead::of_all(factory, calendar),
            reliefs: Reliefs::new(factory, calendar),
            uneven: vec![false; sites],
            peaks: vec![Power::ZERO; sites],
            standing,
            supplies,
            deliveries,
            quarter: None,
            investors: Investors::new(factory),
            books: Books::default(),
            course: Course {
                calendar,
                quarters: Vec::new(),
                trainings: Vec::new(),
                deliveries: Vec::new(),
                days: Vec::with_capacity(calendar.days() as usize),
                worst: Balance::NOTHING,
            },
        }
    }

    fn day(&mut self, day: u32) {
        let label = QuarterLabel::of(self.calendar.date(day));
        if self.quarter.as_ref().is_none_or(|quarter| quarter.label != label) {
            self.close_quarter();
            self.open_quarter(label);
        }
        let Some(mut quarter) = self.quarter.take() else { return };
        quarter.days += 1;
        let at = f64::from(day) * 24.0;
        self.stand(at, &mut quarter.total);
        self.ask(day, &mut quarter);
        let before = quarter.total.served_output_tokens;
        let asked = self.reliefs.asked(at, at + HOURS as f64);
        if asked || !self.evenly(at, &mut quarter) {
            self.hour_by_hour(at, &mut quarter);
        }
        self.settle(at, &mut quarter);
        self.charge_peaks(day, &mut quarter);
        let energised: Power = self
            .deliveries
            .iter()
            .zip(&self.standing.running)
            .map(|(delivery, running)| delivery.unit_facility * *running)
            .sum();
        let date = self.calendar.date(day);
        self.investors.pay(self.factory, date, energised, |r| quarter.received += r.ours());
        self.course.days.push(CourseDay {
            energised,
            accelerators: quarter.total.accelerators,
            served_tokens: quarter.total.served_output_tokens - before,
        });
        self.quarter = Some(quarter);
    }

    /// A day in which nothing gives way, hours that are alike at once. Where machines would draw more than
    /// there may be, nothing is done, and that is said.
    fn evenly(&mut self, at: f64, quarter: &mut CourseQuarter) -> bool {
        self.begin();
        let before = self.reliefs.oversubscribed().then(|| self.mark(quarter));
        let soon = |(run, fastest): (&TrainingRun, &f64)| {
            run.wants(at, self.calendar) > 0.0 && run.ends_within(HOURS as f64, *fastest)
        };
        if self.trainings.iter().zip(&self.fastest).any(soon) {
            // The hours of a run's last day depend on each other.
            for hour in 0..HOURS {
                self.stretch(at + hour as f64, hour..hour + 1, quarter);
            }
        } else {
            self.stretch(at, 0..HOURS, quarter);
        }
        self.power_plant(at, 0..HOURS);
        if let Some(before) = before
            && self.is_short(at)
        {
            self.undo(before, quarter);
            return false;
        }
        self.microgrids(at, 0..HOURS, &[], quarter);
        true
    }

    /// A day in which work may give way: what does so in an hour depends on what the battery gave in
    /// those before.
    fn hour_by_hour(&mut self, at: f64, quarter: &mut CourseQuarter) {
        self.begin();
        for hour in 0..HOURS {
            let restraints = self.relieved(at, hour, quarter);
            self.power_plant(at, hour..hour + 1);
            self.microgrids(at, hour..hour + 1, &restraints, quarter);
        }
    }

    /// Nothing is drawn of the day.
    fn begin(&mut self) {
        for (draw, uneven) in self.draw.iter_mut().zip(&mut self.uneven) {
            *draw = [0.0; HOURS];
            *uneven = false;
        }
    }

    /// What a stretch changes that the day does not begin with.
    fn mark(&self, quarter: &CourseQuarter) -> Mark {
        Mark {
            total: quarter.total,
            services: quarter.services.clone(),
            trainings: self.trainings.iter().map(|run| run.progress).collect(),
            it: self.it.clone(),
        }
    }

    fn undo(&mut self, mark: Mark, quarter: &mut CourseQuarter) {
        quarter.total = mark.total;
        quarter.services = mark.services;
        for (run, progress) in self.trainings.iter_mut().zip(mark.trainings) {
            run.progress = progress;
        }
        self.it = mark.it;
    }

    /// Whether a site's machines may draw more than there is in an hour of the day.
    fn is_short(&self, at: f64) -> bool {
        self.supplies.iter().zip(&self.draw).enumerate().any(|(site, (supply, draw))| {
            let most = Power::from_watts(draw.iter().copied().fold(0.0, f64::max));
            self.reliefs.short(site, most, supply, at)
        })
    }

    fn open_quarter(&mut self, label: QuarterLabel) {
        self.peaks.fill(Power::ZERO);
        self.quarter = Some(CourseQuarter {
            label,
            days: 0,
            total: Sums::default(),
            received: Money::ZERO,
            services: self.factory.services.ids().map(ServiceQuarter::begin).collect(),
        });
    }

    fn close_quarter(&mut self) {
        let Some(mut quarter) = self.quarter.take() else { return };
        quarter.total.capacity_tokens_per_day /= f64::from(quarter.days);
        quarter.total.peak_draw = self.peaks.iter().sum();
        let first = (self.course.days.len() as u32).saturating_sub(quarter.days);
        for tally in &mut quarter.services {
            let service = &self.factory.services[tally.service];
            revenue::settle(service, (first, quarter.days), tally);
        }
        self.course.quarters.push(quarter);
    }

    /// What stands today, and buys what is new of it.
    fn stand(&mut self, at: f64, total: &mut Sums) {
        let standing = &mut self.standing;
        let cheapest = standing.cheapest.clone();
        standing.renew(&self.supplies, &self.deliveries, at);
        if standing.cheapest != cheapest {
            self.order = self.groups.order(standing);
        }
        for (index, delivery) in self.deliveries.iter().enumerate() {
            let price = self.banks[self.groups.of_delivery[index]].machine.unit_price;
            let standing = (standing.installed[index], standing.there[index]);
            let units = &mut self.units[index];
            let property = &mut self.property[delivery.site.index()];
            property.install(at, (delivery, units), price, standing, total);
        }
        for property in &mut self.property {
            property.equip(at, self.factory.economics.discount_per_year, total);
        }
        total.available = standing.available.iter().sum();
        total.energised = total.available - standing.left.iter().sum();
        (total.units, total.accelerators) = (0.0, 0.0);
        for bank in &mut self.banks {
            let running = bank.deliveries.iter().map(|delivery| standing.running[*delivery]);
            let units: f64 = running.sum();
            if units != bank.units {
                bank.units = units;
                bank.accelerators = units * bank.machine.accelerators;
                for point in bank.points.iter_mut().flatten() {
                    point.all = point.dynamic_power(bank.accelerators);
                }
            }
            total.units += bank.units;
            total.accelerators += bank.accelerators;
        }
    }

    /// What is asked today.
    fn ask(&mut self, day: u32, quarter: &mut CourseQuarter) {
        let parts = self.wants.iter_mut().zip(&mut self.asked).zip(&mut quarter.services);
        for ((want, asked), tally) in parts {
            let traffic = &self.factory.services[tally.service].traffic;
            let growth = libm::pow(1.0 + traffic.growth_per_year, f64::from(day) / 365.25);
            let mean = traffic.requests_per_day * growth / 24.0;
            let mut sum = 0.0;
            for (asked, shape) in asked.iter_mut().zip(&traffic.daily_shape) {
                *asked = mean * shape;
                sum += *asked;
            }
            want.hourly = *asked;
            tally.asked_requests += sum;
            tally.asked_output_tokens += sum * self.output_tokens[tally.service.index()];
            let most = asked.iter().copied().fold(0.0, f64::max);
            tally.peak_asked_per_s = tally.peak_asked_per_s.max(most / 3600.0);
        }
    }

    /// Places the hours of a stretch, bank by bank.
    fn stretch(&mut self, at: f64, hours: Range<usize>, quarter: &mut CourseQuarter) {
        let n = hours.len() as f64;
        for want in &mut self.wants {
            want.bound(hours.clone());
        }
        let mut training: Vec<PerHour> =
            self.trainings.iter().map(|r| PerHour::Same(r.wants(at, self.calendar))).collect();
        for index in &self.order {
            let bank = &mut self.banks[*index];
            let all = bank.accelerators;
            if all <= 0.0 && bank.units <= 0.0 {
                continue;
            }
            let mut free = PerHour::Same(all);
            let mut dynamic = PerHour::Same(0.0);
            for (service, point) in bank.points.iter().enumerate() {
                let want = &mut self.wants[service];
                let Some(point) = point else { continue };
                if want.most() <= 0.0 || free.is_nothing() {
                    continue;
                }
                let requests = serve(want, point, all, hours.clone(), &mut free, &mut dynamic);
                if requests > 0.0 {
                    let output = requests * self.output_tokens[service];
                    quarter.total.served_output_tokens += output;
                    quarter.total.served_input_tokens += requests * self.input_tokens[service];
                    quarter.services[service].served_requests += requests;
                    quarter.services[service].served_output_tokens += output;
                }
            }
            let mut trained = PerHour::Same(0.0);
            for (run, want) in self.trainings.iter_mut().zip(&mut training) {
                if free.is_nothing() || want.is_nothing() {
                    continue;
                }
                let Some(per_hour) = run.per_hour(&bank.machine) else { continue };
                // Whole days are taken only while they cannot end the run.
                let most =
                    if hours.len() == 1 { run.progress.left / per_hour } else { f64::INFINITY };
                let taken = train(want, most, hours.clone(), &mut free, &mut trained);
                if taken > 0.0 {
                    run.advance(taken, per_hour, at, self.calendar);
                }
            }
            let load = Load::of(bank, self.overheads[bank.site].pue());
            let draw = &mut self.draw[bank.site][hours.clone()];
            match (free, dynamic, trained) {
                (PerHour::Same(idle), PerHour::Same(dynamic), PerHour::Same(trained)) => {
                    let power = load.draw(idle, dynamic, trained);
                    draw.iter_mut().for_each(|watts| *watts += power);
                    self.uneven[bank.site] |= hours.len() < HOURS;
                    load.book(&mut quarter.total, idle * n, dynamic * n, trained * n, n);
                }
                (mut idle, mut dynamic, mut trained) => {
                    let (idle, dynamic, trained) = (
                        &idle.each()[hours.clone()],
                        &dynamic.each()[hours.clone()],
                        &trained.each()[hours.clone()],
                    );
                    for (((watts, idle), dynamic), trained) in
                        draw.iter_mut().zip(idle).zip(dynamic).zip(trained)
                    {
                        *watts += load.draw(*idle, *dynamic, *trained);
                    }
                    self.uneven[bank.site] = true;
                    let total = &mut quarter.total;
                    load.book(total, sum(idle), sum(dynamic), sum(trained), n);
                }
            }
        }
        for want in &mut self.wants {
            let level = want.level;
            want.hourly[hours.clone()].iter_mut().for_each(|hourly| *hourly -= level);
            want.level = 0.0;
        }
    }

    /// An hour in which work may give way to power: placed as [`run`](crate::run) does, and booked.
    /// Returns what each site is held to.
    fn relieved(
        &mut self,
        at: f64,
        hour: usize,
        quarter: &mut CourseQuarter,
    ) -> Vec<Option<Restraint>> {
        let now = at + hour as f64;
        let asked: Vec<f64> = self.asked.iter().map(|asked| asked[hour]).collect();
        let accelerators: Vec<f64> = self.banks.iter().map(|bank| bank.accelerators).collect();
        let (standing, trainings) = (&self.standing, &self.trainings);
        let clock = (now, self.calendar);
        let mut work =
            Work::of_hour(&self.groups, standing, &accelerators, &asked, trainings, clock);
        let scene = Scene {
            factory: self.factory,
            groups: &self.groups,
            standing,
            accelerators: &accelerators,
            overheads: &self.overheads,
            supplies: &self.supplies,
            at: now,
        };
        let mut flows = vec![EnergyFlows::default(); self.microgrids.len()];
        let restraints = self.reliefs.relieve(&scene, &mut self.microgrids, &mut work, &mut flows);
        flows.iter().for_each(|flows| quarter.total.flows.add(flows));
        for index in work.order.iter().copied() {
            let (group, bank) = (&self.groups.all[index], &self.banks[index]);
            for (service, given) in work.given[index].iter().enumerate() {
                let requests = work.requests(index, group, Id::from_index(service));
                if *given > 0.0 && requests > 0.0 {
                    let output = requests * self.output_tokens[service];
                    quarter.total.served_output_tokens += output;
                    quarter.total.served_input_tokens += requests * self.input_tokens[service];
                    quarter.services[service].served_requests += requests;
                    quarter.services[service].served_output_tokens += output;
                }
            }
            for (run, trained) in self.trainings.iter_mut().zip(&work.trained[index]) {
                if let (Some(per_hour), true) = (run.per_hour(&bank.machine), *trained > 0.0) {
                    run.advance(*trained, per_hour, now, self.calendar);
                }
            }
            let power = work.power(index, group, bank.units, bank.accelerators);
            quarter.total.serving_hours += power.serving;
            quarter.total.training_hours += power.training;
            quarter.total.idle_hours += power.idle;
            quarter.total.serving_energy += power.serving_power * HOUR;
            self.draw[bank.site][hour] += power.it().as_watts() * self.overheads[bank.site].pue();
            self.uneven[bank.site] = true;
        }
        for (want, unserved) in self.wants.iter_mut().zip(&work.unserved) {
            want.hourly[hour] = *unserved;
        }
        restraints
    }

    /// Counts IT energy, and adds what the plant of a site takes besides.
    fn power_plant(&mut self, at: f64, hours: Range<usize>) {
        for site in 0..self.draw.len() {
            let draw = &mut self.draw[site][hours.clone()];
            match &self.overheads[site] {
                Overhead::Constant(pue) => {
                    if self.factory.sites[Id::from_index(site)].water_l_per_kwh.is_some() {
                        self.it[site] += sum(draw) / pue;
                    }
                }
                Overhead::Plant(plant) => {
                    let standing = self.standing.it[site];
                    self.it[site] += sum(draw);
                    for (hour, watts) in hours.clone().zip(draw.iter_mut()) {
                        *watts += plant.overhead(*watts, standing, at as usize + hour);
                    }
                    self.uneven[site] = true;
                }
            }
        }
    }

    /// Carries the draw of sites whose energy is more than firm sources at constant prices;
    /// `restraints` by site, none for none.
    fn microgrids(
        &mut self,
        at: f64,
        hours: Range<usize>,
        restraints: &[Option<Restraint>],
        quarter: &mut CourseQuarter,
    ) {
        let total = &mut quarter.total;
        for (site, microgrid) in self.microgrids.iter_mut().enumerate() {
            let Some(microgrid) = microgrid else { continue };
            let restraint = restraints.get(site).and_then(Option::as_ref);
            for hour in hours.clone() {
                let draw = Power::from_watts(self.draw[site][hour]);
                let now = at + hour as f64;
                let (bill, _) = microgrid.hour(now, draw, restraint, &mut total.flows);
                bill.book(1.0, total);
            }
        }
    }

    /// On the last day of a month books what its highest hours cost.
    fn charge_peaks(&mut self, day: u32, quarter: &mut CourseQuarter) {
        if self.microgrids.iter().all(Option::is_none) {
            return;
        }
        let month = |day| self.calendar.date(day).month();
        if day + 1 < self.calendar.days() && month(day + 1) == month(day) {
            return;
        }
        for microgrid in self.microgrids.iter_mut().flatten() {
            microgrid.close_month(&mut quarter.total);
        }
    }

    /// Buys the day's energy and books its costs.
    fn settle(&mut self, at: f64, quarter: &mut CourseQuarter) {
        let economics = &self.factory.economics;
        let total = &mut quarter.total;
        for (site, supply) in self.supplies.iter().enumerate() {
            let draw = &self.draw[site];
            let uneven = self.uneven[site];
            let most = match uneven {
                true => lanes(draw, 0.0, |a, b| if b > a { b } else { a }),
                false => draw[0],
            };
            let peak = Power::from_watts(most);
            self.peaks[site] = self.peaks[site].max(peak);
            // Hours that are alike are one purchase, as are those that one source carries.
            let mean;
            let (powers, times): (&[f64], f64) = if !uneven {
                (&draw[..1], HOURS as f64)
            } else if supply.one_source(at, peak) {
                mean = [sum(draw) / HOURS as f64];
                (&mean, HOURS as f64)
            } else {
                (draw, 1.0)
            };
            let watts = if uneven { sum(draw) } else { draw[0] * HOURS as f64 };
            self.books.energy_used += Power::from_watts(watts) * HOUR;
            // A microgrid has bought its own.
            let powers = if self.microgrids[site].is_some() { &[] } else { powers };
            for watts in powers {
                let bill = supply.buy(at, Power::from_watts(*watts));
                bill.book(times, total);
                bill.book_firm(times, &mut total.flows);
            }
            if let Some(water) = self.factory.sites[Id::from_index(site)].water_l_per_kwh {
                total.flows.water_l += water * std::mem::take(&mut self.it[site]) / 1e3;
            }
            let operations = economics.operations_per_year;
            let upkeep = self.property[site].keep(at, HOURS as u32, operations);
            total.operations += upkeep.operations;
            total.machine_depreciation += upkeep.machines;
            total.depreciation += upkeep.machines;
            total.depreciation += upkeep.infrastructure;
            total.energy_depreciation += upkeep.energy;
            total.depreciation += upkeep.energy;
        }
        for (service, (want, asked)) in self.wants.iter().zip(&self.asked).enumerate() {
            let mut worst = 1.0_f64;
            for (left, asked) in want.hourly.iter().zip(asked) {
                if *left > 0.0 && *asked > 0.0 {
                    worst = worst.min(1.0 - left / asked);
                }
            }
            self.books.requests_unserved += sum(&want.hourly);
            let tally = &mut quarter.services[service];
            tally.worst_hour_served = tally.worst_hour_served.min(worst);
        }
        self.books.hours_available += total.accelerators * HOURS as f64;
        total.capacity_tokens_per_day += self.capacity();
    }

    /// Of everything that is conserved, what is furthest off after all quarters.
    fn worst(&self, total: &Sums) -> Balance {
        let services = self.course.quarters.iter().flat_map(|quarter| &quarter.services);
        let (property, trainings) = (&self.property, &self.trainings);
        let all = self.books.balances(total, services, property, trainings, &self.microgrids);
        all.into_iter().fold(Balance::NOTHING, Balance::worse)
    }

    /// Output tokens that all machines could have served today of the mix that is asked.
    fn capacity(&self) -> f64 {
        let mut by_kind: Vec<Option<f64>> = vec![None; self.factory.hardware.len()];
        let mut tokens = 0.0;
        for bank in self.banks.iter().filter(|bank| bank.accelerators > 0.0) {
            let per_accelerator = *by_kind[bank.kind].get_or_insert_with(|| {
                let mut day = 0.0;
                for hour in 0..HOURS {
                    let (mut machine_hours, mut mix) = (0.0, 0.0);
                    for (service, point) in bank.points.iter().enumerate() {
                        if let Some(point) = point {
                            let asked = self.asked[service][hour];
                            machine_hours += asked * point.accelerator_hours_per_request;
                            mix += asked * self.output_tokens[service];
                        }
                    }
                    if machine_hours > 0.0 {
                        day += mix / machine_hours;
                    }
                }
                day
            });
            tokens += bank.accelerators * per_accelerator;
        }
        tokens
    }
}
