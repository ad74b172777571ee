//! Errors on rows whose model or chip no constant was fitted to, beside those of rows at hand.

use std::collections::{BTreeMap, BTreeSet};

use wattmill_catalog::LeftOutError;

use crate::errors::errors_by_metric;
use crate::evaluate::Evaluation;
use crate::kind::Kind;
use crate::outcome::Metric;

/// What the constants were fitted to that rows are predicted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fitted {
    /// All published rows, as the catalogue's are.
    Everything,
    /// Published rows of other models.
    OtherModels,
    /// Published rows of other chips.
    OtherChips,
}

impl Fitted {
    /// The group that was left out in a word; `None` where nothing was.
    pub const fn left_out(self) -> Option<&'static str> {
        match self {
            Self::Everything => None,
            Self::OtherModels => Some("model"),
            Self::OtherChips => Some("chip"),
        }
    }
}

/// The error of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missed {
    /// Rows predicted.
    pub rows: usize,
    /// Median of |predicted/measured − 1|.
    pub median: f64,
    /// 90 % quantile of the same.
    pub p90: f64,
}

/// Errors of an engine's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedErrors {
    /// What the constants were fitted to.
    pub fitted: Fitted,
    /// The engine as shipped; `None` for all of them.
    pub engine: Option<String>,
    /// By figure.
    pub metrics: BTreeMap<Metric, Missed>,
}

/// What cross-validation found on the published rows of servers as shipped, in five folds of whole
/// models, then of whole chips.
///
/// ```
/// use wattmill_validate::{Fitted, Metric, cross_validated};
/// let all = cross_validated();
/// let models = all.iter().find(|e| e.fitted == Fitted::OtherModels && e.engine.is_none());
/// assert!(models.is_some_and(|e| e.metrics[&Metric::Tpot].rows > 1_000));
/// ```
pub fn cross_validated() -> Vec<FittedErrors> {
    let mut found: BTreeMap<(Fitted, String), BTreeMap<Metric, Missed>> = BTreeMap::new();
    for error in LeftOutError::builtin() {
        let ways = [Fitted::OtherModels, Fitted::OtherChips];
        let fitted = ways.into_iter().find(|way| way.left_out() == Some(&error.by));
        let metric = Metric::ALL.into_iter().find(|metric| metric.name() == error.metric);
        if let (Some(fitted), Some(metric)) = (fitted, metric) {
            let missed = Missed { rows: error.rows as usize, median: error.median, p90: error.p90 };
            found.entry((fitted, error.constants)).or_default().insert(metric, missed);
        }
    }
    let of = |((fitted, engine), metrics)| {
        let engine = Some(engine).filter(|engine: &String| !engine.is_empty());
        FittedErrors { fitted, engine, metrics }
    };
    found.into_iter().map(of).collect()
}

/// The errors of the headline rows of `evaluation`, which the catalogue's constants predicted, and
/// beneath them what [cross-validation found](cross_validated). Nothing where other constants than
/// those of servers as shipped had a part, or nothing was predicted.
pub fn beside_left_out(evaluation: &Evaluation) -> Vec<FittedErrors> {
    let shipped = matches!(evaluation.kind, Kind::Serving | Kind::Throughput);
    if !shipped || evaluation.outcomes.is_empty() {
        return Vec::new();
    }
    let left_out = cross_validated();
    let engines: BTreeSet<&Option<String>> = left_out.iter().map(|e| &e.engine).collect();
    let these = |engine: &Option<String>| {
        let of_it = |name: &String| engine.as_ref().is_none_or(|engine| engine == name);
        let errors = errors_by_metric(evaluation.headline().filter(|o| of_it(&o.group.engine)));
        let metrics = errors
            .into_iter()
            .map(|(metric, e)| (metric, Missed { rows: e.count, median: e.median, p90: e.p90 }));
        let metrics: BTreeMap<_, _> = metrics.collect();
        let engine = engine.clone();
        (!metrics.is_empty()).then_some(FittedErrors {
            fitted: Fitted::Everything,
            engine,
            metrics,
        })
    };
    let mut all: Vec<FittedErrors> = engines.into_iter().filter_map(these).collect();
    all.extend(left_out);
    all
}
