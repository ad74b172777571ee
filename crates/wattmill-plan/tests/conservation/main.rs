//! Whatever factory is planned: nothing is made of nothing, and nothing is lost.

mod draft;
mod energy;

use proptest::prelude::*;
use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::Factory;
use wattmill_plan::{Almanac, FigureName, Plan, offers, reckon, run};
use wattmill_units::{Money, Power};

use draft::{Draft, Headroom};

/// Rounding of sums, as a fraction.
const ROUNDING: f64 = 1e-9;

fn read(text: &str) -> Factory {
    let parsed = parse_factory(text, Catalog::builtin());
    let said = parsed.diagnostics.render("draft.toml", text, false);
    parsed.factory.unwrap_or_else(|| panic!("a draft is not sound:\n{said}"))
}

fn plan(factory: &Factory) -> Plan {
    run(factory, Catalog::builtin(), offers(factory, Catalog::builtin(), |_, _| {}))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * a.abs().max(b.abs())
}

fn at_most(a: f64, b: f64) -> bool {
    a <= b + ROUNDING * a.abs().max(b.abs())
}

/// What holds of any plan.
fn conserved(factory: &Factory, plan: &Plan) -> Result<(), TestCaseError> {
    let placed = factory.services.iter().any(|service| !service.traffic.regions.is_empty());
    prop_assert_eq!(plan.ledger.len(), if placed { 13 } else { 12 });
    for balance in &plan.ledger {
        prop_assert!(balance.error() <= ROUNDING, "{:?}", balance);
    }
    let mut energy = 0.0;
    let mut training_hours = 0.0;
    let mut served = 0.0;
    for quarter in &plan.quarters {
        for service in &quarter.services {
            prop_assert!(at_most(service.served_requests, service.asked_requests), "{:?}", service);
            prop_assert!(
                at_most(service.served_output_tokens, service.asked_output_tokens),
                "{:?}",
                service
            );
            prop_assert!((-ROUNDING..=1.0).contains(&service.worst_hour_served), "{:?}", service);
            served += service.served_output_tokens;
        }
        for site in &quarter.sites {
            let sums = &site.sums;
            let available = sums.available.as_watts();
            prop_assert!(at_most(sums.energised.as_watts(), available), "{:?}", site);
            // Sun, wind and batteries carry what firm power does not.
            let of = &factory.sites[site.site];
            if of.solar.is_none() && of.wind.is_none() && of.battery.is_none() {
                prop_assert!(at_most(sums.peak_draw.as_watts(), available), "{:?}", site);
            }
            for part in [sums.serving_hours, sums.training_hours, sums.idle_hours] {
                prop_assert!(part >= 0.0 && part.is_finite(), "{:?}", site);
            }
            let most = sums.energy.as_mwh();
            prop_assert!(at_most(sums.serving_energy.as_mwh(), most), "{:?}", site);
            energy += most;
            training_hours += sums.training_hours;
        }
    }
    prop_assert!(close(energy, plan.ledger[0].sources), "energy of quarters and books");
    // What is sold is of the site's own, and what wears off is never more than what was bought.
    let mut sums = wattmill_plan::Sums::default();
    plan.quarters.iter().for_each(|quarter| sums.add(&quarter.total()));
    let own = sums.flows.solar + sums.flows.wind + sums.flows.given();
    prop_assert!(at_most(sums.flows.sold.as_mwh(), own.as_mwh()));
    prop_assert!(at_most(sums.depreciation.as_usd(), sums.capital.as_usd()), "{:?}", sums);
    let lost = sums.resale + sums.depreciation + sums.lost_before;
    prop_assert!(at_most(lost.as_usd(), sums.capital.as_usd()), "{lost} of {}", sums.capital);
    let parts = |of: fn(&wattmill_plan::CapitalPart) -> Money| -> f64 {
        plan.parts.iter().map(of).sum::<Money>().as_usd()
    };
    prop_assert!(close(parts(|part| part.capital), sums.capital.as_usd()), "{:?}", plan.parts);
    prop_assert!(close(parts(|part| part.depreciation), sums.depreciation.as_usd()));
    let by_day: f64 = plan.days.iter().map(|day| day.served_tokens).sum();
    prop_assert!(close(served, by_day), "tokens by quarter {served} and by day {by_day}");
    let trained: f64 = plan.trainings.iter().map(|run| run.accelerator_hours).sum();
    prop_assert!(close(trained, training_hours), "hours of training runs and of machines");
    for run in &plan.trainings {
        prop_assert!((0.0..=1.0).contains(&run.done), "{:?}", run);
    }
    for contract in &factory.contracts {
        let paid: Money = plan
            .receipts
            .iter()
            .filter(|receipt| receipt.from == contract.from)
            .map(|receipt| receipt.amount)
            .sum();
        let most = contract.up_to.unwrap_or(Money::from_usd(f64::INFINITY));
        prop_assert!(paid.as_usd() <= most.as_usd() * (1.0 + ROUNDING), "{paid} of {most}");
    }
    Ok(())
}

/// Accelerator-hours of machines that all have power: every hour of every phase, counted anew.
fn hours_of_machines(factory: &Factory, plan: &Plan) -> f64 {
    let mut hours = 0.0;
    for (phase, outcome) in factory.phases.iter().zip(&plan.phases) {
        let slip = phase.slip.as_hours();
        let days = factory.start.until(phase.first_rack).map_or(0, |span| span.get_days());
        let first = f64::from(days) * 24.0 + slip;
        let last = first + phase.ramp.as_hours();
        let machines = f64::from(factory.hardware[phase.hardware].system.accelerators);
        for hour in 0..plan.hours {
            // What comes in the course of a day runs from the next.
            let hour = (hour / 24 * 24) as f64;
            let units = match hour {
                hour if hour >= last => outcome.units,
                hour if hour < first => 0.0,
                hour => (outcome.units * ((hour - first) / (last - first)) + 1e-9).floor(),
            };
            hours += units * machines;
        }
    }
    hours
}

/// The walk that takes a day at a time against the one that takes every hour of every machine.
fn walks_agree(factory: &Factory, plan: &Plan) -> Result<(), TestCaseError> {
    let (all, worst) = reckon(factory, Catalog::builtin(), &plan.offers, &Almanac::default());
    prop_assert!(worst.closes(), "{worst}");
    let find = |name: &FigureName| {
        let found = all.iter().find(|(figure, _)| figure.name == *name);
        found.map_or(f64::NAN, |(_, value)| *value)
    };
    let (mut totals, mut expected) = (wattmill_plan::Sums::default(), Vec::new());
    for quarter in &plan.quarters {
        let sums = quarter.total();
        for (what, value) in [
            ("energised", sums.energised.as_mw()),
            ("accelerators", sums.accelerators),
            ("output tokens served", sums.served_output_tokens),
            ("energy", sums.energy.as_mwh()),
            ("capital", sums.capital.as_usd()),
            ("operating cost", sums.operating_cost().as_usd()),
        ] {
            expected.push((FigureName::In(what, quarter.label), value));
        }
        totals.add(&sums);
    }
    for (what, value) in [
        ("energy", totals.energy.as_mwh()),
        ("carbon", totals.carbon_t),
        ("accelerator-hours", totals.accelerator_hours()),
        ("output tokens served", totals.served_output_tokens),
        ("capital", totals.capital.as_usd()),
        ("energy cost", totals.energy_cost.as_usd()),
        ("operations", totals.operations.as_usd()),
        ("depreciation", totals.depreciation.as_usd()),
    ] {
        expected.push((FigureName::Whole(what), value));
    }
    let flows = &totals.flows;
    let of_services = plan.quarters.iter().flat_map(|quarter| &quarter.services);
    let subscriptions = of_services.map(|service| service.subscriptions.as_usd()).sum();
    for (what, value) in [
        ("water", flows.water_l),
        ("sun and wind used", (flows.solar + flows.wind).as_mwh()),
        ("sun and wind curtailed", flows.curtailed.as_mwh()),
        ("energy from batteries", flows.given().as_mwh()),
        ("energy sold", flows.sold.as_mwh()),
        ("sales of energy", flows.sales.as_usd()),
        ("machines sold", totals.resale.as_usd()),
        ("subscriptions", subscriptions),
        ("demand charges", flows.demand_charges.as_usd()),
        ("curtailment asked", flows.asked.as_mwh()),
        ("energy held back", flows.held_back.as_mwh()),
        ("accelerator-hours throttled", flows.throttled_hours),
    ] {
        let name = FigureName::Whole(what);
        if all.iter().any(|(figure, _)| figure.name == name) {
            expected.push((name, value));
        }
    }
    for (what, value) in [
        ("most to finance", plan.cash.to_finance.as_usd()),
        ("cost of ownership a year", plan.cash.ownership_per_year.as_usd()),
        ("net present value", plan.cash.present_value.as_usd()),
    ] {
        // A difference of large sums.
        let got = find(&FigureName::Whole(what));
        let scale = totals.capital.as_usd().max(1.0);
        prop_assert!((got - value).abs() <= 1e-9 * scale, "{what}: {got}, {value}");
    }
    let peak = plan.quarters.iter().map(|q| q.total().peak_draw.as_mw()).fold(0.0, f64::max);
    expected.push((FigureName::Whole("peak draw"), peak));
    for (run, training) in plan.trainings.iter().zip(&factory.trainings) {
        expected.push((FigureName::Of("share done", training.name.clone()), run.done));
        let finished = find(&FigureName::Of("last token", training.name.clone()));
        prop_assert_eq!(wattmill_plan::figure_day(finished), run.finished);
    }
    for (name, value) in &expected {
        let got = find(name);
        prop_assert!((got - value).abs() <= 1e-9 * value.abs().max(1.0), "{name}: {got}, {value}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_comes_in_goes_out(draft in draft::drafts(Headroom::None)) {
        let factory = read(&draft.text());
        let first = plan(&factory);
        conserved(&factory, &first)?;
        walks_agree(&factory, &first)?;
        let again = plan(&read(&draft.text()));
        prop_assert_eq!(first.answer_hash, again.answer_hash);
    }

    #[test]
    fn sun_storage_tariffs_and_events_lose_nothing(energetic in energy::energetic()) {
        let factory = read(&energetic.text());
        let first = plan(&factory);
        conserved(&factory, &first)?;
        walks_agree(&factory, &first)?;
    }

    #[test]
    fn more_machines_never_do_less(draft in draft::drafts(Headroom::Double)) {
        let factory = read(&draft.text());
        let offers = offers(&factory, Catalog::builtin(), |_, _| {});
        let before = run(&factory, Catalog::builtin(), offers.clone());
        conserved(&factory, &before)?;
        let hours: f64 = before.quarters.iter().map(|q| q.total().accelerator_hours()).sum();
        prop_assert!(close(hours, hours_of_machines(&factory, &before)), "accelerator-hours");
        for phase in 0..factory.phases.len() {
            let larger = read(&Draft::doubled(&draft, phase).text());
            let after = run(&larger, Catalog::builtin(), offers.clone());
            conserved(&larger, &after)?;
            for (before, after) in before.quarters.iter().zip(&after.quarters) {
                for (before, after) in before.sites.iter().zip(&after.sites) {
                    let (less, more) = (&before.sums, &after.sums);
                    prop_assert!(
                        at_most(less.capacity_tokens_per_day, more.capacity_tokens_per_day)
                    );
                    prop_assert!(at_most(less.accelerators, more.accelerators));
                    prop_assert!(less.energised <= more.energised + Power::from_watts(1e-3));
                }
                for (before, after) in before.services.iter().zip(&after.services) {
                    prop_assert!(
                        at_most(before.served_requests, after.served_requests),
                        "{:?} against {:?}", before, after
                    );
                }
            }
        }
    }
}
