//! What happened from minute to minute.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_units::Seconds;

use crate::serve::{ServedPoolRow, ServedRow, ServedServiceRow, ServedTransferRow};

/// One row of the time series.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SeriesRow")]
pub(super) struct SeriesRow {
    /// When it begins.
    from_s: f64,
    /// When it ends.
    until_s: f64,
    #[serde(flatten)]
    all: SeriesService,
    /// By service, in their order.
    services: Vec<SeriesService>,
    /// Requests that came, by region, in their order.
    regions_asked_requests: Vec<u64>,
    /// By pool, in their order.
    pools: Vec<SeriesPool>,
    /// What went over links between pools.
    transfers: SeriesTransfers,
}

impl SeriesRow {
    pub(super) fn new(row: &ServedRow) -> Self {
        Self {
            from_s: row.from.as_s(),
            until_s: row.until.as_s(),
            all: SeriesService::new(&row.all),
            services: row.services.iter().map(SeriesService::new).collect(),
            regions_asked_requests: row.regions.clone(),
            pools: row.pools.iter().map(SeriesPool::new).collect(),
            transfers: SeriesTransfers::new(&row.transfers),
        }
    }
}

/// Requests over one row of the time series; they count where they end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SeriesService")]
struct SeriesService {
    /// Requests that came.
    asked_requests: u64,
    /// Requests answered.
    finished_requests: u64,
    /// Of them, within their service's limits.
    within_slo_requests: u64,
    /// Requests rejected, shed or lost.
    failed_requests: u64,
    /// Of them, too long for any replica.
    rejected_requests: u64,
    /// Sent away by a queue.
    shed_requests: u64,
    /// Those whose replica or site was gone.
    lost_requests: u64,
    /// Share of those that ended which were answered within their limits; null if none ended.
    attainment_fraction: Option<f64>,
    /// Prompt tokens of those answered.
    input_tokens: u64,
    /// Output tokens of those answered.
    output_tokens: u64,
    /// Time to first token that half of those answered kept, within 3 %; null of none.
    ttft_p50_ms: Option<f64>,
    /// Likewise nine in ten.
    ttft_p90_ms: Option<f64>,
    /// Likewise ninety-nine in a hundred.
    ttft_p99_ms: Option<f64>,
    /// Time per output token that half of those answered kept, within 3 %; null of none.
    tpot_p50_ms: Option<f64>,
    /// Likewise nine in ten.
    tpot_p90_ms: Option<f64>,
    /// Likewise ninety-nine in a hundred.
    tpot_p99_ms: Option<f64>,
}

impl SeriesService {
    fn new(row: &ServedServiceRow) -> Self {
        let [ttft_p50_ms, ttft_p90_ms, ttft_p99_ms] = ms(row.ttft);
        let [tpot_p50_ms, tpot_p90_ms, tpot_p99_ms] = ms(row.tpot);
        Self {
            asked_requests: row.asked,
            finished_requests: row.finished,
            within_slo_requests: row.within,
            failed_requests: row.failed(),
            rejected_requests: row.rejected,
            shed_requests: row.shed,
            lost_requests: row.lost,
            attainment_fraction: row.attainment(),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            ttft_p50_ms,
            ttft_p90_ms,
            ttft_p99_ms,
            tpot_p50_ms,
            tpot_p90_ms,
            tpot_p99_ms,
        }
    }
}

/// Quantiles in milliseconds.
fn ms(quantiles: Option<[Seconds; 3]>) -> [Option<f64>; 3] {
    quantiles.map_or([None; 3], |quantiles| quantiles.map(|time| Some(time.as_ms())))
}

/// A pool over one row of the time series.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SeriesPool")]
struct SeriesPool {
    /// Replicas that take requests, at the end.
    ready_replicas: u32,
    /// Replicas that are starting, at the end.
    starting_replicas: u32,
    /// Replicas that answer what they have and take no more, at the end.
    draining_replicas: u32,
    /// Replicas that are being repaired, at the end.
    repairing_replicas: u32,
    /// Replicas that are lost with their site, at the end.
    site_lost_replicas: u32,
    /// Requests that wait, in front of the router or for a batch, at the end.
    waiting_requests: u64,
    /// Sequences in the batches, at the end.
    running_sequences: u64,
    /// Share of the KV blocks of replicas that are on in use, at the end; null where memory is not
    /// limited.
    kv_used_fraction: Option<f64>,
    /// Sequences decoding, mean over steps.
    batch_mean_sequences: f64,
    /// Steps taken.
    steps: u64,
    /// Mean accelerator power; null where nothing is known of watts.
    power_w: Option<f64>,
    /// Accelerator energy, idle included; null likewise.
    energy_j: Option<f64>,
    /// Output tokens made a second.
    output_tokens_per_s: f64,
    /// Cost of energy and accelerators; null if that is not stated.
    cost_usd: Option<f64>,
}

impl SeriesPool {
    fn new(row: &ServedPoolRow) -> Self {
        let [starting_replicas, draining_replicas, repairing_replicas, site_lost_replicas] =
            row.turning;
        Self {
            ready_replicas: row.ready,
            starting_replicas,
            draining_replicas,
            repairing_replicas,
            site_lost_replicas,
            waiting_requests: row.waiting,
            running_sequences: row.running,
            kv_used_fraction: row.kv_used(),
            batch_mean_sequences: row.batch_mean(),
            steps: row.steps,
            power_w: row.power().map(|power| power.as_watts()),
            energy_j: row.energy.map(|energy| energy.as_joules()),
            output_tokens_per_s: row.output_tokens_per_s(),
            cost_usd: row.cost.map(|cost| cost.as_usd()),
        }
    }
}

/// What went over links between pools in one row of the time series.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SeriesTransfers")]
struct SeriesTransfers {
    /// Prompts handed over that arrived.
    handed_over_requests: u64,
    /// Their caches.
    arrived_gb: f64,
    /// From a first token to the arrival of its cache, median within 3 %; null of none.
    wait_p50_ms: Option<f64>,
    /// Likewise nine in ten.
    wait_p90_ms: Option<f64>,
    /// Likewise ninety-nine in a hundred.
    wait_p99_ms: Option<f64>,
}

impl SeriesTransfers {
    fn new(row: &ServedTransferRow) -> Self {
        let [wait_p50_ms, wait_p90_ms, wait_p99_ms] = ms(row.wait);
        Self {
            handed_over_requests: row.prompts,
            arrived_gb: row.bytes / 1e9,
            wait_p50_ms,
            wait_p90_ms,
            wait_p99_ms,
        }
    }
}
