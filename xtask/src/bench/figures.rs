//! The figures.

use std::ops::ControlFlow;

use anyhow::{Context, Result};
use wattmill::Sampling;
use wattmill::catalog::{Catalog, Precision};
use wattmill::config::{builtin_factory, parse_factory};
use wattmill::factory::{Arrivals, EngineSpec, Hardware, Layout};
use wattmill::perf::StepTable;
use wattmill::plan::{self, Engine};
use wattmill::policy::{BatchLimits, Segment};
use wattmill::sim::{Ask, Fleet, Rates, Replica, Request, Synthetic, Tally};
use wattmill::units::SimTime;

use super::peers::Peer;
use super::{Figure, cpu, day, floor, peers, routers, steps, traffic};

type Measure = fn() -> Result<Vec<Figure>>;

/// Every figure by name.
pub(crate) const ALL: [(&str, Measure); 14] = [
    ("w4096", w4096),
    ("u64", u64_),
    ("prefix", prefix),
    ("replicas-1024", replicas_1024),
    ("replicas-50000", replicas_50000),
    ("threads-2", threads_2),
    ("router-load-1024", routers::load_1024),
    ("router-kv-1024", routers::kv_1024),
    ("stream-10m", stream_10m),
    ("run-10gw", run_10gw),
    ("samples-10gw", samples_10gw),
    ("draw", traffic::draw),
    ("step", steps::price),
    ("day", day::day),
];

/// The scheduler of the peers' runs: Sarathi with 512 tokens a step, 512 sequences, no memory limit.
pub(super) const LIMITS: BatchLimits =
    BatchLimits::new(512, 512, 16, BatchLimits::UNLIMITED_BLOCKS);
/// CPU-seconds a figure is repeated for.
pub(super) const LEAST: f64 = 1.0;

pub(super) fn figure(name: &str, value: f64, unit: &str, floor_ratio: f64, hash: u64) -> Figure {
    Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        floor_ratio,
        hash: format!("{hash:016x}"),
    }
}

pub(super) const TOKENS_PER_S: &str = "M decode tokens/CPU-s";

/// One replica over all of `requests`: CPU-seconds, decode tokens and the hash of the answer.
fn one_replica(requests: &[Request], table: &StepTable, least: f64) -> (f64, u64, u64) {
    let mut tally = Tally::new(None);
    let (time, (tokens, hash)) = cpu::repeat(least, || {
        let before = tally.fingerprint();
        let mut replica = Replica::new(LIMITS);
        requests.iter().for_each(|request| replica.push(*request));
        replica.run_until(table, SimTime::MAX, &mut tally, &mut |_| {});
        let usage = replica.usage();
        let tokens = usage.output_tokens();
        (tokens, tally.fingerprint().wrapping_sub(before))
    });
    (time, tokens, hash)
}

fn peer_figure(name: &str, file: &str) -> Result<Vec<Figure>> {
    let Some(Peer { requests, table }) = peers::load(file)? else { return Ok(Vec::new()) };
    let floor = floor::per_request() * requests.len() as f64;
    let (time, tokens, hash) = one_replica(&requests, &table, LEAST);
    Ok(vec![figure(name, tokens as f64 / time / 1e6, TOKENS_PER_S, time / floor, hash)])
}

fn w4096() -> Result<Vec<Figure>> {
    peer_figure("w4096", "w4096_workload.csv")
}

fn u64_() -> Result<Vec<Figure>> {
    peer_figure("u64", "u64_workload.csv")
}

/// 65,536 requests, the workload of `w4096` sixteen times over, on 1,024 replicas that each see
/// its request rate.
fn replicas_1024() -> Result<Vec<Figure>> {
    replicas("replicas-1024", 1024, 65_536)
}

/// Likewise 3.2 million requests on 50,000.
fn replicas_50000() -> Result<Vec<Figure>> {
    replicas("replicas-50000", 50_000, 3_200_000)
}

/// The workload `once` over and over, at `replicas` times its request rate.
pub(super) fn at_the_rate_of(once: &[Request], replicas: u32) -> impl Fn(u64) -> Request + Copy {
    let period = once.last().map_or(0, |last| last.arrival.as_ns());
    move |id| {
        let (round, of) = (id / once.len() as u64, once[id as usize % once.len()]);
        let at = (of.arrival.as_ns() + round * period) / u64::from(replicas);
        Request { id, arrival: SimTime::from_ns(at), ..of }
    }
}

fn replicas(name: &str, replicas: u32, requests: u64) -> Result<Vec<Figure>> {
    let Some(Peer { requests: once, table }) = peers::load("w4096_workload.csv")? else {
        return Ok(Vec::new());
    };
    let request = at_the_rate_of(&once, replicas);
    let floor = floor::per_request() * requests as f64;
    let (time, (tokens, hash)) = cpu::repeat(LEAST, || {
        let mut fleet = Fleet::new(replicas, LIMITS, Tally::new(None));
        let stream = (0..requests).map(request);
        let _ = fleet.run(&table, stream, |_, _| {}, |_| ControlFlow::Continue(()));
        let usage = fleet.usage();
        (usage.output_tokens(), fleet.tally().fingerprint())
    });
    // The same shares on one replica after another: what many replicas cost, and not the ramp and
    // drain of 64 requests, which `w4096` has once in 4,096.
    let share = |replica| (replica..requests).step_by(replicas as usize).map(request);
    let shares: Vec<Vec<Request>> = (0..16).map(|replica| share(replica).collect()).collect();
    let (mut alone, mut alone_tokens) = (0.0, 0);
    for share in &shares {
        let (time, tokens, _) = one_replica(share, &table, LEAST / shares.len() as f64);
        alone += time;
        alone_tokens += tokens;
    }
    let (long, long_tokens, _) = one_replica(&once, &table, LEAST);
    let many = tokens as f64 / time;
    let percent_of = |tokens: u64, time: f64| 100.0 * many * time / tokens as f64;
    let ratio = time / floor;
    let (of_alone, of_long) = (percent_of(alone_tokens, alone), percent_of(long_tokens, long));
    let sub = |what: &str| format!("{name}/{what}");
    Ok(vec![
        figure(name, many / 1e6, TOKENS_PER_S, ratio, hash),
        figure(&sub("one"), of_alone, "% of one replica, same work", ratio, hash),
        figure(&sub("w4096"), of_long, "% of w4096", ratio, hash),
    ])
}

/// `w4096` with a prefix cache: each prompt begins with one of eight system prompts of 64 tokens, and
/// what follows is its own, as are the answers. The cache has room for half of it all and forgets.
fn prefix() -> Result<Vec<Figure>> {
    let Some(Peer { requests, table }) = peers::load("w4096_workload.csv")? else {
        return Ok(Vec::new());
    };
    let tokens: u64 = requests.iter().map(|r| u64::from(r.input) + u64::from(r.output)).sum();
    let off = BatchLimits::new(512, 512, 16, tokens / 32);
    let ask = |request: &Request| {
        let system = request.input.min(64);
        let (id, own) = (1_000 + 2 * request.id, request.input - system);
        let mut prompt = vec![Segment { content: request.id % 8, tokens: system }];
        prompt.extend((own > 0).then_some(Segment { content: id, tokens: own }));
        Ask { request: *request, service: 0, prompt, answer: Some(id + 1) }
    };
    let run = |limits: BatchLimits| {
        cpu::repeat(LEAST, || {
            let mut tally = Tally::new(None);
            let mut replica = Replica::new(limits);
            requests.iter().for_each(|request| replica.push_ask(ask(request)));
            replica.run_until(&table, SimTime::MAX, &mut tally, &mut |_| {});
            (*replica.usage(), tally.fingerprint())
        })
    };
    let (without, _) = run(off);
    let (time, (usage, hash)) = run(BatchLimits { prefix_caching: true, ..off });
    let ratio = time / (floor::per_request() * requests.len() as f64);
    let made = usage.output_tokens() as f64;
    let found =
        100.0 * usage.cached_tokens as f64 / (usage.cached_tokens + usage.prefill_tokens) as f64;
    Ok(vec![
        figure("prefix", made / time / 1e6, TOKENS_PER_S, ratio, hash),
        figure("prefix/off", time / without, "x the time without it", ratio, hash),
        figure("prefix/found", found, "% of prompt tokens", ratio, hash),
    ])
}

/// 65,536 requests on 1,024 replicas by one thread and by two, each of which has every other replica.
fn threads_2() -> Result<Vec<Figure>> {
    const REPLICAS: u32 = 1024;
    const REQUESTS: u64 = 1 << 20;
    let Some(Peer { requests: once, table }) = peers::load("w4096_workload.csv")? else {
        return Ok(Vec::new());
    };
    let request = at_the_rate_of(&once, REPLICAS);
    // In turn over all is in turn over the even ones and over the odd ones.
    let shard = |index: u64, of: u32| {
        let mut fleet = Fleet::new(REPLICAS / of, LIMITS, Tally::new(None));
        let stream = (index..REQUESTS).step_by(of as usize).map(request);
        let _ = fleet.run(&table, stream, |_, _| {}, |_| ControlFlow::Continue(()));
        (fleet.tally().fingerprint(), cpu::thread_seconds())
    };
    let (one, (hash, _)) = wall_seconds(|| shard(0, 1));
    let (two, (both, slowest)) = wall_seconds(|| {
        std::thread::scope(|scope| {
            let spawned = [0, 1].map(|index| scope.spawn(move || shard(index, 2)));
            let ended = spawned.map(|thread| thread.join().expect("a shard does not panic"));
            let [(first, a), (second, b)] = ended;
            (first.wrapping_add(second), a.max(b))
        })
    });
    anyhow::ensure!(both == hash, "two threads answer {both:016x}, one {hash:016x}");
    let cpu_one = {
        let before = cpu::thread_seconds();
        shard(0, 1).1 - before
    };
    let ratio = one / (floor::per_request() * REQUESTS as f64);
    Ok(vec![
        figure("threads-2", one / two, "x as fast as one thread", ratio, hash),
        figure("threads-2/cpu", cpu_one / slowest, "x, were both cores free", ratio, hash),
    ])
}

/// The least of three times that `work` takes, and its last answer.
fn wall_seconds<T>(work: impl Fn() -> T) -> (f64, T) {
    let once = || {
        let start = std::time::Instant::now();
        let answer = std::hint::black_box(work());
        (start.elapsed().as_secs_f64(), answer)
    };
    let (mut least, mut last) = once();
    for _ in 0..2 {
        let (time, answer) = once();
        (least, last) = (least.min(time), answer);
    }
    (least, last)
}

/// Ten million synthetic requests, streamed over 64 replicas at about 70 % of their capacity.
fn stream_10m() -> Result<Vec<Figure>> {
    const REQUESTS: usize = 10_000_000;
    const REPLICAS: u32 = 64;
    const RATE_PER_S: f64 = 2_000.0;
    let catalog = Catalog::builtin();
    let model = catalog.model("llama-3.1-8b").context("no llama-3.1-8b")?;
    let system = catalog.system("dgx-h200").context("no dgx-h200")?.clone();
    let accelerator = catalog.accelerator(&system.accelerator).context("no chip")?.clone();
    let hardware = Hardware { system, accelerator };
    let spec = EngineSpec::new(Layout::tensor(1), Precision::Fp8);
    let engine = Engine::new(model, &hardware, catalog, spec)
        .map_err(|why| anyhow::anyhow!(why.join("; ")))?;
    let lengths = floor::conversation();
    let traffic = Synthetic::new(1, Rates::constant(RATE_PER_S), Arrivals::Poisson, &lengths);
    let start = cpu::seconds();
    let mut fleet = Fleet::new(REPLICAS, engine.limits, Tally::new(None));
    let _ = fleet.run(
        &engine.surface,
        traffic.take(REQUESTS),
        |_, _| {},
        |_| ControlFlow::Continue(()),
    );
    let time = cpu::seconds() - start;
    let resident = cpu::peak_resident_mb()?;
    let hash = fleet.tally().fingerprint();
    let ratio = time / (floor::per_request() * REQUESTS as f64);
    let speed = REQUESTS as f64 / time / 1e6;
    Ok(vec![
        figure("stream-10m", resident, "MB resident", ratio, hash),
        figure("stream-10m/speed", speed, "M requests/CPU-s", ratio, hash),
    ])
}

/// `wattmill run` on the built-in ten gigawatts: reading, probing and five years of hours.
fn run_10gw() -> Result<Vec<Figure>> {
    let text = builtin_factory("ten-gigawatt").context("not built in")?;
    let catalog = Catalog::builtin();
    let start = cpu::seconds();
    let factory = parse_factory(text, catalog).factory.context("it is not sound")?;
    let offers = plan::offers(&factory, catalog, |_, _| {});
    let probed = cpu::seconds() - start;
    let plan = plan::run(&factory, catalog, offers);
    let time = cpu::seconds() - start;
    // The floor here: as many requests as there are hours.
    let ratio = time / (floor::per_request() * plan.hours as f64);
    Ok(vec![
        figure("run-10gw", time, "CPU-s", ratio, plan.answer_hash),
        figure("run-10gw/probing", probed, "CPU-s", ratio, plan.answer_hash),
    ])
}

/// Samples of ten gigawatts on twenty sites, five years hour by hour: prices, slips, growth and the
/// tokens of training runs are drawn.
fn samples_10gw() -> Result<Vec<Figure>> {
    const SAMPLES: u64 = 200;
    let text = twenty_sites();
    let catalog = Catalog::builtin();
    let factory = parse_factory(&text, catalog).factory.context("it is not sound")?;
    let offers = plan::offers(&factory, catalog, |_, _| {});
    let sampling =
        Sampling::open(&text, catalog, &factory, &offers).context("it is not sound any more")?;
    let start = cpu::seconds();
    let samples: Vec<_> = (0..SAMPLES).map(|index| sampling.sample(index)).collect();
    let time = (cpu::seconds() - start) / SAMPLES as f64;
    let risk = sampling.risk(&samples);
    // The floor here: as many requests as there are hours.
    let ratio = time / (floor::per_request() * 43_824.0);
    let resident = cpu::peak_resident_mb()?;
    Ok(vec![
        figure("samples-10gw", 1e3 * time, "CPU-ms a sample", ratio, risk.answer_hash),
        figure("samples-10gw/memory", resident, "MB resident", ratio, risk.answer_hash),
    ])
}

/// The factory file of [`samples_10gw`].
fn twenty_sites() -> String {
    let systems = ["gb200-nvl72", "gb300-nvl72", "vr-nvl72"];
    let mut text = "name = \"Twenty sites\"\nstart = 2027-01-01\nend = 2031-12-31\n".to_owned();
    for site in 0..20 {
        let (year, month) = (2027 + site % 4, 1 + site % 9);
        text.push_str(&format!(
            r#"
[[site]]
name = "site {site}"
grid = {{ connection = "550 MW", energized = 2027-0{month}-01, price = {{ p10 = "{} USD/MWh", p50 = "{} USD/MWh", p90 = "{} USD/MWh" }}, carbon = "300 g/kWh" }}
onsite = [{{ kind = "gas turbine", capacity = "100 MW", price = "77 USD/MWh", carbon = "500 g/kWh" }}]

[[phase]]
name = "phase {site}"
site = "site {site}"
system = "{}"
power = "500 MW"
first_rack = {year}-0{month}-01
ramp = "270 days"
slip = {{ p50 = "60 days", p90 = "365 days" }}
"#,
            30 + site,
            40 + 2 * site,
            70 + 2 * site,
            systems[site % systems.len()],
        ));
    }
    let services = [
        ("chat", "2.6 G", "servegen-m-mid"),
        ("api", "3 G", "servegen-m-large"),
        ("agents", "300 M", "servegen-m-small"),
    ];
    for (name, requests, shape) in services {
        text.push_str(&format!(
            r#"
[[service]]
name = "{name}"
model = "deepseek-v3"
slo = {{ ttft = "2 s", tpot = "50 ms" }}
users = {{ requests_per_day = "{requests}", growth = {{ p10 = "20 %/year", p50 = "60 %/year", p90 = "120 %/year" }}, lengths = "azure-conv-2023", shape = "{shape}" }}
"#
        ));
    }
    for (run, gpus) in [131_072, 262_144, 524_288].into_iter().enumerate() {
        text.push_str(&format!(
            r#"
[[training]]
name = "run {run}"
model = "llama-3.1-405b"
tokens = {{ p50 = "{} T", p90 = "{} T" }}
gpus = {gpus}
from = {}-03-01
precision = "fp8"
"#,
            500 * 3_u32.pow(run as u32),
            900 * 3_u32.pow(run as u32),
            2027 + run,
        ));
    }
    text
}
