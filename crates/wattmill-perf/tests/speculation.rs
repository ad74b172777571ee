//! Speculative decoding against its rounds, operator by operator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{Draft, EngineSpec, Layout, Speculation};
use wattmill_perf::{Deployment, StepModel, StepShape, StepSurface, explain};

/// One MLA model with experts, one dense model with grouped attention.
const CASES: [(&str, &str, Layout); 2] = [
    ("deepseek-v3", "h200-sxm", Layout { expert: 32, data_attention: 32, ..Layout::tensor(1) }),
    ("llama-3.1-8b", "h100-sxm", Layout::tensor(1)),
];

fn deployment(case: usize, speculation: Option<Speculation>) -> Deployment<'static> {
    let (model, chip, layout) = CASES[case];
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator(chip).unwrap();
    let spec = EngineSpec { max_seqs: 256, speculation, ..EngineSpec::new(layout, Precision::Fp8) };
    Deployment {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        spec,
        accelerators_per_domain: accelerator.scaleup_domain.unwrap(),
    }
}

fn guessing(draft_tokens: u32, acceptance: f64, draft: Draft) -> Option<Speculation> {
    Some(Speculation { draft_tokens, acceptance, draft })
}

fn decoding(n: u32, mean: u64) -> StepShape {
    StepShape { decodes: n, decode_context: u64::from(n) * mean, ..StepShape::default() }
}

fn seconds(deployment: &Deployment<'_>, shape: &StepShape) -> f64 {
    StepSurface::compile(deployment).unwrap().step(shape).time.as_seconds().as_s()
}

#[test]
fn a_token_is_its_share_of_a_round() {
    for case in 0..CASES.len() {
        for speculation in [guessing(3, 0.7, Draft::Layer), guessing(4, 0.5, Draft::Lookup)] {
            let deployment = deployment(case, speculation);
            let surface = StepSurface::compile(&deployment).unwrap();
            let tokens = speculation.unwrap().tokens_per_round();
            for (n, mean) in [(1, 500), (7, 3_000), (64, 1_024), (200, 8_192)] {
                let shape = decoding(n, mean);
                let operators = explain(&deployment, &shape).unwrap();
                let round: f64 = operators.iter().map(|o| o.time.as_s()).sum();
                let joules: f64 = operators.iter().map(|o| o.energy.unwrap().as_joules()).sum();
                let cost = surface.step(&shape);
                let time = cost.time.as_seconds().as_s() * tokens / round;
                let energy = cost.dynamic_nj as f64 * 1e-9 * tokens / joules;
                assert!((time - 1.0).abs() < 0.02, "{case} {n} {mean}: {time}");
                assert!((energy - 1.0).abs() < 0.08, "{case} {n} {mean}: {energy}");
                let drafts = operators.iter().filter(|o| o.name == "drafting").count();
                let drafted = speculation.unwrap().draft == Draft::Layer;
                assert_eq!(drafts == 1, drafted);
            }
        }
    }
}

#[test]
fn steps_of_a_run_are_the_steps() {
    let deployment = deployment(0, guessing(1, 0.85, Draft::Layer));
    let surface = StepSurface::compile(&deployment).unwrap();
    let shape = decoding(96, 1_000);
    let run = surface.decode_run(shape.decodes, shape.decode_context);
    assert_eq!(run.first, surface.step(&shape));
    let last = run.steps.min(50) - 1;
    let later = StepShape { decode_context: shape.decode_context + 96 * last, ..shape };
    let grown = run.first.time.raw() + run.growth.time.raw() * last;
    assert_eq!(surface.step(&later).time.raw(), grown);
}

#[test]
fn guessing_pays_at_small_batches_and_costs_if_nothing_is_right() {
    for case in 0..CASES.len() {
        let plain = |shape: &StepShape| seconds(&deployment(case, None), shape);
        let with = |s: Option<Speculation>, shape: &StepShape| seconds(&deployment(case, s), shape);
        let small = decoding(4, 2_000);
        let gain = plain(&small) / with(guessing(3, 0.8, Draft::Layer), &small);
        // At most the tokens of a round, 2.95, less what guessing and verifying take.
        assert!(gain > 1.5 && gain < 2.95, "{case}: {gain}");
        assert!(with(guessing(3, 0.0, Draft::Layer), &small) > plain(&small));
        let free = guessing(3, 0.8, Draft::Lookup);
        assert!(with(free, &small) < with(guessing(3, 0.8, Draft::Layer), &small));
    }
}

#[test]
fn prompts_are_paid_in_full() {
    let with = deployment(0, guessing(2, 0.7, Draft::Layer));
    let mut prompt = StepShape::default();
    prompt.prefill.add(2_048, 0, true);
    let alone = seconds(&deployment(0, None), &prompt);
    assert!((seconds(&with, &prompt) / alone - 1.0).abs() < 1e-6);
    // Beside decodes it costs what it adds to a round, which is less: weights are read once.
    let mut mixed = decoding(64, 2_000);
    mixed.prefill.add(2_048, 0, true);
    let added = seconds(&with, &mixed) - seconds(&with, &decoding(64, 2_000));
    assert!(added > 0.3 * alone && added < 1.02 * alone, "{added} {alone}");
}

#[test]
fn what_cannot_be_guessed_is_refused() {
    for (speculation, what) in [
        (guessing(0, 0.5, Draft::Layer), "draft_tokens = 0 cannot be"),
        (guessing(2, 1.5, Draft::Layer), "acceptance = 1.5 cannot be"),
    ] {
        let problems = deployment(1, speculation).problems();
        assert!(problems[0].to_string().starts_with(what), "{}", problems[0]);
    }
}
