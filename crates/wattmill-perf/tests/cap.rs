//! What a power cap may and may not do, whatever the constants.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout, PowerCap};
use wattmill_perf::{Bound, Deployment, LayoutProblem, StepModel, StepShape, StepSurface, explain};
use wattmill_units::{Power, Ratio};

/// Model, chip, format and layout.
type Kind = (&'static str, &'static str, Precision, Layout);

const KINDS: [Kind; 5] = [
    ("llama-3.1-8b", "a100-80", Precision::Bf16, Layout::tensor(1)),
    ("llama-3.1-70b", "h100-sxm", Precision::Fp8, Layout::tensor(4)),
    ("gpt-oss-120b", "h200-sxm", Precision::Fp4, Layout::tensor(2)),
    (
        "deepseek-v3",
        "b200-sxm",
        Precision::Fp8,
        Layout { expert: 8, data_attention: 8, ..Layout::tensor(1) },
    ),
    ("qwen3-30b-a3b", "b200-sxm", Precision::Bf16, Layout::tensor(2)),
];

fn deployment(kind: Kind, cap: Option<PowerCap>) -> Deployment<'static> {
    let catalog = Catalog::builtin();
    let (model, chip, precision, layout) = kind;
    let accelerator = catalog.accelerator(chip).unwrap();
    let spec = EngineSpec {
        max_seqs: 256,
        max_tokens: 4096,
        power_cap: cap,
        ..EngineSpec::new(layout, precision)
    };
    Deployment {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        spec,
        accelerators_per_domain: 8,
    }
}

fn share(fraction: f64) -> Option<PowerCap> {
    Some(PowerCap::Share(Ratio::from_fraction(fraction)))
}

fn compiled(kind: Kind, cap: Option<PowerCap>) -> StepSurface {
    StepSurface::compile(&deployment(kind, cap)).unwrap()
}

fn shape(decodes: u32, mean: u64, chunks: u32, tokens: u32) -> StepShape {
    let decode_context = u64::from(decodes) * mean;
    let mut shape = StepShape { decodes, decode_context, ..StepShape::default() };
    (0..chunks).for_each(|_| shape.prefill.add(tokens, 512, true));
    shape
}

/// Seconds of a step, and mean power of one accelerator, W.
fn drawn(surface: &StepSurface, shape: &StepShape) -> (f64, f64) {
    let cost = surface.step(shape);
    let seconds = cost.time.as_seconds().as_s();
    let joules = surface.idle_power().unwrap().as_watts() * seconds + cost.dynamic_nj as f64 * 1e-9;
    (seconds, joules / seconds / f64::from(surface.accelerators()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_lower_cap_is_never_faster_and_always_kept(
        kind in 0_usize..KINDS.len(),
        cap in 0.2_f64..1.0,
        lower in 0.2_f64..1.0,
        decodes in 0_u32..256,
        mean in 1_u64..20_000,
        chunks in 0_u32..3,
        tokens in 1_u32..1200,
    ) {
        prop_assume!(decodes + chunks > 0);
        let (kind, shape) = (KINDS[kind], shape(decodes, mean, chunks, tokens));
        let (low, high) = (cap.min(lower), cap.max(lower));
        let limit = deployment(kind, None).accelerator.tdp.unwrap().as_watts();
        let mut before = drawn(&compiled(kind, None), &shape).0;
        for fraction in [high, low] {
            let (seconds, watts) = drawn(&compiled(kind, share(fraction)), &shape);
            // Times are whole ticks, lines between them are too.
            prop_assert!(seconds >= before * (1.0 - 1e-9), "{seconds} {before}");
            prop_assert!(watts <= fraction * limit * (1.0 + 1e-6), "{watts} of {}", fraction * limit);
            before = seconds;
        }
        let operators = |fraction| explain(&deployment(kind, share(fraction)), &shape).unwrap();
        for (fast, slow) in operators(high).iter().zip(operators(low)) {
            prop_assert!(slow.time >= fast.time, "{}", fast.name);
            prop_assert!(slow.clock <= fast.clock && slow.clock > 0.0, "{}", fast.name);
        }
    }

    #[test]
    fn a_cap_that_does_not_bind_changes_nothing(
        kind in 0_usize..KINDS.len(),
        cap in 0.2_f64..1.0,
        decodes in 1_u32..256,
        mean in 1_u64..20_000,
    ) {
        let (kind, shape) = (KINDS[kind], shape(decodes, mean, 0, 0));
        let free = deployment(kind, None);
        let limit = free.accelerator.tdp.unwrap().as_watts();
        let idle = limit * free.efficiency.idle_fraction;
        let accelerators = f64::from(free.spec.layout.accelerators());
        let capped = explain(&deployment(kind, share(cap)), &shape).unwrap();
        for (free, capped) in explain(&free, &shape).unwrap().iter().zip(capped) {
            let seconds = free.time.as_s();
            if seconds == 0.0 {
                continue;
            }
            let watts = idle + free.energy.unwrap().as_joules() / seconds / accelerators;
            if watts < cap * limit * (1.0 - 1e-9) {
                prop_assert_eq!(*free, capped);
            } else if free.bound != Bound::Latency {
                let over = watts > cap * limit * (1.0 + 1e-9);
                prop_assert!(!over || capped.clock < 1.0, "{}", free.name);
            }
        }
    }
}

/// Llama 3.1 70B on four H100: prompts are arithmetic, tokens are memory. At half power Splitwise
/// takes prompts to be 1.3 times as long and tokens as they were.
#[test]
fn compute_slows_and_memory_does_not() {
    let kind = ("llama-3.1-70b", "h100-sxm", Precision::Bf16, Layout::tensor(4));
    let slower = |shape: &StepShape| {
        drawn(&compiled(kind, share(0.5)), shape).0 / drawn(&compiled(kind, None), shape).0
    };
    let (prompt, tokens) = (slower(&shape(0, 0, 2, 2048)), slower(&shape(16, 1000, 0, 0)));
    assert!((1.15..1.45).contains(&prompt), "{prompt}");
    assert!((1.0..1.02).contains(&tokens), "{tokens}");
}

#[test]
fn the_limit_itself_is_no_cap() {
    for kind in KINDS {
        let limit = deployment(kind, None).accelerator.tdp.unwrap();
        let free = compiled(kind, None);
        assert_eq!(compiled(kind, share(1.0)), free);
        assert_eq!(compiled(kind, Some(PowerCap::Watts(limit))), free);
    }
}

#[test]
fn what_no_accelerator_can_keep_is_refused_with_a_way_out() {
    for (cap, said) in [(Power::from_watts(100.0), "100 W"), (Power::from_watts(701.0), "701 W")] {
        let problems = deployment(KINDS[1], Some(PowerCap::Watts(cap))).problems();
        assert!(matches!(problems[..], [LayoutProblem::PowerCap { .. }]), "{problems:?}");
        assert_eq!(
            problems[0].to_string(),
            format!(
                "power_cap = {said} cannot be on `h100-sxm`; it may be more than the 105 W it draws \
                 idle and at most its limit of 700 W"
            )
        );
    }
    assert!(!deployment(KINDS[1], share(f64::NAN)).problems().is_empty());
}
