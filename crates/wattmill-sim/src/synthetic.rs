//! Traffic drawn from a description.

use wattmill_factory::{Arrivals, Lengths};
use wattmill_units::Stream;

use crate::Request;
use crate::rates::{Clock, Gaps, Rates};

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
    clock: Clock,
    gaps: Gaps,
    lengths: &'a Lengths,
    tokens: Stream,
    next_id: u64,
}

impl<'a> Synthetic<'a> {
    /// Traffic of world `seed`.
    pub fn new(seed: u64, rates: Rates, arrivals: Arrivals, lengths: &'a Lengths) -> Self {
        Self::part(seed, 0, rates, arrivals, lengths)
    }

    /// Likewise that of one of many parts of the world, each of which has arrivals, lengths and ids
    /// (from `part` × 2⁴⁰) of its own. Independent arrivals that are dealt to parts at random are
    /// independent arrivals at each.
    pub fn part(
        seed: u64,
        part: u32,
        rates: Rates,
        arrivals: Arrivals,
        lengths: &'a Lengths,
    ) -> Self {
        let id = u64::from(part);
        Self {
            clock: Clock::new(rates),
            gaps: Gaps::new(Stream::new(seed, "arrival gaps", id), arrivals),
            lengths,
            tokens: Stream::new(seed, "lengths", id),
            next_id: id << 40,
        }
    }
}

impl Iterator for Synthetic<'_> {
    type Item = Request;

    #[inline]
    fn next(&mut self) -> Option<Request> {
        let arrival = self.clock.pass(self.gaps.draw())?;
        let id = self.next_id;
        self.next_id += 1;
        let (input, output) = self.lengths.draw(&mut self.tokens);
        Some(Request { id, arrival, input, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_factory::LengthTable;
    use wattmill_units::SimTime;

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
