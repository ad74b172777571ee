//! A few published measurements, quoted with their source. The bands are those of a first model:
//! engines of the same week differ by a quarter among themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Accelerator, Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout};
use wattmill_perf::{
    Bound, Deployment, LayoutProblem, MemoryPlan, StepModel, StepShape, StepSurface, explain,
};
use wattmill_units::Bytes;

const TP1: Layout = Layout::tensor(1);

fn deployment(
    model: &str,
    chip: &str,
    precision: Precision,
    layout: Layout,
) -> Deployment<'static> {
    let catalog = Catalog::builtin();
    let accelerator: &Accelerator = catalog.accelerator(chip).unwrap();
    Deployment {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        spec: EngineSpec::new(layout, precision),
        accelerators_per_domain: 8,
    }
}

fn decoding(decodes: u32, mean: u64) -> StepShape {
    StepShape { decodes, decode_context: u64::from(decodes) * mean, ..StepShape::default() }
}

fn surface(model: &str, chip: &str, precision: Precision, tensor: u32) -> StepSurface {
    let deployment = deployment(model, chip, precision, Layout::tensor(tensor));
    StepSurface::compile(&deployment).unwrap()
}

/// Time per output token under a fixed number of concurrent requests.
/// From ai-dynamo/aiconfigurator@095f58a51c, systems/silicon_sample.csv (Apache-2.0): model, chip,
/// weights, tensor degree, input, output, concurrency, milliseconds.
type ServingPoint = (&'static str, &'static str, Precision, u32, f64, f64, f64, f64);
const SERVING: [ServingPoint; 10] = {
    use Precision::{Bf16, Fp4, Fp8};
    [
        // trtllm_agg_1024x512_c8_tp1, trtllm_agg_1024x512_c64_tp1
        ("llama-3.1-8b", "h100-sxm", Bf16, 1, 1024.0, 512.0, 8.0, 7.41678),
        ("llama-3.1-8b", "h100-sxm", Bf16, 1, 1024.0, 512.0, 64.0, 13.1022),
        // vllm_fp8_agg_1024x1024_c8_tp8, _c64_tp8, _c16_tp2; vllm_fp4_agg_1024x1024_c16_tp2
        ("llama-3.1-70b", "h100-sxm", Fp8, 8, 1024.0, 1024.0, 8.0, 9.35604),
        ("llama-3.1-70b", "h100-sxm", Fp8, 8, 1024.0, 1024.0, 64.0, 15.4549),
        ("llama-3.1-70b", "h200-sxm", Fp8, 2, 1024.0, 1024.0, 16.0, 15.6541),
        ("llama-3.1-70b", "b200-sxm", Fp4, 2, 1024.0, 1024.0, 16.0, 10.672),
        // trtllm_agg_1024x512_c16_tp2
        ("qwen3-32b", "h100-sxm", Fp8, 2, 1024.0, 512.0, 16.0, 11.7053),
        // dsr1_h200_sglang_fp8_agg_1024x1024_c16, dsr1_h200_trtllm_fp8_agg_1024x1024_c64
        ("deepseek-v3", "h200-sxm", Fp8, 8, 1024.0, 1024.0, 16.0, 16.6298),
        ("deepseek-v3", "h200-sxm", Fp8, 8, 1024.0, 1024.0, 64.0, 33.9591),
        // minimaxm2_5_h200_vllm_fp8_agg_1024x1024_c64_cfg637
        ("minimax-m2.5", "h200-sxm", Fp8, 8, 1024.0, 1024.0, 64.0, 17.8244),
    ]
};

#[test]
fn serving_is_within_35_percent() {
    for (model, chip, precision, tensor, input, output, running, measured) in SERVING {
        let surface = surface(model, chip, precision, tensor);
        let pure = decoding(running as u32, (input + output / 2.0) as u64);
        let mut mixed = pure;
        mixed.prefill.add(input as u32, 0, true);
        let [pure, mixed] = [pure, mixed].map(|s| surface.step(&s).time.as_seconds().as_ms());
        let ours = pure + (mixed - pure) * running / output;
        let ratio = ours / measured;
        assert!(
            (0.65..1.35).contains(&ratio),
            "{model} {chip} x {tensor} c{running}: {ours:.1} ms, measured {measured:.1} ms"
        );
    }
}

/// Prefill of one prompt of Llama-2-70B in BF16, from Mutinifni/splitwise-sim@8f99e7dc9b,
/// data/perf_model.csv (MIT), medians: chip, tensor degree, tokens, milliseconds. Two accelerators
/// only: with more, what that engine's host launches one by one outweighs what is modelled.
const PREFILL: [(&str, u32, u32, f64); 4] = [
    ("a100-80", 2, 1024, 377.057),
    ("a100-80", 2, 2048, 688.054),
    ("h100-sxm", 2, 1024, 157.950),
    ("h100-sxm", 2, 2048, 310.316),
];

#[test]
fn prefill_is_within_35_percent() {
    for (chip, tensor, tokens, measured) in PREFILL {
        let layout = Layout::tensor(tensor);
        let mut deployment = deployment("llama-2-70b", chip, Precision::Bf16, layout);
        (deployment.spec.max_seqs, deployment.spec.memory_fraction) = (64, 1.0);
        let surface = StepSurface::compile(&deployment).unwrap();
        let mut shape = StepShape::default();
        shape.prefill.add(tokens, 0, true);
        let ratio = surface.step(&shape).time.as_seconds().as_ms() / measured;
        assert!((0.65..1.35).contains(&ratio), "{chip} {tokens}: {ratio:.2}");
    }
}

/// Power of one GPU in chat, from ml-energy/leaderboard@0cd52dab89, lm-arena-chat, BF16: model,
/// chip, tensor degree, mean batch, mean output, watts per GPU.
const CHAT: [(&str, &str, u32, f64, f64, f64); 5] = [
    ("llama-3.1-8b", "h100-sxm", 1, 8.0, 389.0, 486.0),
    ("llama-3.1-70b", "h100-sxm", 4, 8.0, 409.0, 446.0),
    ("llama-3.1-70b", "h100-sxm", 4, 256.0, 413.0, 629.0),
    ("llama-3.1-70b", "b200-sxm", 2, 8.0, 411.0, 850.0),
    ("qwen3-32b", "b200-sxm", 1, 256.0, 627.0, 971.0),
];

#[test]
fn power_is_within_25_percent() {
    for (model, chip, tensor, running, output, measured) in CHAT {
        let surface = surface(model, chip, Precision::Bf16, tensor);
        let mut shape = decoding(running as u32, (200.0 + output / 2.0) as u64);
        shape.prefill.add((running * 200.0 / output) as u32 + 1, 0, true);
        let cost = surface.step(&shape);
        let dynamic = cost.dynamic_nj as f64 * 1e-9 / cost.time.as_seconds().as_s();
        let each = (surface.idle_power().unwrap().as_watts() + dynamic) / f64::from(tensor);
        let ratio = each / measured;
        assert!((0.75..1.25).contains(&ratio), "{model} {chip} {running}: {each:.0} W");
    }
}

#[test]
fn prefill_draws_nearly_the_limit_and_never_more() {
    for (chip, limit) in [("h100-sxm", 700.0), ("b200-sxm", 1000.0), ("a100-80", 400.0)] {
        let surface = surface("llama-3.1-8b", chip, Precision::Bf16, 1);
        let mut shape = StepShape::default();
        shape.prefill.add(8192, 0, true);
        let cost = surface.step(&shape);
        let dynamic = cost.dynamic_nj as f64 * 1e-9 / cost.time.as_seconds().as_s();
        let share = (surface.idle_power().unwrap().as_watts() + dynamic) / limit;
        assert!((0.8..=1.0).contains(&share), "{chip}: {share:.2}");
    }
}

#[test]
fn one_sequence_waits_for_memory() {
    // 16.1 GB of weights at 3.35 TB/s take 4.8 ms if nothing else took any.
    let deployment = deployment("llama-3.1-8b", "h100-sxm", Precision::Bf16, TP1);
    let operators = explain(&deployment, &decoding(1, 500)).unwrap();
    let total: f64 = operators.iter().map(|o| o.time.as_ms()).sum();
    assert!((5.0..9.0).contains(&total), "{total:.1} ms");
    let of = |bound| operators.iter().filter(move |o| o.bound == bound);
    let memory: f64 = of(Bound::Memory).map(|o| o.time.as_ms()).sum();
    assert!(memory > 0.6 * total, "{memory:.1} of {total:.1} ms");
    let bytes: f64 = operators.iter().map(|o| o.bytes.as_gb()).sum();
    assert!((14.5..16.5).contains(&bytes), "{bytes:.1} GB: weights without the input embedding");
}

#[test]
fn flops_are_two_per_active_parameter() {
    for (model, precision, tensor) in [
        ("llama-3.1-70b", Precision::Fp8, 8),
        ("deepseek-v3", Precision::Fp8, 8),
        ("gpt-oss-120b", Precision::Fp8, 4),
    ] {
        let layout = Layout::tensor(tensor);
        let deployment = deployment(model, "h200-sxm", precision, layout);
        let mut shape = StepShape::default();
        shape.prefill.add(1000, 0, false);
        let operators = explain(&deployment, &shape).unwrap();
        let linear = operators.iter().filter(|o| !o.name.contains("prefill"));
        let flops: f64 = linear.map(|o| o.flops.as_flops()).sum();
        let model = deployment.model;
        let embeddings = 2.0 * f64::from(model.vocab) * f64::from(model.hidden);
        let expected = 2.0 * 1000.0 * (model.active_parameters() - embeddings);
        let ratio = flops * f64::from(tensor) / expected;
        // Above 1: latent and router projections are repeated on every accelerator.
        assert!((0.99..1.35).contains(&ratio), "{}: {ratio:.3}", model.id);
    }
}

#[test]
fn weights_and_cache_add_up() {
    let deployment = deployment("llama-3.1-70b", "h100-sxm", Precision::Bf16, Layout::tensor(4));
    let plan = MemoryPlan::of(&deployment);
    let parameters = deployment.model.parameters();
    assert!((plan.weights.as_bytes() * 4.0 / (2.0 * parameters) - 1.0).abs() < 0.001);
    assert_eq!(plan.kv_per_token.as_bytes(), 327_680.0 / 4.0);
    assert_eq!(plan.tokens() / 1000, plan.cache().as_bytes() as u64 / (327_680 / 4) / 1000);
}

#[test]
fn heads_are_repeated_and_latents_too() {
    let kv = |model, precision, layout| {
        MemoryPlan::of(&deployment(model, "h200-sxm", precision, layout))
    };
    // 8 KV heads on 16 accelerators: one each, twice.
    let narrow = kv("llama-3.1-70b", Precision::Fp8, Layout::tensor(8));
    let wide = kv("llama-3.1-70b", Precision::Fp8, Layout::tensor(16));
    assert_eq!(narrow.kv_per_token, wide.kv_per_token);
    // Attention groups each keep the cache of their own sequences.
    let groups = Layout { tensor: 1, pipeline: 1, expert: 16, data_attention: 16, context: 1 };
    let grouped = kv("deepseek-v3", Precision::Fp8, groups);
    let split = kv("deepseek-v3", Precision::Fp8, Layout::tensor(16));
    assert_eq!(grouped.kv_per_token, split.kv_per_token);
    assert_eq!(grouped.kv_per_token.as_bytes(), 70_272.0);
    assert!(grouped.blocks > 8 * split.blocks);
}

#[test]
fn every_problem_is_told_at_once() {
    let layout = Layout { tensor: 3, pipeline: 99, expert: 2, data_attention: 1, context: 1 };
    let mut deployment = deployment("llama-3.1-70b", "a100-80", Precision::Fp8, layout);
    let problems = deployment.problems();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(matches!(problems[0], LayoutProblem::Heads { .. }));
    assert_eq!(
        problems[1].to_string(),
        "expert = 2, but `llama-3.1-70b` has no experts; use expert = 1"
    );
    assert!(matches!(problems[2], LayoutProblem::Pipeline { .. }));
    assert!(explain(&deployment, &StepShape::default()).is_err());

    deployment.spec = EngineSpec::new(Layout::tensor(1), Precision::Bf16);
    let [LayoutProblem::Memory { ways, .. }] = &deployment.problems()[..] else {
        panic!("{:?}", deployment.problems());
    };
    assert_eq!(ways, "it fits with tensor = 2");
    deployment.spec.layout.tensor = 0;
    deployment.spec.memory_fraction = f64::NAN;
    assert_eq!(deployment.problems().len(), 2);
    deployment.spec.layout.tensor = u32::MAX;
    assert_eq!(deployment.problems().len(), 2);
}

#[test]
fn every_known_model_and_chip_can_be_priced() {
    let catalog = Catalog::builtin();
    let mut priced = 0;
    for model in catalog.models().filter(|m| m.missing().is_empty()) {
        for accelerator in catalog.accelerators().filter(|a| a.missing().is_empty()) {
            let widest = Precision::ALL.into_iter().find(|p| accelerator.peak(*p).is_some());
            let domain = accelerator.scaleup_domain.unwrap_or(1);
            for tensor in [1, 8] {
                let deployment = Deployment {
                    model,
                    accelerator,
                    efficiency: catalog.efficiency(&accelerator.family).unwrap(),
                    spec: EngineSpec {
                        max_seqs: 8,
                        max_tokens: 64,
                        ..EngineSpec::new(Layout::tensor(tensor), widest.unwrap())
                    },
                    accelerators_per_domain: domain,
                };
                let Ok(surface) = StepSurface::compile(&deployment) else {
                    continue;
                };
                let time = surface.step(&decoding(4, 1000)).time.as_seconds().as_ms();
                assert!((0.1..2000.0).contains(&time), "{} {}: {time}", model.id, accelerator.id);
                priced += 1;
            }
        }
    }
    assert!(priced > 500, "{priced}");
}

/// DeepSeek's report of April 2026: at a context of a million tokens the next one takes 27 % of the
/// operations of V3.2, and 10 % with the small model.
#[test]
fn compressed_attention_saves_what_its_maker_says() {
    let roomy = Accelerator {
        memory: Some(Bytes::from_gb(10_000.0)),
        ..Catalog::builtin().accelerator("gb200").unwrap().clone()
    };
    let operations = |model| {
        let deployment =
            Deployment { accelerator: &roomy, ..deployment(model, "gb200", Precision::Fp8, TP1) };
        let operators = explain(&deployment, &decoding(1, 1_000_000)).unwrap();
        operators.iter().map(|o| o.flops.as_flops()).sum::<f64>()
    };
    let before = operations("deepseek-v3.2");
    for (model, share) in [("deepseek-v4-pro", 0.27), ("deepseek-v4-flash", 0.10)] {
        let found = operations(model) / before;
        assert!((found - share).abs() < 0.03, "{model}: {found}");
    }
}
