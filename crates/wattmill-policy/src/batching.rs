//! What one engine may put into its next step.
//!
//! The rules, in the order they are applied at every step:
//! 1. every decoding sequence decodes one token; if its block is full it takes a new one, and while
//!    blocks are short the sequence admitted last is preempted (its blocks freed, to be recomputed
//!    from the front of the queue);
//! 2. the tokens left of the step's budget go to the prompt under way, then, unless something was
//!    preempted in this step, to waiting requests in order of arrival, for as long as
//!    [`BatchLimits::admits`] them. A prompt gets the smaller of what it lacks and what is left.
//!
//! This is chunked prefill with decode priority (Sarathi-Serve, OSDI 2024), with the blocks of a
//! whole prompt reserved at admission: [`PrefillOrder::Mixed`], what vLLM and TensorRT-LLM do.
//! SGLang, unless told otherwise, does [`PrefillOrder::First`]: a step holds prompts or decodes,
//! never both, and while any prompt is under way or may start, it holds prompts.

/// Whether prompts share their steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefillOrder {
    /// With decodes, which go first.
    #[default]
    Mixed,
    /// With nobody: decodes wait for them.
    First,
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
    /// KV blocks of the replica.
    pub blocks: u64,
    /// Blocks kept free at admission while anything runs, so that it can grow.
    pub watermark_blocks: u64,
    /// Whether prompts share their steps with decodes.
    pub order: PrefillOrder,
}

impl BatchLimits {
    /// Blocks that no workload exhausts, for a replica whose memory is not modelled.
    pub const UNLIMITED_BLOCKS: u64 = 1 << 40;

    /// Limits with a watermark of one block in a hundred.
    ///
    /// ```
    /// use wattmill_policy::BatchLimits;
    /// let limits = BatchLimits::new(128, 2048, 16, 10_000);
    /// assert_eq!(limits.watermark_blocks, 100);
    /// assert!(limits.admits(127, 1, 200, 1600));
    /// assert!(!limits.admits(127, 1, 199, 1600), "would go below the watermark");
    /// assert!(limits.admits(0, 1, 100, 1600), "nothing runs that could grow");
    /// assert!(!limits.admits(128, 1, 9_000, 16), "the batch is full");
    /// ```
    pub const fn new(max_seqs: u32, max_tokens: u32, block_tokens: u32, blocks: u64) -> Self {
        let max_tokens = if max_tokens > max_seqs { max_tokens } else { max_seqs };
        Self {
            max_seqs,
            max_tokens,
            block_tokens,
            blocks,
            watermark_blocks: blocks / 100,
            order: PrefillOrder::Mixed,
        }
    }

    /// The same limits with another order.
    pub const fn in_order(self, order: PrefillOrder) -> Self {
        Self { order, ..self }
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

    /// Whether a prompt of `prompt` tokens may start beside `running` sequences with `budget` tokens
    /// of the step and `free` blocks left.
    #[inline]
    pub const fn admits(&self, running: u32, budget: u32, free: u64, prompt: u64) -> bool {
        let reserve = if running == 0 { 0 } else { self.watermark_blocks };
        running < self.max_seqs && budget > 0 && self.blocks_for(prompt) + reserve <= free
    }
}
