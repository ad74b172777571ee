//! What a fleet did.

mod page;
mod row;
mod text;

use wattmill_catalog::Interval;
use wattmill_sim::{Books, Latency, Usage};
use wattmill_units::{Energy, Money, Power, Seconds};

use crate::bars::ServingBars;
use crate::calibrate::CalibratedWith;
use crate::document::ReplayTraffic;

pub use page::serve_page;
pub use row::{ServedPoolRow, ServedRow, ServedServiceRow, ServedTransferRow};
pub use text::serve_text;

/// What a fleet did under some traffic.
#[derive(Clone, Debug)]
pub struct ServeReport {
    /// Name of the fleet.
    pub fleet: String,
    /// Seed of failures, routers and regions.
    pub fleet_seed: u64,
    /// The requests.
    pub traffic: ReplayTraffic,
    /// What was changed of them, in words such as `speed 2`.
    pub shaping: Vec<String>,
    /// What came of them.
    pub served: ServedFleet,
    /// Wall-clock time of the simulation.
    pub wall: Seconds,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Constants of engines that took the place of the catalogue's.
    pub calibration: Option<CalibratedWith>,
}

/// What became of every request, and what it took.
#[derive(Clone, Debug)]
pub struct ServedFleet {
    /// Whether it was stopped before the last request; what was asked until then is answered.
    pub interrupted: bool,
    /// From the start to the last event.
    pub span: Seconds,
    /// By service.
    pub services: Vec<ServedService>,
    /// By pool.
    pub pools: Vec<ServedPool>,
    /// Names of the regions that ask; empty where there is only one.
    pub regions: Vec<String>,
    /// Rows of the time series.
    pub rows: Vec<ServedRow>,
    /// Requests and tokens, counted from both sides.
    pub books: Books,
    /// What does not add up in them, which is a fault of the simulator.
    pub imbalance: Option<String>,
    /// What went over links between pools.
    pub transfers: ServedTransfers,
    /// Facility energy, PUE included; `None` if what some pool draws is not known.
    pub facility_energy: Option<Energy>,
    /// What energy and accelerators cost; `None` if not every site and pool states it.
    pub cost: Option<Money>,
    /// The same for a million output tokens that were delivered; `None` without any too.
    pub cost_per_million_output: Option<Money>,
    /// Where measurements would put that cost, all pools off in the same direction.
    pub cost_interval: Option<Interval>,
    /// Emissions, grams of CO₂e; `None` if not every site states them.
    pub carbon_g: Option<f64>,
    /// Costs by provider; empty if the fleet names none.
    pub providers: Vec<ServedProvider>,
    /// What a reader should know of the fleet.
    pub warnings: Vec<String>,
    /// Hash of all answers.
    pub answer_hash: u64,
}

/// What became of the requests of a service.
#[derive(Clone, Debug)]
pub struct ServedService {
    /// Its name.
    pub name: String,
    /// The promise: TTFT, TPOT and the quantile at which both are to hold.
    pub slo: (Seconds, Seconds, f64),
    /// Requests asked.
    pub asked: u64,
    /// Answered in full.
    pub finished: u64,
    /// Of them, within TTFT and TPOT.
    pub within: u64,
    /// Too long for any replica.
    pub rejected: u64,
    /// Turned away because too much waited or because they would come too late.
    pub shed: u64,
    /// Whose replica or site was gone, with nobody else to answer.
    pub lost: u64,
    /// Requests a second answered within TTFT and TPOT, over the span.
    pub goodput_per_s: f64,
    /// Output tokens delivered.
    pub output_tokens: u64,
    /// Time to first token, as clients see it.
    pub ttft: Latency,
    /// Time per output token.
    pub tpot: Latency,
    /// Time to last token, as clients see it.
    pub end_to_end: Latency,
    /// Where measurements lie of it: the widest of the pools that have a part in its answers.
    pub bars: ServingBars,
}

impl ServedService {
    /// Share of all requests asked that were answered within TTFT and TPOT; `None` of none.
    pub fn attainment(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.within as f64 / self.asked as f64)
    }
}

/// What a pool did.
#[derive(Clone, Debug)]
pub struct ServedPool {
    /// Its name.
    pub name: String,
    /// Name of its site.
    pub site: String,
    /// Name of its provider; `None`: machines of one's own.
    pub provider: Option<String>,
    /// Its engine, in short.
    pub engine: String,
    /// What it does of a request: `both`, `prefill` or `decode`.
    pub role: &'static str,
    /// Its router.
    pub router: &'static str,
    /// Most replicas it can have.
    pub replicas: u32,
    /// Replicas that were on, mean over the span.
    pub replicas_on: f64,
    /// Accelerators of a replica.
    pub accelerators: u32,
    /// Attention groups of a replica that have batches of their own; 1: one batch for all.
    pub groups: u32,
    /// KV blocks of a replica and tokens in each.
    pub cache: (u64, u32),
    /// What its replicas did.
    pub usage: Usage,
    /// Sequences decoding, mean over steps.
    pub batch_mean: f64,
    /// Share of the time that replicas were on in which they took steps.
    pub busy: f64,
    /// Sequences that lost their cache.
    pub preemptions: u64,
    /// Share of prompt tokens found in the cache; `None` without prefix caching.
    pub hit_rate: Option<f64>,
    /// Accelerator energy, idle included; `None` where nothing states the chip's power limit.
    pub energy: Option<Energy>,
    /// Mean accelerator power over the span; `None` likewise.
    pub power: Option<Power>,
    /// What its site left each accelerator, from when on; empty if always its own limit.
    pub caps: Vec<ServedCap>,
    /// Requests a second that its autoscaler takes a replica to sustain; `None` without one.
    pub sustained: Option<f64>,
    /// Where measurements lie of what it answers.
    pub bars: ServingBars,
    /// What a million output tokens cost that it made; `None` of none, or where something has no
    /// price.
    pub cost_per_million: Option<Money>,
    /// Where measurements would put that cost.
    pub cost_interval: Option<Interval>,
}

impl ServedPool {
    /// Output tokens it made.
    pub const fn output_tokens(&self) -> u64 {
        self.usage.output_tokens()
    }

    /// Accelerator energy of each of them, J; `None` where it makes none but first tokens, or where
    /// its energy is not known.
    pub fn joules_per_token(&self) -> Option<f64> {
        let tokens = self.output_tokens() as f64;
        let energy = self.energy.filter(|_| self.usage.decode_tokens > 0)?;
        Some(energy.as_joules() / tokens)
    }
}

/// What an accelerator may draw from some instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServedCap {
    /// From when on.
    pub from: Seconds,
    /// How much; `None`: its own limit.
    pub accelerator: Option<Power>,
}

/// What a provider was paid.
#[derive(Clone, Debug)]
pub struct ServedProvider {
    /// Its name; `None`: machines of one's own.
    pub name: Option<String>,
    /// Pools on its machines.
    pub pools: usize,
    /// Hours in which its accelerators were on, times their number.
    pub accelerator_hours: f64,
    /// What they cost; `None` if not every pool says.
    pub accelerators: Option<Money>,
    /// What their energy cost beside that; `None` if not every site says.
    pub energy: Option<Money>,
    /// Output tokens made there.
    pub output_tokens: u64,
}

impl ServedProvider {
    /// One with no pool yet.
    pub const fn new(name: Option<String>) -> Self {
        Self {
            name,
            pools: 0,
            accelerator_hours: 0.0,
            accelerators: Some(Money::ZERO),
            energy: Some(Money::ZERO),
            output_tokens: 0,
        }
    }

    /// Accelerators and energy.
    pub fn cost(&self) -> Option<Money> {
        self.accelerators.zip(self.energy).map(|(accelerators, energy)| accelerators + energy)
    }
}

/// What went over links between pools.
#[derive(Clone, Debug, Default)]
pub struct ServedTransfers {
    /// Prompts handed over.
    pub count: u64,
    /// Bytes sent, of transfers that were cut short too.
    pub bytes: f64,
    /// From a first token to the arrival of its cache.
    pub wait: Latency,
}
