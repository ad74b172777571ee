//! Reading a factory file for any command.

use std::io::IsTerminal;

use wattmill::catalog::Catalog;
use wattmill::check;
use wattmill::factory::Factory;
use wattmill::plan::{Offer, offers};

use crate::exit::Failure;
use crate::files;
use crate::progress::Progress;

/// The checked factory of an argument; its warnings are printed.
pub(super) fn load(argument: Option<&str>) -> Result<Factory, Failure> {
    let named = files::factory(argument)?;
    let checked = check(&named.text, Catalog::builtin());
    let color = std::io::stderr().is_terminal();
    let rendered = checked.diagnostics.render(&named.name, &named.text, color);
    match checked.factory {
        Some(factory) => {
            eprint!("{rendered}");
            Ok(factory)
        }
        None => Err(Failure::Input(rendered)),
    }
}

/// What the factory's machines do for its services, with progress.
pub(super) fn measured_offers(factory: &Factory) -> Vec<Offer> {
    let mut progress = Progress::new("probing");
    offers(factory, Catalog::builtin(), |done, all| progress.at(done as u64, all as u64))
}
