//! `wattmill check`.

use wattmill::catalog::Catalog;
use wattmill::check;
use wattmill::report::check_document;

use crate::args::Check;
use crate::exit::Outcome;
use crate::files;
use crate::invalid::{Invalid, colored, entries};

pub(crate) fn run(args: &Check) -> Outcome {
    let named = files::factory(Some(&args.factory))?;
    let checked = check(&named.text, Catalog::builtin());
    let Some(factory) = checked.factory else {
        return Err(Invalid::text(&named, &checked.diagnostics).into());
    };
    files::tell(&checked.diagnostics.render(&named.name, &named.text, colored()));
    if args.json {
        let entries = entries(&named, &checked.diagnostics);
        return files::print(&check_document(&named.name, Some(&factory), &entries));
    }
    files::print(&format!(
        "{}: sound. Sites: {}, phases: {}, services: {}, training runs: {}, warnings: {}\n",
        named.name,
        factory.sites.len(),
        factory.phases.len(),
        factory.services.len(),
        factory.trainings.len(),
        checked.diagnostics.len(),
    ))
}
