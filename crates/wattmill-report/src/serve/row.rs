//! What happened in one row of a time series.

use wattmill_units::{Energy, Money, Power, Seconds};

/// A world over one row of the time series.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedRow {
    /// When it begins.
    pub from: Seconds,
    /// When it ends.
    pub until: Seconds,
    /// All requests.
    pub all: ServedServiceRow,
    /// By service.
    pub services: Vec<ServedServiceRow>,
    /// Requests that came, by region.
    pub regions: Vec<u64>,
    /// By pool.
    pub pools: Vec<ServedPoolRow>,
    /// What went over links between pools.
    pub transfers: ServedTransferRow,
}

impl ServedRow {
    /// All pools together.
    pub fn of_all_pools(&self) -> ServedPoolRow {
        let mut pools = self.pools.iter();
        let first = pools.next().copied().unwrap_or_default();
        pools.fold(first, |sum, pool| sum.with(pool))
    }
}

/// Requests of a service over one row. They count where they end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServedServiceRow {
    /// Requests that came.
    pub asked: u64,
    /// Requests answered.
    pub finished: u64,
    /// Of them, within their service's limits.
    pub within: u64,
    /// Requests too long for any replica.
    pub rejected: u64,
    /// Requests that a queue sent away.
    pub shed: u64,
    /// Requests whose replica or site was gone.
    pub lost: u64,
    /// Prompt tokens of those answered.
    pub input_tokens: u64,
    /// Output tokens of those answered.
    pub output_tokens: u64,
    /// TTFT that half, nine in ten and ninety-nine in a hundred kept; `None` of none.
    pub ttft: Option<[Seconds; 3]>,
    /// TPOT likewise.
    pub tpot: Option<[Seconds; 3]>,
}

impl ServedServiceRow {
    /// Requests that ended without an answer.
    pub const fn failed(&self) -> u64 {
        self.rejected + self.shed + self.lost
    }

    /// Share of those that ended which were answered within their limits; `None` if none did.
    pub fn attainment(&self) -> Option<f64> {
        let ended = self.finished + self.failed();
        (ended > 0).then(|| self.within as f64 / ended as f64)
    }
}

/// A pool over one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServedPoolRow {
    /// How long it is.
    pub length: Seconds,
    /// Replicas that take requests, at the end.
    pub ready: u32,
    /// Replicas that are starting, draining, being repaired, and lost with their site, at the end.
    pub turning: [u32; 4],
    /// Requests that wait, at the end.
    pub waiting: u64,
    /// Sequences in the batches, at the end.
    pub running: u64,
    /// KV blocks in use, and those of replicas that are on, at the end; `None` where memory is not
    /// limited.
    pub blocks: Option<(u64, u64)>,
    /// Steps taken.
    pub steps: u64,
    /// Tokens decoded in them.
    pub decode_tokens: u64,
    /// Output tokens made, first tokens too.
    pub made_tokens: u64,
    /// Accelerator energy, idle included; `None` where nothing is known of watts.
    pub energy: Option<Energy>,
    /// What that energy, of the facility, and the accelerators cost; `None` if that is not stated.
    pub cost: Option<Money>,
}

impl ServedPoolRow {
    /// Share of the KV blocks of replicas that are on in use, at the end.
    pub fn kv_used(&self) -> Option<f64> {
        let (used, there) = self.blocks?;
        Some(if there > 0 { used as f64 / there as f64 } else { 0.0 })
    }

    /// Sequences decoding, mean over the steps of the row.
    pub fn batch_mean(&self) -> f64 {
        if self.steps > 0 { self.decode_tokens as f64 / self.steps as f64 } else { 0.0 }
    }

    /// Mean accelerator power.
    pub fn power(&self) -> Option<Power> {
        let energy = self.energy?;
        Some(if self.length > Seconds::ZERO { energy / self.length } else { Power::ZERO })
    }

    /// Output tokens made a second.
    pub fn output_tokens_per_s(&self) -> f64 {
        if self.length > Seconds::ZERO { self.made_tokens as f64 / self.length.as_s() } else { 0.0 }
    }

    /// Together with another pool's of the same row.
    fn with(self, other: &Self) -> Self {
        let mut turning = self.turning;
        turning.iter_mut().zip(other.turning).for_each(|(mine, theirs)| *mine += theirs);
        Self {
            length: self.length,
            ready: self.ready + other.ready,
            turning,
            waiting: self.waiting + other.waiting,
            running: self.running + other.running,
            blocks: self.blocks.zip(other.blocks).map(|(a, b)| (a.0 + b.0, a.1 + b.1)),
            steps: self.steps + other.steps,
            decode_tokens: self.decode_tokens + other.decode_tokens,
            made_tokens: self.made_tokens + other.made_tokens,
            energy: self.energy.zip(other.energy).map(|(a, b)| a + b),
            cost: self.cost.zip(other.cost).map(|(a, b)| a + b),
        }
    }
}

/// What went over links between pools in one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServedTransferRow {
    /// Prompts handed over that arrived.
    pub prompts: u64,
    /// Bytes of their caches.
    pub bytes: f64,
    /// From a first token to the arrival of its cache: half, nine in ten and ninety-nine in a hundred
    /// took no longer; `None` of none.
    pub wait: Option<[Seconds; 3]>,
}
