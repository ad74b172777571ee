//! A day of the world's chat, as text.

use std::fmt::Write;

use wattmill_sim::Summary;
use wattmill_units::Seconds;

use crate::format::{grouped, number, percent, prefixed};
use crate::latency::latency_table;

/// What a simulated day came to, and how fast it was simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct DayReport {
    /// Id of the model.
    pub model: String,
    /// Id of the system.
    pub system: String,
    /// Replicas of the whole fleet.
    pub replicas: u32,
    /// Accelerators of a replica.
    pub accelerators_per_replica: u32,
    /// Requests a second that one replica sustains inside the SLO.
    pub replica_rate_per_s: f64,
    /// Shards of the fleet, each with a router of its own.
    pub shards: u32,
    /// Fraction of the day's requests that was asked for.
    pub fraction: f64,
    /// Requests handed to replicas.
    pub requests: u64,
    /// Limits that attainment is counted against: TTFT, TPOT.
    pub slo: (Seconds, Seconds),
    /// Everything that was measured.
    pub summary: Summary,
    /// Threads that simulated.
    pub threads: u32,
    /// Wall-clock time of the simulation.
    pub wall: Seconds,
    /// Time that all threads together spent on it.
    pub busy: Seconds,
    /// Whether it was stopped before the last request.
    pub interrupted: bool,
    /// Seed of the draws.
    pub seed: u64,
}

impl DayReport {
    /// Requests simulated in a second of one thread.
    pub fn requests_per_core_s(&self) -> f64 {
        self.requests as f64 / self.busy.as_s().max(1e-9)
    }

    /// Output tokens simulated in a second of wall-clock time.
    pub fn tokens_per_wall_s(&self) -> f64 {
        self.summary.output_tokens as f64 / self.wall.as_s().max(1e-9)
    }
}

/// A day as text.
pub fn day_text(day: &DayReport) -> String {
    let summary = &day.summary;
    let accelerators = u64::from(day.replicas) * u64::from(day.accelerators_per_replica);
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    let of_a_day = match day.fraction {
        1.0 => "one day".to_owned(),
        fraction => format!("{} of one day", percent(fraction)),
    };
    line(format_args!("{of_a_day}: {} requests to {}", grouped(day.requests as f64), day.model));
    line(format_args!(
        "on {} replicas of {}, {} accelerators; one sustains {} requests/s inside the SLO",
        grouped(day.replicas.into()),
        day.system,
        grouped(accelerators as f64),
        number(day.replica_rate_per_s)
    ));
    if day.interrupted {
        line(format_args!("PARTIAL: interrupted; what was handed out is answered"));
    }
    line(format_args!("\n{}", latency_table(summary)));
    let (ttft, tpot) = day.slo;
    let rows = [
        (
            "requests",
            format!(
                "{} finished, {} rejected as longer than the cache",
                grouped(summary.finished as f64),
                grouped(summary.rejected as f64)
            ),
        ),
        (
            "tokens",
            format!(
                "{} in, {} out",
                grouped(summary.input_tokens as f64),
                grouped(summary.output_tokens as f64)
            ),
        ),
        (
            "SLO attainment",
            format!("{} within TTFT {ttft} and TPOT {tpot}", percent(summary.attainment)),
        ),
        (
            "batch",
            format!(
                "{} sequences decoding, mean of {} steps; replicas busy {} of the span",
                number(summary.batch_mean),
                grouped(summary.steps as f64),
                percent(summary.busy)
            ),
        ),
        (
            "energy",
            summary.energy.map_or_else(
                || "unknown".to_owned(),
                |e| format!("{e} of accelerators, idle included"),
            ),
        ),
        (
            "simulated",
            format!(
                "in {} on {} threads, {} shards: {} requests/s a core, {} output tokens/s",
                day.wall,
                day.threads,
                grouped(day.shards.into()),
                prefixed(day.requests_per_core_s()),
                prefixed(day.tokens_per_wall_s())
            ),
        ),
    ];
    for (name, value) in rows {
        line(format_args!("{name:<16}{value}"));
    }
    line(format_args!("seed {}, answer {:016x}", day.seed, summary.answer_hash));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::day_of_three;

    #[test]
    fn what_it_says() {
        let day = day_of_three();
        let text = day_text(&day);
        for part in [
            "1 % of one day: 3 requests to llama-3.1-8b",
            "on 128 replicas of dgx-h100, 256 accelerators; one sustains 12.5 requests/s",
            "on 2 threads, 2 shards: 4 requests/s a core, 30 output tokens/s",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("PARTIAL"), "{text}");
        let stopped = day_text(&DayReport { interrupted: true, ..day });
        assert!(stopped.contains("PARTIAL"), "{stopped}");
    }
}
