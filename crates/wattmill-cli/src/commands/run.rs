//! `wattmill run`.

use wattmill::report::{Detail, plan_page, plan_text, run_document};
use wattmill::{plan, plan_bars};

use super::factory::{load, measured_offers};
use super::samples;
use crate::args::Run;
use crate::exit::Outcome;
use crate::files;
use crate::known::Known;

pub(crate) fn run(args: &Run) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let loaded = load(args.factory.as_deref(), catalog)?;
    let factory = &loaded.factory;
    if args.samples.is_some() {
        samples::possible(&loaded)?;
    }
    let plan = plan::run(factory, catalog, measured_offers(factory, catalog));
    let bars = plan_bars(factory, catalog, &plan);
    let risk = match args.samples {
        Some(samples) => Some(samples::risk(&loaded, catalog, &plan.offers, samples)?),
        None => None,
    };
    let (risk, calibration) = (risk.as_ref(), known.calibration());
    if let Some(path) = &args.output.html {
        files::write(path, &plan_page(factory, &plan, &bars, risk, calibration))?;
    }
    if args.output.json {
        let warnings = &loaded.warnings;
        return files::print(&run_document(factory, &plan, &bars, risk, warnings, calibration));
    }
    let detail = if args.sites { Detail::Sites } else { Detail::Overview };
    files::print(&known.told(&plan_text(factory, &plan, &bars, risk, detail)))
}
