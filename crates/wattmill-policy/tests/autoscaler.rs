//! The autoscaler in a small world of its own: replicas that take time to come up and to drain.

use proptest::prelude::*;
use wattmill_policy::{Autoscaler, PoolView, ScaleAction, ScaleError, ScaleReason, ScaleRules};
use wattmill_units::{Ratio, SimTime, Stream};

const SECOND: u64 = 1_000_000_000;
const TICK: u64 = 10 * SECOND;

const fn seconds(s: u64) -> SimTime {
    SimTime::from_ns(s * SECOND)
}

/// A pool that does what it is told.
struct World {
    scaler: Autoscaler,
    now: u64,
    ready: u32,
    /// When those that start are ready, and when those that drain are empty.
    starting: Vec<u64>,
    draining: Vec<u64>,
    waiting: f64,
    sustained: f64,
    /// What a replica sustains in truth.
    truly: f64,
    drain: u64,
    allowed: u32,
    /// Requests of each tick that are late although there are enough replicas.
    late: u64,
    changes: Vec<(u64, ScaleAction)>,
}

impl World {
    fn new(rules: ScaleRules, ready: u32) -> Self {
        Self {
            scaler: Autoscaler::new(rules).expect("the rules are sound"),
            now: 0,
            ready,
            starting: Vec::new(),
            draining: Vec::new(),
            waiting: 0.0,
            sustained: 2.0,
            truly: 2.0,
            drain: 30 * SECOND,
            allowed: u32::MAX,
            late: 0,
            changes: Vec::new(),
        }
    }

    fn occupied(&self) -> u32 {
        self.ready + (self.starting.len() + self.draining.len()) as u32
    }

    /// A tick at `rate` requests a second that grow by `growth` each second.
    fn tick(&mut self, rate: f64, growth: f64) {
        self.now += TICK;
        let now = self.now;
        self.ready += self.starting.extract_if(.., |ready| *ready <= now).count() as u32;
        self.draining.retain(|empty| *empty > now);
        let (asked, done) = (rate * 10.0, f64::from(self.ready) * self.truly * 10.0);
        self.waiting = (self.waiting + asked - done).max(0.0);
        // With more than nine tenths of what it can bear a replica misses its SLO.
        let came = SimTime::from_ns(now - TICK);
        let judged = if came >= self.scaler.judges_from() { asked as u64 } else { 0 };
        let missed = if asked * 10.0 > done * 9.0 { judged.div_ceil(10) } else { self.late };
        let view = PoolView {
            now: SimTime::from_ns(now),
            ready: self.ready,
            starting: self.starting.len() as u32,
            draining: self.draining.len() as u32,
            rate,
            growth,
            waiting: self.waiting as u64,
            sustained: self.sustained,
            judged,
            missed: missed.min(judged),
            allowed: self.allowed,
        };
        let most = self.scaler.rules().maximum.min(self.allowed);
        let Some(action) = self.scaler.decide(&view) else {
            assert!(self.ready + self.starting.len() as u32 <= most, "above what is allowed");
            return;
        };
        self.changes.push((now, action));
        match action {
            ScaleAction::Up { recall, start, .. } => {
                assert!(recall as usize <= self.draining.len());
                assert!(recall + start > 0, "an action that does nothing");
                self.draining.truncate(self.draining.len() - recall as usize);
                self.ready += recall;
                let there = now + self.scaler.rules().startup.as_ns();
                self.starting.extend(std::iter::repeat_n(there, start as usize));
                assert!(start == 0 || self.occupied() <= most, "above what is allowed");
            }
            ScaleAction::Down { cancel, drain, .. } => {
                assert!(cancel as usize <= self.starting.len() && drain <= self.ready);
                assert!(cancel + drain > 0, "an action that does nothing");
                self.starting.truncate(self.starting.len() - cancel as usize);
                self.ready -= drain;
                let empty = now + self.drain;
                self.draining.extend(std::iter::repeat_n(empty, drain as usize));
            }
        }
        assert!(self.ready + self.starting.len() as u32 <= most, "above what is allowed");
    }

    fn run(&mut self, time: u64, mut rate: impl FnMut(u64) -> f64) {
        for _ in 0..time / 10 {
            let rate = rate(self.now / SECOND);
            self.tick(rate, 0.0);
        }
    }
}

fn rules() -> impl Strategy<Value = ScaleRules> {
    let numbers = (0u32..8, 0u32..200, 0u64..600, 0u64..600, 0u64..200);
    let shares = (30u32..=90, 2u32..60, 1u32..=100);
    (numbers, shares).prop_map(
        |((minimum, more, startup, settle, cool_down), (target, band, step))| ScaleRules {
            minimum,
            maximum: minimum + more,
            target: Ratio::from_percent(f64::from(target)),
            hysteresis: Ratio::from_percent(f64::from(band)),
            startup: seconds(startup),
            clear_within: seconds(60),
            settle: seconds(settle),
            cool_down: seconds(cool_down),
            step_down: Ratio::from_percent(f64::from(step)),
            goal: Ratio::from_percent(99.0),
        },
    )
}

proptest! {
    /// A load that stays is answered by going up, working off the queue, and going down a step at a
    /// time; then nothing happens any more. One that trembles within the band never turns it back.
    #[test]
    fn no_flapping_at_constant_load(
        rules in rules(), start in 0u32..200, rate in 0.0..300.0f64, seed in any::<u64>(),
        trembles in any::<bool>(),
    ) {
        let mut world = World::new(rules, start);
        let mut chance = Stream::new(seed, "noise", 0);
        let noise = if trembles { rules.hysteresis.as_fraction() * 0.99 } else { 0.0 };
        let hours = 16 * 3600;
        world.run(hours, |_| rate * (1.0 - noise * chance.uniform()));
        let late = hours * SECOND / 10 * 9;
        let calm = world.changes.iter().all(|(then, _)| *then < late);
        prop_assert!(trembles || calm, "{:?}", world.changes);
        let is_up = |(_, action): &(u64, ScaleAction)| matches!(action, ScaleAction::Up { .. });
        let mut turns = world.changes.iter().skip_while(|change| is_up(change));
        prop_assert!(!turns.any(is_up), "up after down: {:?}", world.changes);
    }

    #[test]
    fn zero_traffic_goes_to_the_minimum(rules in rules(), rate in 0.0..300.0f64) {
        let mut world = World::new(rules, rules.minimum);
        world.run(3600, |_| rate);
        let before = u64::from(world.ready) + world.starting.len() as u64;
        // What waits is answered first; then at least one leaves at every cool-down.
        let wait = rules.settle.as_ns() / SECOND + rules.startup.as_ns() / SECOND + 100;
        let pause = rules.cool_down.as_ns() / SECOND + 10;
        let served = f64::from(rules.maximum) * 2.0;
        if served > 0.0 {
            let clearing = (world.waiting / served) as u64;
            world.run(clearing + wait + pause * (before + 2), |_| 0.0);
            prop_assert_eq!(world.ready, rules.minimum);
            prop_assert!(world.starting.is_empty());
        }
    }

    /// `tick` asserts it after every decision, while budgets and loads jump about.
    #[test]
    fn never_above_maximum_or_budget(
        rules in rules(), seed in any::<u64>(), drain in 0u64..2000,
    ) {
        let mut world = World::new(rules, 0);
        world.drain = drain * SECOND;
        let mut chance = Stream::new(seed, "world", 0);
        let mut rate = 0.0;
        for _ in 0..400 {
            if chance.below(10) == 0 {
                rate = chance.uniform() * 400.0;
            }
            if chance.below(20) == 0 {
                world.allowed = chance.below(150) as u32;
            }
            // Some die.
            world.ready -= chance.below(u64::from(world.ready / 10 + 1)) as u32;
            world.tick(rate, chance.uniform() - 0.5);
        }
    }

    /// More to do never means fewer replicas, neither needed nor after one decision.
    #[test]
    fn monotone_in_load(
        rules in rules(), ready in 0u32..100, rate in 0.0..300.0f64, more in 0.0..300.0f64,
        waiting in 0u64..10_000, longer in 0u64..10_000, growth in -1.0..1.0f64,
        steeper in 0.0..1.0f64, missed in any::<bool>(),
    ) {
        let view = PoolView {
            now: seconds(10_000), ready, starting: 3, draining: 2, rate, growth, waiting,
            sustained: 2.0, judged: 200, missed: if missed { 100 } else { 0 }, allowed: 150,
        };
        let after = |view: &PoolView| {
            let mut scaler = Autoscaler::new(rules).expect("the rules are sound");
            let there = view.ready + view.starting;
            match scaler.decide(view) {
                None => there,
                Some(ScaleAction::Up { recall, start, .. }) => there + recall + start,
                Some(ScaleAction::Down { cancel, drain, .. }) => there - cancel - drain,
            }
        };
        let scaler = Autoscaler::new(rules).expect("the rules are sound");
        let larger = PoolView { rate: rate + more, ..view };
        let queued = PoolView { waiting: waiting + longer, ..view };
        let growing = PoolView { growth: growth + steeper, ..view };
        for worse in [larger, queued, growing] {
            let (needs, does) = (scaler.needed(&view), scaler.needed(&worse));
            prop_assert!(needs.0 <= does.0 && needs.1 <= does.1);
            prop_assert!(needs.0 <= needs.1, "the band is upside down");
            prop_assert!(after(&view) <= after(&worse));
        }
    }
}

/// A load that jumps is met when the replicas are there, one start-up later.
#[test]
fn up_is_fast_and_down_is_slow() {
    let rules = ScaleRules { minimum: 2, maximum: 200, ..Default::default() };
    let mut world = World::new(rules, 2);
    world.run(600, |_| 2.0);
    assert_eq!((world.ready, world.changes.len()), (2, 0));
    world.run(140, |_| 100.0);
    assert!(world.ready >= 63, "{}: 100 requests a second at 80 % of 2", world.ready);
    world.run(3600, |_| 100.0);
    assert!(world.waiting == 0.0);
    let full = world.ready;
    world.changes.clear();
    world.run(290, |_| 2.0);
    assert_eq!(world.changes, [], "not within five minutes");
    world.run(60, |_| 2.0);
    assert!(world.ready >= full - full / 10 - 1, "a tenth at most: {} of {full}", world.ready);
    world.run(3600, |_| 2.0);
    assert_eq!(world.ready, 2);
}

/// A load that grows steadily is met without a queue if its growth is known, and not if it is not.
#[test]
fn growth_is_met_before_it_is_there() {
    let queue = |known: f64| {
        let rules = ScaleRules { target: Ratio::from_percent(95.0), ..Default::default() };
        let mut world = World::new(rules, 10);
        let mut longest = 0.0f64;
        for tick in 0..200 {
            world.tick(4.0 + f64::from(tick), known * 0.1);
            longest = longest.max(world.waiting);
        }
        longest
    };
    assert!(queue(1.0) < 1.0, "{}", queue(1.0));
    assert!(queue(0.0) > 100.0, "{}", queue(0.0));
}

/// Replicas that bear less than was said: it learns from the SLO, once, and does not forget by turns.
#[test]
fn a_missed_slo_is_made_up_for_without_flapping() {
    let mut world = World::new(ScaleRules::default(), 1);
    world.truly = 1.4;
    world.run(4 * 3600, |_| 50.0);
    assert!(50.0 < 0.9 * 1.4 * f64::from(world.ready), "{}", world.ready);
    assert!(world.ready <= 48, "{}", world.ready);
    let learned = |(_, action): &(u64, ScaleAction)| {
        matches!(action, ScaleAction::Up { reason: ScaleReason::Slo, .. })
    };
    assert!(world.changes.iter().any(learned), "{:?}", world.changes);
    // It is tried again, ever less often, and holds.
    let mut tried = Vec::new();
    for _ in 0..2 {
        world.changes.clear();
        let (mut short, mut low) = (0, 99);
        for _ in 0..24 * 360 {
            world.tick(50.0, 0.0);
            short += u32::from(50.0 > 0.9 * 1.4 * f64::from(world.ready));
            low = low.min(world.ready);
        }
        tried.push((world.changes.len(), short, low));
    }
    let [(first, some, lowest), (later, hardly, low)] = tried[..] else { panic!("{tried:?}") };
    assert!(first <= 12 && some <= 360 && (36..=48).contains(&lowest), "{tried:?}");
    assert!(later <= 4 && hardly <= 90 && (36..=48).contains(&low), "{tried:?}");
}

/// What a burst beyond all replicas taught is forgotten when the burst is over.
#[test]
fn a_burst_is_forgotten() {
    let rules = ScaleRules { maximum: 60, ..Default::default() };
    let mut world = World::new(rules, 1);
    world.run(3600, |_| 50.0);
    let before = world.ready;
    assert!((32..=38).contains(&before), "{before}: 50 requests a second at 80 % of 2");
    for burst in 0..3 {
        world.run(900, |_| 200.0);
        assert_eq!(world.ready, 60);
        world.run(4 * 3600, |_| 50.0);
        assert!(world.ready <= before + 1, "burst {burst}: {} of {before}", world.ready);
    }
    world.changes.clear();
    world.run(12 * 3600, |_| 50.0);
    assert_eq!(world.changes, []);
}

/// Nor is it kept where it asked for all the replicas there are.
#[test]
fn a_lesson_that_ends_at_the_maximum_is_forgotten_too() {
    let mut world = World::new(ScaleRules { maximum: 57, ..Default::default() }, 1);
    world.truly = 0.95;
    world.run(4 * 3600, |_| 50.0);
    assert_eq!(world.ready, 57, "none of which is enough");
    world.truly = 2.0;
    world.run(16 * 3600, |_| 50.0);
    assert!(world.ready <= 38, "{}", world.ready);
}

/// A few late requests of many, as a goal allows, are no reason for more replicas; a look at a count that
/// chance made high is none to keep them.
#[test]
fn a_constant_load_has_as_many_replicas_as_it_needs() {
    for (rate, need) in [(0.5, 1), (3.0, 2), (5.0, 4), (12.0, 8), (100.0, 63)] {
        let mut world = World::new(ScaleRules::default(), 1);
        let mut chance = Stream::new(7, "arrivals", need);
        let (mut beyond, mut most) = (0, 0);
        // What hysteresis and chance leave.
        let band = (need as f64 / 0.85 * 1.07) as u64 + 1;
        for tick in 0..12 * 360 {
            // Counts as of arrivals that know nothing of each other.
            let mean: f64 = rate * 10.0;
            let arrived = (mean + chance.normal() * mean.sqrt()).round().max(0.0);
            world.late = u64::from(chance.below(200) == 0) * 2;
            world.tick(arrived / 10.0, 0.0);
            if tick >= 360 {
                let ready = u64::from(world.ready);
                most = most.max(ready);
                beyond += u32::from(ready > band);
                assert!(ready >= need, "{rate}: {ready}");
            }
        }
        assert!(most <= band + 1 && beyond < 43, "{rate}: {most} of {need}, {beyond} times");
        assert!(world.changes.len() < 60, "{rate}: {:?}", world.changes);
    }
}

/// An SLO that no number of replicas keeps does not start replicas without end.
#[test]
fn an_slo_that_cannot_be_kept_stops_somewhere() {
    let rules = ScaleRules { maximum: 10_000, ..Default::default() };
    let mut world = World::new(rules, 1);
    for _ in 0..20_000 {
        world.tick(50.0, 0.0);
        world.truly = 51.0 / f64::from(world.ready.max(1));
    }
    assert!(world.ready <= 4 * 40, "{}", world.ready);
}

#[test]
fn a_budget_that_falls_binds_at_once_even_below_the_minimum() {
    let mut world = World::new(ScaleRules { minimum: 10, ..Default::default() }, 10);
    world.run(60, |_| 1.0);
    world.allowed = 4;
    world.tick(1.0, 0.0);
    let down = ScaleAction::Down { cancel: 0, drain: 6, reason: ScaleReason::Budget };
    assert_eq!(world.changes.last().map(|(_, action)| *action), Some(down));
    world.allowed = u32::MAX;
    world.tick(1.0, 0.0);
    let up = ScaleAction::Up { recall: 6, start: 0, reason: ScaleReason::Load };
    assert_eq!(world.changes.last().map(|(_, action)| *action), Some(up));
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    let broken = |change: fn(&mut ScaleRules)| {
        let mut rules = ScaleRules::default();
        change(&mut rules);
        Autoscaler::new(rules).map(|_| ()).expect_err("the rules are broken")
    };
    assert_eq!(
        broken(|rules| rules.minimum = 2000),
        ScaleError::MinimumAboveMaximum { minimum: 2000, maximum: 1024 }
    );
    let said = |change| broken(change).to_string();
    assert_eq!(
        said(|rules| rules.target = Ratio::from_percent(120.0)),
        "the target is 120 %; give it more than 0 % and at most 100 %"
    );
    assert_eq!(
        said(|rules| rules.hysteresis = Ratio::from_percent(100.0)),
        "the hysteresis is 100 %; give it 0 % or more, and less than 100 %"
    );
    assert!(said(|rules| rules.step_down = Ratio::ZERO).contains("the step down is 0 %"));
    assert!(
        said(|rules| rules.goal = Ratio::from_fraction(f64::NAN)).contains("the goal is NaN %")
    );
}
