//! The highest request rate one replica sustains inside its SLO.
//!
//! The yearly plan takes its capacities from here: not a formula, but the engine under the traffic
//! in question, bisected.

use wattmill_factory::{Arrivals, Lengths, Slo};
use wattmill_perf::StepModel;
use wattmill_policy::BatchLimits;
use wattmill_units::{Histogram, Power, Seconds, SimTime};

use crate::{Rates, Replica, Request, Synthetic, Tally, Usage};

/// What is asked of the replica.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// Prompt and answer lengths.
    pub lengths: &'a Lengths,
    /// Arrival process in front of the router.
    pub arrivals: Arrivals,
    /// Replicas that share the router: round robin over `n` smooths each one's arrivals, their gaps
    /// being sums of `n`.
    pub replicas: u32,
    /// What is promised.
    pub slo: Slo,
    /// Seed of the traffic.
    pub seed: u64,
}

/// What limits the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// More work than the replica does, however long one waits.
    Throughput,
}

/// One rate, measured.
#[derive(Clone, Debug)]
pub struct Operating {
    /// Requests a second.
    pub rate_per_s: f64,
    /// Requests finished or rejected within the measured window.
    pub tally: Tally,
    /// Work of the measured window.
    pub usage: Usage,
    /// Length of the measured window.
    pub window: Seconds,
}

/// The outcome of a probe.
#[derive(Clone, Debug)]
pub enum Capacity {
    /// The highest sustained rate, to 1 %, and what stands in the way of more.
    Sustained {
        /// The replica at that rate.
        at: Box<Operating>,
        /// What the next higher rate fails on.
        binding: Binding,
    },
    /// Not even a request at a time stays inside the SLO.
    Infeasible {
        /// What it fails on.
        binding: Binding,
        /// Quantiles measured with next to no load.
        ttft: Seconds,
        /// The same for the time per output token.
        tpot: Seconds,
    },
}

/// Requests the window must hold, so that the quantile means something.
const LEAST_REQUESTS: f64 = 2_000.0;
/// Highest load a replica is planned at, as a fraction of what it finishes when it is never out of
/// work. Nearer to 1 a queue takes longer to settle than the hour it is planned for, and no window
/// short enough to bisect with would show it.
const MOST_UTILISATION: f64 = 0.97;
/// Requests offered while the finishing rate of a saturated replica is taken.
const SATURATED_REQUESTS: f64 = 40_000.0;
/// The bisection stops at this ratio between a rate that holds and one that does not.
const PRECISION: f64 = 1.01;

/// Finds the capacity of one replica.
pub fn probe<M: StepModel>(model: &M, limits: BatchLimits, demand: &Demand<'_>) -> Capacity {
    let unloaded = unloaded_time(model, demand);
    // A rate at which requests hardly meet.
    let mut low = 0.02 / unloaded.as_s();
    let mut good = match measure(model, limits, demand, low) {
        Ok(operating) => operating,
        Err(failed) => {
            let (binding, at) = *failed;
            let quantile =
                |h: &Histogram| Seconds::from_s(h.quantile(demand.slo.quantile) as f64 * 1e-9);
            return Capacity::Infeasible {
                binding,
                ttft: quantile(&at.tally.ttft),
                tpot: quantile(&at.tally.tpot),
            };
        }
    };
    let (mut high, mut binding) = (low, Binding::Throughput);
    // Doubling ends: no replica finishes more than its batch in one step, and what it rejects is
    // late.
    for _ in 0..64 {
        high *= 2.0;
        match measure(model, limits, demand, high) {
            Ok(operating) => (low, good) = (high, operating),
            Err(failed) => {
                binding = failed.0;
                break;
            }
        }
    }
    while high / low > PRECISION {
        let middle = (low * high).sqrt();
        match measure(model, limits, demand, middle) {
            Ok(operating) => (low, good) = (middle, operating),
            Err(failed) => (high, binding) = (middle, failed.0),
        }
    }
    let most = MOST_UTILISATION * saturated_rate(model, limits, demand, 1.5 * low);
    if good.rate_per_s > most {
        binding = Binding::Throughput;
        // Below a rate that holds: the window may still differ by chance, hence the steps down.
        let settled = [1.0, 0.98, 0.95, 0.9].into_iter();
        let mut settled = settled.map(|factor| measure(model, limits, demand, most * factor));
        if let Some(operating) = settled.find_map(Result::ok) {
            good = operating;
        }
    }
    Capacity::Sustained { at: Box::new(good), binding }
}

/// Requests a second that the replica finishes when it is offered `rate_per_s`, more than it can do.
fn saturated_rate<M: StepModel>(
    model: &M,
    limits: BatchLimits,
    demand: &Demand<'_>,
    rate_per_s: f64,
) -> f64 {
    let rates = Rates::constant(rate_per_s);
    let traffic = Synthetic::new(demand.seed, rates, demand.arrivals, demand.lengths);
    let settled = SimTime::from_seconds(settling_time(&demand.slo, demand.lengths));
    let end = settled + SimTime::from_seconds(Seconds::from_s(SATURATED_REQUESTS / rate_per_s));
    let mut replica = Replica::new(limits);
    traffic.take_while(|request| request.arrival < end).for_each(|request| replica.push(request));
    let mut tally = Tally::new(None);
    replica.run_until(model, settled, &mut tally, &mut |_| {});
    let before = tally.finished();
    replica.run_until(model, end, &mut tally, &mut |_| {});
    (tally.finished() - before) as f64 / end.since(settled).as_seconds().as_s()
}

/// Accelerator power above idle of one replica at each of `loads`, fractions of `rate_per_s`.
pub fn power_at<M: StepModel>(
    model: &M,
    limits: BatchLimits,
    demand: &Demand<'_>,
    rate_per_s: f64,
    loads: &[f64],
) -> Vec<Power> {
    let at = |load: &f64| {
        let operating = match measure(model, limits, demand, rate_per_s * load) {
            Ok(operating) => operating,
            Err(failed) => failed.1,
        };
        operating.usage.dynamic_energy() / operating.window
    };
    loads.iter().map(at).collect()
}

/// Time of a mean request alone on the replica.
fn unloaded_time<M: StepModel>(model: &M, demand: &Demand<'_>) -> Seconds {
    let input = (demand.lengths.input.mean().round() as u32).max(1);
    let output = (demand.lengths.output.mean().round() as u32).max(1);
    let alone = Request { id: 0, arrival: SimTime::ZERO, input, output };
    let blocks = u64::from(input) + u64::from(output);
    let mut replica = Replica::new(BatchLimits::new(1, input, 1, blocks));
    let mut tally = Tally::new(None);
    replica.push(alone);
    replica.run_until(model, SimTime::MAX, &mut tally, &mut |_| {});
    tally.last_finish.as_seconds().max(Seconds::from_us(1.0))
}

/// Runs the replica at `rate` past its transient and measures a window.
fn measure<M: StepModel>(
    model: &M,
    limits: BatchLimits,
    demand: &Demand<'_>,
    rate_per_s: f64,
) -> Result<Operating, Box<(Binding, Operating)>> {
    let slo = &demand.slo;
    let cv = match demand.arrivals {
        Arrivals::Poisson => 1.0,
        Arrivals::Gamma { cv } => cv,
    } / f64::from(demand.replicas.max(1)).sqrt();
    let traffic = Synthetic::new(
        demand.seed,
        Rates::constant(rate_per_s),
        Arrivals::Gamma { cv },
        demand.lengths,
    );
    let settling = settling_time(&demand.slo, demand.lengths);
    let residence = slo.ttft + slo.tpot * demand.lengths.output.mean();
    let window = (settling * 2.0).max(Seconds::from_s(LEAST_REQUESTS / rate_per_s));
    let expected = rate_per_s * window.as_s();
    let tolerated = (1.0 - slo.quantile) * expected;

    let mut replica = Replica::new(limits);
    let mut before = Tally::new(None);
    let mut tally = Tally::new(None);
    let mut warm: Option<Usage> = None;
    let (start, end) = (SimTime::from_seconds(settling), SimTime::from_seconds(settling + window));
    let slice = SimTime::from_ns((end.as_ns() / 64).max(1));
    let mut horizon = slice;
    let mut traffic = traffic.peekable();
    let measured = loop {
        let stop = horizon.min(if warm.is_none() { start } else { end });
        while let Some(request) = traffic.next_if(|request| request.arrival < stop) {
            replica.push(request);
        }
        let into = if warm.is_none() { &mut before } else { &mut tally };
        replica.run_until(model, stop, into, &mut |_| {});
        if stop == end {
            break window;
        }
        // The window can no longer end well.
        if late_ttft(&tally, slo).max(late_tpot(&tally, slo)) > 1.5 * tolerated + 3.0
            || replica.live() as f64 > 1.2 * backlog_limit(rate_per_s, residence)
        {
            break if warm.is_none() { stop } else { stop.since(start) }.as_seconds();
        }
        if stop == start {
            warm = Some(*replica.usage());
        }
        if stop == horizon {
            horizon = horizon + slice;
        }
    };

    let usage = replica.usage().since(&warm.unwrap_or_default());
    let tolerated = (1.0 - slo.quantile) * (tally.finished() + tally.rejected) as f64;
    let (late_ttft, late_tpot) = (late_ttft(&tally, slo), late_tpot(&tally, slo));
    let operating = Operating { rate_per_s, usage, window: measured, tally };
    let binding = if late_tpot > tolerated {
        Binding::Tpot
    } else if late_ttft > tolerated {
        Binding::Ttft
    } else if replica.live() as f64 > backlog_limit(rate_per_s, residence) {
        Binding::Throughput
    } else {
        return Ok(operating);
    };
    Err(Box::new((binding, operating)))
}

/// Time after which a replica that keeps `slo` has forgotten that it started empty: as long as the
/// longest answers may take.
pub fn settling_time(slo: &Slo, lengths: &Lengths) -> Seconds {
    let longest = f64::from(lengths.output.quantile(0.999));
    (slo.ttft + slo.tpot * longest).max(Seconds::from_s(2.0))
}

/// Requests in the system beyond which even a slow but punctual one could not work them off: by
/// Little's law rate × residence within the SLO, with room for chance.
fn backlog_limit(rate_per_s: f64, residence: Seconds) -> f64 {
    let mean = rate_per_s * residence.as_s();
    mean + 4.0 * mean.sqrt() + 4.0
}

/// Requests that missed the limit on the time to first token, those among them that will never have
/// one because no replica can hold them.
fn late_ttft(tally: &Tally, slo: &Slo) -> f64 {
    (tally.rejected + late(&tally.ttft, slo.ttft)) as f64
}

/// Requests that missed the limit on the time per output token.
fn late_tpot(tally: &Tally, slo: &Slo) -> f64 {
    late(&tally.tpot, slo.tpot) as f64
}

fn late(histogram: &Histogram, limit: Seconds) -> u64 {
    histogram.count() - histogram.count_at_most(SimTime::from_seconds(limit).as_ns())
}
