//! The engine equals its twin on real prices too: compiled deployments, short of memory or not, and
//! a user's step-time table.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{Arrivals, EngineSpec, Layout, LengthTable, Lengths};
use wattmill_perf::{Deployment, StepModel, StepSurface, StepTable};
use wattmill_policy::BatchLimits;
use wattmill_sim::twin::{self, Work};
use wattmill_sim::{Ask, Rates, Replica, Request, Synthetic, Tally};
use wattmill_units::SimTime;

fn surface(model: &str, chip: &str, layout: Layout, precision: Precision) -> StepSurface {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator(chip).expect("a chip of the catalogue");
    let deployment = Deployment {
        model: catalog.model(model).expect("a model of the catalogue"),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).expect("its family"),
        spec: EngineSpec::new(layout, precision),
        accelerators_per_domain: 8,
    };
    StepSurface::compile(&deployment).expect("it fits")
}

/// Conversation-like requests, some of them long.
fn requests(rate_per_s: f64, count: usize) -> Vec<Request> {
    let table = |points: &[(f64, f64)]| LengthTable::from_quantiles(points).expect("sound");
    let lengths = Lengths {
        name: "test".to_owned(),
        input: table(&[(0.0, 3.0), (0.5, 1_000.0), (0.95, 3_500.0), (1.0, 14_000.0)]),
        output: table(&[(0.0, 1.0), (0.5, 130.0), (0.95, 500.0), (1.0, 1_500.0)]),
    };
    let arrivals = Arrivals::Gamma { cv: 2.0 };
    Synthetic::new(11, Rates::constant(rate_per_s), arrivals, &lengths).take(count).collect()
}

/// Runs both, with so many attention groups, and compares everything; preemptions are returned.
fn same<M: StepModel>(model: &M, limits: BatchLimits, groups: u32, requests: &[Request]) -> u64 {
    let (mut fast, mut slow) = (Tally::new(None), Tally::new(None));
    let mut replica = Replica::grouped(limits, groups);
    requests.iter().for_each(|request| replica.push(*request));
    let mut finished = Vec::new();
    replica.run_until(model, SimTime::MAX, &mut fast, &mut |done| finished.push(*done));
    let asks: Vec<Ask> = requests.iter().copied().map(Ask::alone).collect();
    let work = Work { limits, groups, asks: &asks, residents: &[] };
    let (mut expected, usage) = twin::work(&work, model, &mut slow, |_| None);
    finished.sort_by_key(|done| done.request.id);
    expected.sort_by_key(|done| done.request.id);
    assert_eq!(finished, expected);
    assert_eq!(*replica.usage(), usage);
    assert_eq!(fast, slow);
    assert_eq!(fast.finished() + fast.rejected, requests.len() as u64);
    fast.preemptions
}

#[test]
fn compiled_deployments() {
    let wide = Layout { tensor: 1, pipeline: 1, expert: 8, data_attention: 8, context: 1 };
    for (model, chip, layout, precision, rate) in [
        ("llama-3.1-8b", "h100-sxm", Layout::tensor(1), Precision::Bf16, 8.0),
        ("llama-3.1-70b", "h200-sxm", Layout::tensor(4), Precision::Fp8, 6.0),
        ("deepseek-v3", "h200-sxm", wide, Precision::Fp8, 20.0),
        ("gpt-oss-120b", "b200-sxm", Layout::tensor(2), Precision::Fp8, 10.0),
    ] {
        let surface = surface(model, chip, layout, precision);
        let requests = requests(rate, 600);
        let ample = BatchLimits::new(256, 2_048, 16, surface.memory().blocks);
        assert_eq!(same(&surface, ample, 1, &requests), 0, "{model}: memory is ample");
        // A cache for a handful of mean requests.
        let short = BatchLimits::new(256, 2_048, 16, 2_000);
        assert!(same(&surface, short, 1, &requests) > 0, "{model}: memory is short");
        let groups = layout.data_attention;
        if groups > 1 {
            let requests = &requests[..200];
            assert_eq!(same(&surface, ample.of_group(groups), groups, requests), 0);
            let short = BatchLimits { blocks: 700, ..short.of_group(groups) };
            assert!(same(&surface, short, groups, requests) > 0, "{model}: memory is short");
        }
    }
}

#[test]
fn a_step_time_table() {
    let table = StepTable::from_json(
        r#"{
            "layers": 32, "unit": "ms per layer",
            "linear_ops_ms_by_tokens_rounded_up_to_8": {"8": 0.31, "64": 0.35, "128": 0.42, "512": 1.09},
            "attn_kv_cache_save_ms_by_exact_tokens": {"1": 0.019, "512": 0.019}
        }"#,
    )
    .expect("a sound table");
    let requests = requests(4.0, 500);
    let unlimited = BatchLimits::new(512, 512, 16, BatchLimits::UNLIMITED_BLOCKS);
    assert_eq!(same(&table, unlimited, 1, &requests), 0);
    assert!(same(&table, BatchLimits::new(512, 512, 16, 3_000), 1, &requests) > 0);
}
