//! Which replicas have which content in their caches.

use crate::Segment;
use crate::content_map::ContentMap;
use crate::replica_set::ReplicaSet;

/// Most holders that are listed; of more a set is kept. With their number they fill two lines of the
/// processor's caches.
const LISTED: usize = 15;

/// A replica in one of its lives: what it held is gone when that life is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holder {
    replica: u32,
    /// Below [`LIVES`].
    life: u32,
}

/// After so many lives they are counted anew. What a replica held in a life of the same number is
/// long swept by then.
const LIVES: u32 = 1 << 30;

/// Who holds one content.
#[derive(Clone, Copy, Debug)]
enum Holders {
    One(Holder),
    /// Place in [`KvIndex::lists`].
    Few(u32),
    /// Place in [`KvIndex::sets`].
    Many(u32),
}

impl Holders {
    /// As a word: the kind in the two highest bits, never both of them.
    fn to_word(self) -> u64 {
        match self {
            Self::One(one) => u64::from(one.life) << 32 | u64::from(one.replica),
            Self::Few(at) => 1 << 62 | u64::from(at),
            Self::Many(at) => 2 << 62 | u64::from(at),
        }
    }

    fn of_word(word: u64) -> Self {
        let low = word as u32;
        match word >> 62 {
            0 => Self::One(Holder { replica: low, life: (word >> 32) as u32 }),
            1 => Self::Few(low),
            _ => Self::Many(low),
        }
    }
}

/// At most [`LISTED`] holders, in place, so that looking at them is no second way to memory.
#[derive(Clone, Debug, Default)]
struct HolderList {
    len: u32,
    holders: [Holder; LISTED],
}

impl HolderList {
    fn holders(&self) -> &[Holder] {
        &self.holders[..self.len as usize]
    }

    fn retain(&mut self, keeps: impl Fn(&Holder) -> bool) {
        let mut kept = 0;
        for at in 0..self.len as usize {
            if keeps(&self.holders[at]) {
                self.holders[kept] = self.holders[at];
                kept += 1;
            }
        }
        self.len = kept as u32;
    }

    /// Whether there was room.
    fn push(&mut self, holder: Holder) -> bool {
        let Some(place) = self.holders.get_mut(self.len as usize) else { return false };
        *place = holder;
        self.len += 1;
        true
    }
}

/// Things by their places, which are used again.
#[derive(Clone, Debug)]
struct Shelf<T> {
    things: Vec<T>,
    vacant: Vec<u32>,
}

impl<T: Default> Shelf<T> {
    const fn new() -> Self {
        Self { things: Vec::new(), vacant: Vec::new() }
    }

    /// A place with whatever was left there.
    fn take_place(&mut self) -> u32 {
        self.vacant.pop().unwrap_or_else(|| {
            self.things.push(T::default());
            (self.things.len() - 1) as u32
        })
    }

    fn leave(&mut self, at: u32) {
        self.vacant.push(at);
    }

    fn get(&self, at: u32) -> &T {
        &self.things[at as usize]
    }

    fn get_mut(&mut self, at: u32) -> &mut T {
        &mut self.things[at as usize]
    }
}

/// Content in the caches of a pool, by content.
#[derive(Clone, Debug)]
pub(crate) struct KvIndex {
    by_content: ContentMap,
    lists: Shelf<HolderList>,
    sets: Shelf<ReplicaSet>,
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
    kind: CandidateKind,
    list: Vec<u32>,
    set: ReplicaSet,
}

#[derive(Clone, Copy, Debug, Default)]
enum CandidateKind {
    /// Those of the list.
    #[default]
    Listed,
    /// Those of the set.
    Set,
    /// Those of a set of the index, at this place.
    Indexed(u32),
}

/// Replicas that hold the beginning of a prompt, to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holding<'a> {
    List(&'a [u32]),
    Set(&'a ReplicaSet),
}

impl Candidates {
    fn view<'a>(&'a self, sets: &'a Shelf<ReplicaSet>) -> Holding<'a> {
        match self.kind {
            CandidateKind::Listed => Holding::List(&self.list),
            CandidateKind::Set => Holding::Set(&self.set),
            CandidateKind::Indexed(at) => Holding::Set(sets.get(at)),
        }
    }
}

impl Holding<'_> {
    fn len(self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Set(set) => set.len() as usize,
        }
    }

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
            by_content: ContentMap::new(),
            lists: Shelf::new(),
            sets: Shelf::new(),
            lives: vec![0; replicas as usize],
            held: vec![0; replicas as usize],
            live_entries: 0,
            dead_entries: 0,
            here: Candidates::default(),
            further: Candidates::default(),
        }
    }

    /// `replica` has `content` in its cache from now on.
    pub(crate) fn store(&mut self, replica: u32, content: u64) {
        let Self { by_content, lists, sets, lives, .. } = self;
        let new = Holder { replica, life: lives[replica as usize] };
        let lives_on = |holder: &Holder| lives[holder.replica as usize] == holder.life;
        let mut is_new = true;
        by_content.update(content, |word| {
            let holders = match word.map(Holders::of_word) {
                Some(Holders::One(one)) if one == new => {
                    is_new = false;
                    Holders::One(one)
                }
                Some(Holders::One(one)) if lives_on(&one) => {
                    let at = lists.take_place();
                    let list = lists.get_mut(at);
                    list.len = 0;
                    let _ = list.push(one) && list.push(new);
                    Holders::Few(at)
                }
                None | Some(Holders::One(_)) => Holders::One(new),
                Some(Holders::Few(at)) => {
                    let list = lists.get_mut(at);
                    is_new = !list.holders().contains(&new);
                    if is_new {
                        list.retain(lives_on);
                    }
                    if is_new && !list.push(new) {
                        let place = sets.take_place();
                        let set = sets.get_mut(place);
                        set.clear(lives.len() as u32);
                        for holder in list.holders().iter().chain([&new]) {
                            set.insert(holder.replica);
                        }
                        lists.leave(at);
                        Holders::Many(place)
                    } else {
                        Holders::Few(at)
                    }
                }
                Some(Holders::Many(at)) => {
                    is_new = sets.get_mut(at).insert(replica);
                    Holders::Many(at)
                }
            };
            Some(holders.to_word())
        });
        self.held[replica as usize] += u64::from(is_new);
        self.live_entries += u64::from(is_new);
    }

    /// `replica` has `content` no longer.
    pub(crate) fn evict(&mut self, replica: u32, content: u64) {
        let Self { by_content, lists, sets, lives, .. } = self;
        let gone = Holder { replica, life: lives[replica as usize] };
        let mut was_there = false;
        by_content.update(content, |word| {
            match Holders::of_word(word?) {
                Holders::One(one) => {
                    was_there = one == gone;
                    if was_there {
                        return None;
                    }
                }
                Holders::Few(at) => {
                    let list = lists.get_mut(at);
                    let before = list.len;
                    list.retain(|holder| *holder != gone);
                    was_there = list.len < before;
                    if list.len == 0 {
                        lists.leave(at);
                        return None;
                    }
                }
                Holders::Many(at) => {
                    was_there = sets.get_mut(at).remove(replica);
                    if sets.get(at).len() == 0 {
                        sets.leave(at);
                        return None;
                    }
                }
            }
            word
        });
        self.held[replica as usize] -= u64::from(was_there);
        self.live_entries -= u64::from(was_there);
    }

    /// `replica` has nothing in its cache any more.
    ///
    /// Sets forget it at once; lists name a life that is over, and are swept when those that name
    /// one may be as many as those that do not, so that a death costs no walk over all contents.
    pub(crate) fn forget(&mut self, replica: u32) {
        let life = &mut self.lives[replica as usize];
        *life = (*life + 1) % LIVES;
        for set in &mut self.sets.things {
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
        let Self { by_content, lists, sets, lives, .. } = self;
        let lives_on = |holder: &Holder| lives[holder.replica as usize] == holder.life;
        by_content.retain(|_, word| {
            let is_held = match Holders::of_word(word) {
                Holders::One(one) => lives_on(&one),
                Holders::Few(at) => {
                    let list = lists.get_mut(at);
                    list.retain(lives_on);
                    let is_held = list.len > 0;
                    if !is_held {
                        lists.leave(at);
                    }
                    is_held
                }
                Holders::Many(at) => {
                    let is_held = sets.get(at).len() > 0;
                    if !is_held {
                        sets.leave(at);
                    }
                    is_held
                }
            };
            is_held.then_some(word)
        });
        self.dead_entries = 0;
    }

    /// Walks `prompt` from its first segment for as long as anybody holds all of it, and shows
    /// those who hold a beginning of it with its tokens: at every segment that some of them lack,
    /// all who came that far, and last those who came furthest.
    pub(crate) fn walk(&mut self, prompt: &[Segment], mut show: impl FnMut(Holding<'_>, u64)) {
        let Self { by_content, lists, sets, lives, here, further, .. } = self;
        let lives_on = |holder: &Holder| lives[holder.replica as usize] == holder.life;
        let mut tokens = 0;
        for (place, segment) in prompt.iter().enumerate() {
            let Some(holders) = by_content.get(segment.content).map(Holders::of_word) else {
                break;
            };
            // Before the first segment everybody is here.
            let before = (place > 0).then(|| here.view(sets));
            let is_here = |replica: u32| before.is_none_or(|before| before.contains(replica));
            further.kind = CandidateKind::Listed;
            further.list.clear();
            match holders {
                Holders::One(one) if lives_on(&one) && is_here(one.replica) => {
                    further.list.push(one.replica);
                }
                Holders::One(_) => {}
                Holders::Few(at) => {
                    let living = lists.get(at).holders().iter().filter(|holder| lives_on(holder));
                    let living = living.map(|holder| holder.replica);
                    further.list.extend(living.filter(|replica| is_here(*replica)));
                }
                Holders::Many(at) => match before {
                    None => further.kind = CandidateKind::Indexed(at),
                    Some(Holding::List(list)) => {
                        let set = sets.get(at);
                        further.list.extend(list.iter().filter(|replica| set.contains(**replica)));
                    }
                    Some(Holding::Set(set)) => {
                        further.kind = CandidateKind::Set;
                        further.set.assign_common(set, sets.get(at));
                    }
                },
            }
            let left = further.view(sets).len();
            if left == 0 {
                break;
            }
            if let Some(before) = before
                && left < before.len()
            {
                show(before, tokens);
            }
            std::mem::swap(here, further);
            tokens += u64::from(segment.tokens);
        }
        if tokens > 0 {
            show(here.view(sets), tokens);
        }
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
        assert_eq!(index.by_content.len(), 1, "the litter outweighs what lives");
        let asks = [Segment { content: 5000, tokens: 1 }];
        assert!(!furthest(&mut index, &asks)[0].1.contains(&7));
        for replica in 0..40 {
            index.evict(replica, 5000);
        }
        assert_eq!((index.by_content.len(), index.live_entries), (0, 0));
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
        assert_eq!((index.live_entries, index.by_content.len()), (0, 0));
    }
}
