//! Traces of small worlds, read as their readers do.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;
use wattmill_perf::{DecodeRun, StepCost, StepModel, StepShape};
use wattmill_policy::{BatchLimits, Preemption, QueueLimits, RouterKind, SiteRules};
use wattmill_sim::{
    Ask, Duty, Failures, Handover, Limits, Outage, PoolSpec, RegionSpec, ServiceSpec, SiteSpec,
    Usage, World, WorldSpec,
};
use wattmill_units::{Money, Stream};

use super::*;

/// 5 ms a step, 20 µs a prompt token, 50 µs a decoding sequence, 10 W above idle.
#[derive(Clone, Copy, Debug)]
struct Simple;

impl StepModel for Simple {
    fn step(&self, shape: &StepShape) -> StepCost {
        let us = 5_000 + 20 * u64::from(shape.prefill.tokens) + 50 * u64::from(shape.decodes);
        let ns = 1_000 * us + 16 * shape.decode_context + 1;
        StepCost { time: Ticks::from_raw((ns << Ticks::FRACTION_BITS) + 77), dynamic_nj: 10 * ns }
    }
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let shape = StepShape { decodes, decode_context: context, ..StepShape::default() };
        let more = 16 * u64::from(decodes);
        let time = Ticks::from_raw(more << Ticks::FRACTION_BITS);
        let growth = StepCost { time, dynamic_nj: 10 * more };
        DecodeRun { first: self.step(&shape), growth, steps: u64::MAX }
    }
}

const fn ms(ms: u64) -> SimTime {
    SimTime::from_ns(ms * 1_000_000)
}

fn pool(name: &str, replicas: u32) -> PoolSpec<Simple> {
    PoolSpec {
        name: name.to_owned(),
        site: 0,
        price: Money::ZERO,
        carbon_g: 0.0,
        services: Vec::new(),
        replicas,
        ready: replicas,
        limits: BatchLimits::new(12, 256, 16, 300),
        groups: 1,
        models: vec![Simple],
        levels: Vec::new(),
        idle: Power::from_watts(100.0),
        router: RouterKind::LeastLoaded,
        part: Duty::Whole,
        port_bytes_per_s: 1_000_000_000,
        failures: None,
        start_up: ms(500),
        in_hand: 16,
        room: Vec::new(),
        queue: QueueLimits { requests: 40, ..QueueLimits::NONE },
        scale: None,
    }
}

/// Two replicas prefill for two others, beside two that do everything, which fail now and then; for
/// half a second their site is lost.
fn world() -> WorldSpec<Simple> {
    let mut prefill = pool("prompts", 2);
    prefill.services = vec![0];
    prefill.part =
        Duty::Prefill(Handover { decode: 1, bytes_per_token: 100_000, latency: ms(1), short: 0 });
    let decode = pool("answers", 2);
    let mut whole = pool("whole", 2);
    (whole.services, whole.site) = (vec![0, 1], 1);
    whole.failures = Some(Failures { between: ms(2_000), repair: ms(300) });
    let site = |name: &str, outages| SiteSpec { name: name.to_owned(), outages };
    let region = |name: &str, latency| RegionSpec {
        name: name.to_owned(),
        local_start: SimTime::ZERO,
        weights: [1.0; 24],
        latency,
    };
    let service = |name: &str| ServiceSpec {
        name: name.to_owned(),
        limits: Some(Limits { ttft: ms(500), tpot: ms(20) }),
        priority: 0,
        patience: None,
    };
    WorldSpec {
        seed: 7,
        services: vec![service("chat"), service("code \"x\"")],
        regions: vec![
            region("west", vec![ms(3), ms(40)]),
            region("east", vec![ms(40), SimTime::ZERO]),
        ],
        sites: vec![
            site("near", Vec::new()),
            site("far", vec![Outage { from: ms(1_500), until: ms(2_000) }]),
        ],
        pools: vec![prefill, decode, whole],
        choice: SiteRules::default(),
        most_resends: 3,
        row: None,
    }
}

fn traced() -> Traced {
    let pool = |name: &str, replicas| TracedPool {
        name: name.to_owned(),
        about: "llama".to_owned(),
        replicas,
        idle: Some(Power::from_watts(100.0)),
    };
    Traced {
        title: "A \"test\"".to_owned(),
        pools: vec![pool("prompts", 2), pool("answers", 2), pool("whole", 2)],
        services: vec!["chat".to_owned(), "code \"x\"".to_owned()],
        regions: vec!["west".to_owned(), "east".to_owned()],
    }
}

fn asks() -> Vec<Ask> {
    let mut draws = Stream::new(3, "asks", 0);
    let mut at = 0;
    let ask = |id| {
        at += draws.below(20_000_000);
        let (input, output) = (1 + draws.below(700) as u32, 1 + draws.below(80) as u32);
        let request = Request { id, arrival: SimTime::from_ns(at), input, output };
        Ask { request, service: draws.below(2) as u16, prompt: Vec::new(), answer: None }
    };
    (0..250).map(ask).collect()
}

struct Run {
    trace: Value,
    usages: Vec<Usage>,
    events: u64,
}

fn run(window: Window) -> Run {
    let writer = PerfettoWriter::new(Vec::new(), traced(), window);
    let mut world = World::watched(world(), writer).unwrap();
    let _ = world.run(asks().into_iter(), SimTime::MAX, |_| {}, |_| ControlFlow::Continue(()));
    let usages = (0..3).map(|pool| world.pool_usage(pool)).collect();
    let (bytes, events) = world.into_watch().finish().unwrap();
    Run { trace: serde_json::from_slice(&bytes).unwrap(), usages, events }
}

impl Run {
    fn events(&self) -> &[Value] {
        self.trace["traceEvents"].as_array().unwrap()
    }

    /// Events of this kind, with when each begins, in nanoseconds.
    fn of(&self, ph: &str) -> Vec<(u64, &Value)> {
        let found = self.events().iter().filter(|event| event["ph"] == ph);
        let mut found: Vec<_> = found.map(|event| (ns(&event["ts"]), event)).collect();
        found.sort_by_key(|(at, _)| *at);
        found
    }
}

/// A time of a trace, which is in microseconds.
fn ns(micros: &Value) -> u64 {
    (micros.as_f64().unwrap() * 1_000.0).round() as u64
}

/// Pids of the replicas of a pool.
fn pids(pool: usize) -> std::ops::Range<u64> {
    let first = 2 + 2 * pool as u64;
    first..first + 2
}

#[test]
fn steps_add_up_to_what_the_engine_says_it_did() {
    let run = run(Window::ALL);
    assert_eq!(run.events, run.events().len() as u64);
    for (pool, usage) in run.usages.iter().enumerate() {
        let steps: Vec<&Value> = run
            .events()
            .iter()
            .filter(|e| e["ph"] == "X" && e["tid"] == STEPS)
            .filter(|e| pids(pool).contains(&e["pid"].as_u64().unwrap()))
            .collect();
        let sum = |arg: &str| steps.iter().map(|e| e["args"][arg].as_u64().unwrap()).sum::<u64>();
        assert_eq!(steps.len() as u64, usage.steps);
        assert_eq!(sum("decodes"), usage.decode_tokens);
        assert_eq!(sum("prefill_tokens"), usage.prefill_tokens);
        assert_eq!(sum("first_tokens"), usage.prompt_completions);
        assert_eq!(u128::from(sum("context_tokens")), usage.context_steps);
        assert_eq!(u128::from(sum("energy_above_idle_nj")), usage.dynamic_nj);
        // Each end is to the nanosecond below.
        let busy: u64 = steps.iter().map(|e| ns(&e["dur"])).sum();
        let busy_ns = (usage.busy_ticks >> Ticks::FRACTION_BITS) as u64;
        assert!(busy_ns.abs_diff(busy) <= usage.steps, "{busy} {busy_ns}");
        assert!(usage.steps > 100);
    }
}

#[test]
fn nothing_overlaps_on_a_track() {
    for window in [Window::ALL, Window { from: ms(1_000), until: ms(2_200) }] {
        let run = run(window);
        let mut ends: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (at, slice) in run.of("X") {
            let track = (slice["pid"].as_u64().unwrap(), slice["tid"].as_u64().unwrap());
            let end = ends.entry(track).or_default();
            assert!(*end <= at, "{slice} begins before {end}");
            *end = at + ns(&slice["dur"]);
        }
        assert!(ends.keys().any(|(_, thread)| *thread == u64::from(LIFE)));
        assert!(ends.len() > 6);
    }
}

#[test]
fn a_window_begins_with_what_holds() {
    let whole = run(Window::ALL);
    let mut cut = 0;
    for from in [400, 1_000, 1_700, 2_100].map(ms) {
        let window = Window { from, until: from + ms(300) };
        let part = run(window);
        let (from, until) = (window.from.as_ns(), window.until.as_ns());
        let steps = |run: &Run| -> Vec<(u64, u64, u64)> {
            let steps = run.of("X").into_iter().filter(|(_, slice)| slice["tid"] == STEPS);
            let cut = |(at, slice): (u64, &Value)| {
                let (pid, end) = (slice["pid"].as_u64().unwrap(), at + ns(&slice["dur"]));
                (at < until && end > from).then(|| (pid, at.max(from), end))
            };
            let mut steps: Vec<_> = steps.filter_map(cut).collect();
            steps.sort_unstable();
            steps
        };
        assert_eq!(steps(&part), steps(&whole), "{from}");
        cut += part.of("X").iter().filter(|(_, s)| s["args"]["began_s"].is_f64()).count();
        // The last that was told by then; a file's order decides between equal times.
        let value = |run: &Run, pid: u64, name: &str| {
            let counters = run.events().iter().filter(|e| e["ph"] == "C" && e["pid"] == pid);
            let named = counters.filter(|e| e["name"] == name && ns(&e["ts"]) <= from);
            let last = named.max_by_key(|e| ns(&e["ts"]));
            last.map(|e| e["args"].as_object().unwrap().values().next().unwrap().clone())
        };
        let mut pids: Vec<u64> = steps(&part).iter().map(|(pid, _, _)| *pid).collect();
        pids.dedup();
        assert!(pids.len() > 3, "{from}");
        for pid in pids {
            let under_way = steps(&part).iter().any(|(step, at, _)| *step == pid && *at == from);
            // Who has come to an idle replica since its latest step is told with its next.
            let names = ["batch", "KV cache", "power", "queue"];
            for name in &names[..if under_way { 4 } else { 3 }] {
                let (told, holds) = (value(&part, pid, name), value(&whole, pid, name));
                assert!(told.is_some() && told == holds, "{from} {pid} {name}: {told:?} {holds:?}");
            }
        }
    }
    assert!(cut > 8, "{cut}");
}

#[test]
fn groups_and_swaps_are_told() {
    let mut spec = world();
    let mut whole = pool("whole", 2);
    (whole.services, whole.site, whole.groups) = (vec![0, 1], 1, 3);
    whole.limits.preemption = Preemption::Swap { block: Ticks::from_raw(1 << 40) };
    (whole.limits.blocks, whole.limits.max_seqs) = (60, 8);
    spec.pools[2] = whole;
    let writer = PerfettoWriter::new(Vec::new(), traced(), Window::ALL);
    let mut world = World::watched(spec, writer).unwrap();
    let _ = world.run(asks().into_iter(), SimTime::MAX, |_| {}, |_| ControlFlow::Continue(()));
    let swapped = world.pool_usage(2).swapped_blocks;
    assert!(swapped > 50, "{swapped}");
    let (bytes, events) = world.into_watch().finish().unwrap();
    let run = Run { trace: serde_json::from_slice(&bytes).unwrap(), usages: Vec::new(), events };
    let (mut blocks, mut batches) = (0, 0);
    let steps = run.of("X");
    for (at, slice) in steps.iter().filter(|(_, slice)| slice["tid"] == SWAPS) {
        blocks += slice["args"]["blocks"].as_u64().unwrap();
        let under = steps.iter().find(|(from, s)| {
            s["tid"] == STEPS
                && s["pid"] == slice["pid"]
                && from == at
                && ns(&s["dur"]) > ns(&slice["dur"])
        });
        assert!(under.is_some(), "{slice}");
    }
    assert_eq!(blocks, swapped);
    for (_, counter) in run.of("C").iter().filter(|(_, c)| c["name"] == "batch of group") {
        assert!(pids(2).contains(&counter["pid"].as_u64().unwrap()));
        assert_eq!(counter["args"].as_object().unwrap().len(), 3);
        batches += 1;
    }
    assert!(batches > 50, "{batches}");
}

#[test]
fn a_request_is_a_slice_with_its_phases_in_it() {
    let window = Window { from: ms(1_000), until: ms(2_200) };
    let run = run(window);
    // Stacks by kind and id, as readers keep them; a file's order decides between equal times.
    let mut open: BTreeMap<(String, String), Vec<(String, u64)>> = BTreeMap::new();
    let ends = run.events().iter().filter(|event| event["ph"] == "b" || event["ph"] == "e");
    let mut nested: Vec<(u64, &Value)> = ends.map(|event| (ns(&event["ts"]), event)).collect();
    nested.sort_by_key(|(at, _)| *at);
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for (at, event) in nested {
        assert!((1_000_000_000..=2_200_000_000).contains(&at), "{event}");
        let key = (event["cat"].to_string(), event["id"].to_string());
        let name = event["name"].as_str().unwrap().to_owned();
        let stack = open.entry(key).or_default();
        if event["ph"] == "b" {
            assert!(stack.len() < 2, "{event}");
            *names.entry(name.clone()).or_default() += 1;
            stack.push((name, at));
        } else {
            let (begun, from) = stack.pop().unwrap();
            assert_eq!(begun, name, "{event}");
            assert!(from < at || stack.is_empty(), "{event}");
        }
    }
    assert!(open.values().all(Vec::is_empty));
    for name in ["chat", "code \"x\"", "on the way", "queued", "prefill", "decode", "transfer"] {
        assert!(names.get(name).is_some_and(|count| *count > 3), "{name}: {names:?}");
    }
}

#[test]
fn an_arrow_goes_from_the_step_of_a_prompt_to_a_step_that_decodes_it() {
    let run = run(Window::ALL);
    let slices = run.of("X");
    let (starts, ends) = (run.of("s"), run.of("f"));
    let handed = run.usages[0].prompt_completions;
    assert!(starts.len() as u64 > handed / 2, "{} {handed}", starts.len());
    assert_eq!(starts.len(), ends.len());
    for ((at, arrow), pool) in starts.iter().map(|e| (e, 0)).chain(ends.iter().map(|e| (e, 1))) {
        assert!(pids(pool).contains(&arrow["pid"].as_u64().unwrap()));
        let under = slices.iter().find(|(from, slice)| {
            slice["pid"] == arrow["pid"]
                && slice["tid"] == arrow["tid"]
                && from <= at
                && *at < from + ns(&slice["dur"])
        });
        assert!(under.is_some(), "{arrow}");
    }
}

#[test]
fn two_windows_are_the_whole() {
    let cut = ms(1_234) + SimTime::from_ns(567);
    let steps = |window| {
        let run = run(window);
        let mut steps: Vec<String> = run
            .of("X")
            .into_iter()
            // What is under way when a window begins is in the one before, too.
            .filter(|(_, e)| e["tid"] == STEPS && e["args"]["began_s"].is_null())
            .map(|(_, e)| e.to_string())
            .collect();
        steps.sort_unstable();
        steps
    };
    let mut parts = steps(Window { from: SimTime::ZERO, until: cut });
    let second = steps(Window { from: cut, until: SimTime::MAX });
    assert!(parts.len() > 100 && second.len() > 100);
    parts.extend(second);
    parts.sort_unstable();
    assert!(parts == steps(Window::ALL));
}

#[test]
fn counters_end_with_an_idle_replica() {
    let run = run(Window::ALL);
    for pid in (0..3).flat_map(pids) {
        let last = |name: &str, unit: &str| {
            let of = run.of("C");
            let last = of.iter().rfind(|(_, e)| e["pid"] == pid && e["name"] == name).unwrap();
            last.1["args"][unit].as_f64().unwrap()
        };
        assert_eq!(last("batch", "sequences"), 0.0);
        assert_eq!(last("queue", "requests"), 0.0);
        assert_eq!(last("KV cache", "blocks"), 0.0);
        // Some are broken.
        let watts = last("power", "W");
        assert!(watts == 100.0 || watts == 0.0 && pids(2).contains(&pid), "{watts}");
    }
}

#[test]
fn too_much_is_refused_and_says_what_would_do() {
    let window = Window { from: ms(500), until: SimTime::MAX };
    let writer = PerfettoWriter::of_at_most(Vec::new(), traced(), window, 1_000);
    let mut world = World::watched(world(), writer).unwrap();
    let _ = world.run(asks().into_iter(), SimTime::MAX, |_| {}, |_| ControlFlow::Continue(()));
    let error = world.into_watch().finish().map(|(_, events)| events).unwrap_err().to_string();
    let (said, hint) = error.split_once("such as ").unwrap();
    assert!(said.starts_with("what happens from 0.5 s to the end holds more than 1000 events"));
    // What it says would do does.
    let until = hint.strip_prefix("0.5s..").and_then(|rest| rest.strip_suffix('s')).unwrap();
    let until = SimTime::from_ns((until.parse::<f64>().unwrap() * 1e9) as u64);
    let run = run(Window { from: ms(500), until });
    assert!(run.events > 300 && run.events < 1_000, "{}", run.events);
}

#[test]
fn a_window_after_the_end_is_refused() {
    let window = Window { from: ms(60_000), until: ms(70_000) };
    let writer = PerfettoWriter::new(Vec::new(), traced(), window);
    let mut world = World::watched(world(), writer).unwrap();
    let _ = world.run(asks().into_iter(), SimTime::MAX, |_| {}, |_| ControlFlow::Continue(()));
    let error = world.into_watch().finish().map(|(_, events)| events).unwrap_err().to_string();
    assert!(error.starts_with("nothing happens from 60 s to 70 s: the run is over at "), "{error}");
}

#[test]
fn a_full_disk_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space left"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = PerfettoWriter::new(Full, traced(), Window::ALL).finish().map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the trace cannot be written: no space left");
}
