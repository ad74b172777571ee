//! Fits a surface to measured kernels: first the few constants of the closed form, then the grid of
//! what is left over, kept smooth where there are few rows.

use std::collections::BTreeMap;

use wattmill_catalog::{Axis, CORRECTION, FitError, Surface};
use wattmill_perf::kernels::{Constant, Kernel, Rates};

use super::least_squares::{huber_weight, least_squares};
use crate::fit::quantile;

/// One kernel that was timed.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// What ran.
    pub kernel: Kernel,
    /// Peaks of the chip it ran on.
    pub rates: Rates,
    /// Seconds.
    pub seconds: f64,
}

/// How much a bend of the correction costs against a row that is missed.
const SMOOTHNESS: f64 = 0.1;
/// Keeps knots without rows from drifting.
const RIDGE: f64 = 1e-3;
/// Misses beyond this, in logarithm, count less than their square.
const OUTLIER: f64 = 0.05;
/// Rounds of reweighting.
const ROUNDS: usize = 6;
/// Parts of a cross-validation.
const FOLDS: u64 = 5;
/// Correction that is stored at most, in logarithm.
const LARGEST: f64 = 4.0;

/// A surface through `rows`, which are all of one kind, `units` being what the family's `fixed`
/// constants are. `None` where there are none.
pub fn fit_surface(rows: &[Timed], fixed: &BTreeMap<&str, f64>, source: &str) -> Option<Surface> {
    let first = rows.first()?;
    let names = first.kernel.constants();
    let constants = fit_constants(rows, names, fixed);
    let left: Vec<f64> = rows.iter().map(|r| residual(r, &constants)).collect();
    let axes: Vec<Axis> = first
        .kernel
        .axes()
        .iter()
        .map(|(name, knots)| Axis { name: (*name).to_owned(), knots: knots.to_vec() })
        .collect();
    let places: Vec<Place> = rows.iter().map(|r| Place::of(&axes, &r.kernel)).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    let grid = fit_grid(&axes, &places, &left, &all);
    let corrections: Vec<i32> =
        grid.iter().map(|c| (c.clamp(-LARGEST, LARGEST) / CORRECTION).round() as i32).collect();
    let miss = |grid: &[f64], row: usize| (places[row].at(grid) - left[row]).exp_m1().abs();
    let seen: Vec<f64> = all.iter().map(|&i| miss(&grid, i)).collect();
    let unseen = cross_validated(&axes, &places, &left, rows);
    Some(Surface {
        constants: names
            .iter()
            .zip(&constants)
            .map(|(c, v)| (c.name.to_owned(), significant(*v)))
            .collect(),
        axes,
        corrections,
        rows: rows.len() as u32,
        error: FitError {
            median: quantile(&seen, 0.5),
            p90: quantile(&seen, 0.9),
            unseen_median: quantile(&unseen, 0.5),
            unseen_p90: quantile(&unseen, 0.9),
        },
        source: source.to_owned(),
        borrowed: false,
    })
}

/// Four digits: more would not be the measurement's.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Logarithm of measured over closed form.
fn residual(row: &Timed, constants: &[f64]) -> f64 {
    libm::log(row.seconds / row.kernel.closed_form(constants, &row.rates).total())
}

fn fit_constants(rows: &[Timed], names: &[Constant], fixed: &BTreeMap<&str, f64>) -> Vec<f64> {
    let start: Vec<f64> =
        names.iter().map(|c| fixed.get(c.name).copied().unwrap_or(c.start)).collect();
    let free: Vec<usize> = (0..names.len()).filter(|i| names[*i].is_free()).collect();
    let with = |logs: &[f64]| {
        let mut constants = start.clone();
        for (i, log) in free.iter().zip(logs) {
            constants[*i] = libm::exp(*log).clamp(names[*i].least, names[*i].most);
        }
        constants
    };
    let logs: Vec<f64> = free.iter().map(|i| libm::log(start[*i])).collect();
    let found = least_squares(&logs, 1e-4, |logs| {
        let constants = with(logs);
        rows.iter().map(|row| residual(row, &constants)).collect()
    });
    with(&found).into_iter().map(significant).collect()
}

/// Knots around a kernel and their weights.
struct Place {
    knots: Vec<(usize, f64)>,
}

impl Place {
    fn of(axes: &[Axis], kernel: &Kernel) -> Self {
        let mut knots = vec![(0, 1.0)];
        for (axis, x) in axes.iter().zip(kernel.coordinates()) {
            let along = axis.weights(x);
            knots = knots
                .iter()
                .flat_map(|(index, weight)| {
                    along.map(|(k, share)| (index * axis.knots.len() + k, weight * share))
                })
                .filter(|(_, weight)| *weight > 0.0)
                .collect();
        }
        Self { knots }
    }

    fn at(&self, grid: &[f64]) -> f64 {
        self.knots.iter().map(|&(i, w)| grid[i] * w).sum()
    }
}

/// Corrections that fit `left` at the rows of `train`, smooth along every axis.
fn fit_grid(axes: &[Axis], places: &[Place], left: &[f64], train: &[usize]) -> Vec<f64> {
    let lengths: Vec<usize> = axes.iter().map(|a| a.knots.len()).collect();
    let size: usize = lengths.iter().product();
    let mut grid = vec![0.0; size];
    let mut weights = vec![1.0; train.len()];
    for _ in 0..ROUNDS {
        let mut right = vec![0.0; size];
        for (&row, weight) in train.iter().zip(&weights) {
            for &(knot, share) in &places[row].knots {
                right[knot] += weight * share * left[row];
            }
        }
        let apply = |x: &[f64]| {
            let mut y: Vec<f64> = x.iter().map(|v| v * RIDGE).collect();
            for (&row, weight) in train.iter().zip(&weights) {
                let place = &places[row];
                let value = place.at(x) * weight;
                for &(knot, share) in &place.knots {
                    y[knot] += share * value;
                }
            }
            add_bends(&lengths, x, &mut y);
            y
        };
        conjugate_gradients(apply, &right, &mut grid);
        let misses = train.iter().map(|&row| places[row].at(&grid) - left[row]);
        weights = misses.map(|miss| huber_weight(miss, OUTLIER)).collect();
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        weights.iter_mut().for_each(|w| *w /= mean);
    }
    grid
}

/// Adds the gradient of half the squared second differences along every axis.
fn add_bends(lengths: &[usize], x: &[f64], y: &mut [f64]) {
    let mut stride = x.len();
    for &length in lengths {
        let block = stride;
        stride /= length;
        if length < 3 {
            continue;
        }
        for start in (0..x.len()).step_by(block) {
            for offset in 0..stride {
                for k in 0..length - 2 {
                    let at = start + offset + k * stride;
                    let bend = SMOOTHNESS * (x[at] - 2.0 * x[at + stride] + x[at + 2 * stride]);
                    y[at] += bend;
                    y[at + stride] -= 2.0 * bend;
                    y[at + 2 * stride] += bend;
                }
            }
        }
    }
}

/// Solves `apply(x) = right` for a positive definite `apply`, starting from `x`.
fn conjugate_gradients(apply: impl Fn(&[f64]) -> Vec<f64>, right: &[f64], x: &mut [f64]) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let image = apply(x);
    let mut rest: Vec<f64> = right.iter().zip(&image).map(|(r, i)| r - i).collect();
    let mut direction = rest.clone();
    let mut norm = dot(&rest, &rest);
    let enough = 1e-10 * dot(right, right).max(1e-12);
    for _ in 0..600 {
        if norm <= enough {
            break;
        }
        let image = apply(&direction);
        let step = norm / dot(&direction, &image);
        for i in 0..x.len() {
            x[i] += step * direction[i];
            rest[i] -= step * image[i];
        }
        let next = dot(&rest, &rest);
        let turn = next / norm;
        norm = next;
        for i in 0..x.len() {
            direction[i] = rest[i] + turn * direction[i];
        }
    }
}

/// Misses of each row, predicted from the folds it is not in. Rows of the same shape on several
/// chips share a fold.
fn cross_validated(axes: &[Axis], places: &[Place], left: &[f64], rows: &[Timed]) -> Vec<f64> {
    let fold_of = |row: &Timed| {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for x in row.kernel.coordinates() {
            hash = (hash ^ x.to_bits()).wrapping_mul(0x0100_0000_01b3);
            hash ^= hash >> 29;
        }
        hash % FOLDS
    };
    let folds: Vec<u64> = rows.iter().map(fold_of).collect();
    let mut misses = Vec::with_capacity(rows.len());
    for fold in 0..FOLDS {
        let (held, train): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|i| folds[*i] == fold);
        if train.is_empty() || held.is_empty() {
            continue;
        }
        let grid = fit_grid(axes, places, left, &train);
        misses.extend(held.iter().map(|&i| (places[i].at(&grid) - left[i]).exp_m1().abs()));
    }
    misses
}
