//! Training steps against published ones that need only the repository, and against what must hold
//! whatever the constants.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wattmill_catalog::{Catalog, TrainingEfficiency, TrainingTable};
use wattmill_factory::PowerCap;
use wattmill_perf::{
    LayoutWishes, ModelFlops, Recompute, Sharding, Task, TrainingFormat, TrainingJob,
    TrainingLayout, TrainingMemory, TrainingProblem, TrainingRecipe, TrainingStep, search_layouts,
};
use wattmill_units::{Power, Ratio};

const DATA: TrainingLayout = TrainingLayout::data(1);

fn constants(chip: &str, stack: &str) -> TrainingEfficiency {
    let chip = Catalog::builtin().accelerator(chip).unwrap();
    TrainingTable::builtin().get(&chip.family, stack)
}

fn job<'a>(
    model: &str,
    chip: &str,
    training: &'a TrainingEfficiency,
    layout: TrainingLayout,
) -> TrainingJob<'a> {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator(chip).unwrap();
    TrainingJob {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        training,
        accelerators_per_domain: accelerator.scaleup_domain.unwrap().min(8),
        layout,
        micro_batch: 1,
        global_batch: layout.data,
        sequence: 8192,
        recipe: TrainingRecipe::pretrain(TrainingFormat::Bf16),
        power_cap: None,
    }
}

/// Llama 3 405B, arXiv 2407.21783, table 4: 8192 H100, TP8 PP16 DP64, 2048 sequences of 8192 tokens,
/// BF16 MFU 43 %. Its pipeline was interleaved and tuned; taken with four chunks. Within a fifth.
#[test]
fn llama_405b_reaches_the_published_mfu() {
    let training = constants("h100-sxm", "megatron");
    let layout = TrainingLayout {
        tensor: 8,
        sequence_parallel: true,
        pipeline: 16,
        virtual_stages: 4,
        ..TrainingLayout::data(64)
    };
    let mut job = job("llama-3.1-405b", "h100-sxm", &training, layout);
    job.global_batch = 2048;
    job.recipe.year = 2024.3;
    // By our account it lacks memory: Meta freed tensors earlier than others do.
    assert!(job.problems().iter().all(TrainingProblem::is_memory));
    let step = TrainingStep::of(&job);
    assert!((step.mfu() / 0.43 - 1.0).abs() < 0.2, "{}", step.mfu());
}

/// Korthikanti et al., arXiv 2205.05198, table 5: full recomputation costs 29 to 32 % of a step of
/// what selective recomputation with sequence parallelism takes (1.42 s for 1.10 s of 22B, 94.42 s
/// for 71.49 s of 1T). Held to between 20 and 40 %.
#[test]
fn full_recomputation_costs_a_third_of_a_step() {
    let training = constants("a100-80", "megatron");
    for (model, pipeline, batch, micro_batch) in
        [("megatron-22b", 1, 4, 4), ("gpt-3-175b", 8, 64, 1), ("megatron-1t", 64, 512, 1)]
    {
        let layout = TrainingLayout {
            tensor: 8,
            sequence_parallel: true,
            pipeline,
            ..TrainingLayout::data(1)
        };
        let mut job = job(model, "a100-80", &training, layout);
        (job.sequence, job.global_batch, job.micro_batch) = (2048, batch, micro_batch);
        job.recipe.recompute = Recompute::Selective;
        let selective = TrainingStep::of(&job);
        job.recipe.recompute = Recompute::Full;
        let full = TrainingStep::of(&job);
        let longer = full.time.total() / selective.time.total() - 1.0;
        assert!((0.2..0.4).contains(&longer), "{model}: {longer}");
        // And saves what the same paper says it does: most of the activations.
        assert!(full.memory.activations.as_gb() < 0.4 * selective.memory.activations.as_gb());
    }
}

/// The same paper, figure 1: 175B, 530B and 1T on 80 GB do not fit without recomputation, with
/// tensor parallelism 8 and as many stages as there.
#[test]
fn megatrons_large_models_need_selective_recomputation() {
    let training = constants("a100-80", "megatron");
    for (model, pipeline) in [("gpt-3-175b", 8), ("megatron-530b", 35), ("megatron-1t", 64)] {
        let layout = TrainingLayout { tensor: 8, pipeline, ..DATA };
        let mut job = job(model, "a100-80", &training, layout);
        (job.sequence, job.global_batch) = (2048, 4 * pipeline);
        job.recipe.recompute = Recompute::Selective;
        job.layout.sequence_parallel = true;
        assert!(!job.problems().iter().any(TrainingProblem::is_memory), "{model} ran");
        let kept = |job: &TrainingJob<'_>| TrainingMemory::of(job).activations.as_gb();
        let selective = kept(&job);
        job.recipe.recompute = Recompute::None;
        assert!(kept(&job) > 1.15 * selective, "{model}");
    }
}

/// NVIDIA counts 2.525 TFLOP a token of 405B at 8192 tokens (Megatron-Bridge, performance summary,
/// 26.06: 2129 TFLOP/s at 843 tokens/s), with the causal half of attention.
#[test]
fn model_flops_are_counted_as_the_named_convention_says() {
    let training = constants("gb200", "megatron");
    let job = job("llama-3.1-405b", "gb200", &training, TrainingLayout::data(8));
    let flops = ModelFlops::of(&job);
    let per_token = flops.model().as_tflops() / job.tokens();
    assert!((per_token / (2129.0 / 843.0) - 1.0).abs() < 0.005, "{per_token}");
    assert_eq!(flops.hardware, flops.model());
    let square = flops.model_full_square() - flops.model();
    assert_eq!(square, flops.attention);
    let mut full = job;
    full.recipe.recompute = Recompute::Full;
    let more = ModelFlops::of(&full).hardware / flops.model();
    // One more forward pass of three, but for the head.
    assert!((1.32..1.334).contains(&more), "{more}");
    let mut lora = job;
    lora.recipe.task = Task::Lora { rank: 16 };
    // Frozen weights have no gradient: two passes for three.
    let less = ModelFlops::of(&lora).linear / flops.linear;
    assert!((less * 1.5 - 1.0).abs() < 0.01, "{less}");
}

/// 1F1B waits for `stages − 1` micro-batches beside those it works on; interleaving divides that.
#[test]
fn the_bubble_is_the_formula() {
    let training = constants("h100-sxm", "megatron");
    let layout = TrainingLayout { tensor: 8, pipeline: 8, ..DATA };
    let mut job = job("llama-3.1-70b", "h100-sxm", &training, layout);
    let bubble = |job: &TrainingJob<'_>| TrainingStep::of(job).time.bubble;
    job.global_batch = 32;
    let plain = bubble(&job);
    job.layout.virtual_stages = 5;
    assert!((plain / bubble(&job) - 5.0).abs() < 1e-9);
    job.layout.virtual_stages = 1;
    // It does not grow with the batch, the work does.
    let few = TrainingStep::of(&job).time;
    job.global_batch = 64;
    let many = TrainingStep::of(&job).time;
    assert!((many.bubble / few.bubble - 1.0).abs() < 1e-9);
    assert!((many.gemm_forward / few.gemm_forward - 2.0).abs() < 1e-9);
    // All 80 layers in one stage: nobody to wait for.
    job.layout.pipeline = 1;
    assert_eq!(bubble(&job).as_s(), 0.0);
}

/// Rajbhandari et al., arXiv 1910.02054: with Adam in mixed precision 2 + 2 + 12 bytes a weight;
/// each stage of ZeRO divides one more of them by the ranks.
#[test]
fn zero_divides_what_it_says() {
    let training = constants("h100-sxm", "megatron");
    let mut job = job("llama-3.1-8b", "h100-sxm", &training, TrainingLayout::data(64));
    job.recipe.gradient_bytes = 2.0;
    let weights = job.model.parameters() / 1e9;
    let held = |job: &TrainingJob<'_>| {
        let memory = TrainingMemory::of(job);
        [memory.weights.as_gb(), memory.gradients.as_gb(), memory.optimizer.as_gb()]
    };
    let near =
        |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6 * weights);
    job.layout.sharding = Sharding::None;
    assert!(near(held(&job), [2.0 * weights, 2.0 * weights, 12.0 * weights]), "{:?}", held(&job));
    job.layout.sharding = Sharding::Optimizer;
    assert!(near(held(&job), [2.0 * weights, 2.0 * weights, 12.0 * weights / 64.0]));
    job.layout.sharding = Sharding::Gradients { group: 64 };
    assert!(near(held(&job), [2.0 * weights, 2.0 * weights / 64.0, 12.0 * weights / 64.0]));
    job.layout.sharding = Sharding::Full { group: 64 };
    let [full, _, _] = held(&job);
    // Two layers stand gathered beside the shard.
    assert!(full < 2.0 * weights / 64.0 + 2.0 * 2.0 * weights / 32.0, "{full}");
    assert!(full > 2.0 * weights / 64.0);
}

/// A cap costs a step that computes most of the time about what it costs its arithmetic.
#[test]
fn a_cap_slows_training_and_saves_energy() {
    let training = constants("h100-sxm", "megatron");
    let layout = TrainingLayout { tensor: 4, sequence_parallel: true, ..TrainingLayout::data(2) };
    let mut job = job("llama-3.1-8b", "h100-sxm", &training, layout);
    job.global_batch = 64;
    let free = TrainingStep::of(&job);
    job.power_cap = Some(PowerCap::Watts(Power::from_watts(400.0)));
    assert!(job.problems().is_empty());
    let capped = TrainingStep::of(&job);
    let slower = capped.time.total() / free.time.total();
    assert!((1.1..1.4).contains(&slower), "{slower}");
    assert!(capped.energy.unwrap() < free.energy.unwrap() * 0.8);
    assert!(capped.clock < 0.9 && free.clock == 1.0);
    job.power_cap = Some(PowerCap::Watts(Power::from_watts(50.0)));
    let said = job.problems()[0].to_string();
    assert!(said.starts_with("power_cap = 50 W cannot be on `h100-sxm`; it may be more"), "{said}");
}

#[test]
fn what_cannot_be_is_named_with_a_way_out() {
    let training = constants("h100-sxm", "megatron");
    let base = job("qwen2.5-14b", "h100-sxm", &training, TrainingLayout::data(8));
    let said =
        |job: TrainingJob<'_>| job.problems().first().map(ToString::to_string).unwrap_or_default();
    let with = |layout: TrainingLayout| TrainingJob { layout, global_batch: layout.data, ..base };
    assert!(said(base).contains("does not fit"), "{}", said(base));
    assert!(said(base).contains("fits with tensor = 4"), "{}", said(base));
    let cases = [
        (TrainingLayout { tensor: 3, ..DATA }, "tensor = 3 does not divide the 40 heads"),
        (TrainingLayout { tensor: 0, ..DATA }, "tensor = 0 cannot be"),
        (TrainingLayout { context: 7, ..DATA }, "context = 7 does not divide sequences of 8192"),
        (TrainingLayout { pipeline: 60, ..DATA }, "pipeline x virtual_stages = 60"),
        (TrainingLayout { expert: 2, ..DATA }, "has no experts; use expert = 1"),
        (TrainingLayout { pipeline: u32::MAX, tensor: u32::MAX, ..DATA }, "cannot be"),
    ];
    for (layout, words) in cases {
        assert!(said(with(layout)).contains(words), "{words}: {}", said(with(layout)));
    }
    let batch = TrainingJob { global_batch: 9, ..base };
    assert!(said(batch).ends_with("use global_batch = 16"), "{}", said(batch));
    let mut format = base;
    format.recipe.format = TrainingFormat::Nvfp4;
    assert!(said(format).ends_with("use bf16 or fp8 or mxfp8"), "{}", said(format));
}

/// The search's best is as fast as the best of every layout priced one by one.
#[test]
fn a_search_finds_what_trying_everything_finds() {
    let training = constants("h100-sxm", "megatron");
    let mut job = job("llama-3.1-8b", "h100-sxm", &training, TrainingLayout::data(16));
    job.global_batch = 64;
    let found = search_layouts(&job, 16, LayoutWishes::default());
    let mut best = f64::INFINITY;
    for tensor in [1, 2, 4, 8, 16] {
        for pipeline in [1, 2, 4, 8, 16] {
            let data = 16_u32.checked_div(tensor * pipeline).unwrap_or(0);
            if data * tensor * pipeline != 16 {
                continue;
            }
            for sharding in [Sharding::Optimizer, Sharding::Full { group: data }] {
                for (micro_batch, recompute) in
                    [(1, Recompute::None), (2, Recompute::None), (2, Recompute::Full)]
                {
                    let layout = TrainingLayout {
                        tensor,
                        sequence_parallel: tensor > 1,
                        pipeline,
                        sharding,
                        ..TrainingLayout::data(data)
                    };
                    let mut one = TrainingJob { layout, micro_batch, ..job };
                    one.recipe.recompute = recompute;
                    if one.problems().is_empty() {
                        best = best.min(TrainingStep::of(&one).time.total().as_s());
                    }
                }
            }
        }
    }
    let time = found.ranked[0].step.time.total().as_s();
    assert!(time <= best && time > 0.5 * best, "{time} {best}");
    let times: Vec<f64> = found.ranked.iter().map(|r| r.step.time.total().as_s()).collect();
    assert!(times.is_sorted());
}

proptest! {
    /// Whatever the layout: no time is negative or not a number, parts add up, more micro-batches
    /// take longer, and no package draws more than its limit.
    #[test]
    fn steps_are_sound(
        tensor in 0_u32..4,
        pipeline in 0_u32..5,
        context in 0_u32..3,
        data in 1_u32..65,
        chunks in 1_u32..5,
        micro_batch in 1_u32..5,
        rounds in 1_u32..9,
        experts in 0_u32..5,
        full in any::<bool>(),
        recompute in 0_usize..3,
        moe in any::<bool>(),
        sequence in 10_u32..17,
    ) {
        let training = constants("h100-sxm", "megatron");
        let context = 1 << context;
        let layout = TrainingLayout {
            tensor: 1 << tensor,
            sequence_parallel: tensor > 0,
            pipeline: 1 << pipeline,
            virtual_stages: if pipeline > 0 { chunks } else { 1 },
            context,
            expert: if moe { 1 << experts } else { 1 },
            sharding: if full { Sharding::Full { group: data * context } } else { Sharding::Optimizer },
            ..TrainingLayout::data(data)
        };
        let model = if moe { "qwen3-30b-a3b" } else { "llama-3.1-8b" };
        let mut job = job(model, "h100-sxm", &training, layout);
        (job.sequence, job.micro_batch) = (1 << sequence, micro_batch);
        job.global_batch = data * micro_batch * rounds;
        job.recipe.recompute = Recompute::ALL[recompute];
        let step = TrainingStep::of(&job);
        let parts = step.time.parts();
        for (name, time) in parts {
            prop_assert!(time.as_s() >= 0.0 && time.is_finite(), "{name}: {time}");
        }
        let sum: f64 = parts.iter().map(|(_, time)| time.as_s()).sum();
        prop_assert!((sum / step.time.total().as_s() - 1.0).abs() < 1e-9);
        prop_assert!(step.power().unwrap() <= job.accelerator.tdp.unwrap() * 1.000_001);
        prop_assert!(step.mfu() > 0.0 && step.mfu() < 1.0, "{}", step.mfu());
        prop_assert!(step.hfu() >= step.mfu());
        let more = TrainingJob { global_batch: job.global_batch * 2, ..job };
        prop_assert!(TrainingStep::of(&more).time.total() > step.time.total());
        let limit = job.accelerator.tdp.unwrap();
        let mut before = step.time.total();
        for share in [1.0, 0.8, 0.5, 0.2] {
            let cap = PowerCap::Share(Ratio::from_fraction(share));
            let capped = TrainingStep::of(&TrainingJob { power_cap: Some(cap), ..job });
            let total = capped.time.total();
            prop_assert!(total >= before, "{share}: {total} after {before}");
            prop_assert!(capped.power().unwrap() <= limit * share * 1.000_001, "{share}");
            before = total;
            if share == 1.0 {
                prop_assert_eq!(capped, step);
            }
        }
    }
}
