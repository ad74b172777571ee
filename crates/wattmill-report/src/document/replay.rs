//! `wattmill replay`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::{Arrivals, EngineSpec};
use wattmill_sim::{Summary, Tally, Usage};
use wattmill_units::{Histogram, Seconds, Ticks};

use super::bars::ReplayErrorBars;
use super::engine::Engine;
use super::factory::arrivals;
use super::head::Head;
use super::measured::Measured;
use super::series::SeriesRow;
use super::text::text;
use crate::bars::ServingBars;
use crate::calibrate::CalibratedWith;
use crate::serve::ServedRow;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.replay/1";

/// What was replayed on what.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayInputs {
    /// The requests.
    pub traffic: ReplayTraffic,
    /// What was changed of them, in words such as `speed 2`.
    pub shaping: Vec<String>,
    /// The engine of a replica.
    pub engine: ReplayEngine,
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
    /// Requests handed to replicas.
    pub requests: u64,
    /// Wall-clock time of the simulation.
    pub wall: Seconds,
    /// Whether it was stopped before the last request.
    pub interrupted: bool,
    /// Where measurements lie of what it answers, or why there is no telling.
    pub bars: Result<ServingBars, String>,
    /// Rows of the time series.
    pub rows: Vec<ServedRow>,
    /// What a reader should know, such as oddities of the trace.
    pub warnings: Vec<String>,
    /// Constants of engines that took the place of the catalogue's.
    pub calibration: Option<CalibratedWith>,
}

/// What prefix caches did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixCache {
    /// Prompt tokens that were found, at recomputations too.
    pub cached_tokens: u64,
    /// Prompt tokens that were computed.
    pub computed_tokens: u64,
    /// KV blocks that made way for others.
    pub evicted_blocks: u64,
}

impl PrefixCache {
    /// Of what replicas did.
    pub const fn of(usage: &Usage) -> Self {
        Self {
            cached_tokens: usage.cached_tokens,
            computed_tokens: usage.prefill_tokens,
            evicted_blocks: usage.evicted_blocks,
        }
    }

    /// Share of the prompt tokens that was found; 0 of none.
    pub fn hit_rate(&self) -> f64 {
        let all = self.cached_tokens + self.computed_tokens;
        if all == 0 { 0.0 } else { self.cached_tokens as f64 / all as f64 }
    }
}

/// Where the requests of a replay come from.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayTraffic {
    /// A recorded trace.
    Trace {
        /// Name of its file.
        file: String,
    },
    /// Drawn at random.
    Synthetic {
        /// Mean rate, requests a second.
        requests_per_s: f64,
        /// Weekly users it was derived from, if it was.
        weekly_users: Option<f64>,
        /// Name of the distribution of lengths.
        lengths: String,
        /// Arrival process.
        arrivals: Arrivals,
        /// Id of the daily shape.
        shape: String,
        /// How long requests arrive.
        duration: Seconds,
        /// Seed of the draws.
        seed: u64,
    },
    /// Drawn at random for each of many clients.
    Clients {
        /// Name of the file of their windows.
        file: String,
        /// Clients that have any request.
        clients: u64,
        /// Name of the distribution of lengths, or of the file of theirs.
        lengths: String,
        /// Where in the windows the traffic starts.
        from: Seconds,
        /// How long requests arrive.
        duration: Seconds,
        /// Seed of the draws.
        seed: u64,
    },
    /// Conversations, drawn at random.
    Sessions {
        /// Mean rate at which they begin.
        sessions_per_s: f64,
        /// Name of the description.
        name: String,
        /// How their beginnings bunch.
        arrivals: Arrivals,
        /// How long requests arrive.
        duration: Seconds,
        /// Seed of the draws.
        seed: u64,
    },
}

/// What prices the steps of a replay.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayEngine {
    /// The performance model.
    Model {
        /// Id of the model.
        model: String,
        /// Id of the system.
        system: String,
        /// Id of the accelerator in it.
        accelerator: String,
        /// Layout, formats and limits.
        spec: EngineSpec,
    },
    /// A step-time table.
    StepTable {
        /// Name of its file.
        file: String,
        /// Most sequences in a batch.
        max_seqs: u32,
        /// Most tokens in a step.
        max_tokens: u32,
    },
}

/// A replay as JSON text.
///
/// The answer hash covers what was simulated, not how long it took.
pub fn replay_document(inputs: &ReplayInputs, summary: &Summary, tally: &Tally) -> String {
    text(&Replay::new(inputs, summary, tally))
}

/// A trace or synthetic traffic, request by request.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Replay {
    #[serde(flatten)]
    head: Head,
    /// Whether it was stopped early: then the figures are of what was handed out until then.
    interrupted: bool,
    /// What was replayed on what.
    inputs: Inputs,
    /// Requests that came.
    requests: u64,
    /// Of them, those turned away because too many waited.
    shed_requests: u64,
    /// What the prefix caches did; null without.
    prefix_cache: Option<Prefix>,
    #[serde(flatten)]
    measured: Measured,
    /// Where measurements lie of what was answered; null where there is no telling.
    error_bars: Option<ReplayErrorBars>,
    /// Why there are no error bars; null where there are some.
    no_error_bars: Option<String>,
    /// Distributions of the latencies.
    distributions: Distributions,
    /// Rows of the time series, of one service and one pool.
    series: Vec<SeriesRow>,
    /// Wall-clock time of the simulation; not part of the answer.
    wall_time_s: f64,
    /// Simulated requests over the wall-clock time; null if that was too short to tell.
    simulated_requests_per_wall_s: Option<f64>,
}

impl Replay {
    fn new(inputs: &ReplayInputs, summary: &Summary, tally: &Tally) -> Self {
        let seed = match &inputs.traffic {
            ReplayTraffic::Trace { .. } => None,
            ReplayTraffic::Synthetic { seed, .. }
            | ReplayTraffic::Clients { seed, .. }
            | ReplayTraffic::Sessions { seed, .. } => Some(*seed),
        };
        let wall_time_s = inputs.wall.as_s();
        let done = summary.finished + summary.rejected;
        Self {
            head: Head::new(SCHEMA, seed, summary.answer_hash, inputs.warnings.clone())
                .calibrated(inputs.calibration.as_ref()),
            interrupted: inputs.interrupted,
            inputs: Inputs::from(inputs),
            requests: inputs.requests,
            shed_requests: inputs.shed,
            prefix_cache: inputs.prefix.as_ref().map(Prefix::from),
            measured: Measured::from(summary),
            error_bars: inputs.bars.as_ref().ok().map(|bars| ReplayErrorBars::of(bars, summary)),
            no_error_bars: inputs.bars.as_ref().err().cloned(),
            distributions: Distributions::from(tally),
            series: inputs.rows.iter().map(SeriesRow::new).collect(),
            wall_time_s,
            simulated_requests_per_wall_s: (wall_time_s > 0.0).then(|| done as f64 / wall_time_s),
        }
    }
}

/// What prefix caches did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PrefixCache")]
struct Prefix {
    /// Share of the prompt tokens that was found, recomputations included.
    hit_fraction: f64,
    /// Prompt tokens that were found and so not computed.
    cached_tokens: u64,
    /// Prompt tokens that were computed.
    computed_tokens: u64,
    /// KV blocks that made way for others.
    evicted_blocks: u64,
}

impl From<&PrefixCache> for Prefix {
    fn from(cache: &PrefixCache) -> Self {
        Self {
            hit_fraction: cache.hit_rate(),
            cached_tokens: cache.cached_tokens,
            computed_tokens: cache.computed_tokens,
            evicted_blocks: cache.evicted_blocks,
        }
    }
}

/// What was replayed on what.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplayInputs")]
struct Inputs {
    /// Name of the trace's file; null for other traffic.
    trace: Option<String>,
    /// What synthetic traffic was drawn from; null for other traffic.
    synthetic: Option<Synthetic>,
    /// Whose traffic was superposed; null for other traffic.
    clients: Option<ClientsOf>,
    /// What conversations were drawn from; null for other traffic.
    sessions: Option<SessionsOf>,
    /// What was changed of the traffic, in words such as `speed 2`.
    shaping: Vec<String>,
    /// Id of the model; null with a step-time table.
    model: Option<String>,
    /// Id of the system; null with a step-time table.
    system: Option<String>,
    /// Id of the accelerator in it; null with a step-time table.
    accelerator: Option<String>,
    /// Layout, formats and limits of a replica; null with a step-time table.
    engine: Option<Engine>,
    /// The step-time table; null with the performance model.
    step_table: Option<StepTable>,
    /// Replicas.
    replicas: u32,
    /// Who chooses among them.
    router: &'static str,
    /// KV blocks of a replica; null where memory is not modelled.
    kv_blocks: Option<u64>,
    /// Tokens in a KV block; null likewise.
    block_tokens: Option<u32>,
    /// Limit on the time to first token that attainment is counted against.
    slo_ttft_ms: f64,
    /// Limit on a request's mean time per output token, likewise.
    slo_tpot_ms: f64,
}

impl From<&ReplayInputs> for Inputs {
    fn from(inputs: &ReplayInputs) -> Self {
        let trace = match &inputs.traffic {
            ReplayTraffic::Trace { file } => Some(file.clone()),
            _ => None,
        };
        let mut all = Self {
            trace,
            synthetic: Synthetic::of(&inputs.traffic),
            clients: ClientsOf::of(&inputs.traffic),
            sessions: SessionsOf::of(&inputs.traffic),
            shaping: inputs.shaping.clone(),
            model: None,
            system: None,
            accelerator: None,
            engine: None,
            step_table: None,
            replicas: inputs.replicas,
            router: inputs.router,
            kv_blocks: inputs.cache.map(|(blocks, _)| blocks),
            block_tokens: inputs.cache.map(|(_, tokens)| tokens),
            slo_ttft_ms: inputs.slo.0.as_ms(),
            slo_tpot_ms: inputs.slo.1.as_ms(),
        };
        match &inputs.engine {
            ReplayEngine::Model { model, system, accelerator, spec } => {
                all.model = Some(model.clone());
                all.system = Some(system.clone());
                all.accelerator = Some(accelerator.clone());
                all.engine = Some(Engine::from(spec));
            }
            ReplayEngine::StepTable { file, max_seqs, max_tokens } => {
                all.step_table = Some(StepTable {
                    file: file.clone(),
                    batch_limit_sequences: *max_seqs,
                    step_limit_tokens: *max_tokens,
                });
            }
        }
        all
    }
}

/// Traffic drawn at random.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SyntheticTraffic")]
pub(super) struct Synthetic {
    /// Mean rate of arrivals.
    requests_per_s: f64,
    /// Weekly users that the rate was derived from, if it was.
    weekly_users: Option<f64>,
    /// Name of the distribution of request lengths.
    lengths: String,
    /// How arrivals bunch.
    #[schemars(extend("enum" = ["poisson", "gamma"]))]
    arrivals: &'static str,
    /// Deviation of the gaps between arrivals over their mean; 1 for independent arrivals.
    arrivals_cv_ratio: f64,
    /// Id of the shape of the day.
    shape: String,
    /// How long requests arrive.
    duration_s: f64,
}

impl Synthetic {
    pub(super) fn of(traffic: &ReplayTraffic) -> Option<Self> {
        let ReplayTraffic::Synthetic {
            requests_per_s,
            weekly_users,
            lengths,
            arrivals: process,
            shape,
            duration,
            seed: _,
        } = traffic
        else {
            return None;
        };
        let (arrivals, arrivals_cv_ratio) = arrivals(*process);
        Some(Self {
            requests_per_s: *requests_per_s,
            weekly_users: *weekly_users,
            lengths: lengths.clone(),
            arrivals,
            arrivals_cv_ratio,
            shape: shape.clone(),
            duration_s: duration.as_s(),
        })
    }
}

/// Clients whose traffic was superposed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ClientTraffic")]
pub(super) struct ClientsOf {
    /// Name of the file of their windows.
    file: String,
    /// Clients that have any request.
    clients: u64,
    /// Name of the distribution of request lengths, or of the file of each client's.
    lengths: String,
    /// Where in the windows the traffic starts.
    from_s: f64,
    /// How long requests arrive.
    duration_s: f64,
}

impl ClientsOf {
    pub(super) fn of(traffic: &ReplayTraffic) -> Option<Self> {
        let ReplayTraffic::Clients { file, clients, lengths, from, duration, seed: _ } = traffic
        else {
            return None;
        };
        let (file, lengths) = (file.clone(), lengths.clone());
        let (from_s, duration_s) = (from.as_s(), duration.as_s());
        Some(Self { file, clients: *clients, lengths, from_s, duration_s })
    }
}

/// Conversations drawn at random.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SessionTraffic")]
pub(super) struct SessionsOf {
    /// Mean rate at which they begin.
    sessions_per_s: f64,
    /// Name of the description.
    name: String,
    /// How their beginnings bunch.
    #[schemars(extend("enum" = ["poisson", "gamma"]))]
    arrivals: &'static str,
    /// Deviation of the gaps between beginnings over their mean; 1 for independent ones.
    arrivals_cv_ratio: f64,
    /// How long requests arrive.
    duration_s: f64,
}

impl SessionsOf {
    pub(super) fn of(traffic: &ReplayTraffic) -> Option<Self> {
        let ReplayTraffic::Sessions { sessions_per_s, name, arrivals: process, duration, seed: _ } =
            traffic
        else {
            return None;
        };
        let (arrivals, arrivals_cv_ratio) = arrivals(*process);
        let (name, duration_s) = (name.clone(), duration.as_s());
        Some(Self {
            sessions_per_s: *sessions_per_s,
            name,
            arrivals,
            arrivals_cv_ratio,
            duration_s,
        })
    }
}

/// A user's own step times in place of the performance model.
#[derive(Debug, Serialize, JsonSchema)]
struct StepTable {
    /// Name of its file.
    file: String,
    /// Most sequences in the batch of a replica.
    batch_limit_sequences: u32,
    /// Most tokens in one step of a replica.
    step_limit_tokens: u32,
}

/// Distributions of the latencies of finished requests.
#[derive(Debug, Serialize, JsonSchema)]
struct Distributions {
    /// Time from arrival to the first token, by request.
    ttft: Distribution,
    /// Mean time per output token after the first, by request.
    tpot: Distribution,
    /// Gaps between two tokens of a request, by gap.
    inter_token: Distribution,
    /// Time from arrival to the last token, by request.
    end_to_end: Distribution,
}

impl From<&Tally> for Distributions {
    fn from(tally: &Tally) -> Self {
        let ns = Seconds::from_s(1e-9);
        Self {
            ttft: Distribution::of(&tally.ttft, ns),
            tpot: Distribution::of(&tally.tpot, ns),
            inter_token: Distribution::of(&tally.gaps, Ticks::from_raw(1).as_seconds()),
            end_to_end: Distribution::of(&tally.e2e, ns),
        }
    }
}

/// Quantiles that a distribution is written at.
const QUANTILES: [f64; 17] = [
    0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999,
];

/// A distribution of times.
#[derive(Debug, Serialize, JsonSchema)]
struct Distribution {
    /// How many times it is of.
    count: u64,
    /// Shortest; null of none.
    min_ms: Option<f64>,
    /// Longest; null of none.
    max_ms: Option<f64>,
    /// Shares of the times.
    quantiles_fraction: Vec<f64>,
    /// For each of them the time that this share does not exceed, within 0.4 %; empty of none.
    quantiles_ms: Vec<f64>,
}

impl Distribution {
    /// Of a histogram that counts in `unit`.
    fn of(histogram: &Histogram, unit: Seconds) -> Self {
        let there = histogram.count() > 0;
        let ms = |value: u64| (unit * value as f64).as_ms();
        let quantiles = if there { &QUANTILES[..] } else { &[] };
        Self {
            count: histogram.count(),
            min_ms: there.then(|| ms(histogram.min())),
            max_ms: there.then(|| ms(histogram.max())),
            quantiles_fraction: quantiles.to_vec(),
            quantiles_ms: quantiles.iter().map(|q| ms(histogram.quantile(*q))).collect(),
        }
    }
}
