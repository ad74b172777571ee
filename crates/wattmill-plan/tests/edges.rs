//! Factories at the edge of what can be planned: the one-node factory, a line or two changed.

use jiff::civil::date;
use wattmill_catalog::Catalog;
use wattmill_config::{builtin_factory, parse_factory};
use wattmill_plan::{Plan, offers, run};
use wattmill_units::Money;

/// Plans the one-node factory with each `(from, to)` replaced.
fn plan(changes: &[(&str, &str)]) -> Plan {
    let mut text = builtin_factory("hgx-node").expect("a built-in factory").to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in the factory");
        text = text.replace(from, to);
    }
    let parsed = parse_factory(&text, Catalog::builtin());
    let said = parsed.diagnostics.render("edge.toml", &text, false);
    let factory = parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"));
    run(&factory, Catalog::builtin(), offers(&factory, Catalog::builtin(), |_, _| {}))
}

const ENGINE: &str = r#"engine = { tensor = 8, precision = "fp8" }"#;
const LENGTHS: &str = r#"lengths = "azure-conv-2023""#;

#[test]
fn an_slo_that_only_the_largest_layout_keeps_is_kept() {
    // A step of one sequence takes more than the planning margin leaves of it.
    let plan = plan(&[("tpot = \"50 ms\"", "tpot = \"9 ms\""), (ENGINE, "")]);
    let point = plan.offers[0].point().expect("tensor = 8 serves a request at a time");
    assert_eq!(point.accelerators, 8);
}

#[test]
fn requests_that_no_replica_holds_are_said_to_be_too_long() {
    let small = r#"engine = { tensor = 4, precision = "bf16", memory_fraction = 0.5 }"#;
    let long = "input_tokens = 100_000\noutput_tokens = 100";
    let plan = plan(&[(ENGINE, small), (LENGTHS, long)]);
    let why = plan.offers[0].cannot().expect("the cache holds a fifth of a request");
    assert!(why.starts_with("100 % of the requests are longer than the "), "{why}");
}

#[test]
fn machines_older_than_the_plan_keep_their_date() {
    let plan = plan(&[("start = 2026-07-01", "start = 2026-09-15")]);
    assert_eq!(plan.phases[0].first_rack, date(2026, 7, 1));
    assert!(plan.quarters[0].total().capital > Money::ZERO);
}

#[test]
fn nothing_depreciates_beyond_its_price() {
    let plan = plan(&[("end   = 2027-06-30", "end   = 2040-06-30")]);
    let (mut bought, mut lost) = (Money::ZERO, Money::ZERO);
    for quarter in &plan.quarters {
        bought += quarter.total().capital;
        lost += quarter.total().depreciation;
    }
    assert!(lost < bought, "{lost} of {bought}");
}

#[test]
fn machines_provisioned_for_less_than_they_take_are_warned_of() {
    let tight = "basis = \"it\"\nunit_power = \"2 kW\"";
    let many = ("200_000", "20_000_000");
    let plan = plan(&[("basis = \"it\"", tight), ("\"20 kW\"", "\"17 kW\""), many]);
    assert!(
        plan.warnings.iter().any(|warning| warning.contains("of the 17 kW it has")),
        "{:?}",
        plan.warnings
    );
}
