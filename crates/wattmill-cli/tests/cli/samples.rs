//! `wattmill run --samples`.

use crate::support::Dir;

const TARGET: &str =
    "\n[[target]]\nname = \"half in time\"\nby = 2027-01-31\nenergised = \"50 MW\"\n";

/// Of a built-in factory, with a target.
fn hundred() -> Dir {
    let text = include_str!("../../../../factories/hundred-megawatt.toml");
    Dir::with("f.toml", format!("{text}{TARGET}"))
}

#[test]
fn samples_spread_around_the_plan_and_do_not_change_it() {
    let dir = hundred();
    let plain = dir.run("run f.toml");
    let with = dir.run("run f.toml --samples 60");
    let answer = with.answer();
    assert!(answer.contains("What is not known: 60 samples of 2 inputs"), "{answer}");
    assert!(answer.contains("phase.gb300.slip"), "{answer}");
    assert!(!answer.contains("NaN"), "{answer}");
    assert!(answer.contains("books of every sample checked, largest error"), "{answer}");
    assert_eq!(plain.hash(), with.hash(), "the plan itself stays as it was");
    assert_eq!(dir.run("run f.toml --samples 60").stdout, with.stdout, "a second run differs");
}

#[test]
fn the_document_has_chances_and_quantiles_in_order() {
    let dir = hundred();
    let run = dir.run("run f.toml --samples 60 --json");
    let document = run.document();
    let risk = &document["risk"];
    let worst = &risk["worst_balance"];
    assert_eq!(worst["closes"], true, "{worst}");
    assert!(worst["error_fraction"].as_f64().expect("one") < 1e-9, "{worst}");
    let chance = risk["targets"][0]["chance_fraction"].as_f64().expect("a chance");
    assert!(chance > 0.05 && chance < 0.95, "{chance}");
    for figure in risk["figures"].as_array().expect("figures") {
        let at = |key: &str| figure[key].as_f64();
        if let (Some(p10), Some(p50), Some(p90)) = (at("p10"), at("p50"), at("p90")) {
            assert!(p10 <= p50 && p50 <= p90, "{figure}");
        }
    }
    // More samples begin with the same ones: nothing depends on how many there are.
    let more = dir.run("run f.toml --samples 61 --json");
    assert_ne!(more.stdout, run.stdout);
    let page = dir.run("run f.toml --samples 60 --html page.html");
    assert!(page.answer().contains("60 samples"));
    let page = std::fs::read_to_string(dir.path("page.html")).expect("it was written");
    assert!(page.contains("What matters most for"));
}

#[test]
fn a_file_without_distributions_says_how_to_write_one() {
    let dir = Dir::new();
    let run = dir.run("run hgx-node --samples 10");
    run.refuses(3, &["nothing in it is a distribution", "p50 = \"60 days\""]);
}
