//! A machine of which only points are known is found again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;

use wattmill_catalog::{Catalog, Overheads};
use wattmill_validate::fit::{Calibrated, FEWEST_CASES, Place, Point, calibrate};
use wattmill_validate::{Effort, Metric, Table, predict, resolve};

const HEADER: &str = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size,\
                      precision_label\n";
/// Prompt, answer and clients of the points that are given, and of those kept back.
const GIVEN: [(u32, u32, u32); 7] = [
    (1024, 16, 1),
    (1024, 16, 8),
    (1024, 32, 24),
    (4096, 16, 2),
    (4096, 16, 8),
    (256, 16, 16),
    (256, 32, 64),
];
const KEPT_BACK: [(u32, u32, u32); 3] = [(1024, 16, 16), (2048, 16, 8), (512, 32, 32)];

/// The same engine on a slow host, with kernels a sixth slower than timed alone.
fn machine() -> Overheads {
    let known = Catalog::builtin().efficiency("hopper").unwrap().overheads("vllm");
    Overheads {
        step: 4.0 * known.step,
        sequence: 3.0 * known.sequence,
        reading: 1.18 * known.reading,
        ..known
    }
}

/// A row of a table.
fn row(gpu: &str, (isl, osl, clients): (u32, u32, u32), ttft: f64, tpot: f64) -> String {
    format!("llama-3.1-8b,{gpu},vllm,{isl},{osl},{clients},{ttft},{tpot},1,bf16\n")
}

/// What `machine` measures.
fn measured(shapes: &[(u32, u32, u32)], machine: Overheads) -> String {
    let blank: String = shapes.iter().map(|shape| row("h100", *shape, 1.0, 1.0)).collect();
    let mut efficiency = Catalog::builtin().efficiency("hopper").unwrap().clone();
    efficiency.overheads.insert("vllm".to_owned(), machine);
    let points = points(&blank);
    let rows = points.iter().zip(shapes).map(|(point, shape)| {
        let figures = predict(&point.case, &efficiency, Effort::default()).unwrap();
        let of = |metric| figures.iter().find(|(m, _)| *m == metric).unwrap().1;
        row("h100", *shape, of(Metric::Ttft), of(Metric::Tpot))
    });
    rows.collect()
}

fn points(rows: &str) -> Vec<Point<'static>> {
    let table = Table::read(&(HEADER.to_owned() + rows)).unwrap();
    let point = |row: wattmill_validate::Row<'_>| Point {
        place: Place { file: "mine.csv".to_owned(), line: row.line },
        case: resolve(&row, table.kind(), Catalog::builtin()).unwrap(),
    };
    table.rows().map(point).collect()
}

fn calibrated(rows: &str) -> Calibrated {
    let go_on = |_, _| ControlFlow::Continue(());
    calibrate(&points(rows), Catalog::builtin(), false, go_on)
}

#[test]
fn a_machine_is_found_again_from_its_points() {
    let found = calibrated(&measured(&GIVEN, machine()));
    let [engine] = &found.engines[..] else { panic!("{found:?}") };
    assert_eq!(engine.key, ("hopper".to_owned(), "vllm".to_owned()));
    assert_eq!((engine.rows(), engine.cases), (7, 7));
    let fitted = engine.fitted.as_ref().unwrap();
    assert!(fitted.is_better(), "{fitted:?}");
    let median = |errors: &std::collections::BTreeMap<Metric, wattmill_validate::Errors>| {
        errors[&Metric::Tpot].median
    };
    // It is a third off before, and a few per cent after, on the points given and on others.
    assert!(median(&engine.before) > 0.2, "{:?}", engine.before);
    assert!(median(&fitted.after) < 0.02, "{:?}", fitted.after);
    assert!(median(&fitted.unseen) < 0.03, "{:?}", fitted.unseen);

    let mut efficiency = Catalog::builtin().efficiency("hopper").unwrap().clone();
    efficiency.overheads.insert("vllm".to_owned(), fitted.constants);
    for point in points(&measured(&KEPT_BACK, machine())) {
        let predicted = predict(&point.case, &efficiency, Effort::default()).unwrap();
        for (metric, value) in &point.case.measured().figures {
            let found = predicted.iter().find(|(m, _)| m == metric).unwrap().1;
            let off = found / value - 1.0;
            assert!(off.abs() < 0.04, "{metric} of {}: {off:+.3}", point.place);
        }
    }
    assert!(engine.moved().iter().any(|(name, from, to)| *name == "step" && to > from));
}

#[test]
fn points_of_the_catalogues_own_machine_move_nothing() {
    let known = Catalog::builtin().efficiency("hopper").unwrap().overheads("vllm");
    let found = calibrated(&measured(&GIVEN[..4], known));
    let engine = &found.engines[0];
    assert_eq!(engine.moved(), [], "what is right already is left alone");
    assert!(!engine.fitted.as_ref().unwrap().is_better());
}

#[test]
fn a_few_points_are_not_enough_and_repeats_are_no_more() {
    let rows = measured(&GIVEN[..3], machine());
    let found = calibrated(&rows.repeat(2));
    assert_eq!((found.engines[0].rows(), found.engines[0].cases), (6, FEWEST_CASES - 1));
    assert_eq!(found.engines[0].fitted, None);
    assert_eq!(found.engines[0].to_toml(), "");
    let go_on = |_, _| ControlFlow::Continue(());
    let forced = calibrate(&points(&rows), Catalog::builtin(), true, go_on);
    assert!(forced.engines[0].fitted.is_some());
    let stop = |_, _| ControlFlow::Break(());
    let stopped = calibrate(&points(&rows), Catalog::builtin(), true, stop);
    assert!(stopped.interrupted && stopped.engines.is_empty());
}

#[test]
fn contradictions_and_several_machines_are_told_with_their_lines() {
    let rows = row("h100", (512, 32, 1), 20.0, 8.0)
        + &row("h100", (512, 32, 1), 21.0, 17.0)
        + &row("h200", (512, 32, 1), 20.0, 60.0);
    let found = calibrated(&rows);
    let engine = &found.engines[0];
    let lines: Vec<(&str, usize)> =
        engine.machines.iter().map(|(chip, places)| (chip.as_str(), places.len())).collect();
    assert_eq!(lines, [("h100-sxm", 2), ("h200-sxm", 1)]);
    let told: Vec<String> = engine
        .contradictions
        .iter()
        .filter(|c| c.metric == Metric::Tpot)
        .map(|c| format!("{} at {}, {} at {}", c.low.0, c.low.1, c.high.0, c.high.1))
        .collect();
    assert_eq!(told, ["8 at mine.csv:2, 17 at mine.csv:3"]);
}

#[test]
fn what_was_done_is_kept_wherever_it_is_stopped() {
    let points = points(&measured(&GIVEN, machine()));
    let (mut all, mut said) = (0, Vec::new());
    let whole = calibrate(&points, Catalog::builtin(), false, |done, of| {
        said.push((done, of));
        all = done;
        ControlFlow::Continue(())
    });
    assert!(!whole.interrupted);
    // It is told from the first prediction on, in order, and never beyond its end.
    assert_eq!(said[0].0, 0);
    assert!(said.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1));
    assert!(said.iter().all(|(done, of)| done < of));
    let stopped_after = |most: usize| {
        let mut left = most;
        calibrate(&points, Catalog::builtin(), false, |_, _| match left {
            0 => ControlFlow::Break(()),
            _ => {
                left -= 1;
                ControlFlow::Continue(())
            }
        })
    };
    // Before a point is held out there is nothing to judge the constants by.
    let early = stopped_after(all / 2);
    assert!(early.interrupted && early.engines[0].interrupted);
    assert_eq!((early.engines[0].fitted.clone(), early.engines[0].rows()), (None, GIVEN.len()));
    // The last points are those that tell how far off it is after.
    let late = stopped_after(all - 2);
    let fitted = late.engines[0].fitted.as_ref().unwrap();
    let expected = whole.engines[0].fitted.as_ref().unwrap();
    assert!(late.interrupted && late.engines[0].interrupted);
    assert_eq!(fitted.constants, expected.constants);
    assert_eq!((fitted.miss_unseen, &fitted.unseen), (expected.miss_unseen, &expected.unseen));
    assert_eq!(fitted.after[&Metric::Tpot].count, GIVEN.len() - 3);
    // In between, those that were held out by then count, against the same ones before.
    let between = stopped_after(all - GIVEN.len() - 2);
    let fitted = between.engines[0].fitted.as_ref().unwrap();
    assert!(fitted.unseen[&Metric::Tpot].count < GIVEN.len() && fitted.after.is_empty());
    assert!(between.engines[0].to_toml().contains("error.tpot = { before = "));
    assert!(!between.engines[0].to_toml().contains("after"));
}
