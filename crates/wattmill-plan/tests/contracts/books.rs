//! What stands on the books: machines that are refreshed, taken out, replaced or never come.

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_plan::{FigureName, Plan, figures, run};
use wattmill_units::Money;

use super::{hall, plan, sound};

/// Machines that others take the place of: bought again, sold for a part, away for a while.
#[test]
fn a_refresh_buys_again_sells_the_old_and_stands_still_between() {
    let text = |refresh: &str| {
        let phase = format!("first_rack = 2027-01-01\n{refresh}");
        hall(("2027-01-01", "2029-12-31"), "", &phase, "")
    };
    let plain = plan(&sound(&text("")));
    let refresh = "refresh = { at = \"365 days\", residual = \"20 %\", downtime = \"14 days\" }";
    let again = plan(&sound(&text(refresh)));
    let sums = |plan: &Plan| {
        let mut sums = wattmill_plan::Sums::default();
        plan.quarters.iter().for_each(|quarter| sums.add(&quarter.total()));
        sums
    };
    let (one, two) = (sums(&plain), sums(&again));
    let close = |a: Money, b: Money| (a - b).as_usd().abs() < 1e-6 * b.as_usd().abs().max(1.0);
    assert!(close(two.machine_capital, one.machine_capital * 2.0));
    assert!(close(two.capital - one.capital, one.machine_capital), "no second building");
    // The first ones lose all but their resale in their 365 days, the second as if they stayed.
    let lost = one.machine_capital * 0.8 + one.machine_depreciation * (717.0 / 1096.0);
    assert!(close(two.machine_depreciation, lost), "{} {lost}", two.machine_depreciation);
    assert!(close(two.resale, one.machine_capital * 0.2));
    assert_eq!(again.phases.len(), 2);
    assert_eq!(again.phases[1].first_rack.to_string(), "2028-01-15");
    let standing = |plan: &Plan, date: &str| {
        let day = plan.days.iter().find(|day| day.date.to_string() == date).expect("a day");
        day.accelerators
    };
    assert_eq!(standing(&again, "2027-12-31"), standing(&plain, "2027-12-31"));
    assert_eq!(standing(&again, "2028-01-05"), 0.0, "a fortnight without");
    assert_eq!(standing(&again, "2028-01-15"), standing(&plain, "2028-01-15"));
    // What stands costs upkeep, not what was taken out.
    let upkeep = two.operations - one.operations;
    let gap = one.machine_capital * (-0.03 * 14.0 / 365.25);
    assert!(close(upkeep, gap), "{upkeep} {gap}");
    let market = again.statement.parties.iter().find(|p| p.name == "buyers of used machines");
    assert!(close(market.expect("who paid").received, two.resale));
    let capital: Money = again.cash.quarters.iter().map(|quarter| quarter.capital).sum();
    assert!(close(capital, two.capital - two.resale));
    // Another kind, which takes other power for a unit.
    let kind = "refresh = { at = \"1 year\", system = \"gb200-nvl72\", unit_power = \"140 kW\" }";
    let other = sound(&text(kind));
    assert_eq!(other.hardware.len(), 2);
    let other = plan(&other);
    assert_eq!(other.phases[1].accelerators, (1000.0 / 1.4 / 140.0_f64).floor() * 72.0);
    let all = figures(&sound(&text(refresh)), Catalog::builtin(), &again.offers);
    let sold = all.iter().find(|(f, _)| f.name == FigureName::Whole("machines sold"));
    assert!((sold.expect("it").1 - two.resale.as_usd()).abs() < 1.0);
}

#[test]
fn what_is_taken_out_is_off_the_books_and_what_stood_before_is_not_new() {
    let economics = r#"
[economics]
machine_life = "5 years"
infrastructure_life = "15 years"
operations = "3 %/year"
"#;
    let of = |start: &str, retire: &str| {
        let phase = format!("first_rack = 2026-01-01\n{retire}");
        plan(&sound(&hall((start, "2029-12-31"), "", &phase, economics)))
    };
    let capital = |plan: &Plan, what: &[&str]| -> f64 {
        let parts = plan.parts.iter().filter(|part| what.contains(&part.name));
        parts.map(|part| part.capital.as_usd()).sum()
    };
    let machines = |plan: &Plan| capital(plan, &["accelerators and racks", "network"]);
    let building = |plan: &Plan| capital(plan, &["power plant", "cooling", "building and land"]);
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    let share_left = |days: f64, years: f64| 1.0 - days / (years * 365.25);

    // Four years of machines and building are gone at the end, whenever the plan begins.
    let all = of("2026-01-01", "");
    let book = |plan: &Plan| {
        machines(plan) * share_left(1461.0, 5.0) + building(plan) * share_left(1461.0, 15.0)
    };
    close(all.cash.book_value.as_usd(), book(&all));
    let later = of("2028-01-01", "");
    close(later.cash.book_value.as_usd(), book(&later));
    close(machines(&later), machines(&all));

    // Machines that are taken out after three years leave the building alone.
    let retired = of("2026-01-01", "retire = \"1096 days\"");
    close(retired.cash.book_value.as_usd(), building(&retired) * share_left(1461.0, 15.0));
    let of_year = |plan: &Plan, year: i16| -> f64 {
        let quarters = plan.quarters.iter().filter(|quarter| quarter.label.year == year);
        quarters.map(|quarter| quarter.total().operations.as_usd()).sum()
    };
    close(of_year(&retired, 2029), 0.03 * building(&retired) * 365.0 / 365.25);
    let per_year = retired.cash.ownership_per_year.as_usd();
    let annuity = 0.1 / (1.0 - 1.1_f64.powi(-15));
    // The last quarter has 92 days, and machines that are off draw nothing.
    close(per_year, building(&retired) * (annuity + 0.03));
    // Nothing is paid for machines that were taken out before the plan; the building stands.
    let gone = of("2029-06-01", "retire = \"1096 days\"");
    assert_eq!(machines(&gone), 0.0);
    close(building(&gone), building(&retired));
    close(gone.cash.book_value.as_usd(), retired.cash.book_value.as_usd());
    // What took their place by then stands in it.
    let again =
        of("2029-06-01", "refresh = { at = \"1096 days\", residual = 0.1, downtime = \"0 days\" }");
    close(building(&again), building(&retired));
    close(machines(&again), machines(&all));
    let second = machines(&again) * share_left(365.0, 5.0);
    close(again.cash.book_value.as_usd(), second + building(&again) * share_left(1461.0, 15.0));
}

#[test]
fn what_is_too_late_is_replaced_and_what_is_cancelled_before_it_starts_never_comes() {
    let change = |slip: &str, more: &str| {
        let text = format!(
            r#"name = "late"
start = 2027-01-01
end = 2028-12-31

[[site]]
name = "site"
grid = {{ connection = "20 MW", energized = 2026-01-01, price = "47 USD/MWh", carbon = "0 g/kWh" }}

[[phase]]
name = "new"
site = "site"
system = "vr-nvl72"
unit_power = "190 kW"
power = "10 MW"
first_rack = 2027-03-01
slip = "{slip}"
substitute = {{ system = "gb200-nvl72", unit_power = "140 kW", if_after = 2027-06-01, first_rack = 2027-04-01 }}
{more}
"#
        );
        let factory = parse_factory(&text, Catalog::builtin()).factory.expect("it is sound");
        run(&factory, Catalog::builtin(), Vec::new()).phases[0].clone()
    };
    let units = |kw: f64| (10e3 / 1.4 / kw).floor();
    let in_time = change("60 days", "");
    assert_eq!(
        (in_time.units, in_time.first_rack.to_string().as_str()),
        (units(190.0), "2027-04-30")
    );
    let late = change("120 days", "");
    assert_eq!((late.units, late.first_rack.to_string().as_str()), (units(140.0), "2027-04-01"));
    let never = change("60 days", "cancelled = 2027-02-01");
    assert!(never.months.iter().all(|month| month.running == 0.0), "{never:?}");
}
