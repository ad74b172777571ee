//! What comes of a row: figures measured and predicted, or the reason why there are none.

use std::fmt;

use thiserror::Error;
use wattmill_catalog::Interval;
use wattmill_perf::LayoutProblem;

/// A figure that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Time to first token, ms.
    Ttft,
    /// Time to first token that one request in ten exceeds, ms.
    TtftTail,
    /// Time per output token after the first, ms.
    Tpot,
    /// From the request to its last token, s.
    EndToEnd,
    /// Output tokens a second of one accelerator.
    OutputRate,
    /// Prompt tokens a second of one accelerator.
    InputRate,
    /// Time of a whole batch's prompts, ms.
    PromptTime,
    /// Time of one decode step, ms.
    StepTime,
    /// Power of one accelerator, W.
    AcceleratorPower,
    /// Accelerator energy of one output token, J.
    EnergyPerToken,
    /// Power of a whole node, W.
    NodePower,
    /// What nineteen of twenty readings of a node's power do not exceed, W.
    NodePowerP95,
    /// Time of one training step, s.
    TrainingStep,
    /// Time of a single operator, us.
    KernelTime,
}

impl Metric {
    /// Every metric, in the order of tables.
    pub const ALL: [Self; 14] = [
        Self::Ttft,
        Self::TtftTail,
        Self::Tpot,
        Self::EndToEnd,
        Self::OutputRate,
        Self::InputRate,
        Self::PromptTime,
        Self::StepTime,
        Self::AcceleratorPower,
        Self::EnergyPerToken,
        Self::NodePower,
        Self::NodePowerP95,
        Self::TrainingStep,
        Self::KernelTime,
    ];

    /// Without its unit, for figures that have none, such as errors.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::TtftTail => "ttft_p90",
            Self::Tpot => "tpot",
            Self::EndToEnd => "e2e",
            Self::OutputRate => "output_rate",
            Self::InputRate => "input_rate",
            Self::PromptTime => "prompt_time",
            Self::StepTime => "step_time",
            Self::AcceleratorPower => "accelerator_power",
            Self::EnergyPerToken => "energy_per_token",
            Self::NodePower => "node_power",
            Self::NodePowerP95 => "node_power_p95",
            Self::TrainingStep => "training_step",
            Self::KernelTime => "kernel_time",
        }
    }

    /// In words, with its unit.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ttft => "time to first token, ms",
            Self::TtftTail => "time to first token, 90 % of requests, ms",
            Self::Tpot => "time per output token, ms",
            Self::EndToEnd => "request to last token, s",
            Self::OutputRate => "output tokens a second of one accelerator",
            Self::InputRate => "prompt tokens a second of one accelerator",
            Self::PromptTime => "time of the prompts of a batch, ms",
            Self::StepTime => "time between tokens, ms",
            Self::AcceleratorPower => "power of one accelerator, W",
            Self::EnergyPerToken => "accelerator energy of an output token, J",
            Self::NodePower => "power of a node, W",
            Self::NodePowerP95 => "power of a node, 95 % of readings, W",
            Self::TrainingStep => "training step, s",
            Self::KernelTime => "time of an operator, us",
        }
    }

    /// With its unit, as in columns and fields.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft_ms",
            Self::TtftTail => "ttft_p90_ms",
            Self::Tpot => "tpot_ms",
            Self::EndToEnd => "e2e_s",
            Self::OutputRate => "output_tok_s_per_accelerator",
            Self::InputRate => "input_tok_s_per_accelerator",
            Self::PromptTime => "prompt_time_ms",
            Self::StepTime => "step_time_ms",
            Self::AcceleratorPower => "accelerator_power_w",
            Self::EnergyPerToken => "energy_per_token_j",
            Self::NodePower => "node_power_w",
            Self::NodePowerP95 => "node_power_p95_w",
            Self::TrainingStep => "training_step_s",
            Self::KernelTime => "kernel_time_us",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One figure of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub metric: Metric,
    /// As published.
    pub measured: f64,
    /// By the model.
    pub predicted: f64,
    /// Where four in five measurements of the kind lie, as factors on what is predicted; `None` where it
    /// was not asked, or nothing of the kind was ever measured.
    pub interval: Option<Interval>,
}

impl Figure {
    /// Predicted over measured, minus 1.
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }

    /// Whether what was measured lies inside the interval of the prediction.
    pub fn is_within(&self) -> Option<bool> {
        let bar = self.interval?;
        Some((bar.low..=bar.high).contains(&(self.measured / self.predicted)))
    }
}

/// What a row has in common with others. Empty text or `None`: the row does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Catalogue id of the model.
    pub model: String,
    /// Catalogue id of the accelerator.
    pub accelerator: String,
    /// Serving software.
    pub engine: String,
    /// `agg`, `disagg`, `Offline`, `Server`, …
    pub mode: String,
    /// Number format of the weights.
    pub precision: String,
    /// Requests in flight.
    pub concurrency: Option<u32>,
    /// Where the row is from.
    pub source: String,
}

impl Group {
    /// Band of the concurrency: powers of four.
    pub fn band(&self) -> &'static str {
        match self.concurrency {
            None => "",
            Some(0..=1) => "1",
            Some(2..=7) => "2-7",
            Some(8..=31) => "8-31",
            Some(32..=127) => "32-127",
            Some(128..=511) => "128-511",
            Some(_) => "512 and more",
        }
    }
}

/// What was measured in a row, before anything is predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Line in the file, from 1.
    pub line: u64,
    /// What it has in common with others.
    pub group: Group,
    /// Whether it counts towards the headline: rows whose conditions are not fully known, and
    /// figures that were recalled and not read again, do not.
    pub headline: bool,
    /// As published.
    pub figures: Vec<(Metric, f64)>,
}

/// A row that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Line in the file, from 1.
    pub line: u64,
    /// What it has in common with others.
    pub group: Group,
    /// Whether it counts towards the headline; see [`Measured::headline`].
    pub headline: bool,
    /// Measured and predicted, in the order of [`Metric`].
    pub figures: Vec<Figure>,
    /// What speaks against the answer, if anything does.
    pub note: Option<String>,
}

impl Outcome {
    /// Pairs what was measured with what was predicted; a metric of one side only is left out.
    pub fn of(measured: &Measured, predicted: &[(Metric, f64)]) -> Self {
        let mut figures: Vec<Figure> = measured
            .figures
            .iter()
            .filter_map(|(metric, measured)| {
                let (_, predicted) = predicted.iter().find(|(other, _)| other == metric)?;
                let (metric, measured, predicted) = (*metric, *measured, *predicted);
                Some(Figure { metric, measured, predicted, interval: None })
            })
            .collect();
        figures.sort_by_key(|figure| figure.metric);
        Self {
            line: measured.line,
            group: measured.group.clone(),
            headline: measured.headline,
            figures,
            note: None,
        }
    }

    /// One of its figures.
    pub fn figure(&self, metric: Metric) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric == metric)
    }
}

/// A row that was not answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// Line in the file, from 1.
    pub line: u64,
    /// What it has in common with others, as far as it says what is known.
    pub group: Group,
    /// Why.
    pub reason: Reason,
}

/// Why a row has no prediction.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// No such model.
    #[error("no model `{name}`{}", did_you_mean(closest))]
    UnknownModel {
        /// As the row calls it.
        name: String,
        /// Names that resemble it.
        closest: Vec<String>,
    },
    /// No such accelerator.
    #[error("no accelerator `{name}`{}", did_you_mean(closest))]
    UnknownAccelerator {
        /// As the row calls it.
        name: String,
        /// Names that resemble it.
        closest: Vec<String>,
    },
    /// No such number format.
    #[error("no precision `{label}`; known are bf16, fp8 and fp4 and what vendors call them")]
    UnknownPrecision {
        /// As the row calls it.
        label: String,
    },
    /// No such serving software.
    #[error("no engine `{name}`; known are vllm, sglang and trtllm")]
    UnknownEngine {
        /// As the row calls it.
        name: String,
    },
    /// A blank field that the prediction needs.
    #[error("`{column}` is blank")]
    Missing {
        /// The column.
        column: &'static str,
    },
    /// A field that is not the number it should be.
    #[error("`{column}`: `{value}` is not {wanted}")]
    Malformed {
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
    /// A count that cannot be.
    #[error("`{column}` = {value} cannot be; it may be a whole number from 1 to {most}")]
    OutOfRange {
        /// The column.
        column: &'static str,
        /// What stands there.
        value: f64,
        /// Largest that is taken.
        most: u32,
    },
    /// Something else of the row that cannot be told.
    #[error("{0}")]
    Unsupported(String),
    /// It cannot be laid out like that.
    #[error("{}", joined(.0))]
    Layout(Vec<LayoutProblem>),
    /// More work than is simulated for a row.
    #[error(
        "{requests} requests of {tokens} tokens are more than is simulated: at most {most} tokens \
         under way"
    )]
    TooMuch {
        /// Requests in flight.
        requests: u32,
        /// Tokens of each.
        tokens: u64,
        /// Most tokens of all of them.
        most: u64,
    },
    /// Requests that are longer than what the model was made for.
    #[error(
        "a request of {tokens} tokens is longer than the context of up to {context} tokens that \
         `{model}` was made for"
    )]
    Context {
        /// Tokens of the longest request.
        tokens: u64,
        /// Most tokens of a sequence.
        context: u32,
        /// Catalogue id.
        model: String,
    },
    /// Requests that are longer than the whole cache.
    #[error("a request of {tokens} tokens is longer than the {cache} tokens that the cache holds")]
    TooLong {
        /// Tokens of the longest request.
        tokens: u64,
        /// Tokens that the cache of a replica holds.
        cache: u64,
    },
}

impl Reason {
    /// In a few words, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "unknown model",
            Self::UnknownAccelerator { .. } => "unknown accelerator",
            Self::UnknownPrecision { .. } => "unknown precision",
            Self::UnknownEngine { .. } => "unknown engine",
            Self::Missing { .. } => "blank field",
            Self::Malformed { .. } => "not a number",
            Self::OutOfRange { .. } => "count out of range",
            Self::Unsupported(_) => "not supported",
            Self::TooMuch { .. } => "more than is simulated",
            Self::Context { .. } => "longer than the model's context",
            Self::TooLong { .. } => "request longer than the cache",
            Self::Layout(problems) => match problems.first() {
                Some(LayoutProblem::Heads { .. } | LayoutProblem::KvHeads { .. }) => {
                    "tensor parallelism does not divide the heads"
                }
                Some(LayoutProblem::Experts { .. } | LayoutProblem::ExpertGroup { .. }) => {
                    "expert parallelism does not divide"
                }
                Some(LayoutProblem::NoExperts { .. }) => "expert parallelism without experts",
                Some(LayoutProblem::Memory { .. }) => "does not fit the memory",
                Some(LayoutProblem::ModelUnknown { .. }) => "model not known enough",
                Some(LayoutProblem::AcceleratorUnknown { .. }) => "accelerator not known enough",
                _ => "cannot be laid out",
            },
        }
    }
}

fn did_you_mean(closest: &[String]) -> String {
    match closest {
        [] => "; `wattmill catalog` lists what there is".to_owned(),
        names => format!("; did you mean `{}`?", names.join("` or `")),
    }
}

fn joined(problems: &[LayoutProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
