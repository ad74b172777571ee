//! Phases at the minimum of their chains; cancelled ones, and machines that are taken out.

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::Factory;
use wattmill_plan::{FigureName, Plan, figures, run};

/// A hundred racks at one site over two years, with `more` keys of the phase. Nothing is served.
fn factory(more: &str) -> Factory {
    read(&text(more))
}

fn text(more: &str) -> String {
    format!(
        r#"name = "chains"
start = 2027-01-01
end = 2028-12-31

[[site]]
name = "site"
grid = {{ connection = "20 MW", energized = 2026-01-01, price = "50 USD/MWh", carbon = "0 g/kWh" }}
pue = {{ design = 1.25, annual = 1.25 }}

[[phase]]
name = "phase"
site = "site"
system = "gb200-nvl72"
unit_power = "160 kW"
power = "16 MW"
basis = "it"
first_rack = 2027-02-01
ramp = "100 days"
{more}
"#
    )
}

fn read(text: &str) -> Factory {
    let parsed = parse_factory(text, Catalog::builtin());
    let said = parsed.diagnostics.render("chains.toml", text, false);
    parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"))
}

/// The plan, after both walks were held to each other.
fn plan(factory: &Factory) -> Plan {
    let plan = run(factory, Catalog::builtin(), Vec::new());
    assert!(plan.ledger.iter().all(|balance| balance.closes()), "{:?}", plan.ledger);
    let all = figures(factory, Catalog::builtin(), &[]);
    let sum = |of: fn(&wattmill_plan::Sums) -> f64| -> f64 {
        plan.quarters.iter().map(|quarter| of(&quarter.total())).sum()
    };
    for (what, exact) in [
        ("energy", sum(|s| s.energy.as_mwh())),
        ("capital", sum(|s| s.capital.as_usd())),
        ("depreciation", sum(|s| s.depreciation.as_usd())),
        ("accelerator-hours", sum(|s| s.accelerator_hours())),
    ] {
        let found = all.iter().find(|(figure, _)| figure.name == FigureName::Whole(what));
        let value = found.expect("a figure of every plan").1;
        assert!((value - exact).abs() <= 1e-9 * exact, "{what}: {value} and {exact}");
    }
    plan
}

fn month(plan: &Plan, label: (i16, i8)) -> (f64, Option<&str>) {
    let found = plan.phases[0].months.iter().find(|m| (m.year, m.month) == label);
    let month = found.expect("a month of the plan");
    (month.running, month.waits_for.as_ref().map(|what| what.name()))
}

const COOLING: &str = r#"{ needs = "cooling", ready = 2027-03-13 }"#;
const TRANSFORMER: &str = r#"{ needs = "transformer", ordered = 2026-02-01, lead = "52 weeks", delay = "60 days", ramp = "400 days" }"#;

#[test]
fn racks_alone_come_as_they_are_ramped() {
    let plan = plan(&factory(""));
    // Of a hundred racks in a hundred days 27 stand on the last of February.
    assert_eq!(month(&plan, (2027, 2)), (27.0, Some("racks")));
    assert_eq!(month(&plan, (2027, 5)), (100.0, None));
}

#[test]
fn the_latest_chain_binds_and_is_named() {
    let both = format!("chain = [{COOLING}, {TRANSFORMER}]");
    let plan = plan(&factory(&both));
    assert_eq!(month(&plan, (2027, 2)), (0.0, Some("transformer")));
    // 52 weeks and 60 days after 2026-02-01 is 2027-04-01: 29 of 400 days.
    assert_eq!(month(&plan, (2027, 4)), (7.0, Some("transformer")));
    assert_eq!(plan.phases[0].first_rack.to_string(), "2027-04-01");
    assert_eq!(month(&plan, (2028, 6)), (100.0, None));
    let cooling = self::plan(&factory(&format!("chain = [{COOLING}]")));
    assert_eq!(month(&cooling, (2027, 2)), (0.0, Some("cooling")));
    assert_eq!(month(&cooling, (2027, 3)), (58.0, Some("racks")));
}

#[test]
fn what_is_cancelled_stays_as_it_was() {
    let cancelled = plan(&factory("cancelled = 2027-03-13"));
    assert_eq!(month(&cancelled, (2027, 3)), (40.0, None));
    assert_eq!(month(&cancelled, (2028, 12)), (40.0, None));
    let never = plan(&factory("cancelled = 2027-01-15"));
    assert_eq!(month(&never, (2028, 12)), (0.0, None));
    assert_eq!(never.quarters.iter().map(|q| q.total().capital.as_usd()).sum::<f64>(), 0.0);
}

#[test]
fn units_are_taken_out_at_their_age() {
    let plan = plan(&factory("retire = \"1 year\""));
    assert_eq!(month(&plan, (2027, 12)), (100.0, None));
    // A year is 365.25 days: on 2028-03-13 the racks of the first 39 days are gone.
    assert_eq!(month(&plan, (2028, 2)), (73.0, None));
    assert_eq!(month(&plan, (2028, 12)), (0.0, None));
    let capital: f64 = plan.quarters.iter().map(|q| q.total().capital.as_usd()).sum();
    let forever: f64 =
        self::plan(&factory("")).quarters.iter().map(|q| q.total().capital.as_usd()).sum();
    assert_eq!(capital, forever, "what is taken out was bought all the same");
}

#[test]
fn a_plan_that_ends_before_its_first_phase_has_nothing_that_runs() {
    let early = factory("chain = [{ needs = \"building\", ready = 2035-01-01 }]");
    let plan = plan(&early);
    assert_eq!(month(&plan, (2028, 12)), (0.0, Some("building")));
    assert_eq!(plan.quarters.iter().map(|q| q.total().energy.as_mwh()).sum::<f64>(), 0.0);
}

#[test]
fn the_power_of_the_site_is_a_chain_too() {
    let text = text("").replace("energized = 2026-01-01", "energized = 2027-04-01");
    let plan = plan(&read(&text));
    assert_eq!(month(&plan, (2027, 2)), (0.0, Some("site power")));
    // Of a hundred racks in a hundred days from February on 88 are ready on the last of April.
    assert_eq!(month(&plan, (2027, 4)), (88.0, Some("racks")));
    assert_eq!(plan.phases[0].first_rack.to_string(), "2027-04-01");
    let spent = |label: &str| {
        let quarter = plan.quarters.iter().find(|quarter| quarter.label.to_string() == label);
        quarter.expect("of the plan").total().capital.as_usd()
    };
    assert_eq!(spent("2027-Q1"), 0.0, "what cannot run is not there yet");
    // Racks of the day on which power comes wait for themselves.
    let same = text.replace("first_rack = 2027-02-01", "first_rack = 2027-04-01");
    let same = self::plan(&read(&same.replace("ramp = \"100 days\"", "")));
    assert_eq!(month(&same, (2027, 2)), (0.0, Some("racks")));
    assert!(spent("2027-Q2") > 0.0);
}

#[test]
fn of_chains_that_are_ready_for_nothing_the_last_to_open_is_named() {
    let long = r#"{ needs = "transformer", ready = 2027-06-17, ramp = "400 days" }"#;
    let late = r#"{ needs = "cooling", ready = 2027-07-01 }"#;
    let plan = plan(&factory(&format!("chain = [{long}, {late}]")));
    assert_eq!(month(&plan, (2027, 3)), (0.0, Some("cooling")));
    assert_eq!(month(&plan, (2027, 6)), (0.0, Some("cooling")));
    assert_eq!(month(&plan, (2027, 7)), (11.0, Some("transformer")));
}
