//! `wattmill bench day`.

use schemars::JsonSchema;
use serde::Serialize;

use super::head::Head;
use super::measured::Measured;
use super::text::text;
use crate::day::DayReport;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.day/1";

/// A day as JSON text.
///
/// The answer hash covers what was simulated, not how long it took.
pub fn day_document(day: &DayReport) -> String {
    text(&Day::from(day))
}

/// A day of a service, every request of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Day {
    #[serde(flatten)]
    head: Head,
    /// Whether it was stopped early: then the figures are of what was handed out until then.
    interrupted: bool,
    /// Id of the model.
    model: String,
    /// Id of the system.
    system: String,
    /// Replicas of the whole fleet.
    replicas: u32,
    /// Accelerators of a replica.
    accelerators_per_replica: u32,
    /// Requests a second that one replica sustains inside the SLO.
    replica_requests_per_s: f64,
    /// Shards of the fleet, each with a router and arrivals of its own.
    shards: u32,
    /// Share of the day's requests that was asked for, on as much of the fleet.
    day_fraction: f64,
    /// Requests handed to replicas.
    requests: u64,
    /// Limit on the time to first token that attainment is counted against.
    slo_ttft_ms: f64,
    /// Limit on a request's mean time per output token, likewise.
    slo_tpot_ms: f64,
    #[serde(flatten)]
    measured: Measured,
    /// Threads that simulated; not part of the answer, nor is what follows.
    threads: u32,
    /// Wall-clock time of the simulation.
    wall_time_s: f64,
    /// Requests simulated in a second of one thread.
    simulated_requests_per_core_s: f64,
    /// Output tokens simulated in a second of wall-clock time.
    simulated_output_tokens_per_wall_s: f64,
}

impl From<&DayReport> for Day {
    fn from(day: &DayReport) -> Self {
        Self {
            head: Head::new(SCHEMA, Some(day.seed), day.summary.answer_hash, Vec::new()),
            interrupted: day.interrupted,
            model: day.model.clone(),
            system: day.system.clone(),
            replicas: day.replicas,
            accelerators_per_replica: day.accelerators_per_replica,
            replica_requests_per_s: day.replica_rate_per_s,
            shards: day.shards,
            day_fraction: day.fraction,
            requests: day.requests,
            slo_ttft_ms: day.slo.0.as_ms(),
            slo_tpot_ms: day.slo.1.as_ms(),
            measured: Measured::from(&day.summary),
            threads: day.threads,
            wall_time_s: day.wall.as_s(),
            simulated_requests_per_core_s: day.requests_per_core_s(),
            simulated_output_tokens_per_wall_s: day.tokens_per_wall_s(),
        }
    }
}
