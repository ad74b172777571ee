//! `wattmill train`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_perf::{
    RankedLayout, RefusedLayout, Sharding, TrainingLayout, TrainingRun, TrainingStep,
};

use super::bars::ErrorBar;
use super::engine::{cap_fraction, cap_watts};
use super::head::{Head, hash_of};
use super::text::text;
use crate::train::{TrainAnswer, TrainReport};

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.train/1";

/// A training job as JSON text.
pub fn train_document(report: &TrainReport) -> String {
    text(&Train::new(report))
}

/// Hash of what came of a training job.
pub(crate) fn train_hash(report: &TrainReport) -> u64 {
    Parts::of(report).hash()
}

/// What the hash of a document covers.
struct Parts {
    inputs: Inputs,
    best: Option<Best>,
    others: Vec<Other>,
    refused: Vec<Refused>,
}

impl Parts {
    fn of(report: &TrainReport) -> Self {
        Self {
            inputs: Inputs::from(report),
            best: report.answer.as_ref().map(Best::from),
            others: report.others.iter().map(Other::from).collect(),
            refused: report.refused.iter().map(Refused::from).collect(),
        }
    }

    fn hash(&self) -> u64 {
        hash_of(&(&self.inputs, &self.best, &self.others, &self.refused))
    }
}

/// One training job: a step by part, its memory by part, and the whole run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Train {
    #[serde(flatten)]
    head: Head,
    /// What is trained on what.
    inputs: Inputs,
    /// Whether some layout can be.
    feasible: bool,
    /// Layouts looked at.
    layouts_tried: u32,
    /// The fastest layout, or the one asked for; null if none can be.
    best: Option<Best>,
    /// The next best layouts of a search, fastest first.
    others: Vec<Other>,
    /// Why other layouts cannot be, or the one asked for: one of each kind of reason.
    refused: Vec<Refused>,
}

impl Train {
    fn new(report: &TrainReport) -> Self {
        let parts = Parts::of(report);
        let hash = parts.hash();
        let Parts { inputs, best, others, refused } = parts;
        Self {
            head: Head::new(SCHEMA, None, hash, report.warnings.clone()),
            inputs,
            feasible: best.is_some(),
            layouts_tried: report.tried,
            best,
            others,
            refused,
        }
    }
}

/// What is trained on what.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainInputs")]
struct Inputs {
    /// Id of the model.
    model: String,
    /// Id of the system.
    system: String,
    /// Id of the accelerator in it.
    accelerator: String,
    /// Accelerators of the job.
    accelerators: u32,
    /// Software stack whose measured steps the constants come from.
    stack: String,
    /// Chip family and stack the constants were borrowed from; null if this pair was measured.
    constants_borrowed_from: Option<String>,
    /// Format of the linear layers' multiplications.
    #[schemars(extend("enum" = ["bf16", "fp8", "mxfp8", "nvfp4"]))]
    precision: &'static str,
    /// Rank of LoRA adapters; null if all weights are trained.
    lora_rank: Option<u32>,
    /// Sequences of a step.
    global_batch_sequences: u32,
    /// Tokens of a sequence.
    sequence_tokens: u32,
    /// What each accelerator may draw; null if it was not capped in watts.
    power_cap_w: Option<f64>,
    /// What each accelerator may draw over its own limit; null if it was not capped by that.
    power_cap_fraction: Option<f64>,
    /// Whether the layout was asked for, and not searched.
    layout_stated: bool,
}

impl From<&TrainReport> for Inputs {
    fn from(report: &TrainReport) -> Self {
        Self {
            model: report.model.clone(),
            system: report.system.clone(),
            accelerator: report.accelerator.clone(),
            accelerators: report.accelerators,
            stack: report.stack.clone(),
            constants_borrowed_from: report.borrowed_from.clone(),
            precision: report.format.name(),
            lora_rank: report.lora_rank,
            global_batch_sequences: report.global_batch,
            sequence_tokens: report.sequence,
            power_cap_w: cap_watts(report.power_cap),
            power_cap_fraction: cap_fraction(report.power_cap),
            layout_stated: report.stated,
        }
    }
}

/// A layout of a training job.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainLayout")]
struct Layout {
    /// In short, as `--layout` reads it.
    layout: String,
    /// Tensor parallel degree.
    tensor_parallel: u32,
    /// Whether norms and residuals are split by sequence over tensor parallel ranks.
    sequence_parallel: bool,
    /// Pipeline stages.
    pipeline_parallel: u32,
    /// Model chunks of a stage; 1 is plain 1F1B.
    virtual_stages: u32,
    /// Context parallel degree.
    context_parallel: u32,
    /// Expert parallel degree.
    expert_parallel: u32,
    /// Tensor parallel degree within an expert.
    expert_tensor_parallel: u32,
    /// Data parallel degree.
    data_parallel: u32,
    /// What data parallel ranks share: nothing, optimizer state, gradients too, weights too.
    #[schemars(extend("enum" = ["none", "optimizer", "gradients", "full"]))]
    sharding: &'static str,
    /// Ranks that share one copy of gradients or weights; null where neither is shared.
    sharding_group: Option<u32>,
}

impl From<&TrainingLayout> for Layout {
    fn from(layout: &TrainingLayout) -> Self {
        let (sharding, sharding_group) = match layout.sharding {
            Sharding::None => ("none", None),
            Sharding::Optimizer => ("optimizer", None),
            Sharding::Gradients { group } => ("gradients", Some(group)),
            Sharding::Full { group } => ("full", Some(group)),
        };
        Self {
            layout: layout.to_string(),
            tensor_parallel: layout.tensor,
            sequence_parallel: layout.sequence_parallel,
            pipeline_parallel: layout.pipeline,
            virtual_stages: layout.virtual_stages,
            context_parallel: layout.context,
            expert_parallel: layout.expert,
            expert_tensor_parallel: layout.expert_tensor,
            data_parallel: layout.data,
            sharding,
            sharding_group,
        }
    }
}

/// The layout that is answered for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainBest")]
struct Best {
    #[serde(flatten)]
    layout: Layout,
    /// Sequences of a micro-batch.
    micro_batch_sequences: u32,
    /// What is computed again in the backward pass.
    #[schemars(extend("enum" = ["none", "selective", "full"]))]
    recompute: &'static str,
    /// One step.
    step: Step,
    /// Between which step times a measurement is to be expected.
    interval: Interval,
    /// The whole run; null without tokens.
    run: Option<Run>,
}

impl From<&TrainAnswer> for Best {
    fn from(answer: &TrainAnswer) -> Self {
        Self {
            layout: Layout::from(&answer.layout),
            micro_batch_sequences: answer.micro_batch,
            recompute: answer.recompute.name(),
            step: Step::from(&answer.step),
            interval: Interval::from(answer),
            run: answer.run.as_ref().map(|run| Run::new(run, answer)),
        }
    }
}

/// One step of training.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainStep")]
struct Step {
    /// Time of a step.
    time_s: f64,
    /// Its parts, which add up to it.
    parts: Vec<Part>,
    /// What the fullest accelerator holds.
    memory: Memory,
    /// Tokens of a step.
    tokens: f64,
    /// Tokens per second of one accelerator.
    tokens_per_s_per_accelerator: f64,
    /// FLOPs of weights and of the causal half of attention, nothing recomputed: what MFU counts.
    model_flop: f64,
    /// The same with the whole square of attention, as other tools count.
    model_full_square_flop: f64,
    /// What is executed, recomputation included: what HFU counts.
    hardware_flop: f64,
    /// Model FLOPs per second of one accelerator.
    model_flop_per_s_per_accelerator: f64,
    /// Model FLOPs per second over the dense BF16 peak, whatever the format.
    mfu_fraction: f64,
    /// Executed FLOPs per second over the same peak.
    hfu_fraction: f64,
    /// Mean power of one accelerator; null where nothing states its limit.
    accelerator_power_w: Option<f64>,
    /// Clock of arithmetic over the highest; below 1 where a power cap lowers it.
    clock_fraction: f64,
}

impl From<&TrainingStep> for Step {
    fn from(step: &TrainingStep) -> Self {
        let (memory, flops) = (step.memory, step.flops);
        let parts = step.time.parts();
        Self {
            time_s: step.time.total().as_s(),
            parts: parts
                .into_iter()
                .map(|(name, time)| Part { name, time_s: time.as_s() })
                .collect(),
            memory: Memory {
                weights_gb: memory.weights.as_gb(),
                gradients_gb: memory.gradients.as_gb(),
                optimizer_gb: memory.optimizer.as_gb(),
                activations_gb: memory.activations.as_gb(),
                runtime_gb: memory.runtime.as_gb(),
                total_gb: memory.total().as_gb(),
            },
            tokens: step.tokens,
            tokens_per_s_per_accelerator: step.tokens_per_s_per_accelerator(),
            model_flop: flops.model().as_flops(),
            model_full_square_flop: flops.model_full_square().as_flops(),
            hardware_flop: flops.hardware.as_flops(),
            model_flop_per_s_per_accelerator: step.model_rate().as_flops_per_s(),
            mfu_fraction: step.mfu(),
            hfu_fraction: step.hfu(),
            accelerator_power_w: step.power().map(|power| power.as_watts()),
            clock_fraction: step.clock,
        }
    }
}

/// A part of a step.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainPart")]
struct Part {
    /// Which one.
    name: &'static str,
    /// Its time that nothing hides.
    time_s: f64,
}

/// Memory by what for, GB.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainMemory")]
struct Memory {
    /// Weights, gathered layers included.
    weights_gb: f64,
    /// Accumulated gradients.
    gradients_gb: f64,
    /// Optimizer state, master copy included.
    optimizer_gb: f64,
    /// Activations kept for the backward pass.
    activations_gb: f64,
    /// Context, buffers, fragmentation.
    runtime_gb: f64,
    /// All of it.
    total_gb: f64,
}

/// Between which step times a measurement is to be expected.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainInterval")]
struct Interval {
    /// One measured step in ten is shorter.
    low_s: f64,
    /// Half of the measured steps are shorter.
    median_s: f64,
    /// One measured step in ten is longer.
    high_s: f64,
    /// Rows of measured training it was taken from; 0: borrowed, and widened.
    measured_rows: u32,
    /// Whether this chip family was measured with this software stack.
    inside_calibrated_range: bool,
    /// Tokens per second of one accelerator in the longer step.
    low_tokens_per_s_per_accelerator: f64,
    /// The same in the shorter one.
    high_tokens_per_s_per_accelerator: f64,
    /// Model FLOPs per second over the dense BF16 peak in the longer step.
    low_mfu_fraction: f64,
    /// The same in the shorter one.
    high_mfu_fraction: f64,
    /// Of the mean power of one accelerator; null where nothing states its limit.
    low_accelerator_power_w: Option<f64>,
    /// Its upper end; null likewise.
    high_accelerator_power_w: Option<f64>,
    /// The same as shares: of whole nodes in training; null likewise.
    power_error_bar: Option<ErrorBar>,
}

impl From<&TrainAnswer> for Interval {
    fn from(answer: &TrainAnswer) -> Self {
        let TrainAnswer { step, interval, power_interval, .. } = answer;
        let [low, high] = answer.rates();
        let (tokens, mfu) = (step.tokens_per_s_per_accelerator(), step.mfu());
        let power = step.power().zip(*power_interval);
        Self {
            low_tokens_per_s_per_accelerator: tokens * low,
            high_tokens_per_s_per_accelerator: tokens * high,
            low_mfu_fraction: mfu * low,
            high_mfu_fraction: mfu * high,
            low_accelerator_power_w: power.map(|(power, bar)| (power * bar.low).as_watts()),
            high_accelerator_power_w: power.map(|(power, bar)| (power * bar.high).as_watts()),
            power_error_bar: power_interval.as_ref().map(ErrorBar::from),
            low_s: interval.low.as_s(),
            median_s: interval.median.as_s(),
            high_s: interval.high.as_s(),
            measured_rows: interval.rows,
            inside_calibrated_range: interval.inside,
        }
    }
}

/// A whole training run in which nothing fails.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainRun")]
struct Run {
    /// Tokens of the run.
    tokens: f64,
    /// Steps.
    steps: f64,
    /// Time of the steps; nothing for failures, checkpoints or evaluation.
    time_days: f64,
    /// Time if steps are as short as one in ten.
    time_low_days: f64,
    /// Time if steps are as long as one in ten.
    time_high_days: f64,
    /// Hours of all accelerators.
    accelerator_hours: f64,
    /// The same if steps are as short as one in ten.
    low_accelerator_hours: f64,
    /// The same if they are as long as one in ten.
    high_accelerator_hours: f64,
    /// Energy of the accelerators, hosts and cooling not included; null where nothing states their
    /// limit.
    accelerator_energy_mwh: Option<f64>,
    /// Its lower end, time and power off in the same direction; null likewise.
    accelerator_energy_low_mwh: Option<f64>,
    /// Its upper end; null likewise.
    accelerator_energy_high_mwh: Option<f64>,
    /// Cost; null where nothing states the price of an hour.
    cost_usd: Option<f64>,
    /// Its lower end, which follows the time; null likewise.
    cost_low_usd: Option<f64>,
    /// Its upper end; null likewise.
    cost_high_usd: Option<f64>,
    /// Price of an hour of one accelerator; null likewise.
    price_usd_per_accelerator_hour: Option<f64>,
    /// Who states that price; null likewise.
    price_source: Option<String>,
}

impl Run {
    fn new(run: &TrainingRun, answer: &TrainAnswer) -> Self {
        let ([short, long], [least, most]) = (answer.times(), answer.energies());
        let days = run.time.as_days() / answer.step.time.total().as_s();
        Self {
            tokens: run.tokens,
            steps: run.steps,
            time_days: run.time.as_days(),
            time_low_days: days * answer.interval.low.as_s(),
            time_high_days: days * answer.interval.high.as_s(),
            accelerator_hours: run.accelerator_hours,
            low_accelerator_hours: run.accelerator_hours * short,
            high_accelerator_hours: run.accelerator_hours * long,
            accelerator_energy_low_mwh: run.energy.map(|energy| energy.as_mwh() * least),
            accelerator_energy_high_mwh: run.energy.map(|energy| energy.as_mwh() * most),
            cost_low_usd: run.cost.map(|cost| cost.as_usd() * short),
            cost_high_usd: run.cost.map(|cost| cost.as_usd() * long),
            accelerator_energy_mwh: run.energy.map(|energy| energy.as_mwh()),
            cost_usd: run.cost.map(|cost| cost.as_usd()),
            price_usd_per_accelerator_hour: answer.price.as_ref().map(|(p, _)| p.as_usd()),
            price_source: answer.price.as_ref().map(|(_, source)| source.clone()),
        }
    }
}

/// Another layout that can be.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainOther")]
struct Other {
    #[serde(flatten)]
    layout: Layout,
    /// Sequences of a micro-batch.
    micro_batch_sequences: u32,
    /// What is computed again in the backward pass.
    #[schemars(extend("enum" = ["none", "selective", "full"]))]
    recompute: &'static str,
    /// Time of a step.
    time_s: f64,
    /// Model FLOPs per second over the dense BF16 peak.
    mfu_fraction: f64,
    /// Memory of the fullest accelerator.
    memory_total_gb: f64,
}

impl From<&RankedLayout> for Other {
    fn from(ranked: &RankedLayout) -> Self {
        Self {
            layout: Layout::from(&ranked.layout),
            micro_batch_sequences: ranked.micro_batch,
            recompute: ranked.recompute.name(),
            time_s: ranked.step.time.total().as_s(),
            mfu_fraction: ranked.step.mfu(),
            memory_total_gb: ranked.step.memory.total().as_gb(),
        }
    }
}

/// Layouts that cannot be for one kind of reason.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainRefused")]
struct Refused {
    /// One of them; of those that lack memory the one that lacks least.
    layout: String,
    /// Why, and the way out.
    reason: String,
    /// How many are refused for this kind of reason.
    layouts: u32,
}

impl From<&RefusedLayout> for Refused {
    fn from(refused: &RefusedLayout) -> Self {
        Self {
            layout: refused.layout.to_string(),
            reason: refused.problem.to_string(),
            layouts: refused.alike,
        }
    }
}
