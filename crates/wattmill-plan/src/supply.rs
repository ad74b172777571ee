//! Where a site's power comes from, hour by hour, and what it costs.

use wattmill_factory::Site;
use wattmill_units::{CarbonIntensity, Energy, EnergyPrice, Money, Power, Seconds};

use crate::calendar::Calendar;
use crate::flows::EnergyFlows;
use crate::result::Sums;

/// The grid connection or one generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// First hour of the plan in which it has power, negative before the plan.
    from: f64,
    /// First hour in which it has none any more.
    until: f64,
    pub(crate) capacity: Power,
    pub(crate) price: EnergyPrice,
    pub(crate) carbon: CarbonIntensity,
    pub(crate) grid: bool,
}

impl Source {
    /// A site's connection, each of its steps until the next, then its generators as they are written.
    pub(crate) fn of_site(site: &Site, calendar: Calendar) -> impl Iterator<Item = Self> {
        let grid = site.grid.iter().flat_map(move |grid| {
            let levels = grid.levels();
            let ends = levels.iter().skip(1).map(|(next, _)| calendar.hour_of(*next));
            let ends: Vec<f64> = ends.chain([f64::INFINITY]).collect();
            levels.into_iter().zip(ends).map(move |((from, capacity), until)| Self {
                from: calendar.hour_of(from),
                until,
                capacity,
                price: grid.price,
                carbon: grid.carbon,
                grid: true,
            })
        });
        let onsite = site.onsite.iter().map(move |source| Self {
            from: calendar.hour_of(source.from),
            until: f64::INFINITY,
            capacity: source.capacity,
            price: source.price,
            carbon: source.carbon,
            grid: false,
        });
        grid.chain(onsite)
    }

    /// Whether it has power in an hour of the plan.
    pub(crate) fn is_on(&self, hour: f64) -> bool {
        hour >= self.from && hour < self.until
    }
}

/// A site's sources in merit order: cheapest first, of equal prices the grid before generators.
#[derive(Clone, Debug)]
pub(crate) struct Supply(Vec<Source>);

/// An hour's energy and what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bill {
    /// At the meter.
    pub(crate) energy: Energy,
    /// Of the grid.
    pub(crate) grid: Energy,
    pub(crate) cost: Money,
    pub(crate) carbon_t: f64,
}

impl Bill {
    /// Books so many hours like this one.
    pub(crate) fn book(&self, hours: f64, sums: &mut Sums) {
        sums.energy += self.energy * hours;
        sums.energy_cost += self.cost * hours;
        sums.carbon_t += self.carbon_t * hours;
    }

    /// Books where their energy comes from, if it is grid and generators alone.
    pub(crate) fn book_firm(&self, hours: f64, flows: &mut EnergyFlows) {
        flows.grid += self.grid * hours;
        flows.generators += (self.energy - self.grid) * hours;
    }
}

impl Supply {
    pub(crate) fn of(site: &Site, calendar: Calendar) -> Self {
        let mut sources: Vec<Source> = Source::of_site(site, calendar).collect();
        sources.sort_by(|a, b| a.price.as_usd_per_mwh().total_cmp(&b.price.as_usd_per_mwh()));
        Self(sources)
    }

    /// Sources that have power at `hour`.
    fn at(&self, hour: f64) -> impl Iterator<Item = &Source> {
        self.0.iter().filter(move |source| source.is_on(hour))
    }

    /// Facility power the site can draw at `hour`.
    pub(crate) fn power(&self, hour: f64) -> Power {
        self.at(hour).map(|source| source.capacity).sum()
    }

    /// Price of the cheapest source at `hour`, if there is one.
    pub(crate) fn cheapest(&self, hour: f64) -> Option<EnergyPrice> {
        self.at(hour).next().map(|source| source.price)
    }

    /// Whether the cheapest source carries `draw` at `hour` alone.
    pub(crate) fn one_source(&self, hour: f64, draw: Power) -> bool {
        let mut sources = self.at(hour);
        let first = sources.next();
        first.is_some_and(|source| draw <= source.capacity) || sources.next().is_none()
    }

    /// Buys the hour's `draw`. What the sources cannot carry is bought at the dearest of them.
    pub(crate) fn buy(&self, hour: f64, draw: Power) -> Bill {
        let mut bill = Bill::default();
        let mut left = draw;
        let mut sources = self.at(hour).peekable();
        while let Some(source) = sources.next() {
            let taken = if sources.peek().is_none() { left } else { left.min(source.capacity) };
            let energy = taken * Seconds::from_hours(1.0);
            bill.energy += energy;
            if source.grid {
                bill.grid += energy;
            }
            bill.cost += source.price * energy;
            bill.carbon_t += source.carbon.as_g_per_kwh() * energy.as_kwh() / 1e6;
            left -= taken;
        }
        bill
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use wattmill_factory::{Clock, Cooling, Grid, Onsite, Outlay, Pue};

    /// A cheap connection of 10 MW that comes on the second day, behind dear turbines of 4 MW.
    fn supply() -> Supply {
        Supply::of(&site(), Calendar::new(date(2027, 1, 1), date(2027, 1, 3)))
    }

    fn site() -> Site {
        let start = date(2027, 1, 1);
        Site {
            name: "site".to_owned(),
            location: None,
            grid: Some(Grid::constant(
                Power::from_mw(10.0),
                date(2027, 1, 2),
                EnergyPrice::from_usd_per_mwh(40.0),
                CarbonIntensity::from_g_per_kwh(300.0),
            )),
            onsite: vec![Onsite {
                kind: "gas turbine".to_owned(),
                capacity: Power::from_mw(4.0),
                from: start,
                price: EnergyPrice::from_usd_per_mwh(100.0),
                carbon: CarbonIntensity::from_g_per_kwh(500.0),
                outlay: Outlay::NONE,
            }],
            solar: None,
            wind: None,
            battery: None,
            clock: Clock::default(),
            pue: Pue { design: 1.4, annual: 1.1 },
            cooling: Cooling::default(),
            water_l_per_kwh: None,
            source: None,
        }
    }

    fn bought(hour: f64, mw: f64) -> (f64, f64, f64) {
        let bill = supply().buy(hour, Power::from_mw(mw));
        let rounded = |x: f64| (x * 1e6).round() / 1e6;
        (rounded(bill.energy.as_mwh()), rounded(bill.cost.as_usd()), rounded(bill.carbon_t))
    }

    #[test]
    fn a_source_sells_nothing_before_its_day() {
        assert_eq!(bought(23.0, 3.0), (3.0, 300.0, 1.5));
        assert_eq!(bought(24.0, 3.0), (3.0, 120.0, 0.9));
        assert_eq!(supply().power(23.0), Power::from_mw(4.0));
        assert_eq!(supply().power(24.0), Power::from_mw(14.0));
        assert_eq!(supply().cheapest(23.0), Some(EnergyPrice::from_usd_per_mwh(100.0)));
        assert_eq!(supply().power(-1.0), Power::ZERO);
        assert_eq!(supply().cheapest(-1.0), None);
    }

    #[test]
    fn the_cheapest_is_used_first_and_the_dearest_takes_the_rest() {
        assert_eq!(bought(24.0, 12.0), (12.0, 600.0, 4.0));
        assert_eq!(bought(24.0, 15.0), (15.0, 900.0, 5.5));
        assert_eq!(bought(-1.0, 1.0), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_connection_carries_what_it_does_on_the_day() {
        let mw = Power::from_mw;
        let price = EnergyPrice::from_usd_per_mwh(40.0);
        let start = date(2027, 1, 1);
        let mut grid = Grid::constant(mw(10.0), date(2027, 1, 2), price, CarbonIntensity::ZERO);
        // Written in any order; what is promised too early comes with the power.
        grid.steps = vec![(date(2027, 1, 4), mw(8.0)), (date(2027, 1, 3), mw(25.0))];
        let site = Site { grid: Some(grid), onsite: Vec::new(), ..site() };
        let supply = Supply::of(&site, Calendar::new(start, date(2027, 1, 5)));
        let powers = [0.0, 24.0, 48.0, 71.0, 72.0, 96.0].map(|hour| supply.power(hour).as_mw());
        assert_eq!(powers, [0.0, 10.0, 25.0, 25.0, 8.0, 8.0]);
        assert_eq!(supply.cheapest(72.0), Some(price));
        // One source at a time, whatever the step: what is beyond it is bought of it all the same.
        let bill = supply.buy(72.0, mw(9.0));
        assert_eq!((bill.energy.as_mwh(), bill.grid.as_mwh()), (9.0, 9.0));
        let early = vec![(date(2026, 1, 1), mw(3.0))];
        let grid = Grid { steps: early, ..site.grid.expect("it has one") };
        assert_eq!(grid.on(date(2027, 1, 1)), Power::ZERO);
        assert_eq!(grid.on(date(2027, 1, 2)), mw(10.0));
    }
}
