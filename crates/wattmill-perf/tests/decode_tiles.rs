//! Decodes beside prompts on chips whose attention has no kernel of its own for them there.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Flavour, Layout};
use wattmill_perf::{Bound, Deployment, Operator, Prefill, StepShape, explain};

fn decode_attention(chip: &str, flavour: Flavour, tensor: u32, beside: bool) -> Operator {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator(chip).expect("a chip");
    let spec = EngineSpec::new(Layout::tensor(tensor), Precision::Bf16);
    let deployment = Deployment {
        model: catalog.model("llama-3.1-8b").expect("a model"),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).expect("a family"),
        spec: EngineSpec { flavour, ..spec },
        accelerators_per_domain: 8,
    };
    let mut prefill = Prefill::default();
    if beside {
        prefill.add(16, 0, true);
    }
    let shape = StepShape { decodes: 128, decode_context: 128 * 1500, prefill };
    let operators = explain(&deployment, &shape).expect("it fits");
    operators.into_iter().find(|o| o.name == "decode attention").expect("it decodes")
}

#[test]
fn arithmetic_on_empty_rows_binds_beside_prompts() {
    let alone = decode_attention("rtx-pro-6000", Flavour::Vllm, 1, false);
    let beside = decode_attention("rtx-pro-6000", Flavour::Vllm, 1, true);
    assert_eq!((alone.bound, beside.bound), (Bound::Memory, Bound::Compute));
    assert!(beside.time > alone.time);
    // 64 rows for one, at less than the peak: no faster than that, and not several times slower.
    let rows = 64.0 * beside.flops.as_flops() / beside.peak.as_flops_per_s();
    let share = rows / beside.time.as_s();
    assert!((0.3..1.0).contains(&share), "{share} of the peak");
    assert_eq!((beside.flops, beside.bytes), (alone.flops, alone.bytes), "useful work is the same");
    // Tiles are of query heads, which cards share.
    let halved = decode_attention("rtx-pro-6000", Flavour::Vllm, 2, true);
    let ratio = beside.time.as_s() / halved.time.as_s();
    assert!((1.7..2.3).contains(&ratio), "{ratio}");
}

#[test]
fn other_engines_and_chips_have_a_kernel_of_their_own() {
    for (chip, flavour) in [("rtx-pro-6000", Flavour::Trtllm), ("h100-sxm", Flavour::Vllm)] {
        let time = |beside| decode_attention(chip, flavour, 1, beside).time;
        assert_eq!(time(false), time(true), "{chip} {flavour:?}");
    }
}
