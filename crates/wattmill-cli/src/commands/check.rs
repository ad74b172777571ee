//! `wattmill check`.

use std::io::IsTerminal;

use wattmill::catalog::Catalog;
use wattmill::check;

use crate::args::Check;
use crate::exit::{Failure, Outcome};
use crate::files;

pub(crate) fn run(args: &Check) -> Outcome {
    let named = files::factory(Some(&args.factory))?;
    let checked = check(&named.text, Catalog::builtin());
    let color = std::io::stderr().is_terminal();
    let rendered = checked.diagnostics.render(&named.name, &named.text, color);
    let Some(factory) = checked.factory else {
        return Err(Failure::Input(rendered));
    };
    eprint!("{rendered}");
    files::print(&format!(
        "{}: sound; {} sites, {} phases, {} services, {} training runs, {} warnings\n",
        named.name,
        factory.sites.len(),
        factory.phases.len(),
        factory.services.len(),
        factory.trainings.len(),
        checked.diagnostics.len(),
    ))
}
