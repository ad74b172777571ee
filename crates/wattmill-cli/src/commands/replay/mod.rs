//! `wattmill replay`.

mod engine;
pub(super) mod perfetto;
pub(super) mod records;
mod saturate;
pub(super) mod shaping;
pub(super) mod source;

use std::time::Instant;

use wattmill::catalog::Catalog;
use wattmill::report::{
    PrefixCache, ReplayHeading, ReplayInputs, RequestNames, SeriesNames, ServingBars,
    replay_document, replay_page, replay_text,
};
use wattmill::sim::{Answer, AnswerTime, Finished, Limits, WorldProblem};
use wattmill::units::{Seconds, SimTime};
use wattmill::{Load, Pricing, Serving, replay, replay_watched, serving_bars};

use crate::args::Replay;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::invalid::Invalid;
use crate::known::Known;
use crate::progress::Progress;
use engine::Named;
use perfetto::Trace;
use records::{Records, write_series};
use source::Source;

pub(crate) fn run(args: &Replay) -> Outcome {
    let known = Known::open(&args.engine.calibration)?;
    let named = Named::find(args, known.catalog())?;
    let (pricing, engine) = named.pricing(args)?;
    let source = Source::open(&args.traffic)?;
    let limits = Limits {
        ttft: SimTime::from_seconds(args.slo_ttft),
        tpot: SimTime::from_seconds(args.slo_tpot),
    };
    let inputs = ReplayInputs {
        traffic: source.traffic.clone(),
        shaping: shaping::told(&args.traffic.shaping),
        engine,
        replicas: args.replicas,
        router: args.router.name(),
        prefix: None,
        shed: 0,
        cache: pricing.cache(),
        slo: (args.slo_ttft, args.slo_tpot),
        requests: source.total(&args.traffic),
        wall: Seconds::ZERO,
        interrupted: false,
        bars: Err("no request was finished".to_owned()),
        rows: Vec::new(),
        warnings: source.warnings.iter().cloned().chain(pricing.warnings()).collect(),
        calibration: known.calibration().cloned(),
    };
    if let Some(share) = args.saturate {
        return saturate::run(args, share, &known, &pricing, &source, inputs, limits);
    }
    let create = |path| Records::create(path, &RequestNames::default());
    let mut out = args.out.as_deref().map(create).transpose()?;
    let trace = Trace::create(&args.steps)?;

    let started = Instant::now();
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("simulating");
    let mut failed = Ok(());
    let record = |replica: u32, done: &Finished| {
        if let (Some(out), true) = (&mut out, failed.is_ok()) {
            let (service, region, pool) = (0, 0, 0);
            let answer = Answer { done: *done, service, region, pool, replica, resends: 0 };
            failed = out.write(replica, &answer);
        }
    };
    let total = source.total(&args.traffic);
    let asks = source.iter(&args.traffic, source.profile(), expected(args));
    let row = row(args, &source)?;
    // A series cuts the run into its rows: only where somebody reads them.
    let read = args.output.json || args.output.html.is_some() || args.series.is_some();
    let row = read.then_some(row);
    let (serving, limits) = (Serving { row, ..serving(args) }, Some(limits));
    let go = |progress: wattmill::sim::Progress| {
        bar.at(progress.requests, total);
        interrupt.flow()
    };
    let replayed = match trace {
        None => replay(&pricing, &serving, limits, asks, record, go).map(|done| (done, None)),
        Some(trace) => {
            let heading = ReplayHeading::from(&inputs);
            let traced = pricing.traced(&heading.requests, &heading.engine, args.replicas);
            let (name, watch) = (trace.name(), trace.watch(traced));
            replay_watched(&pricing, &serving, limits, asks, watch, record, go)
                .map(|(done, watch)| (done, Some((watch, name))))
        }
    };
    drop(bar);
    let (replayed, watched) = replayed.map_err(|problems| cannot_be(&problems))?;
    failed?;
    if let Some((watch, name)) = watched {
        perfetto::finish(watch, &name)?;
    }
    if let Some(out) = out {
        out.finish()?;
    }
    if let Some(path) = &args.series {
        let names = SeriesNames {
            services: vec!["requests".to_owned()],
            pools: vec![("replicas".to_owned(), None)],
        };
        write_series(path, &names, &replayed.rows)?;
    }

    let mut warnings = inputs.warnings.clone();
    if replayed.shed > 0 {
        let warning = turned_away(args, replayed.shed, replayed.requests);
        files::tell(&format!("warning: {warning}\n"));
        warnings.push(warning);
    }
    let inputs = ReplayInputs {
        warnings,
        requests: replayed.requests,
        shed: replayed.shed,
        prefix: args.prefix_caching.then(|| PrefixCache::of(&replayed.usage)),
        wall: Seconds::from_s(started.elapsed().as_secs_f64()),
        interrupted: replayed.interrupted,
        bars: bars(&pricing, Load::of(&replayed.summary)),
        rows: replayed.rows,
        ..inputs
    };
    let heading = ReplayHeading::from(&inputs);
    if let Some(path) = &args.output.html {
        files::write(
            path,
            &replay_page(&heading, &replayed.summary, &replayed.tally, &inputs.rows),
        )?;
    }
    files::print(&if args.output.json {
        replay_document(&inputs, &replayed.summary, &replayed.tally)
    } else {
        known.told(&replay_text(&heading, &replayed.summary))
    })?;
    if replayed.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// What a reader should know of requests that found a full queue.
fn turned_away(args: &Replay, shed: u64, requests: u64) -> String {
    let (who, flag) = match args.most_waiting {
        Some(most) => (format!("{most} others waiting"), "--most-waiting"),
        None => (format!("{} others waiting at their replica", args.queue), "--queue"),
    };
    format!(
        "{shed} of {requests} requests found {who} and were turned away: the load is beyond what the \
         replicas serve; latencies are those of the others. {flag} sets how many may wait"
    )
}

/// What conversations take their answers to need.
const fn expected(args: &Replay) -> AnswerTime {
    AnswerTime { first: args.slo_ttft, per_token: args.slo_tpot }
}

/// Rows of a time series that are not too many to read, and the most there may be.
const ROWS: u64 = 10_000;
const MOST_ROWS: u64 = 1_000_000;

/// Length of a row of the time series: as the flag says; else a minute, or an hour or a day where
/// those were more than anybody reads.
fn row(args: &Replay, source: &Source) -> Result<SimTime, Failure> {
    let span = source.span(&args.traffic).as_ns();
    let Some(row) = args.row else {
        let lengths = [1, 60].map(|minutes| Seconds::from_s(60.0 * f64::from(minutes)));
        let lengths = lengths.map(SimTime::from_seconds);
        let fits = lengths.into_iter().find(|row| span / row.as_ns() <= ROWS);
        return Ok(fits.unwrap_or(SimTime::from_seconds(Seconds::from_days(1.0))));
    };
    let row = SimTime::from_seconds(row);
    if row == SimTime::ZERO || span / row.as_ns() > MOST_ROWS {
        return Err(Failure::Usage(format!(
            "--row {row} makes more than {MOST_ROWS} rows; make them longer"
        )));
    }
    Ok(row)
}

/// How the flags spread the requests.
fn serving(args: &Replay) -> Serving {
    Serving {
        replicas: args.replicas,
        router: args.router,
        prefix_caching: args.prefix_caching,
        own_batches: args.own_batches,
        most_waiting: args.most_waiting,
        most_queued: args.queue,
        row: None,
    }
}

/// What is wrong with the replicas.
fn cannot_be(problems: &[WorldProblem]) -> Failure {
    let problems: Vec<_> = problems.iter().map(|problem| (problem.to_string(), None)).collect();
    Invalid::plain("the replicas", &problems).into()
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
