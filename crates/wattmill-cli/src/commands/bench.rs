//! `wattmill bench`.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wattmill::catalog::Catalog;
use wattmill::report::{DayReport, day_document, day_text};
use wattmill::units::Seconds;
use wattmill::{Day, DayShard};

use super::factory::load;
use crate::args::{Bench, BenchCommand, Day as DayArgs};
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::interrupt::Interrupt;
use crate::invalid::Invalid;
use crate::progress::Progress;

/// Between two looks at how far the threads are.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &Bench) -> Outcome {
    match &args.command {
        BenchCommand::Day(args) => day(args),
    }
}

fn day(args: &DayArgs) -> Outcome {
    let catalog = Catalog::builtin();
    let loaded = load(Some(&args.factory), catalog)?;
    let requests = args.requests * args.fraction;
    let day = Day::new(&loaded.factory, catalog, requests)
        .map_err(|why| Invalid::plain(&args.factory, &[why]))?;
    let threads = args.threads.unwrap_or_else(|| {
        thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
    });
    let start = Instant::now();
    let (shards, busy) = simulate(&day, threads.min(day.shards()), requests);
    let wall = Seconds::from_s(start.elapsed().as_secs_f64());
    let total = day.total(shards);
    let interrupted = total.interrupted;
    let report = DayReport {
        model: total.model,
        system: total.system,
        replicas: total.replicas,
        accelerators_per_replica: total.accelerators_per_replica,
        replica_rate_per_s: total.replica_rate_per_s,
        shards: total.shards,
        fraction: args.fraction,
        requests: total.requests,
        slo: total.slo,
        summary: total.summary,
        threads: threads.min(total.shards),
        wall,
        busy,
        interrupted,
        seed: total.seed,
    };
    files::print(&if args.json { day_document(&report) } else { day_text(&report) })?;
    if interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Every shard in order, and the time that threads spent on them.
fn simulate(day: &Day<'_>, threads: u32, requests: f64) -> (Vec<DayShard>, Seconds) {
    let interrupt = Interrupt::install();
    let (next, handed, running) = (AtomicU32::new(0), AtomicU64::new(0), AtomicU32::new(threads));
    let done: Mutex<(Vec<(u32, DayShard)>, Duration)> = Mutex::new((Vec::new(), Duration::ZERO));
    let work = || {
        let start = Instant::now();
        while let ControlFlow::Continue(()) = interrupt.flow() {
            let shard = next.fetch_add(1, Ordering::Relaxed);
            if shard >= day.shards() {
                break;
            }
            let mut before = 0;
            let result = day.run(shard, |requests| {
                handed.fetch_add(requests - before, Ordering::Relaxed);
                before = requests;
                interrupt.flow()
            });
            done.lock().unwrap_or_else(|e| e.into_inner()).0.push((shard, result));
        }
        done.lock().unwrap_or_else(|e| e.into_inner()).1 += start.elapsed();
        running.fetch_sub(1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
        let mut bar = Progress::new("simulating");
        while running.load(Ordering::Relaxed) > 0 {
            bar.at(handed.load(Ordering::Relaxed), requests as u64);
            thread::sleep(LOOK);
        }
    });
    let (mut shards, busy) = done.into_inner().unwrap_or_else(|e| e.into_inner());
    shards.sort_by_key(|(shard, _)| *shard);
    let shards = shards.into_iter().map(|(_, shard)| shard).collect();
    (shards, Seconds::from_s(busy.as_secs_f64()))
}
