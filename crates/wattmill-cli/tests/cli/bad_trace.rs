//! Traces that cannot be replayed: every problem at once, in its place, with a way out.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Dir, ENGINE, TRACE};

const HEADER: &str = "arrived_at_s,prefill_tokens,decode_tokens\n";

/// A replay of `trace` is refused, says `said` and leaves nothing behind.
#[track_caller]
fn refused(trace: impl AsRef<[u8]>, said: &[&str]) {
    let dir = Dir::with("t.csv", trace);
    let run = dir.run(&format!("replay t.csv {ENGINE} --out out.parquet --html page.html"));
    run.refuses(3, said);
    run.says(&["error: ", "--> t.csv:", "help: "]);
    assert_eq!(dir.names(), ["t.csv"]);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn columns_and_keys_that_are_missing() {
    refused(
        "arrived_at_s,prefill_tokens\n0,5\n",
        &["t.csv:1:1", "column `decode_tokens` missing", "three-column CSV"],
    );
    refused("a,b\n1,2\n", &["t.csv:1:1", "not that of a trace", "TIMESTAMP,ContextTokens"]);
    refused("{\"timestamp\": 3}\n", &["t.csv:1:1", "`input_length` and `output_length` missing"]);
    refused(format!("{HEADER}1,5\n"), &["t.csv:2:1", "2 columns, the header has 3"]);
}

#[test]
fn times_that_cannot_be() {
    refused(format!("{HEADER}1,5,5\n0.5,5,5\n"), &["t.csv:3:1", "sort"]);
    refused(format!("{HEADER}-1,5,5\n"), &["t.csv:2:1", "`-1` is before the trace's start"]);
    refused(format!("{HEADER}nan,5,5\n"), &["t.csv:2:1", "`nan` is not a time"]);
    refused(format!("{HEADER}1e400,5,5\n"), &["t.csv:2:1", "584 years"]);
    refused(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 18:15:46,1,2\n",
        &["t.csv:2:1", "is not a date and time"],
    );
}

#[test]
fn requests_of_no_tokens() {
    refused(format!("{HEADER}0,0,5\n"), &["t.csv:2:3", "without input tokens", "from 1 to"]);
    refused(format!("{HEADER}0,5,0\n"), &["t.csv:2:5", "without output tokens"]);
    refused(format!("{HEADER}0,NaN,5\n"), &["t.csv:2:3", "`NaN` is not a number of tokens"]);
    refused(format!("{HEADER}0,-7,5\n"), &["t.csv:2:3"]);
    refused(format!("{HEADER}0,99999999999,5\n"), &["t.csv:2:3"]);
    refused(
        "{\"timestamp\": NaN, \"input_length\": 1, \"output_length\": 2}\n",
        &["t.csv:1:15", "not JSON"],
    );
}

#[test]
fn traces_without_requests() {
    refused("", &["t.csv:1:1", "the trace is empty"]);
    refused(HEADER, &["t.csv:1:1", "the header is all there is"]);
    refused(gzip(""), &["the trace is empty"]);
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"\x00\x01\x02\xff\xfe".as_slice(), &["t.csv:1:4", "0xff is not UTF-8"]);
    let many: String = (0..2000).map(|i| format!("{i},{},7\n", i % 900 + 1)).collect();
    let whole = gzip(&format!("{HEADER}{many}"));
    refused(&whole[..whole.len() / 2], &["ends early", "fetch the file again"]);
    let mut wrong = whole;
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0xff;
    refused(wrong, &["t.csv:"]);
}

#[test]
fn every_problem_at_once() {
    refused(
        format!("{HEADER}-1,5,5\n3,0,5\n2,NaN,5\n5,5\n"),
        &["t.csv:2:1", "t.csv:3:3", "t.csv:4:3", "t.csv:5:1"],
    );
    let bad: String = (0..50).map(|i| format!("{i},0,5\n")).collect();
    refused(format!("{HEADER}{bad}"), &["t.csv:21:", "30 more problems of the same trace"]);
}

#[test]
fn step_tables_that_cannot_be_read() {
    let dir = Dir::with("t.csv", TRACE);
    for (table, said) in [
        ("{}", "`layers` is missing"),
        ("[]", "is not an object"),
        ("", "not JSON"),
        ("{\"layer\": 32}", "`layer` is not a key of a step-time table"),
        ("{\"layers\": -3}", "`layers`"),
    ] {
        dir.write("steps.json", table);
        let run = dir.run("replay t.csv --step-table steps.json --out out.parquet");
        run.refuses(3, &["error: steps.json: ", said]);
    }
    dir.run("replay t.csv --step-table none.json").refuses(4, &["none.json"]);
    assert_eq!(dir.names(), ["steps.json", "t.csv"]);
}

#[test]
fn a_trace_that_is_not_there() {
    let dir = Dir::new();
    dir.run(&format!("replay none.csv {ENGINE} --out out.parquet")).refuses(4, &["none.csv"]);
    assert!(dir.names().is_empty());
}
