//! The queue against an obvious twin, and what an overload must not do to it.

use proptest::prelude::*;
use wattmill_policy::{Admission, Caller, Pace, QueueLimits, Shed, ShedReason};
use wattmill_units::SimTime;

const fn at(ns: u64) -> SimTime {
    SimTime::from_ns(ns)
}

/// A list in order of arrival, looked through every time.
struct Twin {
    limits: QueueLimits,
    queue: Vec<Caller>,
}

impl Twin {
    fn tokens(&self) -> u64 {
        self.queue.iter().map(|caller| u64::from(caller.tokens)).sum()
    }

    fn offer(&mut self, now: SimTime, caller: Caller, pace: Pace, shed: &mut Vec<Shed>) {
        let before = self.queue.iter().filter(|other| other.priority >= caller.priority);
        let before: u64 = before.map(|other| u64::from(other.tokens)).sum();
        let wait = (before as f64 * 1e9 / pace.tokens_per_s).round() as u64;
        if caller.deadline.is_some_and(|d| d < now + at(wait) + pace.first_token) {
            return shed.push(Shed { caller, reason: ShedReason::TooLate });
        }
        if u64::from(caller.tokens) > self.limits.tokens {
            return shed.push(Shed { caller, reason: ShedReason::QueueFull });
        }
        self.queue.push(caller);
        while self.queue.len() > self.limits.requests as usize || self.tokens() > self.limits.tokens
        {
            let lowest = self.queue.iter().map(|caller| caller.priority).min();
            let lane = |caller: &Caller| Some(caller.priority) == lowest;
            let late = |caller: &Caller| {
                lane(caller) && caller.deadline.is_some_and(|d| d < now + pace.first_token)
            };
            let latest = (0..self.queue.len()).filter(|at| late(&self.queue[*at]));
            let (at, reason) = match latest.min_by_key(|at| self.queue[*at].deadline) {
                Some(at) => (at, ShedReason::TooLate),
                None => {
                    let last = self.queue.iter().rposition(lane);
                    (last.expect("the newcomer is there"), ShedReason::QueueFull)
                }
            };
            shed.push(Shed { caller: self.queue.remove(at), reason });
        }
    }

    fn next(&mut self, now: SimTime, pace: Pace, shed: &mut Vec<Shed>) -> Option<Caller> {
        loop {
            let highest = self.queue.iter().map(|caller| caller.priority).max()?;
            let first = self.queue.iter().position(|caller| caller.priority == highest)?;
            let caller = self.queue.remove(first);
            if caller.deadline.is_none_or(|d| d >= now + pace.first_token) {
                return Some(caller);
            }
            shed.push(Shed { caller, reason: ShedReason::TooLate });
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Offer { priority: u8, patience: Option<u64>, tokens: u32 },
    Next,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let offer = (0u8..3, prop::option::of(0u64..3000), 1u32..120)
        .prop_map(|(priority, patience, tokens)| Step::Offer { priority, patience, tokens });
    let step =
        prop_oneof![5 => offer, 2 => Just(Step::Next), 2 => (0u64..400).prop_map(Step::Wait)];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn queue_and_twin_agree_and_nobody_is_lost_or_counted_twice(
        steps in steps(), requests in 0u32..20, tokens in 0u64..900, first_token in 0u64..500,
        // Tokens per second that make a whole number of nanoseconds a token.
        ns_per_token in prop::option::of(1u32..8),
    ) {
        let limits = QueueLimits { requests, tokens };
        let tokens_per_s = ns_per_token.map_or(f64::INFINITY, |ns| 1e9 / f64::from(ns));
        let pace = Pace { first_token: at(first_token), tokens_per_s };
        let mut queue = Admission::new(limits);
        let mut twin = Twin { limits, queue: Vec::new() };
        let (mut shed, mut twins_shed) = (Vec::new(), Vec::new());
        let (mut now, mut offered, mut taken) = (SimTime::ZERO, 0, Vec::new());
        for step in steps {
            let known = shed.len();
            match step {
                Step::Wait(ns) => now = now + at(ns),
                Step::Offer { priority, patience, tokens } => {
                    let deadline = patience.map(|ns| now + at(ns));
                    let caller = Caller { id: offered, priority, deadline, tokens };
                    offered += 1;
                    queue.offer(now, caller, pace, &mut shed);
                    twin.offer(now, caller, pace, &mut twins_shed);
                    let lowest = twin.queue.iter().map(|caller| caller.priority).min();
                    for gone in &shed[known..] {
                        let for_room = gone.reason == ShedReason::QueueFull;
                        prop_assert!(
                            !for_room || u64::from(gone.caller.tokens) > limits.tokens
                                || lowest.is_none_or(|lowest| gone.caller.priority <= lowest),
                            "somebody less important was kept",
                        );
                    }
                }
                Step::Next => {
                    let next = queue.next(now, pace, &mut shed);
                    prop_assert_eq!(next, twin.next(now, pace, &mut twins_shed));
                    if let Some(next) = next {
                        prop_assert!(next.deadline.is_none_or(|d| d >= now + pace.first_token));
                        taken.push(next.id);
                    }
                }
            }
            prop_assert_eq!(&shed, &twins_shed);
            prop_assert_eq!(queue.waiting() as usize, twin.queue.len());
            prop_assert_eq!(queue.tokens(), twin.tokens());
            prop_assert!(queue.waiting() <= requests && queue.tokens() <= tokens);
        }
        for gone in &shed {
            let patient = gone.caller.deadline.is_none();
            prop_assert!(!patient || gone.reason == ShedReason::QueueFull);
        }
        let mut all: Vec<u64> = shed.iter().map(|gone| gone.caller.id).collect();
        all.extend(taken);
        all.extend(twin.queue.iter().map(|caller| caller.id));
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..offered), "every one once");
    }
}

/// A thousand times more than is served, for long: the queue stays as short as it may be, the
/// important ones get through, and it says why the others did not.
#[test]
fn an_overload_is_shed_and_memory_stays_bounded() {
    let mut queue = Admission::new(QueueLimits { requests: 100, tokens: u64::MAX });
    let pace = Pace { first_token: at(10), tokens_per_s: f64::INFINITY };
    let (mut shed, mut served) = (Vec::new(), [0u32; 2]);
    for id in 0..200_000u64 {
        let (priority, now) = (u8::from(id % 2000 == 0), at(id));
        let caller = Caller { id, priority, deadline: Some(now + at(2000)), tokens: 1 };
        queue.offer(now, caller, pace, &mut shed);
        if id % 1000 == 999 {
            let next = queue.next(now, pace, &mut shed).expect("many wait");
            served[usize::from(next.priority)] += 1;
        }
        assert!(queue.waiting() <= 100);
    }
    assert_eq!(served, [100, 100], "every important one was served");
    let late = shed.iter().filter(|gone| gone.reason == ShedReason::TooLate).count();
    assert!(late > 1000, "{late}: those who waited in vain made room");
    assert_eq!(shed.len() as u32 + served[0] + served[1] + queue.waiting(), 200_000);
}
