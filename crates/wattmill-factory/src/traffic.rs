//! Who asks how much, when.

use wattmill_units::Stream;

/// Traffic of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Requests per day at the start of the plan, mean over the day.
    pub requests_per_day: f64,
    /// Users who ask at least once a week at the start of the plan, where the file counts them. They grow
    /// as requests do.
    pub weekly_users: Option<f64>,
    /// Growth per year as a fraction: 0.4 means 1.4 times a year later, compounded daily.
    pub growth_per_year: f64,
    /// Rate in each hour of the UTC day over the day's mean; the mean of the 24 is 1.
    pub daily_shape: [f64; 24],
    /// Where users are, in shares that add up to 1; none if nobody says. Their clocks are in the
    /// `daily_shape` already.
    pub regions: Vec<Region>,
    /// Prompt and answer lengths.
    pub lengths: Lengths,
    /// How arrivals bunch.
    pub arrivals: Arrivals,
}

/// Users that live by one clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// What people call it.
    pub name: String,
    /// Share of the requests.
    pub share: f64,
    /// Hours by which its clock is ahead of UTC.
    pub utc_offset: f64,
    /// Its part of the service's rate in each hour of the UTC day, over the mean of that: those of all
    /// regions add up to the `daily_shape` of the traffic.
    pub daily_shape: [f64; 24],
}

/// Arrival process within an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent arrivals.
    Poisson,
    /// Gamma-distributed gaps of this coefficient of variation (1 = Poisson, more = bursty).
    Gamma {
        /// Deviation of the gaps over their mean.
        cv: f64,
    },
}

/// Joint distribution of prompt and answer lengths, tokens. Drawn independently of each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    /// Name, such as `azure-conv-2023`.
    pub name: String,
    /// Prompt tokens.
    pub input: LengthTable,
    /// Answer tokens.
    pub output: LengthTable,
}

/// A distribution of lengths by its quantiles, linear between them.
///
/// ```
/// use wattmill_factory::LengthTable;
/// let fixed = LengthTable::fixed(1024);
/// assert_eq!(fixed.quantile(0.3), 1024);
/// let table = LengthTable::from_quantiles(&[(0.0, 10.0), (0.5, 100.0), (1.0, 300.0)]).unwrap();
/// assert_eq!(table.quantile(0.25), 55);
/// assert_eq!(table.mean(), 0.5 * 55.0 + 0.5 * 200.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LengthTable {
    points: Vec<(f64, f64)>,
    /// Length at each of `2^LOOKUP_BITS + 1` equally spaced quantiles, for drawing.
    lookup: Vec<f32>,
}

const LOOKUP_BITS: u32 = 12;

impl Lengths {
    /// Draws prompt and answer tokens of one request, each at least 1.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> (u32, u32) {
        let bits = stream.next_u64();
        (self.input.at((bits >> 32) as u32), self.output.at(bits as u32))
    }
}

impl LengthTable {
    /// Always `tokens` (at least 1).
    pub fn fixed(tokens: u32) -> Self {
        let tokens = f64::from(tokens.max(1));
        Self::build(vec![(0.0, tokens), (1.0, tokens)])
    }

    /// From `(probability, tokens)` points: probabilities rising from 0 to 1, tokens at least 1 and
    /// never falling. `None` if they are not so.
    pub fn from_quantiles(points: &[(f64, f64)]) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        let ordered = points.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        let sound = points.iter().all(|p| p.1.is_finite() && p.1 >= 1.0 && p.1 <= 1e9);
        (first.0 == 0.0 && last.0 == 1.0 && ordered && sound).then(|| Self::build(points.to_vec()))
    }

    fn build(points: Vec<(f64, f64)>) -> Self {
        let steps = 1usize << LOOKUP_BITS;
        let lookup =
            (0..=steps).map(|i| interpolate(&points, i as f64 / steps as f64) as f32).collect();
        Self { points, lookup }
    }

    /// Tokens at probability `p`, rounded.
    pub fn quantile(&self, p: f64) -> u32 {
        interpolate(&self.points, p).round() as u32
    }

    /// Exact mean of the continuous distribution.
    pub fn mean(&self) -> f64 {
        self.points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum()
    }

    /// Longest length there is.
    pub fn max(&self) -> u32 {
        self.points.last().map_or(1, |p| p.1.round() as u32)
    }

    /// Draws one length, at least 1.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        self.at(stream.next_u64() as u32)
    }

    /// Length at the quantile `bits`/2³²: one random word of 64 bits is worth two lengths.
    #[inline]
    pub fn at(&self, bits: u32) -> u32 {
        const WITHIN: u32 = 32 - LOOKUP_BITS;
        let cell = (bits >> WITHIN) as usize;
        let within = (bits & ((1 << WITHIN) - 1)) as f32 * (1.0 / (1u32 << WITHIN) as f32);
        let (low, high) = (self.lookup[cell], self.lookup[cell + 1]);
        ((low + (high - low) * within + 0.5) as u32).max(1)
    }
}

fn interpolate(points: &[(f64, f64)], p: f64) -> f64 {
    let p = p.clamp(0.0, 1.0);
    let after = points.partition_point(|q| q.0 < p).clamp(1, points.len() - 1);
    let (a, b) = (points[after - 1], points[after]);
    a.1 + (b.1 - a.1) * (p - a.0) / (b.0 - a.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_table() {
        let table =
            LengthTable::from_quantiles(&[(0.0, 3.0), (0.5, 1020.0), (0.9, 2735.0), (1.0, 4142.0)])
                .expect("sound");
        let mut stream = Stream::new(1, "lengths", 0);
        let mut drawn: Vec<u32> = (0..100_000).map(|_| table.draw(&mut stream)).collect();
        drawn.sort_unstable();
        let mean = drawn.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e5;
        assert!((mean / table.mean() - 1.0).abs() < 0.01, "{mean} {}", table.mean());
        for p in [0.1, 0.5, 0.9, 0.99] {
            let got = f64::from(drawn[(p * 1e5) as usize]);
            assert!((got / f64::from(table.quantile(p)) - 1.0).abs() < 0.03, "{p}: {got}");
        }
    }

    #[test]
    fn both_lengths_of_a_request_are_drawn_apart() {
        let table =
            LengthTable::from_quantiles(&[(0.0, 1.0), (1.0, 1e6)]).expect("it rises from 0 to 1");
        let lengths = Lengths { name: "even".to_owned(), input: table.clone(), output: table };
        let mut stream = Stream::new(1, "lengths", 0);
        let n = 100_000;
        let (mut sum, mut squares) = ([0.0; 2], [0.0; 3]);
        for _ in 0..n {
            let (input, output) = lengths.draw(&mut stream);
            let (x, y) = (f64::from(input) / 1e6 - 0.5, f64::from(output) / 1e6 - 0.5);
            sum = [sum[0] + x, sum[1] + y];
            squares = [squares[0] + x * x, squares[1] + y * y, squares[2] + x * y];
        }
        let n = f64::from(n);
        // Deviations of a mean of uniforms and of their correlation.
        assert!(sum.iter().all(|s| (s / n).abs() < 4.0 * (1.0f64 / 12.0 / n).sqrt()), "{sum:?}");
        let correlation = squares[2] / (squares[0] * squares[1]).sqrt();
        assert!(correlation.abs() < 4.0 / n.sqrt(), "{correlation}");
    }

    #[test]
    fn nonsense_is_not_a_distribution() {
        for points in [
            &[][..],
            &[(0.0, 1.0)],
            &[(0.0, 1.0), (0.5, 2.0)],
            &[(0.0, 5.0), (1.0, 2.0)],
            &[(0.0, 0.0), (1.0, 2.0)],
            &[(0.0, 1.0), (1.0, f64::NAN)],
            &[(0.0, 1.0), (0.0, 2.0), (1.0, 3.0)],
        ] {
            assert_eq!(LengthTable::from_quantiles(points), None, "{points:?}");
        }
    }
}
