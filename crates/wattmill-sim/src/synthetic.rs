//! Traffic drawn from a description.

use wattmill_factory::{Arrivals, Lengths};
use wattmill_units::{Seconds, SimTime, Stream};

use crate::Request;

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

/// A stream of requests, in order of arrival; it ends with simulated time.
///
/// Gaps are drawn at rate one and stretched by the rate, so two runs of one seed that differ in
/// rate see the same requests closer together or further apart (common random numbers).
///
/// ```
/// use wattmill_factory::{Arrivals, LengthTable, Lengths};
/// use wattmill_sim::{Rates, Synthetic};
/// let lengths = Lengths {
///     name: "fixed".to_owned(),
///     input: LengthTable::fixed(1000),
///     output: LengthTable::fixed(200),
/// };
/// let traffic = Synthetic::new(7, Rates::constant(10.0), Arrivals::Poisson, &lengths);
/// let last = traffic.take(10_000).last().unwrap();
/// assert!((last.arrival.as_seconds().as_s() / 1_000.0 - 1.0).abs() < 0.05);
/// ```
#[derive(Clone, Debug)]
pub struct Synthetic<'a> {
    rates: Rates,
    lengths: &'a Lengths,
    /// Gamma shape of the gaps, `None` for exponential ones.
    shape: Option<f64>,
    gaps: Stream,
    inputs: Stream,
    outputs: Stream,
    next_id: u64,
    slot: u64,
    /// Seconds into the slot.
    position_s: f64,
}

impl<'a> Synthetic<'a> {
    /// Traffic of world `seed`.
    pub fn new(seed: u64, rates: Rates, arrivals: Arrivals, lengths: &'a Lengths) -> Self {
        let shape = match arrivals {
            Arrivals::Poisson => None,
            Arrivals::Gamma { cv } => Some(1.0 / (cv * cv).clamp(1e-6, 1e6)),
        };
        Self {
            rates,
            lengths,
            shape,
            gaps: Stream::new(seed, "arrival gaps", 0),
            inputs: Stream::new(seed, "input lengths", 0),
            outputs: Stream::new(seed, "output lengths", 0),
            next_id: 0,
            slot: 0,
            position_s: 0.0,
        }
    }

    fn next_arrival(&mut self) -> Option<SimTime> {
        let mut left = match self.shape {
            None => self.gaps.exponential(),
            Some(shape) => self.gaps.gamma(shape),
        };
        let slot_s = self.rates.slot.as_seconds().as_s();
        let slots = self.rates.per_s.len() as u64;
        let mut empty = 0;
        loop {
            if empty > slots {
                return None;
            }
            // The end of simulated time: no rate is so low that this goes on for ever.
            let start = self.slot.checked_mul(self.rates.slot.as_ns())?;
            let rate = self.rates.per_s[(self.slot % slots) as usize];
            let inside = rate * (slot_s - self.position_s);
            if left < inside {
                self.position_s += left / rate;
                let within = SimTime::from_seconds(Seconds::from_s(self.position_s));
                return Some(SimTime::from_ns(start) + within.min(self.rates.slot));
            }
            empty = if rate > 0.0 { 0 } else { empty + 1 };
            left -= inside;
            self.slot += 1;
            self.position_s = 0.0;
        }
    }
}

impl Iterator for Synthetic<'_> {
    type Item = Request;

    #[inline]
    fn next(&mut self) -> Option<Request> {
        if self.rates.per_s.is_empty() {
            return None;
        }
        let arrival = self.next_arrival()?;
        let id = self.next_id;
        self.next_id += 1;
        Some(Request {
            id,
            arrival,
            input: self.lengths.input.draw(&mut self.inputs),
            output: self.lengths.output.draw(&mut self.outputs),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_factory::LengthTable;

    fn lengths() -> Lengths {
        Lengths {
            name: "test".to_owned(),
            input: LengthTable::fixed(10),
            output: LengthTable::fixed(5),
        }
    }

    #[test]
    fn arrivals_follow_the_rate_of_their_slot() {
        let lengths = lengths();
        let rates = Rates::cycle(SimTime::from_ns(1_000_000_000), vec![1_000.0, 0.0, 4_000.0]);
        for arrivals in [Arrivals::Poisson, Arrivals::Gamma { cv: 2.0 }] {
            let mut counts = [0u32; 3];
            let mut last = SimTime::ZERO;
            for request in Synthetic::new(3, rates.clone(), arrivals, &lengths) {
                assert!(request.arrival >= last);
                last = request.arrival;
                if last.as_ns() >= 60_000_000_000 {
                    break;
                }
                counts[(last.as_ns() / 1_000_000_000 % 3) as usize] += 1;
            }
            assert_eq!(counts[1], 0);
            assert!((f64::from(counts[0]) / 20_000.0 - 1.0).abs() < 0.05, "{counts:?}");
            assert!((f64::from(counts[2]) / 80_000.0 - 1.0).abs() < 0.05, "{counts:?}");
        }
        assert_eq!(rates.expected(SimTime::from_ns(4_500_000_000)), 6_000.0);
    }

    #[test]
    fn no_rate_no_request() {
        let lengths = lengths();
        let hardly = Rates::constant(1e-300);
        assert_eq!(Synthetic::new(1, hardly, Arrivals::Poisson, &lengths).next(), None);
        for rates in [vec![], vec![0.0], vec![0.0, -1.0, f64::NAN]] {
            let rates = Rates::cycle(SimTime::from_ns(1_000), rates);
            assert_eq!(Synthetic::new(1, rates, Arrivals::Poisson, &lengths).next(), None);
        }
    }
}
