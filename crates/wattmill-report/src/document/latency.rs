//! Latencies, a field for each quantile.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_sim::Latency;
use wattmill_units::Seconds;

/// Time to first token.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ttft {
    /// Time from arrival to the first token, mean; null where there was none.
    ttft_mean_ms: Option<f64>,
    /// The same, median. Quantiles are within 0.4 %, means are exact.
    ttft_p50_ms: Option<f64>,
    /// Nine requests in ten had their first token within it.
    ttft_p90_ms: Option<f64>,
    /// Nineteen requests in twenty had their first token within it.
    ttft_p95_ms: Option<f64>,
    /// Ninety-nine requests in a hundred had their first token within it.
    ttft_p99_ms: Option<f64>,
}

impl Ttft {
    pub(super) fn new(latency: &Latency) -> Self {
        let [ttft_mean_ms, ttft_p50_ms, ttft_p90_ms, ttft_p95_ms, ttft_p99_ms] = ms(latency);
        Self { ttft_mean_ms, ttft_p50_ms, ttft_p90_ms, ttft_p95_ms, ttft_p99_ms }
    }
}

/// Time per output token.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tpot {
    /// A request's mean time per output token after the first, mean of the requests; null where
    /// none had a second token.
    tpot_mean_ms: Option<f64>,
    /// The same, median of the requests.
    tpot_p50_ms: Option<f64>,
    /// Nine requests in ten took at most this per output token.
    tpot_p90_ms: Option<f64>,
    /// Nineteen requests in twenty took at most this per output token.
    tpot_p95_ms: Option<f64>,
    /// Ninety-nine requests in a hundred took at most this per output token.
    tpot_p99_ms: Option<f64>,
}

impl Tpot {
    pub(super) fn new(latency: &Latency) -> Self {
        let [tpot_mean_ms, tpot_p50_ms, tpot_p90_ms, tpot_p95_ms, tpot_p99_ms] = ms(latency);
        Self { tpot_mean_ms, tpot_p50_ms, tpot_p90_ms, tpot_p95_ms, tpot_p99_ms }
    }
}

/// Gaps between tokens.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InterToken {
    /// Gap between two tokens of a request, mean of all gaps; null where there was none.
    inter_token_mean_ms: Option<f64>,
    /// The same, median.
    inter_token_p50_ms: Option<f64>,
    /// Nine gaps in ten were at most this.
    inter_token_p90_ms: Option<f64>,
    /// Nineteen gaps in twenty were at most this.
    inter_token_p95_ms: Option<f64>,
    /// Ninety-nine gaps in a hundred were at most this.
    inter_token_p99_ms: Option<f64>,
}

impl InterToken {
    pub(super) fn new(latency: &Latency) -> Self {
        let [
            inter_token_mean_ms,
            inter_token_p50_ms,
            inter_token_p90_ms,
            inter_token_p95_ms,
            inter_token_p99_ms,
        ] = ms(latency);
        Self {
            inter_token_mean_ms,
            inter_token_p50_ms,
            inter_token_p90_ms,
            inter_token_p95_ms,
            inter_token_p99_ms,
        }
    }
}

/// Time to last token.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EndToEnd {
    /// Time from arrival to the last token, mean; null where there was none.
    end_to_end_mean_ms: Option<f64>,
    /// The same, median.
    end_to_end_p50_ms: Option<f64>,
    /// Nine requests in ten were answered within it.
    end_to_end_p90_ms: Option<f64>,
    /// Nineteen requests in twenty were answered within it.
    end_to_end_p95_ms: Option<f64>,
    /// Ninety-nine requests in a hundred were answered within it.
    end_to_end_p99_ms: Option<f64>,
}

impl EndToEnd {
    pub(super) fn new(latency: &Latency) -> Self {
        let [
            end_to_end_mean_ms,
            end_to_end_p50_ms,
            end_to_end_p90_ms,
            end_to_end_p95_ms,
            end_to_end_p99_ms,
        ] = ms(latency);
        Self {
            end_to_end_mean_ms,
            end_to_end_p50_ms,
            end_to_end_p90_ms,
            end_to_end_p95_ms,
            end_to_end_p99_ms,
        }
    }
}

/// Mean, p50, p90, p95 and p99. A latency of nothing is all zeros, which no measured one is.
fn ms(latency: &Latency) -> [Option<f64>; 5] {
    let Latency { mean, p50, p90, p95, p99 } = *latency;
    let measured = mean > Seconds::ZERO;
    [mean, p50, p90, p95, p99].map(|time| measured.then(|| time.as_ms()))
}
