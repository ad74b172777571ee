//! `[[contract]]`, `[[event]]`, `[[currency]]` and `[economics]`.

use jiff::civil::Date;
use toml::de::DeValue;
use wattmill_factory::{
    Contract, Covers, Deal, DealKind, Economics, Event, PartLives, PartShares, Payment, Service,
    Site, US, Uncertain, Written,
};
use wattmill_units::{Distribution, Id, IdVec, Money, Power, Seconds};

use super::context::Context;
use super::row::Row;

/// Any kind of `[[contract]]`.
#[derive(Debug)]
pub(super) enum Paid {
    /// Step by step as power is deployed.
    ByPower(Contract),
    /// On a day.
    OnDate(Payment),
    /// Over time.
    OverTime(Deal),
}

/// What contracts name, and what their amounts are counted in.
pub(super) struct Terms<'a> {
    pub start: Date,
    pub sites: &'a IdVec<Option<Site>>,
    pub services: &'a IdVec<Service>,
    pub events: &'a [Event],
    pub currencies: &'a [(String, f64)],
    pub price_year: i16,
    pub inflation: f64,
    /// Contracts that pay over time, with what they are called.
    pub deals: &'a [String],
}

/// Keys that only some kinds have, and which kinds these are.
const KEYS: [(&str, &[&str]); 11] = [
    ("amount", &["investment", "equity"]),
    ("for_each", &["investment"]),
    ("yearly", &["lease", "capacity"]),
    ("share", &["loan", "revenue share"]),
    ("covers", &["loan"]),
    ("rate", &["loan"]),
    ("minimum", &["capacity"]),
    ("site", &["lease"]),
    ("service", &["revenue share"]),
    ("ramp", &["lease", "capacity"]),
    ("after", &["loan", "lease", "capacity", "revenue share"]),
];

/// Keys that a kind has to have.
const fn needed(kind: &str) -> &'static [&'static str] {
    match kind.as_bytes() {
        b"investment" => &["from", "amount", "for_each"],
        b"equity" => &["from", "amount", "on"],
        b"loan" => &["from", "share", "rate", "term"],
        b"lease" => &["to", "yearly"],
        b"capacity" => &["yearly"],
        _ => &["to", "share"],
    }
}

/// Whether contracts of this kind pay over time.
pub(super) fn is_deal(row: &Row<'_>) -> bool {
    !matches!(row.plain_text("kind"), None | Some("investment" | "equity"))
}

/// One `[[contract]]`; `called` is its name, or stands for it.
pub(super) fn contract(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    called: &str,
    terms: &Terms<'_>,
) -> Option<Paid> {
    let kind = row.choice(cx, "kind");
    let _ = row.text(cx, "name");
    let (from, to) = (row.text(cx, "from"), row.text(cx, "to"));
    let deployed =
        |text: &str| -> usize { text.strip_suffix("deployed").unwrap_or(text).trim_end().len() };
    let for_each = row.measured(cx, "for_each", |text| &text[..deployed(text)]);
    let [amount, yearly, up_to] =
        ["amount", "yearly", "up_to"].map(|key| money(cx, row, key, terms));
    let share = row.number(cx, "share");
    let covers = row.choice(cx, "covers");
    let rate = row.measured(cx, "rate", |text| text);
    let minimum = row.number(cx, "minimum");
    let on = row.date(cx, "on");
    let term = row.quantity::<Seconds>(cx, "term");
    let ramp = row.quantity::<Seconds>(cx, "ramp");
    let [begins, ends] = ["begins", "ends"].map(|key| event_of(cx, row, key, terms.events));
    let after = named(cx, row, "after", "contract that pays over time", terms.deals.iter());
    let site = named(cx, row, "site", "site", terms.sites.iter().flatten().map(|site| &site.name));
    let service = named(cx, row, "service", "service", terms.services.iter().map(|s| &s.name));
    let _ = row.text(cx, "source");
    let kind = kind?;
    for needed in needed(kind).iter().filter(|key| !row.has_or_means(key)) {
        cx.missing(
            row.header(),
            format!("contract of kind `{kind}` has no `{needed}`"),
            format!("`{needed}` is needed here"),
            format!("add `{needed} = {}`", row.example(needed)),
        );
    }
    let alien = KEYS.iter().filter(|(key, kinds)| row.has(key) && !kinds.contains(&kind));
    let equity_only = ["up_to", "term", "begins", "ends"].into_iter().filter(|key| row.has(key));
    let more = equity_only.filter(|_| kind == "equity");
    let on_too = ["on", "term"].into_iter().filter(|key| kind == "investment" && row.has(key));
    for other in alien.map(|(key, _)| *key).chain(more).chain(on_too) {
        cx.error(
            row.span(other),
            format!("`{other}` in a contract of kind `{kind}`"),
            "has no meaning here",
            format!("take `{other}` away, or change `kind`"),
        );
    }
    let (from, to) = (from?, to?);
    if from == to {
        let at = if row.has("to") { "to" } else { "from" };
        cx.error(
            row.span(at),
            format!("`{from}` pays itself"),
            "both sides of the contract",
            "name the other side in `from` or `to`; we are called `us`",
        );
        return None;
    }
    if let (Some(most), Some(amount)) = (up_to, amount)
        && most < amount
    {
        cx.error(
            row.span("up_to"),
            format!("`up_to` {most} is below `amount` {amount}"),
            "less than one step",
            "raise `up_to`, or lower `amount`",
        );
    }
    let (begins, ends) = (begins?, ends?);
    let first = match begins {
        Happens::Always => Some(on.unwrap_or(terms.start)),
        Happens::On(day) => Some(on.map_or(day, |on| on.max(day))),
        Happens::Never => None,
    };
    let ends = match ends {
        Happens::On(day) => Some(day),
        Happens::Always | Happens::Never => None,
    };
    if kind == "equity" {
        return Some(Paid::OnDate(Payment { from, to, amount: amount?, on: on? }));
    }
    if kind == "investment" {
        let for_each = Power::from_watts(for_each?);
        // What was paid before the plan is not known to the day.
        let begins = first.map(|day| if begins == Happens::Always { Date::MIN } else { day });
        let contract = Contract { from, to, amount: amount?, for_each, up_to, begins, ends };
        return Some(Paid::ByPower(contract));
    }
    let kind = match kind {
        "loan" => DealKind::Loan {
            share: share?,
            covers: match covers? {
                "machines" => Covers::Machines,
                "infrastructure" => Covers::Infrastructure,
                _ => Covers::All,
            },
            rate: rate?,
        },
        "lease" => DealKind::Lease { yearly: yearly?, site: site?.map(Id::from_index) },
        "capacity" => DealKind::Capacity { yearly: yearly?, minimum: minimum? },
        _ => DealKind::RevenueShare { share: share?, service: service?.map(Id::from_index) },
    };
    Some(Paid::OverTime(Deal {
        name: called.to_owned(),
        kind,
        from,
        to,
        begins: first,
        ends,
        after: after?.map(Id::from_index),
        term,
        ramp: ramp?,
        up_to,
    }))
}

/// An amount in dollars of the plan's price year.
fn money(cx: &mut Context<'_>, row: &Row<'_>, key: &str, terms: &Terms<'_>) -> Option<Money> {
    let year = row.whole(cx, "price_year").and_then(|year| i16::try_from(year).ok());
    let years = year.map_or(0, |year| i32::from(terms.price_year) - i32::from(year));
    let dearer = libm::pow(1.0 + terms.inflation, f64::from(years));
    let text = row.plain_text(key).unwrap_or_default();
    let other = terms.currencies.iter().find(|(code, _)| text.trim_end().ends_with(code.as_str()));
    if let Some((code, usd)) = other {
        let in_usd = format!("{}USD", text.trim_end().trim_end_matches(code.as_str()));
        if let Ok(amount) = in_usd.parse::<Money>()
            && amount > Money::ZERO
        {
            return Some(amount * (usd * dearer));
        }
    }
    row.quantity::<Money>(cx, key).map(|amount| amount * dearer)
}

/// Whether and when an event happens that a contract names.
#[derive(Clone, Copy, PartialEq)]
enum Happens {
    /// No event is named.
    Always,
    On(Date),
    Never,
}

fn event_of(cx: &mut Context<'_>, row: &Row<'_>, key: &str, events: &[Event]) -> Option<Happens> {
    let found = named(cx, row, key, "event", events.iter().map(|event| &event.name))?;
    Some(
        found.map_or(Happens::Always, |index| events[index].on.map_or(Happens::Never, Happens::On)),
    )
}

/// Which of `names` a key names; none if the file does not write it.
fn named<'n>(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    key: &str,
    what: &str,
    names: impl Iterator<Item = &'n String> + Clone,
) -> Option<Option<usize>> {
    if !row.has(key) {
        return Some(None);
    }
    let wanted = row.text(cx, key)?;
    let found = names.clone().position(|name| *name == wanted);
    if found.is_none() {
        let meant = cx.closest(&wanted, names.map(String::as_str));
        let label = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("no such {what}"),
        };
        cx.missing(
            row.span(key),
            format!("there is no {what} `{wanted}`"),
            label,
            format!("`{key}` names one {what} of this file"),
        );
        return None;
    }
    Some(found)
}

/// Contracts that wait for each other in a circle: the first of each circle is told.
pub(super) fn circles(cx: &mut Context<'_>, deals: &IdVec<Deal>, rows: &[&Row<'_>]) {
    let mut told: Vec<usize> = Vec::new();
    for start in deals.ids() {
        let mut path = vec![start.index()];
        let mut next = deals[start].after;
        while let Some(id) = next {
            if id == start {
                if !path.iter().any(|index| told.contains(index)) {
                    let names =
                        path.iter().map(|i| format!("`{}`", deals[Id::from_index(*i)].name));
                    let names: Vec<String> = names.collect();
                    cx.error(
                        rows[start.index()].span("after"),
                        format!("contracts wait for each other: {}", names.join(" after ")),
                        format!("and that after {} again", names[0]),
                        "take `after` away from one of them, or give it `on`",
                    );
                    told.extend(path);
                }
                break;
            }
            if path.contains(&id.index()) {
                break;
            }
            path.push(id.index());
            next = deals[id].after;
        }
    }
}

/// Every `[[event]]`; whether one happens is drawn like anything else that is not known.
pub(super) fn events(cx: &mut Context<'_>, rows: &[Row<'_>]) -> Option<Vec<Event>> {
    super::check::duplicates(cx, rows);
    let read: Vec<Option<Event>> = rows.iter().map(|row| event(cx, row)).collect();
    read.into_iter().collect()
}

fn event(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Event> {
    let name = row.text(cx, "name");
    let on = row.date(cx, "on");
    let defaults = row.text(cx, "defaults");
    let _ = row.text(cx, "source");
    let at = row.span("chance").start;
    let happens = match (row.has("chance"), cx.drawn(at)) {
        (true, Some(drawn)) => drawn > 0.5,
        _ => {
            let chance = row.number(cx, "chance")?;
            let plain = !matches!(row.raw("chance").map(|v| v.get_ref()), Some(DeValue::Table(_)));
            if plain && chance > 0.0 && chance < 1.0 {
                let path = row.path("chance");
                let distribution = Distribution::Discrete(vec![(0.0, 1.0 - chance), (1.0, 1.0)]);
                cx.uncertain.push((at, Uncertain { path, distribution, written: Written::Number }));
            }
            chance >= 0.5
        }
    };
    let on_day = happens.then_some(on).flatten();
    Some(Event { name: name?, on: on_day, defaults }).filter(|_| on.is_some())
}

/// Events in which someone defaults that is a side of no contract.
pub(super) fn defaults<'n>(
    cx: &mut Context<'_>,
    rows: &[Row<'_>],
    sides: impl Iterator<Item = &'n str> + Clone,
) {
    for row in rows {
        let Some(named) = row.plain_text("defaults") else { continue };
        if named == US || !sides.clone().any(|side| side == named) {
            let others = sides.clone().filter(|side| *side != US);
            let label = match cx.closest(named, others) {
                _ if named == US => "this is the programme itself".to_owned(),
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "a side of no contract".to_owned(),
            };
            cx.error(
                row.span("defaults"),
                format!("`{named}` owes nobody anything that could be defaulted on"),
                label,
                "name who is `from` or `to` in a `[[contract]]` of this file",
            );
        }
    }
}

/// Every `[[currency]]` and its dollars.
pub(super) fn currencies(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Vec<(String, f64)>> {
    let rows = file.tables(cx, "currency");
    super::check::duplicates(cx, &rows);
    let read = rows.iter().map(|row| {
        let (name, usd) = (row.text(cx, "name"), row.number(cx, "usd"));
        let _ = row.text(cx, "source");
        Some((name?, usd?))
    });
    read.collect::<Vec<Option<_>>>().into_iter().collect()
}

/// `[economics]`, or its defaults.
pub(super) fn economics(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Economics> {
    let row = file.table_or_defaults(cx, "economics")?;
    let price_year = row.whole(cx, "price_year");
    let infrastructure = row.measured(cx, "infrastructure", |text| text);
    let accelerator_price = row.quantity(cx, "accelerator_price");
    let operations = row.measured(cx, "operations", |text| text);
    let discount = row.measured(cx, "discount", |text| text);
    let inflation = row.measured(cx, "inflation", |text| text);
    let [network, power, cooling] =
        ["network_share", "power_share", "cooling_share"].map(|key| row.number(cx, key));
    let machine_life = row.quantity(cx, "machine_life");
    let infrastructure_life = row.quantity(cx, "infrastructure_life");
    let lives = PartLives {
        network: row.quantity(cx, "network_life"),
        power: row.quantity(cx, "power_life"),
        cooling: row.quantity(cx, "cooling_life"),
        building: row.quantity(cx, "building_life"),
    };
    let _ = row.text(cx, "source");
    let shares = PartShares { network: network?, power: power?, cooling: cooling? };
    if shares.power + shares.cooling > 1.0 {
        let at = if row.has("cooling_share") { "cooling_share" } else { "power_share" };
        cx.error(
            row.span(at),
            "`power_share` and `cooling_share` are more than all infrastructure",
            format!("together {}", shares.power + shares.cooling),
            "lower one of them; what they leave is building and land",
        );
    }
    Some(Economics {
        price_year: i16::try_from(price_year?).ok()?,
        infrastructure_usd_per_w: infrastructure?,
        accelerator_price: accelerator_price?,
        operations_per_year: operations?,
        discount_per_year: discount?,
        inflation_per_year: inflation?,
        machine_life: machine_life?,
        infrastructure_life: infrastructure_life?,
        shares,
        lives,
    })
}

#[cfg(test)]
mod tests;
