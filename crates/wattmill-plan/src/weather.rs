//! Sun, wind and temperature, hour by hour: from a file, or by simple models.
//!
//! The sun's path is that of Cooper's declination (P. I. Cooper, 1969) with the equation of time left
//! out; light of a clear sky follows Meinel's air mass law, 1353 W/m² × 0.7^(AM^0.678), a tenth of it
//! more for what the sky scatters (A. B. Meinel, M. P. Meinel: Applied Solar Energy, 1976). Panels that
//! stand are tilted by the latitude. How clear a day is, is drawn evenly around its mean. Wind speeds
//! are Weibull-distributed, their normal scores a chain of first order, and become power by a cube law
//! between 3 and 12 m/s, nothing above 25. Days and gusts of sites that are near each other are alike.

use std::f64::consts::{PI, TAU};

use wattmill_factory::{Factory, Hourly, Site, SolarWeather, Temperature, Weather, WindWeather};
use wattmill_units::{Stream, normal_score, normal_share};

use crate::almanac::Almanac;
use crate::calendar::Calendar;
use crate::nearness::Nearness;

/// Light of a clear sky outside of the air, W/m².
const SUN: f64 = 1353.0;
/// Light at which panels give their rating, W/m².
const RATED_SUN: f64 = 1000.0;
/// What panels, cables and inverters leave of it: the usual performance ratio.
const PERFORMANCE: f64 = 0.85;
/// Wind speeds at which a turbine starts, gives its rating, and is turned out of the wind, m/s.
const WIND: (f64, f64, f64) = (3.0, 12.0, 25.0);

/// Fraction of a capacity that sun or wind bring in every hour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Share {
    /// As a table.
    Hourly(Hourly),
    /// Of the light of a clear sky by the hour, W/m², what comes down by the day.
    Clouded { light: Hourly, clear: Vec<f64> },
}

impl Share {
    /// Of an hour of the plan; 0 for hours outside of it.
    pub(crate) fn at(&self, hour: usize) -> f64 {
        match self {
            Self::Hourly(hourly) => hourly.at(hour),
            Self::Clouded { light, clear } => {
                let clear = clear.get(hour / 24).copied().unwrap_or(0.0);
                (clear * light.at(hour) / RATED_SUN * PERFORMANCE).min(1.0)
            }
        }
    }
}

/// What the sun brings at each site whose panels are modelled, under clouds that are drawn.
pub(crate) fn modelled_suns(
    factory: &Factory,
    calendar: Calendar,
    almanac: &Almanac,
) -> Vec<Share> {
    let sky = |site: &Site| {
        let weather = &site.solar.as_ref()?.weather;
        let SolarWeather::Modelled { clearness, .. } = *weather else { return None };
        let clouds = format!("clouds at {}", site.name);
        let clouds = factory.weather.stream(factory.seed, &clouds);
        Some((Sight::of(weather, calendar)?, clearness, clouds))
    };
    let mut skies: Vec<_> = factory.sites.iter().filter_map(sky).collect();
    let places: Vec<_> =
        skies.iter().map(|(sight, ..)| Some((sight.latitude, sight.longitude))).collect();
    let nearness = Nearness::of(&places);
    let shared = (0..skies.len()).any(|place| !nearness.is_alone(place));
    let mut days = vec![Vec::with_capacity(calendar.days() as usize); skies.len()];
    let (mut drawn, mut scores) = (Vec::new(), Vec::new());
    for _ in 0..calendar.days() {
        drawn.clear();
        drawn.extend(skies.iter_mut().map(|(.., clouds)| clouds.uniform()));
        scores.clear();
        if shared {
            scores.extend(drawn.iter().map(|share| normal_score(share.max(f64::MIN_POSITIVE))));
        }
        for (place, (days, (_, clearness, _))) in days.iter_mut().zip(&skies).enumerate() {
            let share = match nearness.is_alone(place) {
                true => drawn[place],
                false => normal_share(nearness.score(place, &scores)),
            };
            let around = clearness.min(1.0 - clearness);
            days.push(clearness + around * (2.0 * share - 1.0));
        }
    }
    let light = |(sight, ..): &(Sight, f64, Stream)| almanac.light(sight);
    let light = skies.iter().map(light);
    light.zip(days).map(|(light, clear)| Share::Clouded { light, clear }).collect()
}

/// From where panels look at the sun, how, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sight {
    latitude: f64,
    longitude: f64,
    tracking: bool,
    calendar: Calendar,
}

impl Sight {
    /// Of panels that are modelled.
    pub(crate) const fn of(weather: &SolarWeather, calendar: Calendar) -> Option<Self> {
        match *weather {
            SolarWeather::Profile(_) => None,
            SolarWeather::Modelled { latitude, longitude, tracking, .. } => {
                Some(Self { latitude, longitude, tracking, calendar })
            }
        }
    }

    /// Light on them under a clear sky in every hour, W/m².
    pub(crate) fn light(&self) -> Hourly {
        let mut hours = Vec::with_capacity(self.calendar.days() as usize * 24);
        for day in 0..self.calendar.days() {
            let of_year = f64::from(self.calendar.date(day).day_of_year());
            for hour in 0..24 {
                // The middle of the hour stands for it.
                let utc = f64::from(hour) + 0.5;
                hours.push(clear_sky(self.latitude, self.longitude, of_year, utc, self.tracking));
            }
        }
        Hourly(hours.into())
    }
}

/// Light on a panel under a clear sky, W/m².
fn clear_sky(latitude: f64, longitude: f64, day_of_year: f64, utc: f64, tracking: bool) -> f64 {
    let declination = (23.45_f64).to_radians() * libm::sin(TAU * (284.0 + day_of_year) / 365.0);
    let hour_angle = PI * ((utc + longitude / 15.0) - 12.0) / 12.0;
    let north = latitude.to_radians();
    let height = libm::sin(north) * libm::sin(declination)
        + libm::cos(north) * libm::cos(declination) * libm::cos(hour_angle);
    if height <= 0.01 {
        return 0.0;
    }
    let beam = SUN * libm::pow(0.7, libm::pow(1.0 / height, 0.678));
    // An axis along the earth's and a tilt of the latitude see the sun as the equator does.
    let on_panel = match tracking {
        true => libm::cos(declination),
        false => libm::cos(declination) * libm::cos(hour_angle),
    };
    1.1 * beam * on_panel.max(0.0)
}

/// Wind of a site that is modelled.
#[derive(Clone, Debug, PartialEq)]
struct Gale {
    site: String,
    place: Option<(f64, f64)>,
    mean_m_per_s: f64,
    shape: f64,
    persistence: f64,
}

/// All modelled winds of a factory, and whose weather they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gales {
    calendar: Calendar,
    weather: Weather,
    seed: u64,
    all: Vec<Gale>,
}

impl Gales {
    /// `None` if there are none.
    pub(crate) fn of(factory: &Factory, calendar: Calendar) -> Option<Self> {
        let gale = |site: &Site| match site.wind.as_ref()?.weather {
            WindWeather::Profile(_) => None,
            WindWeather::Modelled { mean_m_per_s, shape, persistence } => {
                let (site, place) = (site.name.clone(), site.location);
                Some(Gale { site, place, mean_m_per_s, shape, persistence })
            }
        };
        let all: Vec<Gale> = factory.sites.iter().filter_map(gale).collect();
        let (weather, seed) = (factory.weather, factory.seed);
        (!all.is_empty()).then_some(Self { calendar, weather, seed, all })
    }

    /// Fraction of the capacity that each brings in every hour, with gusts that are drawn.
    pub(crate) fn hours(&self) -> Vec<Hourly> {
        let gusts = |gale: &Gale| self.weather.stream(self.seed, &format!("wind at {}", gale.site));
        let mut gusts: Vec<Stream> = self.all.iter().map(gusts).collect();
        let places: Vec<_> = self.all.iter().map(|gale| gale.place).collect();
        let nearness = Nearness::of(&places);
        let mut blowing: Vec<Blowing> = self.all.iter().map(Blowing::of).collect();
        let count = self.calendar.days() as usize * 24;
        let mut hours = vec![Vec::with_capacity(count); self.all.len()];
        let mut drawn = Vec::with_capacity(self.all.len());
        for hour in 0..count {
            drawn.clear();
            drawn.extend(gusts.iter_mut().map(Stream::normal));
            for (place, (blowing, hours)) in blowing.iter_mut().zip(&mut hours).enumerate() {
                blowing.turn(nearness.score(place, &drawn), hour == 0);
                hours.push(of_speed(blowing.speed()));
            }
        }
        hours.into_iter().map(|hours| Hourly(hours.into())).collect()
    }
}

/// A wind from hour to hour.
struct Blowing {
    scale: f64,
    shape: f64,
    persistence: f64,
    /// Part of an hour that is not of the hour before.
    fresh: f64,
    score: f64,
}

impl Blowing {
    fn of(gale: &Gale) -> Self {
        let Gale { mean_m_per_s, shape, persistence, .. } = *gale;
        Self {
            scale: mean_m_per_s / libm::tgamma(1.0 + 1.0 / shape),
            shape,
            persistence,
            fresh: libm::sqrt(1.0 - persistence * persistence),
            score: 0.0,
        }
    }

    /// To the next hour, or the first.
    fn turn(&mut self, drawn: f64, first: bool) {
        self.score = match first {
            true => drawn,
            false => self.persistence * self.score + self.fresh * drawn,
        };
    }

    fn speed(&self) -> f64 {
        let calmer = normal_share(-self.score).max(f64::MIN_POSITIVE);
        self.scale * libm::pow(-libm::log(calmer), 1.0 / self.shape)
    }
}

/// Fraction of its rating that a turbine gives.
fn of_speed(speed: f64) -> f64 {
    let (start, rated, end) = WIND;
    let cube = |v: f64| v * v * v;
    if speed < start || speed >= end {
        0.0
    } else if speed >= rated {
        1.0
    } else {
        (cube(speed) - cube(start)) / (cube(rated) - cube(start))
    }
}

/// Outside temperature.
#[derive(Clone, Debug)]
pub(crate) enum Air {
    /// Of each hour, °C.
    Hourly(Hourly),
    /// Of each day and each hour of the day: how far from the mean, of what it is at most.
    Waves { mean_c: f64, season_k: f64, day_k: f64, season: Vec<f64>, time: Box<[f64; 24]> },
}

impl Air {
    pub(crate) fn of(of: &Temperature, calendar: Calendar, longitude: f64) -> Self {
        match of {
            Temperature::Profile(hourly) => Self::Hourly(hourly.clone()),
            Temperature::Modelled { mean_c, season_k, day_k, latitude } => {
                // The air lags the sun by four weeks: the 19th of July, half a year later in the south.
                let warmest = if *latitude < 0.0 { 17.5 } else { 200.0 };
                let season = |day| {
                    let of_year = f64::from(calendar.date(day).day_of_year());
                    libm::cos(TAU * (of_year - warmest) / 365.25)
                };
                let time = |hour| {
                    let solar = hour as f64 + 0.5 + longitude / 15.0;
                    libm::cos(TAU * (solar - 15.0) / 24.0)
                };
                Self::Waves {
                    mean_c: *mean_c,
                    season_k: *season_k,
                    day_k: *day_k,
                    season: (0..calendar.days()).map(season).collect(),
                    time: Box::new(std::array::from_fn(time)),
                }
            }
        }
    }

    /// In an hour of the plan, °C; 0 for hours outside of it.
    pub(crate) fn at(&self, hour: usize) -> f64 {
        match self {
            Self::Hourly(hourly) => hourly.at(hour),
            Self::Waves { mean_c, season_k, day_k, season, time } => {
                let of_day = |season: &f64| mean_c + season_k * season + day_k * time[hour % 24];
                season.get(hour / 24).map_or(0.0, of_day)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn year() -> Calendar {
        Calendar::new(date(2028, 1, 1), date(2028, 12, 31))
    }

    fn sun(latitude: f64, tracking: bool) -> Hourly {
        let modelled =
            SolarWeather::Modelled { latitude, longitude: 0.0, clearness: 0.8, tracking };
        let mut clouds = Stream::new(1, "clouds", 0);
        let clear = (0..366).map(|_| 0.8 + 0.2 * (2.0 * clouds.uniform() - 1.0)).collect();
        let light = Sight::of(&modelled, year()).expect("it is modelled").light();
        let share = Share::Clouded { light, clear };
        Hourly((0..366 * 24).map(|hour| share.at(hour)).collect())
    }

    #[test]
    fn the_sun_shines_by_day_and_more_where_it_is_followed() {
        let (fixed, tracked) = (sun(32.5, false), sun(32.5, true));
        // Capacity factors of utility-scale solar in the south-west of the United States are 0.2 to
        // 0.35, fixed panels at the lower end (LBNL, Utility-Scale Solar).
        assert!((0.17..0.25).contains(&fixed.mean()), "{}", fixed.mean());
        assert!(tracked.mean() > fixed.mean() * 1.15, "{} {}", tracked.mean(), fixed.mean());
        for day in 0..366 {
            assert_eq!(fixed.at(day * 24), 0.0, "midnight at the meridian");
            assert!(fixed.at(day * 24 + 12) > 0.0, "noon at the meridian");
        }
    }

    #[test]
    fn the_polar_night_is_dark_and_the_south_has_its_summer_in_january() {
        let north = sun(80.0, false);
        assert_eq!(north.0[..31 * 24].iter().sum::<f64>(), 0.0);
        let south = sun(-35.0, true);
        let january: f64 = south.0[..31 * 24].iter().sum();
        let july: f64 = south.0[182 * 24..213 * 24].iter().sum();
        assert!(january > 1.2 * july, "{january} {july}");
    }

    #[test]
    fn the_wind_has_its_mean_and_its_memory() {
        let (site, place) = (String::new(), None);
        let gale = Gale { site, place, mean_m_per_s: 7.5, shape: 2.0, persistence: 0.95 };
        let long = Calendar::new(date(2027, 1, 1), date(2036, 12, 31));
        let drawn = |index| {
            let weather = Weather::Sample { seed: 1, index };
            let all = vec![gale.clone()];
            Gales { calendar: long, weather, seed: 1, all }.hours().remove(0)
        };
        let hours = drawn(0);
        // The integral of the power curve over a Weibull distribution of that mean, by quadrature.
        let scale = 7.5 / libm::tgamma(1.5);
        let steps = 100_000;
        let expected: f64 = (0..steps)
            .map(|i| (f64::from(i) + 0.5) / f64::from(steps))
            .map(|u| of_speed(scale * (-(1.0 - u).ln()).sqrt()))
            .sum::<f64>()
            / f64::from(steps);
        // An effective sample for each 40 hours: deviation 0.35 by the root of 2191.
        assert!((hours.mean() - expected).abs() < 3.0 * 0.0075, "{} {expected}", hours.mean());
        let mean = hours.mean();
        let pairs = hours.0.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>();
        let square = hours.0.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        assert!((0.85..0.97).contains(&(pairs / square)), "{}", pairs / square);
        assert_ne!(hours, drawn(1));
        assert_eq!(hours, drawn(0));
    }

    #[test]
    fn summers_are_warm_afternoons_warmer() {
        let of = Temperature::Modelled { mean_c: 18.0, season_k: 10.0, day_k: 6.0, latitude: 32.0 };
        let air = Air::of(&of, year(), -90.0);
        let hours = Hourly((0..366 * 24).map(|hour| air.at(hour)).collect());
        assert!((hours.mean() - 18.0).abs() < 0.1);
        // Six hours behind: three in the afternoon is nine in the evening, UTC.
        let july = &hours.0[200 * 24..201 * 24];
        let warmest = (0..24).max_by(|a, b| july[*a].total_cmp(&july[*b])).expect("a day");
        assert!((20..=21).contains(&warmest), "{warmest}");
        assert!((july[warmest] - 34.0).abs() < 0.2, "{}", july[warmest]);
    }
}
