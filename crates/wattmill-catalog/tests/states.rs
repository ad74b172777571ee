//! Layers that keep a state instead of a cache.

use wattmill_catalog::{Catalog, parse_model};

/// Id, attention layers, state layers, and megabytes of state per sequence: FP32 states and, where
/// there is a short convolution, its last three inputs in BF16.
const STATES: &[(&str, u32, u32, f64)] = &[
    ("qwen3.5-397b-a17b", 15, 45, 45.0 * (64.0 * 128.0 * 128.0 * 4.0 + 3.0 * 12_288.0 * 2.0)),
    ("minimax-text-01", 10, 70, 70.0 * 64.0 * 128.0 * 128.0 * 4.0),
    ("nemotron-nano-9b-v2", 4, 27, 27.0 * (128.0 * 80.0 * 128.0 * 4.0 + 3.0 * 12_288.0 * 2.0)),
    ("nemotron-3-ultra", 12, 48, 48.0 * (256.0 * 64.0 * 128.0 * 4.0 + 3.0 * 18_432.0 * 2.0)),
];

#[test]
fn states_follow_from_the_dimensions() {
    let catalog = Catalog::builtin();
    for &(id, attention, layers, bytes) in STATES {
        let model = catalog.model(id).expect(id);
        assert_eq!(model.missing(), [""; 0], "{id}");
        let state = model.state.expect(id);
        assert_eq!((model.attention_layers, state.layers), (attention, layers), "{id}");
        assert_eq!(model.state_bytes(), bytes, "{id}");
        // Only attention fills a cache.
        let cache = model.kv_elements_per_layer() * f64::from(attention) * 2.0;
        assert_eq!(model.kv_bytes_per_token(2.0), cache, "{id}");
    }
    assert_eq!(catalog.model("llama-3.1-8b").expect("llama").state_bytes(), 0.0);
}

#[test]
fn layers_of_their_own_are_counted() {
    let base = "layers = 4\nhidden = 64\nheads = 8\nffn_dim = 256\nvocab = 1000\n";
    let read = |more: &str| parse_model("m", &format!("{base}{more}").parse().expect("toml"));
    // Two attention, one state and one feed-forward layer.
    let shape = "attention_layers = 2\ndense_layers = 1\nstate = 'mamba-2'\nstate_layers = 1\n\
                 state_heads = 4\nstate_key_heads = 2\nstate_key_dim = 8\nstate_value_dim = 16\n\
                 state_conv = 4";
    let model = read(shape).expect("sound");
    assert_eq!(model.missing(), [""; 0]);
    let state = 64.0 * (2.0 * 16.0 + 2.0 * 64.0 + 4.0) + 64.0 * 64.0 + 4.0 * (32.0 + 64.0);
    let attention = 4.0 * 64.0 * 64.0;
    let rest = 3.0 * 64.0 * 256.0 + 2.0 * 64_000.0;
    assert_eq!(model.parameters(), 2.0 * attention + state + rest);
    let gated = read(&format!("{shape}\noutput_gate = true")).expect("sound");
    assert_eq!(gated.parameters() - model.parameters(), 2.0 * 64.0 * 64.0);

    let stateful = read("state = 'lightning'\nstate_layers = 3").expect("sound");
    assert_eq!(stateful.missing(), ["the shape of its states"]);
    assert_eq!((stateful.attention_layers, stateful.full_attention_layers), (1, 1));
}

#[test]
fn experts_on_a_latent_are_counted() {
    let base = "layers = 4\nhidden = 64\nheads = 8\nvocab = 1000\nexperts = 8\n\
                experts_per_token = 2\nexpert_dim = 32\n";
    let read = |more: &str| parse_model("m", &format!("{base}{more}").parse().expect("toml"));
    let (wide, latent) = (read("").expect("sound"), read("expert_latent_dim = 16").expect("sound"));
    let saved = 4.0 * (8.0 * 3.0 * (64.0 - 16.0) * 32.0 - 2.0 * 64.0 * 16.0);
    assert_eq!(wide.parameters() - latent.parameters(), saved);
}

#[test]
fn states_that_contradict_the_model_are_refused() {
    let base = "layers = 4\nhidden = 64\nheads = 8\nffn_dim = 256\nvocab = 1000\n";
    let read = |more: &str| parse_model("m", &format!("{base}{more}").parse().expect("toml"));
    for (more, message) in [
        ("attention_layers = 5", "attention_layers: 5 is more than its 4 layers"),
        (
            "state = 'lightning'\nstate_layers = 3\nattention_layers = 2",
            "attention_layers: 2 and 3 state_layers are more than its 4 layers",
        ),
        ("state_layers = 3", "state: missing; write what kind of state its state_layers have"),
        ("state = 'solid'", "state: `solid` is none of `gated delta`, `lightning`, `mamba-2`"),
        (
            "state = 'mamba-2'\nstate_heads = 8\nstate_key_heads = 3",
            "state_key_heads: 3 does not divide its 8 state_heads",
        ),
    ] {
        assert_eq!(read(more).expect_err(more)[0].to_string(), message);
    }
}
