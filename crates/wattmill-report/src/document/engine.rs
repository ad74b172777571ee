//! An engine: layout, formats and limits.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::{EngineSpec, PowerCap};

/// How a replica is laid out, which number formats it computes in and what it batches.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Engine {
    /// Tensor parallel degree.
    tensor_parallel: u32,
    /// Pipeline parallel degree.
    pipeline_parallel: u32,
    /// Expert parallel degree; 1 splits experts by tensor parallelism.
    expert_parallel: u32,
    /// Groups of accelerators that attend to a share of the batch each.
    data_parallel_attention: u32,
    /// Ranks that share the tokens of every sequence.
    context_parallel: u32,
    /// Accelerators of a replica: tensor × pipeline × data × context parallel degrees.
    accelerators_per_replica: u32,
    /// The software whose overheads it has.
    #[schemars(extend("enum" = ["vllm", "sglang", "trtllm"]))]
    flavour: &'static str,
    /// Format of weights and matrix multiplications.
    #[schemars(extend("enum" = ["bf16", "fp8", "fp4"]))]
    precision: &'static str,
    /// Format of the KV cache.
    #[schemars(extend("enum" = ["bf16", "fp8", "fp4"]))]
    kv_precision: &'static str,
    /// Most sequences in the batch of a replica.
    batch_limit_sequences: u32,
    /// Most tokens in one step of a replica, decodes and prefill together.
    step_limit_tokens: u32,
    /// Tokens in one KV block.
    block_tokens: u32,
    /// Fraction of an accelerator's memory that the engine may use.
    memory_fraction: f64,
    /// What each accelerator may draw; null if it was not capped in watts.
    power_cap_w: Option<f64>,
    /// What each accelerator may draw over its own limit; null if it was not capped by that.
    power_cap_fraction: Option<f64>,
    /// Tokens guessed ahead in a round; null without speculation.
    draft_tokens: Option<u32>,
    /// Probability that a guess is right if those before it are; null likewise.
    draft_acceptance_fraction: Option<f64>,
    /// Tokens of the busiest expert parallel rank over those of the mean one.
    expert_imbalance_ratio: f64,
    /// What each accelerator's link to host memory carries, over which preempted caches go; null if
    /// they are computed again.
    swap_link_gb_per_s: Option<f64>,
}

impl From<&EngineSpec> for Engine {
    fn from(spec: &EngineSpec) -> Self {
        let layout = spec.layout;
        Self {
            tensor_parallel: layout.tensor,
            pipeline_parallel: layout.pipeline,
            expert_parallel: layout.expert,
            data_parallel_attention: layout.data_attention,
            context_parallel: layout.context,
            accelerators_per_replica: layout.accelerators(),
            flavour: spec.flavour.name(),
            precision: spec.precision.name(),
            kv_precision: spec.kv_precision.name(),
            batch_limit_sequences: spec.max_seqs,
            step_limit_tokens: spec.max_tokens,
            block_tokens: spec.block_tokens,
            memory_fraction: spec.memory_fraction,
            power_cap_w: cap_watts(spec.power_cap),
            power_cap_fraction: cap_fraction(spec.power_cap),
            draft_tokens: spec.speculation.map(|s| s.draft_tokens),
            draft_acceptance_fraction: spec.speculation.map(|s| s.acceptance),
            expert_imbalance_ratio: spec.expert_imbalance,
            swap_link_gb_per_s: spec.swap.map(|link| link.as_bytes_per_s() / 1e9),
        }
    }
}

/// Of a cap in watts.
pub(super) fn cap_watts(cap: Option<PowerCap>) -> Option<f64> {
    match cap {
        Some(PowerCap::Watts(watts)) => Some(watts.as_watts()),
        _ => None,
    }
}

/// Of a cap by the accelerator's own limit.
pub(super) fn cap_fraction(cap: Option<PowerCap>) -> Option<f64> {
    match cap {
        Some(PowerCap::Share(share)) => Some(share.as_fraction()),
        _ => None,
    }
}
