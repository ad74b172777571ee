//! How a rate moves over days, weeks and years.

use wattmill_units::{Seconds, SimTime};

const HOUR: u64 = 3_600_000_000_000;
const DAY: u64 = 24 * HOUR;
const DAYS_PER_YEAR: f64 = 365.25;

/// A rate over its mean at the start: the product of growth, day, week and bursts.
///
/// ```
/// use wattmill_factory::{Burst, Profile};
/// use wattmill_units::{Seconds, SimTime};
/// let hours = |h: f64| SimTime::from_seconds(Seconds::from_hours(h));
/// let mut evening = Profile::FLAT;
/// evening.hourly[18] = 2.0;
/// evening.bursts.push(Burst { at: hours(1.0), length: hours(0.5), factor: 3.0 });
/// assert_eq!(evening.piece(hours(18.2)).factor, 2.0);
/// assert_eq!((evening.piece(hours(1.0)).factor, evening.piece(hours(1.0)).end), (3.0, hours(1.5)));
/// assert_eq!(evening.integral(hours(24.0)), hours(26.0).as_seconds());
/// // The same people live three hours further east.
/// evening.clock = hours(3.0);
/// assert_eq!(evening.piece(hours(15.2)).factor, 2.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Growth per year as a fraction, more than -1; compounded daily.
    pub growth_per_year: f64,
    /// In each hour of the local day, at least 0; the mean is usually 1.
    pub hourly: [f64; 24],
    /// On each local day of the week, at least 0, from the day on which the traffic starts.
    pub daily: [f64; 7],
    /// What comes on top; where bursts overlap, their factors multiply.
    pub bursts: Vec<Burst>,
    /// Local time of day at the start: 3 h in a region three hours ahead of one that starts at
    /// midnight.
    pub clock: SimTime,
}

/// A time in which more is asked, or less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// From when on, counted from the start.
    pub at: SimTime,
    /// For how long.
    pub length: SimTime,
    /// How many times the usual rate, at least 0.
    pub factor: f64,
}

/// A stretch of time in which a profile is constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// The rate over its mean.
    pub factor: f64,
    /// Until when; later than the instant it was asked for, unless that is the end of time.
    pub end: SimTime,
}

impl Profile {
    /// Always the same.
    pub const FLAT: Self = Self {
        growth_per_year: 0.0,
        hourly: [1.0; 24],
        daily: [1.0; 7],
        bursts: Vec::new(),
        clock: SimTime::ZERO,
    };

    /// The factor at `at`, and until when it stays.
    pub fn piece(&self, at: SimTime) -> Piece {
        let local = at + self.clock;
        let hour = local.as_ns() / HOUR;
        let days = at.as_ns() / DAY;
        let to_hour = (hour + 1).saturating_mul(HOUR).saturating_sub(self.clock.as_ns());
        let to_day = (days + 1).saturating_mul(DAY);
        let mut end = SimTime::from_ns(to_hour.min(to_day));
        let weekday = (hour / 24 % 7) as usize;
        let grown = match self.growth_per_year {
            0.0 => 1.0,
            growth => libm::pow(1.0 + growth, days as f64 / DAYS_PER_YEAR),
        };
        let mut factor = grown * self.hourly[(hour % 24) as usize] * self.daily[weekday];
        for burst in &self.bursts {
            let until = burst.at + burst.length;
            if at < burst.at {
                end = end.min(burst.at);
            } else if at < until {
                factor *= burst.factor;
                end = end.min(until);
            }
        }
        Piece { factor: if factor.is_finite() { factor.max(0.0) } else { 0.0 }, end }
    }

    /// The factor summed over `[0, until)`: for how long the mean rate brings as many requests.
    pub fn integral(&self, until: SimTime) -> Seconds {
        let (mut at, mut sum) = (SimTime::ZERO, Seconds::ZERO);
        while at < until {
            let piece = self.piece(at);
            let end = piece.end.min(until);
            sum += end.since(at).as_seconds() * piece.factor;
            at = end;
        }
        sum
    }

    /// Pieces in a row that can be empty without all that follow being so.
    pub fn longest_silence(&self) -> u64 {
        // A week of hours, cut by days that begin elsewhere, and both ends of every burst.
        (24 + 1) * 8 + 2 * self.bursts.len() as u64
    }
}
