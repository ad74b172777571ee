//! No step draws more than the power limit of its accelerators.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout};
use wattmill_perf::{Deployment, StepModel, StepShape, StepSurface, explain};

/// Dense, windowed, latent and sparse attention, with and without experts.
const MODELS: [&str; 7] = [
    "llama-3.1-8b",
    "llama-3.1-405b",
    "gpt-oss-120b",
    "deepseek-v3",
    "deepseek-v3.2",
    "qwen3-235b-a22b",
    "mixtral-8x7b",
];
const CHIPS: [&str; 7] =
    ["a100-80", "h100-sxm", "h200-sxm", "b200-sxm", "gb300", "mi355x", "vr200"];

const fn layout(tensor: u32, pipeline: u32, expert: u32, data_attention: u32) -> Layout {
    Layout { tensor, pipeline, expert, data_attention, context: 1 }
}

const LAYOUTS: [Layout; 6] = [
    Layout::tensor(1),
    Layout::tensor(8),
    layout(8, 4, 1, 1),
    layout(1, 1, 32, 32),
    layout(4, 1, 16, 8),
    layout(2, 2, 1, 4),
];

/// Decodes at contexts from one token to the longest, prompts from one token to many, alone, behind
/// a cache, and both at once: where arithmetic, memory or their change-over limits each operator.
fn shapes() -> Vec<StepShape> {
    let batches =
        [1, 7, 64, 256].into_iter().flat_map(|n| [1, 130, 2048, 30_000].map(|mean| (n, mean)));
    let mut shapes = Vec::new();
    for (decodes, mean) in batches.chain([(0, 0)]) {
        for (chunks, tokens, context) in
            [(0, 0, 0), (1, 1, 0), (1, 64, 100_000), (1, 2048, 0), (4, 512, 300), (16, 8, 8000)]
        {
            let decode_context = u64::from(decodes) * mean;
            let mut shape = StepShape { decodes, decode_context, ..StepShape::default() };
            (0..chunks).for_each(|_| shape.prefill.add(tokens, context, true));
            shapes.push(shape);
        }
    }
    shapes
}

/// A number format for each model on each chip in each layout, turn and turn about, and a number of
/// its own.
fn each_deployment(mut check: impl FnMut(&Deployment<'_>, &StepSurface, usize)) {
    let catalog = Catalog::builtin();
    let mut checked = 0;
    for (m, model) in MODELS.into_iter().enumerate() {
        for (c, chip) in CHIPS.into_iter().enumerate() {
            for (l, layout) in LAYOUTS.into_iter().enumerate() {
                let precision = Precision::ALL[(m + c + l) % 3];
                let accelerator = catalog.accelerator(chip).unwrap();
                let limits = EngineSpec::new(layout, precision);
                let deployment = Deployment {
                    model: catalog.model(model).unwrap(),
                    accelerator,
                    efficiency: catalog.efficiency(&accelerator.family).unwrap(),
                    spec: EngineSpec { max_seqs: 256, max_tokens: 2304, ..limits },
                    accelerators_per_domain: accelerator.scaleup_domain.unwrap(),
                };
                if let Ok(surface) = StepSurface::compile(&deployment) {
                    check(&deployment, &surface, checked);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 70, "{checked}");
}

#[test]
fn no_step_draws_more_than_the_limit() {
    each_deployment(|deployment, surface, _| {
        let accelerators = f64::from(surface.accelerators());
        let limit = deployment.accelerator.tdp.unwrap().as_watts() * accelerators;
        for shape in shapes() {
            let cost = surface.step(&shape);
            let seconds = cost.time.as_seconds().as_s();
            let joules =
                surface.idle_power().unwrap().as_watts() * seconds + cost.dynamic_nj as f64 * 1e-9;
            assert!(
                joules <= limit * seconds * (1.0 + 1e-6),
                "{} on {}: {:.4} of the limit, {:?}, {shape:?}",
                deployment.model.id,
                deployment.accelerator.id,
                joules / (limit * seconds),
                deployment.spec.layout,
            );
        }
    });
}

#[test]
fn no_operator_draws_more_than_the_limit() {
    each_deployment(|deployment, surface, number| {
        let accelerators = f64::from(surface.accelerators());
        let limit = deployment.accelerator.tdp.unwrap().as_watts() * accelerators;
        let above_idle = limit - surface.idle_power().unwrap().as_watts();
        // Every shape meets a fifth of the deployments.
        for shape in shapes().into_iter().skip(number % 5).step_by(5) {
            for operator in explain(deployment, &shape).unwrap() {
                assert!(
                    operator.energy.unwrap().as_joules()
                        <= above_idle * operator.time.as_s() * (1.0 + 1e-9),
                    "{} on {}: {} at {:.3}, {:?}, {shape:?}",
                    deployment.model.id,
                    deployment.accelerator.id,
                    operator.name,
                    operator.energy.unwrap().as_joules() / (above_idle * operator.time.as_s()),
                    deployment.spec.layout,
                );
            }
        }
    });
}
