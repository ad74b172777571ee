//! `wattmill bench`.

use crate::support::{Dir, MILL, mill};

#[test]
fn a_part_of_a_day_is_the_same_on_any_threads() {
    let dir = Dir::new();
    let day = |threads: u32| {
        let args = format!("bench day --requests 2e5 --threads {threads} --json");
        dir.run(&args).document()
    };
    let (one, two) = (day(1), day(2));
    let requests = one["requests"].as_u64().expect("a number");
    assert!((requests as f64 - 2e5).abs() < 5.0 * 2e5_f64.sqrt(), "{requests}");
    let count = |name: &str| one[name].as_u64().expect("a number");
    assert_eq!(count("finished_requests") + count("rejected_requests"), requests);
    assert_eq!(one["answer_hash"], two["answer_hash"]);
    assert!(one["slo_attainment_fraction"].as_f64() > Some(0.9), "{one}");
}

#[test]
fn what_cannot_be_is_told() {
    let text = mill("[[service]]", "[[servants]]");
    let dir = Dir::with("none.toml", text);
    dir.run("bench day none.toml").refuses(3, &["servants"]);
    let served = MILL.split("[[service]]").next().expect("a beginning");
    dir.write("none.toml", served);
    dir.run("bench day none.toml").refuses(3, &["no service", "[[service]]"]);
    dir.run("bench day --fraction 2").refuses(2, &["a share above 0"]);
}
