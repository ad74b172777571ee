//! Traces, sound and broken.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use wattmill_units::SimTime;

use super::*;

const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
    2023-11-16 18:15:46.6805900,374,44\r\n\
    2023-11-16 18:15:50.9951690,396,109\r\n\
    2023-11-16 18:15:50.9951690,879,55\r\n";

const MOONCAKE: &str = r#"{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]}
{"timestamp": 27482, "input_length": 3, "output_length": 4, "hash_ids": [8]}
{"output_length": 7, "timestamp": 27482.5, "input_length": 3}
"#;

const COLUMNS: &str = "id,arrived_at_s,decode_tokens,prefill_tokens,note\n\
    0,0.158,112,395,\"a, b\"\n\
    1,0.162,403,1030,\n";

fn triples(text: &[u8]) -> Vec<(u64, u32, u32)> {
    let trace = read_trace(text).unwrap_or_else(|errors| panic!("{errors}"));
    let plain = |r: &TraceRequest| (r.arrival.as_ns(), r.input_tokens, r.output_tokens);
    trace.requests.iter().map(plain).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// All that is said of a text that is no trace.
fn refused(text: impl AsRef<[u8]>, expected: &Expect) {
    let errors = read_trace(text.as_ref()).expect_err("it must be refused");
    assert!(errors.count() > 0);
    expected.assert_eq(&errors.render("t.csv", false));
}

#[test]
fn every_form_is_told_by_its_first_line() {
    for (text, form) in
        [(AZURE, TraceForm::Azure), (MOONCAKE, TraceForm::Mooncake), (COLUMNS, TraceForm::Columns)]
    {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let trace = read_trace(bytes.as_slice()).unwrap();
            assert_eq!(trace.form, form);
            assert!(trace.warnings.is_empty());
        }
    }
}

#[test]
fn dates_count_from_the_first_request() {
    assert_eq!(
        triples(AZURE.as_bytes()),
        [(0, 374, 44), (4_314_579_000, 396, 109), (4_314_579_000, 879, 55)]
    );
}

#[test]
fn milliseconds_stay_as_given() {
    assert_eq!(
        triples(MOONCAKE.as_bytes()),
        [(0, 6758, 500), (27_482_000_000, 3, 4), (27_482_500_000, 3, 7)]
    );
}

#[test]
fn columns_stand_in_any_order_beside_others() {
    assert_eq!(triples(COLUMNS.as_bytes()), [(158_000_000, 395, 112), (162_000_000, 1030, 403)]);
    let quoted = "\"Decode_Tokens\", \"ARRIVED_AT_S\" ,prefill_tokens\n\"5\", \"1.5\" , 7";
    assert_eq!(triples(quoted.as_bytes()), [(1_500_000_000, 7, 5)]);
}

#[test]
fn marks_and_blank_lines_are_skipped() {
    let text = format!("\u{feff}\n{COLUMNS}\n\n");
    assert_eq!(triples(text.as_bytes()).len(), 2);
    assert_eq!(triples(format!("\u{feff}{AZURE}").as_bytes()).len(), 3);
}

#[test]
fn gzip_members_follow_one_another() {
    let (head, tail) = COLUMNS.split_at(40);
    let bytes = [gzip(head.as_bytes()), gzip(tail.as_bytes())].concat();
    assert_eq!(triples(&bytes).len(), 2);
}

#[test]
fn every_problem_is_told_at_once() {
    refused(
        "arrived_at_s,prefill_tokens,decode_tokens\n\
         0.5,0,12\n\
         1,12,0\n\
         -3,10,10\n\
         NaN,10,inf\n\
         2,ten,10.5\n\
         1.5,10,10000001\n\
         3,5\n\
         3,,\n\
         1e300,-4,1\n\
         7.25,1,1\n\
         3.0,1,1\n",
        &expect![[r#"
            error: a request without input tokens
             --> t.csv:2:5
              |
            2 | 0.5,0,12
              |     ^ a whole number from 1 to 10000000
              |
              = help: drop the request: it asks for no work that can be simulated

            error: a request without output tokens
             --> t.csv:3:6
              |
            3 | 1,12,0
              |      ^ a whole number from 1 to 10000000
              |
              = help: drop the request: it asks for no work that can be simulated

            error: `-3` is before the trace's start
             --> t.csv:4:1
              |
            4 | -3,10,10
              | ^^ seconds from the trace's start, such as 0.158
              |
              = help: subtract the earliest time from all of them

            error: `NaN` is not a time
             --> t.csv:5:1
              |
            5 | NaN,10,inf
              | ^^^ seconds from the trace's start, such as 0.158
              |
              = help: fill in the time or drop the request

            error: `inf` is not a number of tokens
             --> t.csv:5:8
              |
            5 | NaN,10,inf
              |        ^^^ a whole number from 1 to 10000000
              |
              = help: write digits only

            error: `ten` is not a number of tokens
             --> t.csv:6:3
              |
            6 | 2,ten,10.5
              |   ^^^ a whole number from 1 to 10000000
              |
              = help: write digits only

            error: `10.5` is not a whole number of tokens
             --> t.csv:6:7
              |
            6 | 2,ten,10.5
              |       ^^^^ a whole number from 1 to 10000000
              |
              = help: write it without decimals

            error: `10000001` output tokens are more than any model takes
             --> t.csv:7:8
              |
            7 | 1.5,10,10000001
              |        ^^^^^^^^ a whole number from 1 to 10000000
              |
              = help: check the column: tokens are counted, not characters or bytes

            error: the row has 2 columns, the header has 3
             --> t.csv:8:1
              |
            8 | 3,5
              | ^^^ 3 fields, separated by commas
              |
              = help: complete the row or drop it

            error: `prefill_tokens` is empty
             --> t.csv:9:3
              |
            9 | 3,,
              |   ^ a whole number from 1 to 10000000
              |
              = help: fill it in or drop the request

            error: `decode_tokens` is empty
             --> t.csv:9:4
              |
            9 | 3,,
              |    ^ a whole number from 1 to 10000000
              |
              = help: fill it in or drop the request

            error: `1e300` is more than 584 years after the trace's start
              --> t.csv:10:1
               |
            10 | 1e300,-4,1
               | ^^^^^ seconds from the trace's start, such as 0.158
               |
               = help: check the unit of the times

            error: `-4` input tokens are less than none
              --> t.csv:10:7
               |
            10 | 1e300,-4,1
               |       ^^ a whole number from 1 to 10000000
               |
               = help: drop the request: it asks for no work that can be simulated

            error: time goes back: `3.0` comes after `7.25`
              --> t.csv:12:1
               |
            12 | 3.0,1,1
               | ^^^ no earlier than the line before
               |
               = help: sort the trace by `arrived_at_s`
        "#]],
    );
}

#[test]
fn dates_that_are_none_are_told() {
    refused(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n\
         2023-11-16 18:15:46.6805900,374,44\n\
         2023-11-16 18:15:46.6805899,374,44\n\
         2023-02-30 00:00:00,374,44\n\
         ,374,44\n\
         9999-01-01 00:00:00,374,44\n",
        &expect![[r#"
            error: time goes back: `2023-11-16 18:15:46.6805899` comes after `2023-11-16 18:15:46.6805900`
             --> t.csv:3:1
              |
            3 | 2023-11-16 18:15:46.6805899,374,44
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^ no earlier than the line before
              |
              = help: sort the trace by `TIMESTAMP`

            error: `2023-02-30 00:00:00` is not a date and time
             --> t.csv:4:1
              |
            4 | 2023-02-30 00:00:00,374,44
              | ^^^^^^^^^^^^^^^^^^^ a date and time such as 2023-11-16 18:15:46.6805900
              |
              = help: write it as year-month-day hour:minute:second

            error: `TIMESTAMP` is empty
             --> t.csv:5:1
              |
            5 | ,374,44
              | ^ a date and time such as 2023-11-16 18:15:46.6805900
              |
              = help: fill in the time or drop the request

            error: `9999-01-01 00:00:00` is more than 584 years after the trace's start
             --> t.csv:6:1
              |
            6 | 9999-01-01 00:00:00,374,44
              | ^^^^^^^^^^^^^^^^^^^ a date and time such as 2023-11-16 18:15:46.6805900
              |
              = help: check the unit of the times
        "#]],
    );
}

#[test]
fn json_lines_that_are_none_are_told() {
    refused(
        "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500}\n\
         {\"timestamp\": 5, \"input_length\": \"6758\", \"output_length\": 0, \"hash_ids\": [1]}\n\
         {\"timestamp\": 5, \"input_length\": 1}\n\
         {\"timestamp\": NaN, \"input_length\": 1, \"output_length\": 500}\n\
         {\"timestamp\": 5, \"timestamp\": 6, \"input_length\": 1, \"output_length\": 500}\n\
         [5, 1, 1]\n\
         {}\n\
         {\"timestamp\": 4, \"input_length\": 1, \"output_length\": 5",
        &expect![[r#"
            error: `"6758"` is not a number of tokens
             --> t.csv:2:34
              |
            2 | {"timestamp": 5, "input_length": "6758", "output_length": 0, "hash_ids": [1]}
              |                                  ^^^^^^ a whole number from 1 to 10000000
              |
              = help: write digits only

            error: a request without output tokens
             --> t.csv:2:59
              |
            2 | {"timestamp": 5, "input_length": "6758", "output_length": 0, "hash_ids": [1]}
              |                                                           ^ a whole number from 1 to 10000000
              |
              = help: drop the request: it asks for no work that can be simulated

            error: `output_length` missing
             --> t.csv:3:1
              |
            3 | {"timestamp": 5, "input_length": 1}
              | ^ there is `timestamp`, `input_length`
              |
              = help: the keys of Mooncake JSON lines are timestamp, input_length, output_length

            error: the line is not JSON: expected value
             --> t.csv:4:15
              |
            4 | {"timestamp": NaN, "input_length": 1, "output_length": 500}
              |               ^ one JSON object per line
              |
              = help: write it as {"timestamp": 0, "input_length": 6758, "output_length": 500}, or drop it

            error: the line is not JSON: duplicate field `timestamp`
             --> t.csv:5:28
              |
            5 | {"timestamp": 5, "timestamp": 6, "input_length": 1, "output_length": 500}
              |                            ^ one JSON object per line
              |
              = help: write it as {"timestamp": 0, "input_length": 6758, "output_length": 500}, or drop it

            error: the line is not a JSON object
             --> t.csv:6:1
              |
            6 | [5, 1, 1]
              | ^^^^^^^^^ one JSON object per line
              |
              = help: write it as {"timestamp": 0, "input_length": 6758, "output_length": 500}, or drop it

            error: `timestamp` and `input_length` and `output_length` missing
             --> t.csv:7:1
              |
            7 | {}
              | ^ there is nothing
              |
              = help: the keys of Mooncake JSON lines are timestamp, input_length, output_length

            error: the line is not JSON: EOF while parsing an object
             --> t.csv:8:54
              |
            8 | {"timestamp": 4, "input_length": 1, "output_length": 5
              |                                                      ^ one JSON object per line
              |
              = help: write it as {"timestamp": 0, "input_length": 6758, "output_length": 500}, or drop it
        "#]],
    );
}

#[test]
fn headers_that_are_none_are_told() {
    refused(
        "arrived_at_s,prefill_tokens,tokens\n1,2,3\n",
        &expect![[r#"
            error: column `decode_tokens` missing
             --> t.csv:1:1
              |
            1 | arrived_at_s,prefill_tokens,tokens
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ there are `arrived_at_s`, `prefill_tokens`, `tokens`
              |
              = help: the columns of three-column CSV are arrived_at_s, prefill_tokens, decode_tokens
        "#]],
    );
    refused(
        "ContextTokens,TIMESTAMP\n1,2\n",
        &expect![[r#"
            error: column `GeneratedTokens` missing
             --> t.csv:1:1
              |
            1 | ContextTokens,TIMESTAMP
              | ^^^^^^^^^^^^^^^^^^^^^^^ there are `ContextTokens`, `TIMESTAMP`
              |
              = help: the columns of Azure CSV are TIMESTAMP, ContextTokens, GeneratedTokens
        "#]],
    );
    refused(
        "0.5,10,10\n",
        &expect![[r#"
            error: the first line is not that of a trace
             --> t.csv:1:1
              |
            1 | 0.5,10,10
              | ^^^^^^^^^ names of columns, or a JSON object
              |
              = help: name the columns above the first request: arrived_at_s,prefill_tokens,decode_tokens or TIMESTAMP,ContextTokens,GeneratedTokens
        "#]],
    );
    refused(
        "arrived_at_s;prefill_tokens;decode_tokens\n",
        &expect![[r#"
            error: the first line is not that of a trace
             --> t.csv:1:1
              |
            1 | arrived_at_s;prefill_tokens;decode_tokens
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ names of columns, or a JSON object
              |
              = help: separate the columns by commas
        "#]],
    );
    refused(
        "[{\"timestamp\": 0}]\n",
        &expect![[r#"
            error: the first line is not that of a trace
             --> t.csv:1:1
              |
            1 | [{"timestamp": 0}]
              | ^^^^^^^^^^^^^^^^^^ names of columns, or a JSON object
              |
              = help: write one JSON object per line, as `jq -c '.[]'` does
        "#]],
    );
    refused(
        "arrived_at_s,prefill_tokens,decode_tokens,prefill_tokens\n",
        &expect![[r#"
            error: column `prefill_tokens` is there twice
             --> t.csv:1:43
              |
            1 | arrived_at_s,prefill_tokens,decode_tokens,prefill_tokens
              |                                           ^^^^^^^^^^^^^^ one column of each name
              |
              = help: drop or rename one of them
        "#]],
    );
}

#[test]
fn a_trace_of_nothing_is_told() {
    refused(
        "",
        &expect![[r#"
        error: the trace is empty
        --> t.csv:1:1
         = note: one line per request, as Azure CSV, Mooncake JSON lines, three-column CSV
         = help: check how the trace was written or fetched
    "#]],
    );
    refused(
        "\n \r\n",
        &expect![[r#"
        error: the trace is empty
        --> t.csv:1:1
         = note: one line per request, as Azure CSV, Mooncake JSON lines, three-column CSV
         = help: check how the trace was written or fetched
    "#]],
    );
    refused(
        AZURE.lines().next().unwrap(),
        &expect![[r#"
        error: no requests: the header is all there is
        --> t.csv:1:1
         = note: one line per request, as Azure CSV, Mooncake JSON lines, three-column CSV
         = help: check how the trace was written or fetched
    "#]],
    );
}

#[test]
fn a_stream_that_ends_early_is_told() {
    let mut rows = String::from("arrived_at_s,prefill_tokens,decode_tokens\n");
    let mut state = 1u32;
    for i in 0..20_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        rows += &format!("{i},{},{}\n", 1 + state % 9_973, 1 + (state >> 16) % 997);
    }
    let whole = gzip(rows.as_bytes());
    assert_eq!(triples(&whole).len(), 20_000);
    let cut = &whole[..whole.len() / 2];
    let errors = read_trace(cut).unwrap_err();
    assert_eq!(errors.count(), 1);
    let told = &errors.listed[0];
    let lines = told.line - 1;
    assert!(lines > 1_000, "{told}");
    let message = format!("the compressed stream ends early, after {lines} lines");
    assert_eq!(told.diagnostic.message, message);

    let mut damaged = whole.clone();
    damaged[whole.len() / 2..whole.len() / 2 + 64].fill(0xff);
    let errors = read_trace(damaged.as_slice()).unwrap_err();
    let all: Vec<_> = errors.listed.iter().map(|p| p.diagnostic.message.as_str()).collect();
    assert!(errors.more > 0 || all.iter().any(|m| m.contains("is damaged after")), "{all:?}");

    refused(
        &whole[..2],
        &expect![[r#"
        error: the compressed stream ends early, after 0 lines
        --> t.csv:1:1
         = help: fetch the file again: its end is missing
    "#]],
    );
    refused(
        [gzip(COLUMNS.as_bytes()), b"tail".to_vec()].concat(),
        &expect![[r#"
            error: the compressed stream ends early, after 3 lines
            --> t.csv:4:1
             = help: fetch the file again: its end is missing
        "#]],
    );
}

#[test]
fn what_is_not_text_is_told() {
    refused(
        b"arrived_at_s,prefill_tokens,decode_tokens\n1,2,3\n2,\xff9,3\n",
        &expect![[r#"
            error: byte 0xff is not UTF-8
             --> t.csv:3:3
              |
            3 | 2,�9,3
              |   ^ UTF-8 text
              |
              = help: convert the file with `iconv -t UTF-8`, or drop the line
        "#]],
    );
    refused(
        b"\x28\xb5\x2f\xfd\x04\x00",
        &expect![[r#"
            error: the trace is a zstd file
            --> t.csv:1:1
             = note: text or gzip is read
             = help: unpack it with `zstd -d`
        "#]],
    );
    refused(
        b"\x00\x01\x02\x1b[31m",
        &expect![[r#"
            error: the first line is not that of a trace
             --> t.csv:1:1
              |
            1 | ␀␁␂␛[31m
              | ^^^^^^^^ names of columns, or a JSON object
              |
              = help: name the columns above the first request: arrived_at_s,prefill_tokens,decode_tokens or TIMESTAMP,ContextTokens,GeneratedTokens
        "#]],
    );
}

#[test]
fn a_line_without_end_is_told_and_passed_over() {
    let mut text = b"arrived_at_s,prefill_tokens,decode_tokens\n".to_vec();
    text.extend(std::iter::repeat_n(b'7', (16 << 20) + 1));
    text.extend(b"\n5,0,1\n");
    refused(
        &text,
        &expect![[r#"
            error: the line is longer than 16 MiB
            --> t.csv:2:1
             = note: one request per line is expected
             = help: end every request's line with a line break

            error: a request without input tokens
             --> t.csv:3:3
              |
            3 | 5,0,1
              |   ^ a whole number from 1 to 10000000
              |
              = help: drop the request: it asks for no work that can be simulated
        "#]],
    );
}

#[test]
fn a_long_line_is_shown_around_the_problem() {
    let ids = "123456, ".repeat(100);
    refused(
        format!(
            "{{\"hash_ids\": [{ids}0], \"timestamp\": 1, \"input_length\": 0, \"output_length\": 1, \"more\": [{ids}0]}}"
        ),
        &expect![[r#"
            error: a request without input tokens
             --> t.csv:1:851
              |
             ::: 
            1 | …56, 0], "timestamp": 1, "input_length": 0, "output_length": 1, "more": [123456, 123456, 123456, 123456, 123456, 123456, …
              |                                          ^ a whole number from 1 to 10000000
              |
              = help: drop the request: it asks for no work that can be simulated
        "#]],
    );
}

#[test]
fn only_twenty_are_listed_and_the_rest_counted() {
    let text = format!("{}{}", AZURE.lines().next().unwrap(), "\nx,1,1".repeat(57));
    let errors = read_trace(text.as_bytes()).unwrap_err();
    assert_eq!((errors.listed.len(), errors.more, errors.count()), (20, 37, 57));
    let told = errors.render("t.csv", false);
    assert!(told.ends_with("error: 37 more problems of the same trace\n"), "{told}");
    assert!(errors.render("t.csv", true).contains('\u{1b}'));
    expect!["57 problems; the first: line 2, column 1: `x` is not a date and time; write it as year-month-day hour:minute:second"].assert_eq(&errors.to_string());
}

#[test]
fn calendar_times_are_doubted() {
    let text = "arrived_at_s,prefill_tokens,decode_tokens\n1700158546.68,1,1\n1700158547,1,1\n";
    let trace = read_trace(text.as_bytes()).unwrap();
    assert_eq!(trace.requests[0].arrival, SimTime::from_ns(1_700_158_546_680_000_000));
    expect![[r#"
        warning: the first request arrives 19677 days after the trace's start, at `1700158546.68`
         --> t.csv:2:1
          |
        2 | 1700158546.68,1,1
          | ^^^^^^^^^^^^^ counted from the trace's start
          |
          = help: subtract the first time from all of them if they are calendar times
    "#]]
    .assert_eq(&TraceProblem::render_all(&trace.warnings, "t.csv", false));
}

#[test]
fn a_reader_that_fails_is_told() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let errors = read_trace(Failing).unwrap_err();
    expect![[r#"
        error: the trace cannot be read further: the disk is gone
        --> t.csv:1:1
    "#]]
    .assert_eq(&errors.render("t.csv", false));
    let errors = read_trace(COLUMNS.as_bytes().chain(Failing)).unwrap_err();
    assert_eq!(errors.listed[0].line, 4);
}

#[test]
fn published_traces_are_read_whole() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    for (path, form, count) in [
        ("traces/azure_llm_2023_conv.csv.gz", TraceForm::Azure, 19_366),
        ("traces/azure_llm_2023_code.csv.gz", TraceForm::Azure, 8_819),
        ("traces/mooncake_conversation.jsonl.gz", TraceForm::Mooncake, 12_031),
        ("traces/mooncake_synthetic.jsonl.gz", TraceForm::Mooncake, 3_993),
        ("peers/w4096_workload.csv", TraceForm::Columns, 4_096),
        ("peers/w512_vidur_requests.csv", TraceForm::Columns, 512),
        ("peers/u64_workload.csv", TraceForm::Columns, 64),
    ] {
        let Ok(bytes) = std::fs::read(shared.join(path)) else {
            println!("skipped: ../shared absent ({path})");
            continue;
        };
        let trace = read_trace(bytes.as_slice())
            .unwrap_or_else(|errors| panic!("{}", errors.render(path, false)));
        assert_eq!((trace.form, trace.requests.len()), (form, count), "{path}");
        assert!(trace.warnings.is_empty(), "{path}");
        assert!(trace.requests.is_sorted_by_key(|r| r.arrival), "{path}");
    }
}

/// A trace that is right, in any form.
fn right() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![AZURE, MOONCAKE, COLUMNS]).prop_flat_map(|text| {
        prop_oneof![Just(text.as_bytes().to_vec()), Just(gzip(text.as_bytes()))]
    })
}

/// Either all is well, or every problem can be shown.
fn holds(bytes: &[u8]) {
    match read_trace(bytes) {
        Ok(trace) => {
            assert!(!trace.requests.is_empty());
            assert!(trace.requests.is_sorted_by_key(|r| r.arrival));
            assert!(trace.requests.iter().all(|r| r.input_tokens > 0 && r.output_tokens > 0));
        }
        Err(errors) => {
            assert!(errors.count() > 0);
            for color in [false, true] {
                assert!(errors.render("t", color).contains("error"));
            }
            assert!(errors.listed.iter().all(|p| p.line >= 1 && p.column >= 1));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes);
    }

    #[test]
    fn no_rows_make_it_panic(rows in "([-+0-9eE.,nNaAiIfF\"{}:µ \t]{0,25}\r?\n){0,8}") {
        for text in [AZURE, MOONCAKE, COLUMNS] {
            let first = text.lines().next().unwrap();
            holds(format!("{first}\n{rows}").as_bytes());
        }
    }

    #[test]
    fn no_change_of_a_right_trace_makes_it_panic(
        mut bytes in right(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 0..6),
    ) {
        for (place, byte, kind) in changes {
            let at = place.index(bytes.len().max(1)).min(bytes.len());
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ => bytes.truncate(at.max(1)),
            }
        }
        holds(&bytes);
    }

    #[test]
    fn what_is_written_is_read(
        gaps in prop::collection::vec((0u64..1 << 40, 1u32..10_000_000, 1u32..10_000_000), 1..20)
    ) {
        let mut ns = 0;
        let mut text = String::from("decode_tokens,arrived_at_s,prefill_tokens\n");
        let mut expected = Vec::new();
        for (gap, input_tokens, output_tokens) in gaps {
            ns += gap;
            text += &format!(
                "{output_tokens},{}.{:09},{input_tokens}\n", ns / 1_000_000_000, ns % 1_000_000_000
            );
            let (arrival, prompt) = (SimTime::from_ns(ns), Vec::new());
            expected.push(TraceRequest { arrival, input_tokens, output_tokens, prompt });
        }
        prop_assert_eq!(&read_trace(text.as_bytes()).unwrap().requests, &expected);
        prop_assert_eq!(&read_trace(gzip(text.as_bytes()).as_slice()).unwrap().requests, &expected);
    }
}
