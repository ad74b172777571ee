//! Which replica of a pool a request goes to.
//!
//! A replica's load is what was reserved on it and not yet given back: nothing waits for a report,
//! so that a burst between two reports spreads as one that comes slowly does. Every decision and
//! every event costs O(log replicas) or less, whatever the kind.

use std::fmt;
use std::str::FromStr;

use wattmill_units::Ratio;

use crate::Segment;
use crate::kv_index::{Holding, KvIndex};
use crate::replica_set::ReplicaSet;
use crate::score_tree::ScoreTree;

/// How a replica is chosen.
///
/// ```
/// use wattmill_policy::{KvWeights, RouterKind};
/// let kind: RouterKind = "kv-aware".parse()?;
/// assert_eq!(kind, RouterKind::KvAware(KvWeights::default()));
/// assert_eq!(kind.to_string(), "kv-aware");
/// assert_eq!(
///     "sticky".parse::<RouterKind>().unwrap_err().to_string(),
///     "no router is called \"sticky\"; name one of round-robin, random, power-of-two, \
///      least-loaded, kv-aware",
/// );
/// # Ok::<(), wattmill_policy::UnknownRouter>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RouterKind {
    /// Each open replica in turn.
    #[default]
    RoundRobin,
    /// Any open replica, all equally likely.
    Random,
    /// The less loaded of two drawn at random.
    PowerOfTwo,
    /// The replica with the fewest tokens in hand: prompt tokens to be computed and tokens of
    /// context, both of what it runs and of what waits there.
    LeastLoaded,
    /// As [`Self::LeastLoaded`], but what a replica has of the prompt in its cache need not be
    /// computed there.
    KvAware(KvWeights),
}

impl RouterKind {
    /// All of them, with the weights they have unless told otherwise.
    pub const ALL: [Self; 5] = [
        Self::RoundRobin,
        Self::Random,
        Self::PowerOfTwo,
        Self::LeastLoaded,
        Self::KvAware(KvWeights::PUBLISHED),
    ];

    /// As text names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::Random => "random",
            Self::PowerOfTwo => "power-of-two",
            Self::LeastLoaded => "least-loaded",
            Self::KvAware(_) => "kv-aware",
        }
    }

    /// Whether it looks at the load of the replicas. One that does not may run ahead of them.
    pub const fn looks_at_load(self) -> bool {
        !matches!(self, Self::RoundRobin | Self::Random)
    }

    /// Whether it wants to be told what is in the caches.
    pub const fn looks_at_caches(self) -> bool {
        matches!(self, Self::KvAware(_))
    }
}

impl fmt::Display for RouterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for RouterKind {
    type Err = UnknownRouter;
    fn from_str(text: &str) -> Result<Self, UnknownRouter> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| UnknownRouter(text.to_owned()))
    }
}

/// There is no router of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no router is called {0:?}; name one of round-robin, random, power-of-two, least-loaded, \
     kv-aware"
)]
pub struct UnknownRouter(
    /// What was asked for.
    pub String,
);

/// What a KV-aware router weighs.
///
/// A replica costs `prompt_weight` × (prompt tokens it has to compute, with those of the request
/// that it lacks) + (tokens of context it holds): the cost of NVIDIA Dynamo's KV router, in tokens
/// instead of blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KvWeights {
    /// What a prompt token to be computed weighs, against a token of context that is held. From a
    /// 256th, in steps of it, to 1,000.
    pub prompt_weight: Ratio,
    /// A cache attracts requests only to a replica whose load is at most this multiple of the mean
    /// load of the open ones, plus [`Self::slack`]; others go to the least loaded. From 1 to 1,000.
    pub fair_share: Ratio,
    /// Tokens that a replica may have in hand beyond its fair share, so that a pool with next to
    /// nothing to do still uses its caches.
    pub slack: u32,
}

impl KvWeights {
    /// Weight 1, as in Dynamo's `kv-overlap-score-weight`; twice the mean, as in TensorRT-LLM's
    /// `kv_cache_routing_fair_share_multiplier` (both read in November 2026); and, of our own, a
    /// slack of 16,384 tokens, a few long prompts.
    pub const PUBLISHED: Self = Self {
        prompt_weight: Ratio::from_fraction(1.0),
        fair_share: Ratio::from_fraction(2.0),
        slack: 16_384,
    };
}

impl Default for KvWeights {
    fn default() -> Self {
        Self::PUBLISHED
    }
}

/// A request as a router sees it.
///
/// ```
/// use wattmill_policy::RouteAsk;
/// let ask = RouteAsk { input: 460, output: 200, prompt: &[] };
/// assert_eq!(ask.context(), 660);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteAsk<'a> {
    /// Prompt tokens.
    pub input: u32,
    /// Tokens it is expected to generate; 0 if nobody knows.
    pub output: u32,
    /// Beginning of the prompt that may be in a cache, first token first.
    pub prompt: &'a [Segment],
}

impl RouteAsk<'_> {
    /// Tokens of context it is expected to hold at last.
    pub const fn context(&self) -> u32 {
        self.input.saturating_add(self.output)
    }
}

/// What replicas have in hand, or one request of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests routed and not finished.
    pub requests: u32,
    /// Prompt tokens of theirs that are yet to be computed.
    pub prompt: u64,
    /// Tokens of context that they hold or will hold.
    pub context: u64,
}

impl Load {
    /// Tokens in hand, both kinds.
    pub const fn tokens(&self) -> u64 {
        self.prompt + self.context
    }
}

/// What a routed request was reserved, to be given back with [`Router::finished`].
///
/// It belongs to one life of one replica: after [`Router::lost`] nothing is left to give back, and
/// giving it back changes nothing.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the load stays reserved until it is given back"]
pub struct Reservation {
    replica: u32,
    life: u32,
    /// Prompt tokens still to be computed.
    prompt: u32,
    context: u32,
}

impl Reservation {
    /// Replica that the request goes to.
    pub const fn replica(&self) -> u32 {
        self.replica
    }

    /// Prompt tokens that the router still expects to be computed; at first those that it does not
    /// expect to be found in the replica's cache.
    pub const fn uncached(&self) -> u32 {
        self.prompt
    }
}

/// Routes the requests of one pool.
///
/// ```
/// use wattmill_policy::{RouteAsk, Router, RouterKind, Segment};
/// let mut router = Router::new(RouterKind::KvAware(Default::default()), 3);
/// let prompt = [Segment { content: 7, tokens: 400 }];
/// let ask = RouteAsk { input: 460, output: 200, prompt: &prompt };
///
/// let mut first = router.route(&ask, 0).expect("all are open");
/// assert_eq!((first.replica(), first.uncached()), (0, 460));
/// assert_eq!(router.load(0).tokens(), 460 + 660, "reserved before anybody reports");
/// let other = router.route(&ask, 0).expect("all are open");
/// assert_eq!(other.replica(), 1, "0 is loaded and nobody has the prompt");
///
/// router.prefilled(&mut first, 460);
/// router.finished(first);
/// router.stored(0, 7);
/// let third = router.route(&ask, 0).expect("all are open");
/// assert_eq!((third.replica(), third.uncached()), (0, 60), "0 has it, 2 would be as idle");
/// router.finished(other);
/// router.finished(third);
/// assert_eq!(router.total().tokens(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Router {
    kind: RouterKind,
    scale: Scale,
    loads: Vec<Load>,
    lives: Vec<u32>,
    open: ReplicaSet,
    /// The open ones in no particular order, and each one's place there, for those who draw.
    opened: Vec<u32>,
    places: Vec<u32>,
    /// Where the next turn begins.
    next: u32,
    /// Scores of the open ones.
    scores: ScoreTree,
    /// Sum of those scores.
    total: u64,
    caches: KvIndex,
}

/// Loads as scores: tokens of context times [`Self::UNIT`].
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Score of a prompt token.
    prompt: u64,
    fair_share: f64,
    slack: u64,
}

impl Scale {
    /// Score of a token of context: weights are held to a 256th.
    const UNIT: u64 = 256;
    /// Beyond this a weight only means "nothing else counts".
    const MOST: f64 = 1000.0;

    fn new(kind: RouterKind) -> Self {
        let weights = match kind {
            RouterKind::KvAware(weights) => weights,
            _ => KvWeights::PUBLISHED,
        };
        let prompt = weights.prompt_weight.as_fraction().min(Self::MOST);
        Self {
            prompt: ((prompt * Self::UNIT as f64).round() as u64).max(1),
            fair_share: weights.fair_share.as_fraction().clamp(1.0, Self::MOST),
            slack: u64::from(weights.slack) * Self::UNIT,
        }
    }

    const fn score(&self, load: &Load) -> u64 {
        load.prompt * self.prompt + load.context * Self::UNIT
    }
}

/// The cheapest so far.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// Score of the replica with the request on it, but for the request's context, which is the
    /// same everywhere.
    cost: u64,
    replica: u32,
    uncached: u32,
}

impl Router {
    /// A router of `replicas` replicas, all of them open and idle.
    pub fn new(kind: RouterKind, replicas: u32) -> Self {
        let mut router = Self {
            kind,
            scale: Scale::new(kind),
            loads: vec![Load::default(); replicas as usize],
            lives: vec![0; replicas as usize],
            open: ReplicaSet::none_of(replicas),
            opened: Vec::new(),
            places: vec![0; replicas as usize],
            next: 0,
            scores: ScoreTree::new(replicas),
            total: 0,
            caches: KvIndex::new(replicas),
        };
        (0..replicas).for_each(|replica| router.open(replica));
        router
    }

    /// How it chooses.
    pub const fn kind(&self) -> RouterKind {
        self.kind
    }

    /// Replicas that requests may go to.
    pub const fn open_replicas(&self) -> u32 {
        self.open.len()
    }

    /// Whether requests may go to `replica`.
    pub fn is_open(&self, replica: u32) -> bool {
        self.open.contains(replica)
    }

    /// Requests may go to `replica` from now on.
    pub fn open(&mut self, replica: u32) {
        if !self.open.insert(replica) {
            return;
        }
        self.places[replica as usize] = self.opened.len() as u32;
        self.opened.push(replica);
        let score = self.scale.score(&self.loads[replica as usize]);
        self.total += score;
        if self.kind.looks_at_load() {
            self.scores.set(replica, score);
        }
    }

    /// No request goes to `replica` any more. What it has in hand stays reserved until it is done,
    /// and what it has in its cache stays known.
    pub fn close(&mut self, replica: u32) {
        if !self.open.remove(replica) {
            return;
        }
        let place = self.places[replica as usize];
        self.opened.swap_remove(place as usize);
        if let Some(moved) = self.opened.get(place as usize) {
            self.places[*moved as usize] = place;
        }
        self.total -= self.scale.score(&self.loads[replica as usize]);
        if self.kind.looks_at_load() {
            self.scores.set(replica, ScoreTree::ABSENT);
        }
    }

    /// `replica` is gone with all it had in hand and in its cache; it is closed. When it comes back
    /// and is opened, it is idle and empty.
    pub fn lost(&mut self, replica: u32) {
        self.close(replica);
        self.loads[replica as usize] = Load::default();
        let life = &mut self.lives[replica as usize];
        *life = life.wrapping_add(1);
        self.caches.forget(replica);
    }

    /// Chooses the replica of `ask` and reserves its load there; `None` if none is open. `draw` is
    /// 64 random bits, which decide where chance has a part.
    pub fn route(&mut self, ask: &RouteAsk<'_>, draw: u64) -> Option<Reservation> {
        let open = self.opened.len() as u32;
        if open == 0 {
            return None;
        }
        let (replica, uncached) = match self.kind {
            RouterKind::RoundRobin => {
                let in_turn = self.open.first_from(self.next);
                let replica = in_turn.or_else(|| self.open.first_from(0))?;
                self.next = replica + 1;
                (replica, ask.input)
            }
            RouterKind::Random => (self.opened[below(draw >> 32, open)], ask.input),
            RouterKind::PowerOfTwo => (self.less_loaded_of_two(draw), ask.input),
            RouterKind::LeastLoaded => (self.scores.lowest()?.1, ask.input),
            RouterKind::KvAware(_) => {
                let choice = self.cheapest(ask)?;
                (choice.replica, choice.uncached)
            }
        };
        let context = ask.context();
        self.change(replica, |load| {
            load.requests += 1;
            load.prompt += u64::from(uncached);
            load.context += u64::from(context);
        });
        let life = self.lives[replica as usize];
        Some(Reservation { replica, life, prompt: uncached, context })
    }

    /// `tokens` more of the request's prompt are computed. More than were reserved do no harm: the
    /// replica may have found less in its cache than was expected.
    pub fn prefilled(&mut self, reserved: &mut Reservation, tokens: u32) {
        let tokens = tokens.min(reserved.prompt);
        reserved.prompt -= tokens;
        if tokens > 0 && reserved.life == self.lives[reserved.replica as usize] {
            self.change(reserved.replica, |load| load.prompt -= u64::from(tokens));
        }
    }

    /// The request has left its replica, answered or not: gives back what it was reserved.
    pub fn finished(&mut self, reserved: Reservation) {
        if reserved.life == self.lives[reserved.replica as usize] {
            self.change(reserved.replica, |load| {
                load.requests -= 1;
                load.prompt -= u64::from(reserved.prompt);
                load.context -= u64::from(reserved.context);
            });
        }
    }

    /// `replica` has `content` in its cache from now on. Told to a router that does not look at
    /// caches, it is not kept.
    pub fn stored(&mut self, replica: u32, content: u64) {
        if self.kind.looks_at_caches() {
            self.caches.store(replica, content);
        }
    }

    /// `replica` has `content` in its cache no longer.
    pub fn evicted(&mut self, replica: u32, content: u64) {
        if self.kind.looks_at_caches() {
            self.caches.evict(replica, content);
        }
    }

    /// What `replica` has in hand.
    pub fn load(&self, replica: u32) -> Load {
        self.loads[replica as usize]
    }

    /// What all replicas have in hand, open or not.
    pub fn total(&self) -> Load {
        self.loads.iter().fold(Load::default(), |sum, load| Load {
            requests: sum.requests + load.requests,
            prompt: sum.prompt + load.prompt,
            context: sum.context + load.context,
        })
    }

    fn change(&mut self, replica: u32, change: impl FnOnce(&mut Load)) {
        let load = &mut self.loads[replica as usize];
        let before = self.scale.score(load);
        change(load);
        let after = self.scale.score(load);
        if self.open.contains(replica) {
            self.total = self.total - before + after;
            if self.kind.looks_at_load() {
                self.scores.set(replica, after);
            }
        }
    }

    fn less_loaded_of_two(&self, draw: u64) -> u32 {
        let open = self.opened.len() as u32;
        let first = below(draw >> 32, open);
        if open == 1 {
            return self.opened[first];
        }
        // Drawn among the others, so that the two are never one.
        let other = below(draw & u64::from(u32::MAX), open - 1);
        let second = other + usize::from(other >= first);
        let pair = [self.opened[first], self.opened[second]].map(|r| (self.scores.get(r), r));
        pair[0].min(pair[1]).1
    }

    /// The replica on which the request costs least, of those that its cache may attract it to and
    /// the least loaded.
    fn cheapest(&mut self, ask: &RouteAsk<'_>) -> Option<Choice> {
        let Self { scale, scores, caches, .. } = self;
        let lowest = scores.lowest()?;
        let whole = u64::from(ask.input) * scale.prompt;
        let mut best = Choice { cost: lowest.0 + whole, replica: lowest.1, uncached: ask.input };
        let mean = self.total as f64 / f64::from(self.open.len());
        let beyond_fair = ((mean * scale.fair_share) as u64 + scale.slack + 1, 0);
        caches.walk(ask.prompt, |holding, tokens| {
            let uncached = ask.input - (tokens.min(u64::from(ask.input)) as u32);
            let prompt = u64::from(uncached) * scale.prompt;
            // Being chosen never overloads the least loaded.
            let cost = lowest.0 + prompt;
            if holding.contains(lowest.1) && (cost, lowest.1) < (best.cost, best.replica) {
                best = Choice { cost, replica: lowest.1, uncached };
            }
            let Some(dearest) = best.cost.checked_sub(prompt) else { return };
            let below = (dearest, best.replica).min(beyond_fair);
            let found = match holding {
                Holding::Set(set) => scores.lowest_in(set, below),
                Holding::List(list) => {
                    let scored = list.iter().map(|replica| (scores.get(*replica), *replica));
                    scored.min().filter(|found| *found < below)
                }
            };
            if let Some(found) = found {
                best = Choice { cost: found.0 + prompt, replica: found.1, uncached };
            }
        });
        Some(best)
    }
}

/// 32 random bits as a place below `n`.
const fn below(bits: u64, n: u32) -> usize {
    ((bits * n as u64) >> 32) as usize
}
