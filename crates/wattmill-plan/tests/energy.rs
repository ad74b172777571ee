//! Energy, hour by hour: one site with machines that draw the same at all hours, and what is asked of it.

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::{Answer, Factory};
use wattmill_plan::{EnergyFlows, Plan, Sums, bound, figures, offers, run};
use wattmill_units::{Energy, Power};

/// Two weeks of idle machines behind a connection of 1 MW; `site` and `more` are added.
fn text(site: &str, more: &str) -> String {
    format!(
        "name = \"yard\"\nstart = 2027-07-01\nend = 2027-07-14\n\n[[site]]\nname = \"yard\"\n\
         latitude = 32.5\nlongitude = -99.8\npue = {{ design = 1.4, annual = 1.2 }}\n{site}\n\
         [[phase]]\nname = \"racks\"\nsite = \"yard\"\nsystem = \"dgx-h100\"\npower = \"500 kW\"\n\
         first_rack = 2027-07-01\n{more}"
    )
}

const GRID: &str = "grid = { connection = \"1 MW\", energized = 2027-01-01, price = \"50 USD/MWh\", \
                    carbon = \"300 g/kWh\" }";
const TRAINING: &str = "\n[[training]]\nname = \"run\"\nmodel = \"llama-3.1-8b\"\ntokens = \"15 T\"\n\
                        gpus = 100000\n";

fn read(text: &str) -> Factory {
    let parsed = parse_factory(text, Catalog::builtin());
    let said = parsed.diagnostics.render("yard.toml", text, false);
    parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"))
}

fn plan(factory: &Factory) -> Plan {
    let plan = run(factory, Catalog::builtin(), offers(factory, Catalog::builtin(), |_, _| {}));
    assert!(plan.ledger.iter().all(|balance| balance.closes()), "{:?}", plan.ledger);
    plan
}

fn flows(plan: &Plan) -> EnergyFlows {
    let mut sum = EnergyFlows::default();
    plan.quarters.iter().for_each(|quarter| sum.add(&quarter.total().flows));
    sum
}

fn planned(site: &str, more: &str) -> (Plan, EnergyFlows) {
    let plan = plan(&read(&text(site, more)));
    let flows = flows(&plan);
    (plan, flows)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
}

/// Ten gigawatts at full load for a year are 87.6 TWh: 8,760 hours, arithmetic.
#[test]
fn ten_gigawatts_for_a_year_are_87_6_twh() {
    let text = "name = \"full\"\nstart = 2027-01-01\nend = 2027-12-31\n[[site]]\nname = \"all\"\n\
                grid = { connection = \"20 GW\", energized = 2026-01-01, price = \"50 USD/MWh\", \
                carbon = \"300 g/kWh\" }\n[[phase]]\nname = \"all\"\nsite = \"all\"\n\
                system = \"gb200-nvl72\"\npower = \"10 GW\"\nfirst_rack = 2026-01-01\n\
                [[training]]\nname = \"for ever\"\nmodel = \"llama-3.1-405b\"\ntokens = \"1000000 T\"\n\
                gpus = 100000000\nprecision = \"fp8\"\n";
    let plan = plan(&read(text));
    let energy: f64 = plan.quarters.iter().map(|q| q.total().energy.as_twh()).sum();
    let peak = plan.quarters[0].total().peak_draw;
    // The same draw in every hour: what the year takes is 8,760 times an hour.
    assert!(close(energy, peak.as_gw() * 8.76), "{energy} TWh at {peak}");
    assert!(close((Power::from_gw(10.0) * (energy / peak.as_gw())).as_gw(), 87.6));
}

/// What stands beside the units takes part of the power, and draws the same at all hours: by hand, 10.2 kW
/// a server and 14 % of it beside.
#[test]
fn what_stands_beside_the_units_takes_its_part() {
    let (alone, _) = planned(GRID, "");
    let (with, _) = planned(GRID, "beside = \"14 %\"\n");
    let units = |plan: &Plan| plan.phases[0].accelerators / 8.0;
    // 500 kW at a PUE of 1.4.
    assert_eq!((units(&alone), units(&with)), (35.0, 30.0));
    let kwh = |plan: &Plan| {
        let energy: f64 = plan.quarters.iter().map(|q| q.total().energy.as_kwh()).sum();
        energy / units(plan)
    };
    let more = 0.14 * 10.2 * 1.2 * 14.0 * 24.0;
    assert!(close(kwh(&with) - kwh(&alone), more), "{} {more}", kwh(&with) - kwh(&alone));
    let counted = &with.counting.machines[0];
    let reached = |place: &str| {
        let link = counted.chain.iter().find(|link| link.reaches == Some(place));
        link.expect("it is reached").sum.as_kw() * 8.0
    };
    assert!(close(reached("unit"), 10.2) && close(reached("IT"), 10.2 * 1.14));
}

#[test]
fn demand_charges_are_those_of_each_month_once() {
    let grid = GRID.replace("price", "demand_charge = \"10 USD/kW\", price");
    let (plain, _) = planned(GRID, "");
    let (charged, flows) = planned(&grid, "");
    let peak = charged.quarters[0].total().peak_draw.as_kw();
    assert!(
        close(flows.demand_charges.as_usd(), 10.0 * peak),
        "one month: {}",
        flows.demand_charges
    );
    let more = charged.quarters[0].total().energy_cost - plain.quarters[0].total().energy_cost;
    assert!(close(more.as_usd(), 10.0 * peak));
}

#[test]
fn a_negative_price_is_paid_out() {
    let (plan, _) = planned(&GRID.replace("50 USD", "-20 USD"), "");
    let total = plan.quarters[0].total();
    assert!(close(total.energy_cost.as_usd(), -20.0 * total.energy.as_mwh()));
    assert!(total.energy_cost.as_usd() < 0.0);
}

#[test]
fn a_battery_moves_energy_to_dear_hours_and_the_bound_is_below() {
    let grid = GRID.replace(
        "price",
        "period = [{ from = 16, to = 20, price = \"200 USD/MWh\" }, { from = 0, to = 6, \
         price = \"10 USD/MWh\" }], price",
    );
    let battery = "battery = { energy = \"400 kWh\", power = \"100 kW\", efficiency = 0.81, start = 0, \
                   charge_below = \"20 USD/MWh\", discharge_above = \"100 USD/MWh\" }";
    let (without, _) = planned(&grid, "");
    let factory = read(&text(&format!("{grid}\n{battery}"), ""));
    let plan = plan(&factory);
    let flows = flows(&plan);
    // A full battery of 400 kWh inside is 444 of the grid and 360 at the meter, every day.
    assert!(close(flows.charged.as_kwh(), 14.0 * 400.0 / 0.9), "{:?}", flows.charged);
    assert!(close(flows.given().as_kwh(), 14.0 * 360.0), "{:?}", flows.discharged);
    let saved = without.quarters[0].total().energy_cost - plan.quarters[0].total().energy_cost;
    let expected = 14.0 * (0.36 * 200.0 - 0.4 / 0.9 * 10.0);
    assert!(close(saved.as_usd(), expected), "{saved}");
    for days in [1, 7] {
        let bound = bound(&factory, &plan, days).expect("solved");
        let site = &bound.sites[0];
        assert!(site.least <= site.policy * (1.0 + 1e-9), "{site:?}");
        // The policy fills and empties it once a day, which is the best there is but for small change.
        assert!(site.least >= site.policy * 0.99, "{site:?}");
    }
    // A policy that never uses it leaves something to be found.
    let idle = battery.replace("100 USD/MWh", "1000 USD/MWh");
    let factory = read(&text(&format!("{grid}\n{idle}"), ""));
    let lazy = run(&factory, Catalog::builtin(), plan.offers.clone());
    let found = bound(&factory, &lazy, 7).expect("solved");
    assert!(found.sites[0].least < found.sites[0].policy * 0.995, "{:?}", found.sites);
}

#[test]
fn what_the_sun_leaves_over_is_counted() {
    let solar = "solar = { capacity = \"2 MW\" }";
    let (plan, flows) = planned(&format!("{GRID}\n{solar}"), "");
    let total = plan.quarters[0].total();
    assert!(flows.curtailed > Energy::ZERO && flows.solar > Energy::ZERO);
    assert!(close((flows.grid + flows.solar).as_mwh(), total.energy.as_mwh()));
    assert!(close(total.carbon_t, flows.grid.as_kwh() * 300.0 / 1e6));
    let most = plan.mix.iter().map(|hour| hour.solar_mw + hour.curtailed_mw).fold(0.0, f32::max);
    assert!((1.0..=2.0).contains(&most), "{most} MW");
}

/// A quarter less for three hours, by each answer alone and by all.
#[test]
fn curtailment_is_answered_in_order_and_counted() {
    let event = |answers: &str| {
        format!(
            "{TRAINING}\n[[curtailment]]\nsite = \"yard\"\nat = 2027-07-06T20:00:00\nfor = \"3 hours\"\n\
             cut = \"25 %\"\nanswers = {answers}\n"
        )
    };
    let yard = format!(
        "{GRID}\nonsite = [{{ kind = \"gas turbine\", capacity = \"1 MW\", price = \"90 USD/MWh\", \
         carbon = \"500 g/kWh\" }}]\nbattery = {{ energy = \"150 kWh\", power = \"60 kW\", \
         efficiency = 0.81, start = 1, discharge_above = \"500 USD/MWh\" }}"
    );
    let answered = |answers: &str| {
        let (plan, flows) = planned(&yard, &event(answers));
        let asked: Vec<_> = plan.mix.iter().filter(|hour| hour.asked_mw > 0.0).collect();
        assert_eq!(asked.len(), 3, "three hours");
        // Idle machines take what they take: the site draws the same in all hours but these.
        let before = f64::from(plan.mix[0].grid_mw);
        assert!((flows.asked.as_mwh() / (0.25 * before * 3.0) - 1.0).abs() < 1e-6);
        flows
    };
    let by = |flows: &EnergyFlows, answer: Answer| flows.answered[answer as usize].as_mwh();
    let none = answered("[]");
    assert!(close(none.unanswered.as_mwh(), none.asked.as_mwh()));
    let paused = answered(r#"["training"]"#);
    assert!(close(by(&paused, Answer::Training), paused.asked.as_mwh()), "{paused:?}");
    assert!(paused.throttled_hours > 0.0 && paused.throttled_site_hours == 3.0);
    let stored = answered(r#"["battery"]"#);
    // 150 kWh inside at 0.9 are 135 at the meter.
    assert!(close(by(&stored, Answer::Battery), 0.135), "{stored:?}");
    assert!(stored.unanswered > Energy::ZERO && stored.throttled_hours == 0.0);
    let burnt = answered(r#"["battery", "generation", "training"]"#);
    assert!(close(by(&burnt, Answer::Battery), 0.135), "{burnt:?}");
    assert!(close(by(&burnt, Answer::Generation), burnt.asked.as_mwh() - 0.135), "{burnt:?}");
    assert_eq!(by(&burnt, Answer::Training), 0.0);
}

#[test]
fn oversubscribed_machines_are_held_to_what_there_is() {
    let site = GRID.replace("\"1 MW\"", "\"500 kW\"");
    let (plain, _) = planned(&site, TRAINING);
    let more = TRAINING.to_owned();
    let text = text(&site, &more).replace("[[phase]]\n", "[[phase]]\noversubscription = 1.8\n");
    let over = plan(&read(&text));
    let (few, many) = (plain.quarters[0].total(), over.quarters[0].total());
    assert!(many.units >= 1.7 * few.units, "{} {}", many.units, few.units);
    assert!(many.peak_draw.as_kw() <= 500.0 * (1.0 + 1e-9), "{}", many.peak_draw);
    assert!(many.flows.held_back > Energy::ZERO && many.flows.throttled_hours > 0.0);
    assert!(many.training_hours > few.training_hours, "it is worth it");
    assert_eq!(few.flows.held_back, Energy::ZERO);
    // They share the plant as well as its power.
    let plant = |sums: &Sums| (sums.capital - sums.machine_capital - sums.energy_capital).as_usd();
    let each = plant(&few) / few.units;
    assert!(close(plant(&many), each * many.units / 1.8), "{} {each}", plant(&many));
}

#[test]
fn a_facility_takes_more_where_it_is_warm_and_less_than_its_plant_is_sized_for() {
    let pue = "pue = { fixed = 0.5, per_degree = \"1 %/K\", free_below = \"20 °C\",";
    let warm = |mean: &str| {
        let text = text(&format!("{GRID}\nclimate = {{ mean = \"{mean}\" }}"), "");
        plan(&read(&text.replace("pue = {", pue))).quarters[0].total()
    };
    let (cold, hot) = (warm("-20 °C"), warm("25 °C"));
    assert!(hot.energy > cold.energy * 1.05, "{} {}", hot.energy, cold.energy);
    let (constant, _) = planned(GRID, "");
    // Idle machines take a part of what is provisioned; half of the overhead is there all the same.
    assert!(cold.energy > constant.quarters[0].total().energy);
}

/// Machines that may draw more than there is, and never do, are what they would be with power for each
/// of them: in the walk by the hour and in the one by the day.
#[test]
fn who_may_be_short_and_is_not_gives_nothing_up() {
    let text = text(GRID, TRAINING).replace("15 T", "100 B");
    let over = text.replace("power = \"500 kW\"", "power = \"500 kW\"\noversubscription = 1.2");
    let (over, plain) = (read(&over), read(&text.replace("500 kW", "600 kW")));
    let (held, free) = (plan(&over), plan(&plain));
    let (flows, total) = (flows(&held), held.quarters[0].total());
    assert_eq!((flows.held_back, flows.throttled_hours), (Energy::ZERO, 0.0));
    assert_eq!(total.accelerators, 42.0 * 8.0);
    assert_eq!(total.energy, free.quarters[0].total().energy);
    assert_eq!(total.training_hours, free.quarters[0].total().training_hours);
    let of = |factory: &Factory, name: &str| {
        let all = figures(factory, Catalog::builtin(), &held.offers);
        all.into_iter().find(|(f, _)| f.name.to_string() == name).expect("it").1
    };
    assert_eq!(of(&over, "energy"), of(&plain, "energy"));
    assert_eq!(of(&over, "accelerator-hours throttled"), 0.0);
    assert!(close(of(&over, "energy"), total.energy.as_mwh()));
}

/// What a connection carries from a day on decides what runs from that day on.
#[test]
fn a_connection_in_steps_carries_what_it_does_on_the_day() {
    let step = "connection = \"300 kW\", step = [{ from = 2027-07-11, connection = \"150 kW\" }, \
                { from = 2027-07-08, connection = \"1 MW\" }]";
    let grid = GRID.replace("connection = \"1 MW\"", step);
    // A tariff makes no difference to that.
    for tariff in ["", "demand_charge = \"1 USD/kW\", "] {
        let grid = grid.replace("energized", &format!("{tariff}energized"));
        let factory = read(&text(&grid, ""));
        let plan = plan(&factory);
        // A node is provisioned 10.2 kW and 1.4 times that at the meter.
        let nodes = |day: usize| plan.days[day].accelerators / 8.0;
        assert_eq!([0, 6, 7, 9, 10, 13].map(nodes), [21.0, 21.0, 35.0, 35.0, 10.0, 10.0]);
        let all = figures(&factory, Catalog::builtin(), &plan.offers);
        let (_, energy) = all.iter().find(|(f, _)| f.name.to_string() == "energy").expect("it");
        assert!(close(*energy, plan.quarters[0].total().energy.as_mwh()));
    }
}

#[test]
fn water_goes_with_it_energy() {
    let (plan, flows) = planned(&format!("{GRID}\nwater = \"1.5 L/kWh\""), "");
    let it = plan.quarters[0].total().energy.as_kwh() / 1.2;
    assert!(close(flows.water_l, 1.5 * it), "{} of {it}", flows.water_l);
}

/// A plan that ends before its first rack: nothing runs, nothing is drawn, and that is an answer.
#[test]
fn before_the_first_phase_nothing_runs() {
    let battery = "battery = { energy = \"1 MWh\", power = \"1 MW\", efficiency = 0.9 }";
    let text = text(&format!("{GRID}\nsolar = {{ capacity = \"1 MW\" }}\n{battery}"), "")
        .replace("first_rack = 2027-07-01", "first_rack = 2028-01-01");
    let factory = read(&text);
    let plan = plan(&factory);
    let total = plan.quarters[0].total();
    assert_eq!((total.units, total.energy, total.flows.grid), (0.0, Energy::ZERO, Energy::ZERO));
    assert!(total.flows.charged > Energy::ZERO && total.flows.curtailed > Energy::ZERO);
    let (_, energy) = figures(&factory, Catalog::builtin(), &plan.offers).remove(2);
    assert_eq!(energy, 0.0);
}

/// 2028 has 8,784 hours.
#[test]
fn a_leap_year_has_a_day_more() {
    let year = |start: &str, end: &str| {
        let text = text(GRID, "")
            .replace("start = 2027-07-01", &format!("start = {start}"))
            .replace("end = 2027-07-14", &format!("end = {end}"))
            .replace("first_rack = 2027-07-01", "first_rack = 2027-01-01");
        plan(&read(&text)).quarters.iter().map(|q| q.total().energy.as_mwh()).sum::<f64>()
    };
    let (usual, leap) = (year("2027-01-01", "2027-12-31"), year("2028-01-01", "2028-12-31"));
    assert!(close(leap / usual, 8784.0 / 8760.0), "{leap} {usual}");
}

/// What neither machines nor battery take is sold where the grid pays more than it costs.
#[test]
fn what_is_left_over_is_sold_and_nothing_is_sold_below_its_cost() {
    let solar = "solar = { capacity = \"2 MW\", price = \"15 USD/MWh\" }";
    let sold = |export: &str| {
        let grid = GRID.replace("price = ", &format!("{export}price = "));
        planned(&format!("{grid}\n{solar}"), "")
    };
    let (kept, none) = sold("");
    let (plan, some) = sold("export = { most = \"500 kW\", price = \"40 USD/MWh\" }, ");
    assert!(none.sold == Energy::ZERO && none.sales.as_usd() == 0.0 && some.sold > Energy::ZERO);
    assert!(close((some.curtailed + some.sold).as_mwh(), none.curtailed.as_mwh()));
    assert!(close(some.sales.as_usd(), 40.0 * some.sold.as_mwh()), "{}", some.sales);
    let most = plan.mix.iter().map(|hour| hour.sold_mw).fold(0.0, f32::max);
    assert!((most - 0.5).abs() < 1e-6, "{most} MW");
    // Its energy is bought of the panels' owner, and sold.
    let less = kept.quarters[0].total().energy_cost - plan.quarters[0].total().energy_cost;
    assert!(close(less.as_usd(), (40.0 - 15.0) * some.sold.as_mwh()), "{less}");
    assert_eq!(kept.quarters[0].total().energy, plan.quarters[0].total().energy);
    let buyer = plan.statement.parties.iter().find(|p| p.name == "buyers of energy").expect("one");
    assert!(close(buyer.received.as_usd(), some.sales.as_usd()));
    for price in ["15 USD/MWh", "-5 USD/MWh"] {
        let (_, flows) = sold(&format!("export = {{ most = \"500 kW\", price = \"{price}\" }}, "));
        assert_eq!(flows.sold, Energy::ZERO, "{price}");
    }
    // Left out, the price is the hour's own: 50 USD/MWh.
    let (_, own) = sold("export = { most = \"500 kW\" }, ");
    assert!(close(own.sales.as_usd(), 50.0 * own.sold.as_mwh()) && own.sold == some.sold);
}

/// A battery that is larger than the site sells what the site cannot use, and an optimiser does not
/// find less than nothing to gain.
#[test]
fn a_battery_sells_in_dear_hours_and_the_bound_is_below() {
    let grid = GRID.replace(
        "price",
        "export = { most = \"1 MW\" }, period = [{ from = 16, to = 20, price = \"200 USD/MWh\" }, \
         { from = 0, to = 6, price = \"10 USD/MWh\" }], price",
    );
    let battery = "battery = { energy = \"4 MWh\", power = \"1 MW\", efficiency = 0.81, start = 0, \
                   charge_below = \"20 USD/MWh\", discharge_above = \"100 USD/MWh\", \
                   capital = \"1 MUSD\", life = \"10 years\" }";
    let solar = "solar = { capacity = \"2 MW\" }";
    let factory = read(&text(&format!("{grid}\n{battery}\n{solar}"), ""));
    let plan = plan(&factory);
    let flows = flows(&plan);
    assert!(flows.sold > Energy::ZERO && flows.given() > Energy::ZERO);
    let in_dear: f64 = plan
        .mix
        .iter()
        .enumerate()
        .filter(|(hour, _)| (16..20).contains(&(hour % 24)))
        .map(|(_, mix)| f64::from(mix.sold_mw))
        .sum();
    assert!(in_dear > 0.0, "it sells when energy is dear");
    for days in [1, 7] {
        let bound = bound(&factory, &plan, days).expect("solved");
        let site = &bound.sites[0];
        assert!(site.least <= site.policy + wattmill_units::Money::from_usd(1e-6), "{site:?}");
    }
    let all = figures(&factory, Catalog::builtin(), &plan.offers);
    let of = |name: &str| all.iter().find(|(f, _)| f.name.to_string() == name).expect("it").1;
    assert!(close(of("energy sold"), flows.sold.as_mwh()));
    assert!(close(of("sales of energy"), flows.sales.as_usd()));
}

/// What stands on a campus is capital of its own, written off over its own life.
#[test]
fn panels_and_batteries_are_bought_on_their_day_and_wear_off_over_their_lives() {
    let bought = "solar = { capacity = \"1 MW\", capital = \"146.1 kUSD\", life = \"4 years\" }\n\
                  battery = { energy = \"1 MWh\", power = \"500 kW\", efficiency = 0.9, \
                  from = 2027-07-08, capital = \"70 kUSD\", life = \"7 days\" }";
    let (plain, _) = planned(GRID, "");
    let (plan, _) = planned(&format!("{GRID}\n{bought}"), "");
    let (plain, total) = (plain.quarters[0].total(), plan.quarters[0].total());
    let more = total.capital - plain.capital;
    assert!(close(more.as_usd(), 216.1e3) && close(total.energy_capital.as_usd(), 216.1e3));
    // A fortnight of four years of 365.25 days, and all of a battery of a week.
    let worn = 146.1e3 * 14.0 / (4.0 * 365.25) + 70e3;
    assert!(close(total.energy_depreciation.as_usd(), worn), "{}", total.energy_depreciation);
    assert!(close((total.depreciation - plain.depreciation).as_usd(), worn));
    let part = plan.parts.last().expect("parts");
    assert_eq!(part.name, "energy sources and storage");
    assert!(close(part.depreciation.as_usd(), worn));
    let maker = plan.statement.parties.iter().find(|p| p.name == "makers of energy plant");
    assert!(close(maker.expect("who was paid").paid.as_usd(), 216.1e3));
    // Insurance and upkeep are of all capital: of the battery for its week.
    let upkeep = (total.operations - plain.operations).as_usd();
    let expected = 0.03 * (146.1e3 * 14.0 + 70e3 * 7.0) / 365.25;
    assert!(close(upkeep, expected), "{upkeep} {expected}");
}

#[test]
fn parts_that_last_otherwise_wear_otherwise() {
    let economics = "\n[economics]\nnetwork_life = \"7 days\"\nbuilding_life = \"50 years\"\n";
    let (plain, _) = planned(GRID, "");
    let (plan, _) = planned(GRID, economics);
    let part = |plan: &Plan, name: &str| {
        *plan.parts.iter().find(|part| part.name == name).expect("a part")
    };
    assert_eq!(part(&plan, "network").capital, part(&plain, "network").capital);
    let network = part(&plan, "network");
    assert!(close(network.depreciation.as_usd(), network.capital.as_usd()), "gone in a week");
    let racks = |plan: &Plan| part(plan, "accelerators and racks").depreciation.as_usd();
    assert!(close(racks(&plan), racks(&plain)), "as before");
    let building = part(&plain, "building and land").depreciation.as_usd();
    let slower = part(&plan, "building and land").depreciation.as_usd();
    assert!(close(slower / building, 15.0 / 50.0), "{slower} {building}");
}
