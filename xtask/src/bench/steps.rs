//! Pricing one step of a compiled engine, which a search asks for by the million.

use anyhow::{Context, Result, anyhow};
use wattmill::catalog::{Catalog, Precision};
use wattmill::factory::{EngineSpec, Hardware, Layout};
use wattmill::perf::{Prefill, StepModel, StepShape, StepSurface};
use wattmill::plan::Engine;
use wattmill::units::{AnswerHash, Stream};

use super::{Figure, cpu, figures};

const STEPS: usize = 100_000;

/// Steps of decodes, and steps that hold a chunk of a prompt beside them.
pub(super) fn price() -> Result<Vec<Figure>> {
    let catalog = Catalog::builtin();
    let system = catalog.system("dgx-h100").context("no dgx-h100")?.clone();
    let accelerator = catalog.accelerator(&system.accelerator).context("no H100")?.clone();
    let hardware = Hardware { system, accelerator };
    let model = catalog.model("llama-3.1-70b").context("no Llama")?;
    let spec = EngineSpec::new(Layout::tensor(8), Precision::Fp8);
    let engine = Engine::new(model, &hardware, catalog, spec);
    let engine = engine.map_err(|why| anyhow!("it does not fit: {}", why.join("; ")))?;
    let surface = &engine.surface;
    Ok(vec![
        measure("step/decodes", surface, &shapes(false)),
        measure("step/mixed", surface, &shapes(true)),
    ])
}

/// Steps of 1 to 512 sequences with up to 8,192 tokens of context each.
fn shapes(mixed: bool) -> Vec<StepShape> {
    let mut stream = Stream::new(1, "steps to price", u64::from(mixed));
    let mut shape = || {
        let decodes = 1 + stream.below(512) as u32;
        let mut prefill = Prefill::default();
        if mixed {
            prefill.add(1 + stream.below(2_048) as u32, stream.below(8_192) as u32, false);
        }
        let decode_context = u64::from(decodes) * (1 + stream.below(8_192));
        StepShape { decodes, decode_context, prefill }
    };
    (0..STEPS).map(|_| shape()).collect()
}

/// The floor is reading the shapes.
fn measure(name: &str, surface: &StepSurface, shapes: &[StepShape]) -> Figure {
    let (floor, _) = cpu::repeat(0.2, || {
        shapes.iter().fold(0u64, |sum, s| sum.wrapping_add(s.decode_context ^ s.prefill.squares))
    });
    let (time, sum) = cpu::repeat(1.0, || {
        shapes.iter().fold(0u64, |sum, shape| {
            let cost = surface.step(shape);
            sum.wrapping_add(cost.time.raw()).wrapping_add(cost.dynamic_nj)
        })
    });
    let mut hash = AnswerHash::new();
    hash.add(sum);
    figures::figure(name, time / STEPS as f64 * 1e9, "ns/step", time / floor, hash.finish())
}
