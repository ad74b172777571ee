//! The life of a replica.

use std::fmt;

/// What a replica is doing.
///
/// ```text
///          start          started          drain
///   Down ────────► Starting ─────► Ready ◄───────► Draining
///    ▲ ▲            │  │             │     recall    │   │
///    │ └────stop────┘  │             │               │   │
///    │                 └────fail─────┴──────fail─────┘   │
///    │                          ▼                        │
///    ├──────repaired─────── Repairing                    │
///    └─────────────────────drained───────────────────────┘
/// ```
///
/// ```
/// use wattmill_policy::{ReplicaEvent, ReplicaState};
/// let mut state = ReplicaState::default();
/// for event in [ReplicaEvent::Start, ReplicaEvent::Started, ReplicaEvent::Drain] {
///     state = state.after(event)?;
/// }
/// assert!(state.has_requests() && !state.takes_requests());
/// assert_eq!(state.after(ReplicaEvent::Fail)?, ReplicaState::Repairing);
/// assert_eq!(
///     state.after(ReplicaEvent::Start).unwrap_err().to_string(),
///     "a draining replica cannot start; it can be recalled, drained or fail",
/// );
/// # Ok::<(), wattmill_policy::WrongTurn>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReplicaState {
    /// Off, with nothing in memory.
    #[default]
    Down,
    /// Coming up: the process starts and weights are loaded.
    Starting,
    /// Takes requests and answers them.
    Ready,
    /// Answers what it has and takes no more.
    Draining,
    /// Broken. What it had in hand is gone.
    Repairing,
}

/// What happens to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplicaEvent {
    /// It is told to come up.
    Start,
    /// It is up, with its weights loaded.
    Started,
    /// It is told to take no more requests.
    Drain,
    /// It is told to take requests after all.
    Recall,
    /// Its last request has left, and it goes off.
    Drained,
    /// It is told not to come up after all.
    Stop,
    /// It breaks.
    Fail,
    /// It is whole again, and off.
    Repaired,
}

impl ReplicaState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Down, Self::Starting, Self::Ready, Self::Draining, Self::Repairing];

    /// Whether a router may send it requests.
    pub const fn takes_requests(self) -> bool {
        matches!(self, Self::Ready)
    }

    /// Whether it may have requests in hand.
    pub const fn has_requests(self) -> bool {
        matches!(self, Self::Ready | Self::Draining)
    }

    /// Whether its machine is occupied and draws power.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Draining)
    }

    /// What it does after `event`. Leaving [`Self::has_requests`] by [`ReplicaEvent::Fail`] loses
    /// what it has in hand; by [`ReplicaEvent::Drained`] it has nothing in hand.
    pub const fn after(self, event: ReplicaEvent) -> Result<Self, WrongTurn> {
        use ReplicaEvent as E;
        Ok(match (self, event) {
            (Self::Down, E::Start) => Self::Starting,
            (Self::Starting, E::Started) | (Self::Draining, E::Recall) => Self::Ready,
            (Self::Ready, E::Drain) => Self::Draining,
            (Self::Starting, E::Stop)
            | (Self::Draining, E::Drained)
            | (Self::Repairing, E::Repaired) => Self::Down,
            (Self::Starting | Self::Ready | Self::Draining, E::Fail) => Self::Repairing,
            (state, event) => return Err(WrongTurn { state, event }),
        })
    }
}

impl fmt::Display for ReplicaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Down => "down",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Repairing => "repairing",
        })
    }
}

/// Something happened to a replica that cannot happen to one in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {state} replica cannot {}; it can {}", .event.verb(), .state.turns())]
pub struct WrongTurn {
    /// What the replica was doing.
    pub state: ReplicaState,
    /// What was said to have happened.
    pub event: ReplicaEvent,
}

impl ReplicaEvent {
    const fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Started => "have started",
            Self::Drain => "begin to drain",
            Self::Recall => "be recalled",
            Self::Drained => "be drained",
            Self::Stop => "be stopped",
            Self::Fail => "fail",
            Self::Repaired => "be repaired",
        }
    }
}

impl ReplicaState {
    const fn turns(self) -> &'static str {
        match self {
            Self::Down => "start",
            Self::Starting => "have started, be stopped or fail",
            Self::Ready => "begin to drain or fail",
            Self::Draining => "be recalled, drained or fail",
            Self::Repairing => "be repaired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [ReplicaEvent; 8] = [
        ReplicaEvent::Start,
        ReplicaEvent::Started,
        ReplicaEvent::Drain,
        ReplicaEvent::Recall,
        ReplicaEvent::Drained,
        ReplicaEvent::Stop,
        ReplicaEvent::Fail,
        ReplicaEvent::Repaired,
    ];

    #[test]
    fn requests_are_only_ever_in_the_hands_of_who_took_them_while_ready() {
        for state in ReplicaState::ALL {
            assert!(!state.takes_requests() || state.has_requests());
            assert!(!state.has_requests() || state.is_on());
            for event in EVENTS {
                let Ok(next) = state.after(event) else { continue };
                assert!(!next.has_requests() || state.has_requests() || next.takes_requests());
                let leaves = state.has_requests() && !next.has_requests();
                let says_so = matches!(event, ReplicaEvent::Fail | ReplicaEvent::Drained);
                assert!(!leaves || says_so, "{state} leaves its requests by {event:?}");
            }
        }
    }

    #[test]
    fn every_state_is_reached_and_left() {
        for state in ReplicaState::ALL {
            let turns = EVENTS.iter().filter_map(|event| state.after(*event).ok()).count();
            assert!(turns > 0, "{state} is a dead end");
            let enters = |from: ReplicaState| EVENTS.iter().any(|e| from.after(*e) == Ok(state));
            assert!(ReplicaState::ALL.into_iter().any(enters), "{state} is never reached");
        }
    }
}
