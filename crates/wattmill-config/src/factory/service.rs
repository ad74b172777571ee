//! `[[service]]` and `[[training]]`.

use jiff::civil::Date;
use wattmill_factory::{Service, Slo, Training};
use wattmill_units::Money;

use super::context::Context;
use super::engine;
use super::own::Own;
use super::row::Row;
use super::traffic;

/// One `[[service]]`.
pub(super) fn service(cx: &mut Context<'_>, row: &Row<'_>, own: &Own) -> Option<Service> {
    let name = row.text(cx, "name");
    let model = own.model(cx, row, "model");
    let slo = row.table(cx, "slo").and_then(|row| slo(cx, &row));
    let users = row.table(cx, "users");
    let traffic = users.and_then(|users| traffic::traffic(cx, &users, model.as_ref()));
    let engine = engine::engine(cx, row);
    let price = row.measured(cx, "price", |text| text);
    let _ = row.text(cx, "source");
    Some(Service {
        name: name?,
        model: model?,
        slo: slo?,
        traffic: traffic?,
        engine: engine?,
        price_per_million_output: price.map(Money::from_usd),
    })
}

pub(super) fn slo(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Slo> {
    let (ttft, tpot) = (row.quantity(cx, "ttft"), row.quantity(cx, "tpot"));
    let quantile = row.percentile(cx, "at");
    Some(Slo { ttft: ttft?, tpot: tpot?, quantile: quantile? })
}

/// One `[[training]]`; `plan_start` is when a run without a date may begin.
pub(super) fn training(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    own: &Own,
    plan_start: Option<Date>,
) -> Option<Training> {
    let name = row.text(cx, "name");
    let model = own.model(cx, row, "model");
    let tokens = row.count(cx, "tokens");
    let accelerators = row.small(cx, "gpus");
    let from = if row.has("from") { row.date(cx, "from") } else { plan_start };
    let precision = engine::precision(cx, row, "precision");
    let mfu = row.number(cx, "mfu");
    let _ = row.text(cx, "source");
    Some(Training {
        name: name?,
        model: model?,
        tokens: tokens?,
        accelerators: accelerators?,
        from: from?,
        precision: precision?,
        mfu: mfu?,
    })
}
