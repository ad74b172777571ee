//! Messages between the accelerators of a replica: measured collectives inside a scale-up domain,
//! latency plus size over bandwidth between domains.

use wattmill_catalog::Overheads;
use wattmill_units::{Bytes, FlopRate, Flops, Seconds};

use crate::chip::{Chip, Surfaced};
use crate::deployment::Deployment;
use crate::kernels::{Collective, CollectiveKernel, ExchangeKernel, Kernel, Rates};
use crate::operator::{Bound, Operator, SurfaceUse};

/// Multiprocessors that engines set aside for exchanges of many tokens.
const EXCHANGE_UNITS: f64 = 20.0;
/// Share of a link that one sender reaches with one message.
const SEND: f64 = 0.7;
/// Time of the smallest message to a neighbour.
const SEND_LATENCY: f64 = 5e-6;

/// Prices of messages between accelerators.
#[derive(Clone, Debug)]
pub(crate) struct Network<'a> {
    domain: f64,
    chip: Chip<'a>,
    rates: Rates,
    overheads: Overheads,
    collectives: Vec<(Collective, Surfaced<'a>)>,
    /// Dispatch and combine of few tokens, then of many.
    exchanges: Vec<(ExchangeKernel, Surfaced<'a>)>,
    scaleout: f64,
    scaleout_latency: f64,
}

/// Seconds of one message exchange and the bytes one accelerator sends in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exchange {
    latency: f64,
    transfer: f64,
    bytes: f64,
    used: Option<SurfaceUse>,
}

impl Exchange {
    /// As an operator that happens `times` times a step, `exposed` of it not hidden.
    fn operator(self, name: &'static str, times: f64, exposed: f64, chip: &Chip<'_>) -> Operator {
        let (seconds, sent) =
            ((self.latency + self.transfer) * times * exposed, self.bytes * times);
        let run = chip.send(sent, seconds);
        Operator {
            name,
            flops: Flops::ZERO,
            peak: FlopRate::ZERO,
            bytes: Bytes::ZERO,
            message: Bytes::from_bytes(sent),
            time: Seconds::from_s(run.seconds),
            energy: chip.energy(run.joules),
            clock: run.clock,
            bound: if self.latency > self.transfer { Bound::Latency } else { Bound::Communication },
            surface: self.used,
        }
    }
}

impl<'a> Network<'a> {
    pub(crate) fn of(deployment: &Deployment<'a>, chip: &Chip<'a>) -> Self {
        let share = deployment.efficiency;
        let scaleout = deployment.accelerator.scaleout.map_or(0.0, |r| r.as_bytes_per_s());
        let collectives = Collective::ALL.into_iter().filter_map(|collective| {
            let kernel = CollectiveKernel { collective, accelerators: 2.0, bytes: 1.0 };
            Some((collective, chip.surface(&Kernel::Collective(kernel), &["bf16"])?))
        });
        let experts = deployment.model.ffn.moe;
        let layout = deployment.spec.layout;
        let kinds = [(true, false), (true, true), (false, false), (false, true)];
        let exchanges = kinds.into_iter().filter_map(|(low_latency, combine)| {
            let moe = experts?;
            let kernel = ExchangeKernel {
                combine,
                low_latency,
                tokens: 1.0,
                hidden: f64::from(deployment.model.expert_width()),
                top_k: f64::from(moe.top_k),
                experts: f64::from(moe.routed),
                accelerators: f64::from(layout.expert),
                units: EXCHANGE_UNITS,
            };
            Some((kernel, chip.surface(&Kernel::Exchange(kernel), &["fp8"])?))
        });
        Self {
            domain: f64::from(deployment.accelerators_per_domain),
            chip: chip.clone(),
            rates: chip.wide,
            overheads: chip.overheads,
            collectives: collectives.collect(),
            exchanges: exchanges.collect(),
            scaleout: share.scaleout * scaleout,
            scaleout_latency: share.scaleout_latency.as_s(),
        }
    }

    /// The same among accelerators that lie `stride` apart.
    pub(crate) fn apart(&self, stride: f64) -> Self {
        Self { domain: (self.domain / stride).floor().max(1.0), ..self.clone() }
    }

    /// A collective inside a domain, by whichever kernel of `kinds` is fastest.
    fn inside(&self, kinds: &[Collective], bytes: f64, n: f64) -> Exchange {
        let priced = self.collectives.iter().filter(|(c, _)| kinds.contains(c)).map(|(c, s)| {
            let kernel = CollectiveKernel { collective: *c, accelerators: n, bytes };
            let priced = s.pricer.price(&Kernel::Collective(kernel), &self.rates);
            Exchange {
                latency: priced.parts.launch * priced.factor,
                transfer: priced.parts.work * priced.factor,
                bytes: kernel.sent(),
                used: Some(SurfaceUse { inside: priced.inside, ..s.used }),
            }
        });
        let fastest =
            priced.min_by(|a, b| (a.latency + a.transfer).total_cmp(&(b.latency + b.transfer)));
        fastest.unwrap_or_default()
    }

    /// Sums `bytes` over `n` accelerators: within each domain, then between domains, every
    /// accelerator carrying its part over its own port.
    pub(crate) fn allreduce(&self, name: &'static str, times: f64, bytes: f64, n: f64) -> Operator {
        let inside = n.min(self.domain);
        let mut exchange = Exchange::default();
        if inside > 1.0 {
            let kinds = [Collective::EngineAllReduce, Collective::AllReduce];
            exchange = self.inside(&kinds, bytes, inside);
        }
        let domains = (n / self.domain).ceil();
        if domains > 1.0 {
            let part = 2.0 * (domains - 1.0) / domains * bytes / inside;
            exchange.bytes += part;
            exchange.transfer += part / self.scaleout;
            exchange.latency += self.scaleout_latency * hops(domains);
        }
        exchange.operator(name, times, self.overheads.exposed, &self.chip)
    }

    /// Each of `n` accelerators sends its `tokens` rows to the experts picked for them and gets
    /// them back, by whichever kernels are fastest: dispatch and combine of few tokens or of many,
    /// or gathering everything and scattering the sums. What leaves the domain is sent once per
    /// domain and handed on inside it; both at once.
    pub(crate) fn experts(&self, times: f64, tokens: f64, n: f64) -> Option<Operator> {
        let (first, _) = self.exchanges.first()?;
        let inside = n.min(self.domain);
        let mut ways: Vec<Exchange> = Vec::with_capacity(3);
        for pair in self.exchanges.chunks(2) {
            let mut both = Exchange::default();
            for (kernel, s) in pair {
                let kernel = ExchangeKernel { tokens, accelerators: inside, ..*kernel };
                let priced = s.pricer.price(&Kernel::Exchange(kernel), &self.rates);
                both.latency += priced.parts.launch * priced.factor;
                both.transfer += priced.parts.work * priced.factor;
                both.bytes += kernel.sent();
                both.used = Some(SurfaceUse { inside: priced.inside, ..s.used });
            }
            ways.push(both);
        }
        let rows = tokens * inside * first.hidden * 2.0;
        let gather = self.inside(&[Collective::AllGather], rows, inside);
        let scatter = self.inside(&[Collective::ReduceScatter], rows, inside);
        ways.push(Exchange {
            latency: gather.latency + scatter.latency,
            transfer: gather.transfer + scatter.transfer,
            bytes: gather.bytes + scatter.bytes,
            used: gather.used,
        });
        let mut exchange = ways
            .into_iter()
            .min_by(|a, b| (a.latency + a.transfer).total_cmp(&(b.latency + b.transfer)))?;
        let domains = (n / self.domain).ceil();
        if domains > 1.0 {
            let reached = domains * (1.0 - libm::pow(1.0 - 1.0 / domains, first.top_k));
            // One byte out, two back.
            let out = tokens * first.hidden * 3.0 * reached * (domains - 1.0) / domains;
            exchange.bytes += out;
            exchange.transfer = exchange.transfer.max(out / self.scaleout);
            exchange.latency += 2.0 * self.scaleout_latency;
        }
        Some(exchange.operator(
            "expert dispatch and combine",
            times,
            self.overheads.exchange,
            &self.chip,
        ))
    }

    /// Every accelerator of `n` gets the `bytes` that all hold together.
    pub(crate) fn gather(&self, name: &'static str, times: f64, bytes: f64, n: f64) -> Operator {
        let inside = n.min(self.domain);
        let mut exchange = Exchange::default();
        if inside > 1.0 {
            exchange = self.inside(&[Collective::AllGather], bytes, inside);
        }
        let domains = (n / self.domain).ceil();
        if domains > 1.0 {
            let out = bytes * (domains - 1.0) / domains / inside;
            exchange.bytes += out;
            exchange.transfer += out / self.scaleout;
            exchange.latency += self.scaleout_latency * hops(domains);
        }
        exchange.operator(name, times, 1.0, &self.chip)
    }

    /// One accelerator of a replica of `n` sends `bytes` to its successor, `times` times.
    pub(crate) fn send(&self, name: &'static str, times: f64, bytes: f64, n: f64) -> Operator {
        let (rate, latency) = if n > self.domain {
            (self.scaleout, self.scaleout_latency)
        } else {
            (self.rates.link * SEND, SEND_LATENCY)
        };
        let exchange = Exchange { latency, transfer: bytes / rate, bytes, used: None };
        exchange.operator(name, times, 1.0, &self.chip)
    }
}

/// Latency against that of eight parties; grows with the logarithm of their number.
fn hops(n: f64) -> f64 {
    (1.0 + libm::log2(n)) / 4.0
}
