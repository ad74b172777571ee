//! Error bars: where measurements lie of what was answered.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_catalog::Interval;
use wattmill_sim::{Latency, Summary};
use wattmill_units::Seconds;

use crate::bars::{EngineBars, PlanBars, ServingBars};
use crate::replay::joules_per_token;

/// Measured over answered, in 80 % of the measurements of a kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ErrorBar {
    /// A tenth of the measurements lie below this share of the answer.
    low_fraction: f64,
    /// Half of them lie below this share of it.
    median_fraction: f64,
    /// A tenth of them lie above this share of it.
    high_fraction: f64,
    /// Measurements behind it; 0: a guess.
    measured_rows: u32,
    /// Whether the answer lies within what was measured; if not, the interval is wider.
    inside_calibrated_range: bool,
}

impl From<&Interval> for ErrorBar {
    fn from(interval: &Interval) -> Self {
        Self {
            low_fraction: interval.low,
            median_fraction: interval.median,
            high_fraction: interval.high,
            measured_rows: interval.rows,
            inside_calibrated_range: interval.inside,
        }
    }
}

/// Where measurements lie of the figures of a replay.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReplayErrorBars {
    /// Of the mean time to first token; null without one, or where nothing of the kind was measured.
    ttft: Option<LatencyBar>,
    /// Of the mean time per output token; null likewise.
    tpot: Option<LatencyBar>,
    /// Of the throughput, where machines and not arrivals set it; null likewise.
    throughput: Option<ThroughputBar>,
    /// Of the accelerator energy of an output token, idle included; null likewise.
    energy: Option<EnergyBar>,
    /// Of the time to the last token, both of its parts off in the same direction; null likewise.
    end_to_end: Option<LatencyBar>,
    /// Of the mean accelerator power of all replicas; null likewise.
    power: Option<PowerBar>,
}

impl ReplayErrorBars {
    pub(super) fn of(bars: &ServingBars, summary: &Summary) -> Self {
        let rate = summary.output_tokens_per_s;
        let whole = bars.end_to_end(summary.ttft.mean, summary.end_to_end.mean);
        Self {
            ttft: LatencyBar::of(&summary.ttft, bars.ttft.as_ref()),
            tpot: LatencyBar::of(&summary.tpot, bars.tpot.as_ref()),
            end_to_end: LatencyBar::of(&summary.end_to_end, whole.as_ref()),
            power: summary.power.zip(bars.power.as_ref()).map(|(power, bar)| PowerBar {
                low_accelerator_power_mw: power.as_mw() * bar.low,
                median_accelerator_power_mw: power.as_mw() * bar.median,
                high_accelerator_power_mw: power.as_mw() * bar.high,
                bar: ErrorBar::from(bar),
            }),
            throughput: bars.throughput.as_ref().map(|bar| ThroughputBar {
                low_output_tokens_per_s: rate * bar.low,
                median_output_tokens_per_s: rate * bar.median,
                high_output_tokens_per_s: rate * bar.high,
                bar: ErrorBar::from(bar),
            }),
            energy: joules_per_token(summary).zip(bars.energy.as_ref()).map(|(joules, bar)| {
                EnergyBar {
                    low_j_per_output_token: joules * bar.low,
                    median_j_per_output_token: joules * bar.median,
                    high_j_per_output_token: joules * bar.high,
                    bar: ErrorBar::from(bar),
                }
            }),
        }
    }
}

/// The interval of a latency. Measurements of means stand behind it; percentiles are taken to be off
/// by as much.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LatencyBar {
    /// A tenth of the measurements lie below it.
    mean_low_ms: f64,
    /// Half of them lie below it.
    mean_median_ms: f64,
    /// A tenth of them lie above it.
    mean_high_ms: f64,
    /// The lower end for the median of the requests.
    p50_low_ms: f64,
    /// Its upper end.
    p50_high_ms: f64,
    /// The lower end for what nine requests in ten kept.
    p90_low_ms: f64,
    /// Its upper end.
    p90_high_ms: f64,
    /// The lower end for what ninety-nine requests in a hundred kept.
    p99_low_ms: f64,
    /// Its upper end.
    p99_high_ms: f64,
    #[serde(flatten)]
    bar: ErrorBar,
}

impl LatencyBar {
    /// `None` where nothing was timed, or nothing of the kind measured.
    pub(super) fn of(latency: &Latency, bar: Option<&Interval>) -> Option<Self> {
        let bar = bar.filter(|_| latency.mean > Seconds::ZERO)?;
        let at = |time: Seconds, factor: f64| time.as_ms() * factor;
        Some(Self {
            mean_low_ms: at(latency.mean, bar.low),
            mean_median_ms: at(latency.mean, bar.median),
            mean_high_ms: at(latency.mean, bar.high),
            p50_low_ms: at(latency.p50, bar.low),
            p50_high_ms: at(latency.p50, bar.high),
            p90_low_ms: at(latency.p90, bar.low),
            p90_high_ms: at(latency.p90, bar.high),
            p99_low_ms: at(latency.p99, bar.low),
            p99_high_ms: at(latency.p99, bar.high),
            bar: ErrorBar::from(bar),
        })
    }
}

/// The interval of a power.
#[derive(Debug, Serialize, JsonSchema)]
struct PowerBar {
    /// A tenth of the measurements lie below it.
    low_accelerator_power_mw: f64,
    /// Half of them lie below it.
    median_accelerator_power_mw: f64,
    /// A tenth of them lie above it.
    high_accelerator_power_mw: f64,
    #[serde(flatten)]
    bar: ErrorBar,
}

/// The interval of a throughput.
#[derive(Debug, Serialize, JsonSchema)]
struct ThroughputBar {
    /// A tenth of the measurements lie below it.
    low_output_tokens_per_s: f64,
    /// Half of them lie below it.
    median_output_tokens_per_s: f64,
    /// A tenth of them lie above it.
    high_output_tokens_per_s: f64,
    #[serde(flatten)]
    bar: ErrorBar,
}

/// The interval of the energy of a token.
#[derive(Debug, Serialize, JsonSchema)]
struct EnergyBar {
    /// A tenth of the measurements lie below it.
    low_j_per_output_token: f64,
    /// Half of them lie below it.
    median_j_per_output_token: f64,
    /// A tenth of them lie above it.
    high_j_per_output_token: f64,
    #[serde(flatten)]
    bar: ErrorBar,
}

/// What measurements make of a plan. Those of the whole plan hold where every engine errs in the same
/// direction at once; hosts, sites and demand are taken as exact.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanErrorBars {
    /// Of the tokens that the machines could serve; null where an engine has no interval, or none
    /// serves.
    throughput: Option<ErrorBar>,
    /// Of the energy of an output token; null likewise.
    energy: Option<ErrorBar>,
    /// Output tokens that the machines of the last quarter could serve.
    capacity_output_tokens_per_day: f64,
    /// The lower end of its interval; null likewise.
    capacity_low_output_tokens_per_day: Option<f64>,
    /// The upper end of its interval; null likewise.
    capacity_high_output_tokens_per_day: Option<f64>,
    /// Full cost over the plan; null where nothing is served or an interval is missing.
    cost_usd_per_million_output_tokens: Option<f64>,
    /// The lower end of its interval; null likewise.
    cost_low_usd_per_million_output_tokens: Option<f64>,
    /// The upper end of its interval; null likewise.
    cost_high_usd_per_million_output_tokens: Option<f64>,
    /// Every engine that serves, by system, then service.
    engines: Vec<EngineErrorBars>,
}

impl From<&PlanBars> for PlanErrorBars {
    fn from(bars: &PlanBars) -> Self {
        let capacity = |factor: fn(&Interval) -> f64| {
            bars.throughput.as_ref().map(|bar| bars.capacity_tokens_per_day * factor(bar))
        };
        let ends = bars.cost_per_million.as_ref();
        Self {
            throughput: bars.throughput.as_ref().map(ErrorBar::from),
            energy: bars.energy.as_ref().map(ErrorBar::from),
            capacity_output_tokens_per_day: bars.capacity_tokens_per_day,
            capacity_low_output_tokens_per_day: capacity(|bar| bar.low),
            capacity_high_output_tokens_per_day: capacity(|bar| bar.high),
            cost_usd_per_million_output_tokens: ends.map(|(cost, _)| cost.as_usd()),
            cost_low_usd_per_million_output_tokens: ends.map(|(_, [low, _])| low.as_usd()),
            cost_high_usd_per_million_output_tokens: ends.map(|(_, [_, high])| high.as_usd()),
            engines: bars.engines.iter().map(EngineErrorBars::from).collect(),
        }
    }
}

/// Error bars of one engine at its operating point.
#[derive(Debug, Serialize, JsonSchema)]
struct EngineErrorBars {
    /// Id of the system.
    system: String,
    /// Name of the service.
    service: String,
    /// Software whose scheduling it follows.
    engine: &'static str,
    /// Of the output tokens a second; null where nothing of the kind was measured.
    throughput: Option<ErrorBar>,
    /// Of the accelerator energy of an output token; null likewise.
    energy: Option<ErrorBar>,
}

impl From<&EngineBars> for EngineErrorBars {
    fn from(engine: &EngineBars) -> Self {
        Self {
            system: engine.system.clone(),
            service: engine.service.clone(),
            engine: engine.engine,
            throughput: engine.bars.throughput.as_ref().map(ErrorBar::from),
            energy: engine.bars.energy.as_ref().map(ErrorBar::from),
        }
    }
}
