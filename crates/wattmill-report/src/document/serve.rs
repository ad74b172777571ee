//! `wattmill serve`.

use schemars::JsonSchema;
use serde::Serialize;

use super::bars::{ErrorBar, LatencyBar};
use super::head::Head;
use super::latency::{EndToEnd, Tpot, Ttft};
use super::replay::{ClientsOf, ReplayTraffic, SessionsOf, Synthetic};
use super::series::SeriesRow;
use super::text::text;
use crate::serve::{
    ServeReport, ServedCap, ServedFleet, ServedPool, ServedProvider, ServedService,
};

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.serve/1";

/// What a fleet did, as JSON text.
///
/// The answer hash covers what was simulated, not how long it took.
pub fn serve_document(report: &ServeReport) -> String {
    text(&Serve::new(report))
}

/// A fleet under traffic, request by request.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Serve {
    #[serde(flatten)]
    head: Head,
    /// Whether it was stopped early: then the figures are of what was asked until then.
    interrupted: bool,
    /// Name of the fleet.
    fleet: String,
    /// Seed of failures, routers and regions; the traffic's is `seed`.
    fleet_seed: u64,
    /// Name of the trace's file; null for other traffic.
    trace: Option<String>,
    /// What synthetic traffic was drawn from; null for other traffic.
    synthetic: Option<Synthetic>,
    /// Whose traffic was superposed; null for other traffic.
    clients: Option<ClientsOf>,
    /// What conversations were drawn from; null for other traffic.
    sessions: Option<SessionsOf>,
    /// What was changed of the traffic, in words such as `speed 2`.
    shaping: Vec<String>,
    /// From the start to the last event.
    span_s: f64,
    /// What became of every request and token.
    ledger: LedgerOf,
    /// By service.
    services: Vec<Service>,
    /// By pool.
    pools: Vec<Pool>,
    /// Names of the regions that ask; empty if there is only one.
    regions: Vec<String>,
    /// What went over links between pools.
    transfers: Transfers,
    /// Facility energy, PUE included; null if no source states the power limit of some accelerator, as
    /// a warning says.
    facility_energy_mwh: Option<f64>,
    /// Cost of energy and accelerators; null if not every site and pool states it.
    cost_usd: Option<f64>,
    /// The same for a million output tokens; null if none was delivered too.
    cost_usd_per_million_output_tokens: Option<f64>,
    /// Of that, all pools off in the same direction; null likewise, and where something of the kind
    /// was never measured.
    cost_error_bar: Option<ErrorBar>,
    /// Emitted CO₂e, tonnes; null if not every site states it.
    carbon_t: Option<f64>,
    /// Costs by provider; empty if the fleet names none.
    providers: Vec<Provider>,
    /// Rows of the time series.
    series: Vec<SeriesRow>,
    /// Wall-clock time of the simulation; not part of the answer.
    wall_time_s: f64,
}

impl Serve {
    fn new(report: &ServeReport) -> Self {
        let served = &report.served;
        let seed = match &report.traffic {
            ReplayTraffic::Trace { .. } => None,
            ReplayTraffic::Synthetic { seed, .. }
            | ReplayTraffic::Clients { seed, .. }
            | ReplayTraffic::Sessions { seed, .. } => Some(*seed),
        };
        Self {
            head: Head::new(SCHEMA, seed, served.answer_hash, report.warnings.clone())
                .calibrated(report.calibration.as_ref()),
            interrupted: served.interrupted,
            fleet: report.fleet.clone(),
            fleet_seed: report.fleet_seed,
            trace: match &report.traffic {
                ReplayTraffic::Trace { file } => Some(file.clone()),
                _ => None,
            },
            synthetic: Synthetic::of(&report.traffic),
            clients: ClientsOf::of(&report.traffic),
            sessions: SessionsOf::of(&report.traffic),
            shaping: report.shaping.clone(),
            span_s: served.span.as_s(),
            ledger: LedgerOf::new(served),
            services: served.services.iter().map(Service::new).collect(),
            pools: served.pools.iter().map(Pool::new).collect(),
            regions: served.regions.clone(),
            transfers: Transfers::new(served),
            facility_energy_mwh: served.facility_energy.map(|energy| energy.as_mwh()),
            cost_usd: served.cost.map(|cost| cost.as_usd()),
            cost_usd_per_million_output_tokens: served
                .cost_per_million_output
                .map(|cost| cost.as_usd()),
            cost_error_bar: served.cost_interval.as_ref().map(ErrorBar::from),
            carbon_t: served.carbon_g.map(|grams| grams / 1e6),
            providers: served.providers.iter().map(Provider::new).collect(),
            series: served.rows.iter().map(SeriesRow::new).collect(),
            wall_time_s: report.wall.as_s(),
        }
    }
}

/// Requests and tokens, each side of a balance counted where it happens.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetLedger")]
struct LedgerOf {
    /// Whether both sides are equal: requests asked and what became of them, tokens made and where
    /// they went.
    closes: bool,
    /// Requests asked.
    asked_requests: u64,
    /// Requests answered in full.
    finished_requests: u64,
    /// Requests too long for any replica.
    rejected_requests: u64,
    /// Requests turned away.
    shed_requests: u64,
    /// Of them, because their first token would have come too late.
    shed_too_late_requests: u64,
    /// Requests whose replica or site was gone, with nobody else to answer.
    lost_requests: u64,
    /// Requests still there.
    in_hand_requests: u64,
    /// Times a request was sent again.
    resent_requests: u64,
    /// Output tokens that replicas made.
    made_tokens: u64,
    /// Output tokens of answered requests.
    delivered_tokens: u64,
    /// Output tokens made for requests that were lost or had to start again.
    wasted_tokens: u64,
    /// Output tokens made so far for requests still there.
    under_way_tokens: u64,
}

impl LedgerOf {
    fn new(served: &ServedFleet) -> Self {
        let books = &served.books;
        Self {
            closes: served.imbalance.is_none(),
            asked_requests: books.requests.asked(),
            finished_requests: books.requests.finished(),
            rejected_requests: books.requests.rejected(),
            shed_requests: books.requests.was_shed(),
            shed_too_late_requests: books.too_late,
            lost_requests: books.requests.lost(),
            in_hand_requests: books.in_hand,
            resent_requests: books.resent,
            made_tokens: books.tokens_made,
            delivered_tokens: books.tokens_delivered,
            wasted_tokens: books.tokens_wasted,
            under_way_tokens: books.tokens_under_way,
        }
    }
}

/// What became of the requests of a service.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetService")]
struct Service {
    /// Its name.
    name: String,
    /// Limit on the time to first token.
    slo_ttft_ms: f64,
    /// Limit on a request's mean time per output token.
    slo_tpot_ms: f64,
    /// Share of requests that is to keep both.
    slo_quantile_fraction: f64,
    /// Share of the requests asked that kept both; null if none was asked.
    attainment_fraction: Option<f64>,
    /// Requests answered within both limits, over the span.
    goodput_requests_per_s: f64,
    /// Requests asked.
    asked_requests: u64,
    /// Requests answered in full.
    finished_requests: u64,
    /// Of them, within both limits.
    within_slo_requests: u64,
    /// Requests too long for any replica.
    rejected_requests: u64,
    /// Requests turned away.
    shed_requests: u64,
    /// Requests lost.
    lost_requests: u64,
    /// Output tokens delivered.
    output_tokens: u64,
    #[serde(flatten)]
    ttft: Ttft,
    #[serde(flatten)]
    tpot: Tpot,
    #[serde(flatten)]
    end_to_end: EndToEnd,
    /// Where measurements lie: the widest of the pools that have a part in the answers.
    error_bars: ServiceErrorBars,
}

/// Error bars of a service's latencies.
#[derive(Debug, Serialize, JsonSchema)]
struct ServiceErrorBars {
    /// Of the time to first token; null without one, or where nothing of the kind was measured.
    ttft: Option<LatencyBar>,
    /// Of the time per output token; null likewise.
    tpot: Option<LatencyBar>,
    /// Of the time to the last token, both of its parts off in the same direction; null likewise.
    end_to_end: Option<LatencyBar>,
}

impl ServiceErrorBars {
    fn new(service: &ServedService) -> Self {
        let (bars, ttft, whole) = (&service.bars, &service.ttft, &service.end_to_end);
        let of_whole = bars.end_to_end(ttft.mean, whole.mean);
        Self {
            ttft: LatencyBar::of(ttft, bars.ttft.as_ref()),
            tpot: LatencyBar::of(&service.tpot, bars.tpot.as_ref()),
            end_to_end: LatencyBar::of(whole, of_whole.as_ref()),
        }
    }
}

impl Service {
    fn new(service: &ServedService) -> Self {
        let (ttft, tpot, quantile) = service.slo;
        Self {
            name: service.name.clone(),
            slo_ttft_ms: ttft.as_ms(),
            slo_tpot_ms: tpot.as_ms(),
            slo_quantile_fraction: quantile,
            attainment_fraction: service.attainment(),
            goodput_requests_per_s: service.goodput_per_s,
            asked_requests: service.asked,
            finished_requests: service.finished,
            within_slo_requests: service.within,
            rejected_requests: service.rejected,
            shed_requests: service.shed,
            lost_requests: service.lost,
            output_tokens: service.output_tokens,
            ttft: Ttft::new(&service.ttft),
            tpot: Tpot::new(&service.tpot),
            end_to_end: EndToEnd::new(&service.end_to_end),
            error_bars: ServiceErrorBars::new(service),
        }
    }
}

/// What a pool did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetPool")]
struct Pool {
    /// Its name.
    name: String,
    /// Name of its site.
    site: String,
    /// Its provider; null if the machines are one's own.
    provider: Option<String>,
    /// Its engine, in short.
    engine: String,
    /// What it does of a request.
    #[schemars(extend("enum" = ["both", "prefill", "decode"]))]
    role: &'static str,
    /// Its router.
    router: &'static str,
    /// Most replicas it can have.
    replicas: u32,
    /// Replicas that were on, mean over the span.
    replicas_on: f64,
    /// Accelerators of a replica.
    accelerators_per_replica: u32,
    /// Attention groups of a replica that have batches of their own; 1: one batch for all.
    attention_groups: u32,
    /// KV blocks of a replica.
    kv_blocks: u64,
    /// Tokens in a KV block.
    block_tokens: u32,
    /// Most KV blocks in use at once, of one replica.
    kv_blocks_peak: u64,
    /// Steps taken.
    steps: u64,
    /// Sequences decoding, mean over steps.
    batch_mean_sequences: f64,
    /// Share of the time replicas were on in which they took steps.
    busy_fraction: f64,
    /// Sequences that lost their cache for want of blocks.
    preemptions: u64,
    /// Prompt tokens computed.
    prefill_tokens: u64,
    /// Prompt tokens found in the cache.
    cached_tokens: u64,
    /// Share of prompt tokens found in the cache; null without prefix caching.
    cache_hit_fraction: Option<f64>,
    /// KV blocks evicted from the cache.
    evicted_kv_blocks: u64,
    /// Output tokens made.
    output_tokens: u64,
    /// Accelerator energy, idle included; null if no source states the accelerator's power limit.
    energy_mwh: Option<f64>,
    /// Mean accelerator power over the span; null likewise.
    power_w: Option<f64>,
    /// What its site left each accelerator; empty if always its own limit.
    power_caps: Vec<Cap>,
    /// Requests that its autoscaler takes a replica to sustain; null without one.
    sustained_requests_per_s: Option<f64>,
    /// Accelerator energy of an output token; null where none but first tokens are made.
    energy_j_per_output_token: Option<f64>,
    /// What a million output tokens cost that it made; null of none, or where something has no price.
    cost_usd_per_million_output_tokens: Option<f64>,
    /// Where measurements lie.
    error_bars: PoolErrorBars,
}

/// Error bars of what a pool answers; null where nothing of the kind was measured.
#[derive(Debug, Serialize, JsonSchema)]
struct PoolErrorBars {
    /// Of the time to first token.
    ttft: Option<ErrorBar>,
    /// Of the time per output token.
    tpot: Option<ErrorBar>,
    /// Of the output tokens a second.
    throughput: Option<ErrorBar>,
    /// Of the accelerator energy of an output token.
    energy: Option<ErrorBar>,
    /// Of the accelerator power.
    power: Option<ErrorBar>,
    /// Of the cost of a million output tokens; null where it is.
    cost: Option<ErrorBar>,
}

impl PoolErrorBars {
    fn new(pool: &ServedPool) -> Self {
        let of = |bar: &Option<wattmill_catalog::Interval>| bar.as_ref().map(ErrorBar::from);
        Self {
            ttft: of(&pool.bars.ttft),
            tpot: of(&pool.bars.tpot),
            throughput: of(&pool.bars.throughput),
            energy: of(&pool.bars.energy),
            power: of(&pool.bars.power),
            cost: of(&pool.cost_interval),
        }
    }
}

/// What an accelerator may draw from some instant on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetCap")]
struct Cap {
    /// From when on.
    from_s: f64,
    /// How much; null: its own limit.
    accelerator_power_w: Option<f64>,
}

impl Cap {
    fn new(cap: &ServedCap) -> Self {
        let accelerator_power_w = cap.accelerator.map(|power| power.as_watts());
        Self { from_s: cap.from.as_s(), accelerator_power_w }
    }
}

/// What a provider was paid.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetProvider")]
struct Provider {
    /// Its name; null: machines of one's own.
    name: Option<String>,
    /// Pools on its machines.
    pools: usize,
    /// Hours in which its accelerators were on, times their number.
    accelerator_hours: f64,
    /// What they cost; null if not every pool says.
    accelerators_usd: Option<f64>,
    /// What their energy cost beside that; null if not every site says.
    energy_usd: Option<f64>,
    /// Both.
    cost_usd: Option<f64>,
    /// Output tokens made there.
    output_tokens: u64,
}

impl Provider {
    fn new(provider: &ServedProvider) -> Self {
        Self {
            name: provider.name.clone(),
            pools: provider.pools,
            accelerator_hours: provider.accelerator_hours,
            accelerators_usd: provider.accelerators.map(|cost| cost.as_usd()),
            energy_usd: provider.energy.map(|cost| cost.as_usd()),
            cost_usd: provider.cost().map(|cost| cost.as_usd()),
            output_tokens: provider.output_tokens,
        }
    }
}

impl Pool {
    fn new(pool: &ServedPool) -> Self {
        let usage = &pool.usage;
        Self {
            name: pool.name.clone(),
            site: pool.site.clone(),
            provider: pool.provider.clone(),
            engine: pool.engine.clone(),
            role: pool.role,
            router: pool.router,
            replicas: pool.replicas,
            replicas_on: pool.replicas_on,
            accelerators_per_replica: pool.accelerators,
            attention_groups: pool.groups,
            kv_blocks: pool.cache.0,
            block_tokens: pool.cache.1,
            kv_blocks_peak: usage.peak_blocks,
            steps: usage.steps,
            batch_mean_sequences: pool.batch_mean,
            busy_fraction: pool.busy,
            preemptions: pool.preemptions,
            prefill_tokens: usage.prefill_tokens,
            cached_tokens: usage.cached_tokens,
            cache_hit_fraction: pool.hit_rate,
            evicted_kv_blocks: usage.evicted_blocks,
            output_tokens: usage.output_tokens(),
            energy_mwh: pool.energy.map(|energy| energy.as_mwh()),
            power_w: pool.power.map(|power| power.as_watts()),
            power_caps: pool.caps.iter().map(Cap::new).collect(),
            sustained_requests_per_s: pool.sustained,
            energy_j_per_output_token: pool.joules_per_token(),
            cost_usd_per_million_output_tokens: pool.cost_per_million.map(|cost| cost.as_usd()),
            error_bars: PoolErrorBars::new(pool),
        }
    }
}

/// What went over links between pools.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FleetTransfers")]
struct Transfers {
    /// Prompts handed over.
    handed_over_requests: u64,
    /// Cache sent, of transfers that were cut short too.
    sent_gb: f64,
    /// From a first token to the arrival of its cache, median; null of none.
    wait_p50_ms: Option<f64>,
    /// The same, ninety-nine in a hundred.
    wait_p99_ms: Option<f64>,
}

impl Transfers {
    fn new(served: &ServedFleet) -> Self {
        let transfers = &served.transfers;
        let wait = (transfers.count > 0).then_some(transfers.wait);
        Self {
            handed_over_requests: transfers.count,
            sent_gb: transfers.bytes / 1e9,
            wait_p50_ms: wait.map(|wait| wait.p50.as_ms()),
            wait_p99_ms: wait.map(|wait| wait.p99.as_ms()),
        }
    }
}
