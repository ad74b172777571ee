//! Engine constants from one's own points, and answers made with them.

use crate::support::{Dir, ENGINE, MILL, TRACE};

const HEADER: &str = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size,\
                      precision_label\n";
/// A slow host before an H100: every step takes some 8 ms more than usual.
const SLOW: &str = "\
llama-3.1-8b,h100,vllm,512,16,1,45,15,1,bf16
llama-3.1-8b,h100,vllm,512,16,4,70,17,1,bf16
llama-3.1-8b,h100,vllm,512,24,8,95,19,1,bf16
llama-3.1-8b,h100,vllm,1024,16,2,80,17,1,bf16
";

fn table(rows: &str) -> String {
    HEADER.to_owned() + rows
}

/// A calibration with another constant than the catalogue's.
fn overlay(constant: &str, value: &str) -> String {
    let catalog = include_str!("../../../wattmill-catalog/data/overheads.toml");
    let (_, from) = catalog.split_once("[hopper.vllm]").expect("it is measured");
    let own = from.split("\n[").next().unwrap_or_default();
    let line = own.lines().find(|line| line.starts_with(&format!("{constant} ="))).expect("a line");
    format!("[hopper.vllm]{}\n", own.replacen(line, &format!("{constant} = {value}"), 1))
}

#[test]
fn points_become_constants_and_constants_better_answers() {
    let dir = Dir::with("mine.csv", table(SLOW));
    let run = dir.run("calibrate mine.csv --out mine.toml");
    let answer = run.answer();
    for words in
        ["4 rows of mine.csv", "hopper.vllm: 4 rows, 4 cases", "tpot_ms", "Wrote mine.toml"]
    {
        assert!(answer.contains(words), "{words}: {answer}");
    }
    assert_eq!(dir.names(), ["mine.csv", "mine.toml"]);
    let median = |line: &str| {
        let run = dir.run(line);
        let document = run.document();
        assert_eq!(
            document["calibration"]["engines"][0].as_str().is_some(),
            line.contains("--calibration"),
            "{document}"
        );
        document["files"][0]["metrics"]["tpot"]["median"].as_f64().expect("an error")
    };
    let before = median("validate mine.csv --json");
    let after = median("validate mine.csv --json --calibration mine.toml");
    assert!(before > 0.3 && after < 0.75 * before, "{before} then {after}");
    let told = dir.run("validate mine.csv --calibration mine.toml --html page.html");
    assert!(told.answer().starts_with("calibrated: constants of hopper.vllm from mine.toml\n"));
    let page = std::fs::read_to_string(dir.path("page.html")).expect("a page");
    assert!(page.contains("calibrated: constants of hopper.vllm"));
}

#[test]
fn every_command_that_prices_engines_takes_a_calibration() {
    let dir = Dir::with("mill.toml", MILL);
    dir.write("t.csv", TRACE);
    dir.write("slow.toml", overlay("step", "0.02"));
    for (line, changes) in [
        ("run mill.toml".to_owned(), true),
        ("zoom mill.toml --at 2026-07-02T12:00 --for 1s".to_owned(), true),
        (format!("replay t.csv {ENGINE}"), true),
        (format!("explain {ENGINE} --decodes 8 --context 1000"), true),
        ("check mill.toml".to_owned(), false),
    ] {
        let usual = dir.run(&line);
        let with = dir.run(&format!("{line} --calibration slow.toml"));
        let first = with.answer().lines().next().unwrap_or_default();
        assert_eq!(first, "calibrated: constants of hopper.vllm from slow.toml", "{line}");
        assert!(!usual.answer().starts_with("calibrated"), "{line}");
        if changes {
            assert_ne!(with.hash(), usual.hash(), "{line}");
        }
        let document = dir.run(&format!("{line} --json --calibration slow.toml")).document();
        assert_eq!(document["calibration"]["file"], "slow.toml", "{line}");
        let document = dir.run(&format!("{line} --json")).document();
        assert!(document["calibration"].is_null(), "{line}");
    }
    dir.run("replay t.csv --step-table s.json --calibration slow.toml")
        .refuses(2, &["cannot be used with"]);
}

#[test]
fn calibrations_that_are_none() {
    let dir = Dir::with("t.csv", TRACE);
    let replay = |text: &str| {
        dir.write("bad.toml", text);
        dir.run(&format!("replay t.csv {ENGINE} --calibration bad.toml"))
    };
    let negative = overlay("step", "-0.02").replace("\nlaunch", "\nlunch") + "[volta.vllm]\n";
    let run = replay(&negative);
    run.refuses(3, &["bad.toml:2:8", "`step` cannot be that", "a number from 0 to 10"]);
    run.says(&["`vllm` lacks `launch`", "did you mean `launch`?", "unknown chip family `volta`"]);
    replay(&overlay("step", "nan")).refuses(3, &["`step` cannot be that"]);
    replay(&overlay("reading", "\"1.0\"")).refuses(3, &["`reading` cannot be that"]);
    replay("").refuses(3, &["there are no constants in it", "wattmill calibrate"]);
    replay("{ }").refuses(3, &["bad.toml:1:"]);
    let json = dir.run("check hgx-node --json --calibration bad.toml");
    json.ended(3);
    assert_eq!(json.document()["valid"], false);
    dir.run("run hgx-node --calibration no.toml").refuses(4, &["no.toml"]);
}

#[test]
fn too_few_or_contradictory_points_write_nothing() {
    let (row, rest) = SLOW.split_once('\n').expect("rows");
    let dir = Dir::with("few.csv", table(&format!("{row}\n{}\n", row.replace("15", "40"))));
    let run = dir.run("calibrate few.csv --out few.toml");
    for words in
        ["Too few to calibrate: few.csv:2, 3", "3 cases", "Contradiction", "Nothing is written"]
    {
        assert!(run.answer().contains(words), "{words}: {}", run.stdout);
    }
    assert_eq!(dir.names(), ["few.csv"]);
    let json = dir.run("calibrate few.csv --out few.toml --json").document();
    assert!(json["written"].is_null() && json["engines"][0]["after"].is_null(), "{json}");
    assert_eq!(json["engines"][0]["contradictions"][0]["high_place"], "few.csv:3");

    let unknown = rest.replace("llama-3.1-8b", "llama-9");
    dir.write("none.csv", table(&unknown));
    let run = dir.run("calibrate none.csv --out none.toml");
    assert!(run.answer().contains("none.csv:2") && run.stdout.contains("no model `llama-9`"));

    dir.run("calibrate few.csv --out few.toml --force").answer();
    assert_eq!(dir.names(), ["few.csv", "few.toml", "none.csv"]);
    dir.run("check hgx-node --calibration few.toml").answer();
}

#[test]
fn measurements_are_never_written_over() {
    let dir = Dir::with("mine.csv", table(SLOW));
    dir.run("calibrate mine.csv --out ./mine.csv").refuses(2, &["one of the measured tables"]);
    dir.run("calibrate --out mine.toml").refuses(2, &["RESULTS"]);
    dir.run("calibrate no.csv").refuses(4, &["no.csv"]);
    let bad = Dir::with("bad.csv", table("llama-3.1-8b,h100,vllm,-1,x,1,1,1,1,bf16\n"));
    bad.run("calibrate bad.csv --out o.toml").refuses(3, &["line 2, `isl_tokens`", "`osl_tokens`"]);
    assert_eq!(bad.names(), ["bad.csv"]);
    let table = std::fs::read_to_string(dir.path("mine.csv")).expect("the table");
    assert_eq!(table, self::table(SLOW));
}
