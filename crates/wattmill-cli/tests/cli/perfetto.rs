//! `--perfetto` of `wattmill replay` and `wattmill serve`.

use std::io::Read;

use serde_json::Value;

use crate::support::{Dir, ENGINE, TRACE};

/// Steps of a trace, on whichever replica.
fn steps(trace: &Value) -> Vec<&Value> {
    let events = trace["traceEvents"].as_array().expect("events");
    events.iter().filter(|event| event["ph"] == "X" && event["tid"] == 1).collect()
}

fn sum(steps: &[&Value], arg: &str) -> u64 {
    steps.iter().map(|step| step["args"][arg].as_u64().expect("a count")).sum()
}

#[test]
fn a_trace_holds_every_step_and_changes_no_answer() {
    let dir = Dir::with("t.csv", TRACE);
    let plain = dir.run(&format!("replay t.csv {ENGINE} --json"));
    let traced = dir.run(&format!("replay t.csv {ENGINE} --json --perfetto steps.json"));
    traced.ended(0);
    let (plain, traced) = (plain.document(), traced.document());
    assert_eq!(plain["answer_hash"], traced["answer_hash"]);
    assert_eq!(dir.names(), ["steps.json", "t.csv"]);
    let text = std::fs::read(dir.path("steps.json")).expect("a trace");
    let trace: Value = serde_json::from_slice(&text).expect("JSON");
    let steps = steps(&trace);
    assert_eq!(steps.len() as u64, traced["steps"].as_u64().expect("steps"));
    assert_eq!(sum(&steps, "prefill_tokens"), 1_400);
    assert_eq!(sum(&steps, "decodes") + sum(&steps, "first_tokens"), 70);
    assert_eq!(trace["otherData"]["what"], "3 requests of t.csv");
}

#[test]
fn a_window_of_a_fleet_packed() {
    let dir = Dir::new();
    let line = "serve two-coasts --rate 20 --duration 1min";
    let whole = dir.run(line);
    let run = dir.run(&format!("{line} --perfetto s.json.gz --window 0:00:20..25s"));
    run.ended(0);
    assert_eq!(run.line("answer"), whole.line("answer"));
    let file = std::fs::File::open(dir.path("s.json.gz")).expect("a trace");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let trace: Value = serde_json::from_str(&text).expect("JSON");
    let begins: Vec<f64> =
        steps(&trace).iter().map(|step| step["ts"].as_f64().expect("a time")).collect();
    assert!(begins.len() > 100);
    assert!(begins.iter().all(|at| (20e6..25e6).contains(at)));
    assert!(text.contains("\"transfer\"") && text.contains("west-answers 1"));
}

#[test]
fn what_cannot_be_traced_leaves_no_file() {
    let dir = Dir::with("t.csv", TRACE);
    for (flags, said) in [
        ("--window 1s..2s", "--perfetto"),
        ("--perfetto s.json --window 2s..1s", "it ends before it begins"),
        ("--perfetto s.json --window 2s", "write FROM..TO"),
        ("--perfetto s.json --window 5..9s", "`5` is no time"),
        ("--perfetto s.json --window 1h..2h", "choose an earlier window"),
        ("--perfetto s.json --saturate", "cannot be used with"),
    ] {
        dir.run(&format!("replay t.csv {ENGINE} {flags}")).refuses(2, &["error: ", said]);
    }
    let many = format!("replay {ENGINE} --rate 40 --duration 2h --perfetto s.json");
    dir.run(&many).refuses(2, &["more than 1000000 events", "such as 0s.."]);
    dir.run(&format!("replay t.csv {ENGINE} --perfetto no/s.json"))
        .refuses(4, &["failed to write"]);
    assert_eq!(dir.names(), ["t.csv"]);
}
