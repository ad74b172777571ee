//! Rows of a time series, in the field's terms.

use wattmill_policy::BatchLimits;
use wattmill_report::{ServedPoolRow, ServedRow, ServedServiceRow, ServedTransferRow};
use wattmill_sim::{PoolRow, Row, ServiceRow, Sketch};
use wattmill_units::{Energy, EnergyPrice, Money, Power, Seconds, SimTime};

use crate::serve::paid;

/// What the rows of a pool are told by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolTerms {
    /// Power of a replica that is on and does nothing; `None` where nothing is known of watts.
    pub(crate) idle: Option<Power>,
    /// Facility over accelerator energy.
    pub(crate) pue: f64,
    /// Price of facility energy, if it is stated.
    pub(crate) price: Option<EnergyPrice>,
    /// What an hour of a replica costs, if it is stated.
    pub(crate) replica_hour: Option<Money>,
}

/// A row, in the terms of its pools.
pub(crate) fn served_row(terms: &[PoolTerms], row: &Row) -> ServedRow {
    let mut all = ServiceRow::default();
    row.services.iter().for_each(|service| all.merge(service));
    let length = row.until.since(row.from).as_seconds();
    ServedRow {
        from: seconds(row.from),
        until: seconds(row.until),
        all: service_row(&all),
        services: row.services.iter().map(service_row).collect(),
        regions: row.regions.clone(),
        pools: terms.iter().zip(&row.pools).map(|(t, pool)| pool_row(t, pool, length)).collect(),
        transfers: ServedTransferRow {
            prompts: row.transfers.prompts,
            bytes: row.transfers.bytes as f64,
            wait: quantiles(&row.transfers.waits),
        },
    }
}

/// A quotient, so that whole milliseconds are written as such.
fn seconds(at: SimTime) -> Seconds {
    Seconds::from_s(at.as_ns() as f64 / 1e9)
}

fn service_row(row: &ServiceRow) -> ServedServiceRow {
    ServedServiceRow {
        asked: row.asked,
        finished: row.finished,
        within: row.within_limits,
        rejected: row.rejected,
        shed: row.shed,
        lost: row.lost,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        ttft: quantiles(&row.ttft),
        tpot: quantiles(&row.tpot),
    }
}

fn quantiles(sketch: &Sketch) -> Option<[Seconds; 3]> {
    let at = |q| sketch.quantile(q).map(SimTime::as_seconds);
    Some([at(0.5)?, at(0.9)?, at(0.99)?])
}

fn pool_row(terms: &PoolTerms, row: &PoolRow, length: Seconds) -> ServedPoolRow {
    let on_s = row.on_ns as f64 * 1e-9;
    let idle = terms.idle.map(|idle| Energy::from_joules(idle.as_watts() * on_s));
    let energy = idle.map(|idle| idle + row.work.dynamic_energy());
    let drawn = energy.map(|energy| energy * terms.pue);
    let paid = terms.price.and_then(|price| paid(drawn, price));
    let machines = terms.replica_hour.map(|each| each * (on_s / 3600.0));
    let limited = row.blocks_there < BatchLimits::UNLIMITED_BLOCKS;
    ServedPoolRow {
        length,
        ready: row.ready,
        turning: row.turning,
        waiting: row.waiting,
        running: row.running,
        blocks: limited.then_some((row.blocks, row.blocks_there)),
        steps: row.work.steps,
        decode_tokens: row.work.decode_tokens,
        made_tokens: row.work.output_tokens(),
        energy,
        cost: paid.zip(machines).map(|(paid, machines)| paid + machines),
    }
}
