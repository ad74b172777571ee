//! Transfers of KV caches between replicas, with contention.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wattmill_units::SimTime;

/// What is on its way from one port to another.
#[derive(Clone, Copy, Debug)]
struct Flow {
    ports: [u32; 2],
    /// Left to send as of `since`, in billionths of a byte, so that any rate over whole nanoseconds is
    /// whole.
    left: u128,
    since: SimTime,
    /// Bytes a second.
    rate: u64,
    /// Names it for whoever started it.
    tag: u64,
    /// Raised when its end moves, so that earlier ones are void.
    epoch: u32,
    running: bool,
}

/// A network in which only the ports of the replicas can be short: between them it does not block.
///
/// Each port divides its rate evenly among its flows, and a flow gets the smaller of the shares at its
/// two ends; what the other end then has left is not given to anybody else. Time is exact: rates are
/// whole bytes a second, and a flow ends at the first whole nanosecond at which all is sent.
///
/// ```
/// use wattmill_sim::Link;
/// use wattmill_units::SimTime;
/// // Two senders of 10 bytes/s and a receiver of 15.
/// let mut link = Link::new(vec![10, 10, 15]);
/// let at = |s: u64| SimTime::from_ns(s * 1_000_000_000);
/// link.start(at(0), 0, 2, 30, 7);
/// link.start(at(1), 1, 2, 30, 8);
/// // 10 bytes in the first second, then 7 a second each.
/// assert_eq!(link.next_end().as_ns(), 3_857_142_858);
/// assert_eq!(link.take_ended(at(4)), Some(7));
/// assert_eq!(link.next_end().as_ns(), 4_857_142_858);
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    /// Bytes a second of each port, and its flows.
    ports: Vec<(u64, Vec<u32>)>,
    flows: Vec<Flow>,
    free: Vec<u32>,
    ends: BinaryHeap<Reverse<(SimTime, u64, u32, u32)>>,
    /// Ends filed so far: of equal times the one that was filed first comes first.
    filed: u64,
}

/// Billionths of a byte in a byte: those that go in a nanosecond at a byte a second.
const NANO: u128 = 1_000_000_000;

impl Link {
    /// A network with these ports, in bytes a second (at least 1 each is assumed).
    pub fn new(bytes_per_s: Vec<u64>) -> Self {
        let ports = bytes_per_s.into_iter().map(|rate| (rate.max(1), Vec::new())).collect();
        Self { ports, flows: Vec::new(), free: Vec::new(), ends: BinaryHeap::new(), filed: 0 }
    }

    /// Starts to send `bytes` from one port to another; the two may not be the same. Gives the number
    /// of the flow, which is used again once it has ended.
    pub fn start(&mut self, now: SimTime, from: u32, to: u32, bytes: u64, tag: u64) -> u32 {
        debug_assert_ne!(from, to);
        let flow = Flow {
            ports: [from, to],
            left: u128::from(bytes) * NANO,
            since: now,
            rate: 0,
            tag,
            epoch: 0,
            running: true,
        };
        let number = match self.free.pop() {
            Some(number) => {
                let epoch = self.flows[number as usize].epoch + 1;
                self.flows[number as usize] = Flow { epoch, ..flow };
                number
            }
            None => {
                self.flows.push(flow);
                (self.flows.len() - 1) as u32
            }
        };
        for port in [from, to] {
            self.ports[port as usize].1.push(number);
        }
        self.share_out(now, [from, to]);
        number
    }

    /// Stops a flow that has not ended.
    pub fn cancel(&mut self, now: SimTime, flow: u32) {
        if self.flows[flow as usize].running {
            self.remove(now, flow);
        }
    }

    /// When the first flow ends, as things are; [`SimTime::MAX`] if none is under way.
    pub fn next_end(&mut self) -> SimTime {
        while let Some(Reverse((at, _, flow, epoch))) = self.ends.peek() {
            let state = &self.flows[*flow as usize];
            if state.running && state.epoch == *epoch {
                return *at;
            }
            self.ends.pop();
        }
        SimTime::MAX
    }

    /// Takes a flow that has ended by `now`; gives its tag. Nothing may have been started or
    /// cancelled at a time after its end.
    pub fn take_ended(&mut self, now: SimTime) -> Option<u64> {
        let end = self.next_end();
        if end > now {
            return None;
        }
        let Reverse((_, _, flow, _)) = self.ends.pop()?;
        self.remove(end, flow);
        Some(self.flows[flow as usize].tag)
    }

    /// Flows under way.
    pub const fn under_way(&self) -> usize {
        self.flows.len() - self.free.len()
    }

    fn remove(&mut self, now: SimTime, flow: u32) {
        let state = &mut self.flows[flow as usize];
        state.running = false;
        let ports = state.ports;
        for port in ports {
            self.ports[port as usize].1.retain(|other| *other != flow);
        }
        self.free.push(flow);
        self.share_out(now, ports);
    }

    /// Gives every flow of two ports its share anew.
    fn share_out(&mut self, now: SimTime, ports: [u32; 2]) {
        for (which, port) in ports.into_iter().enumerate() {
            for place in 0..self.ports[port as usize].1.len() {
                let number = self.ports[port as usize].1[place];
                let flow = self.flows[number as usize];
                // Those between the two ports are in both lists.
                if which == 1 && flow.ports.contains(&ports[0]) {
                    continue;
                }
                let share = |port: u32| {
                    let (rate, flows) = &self.ports[port as usize];
                    rate / flows.len().max(1) as u64
                };
                let rate = share(flow.ports[0]).min(share(flow.ports[1])).max(1);
                if rate == flow.rate {
                    continue;
                }
                let passed = u128::from(now.since(flow.since).as_ns());
                let left = flow.left.saturating_sub(u128::from(flow.rate) * passed);
                let ns = left.div_ceil(u128::from(rate));
                let end = now + SimTime::from_ns(u64::try_from(ns).unwrap_or(u64::MAX));
                let epoch = flow.epoch + 1;
                self.flows[number as usize] = Flow { left, since: now, rate, epoch, ..flow };
                self.ends.push(Reverse((end, self.filed, number, epoch)));
                self.filed += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every flow looked at whenever anything happens: `(start, from, to, bytes)` to its end.
    fn slow(ports: &[u64], flows: &[(u64, u32, u32, u64)]) -> Vec<u64> {
        let mut left: Vec<u128> = flows.iter().map(|f| u128::from(f.3) * NANO).collect();
        let mut ends = vec![u64::MAX; flows.len()];
        let mut now = 0;
        loop {
            let running: Vec<usize> =
                (0..flows.len()).filter(|i| flows[*i].0 <= now && ends[*i] == u64::MAX).collect();
            let at = |port: u32| {
                let flows = running.iter().filter(|i| flows[**i].1 == port || flows[**i].2 == port);
                ports[port as usize] / flows.count() as u64
            };
            let rate = |i: usize| at(flows[i].1).min(at(flows[i].2)).max(1);
            let end = |i: &usize| now + left[*i].div_ceil(u128::from(rate(*i))) as u64;
            let first_end = running.iter().map(end).min();
            let next_start = flows.iter().map(|f| f.0).filter(|at| *at > now).min();
            let Some(next) = first_end.into_iter().chain(next_start).min() else { return ends };
            let rates: Vec<u64> = running.iter().map(|i| rate(*i)).collect();
            for (i, rate) in running.iter().zip(rates) {
                left[*i] = left[*i].saturating_sub(u128::from(rate) * u128::from(next - now));
                if left[*i] == 0 {
                    ends[*i] = next;
                }
            }
            now = next;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn equals_its_twin(
            ports in prop::collection::vec(1u64..5_000_000_000, 2..6),
            drawn in prop::collection::vec((0u64..2_000_000, 0u32..6, 1u32..6, 1u64..3_000_000), 1..40),
        ) {
            let count = ports.len() as u32;
            let mut flows: Vec<(u64, u32, u32, u64)> = drawn
                .into_iter()
                .map(|(at, from, further, bytes)| {
                    let from = from % count;
                    (at, from, (from + 1 + further % (count - 1)) % count, bytes)
                })
                .collect();
            flows.sort_unstable();
            let want = slow(&ports, &flows);
            let mut link = Link::new(ports);
            let mut ends = vec![u64::MAX; flows.len()];
            let mut settle = |link: &mut Link, until: SimTime| {
                while link.next_end() <= until && link.next_end() < SimTime::MAX {
                    let at = link.next_end();
                    if let Some(tag) = link.take_ended(at) {
                        ends[tag as usize] = at.as_ns();
                    }
                }
            };
            for (tag, (at, from, to, bytes)) in (0..).zip(&flows) {
                let at = SimTime::from_ns(*at);
                settle(&mut link, at);
                link.start(at, *from, *to, *bytes, tag);
            }
            settle(&mut link, SimTime::MAX);
            prop_assert_eq!(link.under_way(), 0);
            prop_assert_eq!(ends, want);
        }
    }

    #[test]
    fn a_cancelled_flow_makes_room() {
        let mut link = Link::new(vec![100, 100, 100]);
        let at = |s: u64| SimTime::from_ns(s * 1_000_000_000);
        link.start(at(0), 0, 2, 100, 1);
        let other = link.start(at(0), 1, 2, 100, 2);
        assert_eq!(link.next_end(), at(2));
        link.cancel(at(1), other);
        link.cancel(at(1), other);
        assert_eq!(link.next_end(), SimTime::from_ns(1_500_000_000));
        assert_eq!(link.take_ended(at(1)), None);
        assert_eq!(link.take_ended(at(2)), Some(1));
        assert_eq!((link.next_end(), link.under_way()), (SimTime::MAX, 0));
    }
}
