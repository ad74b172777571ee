//! Experts whose load is uneven.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout};
use wattmill_perf::{Deployment, Operator, StepModel, StepShape, StepSurface, explain};

fn deployment(imbalance: f64) -> Deployment<'static> {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator("h200-sxm").unwrap();
    let layout = Layout { expert: 8, data_attention: 8, ..Layout::tensor(1) };
    let spec = EngineSpec::new(layout, Precision::Fp8);
    Deployment {
        model: catalog.model("deepseek-v3").unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        spec: EngineSpec { expert_imbalance: imbalance, ..spec },
        accelerators_per_domain: 8,
    }
}

#[test]
fn all_wait_for_the_busiest_experts() {
    let mut prompts = StepShape::default();
    (0..8).for_each(|_| prompts.prefill.add(1024, 0, true));
    let experts = |imbalance| -> Operator {
        let operators = explain(&deployment(imbalance), &prompts).unwrap();
        *operators.iter().find(|o| o.name == "experts").unwrap()
    };
    let (even, uneven) = (experts(1.0), experts(1.5));
    let slower = uneven.time.as_s() / even.time.as_s();
    assert!((1.2..1.55).contains(&slower), "{slower}");
    // Nobody computes more than before.
    assert_eq!((even.flops, even.bytes), (uneven.flops, uneven.bytes));
    // The surface knows, too.
    let step =
        |imbalance| StepSurface::compile(&deployment(imbalance)).unwrap().step(&prompts).time;
    let longer = step(1.5).as_seconds() - step(1.0).as_seconds();
    assert!((longer.as_s() / (uneven.time - even.time).as_s() - 1.0).abs() < 0.02);
    let refused = deployment(0.5).problems();
    let told = "expert_imbalance = 0.5 cannot be; it may be a ratio of at least 1";
    assert_eq!(refused[0].to_string(), told);
}
