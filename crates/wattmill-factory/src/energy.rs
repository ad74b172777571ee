//! What a site's energy is made of besides firm power: weather, storage, tariffs, cooling, water, and
//! what the grid asks for.

use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use wattmill_units::{Energy, EnergyPrice, Money, Power, Seconds, Stream};

/// A value for every hour of the plan, from its first midnight UTC on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hourly(pub Arc<[f64]>);

impl Hourly {
    /// The value in an hour of the plan; 0 for hours outside of it.
    pub fn at(&self, hour: usize) -> f64 {
        self.0.get(hour).copied().unwrap_or(0.0)
    }

    /// Mean of all hours; 0 if there are none.
    pub fn mean(&self) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.iter().sum::<f64>() / self.0.len() as f64 }
    }
}

/// A price that holds in some hours of the local clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// Price of energy in it. May be negative.
    pub price: EnergyPrice,
    /// Months in which it holds, 1 to 12; all if empty.
    pub months: Vec<i8>,
    /// First hour of the local day in which it holds, 0 to 23.
    pub from: i8,
    /// Hour of the local day in which it holds no more, 1 to 24; at most `from` reaches over midnight.
    pub to: i8,
    /// Whether it leaves out Saturdays and Sundays.
    pub workdays: bool,
}

impl Period {
    /// Whether it holds at a moment of the local clock.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use wattmill_factory::Period;
    /// use wattmill_units::EnergyPrice;
    /// let price = EnergyPrice::from_usd_per_mwh(140.0);
    /// let night = Period { price, months: vec![], from: 22, to: 6, workdays: false };
    /// assert!(night.holds(date(2027, 7, 3).at(23, 0, 0, 0)));
    /// assert!(!night.holds(date(2027, 7, 3).at(6, 0, 0, 0)));
    /// ```
    pub fn holds(&self, local: DateTime) -> bool {
        use jiff::civil::Weekday::{Saturday, Sunday};
        let hour = local.hour();
        let within = match self.from < self.to {
            true => self.from <= hour && hour < self.to,
            false => self.from <= hour || hour < self.to,
        };
        let season = self.months.is_empty() || self.months.contains(&local.month());
        let weekend = matches!(local.date().weekday(), Saturday | Sunday);
        within && season && !(self.workdays && weekend)
    }
}

/// What something costs to build, and for how long it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlay {
    /// Paid on its first day, or in the plan's first hour if it stands before.
    pub capital: Money,
    /// Straight-line life.
    pub life: Seconds,
}

impl Outlay {
    /// Nothing is paid for it: whoever sells its energy paid.
    pub const NONE: Self = Self { capital: Money::ZERO, life: Seconds::from_hours(8766.0) };
}

/// Whose weather it is: the plan's, or that of one sample.
///
/// ```
/// use wattmill_factory::Weather;
/// let first = |weather: Weather| weather.stream(1, "clouds at abilene").next_u64();
/// assert_eq!(first(Weather::Same), first(Weather::Varies));
/// let sample = |index| first(Weather::Sample { seed: 1, index });
/// assert_ne!(sample(0), first(Weather::Same));
/// assert_ne!(sample(0), sample(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// The same in the plan and in every sample.
    #[default]
    Same,
    /// Every sample has its own; this is the plan's.
    Varies,
    /// That of a sample.
    Sample {
        /// What samples are drawn with.
        seed: u64,
        /// Which.
        index: u64,
    },
}

impl Weather {
    /// What is drawn under this name; `plan` is the plan's own seed.
    pub fn stream(self, plan: u64, name: &str) -> Stream {
        match self {
            Self::Same | Self::Varies => Stream::new(plan, name, 0),
            Self::Sample { seed, index } => Stream::new(seed, name, index.saturating_add(1)),
        }
    }
}

/// What the grid takes of a site's own energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Export {
    /// Most it takes.
    pub most: Power,
    /// What it pays; the hour's price of its own energy if nothing is said. May be negative.
    pub price: Option<EnergyPrice>,
}

/// Power that comes with the sun.
#[derive(Clone, Debug, PartialEq)]
pub struct Solar {
    /// At full sun, at the meter.
    pub capacity: Power,
    /// First day with power.
    pub from: Date,
    /// Cost of its energy.
    pub price: EnergyPrice,
    /// What it costs to build.
    pub outlay: Outlay,
    /// How much of it there is.
    pub weather: SolarWeather,
}

/// How much sun there is.
#[derive(Clone, Debug, PartialEq)]
pub enum SolarWeather {
    /// A fraction of the capacity in each hour.
    Profile(Hourly),
    /// The sun's path, and clouds drawn day by day.
    Modelled {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Mean share of a clear sky's light that comes down, more than 0 and at most 1.
        clearness: f64,
        /// Whether the panels follow the sun.
        tracking: bool,
    },
}

/// Power that comes with the wind.
#[derive(Clone, Debug, PartialEq)]
pub struct Wind {
    /// At full wind, at the meter.
    pub capacity: Power,
    /// First day with power.
    pub from: Date,
    /// Cost of its energy.
    pub price: EnergyPrice,
    /// What it costs to build.
    pub outlay: Outlay,
    /// How much of it there is.
    pub weather: WindWeather,
}

/// How much wind there is.
#[derive(Clone, Debug, PartialEq)]
pub enum WindWeather {
    /// A fraction of the capacity in each hour.
    Profile(Hourly),
    /// Weibull-distributed speeds at the hub, drawn hour by hour, each like the one before.
    Modelled {
        /// Mean speed.
        mean_m_per_s: f64,
        /// Weibull shape; 2 for most places.
        shape: f64,
        /// Correlation of one hour's wind with the next, at least 0 and less than 1.
        persistence: f64,
    },
}

/// A battery at the meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Battery {
    /// What it holds when new.
    pub energy: Energy,
    /// Most it takes and gives, at the meter.
    pub power: Power,
    /// Of what goes in at the meter, what comes out: more than 0 and at most 1. Half of the loss is of
    /// charging, half of discharging.
    pub efficiency: f64,
    /// First day on which it is there.
    pub from: Date,
    /// Share of it that is full then.
    pub start: f64,
    /// Share of what it holds that is kept for when nothing else carries the load.
    pub reserve: f64,
    /// Share of what it held when new that it loses in a year.
    pub fade_per_year: f64,
    /// Full cycles after which it has lost a fifth besides; infinite for none.
    pub cycles: f64,
    /// Below this price of the grid it is charged from it.
    pub charge_below: Option<EnergyPrice>,
    /// From this price of the grid on it is discharged. Without any rule it gives all it can whenever
    /// sun and wind do not suffice.
    pub discharge_above: Option<EnergyPrice>,
    /// What is drawn from the grid beyond this it gives.
    pub shave_above: Option<Power>,
    /// What it costs to build.
    pub outlay: Outlay,
}

/// How a site's local clock differs from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// Standard time less UTC.
    pub offset: Seconds,
    /// When it is an hour more.
    pub summer: SummerTime,
}

/// When clocks are an hour ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SummerTime {
    /// Never.
    #[default]
    Never,
    /// From the second Sunday of March to the first of November, at two o'clock local time.
    UnitedStates,
    /// From the last Sunday of March to the last of October, at one o'clock UTC.
    Europe,
}

impl Clock {
    /// The local time at a moment of UTC.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use wattmill_factory::{Clock, SummerTime};
    /// use wattmill_units::Seconds;
    /// let texas = Clock { offset: Seconds::from_hours(-6.0), summer: SummerTime::UnitedStates };
    /// // 2027-03-14: the hour from two to three does not exist.
    /// assert_eq!(texas.local(date(2027, 3, 14).at(7, 0, 0, 0)).hour(), 1);
    /// assert_eq!(texas.local(date(2027, 3, 14).at(8, 0, 0, 0)).hour(), 3);
    /// // 2027-11-07: the hour from one to two comes twice.
    /// assert_eq!(texas.local(date(2027, 11, 7).at(6, 0, 0, 0)).hour(), 1);
    /// assert_eq!(texas.local(date(2027, 11, 7).at(7, 0, 0, 0)).hour(), 1);
    /// ```
    pub fn local(self, utc: DateTime) -> DateTime {
        let shifted = |time: DateTime, seconds: f64| {
            time.saturating_add(jiff::SignedDuration::from_secs(seconds as i64))
        };
        let standard = shifted(utc, self.offset.as_s());
        // The year of the local clock: a changeover is never near its turn.
        let year = standard.year();
        let day =
            |month, nth| Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, SUNDAY).ok();
        let at = |date: Option<Date>, hour| date.map(|date| date.at(hour, 0, 0, 0));
        let summer = match self.summer {
            SummerTime::Never => false,
            // Both in standard time: at two it becomes three, at two of summer time it is one.
            SummerTime::UnitedStates => {
                at(day(3, 2), 2).is_some_and(|begin| standard >= begin)
                    && at(day(11, 1), 1).is_some_and(|end| standard < end)
            }
            SummerTime::Europe => {
                at(day(3, -1), 1).is_some_and(|begin| utc >= begin)
                    && at(day(10, -1), 1).is_some_and(|end| utc < end)
            }
        };
        if summer { shifted(standard, 3600.0) } else { standard }
    }
}

const SUNDAY: jiff::civil::Weekday = jiff::civil::Weekday::Sunday;

/// Outside temperature.
#[derive(Clone, Debug, PartialEq)]
pub enum Temperature {
    /// In each hour, °C.
    Profile(Hourly),
    /// Warmest in July in the north and in January in the south, and at three in the afternoon.
    Modelled {
        /// Mean of the year, °C.
        mean_c: f64,
        /// Half of what lies between the means of the warmest and the coldest day, K.
        season_k: f64,
        /// Half of what lies between the warmest and the coldest hour of a day, K.
        day_k: f64,
        /// Degrees north: which month is the warmest.
        latitude: f64,
    },
}

/// How what a facility takes besides IT follows load and weather.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooling {
    /// Share of the overhead at full load that is there without load: transformers, pumps, lights.
    pub fixed: f64,
    /// Power of cooling per IT power for each degree above `free_below_c`.
    pub per_degree: f64,
    /// Outside temperature up to which nothing is cooled by compressors, °C.
    pub free_below_c: f64,
    /// What it is outside; needed if `per_degree` is not 0.
    pub temperature: Option<Temperature>,
}

impl Cooling {
    /// Whether the overhead is the same share of IT power in every hour.
    pub fn is_constant(&self) -> bool {
        self.fixed == 0.0 && self.per_degree == 0.0
    }
}

impl Default for Cooling {
    fn default() -> Self {
        Self { fixed: 0.0, per_degree: 0.0, free_below_c: 0.0, temperature: None }
    }
}
