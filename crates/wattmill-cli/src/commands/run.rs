//! `wattmill run`.

use wattmill::catalog::Catalog;
use wattmill::report::{Detail, plan_page, plan_text, run_document};
use wattmill::{plan, plan_bars};

use super::factory::{load, measured_offers};
use crate::args::Run;
use crate::exit::Outcome;
use crate::files;

pub(crate) fn run(args: &Run) -> Outcome {
    let loaded = load(args.factory.as_deref())?;
    let factory = &loaded.factory;
    let plan = plan::run(factory, Catalog::builtin(), measured_offers(factory));
    let bars = plan_bars(factory, Catalog::builtin(), &plan);
    if let Some(path) = &args.output.html {
        files::write(path, &plan_page(factory, &plan, &bars))?;
    }
    if args.output.json {
        return files::print(&run_document(factory, &plan, &bars, &loaded.warnings));
    }
    let detail = if args.sites { Detail::Sites } else { Detail::Overview };
    files::print(&plan_text(factory, &plan, &bars, detail))
}
