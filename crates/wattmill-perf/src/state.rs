//! Layers with a state: what of them lies on one accelerator, and what a token asks of it.

use wattmill_catalog::{StateKind, StateMixer};

use crate::shard::{Projection, projection};

/// Bytes of an activation, BF16.
const ACTIVATION: f64 = 2.0;
/// Kernels of a layer beside the projections: convolution, states, gated norm.
pub(crate) const KERNELS: f64 = 3.0;
/// Share of memory bandwidth, as of kernels that only move memory.
pub(crate) const MEMORY: f64 = 0.8;
/// Share of the compute rate in a scan over chunks: estimate, no table of ours has it timed.
pub(crate) const SCANNING: f64 = 0.5;

/// Layers with a state on one accelerator. Heads are split over tensor parallelism like attention's;
/// keys are repeated where there are fewer of them than accelerators.
///
/// In decode every sequence's states are read and written once per step and layer. A prompt goes
/// through in chunks: within a chunk as attention, from chunk to chunk by the state. What a prompt
/// finds and leaves in its states is not counted: a few per cent of what a thousand tokens move.
#[derive(Clone, Debug)]
pub(crate) struct StateLayers {
    pub(crate) layers: f64,
    /// Projections of one layer, in and out.
    pub(crate) projections: Vec<Projection>,
    /// What one sequence keeps in one layer.
    pub(crate) bytes_per_sequence: f64,
    /// One decoding sequence, one step, one layer.
    pub(crate) decode: Work,
    /// One prefill token in one layer.
    pub(crate) prefill: Work,
}

/// Operations and memory traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Work {
    pub(crate) flops: f64,
    pub(crate) bytes: f64,
}

/// Tokens of a chunk of prefill: what the reference kernels use (flash-linear-attention 64,
/// `chunk_size` 128 of the Nemotron configurations, lightning attention's blocks of 256).
const fn chunk(kind: StateKind) -> f64 {
    match kind {
        StateKind::GatedDelta => 64.0,
        StateKind::Lightning => 256.0,
        StateKind::Mamba2 => 128.0,
    }
}

impl StateLayers {
    pub(crate) fn of(state: &StateMixer, hidden: f64, tensor: f64) -> Self {
        let heads = f64::from(state.heads) / tensor;
        let key_heads = (f64::from(state.key_heads) / tensor).max(1.0);
        let (key, value) = (f64::from(state.key_dim), f64::from(state.value_dim));
        let (keys, values) = (key_heads * key, heads * value);
        let scalars = f64::from(state.kind.scalars()) * heads;
        let channels = if state.conv > 0 { 2.0 * keys + values } else { 0.0 };
        let conv_window = f64::from(state.conv.saturating_sub(1)) * channels * ACTIVATION;
        let conv_flops = 2.0 * f64::from(state.conv) * channels;

        let elements = heads * key * value;
        let states = elements * StateMixer::STATE_BYTES;
        // Queries, keys, values and gates in, gated values out.
        let io = (2.0 * keys + 3.0 * values + scalars) * ACTIVATION;

        let chunk = chunk(state.kind);
        // Half of the chunk's square: scores and weighted values; into the state and out of it.
        let within = chunk * heads * (key + value);
        let across = 4.0 * elements;
        let (within, across) = match state.kind {
            // Keys against keys, the triangular inverse applied to keys and values, and what the
            // state holds for the keys already.
            StateKind::GatedDelta => {
                (within + chunk * heads * (2.0 * key + value), across + 2.0 * elements)
            }
            StateKind::Lightning | StateKind::Mamba2 => (within, across),
        };
        Self {
            layers: f64::from(state.layers),
            projections: vec![
                projection("state input projection", hidden, 2.0 * keys + 2.0 * values + scalars),
                projection("state output projection", values, hidden),
            ],
            bytes_per_sequence: states + conv_window,
            decode: Work {
                flops: state.kind.operations() * elements + conv_flops,
                bytes: 2.0 * (states + conv_window) + io,
            },
            prefill: Work {
                flops: within + across + conv_flops,
                // The state between chunks is written, and read again for the outputs, in BF16. The
                // convolution reads and writes its channels.
                bytes: io + 2.0 * channels * ACTIVATION + 2.0 * elements * ACTIVATION / chunk,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_catalog::Catalog;

    /// Of one layer; the convolution's are too few to count.
    fn weights(layers: &StateLayers) -> f64 {
        layers.projections.iter().map(|p| p.weights).sum()
    }

    fn layers(id: &str, tensor: f64) -> (StateMixer, StateLayers) {
        let model = Catalog::builtin().model(id).expect(id);
        let state = model.state.expect("has states");
        (state, StateLayers::of(&state, f64::from(model.hidden), tensor))
    }

    #[test]
    fn one_accelerator_holds_what_the_catalogue_counts() {
        for id in ["qwen3.5-397b-a17b", "minimax-text-01", "nemotron-nano-12b-v2"] {
            let (state, layers) = layers(id, 1.0);
            let hidden = Catalog::builtin().model(id).expect(id).hidden;
            let conv = f64::from(state.conv) * state.convolved();
            assert_eq!(weights(&layers) + conv, state.parameters(hidden), "{id}");
            assert_eq!(layers.bytes_per_sequence, state.bytes(), "{id}");
        }
    }

    #[test]
    fn a_split_shares_heads_and_repeats_keys() {
        let (_, whole) = layers("qwen3.5-397b-a17b", 1.0);
        let (_, eighth) = layers("qwen3.5-397b-a17b", 8.0);
        assert_eq!(weights(&eighth) * 8.0, weights(&whole));
        assert_eq!(eighth.bytes_per_sequence * 8.0, whole.bytes_per_sequence);
        // Eight groups of keys on sixteen accelerators.
        let (_, nano) = layers("nemotron-nano-12b-v2", 1.0);
        let (_, split) = layers("nemotron-nano-12b-v2", 16.0);
        assert!(weights(&split) * 16.0 > weights(&nano));
    }

    #[test]
    fn decode_moves_its_states_twice() {
        let (state, layers) = layers("nemotron-nano-12b-v2", 1.0);
        let floor = 2.0 * state.bytes();
        assert!(layers.decode.bytes > floor && layers.decode.bytes < 1.05 * floor);
        // Measured over batches of 8 to 192 on H100: 0.136 ms per sequence, cache of about 3,000
        // tokens included (ml-energy/leaderboard @0cd52dab89, gpqa).
        let per_step = layers.layers * layers.decode.bytes / (3.35e12 * 0.8);
        assert!(per_step > 0.10e-3 && per_step < 0.13e-3, "{per_step}");
    }

    #[test]
    fn prefill_asks_more_arithmetic_of_a_byte_than_decode() {
        for id in ["qwen3.5-397b-a17b", "minimax-text-01", "nemotron-nano-12b-v2"] {
            let (_, layers) = layers(id, 1.0);
            let intensity = |w: Work| w.flops / w.bytes;
            assert!(intensity(layers.prefill) > 20.0 * intensity(layers.decode), "{id}");
        }
    }
}
