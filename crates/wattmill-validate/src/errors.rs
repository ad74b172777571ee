//! How far predictions are from measurements.

use std::collections::BTreeMap;

use crate::outcome::{Metric, Outcome};

/// The error of one metric over a set of rows, in fractions: 0.1 is ten per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Figures compared.
    pub count: usize,
    /// Median of |predicted/measured − 1|.
    pub median: f64,
    /// Mean of |predicted/measured − 1|.
    pub mean: f64,
    /// 90 % quantile of |predicted/measured − 1|.
    pub p90: f64,
    /// Median of predicted/measured − 1: above 0, the model says more than was measured.
    pub bias: f64,
}

/// The `q` quantile of `values`, which are sorted on the way: linear between the two values next to
/// place `q · (n − 1)`, counted from 0. `None` without values.
///
/// ```
/// use wattmill_validate::quantile;
/// assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 3.0], 0.5), Some(2.5));
/// assert_eq!(quantile(&mut [], 0.5), None);
/// ```
pub fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    let rest = place - below as f64;
    Some(values[below] + (values[above] - values[below]) * rest)
}

impl Errors {
    /// Of signed errors; `None` without any.
    pub fn of(signed: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut signed: Vec<f64> = signed.into_iter().collect();
        let mut size: Vec<f64> = signed.iter().map(|error| error.abs()).collect();
        let mean = size.iter().sum::<f64>() / size.len() as f64;
        Some(Self {
            count: size.len(),
            median: quantile(&mut size, 0.5)?,
            mean,
            p90: quantile(&mut size, 0.9)?,
            bias: quantile(&mut signed, 0.5)?,
        })
    }
}

/// The errors of every metric that `outcomes` have.
pub fn errors_by_metric<'a>(
    outcomes: impl IntoIterator<Item = &'a Outcome>,
) -> BTreeMap<Metric, Errors> {
    let mut signed: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    for figure in outcomes.into_iter().flat_map(|outcome| &outcome.figures) {
        signed.entry(figure.metric).or_default().push(figure.error());
    }
    let errors = signed.into_iter().filter_map(|(metric, all)| Some((metric, Errors::of(all)?)));
    errors.collect()
}
