//! `wattmill zoom`.

use wattmill::plan::{Window, ZoomError, zoom};
use wattmill::report::{zoom_document, zoom_page, zoom_text};
use wattmill::units::{Id, IdVec};
use wattmill::zoom_bars;

use super::factory::{load, measured_offers};
use crate::args::Zoom;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;

pub(crate) fn run(args: &Zoom) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let loaded = load(Some(&args.factory), catalog)?;
    let factory = &loaded.factory;
    let site = named("site", args.site.as_deref(), &factory.sites, |site| &site.name)?;
    let service =
        named("service", args.service.as_deref(), &factory.services, |service| &service.name)?;
    let window = Window { at: args.at, length: args.length, site, service };
    let offers = measured_offers(factory, catalog);
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("simulating");
    let zoomed = zoom(factory, catalog, &offers, &window, |done| {
        bar.at((done * 1e4) as u64, 10_000);
        interrupt.flow()
    })
    .map_err(|error: ZoomError| Failure::Usage(error.to_string()))?;
    drop(bar);
    let bars = zoom_bars(factory, catalog, &zoomed);
    if let Some(path) = &args.output.html {
        files::write(path, &zoom_page(factory, &zoomed, &bars, known.calibration()))?;
    }
    files::print(&if args.output.json {
        zoom_document(factory, &window, &zoomed, &bars, &loaded.warnings, known.calibration())
    } else {
        known.told(&zoom_text(factory, &zoomed, &bars))
    })?;
    if zoomed.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// The one of `all` that is called `name`.
fn named<T>(
    kind: &str,
    name: Option<&str>,
    all: &IdVec<T>,
    name_of: impl Fn(&T) -> &String,
) -> Result<Option<Id<T>>, Failure> {
    let Some(name) = name else { return Ok(None) };
    all.find(|one| name_of(one) == name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| name_of(one).as_str()).collect();
        Failure::Usage(format!("the factory has no {kind} `{name}`; it has {}", known.join(", ")))
    })
}
