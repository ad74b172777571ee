//! Models with states, against measurements and against themselves.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Flavour, Layout};
use wattmill_perf::{Deployment, MemoryPlan, StepShape, explain};

fn deployment(model: &str, chip: &str, precision: Precision, tensor: u32) -> Deployment<'static> {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator(chip).expect(chip);
    Deployment {
        model: catalog.model(model).expect(model),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).expect("a family"),
        spec: EngineSpec { max_seqs: 192, ..EngineSpec::new(Layout::tensor(tensor), precision) },
        accelerators_per_domain: 8,
    }
}

fn decode(decodes: u32, context: u64) -> StepShape {
    StepShape { decodes, decode_context: u64::from(decodes) * context, ..StepShape::default() }
}

fn step_ms(deployment: &Deployment<'_>, shape: &StepShape) -> f64 {
    let operators = explain(deployment, shape).expect("fits");
    operators.iter().map(|o| o.time.as_ms()).sum()
}

/// What a sequence adds to a step is mostly the reading and writing of its states.
///
/// Measured: `NVIDIA-Nemotron-Nano-12B-v2` on one H100, median inter-token latency of 15.70 ms at 32
/// sequences and 36.75 ms at 192 (ml-energy/leaderboard @0cd52dab89, gpqa: answers of 5,600 tokens).
#[test]
fn a_sequence_more_costs_what_was_measured() {
    let nano = deployment("nemotron-nano-12b-v2", "h100-sxm", Precision::Bf16, 1);
    let slope = (step_ms(&nano, &decode(192, 3000)) - step_ms(&nano, &decode(32, 3000))) / 160.0;
    let measured = (36.75 - 15.70) / 160.0;
    assert!((slope / measured - 1.0).abs() < 0.3, "{slope} ms a sequence, measured {measured}");
}

#[test]
fn states_are_reserved_for_every_sequence() {
    let nano = deployment("nemotron-nano-12b-v2", "h100-sxm", Precision::Bf16, 1);
    let reserved = nano.model.state_bytes() * f64::from(nano.spec.max_seqs);
    assert_eq!(MemoryPlan::of(&nano).windows.as_bytes(), reserved);
    let weights = MemoryPlan::of(&nano).weights.as_bytes();
    assert!((weights / (nano.model.parameters() * 2.0) - 1.0).abs() < 0.001, "{weights}");
    // Split evenly: a quarter on each of four.
    let qwen = deployment("qwen3.5-397b-a17b", "h200-sxm", Precision::Fp8, 4);
    let reserved = qwen.model.state_bytes() / 4.0 * f64::from(qwen.spec.max_seqs);
    assert_eq!(MemoryPlan::of(&qwen).windows.as_bytes(), reserved);
}

/// Half of the layers of gpt-oss see 128 tokens.
#[test]
fn tensorrt_llm_keeps_whole_contexts_in_layers_with_a_window() {
    let mut oss = deployment("gpt-oss-120b", "h200-sxm", Precision::Fp4, 1);
    let [vllm, trtllm] = [Flavour::Vllm, Flavour::Trtllm].map(|flavour| {
        oss.spec.flavour = flavour;
        MemoryPlan::of(&oss)
    });
    assert_eq!(trtllm.windows.as_bytes(), 0.0);
    assert_eq!(trtllm.kv_per_token, vllm.kv_per_token * 2.0);
    let ratio = vllm.tokens() as f64 / trtllm.tokens() as f64;
    assert!(ratio > 1.9 && ratio < 2.0, "{ratio}");
}

#[test]
fn states_cost_the_same_at_any_context() {
    for (model, chip, precision, tensor) in [
        ("nemotron-nano-9b-v2", "h100-sxm", Precision::Bf16, 1),
        ("qwen3.5-397b-a17b", "b200-sxm", Precision::Fp8, 4),
        ("minimax-text-01", "h200-sxm", Precision::Fp8, 8),
    ] {
        let deployment = deployment(model, chip, precision, tensor);
        let states = |shape: &StepShape| {
            let operators = explain(&deployment, shape).expect("fits");
            let found = operators.into_iter().find(|o| o.name.ends_with("states"));
            found.expect(model)
        };
        let (short, long) = (states(&decode(64, 100)), states(&decode(64, 10_000)));
        assert_eq!(short, long, "{model}");
        let floor = 2.0 * 64.0 * deployment.model.state_bytes() / f64::from(tensor);
        let bytes = short.bytes.as_bytes();
        assert!(bytes > floor && bytes < 1.1 * floor, "{model}: {bytes} of {floor}");
    }
}
