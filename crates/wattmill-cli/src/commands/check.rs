//! `wattmill check`.

use wattmill::check_with;
use wattmill::report::check_document;

use crate::args::Check;
use crate::exit::Outcome;
use crate::files;
use crate::invalid::{Invalid, colored, entries};
use crate::known::Known;

pub(crate) fn run(args: &Check) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let named = files::factory(Some(&args.factory))?;
    let checked = check_with(&named.text, known.catalog(), &files::named_in(&named));
    let Some(factory) = checked.factory else {
        return Err(Invalid::text(&named, &checked.diagnostics).into());
    };
    files::tell(&checked.diagnostics.render(&named.name, &named.text, colored()));
    if args.json {
        let entries = entries(&named, &checked.diagnostics);
        return files::print(&check_document(
            &named.name,
            Some(&factory),
            &entries,
            known.calibration(),
        ));
    }
    files::print(&known.told(&format!(
        "{}: sound. Sites: {}, phases: {}, services: {}, training runs: {}, warnings: {}\n",
        named.name,
        factory.sites.len(),
        factory.phases.len(),
        factory.services.len(),
        factory.trainings.len(),
        checked.diagnostics.len(),
    )))
}
