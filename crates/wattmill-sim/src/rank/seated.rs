//! Who sits where: what a rank shows to whoever watches it step by step.

use wattmill_units::SimTime;

use super::{Rank, ticks_at};

/// What a seat's sequence is doing between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Its prompt is being computed.
    Prefilling,
    /// It produces a token a step.
    Decoding,
    /// It was preempted, and its cache dropped or swapped out.
    Away { swapped: bool },
}

/// A sequence that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seated {
    /// Its request.
    pub(crate) id: u64,
    /// Number of its latest admission; 0 while it is preempted.
    pub(crate) admission: u64,
    /// When its first token was there; zero before.
    pub(crate) first_token: SimTime,
    pub(crate) doing: Doing,
}

impl Rank {
    /// Every seat, those that nobody sits in too.
    pub(crate) fn seated(&self) -> impl Iterator<Item = Option<Seated>> {
        (0..).zip(&self.desk.seats).map(|(seat, state)| {
            let doing = match self.partial {
                Some(partial) if partial.seat == seat => Doing::Prefilling,
                _ if state.admission > 0 => Doing::Decoding,
                _ => {
                    let away = self.desk.preempted.iter().find(|away| away.seat == seat)?;
                    Doing::Away { swapped: away.swapped }
                }
            };
            let (id, admission) = (state.request.id, state.admission);
            Some(Seated { id, admission, first_token: state.first_token, doing })
        })
    }

    /// Requests that have come by `clock` and wait to be admitted, preempted ones among them.
    pub(crate) fn waiting_at(&self, clock: u128) -> usize {
        let by = |at: SimTime| ticks_at(at.as_ns()) <= clock;
        let requests = self.desk.inbox.partition_point(|request| by(request.arrival));
        let residents = self.desk.residents.partition_point(|resident| by(resident.ready));
        requests + residents + self.desk.preempted.len()
    }
}
