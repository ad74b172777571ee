//! Clients of a service, each with arrivals and lengths of its own.

use wattmill_units::{SimTime, Stream};

/// Clients whose requests together are the traffic of a service, as in ServeGen (Xiang et al.,
/// arXiv 2505.09999).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    /// Length of a window.
    pub window: SimTime,
    /// The clients, by rising id.
    pub clients: Vec<Client>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Client {
    /// Names it in its source and its random streams.
    pub id: u64,
    /// When it asks, by rising start, no two overlapping; between them it does not.
    pub windows: Vec<ClientWindow>,
    /// Lengths of its requests from a time on, by rising time; empty if they were not recorded.
    pub lengths: Vec<(SimTime, ClientLengths)>,
}

/// A stretch of time in which a client asks at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientWindow {
    /// From when on.
    pub start: SimTime,
    /// Requests a second, mean; above 0.
    pub per_s: f64,
    /// How they bunch.
    pub gaps: GapShape,
}

/// Distribution of the gaps between arrivals, but for its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GapShape {
    /// Gamma of this shape, above 0.
    Gamma(f64),
    /// Weibull of this shape, above 0.
    Weibull(f64),
}

/// Lengths of a client's requests, drawn independently of each other.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientLengths {
    /// Prompt tokens.
    pub input: LengthPdf,
    /// Answer tokens.
    pub output: LengthPdf,
}

impl Clients {
    /// Requests expected in `[0, until)`.
    pub fn expected(&self, until: SimTime) -> f64 {
        let within = |w: &ClientWindow| until.since(w.start).min(self.window).as_seconds().as_s();
        let windows = self.clients.iter().flat_map(|client| &client.windows);
        windows.map(|window| window.per_s * within(window)).sum()
    }

    /// The same from the window of `from` on, which becomes the start.
    pub fn starting(mut self, from: SimTime) -> Self {
        let from = SimTime::from_ns(from.as_ns() - from.as_ns() % self.window.as_ns().max(1));
        for client in &mut self.clients {
            client.windows.retain(|window| window.start >= from);
            client.windows.iter_mut().for_each(|window| window.start = window.start.since(from));
            let before = client.lengths.partition_point(|(at, _)| *at <= from);
            client.lengths.drain(..before.saturating_sub(1));
            client.lengths.iter_mut().for_each(|(at, _)| *at = at.since(from));
        }
        self
    }

    /// End of the last window.
    pub fn end(&self) -> SimTime {
        let last = self.clients.iter().filter_map(|client| client.windows.last());
        last.map(|window| window.start + self.window).max().unwrap_or(SimTime::ZERO)
    }
}

impl Client {
    /// Its lengths at `at`: the latest recorded until then, or the first.
    pub fn lengths_at(&self, at: SimTime) -> Option<&ClientLengths> {
        let after = self.lengths.partition_point(|(from, _)| *from <= at);
        self.lengths.get(after.saturating_sub(1)).map(|(_, lengths)| lengths)
    }
}

/// A distribution over single lengths, drawn from in constant time (alias method; Walker 1977,
/// Vose 1991).
///
/// ```
/// use wattmill_factory::LengthPdf;
/// use wattmill_units::Stream;
/// let pdf = LengthPdf::new(&[(13, 0.25), (700, 0.75)]).unwrap();
/// let mut stream = Stream::new(1, "lengths", 0);
/// let long = (0..100_000).filter(|_| pdf.draw(&mut stream) == 700).count();
/// assert!((long as f64 / 75_000.0 - 1.0).abs() < 0.01);
/// assert_eq!(pdf.mean(), 528.25);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LengthPdf {
    cells: Vec<Cell>,
    mean: f64,
}

/// An equal share of the draws: `own` below the threshold, `other` from it on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    threshold: u32,
    own: u32,
    other: u32,
}

impl LengthPdf {
    /// From lengths of at least 1 and their weights, which need not add up to 1. `None` if a length
    /// is 0, a weight is below 0 or not finite, or there is nothing of a weight above 0.
    pub fn new(weights: &[(u32, f64)]) -> Option<Self> {
        let sound = |(length, weight): &(u32, f64)| *length > 0 && *weight >= 0.0;
        let total: f64 = weights.iter().map(|w| w.1).sum();
        if !(weights.iter().all(sound) && total > 0.0 && total.is_finite()) {
            return None;
        }
        let weights: Vec<(u32, f64)> = weights.iter().copied().filter(|w| w.1 > 0.0).collect();
        let cells = weights.len() as f64;
        let mean = weights.iter().map(|w| f64::from(w.0) * w.1).sum::<f64>() / total;
        // What each length has, in cells; those with less than one are filled up by those with more.
        let mut left: Vec<f64> = weights.iter().map(|w| w.1 / total * cells).collect();
        let (mut short, mut long): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|i| left[*i] < 1.0);
        let mut filled: Vec<Cell> =
            weights.iter().map(|w| Cell { threshold: u32::MAX, own: w.0, other: w.0 }).collect();
        while let (Some(poor), Some(rich)) = (short.pop(), long.last().copied()) {
            filled[poor].threshold = (left[poor] * TWO_TO_32) as u32;
            filled[poor].other = weights[rich].0;
            left[rich] -= 1.0 - left[poor];
            if left[rich] < 1.0 {
                long.pop();
                short.push(rich);
            }
        }
        // Whoever is left has a whole cell but for rounding, and shares it with nobody.
        Some(Self { cells: filled, mean })
    }

    /// Draws one length.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        let bits = stream.next_u64();
        let cell = self.cells[(((bits >> 32) * self.cells.len() as u64) >> 32) as usize];
        if (bits as u32) < cell.threshold { cell.own } else { cell.other }
    }

    /// Mean length.
    pub const fn mean(&self) -> f64 {
        self.mean
    }
}

const TWO_TO_32: f64 = 4_294_967_296.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_their_probabilities() {
        let weights: Vec<(u32, f64)> =
            (1..=40).map(|i| (i * 3, 1.0 / f64::from(i * i))).chain([(500, 0.0)]).collect();
        let total: f64 = weights.iter().map(|w| w.1).sum();
        let pdf = LengthPdf::new(&weights).expect("it is sound");
        let mut stream = Stream::new(5, "lengths", 0);
        let n = 400_000;
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..n {
            *counts.entry(pdf.draw(&mut stream)).or_insert(0.0) += 1.0;
        }
        // Chi-squared of 39 degrees of freedom: exceeds 72 for one seed in a thousand.
        let chi: f64 = weights[..40]
            .iter()
            .map(|(length, weight)| {
                let expected = f64::from(n) * weight / total;
                (counts.get(length).copied().unwrap_or(0.0) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi < 72.0, "{chi}");
        assert_eq!(counts.get(&500), None, "what has no weight is never drawn");
    }

    #[test]
    fn nonsense_is_not_a_distribution() {
        for weights in [
            &[][..],
            &[(0, 1.0)],
            &[(3, 0.0)],
            &[(3, -1.0), (4, 2.0)],
            &[(3, f64::NAN)],
            &[(3, f64::INFINITY)],
        ] {
            assert_eq!(LengthPdf::new(weights), None, "{weights:?}");
        }
        let one = LengthPdf::new(&[(7, 1e-300)]).expect("one length is a distribution");
        assert_eq!(one.draw(&mut Stream::new(1, "lengths", 0)), 7);
    }

    #[test]
    fn lengths_are_the_latest_recorded() {
        let of = |tokens| {
            let pdf = LengthPdf::new(&[(tokens, 1.0)]).expect("it is sound");
            ClientLengths { input: pdf.clone(), output: pdf }
        };
        let at = SimTime::from_ns;
        let client = Client { lengths: vec![(at(5), of(1)), (at(9), of(2))], ..Client::default() };
        let means = [0, 5, 8, 9, 70].map(|t| client.lengths_at(at(t)).map(|l| l.input.mean()));
        assert_eq!(means, [1.0, 1.0, 1.0, 2.0, 2.0].map(Some));
        assert_eq!(Client::default().lengths_at(at(3)), None);
    }
}
