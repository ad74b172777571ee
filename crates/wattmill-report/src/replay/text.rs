//! A replay as tables on a terminal.

use std::fmt::Write;

use wattmill_sim::Summary;
use wattmill_units::Seconds;

use crate::document::{ReplayEngine, ReplayInputs, ReplayTraffic};
use crate::engine::engine_name;
use crate::format::{grouped, number, or_dash, percent, prefixed};
use crate::latency::latency_table;

/// What was replayed on what.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayHeading {
    /// The requests: a trace's name or a description of the traffic.
    pub requests: String,
    /// The engine: model, system and layout, or the name of a step-time table.
    pub engine: String,
    /// Replicas of it.
    pub replicas: u32,
    /// KV blocks of a replica and tokens in each; `None` where memory is not modelled.
    pub cache: Option<(u64, u32)>,
    /// Limits that attainment is counted against: TTFT, TPOT.
    pub slo: (Seconds, Seconds),
    /// Wall-clock time of the simulation.
    pub wall: Seconds,
    /// Whether it was stopped before the last request.
    pub interrupted: bool,
}

impl From<&ReplayInputs> for ReplayHeading {
    fn from(inputs: &ReplayInputs) -> Self {
        let requests = match &inputs.traffic {
            ReplayTraffic::Trace { file } => {
                format!("{} requests of {file}", grouped(inputs.requests as f64))
            }
            ReplayTraffic::Synthetic { requests_per_s, lengths, shape, duration, seed, .. } => {
                let rate = number(*requests_per_s);
                format!(
                    "synthetic traffic: {rate} requests/s for {duration}, lengths {lengths}, \
                     shape {shape}, seed {seed}"
                )
            }
        };
        let engine = match &inputs.engine {
            ReplayEngine::Model { model, system, spec, .. } => engine_name(model, system, spec),
            ReplayEngine::StepTable { file, max_seqs, max_tokens } => {
                format!("{file}, {max_seqs} sequences, {max_tokens} tokens a step")
            }
        };
        Self {
            requests,
            engine,
            replicas: inputs.replicas,
            cache: inputs.cache,
            slo: inputs.slo,
            wall: inputs.wall,
            interrupted: inputs.interrupted,
        }
    }
}

/// A replay as text.
pub fn replay_text(heading: &ReplayHeading, summary: &Summary) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("{}", heading.requests));
    line(format_args!(
        "on {} {} of {}",
        grouped(heading.replicas.into()),
        if heading.replicas == 1 { "replica" } else { "replicas" },
        heading.engine
    ));
    if heading.interrupted {
        line(format_args!(
            "PARTIAL: interrupted before the last request; what was handed out is answered"
        ));
    }
    line(format_args!("\n{}", latency_table(summary)));
    for (name, value) in rows(heading, summary) {
        line(format_args!("{name:<16}{value}"));
    }
    line(format_args!("answer          {:016x}", summary.answer_hash));
    out
}

/// Everything but latencies, by name.
pub(super) fn rows(heading: &ReplayHeading, summary: &Summary) -> Vec<(&'static str, String)> {
    let (ttft, tpot) = heading.slo;
    vec![
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
        ("span", summary.span.to_string()),
        (
            "throughput",
            format!(
                "{} output tokens/s, {} requests/s",
                grouped(summary.output_tokens_per_s),
                number(summary.requests_per_s)
            ),
        ),
        (
            "SLO attainment",
            format!("{} within TTFT {ttft} and TPOT {tpot}", percent(summary.attainment)),
        ),
        (
            "KV cache",
            match heading.cache {
                Some((blocks, tokens)) => format!(
                    "{} blocks of {tokens} tokens a replica; peak {}, mean over steps {}; {} preemptions",
                    grouped(blocks as f64),
                    percent(summary.kv_peak),
                    percent(summary.kv_mean),
                    grouped(summary.preemptions as f64)
                ),
                None => "not limited (no memory model with a step-time table; see --kv-blocks)"
                    .to_owned(),
            },
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
            match (summary.energy, summary.power) {
                (Some(energy), Some(power)) => format!(
                    "{energy} of accelerators, idle included; mean {power}; {} output tokens/J",
                    or_dash(summary.tokens_per_joule, number)
                ),
                _ => "unknown: a step-time table says nothing of watts".to_owned(),
            },
        ),
        (
            "simulated",
            format!(
                "in {}: {} requests/s, {} output tokens/s",
                heading.wall,
                prefixed(summary.finished as f64 / heading.wall.as_s().max(1e-9)),
                prefixed(summary.output_tokens as f64 / heading.wall.as_s().max(1e-9))
            ),
        ),
    ]
}
