//! `wattmill check` and `wattmill catalog`.

use expect_test::expect;

use crate::support::{Dir, columns};

#[test]
fn built_in_factories_are_sound() {
    let dir = Dir::new();
    let mut said = String::new();
    for name in [
        "ten-gigawatt",
        "ten-gigawatt-as-known",
        "hundred-megawatt",
        "sun-and-storage",
        "nvl72-rack",
        "hgx-node",
    ] {
        let run = dir.run(&format!("check {name}"));
        said += run.answer();
        assert_eq!(run.stderr, "", "{name}");
        assert_eq!(dir.run(&format!("check {name}.toml")).answer(), run.answer());
    }
    expect![[r#"
        ten-gigawatt.toml: sound. Sites: 8, phases: 11, services: 2, training runs: 5, warnings: 0
        ten-gigawatt-as-known.toml: sound. Sites: 9, phases: 12, services: 3, training runs: 4, warnings: 0
        hundred-megawatt.toml: sound. Sites: 1, phases: 2, services: 2, training runs: 1, warnings: 0
        sun-and-storage.toml: sound. Sites: 1, phases: 1, services: 2, training runs: 1, warnings: 0
        nvl72-rack.toml: sound. Sites: 1, phases: 1, services: 1, training runs: 0, warnings: 0
        hgx-node.toml: sound. Sites: 1, phases: 1, services: 1, training runs: 0, warnings: 0
    "#]].assert_eq(&said);
}

#[test]
fn the_catalogue_lists_every_kind() {
    let dir = Dir::new();
    let run = dir.run("catalog list");
    assert_eq!(dir.run("catalog").answer(), run.answer());
    for title in ["Accelerators", "Systems", "Models"] {
        assert!(run.stdout.lines().any(|line| line == title), "{title}");
    }
    let models = dir.run("catalog list models");
    assert!(models.answer().contains("deepseek-v3 ") && !models.stdout.contains("h100-sxm"));
    expect![[r#"
        h100-sxm hopper 989 1978 -
        gb200-nvl72 gb200 72 rack 120
        llama-3.1-70b 80 8192 70.55 G
    "#]]
    .assert_eq(&columns(&run.stdout, &["h100-sxm ", "gb200-nvl72 ", "llama-3.1-70b "], 5));
}

#[test]
fn a_row_says_value_unit_source_and_date() {
    let dir = Dir::new();
    let run = dir.run("catalog show h100-sxm");
    run.answer();
    assert!(run.stdout.starts_with("h100-sxm (accelerators)\nsource: "), "{}", run.stdout);
    expect![[r#"
        date: 2026-08-21, confidence
        bf16 989 TFLOP/s
        fp8 1978 TFLOP/s
        memory 81559 MiB
        memory_bandwidth 3.35 TB/s
        tdp 700 W
    "#]]
    .assert_eq(&columns(&run.stdout, &["memory", "bf16", "fp8", "tdp", "date:"], 3));
    assert_eq!(dir.run("catalog show h100").answer(), run.stdout, "an alias");
    assert_eq!(dir.run("catalog show H100-SXM").answer(), run.stdout, "in other letters");
}
