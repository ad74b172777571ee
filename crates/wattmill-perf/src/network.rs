//! Messages between the accelerators of a replica: latency plus size over bandwidth, per tier.

use wattmill_units::{Bytes, Energy, Flops, Seconds};

use crate::deployment::Deployment;
use crate::operator::{Bound, Operator};

/// Rates reached between accelerators, bytes per second, and the latency of small messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    domain: f64,
    allreduce: f64,
    allreduce_latency: f64,
    alltoall: f64,
    alltoall_latency: f64,
    scaleout: f64,
    scaleout_latency: f64,
}

/// Seconds of one message exchange and the bytes one accelerator sends in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exchange {
    latency: f64,
    transfer: f64,
    bytes: f64,
}

impl Exchange {
    /// As an operator that happens `times` times a step.
    pub(crate) fn operator(self, name: &'static str, times: f64) -> Operator {
        Operator {
            name,
            flops: Flops::ZERO,
            bytes: Bytes::ZERO,
            message: Bytes::from_bytes(self.bytes * times),
            time: Seconds::from_s((self.latency + self.transfer) * times),
            energy: Energy::ZERO,
            bound: if self.latency > self.transfer { Bound::Latency } else { Bound::Communication },
        }
    }
}

impl Network {
    pub(crate) fn of(deployment: &Deployment<'_>) -> Self {
        let (chip, share) = (deployment.accelerator, deployment.efficiency);
        let scaleup = chip.scaleup.map_or(0.0, |r| r.as_bytes_per_s());
        let scaleout = chip.scaleout.map_or(0.0, |r| r.as_bytes_per_s());
        Self {
            domain: f64::from(deployment.accelerators_per_domain),
            allreduce: share.allreduce * scaleup,
            allreduce_latency: share.allreduce_latency.as_s(),
            alltoall: share.alltoall * scaleup,
            alltoall_latency: share.alltoall_latency.as_s(),
            scaleout: share.scaleout * scaleout,
            scaleout_latency: share.scaleout_latency.as_s(),
        }
    }

    /// Sums `bytes` over `n` accelerators: within each domain, then between domains, every
    /// accelerator carrying its part over its own port.
    pub(crate) fn allreduce(&self, bytes: f64, n: f64) -> Exchange {
        let inside = n.min(self.domain);
        let mut exchange = Exchange::default();
        if inside > 1.0 {
            exchange.bytes = 2.0 * (inside - 1.0) / inside * bytes;
            exchange.transfer = exchange.bytes / self.allreduce;
            exchange.latency = self.allreduce_latency * hops(inside);
        }
        let domains = (n / self.domain).ceil();
        if domains > 1.0 {
            let part = 2.0 * (domains - 1.0) / domains * bytes / inside;
            exchange.bytes += part;
            exchange.transfer += part / self.scaleout;
            exchange.latency += self.scaleout_latency * hops(domains);
        }
        exchange
    }

    /// Each of `n` accelerators sends rows of `bytes` altogether to `copies` parties picked evenly, a
    /// party being `party` neighbours that all need the row. What leaves the domain is sent once per
    /// domain and handed on inside it; both at once.
    pub(crate) fn scatter(&self, bytes: f64, copies: f64, party: f64, n: f64) -> Exchange {
        let inside = n.min(self.domain);
        let mut exchange = Exchange::default();
        if n <= 1.0 {
            return exchange;
        }
        let sent = bytes * reached(n, party, copies) * (n - 1.0) / n;
        exchange.bytes = sent;
        if inside > 1.0 {
            exchange.transfer = sent / self.alltoall;
            exchange.latency = self.alltoall_latency * hops(inside);
        }
        let domains = (n / self.domain).ceil();
        if domains > 1.0 {
            let party = (party / self.domain).max(1.0);
            let out = bytes * reached(domains, party, copies) * (domains - 1.0) / domains;
            exchange.transfer = exchange.transfer.max(out / self.scaleout);
            exchange.latency += self.scaleout_latency;
        }
        exchange
    }

    /// Every accelerator of `n` gets the `bytes` that all hold together.
    pub(crate) fn gather(&self, bytes: f64, n: f64) -> Exchange {
        self.scatter(bytes / n.max(1.0), f64::INFINITY, 1.0, n)
    }

    /// One accelerator of a replica of `n` sends `bytes` to its successor.
    pub(crate) fn send(&self, bytes: f64, n: f64) -> Exchange {
        let (rate, latency) = if n > self.domain {
            (self.scaleout, self.scaleout_latency)
        } else {
            (self.alltoall, self.alltoall_latency)
        };
        Exchange { latency, transfer: bytes / rate, bytes }
    }
}

/// Latency against that of eight accelerators; grows with the logarithm of their number.
fn hops(n: f64) -> f64 {
    (1.0 + libm::log2(n)) / 4.0
}

/// Expected number of `n` that are reached by `picks` of the `n / party` parties among them.
fn reached(n: f64, party: f64, picks: f64) -> f64 {
    n * (1.0 - libm::pow(1.0 - party / n, picks))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Network = Network {
        domain: 8.0,
        allreduce: 400e9,
        allreduce_latency: 5e-6,
        alltoall: 300e9,
        alltoall_latency: 10e-6,
        scaleout: 50e9,
        scaleout_latency: 12e-6,
    };

    fn near(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-12
    }

    #[test]
    fn an_all_reduce_sends_each_byte_twice_but_its_own_share() {
        let inside = NETWORK.allreduce(1e9, 8.0);
        assert!(near(inside.bytes, 2.0 * 7.0 / 8.0 * 1e9));
        assert!(near(inside.transfer, inside.bytes / 400e9));
        // Four domains: each accelerator carries an eighth of the sum from domain to domain.
        let across = NETWORK.allreduce(1e9, 32.0);
        assert!(near(across.bytes - inside.bytes, 2.0 * 3.0 / 4.0 * 1e9 / 8.0));
        assert!(near(across.transfer - inside.transfer, (across.bytes - inside.bytes) / 50e9));
    }

    #[test]
    fn a_row_goes_to_every_accelerator_that_holds_a_part_of_its_expert() {
        let whole = NETWORK.scatter(1e6, 1.0, 1.0, 8.0);
        let cut = NETWORK.scatter(1e6, 1.0, 4.0, 8.0);
        assert!(near(whole.bytes, 1e6 * 7.0 / 8.0));
        assert!(near(cut.bytes, 4.0 * whole.bytes));
        // All of one expert lies in one domain: it leaves its own once.
        let (whole, cut) =
            (NETWORK.scatter(1e9, 1.0, 1.0, 64.0), NETWORK.scatter(1e9, 1.0, 4.0, 64.0));
        assert!(near(whole.transfer, 1e9 * 7.0 / 8.0 / 50e9));
        assert!(near(cut.transfer, whole.transfer));
    }

    #[test]
    fn a_gather_brings_what_the_others_hold() {
        assert!(near(NETWORK.gather(1e9, 8.0).bytes, 7.0 / 8.0 * 1e9));
        assert!(near(NETWORK.gather(1e9, 1.0).bytes + 1.0, 1.0));
    }
}
