//! Fleet files that are sound, and what is said of those that are not.

use expect_test::{Expect, expect};
use wattmill_catalog::Catalog;
use wattmill_units::SimTime;

use super::super::builtin_fleet;
use super::{PoolRole, parse_fleet};

fn sound() -> &'static str {
    builtin_fleet("two-coasts").expect("it is built in")
}

/// The built-in fleet with one place changed, and what is said of it.
fn broken(from: &str, to: &str, said: Expect) {
    assert!(sound().contains(from), "{from}");
    let text = sound().replacen(from, to, 1);
    let parsed = parse_fleet(&text, Catalog::builtin());
    assert!(parsed.fleet.is_none());
    said.assert_eq(&parsed.diagnostics.render("fleet.toml", &text, false));
}

#[test]
fn the_built_in_fleet_is_sound() {
    let parsed = parse_fleet(sound(), Catalog::builtin());
    assert_eq!(parsed.diagnostics.render("fleet.toml", sound(), false), "");
    let fleet = parsed.fleet.expect("it is sound");
    assert_eq!(fleet.pools[0].role, PoolRole::Prefill { decode: 1, short: 128 });
    assert_eq!(fleet.pools[0].services, [0, 1]);
    assert!(fleet.pools[1].services.is_empty(), "it only decodes");
    let minutes = |m: u64| SimTime::from_ns(m * 60_000_000_000);
    assert_eq!(fleet.sites[0].outages, [(minutes(10), minutes(20))]);
    assert_eq!(fleet.regions[1].latency[1], SimTime::from_ns(9_000_000));
    assert!((fleet.regions[0].weights.iter().sum::<f64>() / 24.0 - 0.4).abs() < 1e-9);
}

#[test]
fn a_router_that_does_not_exist() {
    broken(
        "router = \"kv-aware\"",
        "router = \"kv-awar\"",
        expect![[r#"
        error: `router` cannot be `kv-awar`
          --> fleet.toml:56:10
           |
        56 | router = "kv-awar"
           |          ^^^^^^^^^ did you mean `kv-aware`?
           |
           = help: `router` must be one of `"round-robin"`, `"random"`, `"power-of-two"`, `"least-loaded"`, `"kv-aware"`
    "#]],
    );
}

#[test]
fn a_pool_that_does_not_exist() {
    broken(
        "hands_to = \"west-answers\"",
        "hands_to = \"west-anwers\"",
        expect![[r#"
        error: there is no pool `west-anwers`
          --> fleet.toml:55:12
           |
        55 | hands_to = "west-anwers"
           |            ^^^^^^^^^^^^^ did you mean `west-answers`?
           |
           = help: pools of this file: `west-prompts`, `west-answers`, `east`
    "#]],
    );
}

#[test]
fn layouts_that_do_not_match() {
    broken(
        "engine = { tensor = 4, precision = \"fp8\" }\nreplicas = 2",
        "engine = { tensor = 4, precision = \"fp8\", kv_precision = \"fp8\", block_tokens = 64 }\n\
         replicas = 2",
        expect![[r#"
            error: pool `west-prompts` cannot hand prompts over to `west-answers`: the cache is written in bf16, but read in fp8
              --> fleet.toml:55:12
               |
            55 | hands_to = "west-answers"
               |            ^^^^^^^^^^^^^^ reads fp8
               |
               = help: give both one `kv_precision`

            error: pool `west-prompts` cannot hand prompts over to `west-answers`: blocks of 16 tokens do not become blocks of 64
              --> fleet.toml:55:12
               |
            55 | hands_to = "west-answers"
               |            ^^^^^^^^^^^^^^ blocks of 64
               |
               = help: give both one `block_tokens`
        "#]],
    );
}

#[test]
fn an_autoscaler_upside_down() {
    broken(
        "min = 2, max = 10",
        "min = 12, max = 10",
        expect![[r#"
        error: an autoscaler from 12 up to 10 replicas
          --> fleet.toml:79:21
           |
        79 | autoscale = { min = 12, max = 10, sustained = 6, settle = "3 min" }
           |                     ^^ `max` is 10
           |
           = help: exchange the two, or raise `max`
    "#]],
    );
    broken(
        "min = 2, max = 10",
        "min = 5, max = 10",
        expect![[r#"
        error: starts with 4 replicas
          --> fleet.toml:76:12
           |
        76 | replicas = 4
           |            ^ the autoscaler keeps 5 to 10
           |
           = help: start with 5, or change the autoscaler's limits
    "#]],
    );
}

#[test]
fn times_that_run_backwards() {
    broken(
        "back = \"20 min\"",
        "back = \"5 min\"",
        expect![[r#"
        error: back after 5 min, but lost after 10 min
          --> fleet.toml:85:8
           |
        85 | back = "5 min"
           |        ^^^^^^^ not later than it is lost
           |
           = help: exchange the two, or leave `back` out if it never comes back
    "#]],
    );
}

#[test]
fn a_site_that_nobody_can_reach() {
    broken(
        "to = [{ site = \"oregon\", one_way = \"12 ms\" }, { site = \"virginia\", one_way = \"38 ms\" }]",
        "to = [{ site = \"oregon\", one_way = \"12 ms\" }]",
        expect![[r#"
            error: no way to virginia
              --> fleet.toml:26:6
               |
            26 | to = [{ site = "oregon", one_way = "12 ms" }]
               |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ each site has one
               |
               = help: add `{ site = "virginia", one_way = "40 ms" }`
        "#]],
    );
}

#[test]
fn several_problems_are_told_at_once() {
    let text = "name = \"x\"\nprefer = \"price\"\n[[site]]\nname = \"here\"\n\
        [[pool]]\nname = \"a\"\nsite = \"there\"\nmodel = \"llama-3.1-8b\"\nsystem = \"dgx-h100\"\n\
        replicas = -1\nrole = \"prefill\"\nprefix_caching = \"yes\"\n\
        [[service]]\nname = \"chat\"\nshare = 0\nslo = { ttft = 2, tpot = \"50 ms\" }\n";
    let parsed = parse_fleet(text, Catalog::builtin());
    assert!(parsed.fleet.is_none());
    expect![[r#"
        error: site `here` states no `price`
         --> fleet.toml:2:10
          |
        2 | prefer = "price"
          |          ^^^^^^^ sites are ranked by it
          |
          = help: add `price = "47 USD/MWh"` there, or prefer latency or capacity

        error: there is no site `there`
         --> fleet.toml:7:8
          |
        7 | site = "there"
          |        ^^^^^^^ did you mean `here`?
          |
          = help: sites of this file: `here`

        error: `replicas` cannot be -1
          --> fleet.toml:10:12
           |
        10 | replicas = -1
           |            ^^ at least 0 and at most 1000000
           |
           = help: such as `replicas = 8`

        error: a pool that prefills hands its prompts to nobody
          --> fleet.toml:11:8
           |
        11 | role = "prefill"
           |        ^^^^^^^^^ `hands_to` is needed
           |
           = help: name a `[[pool]]` of the same site with `role = "decode"`, as in `hands_to = "chat-decode"`

        error: `prefix_caching` must be `true` or `false`
          --> fleet.toml:12:18
           |
        12 | prefix_caching = "yes"
           |                  ^^^^^ this is text
           |
           = help: write it like `prefix_caching = false`

        error: `ttft` has no unit
          --> fleet.toml:16:16
           |
        16 | slo = { ttft = 2, tpot = "50 ms" }
           |                ^ 2 of what?
           |
           = help: write `ttft = "2 s"` (units: s, ns, us, ms, min, h, hours, hour, days, day, weeks, years, year)
    "#]].assert_eq(&parsed.diagnostics.render("fleet.toml", text, false));
}

#[test]
fn a_service_that_nobody_answers() {
    let text =
        sound().replace("router = \"kv-aware\"", "router = \"kv-aware\"\nservices = [\"chat\"]");
    let parsed = parse_fleet(&text, Catalog::builtin());
    assert!(parsed.fleet.is_none());
    expect![[r#"
        error: no pool answers service `batch`
          --> fleet.toml:43:8
           |
        43 | name = "batch"
           |        ^^^^^^^ all of it would be lost
           |
           = help: name it in `services` of a `[[pool]]`, such as `services = ["batch"]`
    "#]]
    .assert_eq(&parsed.diagnostics.render("fleet.toml", &text, false));
}
