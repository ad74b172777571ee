//! A fleet with a bit of everything.

use wattmill_catalog::Interval;
use wattmill_policy::Ledger;
use wattmill_sim::{Books, Latency, Usage};
use wattmill_units::{Energy, Money, Power, Seconds};

use crate::bars::ServingBars;
use crate::document::ReplayTraffic;
use crate::serve::{
    ServeReport, ServedCap, ServedFleet, ServedPool, ServedPoolRow, ServedProvider, ServedRow,
    ServedService, ServedServiceRow, ServedTransferRow, ServedTransfers,
};

/// Three requests asked of one pool: answered, shed, lost.
pub(crate) fn served() -> ServeReport {
    let mut requests = Ledger::default();
    let (a, b, c) = (requests.ask(), requests.ask(), requests.ask());
    requests.finish(a);
    requests.shed(b);
    requests.lose(c);
    let s = Seconds::from_s;
    let bar = Interval { low: 0.9, median: 1.0, high: 1.2, rows: 40, inside: true };
    let bars = ServingBars {
        ttft: Some(bar),
        tpot: Some(bar),
        throughput: Some(bar),
        energy: Some(bar),
        power: None,
    };
    let latency = Latency { mean: s(0.5), p50: s(0.4), p90: s(0.9), p95: s(1.0), p99: s(1.1) };
    let usage = Usage {
        steps: 90,
        prefill_tokens: 700,
        cached_tokens: 300,
        evicted_blocks: 4,
        decode_tokens: 99,
        prompt_completions: 1,
        peak_blocks: 70,
        ..Usage::default()
    };
    let row = ServedPoolRow {
        length: s(60.0),
        ready: 2,
        turning: [1, 0, 0, 0],
        waiting: 1,
        running: 3,
        blocks: Some((500, 2_000)),
        steps: 90,
        decode_tokens: 99,
        made_tokens: 100,
        energy: Some(Energy::from_joules(54_000.0)),
        cost: Some(Money::from_usd(0.5)),
    };
    let chat = ServedServiceRow {
        asked: 3,
        finished: 1,
        within: 1,
        rejected: 0,
        shed: 1,
        lost: 1,
        input_tokens: 900,
        output_tokens: 100,
        ttft: Some([s(0.4), s(0.9), s(1.1)]),
        tpot: None,
    };
    ServeReport {
        fleet: "Small".to_owned(),
        fleet_seed: 1,
        traffic: ReplayTraffic::Trace { file: "t.csv".to_owned() },
        shaping: vec!["speed 2".to_owned()],
        served: ServedFleet {
            interrupted: true,
            span: s(60.0),
            services: vec![ServedService {
                name: "chat".to_owned(),
                slo: (s(2.0), s(0.05), 0.99),
                asked: 3,
                finished: 1,
                within: 1,
                rejected: 0,
                shed: 1,
                lost: 1,
                goodput_per_s: 1.0 / 60.0,
                output_tokens: 100,
                ttft: latency,
                tpot: Latency::default(),
                end_to_end: latency,
                bars,
            }],
            pools: vec![ServedPool {
                name: "all".to_owned(),
                site: "hall".to_owned(),
                provider: Some("lender".to_owned()),
                engine: "llama-3.1-8b on dgx-h100, TP1 fp8".to_owned(),
                role: "both",
                router: "kv-aware",
                replicas: 2,
                replicas_on: 1.5,
                accelerators: 1,
                groups: 1,
                cache: (1_000, 16),
                usage,
                batch_mean: 1.1,
                busy: 0.3,
                preemptions: 0,
                hit_rate: Some(0.3),
                energy: Some(Energy::from_joules(54_000.0)),
                power: Some(Power::from_watts(900.0)),
                caps: vec![
                    ServedCap { from: s(0.0), accelerator: None },
                    ServedCap { from: s(20.0), accelerator: Some(Power::from_watts(500.0)) },
                ],
                sustained: Some(4.5),
                bars,
                cost_per_million: Some(Money::from_usd(5_000.0)),
                cost_interval: Some(bar),
            }],
            regions: Vec::new(),
            rows: vec![ServedRow {
                from: s(0.0),
                until: s(60.0),
                all: chat,
                services: vec![chat],
                regions: vec![3],
                pools: vec![row],
                transfers: ServedTransferRow {
                    prompts: 1,
                    bytes: 2e9,
                    wait: Some([s(0.4), s(0.9), s(1.1)]),
                },
            }],
            books: Books {
                requests,
                tokens_made: 100,
                tokens_delivered: 100,
                too_late: 1,
                ..Books::default()
            },
            imbalance: None,
            transfers: ServedTransfers { count: 1, bytes: 2e9, wait: latency },
            facility_energy: Some(Energy::from_joules(60_000.0)),
            cost: Some(Money::from_usd(0.5)),
            cost_per_million_output: Some(Money::from_usd(5_000.0)),
            cost_interval: Some(bar),
            carbon_g: None,
            providers: vec![ServedProvider {
                name: Some("lender".to_owned()),
                pools: 1,
                accelerator_hours: 0.025,
                accelerators: Some(Money::from_usd(0.5)),
                energy: Some(Money::ZERO),
                output_tokens: 100,
            }],
            warnings: Vec::new(),
            answer_hash: 7,
        },
        wall: s(0.25),
        warnings: Vec::new(),
        calibration: None,
    }
}
