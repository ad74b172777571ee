//! Factory files that cannot be used: every problem at once, in its place, with a way out.

use crate::support::{Dir, MILL, mill};

/// Every command that takes a factory refuses `text` and says `said`; nothing is left behind.
#[track_caller]
fn refused(text: &str, said: &[&str]) {
    let dir = Dir::with("mill.toml", text);
    for line in [
        "check mill.toml",
        "run mill.toml --html page.html",
        "zoom mill.toml --at 2026-07-02T12:00 --for 1min --html page.html",
    ] {
        let run = dir.run(line);
        run.refuses(3, said);
        run.says(&["error: ", "--> mill.toml:", "help: "]);
    }
    assert_eq!(dir.names(), ["mill.toml"]);
}

#[test]
fn names_that_nothing_has() {
    refused(
        &mill("llama-3.1-70b", "lama-3.1-70b"),
        &["mill.toml:18:9", "unknown model `lama-3.1-70b`", "did you mean `llama-3.1-70b`?"],
    );
    refused(
        &mill("dgx-h100", "dgx-h1000"),
        &["mill.toml:12:10", "unknown system", "did you mean `dgx-h100`?", "wattmill catalog list"],
    );
    refused(
        &mill("azure-conv-2023", "azure-con-2023"),
        &["mill.toml:21:45", "did you mean `azure-conv-2023`?", "the catalogue has"],
    );
    refused(
        &mill("price =", "prise ="),
        &["mill.toml:7:56", "unknown key `prise`", "did you mean `price`?", "keys of site.grid:"],
    );
    refused(
        &mill("47 USD/MWh", "47 EUR/MWh"),
        &["mill.toml:7:64", "`EUR/MWh` is not a unit", "use one of USD/MWh"],
    );
    refused(&mill("\"1 MW\"", "1"), &["mill.toml:13:9", "`power` has no unit"]);
    refused(&mill("\"1 MW\"", "\"1 MWh\""), &["mill.toml:13:9", "MWh"]);
}

#[test]
fn quantities_that_cannot_be() {
    refused(
        &mill("\"1 MW\"", "\"-1 MW\""),
        &["mill.toml:13:9", "`power` cannot be -1 MW", "more than 0 W and at most"],
    );
    refused(&mill("\"10 MW\"", "\"1e9 GW\""), &["mill.toml:7:23", "at most 1000 GW"]);
    refused(&mill("\"2 s\"", "\"0 s\""), &["mill.toml:19:16", "more than 0 s and at most 1 day"]);
    refused(&mill("1e6", "-5"), &["mill.toml:21:30", "at least 0"]);
    refused(&mill("1e6", "nan"), &["mill.toml:21:30"]);
    refused(&mill("1e6", "inf"), &["mill.toml:21:30"]);
    refused(&mill("tensor = 8", "tensor = 0"), &["mill.toml:20:21", "at least 1"]);
    refused(&mill("tensor = 8", "tensor = 4096, pipeline = 4096"), &["mill.toml:20:10"]);
    refused(&mill("2026-09-30", "2026-06-30"), &["mill.toml:3:7", "before it starts"]);
    refused(
        &mill("\"1 MW\"", "\"1 MW\"\nunit_power = \"1e-300 W\""),
        &["mill.toml:14:14", "cannot run one `dgx-h100`"],
    );
    refused(
        &mill("2026-09-30", "2199-09-30").replace("1e6,", "1e6, growth = \"100000 %/year\","),
        &["mill.toml:21:44", "grows beyond all bounds"],
    );
}

#[test]
fn phases_that_cannot_stand() {
    refused(
        &mill("site = \"hall\"", "site = \"hal\""),
        &["mill.toml:11:8", "there is no site `hal`", "did you mean `hall`?"],
    );
    refused(
        &mill("\"1 MW\"", "\"11 MW\""),
        &["mill.toml:13:9", "1 MW beyond its power", "the site has 10 MW", "lower `power`"],
    );
    refused(&mill("\"1 MW\"", "\"1 kW\""), &["mill.toml:13:9", "no `dgx-h100` fits into 1 kW"]);
}

#[test]
fn engines_that_cannot_be_built() {
    refused(
        &mill("llama-3.1-70b", "llama-3.1-405b").replace("tensor = 8", "tensor = 2"),
        &["mill.toml:20:10", "does not fit", "it fits with tensor = 8"],
    );
    refused(
        &mill("tensor = 8", "tensor = 3"),
        &["mill.toml:20:10", "does not divide", "use one of"],
    );
    refused(
        &mill("tensor = 8", "tensor = 8, expert = 8"),
        &["mill.toml:20:10", "`llama-3.1-70b` has no experts", "use expert = 1"],
    );
    refused(
        &mill("tensor = 8", "tensor = 1, pipeline = 81"),
        &["mill.toml:20:10", "has 80 layers", "use at most 80"],
    );
}

/// Weights in a format that the chip does not multiply are widened on the way: slow, not impossible.
#[test]
fn a_format_without_units_is_sound() {
    let dir = Dir::with("mill.toml", mill("\"fp8\"", "\"fp4\""));
    assert!(dir.run("check mill.toml").answer().contains("sound"));
}

#[test]
fn every_problem_at_once() {
    let text = mill("dgx-h100", "dgx-h1000")
        .replace("\"10 MW\"", "\"-10 MW\"")
        .replace("\"2 s\"", "2")
        .replace("name = \"chat\"", "nam = \"chat\"");
    refused(&text, &["mill.toml:7:23", "mill.toml:12:10", "mill.toml:17:1", "mill.toml:19:16"]);
}

#[test]
fn text_that_is_no_factory() {
    for (text, place) in
        [("", "mill.toml:1:1"), ("name = \"Mill", "mill.toml:1:"), ("[", "mill.toml:1:")]
    {
        refused(text, &[place]);
    }
    let dir = Dir::with("mill.toml", b"name = \"\xff\"".as_slice());
    dir.run("check mill.toml").refuses(3, &["mill.toml", "not UTF-8"]);
    let half = &MILL[..MILL.len() / 2];
    refused(half, &["mill.toml:"]);
}

#[test]
fn a_factory_needs_sites_and_phases() {
    let (site, phase) = (MILL.find("[[site]]"), MILL.find("[[phase]]"));
    let (site, phase) = (site.expect("a site"), phase.expect("a phase"));
    let service = MILL.find("[[service]]").expect("a service");
    let without_phase = format!("{}{}", &MILL[..phase], &MILL[service..]);
    refused(&without_phase, &["file has no `phase`"]);
    let without_site = format!("{}{}", &MILL[..site], &MILL[phase..]);
    refused(&without_site, &["file has no `site`", "there is no site `hall`"]);
    refused(
        &format!("site = []\nphase = []\n{}", &MILL[..site]),
        &["there is no site", "there is no phase"],
    );
}

#[test]
fn files_that_are_not_there() {
    let dir = Dir::new();
    for line in ["run no.toml", "check no.toml", "zoom no.toml --at 2026-07-01T00:00 --for 1min"] {
        dir.run(line).refuses(4, &["no.toml", "hundred-megawatt"]);
    }
    dir.run("run .").refuses(4, &["failed to read ."]);
    assert!(dir.names().is_empty());
}
