//! What a calibration says to people, and in its file.

use std::collections::BTreeMap;

use wattmill_catalog::{Catalog, Overheads};
use wattmill_config::parse_calibration;
use wattmill_validate::fit::{Calibrated, Contradiction, EngineCalibration, Fitted, Place};
use wattmill_validate::{Errors, Metric};

use super::*;

fn place(line: u64) -> Place {
    Place { file: "a \"b\".csv".to_owned(), line }
}

fn errors(median: f64) -> BTreeMap<Metric, Errors> {
    let errors = Errors { count: 5, median, mean: median, p90: 2.0 * median, bias: -median };
    BTreeMap::from([(Metric::Tpot, errors)])
}

fn report() -> CalibrationReport {
    let start = Overheads { step: 1e-3, ..Overheads::NONE };
    let engine = EngineCalibration {
        key: ("hopper".to_owned(), "vllm".to_owned()),
        start,
        machines: BTreeMap::from([
            ("h100-sxm".to_owned(), vec![place(2), place(3)]),
            ("h200-sxm".to_owned(), vec![place(5)]),
        ]),
        cases: 5,
        contradictions: vec![Contradiction {
            metric: Metric::Tpot,
            low: (8.0, place(2)),
            high: (17.0, place(3)),
        }],
        before: errors(0.3),
        fitted: Some(Fitted {
            constants: Overheads { step: 2e-3, ..start },
            after: errors(0.02),
            unseen: errors(0.05),
            miss_before: 0.3,
            miss_unseen: 0.05,
        }),
        interrupted: false,
    };
    CalibrationReport {
        files: vec!["a.csv".to_owned()],
        rows: 7,
        unanswered: Vec::new(),
        calibrated: Calibrated {
            engines: vec![engine],
            left_out: vec![(place(9), "a training step".to_owned())],
            interrupted: false,
        },
        forced: false,
        written: None,
    }
}

#[test]
fn everything_is_told_with_its_place() {
    let text = calibration_text(&report());
    for words in [
        "a \"b\".csv:9",
        "a training step",
        "several machines",
        "h100-sxm: a \"b\".csv:2, 3",
        "tpot_ms is 8 at a \"b\".csv:2 and 17 at a \"b\".csv:3",
        "2.000e-3",
        "Better on points held out",
        "with --out FILE: hopper.vllm",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn only_what_helps_is_written() {
    let mut report = report();
    let text = report.to_toml().expect("it helps");
    assert!(text.contains("error.tpot = { before = 0.3000, after = 0.0200, unseen = 0.0500 }"));
    let read = parse_calibration(&text, Catalog::builtin()).expect("whatever the file is called");
    let key = ("hopper".to_owned(), "vllm".to_owned());
    assert_eq!(read, BTreeMap::from([(key, Overheads { step: 2e-3, ..Overheads::NONE })]));
    let fitted = report.calibrated.engines[0].fitted.as_mut().unwrap();
    fitted.miss_unseen = 0.31;
    assert_eq!(report.to_toml(), None);
    assert!(calibration_text(&report).contains("Nothing is written"));
    report.forced = true;
    assert_eq!(report.to_toml().as_deref(), Some(text.as_str()));
    assert!(calibration_text(&report).contains("taken by force"));
}

#[test]
fn what_was_stopped_says_so() {
    let mut report = report();
    report.calibrated.interrupted = true;
    report.calibrated.engines[0].interrupted = true;
    let text = calibration_text(&report);
    assert!(text.contains("PARTIAL") && text.contains("held out by then"), "{text}");
    report.calibrated.engines[0].fitted = None;
    let text = calibration_text(&report);
    assert!(text.contains("Stopped before any point was held out"), "{text}");
    assert!(!text.contains("Too few"), "{text}");
}

#[test]
fn equal_answers_have_equal_hashes() {
    let mut other = report();
    assert_eq!(other.answer_hash(), report().answer_hash());
    other.calibrated.engines[0].fitted.as_mut().unwrap().constants.step = 3e-3;
    assert_ne!(other.answer_hash(), report().answer_hash());
}
