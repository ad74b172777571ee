//! Prices hour by hour.

use std::sync::Arc;

use wattmill_factory::{Clock, Hourly, Period, Site};
use wattmill_units::EnergyPrice;

use crate::almanac::Almanac;
use crate::calendar::Calendar;

/// What a grid's energy costs where that is not the same in every hour.
#[derive(Clone, Debug)]
pub(crate) enum Tariff {
    /// USD/MWh of each hour.
    Hourly(Hourly),
    /// Which of the prices in USD/MWh holds in each hour.
    Periods { which: Arc<[u16]>, prices: Vec<f64> },
}

impl Tariff {
    /// `None` where all hours cost the same.
    pub(crate) fn of(site: &Site, calendar: Calendar, almanac: &Almanac) -> Option<Self> {
        let grid = site.grid.as_ref()?;
        if let Some(hourly) = &grid.hourly_price {
            return Some(Self::Hourly(hourly.clone()));
        }
        let which = almanac.periods(&Schedule::of(site, calendar)?);
        let prices = grid.periods.iter().map(|period| period.price).chain([grid.price]);
        Some(Self::Periods { which, prices: prices.map(|price| price.as_usd_per_mwh()).collect() })
    }

    /// In an hour of the plan; nothing for hours outside of it.
    pub(crate) fn at(&self, hour: usize) -> EnergyPrice {
        EnergyPrice::from_usd_per_mwh(match self {
            Self::Hourly(hourly) => hourly.at(hour),
            Self::Periods { which, prices } => {
                which.get(hour).map_or(0.0, |period| prices[usize::from(*period)])
            }
        })
    }
}

/// When which period of a tariff holds, whatever it costs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    clock: Clock,
    periods: Vec<Period>,
    calendar: Calendar,
}

impl Schedule {
    /// `None` for a site whose grid has no periods, or has its prices from a file.
    pub(crate) fn of(site: &Site, calendar: Calendar) -> Option<Self> {
        let grid = site.grid.as_ref()?;
        if grid.hourly_price.is_some() || grid.periods.is_empty() {
            return None;
        }
        let free = |period: &Period| Period { price: EnergyPrice::ZERO, ..period.clone() };
        let periods = grid.periods.iter().map(free).collect();
        Some(Self { clock: site.clock, periods, calendar })
    }

    /// The first that holds, in every hour; one past the last where none does.
    pub(crate) fn periods(&self) -> Arc<[u16]> {
        let mut hours = Vec::with_capacity(self.calendar.days() as usize * 24);
        for day in 0..self.calendar.days() {
            let date = self.calendar.date(day);
            for hour in 0..24 {
                let local = self.clock.local(date.at(hour, 0, 0, 0));
                let holds = self.periods.iter().position(|period| period.holds(local));
                hours.push(holds.unwrap_or(self.periods.len()) as u16);
            }
        }
        hours.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use wattmill_factory::SummerTime;
    use wattmill_units::Seconds;

    #[test]
    fn a_period_follows_the_local_clock_through_both_changeovers_of_a_leap_year() {
        let price = EnergyPrice::ZERO;
        let periods = vec![Period { price, months: Vec::new(), from: 1, to: 3, workdays: false }];
        let clock = Clock { offset: Seconds::from_hours(-6.0), summer: SummerTime::UnitedStates };
        let calendar = Calendar::new(date(2028, 1, 1), date(2028, 12, 31));
        let hours = Schedule { clock, periods, calendar }.periods();
        assert_eq!(hours.len(), 8784);
        let dear_hours = |day: jiff::civil::Date| -> Vec<usize> {
            let first = calendar.hour_of(day) as usize;
            (0..24).filter(|hour| hours[first + hour] == 0).collect()
        };
        assert_eq!(dear_hours(date(2028, 2, 29)), [7, 8], "leap day, standard time");
        assert_eq!(dear_hours(date(2028, 3, 12)), [7], "two o'clock does not come");
        assert_eq!(dear_hours(date(2028, 7, 1)), [6, 7], "summer time");
        assert_eq!(dear_hours(date(2028, 11, 5)), [6, 7, 8], "one o'clock comes twice");
        let all = hours.iter().filter(|period| **period == 0).count();
        assert_eq!(all, 2 * 366, "one hour less in March, one more in November");
    }
}
