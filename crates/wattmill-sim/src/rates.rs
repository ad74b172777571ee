//! How many requests come when.

use wattmill_factory::Arrivals;
use wattmill_units::{Seconds, SimTime, Stream};

/// Request rate over time: constant within each slot, the slots repeating without end.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    slot: SimTime,
    per_s: Vec<f64>,
}

impl Rates {
    /// Always `per_s` requests a second.
    pub fn constant(per_s: f64) -> Self {
        Self::cycle(SimTime::from_seconds(Seconds::from_hours(1.0)), vec![per_s])
    }

    /// `per_s[i]` requests a second in the `i`-th slot, then from the start again. Negative and
    /// non-finite rates count as 0.
    pub fn cycle(slot: SimTime, per_s: Vec<f64>) -> Self {
        let per_s =
            per_s.into_iter().map(|r| if r.is_finite() { r.max(0.0) } else { 0.0 }).collect();
        Self { slot: slot.max(SimTime::from_ns(1)), per_s }
    }

    /// Nanoseconds from one request to the next in a slot of the cycle; infinite if none come.
    fn ns_per_request(&self, slot: usize) -> f64 {
        1e9 / self.per_s.get(slot).copied().unwrap_or(0.0)
    }

    /// Requests expected in `[0, until)`.
    pub fn expected(&self, until: SimTime) -> f64 {
        if self.per_s.is_empty() {
            return 0.0;
        }
        let slot_s = self.slot.as_seconds().as_s();
        let whole = until.as_ns() / self.slot.as_ns();
        let rest_s = SimTime::from_ns(until.as_ns() % self.slot.as_ns()).as_seconds().as_s();
        let cycle: f64 = self.per_s.iter().sum();
        let (cycles, slots) = (whole / self.per_s.len() as u64, whole as usize % self.per_s.len());
        slot_s * (cycles as f64 * cycle + self.per_s[..slots].iter().sum::<f64>())
            + rest_s * self.per_s[slots]
    }
}

/// A walk through time at one pace: gaps go in that count in requests, instants come out.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    rates: Rates,
    /// Slots passed, and which of the cycle it is in.
    slot: u64,
    phase: usize,
    /// Start of the slot.
    start: SimTime,
    /// Nanoseconds into the slot, its length, and for a gap of one; infinite if the rate is 0.
    at_ns: f64,
    slot_ns: f64,
    ns_per_request: f64,
}

impl Clock {
    pub(crate) fn new(rates: Rates) -> Self {
        let slot_ns = rates.slot.as_ns() as f64;
        let ns_per_request = rates.ns_per_request(0);
        Self { rates, slot: 0, phase: 0, start: SimTime::ZERO, at_ns: 0.0, slot_ns, ns_per_request }
    }

    /// Which slot of the cycle it is in.
    #[inline]
    pub(crate) const fn phase(&self) -> usize {
        self.phase
    }

    /// The instant `gap` requests later; `None` after the last one there will ever be.
    #[inline]
    pub(crate) fn pass(&mut self, gap: f64) -> Option<SimTime> {
        let next = self.at_ns + gap * self.ns_per_request;
        if next < self.slot_ns {
            self.at_ns = next;
            return Some(SimTime::from_ns(self.start.as_ns() + (next + 0.5) as u64));
        }
        self.cross(gap)
    }

    /// The same, when it lies in a later slot.
    #[cold]
    fn cross(&mut self, mut gap: f64) -> Option<SimTime> {
        let slots = self.rates.per_s.len() as u64;
        let mut empty = 0;
        loop {
            let rest = (self.slot_ns - self.at_ns) / self.ns_per_request;
            empty = if rest > 0.0 { 0 } else { empty + 1 };
            if empty > slots {
                return None;
            }
            // The end of simulated time: no rate is so low that this goes on for ever.
            let start = (self.slot + 1).checked_mul(self.rates.slot.as_ns())?;
            self.start = SimTime::from_ns(start);
            self.slot += 1;
            self.phase = if self.phase as u64 + 1 == slots { 0 } else { self.phase + 1 };
            self.at_ns = 0.0;
            gap = (gap - rest).max(0.0);
            self.ns_per_request = self.rates.ns_per_request(self.phase);
            let next = gap * self.ns_per_request;
            // Nothing comes of a gap of zero times for ever.
            if next < self.slot_ns {
                self.at_ns = next;
                return Some(self.start + SimTime::from_ns((next + 0.5) as u64));
            }
        }
    }
}

/// Gaps between arrivals, of mean 1.
#[derive(Clone, Debug)]
pub(crate) struct Gaps {
    stream: Stream,
    /// Gamma shape, `None` for exponential gaps.
    shape: Option<f64>,
}

impl Gaps {
    pub(crate) fn new(stream: Stream, arrivals: Arrivals) -> Self {
        let shape = match arrivals {
            Arrivals::Poisson => None,
            Arrivals::Gamma { cv } => Some(1.0 / (cv * cv).clamp(1e-6, 1e6)),
        };
        Self { stream, shape }
    }

    #[inline]
    pub(crate) fn draw(&mut self) -> f64 {
        match self.shape {
            None => self.stream.exponential(),
            Some(shape) => self.stream.gamma(shape),
        }
    }
}
