//! The router against an obvious twin, and against the faults that routers in the field have had.

use proptest::prelude::*;
use wattmill_policy::{KvWeights, Load, Reservation, RouteAsk, Router, RouterKind, Segment};
use wattmill_units::{Ratio, Stream};

/// Holds the same loads in the simplest form and looks at every replica every time.
struct Twin {
    kind: RouterKind,
    loads: Vec<Load>,
    open: Vec<bool>,
    caches: Vec<Vec<u64>>,
    next: usize,
}

impl Twin {
    fn new(kind: RouterKind, replicas: usize) -> Self {
        Self {
            kind,
            loads: vec![Load::default(); replicas],
            open: vec![true; replicas],
            caches: vec![Vec::new(); replicas],
            next: 0,
        }
    }

    fn weights(&self) -> KvWeights {
        if let RouterKind::KvAware(weights) = self.kind { weights } else { KvWeights::default() }
    }

    fn score(&self, replica: usize) -> f64 {
        let load = self.loads[replica];
        load.prompt as f64 * self.weights().prompt_weight.as_fraction() + load.context as f64
    }

    fn cached(&self, ask: &RouteAsk<'_>, replica: usize) -> u32 {
        let known = |content| self.caches[replica].contains(&content);
        Segment::shared(ask.prompt, known).min(u64::from(ask.input)) as u32
    }

    /// Replica and uncached tokens; `None` also where chance decides.
    fn route(&mut self, ask: &RouteAsk<'_>) -> Option<(u32, u32)> {
        let open: Vec<usize> = (0..self.open.len()).filter(|r| self.open[*r]).collect();
        let least = *open.iter().min_by(|a, b| self.score(**a).total_cmp(&self.score(**b)))?;
        match self.kind {
            RouterKind::RoundRobin => {
                let chosen = *open.iter().find(|r| **r >= self.next).unwrap_or(&open[0]);
                self.next = chosen + 1;
                Some((chosen as u32, ask.input))
            }
            RouterKind::Random | RouterKind::PowerOfTwo => None,
            RouterKind::LeastLoaded => Some((least as u32, ask.input)),
            RouterKind::KvAware(weights) => {
                let mean = open.iter().map(|r| self.score(*r)).sum::<f64>() / open.len() as f64;
                let fair = mean * weights.fair_share.as_fraction() + f64::from(weights.slack);
                let uncached = |r: usize| ask.input - self.cached(ask, r);
                let cost = |r: usize| {
                    let prompt = f64::from(uncached(r)) * weights.prompt_weight.as_fraction();
                    self.score(r) + prompt
                };
                let fit = open.iter().filter(|r| {
                    **r == least || uncached(**r) < ask.input && self.score(**r) <= fair
                });
                let best = *fit.min_by(|a, b| cost(**a).total_cmp(&cost(**b)))?;
                Some((best as u32, uncached(best)))
            }
        }
    }
}

/// A prompt of a conversation: a system prompt, then turns, each of its own name.
fn prompt(conversation: u64, turns: u64) -> Vec<Segment> {
    let system = Segment { content: conversation % 2, tokens: 128 };
    let turn = |turn| Segment { content: 1000 + conversation * 100 + turn, tokens: 64 };
    std::iter::once(system).chain((0..turns).map(turn)).collect()
}

/// Walks router and twin through a random life together.
fn walk_together(kind: RouterKind, replicas: u32, seed: u64, events: u32) {
    let mut chance = Stream::new(seed, "router", 0);
    let mut router = Router::new(kind, replicas);
    let mut twin = Twin::new(kind, replicas as usize);
    let mut live: Vec<Reservation> = Vec::new();
    for _ in 0..events {
        let replica = chance.below(u64::from(replicas)) as u32;
        let at = replica as usize;
        match chance.below(20) {
            0 => {
                router.close(replica);
                twin.open[at] = false;
            }
            1 | 2 => {
                router.open(replica);
                twin.open[at] = true;
            }
            3 if chance.below(4) == 0 => {
                router.lost(replica);
                twin.open[at] = false;
                twin.loads[at] = Load::default();
                twin.caches[at].clear();
            }
            4..=6 if !live.is_empty() => {
                // Some of them were on a replica that is gone: the twin's load is taken from what
                // the router says is live, so that nothing can be given back twice unseen.
                let done = live.swap_remove(chance.below(live.len() as u64) as usize);
                router.finished(done);
                twin.loads.clone_from(&(0..replicas).map(|r| router.load(r)).collect());
            }
            7 | 8 if !live.is_empty() => {
                let at = chance.below(live.len() as u64) as usize;
                router.prefilled(&mut live[at], chance.below(300) as u32);
                twin.loads.clone_from(&(0..replicas).map(|r| router.load(r)).collect());
            }
            9 => {
                let conversation = chance.below(8);
                for segment in prompt(conversation, chance.below(4)) {
                    router.evicted(replica, segment.content);
                    twin.caches[at].retain(|content| *content != segment.content);
                }
            }
            10..=12 => {
                for segment in prompt(chance.below(8), chance.below(4)) {
                    router.stored(replica, segment.content);
                    twin.caches[at].push(segment.content);
                }
            }
            _ => {
                let prompt = prompt(chance.below(8), chance.below(6));
                let input = chance.below(500) as u32;
                let ask = RouteAsk { input, output: chance.below(900) as u32, prompt: &prompt };
                let before = router.total();
                let open = (0..replicas).filter(|r| router.is_open(*r)).count();
                let expected = twin.route(&ask);
                let Some(got) = router.route(&ask, chance.next_u64()) else {
                    assert_eq!(open, 0, "None although somebody is open");
                    continue;
                };
                assert!(router.is_open(got.replica()), "sent to a closed replica");
                if let Some(expected) = expected {
                    assert_eq!((got.replica(), got.uncached()), expected);
                }
                let chosen = &mut twin.loads[got.replica() as usize];
                chosen.requests += 1;
                chosen.prompt += u64::from(got.uncached());
                chosen.context += u64::from(ask.context());
                assert_eq!(router.load(got.replica()), *chosen, "reserved at once");
                let added = u64::from(got.uncached() + ask.context());
                assert_eq!(router.total().tokens(), before.tokens() + added);
                live.push(got);
            }
        }
    }
    live.into_iter().for_each(|done| router.finished(done));
    assert_eq!(router.total(), Load::default(), "all is given back, once");
}

fn kinds() -> impl Strategy<Value = RouterKind> {
    let weights = (1u32..5, 4u32..12, 0u32..2000).prop_map(|(prompt, fair, slack)| KvWeights {
        prompt_weight: Ratio::from_fraction(f64::from(prompt) / 2.0),
        fair_share: Ratio::from_fraction(f64::from(fair) / 4.0),
        slack,
    });
    prop_oneof![
        prop::sample::select(&RouterKind::ALL[..4]),
        weights.clone().prop_map(RouterKind::KvAware),
        weights.prop_map(RouterKind::KvAware),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_choice_is_that_of_the_twin(
        kind in kinds(), replicas in 1u32..150, seed in any::<u64>(), events in 1u32..600,
    ) {
        walk_together(kind, replicas, seed, events);
    }

    /// Everybody asks with the same prompt, which one replica has: it gets its share and no more.
    #[test]
    fn affinity_never_overloads_one_replica(
        replicas in 2u32..100, fair in 4u32..16, slack in 0u32..5000, requests in 1u32..800,
        prompt_weight in 1u32..100,
    ) {
        let weights = KvWeights {
            prompt_weight: Ratio::from_fraction(f64::from(prompt_weight)),
            fair_share: Ratio::from_fraction(f64::from(fair) / 4.0),
            slack,
        };
        let mut router = Router::new(RouterKind::KvAware(weights), replicas);
        router.stored(replicas / 2, 7);
        let prompt = [Segment { content: 7, tokens: 300 }];
        let ask = RouteAsk { input: 400, output: 100, prompt: &prompt };
        let weighed = |load: Load| load.prompt as f64 * f64::from(prompt_weight) + load.context as f64;
        for _ in 0..requests {
            let before: Vec<f64> = (0..replicas).map(|r| weighed(router.load(r))).collect();
            let chosen = router.route(&ask, 0).expect("all are open");
            let mean = before.iter().sum::<f64>() / before.len() as f64;
            let least = before.iter().copied().fold(f64::INFINITY, f64::min);
            let fair = mean * f64::from(fair) / 4.0 + f64::from(slack);
            let load = before[chosen.replica() as usize];
            prop_assert!(load <= fair || load == least, "{load} of a mean of {mean}");
            // The load stays: nothing finishes.
            let _ = chosen;
        }
    }

    /// Between two reports nothing comes back, and still a burst spreads evenly.
    #[test]
    fn a_burst_spreads_although_nobody_reports(replicas in 1u32..300, rounds in 1u32..5) {
        let kv = RouterKind::KvAware(KvWeights::default());
        for kind in [RouterKind::RoundRobin, RouterKind::LeastLoaded, kv] {
            let mut router = Router::new(kind, replicas);
            let ask = RouteAsk { input: 900, output: 100, prompt: &[] };
            for _ in 0..replicas * rounds {
                let reserved = router.route(&ask, 0).expect("all are open");
                prop_assert!(router.load(reserved.replica()).requests <= rounds);
            }
            prop_assert!((0..replicas).all(|r| router.load(r).requests == rounds), "{kind}");
        }
    }
}

#[test]
fn chance_reaches_every_open_replica_and_two_choices_are_better_than_one() {
    let most = |kind| {
        let mut chance = Stream::new(1, "draws", 0);
        let mut router = Router::new(kind, 64);
        (0..64).step_by(3).for_each(|closed| router.close(closed));
        let ask = RouteAsk { input: 10, output: 10, prompt: &[] };
        for _ in 0..42 * 100 {
            let reserved = router.route(&ask, chance.next_u64()).expect("most are open");
            assert_ne!(reserved.replica() % 3, 0);
        }
        let loads: Vec<u32> = (0..64).map(|r| router.load(r).requests).collect();
        assert!(loads.iter().enumerate().all(|(r, load)| (*load > 0) == (r % 3 != 0)), "{loads:?}");
        loads.into_iter().max().expect("there are some")
    };
    let (random, two) = (most(RouterKind::Random), most(RouterKind::PowerOfTwo));
    // Of balls thrown into bins: mean 100, deviation 10 at random; a handful above with two choices.
    assert!((115..150).contains(&random), "{random}");
    assert!((100..106).contains(&two), "{two}");
}

#[test]
fn a_pool_without_replicas_serves_nobody() {
    for kind in RouterKind::ALL {
        let mut router = Router::new(kind, 0);
        assert_eq!(router.route(&RouteAsk::default(), 9), None);
        assert_eq!(router.total(), Load::default());
    }
}

#[test]
fn a_reservation_of_a_life_that_is_over_gives_nothing_back() {
    for kind in RouterKind::ALL {
        let mut router = Router::new(kind, 1);
        let ask = RouteAsk { input: 5, output: 5, prompt: &[] };
        let mut old = router.route(&ask, 0).expect("it is open");
        router.lost(0);
        assert_eq!(router.route(&ask, 0), None, "a lost replica is closed");
        router.open(0);
        let new = router.route(&ask, 0).expect("it is open again");
        router.prefilled(&mut old, 3);
        router.finished(old);
        assert_eq!(router.load(0), Load { requests: 1, prompt: 5, context: 10 });
        router.finished(new);
        assert_eq!(router.load(0), Load::default());
    }
}

#[test]
fn a_long_conversation_comes_back_to_an_idle_pool() {
    let mut router = Router::new(RouterKind::KvAware(KvWeights::default()), 1024);
    router.stored(700, 3);
    let prompt = [Segment { content: 3, tokens: 120_000 }];
    let ask = RouteAsk { input: 120_100, output: 500, prompt: &prompt };
    let reserved = router.route(&ask, 0).expect("all are open");
    assert_eq!((reserved.replica(), reserved.uncached()), (700, 100));
}
