//! What is trained, on what, and how it is laid out.

use std::fmt;

use wattmill_catalog::{
    Accelerator, Efficiency, Model, Precision, TrainingEfficiency, TrainingReach,
};
use wattmill_factory::PowerCap;

/// Number format of the linear layers' multiplications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrainingFormat {
    /// 16 bits (FP16 counts as the same).
    #[default]
    Bf16,
    /// 8 bits, one scale per tensor.
    Fp8,
    /// 8 bits with block scales.
    Mxfp8,
    /// 4 bits with block scales.
    Nvfp4,
}

impl TrainingFormat {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Bf16, Self::Fp8, Self::Mxfp8, Self::Nvfp4];

    /// As written in flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Mxfp8 => "mxfp8",
            Self::Nvfp4 => "nvfp4",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(name))
    }

    /// The units it runs on.
    pub const fn precision(self) -> Precision {
        match self {
            Self::Bf16 => Precision::Bf16,
            Self::Fp8 | Self::Mxfp8 => Precision::Fp8,
            Self::Nvfp4 => Precision::Fp4,
        }
    }
}

impl fmt::Display for TrainingFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What of a forward pass is computed again in the backward pass instead of kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recompute {
    /// Nothing but what fused attention repeats by itself.
    #[default]
    None,
    /// What is large and cheap: the core of attention, norms, activations.
    Selective,
    /// Every layer; only its input is kept.
    Full,
}

impl Recompute {
    /// Every one of them, least recomputation first.
    pub const ALL: [Self; 3] = [Self::None, Self::Selective, Self::Full];

    /// As written in flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Selective => "selective",
            Self::Full => "full",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Recompute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the training changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// All weights, from text as it comes.
    #[default]
    Pretrain,
    /// All weights, from examples. Costs what pretraining costs.
    Finetune,
    /// Adapters of this rank beside frozen attention weights.
    Lora {
        /// Rank of the adapters.
        rank: u32,
    },
}

impl Task {
    /// Whether the model's own weights stay as they are.
    pub const fn is_frozen(self) -> bool {
        matches!(self, Self::Lora { .. })
    }
}

/// What data parallel ranks do not hold in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharding {
    /// Every rank holds everything.
    None,
    /// The optimizer's state is spread over all ranks (ZeRO-1, distributed optimizer).
    #[default]
    Optimizer,
    /// Gradients too; weights are gathered once a micro-batch (ZeRO-2, FSDP `SHARD_GRAD_OP`).
    Gradients {
        /// Ranks that share one copy. Fewer than all: hybrid sharding.
        group: u32,
    },
    /// Weights too; gathered layer by layer, forward and backward (ZeRO-3, FSDP `FULL_SHARD`).
    Full {
        /// Ranks that share one copy. Fewer than all: hybrid sharding.
        group: u32,
    },
}

/// Degrees of parallelism of one job. Accelerators: `tensor × context × pipeline × data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrainingLayout {
    /// Tensor parallel degree.
    pub tensor: u32,
    /// Whether what tensor parallelism leaves whole (norms, residuals) is split by sequence.
    pub sequence_parallel: bool,
    /// Pipeline stages.
    pub pipeline: u32,
    /// Model chunks of one stage (interleaved 1F1B); 1 = plain 1F1B.
    pub virtual_stages: u32,
    /// Context parallel degree: ranks that share the tokens of a sequence.
    pub context: u32,
    /// Expert parallel degree; divides `tensor × context × data`.
    pub expert: u32,
    /// Tensor parallel degree within an expert.
    pub expert_tensor: u32,
    /// Data parallel degree.
    pub data: u32,
    /// What data parallel ranks share.
    pub sharding: Sharding,
}

impl TrainingLayout {
    /// Data parallel only, optimizer state sharded.
    pub const fn data(degree: u32) -> Self {
        Self {
            tensor: 1,
            sequence_parallel: false,
            pipeline: 1,
            virtual_stages: 1,
            context: 1,
            expert: 1,
            expert_tensor: 1,
            data: degree,
            sharding: Sharding::Optimizer,
        }
    }

    /// Accelerators of the job.
    pub const fn accelerators(self) -> u64 {
        let model = self.model_parallel();
        model.saturating_mul(self.data as u64)
    }

    /// Accelerators of one copy of the model: `tensor × context × pipeline`.
    pub const fn model_parallel(self) -> u64 {
        (self.tensor as u64)
            .saturating_mul(self.context as u64)
            .saturating_mul(self.pipeline as u64)
    }
}

impl fmt::Display for TrainingLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tp={},pp={}", self.tensor, self.pipeline)?;
        let others = [
            ("vpp", self.virtual_stages),
            ("cp", self.context),
            ("ep", self.expert),
            ("etp", self.expert_tensor),
        ];
        for (name, degree) in others.into_iter().filter(|(_, degree)| *degree != 1) {
            write!(f, ",{name}={degree}")?;
        }
        write!(f, ",dp={}", self.data)?;
        match self.sharding {
            Sharding::None => write!(f, ",zero=0"),
            Sharding::Optimizer => write!(f, ",zero=1"),
            Sharding::Gradients { group } => write!(f, ",zero=2,shard={group}"),
            Sharding::Full { group } => write!(f, ",zero=3,shard={group}"),
        }
    }
}

/// Formats and savings of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingRecipe {
    /// Format of the linear layers' multiplications. Attention, head and router stay in BF16.
    pub format: TrainingFormat,
    /// What is computed twice.
    pub recompute: Recompute,
    /// What is trained.
    pub task: Task,
    /// Bytes of one accumulated gradient.
    pub gradient_bytes: f64,
    /// Bytes of optimizer state per trained weight: 12 for Adam with a master copy in FP32.
    pub optimizer_bytes: f64,
    /// Bytes at which inputs of linear layers and activations are kept for the backward pass: 2, or
    /// 1 where the stack keeps what it has quantised anyway.
    pub kept_bytes: f64,
    /// Year of the software, as 2025.5.
    pub year: f64,
}

impl TrainingRecipe {
    /// Pretraining in `format` with Adam in FP32, nothing recomputed, in narrow formats inputs kept
    /// as they were quantised.
    pub const fn pretrain(format: TrainingFormat) -> Self {
        Self {
            format,
            recompute: Recompute::None,
            task: Task::Pretrain,
            gradient_bytes: 4.0,
            optimizer_bytes: 12.0,
            kept_bytes: if matches!(format, TrainingFormat::Bf16) { 2.0 } else { 1.0 },
            year: 2025.5,
        }
    }
}

/// One training job: what is trained on what, laid out how, in which batches.
///
/// ```
/// use wattmill_catalog::{Catalog, TrainingTable};
/// use wattmill_perf::{TrainingFormat, TrainingJob, TrainingLayout, TrainingRecipe, TrainingStep};
///
/// let catalog = Catalog::builtin();
/// let accelerator = catalog.accelerator("h100-sxm").unwrap();
/// let training = TrainingTable::builtin().get(&accelerator.family, "megatron");
/// let job = TrainingJob {
///     model: catalog.model("llama-3.1-70b").unwrap(),
///     accelerator,
///     efficiency: catalog.efficiency(&accelerator.family).unwrap(),
///     training: &training,
///     accelerators_per_domain: 8,
///     layout: TrainingLayout {
///         tensor: 4,
///         sequence_parallel: true,
///         pipeline: 8,
///         virtual_stages: 5,
///         ..TrainingLayout::data(2)
///     },
///     micro_batch: 1,
///     global_batch: 128,
///     sequence: 8192,
///     recipe: TrainingRecipe::pretrain(TrainingFormat::Fp8),
///     power_cap: None,
/// };
/// assert!(job.problems().is_empty());
/// let step = TrainingStep::of(&job);
/// // Against the BF16 peak, whatever the format.
/// assert!((0.65..0.8).contains(&step.mfu()));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TrainingJob<'a> {
    /// The model that is trained.
    pub model: &'a Model,
    /// The accelerator it is trained on.
    pub accelerator: &'a Accelerator,
    /// What share of its peaks that accelerator's family reaches.
    pub efficiency: &'a Efficiency,
    /// What training with one software stack reaches of that.
    pub training: &'a TrainingEfficiency,
    /// Accelerators in one scale-up domain.
    pub accelerators_per_domain: u32,
    /// How it is laid out.
    pub layout: TrainingLayout,
    /// Sequences of one micro-batch of one data parallel rank.
    pub micro_batch: u32,
    /// Sequences of one step.
    pub global_batch: u32,
    /// Tokens of a sequence.
    pub sequence: u32,
    /// Formats and savings.
    pub recipe: TrainingRecipe,
    /// What each accelerator may draw; `None`: its own limit.
    pub power_cap: Option<PowerCap>,
}

impl TrainingJob<'_> {
    /// Micro-batches of one data parallel rank in a step; at least 1.
    pub fn micro_batches(&self) -> f64 {
        let per_round = f64::from(self.layout.data.max(1)) * f64::from(self.micro_batch.max(1));
        (f64::from(self.global_batch) / per_round).max(1.0)
    }

    /// Its degrees and its size, to compare with what was measured.
    pub fn reach(&self) -> TrainingReach {
        let TrainingLayout { tensor, pipeline, context, expert, .. } = self.layout;
        let accelerators = u32::try_from(self.layout.accelerators()).unwrap_or(u32::MAX);
        TrainingReach { tensor, pipeline, context, expert, accelerators }
    }

    /// Tokens of one step.
    pub fn tokens(&self) -> f64 {
        f64::from(self.global_batch) * f64::from(self.sequence)
    }

    /// Tokens of one micro-batch on one context parallel rank.
    pub(crate) fn rank_tokens(&self) -> f64 {
        f64::from(self.micro_batch) * f64::from(self.sequence)
            / f64::from(self.layout.context.max(1))
    }
}
