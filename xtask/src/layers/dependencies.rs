//! Who uses whom.

use super::house::{EDGE_CRATES, FLOORS, FLOORS_FILE, TEST_DATA, at_the_edge, floor};
use super::metadata::Package;
use crate::finding::Finding;

/// Every use that the order of the house forbids.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(own) = floor(&package.name) else {
            findings.push(Finding::new(
                &package.name,
                format!("has no floor in the house; add it to FLOORS in {FLOORS_FILE}"),
            ));
            continue;
        };
        for used in &package.uses {
            let what = match floor(&used.name) {
                None if used.dev || at_the_edge(&package.name) => None,
                None => only_at_the_edge(&used.name),
                Some(other) if other < own => None,
                Some(_) if used.dev => test_data(packages, &package.name, &used.name),
                Some(other) => Some(format!(
                    "uses `{}`, which is {}; a crate uses only those above it: {}",
                    used.name,
                    if other == own { "beside it" } else { "below it" },
                    order()
                )),
            };
            findings.extend(what.map(|what| Finding::new(&package.name, what)));
        }
    }
    for name in FLOORS.concat() {
        if !packages.iter().any(|p| p.name == name) {
            let what = format!("has a floor in {FLOORS_FILE} and is no crate; remove it there");
            findings.push(Finding::new(name, what));
        }
    }
    findings
}

fn only_at_the_edge(used: &str) -> Option<String> {
    let (_, reason) = EDGE_CRATES.iter().find(|(name, _)| *name == used)?;
    Some(format!("uses `{used}`, which is for the edge only ({reason})"))
}

/// A test may go down for its data, yet never in a circle.
fn test_data(packages: &[Package], user: &str, used: &str) -> Option<String> {
    if !TEST_DATA.contains(&used) {
        Some(format!(
            "tests with `{used}`, which is not above it; of those below, tests may use {TEST_DATA:?}"
        ))
    } else if used == user || reaches(packages, used, user) {
        Some(format!("tests with `{used}`, which is built on it; move the test there"))
    } else {
        None
    }
}

/// Whether `from` uses `to`, or uses what uses it.
fn reaches(packages: &[Package], from: &str, to: &str) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(name) = seen.get(next).copied() {
        next += 1;
        let uses = packages.iter().filter(|p| p.name == name);
        for used in uses.flat_map(|p| &p.uses).filter(|u| !u.dev) {
            if !seen.contains(&used.name.as_str()) {
                seen.push(&used.name);
            }
        }
    }
    seen.contains(&to)
}

fn order() -> String {
    let floors: Vec<_> = FLOORS.iter().map(|floor| floor.join(" = ")).collect();
    floors.join(" < ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::metadata;
    use super::*;

    /// What is said of a house where `user` also uses `used` in the way `kind` says.
    fn said(user: &str, used: &str, kind: Value) -> Vec<String> {
        let mut names = FLOORS.concat();
        if !names.contains(&user) {
            names.push(user);
        }
        let packages: Vec<Value> = names
            .iter()
            .map(|name| {
                let mut uses = match *name {
                    "wattmill-config" | "wattmill-perf" => {
                        vec![json!({ "name": "wattmill-factory", "kind": null })]
                    }
                    "wattmill-factory" => vec![json!({ "name": "wattmill-units", "kind": null })],
                    _ => Vec::new(),
                };
                if *name == user {
                    uses.push(json!({ "name": used, "kind": kind }));
                }
                json!({
                    "name": name,
                    "manifest_path": format!("/house/crates/{name}/Cargo.toml"),
                    "dependencies": uses,
                })
            })
            .collect();
        let packages = metadata::packages(&json!({ "packages": packages })).unwrap();
        check(&packages).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(user: &str, used: &str, kind: Value, why: &str) {
        let said = said(user, used, kind);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("{user}: ")), "{}", said[0]);
        assert!(said[0].contains(why), "{}", said[0]);
    }

    #[track_caller]
    fn allowed(user: &str, used: &str, kind: Value) {
        assert_eq!(said(user, used, kind), [""; 0]);
    }

    #[test]
    fn up_is_allowed_in_every_way() {
        for kind in [json!(null), json!("build"), json!("dev")] {
            allowed("wattmill-sim", "wattmill-policy", kind.clone());
            allowed("wattmill-cli", "wattmill-units", kind);
        }
    }

    #[test]
    fn down_is_refused() {
        refused("wattmill-units", "wattmill-sim", json!(null), "below it");
        refused("wattmill-perf", "wattmill-policy", json!("build"), "below it");
        refused("wattmill", "wattmill-cli", json!(null), "below it");
    }

    #[test]
    fn neighbours_keep_apart() {
        refused("wattmill-report", "wattmill-config", json!(null), "beside it");
        refused("wattmill-config", "wattmill-report", json!(null), "beside it");
        let why = "wattmill-report = wattmill-config < wattmill";
        refused("wattmill-config", "wattmill-report", json!(null), why);
    }

    #[test]
    fn tests_may_go_down_for_data_and_never_in_a_circle() {
        allowed("wattmill-sim", "wattmill-config", json!("dev"));
        allowed("wattmill-report", "wattmill-config", json!("dev"));
        refused("wattmill-sim", "wattmill-plan", json!("dev"), "not above it");
        let circle = "built on it";
        refused("wattmill-factory", "wattmill-config", json!("dev"), circle);
        refused("wattmill-units", "wattmill-config", json!("dev"), circle);
    }

    #[test]
    fn an_unknown_crate_is_told_its_place() {
        let why = "add it to FLOORS in xtask/src/layers/house.rs";
        refused("wattmill-tune", "wattmill-sim", json!(null), why);
    }

    #[test]
    fn a_floor_without_a_crate_is_told() {
        let said = check(&[]);
        assert_eq!(said.len(), FLOORS.concat().len());
        assert!(said[0].what.contains("is no crate"));
    }

    #[test]
    fn crates_of_the_edge_stay_there() {
        refused("wattmill-sim", "tokio", json!(null), "sockets and threads");
        allowed("wattmill-cli", "tokio", json!(null));
        allowed("wattmill-sim", "tempfile", json!("dev"));
        allowed("wattmill-sim", "libm", json!(null));
    }

    #[test]
    fn another_form_of_metadata_is_no_answer() {
        assert!(metadata::packages(&json!({ "packages": [{ "name": 3 }] })).is_none());
        assert!(metadata::packages(&json!({})).is_none());
    }
}
