//! Measured tables for any command.

use std::path::Path;

use wattmill::validate::Table;

use crate::exit::Failure;
use crate::files;
use crate::invalid::{Invalid, Named};

/// The table in a file, plain or gzip, and the file's name.
pub(super) fn read(file: &str) -> Result<(String, Table), Failure> {
    let named = files::text_or_gzip(Path::new(file))?;
    let table = table(&named)?;
    Ok((named.name, table))
}

/// The table in a text; all that is wrong with it at once.
pub(super) fn table(named: &Named) -> Result<Table, Failure> {
    Table::read(&named.text).map_err(|problems| {
        let problems: Vec<(String, Option<String>)> = problems
            .iter()
            .map(|problem| (problem.to_string(), problem.help().map(str::to_owned)))
            .collect();
        Invalid::plain(&named.name, &problems).into()
    })
}
