//! What a rank's memory still holds of prompts and answers that others may begin with.
//!
//! The cache is kept by segment, not by block: an entry stands for the whole blocks that end within
//! one segment, and each entry is named by its content and everything before it, so that no tree is
//! needed to find a prefix. Entries that nobody uses wait in one list, the longest unused first. A use
//! of a segment is a use of all before it, and a sequence lets go of its last entry first: so what
//! comes later in a prompt always stands earlier in the list, and is evicted earlier.
//!
//! Every operation costs a constant for each segment of the prompt, whatever the number of blocks.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use wattmill_policy::Segment;

/// End of the list.
const NONE: u32 = u32::MAX;

/// What a waiting request's prompt consists of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    pub(crate) segments: Vec<Segment>,
    pub(crate) answer: Option<u64>,
}

/// The whole blocks that end within a segment.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Content of the segment; `None` for what nobody will ask for again, which ages all the same.
    content: Option<u64>,
    /// Blocks from its beginning that are there.
    blocks: u64,
    /// Sequences that use it.
    users: u32,
    /// Its neighbours in the list, while nobody uses it.
    older: u32,
    newer: u32,
}

/// What a seated sequence has of the cache.
#[derive(Clone, Debug, Default)]
struct Held {
    prompt: Prompt,
    /// Entries in use, of the first segments; a segment in which no block ends has none.
    entries: Vec<u32>,
    /// Segments that were looked at, and tokens to the end of the last of them.
    segments: usize,
    tokens: u64,
    /// Blocks of the sequence that lie in entries.
    shared: u64,
    /// Tokens found at the first admission; `None` before it.
    found: Option<u32>,
}

impl Held {
    fn clear(&mut self) {
        self.entries.clear();
        self.segments = 0;
        self.tokens = 0;
        self.shared = 0;
    }
}

/// The prefix cache of one rank.
#[derive(Clone, Debug)]
pub(crate) struct PrefixCache {
    block_tokens: u64,
    entries: Vec<Entry>,
    free_entries: Vec<u32>,
    /// Looked up, never walked.
    by_content: HashMap<u64, u32, BuildHasherDefault<Mixer>>,
    oldest: u32,
    newest: u32,
    /// Blocks in the list.
    evictable: u64,
    /// Prompts of the requests that wait, in the same order.
    waiting: VecDeque<Prompt>,
    /// By seat.
    held: Vec<Held>,
    /// What came and went, for whoever wants to know.
    changes: Option<Vec<CacheChange>>,
}

/// A segment that came into a cache or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheChange {
    /// Its first block is there.
    Stored(u64),
    /// Its last block is gone.
    Evicted(u64),
}

/// What the cache holds of a prompt.
struct Match {
    /// Blocks that need not be computed.
    blocks: u64,
    /// Blocks of the entries that would be used and that nobody uses yet.
    idle: u64,
    /// Segments up to the one in which the last of the blocks ends, and their tokens.
    segments: usize,
    tokens: u64,
}

impl PrefixCache {
    pub(crate) fn new(block_tokens: u32) -> Self {
        Self {
            block_tokens: u64::from(block_tokens),
            entries: Vec::new(),
            free_entries: Vec::new(),
            by_content: HashMap::default(),
            oldest: NONE,
            newest: NONE,
            evictable: 0,
            waiting: VecDeque::new(),
            held: Vec::new(),
            changes: None,
        }
    }

    /// From now on remembers what comes and goes.
    pub(crate) fn watch(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// Whether it remembers that.
    pub(crate) const fn is_watched(&self) -> bool {
        self.changes.is_some()
    }

    /// What came and went since the last call, in that order.
    pub(crate) fn changes(&mut self) -> impl Iterator<Item = CacheChange> {
        self.changes.iter_mut().flat_map(|changes| changes.drain(..))
    }

    /// Remembers the prompt of a request that joins the queue.
    #[inline]
    pub(crate) fn wait(&mut self, prompt: Prompt) {
        self.waiting.push_back(prompt);
    }

    /// Forgets the prompt of the head of the queue.
    pub(crate) fn reject(&mut self) {
        self.waiting.pop_front();
    }

    /// Forgets the prompt of whoever gave up waiting at `place` of the queue.
    pub(crate) fn withdraw(&mut self, place: usize) {
        self.waiting.remove(place);
    }

    /// The head of the queue sits down.
    #[inline]
    pub(crate) fn sit(&mut self, seat: u32) {
        let prompt = self.waiting.pop_front().unwrap_or_default();
        self.seat(seat, prompt, None);
    }

    /// Somebody sits down who was not in the queue and shares nothing.
    pub(crate) fn sit_apart(&mut self, seat: u32) {
        self.seat(seat, Prompt::default(), Some(0));
    }

    fn seat(&mut self, seat: u32, prompt: Prompt, found: Option<u32>) {
        if self.held.len() <= seat as usize {
            self.held.resize_with(seat as usize + 1, Held::default);
        }
        let held = &mut self.held[seat as usize];
        held.clear();
        held.prompt = prompt;
        held.found = found;
    }

    /// Tokens that the sequence of `seat` found at its first admission.
    #[inline]
    pub(crate) fn found(&self, seat: u32) -> u32 {
        self.held[seat as usize].found.unwrap_or(0)
    }

    /// Free blocks that a prompt of `tokens` tokens in `blocks` blocks takes, of which those count
    /// too that it finds in the cache and that are free as long as nobody uses them. It is that of
    /// `seat`, or of the head of the queue.
    #[inline]
    pub(crate) fn needed(&self, seat: Option<u32>, tokens: u32, blocks: u64) -> u64 {
        let segments = match seat {
            Some(seat) => &self.held[seat as usize].prompt.segments,
            None => match self.waiting.front() {
                Some(prompt) => &prompt.segments,
                None => return blocks,
            },
        };
        let found = self.find(segments, tokens, |_| {});
        found.idle + blocks - found.blocks
    }

    /// Whole blocks of `tokens` tokens of which the last is to be computed in any case.
    const fn most(&self, tokens: u32) -> u64 {
        (tokens as u64 - 1) / self.block_tokens
    }

    /// What there is of a prompt of `tokens` tokens; `on_use` gets every entry that would be used.
    #[inline]
    fn find(&self, segments: &[Segment], tokens: u32, mut on_use: impl FnMut(u32)) -> Match {
        let mut found = Match { blocks: 0, idle: 0, segments: 0, tokens: 0 };
        let most = self.most(tokens);
        for segment in segments {
            let begin = found.tokens / self.block_tokens;
            let end = found.tokens + u64::from(segment.tokens);
            let whole = end / self.block_tokens - begin;
            let mut there = whole;
            if whole > 0 {
                let Some(index) = self.by_content.get(&segment.content) else { break };
                let entry = &self.entries[*index as usize];
                on_use(*index);
                there = entry.blocks;
                found.blocks += there;
                if entry.users == 0 {
                    // A block that has to be computed all the same is taken over.
                    found.idle += there - found.blocks.saturating_sub(most);
                }
            }
            found.segments += 1;
            found.tokens = end;
            if there < whole {
                break;
            }
        }
        found.blocks = found.blocks.min(most);
        found
    }

    /// Uses what there is of a prompt of `tokens` tokens; gives the tokens that need not be computed.
    pub(crate) fn share(&mut self, seat: u32, tokens: u32) -> u32 {
        let mut held = std::mem::take(&mut self.held[seat as usize]);
        held.clear();
        let Held { prompt, entries, .. } = &mut held;
        let found = self.find(&prompt.segments, tokens, |entry| entries.push(entry));
        let mut there = 0;
        for index in &held.entries {
            there += self.entries[*index as usize].blocks;
            self.begin_use(*index, there.saturating_sub(found.blocks));
        }
        (held.segments, held.tokens) = (found.segments, found.tokens);
        // Of the last entry nothing is left if it was one block that has to be computed all the same.
        if held.entries.pop_if(|index| self.entries[*index as usize].users == 0).is_some() {
            held.segments -= 1;
            held.tokens -= u64::from(held.prompt.segments[held.segments].tokens);
        }
        held.shared = found.blocks;
        let done = (found.blocks * self.block_tokens) as u32;
        held.found.get_or_insert(done);
        self.held[seat as usize] = held;
        done
    }

    /// One more sequence uses an entry, but for its last `excess` blocks if nobody else does.
    fn begin_use(&mut self, index: u32, excess: u64) {
        if self.entries[index as usize].users == 0 {
            self.unlink(index);
            self.evictable -= self.entries[index as usize].blocks;
            let entry = &mut self.entries[index as usize];
            entry.blocks -= excess;
            if entry.blocks == 0 {
                self.forget(index);
                return;
            }
        }
        self.entries[index as usize].users += 1;
    }

    /// The first `tokens` tokens of a sequence have been computed: what was its own becomes part of
    /// the cache, what others have put there meanwhile is given back. Takes and gives the number of
    /// free blocks.
    #[inline]
    pub(crate) fn computed(&mut self, seat: u32, tokens: u32, mut free: u64) -> u64 {
        let whole = u64::from(tokens) / self.block_tokens;
        let mut held = std::mem::take(&mut self.held[seat as usize]);
        // The last segment that was looked at may be there in part.
        if let (Some(index), Some(last)) =
            (held.entries.last(), held.segments.checked_sub(1).map(|i| held.prompt.segments[i]))
        {
            let end = held.tokens / self.block_tokens;
            let begin = (held.tokens - u64::from(last.tokens)) / self.block_tokens;
            if end > begin {
                free += self.fill(*index, begin, end.min(whole), &mut held.shared);
            }
        }
        while let Some(segment) = held.prompt.segments.get(held.segments) {
            let begin = held.tokens / self.block_tokens;
            if begin > whole || held.shared < begin {
                break;
            }
            let after = held.tokens + u64::from(segment.tokens);
            let end = after / self.block_tokens;
            if end > begin {
                if begin == whole {
                    break;
                }
                let index = match self.by_content.get(&segment.content).copied() {
                    Some(index) => {
                        if self.entries[index as usize].users == 0 {
                            free -= self.entries[index as usize].blocks;
                        }
                        self.begin_use(index, 0);
                        index
                    }
                    None => {
                        let index = self.store(Some(segment.content));
                        self.entries[index as usize].users = 1;
                        index
                    }
                };
                held.entries.push(index);
                free += self.fill(index, begin, end.min(whole), &mut held.shared);
            }
            held.segments += 1;
            held.tokens = after;
        }
        self.held[seat as usize] = held;
        free
    }

    /// Lets an entry that begins at block `begin` reach to `end`, from the blocks of a sequence that
    /// has `shared` so far; gives the number of its blocks that were there already.
    #[inline]
    fn fill(&mut self, index: u32, begin: u64, end: u64, shared: &mut u64) -> u64 {
        let entry = &mut self.entries[index as usize];
        let there = (begin + entry.blocks).min(end);
        let twice = there.saturating_sub((*shared).max(begin));
        entry.blocks = entry.blocks.max(end.saturating_sub(begin));
        *shared = (*shared).max(end);
        twice
    }

    /// A new entry without blocks.
    fn store(&mut self, content: Option<u64>) -> u32 {
        let entry = Entry { content, blocks: 0, users: 0, older: NONE, newer: NONE };
        let index = match self.free_entries.pop() {
            Some(index) => {
                self.entries[index as usize] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        if let Some(content) = content {
            self.by_content.insert(content, index);
            if let Some(changes) = &mut self.changes {
                changes.push(CacheChange::Stored(content));
            }
        }
        index
    }

    /// A sequence with `blocks` blocks and `cached` tokens in them is answered; gives the blocks that
    /// are free from now on.
    #[inline]
    pub(crate) fn leave(&mut self, seat: u32, blocks: u64, cached: u64) -> u64 {
        let answer = self.held[seat as usize].prompt.answer;
        let free = self.let_go(seat, blocks, cached, answer);
        self.held[seat as usize].prompt = Prompt::default();
        free
    }

    /// Likewise of one that is preempted.
    pub(crate) fn preempt(&mut self, seat: u32, blocks: u64, cached: u64) -> u64 {
        self.let_go(seat, blocks, cached, None)
    }

    fn let_go(&mut self, seat: u32, blocks: u64, cached: u64, answer: Option<u64>) -> u64 {
        let mut held = std::mem::take(&mut self.held[seat as usize]);
        let own = (cached / self.block_tokens).saturating_sub(held.shared);
        let mut free = blocks - held.shared;
        if own > 0 {
            // It follows the prompt, which must be there.
            let follows = |_: &u64| {
                let prompt: u64 = held.prompt.segments.iter().map(|s| u64::from(s.tokens)).sum();
                prompt / self.block_tokens == held.shared
            };
            let answer = answer.filter(follows).filter(|a| !self.by_content.contains_key(a));
            let index = self.store(answer);
            self.entries[index as usize].blocks = own;
            self.append(index);
        }
        while let Some(index) = held.entries.pop() {
            let entry = &mut self.entries[index as usize];
            entry.users -= 1;
            if entry.users == 0 {
                free += entry.blocks;
                self.append(index);
            }
        }
        held.clear();
        self.held[seat as usize] = held;
        free
    }

    /// Evicts until what nobody uses fits into `free` blocks; gives the number of blocks evicted.
    #[inline]
    pub(crate) fn shrink_to(&mut self, free: u64) -> u64 {
        let evicted = self.evictable.saturating_sub(free);
        while self.evictable > free {
            let index = self.oldest;
            let entry = &mut self.entries[index as usize];
            let blocks = entry.blocks.min(self.evictable - free);
            entry.blocks -= blocks;
            self.evictable -= blocks;
            if entry.blocks == 0 {
                self.unlink(index);
                self.forget(index);
            }
        }
        evicted
    }

    /// Forgets an entry that is not in the list.
    fn forget(&mut self, index: u32) {
        if let Some(content) = self.entries[index as usize].content {
            self.by_content.remove(&content);
            if let Some(changes) = &mut self.changes {
                changes.push(CacheChange::Evicted(content));
            }
        }
        self.free_entries.push(index);
    }

    /// Puts an entry at the newest end of the list.
    #[inline]
    fn append(&mut self, index: u32) {
        let newest = self.newest;
        let entry = &mut self.entries[index as usize];
        self.evictable += entry.blocks;
        (entry.older, entry.newer) = (newest, NONE);
        match newest {
            NONE => self.oldest = index,
            _ => self.entries[newest as usize].newer = index,
        }
        self.newest = index;
    }

    /// Takes an entry out of the list; its blocks are the caller's to count.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let Entry { older, newer, .. } = self.entries[index as usize];
        match older {
            NONE if self.oldest == index => self.oldest = newer,
            NONE => {}
            _ => self.entries[older as usize].newer = newer,
        }
        match newer {
            NONE if self.newest == index => self.newest = older,
            NONE => {}
            _ => self.entries[newer as usize].older = older,
        }
    }
}

/// Contents are names already: one multiplication spreads them.
#[derive(Clone, Copy, Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        let mixed = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (mixed ^ (mixed >> 64)) as u64;
    }
}
