//! `[[contract]]` and `[economics]`.

use wattmill_factory::{Contract, Economics, Payment};
use wattmill_units::Money;

use super::context::Context;
use super::row::Row;

/// Either kind of `[[contract]]`.
#[derive(Debug)]
pub(super) enum Paid {
    /// Step by step as power is deployed.
    ByPower(Contract),
    /// On a day.
    OnDate(Payment),
}

/// One `[[contract]]`.
pub(super) fn contract(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Paid> {
    let kind = row.choice(cx, "kind");
    let from = row.text(cx, "from");
    let amount = row.quantity::<Money>(cx, "amount");
    let deployed =
        |text: &str| -> usize { text.strip_suffix("deployed").unwrap_or(text).trim_end().len() };
    let for_each = row.measured(cx, "for_each", |text| &text[..deployed(text)]);
    let up_to = row.quantity::<Money>(cx, "up_to");
    let on = row.date(cx, "on");
    let _ = row.text(cx, "source");
    let kind = kind?;
    let (needed, others): (_, &[&str]) =
        if kind == "equity" { ("on", &["for_each", "up_to"]) } else { ("for_each", &["on"]) };
    if !row.has_or_means(needed) {
        cx.missing(
            row.header(),
            format!("contract of kind `{kind}` has no `{needed}`"),
            format!("`{needed}` is needed here"),
            format!("add `{needed} = {}`", row.example(needed)),
        );
    }
    for other in others.iter().filter(|key| row.has(key)) {
        cx.error(
            row.span(other),
            format!("`{other}` in a contract of kind `{kind}`"),
            "has no meaning here",
            format!("take `{other}` away, or change `kind`"),
        );
    }
    let (from, amount) = (from?, amount?);
    if let Some(most) = up_to
        && most < amount
    {
        cx.error(
            row.span("up_to"),
            format!("`up_to` {most} is below `amount` {amount}"),
            "less than one step",
            "raise `up_to`, or lower `amount`",
        );
    }
    Some(if kind == "equity" {
        Paid::OnDate(Payment { from, amount, on: on? })
    } else {
        Paid::ByPower(Contract {
            from,
            amount,
            for_each: wattmill_units::Power::from_watts(for_each?),
            up_to,
        })
    })
}

/// `[economics]`, or its defaults.
pub(super) fn economics(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Economics> {
    let row = file.table_or_defaults(cx, "economics")?;
    let price_year = row.whole(cx, "price_year");
    let infrastructure = row.measured(cx, "infrastructure", |text| text);
    let accelerator_price = row.quantity(cx, "accelerator_price");
    let operations = row.measured(cx, "operations", |text| text);
    let discount = row.measured(cx, "discount", |text| text);
    let machine_life = row.quantity(cx, "machine_life");
    let infrastructure_life = row.quantity(cx, "infrastructure_life");
    let _ = row.text(cx, "source");
    Some(Economics {
        price_year: i16::try_from(price_year?).ok()?,
        infrastructure_usd_per_w: infrastructure?,
        accelerator_price: accelerator_price?,
        operations_per_year: operations?,
        discount_per_year: discount?,
        machine_life: machine_life?,
        infrastructure_life: infrastructure_life?,
    })
}
