//! The fleet file: sites, pools, regions, services, and what happens to them.

mod pool;

#[cfg(test)]
mod tests;

use toml::de::DeTable;
use wattmill_catalog::{Catalog, Model};
use wattmill_factory::{EngineChoice, Hardware, PowerCap, Slo};
use wattmill_policy::{CapOrder, Preference, RouterKind, SiteRules};
use wattmill_units::{CarbonIntensity, EnergyPrice, Money, Power, Ratio, Seconds, SimTime};

use super::context::Context;
use super::own::Own;
use super::row::{Row, SizeOrShare};
use super::{Spans, check, keys, some_tables};
use super::{service as services, traffic};
use crate::Diagnostics;

/// A fleet as a file describes it.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What people call it.
    pub name: String,
    /// Seed of failures, routers and regions.
    pub seed: u64,
    /// Which of the sites that could answer does.
    pub choice: SiteRules,
    /// How often a request is sent again after its replica or site was lost.
    pub most_resends: u8,
    /// Length of a row of the time series.
    pub row: SimTime,
    /// Where machines stand.
    pub sites: Vec<FleetSite>,
    /// Who rents machines out.
    pub providers: Vec<FleetProvider>,
    /// Replicas behind routers.
    pub pools: Vec<FleetPool>,
    /// Who asks; none: everybody is beside every site.
    pub regions: Vec<FleetRegion>,
    /// What is asked for.
    pub services: Vec<FleetService>,
}

/// A place with machines.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSite {
    /// Unique name.
    pub name: String,
    /// Price of energy at the meter, if stated.
    pub price: Option<EnergyPrice>,
    /// Emissions of energy at the meter, if stated.
    pub carbon: Option<CarbonIntensity>,
    /// Facility energy over that of accelerators.
    pub pue: f64,
    /// When it is lost, and from when it is back ([`SimTime::MAX`]: never).
    pub outages: Vec<(SimTime, SimTime)>,
    /// Facility power that the accelerators of its pools may draw; `None`: all their limits.
    pub power: Option<Power>,
    /// How that is shared.
    pub shared: CapOrder,
    /// When it may draw less.
    pub curtailments: Vec<FleetCurtailment>,
}

/// A time in which a site may draw less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetCurtailment {
    /// Which of the file's, from 0: its name among the file's spans.
    pub index: usize,
    /// What it may draw: facility power, or a part of what it otherwise may.
    pub power: PowerCap,
    /// Its begin.
    pub from: SimTime,
    /// Its end.
    pub until: SimTime,
}

/// Who rents machines out.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetProvider {
    /// Unique name.
    pub name: String,
    /// What an accelerator costs for an hour, where a pool does not say otherwise.
    pub accelerator_hour: Option<Money>,
    /// Whether that pays for the energy.
    pub energy_included: bool,
}

/// Equal replicas behind one router.
#[derive(Clone, Debug)]
pub struct FleetPool {
    /// Unique name.
    pub name: String,
    /// Its site, by place in the list.
    pub site: usize,
    /// Services that it answers, by place in the list.
    pub services: Vec<usize>,
    /// What it runs.
    pub model: Model,
    /// On what.
    pub hardware: Hardware,
    /// How one replica is laid out.
    pub engine: EngineChoice,
    /// Replicas that stand ready at the start.
    pub replicas: u32,
    /// Who chooses the replica.
    pub router: RouterKind,
    /// Whether each attention group has a batch of its own.
    pub own_batches: bool,
    /// Whether blocks are kept for prompts that begin alike.
    pub prefix_caching: bool,
    /// Which part of a request it does.
    pub role: PoolRole,
    /// From starting a replica to its first request.
    pub start_up: SimTime,
    /// Who starts and drains replicas.
    pub scale: Option<PoolScale>,
    /// Most requests in hand of each replica; `None`: four times the engine's batch.
    pub in_hand: Option<u32>,
    /// Most requests that wait in front of the router.
    pub queue: u32,
    /// How its replicas break.
    pub failures: Option<PoolFailures>,
    /// What an accelerator costs for an hour, its own or its provider's.
    pub accelerator_hour: Option<Money>,
    /// Whose machines they are, by place in the list; one's own if nobody's.
    pub provider: Option<usize>,
    /// Who keeps power where its site has too little, the higher the longer.
    pub priority: u8,
}

/// Which part of a request a pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRole {
    /// All of it.
    Both,
    /// Prompts, which the pool at this place of the list goes on with.
    Prefill {
        /// Place of the pool that decodes.
        decode: usize,
        /// Prompts with no more tokens to compute are computed where they are decoded.
        short: u32,
    },
    /// Answers of prompts that others hand over.
    Decode,
}

/// An autoscaler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolScale {
    /// Fewest replicas.
    pub minimum: u32,
    /// Most replicas.
    pub maximum: u32,
    /// Requests a second that one replica sustains inside the SLO; `None`: to be found.
    pub sustained: Option<f64>,
    /// Share of that at which replicas are to run.
    pub target: f64,
    /// How often it looks.
    pub every: SimTime,
    /// How long load must have been low before replicas are drained.
    pub settle: SimTime,
    /// Least time between a change and draining.
    pub cool_down: SimTime,
}

/// Means of exponential times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolFailures {
    /// Between failures of one replica.
    pub between: SimTime,
    /// To repair one.
    pub repair: SimTime,
}

/// A part of the world with a clock of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetRegion {
    /// Unique name.
    pub name: String,
    /// What its clocks show at the start.
    pub clock: SimTime,
    /// Weight of its requests by hour of its own day.
    pub weights: [f64; 24],
    /// One way to each site, in their order.
    pub latency: Vec<SimTime>,
}

/// Requests with one promise.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetService {
    /// Unique name.
    pub name: String,
    /// The promise.
    pub slo: Slo,
    /// Weight of its requests.
    pub share: f64,
    /// Who goes first, the higher the earlier.
    pub priority: u8,
    /// Time after which a first token is of no use.
    pub patience: Option<SimTime>,
}

/// What came of a fleet file.
#[derive(Clone, Debug)]
pub struct ParsedFleet {
    /// The fleet, unless a diagnostic is an error.
    pub fleet: Option<Fleet>,
    /// Everything wrong or odd about the file.
    pub diagnostics: Diagnostics,
    /// Where everything stands, for checks that come later.
    pub spans: Spans,
}

/// Reads a fleet file; systems, models and shapes that it names come from `catalog`.
///
/// Every problem is found at once; none of them panics. [`ParsedFleet::fleet`] is there exactly if no
/// diagnostic is an error.
///
/// ```
/// use wattmill_catalog::Catalog;
/// let text = r#"
/// name = "one pool"
/// [[site]]
/// name = "here"
/// [[pool]]
/// name = "all"
/// site = "here"
/// model = "llama-3.1-8b"
/// system = "dgx-h100"
/// replicas = 2
/// [[service]]
/// name = "chat"
/// slo = { ttft = "2 s", tpot = "50 ms" }
/// "#;
/// let parsed = wattmill_config::parse_fleet(text, Catalog::builtin());
/// let fleet = parsed.fleet.expect("it is sound");
/// assert_eq!(fleet.pools[0].services, [0], "all services");
/// ```
pub fn parse_fleet(text: &str, catalog: &Catalog) -> ParsedFleet {
    let mut cx = Context::new(catalog);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        cx.broken(error.span().unwrap_or(0..0), error.message());
    }
    let file = Row::file(&mut cx, &keys::FLEET, document.get_ref());
    let fleet = read(&mut cx, &file).filter(|_| !cx.failed());
    let (diagnostics, spans) = cx.finish();
    ParsedFleet { fleet, diagnostics, spans }
}

fn read(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Fleet> {
    let name = file.text(cx, "name");
    let seed = file.whole(cx, "seed");
    let prefer = file.choice(cx, "prefer").and_then(|name| name.parse::<Preference>().ok());
    let farthest = span(cx, file, "farthest");
    let most_resends = file.small(cx, "most_resends");
    let row = span(cx, file, "series");
    let own = Own::read(cx, file);

    let site_rows = some_tables(cx, file, "site");
    let service_rows = some_tables(cx, file, "service");
    let pool_rows = some_tables(cx, file, "pool");
    let region_rows = file.tables(cx, "region");
    let provider_rows = file.tables(cx, "provider");
    for rows in [&site_rows, &service_rows, &pool_rows, &region_rows, &provider_rows] {
        check::duplicates(cx, rows);
    }
    let mut sites: Vec<Option<FleetSite>> = site_rows.iter().map(|row| site(cx, row)).collect();
    let providers: Vec<Option<FleetProvider>> =
        provider_rows.iter().map(|row| provider(cx, row)).collect();
    for (index, row) in file.tables(cx, "curtailment").into_iter().enumerate() {
        let at = named(cx, &row, "site", &site_rows);
        if let (Some(at), Some(less)) = (at, curtailment(cx, &row, index))
            && let Some(Some(site)) = sites.get_mut(at)
        {
            site.curtailments.push(less);
        }
    }
    for event in file.tables(cx, "event") {
        let at = named(cx, &event, "site", &site_rows);
        let (lost, back) = (span(cx, &event, "lost"), span(cx, &event, "back"));
        if let (Some(lost), Some(back)) = (lost, back)
            && back <= lost
        {
            cx.error(
                event.span("back"),
                format!("back after {}, but lost after {}", back.as_seconds(), lost.as_seconds()),
                "not later than it is lost",
                "exchange the two, or leave `back` out if it never comes back",
            );
        }
        if let (Some(at), Some(lost)) = (at, lost)
            && let Some(Some(site)) = sites.get_mut(at)
        {
            site.outages.push((lost, back.unwrap_or(SimTime::MAX)));
        }
    }
    let services: Vec<Option<FleetService>> =
        service_rows.iter().map(|row| service(cx, row)).collect();
    let shares = || services.iter().flatten().map(|service| service.share);
    nobody(cx, &service_rows, shares().sum(), services.iter().all(Option::is_some));
    let regions: Vec<Option<FleetRegion>> =
        region_rows.iter().map(|row| region(cx, row, &site_rows)).collect();
    let weights = || regions.iter().flatten().flat_map(|region| region.weights);
    nobody(cx, &region_rows, weights().sum(), regions.iter().all(Option::is_some));
    let pools: Vec<Option<FleetPool>> = pool_rows
        .iter()
        .map(|row| {
            let rows = (&site_rows[..], &service_rows[..], &pool_rows[..], &provider_rows[..]);
            pool::pool(cx, row, &own, rows, &providers)
        })
        .collect();
    ranked(cx, file, prefer, &site_rows, &pool_rows, (&provider_rows, &providers));
    if prefer == Some(Preference::Price) {
        pool::priced(cx, &pool_rows, &pools);
    }
    pool::pairs(cx, &pool_rows, &pools);
    pool::unanswered(cx, &service_rows, &pools);
    Some(Fleet {
        name: name?,
        seed: seed?,
        choice: SiteRules { prefer: prefer?, farthest },
        most_resends: most_resends? as u8,
        row: row?,
        sites: sites.into_iter().collect::<Option<_>>()?,
        providers: providers.into_iter().collect::<Option<_>>()?,
        pools: pools.into_iter().collect::<Option<_>>()?,
        regions: regions.into_iter().collect::<Option<_>>()?,
        services: services.into_iter().collect::<Option<_>>()?,
    })
}

fn site(cx: &mut Context<'_>, row: &Row<'_>) -> Option<FleetSite> {
    let name = row.text(cx, "name");
    let (price, carbon) = (row.quantity(cx, "price"), row.quantity(cx, "carbon"));
    let pue = row.number(cx, "pue");
    let power = row.quantity(cx, "power");
    let shared = match row.choice(cx, "shared")? {
        "priority" => CapOrder::Priority,
        _ => CapOrder::Proportional,
    };
    Some(FleetSite {
        name: name?,
        price,
        carbon,
        pue: pue?,
        outages: Vec::new(),
        power,
        shared,
        curtailments: Vec::new(),
    })
}

fn provider(cx: &mut Context<'_>, row: &Row<'_>) -> Option<FleetProvider> {
    let name = row.text(cx, "name");
    let accelerator_hour = row.quantity(cx, "accelerator_hour");
    let energy_included = row.flag(cx, "energy_included");
    Some(FleetProvider { name: name?, accelerator_hour, energy_included: energy_included? })
}

fn curtailment(cx: &mut Context<'_>, row: &Row<'_>, index: usize) -> Option<FleetCurtailment> {
    let power = row.size_or_share(cx, "power").map(|power| match power {
        SizeOrShare::Size(watts) => PowerCap::Watts(Power::from_watts(watts)),
        SizeOrShare::Share(share) => PowerCap::Share(Ratio::from_fraction(share)),
    });
    let (from, until) = (span(cx, row, "from"), span(cx, row, "until"));
    let (from, until) = (from?, until?);
    if until <= from {
        cx.error(
            row.span("until"),
            format!("until {}, but from {}", until.as_seconds(), from.as_seconds()),
            "not later than it begins",
            "exchange the two",
        );
    }
    Some(FleetCurtailment { index, power: power?, from, until })
}

fn service(cx: &mut Context<'_>, row: &Row<'_>) -> Option<FleetService> {
    let name = row.text(cx, "name");
    let slo = row.table(cx, "slo").and_then(|slo| services::slo(cx, &slo));
    let share = row.number(cx, "share");
    let priority = row.small(cx, "priority");
    let patience = span(cx, row, "patience");
    Some(FleetService {
        name: name?,
        slo: slo?,
        share: share?,
        priority: priority? as u8,
        patience,
    })
}

fn region(cx: &mut Context<'_>, row: &Row<'_>, sites: &[Row<'_>]) -> Option<FleetRegion> {
    let name = row.text(cx, "name");
    let share = row.number(cx, "share");
    let clock = span(cx, row, "clock");
    let shape = traffic::shape(cx, row);
    let mut latency = vec![None; sites.len()];
    let ways = row.tables(cx, "to");
    for way in &ways {
        let (site, one_way) = (named(cx, way, "site", sites), span(cx, way, "one_way"));
        let Some(site) = site else { continue };
        if latency[site].is_some() {
            cx.error(
                way.span("site"),
                "a second way to the same site",
                "said before",
                "keep one of the two",
            );
        }
        latency[site] = Some(one_way?);
    }
    let known = |(way, site): (&Option<SimTime>, &Row<'_>)| {
        way.is_none().then(|| site.plain_text("name").unwrap_or("?").to_owned())
    };
    let missing: Vec<String> = latency.iter().zip(sites).filter_map(known).collect();
    if let (true, [first, ..]) = (row.has("to"), missing.as_slice()) {
        cx.missing(
            row.span("to"),
            format!("no way to {}", missing.join(", ")),
            "each site has one",
            format!("add `{{ site = \"{first}\", one_way = \"40 ms\" }}`"),
        );
    }
    let share = share?;
    Some(FleetRegion {
        name: name?,
        clock: clock?,
        weights: shape?.map(|weight| weight * share),
        latency: latency.into_iter().collect::<Option<_>>()?,
    })
}

/// Reports sites that cannot be ranked because they do not say what they are ranked by. A price that
/// nobody pays there need not be said. What else is wrong with a pool does not matter here, hence
/// the rows: whose site or provider is misspelt may stand anywhere, on anyone's machines.
fn ranked(
    cx: &mut Context<'_>,
    file: &Row<'_>,
    prefer: Option<Preference>,
    sites: &[Row<'_>],
    pools: &[Row<'_>],
    (sellers, providers): (&[Row<'_>], &[Option<FleetProvider>]),
) {
    let included = |pool: &Row<'_>| {
        let Some(wanted) = pool.plain_text("provider") else { return pool.has("provider") };
        let provider = called(sellers, wanted).and_then(|place| providers[place].as_ref());
        provider.is_none_or(|provider| provider.energy_included)
    };
    let pays = |site: usize| {
        let site = sites[site].plain_text("name");
        let stands_there = |pool: &&Row<'_>| match pool.plain_text("site") {
            Some(named) => Some(named) == site || called(sites, named).is_none(),
            None => true,
        };
        let mut here = pools.iter().filter(stands_there).peekable();
        here.peek().is_none() || !here.all(included)
    };
    let (key, example) = match prefer {
        Some(Preference::Price) => ("price", "price = \"47 USD/MWh\""),
        Some(Preference::Carbon) => ("carbon", "carbon = \"299 g/kWh\""),
        _ => return,
    };
    let asked = |site: usize| prefer == Some(Preference::Carbon) || pays(site);
    let silent = |(place, site): &(usize, &Row<'_>)| !site.has_or_means(key) && asked(*place);
    for (_, site) in sites.iter().enumerate().filter(silent) {
        let name = site.plain_text("name").unwrap_or("?");
        cx.missing(
            file.span("prefer"),
            format!("site `{name}` states no `{key}`"),
            "sites are ranked by it",
            format!("add `{example}` there, or prefer latency or capacity"),
        );
    }
}

/// Reports tables whose weights are all zero.
fn nobody(cx: &mut Context<'_>, rows: &[Row<'_>], sum: f64, whole: bool) {
    if let (Some(first), true) = (rows.first(), whole && sum <= 0.0) {
        cx.error(
            first.span("share"),
            format!("no {} asks for anything", first.what()),
            "all shares are 0",
            "give at least one of them a `share` above 0",
        );
    }
}

/// A span of simulated time.
fn span(cx: &mut Context<'_>, row: &Row<'_>, key: &str) -> Option<SimTime> {
    row.quantity::<Seconds>(cx, key).map(SimTime::from_seconds)
}

/// The place of the row among `rows` that `key` names.
fn named(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    key: &'static str,
    rows: &[Row<'_>],
) -> Option<usize> {
    let wanted = row.text(cx, key)?;
    let kind = if key == "hands_to" { "pool" } else { key };
    place(cx, row.span(key), &wanted, kind, rows)
}

/// The place of the row of this name.
fn called(rows: &[Row<'_>], wanted: &str) -> Option<usize> {
    rows.iter().position(|row| row.plain_text("name") == Some(wanted))
}

/// The place of `wanted` among `rows`; says what there is if it is not.
fn place(
    cx: &mut Context<'_>,
    at: std::ops::Range<usize>,
    wanted: &str,
    kind: &'static str,
    rows: &[Row<'_>],
) -> Option<usize> {
    let names = || rows.iter().filter_map(|row| row.plain_text("name"));
    let found = called(rows, wanted);
    if found.is_none() {
        let meant = cx.closest(wanted, names());
        let all: Vec<_> = names().map(|name| format!("`{name}`")).collect();
        cx.missing(
            at,
            format!("there is no {kind} `{wanted}`"),
            meant.map_or(format!("no such `[[{kind}]]`"), |m| format!("did you mean `{m}`?")),
            match all.is_empty() {
                true => format!("add a `[[{kind}]]` of that name"),
                false => format!("{kind}s of this file: {}", all.join(", ")),
            },
        );
    }
    found
}
