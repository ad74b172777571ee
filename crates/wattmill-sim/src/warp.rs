//! Time that passes at another speed.

use wattmill_factory::{Piece, Profile};
use wattmill_units::SimTime;

use crate::Ask;

/// A stream whose time runs at the pace of a [`Profile`]: where the profile is 2, twice as much
/// happens in an hour.
///
/// No request is added or lost, and none overtakes another: two profiles over one stream see the same
/// requests at different times (common random numbers). Over independent arrivals at a constant rate
/// the result is independent arrivals at the profile's rate. Ends with the stream, with time, or
/// where the profile is 0 for ever.
///
/// ```
/// use wattmill_factory::Profile;
/// use wattmill_sim::{Ask, Request, Warp};
/// use wattmill_units::{Seconds, SimTime};
/// let minutes = |m: f64| SimTime::from_seconds(Seconds::from_s(60.0 * m));
/// let mut profile = Profile::FLAT;
/// profile.hourly[0] = 2.0;
/// profile.hourly[1] = 0.0;
/// let asks = [30.0, 119.0, 150.0].map(|m| {
///     Ask::alone(Request { id: 0, arrival: minutes(m), input: 1, output: 1 })
/// });
/// let arrivals: Vec<_> =
///     Warp::new(asks.into_iter(), &profile).map(|ask| ask.request.arrival).collect();
/// // Two hours' worth pass in the first hour, nothing in the second.
/// assert_eq!(arrivals, [minutes(15.0), minutes(59.5), minutes(150.0)]);
/// ```
pub struct Warp<'a, I> {
    asks: I,
    pace: Pace<'a>,
}

impl<'a, I: Iterator<Item = Ask>> Warp<'a, I> {
    /// `asks`, which come in order of arrival, at the pace of `profile`.
    pub fn new(asks: I, profile: &'a Profile) -> Self {
        Self { asks, pace: Pace::new(profile) }
    }
}

impl<I: Iterator<Item = Ask>> Iterator for Warp<'_, I> {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        let mut ask = self.asks.next()?;
        ask.request.arrival = self.pace.when(ask.request.arrival)?;
        Some(ask)
    }
}

/// The walk along a profile.
#[derive(Clone, Debug)]
struct Pace<'a> {
    profile: &'a Profile,
    start: SimTime,
    piece: Piece,
    /// What the stream calls the start of the piece, ns.
    told_ns: f64,
}

impl<'a> Pace<'a> {
    fn new(profile: &'a Profile) -> Self {
        let piece = profile.piece(SimTime::ZERO);
        Self { profile, start: SimTime::ZERO, piece, told_ns: 0.0 }
    }

    /// When it is `told` for the stream; never earlier than the instant before.
    fn when(&mut self, told: SimTime) -> Option<SimTime> {
        let told_ns = told.as_ns() as f64;
        let mut silent = 0;
        loop {
            let length = self.piece.end.since(self.start).as_ns() as f64;
            let passes = length * self.piece.factor;
            if told_ns < self.told_ns + passes {
                let within = ((told_ns - self.told_ns).max(0.0) / self.piece.factor).min(length);
                return Some(self.start + SimTime::from_ns((within + 0.5) as u64));
            }
            silent = if passes > 0.0 { 0 } else { silent + 1 };
            if silent > self.profile.longest_silence() || self.piece.end == SimTime::MAX {
                return None;
            }
            self.told_ns += passes;
            self.start = self.piece.end;
            self.piece = self.profile.piece(self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_factory::Burst;
    use wattmill_units::Seconds;

    fn hours(h: f64) -> SimTime {
        SimTime::from_seconds(Seconds::from_hours(h))
    }

    #[test]
    fn what_comes_until_an_instant_is_the_profiles_integral() {
        let mut profile = Profile { growth_per_year: 3.0, clock: hours(5.5), ..Profile::FLAT };
        for (hour, factor) in profile.hourly.iter_mut().enumerate() {
            *factor = [0.0, 0.4, 1.3, 2.0][hour % 4];
        }
        profile.daily[5] = 0.5;
        profile.bursts = vec![
            Burst { at: hours(1.25), length: hours(2.0), factor: 4.0 },
            Burst { at: hours(3.0), length: hours(60.0), factor: 0.5 },
        ];
        let mut pace = Pace::new(&profile);
        let mut last = SimTime::ZERO;
        for minute in 0..20_000 {
            let told = hours(f64::from(minute) / 60.0);
            let at = pace.when(told).expect("something is left");
            assert!(at >= last);
            last = at;
            let integral = profile.integral(at).as_s();
            assert!((integral - told.as_seconds().as_s()).abs() < 1e-6, "{told}: {integral}");
        }
        assert!(last > hours(200.0));
    }

    #[test]
    fn silence_ends_it() {
        let silent = Profile { hourly: [0.0; 24], ..Profile::FLAT };
        assert_eq!(Pace::new(&silent).when(SimTime::ZERO), None);
        let mut sundays = Profile { daily: [0.0; 7], ..Profile::FLAT };
        sundays.daily[6] = 1.0;
        assert_eq!(Pace::new(&sundays).when(hours(25.0)), Some(hours(24.0 * 13.0 + 1.0)));
        assert_eq!(Pace::new(&Profile::FLAT).when(hours(7.0)), Some(hours(7.0)));
    }
}
