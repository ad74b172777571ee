//! A small factory and small replays, run for real.

use std::ops::ControlFlow;

use jiff::civil::date;
use wattmill_catalog::{Catalog, Interval, Precision};
use wattmill_factory::{
    Answer, Arrivals, Battery, Chain, Clock, Contract, Cooling, Curtailment, Economics,
    EngineChoice, EngineSpec, Event, Export, Factory, Goal, Grid, Hardware, Layout, LengthTable,
    Lengths, Onsite, Outlay, PartLives, PartShares, Payment, Phase, PowerBasis, Pue, Region,
    Service, Site, Slo, Solar, SolarWeather, Subscription, SummerTime, Target, Temperature,
    Traffic, Training, Uncertain, Uncertainty, Weather, Wind, WindWeather, Written,
};
use wattmill_plan::{Almanac, Holding, Plan, Risk, Sample, figures, holding, offers, run, sample};
use wattmill_sim::{Finished, Latency, Limits, Request, Summary, Tally};
use wattmill_units::{
    CarbonIntensity, Distribution, Energy, EnergyPrice, Id, IdVec, Money, Power, Seconds, SimTime,
};
use wattmill_validate::{Effort, Table, evaluate};

use crate::bars::{EngineBars, PlanBars, ServingBars};
use crate::calibrate::CalibrationReport;
use crate::day::DayReport;
use crate::document::{PrefixCache, ReplayEngine, ReplayInputs, ReplayTraffic};
use crate::replay::ReplayHeading;
use crate::saturation::{Limiting, SaturationPoint, SaturationReport};
use crate::validate::{Validated, Validation};

/// Two nodes for five weeks around the turn of a quarter, one service, one training run.
fn factory() -> Factory {
    let catalog = Catalog::builtin();
    let model = catalog.model("llama-3.1-8b").unwrap().clone();
    let system = catalog.system("dgx-h100").unwrap().clone();
    let accelerator = catalog.accelerator(&system.accelerator).unwrap().clone();
    let unit_power = system.power_max.unwrap();
    let price = EnergyPrice::from_usd_per_mwh(60.0);
    let carbon = CarbonIntensity::from_g_per_kwh(300.0);
    let spec = EngineSpec::new(Layout::tensor(1), Precision::Fp8);
    let life = Seconds::from_days(15.0 * 365.25);
    let outlay = Outlay { capital: Money::from_usd(10_000.0), life };
    Factory {
        name: "Two nodes".to_owned(),
        start: date(2027, 3, 1),
        end: date(2027, 4, 5),
        seed: 7,
        weather: Weather::Varies,
        sites: IdVec::from_iter([Site {
            name: "cellar".to_owned(),
            location: Some((48.1, 11.6)),
            grid: Some(Grid {
                export: Some(Export { most: Power::from_kw(5.0), price: Some(price) }),
                ..Grid::constant(Power::from_kw(40.0), date(2027, 1, 1), price, carbon)
            }),
            onsite: vec![Onsite {
                kind: "gas turbine".to_owned(),
                capacity: Power::from_kw(10.0),
                from: date(2027, 3, 3),
                price,
                carbon,
                outlay: Outlay::NONE,
            }],
            solar: Some(Solar {
                capacity: Power::from_kw(20.0),
                from: date(2027, 3, 1),
                price: EnergyPrice::ZERO,
                outlay,
                weather: SolarWeather::Modelled {
                    latitude: 48.1,
                    longitude: 11.6,
                    clearness: 0.6,
                    tracking: false,
                },
            }),
            wind: Some(Wind {
                capacity: Power::from_kw(5.0),
                from: date(2027, 3, 1),
                price: EnergyPrice::ZERO,
                outlay,
                weather: WindWeather::Modelled { mean_m_per_s: 6.0, shape: 2.0, persistence: 0.9 },
            }),
            battery: Some(Battery {
                energy: Energy::from_kwh(40.0),
                power: Power::from_kw(10.0),
                efficiency: 0.86,
                from: date(2027, 3, 1),
                start: 0.5,
                reserve: 0.1,
                fade_per_year: 0.02,
                cycles: 6000.0,
                charge_below: None,
                discharge_above: None,
                shave_above: None,
                outlay,
            }),
            clock: Clock { offset: Seconds::from_hours(1.0), summer: SummerTime::Europe },
            pue: Pue { design: 1.4, annual: 1.2 },
            cooling: Cooling {
                fixed: 0.3,
                per_degree: 0.005,
                free_below_c: 10.0,
                temperature: Some(Temperature::Modelled {
                    mean_c: 9.0,
                    season_k: 10.0,
                    day_k: 5.0,
                    latitude: 48.1,
                }),
            },
            water_l_per_kwh: Some(0.5),
            source: Some("made up".to_owned()),
        }]),
        hardware: IdVec::from_iter([Hardware { system, accelerator }]),
        phases: IdVec::from_iter([Phase {
            name: "both".to_owned(),
            site: Id::from_index(0),
            hardware: Id::from_index(0),
            power: unit_power * 2.0,
            basis: PowerBasis::It,
            options: Vec::new(),
            unit_power,
            beside: 0.0,
            oversubscription: 1.0,
            first_rack: date(2027, 3, 1),
            ramp: Seconds::from_days(2.0),
            slip: Seconds::from_days(1.0),
            chains: vec![Chain {
                needs: "cooling".to_owned(),
                ready: date(2027, 3, 10),
                delay: Seconds::from_days(2.0),
                ramp: Seconds::ZERO,
            }],
            cancelled: None,
            retire: None,
            resale: None,
            refreshes: None,
            source: None,
        }]),
        services: IdVec::from_iter([Service {
            name: "chat".to_owned(),
            model: model.clone(),
            slo: Slo { ttft: Seconds::from_s(2.0), tpot: Seconds::from_ms(50.0), quantile: 0.99 },
            traffic: Traffic {
                requests_per_day: 1e6,
                weekly_users: Some(1e5),
                growth_per_year: 0.4,
                daily_shape: [1.0; 24],
                regions: vec![Region {
                    name: "town".to_owned(),
                    share: 1.0,
                    utc_offset: 1.0,
                    daily_shape: [1.0; 24],
                }],
                lengths: Lengths {
                    name: "fixed".to_owned(),
                    input: LengthTable::fixed(256),
                    output: LengthTable::fixed(64),
                },
                arrivals: Arrivals::Gamma { cv: 1.5 },
            },
            engine: EngineChoice::Explicit(spec),
            price_per_million_output: Some(Money::from_usd(1.0)),
            subscription: Some(Subscription { monthly: Money::from_usd(20.0), paying: 0.05 }),
            batch: false,
        }]),
        trainings: IdVec::from_iter([Training {
            name: "small".to_owned(),
            model,
            tokens: 1e9,
            accelerators: 4,
            from: date(2027, 3, 5),
            precision: Precision::Bf16,
            mfu: 0.4,
        }]),
        curtailments: vec![Curtailment {
            site: Id::from_index(0),
            at: date(2027, 3, 20).at(17, 0, 0, 0),
            length: Seconds::from_hours(3.0),
            cut: 0.25,
            answers: Answer::ALL.to_vec(),
        }],
        contracts: vec![Contract {
            from: "a friend".to_owned(),
            to: "us".to_owned(),
            amount: Money::from_musd(1.0),
            for_each: Power::from_kw(10.0),
            up_to: None,
            begins: Some(date(2027, 3, 1)),
            ends: None,
        }],
        deals: IdVec::new(),
        events: vec![Event {
            name: "bankrupt".to_owned(),
            on: Some(date(2027, 3, 25)),
            defaults: Some("a friend".to_owned()),
        }],
        payments: vec![Payment {
            from: "a bank".to_owned(),
            to: "us".to_owned(),
            amount: Money::from_musd(2.0),
            on: date(2027, 3, 2),
        }],
        economics: Economics {
            price_year: 2026,
            infrastructure_usd_per_w: 12.0,
            accelerator_price: Money::from_usd(35_000.0),
            operations_per_year: 0.02,
            inflation_per_year: 0.02,
            discount_per_year: 0.1,
            machine_life: Seconds::from_days(5.0 * 365.25),
            infrastructure_life: Seconds::from_days(20.0 * 365.25),
            shares: PartShares { network: 0.2, power: 0.4, cooling: 0.3 },
            lives: PartLives { cooling: Some(life), ..PartLives::default() },
        },
        targets: vec![
            Target {
                name: "one node".to_owned(),
                goal: Goal::Accelerators(8.0),
                by: date(2027, 3, 20),
            },
            Target {
                name: "trained".to_owned(),
                goal: Goal::Trained(Id::from_index(0)),
                by: date(2027, 3, 9),
            },
        ],
        uncertainty: Uncertainty::new(
            vec![Uncertain {
                path: "phase.both.slip".to_owned(),
                distribution: Distribution::from_zero(86_400.0, 9.0 * 86_400.0),
                written: Written::Unit("days", 86_400.0),
            }],
            &[],
        )
        .expect("one input contradicts nothing"),
    }
}

/// A gigawatt of one system that has published figures.
pub(super) fn holdings() -> Vec<Holding> {
    let pue = Pue { design: 1.4, annual: 1.1 };
    holding(Catalog::builtin(), "vr-nvl72", Power::from_gw(1.0), pue).into_iter().collect()
}

/// Twenty samples of the factory, of which one has no answer.
pub(super) fn risk(factory: &Factory, plan: &Plan) -> Risk {
    let planned = figures(factory, Catalog::builtin(), &plan.offers);
    let one = |index: u64| {
        let drawn = factory.uncertainty.draw(factory.seed, index);
        let slip = Seconds::from_s(drawn[0]);
        let phases = factory.phases.iter().map(|phase| Phase { slip, ..phase.clone() });
        let slipped = Factory { phases: phases.collect(), ..factory.clone() };
        let (figures, worst) =
            sample(&slipped, Catalog::builtin(), &plan.offers, &Almanac::default());
        (index != 7).then_some(Sample { drawn, figures, worst })
    };
    Risk::new(factory, &planned, &(0..20).map(one).collect::<Vec<_>>())
}

/// The factory and its plan.
pub(super) fn planned() -> (Factory, Plan) {
    let factory = factory();
    let catalog = Catalog::builtin();
    let offers = offers(&factory, catalog, |_, _| {});
    let plan = run(&factory, catalog, offers);
    (factory, plan)
}

/// Three finished requests on a step-time table.
pub(super) fn trace() -> (ReplayInputs, Summary, Tally) {
    let ms = |ms: u64| SimTime::from_ns(ms * 1_000_000);
    let mut tally = Tally::new(Some(Limits { ttft: ms(200), tpot: ms(50) }));
    for id in 0..3u32 {
        tally.finish(&Finished {
            request: Request { id: id.into(), arrival: ms(0), input: 100, output: 5 },
            first_token: ms(100 * u64::from(id + 1)),
            finish: ms(100 * u64::from(id + 1) + 80),
            preemptions: id,
            cached_tokens: 0,
        });
    }
    tally.decode_steps(3, 1 << 20, 0, 4);
    let inputs = ReplayInputs {
        traffic: ReplayTraffic::Trace { file: "trace.csv".to_owned() },
        shaping: vec!["speed 2".to_owned()],
        engine: ReplayEngine::StepTable {
            file: "table.json".to_owned(),
            max_seqs: 512,
            max_tokens: 512,
        },
        replicas: 1,
        router: "round-robin",
        shed: 0,
        prefix: None,
        cache: None,
        slo: (Seconds::from_ms(200.0), Seconds::from_ms(50.0)),
        requests: 3,
        wall: Seconds::from_ms(0.5),
        interrupted: false,
        bars: Err("the step times are your own".to_owned()),
        rows: super::fleet::served().served.rows,
        warnings: vec!["one request was sorted".to_owned()],
        calibration: None,
    };
    (inputs, summary(&tally), tally)
}

/// The same answers to synthetic traffic on a model.
pub(super) fn synthetic() -> (ReplayInputs, Summary, Tally) {
    let (inputs, summary, tally) = trace();
    let inputs = ReplayInputs {
        traffic: ReplayTraffic::Synthetic {
            requests_per_s: 30.0,
            weekly_users: Some(700_000.0),
            lengths: "azure-conv-2023".to_owned(),
            arrivals: Arrivals::Poisson,
            shape: "flat".to_owned(),
            duration: Seconds::from_s(600.0),
            seed: 3,
        },
        engine: ReplayEngine::Model {
            model: "llama-3.1-8b".to_owned(),
            system: "dgx-h100".to_owned(),
            accelerator: "h100-sxm".to_owned(),
            spec: EngineSpec::new(Layout::tensor(2), Precision::Fp8),
        },
        cache: Some((50_000, 16)),
        shed: 2,
        prefix: Some(PrefixCache { cached_tokens: 100, computed_tokens: 200, evicted_blocks: 3 }),
        bars: Ok(bars()),
        ..inputs
    };
    let energy = Energy::from_joules(700.0);
    let summary = Summary {
        energy: Some(energy),
        power: Some(energy / summary.span),
        tokens_per_joule: Some(summary.output_tokens as f64 / energy.as_joules()),
        ..summary
    };
    (inputs, summary, tally)
}

/// Two speeds, of which the faster is too fast.
pub(crate) fn saturated() -> SaturationReport {
    let (inputs, summary, _) = synthetic();
    let point = |speed, holds: bool| SaturationPoint {
        speed,
        holds,
        summary: summary.clone(),
        bars: holds.then(bars),
    };
    SaturationReport {
        heading: ReplayHeading::from(&inputs),
        share: 0.99,
        accelerators: Some(2),
        points: vec![point(1.0, true), point(2.0, false)],
        limiting: Some(Limiting {
            late_ttft: true,
            late_tpot: false,
            resource: "KV cache: its blocks run out".to_owned(),
        }),
        seed: Some(3),
    }
}

/// A day of three requests.
pub(crate) fn day() -> DayReport {
    let (_, summary, _) = synthetic();
    DayReport {
        model: "llama-3.1-8b".to_owned(),
        system: "dgx-h100".to_owned(),
        replicas: 128,
        accelerators_per_replica: 2,
        replica_rate_per_s: 12.5,
        shards: 2,
        fraction: 0.01,
        requests: 3,
        slo: (Seconds::from_ms(200.0), Seconds::from_ms(50.0)),
        summary,
        threads: 2,
        wall: Seconds::from_s(0.5),
        busy: Seconds::from_s(0.75),
        interrupted: false,
        seed: 3,
    }
}

pub(super) fn bars() -> ServingBars {
    let bar = Interval { low: 0.9, median: 1.0, high: 1.2, rows: 40, inside: true };
    ServingBars {
        ttft: None,
        tpot: Some(bar),
        throughput: Some(bar),
        energy: Some(bar),
        power: Some(bar),
    }
}

/// Error bars of the small plan.
pub(super) fn plan_bars() -> PlanBars {
    let bars = bars();
    PlanBars {
        engines: vec![EngineBars {
            system: "dgx-h100".to_owned(),
            service: "chat".to_owned(),
            engine: "vllm",
            bars,
        }],
        throughput: bars.throughput,
        energy: None,
        capacity_tokens_per_day: 1e9,
        cost_per_million: None,
    }
}

/// A replay stopped before anything was simulated.
pub(super) fn nothing() -> (ReplayInputs, Summary, Tally) {
    let tally = Tally::new(None);
    let inputs = ReplayInputs { requests: 0, wall: Seconds::ZERO, interrupted: true, ..trace().0 };
    (inputs, summary(&tally), tally)
}

/// The requests of `tally` in the field's terms; of their steps nothing is known.
fn summary(tally: &Tally) -> Summary {
    let span = tally.last_finish.as_seconds();
    let over = |count: u64| if span > Seconds::ZERO { count as f64 / span.as_s() } else { 0.0 };
    Summary {
        finished: tally.finished(),
        rejected: tally.rejected,
        input_tokens: tally.input_tokens,
        output_tokens: tally.output_tokens,
        span,
        output_tokens_per_s: over(tally.output_tokens),
        requests_per_s: over(tally.finished()),
        ttft: Latency::of_ns(&tally.ttft),
        tpot: Latency::of_ns(&tally.tpot),
        inter_token: Latency::of_ticks(&tally.gaps),
        end_to_end: Latency::of_ns(&tally.e2e),
        attainment: 1.0,
        preemptions: tally.preemptions,
        kv_peak: 0.0,
        kv_mean: 0.0,
        batch_mean: 0.0,
        steps: 0,
        busy: 0.0,
        energy: None,
        power: None,
        tokens_per_joule: None,
        answer_hash: tally.fingerprint(),
    }
}

/// Three measured rows: one in the headline, one outside of it, one of no model.
pub(super) fn validated() -> Validation {
    let text = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,quality\n\
                llama-3.1-8b,h100,vllm,100,20,2,20,8,A\n\
                llama-3.1-8b,h100,sglang,100,20,2,20,8,B\n\
                llama-9,h100,vllm,100,20,2,20,8,A\n";
    let table = Table::read(text).unwrap();
    let go_on = |_| ControlFlow::Continue(());
    let evaluation = evaluate(&table, Catalog::builtin(), Effort::default(), go_on);
    let files = vec![Validated { name: "mine.csv".to_owned(), evaluation }];
    Validation { files, interrupted: false, calibration: None }
}

/// A calibration of one engine: too few points, of which two contradict each other.
pub(super) fn calibrated() -> CalibrationReport {
    use wattmill_validate::fit::{Place, Point, calibrate};
    let text = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms\n\
                llama-3.1-8b,h100,vllm,100,20,2,20,8\n\
                llama-3.1-8b,h100,vllm,100,20,2,20,80\n";
    let catalog = Catalog::builtin();
    let table = Table::read(text).unwrap();
    let point = |row: wattmill_validate::Row<'_>| Point {
        place: Place { file: "mine.csv".to_owned(), line: row.line },
        case: wattmill_validate::resolve(&row, table.kind(), catalog).unwrap(),
    };
    let points: Vec<Point<'_>> = table.rows().map(point).collect();
    let go_on = |_, _| ControlFlow::Continue(());
    let reason = wattmill_validate::Reason::Missing { column: "model" };
    CalibrationReport {
        files: vec!["mine.csv".to_owned()],
        rows: 3,
        unanswered: vec![(
            "mine.csv".to_owned(),
            wattmill_validate::Unanswered { line: 4, group: Default::default(), reason },
        )],
        calibrated: calibrate(&points, catalog, false, go_on),
        forced: false,
        written: None,
    }
}
