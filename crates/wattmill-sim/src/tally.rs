//! What a run adds up to, in fixed memory and mergeable.

use wattmill_factory::Slo;
use wattmill_units::{Histogram, SimTime, scramble};

use crate::Finished;

/// Latency limits a request is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// On the time to first token.
    pub ttft: SimTime,
    /// On the mean time per output token after the first.
    pub tpot: SimTime,
}

impl From<&Slo> for Limits {
    fn from(slo: &Slo) -> Self {
        Self { ttft: SimTime::from_seconds(slo.ttft), tpot: SimTime::from_seconds(slo.tpot) }
    }
}

impl Limits {
    /// Whether a request kept both.
    #[inline]
    pub fn hold(&self, done: &Finished) -> bool {
        done.ttft() <= self.ttft && done.tpot().is_none_or(|tpot| tpot <= self.tpot)
    }
}

/// Sums and distributions over the requests and steps of one or more replicas.
///
/// Merging is exact and in any order gives the same, so shards of a fleet add up to the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Time to first token, ns.
    pub ttft: Histogram,
    /// Mean time per output token of each request with more than one, ns.
    pub tpot: Histogram,
    /// Every gap between two tokens of one request, in raw [`Ticks`](wattmill_units::Ticks); one
    /// longer than they hold, after a preemption, as the longest they hold.
    pub gaps: Histogram,
    /// Arrival to last token, ns.
    pub e2e: Histogram,
    /// Requests that can never run: longer than the replica's whole cache.
    pub rejected: u64,
    /// Requests finished within both limits.
    pub within_limits: u64,
    /// Prompt tokens of finished requests.
    pub input_tokens: u64,
    /// Output tokens of finished requests.
    pub output_tokens: u64,
    /// Times a sequence was preempted.
    pub preemptions: u64,
    /// Last token of all.
    pub last_finish: SimTime,
    limits: Option<Limits>,
    fingerprint: u64,
}

impl Tally {
    /// Empty; requests are held to `limits` if there are any.
    pub fn new(limits: Option<Limits>) -> Self {
        Self {
            ttft: Histogram::new(),
            tpot: Histogram::new(),
            gaps: Histogram::new(),
            e2e: Histogram::new(),
            rejected: 0,
            within_limits: 0,
            input_tokens: 0,
            output_tokens: 0,
            preemptions: 0,
            last_finish: SimTime::ZERO,
            limits,
            fingerprint: 0,
        }
    }

    /// Requests answered in full.
    pub const fn finished(&self) -> u64 {
        self.e2e.count()
    }

    /// Hash of the answer: the sum, over all requests, of a mix of id, first-token and finish time.
    /// The same for any order of finishing and any number of shards.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Records one finished request.
    #[inline]
    pub fn finish(&mut self, done: &Finished) {
        let (ttft, e2e) = (done.ttft(), done.e2e());
        self.ttft.record(ttft.as_ns(), 1);
        self.e2e.record(e2e.as_ns(), 1);
        let tpot = done.tpot();
        if let Some(tpot) = tpot {
            self.tpot.record(tpot.as_ns(), 1);
        }
        if let Some(limits) = self.limits {
            self.within_limits += u64::from(limits.hold(done));
        }
        self.input_tokens += u64::from(done.request.input);
        self.output_tokens += u64::from(done.request.output);
        self.preemptions += u64::from(done.preemptions);
        self.last_finish = self.last_finish.max(done.finish);
        let times = scramble(done.first_token.as_ns() ^ scramble(done.finish.as_ns()));
        let mixed = scramble(done.request.id ^ times);
        self.fingerprint = self.fingerprint.wrapping_add(mixed);
    }

    /// Records the gaps of `sequences` sequences over `steps` steps, the first `first` ticks long,
    /// each further one `growth` longer.
    #[inline]
    pub fn decode_steps(&mut self, sequences: u64, first: u64, growth: u64, steps: u64) {
        if growth == 0 {
            self.gaps.record(first, sequences * steps);
            return;
        }
        let (mut value, mut left) = (first, steps);
        while left > 0 {
            let end = Histogram::bucket_end(value);
            let inside = (end - value).div_ceil(growth).min(left);
            let last = value + growth * (inside - 1);
            let sum = (u128::from(value) + u128::from(last)) * u128::from(inside) / 2;
            self.gaps.record_run(value, last, sequences * inside, sum * u128::from(sequences));
            value = last + growth;
            left -= inside;
        }
    }

    /// Records one gap of each of `sequences`, in raw ticks.
    #[inline]
    pub(crate) fn gaps(&mut self, ticks: u128, sequences: u64) {
        self.gaps.record(u64::try_from(ticks).unwrap_or(u64::MAX), sequences);
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.ttft.merge(&other.ttft);
        self.tpot.merge(&other.tpot);
        self.gaps.merge(&other.gaps);
        self.e2e.merge(&other.e2e);
        self.rejected += other.rejected;
        self.within_limits += other.within_limits;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.preemptions += other.preemptions;
        self.last_finish = self.last_finish.max(other.last_finish);
        self.fingerprint = self.fingerprint.wrapping_add(other.fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_beyond_the_scale_is_its_end() {
        let mut tally = Tally::new(None);
        tally.gaps(u128::from(u64::MAX) + 2, 1);
        assert_eq!((tally.gaps.count(), tally.gaps.max()), (1, u64::MAX));
    }

    #[test]
    fn a_run_of_steps_is_its_steps() {
        for (first, growth, steps) in
            [(1_000_000, 0, 70), (1_000, 7, 900), (5, 1, 3), (9_999, 50_000, 40)]
        {
            let (mut run, mut single) = (Tally::new(None), Tally::new(None));
            run.decode_steps(3, first, growth, steps);
            (0..steps).for_each(|i| single.decode_steps(3, first + i * growth, 0, 1));
            assert_eq!(run, single);
        }
    }
}
