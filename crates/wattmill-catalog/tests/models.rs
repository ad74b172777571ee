//! Counts that follow from the dimensions, against published ones.

use wattmill_catalog::Catalog;

/// Id, billions of parameters, of active ones, and bytes of BF16 cache per token, as computed
/// independently from the configurations the rows were read in. Cache bytes of 0 are not compared:
/// that count took layers with chunked attention for full ones.
const COMPUTED: &[(&str, f64, f64, f64)] = &[
    ("gpt-3-175b", 174.6, 174.6, 4718592.0),
    ("megatron-22b", 22.1, 22.1, 1179648.0),
    ("megatron-145b", 145.6, 145.6, 3932160.0),
    ("megatron-175b", 174.6, 174.6, 4718592.0),
    ("megatron-310b", 310.1, 310.1, 6291456.0),
    ("megatron-530b", 529.5, 529.5, 8601600.0),
    ("megatron-1t", 1007.9, 1007.9, 13107200.0),
    ("llama-2-7b", 6.7, 6.7, 524288.0),
    ("llama-2-13b", 13.0, 13.0, 819200.0),
    ("llama-2-70b", 69.0, 69.0, 327680.0),
    ("llama-3.1-8b", 8.0, 8.0, 131072.0),
    ("llama-3.1-70b", 70.6, 70.6, 327680.0),
    ("llama-3.1-405b", 405.8, 405.8, 516096.0),
    ("mixtral-8x7b", 46.7, 12.9, 131072.0),
    ("mixtral-8x22b", 140.6, 39.2, 229376.0),
    ("qwen2.5-7b", 7.6, 7.6, 57344.0),
    ("qwen2.5-14b", 14.8, 14.8, 196608.0),
    ("qwen2.5-32b", 32.8, 32.8, 262144.0),
    ("qwen2.5-72b", 72.7, 72.7, 327680.0),
    ("qwen3-8b", 8.2, 8.2, 147456.0),
    ("qwen3-14b", 14.8, 14.8, 163840.0),
    ("qwen3-32b", 32.8, 32.8, 262144.0),
    ("qwen3-30b-a3b", 30.5, 3.4, 98304.0),
    ("qwen3-235b-a22b", 235.1, 22.2, 192512.0),
    ("qwen3-coder-480b-a35b", 480.2, 35.5, 253952.0),
    ("deepseek-v2", 235.7, 21.4, 69120.0),
    ("deepseek-v3", 671.0, 37.6, 70272.0),
    ("deepseek-v3.2", 671.9, 38.4, 85888.0),
    ("kimi-k2", 1026.4, 32.9, 70272.0),
    ("gpt-oss-20b", 20.9, 4.2, 24576.0),
    ("gpt-oss-120b", 116.8, 5.7, 36864.0),
    ("glm-4.5", 352.8, 33.6, 376832.0),
    ("glm-4.5-air", 106.9, 13.4, 188416.0),
    ("glm-5", 743.9, 41.8, 109824.0),
    ("llama-4-scout", 107.8, 17.2, 0.0),
    ("llama-4-maverick", 400.7, 17.2, 0.0),
    ("nemotron-4-340b", 341.0, 341.0, 589824.0),
    ("minimax-m2.5", 228.7, 11.0, 253952.0),
    ("minimax-m3", 425.9, 25.7, 122880.0),
    ("minimax-text-01", 456.1, 48.4, 40960.0),
    ("qwen3.5-397b-a17b", 396.3, 17.35, 30720.0),
    ("nemotron-nano-9b-v2", 8.89, 8.89, 16384.0),
    ("nemotron-nano-12b-v2", 12.31, 12.31, 24576.0),
    ("nemotron-3-nano", 31.58, 3.58, 6144.0),
    ("nemotron-3-super", 120.67, 12.77, 8192.0),
    ("nemotron-3-ultra", 549.3, 56.05, 12288.0),
    ("bloom-176b", 176.2, 176.2, 4014080.0),
    ("palm-540b", 540.35, 540.35, 120832.0),
    ("gemma-3-27b", 27.0, 27.0, 81920.0),
    ("megatron-39.1b", 39.1, 39.1, 1572864.0),
    ("maxtext-1024b", 998.0, 998.0, 16777216.0),
];

fn near(got: f64, wanted: f64, within: f64) -> bool {
    (got / wanted - 1.0).abs() <= within
}

#[test]
fn parameters_and_cache_follow_from_the_dimensions() {
    let catalog = Catalog::builtin();
    for &(id, total, active, cache) in COMPUTED {
        let model = catalog.model(id).expect(id);
        assert_eq!(model.missing(), [""; 0], "{id}");
        let (p, a) = (model.parameters() / 1e9, model.active_parameters() / 1e9);
        assert!(near(p, total, 0.015), "{id}: {p} parameters, not {total}");
        assert!(near(a, active, 0.015), "{id}: {a} active, not {active}");
        assert!(cache == 0.0 || model.kv_bytes_per_token(2.0) == cache, "{id}: cache");
    }
}

#[test]
fn published_totals_agree() {
    let mut compared = 0;
    for model in Catalog::builtin().models().filter(|m| m.missing().is_empty()) {
        let id = &model.id;
        if let Some(published) = model.params_published {
            let p = model.parameters();
            assert!(near(p, published, 0.015), "{id}: {p} parameters, published {published}");
            compared += 1;
        }
        // Publishers leave out embeddings, or not: only gross errors show here.
        if let Some(published) = model.params_active_published {
            let a = model.active_parameters();
            assert!(near(a, published, 0.2), "{id}: {a} active, published {published}");
        }
    }
    assert!(compared >= 60, "{compared}");
}

/// The report of April 2026: 1.6 T parameters of which a token visits 49 B, and 284 B with 13 B; at a
/// million tokens a tenth of the cache of V3.2, or 7 %.
#[test]
fn compressed_attention_adds_up_to_what_its_maker_says() {
    let catalog = Catalog::builtin();
    let model = |id| catalog.model(id).expect("in the catalogue");
    let before = model("deepseek-v3.2").kv_bytes_per_token(1.0);
    for (id, total, active, cache) in
        [("deepseek-v4-pro", 1.6e12, 49e9, 0.10), ("deepseek-v4-flash", 284e9, 13e9, 0.07)]
    {
        let model = model(id);
        assert_eq!(model.missing(), [""; 0], "{id}");
        assert!(near(model.parameters(), total, 0.02), "{id}: {}", model.parameters());
        assert!(
            near(model.active_parameters(), active, 0.06),
            "{id}: {}",
            model.active_parameters()
        );
        let share = model.kv_bytes_per_token(1.0) / before;
        assert!((share - cache).abs() < 0.02, "{id}: {share}");
    }
}

#[test]
fn what_is_not_described_is_said() {
    let catalog = Catalog::builtin();
    let missing = |id| catalog.model(id).expect("in the catalogue").missing();
    assert_eq!(missing("kimi-k3"), ["the shape of its linear-attention layers"]);
}
