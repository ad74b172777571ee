//! What a replica did with its time.

use wattmill_units::Energy;

/// Work and time of one replica, or of several added up. Everything is an exact integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Steps.
    pub steps: u64,
    /// Time in steps, in raw [`Ticks`](wattmill_units::Ticks); the rest is idle.
    pub busy_ticks: u128,
    /// Accelerator energy above idle, nanojoules.
    pub dynamic_nj: u128,
    /// Prompt tokens computed, recomputation included.
    pub prefill_tokens: u64,
    /// Prompt tokens found in the prefix cache, at recomputations too.
    pub cached_tokens: u64,
    /// KV blocks that were evicted from the prefix cache.
    pub evicted_blocks: u64,
    /// KV blocks moved to or from host memory.
    pub swapped_blocks: u64,
    /// Tokens decoded, first tokens not included.
    pub decode_tokens: u64,
    /// First tokens, and tokens produced at the end of a recomputation.
    pub prompt_completions: u64,
    /// Sum over steps of the decoding sequences' contexts, tokens.
    pub context_steps: u128,
    /// Most KV blocks in use at once, of all attention groups of one replica together.
    pub peak_blocks: u64,
}

impl Usage {
    /// Time goes by in `steps` steps.
    #[inline]
    pub(crate) const fn pass(&mut self, steps: u64, ticks: u128) {
        self.steps += steps;
        self.busy_ticks += ticks;
    }

    /// Adds another replica's; the peak is the highest of any one replica.
    pub fn merge(&mut self, other: &Self) {
        self.steps += other.steps;
        self.busy_ticks += other.busy_ticks;
        self.dynamic_nj += other.dynamic_nj;
        self.prefill_tokens += other.prefill_tokens;
        self.cached_tokens += other.cached_tokens;
        self.evicted_blocks += other.evicted_blocks;
        self.swapped_blocks += other.swapped_blocks;
        self.decode_tokens += other.decode_tokens;
        self.prompt_completions += other.prompt_completions;
        self.context_steps += other.context_steps;
        self.peak_blocks = self.peak_blocks.max(other.peak_blocks);
    }

    /// Output tokens made: decoded, and first ones.
    pub const fn output_tokens(&self) -> u64 {
        self.decode_tokens + self.prompt_completions
    }

    /// Accelerator energy above idle.
    pub fn dynamic_energy(&self) -> Energy {
        Energy::from_joules(self.dynamic_nj as f64 * 1e-9)
    }

    /// What was done after `earlier`, which is an earlier state of the same replicas. The peak stays
    /// that of the whole time.
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            steps: self.steps - earlier.steps,
            busy_ticks: self.busy_ticks - earlier.busy_ticks,
            dynamic_nj: self.dynamic_nj - earlier.dynamic_nj,
            prefill_tokens: self.prefill_tokens - earlier.prefill_tokens,
            cached_tokens: self.cached_tokens - earlier.cached_tokens,
            evicted_blocks: self.evicted_blocks - earlier.evicted_blocks,
            swapped_blocks: self.swapped_blocks - earlier.swapped_blocks,
            decode_tokens: self.decode_tokens - earlier.decode_tokens,
            prompt_completions: self.prompt_completions - earlier.prompt_completions,
            context_steps: self.context_steps - earlier.context_steps,
            peak_blocks: self.peak_blocks,
        }
    }
}
