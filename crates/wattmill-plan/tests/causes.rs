//! Two factories that differ in one group of inputs: all of the difference is told as that one, and what
//! every cause contributes adds up.

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::{Cause, Causes, Factory};
use wattmill_plan::{Comparison, Contrasts};

/// Two sites, a tariff of one by its local clock, machines that others take the place of.
const MILL: &str = "name = \"mill\"\nstart = 2027-01-01\nend = 2027-12-31\n\n[[site]]\nname = \"plain\"\n\
    latitude = 32.5\nlongitude = -99.8\nclock = { utc_offset = \"-6 h\", summer_time = \"us\" }\n\
    grid = { connection = \"3 MW\", energized = 2027-01-01, price = \"40 USD/MWh\", carbon = \
    \"300 g/kWh\", period = [{ from = 12, to = 20, price = \"140 USD/MWh\" }] }\n\n[[site]]\n\
    name = \"hill\"\ngrid = { connection = \"3 MW\", energized = 2027-03-01, price = \"60 USD/MWh\", \
    carbon = \"100 g/kWh\" }\n\n[[phase]]\nname = \"first\"\nsite = \"plain\"\nsystem = \"dgx-h100\"\n\
    power = \"2 MW\"\nfirst_rack = 2027-01-01\nramp = \"90 days\"\nrefresh = { at = \"200 days\", \
    residual = 0.2 }\n\n[[phase]]\nname = \"second\"\nsite = \"hill\"\nsystem = \"dgx-h100\"\n\
    power = \"2 MW\"\nfirst_rack = 2027-03-01\n\n[[service]]\nname = \"chat\"\nmodel = \"llama-3.1-8b\"\n\
    slo = { ttft = \"2 s\", tpot = \"50 ms\" }\nprice = \"1 USD/M tokens\"\nusers = { requests_per_day = \
    \"60 M\", lengths = \"azure-conv-2023\", shape = \"servegen-m-small\" }\n";

fn read(text: &str) -> Factory {
    let parsed = parse_factory(text, Catalog::builtin());
    let said = parsed.diagnostics.render("mill.toml", text, false);
    parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"))
}

fn compared(from: &str, to: &str) -> Comparison {
    let other = MILL.replace(from, to);
    assert_ne!(other, MILL);
    let (base, other) = (read(MILL), read(&other));
    let contrasts = Contrasts::new(&base, &other, Catalog::builtin(), |_, _| {});
    let steps: Vec<_> = Causes::every().map(|causes| contrasts.step(causes)).collect();
    let comparison = contrasts.compare(&steps, &[]);
    assert!(comparison.ledger.iter().all(|balance| balance.closes()), "{:?}", comparison.ledger);
    comparison
}

/// Every figure differs through this cause alone, and these differ.
fn all_of(cause: Cause, from: &str, to: &str, figures: &[&str]) {
    let comparison = compared(from, to);
    for contrast in &comparison.figures {
        let name = contrast.figure.name.to_string();
        let (difference, causes) = (contrast.other - contrast.base, contrast.causes);
        let scale = contrast.other.abs().max(contrast.base.abs()) * 1e-12;
        for (part, of) in causes.expect("finite").into_iter().zip(Cause::ALL) {
            let expected = if of == cause { difference } else { 0.0 };
            assert!((part - expected).abs() <= scale, "{name}: {part} of {}", of.name());
        }
        if figures.contains(&name.as_str()) {
            assert!(difference.abs() > 1e6 * scale, "{name} differs");
        }
    }
    for name in figures {
        let there = comparison.figures.iter().any(|c| c.figure.name.to_string() == *name);
        assert!(there, "no figure {name}");
    }
}

/// The clock that a tariff is written by is part of it, not of the power that a site has.
#[test]
fn the_clock_of_a_tariff_goes_with_its_prices() {
    let (from, to) = ("utc_offset = \"-6 h\"", "utc_offset = \"3 h\"");
    all_of(Cause::Price, from, to, &["energy cost"]);
}

/// A price that changes where machines are filled first changes where energy is used and what it emits,
/// and that is the price's doing too.
#[test]
fn a_price_that_moves_traffic_is_told_as_price() {
    let (from, to) = ("price = \"60 USD/MWh\"", "price = \"20 USD/MWh\"");
    all_of(Cause::Price, from, to, &["energy cost", "carbon"]);
}

/// What energy emits is no price: it costs nothing.
#[test]
fn carbon_is_told_with_energy() {
    let (from, to) = ("carbon = \"100 g/kWh\"", "carbon = \"250 g/kWh\"");
    all_of(Cause::Energy, from, to, &["carbon"]);
}

#[test]
fn what_used_machines_are_sold_for_is_a_price() {
    all_of(Cause::Price, "residual = 0.2", "residual = 0.4", &["most to finance"]);
}

#[test]
fn days_that_move_are_dates() {
    let (from, to) = ("first_rack = 2027-03-01", "first_rack = 2027-06-01");
    all_of(Cause::Dates, from, to, &["energy", "operations"]);
}

/// Machines that go and those that take their place are one event: none of it is told as other dates.
#[test]
fn a_refresh_is_one_cause() {
    let refresh = "ramp = \"90 days\"\nrefresh = { at = \"200 days\", residual = 0.2 }";
    all_of(Cause::Power, refresh, "ramp = \"90 days\"", &["capital", "depreciation"]);
}

/// A dearer token returns more, and nothing but its price is why.
#[test]
fn rates_of_return_stand_side_by_side() {
    let (from, to) = ("price = \"1 USD/M tokens\"", "price = \"9 USD/M tokens\"");
    let comparison = compared(from, to);
    let rate =
        comparison.figures.iter().find(|c| c.figure.name.to_string() == "internal rate of return");
    let rate = rate.expect("it is compared");
    assert!(rate.other.is_finite() && rate.other > rate.base, "{rate:?}");
    all_of(Cause::Price, from, to, &["internal rate of return"]);
}
