//! Runs of which every request was timed: what is read, what is replayed, and what constants fitted to
//! one run are worth on another.

use std::path::PathBuf;

use wattmill_catalog::{Catalog, MEASURED, Overheads};
use wattmill_policy::Scheduling;
use wattmill_validate::fit::evaluate_across;
use wattmill_validate::requests::{self, replay};
use wattmill_validate::{Case, Metric, Outcome, Reason, Table, predict, resolve, told_by_name};

const HEADER: &str = "# model = llama-3.1-8b\n# gpu = rtx-pro-6000\narrival_s,in,out,ttft_s,e2e_s";

fn cases(table: &Table) -> Vec<Case<'static>> {
    let rows = table.rows().map(|row| resolve(&row, table.kind(), Catalog::builtin()));
    rows.collect::<Result<_, _>>().expect("every run resolves")
}

fn built_in_table() -> Table {
    let (_, text) = MEASURED.iter().find(|(name, _)| *name == "requests").expect("it is there");
    Table::read(text).expect("it is sound")
}

fn built_in() -> Vec<Case<'static>> {
    cases(&built_in_table())
}

fn run(case: &Case<'static>) -> requests::Case<'static> {
    let Case::Requests(run) = case else { panic!("a run") };
    (**run).clone()
}

fn one(text: &str) -> Result<requests::Case<'static>, Reason> {
    let table = Table::read(text).expect("a sound table");
    let row = table.rows().next().expect("a run");
    requests::resolve(&row, Catalog::builtin())
}

#[test]
fn figures_are_those_of_the_run() {
    let case = one(&format!("{HEADER}\n3,10,3,1.0,2.0\n1,10,1,0.5,0.5\n2,10,5,0.1,0.3\n")).unwrap();
    let arrivals: Vec<u64> =
        case.requests.iter().map(|r| r.arrival.as_ns() / 1_000_000_000).collect();
    assert_eq!(arrivals, [1, 2, 3], "in order of arrival");
    let figures = &case.measured.figures;
    let of = |metric| figures.iter().find(|(m, _)| *m == metric).expect("it is a figure").1;
    assert!((of(Metric::Ttft) - 500.0).abs() < 1e-9);
    assert!((of(Metric::TtftTail) - 900.0).abs() < 1e-9, "{}", of(Metric::TtftTail));
    assert!((of(Metric::EndToEnd) - 2.8 / 3.0).abs() < 1e-12);
    // 50 ms a token and 500 ms; the single token has no time between tokens.
    assert!((of(Metric::Tpot) - 275.0).abs() < 1e-9);
    assert!(!case.inside, "no time in a queue: a client's clock");
}

#[test]
fn a_clients_clock_sees_the_frontend_and_the_engines_does_not() {
    let outside = one(&format!("{HEADER}\n0,1000,9,1.0,2.0\n")).unwrap();
    let inside = one(&format!("{HEADER},queue_s\n0,1000,9,1.0,2.0,0\n")).unwrap();
    assert!(inside.inside && !outside.inside);
    let mut efficiency = Catalog::builtin().efficiency("blackwell-workstation").unwrap().clone();
    let overheads = Overheads { request: 0.5, latency: 0.25, ..Overheads::NONE };
    efficiency.overheads.insert("vllm".to_owned(), overheads);
    let ttft = |case| replay(case, &efficiency).expect("it is replayed")[0].ttft;
    assert!((ttft(&outside) - ttft(&inside) - 0.75).abs() < 1e-6);
}

#[test]
fn what_cannot_be_says_why() {
    let text = "arrival_s,in,out,ttft_s,e2e_s\n0,10,2,0.1,0.2\n";
    let reason = one(text).unwrap_err().to_string();
    assert!(
        reason.contains("nothing says the `model`") && reason.contains("# model ="),
        "{reason}"
    );
    let reason = one(&format!("{HEADER}\n0,10,2,0.3,0.2\n")).unwrap_err().to_string();
    assert!(reason.contains("line 4: the last token comes before the first"), "{reason}");
    let reason = one(&format!("{HEADER}\n0,4000000,2,0.1,0.2\n")).unwrap_err();
    assert!(matches!(reason, Reason::Context { context: 131_072, .. }), "{reason}");
    let reason = one(&format!("{HEADER}\n1e9,10,2,0.1,0.2\n")).unwrap_err();
    assert!(matches!(reason, Reason::OutOfRange { column: "arrival_s", .. }), "{reason}");
}

#[test]
fn the_built_in_runs_are_the_shared_ones() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/truth/vllm");
    let runs = built_in();
    assert_eq!(runs.len(), 2);
    let files = ["Llama-3.1-8B", "Qwen3-32B"].map(|m| format!("vllm_measured_RTXPRO6000_{m}.csv"));
    for (name, built_in) in files.iter().zip(&runs) {
        let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
            println!("skipped: ../shared absent");
            return;
        };
        let by_name = told_by_name(name, Catalog::builtin());
        let table = Table::read(&text).unwrap().with("the name", &by_name).unwrap();
        let (shared, built_in) = (run(&cases(&table)[0]), run(built_in));
        assert_eq!((&shared.requests, &shared.timed), (&built_in.requests, &built_in.timed));
        assert_eq!(shared.measured.group.model, built_in.measured.group.model);
        assert_eq!(shared.measured.group.accelerator, built_in.measured.group.accelerator);
        assert!(shared.inside && built_in.inside);
    }
}

#[test]
fn newer_versions_of_vllm_schedule_a_step_ahead() {
    let of = |lines: &str| one(&format!("{lines}{HEADER}\n0,1000,9,1.0,2.0\n")).unwrap();
    assert_eq!(of("").scheduling, Scheduling::Synchronous);
    assert_eq!(of("# backend_version = 0.13.0\n").scheduling, Scheduling::Synchronous);
    let ahead = of("# backend_version = v0.14.1\n");
    assert_eq!(ahead.scheduling, Scheduling::Ahead);
    let sglang = of("# backend = sglang\n# backend_version = 0.19.0\n");
    assert_eq!(sglang.scheduling, Scheduling::Synchronous);
}

/// The errors that were asked for.
#[track_caller]
fn holds(outcome: &Outcome) {
    assert_eq!(outcome.figures.len(), 4);
    for figure in &outcome.figures {
        let most = match figure.metric {
            Metric::Tpot => 0.03,
            Metric::EndToEnd => 0.04,
            _ => 0.15,
        };
        let (model, error) = (&outcome.group.model, figure.error());
        println!("{model} {}: {:+.1} %", figure.metric, 100.0 * error);
        assert!(error.abs() <= most, "{model} {}: {error}", figure.metric);
    }
}

#[test]
fn each_run_is_predicted_from_the_other() {
    let found = evaluate_across(&built_in_table(), Catalog::builtin()).expect("there are two runs");
    let models: Vec<&str> = found.outcomes.iter().map(|o| o.group.model.as_str()).collect();
    assert_eq!(models, ["llama-3.1-8b", "qwen3-32b"]);
    found.outcomes.iter().for_each(holds);
    // A run alone has none to be predicted from.
    let alone = Table::read(&format!("{HEADER}\n0,1000,9,1.0,2.0\n")).unwrap();
    assert!(evaluate_across(&alone, Catalog::builtin()).is_none());
}

/// The catalogue's constants, fitted to both.
#[test]
fn the_catalogue_fits_the_runs() {
    for case in built_in() {
        let efficiency = Catalog::builtin().efficiency(case.family()).expect("a family");
        let predicted = predict(&case, efficiency, Default::default()).expect("it is predicted");
        holds(&Outcome::of(case.measured(), &predicted));
    }
}
