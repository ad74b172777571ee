//! Routers that look, over 1,024 replicas: a world of one pool.

use std::ops::ControlFlow;

use anyhow::Result;
use wattmill::perf::StepTable;
use wattmill::policy::{BatchLimits, KvWeights, QueueLimits, RouterKind, Segment, SiteRules};
use wattmill::sim::{
    Ask, Duty, PoolSpec, RegionSpec, Request, ServiceSpec, SiteSpec, World, WorldSpec,
};
use wattmill::units::{Money, Power, SimTime};

use super::figures::{LEAST, LIMITS, TOKENS_PER_S, at_the_rate_of, figure};
use super::peers::Peer;
use super::{Figure, cpu, floor, peers};

const REPLICAS: u32 = 1024;
const REQUESTS: u64 = 65_536;

/// The workload of `replicas-1024` behind the router that takes the least loaded.
pub(super) fn load_1024() -> Result<Vec<Figure>> {
    measure("router-load-1024", RouterKind::LeastLoaded, LIMITS, |request| Ask {
        request,
        service: 0,
        prompt: Vec::new(),
        answer: None,
    })
}

/// The same lengths and arrivals behind the KV-aware router: conversations of four turns, each of
/// which begins with the prompt and answer of the one before, below one of eight system prompts of
/// 128 tokens.
pub(super) fn kv_1024() -> Result<Vec<Figure>> {
    const TURNS: u64 = 4;
    /// Requests between two turns of a conversation.
    const APART: u64 = 4096;
    // Room for a hundred or so of the contexts, so that caches fill up and forget.
    let limits = BatchLimits { prefix_caching: true, ..BatchLimits::new(512, 512, 16, 8_192) };
    let router = RouterKind::KvAware(KvWeights::PUBLISHED);
    measure("router-kv-1024", router, limits, |request| {
        let turn = request.id / APART % TURNS;
        let conversation = request.id / (APART * TURNS) * APART + request.id % APART;
        let system = 128.min(request.input);
        let mut prompt = vec![Segment { content: conversation % 8, tokens: system }];
        // Earlier turns share what is left evenly with the new question.
        let each = (request.input - system) / (TURNS as u32);
        let name = |turn: u64| 1_000 + conversation * TURNS + turn;
        prompt.extend(
            (0..turn)
                .filter(|_| each > 0)
                .map(|earlier| Segment { content: name(earlier), tokens: each }),
        );
        Ask { request, service: 0, prompt, answer: Some(name(turn)) }
    })
}

fn measure(
    name: &str,
    router: RouterKind,
    limits: BatchLimits,
    ask: impl Fn(Request) -> Ask,
) -> Result<Vec<Figure>> {
    let Some(Peer { requests: once, table }) = peers::load("w4096_workload.csv")? else {
        return Ok(Vec::new());
    };
    let request = at_the_rate_of(&once, REPLICAS);
    let floor = floor::per_request() * REQUESTS as f64;
    let (time, (tokens, hash)) = cpu::repeat(LEAST, || {
        let mut world = World::new(pool(router, limits, &table)).expect("it is sound");
        let asks = (0..REQUESTS).map(|id| ask(request(id)));
        let _ = world.run(asks, SimTime::MAX, |_| {}, |_| ControlFlow::Continue(()));
        let usage = world.pool_usage(0);
        (usage.output_tokens(), world.fingerprint())
    });
    let speed = tokens as f64 / time / 1e6;
    Ok(vec![figure(name, speed, TOKENS_PER_S, time / floor, hash)])
}

/// One site, one region, one pool.
fn pool(router: RouterKind, limits: BatchLimits, table: &StepTable) -> WorldSpec<&StepTable> {
    let name = "bench".to_owned();
    WorldSpec {
        seed: 1,
        services: vec![ServiceSpec {
            name: name.clone(),
            limits: None,
            priority: 0,
            patience: None,
        }],
        regions: vec![RegionSpec {
            name: name.clone(),
            local_start: SimTime::ZERO,
            weights: [1.0; 24],
            latency: vec![SimTime::ZERO],
        }],
        sites: vec![SiteSpec { name: name.clone(), outages: Vec::new() }],
        pools: vec![PoolSpec {
            price: Money::ZERO,
            carbon_g: 0.0,
            name,
            site: 0,
            services: vec![0],
            replicas: REPLICAS,
            ready: REPLICAS,
            limits,
            groups: 1,
            models: vec![table],
            levels: Vec::new(),
            idle: Power::ZERO,
            router,
            part: Duty::Whole,
            port_bytes_per_s: 0,
            failures: None,
            start_up: SimTime::ZERO,
            in_hand: u32::MAX,
            room: Vec::new(),
            queue: QueueLimits::NONE,
            scale: None,
        }],
        choice: SiteRules::default(),
        most_resends: 0,
        row: None,
    }
}
