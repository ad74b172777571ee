//! `wattmill explain`.

use schemars::JsonSchema;
use serde::Serialize;

use super::bars::ErrorBar;
use super::engine::Engine;
use super::head::{Head, hash_of};
use super::text::text;
use crate::explain::{ExplainFit, ExplainPart, ExplainReport, bound_name};

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.explain/1";

/// One step of an engine as JSON text.
pub fn explain_document(report: &ExplainReport) -> String {
    let (inputs, step) = (Inputs::from(report), Step::from(report));
    let hash = hash_of(&(&inputs, &step));
    let head = Head::new(SCHEMA, None, hash, report.warnings.clone())
        .calibrated(report.calibration.as_ref());
    text(&Explain { head, inputs, step })
}

/// Hash of what a step consists of.
pub(crate) fn explain_hash(report: &ExplainReport) -> u64 {
    hash_of(&(&Inputs::from(report), &Step::from(report)))
}

/// One step of an engine: what each operator does and takes, and the measurements behind it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explain {
    #[serde(flatten)]
    head: Head,
    /// What runs on what.
    inputs: Inputs,
    /// The step.
    step: Step,
}

/// What a step does, and on what.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainInputs")]
struct Inputs {
    /// Id of the model.
    model: String,
    /// Id of the system.
    system: String,
    /// Id of the accelerator in it.
    accelerator: String,
    /// Layout, formats and limits.
    engine: Engine,
    /// Sequences that decode a token each.
    decode_sequences: u32,
    /// Context of each of them.
    decode_context_tokens: u32,
    /// Prompts, or chunks of them.
    prompts: Vec<Prompt>,
}

/// A prompt, or a chunk of one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainPrompt")]
struct Prompt {
    /// New tokens.
    prefill_tokens: u32,
    /// Tokens before them that are in the cache.
    cached_tokens: u32,
}

impl From<&ExplainReport> for Inputs {
    fn from(report: &ExplainReport) -> Self {
        let prompt = |(prefill_tokens, cached_tokens): &(u32, u32)| Prompt {
            prefill_tokens: *prefill_tokens,
            cached_tokens: *cached_tokens,
        };
        Self {
            model: report.model.clone(),
            system: report.system.clone(),
            accelerator: report.accelerator.clone(),
            engine: Engine::from(&report.spec),
            decode_sequences: report.step.decodes,
            decode_context_tokens: report.step.context,
            prompts: report.step.prompts.iter().map(prompt).collect(),
        }
    }
}

/// What a step takes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainStep")]
struct Step {
    /// Time of its operators, one after another.
    time_ms: f64,
    /// Tokens that a decoding sequence gains in it on average.
    tokens_per_sequence: f64,
    /// Time per output token: the step's over the tokens that a sequence gains.
    tpot_ms: f64,
    /// A tenth of measured times lie below: per token where it only decodes, of the whole step where it
    /// reads prompts; null where none were measured.
    measured_low_ms: Option<f64>,
    /// A tenth of them lie above; null likewise.
    measured_high_ms: Option<f64>,
    /// Of that time; null likewise.
    error_bar: Option<ErrorBar>,
    /// What was measured behind it, in words.
    measured_as: &'static str,
    /// What the simulator takes it to be, from its tables.
    simulated_time_ms: f64,
    /// Energy of the replica's accelerators, idling included; null where no source states the
    /// accelerator's power limit, as a warning says.
    energy_j: Option<f64>,
    /// A tenth of measured energies lie below; null likewise and where none were measured.
    energy_low_j: Option<f64>,
    /// A tenth of them lie above; null likewise.
    energy_high_j: Option<f64>,
    /// Of the energy; null likewise.
    energy_error_bar: Option<ErrorBar>,
    /// Mean power of one accelerator; null where its limit is.
    accelerator_power_w: Option<f64>,
    /// A tenth of measured powers lie below; null likewise and where none were measured.
    accelerator_power_low_w: Option<f64>,
    /// A tenth of them lie above, at most what it may draw; null likewise.
    accelerator_power_high_w: Option<f64>,
    /// Of the power; null likewise.
    power_error_bar: Option<ErrorBar>,
    /// Its limit; null if nothing states it.
    accelerator_limit_w: Option<f64>,
    /// Power of one accelerator without work; null where its limit is.
    accelerator_idle_w: Option<f64>,
    /// Share of the time in shapes outside of what was measured on this chip family.
    outside_measured_fraction: f64,
    /// What the step holds in the KV cache.
    kv_used_tokens: u64,
    /// What fits the KV cache.
    kv_cache_tokens: u64,
    /// Its operators, in the order they were priced in, all layers together.
    operators: Vec<Part>,
}

impl From<&ExplainReport> for Step {
    fn from(report: &ExplainReport) -> Self {
        let (time, energy, power) = (report.time(), report.energy(), report.power());
        let timed = report.timed();
        let (of_energy, of_power) = (report.energy_interval, report.power_interval);
        let (energy_bar, power_bar) = (energy.zip(of_energy), power.zip(of_power));
        let accelerators = f64::from(report.spec.layout.accelerators().max(1));
        Self {
            time_ms: time.as_ms(),
            tokens_per_sequence: report.tokens_per_sequence(),
            tpot_ms: report.tpot().as_ms(),
            measured_low_ms: report.interval.map(|interval| (timed * interval.low).as_ms()),
            measured_high_ms: report.interval.map(|interval| (timed * interval.high).as_ms()),
            error_bar: report.interval.as_ref().map(ErrorBar::from),
            simulated_time_ms: report.compiled.time.as_seconds().as_ms(),
            measured_as: report.measured_as(),
            energy_j: energy.map(|energy| energy.as_joules()),
            energy_low_j: energy_bar.map(|(energy, bar)| (energy * bar.low).as_joules()),
            energy_high_j: energy_bar.map(|(energy, bar)| (energy * bar.high).as_joules()),
            energy_error_bar: of_energy.as_ref().map(ErrorBar::from),
            accelerator_power_w: power.map(|power| power.as_watts()),
            accelerator_power_low_w: power_bar.map(|(power, bar)| (power * bar.low).as_watts()),
            accelerator_power_high_w: power_bar.map(|(power, bar)| (power * bar.high).as_watts()),
            power_error_bar: of_power.as_ref().map(ErrorBar::from),
            accelerator_limit_w: report.limit.map(|limit| limit.as_watts()),
            accelerator_idle_w: report.idle.map(|idle| idle.as_watts() / accelerators),
            outside_measured_fraction: report.share_outside(),
            kv_used_tokens: report.cache.0,
            kv_cache_tokens: report.cache.1,
            operators: report.parts.iter().map(|part| Part::of(report, part)).collect(),
        }
    }
}

/// One operator of a step, all layers together, as one accelerator sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainOperator")]
struct Part {
    /// What it is.
    name: &'static str,
    /// Operations.
    work_flop: f64,
    /// Memory traffic.
    memory_gb: f64,
    /// What it sends to other accelerators.
    sent_gb: f64,
    /// How long it takes.
    time_ms: f64,
    /// Of the step's time.
    time_fraction: f64,
    /// Energy of all accelerators of the replica above idling; null where nothing is known of watts.
    energy_above_idle_j: Option<f64>,
    /// Clock of its arithmetic over the highest; below 1 where a power cap lowers it.
    clock_fraction: f64,
    /// What most of its time goes to.
    #[schemars(extend("enum" = ["compute", "memory", "communication", "latency"]))]
    bound: &'static str,
    /// Achieved of the dense peak of its format; null if it multiplies nothing.
    compute_fraction: Option<f64>,
    /// Achieved of the memory bandwidth; null if it moves nothing.
    bandwidth_fraction: Option<f64>,
    /// Achieved of the bandwidth to neighbours; null if it sends nothing.
    link_fraction: Option<f64>,
    /// The measurements it is priced by; null where it is priced by constants.
    surface: Option<Fit>,
}

impl Part {
    fn of(report: &ExplainReport, part: &ExplainPart) -> Self {
        let operator = &part.operator;
        let used = operator.surface.zip(part.fit.as_ref());
        Self {
            name: operator.name,
            work_flop: operator.flops.as_flops(),
            memory_gb: operator.bytes.as_gb(),
            sent_gb: operator.message.as_gb(),
            time_ms: operator.time.as_ms(),
            time_fraction: operator.time / report.time(),
            energy_above_idle_j: operator.energy.map(|energy| energy.as_joules()),
            clock_fraction: operator.clock,
            bound: bound_name(operator.bound),
            compute_fraction: part.share_of_compute(),
            bandwidth_fraction: report.share_of_bandwidth(part),
            link_fraction: report.share_of_link(part),
            surface: used.map(|(used, fit)| Fit {
                operator: used.operator,
                format: used.format,
                rows: used.rows,
                inside: part.is_inside() == Some(true),
                borrowed: fit.borrowed,
                error_median_fraction: fit.error.median,
                error_p90_fraction: fit.error.p90,
                unseen_median_fraction: fit.error.unseen_median,
                unseen_p90_fraction: fit.error.unseen_p90,
                measured: Range::all(fit),
                source: fit.source.clone(),
            }),
        }
    }
}

/// A fit to measurements of one operator in one format.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainSurface")]
struct Fit {
    /// Operator that was measured.
    operator: &'static str,
    /// Its number format.
    format: &'static str,
    /// Measurements.
    rows: u32,
    /// Whether this shape lies within what was measured on this chip family.
    inside: bool,
    /// Whether the measurements are of another chip family.
    borrowed: bool,
    /// Median of the fit's error on its rows.
    error_median_fraction: f64,
    /// 90th percentile of the same.
    error_p90_fraction: f64,
    /// Median of the error on shapes it had not seen.
    unseen_median_fraction: f64,
    /// 90th percentile of the same.
    unseen_p90_fraction: f64,
    /// Range of the measurements.
    measured: Vec<Range>,
    /// Where they come from.
    source: String,
}

/// What was varied in measurements, from where to where.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainRange")]
struct Range {
    /// What was varied; `log2` where the ends are its logarithms.
    name: String,
    /// The least.
    least_ratio: f64,
    /// The most.
    most_ratio: f64,
}

impl Range {
    fn all(fit: &ExplainFit) -> Vec<Self> {
        let of = |(name, least, most): &(String, f64, f64)| Self {
            name: name.clone(),
            least_ratio: *least,
            most_ratio: *most,
        };
        fit.measured.iter().map(of).collect()
    }
}
