//! Rows of the table of measured training, and the job each of them describes.

use wattmill_catalog::{Accelerator, Catalog, Efficiency, Model, TrainingEfficiency};
use wattmill_perf::{
    Recompute, Sharding, Task, TrainingFormat, TrainingJob, TrainingLayout, TrainingMemory,
    TrainingRecipe,
};

/// One row as it stands in the file; empty fields are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingRow {
    /// Line in the file, the header being 1.
    pub line: u64,
    /// Who published it, such as `megatron_bridge`.
    pub source_kind: String,
    /// Where exactly.
    pub source: String,
    /// How the figure was taken.
    pub verification: String,
    /// Model as labelled.
    pub model: String,
    /// `pretrain`, `sft` or `lora`.
    pub task: String,
    /// Accelerator as labelled.
    pub gpu: String,
    /// Accelerators.
    pub gpus: Option<u32>,
    /// Degrees: tensor, pipeline, virtual, context, expert, data.
    pub degrees: [Option<u32>; 6],
    /// Sharding group or strategy.
    pub fsdp: String,
    /// Sequences of a micro-batch.
    pub micro_batch: Option<u32>,
    /// Sequences of a step.
    pub global_batch: Option<u32>,
    /// Tokens of a sequence.
    pub sequence: Option<u32>,
    /// Format as labelled.
    pub precision: String,
    /// Step time, s.
    pub step_s: Option<f64>,
    /// Tokens per second of one accelerator.
    pub tokens_per_s: Option<f64>,
    /// Model TFLOP/s of one accelerator by the source's convention.
    pub model_tflops: Option<f64>,
    /// Hardware FLOPs utilisation, percent.
    pub hfu_pct: Option<f64>,
    /// Hours of all accelerators for the whole training.
    pub gpu_hours: Option<f64>,
    /// Billions of tokens of the whole training.
    pub train_tokens_b: Option<f64>,
    /// Remarks.
    pub notes: String,
}

impl TrainingRow {
    /// Whether the row states how the job is laid out: a tensor parallel degree, or FSDP.
    pub const fn states_layout(&self) -> bool {
        self.degrees[0].is_some() || !self.fsdp.is_empty()
    }

    /// Software stack it ran on.
    pub fn stack(&self) -> &'static str {
        match self.source_kind.as_str() {
            "mosaicml_llm_foundry" => "llm-foundry",
            "torchtitan" => "torchtitan",
            "maxtext" | "tpu_recipes" => "maxtext",
            _ if self.gpu.starts_with("TPU") => "maxtext",
            _ => "megatron",
        }
    }

    /// Year of the software: of the round, the container or the paper.
    pub fn year(&self) -> f64 {
        let container = self.source.find(" NeMo Container").and_then(|at| {
            let version = self.source[..at].rsplit('"').next()?;
            let mut parts = version.split('.').filter_map(|p| p.parse::<f64>().ok());
            Some(2000.0 + parts.next()? + (parts.next()? - 0.5) / 12.0)
        });
        let papers = [
            ("2104.04473", 2021.3),
            ("2201.11990", 2021.9),
            ("BLOOM", 2022.2),
            ("OPT", 2022.2),
            ("2205.05198", 2022.4),
            ("PaLM", 2022.3),
            ("2402.15627", 2023.9),
            ("2407.21783", 2024.3),
            ("2412.19437", 2024.9),
        ];
        let paper = papers.iter().find(|(name, _)| self.source.contains(name)).map(|(_, y)| *y);
        container.or(paper).unwrap_or(match self.source_kind.as_str() {
            "mlperf_training_v3.1" => 2023.8,
            "mlperf_training_v4.0" => 2024.4,
            "mlperf_training_v4.1" => 2024.8,
            "mlperf_training_v5.0" => 2025.4,
            "mlperf_training_v5.1" => 2025.8,
            "mosaicml_llm_foundry" => 2023.8,
            "tpu_recipes" | "megatron_lm" | "nemo_long_seq" => 2025.0,
            _ => 2024.5,
        })
    }

    /// Whether its figure may decide about constants: read again at its source, and a rate, not
    /// hours that contain failures.
    pub fn decides(&self) -> bool {
        let rate = self.step_s.or(self.tokens_per_s).or(self.model_tflops).or(self.hfu_pct);
        self.verification != "recalled_not_reread" && rate.is_some()
    }

    /// Format of its linear layers, or what the round's others state where it says nothing.
    fn format(&self, chip: &Accelerator) -> Option<TrainingFormat> {
        let label = self.precision.to_ascii_lowercase();
        let has = |f: TrainingFormat| chip.peak(f.precision()).is_some();
        Some(match label.as_str() {
            "bf16" | "fp16" | "amp_bf16" => TrainingFormat::Bf16,
            "fp8" | "fp8-cs" | "amp_fp8" => TrainingFormat::Fp8,
            "mxfp8" | "fp8-mx" => TrainingFormat::Mxfp8,
            "nvfp4" if has(TrainingFormat::Nvfp4) => TrainingFormat::Nvfp4,
            "nvfp4" => TrainingFormat::Fp8,
            // NVIDIA's reference of each round: FP8, and NVFP4 for Llama 3.1 8B on Blackwell.
            "" if self.model == "Llama-3.1 8B" && has(TrainingFormat::Nvfp4) => {
                TrainingFormat::Nvfp4
            }
            "" if has(TrainingFormat::Fp8) && self.source_kind.starts_with("mlperf") => {
                TrainingFormat::Fp8
            }
            "" => TrainingFormat::Bf16,
            _ => return None,
        })
    }

    /// What its recipe computes twice, where the source says; `None`: as little as fits.
    fn recompute(&self) -> Option<Recompute> {
        let source = &self.source;
        let full = ["2104.04473", "2201.11990", "BLOOM", "OPT", "PaLM", "full recompute"];
        match self.source_kind.as_str() {
            "mosaicml_llm_foundry" | "torchtitan" => Some(
                if self.notes.contains("activation_checkpointing=True")
                    || self.notes.contains("full AC")
                {
                    Recompute::Full
                } else if self.notes.contains("selective AC") {
                    Recompute::Selective
                } else {
                    Recompute::None
                },
            ),
            "paper" if full.iter().any(|f| source.contains(f)) => Some(Recompute::Full),
            "paper" => Some(Recompute::Selective),
            // NVIDIA's FP8 recipes recompute nothing.
            _ if self.is_nvidia_narrow() => Some(Recompute::None),
            _ => None,
        }
    }

    /// Whether it ran in 8 or 4 bits on a GPU of NVIDIA's.
    fn is_nvidia_narrow(&self) -> bool {
        let wide = ["bf16", "fp16", "amp_bf16"].contains(&self.precision.as_str());
        let others = ["MI", "TPU", "A100", "Gaudi"];
        !wide && !others.iter().any(|name| self.gpu.starts_with(name))
    }

    /// Sequence length: stated, otherwise what the source runs throughout.
    fn length(&self, model: &Model) -> u32 {
        self.sequence.unwrap_or(match self.source_kind.as_str() {
            "maxtext" => 2048,
            "torchtitan" => 8192,
            _ => model.context.clamp(2048, 8192),
        })
    }

    fn number_before(&self, after: &str) -> Option<u32> {
        let head = &self.notes[..self.notes.find(after)?];
        let start = head.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        head[start..].parse().ok()
    }

    fn number_in_notes(&self, before: &str) -> Option<u32> {
        let rest = &self.notes[self.notes.find(before)? + before.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    }
}

/// A job as a row describes it, with what it borrows left to name.
#[derive(Clone, Debug)]
pub struct DescribedJob<'a> {
    /// Model.
    pub model: &'a Model,
    /// Accelerator.
    pub accelerator: &'a Accelerator,
    /// Accelerators of a scale-up domain or TPU slice.
    pub domain: u32,
    /// Layout.
    pub layout: TrainingLayout,
    /// Sequences of a micro-batch.
    pub micro_batch: u32,
    /// Sequences of a step.
    pub global_batch: u32,
    /// Tokens of a sequence.
    pub sequence: u32,
    /// Recipe.
    pub recipe: TrainingRecipe,
}

/// The job `row` describes.
///
/// What a row leaves out its stack fills in, by rule: llm-foundry shards everything over all
/// ranks (that is all it can), torchtitan over its `fsdp` degree, MaxText over one slice; Megatron
/// shards the optimizer, takes the smallest model parallelism that fits, tensor first, and splits
/// sequences where there are more ranks than sequences. Recomputation as the source says it of all
/// its rows; where it does not, as little as fits.
///
/// # Errors
///
/// Why there is none, in words.
pub fn describe<'a>(row: &TrainingRow, catalog: &'a Catalog) -> Result<DescribedJob<'a>, String> {
    let label = |text: &str| text.trim().replace(' ', "-");
    let model = catalog
        .model(&label(&row.model))
        .ok_or_else(|| format!("no model `{}` in the catalogue", row.model))?;
    let accelerator = catalog
        .accelerator(&label(&row.gpu))
        .ok_or_else(|| format!("no accelerator `{}` in the catalogue", row.gpu))?;
    let gpus = row.gpus.or_else(|| row.number_in_notes("implied chips="));
    let gpus = gpus.filter(|n| *n > 0).ok_or("it states no number of accelerators")?;
    let format =
        row.format(accelerator).ok_or_else(|| format!("no number format `{}`", row.precision))?;
    let stack = row.stack();
    let slices = row.notes.split(" slice(s)").next().and_then(|n| n.trim().parse::<u32>().ok());
    let domain = match slices {
        Some(slices) if slices > 0 => gpus / slices,
        _ => accelerator.scaleup_domain.unwrap_or(1),
    }
    .max(1);
    let task = match row.task.as_str() {
        "lora" => Task::Lora { rank: 16 },
        "sft" => Task::Finetune,
        _ => Task::Pretrain,
    };
    let sequence = row.length(model);
    let tokens = row.number_in_notes("(total_weights)=");
    let tokens = tokens.or(row.number_before("M tokens/batch").map(|m| m.saturating_mul(1 << 20)));
    let stated_batch = row.global_batch.or(tokens.map(|t| (t / sequence).max(1)));
    let recipe = TrainingRecipe {
        recompute: row.recompute().unwrap_or_default(),
        task,
        year: row.year(),
        // Megatron before 2024 and torchtitan reduce in 32 bits, the others in 16.
        gradient_bytes: if stack == "torchtitan" || row.year() < 2023.0 { 4.0 } else { 2.0 },
        kept_bytes: if row.is_nvidia_narrow() { 1.0 } else { 2.0 },
        ..TrainingRecipe::pretrain(format)
    };
    let mut job = DescribedJob {
        model,
        accelerator,
        domain,
        layout: TrainingLayout::data(gpus),
        micro_batch: row.micro_batch.unwrap_or(1).max(1),
        global_batch: stated_batch.unwrap_or(gpus),
        sequence,
        recipe,
    };
    let [tensor, pipeline, chunks, context, expert, _] = row.degrees;
    let degree = |d: Option<u32>| d.unwrap_or(1).max(1);
    if row.states_layout() || matches!(stack, "llm-foundry" | "torchtitan" | "maxtext") {
        // More chips than sequences: TPUs split the model as well.
        let crowd = stated_batch.map_or(1, |batch| gpus.div_ceil(batch.max(1)));
        let crowd = if stack == "maxtext" { crowd.next_power_of_two() } else { 1 };
        let tensor = tensor.or((crowd > 1).then_some(crowd));
        // MLPerf's scripts and the papers on Megatron interleave, most without saying how often.
        let interleaves = row.source_kind.starts_with("mlperf")
            || (row.source_kind == "paper" && stack == "megatron" && !row.source.contains("BLOOM"));
        let unstated = interleaves.then(|| usual_chunks(model, degree(pipeline)));
        let chunks = chunks.or(unstated);
        let layout = TrainingLayout {
            tensor: degree(tensor),
            sequence_parallel: degree(tensor) > 1 && row.year() >= 2022.4,
            pipeline: degree(pipeline),
            virtual_stages: if degree(pipeline) == 1 { 1 } else { degree(chunks) },
            context: degree(context),
            expert: degree(expert),
            ..job.layout
        };
        // The baseline of the paper that introduced sequence parallelism is without it.
        let old = row.source.contains("full recompute baseline");
        let sequence_parallel = layout.sequence_parallel && !old;
        let copy = layout.model_parallel();
        let data = u64::from(gpus) / copy;
        if data * copy != u64::from(gpus) {
            return Err(format!("{gpus} accelerators are no multiple of {copy}"));
        }
        let data = u32::try_from(data).unwrap_or(u32::MAX);
        let ranks = data.saturating_mul(layout.context);
        let sharding = match (stack, row.fsdp.as_str()) {
            (_, "SHARD_GRAD_OP") => Sharding::Gradients { group: ranks },
            ("llm-foundry", _) => Sharding::Full { group: ranks },
            // With pipeline stages weights stay gathered between passes.
            ("torchtitan", _) if layout.pipeline > 1 => Sharding::Gradients { group: ranks },
            ("torchtitan", _) => Sharding::Full { group: ranks },
            ("maxtext", _) => Sharding::Full { group: ranks.min(domain) },
            (_, "" | "0") => Sharding::Optimizer,
            _ => Sharding::Full { group: ranks },
        };
        job.layout = TrainingLayout { sequence_parallel, data, sharding, ..layout };
    } else {
        job.layout = smallest(&job, gpus);
    }
    fill_batches(&mut job, row, stated_batch);
    if row.recompute().is_none() {
        job.recipe.recompute = least_recompute(&job);
    }
    Ok(job)
}

/// Batches where the row states none: as many sequences as fit, up to eight, or as many as ranks.
fn fill_batches(job: &mut DescribedJob<'_>, row: &TrainingRow, stated: Option<u32>) {
    let data = job.layout.data.max(1);
    if row.micro_batch.is_none() && row.stack() == "maxtext" {
        let most = stated.map_or(8, |batch| (batch / data).max(1));
        let fits = |n: &u32| {
            let mut trial = job.clone();
            (trial.micro_batch, trial.recipe.recompute) = (*n, Recompute::Full);
            !lacks_memory(&trial)
        };
        let divides = |n: &u32| stated.is_none_or(|b| b.is_multiple_of(data.saturating_mul(*n)));
        job.micro_batch = (1..=most).rev().find(|n| divides(n) && fits(n)).unwrap_or(1);
    }
    let round = data.saturating_mul(job.micro_batch);
    if stated.is_none() {
        // A pipeline is kept busy by a few times as many micro-batches as it has stages.
        let rounds = if job.layout.pipeline > 1 { 4 * job.layout.pipeline } else { 1 };
        job.global_batch = round.saturating_mul(rounds);
    }
}

fn least_recompute(job: &DescribedJob<'_>) -> Recompute {
    let fits = |r: &Recompute| {
        let mut trial = job.clone();
        trial.recipe.recompute = *r;
        !lacks_memory(&trial)
    };
    Recompute::ALL.into_iter().find(fits).unwrap_or(Recompute::Full)
}

/// The smallest model parallelism that fits, for jobs of the Megatron stack that state none.
fn smallest(job: &DescribedJob<'_>, gpus: u32) -> TrainingLayout {
    let batch = job.global_batch.max(1);
    // Ranks beyond the sequences of a step have to share sequences.
    let crowded = gpus > batch && gpus.is_multiple_of(batch) && job.recipe.task.is_frozen();
    let (data, shared) = if crowded { (batch, gpus / batch) } else { (gpus, 1) };
    let degrees = [(1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 4), (8, 8), (8, 16)];
    let mut last = job.layout;
    for (tensor, pipeline) in degrees {
        let model: u32 = tensor * pipeline;
        let (context, data) = if shared >= model && shared.is_multiple_of(model) {
            (shared / model, data)
        } else if (data * shared).is_multiple_of(model) {
            (1, data * shared / model)
        } else {
            continue;
        };
        last = TrainingLayout {
            tensor,
            sequence_parallel: tensor > 1,
            pipeline,
            virtual_stages: usual_chunks(job.model, pipeline),
            context,
            ..TrainingLayout::data(data)
        };
        let mut trial = job.clone();
        trial.layout = last;
        if !lacks_memory(&trial) {
            break;
        }
    }
    last
}

/// Chunks of a stage in MLPerf's and MegaScale's GPT-3: as many as divide its layers, at most 6.
fn usual_chunks(model: &Model, pipeline: u32) -> u32 {
    let layers = model.layers.div_ceil(pipeline.max(1));
    let divides = |v: &u32| layers.is_multiple_of(*v) && v * pipeline <= model.layers + 2;
    let chunks = (1..=6.min(layers)).rev().find(divides).unwrap_or(1);
    if pipeline > 1 { chunks } else { 1 }
}

fn lacks_memory(job: &DescribedJob<'_>) -> bool {
    let Some(efficiency) = Catalog::builtin().efficiency(&job.accelerator.family) else {
        return false;
    };
    let training = TrainingEfficiency::start(&job.accelerator.family, "");
    let need = TrainingMemory::of(&job.with(efficiency, &training)).total();
    job.accelerator.memory.is_some_and(|memory| need > memory)
}

impl<'a> DescribedJob<'a> {
    /// With the constants it is to be priced with.
    pub fn with(
        &'a self,
        efficiency: &'a Efficiency,
        training: &'a TrainingEfficiency,
    ) -> TrainingJob<'a> {
        TrainingJob {
            model: self.model,
            accelerator: self.accelerator,
            efficiency,
            training,
            accelerators_per_domain: self.domain,
            layout: self.layout,
            micro_batch: self.micro_batch,
            global_batch: self.global_batch,
            sequence: self.sequence,
            recipe: self.recipe,
            power_cap: None,
        }
    }
}
