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

#[test]
fn stages_that_do_not_match() {
    broken(
        "engine = { tensor = 2, precision = \"fp8\" }",
        "engine = { tensor = 2, pipeline = 2, precision = \"fp8\" }",
        expect![[r#"
            error: pool `west-prompts` cannot hand prompts over to `west-answers`: 2 pipeline stages hold other layers than 1
              --> fleet.toml:55:12
               |
            55 | hands_to = "west-answers"
               |            ^^^^^^^^^^^^^^ 1 stages
               |
               = help: give both as many, which may be 1
        "#]],
    );
}

#[test]
fn a_provider_that_is_not_there() {
    broken(
        "accelerator_hour = \"2.50 USD\"",
        "provider = \"nebula\"",
        expect![[r#"
        error: there is no provider `nebula`
          --> fleet.toml:58:12
           |
        58 | provider = "nebula"
           |            ^^^^^^^^ no such `[[provider]]`
           |
           = help: add a `[[provider]]` of that name
    "#]],
    );
    broken(
        "[[event]]",
        "[[provider]]\nname = \"nebula\"\nenergy_included = 1\n\n[[event]]",
        expect![[r#"
            error: `energy_included` must be `true` or `false`
              --> fleet.toml:84:19
               |
            84 | energy_included = 1
               |                   ^ this is a whole number
               |
               = help: write it like `energy_included = false`
        "#]],
    );
}

#[test]
fn pools_that_cannot_be_compared_by_price() {
    let text = sound().replace("prefer = \"latency\"", "prefer = \"price\"");
    let text = text.replacen("accelerator_hour = \"2.50 USD\"\n", "", 1);
    let parsed = parse_fleet(&text, Catalog::builtin());
    assert!(parsed.fleet.is_none());
    expect![[r#"
        error: nothing states what an hour of its accelerators costs
          --> fleet.toml:48:8
           |
        48 | name = "west-prompts"
           |        ^^^^^^^^^^^^^^ others do, and pools are ranked by price
           |
           = help: add `accelerator_hour = "2.20 USD"` to the pool or its provider, or leave it out everywhere
    "#]].assert_eq(&parsed.diagnostics.render("fleet.toml", &text, false));
}

#[test]
fn a_misspelt_service_is_all_that_is_said() {
    let three = crate::builtin_fleet("three-providers").expect("it is built in");
    let text = three.replacen("services = [\"chat\"]", "services = [\"chta\"]", 4);
    let parsed = parse_fleet(&text, Catalog::builtin());
    assert!(parsed.fleet.is_none());
    let said = parsed.diagnostics.render("fleet.toml", &text, false);
    assert_eq!(said.matches("error: ").count(), 3, "{said}");
    assert_eq!(said.matches("there is no service `chta`").count(), 3, "{said}");
    assert_eq!(said.matches("did you mean `chat`?").count(), 3, "{said}");
    // A provider that is not there may include the energy.
    let text = three.replacen("provider = \"north-cloud\"", "provider = \"north-clod\"", 1);
    let said =
        parse_fleet(&text, Catalog::builtin()).diagnostics.render("fleet.toml", &text, false);
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert!(said.contains("did you mean `north-cloud`?"), "{said}");
}

#[test]
fn a_curtailment_that_ends_before_it_begins() {
    broken(
        "[[event]]",
        "[[curtailment]]\nsite = \"oregon\"\npower = \"60 %\"\nfrom = \"5 min\"\nuntil = \"5 min\"\n\n\
         [[event]]",
        expect![[r#"
            error: until 5 min, but from 5 min
              --> fleet.toml:86:9
               |
            86 | until = "5 min"
               |         ^^^^^^^ not later than it begins
               |
               = help: exchange the two
        "#]],
    );
    broken(
        "[[event]]",
        "[[curtailment]]\nsite = \"oregon\"\npower = \"160 %\"\nfrom = \"5 min\"\nuntil = \"6 min\"\n\n\
         [[event]]",
        expect![[r#"
            error: `power` cannot be 160 %
              --> fleet.toml:84:9
               |
            84 | power = "160 %"
               |         ^^^^^^^ more than 0 and at most 1
               |
               = help: such as `power = "60 %"`
        "#]],
    );
}

#[test]
fn batches_of_groups_that_are_not_there() {
    broken(
        "role = \"decode\"",
        "role = \"decode\"\nown_batches = true",
        expect![[r#"
        error: `own_batches` of an engine with one attention group
          --> fleet.toml:68:15
           |
        68 | own_batches = true
           |               ^^^^ there is but one batch
           |
           = help: leave it out, or give `engine` several groups, such as `data_attention = 8`
    "#]],
    );
    broken(
        "engine = { tensor = 2, precision = \"fp8\" }",
        "engine = { data_attention = 8, precision = \"fp8\", max_seqs = 4 }\nown_batches = true",
        expect![[r#"
            error: 4 sequences for the batches of 8 attention groups
              --> fleet.toml:53:15
               |
            53 | own_batches = true
               |               ^^^^ some would have none
               |
               = help: raise the engine's `max_seqs` to 8 or more
        "#]],
    );
}

#[test]
fn a_decoding_autoscaler_states_what_it_follows() {
    broken(
        "role = \"decode\"",
        "role = \"decode\"\nautoscale = { min = 1, max = 4 }",
        expect![[r#"
        error: an autoscaler of a pool that only decodes does not know what a replica sustains
          --> fleet.toml:68:13
           |
        68 | autoscale = { min = 1, max = 4 }
           |             ^^^^^^^^^^^^^^^^^^^^ `sustained` is needed
           |
           = help: state it, such as `sustained = 5`; only pools that are asked are tried out
    "#]],
    );
    let text = sound().replace("sustained = 6, ", "");
    let parsed = parse_fleet(&text, Catalog::builtin());
    let fleet = parsed.fleet.expect("who is asked can be tried");
    assert_eq!(fleet.pools[2].scale.map(|scale| scale.sustained), Some(None));
}

#[test]
fn a_link_that_nothing_goes_over() {
    broken(
        "engine = { tensor = 2, precision = \"fp8\" }",
        "engine = { tensor = 2, precision = \"fp8\", host_link = \"50 GB/s\" }",
        expect![[r#"
            error: `host_link` of an engine that moves nothing to its host
              --> fleet.toml:52:55
               |
            52 | engine = { tensor = 2, precision = "fp8", host_link = "50 GB/s" }
               |                                                       ^^^^^^^^^ what is preempted is computed again
               |
               = help: leave it out, or set `preemption = "swap"`
        "#]],
    );
}

#[test]
fn three_providers_are_read() {
    let text = builtin_fleet("three-providers").expect("it is built in");
    let parsed = parse_fleet(text, Catalog::builtin());
    assert_eq!(parsed.diagnostics.render("fleet.toml", text, false), "");
    let fleet = parsed.fleet.expect("it is sound");
    let hour = |pool: usize| fleet.pools[pool].accelerator_hour.map(|hour| hour.as_usd());
    assert_eq!((hour(0), hour(2), hour(3)), (Some(1.6), Some(2.4), Some(3.9)));
    assert_eq!((fleet.pools[1].provider, fleet.pools[3].provider), (None, Some(1)));
    assert!(fleet.pools[1].own_batches && !fleet.pools[0].own_batches);
    assert_eq!(fleet.sites[0].power.map(|power| power.as_watts()), Some(17_000.0));
    assert_eq!(fleet.sites[0].curtailments.len(), 1);
}
