//! The hourly walk once more, for thousands of samples: every hour still counts, but a day whose
//! hours are alike is computed once.
//!
//! [`run`](crate::run) is its slow twin: it takes every hour of every machine by itself, and tests
//! hold both to the same sums. What makes this one fast: within a day the same machines stand; a
//! group of machines that one service fills, or that nobody asks for, does the same in every hour of
//! the day; a site whose draw is the same in every hour buys once. Only the groups at the edge
//! between two services, which breathes with the day, are taken hour by hour.

use std::ops::Range;

use wattmill_catalog::Catalog;
use wattmill_factory::Factory;
use wattmill_units::{Id, Money, Power, Seconds};

use crate::assets::Assets;
use crate::build::{Delivery, Standing, deliveries};
use crate::calendar::{Calendar, QuarterLabel, hours};
use crate::groups::Groups;
use crate::result::{ServiceQuarter, Sums, TrainingOutcome};
use crate::run::HOURS_PER_YEAR;
use crate::serving::{Offer, ServingPoint};
use crate::supply::Supply;
use crate::training::TrainingRun;

/// Hours of a day.
const HOURS: usize = 24;
const HOUR: Seconds = Seconds::from_hours(1.0);

/// What came of one sample.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) calendar: Calendar,
    pub(crate) quarters: Vec<CourseQuarter>,
    pub(crate) trainings: Vec<TrainingOutcome>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) days: Vec<CourseDay>,
}

/// A quarter of a course, all sites together.
#[derive(Clone, Debug)]
pub(crate) struct CourseQuarter {
    pub(crate) label: QuarterLabel,
    pub(crate) days: u32,
    pub(crate) total: Sums,
    pub(crate) services: Vec<ServiceQuarter>,
}

/// A day of a course.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CourseDay {
    /// Facility power of machines that run, at design PUE.
    pub(crate) energised: Power,
    pub(crate) accelerators: f64,
    pub(crate) served_tokens: f64,
}

/// Folds values in four lanes, which a processor does at once.
fn lanes(values: &[f64], start: f64, fold: impl Fn(f64, f64) -> f64) -> f64 {
    let mut all = [start; 4];
    let quads = values.chunks_exact(4);
    let rest = quads.remainder();
    for quad in quads {
        for (lane, value) in all.iter_mut().zip(quad) {
            *lane = fold(*lane, *value);
        }
    }
    let folded = fold(fold(all[0], all[1]), fold(all[2], all[3]));
    rest.iter().fold(folded, |folded, value| fold(folded, *value))
}

fn sum(values: &[f64]) -> f64 {
    lanes(values, 0.0, |a, b| a + b)
}

/// What is asked in the hours of a day and not yet placed: in those of the stretch under way `level`
/// less than `hourly` says.
#[derive(Clone, Debug)]
struct Want {
    hourly: [f64; HOURS],
    level: f64,
    low: f64,
    high: f64,
}

impl Want {
    const fn nothing() -> Self {
        Self { hourly: [0.0; HOURS], level: 0.0, low: 0.0, high: 0.0 }
    }

    fn bound(&mut self, hours: Range<usize>) {
        let hourly = &self.hourly[hours];
        (self.low, self.high) = (
            lanes(hourly, f64::INFINITY, |a, b| if b < a { b } else { a }),
            lanes(hourly, f64::NEG_INFINITY, |a, b| if b > a { b } else { a }),
        );
    }

    fn least(&self) -> f64 {
        self.low - self.level
    }

    fn most(&self) -> f64 {
        self.high - self.level
    }
}

/// A group of equal machines, as the loop needs it.
struct Bank {
    site: usize,
    machine: crate::machine::Machine,
    deliveries: Vec<usize>,
    points: Vec<Option<Point>>,
    units: f64,
    accelerators: f64,
    /// Kind of machine, for what all banks of a kind share.
    kind: usize,
}

/// What a bank does for a service.
struct Point {
    requests_per_accelerator_hour: f64,
    accelerator_hours_per_request: f64,
    replicas_per_accelerator: f64,
    /// Power above idle of one replica at its capacity, watts.
    full: f64,
    /// Power above idle at no load and what a load of one adds, watts, between each two of
    /// [`ServingPoint::LOADS`]: the lines of [`ServingPoint::dynamic_power_of`].
    lines: [(f64, f64); 5],
    /// Power above idle with the whole bank serving it, watts.
    all: f64,
}

impl Point {
    fn new(serving: &ServingPoint) -> Self {
        let requests_per_accelerator_hour = serving.requests_per_accelerator_hour();
        let mut lines = [(0.0, 0.0); 5];
        let (mut below, mut power_below) = (0.0, 0.0);
        for ((line, load), power) in
            lines.iter_mut().zip(ServingPoint::LOADS).zip(serving.dynamic_power)
        {
            let slope = (power.as_watts() - power_below) / (load - below);
            *line = (power_below - slope * below, slope);
            (below, power_below) = (load, power.as_watts());
        }
        Self {
            requests_per_accelerator_hour,
            accelerator_hours_per_request: 1.0 / requests_per_accelerator_hour,
            replicas_per_accelerator: 1.0 / f64::from(serving.accelerators),
            full: power_below,
            lines,
            all: 0.0,
        }
    }

    /// Power above idle of `accelerators`, watts: whole replicas at capacity and one with the rest.
    fn dynamic_power(&self, accelerators: f64) -> f64 {
        let replicas = accelerators * self.replicas_per_accelerator;
        let whole = replicas as u64 as f64;
        let load = replicas - whole;
        // Counted, not searched: where the load lies is a coin toss to a processor.
        let above = |of: usize| usize::from(load > ServingPoint::LOADS[of]);
        let (at_zero, slope) = self.lines[above(0) + above(1) + above(2) + above(3)];
        let rest = at_zero + slope * load;
        self.full * whole + rest
    }
}

/// What a bank does in the hours of a stretch: the same in each, until something differs.
#[derive(Clone, Copy)]
enum PerHour {
    Same(f64),
    Each([f64; HOURS]),
}

struct Walk<'a> {
    factory: &'a Factory,
    calendar: Calendar,
    supplies: Vec<Supply>,
    deliveries: Vec<Delivery>,
    banks: Vec<Bank>,
    groups: Groups,
    order: Vec<usize>,
    trainings: Vec<TrainingRun>,
    /// FLOPs an hour of an accelerator of the fastest bank, by run.
    fastest: Vec<f64>,
    standing: Standing,
    bought: Vec<f64>,
    machines: Vec<Assets>,
    infrastructure: Vec<Assets>,
    wants: Vec<Want>,
    asked: Vec<[f64; HOURS]>,
    output_tokens: Vec<f64>,
    input_tokens: Vec<f64>,
    /// Draw of each site, in each hour of the day.
    draw: Vec<[f64; HOURS]>,
    uneven: Vec<bool>,
    peaks: Vec<Power>,
    quarter: Option<CourseQuarter>,
    course: Course,
}

/// Walks every hour of one sample. `offers` as for [`run`](crate::run).
pub(crate) fn walk(factory: &Factory, catalog: &Catalog, offers: &[Offer]) -> Course {
    let calendar = Calendar::new(factory.start, factory.end);
    let mut walk = Walk::new(factory, catalog, calendar, offers);
    for day in 0..calendar.days() {
        walk.day(day);
    }
    walk.close_quarter();
    let ids = factory.trainings.ids();
    walk.course.trainings = walk.trainings.iter().zip(ids).map(|(r, id)| r.outcome(id)).collect();
    walk.course.deliveries = walk.deliveries;
    walk.course
}

impl<'a> Walk<'a> {
    fn new(factory: &'a Factory, catalog: &Catalog, calendar: Calendar, offers: &[Offer]) -> Self {
        let deliveries = deliveries(factory, calendar);
        let groups = Groups::new(factory, catalog, &deliveries, offers);
        let supplies: Vec<Supply> =
            factory.sites.iter().map(|site| Supply::of(site, calendar)).collect();
        let banks: Vec<Bank> = groups
            .all
            .iter()
            .map(|group| Bank {
                site: group.site.index(),
                machine: group.machine,
                deliveries: group.deliveries.clone(),
                points: group.points.iter().map(|of| of.as_ref().map(Point::new)).collect(),
                units: 0.0,
                accelerators: 0.0,
                kind: group.hardware.index(),
            })
            .collect();
        let trainings: Vec<TrainingRun> = factory.trainings.iter().map(TrainingRun::new).collect();
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
            bought: vec![0.0; deliveries.len()],
            machines: vec![Assets::default(); sites],
            infrastructure: vec![Assets::default(); sites],
            wants: vec![Want::nothing(); factory.services.len()],
            asked: vec![[0.0; HOURS]; factory.services.len()],
            output_tokens: lengths.clone().map(|of| of.output.mean()).collect(),
            input_tokens: lengths.map(|of| of.input.mean()).collect(),
            draw: vec![[0.0; HOURS]; sites],
            uneven: vec![false; sites],
            peaks: vec![Power::ZERO; sites],
            standing,
            supplies,
            deliveries,
            quarter: None,
            course: Course {
                calendar,
                quarters: Vec::new(),
                trainings: Vec::new(),
                deliveries: Vec::new(),
                days: Vec::with_capacity(calendar.days() as usize),
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
        for (draw, uneven) in self.draw.iter_mut().zip(&mut self.uneven) {
            *draw = [0.0; HOURS];
            *uneven = false;
        }
        let before = quarter.total.served_output_tokens;
        let soon = |(run, fastest): (&TrainingRun, &f64)| {
            run.wants(at, self.calendar) > 0.0 && run.ends_within(HOURS as f64, *fastest)
        };
        if self.trainings.iter().zip(&self.fastest).any(soon) {
            // The hours of a run's last day depend on each other.
            for hour in 0..HOURS {
                self.stretch(at + hour as f64, hour..hour + 1, &mut quarter);
            }
        } else {
            self.stretch(at, 0..HOURS, &mut quarter);
        }
        self.settle(at, &mut quarter);
        let energised: Power = self
            .deliveries
            .iter()
            .zip(&self.standing.running)
            .map(|(delivery, running)| delivery.unit_facility * *running)
            .sum();
        self.course.days.push(CourseDay {
            energised,
            accelerators: quarter.total.accelerators,
            served_tokens: quarter.total.served_output_tokens - before,
        });
        self.quarter = Some(quarter);
    }

    fn open_quarter(&mut self, label: QuarterLabel) {
        let service = |service| ServiceQuarter {
            service,
            asked_requests: 0.0,
            served_requests: 0.0,
            asked_output_tokens: 0.0,
            served_output_tokens: 0.0,
            peak_asked_per_s: 0.0,
            worst_hour_served: 1.0,
            revenue: Money::ZERO,
        };
        self.peaks.fill(Power::ZERO);
        self.quarter = Some(CourseQuarter {
            label,
            days: 0,
            total: Sums::default(),
            services: self.factory.services.ids().map(service).collect(),
        });
    }

    fn close_quarter(&mut self) {
        let Some(mut quarter) = self.quarter.take() else { return };
        quarter.total.capacity_tokens_per_day /= f64::from(quarter.days);
        quarter.total.peak_draw = self.peaks.iter().sum();
        for tally in &mut quarter.services {
            if let Some(price) = self.factory.services[tally.service].price_per_million_output {
                tally.revenue = price * (tally.served_output_tokens / 1e6);
            }
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
            let new = standing.installed[index] - self.bought[index];
            if new <= 0.0 {
                continue;
            }
            self.bought[index] = standing.installed[index];
            let site = delivery.site.index();
            let machine = &self.banks[self.groups.of_delivery[index]].machine;
            let machines = machine.unit_price * new;
            let watts = (delivery.unit_facility * new).as_watts();
            let infrastructure =
                Money::from_usd(self.factory.economics.infrastructure_usd_per_w * watts);
            self.machines[site].buy(at, machines);
            self.infrastructure[site].buy(at, infrastructure);
            total.capital += machines + infrastructure;
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
                let most = if hours.len() == 1 { run.left / per_hour } else { f64::INFINITY };
                let taken = train(want, most, hours.clone(), &mut free, &mut trained);
                if taken > 0.0 {
                    run.advance(taken, per_hour, at, self.calendar);
                }
            }
            let pue = self.factory.sites[Id::from_index(bank.site)].pue.annual;
            let load = Load::of(bank, pue);
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
            for watts in powers {
                let bill = supply.buy(at, Power::from_watts(*watts));
                total.energy += bill.energy * times;
                total.energy_cost += bill.cost * times;
                total.carbon_t += bill.carbon_t * times;
            }
            let (machines, infrastructure) =
                (&mut self.machines[site], &mut self.infrastructure[site]);
            let capital = machines.bought() + infrastructure.bought();
            total.operations +=
                capital * (economics.operations_per_year / HOURS_PER_YEAR * HOURS as f64);
            let life = hours(economics.machine_life);
            total.depreciation += machines.depreciation_of(at, HOURS as u32, life);
            let life = hours(economics.infrastructure_life);
            total.depreciation += infrastructure.depreciation_of(at, HOURS as u32, life);
        }
        for (service, (want, asked)) in self.wants.iter().zip(&self.asked).enumerate() {
            let mut worst = 1.0_f64;
            for (left, asked) in want.hourly.iter().zip(asked) {
                if *left > 0.0 && *asked > 0.0 {
                    worst = worst.min(1.0 - left / asked);
                }
            }
            let tally = &mut quarter.services[service];
            tally.worst_hour_served = tally.worst_hour_served.min(worst);
        }
        total.capacity_tokens_per_day += self.capacity();
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

impl PerHour {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Same(value) if *value <= 0.0)
    }

    fn add(&mut self, more: f64) {
        match self {
            Self::Same(value) => *value += more,
            Self::Each(values) => values.iter_mut().for_each(|value| *value += more),
        }
    }

    fn each(&mut self) -> &mut [f64; HOURS] {
        if let Self::Same(value) = *self {
            *self = Self::Each([value; HOURS]);
        }
        match self {
            Self::Each(values) => values,
            Self::Same(_) => unreachable!("it was spread over the hours above"),
        }
    }
}

/// Gives free accelerators of a bank of `all` to a service; returns requests served in all hours.
fn serve(
    want: &mut Want,
    point: &Point,
    all: f64,
    hours: Range<usize>,
    free: &mut PerHour,
    dynamic: &mut PerHour,
) -> f64 {
    let rate = point.requests_per_accelerator_hour;
    let power = |given: f64| if given == all { point.all } else { point.dynamic_power(given) };
    if let PerHour::Same(left) = free
        && want.least() >= *left * rate
    {
        // Every hour takes all that is left.
        let given = std::mem::take(left);
        want.level += given * rate;
        dynamic.add(power(given));
        return given * rate * hours.len() as f64;
    }
    let (left, above_idle) = (&mut free.each()[hours.clone()], dynamic.each());
    let mut served = [0.0; HOURS];
    let served = &mut served[hours.clone()];
    let level = want.level;
    // Without branches, so that a processor takes several hours at once.
    for ((hourly, left), served) in
        want.hourly[hours.clone()].iter_mut().zip(left.iter_mut()).zip(served.iter_mut())
    {
        let wanted = *hourly - level;
        let needed = wanted * point.accelerator_hours_per_request;
        let enough = needed <= *left;
        let given = if enough { needed } else { *left };
        *hourly = level + if enough { 0.0 } else { wanted - *left * rate };
        *left -= given;
        *served = given;
    }
    for (above_idle, given) in above_idle[hours.clone()].iter_mut().zip(served.iter()) {
        if *given > 0.0 {
            *above_idle += power(*given);
        }
    }
    if sum(left) <= 0.0 {
        *free = PerHour::Same(0.0);
    }
    want.bound(hours);
    sum(served) * rate
}

/// Gives free accelerators to a run that wants some, in every hour at most `most`; returns
/// accelerator-hours.
fn train(
    want: &mut PerHour,
    most: f64,
    hours: Range<usize>,
    free: &mut PerHour,
    trained: &mut PerHour,
) -> f64 {
    if let (PerHour::Same(want), PerHour::Same(free), PerHour::Same(trained)) =
        (&mut *want, &mut *free, &mut *trained)
    {
        let taken = free.min(*want).min(most).max(0.0);
        *want -= taken;
        *free -= taken;
        *trained += taken;
        return taken * hours.len() as f64;
    }
    let (left, wanted) = (&mut free.each()[hours.clone()], &mut want.each()[hours.clone()]);
    let mut all = [0.0; HOURS];
    let all = &mut all[hours.clone()];
    for ((left, wanted), taken) in left.iter_mut().zip(wanted.iter_mut()).zip(all.iter_mut()) {
        let some = if *left < *wanted { *left } else { *wanted };
        *taken = if some < most { some } else { most };
        *left -= *taken;
        *wanted -= *taken;
    }
    for (trained, taken) in trained.each()[hours].iter_mut().zip(all.iter()) {
        *trained += taken;
    }
    let (left, wanted, taken) = (sum(left), sum(wanted), sum(all));
    if left <= 0.0 {
        *free = PerHour::Same(0.0);
    }
    if wanted <= 0.0 {
        *want = PerHour::Same(0.0);
    }
    taken
}

/// Facility power of a bank: so many watts with all of it serving, and more or less for what does
/// otherwise.
struct Load<'b> {
    bank: &'b Bank,
    serving: f64,
    idle_instead: f64,
    training_instead: f64,
    pue: f64,
}

impl<'b> Load<'b> {
    fn of(bank: &'b Bank, pue: f64) -> Self {
        let machine = &bank.machine;
        let serving = machine.idle_host_power * bank.units
            + (machine.host_power_per_working + machine.idle_power) * bank.accelerators;
        Self {
            serving: serving.as_watts() * pue,
            idle_instead: -machine.host_power_per_working.as_watts() * pue,
            training_instead: (machine.training_power - machine.idle_power).as_watts() * pue,
            pue,
            bank,
        }
    }

    /// Watts with `idle` of the accelerators doing nothing, `trained` training, the others serving at
    /// `dynamic` watts above their idle power.
    fn draw(&self, idle: f64, dynamic: f64, trained: f64) -> f64 {
        self.serving
            + self.idle_instead * idle
            + self.training_instead * trained
            + self.pue * dynamic
    }

    /// Books sums over so many hours.
    fn book(&self, total: &mut Sums, idle: f64, dynamic: f64, trained: f64, hours: f64) {
        let serving = (self.bank.accelerators * hours - idle - trained).max(0.0);
        let above_idle = Power::from_watts(dynamic);
        total.serving_hours += serving;
        total.training_hours += trained;
        total.idle_hours += idle;
        total.serving_energy += (self.bank.machine.idle_power * serving + above_idle) * HOUR;
    }
}
