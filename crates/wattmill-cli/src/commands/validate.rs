//! `wattmill validate`.

use std::path::Path;

use wattmill::catalog::MEASURED;
use wattmill::report::{
    Validated, Validation, validate_document, validation_csv, validation_page, validation_text,
};
use wattmill::validate::fit::evaluate_across;
use wattmill::validate::{Effort, Kind, Table, evaluate};

use super::measured::{self, table};
use crate::args::Validate;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::invalid::{Invalid, Named};
use crate::known::Known;
use crate::progress::Progress;

/// What may be asked for, and the kinds of tables that are meant.
const WHAT: [(&str, &[Kind]); 9] = [
    ("all", &Kind::ALL),
    ("serving", &[Kind::Serving, Kind::LongPrompt, Kind::Requests]),
    ("mlperf", &[Kind::Mlperf]),
    ("throughput", &[Kind::Throughput]),
    ("energy", &[Kind::Energy]),
    ("phases", &[Kind::Phases]),
    ("training", &[Kind::Training]),
    ("kernels", &[Kind::Kernels]),
    ("power", &[Kind::Power, Kind::TrainingPower]),
];

pub(crate) fn run(args: &Validate) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let (wanted, files) = asked(&args.what_and_files)?;
    let tables = if files.is_empty() { built_in(wanted)? } else { read(files, wanted, &args.set)? };
    let rows: usize = tables.iter().map(|(_, table)| table.rows().len()).sum();

    let interrupt = Interrupt::install();
    let mut bar = Progress::new("predicting");
    let mut validation = Validation {
        files: Vec::new(),
        interrupted: false,
        calibration: known.calibration().cloned(),
    };
    let mut before = 0;
    for (name, table) in tables {
        let evaluation = evaluate(&table, known.catalog(), Effort::default(), |done| {
            bar.at((before + done) as u64, rows as u64);
            interrupt.flow()
        });
        before += evaluation.rows();
        let across = evaluate_across(&table, known.catalog());
        let runs = format!("{name}, each run with constants fitted to the others");
        validation.files.push(Validated { name, evaluation });
        validation.files.extend(across.map(|evaluation| Validated { name: runs, evaluation }));
        if interrupt.flow().is_break() && before < rows {
            validation.interrupted = true;
            break;
        }
    }
    drop(bar);
    if let Some(path) = &args.csv {
        files::write(path, &validation_csv(&validation))?;
    }
    if let Some(path) = &args.output.html {
        files::write(path, &validation_page(&validation))?;
    }
    files::print(&if args.output.json {
        validate_document(&validation)
    } else {
        known.told(&validation_text(&validation))
    })?;
    if validation.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// The kinds asked for, and the files. A first word that names kinds is no file.
fn asked(arguments: &[String]) -> Result<(&'static [Kind], &[String]), Failure> {
    let Some((first, rest)) = arguments.split_first() else {
        return Ok((&Kind::ALL, arguments));
    };
    if let Some((_, kinds)) = WHAT.iter().find(|(name, _)| name == first) {
        return Ok((kinds, rest));
    }
    // A word that could only be a slip of the pen is not looked for on the disk.
    if !first.contains(['.', '/', '\\']) && !Path::new(first).exists() {
        let known: Vec<&str> = WHAT.iter().map(|(name, _)| *name).collect();
        return Err(Failure::Usage(format!(
            "`{first}` is neither a file nor one of {}",
            known.join(", ")
        )));
    }
    Ok((&Kind::ALL, arguments))
}

/// The figures that come with Wattmill, of the kinds wanted.
fn built_in(wanted: &[Kind]) -> Result<Vec<(String, Table)>, Failure> {
    let mut tables = Vec::new();
    for (name, text) in MEASURED {
        let named = Named { name: format!("{name} (built in)"), text: (*text).to_owned() };
        let table = table(&named)?;
        if wanted.contains(&table.kind()) {
            tables.push((named.name, table));
        }
    }
    Ok(tables)
}

/// Every file; the first that is wrong ends it, with all that is wrong with it.
fn read(
    files: &[String],
    wanted: &[Kind],
    set: &[(String, String)],
) -> Result<Vec<(String, Table)>, Failure> {
    let mut tables = Vec::new();
    for file in files {
        let (name, table) = measured::read(file, set)?;
        if !wanted.contains(&table.kind()) {
            let asked: Vec<&str> = wanted.iter().map(|kind| kind.name()).collect();
            let problem = format!(
                "its columns are those of {}; asked for was {}",
                table.kind().describe(),
                asked.join(" or ")
            );
            let help = Some("leave out the word before the files to take any kind".to_owned());
            return Err(Invalid::plain(&name, &[(problem, help)]).into());
        }
        tables.push((name, table));
    }
    Ok(tables)
}
