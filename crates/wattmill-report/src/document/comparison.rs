//! `wattmill compare`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::{Cause, Factory, Unmatched};
use wattmill_plan as plan;

use super::head::Head;
use super::run;
use super::text::text;
use crate::calibrate::CalibratedWith;
use crate::comparison::Compared;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.compare/1";

/// Factories side by side as JSON text, with `warnings` of their files before its own.
pub fn comparison_document(
    compared: &Compared<'_>,
    warnings: &[String],
    calibration: Option<&CalibratedWith>,
) -> String {
    let warnings = warnings.iter().cloned().chain(compared.warnings()).collect();
    let head = Head::new(SCHEMA, Some(compared.base.seed), compared.answer_hash(), warnings);
    text(&Compare {
        head: head.calibrated(calibration),
        base: Side::of(compared.base),
        samples: compared.samples,
        others: compared.others.iter().map(|(o, c)| Other::of(compared.base, o, c)).collect(),
    })
}

/// Factories side by side, and the difference of each from the first, split by cause.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Compare {
    #[serde(flatten)]
    head: Head,
    /// What the others are compared with.
    base: Side,
    /// Samples drawn of each; 0 without `--samples`.
    samples: u64,
    /// Every other one.
    others: Vec<Other>,
}

/// A factory that is compared.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedFactory")]
struct Side {
    /// Name of the factory.
    factory: String,
    /// First day of its plan.
    #[schemars(extend("format" = "date"))]
    start: String,
    /// Last day.
    #[schemars(extend("format" = "date"))]
    end: String,
    /// Year whose dollars it counts in.
    price_year: i16,
}

impl Side {
    fn of(factory: &Factory) -> Self {
        Self {
            factory: factory.name.clone(),
            start: factory.start.to_string(),
            end: factory.end.to_string(),
            price_year: factory.economics.price_year,
        }
    }
}

/// A factory and how it differs from the base.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedOther")]
struct Other {
    #[serde(flatten)]
    side: Side,
    /// Phases that only the base has.
    phases_only_in_base: Vec<String>,
    /// Phases that only this one has.
    phases_only_here: Vec<String>,
    /// Samples without an answer: what was drawn made no sense together.
    samples_refused: usize,
    /// Every figure of the whole plan.
    figures: Vec<Figure>,
    /// What the base's figures and the causes come to against the figures of this one.
    ledger: Vec<Balance>,
    /// Of everything that is conserved in any plan that was compared, what is furthest off.
    worst_balance: run::Balance,
}

impl Other {
    fn of(base: &Factory, other: &Factory, comparison: &plan::Comparison) -> Self {
        let unmatched = Unmatched::phases(base, other);
        let gaps = comparison.gaps.iter().map(Some).chain(std::iter::repeat(None));
        Self {
            side: Side::of(other),
            phases_only_in_base: unmatched.base,
            phases_only_here: unmatched.other,
            samples_refused: comparison.refused,
            figures: comparison.figures.iter().zip(gaps).map(|(c, g)| Figure::of(c, g)).collect(),
            ledger: comparison.ledger.iter().map(Balance::from).collect(),
            worst_balance: run::Balance::from(&comparison.worst),
        }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A figure of two factories.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedFigure")]
struct Figure {
    /// What it is.
    figure: String,
    /// Unit of the values.
    #[schemars(extend("enum" = ["mw", "mwh", "count", "fraction", "t", "l", "usd", "usd_per_million_tokens", "tokens_per_mwh"]))]
    unit: &'static str,
    /// Of the base.
    base: Option<f64>,
    /// Of the other.
    other: Option<f64>,
    /// What each cause contributes; null where a mixture of the two has no such figure.
    causes: Option<Vec<Part>>,
    /// Over the samples; null without.
    samples: Option<Gap>,
}

impl Figure {
    fn of(contrast: &plan::Contrast, gap: Option<&plan::Gap>) -> Self {
        Self {
            figure: contrast.figure.name.to_string(),
            unit: contrast.figure.unit.suffix(),
            base: finite(contrast.base),
            other: finite(contrast.other),
            causes: contrast.causes.map(parts),
            samples: gap.map(Gap::from),
        }
    }
}

/// What a cause contributes to a difference.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CausePart")]
struct Part {
    /// The group of inputs that differs.
    #[schemars(extend("enum" = ["dates", "hardware", "power", "energy", "price", "demand", "contracts", "rest"]))]
    cause: &'static str,
    /// In the unit of the figure.
    difference: f64,
}

fn parts(causes: [f64; Cause::ALL.len()]) -> Vec<Part> {
    let part = |(cause, difference): (Cause, f64)| Part { cause: cause.name(), difference };
    Cause::ALL.into_iter().zip(causes).map(part).collect()
}

/// A difference over samples that draw the same for what both have in common.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedSamples")]
struct Gap {
    /// One sample in ten differs by at most this.
    difference_p10: Option<f64>,
    /// Half of the samples differ by at most this.
    difference_p50: Option<f64>,
    /// Nine samples in ten differ by at most this.
    difference_p90: Option<f64>,
    /// Samples in which one of the two has no such figure; all else is of the others.
    samples_undefined: usize,
    /// Mean difference.
    difference_mean: Option<f64>,
    /// Share of the samples in which the other has more.
    higher_fraction: f64,
    /// What each cause contributes to the mean.
    causes: Option<Vec<Part>>,
}

impl From<&plan::Gap> for Gap {
    fn from(gap: &plan::Gap) -> Self {
        let [p10, p50, p90] = gap.difference.map(finite);
        Self {
            difference_p10: p10,
            difference_p50: p50,
            difference_p90: p90,
            samples_undefined: gap.undefined,
            difference_mean: finite(gap.mean),
            higher_fraction: gap.chance_of_more,
            causes: gap.causes.map(parts),
        }
    }
}

/// What adds up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedBalance")]
struct Balance {
    /// The base's figure and what causes add.
    sources: f64,
    /// The other's figure and what causes take away. A figure below zero stands on the other side.
    uses: f64,
    /// Whether they are the same.
    closes: bool,
}

impl From<&plan::Balance> for Balance {
    fn from(balance: &plan::Balance) -> Self {
        Self { sources: balance.sources, uses: balance.uses, closes: balance.closes() }
    }
}
