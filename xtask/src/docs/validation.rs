//! How far the model is from measurements, and how its constants were made.

mod tables;
mod words;

use std::ops::ControlFlow;
use std::sync::OnceLock;

use wattmill::catalog::{Catalog, MEASURED};
use wattmill::report::{Validated, Validation, validation_picture};
use wattmill::validate::{Effort, Metric, Table, evaluate};

/// The document.
pub(super) fn markdown() -> String {
    let catalog = Catalog::builtin();
    let parts = [
        words::INTRODUCTION.to_owned(),
        words::MADE.to_owned(),
        format!("{}\n{}", words::BUILT_IN, tables::headline(&validation().files)),
        words::PICTURES.to_owned(),
        words::WRONG.to_owned(),
        format!("{}\n{}", words::RESIDUALS, tables::residuals(catalog)),
        format!("{}\n{}", words::LEFT_OUT, tables::left_out()),
        format!("{}\n{}", words::RUNS, tables::across_runs(catalog)),
        format!("{}\n{}", words::TRAINING, tables::training()),
        format!("{}\n{}", words::SURFACES, tables::surfaces(catalog)),
        format!("{}\n{}", words::CONSTANTS, tables::constants()),
        tables::overheads(catalog),
    ];
    parts.join("\n")
}

pub(super) fn ttft() -> String {
    picture("serving", Metric::Ttft)
}

pub(super) fn tpot() -> String {
    picture("serving", Metric::Tpot)
}

pub(super) fn throughput() -> String {
    picture("mlperf", Metric::OutputRate)
}

pub(super) fn training() -> String {
    picture("training", Metric::TrainingStep)
}

fn picture(table: &str, metric: Metric) -> String {
    let file = validation().files.iter().find(|file| file.name == table);
    file.and_then(|file| validation_picture(file, metric)).expect("it has such figures")
}

/// The built-in figures, predicted once.
fn validation() -> &'static Validation {
    static VALIDATION: OnceLock<Validation> = OnceLock::new();
    VALIDATION.get_or_init(|| {
        let evaluated = |(name, text): &(&str, &str)| {
            let table = Table::read(text).expect("it is sound");
            let go_on = |_| ControlFlow::Continue(());
            let evaluation = evaluate(&table, Catalog::builtin(), Effort::default(), go_on);
            Validated { name: (*name).to_owned(), evaluation }
        };
        let files = MEASURED.iter().map(evaluated).collect();
        Validation { files, interrupted: false, calibration: None }
    })
}
