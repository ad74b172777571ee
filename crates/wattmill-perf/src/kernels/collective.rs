//! Messages among the accelerators of a scale-up domain.

use wattmill_catalog::MOST_AXES;

use super::{AxisPlan, Constant, MICRO, Parts, Rates, free, log2};

/// What a collective does with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collective {
    /// Everybody gets the sum, by the engine's own kernel.
    EngineAllReduce,
    /// Everybody gets the sum, by the communication library.
    AllReduce,
    /// Everybody gets everything.
    AllGather,
    /// Everybody gets a part of the sum.
    ReduceScatter,
    /// Everybody sends a part to everybody.
    AllToAll,
}

impl Collective {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::EngineAllReduce,
        Self::AllReduce,
        Self::AllGather,
        Self::ReduceScatter,
        Self::AllToAll,
    ];

    /// Name of its surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EngineAllReduce => "engine_all_reduce",
            Self::AllReduce => "all_reduce",
            Self::AllGather => "all_gather",
            Self::ReduceScatter => "reduce_scatter",
            Self::AllToAll => "all_to_all",
        }
    }

    /// How often the message passes a link.
    const fn passes(self) -> f64 {
        match self {
            Self::EngineAllReduce | Self::AllReduce => 2.0,
            _ => 1.0,
        }
    }
}

/// A collective of accelerators in one domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollectiveKernel {
    /// Which.
    pub collective: Collective,
    /// Accelerators.
    pub accelerators: f64,
    /// Bytes of the whole message.
    pub bytes: f64,
}

pub(super) const CONSTANTS: &[Constant] =
    &[free("launch_us", 8.0, 0.5, 60.0), free("link", 0.7, 0.05, 1.0)];

pub(super) const AXES: &[AxisPlan] = &[
    (
        "log2 bytes",
        &[
            8.0, 12.0, 14.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0,
            28.0, 30.0,
        ],
    ),
    ("log2 accelerators", &[1.0, 2.0, 3.0]),
];

impl CollectiveKernel {
    /// Bytes one accelerator sends.
    pub fn sent(&self) -> f64 {
        let n = self.accelerators.max(1.0);
        self.collective.passes() * self.bytes * (n - 1.0) / n
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [log2(self.bytes), log2(self.accelerators), 0.0, 0.0]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, link] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let transfer = self.sent() / (rates.link * link);
        Parts { launch: launch * MICRO, compute: 0.0, memory: transfer, work: transfer }
    }
}

/// Rows of one accelerator go to the accelerators of the experts picked for them, or come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExchangeKernel {
    /// Back to the tokens' own accelerators, in BF16, rather than out to the experts.
    pub combine: bool,
    /// Whether kernels for few tokens are used, which do not sort first.
    pub low_latency: bool,
    /// Tokens of each accelerator.
    pub tokens: f64,
    /// Residual width.
    pub hidden: f64,
    /// Experts a token visits.
    pub top_k: f64,
    /// Routed experts, all accelerators together.
    pub experts: f64,
    /// Accelerators.
    pub accelerators: f64,
    /// Multiprocessors that are set aside for it; low-latency kernels take none.
    pub units: f64,
}

pub(super) const EXCHANGE: &[Constant] =
    &[free("launch_us", 15.0, 0.5, 100.0), free("link", 0.5, 0.05, 1.0)];

pub(super) const EXCHANGE_AXES: &[AxisPlan] = &[
    ("log2 tokens", &[0.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0]),
    ("log2 experts per token", &[0.0, 1.0, 2.0, 3.0, 4.5]),
    ("log2 hidden", &[11.0, 12.0, 12.9]),
    ("multiprocessors", &[4.0, 8.0, 12.0, 16.0, 24.0]),
];

impl ExchangeKernel {
    pub(super) const fn name(&self) -> &'static str {
        match (self.low_latency, self.combine) {
            (true, false) => "dispatch_low_latency",
            (true, true) => "combine_low_latency",
            (false, false) => "dispatch",
            (false, true) => "combine",
        }
    }

    /// Bytes one accelerator sends: low-latency kernels send a copy to each expert, the others one
    /// to each accelerator that holds any.
    pub fn sent(&self) -> f64 {
        let n = self.accelerators.max(1.0);
        let copies = if self.low_latency {
            self.top_k
        } else {
            n * (1.0 - libm::pow(1.0 - 1.0 / n, self.top_k))
        };
        let width = if self.combine { 2.0 } else { 1.0 };
        self.tokens * self.hidden * width * copies * (n - 1.0) / n
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [log2(self.tokens), log2(self.top_k), log2(self.hidden), self.units]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, link] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let transfer = self.sent() / (rates.link * link);
        Parts { launch: launch * MICRO, compute: 0.0, memory: transfer, work: transfer }
    }
}
