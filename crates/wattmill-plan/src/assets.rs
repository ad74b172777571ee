//! What was bought, and what it loses in value.

use std::collections::VecDeque;

use wattmill_factory::{Economics, Outlay, Site};
use wattmill_units::{Money, Seconds};

use crate::calendar::{Calendar, hours};
use crate::cash::annuity_of;
use crate::result::Sums;

/// Something that a site buys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purchase {
    /// Hour of the plan, before it if negative.
    pub(crate) at: f64,
    pub(crate) price: Money,
    pub(crate) stay: Stay,
}

/// How long something stays, and what becomes of it then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stay {
    /// Hours until it is taken out, however long it could last.
    pub(crate) hours: f64,
    /// Share of its price that it is sold for then.
    pub(crate) resale: f64,
}

impl Stay {
    /// As long as it lasts.
    pub(crate) const FOR_LIFE: Self = Self { hours: f64::INFINITY, resale: 0.0 };

    /// Hours over which it loses its value if it lasts for `life` hours.
    fn lasts(self, life: f64) -> f64 {
        life.min(self.hours).round().max(1.0)
    }
}

/// What loses value hour by hour.
#[derive(Clone, Debug, Default)]
struct Assets {
    /// What all of it loses in an hour.
    hourly: Money,
    /// Until when each purchase loses how much in an hour, the first to end first.
    purchases: VecDeque<(f64, Money)>,
}

impl Assets {
    /// From hour `at` on `value` is lost over `life` hours. Returns what was lost before the plan.
    fn buy(&mut self, at: f64, value: Money, life: f64) -> Money {
        let before = (-at).clamp(0.0, life);
        let hourly = value / life;
        if before < life {
            let end = at + life;
            // Nearly always what is bought last ends last.
            if self.purchases.back().is_none_or(|(last, _)| *last <= end) {
                self.purchases.push_back((end, hourly));
            } else {
                let place = self.purchases.partition_point(|(other, _)| *other <= end);
                self.purchases.insert(place, (end, hourly));
            }
            self.hourly += hourly;
        }
        hourly * before
    }

    /// Straight-line depreciation of the hour `at`, which must not fall from call to call.
    fn depreciation(&mut self, at: f64) -> Money {
        while let Some((_, hourly)) = self.purchases.pop_front_if(|(end, _)| at >= *end) {
            self.hourly -= hourly;
        }
        if self.purchases.is_empty() {
            // Nothing is lost to rounding.
            self.hourly = Money::ZERO;
        }
        self.hourly
    }

    /// Straight-line depreciation of `hours` hours from `at` on, as [`Self::depreciation`] of each.
    fn depreciation_of(&mut self, at: f64, hours: u32) -> Money {
        let last = at + f64::from(hours);
        if self.purchases.front().is_none_or(|(end, _)| last <= *end) {
            return self.hourly * f64::from(hours);
        }
        (0..hours).map(|hour| self.depreciation(at + f64::from(hour))).sum()
    }
}

/// Parts of something that is bought as one: the share of each in its price, and its life in hours.
/// Parts of one life are one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts(pub(crate) Vec<(f64, f64)>);

impl Parts {
    fn of(parts: impl IntoIterator<Item = (f64, Seconds)>) -> Self {
        let mut all: Vec<(f64, f64)> = Vec::new();
        for (share, life) in parts {
            match all.iter_mut().find(|(_, known)| *known == hours(life)) {
                Some((sum, _)) => *sum += share,
                None => all.push((share, hours(life))),
            }
        }
        if let [(share, _)] = &mut all[..] {
            // Shares of a whole need not add up to the last bit.
            *share = 1.0;
        }
        Self(all)
    }

    /// Of machines.
    pub(crate) fn of_machines(economics: &Economics) -> Self {
        Self::of(Part::of_machines(economics).map(|part| (part.share, part.life)))
    }

    /// Of building and plant.
    pub(crate) fn of_infrastructure(economics: &Economics) -> Self {
        Self::of(Part::of_infrastructure(economics).map(|part| (part.share, part.life)))
    }
}

/// A part of what is bought as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Its share in the price.
    pub(crate) share: f64,
    /// Straight-line life.
    pub(crate) life: Seconds,
}

impl Part {
    /// Of the price of machines.
    pub(crate) fn of_machines(economics: &Economics) -> [Self; 2] {
        let (life, network) = (economics.machine_life, economics.shares.network);
        [
            Self { name: "accelerators and racks", share: 1.0 - network, life },
            Self { name: "network", share: network, life: economics.lives.network.unwrap_or(life) },
        ]
    }

    /// Of that of building and plant.
    pub(crate) fn of_infrastructure(economics: &Economics) -> [Self; 3] {
        let (lives, shares) = (&economics.lives, &economics.shares);
        let part = |name, share, life: Option<Seconds>| Self {
            name,
            share,
            life: life.unwrap_or(economics.infrastructure_life),
        };
        [
            part("building and land", 1.0 - shares.power - shares.cooling, lives.building),
            part("power plant", shares.power, lives.power),
            part("cooling", shares.cooling, lives.cooling),
        ]
    }
}

/// What a site bought of one kind, part by part.
#[derive(Clone, Debug)]
pub(crate) struct Estate {
    bought: Money,
    parts: Vec<Holding>,
}

#[derive(Clone, Debug)]
struct Holding {
    share: f64,
    life: f64,
    assets: Assets,
    worn: Money,
}

impl Estate {
    pub(crate) fn new(parts: &Parts) -> Self {
        let holding = |(share, life): &(f64, f64)| Holding {
            share: *share,
            life: *life,
            assets: Assets::default(),
            worn: Money::ZERO,
        };
        Self { bought: Money::ZERO, parts: parts.0.iter().map(holding).collect() }
    }

    /// Buys something. Returns what it had lost before the plan.
    pub(crate) fn buy(&mut self, Purchase { at, price, stay }: Purchase) -> Money {
        self.bought += price;
        let value = price * (1.0 - stay.resale);
        let lost =
            |part: &mut Holding| part.assets.buy(at, value * part.share, stay.lasts(part.life));
        self.parts.iter_mut().map(lost).sum()
    }

    /// All that was bought.
    pub(crate) const fn bought(&self) -> Money {
        self.bought
    }

    /// What a dollar of it costs in a year, spread evenly over the time that it is there, with interest
    /// at `rate`.
    pub(crate) fn yearly(&self, stay: Stay, rate: f64) -> f64 {
        let of = |part: &Holding| part.share * annuity_of(rate, stay.lasts(part.life), stay.resale);
        self.parts.iter().map(of).sum()
    }

    /// Straight-line depreciation of `hours` hours from `at` on, which must not fall from call to call.
    pub(crate) fn depreciation(&mut self, at: f64, hours: u32) -> Money {
        let mut all = Money::ZERO;
        for part in &mut self.parts {
            let worn = part.assets.depreciation_of(at, hours);
            part.worn += worn;
            all += worn;
        }
        all
    }

    /// What the parts of this life have lost so far, and their share in the price.
    pub(crate) fn worn(&self, life: Seconds) -> (Money, f64) {
        let of_life = self.parts.iter().find(|part| part.life == hours(life));
        of_life.map_or((Money::ZERO, 1.0), |part| (part.worn, part.share))
    }
}

/// What makes and stores energy on a site: each is bought on its day and has a life of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnergyPlant {
    coming: Vec<(f64, Outlay)>,
    bought: Money,
    there: Assets,
}

impl EnergyPlant {
    pub(crate) fn of(site: &Site, calendar: Calendar) -> Self {
        let onsite = site.onsite.iter().map(|source| (source.from, source.outlay));
        let solar = site.solar.iter().map(|solar| (solar.from, solar.outlay));
        let wind = site.wind.iter().map(|wind| (wind.from, wind.outlay));
        let battery = site.battery.iter().map(|battery| (battery.from, battery.outlay));
        let all = onsite.chain(solar).chain(wind).chain(battery);
        let paid = all.filter(|(_, outlay)| outlay.capital > Money::ZERO);
        let coming = paid.map(|(from, outlay)| (calendar.hour_of(from), outlay)).collect();
        Self { coming, ..Self::default() }
    }

    /// Buys what comes until hour `at`, and books what that costs with interest at `rate`.
    pub(crate) fn arrive(&mut self, at: f64, rate: f64, sums: &mut Sums) {
        let (there, bought) = (&mut self.there, &mut self.bought);
        self.coming.retain(|(from, outlay)| {
            if *from > at {
                return true;
            }
            let life = Stay::FOR_LIFE.lasts(hours(outlay.life));
            sums.lost_before += there.buy(from.min(at), outlay.capital, life);
            *bought += outlay.capital;
            sums.capital += outlay.capital;
            sums.energy_capital += outlay.capital;
            sums.yearly += outlay.capital * annuity_of(rate, life, 0.0);
            false
        });
    }

    /// All that was bought.
    pub(crate) const fn bought(&self) -> Money {
        self.bought
    }

    /// Straight-line depreciation of `hours` hours from `at` on.
    pub(crate) fn depreciation(&mut self, at: f64, hours: u32) -> Money {
        self.there.depreciation_of(at, hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_loses_more_than_it_cost() {
        let mut assets = Assets::default();
        let mut lost = Money::ZERO;
        for hour in 0..40 {
            if hour == 0 || hour == 7 {
                assets.buy(f64::from(hour), Money::from_usd(100.0), 10.0);
            }
            lost += assets.depreciation(f64::from(hour));
            if hour == 8 {
                assert_eq!(lost, Money::from_usd(110.0), "nine hours of one, two of the other");
            }
        }
        assert_eq!(lost, Money::from_usd(200.0), "all that they cost");
        assert_eq!(assets.depreciation(40.0), Money::ZERO);
    }

    #[test]
    fn what_stood_before_the_plan_has_lost_some_and_what_leaves_early_loses_all_but_its_resale() {
        let mut estate = Estate::new(&Parts(vec![(0.5, 100.0), (0.5, 50.0)]));
        let usd = Money::from_usd;
        let before = estate.buy(Purchase { at: -60.0, price: usd(100.0), stay: Stay::FOR_LIFE });
        assert_eq!(before, usd(30.0 + 50.0), "60 hours of the one, all of the other");
        assert_eq!(estate.depreciation(0.0, 100), usd(20.0), "what was left");
        let stay = Stay { hours: 80.0, resale: 0.25 };
        assert_eq!(estate.buy(Purchase { at: 100.0, price: usd(400.0), stay }), Money::ZERO);
        let lost = estate.depreciation(100.0, 200);
        assert!((lost.as_usd() - 300.0).abs() < 1e-9, "{lost}: all but a quarter, over its stay");
        // 80 and 50 hours without interest: half of 300 over each.
        let yearly = estate.yearly(stay, 0.0) / 8766.0;
        assert!((yearly - 0.375 / 80.0 - 0.375 / 50.0).abs() < 1e-12, "{yearly}");
    }

    #[test]
    fn parts_of_one_life_are_one_and_others_wear_apart() {
        let days = Seconds::from_days;
        let same = Parts::of([(0.3, days(10.0)), (0.7, days(10.0))]);
        assert_eq!(same, Parts(vec![(1.0, 240.0)]));
        let parts = Parts::of([(0.5, days(1.0)), (0.25, days(2.0)), (0.25, days(1.0))]);
        assert_eq!(parts, Parts(vec![(0.75, 24.0), (0.25, 48.0)]));
        let mut estate = Estate::new(&parts);
        let price = Money::from_usd(96.0);
        estate.buy(Purchase { at: 0.0, price, stay: Stay::FOR_LIFE });
        let day = estate.depreciation(0.0, 24);
        assert!((day.as_usd() - (72.0 + 12.0)).abs() < 1e-9, "{day}");
        let next = estate.depreciation(24.0, 24) + estate.depreciation(48.0, 24);
        assert!((next.as_usd() - 12.0).abs() < 1e-9, "{next}");
        assert!((estate.worn(days(1.0)).0.as_usd() - 72.0).abs() < 1e-9);
        assert_eq!(estate.worn(days(2.0)).1, 0.25);
    }
}
