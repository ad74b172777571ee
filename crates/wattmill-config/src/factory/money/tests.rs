//! What can be wrong with contracts, events and currencies.

use expect_test::{Expect, expect};
use wattmill_catalog::Catalog;

use crate::{builtin_factory, parse_factory};

/// A sound factory with these tables at its end, and what is said of them.
fn said(more: &str) -> String {
    let text = builtin_factory("nvl72-rack").expect("built in");
    let text = format!("{text}\n{more}");
    let parsed = parse_factory(&text, Catalog::builtin());
    parsed.diagnostics.render("f.toml", &text, false)
}

#[track_caller]
fn check(more: &str, expected: &Expect) {
    expected.assert_eq(&said(more));
}

fn share(name: &str, after: &str) -> String {
    format!(
        "[[contract]]\nname = \"{name}\"\nkind = \"revenue share\"\nto = \"partner\"\n\
         share = 0.1\nafter = \"{after}\"\n"
    )
}

#[test]
fn contracts_that_wait_for_each_other_are_named_once() {
    let circle = [share("a", "b"), share("b", "c"), share("c", "a")].concat();
    let told = said(&circle);
    assert_eq!(told.matches("wait for each other").count(), 1, "{told}");
    assert!(told.contains("`a` after `b` after `c`"), "{told}");
    let itself = said(&share("a", "a"));
    assert!(itself.contains("wait for each other: `a`"), "{itself}");
}

#[test]
fn a_key_that_no_event_has_is_told_once() {
    let told = said("[[event]]\nname = \"late\"\non = 2028-01-01\nwhen = 3\n");
    assert_eq!(told.matches("unknown key `when`").count(), 1, "{told}");
}

#[test]
fn what_a_contract_names_has_to_be_there() {
    check(
        "[[contract]]\nkind = \"lease\"\nto = \"owner\"\nyearly = \"1 MUSD\"\nsite = \"hal\"\n",
        &expect![[r#"
            error: there is no site `hal`
              --> f.toml:36:8
               |
            36 | site = "hal"
               |        ^^^^^ did you mean `hall`?
               |
               = help: `site` names one site of this file
        "#]],
    );
    check(
        "[[event]]\nname = \"agi\"\non = 2028-01-01\n\n[[contract]]\nkind = \"revenue share\"\n\
         to = \"partner\"\nshare = 0.2\nends = \"agl\"\n",
        &expect![[r#"
            error: there is no event `agl`
              --> f.toml:40:8
               |
            40 | ends = "agl"
               |        ^^^^^ did you mean `agi`?
               |
               = help: `ends` names one event of this file
        "#]],
    );
}

#[test]
fn a_contract_has_the_keys_of_its_kind_and_two_sides() {
    check(
        "[[contract]]\nkind = \"loan\"\nfrom = \"bank\"\nshare = 0.5\nyearly = \"1 MUSD\"\n",
        &expect![[r#"
            error: contract of kind `loan` has no `rate`
              --> f.toml:32:1
               |
            32 | [[contract]]
               | ^^^^^^^^^^^^ `rate` is needed here
               |
               = help: add `rate = "7 %/year"`

            error: contract of kind `loan` has no `term`
              --> f.toml:32:1
               |
            32 | [[contract]]
               | ^^^^^^^^^^^^ `term` is needed here
               |
               = help: add `term = "15 years"`

            error: `yearly` in a contract of kind `loan`
              --> f.toml:36:10
               |
            36 | yearly = "1 MUSD"
               |          ^^^^^^^^ has no meaning here
               |
               = help: take `yearly` away, or change `kind`
        "#]],
    );
    check(
        "[[contract]]\nkind = \"capacity\"\nyearly = \"1 MUSD\"\n",
        &expect![[r#"
        error: `us` pays itself
          --> f.toml:32:1
           |
        32 | [[contract]]
           | ^^^^^^^^^^^^ both sides of the contract
           |
           = help: name the other side in `from` or `to`; we are called `us`
    "#]],
    );
    check(
        "[[contract]]\nkind = \"capacity\"\nto = \"cloud\"\nyearly = \"1 MEUR\"\n",
        &expect![[r#"
            error: `MEUR` is not a unit of money in US dollars
              --> f.toml:35:10
               |
            35 | yearly = "1 MEUR"
               |          ^^^^^^^^ in `1 MEUR`
               |
               = help: use one of USD, kUSD, MUSD, GUSD
        "#]],
    );
}

#[test]
fn regions_add_up_and_an_elastic_price_has_a_reference() {
    let text = builtin_factory("nvl72-rack").expect("built in");
    let broken = |old: &str, new: &str| {
        assert!(text.contains(old), "{text}");
        let text = text.replacen(old, new, 1);
        let parsed = parse_factory(&text, Catalog::builtin());
        parsed.diagnostics.render("f.toml", &text, false)
    };
    let elastic = broken("[[service]]", "[[service]]\nelasticity = -0.5");
    assert!(elastic.contains("`elasticity` without `price`"), "{elastic}");
    assert!(elastic.contains("`elasticity` without `reference_price`"), "{elastic}");
    let regions = "[service.users]\nregions = [{ name = \"x\", share = 0.5, utc_offset = 1 }]";
    let regions = broken("[service.users]", regions);
    assert!(regions.contains("the shares of the regions add up to 0.5"), "{regions}");
}

#[test]
fn who_defaults_is_a_side_of_a_contract() {
    let lease = "[[contract]]\nkind = \"lease\"\nto = \"landlord\"\nyearly = \"1 MUSD\"\n\n";
    let event = "[[event]]\nname = \"e\"\non = 2027-01-01\ndefaults = ";
    check(
        &format!("{lease}{event}\"landlort\"\n"),
        &expect![[r#"
        error: `landlort` owes nobody anything that could be defaulted on
          --> f.toml:40:12
           |
        40 | defaults = "landlort"
           |            ^^^^^^^^^^ did you mean `landlord`?
           |
           = help: name who is `from` or `to` in a `[[contract]]` of this file
    "#]],
    );
    check(
        &format!("{lease}{event}\"us\"\n"),
        &expect![[r#"
        error: `us` owes nobody anything that could be defaulted on
          --> f.toml:40:12
           |
        40 | defaults = "us"
           |            ^^^^ this is the programme itself
           |
           = help: name who is `from` or `to` in a `[[contract]]` of this file
    "#]],
    );
    check(&format!("{lease}{event}\"landlord\"\n"), &expect![[""]]);
}

#[test]
fn a_refresh_and_a_subscription_that_cannot_be_are_told() {
    let phase = "[[phase]]\nname = \"more\"\nsite = \"hall\"\nsystem = \"dgx-h100\"\n\
                 power = \"20 kW\"\nfirst_rack = 2027-01-01\n";
    let twice = "retire = \"5 years\"\nrefresh = { at = \"5 years\" }\n";
    assert!(said(&format!("{phase}{twice}")).contains("both `retire` and `refresh`"));
    let half = "refresh = { at = \"5 years\", unit_power = \"9 kW\" }\n";
    assert!(said(&format!("{phase}{half}")).contains("`unit_power` without `system`"));
    let unknown = "refresh = { at = \"5 years\", system = \"dgx-h10\" }\n";
    assert!(said(&format!("{phase}{unknown}")).contains("did you mean `dgx-h100`?"));
    let service = "[[service]]\nname = \"paid\"\nmodel = \"llama-3.1-8b\"\n\
                   slo = { ttft = \"2 s\", tpot = \"50 ms\" }\n\
                   subscription = { monthly = \"20 USD\", paying = 0.05 }\n\
                   users = { requests_per_day = 1e3, input_tokens = 9, output_tokens = 9 }\n";
    check(
        service,
        &expect![[r#"
        error: a subscription, and nobody counts who has one
          --> f.toml:36:16
           |
        36 | subscription = { monthly = "20 USD", paying = 0.05 }
           |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ users are needed here
           |
           = help: add `weekly` to `users`, such as `weekly = "700 M"`
    "#]],
    );
}
