//! `wattmill run`.

use anyhow::Context;
use wattmill::factory::Factory;
use wattmill::report::{Detail, plan_page_of_week, plan_text, run_document};
use wattmill::{plan, plan_bars};

use super::factory::{load, measured_offers};
use super::samples;
use crate::args::Run;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::known::Known;

pub(crate) fn run(args: &Run) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let loaded = load(args.factory.as_deref(), catalog)?;
    let factory = &loaded.factory;
    if let Some(week) = args.week {
        week_in_plan(factory, week)?;
    }
    if args.samples.is_some() {
        samples::possible(&loaded)?;
    }
    let mut plan = plan::run(factory, catalog, measured_offers(factory, catalog));
    if let Some(days) = args.bound {
        let bound = plan::bound(factory, &plan, days).context("cannot bound the cost of energy")?;
        plan.bound = Some(bound);
    }
    let bars = plan_bars(factory, catalog, &plan);
    let risk = match args.samples {
        Some(samples) => Some(samples::risk(&loaded, catalog, &plan.offers, samples)?),
        None => None,
    };
    let (risk, calibration) = (risk.as_ref(), known.calibration());
    if let Some(path) = &args.output.html {
        let page = plan_page_of_week(factory, &plan, &bars, risk, calibration, args.week);
        files::write(path, &page)?;
    }
    if args.output.json {
        let warnings = &loaded.warnings;
        return files::print(&run_document(factory, &plan, &bars, risk, warnings, calibration));
    }
    let detail = if args.sites { Detail::Sites } else { Detail::Overview };
    files::print(&known.told(&plan_text(factory, &plan, &bars, risk, detail)))
}

/// Refuses a week that the plan has no hours of.
fn week_in_plan(factory: &Factory, week: jiff::civil::Date) -> Outcome {
    if (factory.start..=factory.end).contains(&week) {
        return Ok(());
    }
    let (start, end) = (factory.start, factory.end);
    Err(Failure::Usage(format!(
        "the plan has no week that begins on {week}; give `--week` a day from {start} to {end}"
    )))
}
