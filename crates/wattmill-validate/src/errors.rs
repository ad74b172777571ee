//! How far predictions are from measurements.

use std::collections::BTreeMap;

use crate::evaluate::Evaluation;
use crate::outcome::{Figure, Group, Metric, Outcome};

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

/// How many figures lie where their answers say that four in five do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Figures whose answer has an interval.
    pub figures: usize,
    /// Of them, those measured inside it.
    pub within: usize,
    /// Of them, those whose answer lies inside the calibrated range.
    pub calibrated: usize,
}

impl Coverage {
    /// Share of the figures inside their interval.
    pub fn share_within(&self) -> f64 {
        self.within as f64 / self.figures as f64
    }

    /// Share of the figures inside the calibrated range.
    pub fn share_calibrated(&self) -> f64 {
        self.calibrated as f64 / self.figures as f64
    }
}

/// The coverage of every metric of which `outcomes` have intervals.
pub fn coverage_by_metric<'a>(
    outcomes: impl IntoIterator<Item = &'a Outcome>,
) -> BTreeMap<Metric, Coverage> {
    let mut all: BTreeMap<Metric, Coverage> = BTreeMap::new();
    for figure in outcomes.into_iter().flat_map(|outcome| &outcome.figures) {
        let (Some(interval), Some(within)) = (figure.interval, figure.is_within()) else {
            continue;
        };
        let coverage = all.entry(figure.metric).or_default();
        coverage.figures += 1;
        coverage.within += usize::from(within);
        coverage.calibrated += usize::from(interval.inside);
    }
    all
}

/// The errors of rows that have something in common.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupErrors {
    /// What they have in common: `model`, `accelerator`, …
    pub by: &'static str,
    /// Which one.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// By metric.
    pub metrics: BTreeMap<Metric, Errors>,
}

/// Something that rows may have in common: what it is, and the name of a row's group, which is empty
/// for a row that is in none.
type Grouping = (&'static str, fn(&Group) -> &str);

const GROUPINGS: [Grouping; 7] = [
    ("model", |group| &group.model),
    ("accelerator", |group| &group.accelerator),
    ("engine", |group| &group.engine),
    ("mode", |group| &group.mode),
    ("precision", |group| &group.precision),
    ("concurrency", Group::band),
    ("source", |group| &group.source),
];

/// The errors of the headline rows by everything they may have in common, and of the other rows as a
/// group of their own. A grouping into one is left out.
pub fn errors_by_group(evaluation: &Evaluation) -> Vec<GroupErrors> {
    let mut all = Vec::new();
    for (by, name_of) in GROUPINGS {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in evaluation.headline() {
            let name = name_of(&outcome.group);
            if !name.is_empty() {
                groups.entry(name).or_default().push(outcome);
            }
        }
        if groups.len() > 1 {
            all.extend(groups.into_iter().map(|(name, rows)| group(by, name, &rows)));
        }
    }
    let outside: Vec<&Outcome> = evaluation.outcomes.iter().filter(|o| !o.headline).collect();
    if !outside.is_empty() {
        all.push(group("headline", "outside", &outside));
    }
    all
}

fn group(by: &'static str, name: &str, rows: &[&Outcome]) -> GroupErrors {
    let metrics = errors_by_metric(rows.iter().copied());
    GroupErrors { by, name: name.to_owned(), rows: rows.len(), metrics }
}

/// The `most` headline figures that are furthest from what was measured, the furthest first; a
/// factor counts the same in both directions.
pub fn worst_figures(evaluation: &Evaluation, most: usize) -> Vec<(&Outcome, &Figure)> {
    let figures = evaluation.headline().flat_map(|o| o.figures.iter().map(move |f| (o, f)));
    let distance = |figure: &Figure| libm::log(figure.predicted / figure.measured).abs();
    let mut all: Vec<(&Outcome, &Figure)> = figures.collect();
    // Stable: equally far figures keep the order of the file.
    all.sort_by(|a, b| distance(b.1).total_cmp(&distance(a.1)));
    all.truncate(most);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_catalog::Interval;

    #[test]
    fn errors_are_of_the_size_and_bias_has_a_sign() {
        let errors = Errors::of([-0.5, 0.1, 0.2, 0.3, 0.4]).unwrap();
        assert_eq!((errors.count, errors.median, errors.bias), (5, 0.3, 0.2));
        assert!((errors.mean - 0.3).abs() < 1e-12);
        assert!((errors.p90 - 0.46).abs() < 1e-12);
        assert_eq!(Errors::of([]), None);
    }

    #[test]
    fn coverage_counts_what_lies_inside() {
        let interval = Interval { low: 0.8, median: 1.0, high: 1.2, rows: 9, inside: true };
        let figure = |measured: f64, interval| Figure {
            metric: Metric::Tpot,
            measured,
            predicted: 1.0,
            interval,
        };
        let outside = Interval { inside: false, ..interval };
        let figures = vec![
            figure(1.2, Some(interval)),
            figure(0.7, Some(outside)),
            figure(1.3, Some(interval)),
            figure(1.0, None),
        ];
        let outcome =
            Outcome { line: 2, group: Group::default(), headline: true, figures, note: None };
        let coverage = coverage_by_metric([&outcome]);
        let expected = Coverage { figures: 3, within: 1, calibrated: 2 };
        assert_eq!(coverage, BTreeMap::from([(Metric::Tpot, expected)]));
        assert_eq!(coverage[&Metric::Tpot].share_calibrated(), 2.0 / 3.0);
    }

    #[test]
    fn quantiles_lie_between_values() {
        let mut values = [10.0, 20.0, 30.0, 40.0, 50.0];
        assert_eq!(quantile(&mut values, 0.9), Some(46.0));
        assert_eq!(quantile(&mut values, 0.0), Some(10.0));
        assert_eq!(quantile(&mut values, 1.0), Some(50.0));
        assert_eq!(quantile(&mut [7.0], 0.3), Some(7.0));
    }
}
