//! What a user reads who writes energy wrong.

use expect_test::{Expect, expect};
use jiff::civil::date;
use wattmill_catalog::Catalog;
use wattmill_factory::{Answer, Clock, SolarWeather, SummerTime};
use wattmill_units::Seconds;

use crate::{Files, Parsed, parse_factory_with};

const SOUND: &str = r#"name = "Mill"
start = 2028-02-27
end = 2028-03-02

[[site]]
name = "hall"
latitude = 32.5
longitude = -99.8
grid = { connection = "10 MW", energized = 2026-07-01, price = "47 USD/MWh", carbon = "299 g/kWh" }

[[phase]]
name = "racks"
site = "hall"
system = "gb200-nvl72"
power = "5 MW"
first_rack = 2026-07-01
"#;

fn files() -> Files {
    let mut files = Files::default();
    let year = |head: &str, hours: usize| {
        let lines: String = (0..hours).map(|hour| format!("{}\n", hour % 24)).collect();
        format!("{head}\n{lines}")
    };
    files.put("year.csv", Ok(year("price_usd_per_mwh", 8760)));
    files.put("leap.csv", Ok(year("price_usd_per_mwh", 8784)));
    files.put("short.csv", Ok(year("price_usd_per_mwh", 100)));
    files.put("solar.csv", Ok(year("solar_fraction", 8760)));
    files.put("named.csv", Ok("time,price\n2028-02-27T00:00,1\n".to_owned()));
    files.put("word.csv", Ok("price_usd_per_mwh\n47\nforty\n".to_owned()));
    files.put(
        "gap.csv",
        Ok("time,price_usd_per_mwh\n2028-02-27T00:00,1\n2028-02-27T02:00,1\n".to_owned()),
    );
    // A day of Paris in which a clock is put forward or back, as its people write it.
    let paris = |name: &str, day: &str, hours: &[(u32, &str)]| {
        let before = format!("{day}-27T23:00");
        let lines: String = hours
            .iter()
            .map(|(hour, offset)| format!("{day}-28T{hour:02}:00{offset},{hour}\n"))
            .collect();
        let offset = if hours[0].1.is_empty() { "" } else { "+01:00" };
        (name.to_owned(), format!("time,price_usd_per_mwh\n{before}{offset},23\n{lines}"))
    };
    let bare = |hours: &[u32]| hours.iter().map(|hour| (*hour, "")).collect::<Vec<_>>();
    for (name, text) in [
        paris("forward.csv", "2027-03", &bare(&[0, 1, 3])),
        paris("back.csv", "2027-11", &bare(&[0, 1, 1])),
        paris("offsets.csv", "2027-03", &[(0, "+01:00"), (1, "+01:00"), (3, "+02:00")]),
    ] {
        files.put(&name, Ok(text));
    }
    files.put("gone.csv", Err("No such file or directory".to_owned()));
    files
}

fn parse(text: &str) -> Parsed {
    parse_factory_with(text, Catalog::builtin(), &files())
}

/// The sound file with a line more for its site.
fn with(line: &str) -> String {
    SOUND.replace("name = \"hall\"\n", &format!("name = \"hall\"\n{line}\n"))
}

fn said(text: &str, expected: Expect) {
    let parsed = parse(text);
    assert_eq!(parsed.factory.is_none(), parsed.diagnostics.has_errors());
    expected.assert_eq(&parsed.diagnostics.render("mill.toml", text, false));
}

#[test]
fn a_battery_cannot_create_energy() {
    let battery = "battery = { energy = \"4 MWh\", power = \"1 MW\", efficiency = 1.1 }";
    said(
        &with(battery),
        expect![[r#"
        error: a battery of efficiency 1.1 creates energy
         --> mill.toml:7:60
          |
        7 | battery = { energy = "4 MWh", power = "1 MW", efficiency = 1.1 }
          |                                                            ^^^ more comes out than goes in
          |
          = help: write the share that comes out again, at most 1: `efficiency = 0.86`, or `"86 %"`
    "#]],
    );
}

#[test]
fn a_battery_does_not_buy_dear_and_give_cheap() {
    let battery = "battery = { energy = \"4 MWh\", power = \"1 MW\", efficiency = 0.9, \
                   charge_below = \"50 USD/MWh\", discharge_above = \"20 USD/MWh\" }";
    said(
        &with(battery),
        expect![[r#"
        error: `charge_below` 50 USD/MWh is above `discharge_above` 20 USD/MWh
         --> mill.toml:7:80
          |
        7 | battery = { energy = "4 MWh", power = "1 MW", efficiency = 0.9, charge_below = "50 USD/MWh", discharge_above = "20 USD/MWh" }
          |                                                                                ^^^^^^^^^^^^ it would buy dear and give cheap
          |
          = help: lower `charge_below`, or raise `discharge_above`
    "#]],
    );
}

#[test]
fn a_model_of_the_sun_needs_a_place_and_one_of_the_wind_a_speed() {
    let text = with("solar = { capacity = \"1 MW\" }\nwind = { capacity = \"1 MW\" }");
    let text = text.replace("latitude = 32.5\nlongitude = -99.8\n", "");
    said(
        &text,
        expect![[r#"
        error: the sun's path needs the site's place
         --> mill.toml:7:9
          |
        7 | solar = { capacity = "1 MW" }
          |         ^^^^^^^^^^^^^^^^^^^^^ modelled, as there is no file
          |
          = help: add `latitude` and `longitude` to the site, or a file under `hourly`

        error: site.wind has no `speed`
         --> mill.toml:8:8
          |
        8 | wind = { capacity = "1 MW" }
          |        ^^^^^^^^^^^^^^^^^^^^^ how much wind there is, is needed here
          |
          = help: add `speed = "8 m/s"`, or a file under `hourly`
    "#]],
    );
}

#[test]
fn a_pue_that_follows_the_weather_needs_weather() {
    said(
        &with("pue = { per_degree = \"0.5 %/K\" }"),
        expect![[r#"
        error: `per_degree` needs to know how warm it is
         --> mill.toml:7:22
          |
        7 | pue = { per_degree = "0.5 %/K" }
          |                      ^^^^^^^^^ degrees of what?
          |
          = help: add `climate = { mean = "18 °C" }` to the site
    "#]],
    );
}

#[test]
fn files_say_what_is_wrong_with_them() {
    let of = |file: &str| SOUND.replace("price = ", &format!("hourly = \"{file}\", price = "));
    said(
        &of("gone.csv"),
        expect![[r#"
        error: there is no `gone.csv`: No such file or directory
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "gone.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^ this file
          |
          = help: name a CSV file by its path from the factory file
    "#]],
    );
    said(
        &of("short.csv"),
        expect![[r#"
        error: `short.csv` has 100 lines and no column `time`
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "short.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^^ this file
          |
          = help: give it a column `time`, or the 8760 or 8784 hours of a year
    "#]],
    );
    said(
        &of("named.csv"),
        expect![[r#"
        error: `named.csv` has no column `price_usd_per_mwh` or `carbon_g_per_kwh`
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "named.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^^ this file
          |
          = help: its columns are price; rename one
    "#]],
    );
    said(
        &of("word.csv"),
        expect![[r#"
        error: `word.csv`, line 3: `forty` in `price_usd_per_mwh` is no number
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "word.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^ this file
          |
          = help: write a number, or take the column away
    "#]],
    );
    said(
        &of("gap.csv"),
        expect![[r#"
        error: `gap.csv`, line 3: 2028-02-27T02:00:00 is not an hour after the line before
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "gap.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^ this file
          |
          = help: give every hour once, in order
    "#]],
    );
    said(
        &with("solar = { capacity = \"1 MW\", hourly = \"solar.csv\" }"),
        expect![[r#"
        error: `solar.csv`, line 4: 2 in `solar_fraction`
         --> mill.toml:7:39
          |
        7 | solar = { capacity = "1 MW", hourly = "solar.csv" }
          |                                       ^^^^^^^^^^^ this file
          |
          = help: each must be at least 0 and at most 1
    "#]],
    );
}

#[test]
fn a_clock_that_is_changed_is_told_from_a_gap() {
    let plan = SOUND.replace("2028-02-27", "2027-03-28").replace("2028-03-02", "2027-03-28");
    let of = |file: &str| plan.replace("price = ", &format!("hourly = \"{file}\", price = "));
    said(
        &of("forward.csv"),
        expect![[r#"
        error: `forward.csv`, line 5: 2027-03-28T03:00:00 is not an hour after the line before
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "forward.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^^^^ this file
          |
          = help: where a clock was put forward here, write its offset behind every time, such as `2027-03-28T03:00+02:00`; UTC has the hour
    "#]],
    );
    said(
        &of("back.csv"),
        expect![[r#"
        error: `back.csv`, line 5: 2027-11-28T01:00:00 is not an hour after the line before
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "back.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^ this file
          |
          = help: where a clock was put back here, write its offset behind every time, such as `2027-10-31T02:00+01:00`; UTC has the hour once
    "#]],
    );
    // With offsets no hour is missing: what lacks is the rest of the day.
    said(
        &of("offsets.csv"),
        expect![[r#"
        error: `offsets.csv` has no hour for 2027-03-28 02:00
         --> mill.toml:9:65
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, hourly = "offsets.csv", price = "47 USD/MWh", carbon = "299 g/kWh" }
          |                                                                 ^^^^^^^^^^^^^ this file
          |
          = help: give it all hours of the plan, or those of a whole year
    "#]],
    );
}

#[test]
fn a_connection_steps_after_it_has_power() {
    said(
        &SOUND.replace(
            "energized",
            "step = [{ from = 2026-07-01, connection = \"20 MW\" }], energized",
        ),
        expect![[r#"
        error: a step of the connection on 2026-07-01, which has power from 2026-07-01 on
         --> mill.toml:9:49
          |
        9 | grid = { connection = "10 MW", step = [{ from = 2026-07-01, connection = "20 MW" }], energized = 2026-07-01, price = "47 USD/MWh", ca...
          |                                                 ^^^^^^^^^^ nothing is there to change
          |
          = help: write what it carries first under `connection`, and later days in `step`
    "#]],
    );
    // More power later is power for phases that come then.
    let later = "step = [{ from = 2028-03-01, connection = \"20 MW\" }], energized";
    let text = SOUND.replace("energized", later).replace("power = \"5 MW\"", "power = \"15 MW\"");
    let grid = parse(&text).factory.expect("sound").sites.iter().next().expect("one").grid.clone();
    assert_eq!(grid.expect("one").most().as_mw(), 20.0);
}

#[test]
fn a_grid_without_a_price_is_told_both_ways() {
    said(
        &SOUND.replace("price = \"47 USD/MWh\", ", ""),
        expect![[r#"
        error: site.grid has no `price`
         --> mill.toml:9:8
          |
        9 | grid = { connection = "10 MW", energized = 2026-07-01, carbon = "299 g/kWh" }
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `price` is needed here
          |
          = help: add `price = "47 USD/MWh"`, or a file under `hourly` that has it
    "#]],
    );
}

#[test]
fn curtailment_names_a_site_with_a_grid_a_moment_and_answers() {
    let event = "\n[[curtailment]]\nsite = \"hull\"\nat = 2028-02-28\nfor = \"0 h\"\n\
                 cut = \"125 %\"\nanswers = [\"hope\", \"shift\", \"shift\"]\n";
    said(
        &format!("{SOUND}{event}"),
        expect![[r#"
        error: there is no site `hull`
          --> mill.toml:19:8
           |
        19 | site = "hull"
           |        ^^^^^^ did you mean `hall`?
           |
           = help: sites of this file: `hall`

        error: `at` is no day and time
          --> mill.toml:20:6
           |
        20 | at = 2028-02-28
           |      ^^^^^^^^^^ not a moment
           |
           = help: write UTC like `at = 2027-07-15T20:00:00`, or another clock with its offset like `at = 2027-07-15T20:00:00-06:00`

        error: a curtailment of no time
          --> mill.toml:21:7
           |
        21 | for = "0 h"
           |       ^^^^^ nothing is asked
           |
           = help: write how long it is, like `for = "3 hours"`

        error: `cut` cannot be 125 %
          --> mill.toml:22:7
           |
        22 | cut = "125 %"
           |       ^^^^^^^ more than 0 and at most 1
           |
           = help: such as `cut = "25 %"`

        error: `answers` cannot have `hope`
          --> mill.toml:23:12
           |
        23 | answers = ["hope", "shift", "shift"]
           |            ^^^^^^ not one of its words
           |
           = help: `answers` must be an array of `"batch"`, `"training"`, `"shift"`, `"battery"`, `"generation"`, `"shed"`
    "#]],
    );
}

#[test]
fn a_curtailment_that_nobody_hears_is_a_warning_at_its_own_line() {
    let event = |at: &str| {
        let event =
            format!("\n[[curtailment]]\nsite = \"hall\"\nat = {at}\nfor = \"3 h\"\ncut = 0.25\n");
        format!("{SOUND}{event}")
    };
    said(
        &event("2028-03-03T00:00:00"),
        expect![[r#"
        warning: a curtailment after the plan ends
          --> mill.toml:20:6
           |
        20 | at = 2028-03-03T00:00:00
           |      ^^^^^^^^^^^^^^^^^^^ never seen
           |
           = help: the plan ends on 2028-03-02; move one of them, or take it away
    "#]],
    );
    said(
        &event("2028-02-26T20:30:00"),
        expect![[r#"
        warning: a curtailment before the plan starts
          --> mill.toml:20:6
           |
        20 | at = 2028-02-26T20:30:00
           |      ^^^^^^^^^^^^^^^^^^^ never seen
           |
           = help: the plan starts on 2028-02-27; move one of them, or take it away
    "#]],
    );
    // One that the plan sees the last of, or the first.
    said(&event("2028-02-26T21:30:00"), expect![[""]]);
    said(&event("2028-03-02T23:00:00"), expect![[""]]);
}

#[test]
fn a_connection_has_one_step_a_day() {
    let steps = "step = [{ from = 2028-03-01, connection = \"20 MW\" }, { from = 2028-03-01, \
                 connection = \"30 MW\" }], energized";
    said(
        &SOUND.replace("energized", steps),
        expect![[r#"
        error: a second step of the connection on 2028-03-01
         --> mill.toml:9:94
          |
        9 | grid = { connection = "10 MW", step = [{ from = 2028-03-01, connection = "20 MW" }, { from = 2028-03-01, connection = "30 MW" }], ene...
          |                                                                                              ^^^^^^^^^^ which of them holds?
          |
          = help: keep one of them, or move the other to its day
    "#]],
    );
}

#[test]
fn a_moment_of_another_clock_is_one_of_utc() {
    let at = |at: &str| {
        let event = format!(
            "\n[[curtailment]]\nsite = \"hall\"\nat = {at}\nfor = \"3 h\"\ncut = \"25 %\"\n"
        );
        parse(&format!("{SOUND}{event}")).factory.map(|factory| factory.curtailments[0].at)
    };
    let utc = date(2028, 2, 28).at(23, 0, 0, 0);
    for same in [
        "2028-02-28T23:00:00",
        "2028-02-28T23:00:00Z",
        "2028-02-29T01:00:00+02:00",
        "\"2028-02-28T17:00-06:00\"",
    ] {
        assert_eq!(at(same), Some(utc), "{same}");
    }
    assert_eq!(at("\"2028-02-28T17:00[America/Chicago]\""), None);
}

#[test]
fn hours_of_a_file_may_be_of_another_clock() {
    // A year of Paris, with its offsets: at its midnight it is 23 hours of the day before in UTC.
    let clock = Clock { offset: Seconds::from_hours(1.0), summer: SummerTime::Europe };
    let first = date(2027, 12, 31).at(23, 0, 0, 0);
    let lines: String = (0..8784)
        .map(|hour| {
            let utc = first.saturating_add(jiff::SignedDuration::from_hours(hour));
            let local = clock.local(utc);
            let offset = local.duration_since(utc).as_hours();
            format!("{local}+0{offset}:00,{hour}\n")
        })
        .collect();
    let mut files = files();
    files.put("paris.csv", Ok(format!("time,price_usd_per_mwh\n{lines}")));
    let text = SOUND
        .replace("price = \"47 USD/MWh\"", "hourly = \"paris.csv\"")
        .replace("end = 2028-03-02", "end = 2028-12-31");
    let parsed = parse_factory_with(&text, Catalog::builtin(), &files);
    assert!(!parsed.diagnostics.has_errors(), "{}", parsed.diagnostics.render("x", &text, false));
    let grid = parsed.factory.expect("sound").sites.iter().next().expect("one").grid.clone();
    let hours = grid.expect("one").hourly_price.expect("a price for every hour");
    // 27 February begins 57 days after the first midnight of UTC, which is the file's second hour.
    let expected = |hour: usize| ((57 * 24 + 1 + hour) % 8784) as f64;
    assert_eq!(hours.0.len(), 309 * 24);
    assert!((0..309 * 24 - 1).all(|hour| hours.at(hour) == expected(hour)));
    assert_eq!(hours.at(309 * 24 - 1), 0.0, "its first hour has the same day and time");
}

#[test]
fn hours_of_a_year_are_brought_onto_the_plan_leap_day_and_all() {
    let of = |file: &str| {
        let text = SOUND.replace("price = \"47 USD/MWh\"", &format!("hourly = \"{file}\""));
        let factory = parse(&text).factory.expect("sound");
        factory.sites.iter().next().expect("one").grid.clone().expect("one")
    };
    for file in ["year.csv", "leap.csv"] {
        let grid = of(file);
        let hours = grid.hourly_price.expect("a price for every hour");
        assert_eq!(hours.0.len(), 5 * 24, "27, 28 and 29 February, 1 and 2 March: {file}");
        assert!((0..120).all(|hour| hours.at(hour) == (hour % 24) as f64), "{file}");
        assert!((grid.price.as_usd_per_mwh() - 11.5).abs() < 1e-9, "their mean");
    }
}

#[test]
fn prices_of_a_file_are_scaled_to_a_stated_mean() {
    let text = SOUND.replace("price = ", "hourly = \"year.csv\", price = ");
    let factory = parse(&text).factory.expect("sound");
    let grid = factory.sites.iter().next().expect("one").grid.clone().expect("one");
    let hours = grid.hourly_price.expect("a price for every hour");
    assert!((hours.mean() - 47.0).abs() < 1e-9);
    assert!((hours.at(23) / hours.at(1) - 23.0).abs() < 1e-9, "the shape stays");
}

#[test]
fn energy_is_read_as_it_is_written() {
    let text = with(
        "solar = { capacity = \"3 MW\", mount = \"tracking\" }\nwater = \"1.1 L/kWh\"\n\
         battery = { energy = \"4 MWh\", power = \"1 MW\", efficiency = \"86 %\", cycles = \"6 k\" }",
    );
    let event = "\n[[curtailment]]\nsite = \"hall\"\nat = 2028-02-28T17:00:00\nfor = \"3 hours\"\n\
                 cut = \"25 %\"\n";
    let factory = parse(&format!("{text}{event}")).factory.expect("sound");
    let site = factory.sites.iter().next().expect("one");
    let solar = site.solar.as_ref().expect("panels");
    assert!(matches!(solar.weather, SolarWeather::Modelled { tracking: true, .. }));
    assert_eq!(solar.from, factory.start);
    let battery = site.battery.as_ref().expect("a battery");
    assert_eq!((battery.efficiency, battery.cycles, battery.reserve), (0.86, 6000.0, 0.0));
    assert_eq!(site.water_l_per_kwh, Some(1.1));
    let event = &factory.curtailments[0];
    assert_eq!(event.at, date(2028, 2, 28).at(17, 0, 0, 0));
    assert_eq!(event.answers, Answer::ALL[..5]);
}
