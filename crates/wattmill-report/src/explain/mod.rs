//! One step of an engine, for people.

mod text;

pub use text::explain_text;

use crate::calibrate::CalibratedWith;
use wattmill_catalog::{FitError, Interval};
use wattmill_factory::EngineSpec;
use wattmill_perf::{Bound, Operator, StepCost, StepShape};
use wattmill_units::{ByteRate, Energy, Power, Seconds};

/// What a step does, as one would say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainedStep {
    /// Sequences that decode a token each.
    pub decodes: u32,
    /// Context of each of them, tokens.
    pub context: u32,
    /// Prompts or chunks of them: new tokens, and cached ones before them.
    pub prompts: Vec<(u32, u32)>,
}

impl ExplainedStep {
    /// As the performance model takes it; every prompt is completed.
    pub fn shape(&self) -> StepShape {
        let decode_context = u64::from(self.decodes) * u64::from(self.context);
        let mut shape = StepShape { decodes: self.decodes, decode_context, ..StepShape::default() };
        self.prompts.iter().for_each(|(tokens, cached)| shape.prefill.add(*tokens, *cached, true));
        shape
    }

    /// New tokens: one of each decode, and those of the prompts.
    pub fn tokens(&self) -> u64 {
        let prompts: u64 = self.prompts.iter().map(|(tokens, _)| u64::from(*tokens)).sum();
        u64::from(self.decodes) + prompts
    }

    /// Tokens in the KV cache once it is done.
    pub fn cached_tokens(&self) -> u64 {
        let of = |(tokens, cached): &(u32, u32)| u64::from(*tokens) + u64::from(*cached);
        let prompts: u64 = self.prompts.iter().map(of).sum();
        u64::from(self.decodes) * u64::from(self.context) + prompts
    }

    /// Tokens of its longest sequence.
    pub fn longest(&self) -> u64 {
        let of = |(tokens, cached): &(u32, u32)| u64::from(*tokens) + u64::from(*cached);
        let prompts = self.prompts.iter().map(of);
        prompts.chain([u64::from(self.context)]).max().unwrap_or(0)
    }
}

/// One step of an engine, operator by operator.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainReport {
    /// Constants of engines that took the place of the catalogue's.
    pub calibration: Option<CalibratedWith>,
    /// Id of the model.
    pub model: String,
    /// Id of the system.
    pub system: String,
    /// Id of the accelerator in it.
    pub accelerator: String,
    /// Layout, formats and limits.
    pub spec: EngineSpec,
    /// What the step does.
    pub step: ExplainedStep,
    /// Its operators, in the order they were priced in.
    pub parts: Vec<ExplainPart>,
    /// What the simulator takes the step to cost.
    pub compiled: StepCost,
    /// Memory bandwidth of one accelerator at its peak.
    pub bandwidth: Option<ByteRate>,
    /// Bandwidth to its neighbours, one direction.
    pub link: Option<ByteRate>,
    /// Power of the replica without work; `None` where nothing states the accelerator's limit.
    pub idle: Option<Power>,
    /// Power limit of one accelerator.
    pub limit: Option<Power>,
    /// Tokens the step holds in the KV cache, and tokens that fit it.
    pub cache: (u64, u64),
    /// How far measurements of such steps' times lie from the model: of tokens' times where it
    /// decodes, of prompts' where it reads them, of both where it does both.
    pub interval: Option<Interval>,
    /// The same of the energy of a token.
    pub energy_interval: Option<Interval>,
    /// The same of the power of an accelerator, which draws at most what it may.
    pub power_interval: Option<Interval>,
    /// What a reader should know before believing it.
    pub warnings: Vec<String>,
}

/// One operator and the measurements behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainPart {
    /// What it does and costs.
    pub operator: Operator,
    /// The fit it was priced by, if by any.
    pub fit: Option<ExplainFit>,
}

/// A fit to measurements of one operator in one format.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainFit {
    /// Measured range: what was varied, from where to where; logarithms say so in their name.
    pub measured: Vec<(String, f64, f64)>,
    /// How far it is from its rows.
    pub error: FitError,
    /// Whether the rows are of another chip family.
    pub borrowed: bool,
    /// Where they come from.
    pub source: String,
}

impl ExplainReport {
    /// Time of the step: that of its operators, one after another.
    pub fn time(&self) -> Seconds {
        self.parts.iter().map(|part| part.operator.time).sum()
    }

    /// Tokens that a decoding sequence gains in it on average: more than one where it is a round of
    /// speculation.
    pub fn tokens_per_sequence(&self) -> f64 {
        self.spec.speculation.map_or(1.0, |speculation| speculation.tokens_per_round())
    }

    /// Time per output token of its decodes.
    pub fn tpot(&self) -> Seconds {
        self.time() / self.tokens_per_sequence()
    }

    /// Tokens it computes that are kept: those gained, and those of its prompts.
    pub fn tokens(&self) -> f64 {
        let decodes = f64::from(self.step.decodes);
        self.step.tokens() as f64 + decodes * (self.tokens_per_sequence() - 1.0)
    }

    /// Energy of the step, whole replica, what idling takes included; `None` where nothing is known of
    /// watts.
    pub fn energy(&self) -> Option<Energy> {
        let above: Option<Energy> = self.parts.iter().map(|part| part.operator.energy).sum();
        Some(self.idle? * self.time() + above?)
    }

    /// Mean power of one accelerator in the step; `None` likewise.
    pub fn power(&self) -> Option<Power> {
        Some(self.energy()? / self.time() / f64::from(self.spec.layout.accelerators().max(1)))
    }

    /// The time that the interval is of: that of a token where it only decodes, else its own.
    pub(crate) fn timed(&self) -> Seconds {
        if self.step.prompts.is_empty() { self.tpot() } else { self.time() }
    }

    /// What the measurements behind the interval of the time are of, in words.
    pub(crate) const fn measured_as(&self) -> &'static str {
        match (self.step.decodes > 0, self.step.prompts.is_empty()) {
            (true, true) => "times per output token",
            (true, false) => {
                "times per output token and times of prompts, whichever is further off"
            }
            (false, _) => "times of prompts",
        }
    }

    /// Share of the time whose operators lie outside of what was measured on this chip family.
    pub fn share_outside(&self) -> f64 {
        let outside = self.parts.iter().filter(|part| part.is_inside() == Some(false));
        outside.map(|part| part.operator.time).sum::<Seconds>() / self.time()
    }

    /// Achieved share of the peak that bounds a part; `None` where it waits for something else.
    pub(crate) fn share_of_peak(&self, part: &ExplainPart) -> Option<f64> {
        match part.operator.bound {
            Bound::Compute => part.share_of_compute(),
            Bound::Memory => self.share_of_bandwidth(part),
            Bound::Communication => self.share_of_link(part),
            Bound::Latency => None,
        }
    }

    /// Bytes over what memory could have moved in that time.
    pub(crate) fn share_of_bandwidth(&self, part: &ExplainPart) -> Option<f64> {
        let Operator { bytes, time, .. } = part.operator;
        share(bytes.as_bytes(), self.bandwidth?.as_bytes_per_s(), time)
    }

    /// Bytes sent over what the link could have carried in that time.
    pub(crate) fn share_of_link(&self, part: &ExplainPart) -> Option<f64> {
        let Operator { message, time, .. } = part.operator;
        share(message.as_bytes(), self.link?.as_bytes_per_s(), time)
    }
}

impl ExplainPart {
    /// Whether its shape lies within what was measured on this chip family; `None` where it is not
    /// priced by a surface.
    pub fn is_inside(&self) -> Option<bool> {
        let borrowed = self.fit.as_ref().is_some_and(|fit| fit.borrowed);
        self.operator.surface.map(|used| used.inside && !borrowed)
    }

    /// FLOPs over what the units of its format could have done in that time.
    pub(crate) fn share_of_compute(&self) -> Option<f64> {
        let Operator { flops, peak, time, .. } = self.operator;
        share(flops.as_flops(), peak.as_flops_per_s(), time)
    }
}

fn share(work: f64, peak: f64, time: Seconds) -> Option<f64> {
    let most = peak * time.as_s();
    (work > 0.0 && most > 0.0).then(|| work / most)
}

/// What bounds an operator, in a word.
pub(crate) const fn bound_name(bound: Bound) -> &'static str {
    match bound {
        Bound::Compute => "compute",
        Bound::Memory => "memory",
        Bound::Communication => "communication",
        Bound::Latency => "latency",
    }
}
