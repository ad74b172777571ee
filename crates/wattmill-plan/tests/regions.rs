//! Whose demand is served, from where, and whose is not.

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::Factory;
use wattmill_plan::{Plan, RegionQuarter, offers, run};

/// Two halls, the dear one coming later, and users on both sides of the globe who ask by day.
fn factory(requests: &str) -> Factory {
    let site = |name: &str, price: &str| {
        format!(
            "[[site]]\nname = \"{name}\"\ngrid = {{ connection = \"1 MW\", energized = 2027-01-01, \
             price = \"{price} USD/MWh\", carbon = \"300 g/kWh\" }}\n\n"
        )
    };
    let phase = |name: &str, day: &str| {
        format!(
            "[[phase]]\nname = \"{name}\"\nsite = \"{name}\"\nsystem = \"dgx-h100\"\n\
             power = \"100 kW\"\nfirst_rack = {day}\n\n"
        )
    };
    let text = format!(
        "name = \"regions\"\nstart = 2027-01-01\nend = 2027-03-31\n\n{}{}{}{}\
         [[service]]\nname = \"chat\"\nmodel = \"llama-3.1-8b\"\n\
         slo = {{ ttft = \"2 s\", tpot = \"50 ms\" }}\nengine = {{ tensor = 1, precision = \"fp8\" }}\n\
         [service.users]\nrequests_per_day = {requests}\ninput_tokens = 500\noutput_tokens = 100\n\
         shape = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]\n\
         regions = [{{ name = \"west\", share = 0.75, utc_offset = -10 }}, \
         {{ name = \"east\", share = 0.25, utc_offset = 2 }}]\n",
        site("cheap", "30"),
        site("dear", "60"),
        phase("cheap", "2027-01-01"),
        phase("dear", "2027-02-01"),
    );
    let parsed = parse_factory(&text, Catalog::builtin());
    let said = parsed.diagnostics.render("regions.toml", &text, false);
    parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"))
}

fn plan(factory: &Factory) -> Plan {
    let plan = run(factory, Catalog::builtin(), offers(factory, Catalog::builtin(), |_, _| {}));
    assert!(plan.ledger.iter().all(|balance| balance.closes()), "{:?}", plan.ledger);
    assert!(plan.ledger.iter().any(|balance| balance.what == "requests by service = by region"));
    plan
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
}

#[test]
fn regions_are_served_in_their_hours_from_the_sites_that_have_machines() {
    let plan = plan(&factory("1e6"));
    let quarter = &plan.quarters[0];
    let [west, east] = &quarter.regions[..] else { panic!("two regions") };
    let service = quarter.services[0];
    assert!(close(sum(&west.asked), 0.75 * service.asked_requests), "{west:?}");
    assert!(close(sum(&east.asked), 0.25 * service.asked_requests), "{east:?}");
    // Eight in the morning there is six in the evening, or six in the morning, UTC.
    assert!(west.asked[18] > 0.0 && west.asked[17] == 0.0 && west.asked[3] > 0.0);
    assert!(east.asked[6] > 0.0 && east.asked[5] == 0.0 && east.asked[16] == 0.0);
    let all = |of: fn(&RegionQuarter) -> f64| of(west) + of(east);
    assert!(close(all(|r| sum(&r.served)), service.served_requests));
    assert!(close(all(|r| sum(&r.from)), service.served_requests));
    assert_eq!(all(|r| r.unserved), 0.0, "there is more than enough");
    assert!(west.from[0] > 0.0 && west.from[1] == 0.0, "the cheap hall takes it all");
}

#[test]
fn who_asks_most_at_once_goes_without_first() {
    let plan = plan(&factory("4e8"));
    let quarter = &plan.quarters[0];
    let [west, east] = &quarter.regions[..] else { panic!("two regions") };
    let share = |of: &RegionQuarter| sum(&of.served) / sum(&of.asked);
    assert!(share(west) < 0.9 && share(east) > share(west), "{} {}", share(west), share(east));
    for of in [west, east] {
        assert!(close(sum(&of.asked), sum(&of.from) + of.unserved));
    }
    assert!(west.from[0] > west.from[1] && west.from[1] > 0.0, "one hall from February on");
    let unserved = quarter.services[0].asked_requests - quarter.services[0].served_requests;
    assert!(close(west.unserved + east.unserved, unserved));
}
