//! Reading a factory file for any command.

use wattmill::catalog::Catalog;
use wattmill::check;
use wattmill::factory::Factory;
use wattmill::plan::{Offer, offers};

use crate::exit::Failure;
use crate::files;
use crate::invalid::{Invalid, Named, colored, entries};
use crate::progress::Progress;

/// A factory and what its file should be warned of.
pub(super) struct Loaded {
    pub(super) factory: Factory,
    pub(super) named: Named,
    pub(super) warnings: Vec<String>,
}

/// The checked factory of an argument; its warnings are printed.
pub(super) fn load(argument: Option<&str>, catalog: &Catalog) -> Result<Loaded, Failure> {
    let named = files::factory(argument)?;
    let checked = check(&named.text, catalog);
    let Some(factory) = checked.factory else {
        return Err(Invalid::text(&named, &checked.diagnostics).into());
    };
    files::tell(&checked.diagnostics.render(&named.name, &named.text, colored()));
    let warning = |e: &wattmill::report::DiagnosticEntry| match (e.line, e.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}: {}", e.file, e.message),
        _ => format!("{}: {}", e.file, e.message),
    };
    let warnings = entries(&named, &checked.diagnostics).iter().map(warning).collect();
    Ok(Loaded { factory, named, warnings })
}

/// What the factory's machines do for its services, with progress.
pub(super) fn measured_offers(factory: &Factory, catalog: &Catalog) -> Vec<Offer> {
    let mut progress = Progress::new("probing");
    offers(factory, catalog, |done, all| progress.at(done as u64, all as u64))
}
