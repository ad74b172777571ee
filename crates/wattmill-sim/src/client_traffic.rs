//! Traffic as the superposition of clients.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wattmill_factory::{Client, ClientWindow, Clients, GapShape, Lengths};
use wattmill_units::{SimTime, Stream};

use crate::{Ask, Request};

/// Requests of [`Clients`], in order of (arrival, client); ends with their last window.
///
/// In each window a client's arrivals are a stationary renewal process of the window's rate and shape:
/// however bunched, a window brings as many requests as its rate says on average. Every client draws
/// from streams of its own, so one client more or less changes nothing about the others. Clients
/// whose lengths were not recorded draw from those of a client that has some, chosen for each request
/// by how much the clients ask. A request costs the logarithm of the number of clients, and memory is
/// that of the clients.
#[derive(Clone, Debug)]
pub struct ClientTraffic<'a> {
    of: &'a Clients,
    lengths: Option<&'a Lengths>,
    states: Vec<State>,
    order: BinaryHeap<Reverse<(SimTime, u32)>>,
    /// Clients that have lengths, each with the sum of what it and those before it ask.
    recorded: Vec<(f64, u32)>,
    next_id: u64,
}

#[derive(Clone, Debug)]
struct State {
    gaps: Stream,
    tokens: Stream,
    /// Window it is in.
    window: usize,
    law: Law,
    /// Nanoseconds into the window; negative before its first request.
    at_ns: f64,
}

impl<'a> ClientTraffic<'a> {
    /// Traffic of world `seed`, of which `lengths` says how long every request is. Without them each
    /// client has its own; then `None` if no client has any.
    pub fn new(seed: u64, of: &'a Clients, lengths: Option<&'a Lengths>) -> Option<Self> {
        let mut recorded = Vec::new();
        let mut sum = 0.0;
        for (index, client) in (0..).zip(&of.clients) {
            let asked: f64 = client.windows.iter().map(|window| window.per_s).sum();
            if !client.lengths.is_empty() && asked > 0.0 {
                sum += asked;
                recorded.push((sum, index));
            }
        }
        if lengths.is_none() && recorded.is_empty() {
            return None;
        }
        let states: Vec<State> = of.clients.iter().map(|client| State::new(seed, client)).collect();
        let order = BinaryHeap::with_capacity(states.len());
        let mut traffic = Self { of, lengths, states, order, recorded, next_id: 0 };
        (0..traffic.states.len() as u32).for_each(|client| traffic.plan(client));
        Some(traffic)
    }

    /// Files the next request of `client`, if it has one.
    fn plan(&mut self, client: u32) {
        let windows = &self.of.clients[client as usize].windows;
        if let Some(at) = self.states[client as usize].advance(windows, self.of.window) {
            self.order.push(Reverse((at, client)));
        }
    }

    fn tokens(&mut self, client: u32, at: SimTime) -> (u32, u32) {
        let stream = &mut self.states[client as usize].tokens;
        if let Some(lengths) = self.lengths {
            return lengths.draw(stream);
        }
        let mut client = &self.of.clients[client as usize];
        if client.lengths.is_empty() {
            let total = self.recorded.last().map_or(0.0, |last| last.0);
            let drawn = stream.uniform() * total;
            let place = self.recorded.partition_point(|(sum, _)| *sum <= drawn);
            let place = place.min(self.recorded.len() - 1);
            client = &self.of.clients[self.recorded[place].1 as usize];
        }
        let lengths = client.lengths_at(at).expect("only clients with lengths are chosen");
        (lengths.input.draw(stream), lengths.output.draw(stream))
    }
}

impl Iterator for ClientTraffic<'_> {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        let Reverse((arrival, client)) = self.order.pop()?;
        let (input, output) = self.tokens(client, arrival);
        self.plan(client);
        let id = self.next_id;
        self.next_id += 1;
        Some(Ask::alone(Request { id, arrival, input, output }))
    }
}

impl State {
    fn new(seed: u64, client: &Client) -> Self {
        let mut gaps = Stream::new(seed, "client gaps", client.id);
        let (law, at_ns) = match client.windows.first() {
            Some(window) => Law::enter(window, &mut gaps),
            None => (Law::NONE, 0.0),
        };
        let tokens = Stream::new(seed, "client tokens", client.id);
        Self { gaps, tokens, window: 0, law, at_ns }
    }

    /// Time of its next request.
    fn advance(&mut self, windows: &[ClientWindow], length: SimTime) -> Option<SimTime> {
        let length_ns = length.as_ns() as f64;
        loop {
            let window = windows.get(self.window)?;
            if self.at_ns < length_ns {
                let at = window.start + SimTime::from_ns(self.at_ns as u64);
                self.at_ns += self.law.draw(&mut self.gaps);
                return Some(at);
            }
            self.window += 1;
            let next = windows.get(self.window)?;
            (self.law, self.at_ns) = Law::enter(next, &mut self.gaps);
        }
    }
}

/// Gaps of one window, ns.
#[derive(Clone, Copy, Debug)]
struct Law {
    gaps: GapShape,
    /// Mean of the gaps of a gamma, scale of those of a Weibull.
    ns: f64,
}

impl Law {
    const NONE: Self = Self { gaps: GapShape::Gamma(1.0), ns: f64::INFINITY };

    /// The law of a window, and the time to its first request: that of someone who comes to look at
    /// any moment, which is a uniform share of a gap that is met in proportion to its length.
    fn enter(window: &ClientWindow, stream: &mut Stream) -> (Self, f64) {
        let mean_ns = 1e9 / window.per_s;
        match window.gaps {
            GapShape::Gamma(shape) => {
                let met = stream.gamma(shape + 1.0) * (shape + 1.0) / shape;
                let law = Self { gaps: window.gaps, ns: mean_ns };
                (law, stream.uniform() * met * mean_ns)
            }
            GapShape::Weibull(shape) => {
                let ns = mean_ns / libm::tgamma(1.0 + 1.0 / shape);
                let power = 1.0 + 1.0 / shape;
                let met = libm::pow(stream.gamma(power) * power, 1.0 / shape);
                (Self { gaps: window.gaps, ns }, stream.uniform() * met * ns)
            }
        }
    }

    fn draw(&self, stream: &mut Stream) -> f64 {
        match self.gaps {
            GapShape::Gamma(1.0) | GapShape::Weibull(1.0) => stream.exponential() * self.ns,
            GapShape::Gamma(shape) => stream.gamma(shape) * self.ns,
            GapShape::Weibull(shape) => libm::pow(stream.exponential(), 1.0 / shape) * self.ns,
        }
    }
}
