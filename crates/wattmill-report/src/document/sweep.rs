//! `wattmill sweep`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_plan as plan;

use super::head::Head;
use super::text::text;
use crate::calibrate::CalibratedWith;
use crate::sweep::SweepReport;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.sweep/1";

/// What a sweep says as JSON text, with `warnings` of the factory file.
pub fn sweep_document(
    report: &SweepReport<'_>,
    warnings: &[String],
    calibration: Option<&CalibratedWith>,
) -> String {
    let head = Head::new(SCHEMA, Some(report.seed), report.answer_hash, warnings.to_vec());
    text(&Sweep {
        head: head.calibrated(calibration),
        factory: report.factory.to_owned(),
        design: report.design.to_owned(),
        partial: report.is_partial(),
        points: report.points,
        points_computed: report.computed,
        points_known: report.known,
        points_refused: report.refused,
        first_refusal: report.first_refusal.map(str::to_owned),
        table: report.table.clone(),
        varied: report.paths.iter().map(|path| (*path).to_owned()).collect(),
        figures: report.figures.iter().map(|swept| Figure::of(report, swept)).collect(),
    })
}

/// One factory at many values of what is varied in it. Every point is in the Parquet table.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sweep {
    #[serde(flatten)]
    head: Head,
    /// Name of the factory.
    factory: String,
    /// How points were chosen.
    #[schemars(extend("enum" = ["grid", "random", "lhs"]))]
    design: String,
    /// Whether it was interrupted: the same command computes what is missing.
    partial: bool,
    /// Points of the design.
    points: usize,
    /// Of these, computed in this run.
    points_computed: usize,
    /// Of these, that were in the table already.
    points_known: usize,
    /// Of these, that make no sound factory.
    points_refused: usize,
    /// What is wrong with the first of them; null without.
    first_refusal: Option<String>,
    /// The Parquet table of every point: its hash, values and figures.
    table: String,
    /// Paths of what was varied.
    varied: Vec<String>,
    /// Every figure of the whole plan over the points.
    figures: Vec<Figure>,
}

/// A figure over the points.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SweptFigure")]
struct Figure {
    /// What it is.
    figure: String,
    /// Unit of the values.
    unit: &'static str,
    /// Lowest.
    low: f64,
    /// Values of the point where it is lowest, in the order of `varied`.
    low_at: Vec<String>,
    /// Half of the points are at most this.
    p50: f64,
    /// Highest.
    high: f64,
    /// Values of the point where it is highest.
    high_at: Vec<String>,
    /// What it depends on, the strongest first.
    depends_on: Vec<Dependence>,
}

/// How a figure depends on a value.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SweptDependence")]
struct Dependence {
    /// What was varied.
    path: String,
    /// From -1 to 1; of a list in its order.
    rank_correlation: f64,
}

impl Figure {
    fn of(report: &SweepReport<'_>, swept: &plan::Swept) -> Self {
        let at = |point: usize| report.values.get(point).cloned().unwrap_or_default();
        let bar = |bar: &plan::Bar| Dependence {
            path: report.paths[bar.input].to_owned(),
            rank_correlation: bar.correlation,
        };
        Self {
            figure: swept.figure.name.to_string(),
            unit: swept.figure.unit.suffix(),
            low: swept.low.0,
            low_at: at(swept.low.1),
            p50: swept.middle,
            high: swept.high.0,
            high_at: at(swept.high.1),
            depends_on: swept.bars.iter().map(bar).collect(),
        }
    }
}
