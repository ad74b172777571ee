//! The figures.

use std::ops::ControlFlow;

use anyhow::{Context, Result};
use wattmill::catalog::{Catalog, Precision};
use wattmill::config::{builtin_factory, parse_factory};
use wattmill::factory::{Arrivals, EngineSpec, Hardware, Layout};
use wattmill::perf::StepTable;
use wattmill::plan::{self, Engine};
use wattmill::policy::BatchLimits;
use wattmill::sim::{Fleet, Rates, Replica, Request, Synthetic, Tally};
use wattmill::units::SimTime;

use super::peers::Peer;
use super::{Figure, cpu, floor, peers, steps, traffic};

type Measure = fn() -> Result<Vec<Figure>>;

/// Every figure by name.
pub(crate) const ALL: [(&str, Measure); 7] = [
    ("w4096", w4096),
    ("u64", u64_),
    ("replicas-1024", replicas_1024),
    ("stream-10m", stream_10m),
    ("run-10gw", run_10gw),
    ("draw", traffic::draw),
    ("step", steps::price),
];

/// The scheduler of the peers' runs: Sarathi with 512 tokens a step, 512 sequences, no memory limit.
const LIMITS: BatchLimits = BatchLimits::new(512, 512, 16, BatchLimits::UNLIMITED_BLOCKS);
/// CPU-seconds a figure is repeated for.
const LEAST: f64 = 1.0;

pub(super) fn figure(name: &str, value: f64, unit: &str, floor_ratio: f64, hash: u64) -> Figure {
    Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        floor_ratio,
        hash: format!("{hash:016x}"),
    }
}

const TOKENS_PER_S: &str = "M decode tokens/CPU-s";

/// One replica over all of `requests`: CPU-seconds, decode tokens and the hash of the answer.
fn one_replica(requests: &[Request], table: &StepTable, least: f64) -> (f64, u64, u64) {
    let mut tally = Tally::new(None);
    let (time, (tokens, hash)) = cpu::repeat(least, || {
        let before = tally.fingerprint();
        let mut replica = Replica::new(LIMITS);
        requests.iter().for_each(|request| replica.push(*request));
        replica.run_until(table, SimTime::MAX, &mut tally, &mut |_| {});
        let usage = replica.usage();
        let tokens = usage.decode_tokens + usage.prompt_completions;
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
    const REPLICAS: u32 = 1024;
    const REQUESTS: u64 = 65_536;
    let Some(Peer { requests: once, table }) = peers::load("w4096_workload.csv")? else {
        return Ok(Vec::new());
    };
    let period = once.last().map_or(0, |last| last.arrival.as_ns());
    let requests: Vec<Request> = (0..REQUESTS)
        .map(|id| {
            let (round, of) = (id / once.len() as u64, once[id as usize % once.len()]);
            let at = (of.arrival.as_ns() + round * period) / u64::from(REPLICAS);
            Request { id, arrival: SimTime::from_ns(at), ..of }
        })
        .collect();
    let floor = floor::per_request() * REQUESTS as f64;
    let (time, (tokens, hash)) = cpu::repeat(LEAST, || {
        let mut fleet = Fleet::new(REPLICAS, LIMITS, Tally::new(None));
        let _ =
            fleet.run(&table, requests.iter().copied(), |_, _| {}, |_| ControlFlow::Continue(()));
        let usage = fleet.usage();
        (usage.decode_tokens + usage.prompt_completions, fleet.tally().fingerprint())
    });
    // The same shares on one replica after another: what many replicas cost, and not the ramp and
    // drain of 64 requests, which `w4096` has once in 4,096.
    let shares: Vec<Vec<Request>> = (0..16)
        .map(|replica| requests.iter().skip(replica).step_by(REPLICAS as usize).copied().collect())
        .collect();
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
    Ok(vec![
        figure("replicas-1024", many / 1e6, TOKENS_PER_S, ratio, hash),
        figure("replicas-1024/one", of_alone, "% of one replica, same work", ratio, hash),
        figure("replicas-1024/w4096", of_long, "% of w4096", ratio, hash),
    ])
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
