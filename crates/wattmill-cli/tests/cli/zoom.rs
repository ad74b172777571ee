//! `wattmill zoom`.

use expect_test::expect;

use crate::support::{Dir, columns};

const WINDOW: &str = "--at 2026-09-01T12:00 --for 1min";

#[test]
fn the_fluid_hour_against_the_window() {
    let dir = Dir::new();
    let run = dir.run(&format!("zoom nvl72-rack {WINDOW}"));
    let answer = run.answer();
    expect![[r#"
        site service system
        hall chat gb200-nvl72
        site service system
        hall chat gb200-nvl72
        site service system
        hall chat gb200-nvl72
    "#]]
    .assert_eq(&columns(answer, &["site", "hall"], 3));
    assert!(answer.contains("fluid") && answer.contains("exact") && answer.contains("off by"));
    let off: Vec<f64> = run
        .line("hall ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[1] == "%")
        .map(|pair| pair[0].parse().expect("a signed percentage"))
        .collect();
    assert_eq!(off.len(), 3, "requests, tokens, power");
    assert!(off.iter().all(|percent| percent.abs() < 10.0), "{off:?}");
    assert_eq!(dir.run(&format!("zoom nvl72-rack {WINDOW}")).stdout, run.stdout);
    let document = dir.run(&format!("zoom nvl72-rack {WINDOW} --json")).document();
    let pool = &document["pools"][0];
    let bar = &pool["error_bars"]["tpot"];
    let mean = pool["measured"]["tpot_mean_ms"].as_f64();
    assert!(bar["mean_low_ms"].as_f64() < mean && mean < bar["mean_high_ms"].as_f64(), "{bar}");
    for bar in ["ttft", "throughput", "energy", "power"] {
        let rows = pool["error_bars"][bar]["measured_rows"].as_u64();
        assert!(rows > Some(0), "{bar}: {pool}");
    }
}

#[test]
fn one_site_and_one_service() {
    let dir = Dir::new();
    // Both kinds of machines stand by then, so that each service has one whichever serves it.
    const NIGHT: &str = "zoom hundred-megawatt --at 2028-05-01T03:00 --for 1s";
    let all = dir.run(NIGHT);
    let chat = dir.run(&format!("{NIGHT} --service chat"));
    assert!(all.answer().contains("code completion"), "{}", all.stdout);
    assert!(!chat.answer().contains("code completion"), "{}", chat.stdout);
    assert_eq!(dir.run(&format!("{NIGHT} --site texas")).hash(), all.hash());
    assert_ne!(chat.hash(), all.hash());
}

#[test]
fn a_unit_whose_chips_power_nobody_states_takes_all_of_it() {
    let mill = crate::support::mill("dgx-h100", "tpu-v6e-pod");
    let text = mill.replace("first_rack", "unit_power = \"200 kW\"\nfirst_rack");
    let dir = Dir::with("mill.toml", text);
    let run = dir.run("zoom mill.toml --at 2026-09-01T12:00 --for 10s");
    run.says(&["no published TDP of `tpu-v6e`", "its share of the unit's power"]);
    assert!(run.answer().contains("tpu-v6e-pod"), "{}", run.stdout);
}
