//! What of a factory is not known exactly, and how samples of it are drawn.

use wattmill_units::{Distribution, draw, normal_score, normal_share};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Written {
    /// A plain number.
    Number,
    /// A day, counted from 1970-01-01.
    Date,
    /// In this unit, which is so many base units.
    Unit(&'static str, f64),
}

/// A number or day of the factory file that is a distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncertain {
    /// Where it stands, such as `site.abilene.grid.price`. Names its random numbers too.
    pub path: String,
    /// In base units.
    pub distribution: Distribution,
    /// How its values are written.
    pub written: Written,
}

/// Everything of a factory that is a distribution, and what of it goes together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uncertainty {
    /// In the order of the file.
    pub inputs: Vec<Uncertain>,
    /// Row by row the lower triangle of the Cholesky factor of the correlations between the normal
    /// scores of `correlated`.
    factor: Vec<Vec<f64>>,
    /// Inputs that are correlated with any other.
    correlated: Vec<usize>,
}

/// A correlation between the normal scores of two inputs, by their index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// The two.
    pub between: (usize, usize),
    /// From -1 to 1.
    pub value: f64,
}

/// Correlations that no numbers can have together: as far as this one they could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// An input whose correlations contradict those of inputs before it.
    pub input: usize,
}

impl Uncertainty {
    /// Inputs of which some are correlated; pairs that are not listed are independent.
    ///
    /// # Errors
    /// If no numbers can be correlated so: the matrix is not positive definite.
    pub fn new(
        inputs: Vec<Uncertain>,
        correlations: &[Correlation],
    ) -> Result<Self, Contradiction> {
        let mut correlated: Vec<usize> = Vec::new();
        for correlation in correlations {
            let (a, b) = correlation.between;
            correlated.extend([a, b]);
        }
        correlated.sort_unstable();
        correlated.dedup();
        let between = |a: usize, b: usize| {
            let found = correlations.iter().find(|c| c.between == (a, b) || c.between == (b, a));
            if a == b { 1.0 } else { found.map_or(0.0, |c| c.value) }
        };
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(correlated.len());
        for (row, a) in correlated.iter().enumerate() {
            let mut line: Vec<f64> = Vec::with_capacity(row + 1);
            for (column, b) in correlated[..=row].iter().enumerate() {
                let other = factor.get(column).unwrap_or(&line);
                let sum: f64 = line.iter().zip(other).map(|(x, y)| x * y).sum();
                let rest = between(*a, *b) - sum;
                if column == row {
                    if rest <= 1e-9 {
                        return Err(Contradiction { input: *a });
                    }
                    line.push(rest.sqrt());
                } else {
                    line.push(rest / other[column]);
                }
            }
            factor.push(line);
        }
        Ok(Self { inputs, factor, correlated })
    }

    /// Whether everything is known exactly.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The `sample`-th draw of every input, in base units.
    ///
    /// Each draws from a stream named after it, so that two factories draw the same for what they
    /// have in common.
    pub fn draw(&self, seed: u64, sample: u64) -> Vec<f64> {
        let mut shares: Vec<f64> =
            self.inputs.iter().map(|input| draw(seed, &input.path, sample)).collect();
        // A share of 0 has no normal score.
        let score = |share: f64| normal_score(share.max(1e-16));
        let scores: Vec<f64> = self.correlated.iter().map(|input| score(shares[*input])).collect();
        for (line, input) in self.factor.iter().zip(&self.correlated) {
            shares[*input] = normal_share(line.iter().zip(&scores).map(|(l, z)| l * z).sum());
        }
        self.inputs.iter().zip(shares).map(|(i, share)| i.distribution.quantile(share)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(n: usize) -> Vec<Uncertain> {
        let input = |i| Uncertain {
            path: format!("x{i}"),
            distribution: Distribution::Quantiles { p10: -1.0, p50: 0.0, p90: 1.0 },
            written: Written::Number,
        };
        (0..n).map(input).collect()
    }

    fn correlation(a: &[f64], b: &[f64]) -> f64 {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (ma, mb) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(usize) -> f64| (0..a.len()).map(f).sum::<f64>();
        let ab = sum(&|i| (a[i] - ma) * (b[i] - mb));
        ab / (sum(&|i| (a[i] - ma).powi(2)) * sum(&|i| (b[i] - mb).powi(2))).sqrt()
    }

    #[test]
    fn draws_are_correlated_as_stated_and_others_stay_as_they_were() {
        let pair = Correlation { between: (0, 2), value: 0.8 };
        let with = Uncertainty::new(inputs(3), &[pair]).expect("two always fit");
        let without = Uncertainty::new(inputs(3), &[]).expect("nothing to contradict");
        let draws: Vec<Vec<f64>> = (0..20_000).map(|i| with.draw(1, i)).collect();
        let column = |i: usize| draws.iter().map(|row| row[i]).collect::<Vec<f64>>();
        let (a, b, c) = (column(0), column(1), column(2));
        assert!((correlation(&a, &c) - 0.8).abs() < 0.01, "{}", correlation(&a, &c));
        assert!(correlation(&a, &b).abs() < 0.02);
        for sample in 0..100 {
            let free = without.draw(1, sample);
            assert!((free[0] - draws[sample as usize][0]).abs() < 1e-9);
            assert_eq!(free[1], draws[sample as usize][1]);
        }
    }

    #[test]
    fn what_no_numbers_can_have_is_refused() {
        let all = |value| [(0, 1), (1, 2), (0, 2)].map(|between| Correlation { between, value });
        assert!(Uncertainty::new(inputs(3), &all(-0.49)).is_ok());
        assert_eq!(Uncertainty::new(inputs(3), &all(-0.51)), Err(Contradiction { input: 2 }));
        let same = [Correlation { between: (0, 1), value: 1.0 }];
        assert_eq!(Uncertainty::new(inputs(2), &same), Err(Contradiction { input: 1 }));
    }
}
