//! `[[service]]` and `[[training]]`.

use jiff::civil::Date;
use wattmill_factory::{Service, Slo, Subscription, Training};
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
    let counted = users.as_ref().is_none_or(|users| users.has_or_means("weekly"));
    let traffic = users.and_then(|users| traffic::traffic(cx, &users, model.as_ref()));
    let engine = engine::engine(cx, row);
    let price = row.measured(cx, "price", |text| text);
    let batch = row.flag(cx, "batch");
    let asked = elasticity(cx, row, price);
    let subscription = match row.table(cx, "subscription") {
        Some(row) => Some(subscription(cx, &row, counted)?),
        None if row.has("subscription") => return None,
        None => None,
    };
    let _ = row.text(cx, "source");
    Some(Service {
        name: name?,
        model: model?,
        slo: slo?,
        traffic: traffic.zip(asked).map(|(mut traffic, asked)| {
            traffic.requests_per_day *= asked;
            traffic
        })?,
        engine: engine?,
        price_per_million_output: price.map(Money::from_usd),
        subscription,
        batch: batch?,
    })
}

/// What users pay by the month; of users who are `counted`.
fn subscription(cx: &mut Context<'_>, row: &Row<'_>, counted: bool) -> Option<Subscription> {
    let (monthly, paying) = (row.quantity(cx, "monthly"), row.number(cx, "paying"));
    let _ = row.text(cx, "source");
    if !counted {
        cx.missing(
            row.header(),
            "a subscription, and nobody counts who has one",
            "users are needed here",
            "add `weekly` to `users`, such as `weekly = \"700 M\"`",
        );
    }
    Some(Subscription { monthly: monthly?, paying: paying? })
}

/// How much of what `users` say is asked at this price.
fn elasticity(cx: &mut Context<'_>, row: &Row<'_>, price: Option<f64>) -> Option<f64> {
    let (elasticity, reference) =
        (row.number(cx, "elasticity"), row.measured(cx, "reference_price", |text| text));
    let both = ["elasticity", "reference_price"];
    if !both.into_iter().any(|key| row.has(key)) {
        return Some(1.0);
    }
    for key in ["price", "elasticity", "reference_price"] {
        if !row.has_or_means(key) {
            let written = both.into_iter().find(|key| row.has(key)).unwrap_or("elasticity");
            cx.missing(
                row.span(written),
                format!("`{written}` without `{key}`"),
                format!("`{key}` is needed too"),
                format!("add `{key} = {}`, or take `{written}` away", row.example(key)),
            );
        }
    }
    let dear = price? / reference?;
    if dear <= 0.0 {
        cx.error(
            row.span("price"),
            "what costs nothing is asked without end",
            "no price to be elastic to",
            "raise `price`, or take `elasticity` away",
        );
        return None;
    }
    Some(libm::pow(dear, elasticity?))
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
    let accelerators = row.count(cx, "gpus");
    let from = if row.has("from") { row.date(cx, "from") } else { plan_start };
    let precision = engine::precision(cx, row, "precision");
    let mfu = row.number(cx, "mfu");
    let _ = row.text(cx, "source");
    Some(Training {
        name: name?,
        model: model?,
        tokens: tokens?,
        // What is drawn lies between two of them.
        accelerators: accelerators?.round() as u32,
        from: from?,
        precision: precision?,
        mfu: mfu?,
    })
}
