//! `wattmill replay --saturate`.

use std::ops::ControlFlow;
use std::time::Instant;

use wattmill::factory::Profile;
use wattmill::report::{
    ReplayHeading, ReplayInputs, SaturationReport, saturation_document, saturation_page,
    saturation_text,
};
use wattmill::sim::Limits;
use wattmill::units::Seconds;
use wattmill::{Pricing, Promise, replay, saturate};

use super::source::Source;
use super::{cannot_be, expected, serving};
use crate::args::Replay;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;

/// Speeds that a search usually tries; for the bar alone.
const USUAL_SPEEDS: u64 = 12;

/// Searches the highest speed at which `share` of the requests keep the SLO.
pub(super) fn run(
    args: &Replay,
    share: f64,
    known: &Known,
    pricing: &Pricing<'_>,
    source: &Source,
    inputs: ReplayInputs,
    limits: Limits,
) -> Outcome {
    let started = Instant::now();
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("saturating");
    let total = source.total(&args.traffic).max(1);
    let (mut tried, mut wrong) = (0, Vec::new());
    let promise = Promise { slo: inputs.slo, share };
    let found = saturate(pricing, &promise, |speed| {
        let hourly = source.profile().hourly.map(|factor| factor * speed);
        let profile = Profile { hourly, ..source.profile().clone() };
        let asks = source.iter(&args.traffic, &profile, expected(args));
        let replayed = replay(
            pricing,
            &serving(args),
            Some(limits),
            asks,
            |_, _| {},
            |progress| {
                let part = progress.requests.min(total);
                bar.at((tried * total + part) / 100, (tried.max(USUAL_SPEEDS) + 1) * total / 100);
                interrupt.flow()
            },
        );
        tried += 1;
        match replayed {
            Ok(replayed) if !replayed.interrupted => ControlFlow::Continue(replayed),
            Ok(_) => ControlFlow::Break(()),
            Err(problems) => {
                wrong = problems;
                ControlFlow::Break(())
            }
        }
    });
    drop(bar);
    if !wrong.is_empty() {
        return Err(cannot_be(&wrong));
    }

    let accelerators = match pricing {
        Pricing::Engine(engine) => {
            Some(u64::from(engine.accelerators()) * u64::from(args.replicas))
        }
        Pricing::Table(..) => None,
    };
    let seed = args.traffic.trace.is_none().then_some(args.traffic.seed);
    let inputs = ReplayInputs {
        wall: Seconds::from_s(started.elapsed().as_secs_f64()),
        interrupted: found.interrupted,
        ..inputs
    };
    let report = SaturationReport {
        heading: ReplayHeading::from(&inputs),
        share,
        accelerators,
        points: found.points,
        limiting: found.limiting,
        seed,
    };
    if let Some(path) = &args.output.html {
        files::write(path, &saturation_page(&report))?;
    }
    files::print(&if args.output.json {
        saturation_document(&report)
    } else {
        known.told(&saturation_text(&report))
    })?;
    if found.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}
