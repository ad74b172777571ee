//! Streams of several services into one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wattmill_units::SimTime;

use crate::Ask;

/// Several streams, each in order of arrival, as one in order of (arrival, stream).
///
/// Memory is one request a stream, time a request the logarithm of the number of streams. Request
/// `i` of stream `s` of `n` gets the id `i·n + s`, which is unique and from which
/// [`origin`](Self::origin) finds both again; its service becomes the one given for its stream.
///
/// ```
/// use wattmill_sim::{Ask, Merge, Request};
/// use wattmill_units::SimTime;
/// let stream = |times: &'static [u64]| {
///     (0..).zip(times).map(|(id, ns)| {
///         Ask::alone(Request { id, arrival: SimTime::from_ns(*ns), input: 1, output: 1 })
///     })
/// };
/// let merged: Vec<_> = Merge::new(vec![(0, stream(&[1, 5])), (1, stream(&[1, 2]))])
///     .map(|ask| (ask.request.arrival.as_ns(), ask.service, ask.request.id))
///     .collect();
/// assert_eq!(merged, [(1, 0, 0), (1, 1, 1), (2, 1, 3), (5, 0, 2)]);
/// ```
pub struct Merge<I> {
    streams: Vec<(u16, I)>,
    /// The next request of each stream.
    heads: Vec<Option<Ask>>,
    order: BinaryHeap<Reverse<(SimTime, u32)>>,
}

impl<I: Iterator<Item = Ask>> Merge<I> {
    /// Over `streams`, each with its service.
    pub fn new(streams: Vec<(u16, I)>) -> Self {
        let heads = streams.iter().map(|_| None).collect();
        let mut merge = Self { streams, heads, order: BinaryHeap::new() };
        (0..merge.streams.len() as u32).for_each(|stream| merge.fetch(stream));
        merge
    }

    /// Stream and id there of the request with an id of `streams` merged ones.
    pub const fn origin(id: u64, streams: u64) -> (u64, u64) {
        (id % streams, id / streams)
    }

    fn fetch(&mut self, stream: u32) {
        let (service, asks) = &mut self.streams[stream as usize];
        let head = asks.next().map(|ask| Ask { service: *service, ..ask });
        if let Some(ask) = &head {
            self.order.push(Reverse((ask.request.arrival, stream)));
        }
        self.heads[stream as usize] = head;
    }
}

impl<I: Iterator<Item = Ask>> Iterator for Merge<I> {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        let Reverse((_, stream)) = self.order.pop()?;
        let mut ask = self.heads[stream as usize].take()?;
        let streams = self.streams.len() as u64;
        ask.request.id = ask.request.id.wrapping_mul(streams).wrapping_add(u64::from(stream));
        self.fetch(stream);
        Some(ask)
    }
}
