//! Rows that must be refused, and what is said about them.

use wattmill_catalog::{Catalog, Confidence, Texts, parse_accelerator, parse_model, parse_system};

const EMPTY: Texts<'static> = Texts {
    accelerators: "",
    systems: "",
    models: "",
    traffic: "",
    efficiency: "",
    surfaces: "",
    overheads: "",
    power: "",
    errors: "",
};

fn said(texts: Texts<'_>) -> Vec<String> {
    Catalog::from_texts(texts).expect_err("broken").iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_catalogue_is_one() {
    let catalog = Catalog::from_texts(EMPTY).expect("nothing is wrong with nothing");
    assert_eq!(catalog.models().count(), 0);
}

#[test]
fn rows_without_provenance_are_refused() {
    let models =
        "[tiny]\nlayers = 2\n[small]\nlayers = 2\nsource = 'x'\ndate = '2026'\nconfidence = 'D'";
    assert_eq!(
        said(Texts { models, ..EMPTY }),
        [
            "model `small`: confidence: confidence \"D\" is none of A, B, C, E",
            "model `tiny`: source: missing; a row says where it was read, when and how sure",
            "model `tiny`: date: missing; a row says where it was read, when and how sure",
            "model `tiny`: confidence: missing; a row says where it was read, when and how sure",
        ]
    );
}

#[test]
fn text_that_is_no_toml_says_where() {
    let all = said(Texts { systems: "[rack\n", ..EMPTY });
    assert!(all[0].starts_with("the system text is not TOML: "), "{all:?}");
    assert!(all[0].contains("line 1"), "{all:?}");
}

#[test]
fn references_and_names_are_checked() {
    let from = "source = 'x'\ndate = '2026'\nconfidence = 'A'";
    let systems = format!("[rack]\naccelerators = 8\naccelerator = 'h100'\n{from}");
    assert_eq!(
        said(Texts { systems: &systems, ..EMPTY }),
        ["system `rack`: accelerator: there is no accelerator `h100`"]
    );
    let models = format!("[a]\naliases = ['X_1']\n{from}\n[x-1]\n{from}");
    assert_eq!(
        said(Texts { models: &models, ..EMPTY }),
        ["model `x-1`: `x-1` already names `a`; drop or rename one of them"]
    );
    let (_, row) = Texts::BUILTIN.efficiency.split_once("[hopper]\n").expect("it is there");
    let (_, power) = Texts::BUILTIN.power.split_once("[hopper]\n").expect("it is there");
    let of = |text: &str| text.split("\n[").next().unwrap_or_default().to_owned();
    let kernels = "bf16_kernels_from = 'older'";
    let new = format!("[new]\nborrowed_from = 'hopper'\n{kernels}\n{from}");
    let efficiency = format!("[hopper]\n{}\n{new}", of(row));
    assert_eq!(
        said(Texts {
            efficiency: &efficiency,
            power: &format!("[hopper]\n{}", of(power)),
            ..EMPTY
        }),
        ["efficiency `new`: bf16_kernels_from: there is no measured family `older`"]
    );
    let efficiency = format!("[new]\nborrowed_from = 'old'\n{from}");
    assert_eq!(
        said(Texts { efficiency: &efficiency, ..EMPTY }),
        ["efficiency `new`: borrowed_from: there is no measured family `old`"]
    );
    let traffic = format!("[shape.day]\nhourly = [1, 2]\n{from}\n[tides]");
    assert_eq!(
        said(Texts { traffic: &traffic, ..EMPTY }),
        [
            "lengths `tides`: tides: is not known here; known are `lengths` and `shape`",
            "shape `day`: hourly: has 2 values; a day has 24 hours",
        ]
    );
}

#[test]
fn a_table_of_a_factory_file_is_read_or_explained_at_once() {
    let table = "accelerator = 'h100-sxm'\naccelerators = 16\npower_max = '20 kW'".parse();
    let rack = parse_system("my-rack", &table.expect("toml")).expect("sound");
    assert_eq!((rack.accelerators, rack.power_max.map(|p| p.as_kw())), (16, Some(20.0)));
    assert_eq!(rack.provenance.confidence, Confidence::E);

    let table =
        "accelerators = 0\npower_max = 20\npower_typical = '3 GB'\nprice = '-1 USD'\npower_mx = 1";
    let errors = parse_system("my-rack", &table.parse().expect("toml")).expect_err("broken");
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "accelerators: 0 is too few; a system has at least 1",
            "power_typical: `GB` is not a unit of power; use one of MW, W, kW, GW",
            "power_max: `20` has no unit; write power like `20 MW` (units: MW, W, kW, GW)",
            "price: \"-1 USD\" is not money in US dollars; it must be 0 or more",
            "power_mx: is not known here; did you mean `power_max`?",
        ]
    );
}

#[test]
fn values_may_carry_their_own_source() {
    let text =
        "family = 'hopper'\nmemory = { value = '80 GB', source = 'a sheet', confidence = 'b' }";
    let chip = parse_accelerator("x", &text.parse().expect("toml")).expect("sound");
    let memory = chip.provenance.field("memory").expect("stated");
    assert_eq!(memory.source.as_deref(), Some("a sheet"));
    assert_eq!(memory.confidence, Some(Confidence::B));
    assert!(chip.missing().contains(&"scaleup") && chip.power_unknown().is_some());

    for (text, message) in [
        (
            "memory = '80 GB'",
            "family: missing; write the chip family whose efficiency it has, like `hopper`",
        ),
        (
            "family = 'hopper'\ntdp = { watts = 3 }",
            "tdp: `watts` is not a part of a value; use value, source, confidence",
        ),
        ("family = 7", "family: 7 is not a text in quotes"),
        (
            "family = 'hopper'\nscaleup_domain = -8",
            "scaleup_domain: -8 is not a whole number from 0 to 4294967295",
        ),
        (
            "family = 'hopper'\ntdp = nan",
            "tdp: `nan` does not start with a number; write power like `1 MW`",
        ),
    ] {
        let errors = parse_accelerator("x", &text.parse().expect("toml")).expect_err(text);
        assert_eq!(errors[0].to_string(), message);
    }
}

#[test]
fn models_that_contradict_themselves_are_refused() {
    let base = "layers = 4\nhidden = 64\nheads = 8\nffn_dim = 256\nvocab = 1000\n";
    let read = |more: &str| parse_model("m", &format!("{base}{more}").parse().expect("toml"));
    let model = read("").expect("sound");
    assert_eq!(model.missing(), [""; 0]);
    assert_eq!(model.parameters(), 4.0 * (4.0 * 64.0 * 64.0 + 3.0 * 64.0 * 256.0) + 2.0 * 64_000.0);
    for (more, message) in [
        ("kv_heads = 3", "kv_heads: 3 does not divide its 8 heads"),
        ("full_attention_layers = 5", "full_attention_layers: 5 is more than its 4 layers"),
        (
            "full_attention_layers = 2",
            "window: missing; write the tokens that the other attention layers see",
        ),
        ("experts = 4\nexperts_per_token = 5", "experts_per_token: 5 is more than its 4 experts"),
        ("dense_layers = 5", "dense_layers: 5 is more than its 4 layers"),
        (
            "experts = 4\nmoe_layers = 2\ndense_layers = 3",
            "dense_layers: 3 and 2 moe_layers are more than its 4 layers",
        ),
        ("indexer_dim = 128", "indexer_heads: an indexer needs both indexer_heads and indexer_dim"),
        (
            "undescribed = 'magic'",
            "undescribed: `magic` is none of `linear attention`, `state space`",
        ),
        ("output_rank = 8", "output_rank: is of compressed attention; write its entry_tokens, too"),
        (
            "entry_tokens = 4\nentry_layers = 2\noutput_groups = 3",
            "output_groups: 3 does not divide its 8 heads",
        ),
        (
            "entry_tokens = 4\nentry_layers = 5",
            "full_attention_layers: 5 is more than its 4 layers",
        ),
        (
            "sparse_entry_tokens = 4\nsparse_entry_layers = 2",
            "sparse_entry_layers: what picks the entries of 2 layers is not there; write sparse_top_k, \
             indexer_heads, indexer_dim, too",
        ),
        (
            "sparse_entry_tokens = 4\nsparse_entry_layers = 2\nindexer_heads = 8\nindexer_dim = 64",
            "sparse_entry_layers: what picks the entries of 2 layers is not there; write sparse_top_k, \
             too",
        ),
        ("residual_streams = 0", "residual_streams: must be at least 1"),
    ] {
        assert_eq!(read(more).expect_err(more)[0].to_string(), message);
    }
    assert_eq!(parse_model("m", &toml::Table::new()).expect("nothing wrong").missing().len(), 5);

    // However large its counts are, none of them is missing.
    let huge =
        "layers = 1\nhidden = 65536\nheads = 65536\nhead_dim = 65536\nffn_dim = 1\nvocab = 1";
    let huge = parse_model("m", &huge.parse().expect("toml")).expect("sound");
    assert_eq!(huge.missing(), [""; 0]);
}
