//! `wattmill replay --saturate`.

use schemars::JsonSchema;
use serde::Serialize;

use super::bars::{ErrorBar, ReplayErrorBars};
use super::head::Head;
use super::measured::Measured;
use super::text::text;
use crate::saturation::{SaturationPoint, SaturationReport};

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.saturation/1";

/// A saturation curve as JSON text.
///
/// The answer hash covers what was simulated, not how long it took.
pub fn saturation_document(report: &SaturationReport) -> String {
    text(&Saturation::from(report))
}

/// The highest rate inside the SLO, and the curve that leads there.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Saturation {
    #[serde(flatten)]
    head: Head,
    /// Whether the search was stopped early: then the speeds are those tried until then.
    interrupted: bool,
    /// The requests, in words.
    traffic: String,
    /// The engine, in words.
    engine: String,
    /// Replicas.
    replicas: u32,
    /// Accelerators of all replicas; null with a step-time table.
    accelerators: Option<u64>,
    /// Limit on the time to first token.
    slo_ttft_ms: f64,
    /// Limit on a request's mean time per output token.
    slo_tpot_ms: f64,
    /// Share of the requests that must keep both.
    slo_share_fraction: f64,
    /// The fastest that holds, times as given; null if no speed does.
    highest_speed_ratio: Option<f64>,
    /// Requests finished a second at that speed; null likewise.
    highest_requests_per_s: Option<f64>,
    /// Output tokens a second at that speed; null likewise.
    highest_output_tokens_per_s: Option<f64>,
    /// Of the output tokens a second at that speed; null likewise, and where nothing of the kind was
    /// measured.
    highest_error_bar: Option<ErrorBar>,
    /// The latency that is late beyond; null if nothing was found to be.
    late: Option<String>,
    /// What is used up beyond, in words; null likewise.
    limiting_resource: Option<String>,
    /// Every speed that was tried, slowest first.
    points: Vec<Point>,
    /// Wall-clock time of the search; not part of the answer.
    wall_time_s: f64,
}

/// One speed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SaturationPoint")]
struct Point {
    /// How many times as fast as given.
    speed_ratio: f64,
    /// Whether enough requests kept both limits.
    holds: bool,
    #[serde(flatten)]
    measured: Measured,
    /// Where measurements lie; null with a step-time table, or where nothing was finished.
    error_bars: Option<ReplayErrorBars>,
}

impl From<&SaturationPoint> for Point {
    fn from(point: &SaturationPoint) -> Self {
        Self {
            speed_ratio: point.speed,
            holds: point.holds,
            measured: Measured::from(&point.summary),
            error_bars: point.bars.as_ref().map(|bars| ReplayErrorBars::of(bars, &point.summary)),
        }
    }
}

impl From<&SaturationReport> for Saturation {
    fn from(report: &SaturationReport) -> Self {
        let (heading, best) = (&report.heading, report.best());
        let limiting = report.limiting.as_ref();
        Self {
            head: Head::new(SCHEMA, report.seed, report.hash(), Vec::new())
                .calibrated(heading.calibration.as_ref()),
            interrupted: heading.interrupted,
            traffic: heading.requests.clone(),
            engine: heading.engine.clone(),
            replicas: heading.replicas,
            accelerators: report.accelerators,
            slo_ttft_ms: heading.slo.0.as_ms(),
            slo_tpot_ms: heading.slo.1.as_ms(),
            slo_share_fraction: report.share,
            highest_speed_ratio: best.map(|point| point.speed),
            highest_requests_per_s: best.map(|point| point.summary.requests_per_s),
            highest_output_tokens_per_s: best.map(|point| point.summary.output_tokens_per_s),
            highest_error_bar: best
                .and_then(|point| point.bars?.throughput)
                .as_ref()
                .map(ErrorBar::from),
            late: limiting.map(|limiting| limiting.latency().to_owned()),
            limiting_resource: limiting.map(|limiting| limiting.resource.clone()),
            points: report.points.iter().map(Point::from).collect(),
            wall_time_s: heading.wall.as_s(),
        }
    }
}
