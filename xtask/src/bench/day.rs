//! A day of the world's chat.

use std::ops::ControlFlow;

use anyhow::{Context, Result, anyhow};
use wattmill::Day;
use wattmill::catalog::Catalog;
use wattmill::config::{builtin_factory, parse_factory};

use super::figures::figure;
use super::{Figure, cpu, floor};

/// Requests of the whole day.
const REQUESTS: f64 = 2.6e9;
/// What is simulated of it: one shard's worth.
const FRACTION: f64 = 0.004;
/// Cores that the time of the whole day is told for.
const CORES: f64 = 2.0;

/// `wattmill bench day --fraction 0.004 --threads 1`, and the time of the whole day at that speed.
pub(super) fn day() -> Result<Vec<Figure>> {
    let text = builtin_factory("ten-gigawatt").context("not built in")?;
    let catalog = Catalog::builtin();
    let factory = parse_factory(text, catalog).factory.context("it is not sound")?;
    let day = Day::new(&factory, catalog, REQUESTS * FRACTION).map_err(|(why, _)| anyhow!(why))?;
    let start = cpu::seconds();
    let shards = (0..day.shards()).map(|shard| day.run(shard, |_| ControlFlow::Continue(())));
    let total = day.total(shards);
    let time = cpu::seconds() - start;
    let resident = cpu::peak_resident_mb()?;
    let requests = total.requests as f64;
    let hash = total.summary.answer_hash;
    let ratio = time / (floor::per_request() * requests);
    let whole = time * REQUESTS / requests / CORES / 60.0;
    Ok(vec![
        figure("day", requests / time / 1e6, "M requests/CPU-s", ratio, hash),
        figure("day/whole", whole, "min on two cores at this", ratio, hash),
        figure("day/resident", resident, "MB resident", ratio, hash),
    ])
}
