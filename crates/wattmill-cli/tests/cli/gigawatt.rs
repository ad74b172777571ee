//! `wattmill gigawatt`.

use crate::support::Dir;

#[test]
fn a_gigawatt_of_each_generation_beside_what_is_published() {
    let dir = Dir::new();
    let run = dir.run("gigawatt");
    for said in ["274,968", "399,096", "Epoch AI", "power limit of the packages alone"] {
        assert!(run.answer().contains(said), "{said}: {}", run.stdout);
    }
    let document = dir.run("gigawatt gb200-nvl72 --power 10GW --json").document();
    let published = document["systems"][0]["published"].as_array().expect("published figures");
    let announced =
        published.iter().find(|p| p["says"].as_str().is_some_and(|s| s.contains("ten")));
    let announced = announced.expect("the announcement");
    assert_eq!(announced["within"], true, "{announced}");
    assert_eq!(announced["nearest_convention"], "rack at its typical, PUE 1.4 at peak");
}

#[test]
fn what_is_not_known_is_said() {
    let dir = Dir::new();
    dir.run("gigawatt gb200-nvl27").refuses(3, &["gb200-nvl72"]);
    dir.run("gigawatt --pue-peak 0.9").refuses(2, &["--pue-year"]);
}
