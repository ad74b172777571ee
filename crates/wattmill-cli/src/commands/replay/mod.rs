//! `wattmill replay`.

mod engine;
pub(super) mod records;
pub(super) mod shaping;
pub(super) mod source;

use std::time::Instant;

use wattmill::catalog::Catalog;
use wattmill::report::{
    ReplayHeading, ReplayInputs, ServingBars, replay_document, replay_page, replay_text,
};
use wattmill::sim::{AnswerTime, Finished, Limits};
use wattmill::units::{Seconds, SimTime};
use wattmill::{Load, Pricing, replay, serving_bars};

use crate::args::Replay;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;
use engine::Named;
use records::Records;
use source::Source;

pub(crate) fn run(args: &Replay) -> Outcome {
    let known = Known::open(&args.engine.calibration)?;
    let named = Named::find(args, known.catalog())?;
    let (pricing, engine) = named.pricing(args)?;
    let source = Source::open(&args.traffic)?;
    let mut out = args.out.as_deref().map(Records::create).transpose()?;
    let limits = Limits {
        ttft: SimTime::from_seconds(args.slo_ttft),
        tpot: SimTime::from_seconds(args.slo_tpot),
    };

    let started = Instant::now();
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("simulating");
    let mut failed = Ok(());
    let record = |replica: u32, done: &Finished| {
        if let (Some(out), true) = (&mut out, failed.is_ok()) {
            failed = out.write(replica, done);
        }
    };
    let total = source.total(&args.traffic);
    let expected = AnswerTime { first: args.slo_ttft, per_token: args.slo_tpot };
    let requests = source.iter(&args.traffic, expected).map(|ask| ask.request);
    let replayed = replay(&pricing, args.replicas, Some(limits), requests, record, |progress| {
        bar.at(progress.requests, total);
        interrupt.flow()
    });
    drop(bar);
    failed?;
    if let Some(out) = out {
        out.finish()?;
    }

    let inputs = ReplayInputs {
        traffic: source.traffic.clone(),
        shaping: shaping::told(&args.traffic.shaping),
        engine,
        replicas: args.replicas,
        cache: pricing.cache(),
        slo: (args.slo_ttft, args.slo_tpot),
        requests: replayed.requests,
        wall: Seconds::from_s(started.elapsed().as_secs_f64()),
        interrupted: replayed.interrupted,
        bars: bars(&pricing, Load::of(&replayed.summary)),
        warnings: source.warnings.clone(),
        calibration: known.calibration().cloned(),
    };
    let heading = ReplayHeading::from(&inputs);
    if let Some(path) = &args.output.html {
        files::write(path, &replay_page(&heading, &replayed.summary, &replayed.tally))?;
    }
    files::print(&if args.output.json {
        replay_document(&inputs, &replayed.summary, &replayed.tally)
    } else {
        known.told(&replay_text(&heading, &replayed.summary))
    })?;
    if replayed.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Error bars of what a replay answers, or why it has none.
fn bars(pricing: &Pricing<'_>, load: Option<Load>) -> Result<ServingBars, String> {
    match (pricing, load) {
        (Pricing::Table(..), _) => Err("the step times are your own; nothing was measured beside \
                                        them"
            .to_owned()),
        (_, None) => Err("no request was finished".to_owned()),
        (Pricing::Engine(engine), Some(load)) => {
            Ok(serving_bars(Catalog::builtin(), &engine.deployment, load))
        }
    }
}
