//! `wattmill run`.

use wattmill::report::{Detail, plan_page, plan_text, run_document};
use wattmill::{plan, plan_bars};

use super::factory::{load, measured_offers};
use crate::args::Run;
use crate::exit::Outcome;
use crate::files;
use crate::known::Known;

pub(crate) fn run(args: &Run) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let loaded = load(args.factory.as_deref(), catalog)?;
    let factory = &loaded.factory;
    let plan = plan::run(factory, catalog, measured_offers(factory, catalog));
    let bars = plan_bars(factory, catalog, &plan);
    if let Some(path) = &args.output.html {
        files::write(path, &plan_page(factory, &plan, &bars, known.calibration()))?;
    }
    if args.output.json {
        return files::print(&run_document(
            factory,
            &plan,
            &bars,
            &loaded.warnings,
            known.calibration(),
        ));
    }
    let detail = if args.sites { Detail::Sites } else { Detail::Overview };
    files::print(&known.told(&plan_text(factory, &plan, &bars, detail)))
}
