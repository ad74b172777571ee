//! Several services' independent requests in one stream, at the price of one.

use wattmill_factory::Lengths;
use wattmill_units::{SimTime, Stream};

use crate::rates::{Clock, Rates};
use crate::{Ask, Request};

/// Independent (Poisson) traffic of several services.
///
/// The sum of independent arrivals is such arrivals at the sum of the rates, and each belongs to a
/// service with a chance that is its share of the rate: one gap, one choice and two lengths a
/// request, however many services there are. [`Merge`](crate::Merge) takes streams of any kind, at
/// the price of a heap.
///
/// ```
/// use wattmill_factory::{LengthTable, Lengths};
/// use wattmill_sim::{Mixture, Part};
/// use wattmill_units::SimTime;
/// let lengths = |input, output| Lengths {
///     name: "fixed".to_owned(),
///     input: LengthTable::fixed(input),
///     output: LengthTable::fixed(output),
/// };
/// let (chat, code) = (lengths(1000, 200), lengths(4000, 50));
/// let parts = [Part { per_s: vec![30.0], lengths: &chat }, Part { per_s: vec![10.0], lengths: &code }];
/// let traffic = Mixture::new(7, SimTime::from_ns(1_000_000_000), &parts);
/// let of_code = traffic.take(100_000).filter(|(service, _)| *service == 1).count();
/// assert!((of_code as f64 / 25_000.0 - 1.0).abs() < 0.03);
/// ```
#[derive(Clone, Debug)]
pub struct Mixture<'a> {
    clock: Clock,
    gaps: Stream,
    choices: Stream,
    tokens: Stream,
    lengths: Vec<&'a Lengths>,
    /// For each slot of the cycle and each service, from which value of a 64-bit draw on it is the
    /// next one's turn.
    ends: Vec<u64>,
    next_id: u64,
}

/// Traffic of one service.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Requests a second in each slot, which repeat without end.
    pub per_s: Vec<f64>,
    /// Prompt and answer lengths.
    pub lengths: &'a Lengths,
}

impl<'a> Mixture<'a> {
    /// Traffic of world `seed`, whose rates are constant within each `slot`. A part whose cycle is
    /// shorter than that of another begins again earlier; rates that are negative or not finite
    /// count as 0.
    pub fn new(seed: u64, slot: SimTime, parts: &[Part<'a>]) -> Self {
        let slots = parts.iter().map(|part| part.per_s.len()).max().unwrap_or(0);
        let rate = |part: &Part<'_>, slot: usize| match part.per_s.len() {
            0 => 0.0,
            own => Some(part.per_s[slot % own]).filter(|r| r.is_finite()).unwrap_or(0.0).max(0.0),
        };
        let mut totals = Vec::with_capacity(slots);
        let mut ends = Vec::with_capacity(slots * parts.len());
        for slot in 0..slots {
            let total: f64 = parts.iter().map(|part| rate(part, slot)).sum();
            let mut sum = 0.0;
            for part in parts {
                sum += rate(part, slot);
                ends.push(if total > 0.0 { (sum / total * TWO_TO_64) as u64 } else { 0 });
            }
            totals.push(total);
        }
        Self {
            clock: Clock::new(Rates::cycle(slot, totals)),
            gaps: Stream::new(seed, "arrival gaps", 0),
            choices: Stream::new(seed, "services", 0),
            tokens: Stream::new(seed, "lengths", 0),
            lengths: parts.iter().map(|part| part.lengths).collect(),
            ends,
            next_id: 0,
        }
    }

    /// The same as [`Ask`]s, none of which share anything.
    pub fn asks(self) -> impl Iterator<Item = Ask> + use<'a> {
        self.map(|(service, request)| Ask { service, ..Ask::alone(request) })
    }
}

const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

impl Iterator for Mixture<'_> {
    type Item = (u16, Request);

    #[inline]
    fn next(&mut self) -> Option<(u16, Request)> {
        let arrival = self.clock.pass(self.gaps.exponential())?;
        let services = self.lengths.len();
        let row = self.clock.phase() * services;
        let drawn = self.choices.next_u64();
        // A handful of services: counting the ends passed costs less than a jump that is guessed.
        let passed = self.ends[row..row + services - 1].iter().filter(|end| drawn >= **end);
        let service = passed.count();
        let (input, output) = self.lengths[service].draw(&mut self.tokens);
        let id = self.next_id;
        self.next_id += 1;
        Some((service as u16, Request { id, arrival, input, output }))
    }
}
