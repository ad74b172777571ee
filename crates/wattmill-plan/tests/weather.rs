//! Weather that differs from sample to sample: the same on average, the same for the same sample, and the
//! same for two factories that share a site.

use wattmill_catalog::Catalog;
use wattmill_config::{Files, Variants, parse_factory_with};
use wattmill_factory::Weather;
use wattmill_plan::{EnergyFlows, figures, offers, run};

/// Idle machines under sun and wind for a hundred days.
fn text(weather: &str, solar: &str) -> String {
    format!(
        "name = \"yard\"\nstart = 2027-03-01\nend = 2027-06-08\n{weather}\n\n[[site]]\nname = \"yard\"\n\
         latitude = 32.5\nlongitude = -99.8\ngrid = {{ connection = \"50 MW\", energized = 2027-01-01, \
         price = \"50 USD/MWh\", carbon = \"300 g/kWh\" }}\n\
         solar = {{ capacity = \"1 MW\"{solar} }}\nwind = {{ capacity = \"1 MW\", speed = \"7 m/s\" }}\n\n\
         [[phase]]\nname = \"racks\"\nsite = \"yard\"\nsystem = \"dgx-h100\"\npower = \"40 MW\"\n\
         first_rack = 2027-03-01\n"
    )
}

const VARIES: &str = "weather = \"varies\"";

/// Energy of sun and wind over a plan of the `index`-th sample, MWh, walked by the hour and by the day.
fn brought(variants: &Variants<'_>, seed: u64, index: u64) -> [f64; 2] {
    let catalog = Catalog::builtin();
    let (_, factory) = variants.sample(seed, index);
    let factory = factory.expect("it is sound");
    let plan = run(&factory, catalog, offers(&factory, catalog, |_, _| {}));
    assert!(plan.ledger.iter().all(|balance| balance.closes()), "{:?}", plan.ledger);
    let mut flows = EnergyFlows::default();
    plan.quarters.iter().for_each(|quarter| flows.add(&quarter.total().flows));
    let all = figures(&factory, catalog, &plan.offers);
    let of = |name: &str| all.iter().find(|(f, _)| f.name.to_string() == name).expect("it").1;
    let fast = of("sun and wind used") + of("sun and wind curtailed");
    let slow = flows.renewable().as_mwh();
    assert!((fast / slow - 1.0).abs() < 1e-9, "{fast} by the day, {slow} by the hour");
    assert_eq!(flows.curtailed, wattmill_units::Energy::ZERO, "the machines take it all");
    [flows.solar.as_mwh(), flows.wind.as_mwh()]
}

#[test]
fn samples_differ_around_the_same_mean_and_come_again_with_their_seed() {
    let catalog = Catalog::builtin();
    let text = text(VARIES, "");
    let variants = Variants::open(&text, catalog).expect("it is sound");
    let n = 40;
    let samples: Vec<[f64; 2]> = (0..n).map(|index| brought(&variants, 1, index)).collect();
    assert_eq!(samples[7], brought(&variants, 1, 7), "whoever asks, whenever");
    assert_ne!(samples[7], brought(&variants, 2, 7));
    // The mean of other samples lies where these lie.
    let others: Vec<[f64; 2]> = (0..n).map(|index| brought(&variants, 2, index)).collect();
    for kind in 0..2 {
        let mean = |all: &[[f64; 2]]| all.iter().map(|of| of[kind]).sum::<f64>() / n as f64;
        let (a, b) = (mean(&samples), mean(&others));
        let square = samples.iter().map(|of| (of[kind] - a) * (of[kind] - a)).sum::<f64>();
        let deviation = (square / (n - 1) as f64).sqrt();
        assert!(deviation > 0.002 * a, "weather of {a} MWh hardly varies: {deviation}");
        assert!((a - b).abs() < 4.0 * deviation * (2.0 / n as f64).sqrt(), "{a} {b} {deviation}");
    }
    // The mean of the plan's own weather is one of them.
    let plan = variants.factory(&[]).expect("it is sound");
    assert_eq!(plan.weather, Weather::Varies);
}

#[test]
fn without_a_word_all_samples_have_the_plans_weather_and_no_other_input_changes_it() {
    let catalog = Catalog::builtin();
    let plain = text("", "");
    let variants = Variants::open(&plain, catalog).expect("it is sound");
    assert_eq!(brought(&variants, 1, 3), brought(&variants, 1, 4));
    assert!(variants.factory(&[]).expect("sound").is_certain());
    // Two factories that differ in price alone have the same clouds in the same sample.
    let varying = text(VARIES, "");
    let dear = varying.replace("50 USD/MWh", "70 USD/MWh");
    let of = |text: &str| brought(&Variants::open(text, catalog).expect("sound"), 1, 5);
    assert_eq!(of(&varying), of(&dear));
}

/// Two years of a file, one dark and one bright: every sample has one of them, sun by sun.
#[test]
fn years_are_drawn_of_a_file() {
    let catalog = Catalog::builtin();
    let text = text(VARIES, ", hourly = \"sun.csv\"");
    let mut sun = "time,solar_fraction\n".to_owned();
    for year in [2026, 2027] {
        let days = jiff::civil::date(year, 1, 1).series(jiff::Span::new().days(1)).take(365);
        let share = if year == 2026 { 0.1 } else { 0.4 };
        for day in days {
            for hour in 0..24 {
                sun.push_str(&format!("{day}T{hour:02}:00,{share}\n"));
            }
        }
    }
    let mut files = Files::default();
    files.put("sun.csv", Ok(sun));
    let parsed = parse_factory_with(&text, catalog, &files);
    assert!(parsed.factory.is_some(), "{}", parsed.diagnostics.render("yard.toml", &text, false));
    let variants = Variants::open_with(&text, catalog, &files).expect("it is sound");
    let hours = 100.0 * 24.0;
    let mut seen = [0; 2];
    for index in 0..24 {
        let [sun, _] = brought(&variants, 1, index);
        let bright = (sun / hours - 0.4).abs() < 1e-9;
        assert!(bright || (sun / hours - 0.1).abs() < 1e-9, "{sun}");
        seen[usize::from(bright)] += 1;
    }
    assert!(seen[0] > 4 && seen[1] > 4, "{seen:?}");
    // The plan has the file's own year.
    let plan = variants.factory(&[]).expect("it is sound");
    let share =
        match &plan.sites.iter().next().expect("a site").solar.as_ref().expect("panels").weather {
            wattmill_factory::SolarWeather::Profile(hourly) => hourly.at(12),
            other => panic!("{other:?}"),
        };
    assert_eq!(share, 0.4);
}

/// Two yards a short drive apart have much the same days, one on another continent has its own, and what
/// a yard has does not hang on who stands beside it.
#[test]
fn near_sites_have_like_weather() {
    let catalog = Catalog::builtin();
    let one = text("", "");
    let (head, rest) = one.split_once("[[site]]").expect("a site");
    let (site, phase) = rest.split_once("[[phase]]").expect("a phase");
    let at = |name: &str, north: f64, east: f64| {
        let site = site.replace("name = \"yard\"", &format!("name = \"{name}\""));
        let site = site.replace("latitude = 32.5", &format!("latitude = {north}"));
        format!("[[site]]{}", site.replace("longitude = -99.8", &format!("longitude = {east}")))
    };
    let (near, far) = (at("near", 32.6, -99.7), at("far", 32.5, 110.0));
    let text = format!("{head}[[site]]{site}{near}{far}[[phase]]{phase}");
    let parsed = wattmill_config::parse_factory(&text, catalog);
    let factory = parsed.factory.expect("it is sound");
    let plan = run(&factory, catalog, offers(&factory, catalog, |_, _| {}));
    let alone = wattmill_config::parse_factory(&one, catalog).factory.expect("it is sound");
    let alone = run(&alone, catalog, offers(&alone, catalog, |_, _| {}));
    let flows = |plan: &wattmill_plan::Plan, site: usize| {
        let mut sum = EnergyFlows::default();
        plan.quarters.iter().for_each(|quarter| sum.add(&quarter.sites[site].sums.flows));
        sum
    };
    // Nobody runs at the other two: all that comes is curtailed.
    let brought = |site: usize| flows(&plan, site).renewable().as_mwh();
    assert_eq!(flows(&plan, 0).renewable(), flows(&alone, 0).renewable());
    let (yard, near, far) = (brought(0), brought(1), brought(2));
    assert!((near / yard - 1.0).abs() < 0.05 && near != yard, "{yard} {near}");
    assert!((far / yard - 1.0).abs() > (near / yard - 1.0).abs(), "{yard} {near} {far}");
}
