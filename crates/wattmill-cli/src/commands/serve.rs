//! `wattmill serve`.

use std::time::Instant;

use wattmill::config::FleetPool;
use wattmill::report::{
    RequestNames, SeriesNames, ServeReport, serve_document, serve_page, serve_text,
};
use wattmill::sim::{Answer, AnswerTime};
use wattmill::units::Seconds;
use wattmill::{check_fleet, serve, serve_watched};

use super::replay::perfetto::{self, Trace};
use super::replay::records::{Records, write_series};
use super::replay::shaping;
use super::replay::source::Source;
use crate::args::Serve;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::invalid::{Invalid, colored};
use crate::known::Known;
use crate::progress::Progress;

pub(crate) fn run(args: &Serve) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let named = files::fleet(&args.fleet)?;
    let checked = check_fleet(&named.text, known.catalog());
    let Some(fleet) = checked.fleet else {
        return Err(Invalid::text(&named, &checked.diagnostics).into());
    };
    files::tell(&checked.diagnostics.render(&named.name, &named.text, colored()));
    let traffic = &args.traffic;
    let source = Source::open(traffic)?;
    let pool = |pool: &FleetPool| (pool.name.clone(), fleet.sites[pool.site].name.clone());
    let names = RequestNames {
        services: fleet.services.iter().map(|service| service.name.clone()).collect(),
        regions: fleet.regions.iter().map(|region| region.name.clone()).collect(),
        pools: fleet.pools.iter().map(pool).collect(),
    };
    let create = |path| Records::create(path, &names);
    let mut out = args.out.as_deref().map(create).transpose()?;
    let trace = Trace::create(&args.steps)?;

    let started = Instant::now();
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("simulating");
    let total = source.total(traffic);
    // Replicas are numbered through all pools.
    let firsts: Vec<u32> = fleet
        .pools
        .iter()
        .scan(0, |next, pool| {
            let first = *next;
            *next += pool.scale.map_or(pool.replicas, |scale| scale.maximum);
            Some(first)
        })
        .collect();
    let mut failed = Ok(());
    let record = |answer: &Answer| {
        if let (Some(out), true) = (&mut out, failed.is_ok()) {
            let replica = firsts[usize::from(answer.pool)] + answer.replica;
            failed = out.write(replica, answer);
        }
    };
    // Conversations go on as if answers took what the first service promises.
    let slo = fleet.services[0].slo;
    let expected = AnswerTime { first: slo.ttft, per_token: slo.tpot };
    let group = |id| source.group(id);
    let asks = source.iter(traffic, source.profile(), expected);
    let go = |progress: wattmill::sim::Progress| {
        bar.at(progress.requests, total);
        interrupt.flow()
    };
    let served = match trace {
        None => serve(&fleet, known.catalog(), asks, group, record, go).map(|done| (done, None)),
        Some(trace) => {
            let name = trace.name();
            let watch = |traced| trace.watch(traced);
            serve_watched(&fleet, known.catalog(), asks, group, watch, record, go)
                .map(|(done, watch)| (done, Some((watch, name))))
        }
    };
    drop(bar);
    let (served, watched) = served.map_err(|problems| {
        let problems: Vec<_> = problems.into_iter().map(|problem| (problem, None)).collect();
        Failure::from(Invalid::plain(&named.name, &problems))
    })?;
    failed?;
    if let Some((watch, name)) = watched {
        perfetto::finish(watch, &name)?;
    }
    for warning in &served.warnings {
        files::tell(&format!("warning: {warning}\n"));
    }
    if let Some(out) = out {
        out.finish()?;
    }
    if let Some(path) = &args.series {
        let pools = names.pools.into_iter().map(|(pool, site)| (pool, Some(site))).collect();
        write_series(path, &SeriesNames { services: names.services, pools }, &served.rows)?;
    }
    let interrupted = served.interrupted;
    let report = ServeReport {
        fleet: fleet.name.clone(),
        fleet_seed: fleet.seed,
        traffic: source.traffic.clone(),
        shaping: shaping::told(&traffic.shaping),
        warnings: source.warnings.iter().chain(&served.warnings).cloned().collect(),
        served,
        wall: Seconds::from_s(started.elapsed().as_secs_f64()),
        calibration: known.calibration().cloned(),
    };
    if let Some(path) = &args.output.html {
        files::write(path, &serve_page(&report))?;
    }
    files::print(&if args.output.json {
        serve_document(&report)
    } else {
        known.told(&serve_text(&report))
    })?;
    if interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}
