//! How a model is laid out on accelerators and batched.

use std::fmt;

use wattmill_catalog::Precision;
use wattmill_units::{ByteRate, Power, Ratio};

use crate::Speculation;

/// Degrees of parallelism of one replica.
///
/// Attention runs on `data_attention` groups, each with its own share of the batch. A group has
/// `context` ranks of `tensor` accelerators, each with its own share of every sequence: of a prompt's
/// tokens and of the cache. Experts are spread over `expert` accelerators. `accelerators()` is
/// `tensor × data_attention × context × pipeline`, and `expert` divides
/// `tensor × data_attention × context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Tensor parallel degree.
    pub tensor: u32,
    /// Pipeline parallel degree.
    pub pipeline: u32,
    /// Expert parallel degree (1 = experts are split by tensor parallelism).
    pub expert: u32,
    /// Attention data parallel degree.
    pub data_attention: u32,
    /// Context parallel degree.
    pub context: u32,
}

impl Layout {
    /// Tensor parallel only.
    pub const fn tensor(degree: u32) -> Self {
        Self { tensor: degree, pipeline: 1, expert: 1, data_attention: 1, context: 1 }
    }

    /// Accelerators of one replica.
    pub const fn accelerators(self) -> u32 {
        self.tensor * self.data_attention * self.context * self.pipeline
    }
}

/// The software whose scheduling and overheads an engine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavour {
    /// vLLM.
    #[default]
    Vllm,
    /// SGLang.
    Sglang,
    /// TensorRT-LLM.
    Trtllm,
}

impl Flavour {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Vllm, Self::Sglang, Self::Trtllm];

    /// As written in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Trtllm => "trtllm",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What each accelerator may draw at most: below its own limit, so that more of them run on the same
/// power.
///
/// ```
/// use wattmill_factory::PowerCap;
/// use wattmill_units::{ByteRate, Power, Ratio};
/// let h100 = Power::from_watts(700.0);
/// assert_eq!(PowerCap::Watts(Power::from_watts(500.0)).of(h100).as_watts(), 500.0);
/// let share = PowerCap::Share(Ratio::from_fraction(0.5));
/// assert_eq!((share.of(h100).as_watts(), share.to_string().as_str()), (350.0, "50 % of the limit"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PowerCap {
    /// So much, whatever the accelerator.
    Watts(Power),
    /// So much of the accelerator's own limit.
    Share(Ratio),
}

impl PowerCap {
    /// What an accelerator of this power limit may draw.
    pub fn of(self, limit: Power) -> Power {
        match self {
            Self::Watts(cap) => cap,
            Self::Share(share) => limit * share.as_fraction(),
        }
    }

    /// The same with a cap or without.
    ///
    /// ```
    /// use wattmill_factory::PowerCap;
    /// use wattmill_units::{Power, Ratio};
    /// let h100 = Power::from_watts(700.0);
    /// let half = PowerCap::Share(Ratio::from_fraction(0.5));
    /// assert_eq!(PowerCap::at_most(Some(half), h100), Power::from_watts(350.0));
    /// assert_eq!(PowerCap::at_most(None, h100), h100);
    /// ```
    pub fn at_most(cap: Option<Self>, limit: Power) -> Power {
        cap.map_or(limit, |cap| cap.of(limit))
    }

    /// How many times as much an accelerator of this power limit could draw without it; `None` for a
    /// cap at the limit, which is none.
    ///
    /// ```
    /// use wattmill_factory::PowerCap;
    /// use wattmill_units::{Power, Ratio};
    /// let h100 = Power::from_watts(700.0);
    /// assert_eq!(PowerCap::Share(Ratio::from_fraction(0.5)).depth(h100), Some(2.0));
    /// assert_eq!(PowerCap::Watts(h100).depth(h100), None);
    /// ```
    pub fn depth(self, limit: Power) -> Option<f64> {
        let cap = self.of(limit);
        (cap < limit).then(|| limit / cap)
    }
}

impl fmt::Display for PowerCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watts(cap) => write!(f, "{cap}"),
            Self::Share(share) => {
                let percent = (share.as_fraction() * 1e4).round() / 100.0;
                write!(f, "{percent} % of the limit")
            }
        }
    }
}

/// One replica's engine: layout, number formats and batching limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineSpec {
    /// Parallelism.
    pub layout: Layout,
    /// The software it follows.
    pub flavour: Flavour,
    /// Format of weights and matrix multiplications.
    pub precision: Precision,
    /// Format of the KV cache (BF16 or FP8).
    pub kv_precision: Precision,
    /// Most sequences in the batch of one replica.
    pub max_seqs: u32,
    /// Most tokens in one step of one replica: decodes and prefill chunks together.
    pub max_tokens: u32,
    /// Tokens in one KV block.
    pub block_tokens: u32,
    /// Fraction of an accelerator's memory the engine may use.
    pub memory_fraction: f64,
    /// What each accelerator may draw; `None`: its own limit.
    pub power_cap: Option<PowerCap>,
    /// Tokens guessed ahead; `None`: one token a step.
    pub speculation: Option<Speculation>,
    /// Tokens of the busiest expert parallel rank over those of the mean one, which waits for it; 1
    /// where the load is as even as in the kernels that were measured.
    pub expert_imbalance: f64,
    /// What each accelerator's link to host memory carries, over which the cache of a preempted
    /// sequence goes and comes back; `None`: it is dropped and computed again.
    pub swap: Option<ByteRate>,
}

impl EngineSpec {
    /// What an accelerator's link to host memory carries one way unless stated: PCIe 5.0 with sixteen
    /// lanes, of whose 63 GB/s large copies reach about four fifths \[E\].
    pub const HOST_LINK: ByteRate = ByteRate::from_gb_per_s(50.0);

    /// Usual limits around a layout and precision: 1,024 sequences and 8,192 tokens a step, blocks
    /// of 16 tokens, 90 % of memory, BF16 cache; vLLM; no power cap, no speculation, experts with even
    /// load, what is preempted computed again.
    pub const fn new(layout: Layout, precision: Precision) -> Self {
        Self {
            layout,
            flavour: Flavour::Vllm,
            precision,
            kv_precision: Precision::Bf16,
            max_seqs: 1024,
            max_tokens: 8192,
            block_tokens: 16,
            memory_fraction: 0.9,
            power_cap: None,
            speculation: None,
            expert_imbalance: 1.0,
            swap: None,
        }
    }
}

/// The engine of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EngineChoice {
    /// The best of a few usual layouts, found for each kind of machine.
    Auto,
    /// This one on every kind of machine.
    Explicit(EngineSpec),
}
