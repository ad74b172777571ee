//! The prefix cache, entry by entry, block by block.

use wattmill_policy::Segment;

use crate::Ask;

/// The whole blocks that end within one segment.
struct Entry {
    name: u64,
    content: Option<u64>,
    blocks: u64,
    users: u32,
    /// Moment at which the last user let go.
    idle_since: u64,
}

/// What a sequence has of the cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold {
    /// Entries by name, in the order of their segments.
    names: Vec<u64>,
    /// Blocks from the beginning of the prompt that lie in entries.
    shared: u64,
}

pub(super) struct Cache {
    block_tokens: u64,
    entries: Vec<Entry>,
    names: u64,
    moment: u64,
}

/// Segments in which a block ends: content, first block, block after the last.
fn spans(segments: &[Segment], block_tokens: u64) -> Vec<(u64, u64, u64)> {
    let mut end = 0;
    let mut spans = Vec::new();
    for segment in segments {
        let begin = end;
        end += u64::from(segment.tokens);
        if end / block_tokens > begin / block_tokens {
            spans.push((segment.content, begin / block_tokens, end / block_tokens));
        }
    }
    spans
}

impl Cache {
    pub(super) fn new(block_tokens: u32) -> Self {
        Self { block_tokens: block_tokens.into(), entries: Vec::new(), names: 0, moment: 0 }
    }

    fn by_content(&self, content: u64) -> Option<usize> {
        self.entries.iter().position(|entry| entry.content == Some(content))
    }

    fn by_name(&mut self, name: u64) -> &mut Entry {
        self.entries.iter_mut().find(|entry| entry.name == name).expect("who is used stays")
    }

    fn evictable(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.users == 0).map(|entry| entry.blocks).sum()
    }

    /// Entries of the longest beginning of a prompt that is there, and its blocks.
    fn beginning(&self, segments: &[Segment]) -> (Vec<usize>, u64) {
        let (mut found, mut blocks) = (Vec::new(), 0);
        for (content, begin, end) in spans(segments, self.block_tokens) {
            let Some(index) = self.by_content(content) else { break };
            found.push(index);
            blocks = begin + self.entries[index].blocks;
            if blocks < end {
                break;
            }
        }
        (found, blocks)
    }

    pub(super) fn needed(&self, segments: &[Segment], tokens: u64, blocks: u64) -> u64 {
        let (found, there) = self.beginning(segments);
        let most = (tokens - 1) / self.block_tokens;
        let mut needed = blocks - there.min(most);
        for index in &found {
            if self.entries[*index].users == 0 {
                needed += self.entries[*index].blocks;
            }
        }
        // The block of the last token is computed anew, in the place of the one that is there.
        let last_is_idle = found.last().is_some_and(|index| self.entries[*index].users == 0);
        if there > most && last_is_idle { needed - 1 } else { needed }
    }

    pub(super) fn share(&mut self, segments: &[Segment], tokens: u64) -> (Hold, u64) {
        let (found, there) = self.beginning(segments);
        let most = (tokens - 1) / self.block_tokens;
        if there > most
            && let Some(last) = found.last()
            && self.entries[*last].users == 0
        {
            self.entries[*last].blocks -= 1;
        }
        let mut hold = Hold { names: Vec::new(), shared: there.min(most) };
        for index in found {
            if self.entries[index].blocks > 0 {
                self.entries[index].users += 1;
                hold.names.push(self.entries[index].name);
            }
        }
        self.entries.retain(|entry| entry.blocks > 0);
        let tokens = hold.shared * self.block_tokens;
        (hold, tokens)
    }

    pub(super) fn computed(
        &mut self,
        segments: &[Segment],
        hold: &mut Hold,
        tokens: u64,
        mut free: u64,
    ) -> u64 {
        let whole = tokens / self.block_tokens;
        for (content, begin, end) in spans(segments, self.block_tokens) {
            if begin >= whole {
                break;
            }
            let index = match self.by_content(content) {
                Some(index) => index,
                None => self.store(Some(content)),
            };
            if !hold.names.contains(&self.entries[index].name) {
                hold.names.push(self.entries[index].name);
                if self.entries[index].users == 0 {
                    free -= self.entries[index].blocks;
                }
                self.entries[index].users += 1;
            }
            let entry = &mut self.entries[index];
            for block in hold.shared.max(begin)..end.min(whole) {
                if block < begin + entry.blocks {
                    free += 1;
                } else {
                    entry.blocks += 1;
                }
                hold.shared += 1;
            }
        }
        free
    }

    fn store(&mut self, content: Option<u64>) -> usize {
        let (name, moment) = (self.names, self.moment);
        self.names += 1;
        self.entries.push(Entry { name, content, blocks: 0, users: 0, idle_since: moment });
        self.entries.len() - 1
    }

    /// A sequence of `cached` tokens in `blocks` blocks is answered, or preempted.
    pub(super) fn let_go(
        &mut self,
        hold: &mut Hold,
        blocks: u64,
        cached: u64,
        answered: Option<&Ask>,
    ) -> u64 {
        let mut free = blocks - hold.shared;
        let own = (cached / self.block_tokens).saturating_sub(hold.shared);
        if own > 0 {
            // It follows the prompt, which must be there.
            let prompt = |ask: &Ask| ask.prompt.iter().map(|s| u64::from(s.tokens)).sum::<u64>();
            let follows = |ask: &&Ask| prompt(ask) / self.block_tokens == hold.shared;
            let named = answered.filter(follows).and_then(|ask| ask.answer);
            let index = self.store(named.filter(|content| self.by_content(*content).is_none()));
            self.entries[index].blocks = own;
            self.entries[index].idle_since = self.moment;
            self.moment += 1;
        }
        for name in std::mem::take(&mut hold.names).into_iter().rev() {
            let moment = self.moment;
            let entry = self.by_name(name);
            entry.users -= 1;
            if entry.users == 0 {
                entry.idle_since = moment;
                free += entry.blocks;
                self.moment += 1;
            }
        }
        hold.shared = 0;
        free
    }

    pub(super) fn shrink_to(&mut self, free: u64) -> u64 {
        let mut evicted = 0;
        while self.evictable() > free {
            let idle = self.entries.iter_mut().filter(|entry| entry.users == 0);
            if let Some(oldest) = idle.min_by_key(|entry| entry.idle_since) {
                oldest.blocks -= 1;
                evicted += 1;
            }
            self.entries.retain(|entry| entry.blocks > 0);
        }
        evicted
    }
}
