//! Distributions and correlations: what is read, and what a user is told.

use expect_test::{Expect, expect};
use wattmill_catalog::Catalog;
use wattmill_units::Distribution;

use super::super::Variants;
use super::super::tests::{check, parse};

const SOUND: &str = r#"name = "Mill"
start = 2026-07-01
end = 2027-06-30

[[site]]
name = "hall"
grid = { connection = "10 MW", energized = 2026-07-01, price = "20..90 USD/MWh", carbon = "299 g/kWh" }

[[phase]]
name = "racks"
site = "hall"
system = "gb200-nvl72"
power = "5 MW"
first_rack = 2026-07-01
slip = { p50 = "60 days", p90 = "270 days" }

[[service]]
name = "chat"
model = "llama-3.1-70b"
slo = { ttft = "2 s", tpot = "50 ms" }
users = { requests_per_day = "1..2 M", growth = { low = "0 %/year", mode = "40 %/year", high = "1 /year" }, lengths = "azure-conv-2023" }

[economics]
infrastructure = { p10 = "12 USD/W", p50 = "17.9 USD/W", p90 = "20 USD/W" }
accelerator_price = { values = ["30 kUSD", "47 kUSD"], weights = [1, 3] }
operations = { p50 = "3 %/year", p90 = "6 %/year", shape = "lognormal" }
"#;

fn broken(old: &str, new: &str, expected: Expect) {
    assert!(SOUND.contains(old), "{old}");
    check(&SOUND.replacen(old, new, 1), expected);
}

fn more(text: &str, expected: Expect) {
    check(&format!("{SOUND}{text}"), expected);
}

#[test]
fn every_way_to_write_one_is_read_and_the_plan_takes_medians() {
    let factory = parse(SOUND).factory.expect("sound");
    let read: Vec<(&str, Distribution)> = factory
        .uncertainty
        .inputs
        .iter()
        .map(|input| (input.path.as_str(), input.distribution.clone()))
        .collect();
    let day = 86_400.0;
    let mwh = 3.6e9;
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
    let Distribution::Uniform { low, high } = read[0].1 else { panic!("{read:?}") };
    assert!(close(low * mwh, 20.0) && close(high * mwh, 90.0), "{read:?}");
    assert_eq!(read[1], ("phase.racks.slip", Distribution::from_zero(60.0 * day, 270.0 * day)));
    assert_eq!(
        read[2],
        ("service.chat.users.requests_per_day", Distribution::Uniform { low: 1e6, high: 2e6 })
    );
    assert_eq!(
        read[3],
        ("service.chat.users.growth", Distribution::Triangular { low: 0.0, mode: 0.4, high: 1.0 })
    );
    assert_eq!(read[4].0, "economics.infrastructure");
    assert_eq!(
        read[5],
        ("economics.accelerator_price", Distribution::Discrete(vec![(30e3, 0.25), (47e3, 1.0)]))
    );
    assert_eq!(read[6], ("economics.operations", Distribution::Lognormal { p50: 0.03, p90: 0.06 }));
    let site = factory.sites.iter().next().expect("one");
    assert!(close(site.grid.as_ref().expect("one").price.as_usd_per_mwh(), 55.0));
    assert_eq!(factory.phases.iter().next().expect("one").slip.as_days(), 60.0);
    assert_eq!(factory.economics.accelerator_price.as_usd(), 47e3);
}

#[test]
fn a_sample_has_what_was_drawn_and_nothing_else_changes() {
    let catalog = Catalog::builtin();
    let variants = Variants::open(SOUND, catalog).expect("sound");
    let planned = parse(SOUND).factory.expect("sound");
    let medians: Vec<f64> =
        variants.uncertainty().inputs.iter().map(|input| input.distribution.median()).collect();
    let same = variants.factory(&medians).expect("sound");
    assert_eq!(same.phases, planned.phases);
    assert_eq!(same.economics, planned.economics);
    let mut drawn = medians;
    drawn[1] = 86_400.0;
    drawn[4] = 10.0;
    let sample = variants.factory(&drawn).expect("sound");
    assert_eq!(sample.phases.iter().next().expect("one").slip.as_days(), 1.0);
    assert_eq!(sample.economics.infrastructure_usd_per_w, 10.0);
    let (a, b) = (sample.services.iter().next(), planned.services.iter().next());
    assert_eq!(a.map(|s| &s.traffic), b.map(|s| &s.traffic));
}

#[test]
fn days_are_drawn_too() {
    let text = SOUND.replace(
        "energized = 2026-07-01",
        "energized = { p10 = 2026-06-01, p50 = 2026-07-01, p90 = 2027-01-01 }",
    );
    let factory = parse(&text).factory.expect("sound");
    assert_eq!(factory.uncertainty.inputs[0].path, "site.hall.grid.energized");
    let grid = factory.sites.iter().next().expect("one").grid.as_ref().expect("one");
    assert_eq!(grid.energized, jiff::civil::date(2026, 7, 1));
}

#[test]
fn quantiles_that_cross() {
    broken(
        r#"p90 = "270 days""#,
        r#"p90 = "30 days""#,
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
    broken(
        r#"mode = "40 %/year""#,
        r#"mode = "140 %/year""#,
        expect![[r#"
        error: `high` 1 /year is below `mode` 140 %/year
          --> mill.toml:21:97
           |
        21 | ... %/year", mode = "140 %/year", high = "1 /year" }, lengths = "azure-conv-2023" }
           |                                          ^^^^^^^^^ the values of a distribution may not cross
           |
           = help: raise `high` to `mode` or more
    "#]],
    );
    broken(
        "20..90 USD/MWh",
        "90..20 USD/MWh",
        expect![[r#"
        error: the range `90..20 USD/MWh` ends below its start
         --> mill.toml:7:64
          |
        7 | grid = { connection = "10 MW", energized = 2026-07-01, price = "90..20 USD/MWh", carbon = "299 g/kWh" }
          |                                                                ^^^^^^^^^^^^^^^^ nothing lies in it
          |
          = help: write the lower end first
    "#]],
    );
}

#[test]
fn what_does_not_go_together() {
    broken(
        r#"low = "0 %/year", mode"#,
        r#"mode"#,
        expect![[r#"
        error: `growth` is no distribution that is known
          --> mill.toml:21:49
           |
        21 | users = { requests_per_day = "1..2 M", growth = { mode = "40 %/year", high = "1 /year" }, lengths = "azure-conv-2023" }
           |                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ these do not go together
           |
           = help: write `{ low, high }`, `{ low, mode, high }`, `{ p10, p50, p90 }`, `{ p50, p90 }` or `{ values, weights }`
    "#]],
    );
    broken(
        r#"p10 = "12 USD/W", p50"#,
        r#"p01 = "12 USD/W", p50"#,
        expect![[r#"
        error: unknown key `p01` in distribution
          --> mill.toml:24:20
           |
        24 | infrastructure = { p01 = "12 USD/W", p50 = "17.9 USD/W", p90 = "20 USD/W" }
           |                    ^^^ did you mean `p10`?
           |
           = help: keys of distribution: low, mode, high, p10, p50, p90, shape, values, weights
    "#]],
    );
    broken(
        "weights = [1, 3]",
        "weights = [1, 2, 3]",
        expect![[r#"
        error: `weights` do not go with `values`
          --> mill.toml:25:66
           |
        25 | accelerator_price = { values = ["30 kUSD", "47 kUSD"], weights = [1, 2, 3] }
           |                                                                  ^^^^^^^^^ 2 are needed
           |
           = help: one number of at least 0 for each value, not all of them 0
    "#]],
    );
    broken(
        "weights = [1, 3]",
        "p50 = \"40 kUSD\"",
        expect![[r#"
        error: both `values` and `p50`
          --> mill.toml:25:62
           |
        25 | accelerator_price = { values = ["30 kUSD", "47 kUSD"], p50 = "40 kUSD" }
           |                                                              ^^^^^^^^^ what is drawn is said already
           |
           = help: write `{ low, high }`, `{ low, mode, high }`, `{ p10, p50, p90 }`, `{ p50, p90 }` or `{ values, weights }`
    "#]],
    );
    broken(
        r#"values = ["30 kUSD", "47 kUSD"]"#,
        "values = []",
        expect![[r#"
        error: `values` must be an array of what its key wants
          --> mill.toml:25:32
           |
        25 | accelerator_price = { values = [], weights = [1, 3] }
           |                                ^^ this is an array
           |
           = help: write it like `values = ["1 GW", "1.2 GW"]`
    "#]],
    );
    broken(
        r#"p50 = "3 %/year""#,
        r#"p50 = "0 %/year""#,
        expect![[r#"
        error: `operations` has no natural zero to reach down to
          --> mill.toml:26:22
           |
        26 | operations = { p50 = "0 %/year", p90 = "6 %/year", shape = "lognormal" }
           |                      ^^^^^^^^^^ what is lower is not said
           |
           = help: state `p10` too, and leave `shape` out
    "#]],
    );
}

#[test]
fn wrong_values_within_one() {
    broken(
        "20..90 USD/MWh",
        "20..90 USD",
        expect![[r#"
        error: `USD` is not a unit of a price of energy
         --> mill.toml:7:64
          |
        7 | grid = { connection = "10 MW", energized = 2026-07-01, price = "20..90 USD", carbon = "299 g/kWh" }
          |                                                                ^^^^^^^^^^^^ in `20 USD`
          |
          = help: use one of USD/MWh, USD/kWh

        error: `USD` is not a unit of a price of energy
         --> mill.toml:7:64
          |
        7 | grid = { connection = "10 MW", energized = 2026-07-01, price = "20..90 USD", carbon = "299 g/kWh" }
          |                                                                ^^^^^^^^^^^^ in `90 USD`
          |
          = help: use one of USD/MWh, USD/kWh
    "#]],
    );
    broken(
        r#"p10 = "12 USD/W""#,
        r#"p10 = "12""#,
        expect![[r#"
        error: `infrastructure` has no unit
          --> mill.toml:24:26
           |
        24 | infrastructure = { p10 = "12", p50 = "17.9 USD/W", p90 = "20 USD/W" }
           |                          ^^^^ 12 of what?
           |
           = help: write `infrastructure = "12 USD/W"` (units: USD/W, USD/kW, MUSD/MW, GUSD/GW)
    "#]],
    );
    broken(
        r#"p10 = "12 USD/W""#,
        r#"p10 = "1 USD/W""#,
        expect![[r#"
        error: draws of `infrastructure` reach -22.85 USD/W
          --> mill.toml:24:18
           |
        24 | infrastructure = { p10 = "1 USD/W", p50 = "17.9 USD/W", p90 = "20 USD/W" }
           |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a cost of power as text, at least 0 USD/W and at most 1000 USD/W
           |
           = help: narrow the distribution; tails end where one draw in a thousand lies beyond
    "#]],
    );
}

#[test]
fn where_none_may_stand() {
    broken(
        r#"ttft = "2 s""#,
        r#"ttft = "1..2 s""#,
        expect![[r#"
        error: `ttft` cannot be a distribution
          --> mill.toml:20:16
           |
        20 | slo = { ttft = "1..2 s", tpot = "50 ms" }
           |                ^^^^^^^^ what machines do is measured once, for all samples
           |
           = help: write one value, like `ttft = "2 s"`
    "#]],
    );
    broken(
        "end = 2027-06-30",
        "end = \"2027-06-30..2027-12-31\"",
        expect![[r#"
        error: `end` cannot be a distribution
         --> mill.toml:3:7
          |
        3 | end = "2027-06-30..2027-12-31"
          |       ^^^^^^^^^^^^^^^^^^^^^^^^ every sample walks the same days
          |
          = help: write one value, like `end = 2031-06-30`
    "#]],
    );
    more(
        "\n[[target]]\nname = \"soon\"\nby = 2027-01-01\nenergised = \"1..2 MW\"\n",
        expect![[r#"
        error: `energised` cannot be a distribution
          --> mill.toml:31:13
           |
        31 | energised = "1..2 MW"
           |             ^^^^^^^^^ a target is what one wants
           |
           = help: write one value, like `energised = "1 GW"`
    "#]],
    );
}

#[test]
fn correlations() {
    let pair = |a: &str, b: &str, value: f64| {
        format!("\n[[correlation]]\nbetween = [\"{a}\", \"{b}\"]\nvalue = {value}\n")
    };
    let (price, slip) = ("site.hall.grid.price", "phase.racks.slip");
    let growth = "service.chat.users.growth";
    more(&pair(price, slip, 0.5), expect![""]);
    more(
        &pair("site.hall.grid.prize", slip, 0.5),
        expect![[r#"
        error: `site.hall.grid.prize` is not a distribution
          --> mill.toml:29:12
           |
        29 | between = ["site.hall.grid.prize", "phase.racks.slip"]
           |            ^^^^^^^^^^^^^^^^^^^^^^ did you mean `site.hall.grid.price`?
           |
           = help: a correlation is between keys that are distributions, such as `site.NAME.grid.price`
    "#]],
    );
    more(
        &pair(price, price, 0.5),
        expect![[r#"
        error: `site.hall.grid.price` and `site.hall.grid.price` twice
          --> mill.toml:29:11
           |
        29 | between = ["site.hall.grid.price", "site.hall.grid.price"]
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ how these go together is said already
           |
           = help: name each pair of different keys once
    "#]],
    );
    more(
        &pair(price, slip, 1.0),
        expect![[r#"
        error: `value` cannot be 1
          --> mill.toml:30:9
           |
        30 | value = 1
           |         ^ more than -1 and less than 1
           |
           = help: such as `value = 0.8`
    "#]],
    );
    let three = pair(price, slip, 0.9) + &pair(slip, growth, 0.9) + &pair(price, growth, -0.9);
    more(
        &three,
        expect![[r#"
        error: the correlations contradict each other
          --> mill.toml:38:9
           |
        38 | value = -0.9
           |         ^^^^ with this one no numbers have all of them
           |
           = help: the matrix of all correlations must be positive definite: bring `value` closer to 0, or correlate the other pairs too
    "#]],
    );
}

#[test]
fn targets() {
    more(
        "\n[[target]]\nname = \"soon\"\nby = 2027-01-01\n",
        expect![[r#"
        error: nothing is to be reached
          --> mill.toml:28:1
           |
        28 | [[target]]
           | ^^^^^^^^^^ what is needed here
           |
           = help: add one of `energised`, `accelerators`, `tokens_per_day`, `training`, such as `energised = "1 GW"`
    "#]],
    );
    more(
        "\n[[target]]\nname = \"a\"\nby = 2027-01-01\naccelerators = 10\nenergised = \"1 MW\"\n",
        expect![[r#"
            error: both `energised` and `accelerators`
              --> mill.toml:31:16
               |
            31 | accelerators = 10
               |                ^^ what is to be reached is said already
               |
               = help: keep one of `energised`, `accelerators`, `tokens_per_day`, `training`; write a `[[target]]` for each
        "#]],
    );
    more(
        "\n[[target]]\nname = \"a\"\nby = 2027-01-01\ntraining = \"frontier\"\n",
        expect![[r#"
        error: there is no training run `frontier`
          --> mill.toml:31:12
           |
        31 | training = "frontier"
           |            ^^^^^^^^^^ no such `[[training]]`
           |
           = help: name a `[[training]]` of this file
    "#]],
    );
}

#[test]
fn counts_may_be_drawn_and_whole_numbers_say_that_they_are_not() {
    let training = "\n[[training]]\nname = \"t\"\nmodel = \"llama-3.1-8b\"\ntokens = \"1 T\"\n\
                    gpus = { low = 1000, high = 4001 }\nmfu = 0.4\n";
    let text = format!("{SOUND}{training}");
    let planned = parse(&text).factory.expect("sound");
    assert_eq!(
        planned.trainings.iter().next().expect("one").accelerators,
        2501,
        "the median, whole"
    );
    let variants = Variants::open(&text, Catalog::builtin()).expect("sound");
    let mut drawn: Vec<f64> =
        variants.uncertainty().inputs.iter().map(|input| input.distribution.median()).collect();
    *drawn.last_mut().expect("gpus") = 1234.4;
    let sample = variants.factory(&drawn).expect("sound");
    assert_eq!(sample.trainings.iter().next().expect("one").accelerators, 1234);
    broken(
        "lengths = \"azure-conv-2023\"",
        "input_tokens = \"800..1200\", output_tokens = 100",
        expect![[r#"
            error: `input_tokens` cannot be a distribution
              --> mill.toml:21:124
               |
            21 | ...%/year", high = "1 /year" }, input_tokens = "800..1200", output_tokens = 100 }
               |                                                ^^^^^^^^^^^ whole numbers are never drawn
               |
               = help: write one value, like `input_tokens = 1024`
        "#]],
    );
}

#[test]
fn a_substitute_that_comes_too_early_is_pointed_at() {
    broken(
        "slip = { p50 = \"60 days\", p90 = \"270 days\" }",
        "slip = { p50 = \"60 days\", p90 = \"270 days\" }\n\
         substitute = { system = \"dgx-h100\", if_after = 2026-06-01, first_rack = 2026-03-01 }",
        expect![[r#"
            warning: phase `racks` starts before site `hall` has power
              --> mill.toml:16:73
               |
            16 | substitute = { system = "dgx-h100", if_after = 2026-06-01, first_rack = 2026-03-01 }
               |                                                                         ^^^^^^^^^^ first power on 2026-07-01
               |
               = help: its racks wait for it; move `first_rack` to 2026-07-01 or later if they come then, or bring power forward with `onsite`
        "#]],
    );
}
