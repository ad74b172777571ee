//! How many replicas a pool runs.
//!
//! Up at once, by what is missing; down slowly, once the load has been lower for a while, a part at a
//! time. Between the load that adds a replica and the load that takes one away lies a band in which
//! nothing happens, so that a load that stays, or trembles within the band, changes nothing. What a
//! replica does in truth is learned from an SLO that is missed for a while, and tried again later, at
//! ever longer intervals where the lesson holds.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fmt;

use wattmill_units::{Ratio, SimTime};

use crate::Load;

/// How an [`Autoscaler`] scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleRules {
    /// Fewest replicas, also without any traffic.
    pub minimum: u32,
    /// Most replicas, those that drain included: they still occupy their machines.
    pub maximum: u32,
    /// Share of what a replica sustains that is asked of it. Above 0, at most 1.
    pub target: Ratio,
    /// By how much less than [`Self::target`] is asked of replicas before there are fewer of them.
    /// From 0 to below 1.
    pub hysteresis: Ratio,
    /// From the start of a replica to its first request: process, weights, warm-up. A growing load is
    /// met with the replicas that it will need when they are there.
    pub startup: SimTime,
    /// In which time a queue is worked off; less than a second counts as one.
    pub clear_within: SimTime,
    /// How long the load must have been lower before there are fewer replicas.
    pub settle: SimTime,
    /// From any change to the next step down.
    pub cool_down: SimTime,
    /// Most replicas of a step down, as a share of those there are; one at least. Above 0, at most 1.
    pub step_down: Ratio,
    /// Share of requests that are to be answered inside the SLO.
    pub goal: Ratio,
}

impl Default for ScaleRules {
    /// From 1 to 1,024 replicas at 80 % of what they sustain, with a band of 15 %; up in two minutes,
    /// down after five (the stabilisation window of Kubernetes' horizontal autoscaler), a tenth a
    /// minute; 99 % inside the SLO. Only the five minutes are somebody else's figure.
    fn default() -> Self {
        let minutes = |n: u64| SimTime::from_ns(n * 60_000_000_000);
        Self {
            minimum: 1,
            maximum: 1024,
            target: Ratio::from_percent(80.0),
            hysteresis: Ratio::from_percent(15.0),
            startup: minutes(2),
            clear_within: minutes(1),
            settle: minutes(5),
            cool_down: minutes(1),
            step_down: Ratio::from_percent(10.0),
            goal: Ratio::from_percent(99.0),
        }
    }
}

/// Rules that contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScaleError {
    /// No number of replicas would do.
    #[error(
        "a minimum of {minimum} replicas is above the maximum of {maximum}; lower the minimum or \
         raise the maximum"
    )]
    MinimumAboveMaximum {
        /// Fewest replicas.
        minimum: u32,
        /// Most replicas.
        maximum: u32,
    },
    /// A share that is none.
    #[error("{name} is {percent} %; give it {range}")]
    Share {
        /// Which one.
        name: &'static str,
        /// What it is.
        percent: f64,
        /// What it may be.
        range: &'static str,
    },
}

/// A pool at one moment. The actions of the last decision are already in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolView {
    /// The moment, not before that of the last view.
    pub now: SimTime,
    /// Replicas that take requests.
    pub ready: u32,
    /// Replicas that come up.
    pub starting: u32,
    /// Replicas that answer what they have and take no more.
    pub draining: u32,
    /// Requests a second asked of the pool since the last view.
    pub rate: f64,
    /// By how much that grows each second; 0 if nobody knows.
    pub growth: f64,
    /// Requests that wait, for a replica or at one for their place in its batch.
    pub waiting: u64,
    /// Requests a second that one replica sustains inside the SLO.
    pub sustained: f64,
    /// Requests that ended since the last view, of those that came after
    /// [`Autoscaler::judges_from`]: others say nothing of the replicas there are now.
    pub judged: u64,
    /// Those of them that were answered outside the SLO or not at all.
    pub missed: u64,
    /// Most replicas that power, money and machines allow at this moment.
    pub allowed: u32,
}

/// Why the number of replicas changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaleReason {
    /// More is asked than the replicas there are should bear, or replicas are gone.
    Load,
    /// The SLO is missed although by their number they should keep it.
    Slo,
    /// Less has been asked for long enough.
    Idle,
    /// More are there than are allowed.
    Budget,
}

impl fmt::Display for ScaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Load => "load",
            Self::Slo => "missed SLO",
            Self::Idle => "idle",
            Self::Budget => "budget",
        })
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleAction {
    /// More replicas.
    Up {
        /// Draining replicas that take requests again: they have their weights.
        recall: u32,
        /// Replicas to start.
        start: u32,
        /// Why.
        reason: ScaleReason,
    },
    /// Fewer replicas.
    Down {
        /// Starting replicas that are not to come up.
        cancel: u32,
        /// Ready replicas that are to drain, see [`drain_first`].
        drain: u32,
        /// Why.
        reason: ScaleReason,
    },
}

/// Keeps a pool as large as its traffic needs.
///
/// ```
/// use wattmill_policy::{Autoscaler, PoolView, ScaleAction, ScaleReason, ScaleRules};
/// use wattmill_units::SimTime;
/// let mut scaler = Autoscaler::new(ScaleRules { minimum: 1, maximum: 20, ..Default::default() })?;
/// let view = PoolView {
///     now: SimTime::ZERO,
///     ready: 1,
///     starting: 0,
///     draining: 0,
///     rate: 8.0,
///     growth: 0.0,
///     waiting: 0,
///     sustained: 2.0,
///     judged: 0,
///     missed: 0,
///     allowed: u32::MAX,
/// };
/// // 8 requests a second at 80 % of 2 each are 5 replicas.
/// let up = ScaleAction::Up { recall: 0, start: 4, reason: ScaleReason::Load };
/// assert_eq!(scaler.decide(&view), Some(up));
/// assert_eq!(scaler.decide(&PoolView { starting: 4, ..view }), None);
///
/// let error = Autoscaler::new(ScaleRules { minimum: 9, maximum: 4, ..Default::default() });
/// assert_eq!(
///     error.unwrap_err().to_string(),
///     "a minimum of 9 replicas is above the maximum of 4; lower the minimum or raise the maximum",
/// );
/// # Ok::<(), wattmill_policy::ScaleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Autoscaler {
    rules: ScaleRules,
    /// When the first view came and when the number last changed.
    since: Option<SimTime>,
    changed: SimTime,
    /// Replicas needed at least, of late: falling numbers with their moments, of which the first is
    /// the highest within [`ScaleRules::settle`].
    needs: VecDeque<(SimTime, u32)>,
    /// Latest looks, from which the rate is taken.
    looks: VecDeque<Look>,
    looked: Option<SimTime>,
    /// What a request costs over what [`PoolView::sustained`] says, as missed SLOs taught.
    dearer: f64,
    /// The figure against which that was learned.
    sustained: f64,
    /// Requests that come from then on are judged by; earlier ones found too few replicas, or the
    /// queue that those had left.
    judges_from: SimTime,
    /// Since when there are enough replicas, while that queue is not yet worked off.
    clearing: Option<SimTime>,
    /// Requests judged since a moment, and those of them outside the SLO.
    judged: (SimTime, u64, u64),
    /// When the lesson was last changed, after which time it is doubted, and whether it was.
    learned: SimTime,
    hold: SimTime,
    doubted: bool,
}

/// What was asked between two views.
#[derive(Clone, Copy, Debug)]
struct Look {
    from: SimTime,
    until: SimTime,
    arrived: f64,
}

impl Look {
    fn span(&self) -> f64 {
        self.until.since(self.from).as_seconds().as_s()
    }
}

impl Autoscaler {
    /// Beyond this it is not for want of replicas that an SLO is missed.
    const DEAREST: f64 = 4.0;
    /// Arrivals that make a rate known to 7 %, well within the usual band.
    const ARRIVALS: f64 = 200.0;
    /// Standard deviations by which a count must differ to be more than chance.
    const SURE: f64 = 3.0;
    /// A lesson is doubted after so many times [`ScaleRules::settle`], and after twice the time whenever
    /// it proved right.
    const HOLD: u64 = 4;

    /// A scaler that has seen nothing.
    pub fn new(rules: ScaleRules) -> Result<Self, ScaleError> {
        let ScaleRules { minimum, maximum, .. } = rules;
        if minimum > maximum {
            return Err(ScaleError::MinimumAboveMaximum { minimum, maximum });
        }
        let share = |name, share: Ratio, range, fits: fn(f64) -> bool| {
            let fraction = share.as_fraction();
            if fits(fraction) {
                return Ok(());
            }
            Err(ScaleError::Share { name, percent: share.as_percent(), range })
        };
        let some = "more than 0 % and at most 100 %";
        share("the target", rules.target, some, |s| s > 0.0 && s <= 1.0)?;
        share("the step down", rules.step_down, some, |s| s > 0.0 && s <= 1.0)?;
        let rest = "0 % or more, and less than 100 %";
        share("the hysteresis", rules.hysteresis, rest, |s| (0.0..1.0).contains(&s))?;
        let any = "0 % to 100 %";
        share("the goal", rules.goal, any, |s| (0.0..=1.0).contains(&s))?;
        Ok(Self {
            rules,
            since: None,
            changed: SimTime::ZERO,
            needs: VecDeque::new(),
            looks: VecDeque::new(),
            looked: None,
            dearer: 1.0,
            sustained: f64::NAN,
            judges_from: SimTime::ZERO,
            clearing: None,
            judged: (SimTime::ZERO, 0, 0),
            learned: SimTime::ZERO,
            hold: first_hold(&rules),
            doubted: false,
        })
    }

    /// How it scales.
    pub const fn rules(&self) -> &ScaleRules {
        &self.rules
    }

    /// Requests that came before this moment say nothing of the replicas there are: there were too few,
    /// or what those had left was still being worked off.
    pub const fn judges_from(&self) -> SimTime {
        self.judges_from
    }

    /// Replicas that what `view` shows needs, within what is allowed: below the first there are too
    /// few, above the second too many.
    pub fn needed(&self, view: &PoolView) -> (u32, u32) {
        let work = self.work(view);
        let target = self.rules.target.as_fraction();
        let slack = target * (1.0 - self.rules.hysteresis.as_fraction());
        let replicas = |share: f64| {
            let most = self.rules.maximum.min(view.allowed);
            ((work / share).ceil() as u32).max(self.rules.minimum).min(most)
        };
        (replicas(target), replicas(slack))
    }

    /// What is asked, in replicas at their limit.
    fn work(&self, view: &PoolView) -> f64 {
        let ahead = self.rules.startup.as_seconds().as_s() * view.growth;
        let arriving = view.rate.max(view.rate + ahead).max(0.0);
        let clearing = view.waiting as f64 / self.rules.clear_within.as_seconds().as_s().max(1.0);
        let asked = arriving + clearing;
        // Without anything asked it does not matter what a replica could do.
        if asked == 0.0 { 0.0 } else { asked * self.dearer / view.sustained.max(0.0) }
    }

    /// What to do, if anything.
    pub fn decide(&mut self, view: &PoolView) -> Option<ScaleAction> {
        let seen = &PoolView { rate: self.rate(view), ..*view };
        let present = view.ready.saturating_add(view.starting);
        let occupied = present.saturating_add(view.draining);
        let most = self.rules.maximum.min(view.allowed);
        let since = *self.since.get_or_insert(view.now);

        let learned = self.learn(seen, present);
        let (up, down) = self.needed(seen);
        while self.needs.back().is_some_and(|(_, needed)| *needed <= down) {
            self.needs.pop_back();
        }
        self.needs.push_back((view.now, down));
        let settle = self.rules.settle;
        while self.needs.front().is_some_and(|(then, _)| view.now.since(*then) > settle) {
            self.needs.pop_front();
        }

        let action = if present > most {
            Self::down(present - most, view, ScaleReason::Budget)
        } else if present < up {
            let recall = view.draining.min(up - present);
            let start = (up - present - recall).min(most.saturating_sub(occupied));
            let reason = if learned { ScaleReason::Slo } else { ScaleReason::Load };
            // What drains may occupy all that is allowed: then there is nothing to do yet.
            if recall + start == 0 {
                return None;
            }
            ScaleAction::Up { recall, start, reason }
        } else {
            let lately = self.needs.front().map_or(down, |(_, needed)| *needed);
            let settled = view.now.since(since) >= settle;
            let cooled = view.now.since(self.changed) >= self.rules.cool_down;
            // Who is seen to be too few is not made fewer before it is learned how many are enough.
            let teaches = self.dearer < Self::DEAREST && self.misses();
            if present <= lately || !settled || !cooled || teaches {
                return None;
            }
            let step = (f64::from(present) * self.rules.step_down.as_fraction()) as u32;
            Self::down((present - lately).min(step.max(1)), view, ScaleReason::Idle)
        };
        self.changed = view.now;
        self.excuse(view.now);
        Some(action)
    }

    /// Requests a second: of the last looks together, as far back as it takes to know it, but no
    /// farther than to the last one that differs from them by more than chance.
    fn rate(&mut self, view: &PoolView) -> f64 {
        let from = self.looked.replace(view.now).unwrap_or(view.now);
        let mut look = Look { from, until: view.now, arrived: 0.0 };
        look.arrived = view.rate * look.span();
        if look.span() <= 0.0 {
            return view.rate;
        }
        let sum = |looks: &VecDeque<Look>| {
            let sum = |sum: (f64, f64), look: &Look| (sum.0 + look.arrived, sum.1 + look.span());
            looks.iter().fold((0.0, 0.0), sum)
        };
        let (arrived, span) = sum(&self.looks);
        let expected = if span > 0.0 { arrived / span * look.span() } else { look.arrived };
        if (look.arrived - expected).abs() > Self::SURE * (expected.sqrt() + 1.0) {
            self.looks.clear();
        }
        self.looks.push_back(look);
        let (mut arrived, mut span) = sum(&self.looks);
        while let Some(first) = self.looks.front().copied()
            && self.looks.len() > 1
            && (arrived - first.arrived >= Self::ARRIVALS
                || view.now.since(first.from) > self.rules.settle)
        {
            (arrived, span) = (arrived - first.arrived, span - first.span());
            self.looks.pop_front();
        }
        // What is known to grow has grown since the middle of what was looked at.
        arrived / span + view.growth * (span - look.span()) / 2.0
    }

    fn down(fewer: u32, view: &PoolView, reason: ScaleReason) -> ScaleAction {
        let cancel = fewer.min(view.starting);
        ScaleAction::Down { cancel, drain: fewer - cancel, reason }
    }

    /// Takes a `share` of the replicas back that a lesson asks for, to see whether it still holds.
    fn doubt(&mut self, now: SimTime, share: f64) {
        if self.dearer > 1.0 {
            self.dearer = (self.dearer * (1.0 - share)).max(1.0);
            (self.learned, self.doubted) = (now, true);
        } else {
            // Nothing is left of it, and nobody missed it.
            (self.hold, self.doubted) = (first_hold(&self.rules), false);
        }
    }

    /// Whether more of the requests judged so far missed the SLO than the goal and chance allow.
    fn misses(&self) -> bool {
        let (_, judged, missed) = self.judged;
        let allowed = judged as f64 * (1.0 - self.rules.goal.as_fraction());
        missed as f64 > allowed + Self::SURE * allowed.max(1.0).sqrt()
    }

    /// What comes before `now` is not judged.
    fn excuse(&mut self, now: SimTime) {
        self.judges_from = now;
        self.clearing = Some(now);
        self.judged = (now, 0, 0);
    }

    /// Learns from an SLO that is missed by enough replicas that a request costs more than was said:
    /// as much more as makes a tenth more of them needed. Whether it did.
    ///
    /// A lesson is doubted after a while, by a tenth of the replicas, and after twice that while if it
    /// turns out to have been right: so none is kept for ever that a burst taught, and one that holds
    /// is tried ever less often.
    fn learn(&mut self, view: &PoolView, present: u32) -> bool {
        let idle = view.rate <= 0.0 && view.waiting == 0;
        if idle || view.sustained != self.sustained {
            self.dearer = 1.0;
            self.sustained = view.sustained;
            (self.hold, self.doubted) = (first_hold(&self.rules), false);
        }
        let (up, _) = self.needed(view);
        let most = self.rules.maximum.min(view.allowed);
        let few = f64::from((present / 10).max(1));
        let is_doubtful = view.now.since(self.learned) >= self.hold;
        if view.starting > 0 || present < up || present >= most || present == 0 {
            // More are on their way or cannot be had: nothing is to be learned from what is missed.
            if present >= most && is_doubtful {
                self.doubt(view.now, few / f64::from(present.max(1)));
            }
            self.excuse(view.now);
            return false;
        }
        if let Some(since) = self.clearing {
            // Less than a second of work is no queue; one that does not go away is a fault of its own.
            let work = view.sustained * f64::from(view.ready);
            if view.waiting as f64 > work && view.now.since(since) < self.rules.settle {
                self.excuse(view.now);
                self.clearing = Some(since);
                return false;
            }
            self.clearing = None;
        }
        let (since, judged, missed) = self.judged;
        self.judged = (since, judged + view.judged, missed + view.missed);
        if view.now.since(since) < self.rules.settle {
            return false;
        }
        let misses = self.misses();
        self.judged = (view.now, 0, 0);
        if !misses {
            if is_doubtful {
                self.doubt(view.now, few / f64::from(present));
            }
            return false;
        }
        // Half a replica less than wanted, rounded up to it.
        let wanted = f64::from(present) + few - 0.5;
        let work = self.work(view);
        let before = self.dearer;
        if work > 0.0 && work.is_finite() {
            let dearer = before * wanted * self.rules.target.as_fraction() / work;
            self.dearer = dearer.min(Self::DEAREST).max(before);
        }
        if std::mem::take(&mut self.doubted) {
            self.hold = self.hold + self.hold;
        }
        self.learned = view.now;
        self.needed(view).0 > present
    }
}

/// After which time the first lesson is doubted.
fn first_hold(rules: &ScaleRules) -> SimTime {
    SimTime::from_ns(rules.settle.as_ns().saturating_mul(Autoscaler::HOLD))
}

/// Which `count` of the `ready` replicas are to drain: those with the fewest tokens in hand, which
/// are soonest empty, and of equals the last.
///
/// ```
/// use wattmill_policy::{Load, drain_first};
/// let load = |context| Load { requests: 1, prompt: 0, context };
/// let ready = [(0, load(500)), (1, load(20)), (2, load(20)), (4, load(90))];
/// assert_eq!(drain_first(3, ready), [2, 1, 4]);
/// ```
pub fn drain_first(count: u32, ready: impl IntoIterator<Item = (u32, Load)>) -> Vec<u32> {
    let mut ready: Vec<_> = ready.into_iter().collect();
    ready.sort_unstable_by_key(|(replica, load)| (load.tokens(), Reverse(*replica)));
    ready.iter().take(count as usize).map(|(replica, _)| *replica).collect()
}
