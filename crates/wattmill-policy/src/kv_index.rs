//! Which replicas have which content in their caches.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Segment;
use crate::replica_set::ReplicaSet;

/// Most holders that are listed; of more a set is kept.
const LISTED: usize = 16;

/// A replica in one of its lives: what it held is gone when that life is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    replica: u32,
    life: u32,
}

/// Who holds one content.
#[derive(Clone, Debug)]
enum Holders {
    One(Holder),
    /// Of these at most [`LISTED`] live.
    Few(Vec<Holder>),
    /// Place in [`KvIndex::sets`].
    Many(u32),
}

/// Content in the caches of a pool, by content.
#[derive(Clone, Debug)]
pub(crate) struct KvIndex {
    by_content: HashMap<u64, Holders, BuildHasherDefault<ContentHasher>>,
    sets: Vec<ReplicaSet>,
    /// Places in `sets` that nobody uses.
    vacant: Vec<u32>,
    /// Which life each replica is in.
    lives: Vec<u32>,
    /// Contents that each replica holds in this life.
    held: Vec<u64>,
    /// Sum of `held`, and entries that the dead left behind (at most).
    live_entries: u64,
    dead_entries: u64,
    /// Replicas that hold the prompt so far, and those that hold one segment more.
    here: Candidates,
    further: Candidates,
}

/// Replicas that hold the beginning of a prompt.
#[derive(Clone, Debug, Default)]
struct Candidates {
    is_set: bool,
    list: Vec<u32>,
    set: ReplicaSet,
}

/// Replicas that hold the beginning of a prompt, to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holding<'a> {
    List(&'a [u32]),
    Set(&'a ReplicaSet),
}

impl Candidates {
    fn len(&self) -> usize {
        if self.is_set { self.set.len() as usize } else { self.list.len() }
    }

    fn view(&self) -> Holding<'_> {
        if self.is_set { Holding::Set(&self.set) } else { Holding::List(&self.list) }
    }

    fn contains(&self, replica: u32) -> bool {
        self.view().contains(replica)
    }
}

impl Holding<'_> {
    pub(crate) fn contains(self, replica: u32) -> bool {
        match self {
            Self::List(list) => list.contains(&replica),
            Self::Set(set) => set.contains(replica),
        }
    }
}

impl KvIndex {
    pub(crate) fn new(replicas: u32) -> Self {
        Self {
            by_content: HashMap::default(),
            sets: Vec::new(),
            vacant: Vec::new(),
            lives: vec![0; replicas as usize],
            held: vec![0; replicas as usize],
            live_entries: 0,
            dead_entries: 0,
            here: Candidates::default(),
            further: Candidates::default(),
        }
    }

    /// Contents known of.
    #[cfg(test)]
    pub(crate) fn contents(&self) -> usize {
        self.by_content.len()
    }

    /// `replica` has `content` in its cache from now on.
    pub(crate) fn store(&mut self, replica: u32, content: u64) {
        let new = Holder { replica, life: self.lives[replica as usize] };
        let lives = &self.lives;
        let lives_on = |holder: &Holder| lives[holder.replica as usize] == holder.life;
        let is_new = match self.by_content.entry(content) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Holders::One(new));
                true
            }
            std::collections::hash_map::Entry::Occupied(mut place) => match place.get_mut() {
                Holders::One(one) if *one == new => false,
                Holders::One(one) => {
                    let one = *one;
                    *place.get_mut() = if lives_on(&one) {
                        Holders::Few(vec![one, new])
                    } else {
                        Holders::One(new)
                    };
                    true
                }
                Holders::Few(few) => {
                    let is_new = !few.contains(&new);
                    if is_new {
                        few.retain(lives_on);
                        few.push(new);
                        if few.len() > LISTED {
                            let mut set = ReplicaSet::none_of(lives.len() as u32);
                            for holder in few.iter() {
                                set.insert(holder.replica);
                            }
                            let at = self.vacant.pop().unwrap_or(self.sets.len() as u32);
                            if at as usize == self.sets.len() {
                                self.sets.push(set);
                            } else {
                                self.sets[at as usize] = set;
                            }
                            *place.get_mut() = Holders::Many(at);
                        }
                    }
                    is_new
                }
                Holders::Many(at) => self.sets[*at as usize].insert(replica),
            },
        };
        self.held[replica as usize] += u64::from(is_new);
        self.live_entries += u64::from(is_new);
    }

    /// `replica` has `content` no longer.
    pub(crate) fn evict(&mut self, replica: u32, content: u64) {
        let gone = Holder { replica, life: self.lives[replica as usize] };
        let Some(holders) = self.by_content.get_mut(&content) else { return };
        let (was_there, is_empty) = match holders {
            Holders::One(one) => (*one == gone, *one == gone),
            Holders::Few(few) => {
                let before = few.len();
                few.retain(|holder| *holder != gone);
                (few.len() < before, few.is_empty())
            }
            Holders::Many(at) => {
                let was_there = self.sets[*at as usize].remove(replica);
                let is_empty = self.sets[*at as usize].len() == 0;
                if is_empty {
                    self.vacant.push(*at);
                }
                (was_there, is_empty)
            }
        };
        if is_empty {
            self.by_content.remove(&content);
        }
        self.held[replica as usize] -= u64::from(was_there);
        self.live_entries -= u64::from(was_there);
    }

    /// `replica` has nothing in its cache any more.
    ///
    /// Sets forget it at once; lists name a life that is over, and are swept when those that name
    /// one may be as many as those that do not, so that a death costs no walk over all contents.
    pub(crate) fn forget(&mut self, replica: u32) {
        self.lives[replica as usize] = self.lives[replica as usize].wrapping_add(1);
        for set in &mut self.sets {
            set.remove(replica);
        }
        let held = std::mem::take(&mut self.held[replica as usize]);
        self.live_entries -= held;
        self.dead_entries += held;
        if self.dead_entries > self.live_entries {
            self.sweep();
        }
    }

    /// Drops what only the dead held.
    fn sweep(&mut self) {
        let (lives, sets, vacant) = (&self.lives, &self.sets, &mut self.vacant);
        let lives_on = |holder: &Holder| lives[holder.replica as usize] == holder.life;
        self.by_content.retain(|_, holders| match holders {
            Holders::One(one) => lives_on(one),
            Holders::Few(few) => {
                few.retain(lives_on);
                !few.is_empty()
            }
            Holders::Many(at) => {
                let is_empty = sets[*at as usize].len() == 0;
                if is_empty {
                    vacant.push(*at);
                }
                !is_empty
            }
        });
        self.dead_entries = 0;
    }

    /// Walks `prompt` from its first segment for as long as anybody holds all of it, and shows
    /// those who hold a beginning of it with its tokens: at every segment that some of them lack,
    /// all who came that far, and last those who came furthest.
    pub(crate) fn walk(&mut self, prompt: &[Segment], mut show: impl FnMut(Holding<'_>, u64)) {
        let (here, further) = (&mut self.here, &mut self.further);
        let lives = &self.lives;
        let lives_on = |holder: &&Holder| lives[holder.replica as usize] == holder.life;
        let mut tokens = 0;
        for (place, segment) in prompt.iter().enumerate() {
            let everybody = place == 0;
            let Some(holders) = self.by_content.get(&segment.content) else { break };
            let listed = match holders {
                Holders::One(one) => std::slice::from_ref(one),
                Holders::Few(few) => few,
                Holders::Many(_) => &[],
            };
            further.is_set = false;
            match holders {
                Holders::Many(at) => {
                    let set = &self.sets[*at as usize];
                    if everybody {
                        further.is_set = true;
                        further.set.assign(set);
                    } else if here.is_set {
                        further.is_set = true;
                        further.set.assign_common(&here.set, set);
                    } else {
                        further.list.clear();
                        further.list.extend(here.list.iter().filter(|r| set.contains(**r)));
                    }
                }
                Holders::One(_) | Holders::Few(_) => {
                    let named = listed.iter().filter(lives_on).map(|holder| holder.replica);
                    further.list.clear();
                    further.list.extend(named.filter(|r| everybody || here.contains(*r)));
                }
            }
            if further.len() == 0 {
                break;
            }
            if !everybody && further.len() < here.len() {
                show(here.view(), tokens);
            }
            std::mem::swap(here, further);
            tokens += u64::from(segment.tokens);
        }
        if tokens > 0 {
            show(here.view(), tokens);
        }
    }
}

/// Spreads names of contents, which may be counted up or hashed already, over the table.
#[derive(Clone, Copy, Debug, Default)]
struct ContentHasher(u64);

impl Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, content: u64) {
        // An odd constant near the golden ratio; both ends of the product are folded together,
        // because the table takes its place from the low bits and its tag from the high ones.
        let product = u128::from(self.0 ^ content) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn furthest(index: &mut KvIndex, prompt: &[Segment]) -> Vec<(u64, Vec<u32>)> {
        let mut shown = Vec::new();
        index.walk(prompt, |holding, tokens| {
            shown.push((tokens, (0..64).filter(|r| holding.contains(*r)).collect()));
        });
        shown
    }

    #[test]
    fn those_who_fall_behind_are_shown_where_they_stop() {
        let mut index = KvIndex::new(64);
        let prompt = [1, 2, 3, 4].map(|content| Segment { content, tokens: 10 });
        for replica in 0..40 {
            index.store(replica, 1);
        }
        for replica in [3, 5, 50] {
            index.store(replica, 2);
            index.store(replica, 3);
        }
        index.evict(5, 3);
        let all: Vec<u32> = (0..40).collect();
        let shown = furthest(&mut index, &prompt);
        assert_eq!(shown, [(10, all), (20, vec![3, 5]), (30, vec![3])], "50 lacks the beginning");
    }

    #[test]
    fn a_death_is_forgotten_and_leaves_no_litter() {
        let mut index = KvIndex::new(64);
        for content in 0..1000 {
            index.store(7, content);
        }
        for replica in 0..40 {
            index.store(replica, 5000);
        }
        index.forget(7);
        assert_eq!(index.contents(), 1, "the litter outweighs what lives");
        let asks = [Segment { content: 5000, tokens: 1 }];
        assert!(!furthest(&mut index, &asks)[0].1.contains(&7));
        for replica in 0..40 {
            index.evict(replica, 5000);
        }
        assert_eq!((index.contents(), index.live_entries), (0, 0));
        index.store(1, 5000);
        assert_eq!(furthest(&mut index, &asks), [(1, vec![1])]);
    }

    #[test]
    fn an_event_told_twice_counts_once() {
        let mut index = KvIndex::new(4);
        for _ in 0..2 {
            (0..3).for_each(|replica| index.store(replica, 9));
        }
        assert_eq!(index.live_entries, 3);
        for _ in 0..2 {
            (0..3).for_each(|replica| index.evict(replica, 9));
        }
        assert_eq!((index.live_entries, index.contents()), (0, 0));
    }
}
