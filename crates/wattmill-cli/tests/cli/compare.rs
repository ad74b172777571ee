//! `wattmill compare`.

use crate::support::{Dir, MILL, mill, yard};

/// The mill, and one that differs in date, price and demand, with the length of its slip unknown.
fn two() -> Dir {
    let slip = "first_rack = 2026-07-01\nslip = { p50 = \"5 days\", p90 = \"20 days\" }";
    let base = mill("first_rack = 2026-07-01", slip);
    let dir = Dir::with("a.toml", &base);
    let other = base.replace("47 USD/MWh", "60 USD/MWh").replace("1e6", "2e6");
    dir.write("b.toml", other.replace("first_rack = 2026-07-01", "first_rack = 2026-08-01"));
    dir
}

#[test]
fn causes_add_up_to_the_difference() {
    let dir = two();
    let run = dir.run("compare a.toml b.toml --samples 20 --json");
    let document = run.document();
    let figures = document["others"][0]["figures"].as_array().expect("figures");
    let mut found = 0;
    for figure in figures {
        // Nobody pays for these: nothing makes them worth nothing.
        if figure["base"].is_null() && figure["other"].is_null() {
            assert_eq!(figure["figure"], "internal rate of return");
            assert_eq!(figure["samples"]["samples_undefined"], 20);
            continue;
        }
        let number = |value: &serde_json::Value| value.as_f64().expect("a number");
        let sum = |causes: &serde_json::Value| -> f64 {
            causes.as_array().expect("causes").iter().map(|c| number(&c["difference"])).sum()
        };
        let difference = number(&figure["other"]) - number(&figure["base"]);
        let scale = number(&figure["other"]).abs().max(number(&figure["base"]).abs());
        assert!((sum(&figure["causes"]) - difference).abs() <= 1e-9 * scale, "{figure}");
        let samples = &figure["samples"];
        let mean = number(&samples["difference_mean"]);
        assert!((sum(&samples["causes"]) - mean).abs() <= 1e-9 * scale, "{figure}");
        let cause = |name: &str| {
            let causes = figure["causes"].as_array().expect("causes");
            number(&causes.iter().find(|c| c["cause"] == name).expect("a cause")["difference"])
        };
        match figure["figure"].as_str() {
            Some("energy cost") => {
                assert!(cause("price") > 0.0 && cause("dates") < 0.0 && cause("demand") > 0.0);
                assert_eq!((cause("hardware"), cause("contracts"), cause("rest")), (0.0, 0.0, 0.0));
                found += 1;
            }
            Some("energy") => {
                assert_eq!(cause("price"), 0.0, "a price moves no energy here");
                found += 1;
            }
            _ => {}
        }
    }
    assert_eq!(found, 2);
}

#[test]
fn a_factory_does_not_differ_from_itself_and_answers_are_the_same_twice() {
    let dir = two();
    let run = dir.run("compare a.toml a.toml b.toml --html page.html");
    let answer = run.answer();
    let (first, _) = answer.split_once("C against A").expect("a third factory");
    let (_, first) = first.split_once("B against A").expect("a second factory");
    let is_change = |word: &&str| {
        let number = word.strip_prefix(['+', '-']);
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    assert_eq!(first.split_whitespace().find(is_change), None, "{first}");
    assert_eq!(dir.run("compare a.toml a.toml b.toml").stdout, run.stdout);
    run.hash();
    let page = std::fs::read_to_string(dir.path("page.html")).expect("it was written");
    assert!(page.contains("C against A") && !page.contains("NaN"));
    let wrong = dir.run("compare a.toml nowhere");
    wrong.refuses(4, &["nowhere", "built-in factories are"]);
    dir.write("plain.toml", MILL);
    let certain = dir.run("compare plain.toml plain.toml --samples 5");
    certain.refuses(3, &["nothing in it is a distribution"]);
}

/// Samples of both read the files of hours that both name.
#[test]
fn factories_of_files_are_compared_with_samples() {
    let dir = yard();
    let text = std::fs::read_to_string(dir.path("yard.toml")).expect("it was written");
    let battery = "energy = \"500 kWh\"";
    assert!(text.contains(battery));
    let text = text.replace(battery, "energy = \"400..600 kWh\"");
    let text = text.replace("price = \"47 USD/MWh\", ", "");
    dir.write("a.toml", &text);
    dir.write("b.toml", text.replace("prices.csv", "dear.csv"));
    let hours: String = (0..8760).map(|hour| format!("{}\n", 60 + hour % 24)).collect();
    dir.write("dear.csv", format!("price_usd_per_mwh\n{hours}"));
    let document = dir.run("compare a.toml b.toml --samples 8 --json").document();
    let figures = document["others"][0]["figures"].as_array().expect("figures");
    let cost = figures.iter().find(|f| f["figure"] == "energy cost").expect("a cost");
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let more = number(&cost["other"]) - number(&cost["base"]);
    let price = cost["causes"].as_array().expect("causes").iter();
    let price = price.clone().find(|c| c["cause"] == "price").expect("a cause");
    assert!(more > 0.0 && (number(&price["difference"]) / more - 1.0).abs() < 1e-9, "{cost}");
    let mean = number(&cost["samples"]["difference_mean"]);
    assert!(mean > 0.0, "{cost}");
}
