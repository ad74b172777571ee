//! A battery through its years: what it holds, gives and loses.

use wattmill_factory::Battery;
use wattmill_units::{Energy, Power, Seconds};

use crate::calendar::Calendar;
use crate::run::HOURS_PER_YEAR;

const HOUR: Seconds = Seconds::from_hours(1.0);

/// Share of its capacity that a battery has lost after the cycles it is rated for.
const LOST_AFTER_CYCLES: f64 = 0.2;

/// A battery on the plan's clock. Energies inside count what is stored, powers what is at the meter.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    battery: Battery,
    from: f64,
    /// Loss of either way: the root of the round trip.
    one_way: f64,
    charge: Energy,
    /// Discharged since it is new, inside.
    cycled: Energy,
    brought: Energy,
    lost: Energy,
    there: bool,
}

/// What a battery can do in an hour, cycles left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rated {
    pub(crate) power: Power,
    pub(crate) energy: Energy,
    pub(crate) one_way: f64,
    /// Whether this is its first hour, and what it brings then.
    pub(crate) arrives: bool,
    pub(crate) brought: Energy,
}

impl Storage {
    pub(crate) fn new(battery: &Battery, calendar: Calendar) -> Self {
        Self {
            from: calendar.hour_of(battery.from),
            one_way: libm::sqrt(battery.efficiency),
            battery: battery.clone(),
            charge: Energy::ZERO,
            cycled: Energy::ZERO,
            brought: Energy::ZERO,
            lost: Energy::ZERO,
            there: false,
        }
    }

    /// Lets it age to the hour `at` of the plan.
    pub(crate) fn age(&mut self, at: f64) {
        if at < self.from {
            return;
        }
        let capacity = self.capacity(at);
        if !self.there {
            self.there = true;
            self.brought = capacity * self.battery.start;
            self.charge = self.brought;
        }
        if self.charge > capacity {
            self.lost += self.charge - capacity;
            self.charge = capacity;
        }
    }

    /// What it can hold at the hour `at`.
    pub(crate) fn capacity(&self, at: f64) -> Energy {
        let years = (at - self.from) / HOURS_PER_YEAR;
        let cycles = self.cycled / self.battery.energy;
        let left = 1.0
            - self.battery.fade_per_year * years
            - LOST_AFTER_CYCLES * cycles / self.battery.cycles;
        self.battery.energy * left.max(0.0)
    }

    /// Most it can take in the hour `at`.
    pub(crate) fn takes(&self, at: f64) -> Power {
        if !self.there {
            return Power::ZERO;
        }
        let room = (self.capacity(at) - self.charge).max(Energy::ZERO);
        (room / HOUR / self.one_way).min(self.battery.power)
    }

    /// Most it can give in the hour `at`: without its reserve, and of that besides.
    pub(crate) fn gives(&self, at: f64) -> (Power, Power) {
        if !self.there {
            return (Power::ZERO, Power::ZERO);
        }
        let reserve = self.capacity(at) * self.battery.reserve;
        let all = (self.charge / HOUR * self.one_way).min(self.battery.power);
        let free = (self.charge - reserve).max(Energy::ZERO);
        let free = (free / HOUR * self.one_way).min(self.battery.power);
        (free, all - free)
    }

    /// Takes or gives for an hour.
    pub(crate) fn work(&mut self, takes: Power, gives: Power) {
        let (taken, given) = (takes * HOUR, gives * HOUR);
        let (stored, drained) = (taken * self.one_way, given / self.one_way);
        self.lost += (taken - stored) + (drained - given);
        self.cycled += drained;
        // Rounding may leave it a little less than empty.
        self.charge = (self.charge + stored - drained).max(Energy::ZERO);
    }

    /// What it can do at the hour `at` if it was never cycled; nothing before it is there.
    pub(crate) fn rated(&self, at: f64) -> Option<Rated> {
        let battery = &self.battery;
        let first = self.from.max(0.0);
        let age = |at: f64| (at - self.from) / HOURS_PER_YEAR;
        let energy = |at: f64| battery.energy * (1.0 - battery.fade_per_year * age(at)).max(0.0);
        (at >= self.from).then(|| Rated {
            power: battery.power,
            energy: energy(at),
            one_way: self.one_way,
            arrives: at == first,
            brought: energy(first) * battery.start,
        })
    }

    /// What is in it.
    pub(crate) const fn charge(&self) -> Energy {
        self.charge
    }

    /// What was in it when it came.
    pub(crate) const fn brought(&self) -> Energy {
        self.brought
    }

    /// What it lost so far.
    pub(crate) const fn lost(&self) -> Energy {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn storage(fade_per_year: f64, cycles: f64) -> Storage {
        let battery = Battery {
            energy: Energy::from_mwh(100.0),
            power: Power::from_mw(50.0),
            efficiency: 0.81,
            from: date(2027, 1, 1),
            start: 0.5,
            reserve: 0.2,
            fade_per_year,
            cycles,
            charge_below: None,
            discharge_above: None,
            shave_above: None,
            outlay: wattmill_factory::Outlay::NONE,
        };
        let mut storage = Storage::new(&battery, Calendar::new(date(2027, 1, 1), date(2030, 1, 1)));
        storage.age(0.0);
        storage
    }

    #[test]
    fn a_round_trip_loses_what_it_says() {
        let mut full = storage(0.0, f64::INFINITY);
        let before = full.charge();
        full.work(Power::from_mw(10.0), Power::ZERO);
        full.work(Power::ZERO, Power::from_mw(8.1));
        assert!((full.charge() - before).as_mwh().abs() < 1e-9);
        assert!((full.lost().as_mwh() - 1.9).abs() < 1e-9);
    }

    #[test]
    fn the_reserve_is_told_apart() {
        let half = storage(0.0, f64::INFINITY);
        let (free, reserve) = half.gives(0.0);
        assert!((free.as_mw() - 27.0).abs() < 1e-9, "30 MWh inside at 0.9: {free}");
        assert!((reserve.as_mw() - 18.0).abs() < 1e-9, "20 MWh inside: {reserve}");
        assert!((half.takes(0.0).as_mw() - 50.0).abs() < 1e-9, "its power, not its room");
    }

    #[test]
    fn it_holds_less_with_years_and_cycles_and_loses_what_no_longer_fits() {
        let mut old = storage(0.1, 100.0);
        old.charge = Energy::from_mwh(100.0);
        old.age(HOURS_PER_YEAR);
        assert!((old.capacity(HOURS_PER_YEAR).as_mwh() - 90.0).abs() < 1e-9);
        assert!((old.charge().as_mwh() - 90.0).abs() < 1e-9);
        assert!((old.lost().as_mwh() - 10.0).abs() < 1e-9);
        // Ninety inside are 0.9 of a cycle, and a hundred cycles a fifth.
        old.work(Power::ZERO, Power::from_mw(81.0));
        let expected = 90.0 - 100.0 * 0.2 * 0.9 / 100.0;
        assert!((old.capacity(HOURS_PER_YEAR).as_mwh() - expected).abs() < 1e-9);
        assert_eq!(storage(1.0, f64::INFINITY).capacity(2.0 * HOURS_PER_YEAR), Energy::ZERO);
    }
}
