//! One attention group, sequence by sequence.

use std::collections::VecDeque;

use wattmill_perf::{Prefill, StepShape};
use wattmill_policy::{BatchLimits, Need, Preemption, PrefillOrder, Scheduling};
use wattmill_units::SimTime;

use super::cache::{Cache, Hold};
use super::{ticks, whole};
use crate::{Ask, Finished, Resident, Tally, Usage};

/// A sequence with everything about it spelled out.
#[derive(Clone, Debug)]
struct Sequence {
    ask: Ask,
    /// Tokens in the cache.
    cached: u64,
    /// Tokens that must be in the cache before it decodes.
    prompt: u64,
    produced: u32,
    /// Blocks it has, those included that it shares.
    blocks: u64,
    hold: Hold,
    /// Whether its cache waits in host memory.
    swapped: bool,
    preemptions: u32,
    first_token: SimTime,
    last_token: u128,
    found: u32,
}

impl Sequence {
    const fn decodes(&self) -> bool {
        self.cached >= self.prompt
    }

    const fn left(&self) -> u64 {
        (self.ask.request.output - self.produced) as u64
    }
}

/// What a group does in a step.
pub(super) struct Plan {
    pub(super) shape: StepShape,
    /// Prompt tokens of each running sequence.
    chunks: Vec<u32>,
    /// Whether prompts have the step to themselves.
    alone: bool,
}

/// Who waits at the head of the queue.
enum Head {
    Nobody,
    Refused,
    Admitted,
}

pub(super) struct Group {
    limits: BatchLimits,
    inbox: VecDeque<Ask>,
    residents: VecDeque<Resident>,
    preempted: Vec<Sequence>,
    /// In order of admission.
    running: Vec<Sequence>,
    free: u64,
    cache: Option<Cache>,
    /// Whether the head was refused and nobody has left since: prompts, those with a cache.
    refused: (bool, bool),
    composed: u128,
    toll: u64,
}

impl Group {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self {
            limits,
            inbox: VecDeque::new(),
            residents: VecDeque::new(),
            preempted: Vec::new(),
            running: Vec::new(),
            free: limits.blocks,
            cache: limits.prefix_caching.then(|| Cache::new(limits.block_tokens)),
            refused: (false, false),
            composed: 0,
            toll: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.preempted.is_empty()
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.is_idle() && self.inbox.is_empty() && self.residents.is_empty()
    }

    pub(super) fn live(&self) -> usize {
        self.running.len() + self.preempted.len() + self.inbox.len() + self.residents.len()
    }

    /// Blocks in use.
    pub(super) fn held(&self) -> u64 {
        self.limits.blocks - self.free
    }

    pub(super) fn rest(&mut self, clock: u128) {
        self.composed = clock;
    }

    pub(super) fn toll(&mut self) -> u64 {
        std::mem::take(&mut self.toll)
    }

    pub(super) fn queue(&mut self, ask: Ask, tally: &mut Tally) {
        if self.limits.can_ever_run(ask.request.input, ask.request.output) {
            self.inbox.push_back(ask);
        } else {
            tally.rejected += 1;
        }
    }

    pub(super) fn welcome(&mut self, resident: Resident, tally: &mut Tally) {
        if self.limits.can_ever_run(resident.request.input, resident.request.output) {
            self.residents.push_back(resident);
        } else {
            tally.rejected += 1;
        }
    }

    pub(super) fn withdraw(&mut self, id: u64) {
        if self.preempted.is_empty() && self.inbox.front().is_some_and(|ask| ask.request.id == id) {
            self.refused.0 = false;
        }
        self.inbox.retain(|ask| ask.request.id != id);
    }

    /// Blocks that the decodes open in the coming step.
    fn opened(&self) -> u64 {
        let opens = |s: &&Sequence| s.decodes() && self.limits.blocks_for(s.cached + 1) > s.blocks;
        self.running.iter().filter(opens).count() as u64
    }

    fn to_come(&self) -> u64 {
        self.running.iter().map(Sequence::left).sum()
    }

    fn take(&mut self, blocks: u64, usage: &mut Usage) {
        self.free -= blocks;
        if let Some(cache) = &mut self.cache {
            usage.evicted_blocks += cache.shrink_to(self.free);
        }
    }

    /// What it does in the step that begins at `clock`; `None`: nothing.
    pub(super) fn plan(&mut self, clock: u128, usage: &mut Usage) -> Option<Plan> {
        if self.limits.scheduling == Scheduling::Synchronous {
            self.composed = clock;
        }
        let mut preempting = false;
        while self.opened() > self.free {
            self.preempt_last(usage);
            preempting = true;
        }
        if !preempting {
            while self.admit_resident(usage) {}
        }
        let decodes = self.running.iter().filter(|s| s.decodes()).count() as u32;
        let (beside, opened) = match self.limits.order {
            PrefillOrder::Mixed => (decodes, self.opened()),
            PrefillOrder::First => (0, 0),
        };
        let partial = self.running.iter().any(|s| !s.decodes());
        let room = self.limits.max_tokens - beside;
        let prompts = partial
            || !preempting && matches!(self.head(room, self.free - opened, clock), Head::Admitted);
        if !prompts && decodes == 0 {
            return None;
        }
        let alone = prompts && self.limits.order == PrefillOrder::First;
        let mut shape = StepShape::default();
        if !alone {
            self.take(self.opened(), usage);
            for sequence in self.running.iter_mut().filter(|s| s.decodes()) {
                sequence.blocks = self.limits.blocks_for(sequence.cached + 1);
                shape.decodes += 1;
                shape.decode_context += sequence.cached + 1;
            }
        }
        let mut chunks = vec![0; self.running.len()];
        if prompts {
            let mut room = self.limits.max_tokens - shape.decodes;
            for (index, given) in chunks.iter_mut().enumerate() {
                if !self.running[index].decodes() {
                    *given = self.chunk(index, &mut room, &mut shape.prefill);
                }
            }
            let waits =
                |s: &Sequence, given: u32| !s.decodes() && s.cached + u64::from(given) < s.prompt;
            while !preempting
                && !self.running.iter().zip(&chunks).any(|(s, given)| waits(s, *given))
                && matches!(self.head(room, self.free, clock), Head::Admitted)
            {
                self.admit(usage);
                chunks.push(self.chunk(self.running.len() - 1, &mut room, &mut shape.prefill));
            }
        }
        usage.prefill_tokens += u64::from(shape.prefill.tokens);
        usage.decode_tokens += u64::from(shape.decodes);
        usage.context_steps += u128::from(shape.decode_context);
        Some(Plan { shape, chunks, alone })
    }

    fn preempt_last(&mut self, usage: &mut Usage) {
        let Some(mut victim) = self.running.pop() else { return };
        self.refused = (false, false);
        let swaps = matches!(self.limits.preemption, Preemption::Swap { .. });
        victim.swapped = victim.decodes() && swaps;
        if victim.swapped {
            self.pay(victim.blocks, usage);
        }
        self.free += match &mut self.cache {
            None => victim.blocks,
            Some(cache) => cache.let_go(&mut victim.hold, victim.blocks, victim.cached, None),
        };
        victim.blocks = 0;
        if !victim.swapped {
            victim.cached = 0;
            victim.prompt = u64::from(victim.ask.request.input + victim.produced);
        }
        victim.preemptions += 1;
        self.preempted.push(victim);
    }

    fn pay(&mut self, blocks: u64, usage: &mut Usage) {
        if let Preemption::Swap { block } = self.limits.preemption {
            self.toll += block.raw() * blocks;
            usage.swapped_blocks += blocks;
        }
    }

    /// Lets the next sequence in that comes with its cache, if there is one that may.
    fn admit_resident(&mut self, usage: &mut Usage) -> bool {
        let mut sequence = match (self.preempted.last(), self.residents.front()) {
            (Some(sequence), _) if sequence.swapped => sequence.clone(),
            (Some(_), _) => return false,
            (None, Some(next)) if ticks(next.ready) <= self.composed => Sequence {
                ask: Ask { request: next.request, service: 0, prompt: Vec::new(), answer: None },
                cached: u64::from(next.request.input + next.produced) - 1,
                prompt: u64::from(next.request.input),
                produced: next.produced,
                blocks: 0,
                hold: Hold::default(),
                swapped: false,
                preemptions: 0,
                first_token: next.first_token,
                last_token: ticks(next.first_token),
                found: 0,
            },
            _ => return false,
        };
        let decodes = self.running.iter().filter(|s| s.decodes()).count() as u32;
        let blocks = self.limits.blocks_for(sequence.cached);
        let opens = u64::from(self.limits.blocks_for(sequence.cached + 1) > blocks);
        let room = self.limits.max_tokens.saturating_sub(decodes);
        let free = self.free.saturating_sub(self.opened() + opens);
        let need = Need { blocks, to_come: self.to_come() + sequence.left() };
        if self.refused.1 || !self.limits.admits(self.running.len() as u32, room, free, need) {
            self.refused.1 = true;
            return false;
        }
        if sequence.swapped {
            self.preempted.pop();
            self.pay(blocks, usage);
            sequence.swapped = false;
        } else {
            self.residents.pop_front();
        }
        self.take(blocks, usage);
        sequence.blocks = blocks;
        self.running.push(sequence);
        true
    }

    /// What the head of the queue may do with `room` tokens and `free` blocks left.
    fn head(&mut self, room: u32, free: u64, clock: u128) -> Head {
        let (prompt, left, segments) = match (self.preempted.last(), self.inbox.front()) {
            (Some(sequence), _) if sequence.swapped => return Head::Refused,
            (Some(s), _) => (s.prompt, s.left(), &s.ask.prompt),
            (None, Some(ask)) if ticks(ask.request.arrival) <= self.composed.min(clock) => {
                (ask.request.input.into(), ask.request.output.into(), &ask.prompt)
            }
            _ => return Head::Nobody,
        };
        if self.refused.0 {
            return Head::Refused;
        }
        let blocks = self.limits.blocks_for(prompt);
        let blocks = match &self.cache {
            None => blocks,
            Some(cache) => cache.needed(segments, prompt, blocks),
        };
        let need = Need { blocks, to_come: self.to_come() + left };
        if self.limits.admits(self.running.len() as u32, room, free, need) {
            return Head::Admitted;
        }
        self.refused.0 = room > 0;
        Head::Refused
    }

    /// Lets the head of the queue in.
    fn admit(&mut self, usage: &mut Usage) {
        let (mut sequence, first) = match (self.preempted.pop(), &mut self.inbox) {
            (Some(sequence), _) => (sequence, false),
            (None, inbox) => {
                let Some(ask) = inbox.pop_front() else { return };
                let prompt = u64::from(ask.request.input);
                let sequence = Sequence {
                    ask,
                    cached: 0,
                    prompt,
                    produced: 0,
                    blocks: 0,
                    hold: Hold::default(),
                    swapped: false,
                    preemptions: 0,
                    first_token: SimTime::ZERO,
                    last_token: 0,
                    found: 0,
                };
                (sequence, true)
            }
        };
        sequence.blocks = self.limits.blocks_for(sequence.prompt);
        let mut needed = sequence.blocks;
        if let Some(cache) = &mut self.cache {
            needed = cache.needed(&sequence.ask.prompt, sequence.prompt, sequence.blocks);
            (sequence.hold, sequence.cached) = cache.share(&sequence.ask.prompt, sequence.prompt);
            usage.cached_tokens += sequence.cached;
            if first {
                sequence.found = sequence.cached as u32;
            }
        }
        self.take(needed, usage);
        self.running.push(sequence);
    }

    fn chunk(&mut self, index: usize, room: &mut u32, prefill: &mut Prefill) -> u32 {
        let sequence = &mut self.running[index];
        let missing = (sequence.prompt - sequence.cached) as u32;
        let tokens = missing.min(*room);
        if tokens > 0 {
            *room -= tokens;
            prefill.add(tokens, sequence.cached as u32, tokens == missing);
            if let Some(cache) = &mut self.cache {
                let done = sequence.cached + u64::from(tokens);
                self.free =
                    cache.computed(&sequence.ask.prompt, &mut sequence.hold, done, self.free);
            }
        }
        tokens
    }

    /// After the step that began at `begin` and ended at `clock`: who is answered.
    pub(super) fn finish_step(
        &mut self,
        plan: Plan,
        begin: u128,
        clock: u128,
        tally: &mut Tally,
        usage: &mut Usage,
    ) -> Vec<Finished> {
        self.composed = begin;
        for (sequence, given) in self.running.iter_mut().zip(plan.chunks) {
            if sequence.decodes() {
                if plan.alone {
                    continue;
                }
                sequence.cached += 1;
                sequence.produced += 1;
                tally.gaps(clock - sequence.last_token, 1);
                sequence.last_token = clock;
            } else {
                sequence.cached += u64::from(given);
                if !sequence.decodes() {
                    continue;
                }
                usage.prompt_completions += 1;
                if sequence.produced == 0 {
                    sequence.first_token = whole(clock);
                } else {
                    tally.gaps(clock - sequence.last_token, 1);
                }
                sequence.last_token = clock;
                sequence.produced += 1;
            }
        }
        let (done, running): (Vec<Sequence>, Vec<Sequence>) =
            std::mem::take(&mut self.running).into_iter().partition(|s| s.left() == 0);
        self.running = running;
        // Whoever decoded leaves before whoever had only a prompt to wait for.
        let (prompts, decodes): (Vec<Sequence>, Vec<Sequence>) =
            done.into_iter().partition(|s| s.cached == s.prompt);
        decodes.into_iter().chain(prompts).map(|s| self.finish(s, clock, tally)).collect()
    }

    fn finish(&mut self, mut sequence: Sequence, clock: u128, tally: &mut Tally) -> Finished {
        self.refused = (false, false);
        self.free += match &mut self.cache {
            None => sequence.blocks,
            Some(cache) => {
                let Sequence { blocks, cached, .. } = sequence;
                cache.let_go(&mut sequence.hold, blocks, cached, Some(&sequence.ask))
            }
        };
        let done = Finished {
            request: sequence.ask.request,
            first_token: sequence.first_token,
            finish: whole(clock),
            preemptions: sequence.preemptions,
            cached_tokens: sequence.found,
        };
        tally.finish(&done);
        done
    }
}
