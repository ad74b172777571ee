//! Least squares of a few unknowns, outliers weighed down.

/// Misses beyond this count less than their square.
const OUTLIER: f64 = 0.1;
const ROUNDS: usize = 60;
/// Gain, as a share, that is worth another round.
const ENOUGH: f64 = 1e-5;

/// What a miss is to be weighed with so that beyond `outlier` it counts like its size, not like its
/// square.
pub(crate) fn huber_weight(miss: f64, outlier: f64) -> f64 {
    outlier / (miss * miss + outlier * outlier).sqrt()
}

/// Unknowns that make the misses small, from `start` on, by damped Gauss-Newton steps with
/// differences of `step` for derivatives. Unknowns should be of the size of 1, such as logarithms.
pub(crate) fn least_squares(
    start: &[f64],
    step: f64,
    misses: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let cost = |misses: &[f64]| -> f64 {
        let one = |m: &f64| {
            let c = (m * m + OUTLIER * OUTLIER).sqrt() - OUTLIER;
            if c.is_finite() { c } else { 1e6 }
        };
        misses.iter().map(one).sum()
    };
    let mut x = start.to_vec();
    let mut now = misses(&x);
    let mut best = cost(&now);
    let mut damping = 1e-2;
    for _ in 0..ROUNDS {
        let n = x.len();
        let slopes: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let mut moved = x.clone();
                moved[i] += step;
                misses(&moved).iter().zip(&now).map(|(m, n)| (m - n) / step).collect()
            })
            .collect();
        let weights: Vec<f64> = now.iter().map(|m| huber_weight(*m, OUTLIER)).collect();
        let mut matrix = vec![vec![0.0; n]; n];
        let mut right = vec![0.0; n];
        for i in 0..n {
            for j in 0..n {
                matrix[i][j] =
                    (0..now.len()).map(|r| weights[r] * slopes[i][r] * slopes[j][r]).sum();
            }
            right[i] = -(0..now.len()).map(|r| weights[r] * slopes[i][r] * now[r]).sum::<f64>();
        }
        let mut moved = false;
        for _ in 0..8 {
            let mut damped = matrix.clone();
            for (i, row) in damped.iter_mut().enumerate() {
                row[i] += damping * (row[i] + 1e-6 * now.len() as f64);
            }
            let Some(by) = solve(damped, right.clone()) else {
                damping *= 10.0;
                continue;
            };
            let tried: Vec<f64> = x.iter().zip(&by).map(|(x, d)| x + d.clamp(-1.0, 1.0)).collect();
            let then = misses(&tried);
            let reached = cost(&then);
            if reached < best {
                moved = best - reached > ENOUGH * best;
                (x, now, best) = (tried, then, reached);
                damping = (damping / 5.0).max(1e-9);
                break;
            }
            damping *= 4.0;
        }
        if !moved {
            break;
        }
    }
    x
}

/// Gaussian elimination with pivots; `None` for a singular matrix.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-300 || !matrix[pivot][column].is_finite() {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..n {
            let by = matrix[row][column] / matrix[column][column];
            let pivot = matrix[column].clone();
            for (value, above) in matrix[row].iter_mut().zip(pivot).skip(column) {
                *value -= by * above;
            }
            right[row] -= by * right[column];
        }
    }
    for column in (0..n).rev() {
        let known: f64 = (column + 1..n).map(|k| matrix[column][k] * right[k]).sum();
        right[column] = (right[column] - known) / matrix[column][column];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_is_found_again_past_outliers() {
        let data: Vec<(f64, f64)> = (0..40)
            .map(|i| {
                let x = f64::from(i) * 0.1;
                let wild = if i % 10 == 3 { 5.0 } else { 0.0 };
                (x, 2.0 * libm::exp(-0.7 * x) + wild)
            })
            .collect();
        let found = least_squares(&[0.0, 0.0], 1e-4, |p| {
            data.iter().map(|(x, y)| p[0] * libm::exp(p[1] * x) - y).collect()
        });
        assert!((found[0] - 2.0).abs() < 0.1 && (found[1] + 0.7).abs() < 0.1, "{found:?}");
    }
}
