//! `wattmill run`.

use expect_test::{Expect, expect};

use crate::support::{Dir, columns, yard};

/// From the meter to the token.
const STAGES: [&str; 10] = [
    "at the meter",
    "cooling and conversion",
    "host and network",
    "idle machines",
    "training",
    "SLO headroom",
    "engine overhead",
    "communication",
    "memory-bound",
    "compute-bound",
];

/// The part of an answer before its cash, whose rows are quarters too.
fn by_quarter(answer: &str) -> &str {
    answer.split("Cash by quarter").next().unwrap_or(answer)
}

/// Quarters, as many of their columns as are `shown`, stages and books of a built-in factory.
#[track_caller]
fn planned(name: &str, shown: usize, quarters: &Expect) {
    let dir = Dir::new();
    let run = dir.run(&format!("run {name}"));
    let answer = run.answer();
    quarters.assert_eq(&columns(
        by_quarter(answer),
        &["2026-Q", "2027-Q", "2028-Q", "2029-Q"],
        shown,
    ));
    let (_, waterfall) = answer.split_once("From the watt to the token").expect("a waterfall");
    let stages: Vec<&str> = waterfall
        .lines()
        .skip(5)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split("  ").next().unwrap_or_default())
        .collect();
    assert_eq!(stages, STAGES);
    assert!(answer.contains("11 balances checked, largest error"), "{answer}");
    assert!(!answer.contains("the books do not close"), "{answer}");
    assert!(!answer.contains("NaN") && !answer.contains("inf "), "{answer}");
    assert_eq!(dir.run(&format!("run {name}")).stdout, run.stdout, "a second run differs");
    run.hash();
    assert!(dir.names().is_empty());
}

#[test]
fn a_node() {
    planned(
        "hgx-node",
        5,
        &expect![[r#"
            2026-Q3 16.32 1 8 demand
            2026-Q4 16.32 1 8 demand
            2027-Q1 16.32 1 8 demand
            2027-Q2 16.32 1 8 demand
        "#]],
    );
}

#[test]
fn a_rack() {
    planned(
        "nvl72-rack",
        5,
        &expect![[r#"
            2026-Q3 268.8 1 72 demand
            2026-Q4 268.8 1 72 demand
            2027-Q1 268.8 1 72 demand
            2027-Q2 268.8 1 72 demand
        "#]],
    );
}

#[test]
fn a_hundred_megawatts() {
    planned(
        "hundred-megawatt",
        4,
        &expect![[r#"
        2026-Q3 0 0 0
        2026-Q4 40.57 207 14,904
        2027-Q1 59.98 306 22,032
        2027-Q2 59.98 306 22,032
        2027-Q3 73.54 357 25,704
        2027-Q4 99.88 456 32,832
        2028-Q1 99.88 456 32,832
        2028-Q2 99.88 456 32,832
        2028-Q3 99.88 456 32,832
        2028-Q4 99.88 456 32,832
        2029-Q1 99.88 456 32,832
        2029-Q2 99.88 456 32,832
    "#]],
    );
    let dir = Dir::new();
    let run = dir.run("run hundred-megawatt");
    let binds: Vec<String> =
        columns(by_quarter(run.answer()), &["2026-Q", "2027-Q", "2028-Q", "2029-Q"], 5)
            .lines()
            .map(|line| line.split(' ').next_back().unwrap_or_default().to_owned())
            .collect();
    assert_eq!(binds[0], "first", "no rack stands in the first quarter: {binds:?}");
    // Code completion asks for more speed than the first machines clearly have or clearly lack.
    assert!(binds[1..5].iter().all(|b| b == "no" || b == "demand"), "{binds:?}");
    // With the second ones it can be served; they could answer ten times what is asked.
    assert!(binds[5..].iter().all(|b| b == "demand"), "{binds:?}");
}

#[test]
fn without_an_argument_it_is_the_programme_as_announced() {
    let dir = Dir::new();
    let run = dir.run("run");
    assert!(run.answer().starts_with("Ten gigawatts, as announced\n"), "{}", run.stdout);
    assert_eq!(dir.run("run ten-gigawatt").hash(), run.hash());
    assert!(dir.run("run --sites").answer().len() > run.stdout.len());
}

#[test]
fn another_seed_is_another_answer() {
    let text = include_str!("../../../../factories/hgx-node.toml");
    let dir = Dir::with("a.toml", text);
    dir.write("b.toml", text.replace("start =", "seed = 2\nstart ="));
    let hash = dir.run("run hgx-node").hash();
    assert_eq!(dir.run("run a.toml").hash(), hash, "a copy is the same factory");
    assert_ne!(dir.run("run b.toml").hash(), hash);
}

#[test]
fn energy_of_its_own() {
    let dir = yard();
    let run = dir.run("run yard.toml --bound 2 --html page.html --week 2026-07-17");
    let answer = run.answer();
    for said in [
        "Where the energy comes from",
        "Curtailment asked for",
        "Least that the same draw could have cost",
    ] {
        assert!(answer.contains(said), "{said}:\n{answer}");
    }
    let page = std::fs::read_to_string(dir.path("page.html")).expect("a page");
    for picture in ["Where the energy comes from, hour by hour", "What the batteries hold"] {
        assert!(page.contains(picture), "{picture}");
    }
    let document: serde_json::Value =
        serde_json::from_str(dir.run("run yard.toml --bound 2 --json").answer()).expect("JSON");
    let flows = &document["total"]["energy_flows"];
    let mwh = |name: &str| flows[name].as_f64().expect(name);
    let supplied = mwh("grid_mwh") + mwh("solar_mwh") - mwh("lost_mwh") - mwh("stored_mwh") + 0.25;
    let used = document["total"]["energy_mwh"].as_f64().expect("energy");
    assert!((supplied - used).abs() < 1e-6 * used, "a battery came half full: {supplied} {used}");
    let bound = &document["bound"]["sites"][0];
    let usd = |name: &str| bound[name].as_f64().expect(name);
    assert!(usd("least_cost_usd") <= usd("policy_cost_usd") * (1.0 + 1e-9));
}

#[test]
fn a_file_of_hours_is_looked_for_beside_the_factory() {
    let dir = yard();
    dir.run("check yard.toml").answer();
    std::fs::remove_file(dir.path("prices.csv")).expect("it was there");
    let text = std::fs::read_to_string(dir.path("yard.toml")).expect("it is there");
    let problems = text.matches("prices.csv").count();
    assert_eq!(problems, 1);
    dir.run("check yard.toml").refuses(3, &["there is no `prices.csv`", "hourly = \"prices.csv\""]);
}
