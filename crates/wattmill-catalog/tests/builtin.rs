//! The compiled-in rows as a stranger would use them.

use wattmill_catalog::{Catalog, Confidence, Kind, Precision, Texts};

#[test]
fn the_builtin_rows_parse() {
    if let Err(errors) = Catalog::from_texts(Texts::BUILTIN) {
        panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>());
    }
    let catalog = Catalog::builtin();
    let count = |kind| catalog.ids(kind).len();
    assert_eq!(count(Kind::Accelerator), 37);
    assert!(count(Kind::System) >= 21);
    assert_eq!(count(Kind::Model), 87);
    assert_eq!(count(Kind::Lengths), 5);
    assert_eq!(count(Kind::Shape), 6);
}

#[test]
fn every_row_says_where_it_comes_from() {
    let catalog = Catalog::builtin();
    let rows = catalog
        .accelerators()
        .map(|r| (&r.id, &r.provenance))
        .chain(catalog.systems().map(|r| (&r.id, &r.provenance)))
        .chain(catalog.models().map(|r| (&r.id, &r.provenance)))
        .chain(catalog.all_lengths().map(|r| (&r.id, &r.provenance)))
        .chain(catalog.shapes().map(|r| (&r.id, &r.provenance)))
        .chain(catalog.efficiencies().map(|r| (&r.family, &r.provenance)));
    for (id, provenance) in rows {
        assert!(provenance.source.len() > 3 && provenance.date.starts_with("20"), "{id}");
    }
    let rubin = catalog.accelerator("vr200").expect("vr200");
    assert_eq!(rubin.provenance.field("bf16").and_then(|f| f.confidence), Some(Confidence::C));
    assert_eq!(rubin.provenance.field("memory").map(|f| &*f.value), Some("288 GB"));
}

#[test]
fn the_usual_names_find_their_rows() {
    let catalog = Catalog::builtin();
    for (name, id) in [
        ("H100_SXM", "h100-sxm"),
        ("h100", "h100-sxm"),
        ("a100-80gb", "a100-80"),
        ("tpu7x", "tpu-v7"),
    ] {
        assert_eq!(catalog.accelerator(name).expect(name).id, id);
    }
    for (name, id) in [
        ("hgx-h100", "dgx-h100"),
        ("DGX_H100", "dgx-h100"),
        ("vr_nvl72", "vr-nvl72"),
        ("gb200-nvl72", "gb200-nvl72"),
        ("nvidia_dsx_1gw", "dsx-1gw"),
    ] {
        assert_eq!(catalog.system(name).expect(name).id, id);
    }
    for (name, id) in [
        ("llama3_70b", "llama-3.1-70b"),
        ("llama-3.3-70b", "llama-3.1-70b"),
        ("llama-3-8b", "llama-3.1-8b"),
        ("deepseek_v3_r1", "deepseek-v3"),
        ("DeepSeek-R1", "deepseek-v3"),
        ("kimi-k2.5", "kimi-k2"),
        ("glm-4.6", "glm-4.5"),
        ("qwen25_7b", "qwen2.5-7b"),
    ] {
        assert_eq!(catalog.model(name).expect(name).id, id);
    }
    assert!(catalog.lengths("azure_conv_2023").is_some() && catalog.shape("flat").is_some());
    assert!(catalog.model("").is_none());
    assert!(catalog.aliases(Kind::Model, "deepseek-v3").contains(&"deepseek-r1"));
    assert_eq!(catalog.closest(Kind::System, "hgx-h1000")[0], "hgx-h100");
    assert_eq!(catalog.closest(Kind::System, "bicycle"), [""; 0]);
}

#[test]
fn a_machine_that_can_be_deployed_can_be_priced() {
    let catalog = Catalog::builtin();
    let deployable: Vec<&str> = catalog
        .systems()
        .filter(|s| s.missing().is_empty())
        .filter(|s| catalog.accelerator(&s.accelerator).is_some_and(|a| a.missing().is_empty()))
        .map(|s| s.id.as_str())
        .collect();
    for id in
        ["dgx-a100", "dgx-h100", "dgx-b200", "gb200-nvl72", "gb300-nvl72", "vr-nvl72", "mi300x-8"]
    {
        assert!(deployable.contains(&id), "{id} is not among {deployable:?}");
    }
    let feynman = catalog.accelerator("feynman").expect("feynman");
    assert_eq!(feynman.missing().len(), 5);
    assert_eq!(catalog.accelerator("rubin-cpx").expect("rubin-cpx").scaleup_domain, Some(1));
    assert_eq!(catalog.system("groq3-lpx").expect("groq3-lpx").missing()[0], "accelerator");
}

#[test]
fn efficiencies_are_shares_and_borrowing_is_said() {
    let catalog = Catalog::builtin();
    for e in catalog.efficiencies() {
        let shares = e.gemm.iter().chain(&e.memory_weights);
        let shares = shares.chain([&e.memory_kv, &e.alltoall, &e.scaleout, &e.idle_fraction]);
        for share in shares {
            assert!(*share > 0.0 && *share <= 1.0, "{}: {share}", e.family);
        }
        assert!(e.kernel_latency.as_us() > 0.0 && e.step_overhead.as_us() > 0.0, "{}", e.family);
    }
    let of = |family| catalog.efficiency(family).expect("a family");
    assert!(of("Hopper").is_measured());
    assert_eq!(of("rubin").borrowed_from.as_deref(), Some("blackwell"));
    assert_eq!(of("rubin").gemm, of("blackwell").gemm);
    // Hopper has no FP4 units: weights in FP4 are read like FP8 ones.
    assert_eq!(
        of("hopper").memory_weights_at(Precision::Fp4),
        of("hopper").memory_weights_at(Precision::Fp8)
    );
}

#[test]
fn length_tables_have_the_mean_of_their_trace() {
    for row in Catalog::builtin().all_lengths() {
        for (points, mean) in [(&row.input, row.mean_input), (&row.output, row.mean_output)] {
            let area = |w: &[(f64, f64)]| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0;
            let got: f64 = points.windows(2).map(area).sum();
            assert!((got / mean - 1.0).abs() < 0.02, "{}: {got}, trace {mean}", row.id);
        }
        assert!(row.provenance.field("licence").is_some(), "{}", row.id);
    }
}

#[test]
fn shapes_have_mean_one() {
    for row in Catalog::builtin().shapes() {
        let mean = row.hourly.iter().sum::<f64>() / 24.0;
        assert!((mean - 1.0).abs() < 1e-12, "{}: {mean}", row.id);
    }
}
