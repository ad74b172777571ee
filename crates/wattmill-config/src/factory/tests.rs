//! One test per kind of problem, with what a user reads.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use wattmill_catalog::Catalog;
use wattmill_factory::{Arrivals, EngineChoice, PowerBasis};

use super::*;

/// A sound file that tests break in one place.
const SOUND: &str = r#"name = "Mill"
start = 2026-07-01
end = 2027-06-30

[[site]]
name = "hall"
grid = { connection = "10 MW", energized = 2026-07-01, price = "47 USD/MWh", carbon = "299 g/kWh" }

[[phase]]
name = "racks"
site = "hall"
system = "gb200-nvl72"
power = "5 MW"
first_rack = 2026-07-01

[[service]]
name = "chat"
model = "llama-3.1-70b"
slo = { ttft = "2 s", tpot = "50 ms" }
users = { requests_per_day = 1e6, lengths = "azure-conv-2023" }
"#;

pub(super) fn parse(text: &str) -> Parsed {
    parse_factory(text, Catalog::builtin())
}

pub(super) fn check(text: &str, expected: Expect) {
    let parsed = parse(text);
    assert_eq!(parsed.factory.is_none(), parsed.diagnostics.has_errors());
    expected.assert_eq(&parsed.diagnostics.render("mill.toml", text, false));
}

/// [`check`] of the sound file with `old` replaced.
fn broken(old: &str, new: &str, expected: Expect) {
    assert!(SOUND.contains(old), "{old}");
    check(&SOUND.replacen(old, new, 1), expected);
}

/// [`check`] of the sound file with more at its end.
fn more(text: &str, expected: Expect) {
    check(&format!("{SOUND}{text}"), expected);
}

#[test]
fn a_phase_that_is_cancelled_before_it_starts_is_warned_of_and_no_error() {
    let first = SOUND.lines().find(|line| line.starts_with("first_rack")).expect("a phase");
    let text = SOUND.replacen(first, &format!("{first}\ncancelled = 2020-01-01"), 1);
    let parsed = parse(&text);
    let told = parsed.diagnostics.render("mill.toml", &text, false);
    assert!(parsed.factory.is_some() && told.starts_with("warning: phase `"), "{told}");
    assert!(told.contains("is cancelled before it starts"), "{told}");
    assert!(told.contains("cancelled = 2020-01-01") && told.contains("^^^^^^^^^^"), "{told}");
}

#[test]
fn a_day_of_no_month_hides_no_other_problem() {
    let text = SOUND.replacen("end = 2027-06-30", "end = 2027-13-01", 1);
    let parsed = parse(&text.replacen("site = \"hall\"", "site = \"hell\"", 1));
    let said: Vec<_> = parsed.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[1], "there is no site `hell`");
}

#[test]
fn a_sound_file_is_read_with_its_defaults() {
    let factory = parse(SOUND).factory.expect("sound");
    assert_eq!((factory.name.as_str(), factory.seed), ("Mill", 1));
    let phase = factory.phases.iter().next().unwrap();
    assert_eq!((phase.basis, phase.unit_power.as_kw()), (PowerBasis::Facility, 192.0));
    assert_eq!(factory.hardware[phase.hardware].system.id, "gb200-nvl72");
    let site = &factory.sites[phase.site];
    assert_eq!((site.pue.design, site.pue.annual), (1.4, 1.1));
    let service = factory.services.iter().next().unwrap();
    assert_eq!(service.slo.quantile, 0.99);
    assert_eq!(service.engine, EngineChoice::Auto);
    assert_eq!(service.traffic.requests_per_day, 1e6);
    assert_eq!(service.traffic.daily_shape, [1.0; 24]);
    assert_eq!(factory.economics.infrastructure_usd_per_w, 17.9);
    assert_eq!(factory.economics.operations_per_year, 0.03);
}

#[test]
fn every_factory_of_the_repository_is_sound() {
    for (name, text) in BUILTIN_FACTORIES {
        let parsed = parse(text);
        assert_eq!(parsed.diagnostics.render(name, text, false), "", "{name}");
        assert!(parsed.factory.is_some());
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../factories");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if file.ends_with(".toml") {
            assert!(builtin_factory(&file).is_some(), "{file} is not built in");
        }
    }
}

#[test]
fn the_announced_programme_has_ten_gigawatts() {
    let text = builtin_factory("ten-gigawatt").unwrap();
    let factory = parse(text).factory.unwrap();
    let power: wattmill_units::Power = factory.phases.iter().map(|p| p.power).sum();
    assert!((power.as_gw() - 10.0).abs() < 1e-9, "{power}");
    let contract = &factory.contracts[0];
    assert_eq!(contract.amount.as_busd() * (power / contract.for_each), 100.0);
}

#[test]
fn every_way_to_say_how_much_is_asked() {
    let asked = |users: &str| {
        let text = SOUND.replace("requests_per_day = 1e6, lengths = \"azure-conv-2023\"", users);
        let factory = parse(&text).factory.unwrap_or_else(|| panic!("{users}"));
        let service = factory.services.iter().next().unwrap().clone();
        service.traffic
    };
    let fixed = "input_tokens = 300, output_tokens = 100";
    assert_eq!(asked(&format!("weekly = \"10 M\", {fixed}")).requests_per_day, 37e6);
    assert_eq!(asked(&format!("tokens_per_day = \"4 G\", {fixed}")).requests_per_day, 1e7);
    assert_eq!(
        asked(&format!("weekly = 1e9, messages_per_day = \"2 M\", {fixed}")).requests_per_day,
        2e6
    );
    let traffic = asked(
        "requests_per_day = 10, growth = \"-10 %/year\", arrivals = { cv = 2 }, \
         lengths = { input = [[0, 1], [1, 3]], output = [[0.0, 5], [0.5, 5], [1.0, 9]] }, \
         shape = [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2]",
    );
    assert_eq!(traffic.growth_per_year, -0.1);
    assert_eq!(traffic.arrivals, Arrivals::Gamma { cv: 2.0 });
    assert_eq!((traffic.lengths.input.mean(), traffic.lengths.output.max()), (2.0, 9));
    assert_eq!(traffic.daily_shape[23], 24.0);
}

#[test]
fn odd_but_sound() {
    for (old, new) in [
        ("47 USD/MWh", "-3 USD/MWh"),
        ("end = 2027-06-30", "end = \"2028-02-29\""),
        ("5 MW", "5e3kW"),
        ("[[phase]]\nname = \"racks\"", "[[phase]]\nname = \"rächs ⚡\""),
        (
            "slo = {",
            "engine = { tensor = 8, precision = \"fp8\", kv_precision = \"fp8\" }\nslo = {",
        ),
        ("power = \"5 MW\"", "basis = \"it\"\npower = \"7 MW\""),
        (
            "first_rack = 2026-07-01",
            "first_rack = 2026-07-01\nslip = { p50 = \"0 days\", p90 = \"1 year\" }",
        ),
    ] {
        broken(old, new, expect![""]);
    }
    check(&SOUND.replace('\n', "\r\n"), expect![""]);
}

#[test]
fn machines_without_the_power_to_run() {
    broken(
        "power = \"5 MW\"",
        "power = \"5 MW\"\nunit_power = \"1 W\"",
        expect![[r#"
        error: 1 W cannot run one `gb200-nvl72`
          --> mill.toml:14:14
           |
        14 | unit_power = "1 W"
           |              ^^^^^ its accelerators alone may draw 86.4 kW
           |
           = help: state at least 21.6 kW for one unit, a quarter of that
    "#]],
    );
    let mill = SOUND.replace("system = \"gb200-nvl72\"", "system = \"faint\"");
    let own =
        "\n[system.faint]\naccelerator = \"h100-sxm\"\naccelerators = 8\npower_max = \"1 kW\"\n";
    check(
        &format!("{mill}{own}"),
        expect![[r#"
        error: 1 kW cannot run one `faint`
          --> mill.toml:12:10
           |
        12 | system = "faint"
           |          ^^^^^^^ its accelerators alone may draw 5.6 kW
           |
           = help: state at least 1.4 kW for one unit, a quarter of that
    "#]],
    );
}

#[test]
fn growth_beyond_all_bounds() {
    let long = SOUND.replace("2027-06-30", "2060-06-30");
    let fast =
        long.replace("requests_per_day = 1e6", "requests_per_day = 1e6, growth = \"900 %/year\"");
    check(
        &fast,
        expect![[r#"
        error: service `chat` grows beyond all bounds
          --> mill.toml:20:44
           |
        20 | users = { requests_per_day = 1e6, growth = "900 %/year", lengths = "azure-conv-2023" }
           |                                            ^^^^^^^^^^^^ 1e40 requests a day on 2060-06-30
           |
           = help: lower `growth` or end the plan earlier: at most 1e18 requests a day
    "#]],
    );
    check(&fast.replace("900 %", "50 %"), expect![""]);
}

#[test]
fn payments_too_many_to_list() {
    more(
        "\n[[contract]]\nkind = \"investment\"\nfrom = \"bank\"\namount = \"1 USD\"\nfor_each = \"1 W\"\n",
        expect![[r#"
            error: 5 MW in steps of 1 W
              --> mill.toml:26:12
               |
            26 | for_each = "1 W"
               |            ^^^^^ more than 10000 payments
               |
               = help: state at least 500 W with its amount
        "#]],
    );
    more(
        "\n[[contract]]\nkind = \"investment\"\nfrom = \"bank\"\namount = \"1 USD\"\nup_to = \"9 USD\"\nfor_each = \"1 W\"\n",
        expect![""],
    );
}

#[test]
fn a_file_of_several_mistakes_tells_them_all() {
    check(
        "name = \"\"\nstart = 2026-07-01\nend = 2026-06-30\ncolour = \"blue\"\n\n[[site]]\nname = \"a\"\n\n[[phase]]\nname = \"p\"\nsite = \"b\"\nsystem = \"gb200\"\npower = 5\nfirst_rack = \"soon\"\n",
        expect![[r#"
            error: `name` must be text
             --> mill.toml:1:8
              |
            1 | name = ""
              |        ^^ this is empty text
              |
              = help: write it like `name = "Ten gigawatts, as announced"`

            error: the plan ends on 2026-06-30, before it starts
             --> mill.toml:3:7
              |
            3 | end = 2026-06-30
              |       ^^^^^^^^^^ starts on 2026-07-01
              |
              = help: move `end` to the day of `start` or later

            error: unknown key `colour` in file
             --> mill.toml:4:1
              |
            4 | colour = "blue"
              | ^^^^^^ not a key here
              |
              = help: keys of file: name, start, end, seed, weather, site, phase, service, training, curtailment, contract, event, currency, target, correlation, economics, system, accelerator, model

            error: site has no power
             --> mill.toml:6:1
              |
            6 | [[site]]
              | ^^^^^^^^ `grid` or `onsite` is needed here
              |
              = help: such as `grid = { connection = "100 MW", energized = 2026-10-01, price = "47 USD/MWh", carbon = "299 g/kWh" }`

            error: there is no site `b`
              --> mill.toml:11:8
               |
            11 | site = "b"
               |        ^^^ no such `[[site]]`
               |
               = help: sites of this file: `a`

            error: unknown system `gb200`
              --> mill.toml:12:10
               |
            12 | system = "gb200"
               |          ^^^^^^^ did you mean `gb200-nvl72`?
               |
               = help: `wattmill catalog list` shows every system; describe your own in `[system.NAME]`

            error: `power` has no unit
              --> mill.toml:13:9
               |
            13 | power = 5
               |         ^ 5 of what?
               |
               = help: write `power = "5 MW"` (units: MW, W, kW, GW)

            error: `first_rack` is not a day of the calendar
              --> mill.toml:14:14
               |
            14 | first_rack = "soon"
               |              ^^^^^^ not a day
               |
               = help: write a day like `2026-10-01`
        "#]],
    );
}

#[test]
fn unknown_names() {
    broken(
        "gb200-nvl72",
        "gb200-nvl27",
        expect![[r#"
        error: unknown system `gb200-nvl27`
          --> mill.toml:12:10
           |
        12 | system = "gb200-nvl27"
           |          ^^^^^^^^^^^^^ did you mean `gb200-nvl72`?
           |
           = help: `wattmill catalog list` shows every system; describe your own in `[system.NAME]`
    "#]],
    );
    broken(
        "llama-3.1-70b",
        "gpt-5",
        expect![[r#"
        error: unknown model `gpt-5`
          --> mill.toml:18:9
           |
        18 | model = "gpt-5"
           |         ^^^^^^^ did you mean `gpt-3`?
           |
           = help: `wattmill catalog list` shows every model; describe your own in `[model.NAME]`
    "#]],
    );
    broken(
        "requests_per_day",
        "request_per_day",
        expect![[r#"
            error: unknown key `request_per_day` in service.users
              --> mill.toml:20:11
               |
            20 | users = { request_per_day = 1e6, lengths = "azure-conv-2023" }
               |           ^^^^^^^^^^^^^^^ did you mean `requests_per_day`?
               |
               = help: keys of service.users: weekly, messages_per_day, requests_per_day, tokens_per_day, growth, lengths, input_tokens, output_tokens, shape, regions, arrivals
        "#]],
    );
    broken(
        "azure-conv-2023",
        "azure-2023",
        expect![[r#"
        error: unknown lengths `azure-2023`
          --> mill.toml:20:45
           |
        20 | users = { requests_per_day = 1e6, lengths = "azure-2023" }
           |                                             ^^^^^^^^^^^^ no such lengths
           |
           = help: the catalogue has `arxiv-summarization`, `azure-code-2023`, `azure-conv-2023`, `mooncake-conversation`, `mooncake-synthetic`
    "#]],
    );
    broken(
        "lengths =",
        "shape = \"moon\", lengths =",
        expect![[r#"
        error: unknown shape `moon`
          --> mill.toml:20:43
           |
        20 | users = { requests_per_day = 1e6, shape = "moon", lengths = "azure-conv-2023" }
           |                                           ^^^^^^ no such shape
           |
           = help: the catalogue has `flat`, `servegen-deepseek-r1`, `servegen-m-large`, `servegen-m-mid`, `servegen-m-small`, `servegen-mm-image`
    "#]],
    );
    broken(
        "site = \"hall\"",
        "site = \"hal\"",
        expect![[r#"
            error: there is no site `hal`
              --> mill.toml:11:8
               |
            11 | site = "hal"
               |        ^^^^^ did you mean `hall`?
               |
               = help: sites of this file: `hall`
        "#]],
    );
}

#[test]
fn rows_that_cannot_be_run() {
    broken(
        "gb200-nvl72",
        "helios",
        expect![[r#"
        error: no source states the power of one `helios`
          --> mill.toml:12:10
           |
        12 | system = "helios"
           |          ^^^^^^^^ its power is needed
           |
           = help: state `unit_power`, such as `unit_power = "190 kW"`
    "#]],
    );
    broken(
        "gb200-nvl72",
        "vr-nvl576",
        expect![[r#"
        error: no source states the power of one `vr-nvl576`
          --> mill.toml:12:10
           |
        12 | system = "vr-nvl576"
           |          ^^^^^^^^^^^ its power is needed
           |
           = help: state `unit_power`, such as `unit_power = "190 kW"`
    "#]],
    );
    broken(
        "llama-3.1-70b",
        "kimi-k3",
        expect![[r#"
            error: `kimi-k3` cannot be run: no source states the shape of its linear-attention layers
              --> mill.toml:18:9
               |
            18 | model = "kimi-k3"
               |         ^^^^^^^^^ can be shown, not run
               |
               = help: take another, or describe it yourself in `[model.kimi-k3]`
        "#]],
    );
}

#[test]
fn units() {
    broken(
        "\"5 MW\"",
        "5",
        expect![[r#"
        error: `power` has no unit
          --> mill.toml:13:9
           |
        13 | power = 5
           |         ^ 5 of what?
           |
           = help: write `power = "5 MW"` (units: MW, W, kW, GW)
    "#]],
    );
    broken(
        "\"5 MW\"",
        "\"5\"",
        expect![[r#"
        error: `power` has no unit
          --> mill.toml:13:9
           |
        13 | power = "5"
           |         ^^^ 5 of what?
           |
           = help: write `power = "5 MW"` (units: MW, W, kW, GW)
    "#]],
    );
    broken(
        "\"5 MW\"",
        "\"5 mw\"",
        expect![[r#"
        error: `mw` is not a unit of power
          --> mill.toml:13:9
           |
        13 | power = "5 mw"
           |         ^^^^^^ did you mean `MW`?
           |
           = help: use one of MW, W, kW, GW
    "#]],
    );
    broken(
        "\"47 USD/MWh\"",
        "\"47 EUR/MWh\"",
        expect![[r#"
            error: `EUR/MWh` is not a unit of a price of energy
             --> mill.toml:7:64
              |
            7 | grid = { connection = "10 MW", energized = 2026-07-01, price = "47 EUR/MWh", carbon = "299 g/kWh" }
              |                                                                ^^^^^^^^^^^^ in `47 EUR/MWh`
              |
              = help: use one of USD/MWh, USD/kWh
        "#]],
    );
    broken(
        "\"2 s\"",
        "\"fast\"",
        expect![[r#"
        error: `ttft` does not start with a number
          --> mill.toml:19:16
           |
        19 | slo = { ttft = "fast", tpot = "50 ms" }
           |                ^^^^^^ no number here
           |
           = help: write a length of time like `"2 s"` (units: s, ns, us, ms, min, h, hours, hour, days, day, weeks, years, year)
    "#]],
    );
    broken(
        "\"2 s\"",
        "[2]",
        expect![[r#"
        error: `ttft` must be a length of time as text, more than 0 s and at most 1 day
          --> mill.toml:19:16
           |
        19 | slo = { ttft = [2], tpot = "50 ms" }
           |                ^^^ this is an array
           |
           = help: write it like `ttft = "2 s"`
    "#]],
    );
    broken(
        "lengths =",
        "growth = \"40 %\", lengths =",
        expect![[r#"
        error: `%` is not a unit of a share per year
          --> mill.toml:20:44
           |
        20 | users = { requests_per_day = 1e6, growth = "40 %", lengths = "azure-conv-2023" }
           |                                            ^^^^^^ in `40 %`
           |
           = help: use one of %/year, /year
    "#]],
    );
    broken(
        "1e6",
        "\"1 million\"",
        expect![[r#"
        error: `requests_per_day` is not a count
          --> mill.toml:20:30
           |
        20 | users = { requests_per_day = "1 million", lengths = "azure-conv-2023" }
           |                              ^^^^^^^^^^^ this is text
           |
           = help: write a number like `"50 M"`; suffixes in text: k, M, G, B, T
    "#]],
    );
}

#[test]
fn absurd_quantities() {
    broken(
        "\"5 MW\"",
        "\"-5 MW\"",
        expect![[r#"
            error: `power` cannot be -5 MW
              --> mill.toml:13:9
               |
            13 | power = "-5 MW"
               |         ^^^^^^^ more than 0 W and at most 1000 GW
               |
               = help: such as `power = "1 GW"`
        "#]],
    );
    broken(
        "\"10 MW\"",
        "\"2000 GW\"",
        expect![[r#"
            error: `connection` cannot be 2000 GW
             --> mill.toml:7:23
              |
            7 | grid = { connection = "2000 GW", energized = 2026-07-01, price = "47 USD/MWh", carbon = "299 g/kWh" }
              |                       ^^^^^^^^^ more than 0 W and at most 1000 GW
              |
              = help: such as `connection = "1.2 GW"`
        "#]],
    );
    broken(
        "slo = {",
        "engine = { tensor = 0, precision = \"int2\", memory_fraction = 1.5 }\nslo = {",
        expect![[r#"
            error: `tensor` cannot be 0
              --> mill.toml:19:21
               |
            19 | engine = { tensor = 0, precision = "int2", memory_fraction = 1.5 }
               |                     ^ at least 1 and at most 4096
               |
               = help: such as `tensor = 8`

            error: `precision` cannot be `int2`
              --> mill.toml:19:36
               |
            19 | engine = { tensor = 0, precision = "int2", memory_fraction = 1.5 }
               |                                    ^^^^^^ not one of its words
               |
               = help: `precision` must be one of `"bf16"`, `"fp8"`, `"fp4"`

            error: `memory_fraction` cannot be 1.5
              --> mill.toml:19:62
               |
            19 | engine = { tensor = 0, precision = "int2", memory_fraction = 1.5 }
               |                                                              ^^^ more than 0 and at most 1
               |
               = help: such as `memory_fraction = 0.9`
        "#]],
    );
    broken(
        "slo = {",
        "engine = { precision = \"fp8\", power_cap = 500 }\nslo = {",
        expect![[r#"
            error: `power_cap` cannot be 500
              --> mill.toml:19:43
               |
            19 | engine = { precision = "fp8", power_cap = 500 }
               |                                           ^^^ more than 0 and at most 1
               |
               = help: such as `power_cap = "500 W"`
        "#]],
    );
    broken(
        "slo = {",
        "engine = { precision = \"fp8\", power_cap = \"500 VA\" }\nslo = {",
        expect![[r#"
            error: `VA` is not a unit of power
              --> mill.toml:19:43
               |
            19 | engine = { precision = "fp8", power_cap = "500 VA" }
               |                                           ^^^^^^^^ in `500 VA`
               |
               = help: use one of MW, W, kW, GW
        "#]],
    );
    broken(
        "[[phase]]",
        "pue = { design = 0.9 }\n\n[[phase]]",
        expect![[r#"
            error: `design` cannot be 0.9
             --> mill.toml:9:18
              |
            9 | pue = { design = 0.9 }
              |                  ^^^ at least 1 and at most 3
              |
              = help: such as `design = 1.4`
        "#]],
    );
    broken(
        "[[phase]]",
        "pue = { annual = 1.5 }\n\n[[phase]]",
        expect![[r#"
            error: `design` PUE 1.4 is below `annual` PUE 1.5
             --> mill.toml:9:18
              |
            9 | pue = { annual = 1.5 }
              |                  ^^^ the peak cannot be better than the year
              |
              = help: `design` is at least `annual`; correct `annual` or `design`
        "#]],
    );
    broken(
        "lengths =",
        "growth = \"-100 %/year\", lengths =",
        expect![[r#"
            error: `growth` cannot be -100 %/year
              --> mill.toml:20:44
               |
            20 | users = { requests_per_day = 1e6, growth = "-100 %/year", lengths = "azure-conv-2023" }
               |                                            ^^^^^^^^^^^^^ more than -100 %/year and at most 100000 %/year
               |
               = help: such as `growth = "40 %/year"`
        "#]],
    );
    broken(
        "\"2 s\"",
        "\"0 s\"",
        expect![[r#"
            error: `ttft` cannot be 0 s
              --> mill.toml:19:16
               |
            19 | slo = { ttft = "0 s", tpot = "50 ms" }
               |                ^^^^^ more than 0 s and at most 1 day
               |
               = help: such as `ttft = "2 s"`
        "#]],
    );
    broken(
        "\"50 ms\" }",
        "\"50 ms\", at = \"p100\" }",
        expect![[r#"
        error: `at` cannot be p100
          --> mill.toml:19:44
           |
        19 | slo = { ttft = "2 s", tpot = "50 ms", at = "p100" }
           |                                            ^^^^^^ not between p50 and p100
           |
           = help: write a percentile above the median, like `"p95"`, `"p99"` or `"p99.9"`
    "#]],
    );
    broken(
        "\"50 ms\" }",
        "\"50 ms\", at = 99 }",
        expect![[r#"
        error: `at` must be a percentile between p50 and p100, both excluded
          --> mill.toml:19:44
           |
        19 | slo = { ttft = "2 s", tpot = "50 ms", at = 99 }
           |                                            ^^ this is a whole number
           |
           = help: write it like `at = "p95"`
    "#]],
    );
    broken(
        "1e6",
        "-1",
        expect![[r#"
            error: `requests_per_day` cannot be -1
              --> mill.toml:20:30
               |
            20 | users = { requests_per_day = -1, lengths = "azure-conv-2023" }
               |                              ^^ at least 0 and at most 1e18
               |
               = help: such as `requests_per_day = "50 M"`
        "#]],
    );
    broken(
        "1e6",
        "nan",
        expect![[r#"
        error: `requests_per_day` is not a count
          --> mill.toml:20:30
           |
        20 | users = { requests_per_day = nan, lengths = "azure-conv-2023" }
           |                              ^^^ this is a number
           |
           = help: write a number like `"50 M"`; suffixes in text: k, M, G, B, T
    "#]],
    );
}

#[test]
fn days() {
    broken(
        "end = 2027-06-30",
        "end = 2026-06-30",
        expect![[r#"
            error: the plan ends on 2026-06-30, before it starts
             --> mill.toml:3:7
              |
            3 | end = 2026-06-30
              |       ^^^^^^^^^^ starts on 2026-07-01
              |
              = help: move `end` to the day of `start` or later
        "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = 2027-02-29",
        expect![[r#"
            error: invalid date, expected day between 01 and 28
             --> mill.toml:3:7
              |
            3 | end = 2027-02-29
              |       ^^^^^^^^^^ not a day
              |
              = help: write a day like `2026-10-01`
        "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = \"2027-02-29\"",
        expect![[r#"
        error: `end` is not a day of the calendar
         --> mill.toml:3:7
          |
        3 | end = "2027-02-29"
          |       ^^^^^^^^^^^^ not a day
          |
          = help: write a day like `2026-10-01`
    "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = 2027-06-30T12:00:00",
        expect![[r#"
            error: `end` has a time of day
             --> mill.toml:3:7
              |
            3 | end = 2027-06-30T12:00:00
              |       ^^^^^^^^^^^^^^^^^^^ not a day
              |
              = help: write a day like `2026-10-01`
        "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = 20270630",
        expect![[r#"
        error: `end` must be a day
         --> mill.toml:3:7
          |
        3 | end = 20270630
          |       ^^^^^^^^ this is a whole number
          |
          = help: write it like `end = 2031-06-30`
    "#]],
    );
    broken(
        "first_rack = 2026-07-01",
        "first_rack = 2026-06-30",
        expect![[r#"
            warning: phase `racks` starts before site `hall` has power
              --> mill.toml:14:14
               |
            14 | first_rack = 2026-06-30
               |              ^^^^^^^^^^ first power on 2026-07-01
               |
               = help: its racks wait for it; move `first_rack` to 2026-07-01 or later if they come then, or bring power forward with `onsite`
        "#]],
    );
    broken(
        "first_rack = 2026-07-01",
        "first_rack = 2027-07-01",
        expect![[r#"
            warning: phase `racks` starts after the plan ends
              --> mill.toml:14:14
               |
            14 | first_rack = 2027-07-01
               |              ^^^^^^^^^^ never seen
               |
               = help: the plan ends on 2027-06-30; move one of them, or take it away
        "#]],
    );
    broken(
        "first_rack = 2026-07-01",
        "first_rack = 2026-07-01\nslip = { p50 = \"60 days\", p90 = \"30 days\" }",
        expect![[r#"
            error: `p90` 30 days is below `p50` 60 days
              --> mill.toml:15:33
               |
            15 | slip = { p50 = "60 days", p90 = "30 days" }
               |                                 ^^^^^^^^^ the values of a distribution may not cross
               |
               = help: raise `p90` to `p50` or more
        "#]],
    );
}

#[test]
fn power_of_a_site() {
    broken(
        "\"5 MW\"",
        "\"12 MW\"",
        expect![[r#"
        error: phase `racks` takes site `hall` 2 MW beyond its power
          --> mill.toml:13:9
           |
        13 | power = "12 MW"
           |         ^^^^^^^ 12 MW at the meter on top of 0 W
           |
           = help: the site has 10 MW (10 MW grid, 0 W on site); lower `power`, raise `connection`, add `onsite`, or move the phase
    "#]],
    );
    broken(
        "\"5 MW\"",
        "\"8 MW\"\nbasis = \"it\"",
        expect![[r#"
        error: phase `racks` takes site `hall` 1.2 MW beyond its power
          --> mill.toml:13:9
           |
        13 | power = "8 MW"
           |         ^^^^^^ 11.2 MW at the meter on top of 0 W
           |
           = help: the site has 10 MW (10 MW grid, 0 W on site); lower `power`, raise `connection`, add `onsite`, or move the phase
    "#]],
    );
    broken(
        "\"5 MW\"",
        "\"200 kW\"",
        expect![[r#"
            error: no `gb200-nvl72` fits into 200 kW
              --> mill.toml:13:9
               |
            13 | power = "200 kW"
               |         ^^^^^^^^ 142.9 kW of IT power
               |
               = help: one needs 192 kW; raise `power`, or state another `unit_power`
        "#]],
    );
    broken(
        "grid = {",
        "# grid = {",
        expect![[r#"
            error: site has no power
             --> mill.toml:5:1
              |
            5 | [[site]]
              | ^^^^^^^^ `grid` or `onsite` is needed here
              |
              = help: such as `grid = { connection = "100 MW", energized = 2026-10-01, price = "47 USD/MWh", carbon = "299 g/kWh" }`
        "#]],
    );
    more(
        "\n[[phase]]\nname = \"earlier in the file's end\"\nsite = \"hall\"\nsystem = \"vr-nvl72\"\npower = \"6 MW\"\nfirst_rack = 2026-08-01\n",
        expect![[r#"
            error: phase `earlier in the file's end` takes site `hall` 1 MW beyond its power
              --> mill.toml:26:9
               |
            26 | power = "6 MW"
               |         ^^^^^^ 6 MW at the meter on top of 5 MW
               |
               = help: the site has 10 MW (10 MW grid, 0 W on site); lower `power`, raise `connection`, add `onsite`, or move the phase
        "#]],
    );
}

#[test]
fn names_are_unique() {
    more(
        "\n[[site]]\nname = \"hall\"\ngrid = { connection = \"1 MW\", energized = 2026-07-01, price = \"1 USD/MWh\", carbon = \"1 g/kWh\" }\n",
        expect![[r#"
            error: a second site is called `hall`
              --> mill.toml:23:8
               |
            23 | name = "hall"
               |        ^^^^^^ taken
               |
               = help: give it a name of its own
        "#]],
    );
    more(
        "\n[[service]]\nname = \"chat\"\n",
        expect![[r#"
            error: service has no `model`
              --> mill.toml:22:1
               |
            22 | [[service]]
               | ^^^^^^^^^^^ `model` is needed here
               |
               = help: `model` must be the name of a model: a catalogue id or a `[model.NAME]`, such as `model = "deepseek-v3"`

            error: service has no `slo`
              --> mill.toml:22:1
               |
            22 | [[service]]
               | ^^^^^^^^^^^ `slo` is needed here
               |
               = help: `slo` must be a table, such as `slo = { ttft = "2 s", tpot = "50 ms", at = "p99" }`

            error: service has no `users`
              --> mill.toml:22:1
               |
            22 | [[service]]
               | ^^^^^^^^^^^ `users` is needed here
               |
               = help: `users` must be a table, such as `users = { weekly = "700 M", growth = "40 %/year", lengths = "azure-conv-2023" }`

            error: a second service is called `chat`
              --> mill.toml:23:8
               |
            23 | name = "chat"
               |        ^^^^^^ taken
               |
               = help: give it a name of its own
        "#]],
    );
}

#[test]
fn requests() {
    broken(
        "requests_per_day = 1e6, ",
        "",
        expect![[r#"
        error: nobody asks anything
          --> mill.toml:20:9
           |
        20 | users = { lengths = "azure-conv-2023" }
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ how much is asked is needed here
           |
           = help: add one of `messages_per_day`, `requests_per_day`, `tokens_per_day`, such as `messages_per_day = "2.6 G"`, or `weekly` users
    "#]],
    );
    broken(
        "1e6,",
        "1e6, tokens_per_day = \"1 G\",",
        expect![[r#"
        error: both `requests_per_day` and `tokens_per_day`
          --> mill.toml:20:52
           |
        20 | users = { requests_per_day = 1e6, tokens_per_day = "1 G", lengths = "azure-conv-2023" }
           |                                                    ^^^^^ how much is asked is said already
           |
           = help: keep one of `messages_per_day`, `requests_per_day`, `tokens_per_day`
    "#]],
    );
    broken(
        "lengths = \"azure-conv-2023\"",
        "input_tokens = 5",
        expect![[r#"
            error: `input_tokens` without `output_tokens`
              --> mill.toml:20:50
               |
            20 | users = { requests_per_day = 1e6, input_tokens = 5 }
               |                                                  ^ `output_tokens` is needed too
               |
               = help: write `lengths = "azure-conv-2023"`, or `input_tokens` and `output_tokens`
        "#]],
    );
    broken(
        "lengths = \"azure-conv-2023\"",
        "weekly = 3",
        expect![[r#"
        error: how long requests are is not said
          --> mill.toml:20:9
           |
        20 | users = { requests_per_day = 1e6, weekly = 3 }
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `lengths` is needed here
           |
           = help: write `lengths = "azure-conv-2023"`, or `input_tokens` and `output_tokens`
    "#]],
    );
    broken(
        "\"azure-conv-2023\"",
        "\"azure-conv-2023\", output_tokens = 1",
        expect![[r#"
            error: both `lengths` and `output_tokens`
              --> mill.toml:20:80
               |
            20 | users = { requests_per_day = 1e6, lengths = "azure-conv-2023", output_tokens = 1 }
               |                                                                                ^ lengths are said already
               |
               = help: keep `lengths`, or `input_tokens` with `output_tokens`
        "#]],
    );
    broken(
        "\"azure-conv-2023\"",
        "{ input = [[0, 5], [1, 4]], output = [1, 2] }",
        expect![[r#"
            error: `input` is not a distribution
              --> mill.toml:20:55
               |
            20 | users = { requests_per_day = 1e6, lengths = { input = [[0, 5], [1, 4]], output = [1, 2] } }
               |                                                       ^^^^^^^^^^^^^^^^ not rising from probability 0 to 1
               |
               = help: probabilities rise from 0 to 1, tokens are at least 1 and never fall, as in `[[0, 3], [0.5, 1020], [1, 4142]]`

            error: `output` must be an array of `[probability, tokens]` pairs
              --> mill.toml:20:82
               |
            20 | users = { requests_per_day = 1e6, lengths = { input = [[0, 5], [1, 4]], output = [1, 2] } }
               |                                                                                  ^^^^^^ this is an array
               |
               = help: write it like `output = [[0, 1], [0.5, 129], [1, 1000]]`
        "#]],
    );
    broken(
        "lengths = \"azure-conv-2023\"",
        "input_tokens = 131072, output_tokens = 1",
        expect![[r#"
            error: requests of up to 131073 tokens for `llama-3.1-70b`
              --> mill.toml:20:50
               |
            20 | users = { requests_per_day = 1e6, input_tokens = 131072, output_tokens = 1 }
               |                                                  ^^^^^^ its context is 131072 tokens
               |
               = help: take shorter lengths or a model of a longer context
        "#]],
    );
    broken(
        "lengths =",
        "shape = [1, 2], arrivals = \"bursty\", lengths =",
        expect![[r#"
            error: `shape` must be `"flat"`, or the name of a 24-hour shape of the catalogue, or an array of 24 numbers
              --> mill.toml:20:43
               |
            20 | users = { requests_per_day = 1e6, shape = [1, 2], arrivals = "bursty", lengths = "azure-conv-2023" }
               |                                           ^^^^^^ this is an array
               |
               = help: write it like `shape = "servegen-m-mid"`

            error: `arrivals` must be `"poisson"`, or a table
              --> mill.toml:20:62
               |
            20 | users = { requests_per_day = 1e6, shape = [1, 2], arrivals = "bursty", lengths = "azure-conv-2023" }
               |                                                              ^^^^^^^^ this is text
               |
               = help: write it like `arrivals = { cv = 2.0 }`
        "#]],
    );
}

#[test]
fn engines() {
    broken(
        "slo = {",
        "engine = { tensor = 4, expert = 3, precision = \"fp8\", max_seqs = 512, max_tokens = 256 }\nslo = {",
        expect![[r#"
            error: experts cannot be spread over 3 accelerators
              --> mill.toml:19:33
               |
            19 | engine = { tensor = 4, expert = 3, precision = "fp8", max_seqs = 512, max_tokens = 256 }
               |                                 ^ a stage has 4
               |
               = help: `expert` must divide `tensor × data_attention × context`, here 4

            error: 256 tokens a step for 512 sequences
              --> mill.toml:19:84
               |
            19 | engine = { tensor = 4, expert = 3, precision = "fp8", max_seqs = 512, max_tokens = 256 }
               |                                                                                    ^^^ a full batch needs one token each
               |
               = help: raise `max_tokens` to `max_seqs` or more
        "#]],
    );
    broken(
        "slo = {",
        "engine = \"fast\"\nslo = {",
        expect![[r#"
            error: `engine` must be `"auto"`, or a table
              --> mill.toml:19:10
               |
            19 | engine = "fast"
               |          ^^^^^^ this is text
               |
               = help: write it like `engine = { tensor = 8, precision = "fp8" }`
        "#]],
    );
}

#[test]
fn training_and_contracts() {
    more(
        "\n[[training]]\nname = \"t\"\nmodel = \"llama-3.1-405b\"\ntokens = \"15.6 T\"\ngpus = 0.5\nfrom = 2030-01-01\nmfu = \"120 %\"\n",
        expect![[r#"
            error: `gpus` cannot be 0.5
              --> mill.toml:26:8
               |
            26 | gpus = 0.5
               |        ^^^ at least 1 and at most 100000000
               |
               = help: such as `gpus = 16384`

            error: `mfu` cannot be 120 %
              --> mill.toml:28:7
               |
            28 | mfu = "120 %"
               |       ^^^^^^^ more than 0 and at most 1
               |
               = help: such as `mfu = 0.41`
        "#]],
    );
    more(
        "\n[[contract]]\nkind = \"investment\"\nfrom = \"nvidia\"\namount = \"10 GUSD\"\non = 2026-07-01\nup_to = \"1 GUSD\"\n",
        expect![[r#"
            error: contract of kind `investment` has no `for_each`
              --> mill.toml:22:1
               |
            22 | [[contract]]
               | ^^^^^^^^^^^^ `for_each` is needed here
               |
               = help: add `for_each = "1 GW deployed"`

            error: `on` in a contract of kind `investment`
              --> mill.toml:26:6
               |
            26 | on = 2026-07-01
               |      ^^^^^^^^^^ has no meaning here
               |
               = help: take `on` away, or change `kind`

            error: `up_to` 1 GUSD is below `amount` 10 GUSD
              --> mill.toml:27:9
               |
            27 | up_to = "1 GUSD"
               |         ^^^^^^^^ less than one step
               |
               = help: raise `up_to`, or lower `amount`
        "#]],
    );
    more(
        "\n[economics]\ninfrastructure = \"17.9 GUSD\"\n",
        expect![[r#"
            error: `GUSD` is not a unit of a cost of power
              --> mill.toml:23:18
               |
            23 | infrastructure = "17.9 GUSD"
               |                  ^^^^^^^^^^^ in `17.9 GUSD`
               |
               = help: use one of USD/W, USD/kW, MUSD/MW, GUSD/GW
        "#]],
    );
}

#[test]
fn rows_of_the_files_own() {
    let own = "\n[accelerator.chip]\nfamily = \"blackwell\"\nbf16 = \"2 PFLOP/s\"\nmemory = \"200 GB\"\nmemory_bandwidth = \"8 TB/s\"\nscaleup = \"900 GB/s\"\nscaleup_domain = 8\ntdp = \"1 kW\"\n\n[system.box]\naccelerator = \"chip\"\naccelerators = 8\npower_max = \"12 kW\"\n\n[model.mine]\nlayers = 10\nhidden = 1024\nheads = 8\nffn_dim = 4096\nvocab = 32000\ncontext = 32768\n";
    let text =
        format!("{SOUND}{own}").replace("gb200-nvl72", "box").replace("llama-3.1-70b", "mine");
    let parsed = parse(&text);
    assert_eq!(parsed.diagnostics.render("mill.toml", &text, false), "");
    let factory = parsed.factory.unwrap();
    assert_eq!(factory.hardware.iter().next().unwrap().accelerator.id, "chip");
    check(
        &text
            .replace("2 PFLOP/s", "2 PFLOP")
            .replace("accelerators = 8", "accelerator_count = 8")
            .replace("scaleup_domain = 8\n", ""),
        expect![[r#"
            error: accelerator `chip`, `bf16`: `PFLOP` is not a unit of a rate of computation
              --> mill.toml:24:8
               |
            24 | bf16 = "2 PFLOP"
               |        ^^^^^^^^^ cannot be used
               |
               = help: use one of TFLOP/s, GFLOP/s, PFLOP/s, EFLOP/s

            error: system `box`, `accelerators`: missing
              --> mill.toml:30:1
               |
            30 | [system.box]
               | ^^^^^^^^^^^^ needed here
               |
               = help: write how many are in one unit, like `72`

            error: system `box`, `accelerator_count`: is not known here
              --> mill.toml:32:1
               |
            32 | accelerator_count = 8
               | ^^^^^^^^^^^^^^^^^ not a key here
               |
               = help: did you mean `accelerator`?
        "#]],
    );
    check(
        &text.replace("\"chip\"", "\"chap\""),
        expect![[r#"
        error: unknown accelerator `chap`
          --> mill.toml:32:15
           |
        32 | accelerator = "chap"
           |               ^^^^^^ did you mean `chip`?
           |
           = help: `wattmill catalog list` shows every accelerator; describe your own in `[accelerator.NAME]`
    "#]],
    );
    check(
        &text.replace("vocab = 32000\n", "").replace("tdp = \"1 kW\"\n", ""),
        expect![[r#"
            warning: no published TDP of `chip`
              --> mill.toml:12:10
               |
            12 | system = "box"
               |          ^^^^^ each is taken to draw up to 1.5 kW, its share of the unit's power
               |
               = help: state `tdp` in `[accelerator.chip]` if you know better

            error: `mine` cannot be run: no source states vocab
              --> mill.toml:18:9
               |
            18 | model = "mine"
               |         ^^^^^^ can be shown, not run
               |
               = help: take another, or describe it yourself in `[model.mine]`
        "#]],
    );
}

#[test]
fn text_that_is_not_toml() {
    broken(
        "power = \"5 MW\"",
        "power = 5 MW",
        expect![[r#"
        error: string values must be quoted, expected literal string
          --> mill.toml:13:9
           |
        13 | power = 5 MW
           |         ^^^^ this is not TOML
           |
           = help: text stands in double quotes, one `key = value` on a line; see https://toml.io
    "#]],
    );
    broken(
        "[[phase]]",
        "[[phase]",
        expect![[r#"
        error: unclosed array table, expected `]`
         --> mill.toml:9:9
          |
        9 | [[phase]
          |         ^ this is not TOML
          |
          = help: text stands in double quotes, one `key = value` on a line; see https://toml.io
    "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = 2027-06-30\nend = 2028-06-30",
        expect![[r#"
            error: duplicate key
             --> mill.toml:4:1
              |
            4 | end = 2028-06-30
              | ^^^ written before
              |
              = help: keep one of the two
        "#]],
    );
    broken(
        "[[phase]]",
        "[phase]",
        expect![[r#"
            error: `phase` must be tables, `[[phase]]` each
             --> mill.toml:9:1
              |
            9 | [phase]
              | ^^^^^^^ this is a table
              |
              = help: see `phase` in the reference of the factory file
        "#]],
    );
    check(
        "",
        expect![[r#"
            error: file has no `name`
             --> mill.toml:1:1
              |
            1 |
              | ^ `name` is needed here
              |
              = help: `name` must be text, such as `name = "Ten gigawatts, as announced"`

            error: file has no `start`
             --> mill.toml:1:1
              |
            1 |
              | ^ `start` is needed here
              |
              = help: `start` must be a day, such as `start = 2026-07-01`

            error: file has no `end`
             --> mill.toml:1:1
              |
            1 |
              | ^ `end` is needed here
              |
              = help: `end` must be a day, such as `end = 2031-06-30`

            error: file has no `site`
             --> mill.toml:1:1
              |
            1 |
              | ^ `site` is needed here
              |
              = help: `site` must be tables, `[[site]]` each

            error: file has no `phase`
             --> mill.toml:1:1
              |
            1 |
              | ^ `phase` is needed here
              |
              = help: `phase` must be tables, `[[phase]]` each
        "#]],
    );
    check(
        "site = []\nphase = [3]\nname = \"x\"\nstart = 2026-01-01\nend = 2026-01-02\nsystem = 4\n",
        expect![[r#"
            error: there is no site
             --> mill.toml:1:8
              |
            1 | site = []
              |        ^^ at least one is needed
              |
              = help: add a `[[site]]`

            error: `phase` must be tables, `[[phase]]` each
             --> mill.toml:2:10
              |
            2 | phase = [3]
              |          ^ this is a whole number
              |
              = help: see `phase` in the reference of the factory file

            error: `system` must be tables, `[system.NAME]` each
             --> mill.toml:6:10
              |
            6 | system = 4
              |          ^ this is a whole number
              |
              = help: see `system` in the reference of the factory file
        "#]],
    );
}

#[test]
fn later_checks_find_their_place() {
    let parsed = parse(SOUND);
    let written = |kind, name, key| parsed.spans.of(kind, name, key).map(|span| &SOUND[span]);
    assert_eq!(written("phase", "racks", "power"), Some("\"5 MW\""));
    assert_eq!(written("service", "chat", "slo.ttft"), Some("\"2 s\""));
    assert_eq!(written("service", "chat", ""), Some("[[service]]"));
    assert_eq!(written("file", "", "end"), Some("2027-06-30"));
    assert_eq!(written("service", "chat", "engine"), None);
    let near = parsed.spans.near("service", "chat", "engine.tensor").unwrap();
    assert_eq!(&SOUND[near], "[[service]]");
}

mod schema_holds {
    use super::super::keys;
    use super::super::row::Row;
    use super::super::schema::{Key, Kind, Need, Table};
    use super::super::text;
    use super::*;

    fn tables() -> Vec<&'static Table> {
        fn visit(table: &'static Table, found: &mut Vec<&'static Table>) {
            found.push(table);
            for key in table.keys {
                visit_kind(&key.kind, found);
            }
        }
        fn visit_kind(kind: &'static Kind, found: &mut Vec<&'static Table>) {
            match kind {
                Kind::Table(t) | Kind::Tables(t) | Kind::Named(t) => visit(t, found),
                Kind::Either(kinds) => kinds.iter().for_each(|k| visit_kind(k, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        visit(&keys::FILE, &mut found);
        found
    }

    #[test]
    fn defaults_and_limits_can_be_read() {
        for table in tables() {
            for key in table.keys {
                let limits = match &key.kind {
                    Kind::Quantity(measure, limits) => {
                        if let Need::Default(text, _) = key.need {
                            let value = text::measured(text, measure).expect(text);
                            assert!(limits.hold(value, |end| text::measured(end, measure).ok()));
                        }
                        let read = |end: &str| text::measured(end, measure).ok();
                        assert!(!limits.hold(f64::NAN, read), "{}", key.name);
                        continue;
                    }
                    Kind::Whole(limits) | Kind::Number(limits) | Kind::Count(limits) => limits,
                    _ => continue,
                };
                assert!(!limits.hold(f64::NAN, text::counted), "{}: {}", key.name, limits.words());
                if let Need::Default(text, _) = key.need {
                    assert!(limits.hold(text.parse().expect(text), text::counted));
                }
            }
        }
    }

    /// Reads `key` as its kind wants, and all of the table that it may be.
    fn read_any(cx: &mut Context<'_>, row: &Row<'_>, key: &'static Key) {
        let name = key.name;
        match &key.kind {
            Kind::Text | Kind::Reference(_) | Kind::File(_) => drop(row.text(cx, name)),
            Kind::Moment => drop(row.moment(cx, name)),
            Kind::Wholes(_) => drop(row.wholes(cx, name)),
            Kind::Words(_) => drop(row.words(cx, name)),
            Kind::Flag => drop(row.flag(cx, name)),
            Kind::Choice(_) => drop(row.choice(cx, name)),
            Kind::Date => drop(row.date(cx, name)),
            Kind::Whole(_) => drop(row.whole(cx, name)),
            Kind::Number(_) => drop(row.number(cx, name)),
            Kind::Count(_) => drop(row.count(cx, name)),
            Kind::Quantity(..) => {
                let _ = row.measured(cx, name, |text| text.trim_end_matches(" deployed"));
            }
            Kind::Percentile => drop(row.percentile(cx, name)),
            Kind::Table(table) => {
                let inner = row.table(cx, name).expect("an example of a table is one");
                table
                    .keys
                    .iter()
                    .filter(|k| inner.has(k.name))
                    .for_each(|k| read_any(cx, &inner, k));
            }
            Kind::Tables(table) => {
                for inner in row.tables(cx, name) {
                    table.keys.iter().for_each(|k| read_any(cx, &inner, k));
                }
            }
            Kind::Either(_) => {
                if let Some(inner) = row.table_of(cx, name) {
                    assert!(inner.values().is_some_and(|t| !t.is_empty()));
                }
            }
            // Whole rows are read in `every_key_of_an_own_row_is_one_of_the_catalogue`, quantiles
            // where requests are.
            Kind::Names | Kind::Numbers(_) | Kind::Quantiles | Kind::Named(_) => {}
            Kind::Same | Kind::AllSame | Kind::Weights | Kind::Pair => {}
        }
    }

    #[test]
    fn examples_are_values_of_their_key() {
        for table in tables() {
            for key in table.keys.iter().filter(|k| !k.example.is_empty()) {
                let text = format!("{} = {}", key.name, key.example);
                let (document, errors) = DeTable::parse_recoverable(&text);
                assert!(errors.is_empty(), "{text}");
                let mut cx = Context::new(Catalog::builtin());
                let row = Row::file(&mut cx, table, document.get_ref());
                read_any(&mut cx, &row, key);
                let (diagnostics, _) = cx.finish();
                assert_eq!(diagnostics.render("example", &text, false), "", "{}", table.name);
            }
        }
    }

    #[test]
    fn every_key_of_an_own_row_is_one_of_the_catalogue() {
        let entries = "sparse_entry_tokens sparse_entry_layers entry_tokens entry_layers output_groups output_rank";
        let is_latent = format!("kv_heads head_dim {entries}");
        let is_grouped = format!("kv_rank q_rank nope_dim rope_dim v_dim {entries}");
        let is_compressed = "kv_heads kv_rank nope_dim rope_dim v_dim full_attention_layers";
        for (kind, table, without) in [
            ("system", &keys::SYSTEM, ""),
            ("accelerator", &keys::ACCELERATOR, ""),
            ("model", &keys::MODEL, &is_latent),
            ("model", &keys::MODEL, &is_grouped),
            ("model", &keys::MODEL, is_compressed),
        ] {
            let mut text = format!("[{kind}.own]\n");
            for key in table.keys.iter().filter(|k| !without.split(' ').any(|n| n == k.name)) {
                text.push_str(&format!("{} = {}\n", key.name, key.example));
            }
            let (document, errors) = DeTable::parse_recoverable(&text);
            assert!(errors.is_empty(), "{text}");
            let mut cx = Context::new(Catalog::builtin());
            let row = Row::file(&mut cx, &keys::FILE, document.get_ref());
            Own::read(&mut cx, &row);
            assert_eq!(cx.finish().0.render("own", &text, false), "");
        }
    }

    #[test]
    fn the_reference_tells_of_every_table_and_key() {
        let page = reference_markdown();
        for table in tables() {
            assert!(page.contains(table.doc), "{}", table.name);
            for key in table.keys {
                assert!(
                    page.contains(&format!("- **`{}`**: {}", key.name, key.doc)),
                    "{}",
                    key.name
                );
            }
        }
    }

    #[test]
    fn the_editor_schema_is_a_schema() {
        let schema = json_schema();
        assert_eq!(schema["type"], "object");
        let phase = &schema["properties"]["phase"]["items"];
        assert_eq!(phase["properties"]["basis"]["default"], "facility");
        assert_eq!(phase["additionalProperties"], false);
        assert_eq!(
            schema["properties"]["site"]["items"]["properties"]["latitude"]["anyOf"][0]["minimum"],
            -90
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_file_makes_it_panic(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0u8..4, any::<u8>(), "[ -~é\n]{0,6}"),
            1..8,
        ),
    ) {
        let mut bytes = builtin_factory("hundred-megawatt").unwrap().as_bytes().to_vec();
        for (at, how, byte, text) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at.max(64)),
                2 => { bytes.drain(at..(at + usize::from(byte)).min(bytes.len())); }
                _ => { bytes.splice(at..at, text.bytes()); }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let parsed = parse(&text);
        prop_assert_eq!(parsed.factory.is_none(), parsed.diagnostics.has_errors());
        parsed.diagnostics.render("mutant.toml", &text, true);
        for d in &parsed.diagnostics {
            prop_assert!(d.span.end <= text.len() && d.span.start <= d.span.end);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let parsed = parse(&text);
        prop_assert!(parsed.factory.is_none());
    }
}
