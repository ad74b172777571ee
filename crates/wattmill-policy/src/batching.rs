//! What one engine may put into its next step.
//!
//! The rules, in the order they are applied at every step:
//! 1. every decoding sequence decodes one token; if its block is full it takes a new one, and while
//!    blocks are short the sequence admitted last is preempted: its blocks are freed, and it comes
//!    back from the front of the queue as [`Preemption`] says;
//! 2. sequences that come with their cache (from another replica, or from where they were swapped to)
//!    join the decodes, for as long as [`BatchLimits::admits`] them;
//! 3. the tokens left of the step's budget go to the prompt under way, then, unless something was
//!    preempted in this step, to waiting requests in order of arrival, likewise. A prompt gets the
//!    smaller of what it lacks and what is left; blocks for all of it are taken at admission, those
//!    of its beginning that the prefix cache holds are shared.
//!
//! Whoever was refused is looked at again once a sequence has left.
//!
//! This is chunked prefill with decode priority (Sarathi-Serve, OSDI 2024). [`PrefillOrder::First`]
//! is what SGLang does unless told otherwise.
//!
//! What engines do differently is data; [`BatchLimits::flavoured`] has the usual settings of each.

use wattmill_factory::Flavour;
use wattmill_units::Ticks;

/// Whether prompts share their steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefillOrder {
    /// With decodes, which go first.
    #[default]
    Mixed,
    /// With nobody: a step holds prompts or decodes, never both, and while any prompt is under way or
    /// may start, it holds prompts.
    First,
}

impl PrefillOrder {
    /// What an engine does unless told otherwise: in SGLang prompts go first.
    pub const fn of(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Sglang => Self::First,
            Flavour::Vllm | Flavour::Trtllm => Self::Mixed,
        }
    }
}

/// What becomes of a sequence whose blocks another one needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preemption {
    /// Its cache is dropped and computed again, with what it has answered as part of the prompt.
    #[default]
    Recompute,
    /// Its cache goes to host memory and comes back when there is room; the step in which it does
    /// either waits for it.
    Swap {
        /// Time to move one block one way.
        block: Ticks,
    },
}

/// When the members of a step are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// When it starts.
    #[default]
    Synchronous,
    /// When the step before starts, so that choosing costs no time of its own; who arrives later
    /// waits for the next.
    Ahead,
}

/// Limits of one replica's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most sequences running at once.
    pub max_seqs: u32,
    /// Most tokens in a step, decodes and prefill together. At least `max_seqs`.
    pub max_tokens: u32,
    /// Tokens in a KV block.
    pub block_tokens: u32,
    /// KV blocks.
    pub blocks: u64,
    /// Blocks kept free at admission while anything runs, so that it can grow.
    pub watermark_blocks: u64,
    /// Share of the answers under way and of the one that begins for which blocks are kept free at
    /// admission, per cent. At 100 nothing is ever preempted.
    pub answer_percent: u32,
    /// Whether prompts share their steps with decodes.
    pub order: PrefillOrder,
    /// What becomes of a sequence whose blocks another one needs.
    pub preemption: Preemption,
    /// When the members of a step are chosen.
    pub scheduling: Scheduling,
    /// Whether the blocks of prompts and answers are kept for others that begin alike.
    pub prefix_caching: bool,
}

/// What one more sequence would need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Free blocks that it takes at once.
    pub blocks: u64,
    /// Tokens that it and all that run will still produce.
    pub to_come: u64,
}

impl BatchLimits {
    /// Blocks that no workload exhausts, for a replica whose memory is not modelled.
    pub const UNLIMITED_BLOCKS: u64 = 1 << 40;

    /// Limits with a watermark of one block in a hundred.
    ///
    /// ```
    /// use wattmill_policy::{BatchLimits, Need};
    /// let limits = BatchLimits::new(128, 2048, 16, 10_000);
    /// assert_eq!(limits.watermark_blocks, 100);
    /// let need = |blocks| Need { blocks, to_come: 0 };
    /// assert!(limits.admits(127, 1, 200, need(100)));
    /// assert!(!limits.admits(127, 1, 199, need(100)), "would go below the watermark");
    /// assert!(limits.admits(0, 1, 100, need(100)), "nothing runs that could grow");
    /// assert!(!limits.admits(128, 1, 9_000, need(1)), "the batch is full");
    /// ```
    pub const fn new(max_seqs: u32, max_tokens: u32, block_tokens: u32, blocks: u64) -> Self {
        let max_tokens = if max_tokens > max_seqs { max_tokens } else { max_seqs };
        Self {
            max_seqs,
            max_tokens,
            block_tokens,
            blocks,
            watermark_blocks: blocks / 100,
            answer_percent: 0,
            order: PrefillOrder::Mixed,
            preemption: Preemption::Recompute,
            scheduling: Scheduling::Synchronous,
            prefix_caching: false,
        }
    }

    /// The same limits with the scheduling rules that an engine has unless told otherwise.
    ///
    /// * vLLM (V1 scheduler, 0.9 to 0.19): mixed steps, admission down to the watermark.
    /// * SGLang (0.4 to 0.5): prompts first; admission keeps room for the share of answers that its
    ///   new-token ratio settles at, 0.7 × 0.14.
    /// * TensorRT-LLM (1.0, capacity scheduler "guaranteed no evict"): mixed steps, room for whole
    ///   answers.
    ///
    /// ```
    /// use wattmill_factory::Flavour;
    /// use wattmill_policy::{BatchLimits, Need, PrefillOrder};
    /// let limits = BatchLimits::new(128, 2048, 16, 10_000);
    /// assert_eq!(limits.flavoured(Flavour::Sglang).order, PrefillOrder::First);
    /// let careful = limits.flavoured(Flavour::Trtllm);
    /// let need = Need { blocks: 100, to_come: 16_000 };
    /// assert!(!careful.admits(1, 1, 1_100, need), "answers of 1,000 blocks are to come");
    /// assert!(careful.admits(1, 1, 1_102, need));
    /// ```
    #[must_use]
    pub const fn flavoured(self, flavour: Flavour) -> Self {
        let (watermark_blocks, answer_percent) = match flavour {
            Flavour::Vllm => (self.watermark_blocks, self.answer_percent),
            Flavour::Sglang => (0, 10),
            Flavour::Trtllm => (0, 100),
        };
        Self { order: PrefillOrder::of(flavour), watermark_blocks, answer_percent, ..self }
    }

    /// Limits of one of `groups` attention groups (at least one is assumed) with batches of their own:
    /// an even part of each.
    ///
    /// ```
    /// use wattmill_policy::BatchLimits;
    /// let group = BatchLimits::new(1000, 8192, 16, 80_000).of_group(8);
    /// assert_eq!((group.max_seqs, group.max_tokens, group.blocks), (125, 1024, 10_000));
    /// ```
    #[must_use]
    pub fn of_group(self, groups: u32) -> Self {
        let groups = groups.max(1);
        let max_seqs = self.max_seqs.div_ceil(groups);
        Self {
            max_seqs,
            max_tokens: self.max_tokens.div_ceil(groups).max(max_seqs),
            blocks: (self.blocks / u64::from(groups)).max(1),
            watermark_blocks: self.watermark_blocks / u64::from(groups),
            ..self
        }
    }

    /// Blocks that `tokens` tokens fill or begin.
    #[inline]
    pub const fn blocks_for(&self, tokens: u64) -> u64 {
        tokens.div_ceil(self.block_tokens as u64)
    }

    /// Whether a request of `input` and `output` tokens can ever run: its last token's context must
    /// fit the replica alone.
    #[inline]
    pub const fn can_ever_run(&self, input: u32, output: u32) -> bool {
        let longest = input as u64 + output as u64 - 1;
        self.blocks_for(longest) <= self.blocks
    }

    /// Whether a sequence may start beside `running` others with `budget` tokens of the step and
    /// `free` blocks left. Alone, one may start that fits.
    #[inline]
    pub const fn admits(&self, running: u32, budget: u32, free: u64, need: Need) -> bool {
        if running >= self.max_seqs || budget == 0 {
            return false;
        }
        let reserve =
            if running == 0 { 0 } else { self.watermark_blocks + self.pledged(running, need) };
        need.blocks + reserve <= free
    }

    /// Blocks kept for answers: each of them may begin one block more than its tokens fill.
    const fn pledged(&self, running: u32, need: Need) -> u64 {
        if self.answer_percent == 0 {
            return 0;
        }
        let tokens = need.to_come * self.answer_percent as u64 / 100;
        self.blocks_for(tokens) + running as u64 + 1
    }
}

/// Group that takes the next request of a replica whose attention is data parallel: the one with the
/// fewest requests, the first of equals.
///
/// ```
/// use wattmill_policy::emptiest;
/// assert_eq!(emptiest([3, 1, 1]), 1);
/// ```
#[inline]
pub fn emptiest(requests: impl IntoIterator<Item = usize>) -> usize {
    let by_requests = requests.into_iter().enumerate().min_by_key(|(index, n)| (*n, *index));
    by_requests.map_or(0, |(index, _)| index)
}
