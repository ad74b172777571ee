//! A replay as tables on a terminal.

use std::fmt::Write;

use wattmill_sim::Summary;
use wattmill_units::{Power, Seconds};

use crate::bars::{ServingBars, ends, plain, with_bar};
use crate::calibrate::CalibratedWith;
use crate::document::{PrefixCache, ReplayEngine, ReplayInputs, ReplayTraffic};
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
    /// Why nothing is known of watts, where nothing is.
    pub without_watts: &'static str,
    /// Replicas of it.
    pub replicas: u32,
    /// Name of the router before them.
    pub router: &'static str,
    /// Requests turned away because too many waited.
    pub shed: u64,
    /// What the prefix caches did; `None` without.
    pub prefix: Option<PrefixCache>,
    /// KV blocks of a replica and tokens in each; `None` where memory is not modelled.
    pub cache: Option<(u64, u32)>,
    /// Limits that attainment is counted against: TTFT, TPOT.
    pub slo: (Seconds, Seconds),
    /// Wall-clock time of the simulation.
    pub wall: Seconds,
    /// Whether it was stopped before the last request.
    pub interrupted: bool,
    /// Where measurements lie of what it answers, or why there is no telling.
    pub bars: Result<ServingBars, String>,
    /// Constants of engines that took the place of the catalogue's.
    pub calibration: Option<CalibratedWith>,
}

impl From<&ReplayInputs> for ReplayHeading {
    fn from(inputs: &ReplayInputs) -> Self {
        let requests = traffic_line(&inputs.traffic, inputs.requests);
        let requests = match &inputs.shaping[..] {
            [] => requests,
            shaping => format!("{requests}; {}", shaping.join(", ")),
        };
        let (engine, without_watts) = match &inputs.engine {
            ReplayEngine::Model { model, system, spec, .. } => {
                (engine_name(model, system, spec), "no published TDP of the accelerator")
            }
            ReplayEngine::StepTable { file, max_seqs, max_tokens } => (
                format!("{file}, {max_seqs} sequences, {max_tokens} tokens a step"),
                "a step-time table says nothing of watts",
            ),
        };
        Self {
            requests,
            engine,
            without_watts,
            replicas: inputs.replicas,
            router: inputs.router,
            shed: inputs.shed,
            prefix: inputs.prefix,
            cache: inputs.cache,
            slo: inputs.slo,
            wall: inputs.wall,
            interrupted: inputs.interrupted,
            bars: inputs.bars.clone(),
            calibration: inputs.calibration.clone(),
        }
    }
}

/// Traffic in a line; `requests` are those that came.
pub(crate) fn traffic_line(traffic: &ReplayTraffic, requests: u64) -> String {
    match traffic {
        ReplayTraffic::Trace { file } => {
            format!("{} requests of {file}", grouped(requests as f64))
        }
        ReplayTraffic::Synthetic { requests_per_s, lengths, shape, duration, seed, .. } => {
            let rate = number(*requests_per_s);
            format!(
                "synthetic traffic: {rate} requests/s for {duration}, lengths {lengths}, \
                 shape {shape}, seed {seed}"
            )
        }
        ReplayTraffic::Clients { file, clients, lengths, from, duration, seed } => {
            let requests = grouped(requests as f64);
            format!(
                "{requests} requests of {clients} clients of {file} for {duration} from \
                 {from}, lengths {lengths}, seed {seed}"
            )
        }
        ReplayTraffic::Sessions { sessions_per_s, name, duration, seed, .. } => {
            let (turns, rate) = (grouped(requests as f64), number(*sessions_per_s));
            format!("{turns} turns of {name} sessions: {rate}/s for {duration}, seed {seed}")
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
    if heading.replicas > 1 {
        line(format_args!("behind a {} router", heading.router));
    }
    if heading.interrupted {
        line(format_args!(
            "PARTIAL: interrupted before the last request; what was handed out is answered"
        ));
    }
    line(format_args!("\n{}", latency_table(summary)));
    line(format_args!("What measurements make of it\n"));
    for (name, value) in believed(heading, summary) {
        line(format_args!("{name:<16}{value}"));
    }
    line(format_args!(""));
    for (name, value) in rows(heading, summary) {
        line(format_args!("{name:<16}{value}"));
    }
    line(format_args!("answer          {:016x}", summary.answer_hash));
    out
}

/// What measurements make of the headline figures, by name.
pub(super) fn believed(heading: &ReplayHeading, summary: &Summary) -> Vec<(&'static str, String)> {
    let bars = match &heading.bars {
        Ok(bars) => bars,
        Err(why) => return vec![("error bars", format!("none: {why}"))],
    };
    let mut rows = Vec::new();
    for (name, mean, bar) in [
        ("TTFT", summary.ttft.mean.as_ms(), &bars.ttft),
        ("TPOT", summary.tpot.mean.as_ms(), &bars.tpot),
    ] {
        if mean > 0.0 {
            let shown = format!("mean {} ms", number(mean));
            rows.push((name, with_bar(&shown, mean, bar.as_ref(), plain)));
        }
    }
    let (first, whole) = (summary.ttft.mean, summary.end_to_end.mean);
    let of_whole = bars.end_to_end(first, whole);
    if let Some(bar) = &of_whole {
        let shown = format!("mean {} ms", number(whole.as_ms()));
        let said = with_bar(&shown, whole.as_ms(), Some(bar), plain);
        rows.push(("end to end", format!("{said}; first and later tokens off together")));
    }
    for (name, latency, bar) in [
        ("TTFT, tails", &summary.ttft, bars.ttft),
        ("TPOT, tails", &summary.tpot, bars.tpot),
        ("end, tails", &summary.end_to_end, of_whole),
    ] {
        let Some(bar) = bar.filter(|_| latency.mean > Seconds::ZERO) else { continue };
        let [p50, p90, p95, p99] = [latency.p50, latency.p90, latency.p95, latency.p99]
            .map(|at| ends(at.as_ms(), Some(&bar), plain));
        let said = format!("p50 {p50}, p90 {p90}, p95 {p95}, p99 {p99} ms");
        rows.push((name, format!("{said}, if they are off by as much as means")));
    }
    let rate = summary.output_tokens_per_s;
    let mut said = with_bar(&grouped(rate), rate, bars.throughput.as_ref(), grouped);
    if summary.busy < SATURATED {
        let busy = percent(summary.busy);
        said += &format!("; what arrives sets it here, replicas are busy {busy} of the span");
    }
    rows.push(("tokens/s", said));
    if let Some(joules) = joules_per_token(summary) {
        rows.push(("J a token", with_bar(&number(joules), joules, bars.energy.as_ref(), plain)));
    }
    if let Some(power) = summary.power {
        let watts = |watts: f64| Power::from_watts(watts).to_string();
        let said = with_bar(&power.to_string(), power.as_watts(), bars.power.as_ref(), watts);
        rows.push(("mean power", said));
    }
    rows
}

/// Share of the span in steps below which a replica waits for requests.
const SATURATED: f64 = 0.95;

/// Accelerator energy of an output token.
pub(crate) fn joules_per_token(summary: &Summary) -> Option<f64> {
    summary.tokens_per_joule.filter(|tokens| *tokens > 0.0).map(|tokens| 1.0 / tokens)
}

/// Everything but latencies, by name.
pub(super) fn rows(heading: &ReplayHeading, summary: &Summary) -> Vec<(&'static str, String)> {
    let (ttft, tpot) = heading.slo;
    vec![
        (
            "requests",
            format!(
                "{} finished, {} rejected as longer than the cache{}",
                grouped(summary.finished as f64),
                grouped(summary.rejected as f64),
                match heading.shed {
                    0 => String::new(),
                    shed => format!(", {} turned away from a full queue", grouped(shed as f64)),
                }
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
            "prefix cache",
            match &heading.prefix {
                None => "off; see --prefix-caching".to_owned(),
                Some(cache) => format!(
                    "{} of prompt tokens found: {} need not be computed, {} were; {} blocks evicted",
                    percent(cache.hit_rate()),
                    grouped(cache.cached_tokens as f64),
                    grouped(cache.computed_tokens as f64),
                    grouped(cache.evicted_blocks as f64)
                ),
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
                _ => format!("unknown: {}", heading.without_watts),
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
