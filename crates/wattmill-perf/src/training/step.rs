//! Time, FLOPs and energy of one training step.

use wattmill_catalog::{Precision, TrainingConstant as C};
use wattmill_factory::PowerCap;
use wattmill_units::{Energy, FlopRate, Power, Seconds};

use super::job::{Recompute, Sharding, TrainingJob};
use super::layer::{Both, Pass, Rates};

use super::links::exposed;
use super::memory::{TrainingMemory, stage_layers};
use super::work::{ModelFlops, adapters};
use crate::power::{Draw, Load};

/// Bytes Adam moves per weight: gradient, master copy and two moments read, three written, and the
/// 16-bit image.
const ADAM: f64 = 30.0;

/// One step by part, on the accelerator that has most to do. Adds up to [`Self::total`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrainingTime {
    /// Linear layers, forward.
    pub gemm_forward: Seconds,
    /// Linear layers, backward.
    pub gemm_backward: Seconds,
    /// Attention, forward and backward.
    pub attention: Seconds,
    /// Router and routed experts, forward and backward.
    pub experts: Seconds,
    /// Norms, activations, residuals, loss.
    pub elementwise: Seconds,
    /// What is computed again in the backward pass, its messages included.
    pub recompute: Seconds,
    /// Host time of launches that kernels do not hide.
    pub launch: Seconds,
    /// Tensor parallel messages that nothing hides.
    pub tensor: Seconds,
    /// Context parallel messages that nothing hides.
    pub context: Seconds,
    /// Expert all-to-alls that nothing hides.
    pub expert: Seconds,
    /// Stages that wait for the pipeline to fill and to drain.
    pub bubble: Seconds,
    /// Sends between stages that nothing hides.
    pub pipeline: Seconds,
    /// Gathers and reductions over data parallel ranks that nothing hides.
    pub data: Seconds,
    /// The optimizer's own kernels.
    pub optimizer: Seconds,
    /// What a step takes whatever its size, and waiting for the slowest of many.
    pub other: Seconds,
}

impl TrainingTime {
    /// Every part by name, in the order they are shown.
    pub const fn parts(&self) -> [(&'static str, Seconds); 15] {
        [
            ("linear layers, forward", self.gemm_forward),
            ("linear layers, backward", self.gemm_backward),
            ("attention", self.attention),
            ("experts", self.experts),
            ("elementwise", self.elementwise),
            ("recompute", self.recompute),
            ("launch", self.launch),
            ("tensor parallel", self.tensor),
            ("context parallel", self.context),
            ("expert all-to-all", self.expert),
            ("pipeline bubble", self.bubble),
            ("pipeline sends", self.pipeline),
            ("data parallel", self.data),
            ("optimizer", self.optimizer),
            ("other", self.other),
        ]
    }

    /// The whole step.
    pub fn total(&self) -> Seconds {
        self.parts().into_iter().map(|(_, time)| time).sum()
    }

    /// Time in which arithmetic or memory is at work.
    fn busy(&self) -> Seconds {
        let linear = self.gemm_forward + self.gemm_backward + self.experts;
        linear + self.attention + self.elementwise + self.recompute + self.optimizer
    }

    fn scaled(self, k: f64) -> Self {
        Self {
            gemm_forward: self.gemm_forward * k,
            gemm_backward: self.gemm_backward * k,
            attention: self.attention * k,
            experts: self.experts * k,
            elementwise: self.elementwise * k,
            recompute: self.recompute * k,
            launch: self.launch * k,
            tensor: self.tensor * k,
            context: self.context * k,
            expert: self.expert * k,
            bubble: self.bubble * k,
            pipeline: self.pipeline * k,
            data: self.data * k,
            optimizer: self.optimizer * k,
            other: self.other * k,
        }
    }
}

/// One step of a job: what it takes and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Time by part.
    pub time: TrainingTime,
    /// Memory of the fullest accelerator by part.
    pub memory: TrainingMemory,
    /// FLOPs of the whole job by convention.
    pub flops: ModelFlops,
    /// Energy of all packages, from the family's power model; never above the power limit or cap. `None`
    /// where nothing states that limit.
    pub energy: Option<Energy>,
    /// Clock of arithmetic over the highest: below 1 where a power cap lowers it.
    pub clock: f64,
    /// Accelerators of the job.
    pub accelerators: u64,
    /// Tokens of the step.
    pub tokens: f64,
    /// Dense BF16 peak of one accelerator, what MFU is stated against.
    pub peak_bf16: FlopRate,
}

impl TrainingStep {
    /// Of `job`, whose [`problems`](TrainingJob::problems) the caller has looked at: a layout that
    /// cannot be gets a time that means nothing.
    pub fn of(job: &TrainingJob<'_>) -> Self {
        Self::capped(job).map_or_else(|| Self::at(job, 1.0).0, |(step, _)| step)
    }

    /// Mean power of one package while it computes, where its limit is known: what a meter sees that
    /// is faster than the step.
    pub fn power_at_work(job: &TrainingJob<'_>) -> Option<Power> {
        Self::capped(job).map(|(_, power)| power)
    }

    /// At the highest clock that the power cap allows, and the power of one package at work; `None`
    /// where nothing states the accelerator's limit.
    fn capped(job: &TrainingJob<'_>) -> Option<(Self, Power)> {
        let limit = job.accelerator.tdp?;
        let idle = limit * job.efficiency.idle_fraction;
        let cap = PowerCap::at_most(job.power_cap, limit);
        let draw = Draw::of(job.efficiency, limit, cap);
        let (full, work) = Self::at(job, 1.0);
        let busy = full.time.busy().as_s();
        let drawn = draw.at_work(busy, work);
        let stretched = |clock| {
            let (step, _) = Self::at(job, clock);
            (step, draw.slowed(busy, work, step.time.busy().as_s(), clock))
        };
        let (mut step, drawn) = if drawn <= draw.ceiling() * busy {
            (full, drawn)
        } else {
            stretched(draw.clock(|clock| {
                let (step, drawn) = stretched(clock);
                (step.time.busy().as_s(), drawn)
            }))
        };
        // At the lowest clock there is nothing left but to pause in between.
        let least = drawn / draw.ceiling();
        if least > step.time.busy().as_s() {
            step.time = step.time.scaled(least / step.time.busy().as_s());
        }
        let (total, busy) = (step.time.total().as_s(), step.time.busy().as_s());
        let waiting = draw.exposed(total - busy);
        let dynamic = Energy::from_joules(draw.joules(drawn) + waiting);
        let package = idle * step.time.total() + dynamic;
        step.energy = Some(package * job.layout.accelerators() as f64);
        let at_work = if busy > 0.0 {
            idle + Energy::from_joules(draw.joules(drawn)) / Seconds::from_s(busy)
        } else {
            idle
        };
        Some((step, at_work))
    }

    /// With arithmetic at `clock` of its highest, energy left open; and what one accelerator does,
    /// in seconds at the limit.
    fn at(job: &TrainingJob<'_>, clock: f64) -> (Self, Load) {
        let rates = Rates::of(job, clock);
        let fit = job.training;
        let (layout, model) = (job.layout, job.model);
        let stage = Stage::of(job, &rates);
        let micro_batches = job.micro_batches();
        let seconds = Seconds::from_s;

        let busy = stage.both.forward.plus(stage.both.backward);
        let slowest = busy.total() + stage.again.total() + stage.head_alone;
        let chunks = f64::from(layout.virtual_stages.max(1));
        let stages = f64::from(layout.pipeline);
        let mut time = TrainingTime {
            gemm_forward: seconds(stage.both.forward.gemm * micro_batches),
            gemm_backward: seconds((stage.both.backward.gemm + stage.head_alone) * micro_batches),
            attention: seconds(busy.attention * micro_batches),
            experts: seconds(busy.experts * micro_batches),
            elementwise: seconds(busy.elementwise * micro_batches),
            recompute: seconds(stage.again.total() * micro_batches),
            launch: seconds(busy.launch * micro_batches),
            tensor: seconds(busy.tensor * micro_batches),
            context: seconds(busy.context * micro_batches),
            expert: seconds(busy.expert * micro_batches),
            // Filling and draining pass through one chunk of each of the other stages.
            bubble: seconds(slowest * (stages - 1.0) / chunks),
            ..TrainingTime::default()
        };
        if layout.pipeline > 1 {
            let split = if layout.sequence_parallel { f64::from(layout.tensor) } else { 1.0 };
            let message = job.rank_tokens() * f64::from(model.hidden) * 2.0 / split;
            let stride =
                f64::from(layout.tensor) * f64::from(layout.context) * f64::from(layout.data);
            let send = rates.links.send(message, stages, stride);
            let sends = 2.0 * chunks * micro_batches;
            time.pipeline = seconds(send * sends * fit.get(C::PipelineExposed));
        }
        time.data = seconds(data_parallel(job, &rates, &stage, micro_batches));
        time.optimizer = seconds(optimizer(job, &rates));
        let accelerators = layout.accelerators();
        let doublings = libm::log2(rates.links.domains(accelerators as f64));
        let waiting = time.total().as_s() * doublings * fit.get(C::Straggler);
        time.other = seconds(fit.get(C::Step) + waiting);
        let years = job.recipe.year - fit.year;
        let software = libm::exp(-fit.get(C::Drift) * years.clamp(-3.0, 3.0));
        let adapted = if job.recipe.task.is_frozen() { fit.get(C::Lora) } else { 1.0 };
        let time = time.scaled(software * adapted);
        let all = stage.all().times(micro_batches);
        let share = job.efficiency;
        let bandwidth = job.accelerator.memory_bandwidth.map_or(1.0, |b| b.as_bytes_per_s());
        let work =
            Load::of(share.power_compute * all.at_peak, share.power_memory * all.bytes / bandwidth);
        let step = Self {
            time,
            memory: TrainingMemory::of(job),
            flops: ModelFlops::of(job),
            energy: None,
            clock,
            accelerators,
            tokens: job.tokens(),
            peak_bf16: peak_bf16(job),
        };
        (step, work)
    }

    /// Tokens per second of one accelerator.
    pub fn tokens_per_s_per_accelerator(&self) -> f64 {
        self.tokens / (self.time.total().as_s() * self.accelerators as f64)
    }

    /// Model FLOPs ([`ModelFlops::model`]) per second of one accelerator.
    pub fn model_rate(&self) -> FlopRate {
        self.flops.model() / self.time.total() / self.accelerators as f64
    }

    /// Model FLOPs utilisation: [`Self::model_rate`] over the dense BF16 peak, whatever the format,
    /// so that steps of different formats compare.
    pub fn mfu(&self) -> f64 {
        self.model_rate() / self.peak_bf16
    }

    /// Hardware FLOPs utilisation: as [`Self::mfu`] with what is computed twice counted twice.
    pub fn hfu(&self) -> f64 {
        self.mfu() * (self.flops.hardware / self.flops.model())
    }

    /// Mean power of one package, where its limit is known.
    pub fn power(&self) -> Option<Power> {
        Some(self.energy? / self.time.total() / self.accelerators as f64)
    }
}

fn peak_bf16(job: &TrainingJob<'_>) -> FlopRate {
    let chip = job.accelerator;
    let (wide, narrow) = (chip.peak(Precision::Bf16), chip.peak(Precision::Fp8));
    wide.or(narrow.map(|r| r / 2.0))
        .or(chip.peak(Precision::Fp4).map(|r| r / 4.0))
        .unwrap_or(FlopRate::from_flops_per_s(1.0))
}

/// One micro-batch on the slowest stage.
struct Stage {
    both: Both,
    /// What is computed again in the backward pass.
    again: Pass,
    /// Head time by which the last stage is slower than the others.
    head_alone: f64,
    head: Both,
    layers: f64,
}

impl Stage {
    fn of(job: &TrainingJob<'_>, rates: &Rates<'_>) -> Self {
        let model = job.model;
        let moe = model.ffn.moe.as_ref();
        let total = f64::from(model.layers).max(1.0);
        let layers = stage_layers(job);
        let of_moe = moe.map_or(0.0, |m| f64::from(m.layers) / total) * layers;
        let of_dense = layers - of_moe;
        let mut both = Both::default();
        if of_dense > 0.0 {
            let dense = rates.layer(None);
            both.forward = dense.forward.times(of_dense);
            both.backward = dense.backward.times(of_dense);
        }
        if let Some(moe) = moe {
            let layer = rates.layer(Some(moe));
            both.forward = both.forward.plus(layer.forward.times(of_moe));
            both.backward = both.backward.plus(layer.backward.times(of_moe));
        }
        let again = match job.recipe.recompute {
            Recompute::None => Pass::default(),
            Recompute::Selective => both.forward.times(job.training.get(C::Selective)),
            Recompute::Full => both.forward,
        };
        let head = rates.head();
        let (mut stage, mut head_alone) = (both, 0.0);
        if job.layout.pipeline == 1 {
            stage.forward = both.forward.plus(head.forward);
            stage.backward = both.backward.plus(head.backward);
        } else {
            // Stages are cut so that the last one has room for the head where layers do not divide.
            let spare = layers * f64::from(job.layout.pipeline) - total;
            let layer = (both.forward.total() + both.backward.total() + again.total()) / layers;
            let head = head.forward.total() + head.backward.total();
            head_alone = (head - spare.min(1.0) * layer).max(0.0);
        }
        Self { both: stage, again, head_alone, head, layers }
    }

    /// Everything one accelerator executes for a micro-batch, for its energy.
    fn all(&self) -> Pass {
        let busy = self.both.forward.plus(self.both.backward).plus(self.again);
        let head = self.head.forward.plus(self.head.backward);
        if self.head_alone > 0.0 { busy.plus(head.times(1.0 / self.layers.max(1.0))) } else { busy }
    }
}

/// Weights of one accelerator's stage that all data parallel ranks share, and of its experts.
fn stage_weights(job: &TrainingJob<'_>) -> (f64, f64) {
    let (model, layout) = (job.model, job.layout);
    let experts = model.ffn.moe.map_or(0.0, |m| {
        model.ffn_parameters(m.expert_dim) * f64::from(m.routed) * f64::from(m.layers)
    });
    let pipeline = f64::from(layout.pipeline);
    let dense = (model.parameters() - experts) / (f64::from(layout.tensor) * pipeline);
    let ranks = f64::from(layout.expert) * f64::from(layout.expert_tensor) * pipeline;
    (dense, experts / ranks)
}

fn data_parallel(
    job: &TrainingJob<'_>,
    rates: &Rates<'_>,
    stage: &Stage,
    micro_batches: f64,
) -> f64 {
    let (layout, recipe, links) = (job.layout, job.recipe, &rates.links);
    let share = job.training.get(C::DataExposed);
    let (data, context, tensor) =
        (f64::from(layout.data), f64::from(layout.context), f64::from(layout.tensor));
    let (mut dense, mut experts) = stage_weights(job);
    if recipe.task.is_frozen() {
        dense = adapters(job.model, recipe.task) / (tensor * f64::from(layout.pipeline));
        experts = 0.0;
    }
    // Context parallel ranks hold the same weights, and reduce their gradients together.
    let ranks = data * context;
    let stride = tensor;
    let expert_ranks = f64::from(layout.expert) * f64::from(layout.expert_tensor);
    let copies = (tensor * ranks / expert_ranks).max(1.0);
    let forward = stage.both.forward.total();
    let backward = stage.both.backward.total() + stage.again.total();
    match layout.sharding {
        Sharding::None | Sharding::Optimizer => {
            let gather = |per_weight: f64| {
                links.gather(dense * per_weight, ranks, stride)
                    + links.gather(experts * per_weight, copies, expert_ranks)
            };
            // Gradients go out during the last backward pass, weights come in during the first
            // forward pass; without sharding gradients come back at once.
            exposed(gather(recipe.gradient_bytes), backward, share)
                + exposed(gather(2.0), forward, share)
        }
        Sharding::Gradients { group } | Sharding::Full { group } => {
            let group = f64::from(group.max(1));
            // FSDP ranks are tensor groups apart; hybrid groups fill domains first.
            let gather = links.gather(dense * 2.0, group, stride)
                + links.gather(experts * 2.0, group.min(copies), expert_ranks);
            let again = if matches!(layout.sharding, Sharding::Full { .. }) { gather } else { 0.0 };
            let scatter = gather * recipe.gradient_bytes / 2.0;
            let each = exposed(gather, forward, share) + exposed(again + scatter, backward, share);
            let replicas = (ranks / group).max(1.0);
            let rest = links.gather(2.0 * dense * 4.0 / group, replicas, stride * group);
            each * micro_batches + exposed(rest, backward, share)
        }
    }
}

fn optimizer(job: &TrainingJob<'_>, rates: &Rates<'_>) -> f64 {
    let layout = job.layout;
    let (dense, experts) = stage_weights(job);
    let trained = if job.recipe.task.is_frozen() {
        adapters(job.model, job.recipe.task) / f64::from(layout.tensor * layout.pipeline)
    } else {
        dense
    };
    let experts = if job.recipe.task.is_frozen() { 0.0 } else { experts };
    let group = match layout.sharding {
        Sharding::None => 1.0,
        Sharding::Optimizer => f64::from(layout.data) * f64::from(layout.context),
        Sharding::Gradients { group } | Sharding::Full { group } => f64::from(group.max(1)),
    };
    let ranks = f64::from(layout.expert) * f64::from(layout.expert_tensor);
    let copies =
        f64::from(layout.tensor) * f64::from(layout.context) * f64::from(layout.data) / ranks;
    let expert_group = group.min(copies.max(1.0));
    (trained / group + experts / expert_group) * ADAM / rates.memory
}
