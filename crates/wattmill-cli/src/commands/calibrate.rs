//! `wattmill calibrate`.

use std::path::Path;

use wattmill::catalog::Catalog;
use wattmill::report::{CalibrationReport, calibrate_document, calibration_text};
use wattmill::validate::fit::{Place, Point, calibrate};
use wattmill::validate::{Unanswered, resolve};

use super::measured;
use crate::args::Calibrate;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

pub(crate) fn run(args: &Calibrate) -> Outcome {
    if let Some(out) = &args.out
        && args.files.iter().any(|file| same_file(Path::new(file), out))
    {
        let out = out.display();
        let usage = format!("--out {out} is one of the measured tables; name another file");
        return Err(Failure::Usage(usage));
    }
    let catalog = Catalog::builtin();
    let mut report = CalibrationReport {
        files: Vec::new(),
        rows: 0,
        unanswered: Vec::new(),
        calibrated: Default::default(),
        forced: args.force,
        written: None,
    };
    let mut points = Vec::new();
    for file in &args.files {
        let (name, table) = measured::read(file, &args.set)?;
        report.rows += table.rows().len();
        for row in table.rows() {
            match resolve(&row, table.kind(), catalog) {
                Ok(case) => {
                    let place = Place { file: name.clone(), line: row.line };
                    points.push(Point { place, case });
                }
                Err(reason) => {
                    let row = Unanswered::of(&row, catalog, reason);
                    report.unanswered.push((name.clone(), row));
                }
            }
        }
        report.files.push(name);
    }
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("calibrating");
    report.calibrated = calibrate(&points, catalog, args.force, |done, all| {
        bar.at(done as u64, all as u64);
        interrupt.flow()
    });
    drop(bar);
    if let (Some(out), Some(text)) = (&args.out, report.to_toml()) {
        files::write(out, &text)?;
        report.written = Some(out.display().to_string());
    }
    files::print(&if args.json { calibrate_document(&report) } else { calibration_text(&report) })?;
    if report.calibrated.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Whether two names are of one file that is there.
fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
