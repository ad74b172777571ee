//! The kinds of measured tables, and the columns by which they are told apart.

use std::fmt;

/// What a table measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Closed-loop serving points: TTFT and TPOT at fixed lengths and concurrency.
    Serving,
    /// Closed-loop points of long prompts, with throughput and end-to-end times.
    LongPrompt,
    /// Every request of a run with its own arrival, lengths and times.
    Requests,
    /// MLPerf Inference results.
    Mlperf,
    /// Maximum-load throughput tables.
    Throughput,
    /// ML.ENERGY: throughput, inter-token latency and GPU power over batch sizes.
    Energy,
    /// Splitwise: prompt and token times over prompt and batch sizes.
    Phases,
    /// Node power during MLPerf inference.
    Power,
    /// Node power during MLPerf training.
    TrainingPower,
    /// Training steps.
    Training,
    /// Single operators timed alone.
    Kernels,
}

/// What the fields of a column must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Positive,
    AtLeastZero,
}

/// A column that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    /// Whether a file must have it.
    pub(crate) required: bool,
}

const fn text(name: &'static str) -> Column {
    Column { name, content: Content::Text, required: true }
}

const fn positive(name: &'static str) -> Column {
    Column { name, content: Content::Positive, required: true }
}

const fn at_least_zero(name: &'static str) -> Column {
    Column { name, content: Content::AtLeastZero, required: false }
}

/// Not every file of its kind has it.
const fn maybe(column: Column) -> Column {
    Column { required: false, ..column }
}

const SERVING: &[Column] = &[
    text("model"),
    text("gpu"),
    text("backend"),
    positive("isl_tokens"),
    positive("osl_tokens"),
    positive("concurrency"),
    positive("ttft_ms"),
    positive("tpot_ms"),
    maybe(text("src_kind")),
    maybe(text("precision_label")),
    maybe(text("gemm_quant_mode")),
    maybe(text("moe_quant_mode")),
    maybe(text("mode")),
    maybe(text("quality")),
    maybe(text("verification")),
    maybe(positive("batch_size")),
    maybe(positive("tp_size")),
    maybe(positive("pp_size")),
    maybe(positive("attention_dp_size")),
    maybe(positive("moe_tp_size")),
    maybe(positive("moe_ep_size")),
    maybe(positive("prefill_batch_size")),
    maybe(positive("prefill_num_workers")),
    maybe(positive("prefill_tp_size")),
    maybe(positive("prefill_pp_size")),
    maybe(positive("prefill_attention_dp_size")),
    maybe(positive("prefill_moe_ep_size")),
    maybe(positive("decode_batch_size")),
    maybe(positive("decode_num_workers")),
    maybe(positive("decode_tp_size")),
    maybe(positive("decode_pp_size")),
    maybe(positive("decode_attention_dp_size")),
    maybe(positive("decode_moe_ep_size")),
];

const LONG_PROMPT: &[Column] = &[
    text("model"),
    text("gpu"),
    text("backend"),
    positive("isl_tokens"),
    positive("osl_tokens"),
    positive("concurrency"),
    positive("ttft_median_ms"),
    positive("tpot_median_ms"),
    maybe(text("precision_label")),
    maybe(text("verification")),
    maybe(positive("num_prompts")),
    maybe(positive("tp_size")),
    maybe(positive("moe_ep_size")),
    maybe(positive("attention_dp_size")),
    maybe(positive("n_gpus")),
    maybe(positive("output_tok_s")),
    maybe(positive("e2e_median_s")),
];

const REQUESTS: &[Column] = &[
    Column { name: "arrival_s", content: Content::AtLeastZero, required: true },
    positive("in"),
    positive("out"),
    positive("ttft_s"),
    positive("e2e_s"),
    at_least_zero("queue_s"),
    maybe(text("model")),
    maybe(text("gpu")),
    maybe(text("backend")),
    maybe(text("backend_version")),
    maybe(text("precision_label")),
    maybe(positive("tp_size")),
    maybe(positive("pp_size")),
    maybe(positive("max_num_seqs")),
    maybe(positive("max_num_batched_tokens")),
    maybe(positive("block_size")),
    maybe(text("source")),
];
/// Columns of [`REQUESTS`] that differ from one request of a run to the next: the first so many.
const OF_A_REQUEST: usize = 6;

const MLPERF: &[Column] = &[
    text("model"),
    text("scenario"),
    text("gpu"),
    positive("n_gpus"),
    positive("output_tok_s"),
    maybe(positive("nodes")),
    maybe(positive("accel_per_node")),
    maybe(text("precision")),
    maybe(text("software")),
    maybe(text("submitter")),
    maybe(text("division")),
    maybe(text("system")),
    maybe(positive("power_cap_w")),
    maybe(text("verification")),
    maybe(positive("osl_mean_tokens")),
    at_least_zero("sched_samples_per_s"),
    at_least_zero("ttft_p50_ms"),
    at_least_zero("ttft_p99_ms"),
    at_least_zero("tpot_p50_ms"),
    at_least_zero("tpot_p99_ms"),
    at_least_zero("slo_ttft_ms"),
    at_least_zero("slo_tpot_ms"),
    at_least_zero("power_w"),
];

const THROUGHPUT: &[Column] = &[
    text("model"),
    text("gpu"),
    text("engine"),
    text("mode"),
    positive("n_gpus"),
    maybe(text("precision_label")),
    maybe(text("src_kind")),
    maybe(text("verification")),
    maybe(positive("tp")),
    maybe(positive("attn_dp")),
    maybe(positive("ep")),
    maybe(positive("isl_tokens")),
    maybe(positive("osl_tokens")),
    positive("output_tok_s_per_gpu"),
    positive("input_tok_s_per_gpu"),
    maybe(positive("tpot_ms")),
    maybe(positive("batch_per_gpu")),
];

const ENERGY: &[Column] = &[
    text("model"),
    text("gpu"),
    text("task"),
    positive("tp"),
    positive("avg_batch_size"),
    positive("osl_mean_tokens"),
    positive("itl_median_ms"),
    positive("avg_power_w_all_gpus"),
    maybe(text("precision_label")),
    maybe(text("verification")),
    maybe(positive("n_gpus")),
    maybe(positive("ep")),
    maybe(positive("dp")),
    maybe(positive("max_num_seqs")),
    maybe(positive("output_tok_s_per_gpu")),
    maybe(positive("energy_per_token_j")),
];

const PHASES: &[Column] = &[
    text("model"),
    text("hardware"),
    positive("tp"),
    positive("isl_tokens"),
    positive("batch_size"),
    positive("osl_tokens"),
    positive("prompt_time_ms_median"),
    positive("token_time_ms_median"),
    maybe(text("gpu")),
    maybe(text("power_capped")),
    maybe(text("verification")),
    at_least_zero("peak_power_frac_tdp_median"),
    at_least_zero("average_power_frac_tdp_median"),
    maybe(positive("e2e_time_ms_median")),
    maybe(positive("power_cap_w")),
];

const POWER: &[Column] = &[
    text("model"),
    text("scenario"),
    text("gpu"),
    positive("n_gpus"),
    positive("mean_w_core90"),
    maybe(text("power_mode")),
    maybe(text("verification")),
    maybe(positive("tokens_per_s")),
    maybe(text("system")),
    maybe(positive("power_cap_w")),
];

const TRAINING_POWER: &[Column] = &[
    text("benchmark"),
    text("gpu"),
    positive("gpus_per_node"),
    positive("n_nodes_metered"),
    positive("node_mean_w"),
    maybe(text("mlperf_round")),
    maybe(text("system")),
    maybe(text("source")),
    maybe(text("verification")),
    maybe(positive("run_duration_s")),
    maybe(positive("node_p95_w")),
    maybe(positive("sample_period_s")),
];

const TRAINING: &[Column] = &[
    text("model"),
    text("gpu"),
    text("task"),
    positive("global_batch_seqs"),
    positive("seq_len"),
    text("source_kind"),
    maybe(text("verification")),
    maybe(text("precision")),
    maybe(positive("n_gpus")),
    maybe(positive("tp")),
    maybe(positive("pp")),
    maybe(positive("cp")),
    maybe(positive("ep")),
    maybe(positive("dp")),
    maybe(positive("micro_batch_seqs")),
    maybe(positive("step_time_s")),
    maybe(positive("tokens_per_s_per_gpu")),
    maybe(positive("model_tflops_per_gpu")),
    maybe(positive("gpu_hours")),
    maybe(positive("train_tokens_b")),
];

const KERNELS: &[Column] = &[
    text("gpu"),
    text("op_name"),
    text("kernel_source"),
    maybe(text("framework")),
    maybe(text("verification")),
    maybe(positive("latency_ms")),
    maybe(positive("m")),
    maybe(positive("n")),
    maybe(positive("k")),
    maybe(positive("batch_size")),
    maybe(positive("isl")),
    maybe(positive("num_heads")),
    maybe(positive("num_tokens")),
    maybe(positive("hidden_size")),
    maybe(positive("num_gpus")),
    maybe(positive("message_size_elements")),
];

impl Kind {
    /// Every kind, in the order one would list them.
    pub const ALL: [Self; 11] = [
        Self::Serving,
        Self::LongPrompt,
        Self::Requests,
        Self::Mlperf,
        Self::Throughput,
        Self::Energy,
        Self::Phases,
        Self::Power,
        Self::TrainingPower,
        Self::Training,
        Self::Kernels,
    ];

    /// In a word, as in flags and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::LongPrompt => "long-prompt",
            Self::Requests => "requests",
            Self::Mlperf => "mlperf",
            Self::Throughput => "throughput",
            Self::Energy => "energy",
            Self::Phases => "phases",
            Self::Power => "power",
            Self::TrainingPower => "training-power",
            Self::Training => "training",
            Self::Kernels => "kernels",
        }
    }

    /// In a few words, for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Serving => "closed-loop serving points (serving)",
            Self::LongPrompt => "long-prompt serving points (serving)",
            Self::Requests => "requests of a serving run (serving)",
            Self::Mlperf => "MLPerf Inference results (mlperf)",
            Self::Throughput => "maximum-load throughput (throughput)",
            Self::Energy => "power and energy over batch sizes (energy)",
            Self::Phases => "prompt and token times (phases)",
            Self::Power => "node power in inference (power)",
            Self::TrainingPower => "node power in training (training-power)",
            Self::Training => "training steps (training)",
            Self::Kernels => "single operators (kernels)",
        }
    }

    /// Columns that are read.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Serving => SERVING,
            Self::LongPrompt => LONG_PROMPT,
            Self::Requests => REQUESTS,
            Self::Mlperf => MLPERF,
            Self::Throughput => THROUGHPUT,
            Self::Energy => ENERGY,
            Self::Phases => PHASES,
            Self::Power => POWER,
            Self::TrainingPower => TRAINING_POWER,
            Self::Training => TRAINING,
            Self::Kernels => KERNELS,
        }
    }

    /// Columns that rows of one measurement have in common, where a measurement is many rows.
    pub(crate) fn conditions(self) -> Option<&'static [Column]> {
        match self {
            Self::Requests => Some(&REQUESTS[OF_A_REQUEST..]),
            _ => None,
        }
    }

    fn required(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().filter(|column| column.required).map(|column| column.name)
    }

    /// The kind all of whose required columns are there; else the one of which most are there, and
    /// what it lacks.
    pub(crate) fn of(there: impl Fn(&str) -> bool) -> Result<Self, (Self, Vec<&'static str>)> {
        let mut nearest: Option<(usize, Self, Vec<&'static str>)> = None;
        for kind in Self::ALL {
            let missing: Vec<&str> = kind.required().filter(|name| !there(name)).collect();
            if missing.is_empty() {
                return Ok(kind);
            }
            let found = kind.columns().iter().filter(|column| there(column.name)).count();
            if nearest.as_ref().is_none_or(|(most, ..)| found > *most) {
                nearest = Some((found, kind, missing));
            }
        }
        let (_, kind, missing) = nearest.unwrap_or((0, Self::Serving, Vec::new()));
        Err((kind, missing))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
