//! Measured tables for any command.

use std::path::Path;

use wattmill::catalog::Catalog;
use wattmill::validate::{Kind, Table, TableProblem, told_by_name};

use crate::exit::Failure;
use crate::files;
use crate::invalid::{Invalid, Named};

/// The table in a file, plain or gzip, and the file's name. What its rows leave blank is what `set`
/// says, then, of a run of requests, what the file's name tells.
pub(super) fn read(file: &str, set: &[(String, String)]) -> Result<(String, Table), Failure> {
    let named = files::text_or_gzip(Path::new(file))?;
    let mut table =
        table(&named)?.with("--set", set).map_err(|problems| told(&named, &problems))?;
    if table.kind() == Kind::Requests {
        let by_name = told_by_name(&named.name, Catalog::builtin());
        table = table
            .with("the name of the file", &by_name)
            .map_err(|problems| told(&named, &problems))?;
    }
    Ok((named.name, table))
}

/// The table in a text; all that is wrong with it at once.
pub(super) fn table(named: &Named) -> Result<Table, Failure> {
    Table::read(&named.text).map_err(|problems| told(named, &problems))
}

fn told(named: &Named, problems: &[TableProblem]) -> Failure {
    let problems: Vec<(String, Option<String>)> = problems
        .iter()
        .map(|problem| (problem.to_string(), problem.help().map(str::to_owned)))
        .collect();
    Invalid::plain(&named.name, &problems).into()
}
