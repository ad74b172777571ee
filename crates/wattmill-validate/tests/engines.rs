//! Constants of engines: few rows move little, many move what they speak of, and a family without
//! rows has the engine's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wattmill_catalog::{Catalog, Overheads};
use wattmill_validate::fit::{
    EngineConstants, FIT_EFFORT, LeftOut, Lesson, Response, cross_validate, fit_families,
};
use wattmill_validate::{Case, Effort, Metric, Table, predict, resolve};

const HEADER: &str = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size,\
                      precision_label\n";
const SHAPES: [(&str, u32, u32, u32); 6] = [
    ("llama-3.1-8b", 1024, 24, 1),
    ("llama-3.1-8b", 1024, 24, 8),
    ("llama-3.1-8b", 256, 32, 32),
    ("qwen3-32b", 512, 24, 2),
    ("qwen3-32b", 512, 24, 16),
    ("qwen3-32b", 2048, 16, 8),
];

fn cases(figures: &[(f64, f64)]) -> Vec<Case<'static>> {
    let rows: String = SHAPES
        .iter()
        .zip(figures)
        .map(|((model, isl, osl, clients), (ttft, tpot))| {
            format!("{model},h100,vllm,{isl},{osl},{clients},{ttft},{tpot},2,fp8\n")
        })
        .collect();
    let table = Table::read(&(HEADER.to_owned() + &rows)).unwrap();
    table.rows().map(|row| resolve(&row, table.kind(), Catalog::builtin()).unwrap()).collect()
}

fn predicted(case: &Case<'_>, constants: Overheads, effort: Effort) -> (f64, f64) {
    let mut efficiency = Catalog::builtin().efficiency("hopper").unwrap().clone();
    efficiency.overheads.insert("vllm".to_owned(), constants);
    let figures = predict(case, &efficiency, effort).unwrap();
    let of = |metric| figures.iter().find(|(m, _)| *m == metric).unwrap().1;
    (of(Metric::Ttft), of(Metric::Tpot))
}

/// The engine before anything was measured, with steps that take 4 ms more.
fn slow() -> Overheads {
    let usual = fit_families(&[], "vllm", Catalog::builtin());
    assert!(usual.is_empty(), "nothing is known of an engine without rows");
    let known = Catalog::builtin().efficiency("hopper").unwrap().overheads("vllm");
    Overheads { step: known.step + 4e-3, ..known }
}

fn measured_on(machine: Overheads) -> Vec<Case<'static>> {
    let blank = cases(&[(1.0, 1.0); 6]);
    let figures: Vec<(f64, f64)> =
        blank.iter().map(|case| predicted(case, machine, FIT_EFFORT)).collect();
    cases(&figures)
}

fn step(constants: &EngineConstants, family: &str) -> f64 {
    constants[&(family.to_owned(), "vllm".to_owned())].step
}

#[test]
fn few_rows_move_little_and_many_what_they_speak_of() {
    let catalog = Catalog::builtin();
    let cases = measured_on(slow());
    let lessons: Vec<Lesson<'_>> = cases.iter().filter_map(|c| Lesson::of(c, catalog)).collect();
    assert_eq!(lessons.len(), 6);

    let few: Vec<&Lesson<'_>> = lessons.iter().collect();
    let few = fit_families(&few, "vllm", catalog);
    assert!(!few.contains_key(&("hopper".to_owned(), "vllm".to_owned())), "six rows are too few");
    let many: Vec<&Lesson<'_>> = lessons.iter().cycle().take(25 * lessons.len()).collect();
    let many = fit_families(&many, "vllm", catalog);
    assert!(step(&few, "") < 2.5e-3, "{few:?}");
    assert!((4e-3..6e-3).contains(&step(&many, "hopper")), "{many:?}");
    // What the engine does on other families lies between what is usual and what was measured.
    assert!(step(&many, "") > 1e-3 && step(&many, "") <= step(&many, "hopper"), "{many:?}");

    let fitted = many[&("hopper".to_owned(), "vllm".to_owned())];
    for case in &cases {
        let (_, tpot) = predicted(case, fitted, Effort::default());
        let (_, measured) = case.measured().figures[1];
        assert!((tpot / measured - 1.0).abs() < 0.08, "{tpot} {measured}");
    }
}

#[test]
fn a_model_that_is_left_out_is_predicted_by_the_others() {
    let catalog = Catalog::builtin();
    let cases = measured_on(slow());
    let lessons: Vec<Lesson<'_>> = cases.iter().filter_map(|c| Lesson::of(c, catalog)).collect();
    let left = |by, fold| cross_validate(&lessons, by, fold, catalog, FIT_EFFORT);
    let models: Vec<Vec<String>> = (0..5)
        .map(|fold| left(LeftOut::Model, fold).into_iter().map(|(.., o)| o.group.model).collect())
        .collect();
    assert_eq!(models[0], ["llama-3.1-8b"; 3]);
    assert_eq!(models[1], ["qwen3-32b"; 3]);
    assert!(models[2..].iter().all(Vec::is_empty));
    // The one chip there is left out with everything known of the engine: it takes what it had.
    assert_eq!(left(LeftOut::Chip, 0).len(), 6);
}

#[test]
fn a_response_is_of_cases_that_count() {
    let catalog = Catalog::builtin();
    let row = "llama-3.1-8b,h100,vllm,128,8,1,10,5,2,fp8,B\n";
    let header = HEADER.replace("\n", ",quality\n");
    let table = Table::read(&(header + row)).unwrap();
    let row = table.rows().next().unwrap();
    let case = resolve(&row, table.kind(), catalog).unwrap();
    assert!(Lesson::of(&case, catalog).is_none(), "its conditions are not fully known");
    let response = Response::of(&case, catalog, FIT_EFFORT).unwrap();
    assert_eq!(response.key(), &("hopper".to_owned(), "vllm".to_owned()));
}
