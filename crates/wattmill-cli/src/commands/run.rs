//! `wattmill run`.

use wattmill::catalog::Catalog;
use wattmill::plan;
use wattmill::report::{Detail, plan_text};

use super::factory::{load, measured_offers};
use crate::args::Run;
use crate::exit::Outcome;
use crate::files;

pub(crate) fn run(args: &Run) -> Outcome {
    let factory = load(args.factory.as_deref())?;
    let offers = measured_offers(&factory);
    let plan = plan::run(&factory, Catalog::builtin(), offers);
    let detail = if args.sites { Detail::Sites } else { Detail::Overview };
    files::print(&plan_text(&factory, &plan, detail))
}
