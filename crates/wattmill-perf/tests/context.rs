//! Context parallelism: ranks that share the tokens of every sequence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Accelerator, Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout, PowerCap};
use wattmill_perf::{
    Deployment, LayoutProblem, MemoryPlan, Operator, StepModel, StepShape, StepSurface, explain,
};
use wattmill_units::{ByteRate, Bytes, Power};

const LLAMA: &str = "llama-3.1-405b";

/// FP8 on nodes of eight H100, unless a test changes it.
fn deployment(model: &str, tensor: u32, context: u32) -> Deployment<'static> {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator("h100-sxm").unwrap();
    let layout = Layout { context, ..Layout::tensor(tensor) };
    Deployment {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        spec: EngineSpec { max_seqs: 32, ..EngineSpec::new(layout, Precision::Fp8) },
        accelerators_per_domain: 8,
    }
}

/// A chunk of one prompt behind so many cached tokens.
fn chunk(tokens: u32, cached: u32) -> StepShape {
    let mut shape = StepShape::default();
    shape.prefill.add(tokens, cached, false);
    shape
}

fn seconds(operators: &[Operator]) -> f64 {
    operators.iter().map(|o| o.time.as_s()).sum()
}

fn named<'o>(operators: &'o [Operator], name: &str) -> &'o Operator {
    operators.iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Seconds of a prompt in chunks of the engine.
fn prompt(deployment: &Deployment<'_>, tokens: u32) -> f64 {
    let surface = StepSurface::compile(deployment).unwrap_or_else(|p| panic!("{}", p[0]));
    let step = deployment.spec.max_tokens;
    let chunks = (0..tokens).step_by(step as usize);
    let cost = |from: u32| surface.step(&chunk(step.min(tokens - from), from)).time;
    chunks.map(|from| cost(from).as_seconds().as_s()).sum()
}

/// Whole prompts in one chunk, as in a ring, on the machines of Yang et al.: their GPUs have 96 GB of
/// slower memory and are kept at 500 W [recalled]. (That they reach 63 % of their peak with a million tokens in 77 s
/// makes that peak 800 TFLOP/s, of which the same chip has 989 at its 700 W.)
fn at_once(tensor: u32, context: u32, tokens: u32) -> f64 {
    let mut deployment = deployment(LLAMA, tensor, context);
    let accelerator = Accelerator {
        memory: Some(Bytes::from_gb(96.0)),
        memory_bandwidth: Some(ByteRate::from_tb_per_s(2.4)),
        ..deployment.accelerator.clone()
    };
    deployment.accelerator = &accelerator;
    deployment.spec.power_cap = Some(PowerCap::Watts(Power::from_watts(500.0)));
    (deployment.spec.max_seqs, deployment.spec.max_tokens) = (1, tokens);
    deployment.spec.memory_fraction = 0.95;
    prompt(&deployment, tokens)
}

/// Yang et al. 2024 (arXiv 2411.01783) prefill Llama 3 405B on 16 nodes of eight H100, tensor parallel
/// inside a node and context parallel between nodes: a million tokens in 77 s, 128 thousand in 3.8 s.
/// Attention is nearly all of the former. Of the latter it is less than half, and theirs is an engine
/// of its own: only the feed-forward part is in FP8, and partial results of a ring are merged once
/// for each rank, where here all keys and values are gathered first.
#[test]
fn long_prompts_take_as_long_as_published() {
    for (tokens, published, band) in [(1_000_000, 77.0, 0.95..1.05), (128_000, 3.8, 0.65..1.05)] {
        let ratio = at_once(8, 16, tokens) / published;
        assert!(band.contains(&ratio), "{tokens} tokens: {ratio}");
    }
}

#[test]
fn a_million_tokens_scale_and_a_thousand_do_not() {
    let time = |context, tokens| {
        let mut deployment = deployment(LLAMA, 8, context);
        deployment.spec.max_tokens = 8192 * context;
        prompt(&deployment, tokens)
    };
    let (mut last, one) = (f64::INFINITY, time(1, 1 << 20));
    for context in [2, 4, 8, 16] {
        let many = time(context, 1 << 20);
        let efficiency = one / many / f64::from(context);
        assert!(many < last && (0.8..1.1).contains(&efficiency), "{context}: {efficiency}");
        last = many;
    }
    // A short prompt is weights to read, launches and messages, which no rank takes off another.
    let short = time(1, 1024) / time(16, 1024);
    assert!(short < 4.0, "{short}");
}

#[test]
fn messages_over_slow_ports_set_an_end() {
    // One rank a node: all messages leave it. Behind a long cache a chunk sends the more of it the
    // fewer tokens it has, up to queries and partial results.
    let gathered = |context, tokens, cached| {
        let mut deployment = deployment(LLAMA, 8, context);
        deployment.spec.max_tokens = 1 << 17;
        deployment.accelerator = Catalog::builtin().accelerator("h200-sxm").unwrap();
        let operators = explain(&deployment, &chunk(tokens, cached)).unwrap();
        (*named(&operators, "context gather"), seconds(&operators))
    };
    let (two, _) = gathered(2, 1 << 17, 0);
    let (sixteen, all) = gathered(16, 1 << 17, 0);
    // Each rank sends its own keys and values to all others: nearly as much, whatever their number.
    let ratio = sixteen.message.as_bytes() / two.message.as_bytes();
    assert!((ratio - (15.0 / 16.0) / 0.5).abs() < 1e-9, "{ratio}");
    assert!(sixteen.time > two.time && sixteen.time.as_s() > 0.02 * all);
    let (alone, _) = gathered(16, 1 << 12, 0);
    let (behind, _) = gathered(16, 1 << 12, 1 << 12);
    let (far_behind, _) = gathered(16, 1 << 12, 1 << 19);
    let (farther, _) = gathered(16, 1 << 12, 1 << 20);
    assert!((behind.message.as_bytes() / alone.message.as_bytes() - 2.0).abs() < 1e-9);
    // 16 heads of 128 out, and back with a weight each, against one key and one value.
    let round_trip = 16.0 * (256.0 + 256.0 + 4.0) / 512.0;
    let ratio = far_behind.message.as_bytes() / alone.message.as_bytes();
    assert!((ratio - (1.0 + round_trip)).abs() < 0.01, "{ratio}");
    assert_eq!(far_behind.message, farther.message);
}

#[test]
fn ranks_share_the_work_and_no_more() {
    for (model, tensor, cached) in [
        (LLAMA, 8, 0),
        (LLAMA, 8, 1 << 18),
        ("llama-3.1-70b", 2, 4096),
        ("deepseek-v3", 16, 0),
        ("gpt-oss-120b", 4, 30_000),
    ] {
        let flops = |context| {
            let deployment = deployment(model, tensor, context);
            let operators = explain(&deployment, &chunk(8192, cached)).unwrap();
            operators.iter().map(|o| o.flops.as_flops()).sum::<f64>() * f64::from(context)
        };
        // The output head is not asked for: the chunk completes nothing.
        let one = flops(1);
        for context in [4, 8] {
            let ratio = flops(context) / one;
            assert!((ratio - 1.0).abs() < 1e-9, "{model}, {context} ranks: {ratio}");
        }
    }
    // Every rank expands all latents that are cached.
    let flops = |context| {
        let operators = explain(&deployment("deepseek-v3", 16, context), &chunk(8192, 1 << 16));
        named(&operators.unwrap(), "prefill attention").flops.as_flops() * f64::from(context)
    };
    assert!(flops(4) > 1.05 * flops(1));
}

#[test]
fn memory_holds_weights_on_each_rank_and_a_share_of_each_sequence() {
    let plan = |model, tensor, context| MemoryPlan::of(&deployment(model, tensor, context));
    let (one, four) = (plan(LLAMA, 8, 1), plan(LLAMA, 8, 4));
    assert_eq!(one.weights, four.weights);
    assert_eq!(one.kv_per_token, four.kv_per_token);
    assert!(four.activations < one.activations, "a rank has fewer tokens of a step");
    assert!(four.blocks > 4 * one.blocks);
    // Routed experts are dealt to all accelerators: the rest is on each rank.
    let (one, two) = (plan("deepseek-v3", 16, 1), plan("deepseek-v3", 16, 2));
    assert!(two.weights < one.weights * 0.6 && two.weights > one.weights * 0.5);
    // As much for each as data parallel attention takes.
    let groups = Layout { data_attention: 2, ..Layout::tensor(16) };
    let mut grouped = deployment("deepseek-v3", 16, 1);
    grouped.spec.layout = groups;
    assert_eq!(MemoryPlan::of(&grouped).weights, two.weights);
}

#[test]
fn decoding_reads_a_share_of_the_cache_and_merges_the_results() {
    let shape = StepShape { decodes: 16, decode_context: 16 * 100_000, ..StepShape::default() };
    let [one, four] =
        [1, 4].map(|context| explain(&deployment("llama-3.1-70b", 2, context), &shape).unwrap());
    let bytes = |operators: &[Operator]| named(operators, "decode attention").bytes.as_bytes();
    assert!((bytes(&one) / bytes(&four) - 4.0).abs() < 0.01);
    // Weights are read by every rank, and every token passes on each.
    let up = |operators: &[Operator]| *named(operators, "feed-forward up");
    assert_eq!(up(&one), Operator { energy: up(&one).energy, ..up(&four) });
    assert!(one.iter().all(|o| !o.name.starts_with("context")));
    let merge = named(&four, "context merge");
    // 32 heads of 128 and a weight; a sum passes every link twice but for the own part.
    let partial = 80.0 * 16.0 * 32.0 * (256.0 + 4.0);
    assert!((merge.message.as_bytes() / (partial * 2.0 * 0.75) - 1.0).abs() < 1e-9);
    assert!(seconds(&four) < seconds(&one));
}

#[test]
fn what_cannot_be_says_what_could() {
    let problems = |model, tensor, context| deployment(model, tensor, context).problems();
    assert_eq!(problems(LLAMA, 8, 3), []);
    let [uneven @ LayoutProblem::ContextDomains { .. }] = &problems("llama-3.1-70b", 4, 3)[..]
    else {
        panic!("{:?}", problems("llama-3.1-70b", 4, 3));
    };
    let told = uneven.to_string();
    assert!(told.starts_with("context = 3 ranks of 4 accelerators do not fill"), "{told}");
    assert!(told.contains("use one of 1 or 2 or 4 or 6"), "{told}");
    let states = problems("nemotron-nano-12b-v2", 1, 2);
    assert_eq!(
        states[0].to_string(),
        "context = 2, but layers of `nemotron-nano-12b-v2` carry a state from token to token, of \
         which ranks cannot each take a part; use context = 1"
    );
    let mut short = deployment(LLAMA, 8, 8);
    short.spec.max_tokens = 15;
    assert_eq!(
        short.problems()[0].to_string(),
        "context = 8 cannot be; it may be at most half of max_tokens: each rank computes two \
         pieces of a chunk"
    );
}
