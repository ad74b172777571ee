//! Lengths of the requests of a benchmark.

use wattmill_sim::Exchange;
use wattmill_units::Stream;

/// World in which benchmark lengths are drawn; any would do.
const SEED: u64 = 1;

/// How long the requests of a benchmark are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// All as long as it says.
    Fixed,
    /// Whole numbers uniform between this share of what it says and all of it, prompts and answers
    /// alike (`--random-range-ratio`; InferenceX: 0.8).
    From(f64),
    /// Prompts as long as it says, answers uniform within this share of it to either side: clients
    /// of one length that have drifted out of step.
    Adrift(f64),
    /// Whole numbers uniform from 1 to twice the mean: what is assumed of natural texts, of which
    /// only the mean is known.
    Natural,
}

impl Spread {
    /// Mean of lengths around, or of at most, so many tokens.
    pub(crate) fn mean(self, tokens: u32) -> f64 {
        let least = match self {
            Self::From(share) => share,
            Self::Fixed | Self::Adrift(_) | Self::Natural => 1.0,
        };
        f64::from(tokens) * f64::midpoint(least, 1.0)
    }
}

/// `count` requests around, or of at most, `input` and `output` tokens. The same for every row of these lengths.
pub(crate) fn draw(spread: Spread, input: u32, output: u32, count: usize) -> Vec<Exchange> {
    let range = |tokens: u32, answer: bool| match spread {
        Spread::Adrift(share) if answer => {
            let aside = (f64::from(tokens) * share) as u32;
            ((tokens - aside).max(1), tokens.saturating_add(aside))
        }
        Spread::Fixed | Spread::Adrift(_) => (tokens, tokens),
        Spread::From(share) => (((f64::from(tokens) * share) as u32).clamp(1, tokens), tokens),
        Spread::Natural => (1, tokens.saturating_mul(2).saturating_sub(1).max(1)),
    };
    let mut inputs = Stream::new(SEED, "benchmark prompt lengths", 0);
    let mut outputs = Stream::new(SEED, "benchmark answer lengths", 0);
    let one = |(least, most): (u32, u32), stream: &mut Stream| {
        least + stream.below(u64::from(most - least) + 1) as u32
    };
    let (input, output) = (range(input, false), range(output, true));
    (0..count)
        .map(|_| Exchange { input: one(input, &mut inputs), output: one(output, &mut outputs) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stay_in_their_range_and_fill_it() {
        let drawn = draw(Spread::From(0.8), 1024, 10, 4_000);
        assert!(drawn.iter().all(|e| (819..=1024).contains(&e.input)));
        assert!(drawn.iter().all(|e| (8..=10).contains(&e.output)));
        let mean = drawn.iter().map(|e| f64::from(e.input)).sum::<f64>() / 4_000.0;
        assert!((mean - 921.5).abs() < 4.0, "{mean}");
        assert!((Spread::From(0.8).mean(1024) - 921.6).abs() < 1e-9);
        assert_eq!(drawn[..7], draw(Spread::From(0.8), 1024, 10, 7));
        assert_eq!(draw(Spread::Fixed, 5, 6, 2), [Exchange { input: 5, output: 6 }; 2]);
        assert_eq!(draw(Spread::From(0.8), 1, 1, 1), [Exchange { input: 1, output: 1 }]);
        let natural = draw(Spread::Natural, 300, 1, 4_000);
        let mean = natural.iter().map(|e| f64::from(e.input)).sum::<f64>() / 4_000.0;
        assert!((mean - 300.0).abs() < 6.0, "{mean}");
        assert!(natural.iter().all(|e| e.output == 1));
    }
}
