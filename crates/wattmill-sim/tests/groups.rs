//! Attention groups with batches of their own: what they do for themselves takes as long as the
//! slowest, what they do together goes by the tokens of all.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{Draft, EngineSpec, Layout, Speculation};
use wattmill_perf::{Deployment, StepSurface};
use wattmill_policy::BatchLimits;
use wattmill_sim::{Finished, Replica, Request, Tally, Usage};
use wattmill_units::SimTime;

const GROUPS: u32 = 8;

/// Eight accelerators that attend to sequences of their own and share the experts.
fn surface(model: &str, expert: u32, change: impl Fn(&mut EngineSpec)) -> StepSurface {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator("h200-sxm").expect("a chip of the catalogue");
    let layout = Layout { expert, data_attention: GROUPS, ..Layout::tensor(1) };
    let mut spec = EngineSpec::new(layout, Precision::Fp8);
    spec.max_tokens = 1 << 16;
    change(&mut spec);
    let deployment = Deployment {
        model: catalog.model(model).expect("a model of the catalogue"),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).expect("its family"),
        spec,
        accelerators_per_domain: 8,
    };
    StepSurface::compile(&deployment).expect("it fits")
}

fn deepseek() -> StepSurface {
    surface("deepseek-v3", 8, |_| {})
}

/// What becomes of requests of `(input, output)` tokens that come at once, one to each group as far
/// as they go: in order of their names.
fn run(surface: &StepSurface, groups: u32, requests: &[(u32, u32)]) -> (Vec<Finished>, Usage) {
    let whole = BatchLimits::new(256, 1 << 16, 16, surface.memory().blocks);
    let mut replica = Replica::grouped(whole.of_group(groups), groups);
    for (id, (input, output)) in (0..).zip(requests) {
        replica.push(Request { id, arrival: SimTime::ZERO, input: *input, output: *output });
    }
    let mut finished = Vec::new();
    let mut tally = Tally::new(None);
    replica.run_until(surface, SimTime::MAX, &mut tally, &mut |done| finished.push(*done));
    finished.sort_by_key(|done| done.request.id);
    assert_eq!(finished.len(), requests.len());
    (finished, *replica.usage())
}

/// Time and energy of the one step that computes these prompts.
fn step(surface: &StepSurface, prompts: &[u32]) -> (f64, f64) {
    let requests: Vec<(u32, u32)> = prompts.iter().map(|input| (*input, 1)).collect();
    let (_, usage) = run(surface, GROUPS, &requests);
    assert_eq!(usage.steps, 1);
    (usage.busy_ticks as f64, usage.dynamic_nj as f64)
}

#[test]
fn one_group_at_work_is_not_eight() {
    let surface = deepseek();
    let ((one, one_j), (eight, eight_j)) =
        (step(&surface, &[4096]), step(&surface, &[4096; GROUPS as usize]));
    // Attention takes as long; the experts have an eighth of the tokens.
    assert!((0.3..0.8).contains(&(one / eight)), "{}", one / eight);
    // So have those who wait, who do nothing.
    assert!((0.1..0.3).contains(&(one_j / eight_j)), "{}", one_j / eight_j);
    // As many tokens in one batch that is dealt evenly are faster still.
    let (even, _) = step(&surface, &[512; GROUPS as usize]);
    assert!(even < 0.8 * one, "{}", even / one);
    // In decode experts read their weights for one token as for eight.
    let tpot = |requests: &[(u32, u32)]| {
        let (finished, _) = run(&surface, GROUPS, requests);
        let done = finished[0];
        done.finish.since(done.first_token).as_seconds().as_ms()
            / f64::from(done.request.output - 1)
    };
    let (one, eight) = (tpot(&[(4096, 100)]), tpot(&[(4096, 100); GROUPS as usize]));
    assert!(one < eight && eight < 4.0 * one, "{one} {eight}");
}

#[test]
fn even_batches_cost_what_one_dealt_evenly_does() {
    let speculates = |spec: &mut EngineSpec| {
        let draft = Draft::Layer;
        spec.speculation = Some(Speculation { draft_tokens: 2, acceptance: 0.8, draft });
    };
    for (surface, name) in [
        (deepseek(), "experts dealt"),
        (surface("deepseek-v3", 1, |_| {}), "experts shared"),
        (surface("deepseek-v3", 8, speculates), "speculation"),
        (surface("llama-3.1-8b", 1, |_| {}), "no experts"),
    ] {
        let requests = [(1_000, 300); 3 * GROUPS as usize];
        let (apart, used) = run(&surface, GROUPS, &requests);
        let (dealt, usage) = run(&surface, 1, &requests);
        assert_eq!(apart, dealt, "{name}");
        assert_eq!(used, usage, "{name}");
    }
}

#[test]
fn more_tokens_are_never_cheaper_and_energy_is_of_work_done() {
    let surface = deepseek();
    let (busy, busy_j) = step(&surface, &[2_048; GROUPS as usize]);
    let mut last = (0.0, 0.0);
    for more in [1, 64, 256, 512, 1_024, 2_048] {
        for others in 0..GROUPS as usize {
            let mut prompts = vec![2_048];
            prompts.extend(vec![more; others]);
            let (time, joules) = step(&surface, &prompts);
            assert!(time <= busy && joules <= busy_j, "{others} of {more}");
            // Measured kernels scatter by less than this where a tile begins.
            if others > 0 {
                assert!(time >= last.0 * 0.999, "{others} of {more}: {time} after {}", last.0);
                assert!(joules >= last.1, "{others} of {more}: {joules} after {}", last.1);
            }
            last = (time, joules);
        }
    }
}
