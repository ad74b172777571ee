//! What cannot be is an answer, and names the limit that binds.

use crate::support::{Dir, ENGINE, MILL, TRACE, mill};

#[test]
fn an_slo_that_no_rate_can_meet() {
    let dir = Dir::with("mill.toml", mill("50 ms", "1 us"));
    let run = dir.run("run mill.toml");
    let answer = run.answer();
    assert!(answer.contains("cannot"), "{answer}");
    for words in ["dgx-h100 does not serve `chat`", "the SLO cannot be met at any rate", "of 1 us"]
    {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    assert!(run.line("chat ").contains(" 0 %"), "{answer}");
    assert!(answer.contains("no fit"), "idle machines are not for want of demand:\n{answer}");
    let document = dir.run("run mill.toml --json").document();
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("the SLO cannot be met at any rate"), "{warnings}");
    dir.write("t.csv", TRACE);
    let run = dir.run(&format!("replay t.csv {ENGINE} --slo-ttft 1ns --slo-tpot 1ns"));
    run.answer();
    assert!(run.line("SLO attainment").contains(" 0 % within"), "{}", run.stdout);
}

#[test]
fn a_replica_larger_than_the_site() {
    let dir = Dir::with("mill.toml", mill("tensor = 8", "tensor = 8, pipeline = 80"));
    let run = dir.run("run mill.toml");
    let why = "a replica takes 640 accelerators and no site ever has more than 560";
    assert!(run.answer().contains(why), "{}", run.stdout);
    assert!(run.line("chat ").contains(" 0 %"), "{}", run.stdout);
}

#[test]
fn a_plan_that_ends_before_its_first_phase() {
    let dir = Dir::with("mill.toml", mill("first_rack = 2026-07-01", "first_rack = 2027-07-01"));
    let run = dir.run("run mill.toml");
    run.says(&["warning: phase `nodes` starts after the plan ends", "mill.toml:14:14"]);
    assert!(run.answer().contains("first rack"), "{}", run.stdout);
    assert!(run.stdout.contains("0 output tokens"), "{}", run.stdout);
    let zoom = dir.run("zoom mill.toml --at 2026-08-01T00:00 --for 1min");
    assert!(zoom.answer().contains("Nothing serves in this window"), "{}", zoom.stdout);
}

#[test]
fn a_factory_that_serves_nobody() {
    let alone = MILL.split("[[service]]").next().expect("the rest of the mill");
    let dir = Dir::with("mill.toml", alone);
    assert!(dir.run("check mill.toml").answer().contains("services: 0"));
    let run = dir.run("run mill.toml");
    assert!(run.answer().contains("0 output tokens"), "{}", run.stdout);
    assert!(!run.stdout.split_whitespace().any(|word| word == "-0"), "{}", run.stdout);
    assert!(!run.stdout.contains("NaN"), "{}", run.stdout);
    let zoom = dir.run("zoom mill.toml --at 2026-08-01T00:00 --for 1min");
    assert!(zoom.answer().contains("Nothing serves in this window"), "{}", zoom.stdout);
}

#[test]
fn a_single_day_and_a_service_that_nobody_asks() {
    let dir = Dir::with("mill.toml", mill("2026-09-30", "2026-07-01").replace("1e6", "0"));
    let run = dir.run("run mill.toml");
    assert!(run.answer().contains("24 hours"), "{}", run.stdout);
    assert!(!run.stdout.contains("NaN"), "{}", run.stdout);
}

#[test]
fn requests_longer_than_the_cache() {
    let dir = Dir::new();
    let run = dir.run(&format!("replay --rate 3 --duration 10s --lengths 1000000:10 {ENGINE}"));
    run.answer();
    let requests = run.line("requests ");
    assert!(requests.contains(" 0 finished") && !requests.contains(", 0 rejected"), "{requests}");
    assert!(run.line("SLO attainment").contains(" 0 % within"), "{}", run.stdout);
    assert!(!run.stdout.contains("NaN"), "{}", run.stdout);
}
