//! Who waits, who goes next, and who is sent away.
//!
//! A queue without a limit turns an overload into answers that all come too late. This one is
//! limited in requests and in tokens, and sends away first what is worth least: the lowest priority,
//! and in it those who would come too late anyway, then the latest comers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use wattmill_units::{Seconds, SimTime};

/// Most that may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Requests.
    pub requests: u32,
    /// Tokens of their prompts.
    pub tokens: u64,
}

impl QueueLimits {
    /// No limits: memory alone ends the queue.
    pub const NONE: Self = Self { requests: u32::MAX, tokens: u64::MAX };
}

/// A request that waits to be routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Names the request.
    pub id: u64,
    /// Who goes first; the higher the earlier.
    pub priority: u8,
    /// When its first token is of no use any more; `None` if it never is.
    pub deadline: Option<SimTime>,
    /// Tokens of its prompt.
    pub tokens: u32,
}

/// How fast the queue moves, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Least time from leaving the queue to the first token.
    pub first_token: SimTime,
    /// Prompt tokens that leave the queue in a second. Infinite, or `NaN`, if nobody knows: then
    /// nobody is sent away for the queue ahead.
    pub tokens_per_s: f64,
}

impl Pace {
    /// Knows nothing: only deadlines that have passed count.
    pub const UNKNOWN: Self = Self { first_token: SimTime::ZERO, tokens_per_s: f64::INFINITY };

    fn wait(&self, tokens: u64) -> SimTime {
        let seconds = tokens as f64 / self.tokens_per_s;
        let seconds = if tokens == 0 || seconds.is_nan() { 0.0 } else { seconds };
        SimTime::from_seconds(Seconds::from_s(seconds))
    }
}

/// Why a request was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShedReason {
    /// The queue is as long as it may be, and nothing in it is worth less.
    QueueFull,
    /// Its first token would come after its deadline.
    TooLate,
}

impl fmt::Display for ShedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::QueueFull => "the queue is full",
            Self::TooLate => "it would come too late",
        })
    }
}

/// A request that was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// The request.
    pub caller: Caller,
    /// Why it was sent away.
    pub reason: ShedReason,
}

/// The queue in front of a router: higher priorities first, first come first served within one.
///
/// ```
/// use wattmill_policy::{Admission, Caller, Pace, QueueLimits, ShedReason};
/// use wattmill_units::SimTime;
/// let mut queue = Admission::new(QueueLimits { requests: 2, tokens: 10_000 });
/// let caller = |id, priority| Caller { id, priority, deadline: None, tokens: 100 };
/// let (now, mut shed) = (SimTime::ZERO, Vec::new());
/// for (id, priority) in [(1, 5), (2, 0), (3, 5)] {
///     queue.offer(now, caller(id, priority), Pace::UNKNOWN, &mut shed);
/// }
/// assert_eq!((shed[0].caller.id, shed[0].reason), (2, ShedReason::QueueFull));
/// assert_eq!(queue.next(now, Pace::UNKNOWN, &mut shed).map(|caller| caller.id), Some(1));
/// assert_eq!(queue.waiting(), 1);
///
/// let hurried = Caller { deadline: Some(SimTime::from_ns(5)), ..caller(4, 9) };
/// queue.offer(SimTime::from_ns(6), hurried, Pace::UNKNOWN, &mut shed);
/// assert_eq!((shed[1].caller.id, shed[1].reason), (4, ShedReason::TooLate));
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    limits: QueueLimits,
    lanes: BTreeMap<u8, Lane>,
    waiting: u32,
    tokens: u64,
    /// Order of arrival.
    next: u64,
}

/// Those of one priority.
#[derive(Clone, Debug, Default)]
struct Lane {
    by_arrival: BTreeMap<u64, Caller>,
    by_deadline: BTreeSet<(SimTime, u64)>,
    tokens: u64,
}

impl Lane {
    fn insert(&mut self, arrival: u64, caller: Caller) {
        self.tokens += u64::from(caller.tokens);
        self.by_deadline.extend(caller.deadline.map(|deadline| (deadline, arrival)));
        self.by_arrival.insert(arrival, caller);
    }

    fn remove(&mut self, arrival: u64) -> Option<Caller> {
        let caller = self.by_arrival.remove(&arrival)?;
        self.tokens -= u64::from(caller.tokens);
        if let Some(deadline) = caller.deadline {
            self.by_deadline.remove(&(deadline, arrival));
        }
        Some(caller)
    }

    /// Whose deadline is the first to pass, if a first token at `soonest` comes after it.
    fn too_late(&self, soonest: SimTime) -> Option<u64> {
        let (deadline, arrival) = self.by_deadline.first()?;
        (*deadline < soonest).then_some(*arrival)
    }
}

impl Admission {
    /// An empty queue.
    pub const fn new(limits: QueueLimits) -> Self {
        Self { limits, lanes: BTreeMap::new(), waiting: 0, tokens: 0, next: 0 }
    }

    /// Requests that wait.
    pub const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Tokens of their prompts.
    pub const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Takes `caller` into the queue, or sends it or others away, which is added to `shed`.
    ///
    /// It is sent away at once if at this `pace` it would come too late behind those before it.
    pub fn offer(&mut self, now: SimTime, caller: Caller, pace: Pace, shed: &mut Vec<Shed>) {
        let before = self.lanes.range(caller.priority..).map(|(_, lane)| lane.tokens).sum();
        let soonest = now + pace.wait(before) + pace.first_token;
        if caller.deadline.is_some_and(|deadline| deadline < soonest) {
            shed.push(Shed { caller, reason: ShedReason::TooLate });
            return;
        }
        // One that is too long for the queue alone must not drive out all the others first.
        if u64::from(caller.tokens) > self.limits.tokens {
            shed.push(Shed { caller, reason: ShedReason::QueueFull });
            return;
        }
        self.lanes.entry(caller.priority).or_default().insert(self.next, caller);
        self.next += 1;
        self.waiting += 1;
        self.tokens += u64::from(caller.tokens);
        while self.waiting > self.limits.requests || self.tokens > self.limits.tokens {
            let Some((priority, lane)) = self.lanes.first_key_value() else { break };
            let (late, last) =
                (lane.too_late(now + pace.first_token), lane.by_arrival.last_key_value());
            let reason = if late.is_some() { ShedReason::TooLate } else { ShedReason::QueueFull };
            let Some(victim) = late.or_else(|| last.map(|(arrival, _)| *arrival)) else { break };
            let caller = self.take(*priority, victim);
            shed.extend(caller.map(|caller| Shed { caller, reason }));
        }
    }

    /// Takes the next to be routed out of the queue; those who would come too late are sent away,
    /// which is added to `shed`.
    pub fn next(&mut self, now: SimTime, pace: Pace, shed: &mut Vec<Shed>) -> Option<Caller> {
        loop {
            let (priority, lane) = self.lanes.last_key_value()?;
            let (arrival, _) = lane.by_arrival.first_key_value()?;
            let caller = self.take(*priority, *arrival)?;
            if caller.deadline.is_none_or(|deadline| deadline >= now + pace.first_token) {
                return Some(caller);
            }
            shed.push(Shed { caller, reason: ShedReason::TooLate });
        }
    }

    /// Sends away whose deadline has passed, wherever they stand, which is added to `shed`; nobody has
    /// to wait for their turn to learn that it comes too late.
    ///
    /// ```
    /// use wattmill_policy::{Admission, Caller, Pace, QueueLimits};
    /// use wattmill_units::SimTime;
    /// let (mut queue, mut shed) = (Admission::new(QueueLimits::NONE), Vec::new());
    /// for (id, deadline) in [(1, None), (2, Some(SimTime::from_ns(5))), (3, Some(SimTime::from_ns(9)))] {
    ///     let caller = Caller { id, priority: 0, deadline, tokens: 100 };
    ///     queue.offer(SimTime::ZERO, caller, Pace::UNKNOWN, &mut shed);
    /// }
    /// queue.expire(SimTime::from_ns(6), &mut shed);
    /// assert_eq!(shed.iter().map(|shed| shed.caller.id).collect::<Vec<_>>(), [2]);
    /// assert_eq!((queue.waiting(), queue.tokens()), (2, 200));
    /// ```
    pub fn expire(&mut self, now: SimTime, shed: &mut Vec<Shed>) {
        let late = |(priority, lane): (&u8, &Lane)| Some((*priority, lane.too_late(now)?));
        while let Some((priority, arrival)) = self.lanes.iter().find_map(late)
            && let Some(caller) = self.take(priority, arrival)
        {
            shed.push(Shed { caller, reason: ShedReason::TooLate });
        }
    }

    /// Takes one out, and its lane if that is empty then.
    fn take(&mut self, priority: u8, arrival: u64) -> Option<Caller> {
        let lane = self.lanes.get_mut(&priority)?;
        let caller = lane.remove(arrival)?;
        if lane.by_arrival.is_empty() {
            self.lanes.remove(&priority);
        }
        self.waiting -= 1;
        self.tokens -= u64::from(caller.tokens);
        Some(caller)
    }
}
