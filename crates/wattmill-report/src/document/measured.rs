//! What a simulation measured.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_sim::Summary;

use super::latency::{EndToEnd, InterToken, Tpot, Ttft};

/// Requests simulated one by one, in the field's terms.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Measured {
    /// Requests answered in full.
    finished_requests: u64,
    /// Requests longer than the whole cache of a replica, never run.
    rejected_requests: u64,
    /// Prompt tokens of finished requests.
    input_tokens: u64,
    /// Output tokens of finished requests.
    output_tokens: u64,
    /// Simulated time, to the last token or the end of the window.
    span_s: f64,
    /// Requests finished, over the span.
    requests_per_s: f64,
    /// Output tokens, over the span.
    output_tokens_per_s: f64,
    #[serde(flatten)]
    ttft: Ttft,
    #[serde(flatten)]
    tpot: Tpot,
    #[serde(flatten)]
    inter_token: InterToken,
    #[serde(flatten)]
    end_to_end: EndToEnd,
    /// Share of requests, rejected ones included, that kept both latency limits; 1 of no requests.
    slo_attainment_fraction: f64,
    /// Times a sequence was preempted and recomputed.
    preemptions: u64,
    /// Highest share of one replica's KV blocks in use; 0 where memory is not modelled.
    kv_peak_fraction: f64,
    /// Share of the KV cache that decoding sequences fill, what they share counted for each, mean over
    /// steps; 0 likewise.
    kv_mean_fraction: f64,
    /// Sequences decoding in a step, mean.
    batch_mean_sequences: f64,
    /// Steps of all replicas.
    steps: u64,
    /// Share of the span that a replica spends in steps, mean.
    busy_fraction: f64,
    /// Accelerator energy, idle included; null where nothing is known of watts.
    accelerator_energy_mwh: Option<f64>,
    /// Mean accelerator power of all replicas; null likewise.
    accelerator_power_mw: Option<f64>,
    /// Output tokens for each joule of accelerator energy; null likewise.
    output_tokens_per_j: Option<f64>,
}

impl From<&Summary> for Measured {
    fn from(summary: &Summary) -> Self {
        Self {
            finished_requests: summary.finished,
            rejected_requests: summary.rejected,
            input_tokens: summary.input_tokens,
            output_tokens: summary.output_tokens,
            span_s: summary.span.as_s(),
            requests_per_s: summary.requests_per_s,
            output_tokens_per_s: summary.output_tokens_per_s,
            ttft: Ttft::new(&summary.ttft),
            tpot: Tpot::new(&summary.tpot),
            inter_token: InterToken::new(&summary.inter_token),
            end_to_end: EndToEnd::new(&summary.end_to_end),
            slo_attainment_fraction: summary.attainment,
            preemptions: summary.preemptions,
            kv_peak_fraction: summary.kv_peak,
            kv_mean_fraction: summary.kv_mean,
            batch_mean_sequences: summary.batch_mean,
            steps: summary.steps,
            busy_fraction: summary.busy,
            accelerator_energy_mwh: summary.energy.map(|energy| energy.as_mwh()),
            accelerator_power_mw: summary.power.map(|power| power.as_mw()),
            output_tokens_per_j: summary.tokens_per_joule,
        }
    }
}
