//! Prices hour by hour.

use jiff::civil::DateTime;
use wattmill_factory::{Clock, Grid, Hourly, Period};
use wattmill_units::EnergyPrice;

use crate::calendar::Calendar;

/// Prices of every hour in USD/MWh, `None` where they are all the same.
pub(crate) fn hourly_price(grid: &Grid, clock: Clock, calendar: Calendar) -> Option<Hourly> {
    if grid.hourly_price.is_some() || grid.periods.is_empty() {
        return grid.hourly_price.clone();
    }
    let price = |local: DateTime| -> EnergyPrice {
        let period = grid.periods.iter().find(|period: &&Period| period.holds(local));
        period.map_or(grid.price, |period| period.price)
    };
    let mut hours = Vec::with_capacity(calendar.days() as usize * 24);
    for day in 0..calendar.days() {
        let date = calendar.date(day);
        for hour in 0..24 {
            hours.push(price(clock.local(date.at(hour, 0, 0, 0))).as_usd_per_mwh());
        }
    }
    Some(Hourly(hours.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use wattmill_factory::SummerTime;
    use wattmill_units::{CarbonIntensity, Power, Seconds};

    #[test]
    fn a_period_follows_the_local_clock_through_both_changeovers_of_a_leap_year() {
        let mut grid = Grid::constant(
            Power::from_mw(1.0),
            date(2028, 1, 1),
            EnergyPrice::from_usd_per_mwh(40.0),
            CarbonIntensity::ZERO,
        );
        let dear = EnergyPrice::from_usd_per_mwh(140.0);
        grid.periods =
            vec![Period { price: dear, months: Vec::new(), from: 1, to: 3, workdays: false }];
        let clock = Clock { offset: Seconds::from_hours(-6.0), summer: SummerTime::UnitedStates };
        let calendar = Calendar::new(date(2028, 1, 1), date(2028, 12, 31));
        let hours = hourly_price(&grid, clock, calendar).expect("a period");
        assert_eq!(hours.0.len(), 8784);
        let dear_hours = |day: jiff::civil::Date| -> Vec<usize> {
            let first = calendar.hour_of(day) as usize;
            (0..24).filter(|hour| hours.at(first + hour) == 140.0).collect()
        };
        assert_eq!(dear_hours(date(2028, 2, 29)), [7, 8], "leap day, standard time");
        assert_eq!(dear_hours(date(2028, 3, 12)), [7], "two o'clock does not come");
        assert_eq!(dear_hours(date(2028, 7, 1)), [6, 7], "summer time");
        assert_eq!(dear_hours(date(2028, 11, 5)), [6, 7, 8], "one o'clock comes twice");
        let all = hours.0.iter().filter(|price| **price == 140.0).count();
        assert_eq!(all, 2 * 366, "one hour less in March, one more in November");
    }
}
