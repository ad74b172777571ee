//! Contracts over the years: what they pay, who owes whom, and that all of it adds up.

mod books;

use wattmill_catalog::Catalog;
use wattmill_config::parse_factory;
use wattmill_factory::Factory;
use wattmill_plan::{FigureName, Plan, figures, offers, run};
use wattmill_units::Money;

/// A megawatt of nodes in a hall over these days, with more keys of the site and of the phase, and
/// `more` tables.
fn hall((start, end): (&str, &str), site: &str, phase: &str, more: &str) -> String {
    format!(
        r#"name = "hall"
start = {start}
end = {end}

[[site]]
name = "hall"
grid = {{ connection = "10 MW", energized = 2025-01-01, price = "50 USD/MWh", carbon = "0 g/kWh" }}
{site}

[[phase]]
name = "nodes"
site = "hall"
system = "dgx-h100"
power = "1 MW"
{phase}
{more}
"#
    )
}

/// Chat of an eighth of a node, asked by these users.
fn chat(users: &str) -> String {
    format!(
        r#"
[[service]]
name = "chat"
model = "llama-3.1-8b"
slo = {{ ttft = "2 s", tpot = "50 ms" }}
engine = {{ tensor = 1, precision = "fp8" }}
users = {{ {users}, input_tokens = 500, output_tokens = 100 }}
"#
    )
}

/// A node that serves at a price for three years, with `more` tables.
fn factory(more: &str) -> Factory {
    with("", more)
}

/// The same with something more at its site.
fn with(site: &str, more: &str) -> Factory {
    let phase = "first_rack = 2027-01-01\nramp = \"300 days\"";
    let priced = chat("requests_per_day = 1e6") + "price = \"10 USD/M tokens\"\n" + more;
    sound(&hall(("2027-01-01", "2029-12-31"), site, phase, &priced))
}

/// The plan, after its books closed and the fast walk said the same of its cash.
fn plan(factory: &Factory) -> Plan {
    let catalog = Catalog::builtin();
    let offers = offers(factory, catalog, |_, _| {});
    let all = figures(factory, catalog, &offers);
    let plan = run(factory, catalog, offers);
    assert!(plan.ledger.iter().all(|balance| balance.closes()), "{:?}", plan.ledger);
    let owed: f64 = plan.statement.deals.iter().map(|deal| deal.owed.as_usd()).sum();
    let contracts: f64 = plan.cash.quarters.iter().map(|q| q.contracts.as_usd()).sum();
    for (what, exact) in [
        ("most to finance", plan.cash.to_finance.as_usd()),
        ("net present value", plan.cash.present_value.as_usd()),
        ("cost of ownership a year", plan.cash.ownership_per_year.as_usd()),
        ("owed at the end", owed),
        ("from contracts", contracts),
    ] {
        let found = all.iter().find(|(figure, _)| figure.name == FigureName::Whole(what));
        let Some((_, value)) = found else { continue };
        let scale = plan.cash.quarters.iter().map(|q| q.capital.as_usd()).sum::<f64>();
        assert!((value - exact).abs() <= 1e-9 * scale, "{what}: {value} and {exact}");
    }
    plan
}

fn paid(plan: &Plan, index: usize) -> f64 {
    plan.statement.deals[index].paid.as_usd()
}

#[test]
fn a_lease_ramps_up_and_takes_the_building_off_the_books() {
    let owned = plan(&factory(""));
    let leased = plan(&factory(
        r#"
[[contract]]
kind = "lease"
to = "landlord"
site = "hall"
yearly = "1 MUSD"
on = 2027-07-02
ramp = "100 days"
term = "1 year"
"#,
    ));
    // A year less half of its ramp.
    let expected = 1e6 * (365.25 - 50.0) / 365.25;
    assert!((paid(&leased, 0) / expected - 1.0).abs() < 1e-9, "{}", paid(&leased, 0));
    let part = |plan: &Plan, name: &str| {
        plan.parts.iter().find(|part| part.name == name).expect("a part").capital.as_usd()
    };
    assert_eq!(part(&leased, "cooling"), 0.0);
    assert!(part(&owned, "cooling") > 0.0);
    assert_eq!(part(&leased, "network"), part(&owned, "network"));
}

/// Who lends on infrastructure lends on no battery; who lends on the whole does.
#[test]
fn a_loan_on_infrastructure_leaves_out_what_stores_energy() {
    let lent = |covers: &str, battery: &str| {
        let loan = format!(
            "[[contract]]\nname = \"bank\"\nkind = \"loan\"\nfrom = \"lender\"\ncovers = \"{covers}\"\n\
             share = \"50 %\"\nrate = \"8 %/year\"\nterm = \"2 years\"\n"
        );
        let plan = plan(&with(battery, &loan));
        plan.statement.deals[0].paid.as_usd()
    };
    let battery = "battery = { energy = \"4 MWh\", power = \"1 MW\", efficiency = 0.81, capital = \"2 MUSD\" }";
    assert!((lent("infrastructure", battery) - lent("infrastructure", "")).abs() < 1.0);
    assert!((lent("machines", battery) - lent("machines", "")).abs() < 1.0);
    assert!((lent("all", battery) - lent("all", "") - 1e6).abs() < 1.0);
}

#[test]
fn a_loan_is_paid_back_with_interest_or_owed_at_the_end() {
    let loan = r#"
[[contract]]
name = "vendor loan"
kind = "loan"
from = "nvidia"
covers = "machines"
share = "50 %"
rate = "8 %/year"
term = "2 years"
"#;
    let long = plan(&factory(&loan.replace("2 years", "20 years")));
    let plan = plan(&factory(loan));
    let deal = &plan.statement.deals[0];
    let machines: f64 = plan.parts[..2].iter().map(|part| part.capital.as_usd()).sum();
    assert!((deal.paid.as_usd() / machines - 0.5).abs() < 1e-9);
    assert!((deal.repaid + deal.owed - deal.paid).as_usd().abs() < 1e-3);
    // Paid back evenly over two years, a draw costs about a year's interest.
    let interest = deal.interest.as_usd() / deal.paid.as_usd();
    assert!((0.06..0.1).contains(&interest), "{interest}");
    let circle = &plan.statement.circles[0];
    assert_eq!(circle.parties, ["us", "nvidia"]);
    let vendor = plan.statement.parties.iter().find(|p| p.name == "nvidia").expect("a party");
    assert_eq!(vendor.round_trip(), circle.around);
    // What is still owed at the end someone else would have to finance.
    let vendor = long.statement.parties.iter().find(|p| p.name == "nvidia").expect("a party");
    let stress = vendor.stress.expect("it has a contract");
    assert!(
        stress.default_to_finance > Money::ZERO && stress.default_of_others > 0.0,
        "{stress:?}"
    );
    assert!(stress.default_to_finance < long.statement.deals[0].owed);
}

const SHARES: &str = r#"
[[event]]
name = "declared"
on = 2029-01-01

[[contract]]
name = "first share"
kind = "revenue share"
to = "partner"
share = "20 %"
up_to = "30 kUSD"

[[contract]]
name = "second share"
kind = "revenue share"
to = "partner"
share = "10 %"
after = "first share"
ends = "declared"
"#;

#[test]
fn a_share_ends_at_its_cap_the_next_begins_then_and_an_event_ends_that() {
    let plan = plan(&factory(SHARES));
    let revenue = |until: &str| -> f64 {
        let before = |q: &&wattmill_plan::CashQuarter| q.label.to_string().as_str() < until;
        plan.cash.quarters.iter().filter(before).map(|q| q.revenue.as_usd()).sum()
    };
    assert!((paid(&plan, 0) - 30e3).abs() < 1e-6, "{}", paid(&plan, 0));
    // What is left of the revenue before the event once 30 kUSD are 20 % of it, but for the quarter
    // in which that is, whose revenue is taken to come evenly.
    let expected = 0.1 * (revenue("2029-Q1") - 150e3);
    assert!((paid(&plan, 1) / expected - 1.0).abs() < 0.02, "{} {expected}", paid(&plan, 1));
    let never = factory(&SHARES.replace("on = 2029-01-01", "on = 2029-01-01\nchance = 0.3"));
    assert_eq!(never.events[0].on, None, "less likely than not");
    assert_eq!(never.uncertainty.inputs[0].path, "event.declared.chance");
}

#[test]
fn capacity_is_paid_for_whether_it_is_used_or_not_and_in_any_currency() {
    let take_or_pay = r#"
[[currency]]
name = "EUR"
usd = 1.25

[[contract]]
kind = "capacity"
from = "customer"
yearly = "1 MEUR"
minimum = 0.8
price_year = 2025

[[contract]]
kind = "capacity"
to = "cloud"
yearly = "1 MUSD"
"#;
    let plan = plan(&factory(take_or_pay));
    let years = 1096.0 / 365.25;
    // 2 % of inflation for the year that lies between; machines are used less than the minimum.
    let expected = 1e6 * 1.25 * 1.02 * 0.8 * years;
    assert!((paid(&plan, 0) / expected - 1.0).abs() < 1e-9, "{}", paid(&plan, 0));
    assert!((paid(&plan, 1) / (1e6 * years) - 1.0).abs() < 1e-9, "{}", paid(&plan, 1));
    let net: f64 = plan.cash.quarters.iter().map(|q| q.contracts.as_usd()).sum();
    assert!((net - (paid(&plan, 0) - paid(&plan, 1))).abs() < 1.0);
}

/// Epoch AI (2026-05-14): a gigawatt of IT, all GB200 NVL72, takes 38 GUSD of capital and 0.9 GUSD a
/// year of which 0.6 are energy; capital spread over 5 years for IT and 14 for the facility it is
/// 8.5 GUSD a year, 12 with IT of 3 years and 7 with 7. It states neither the split of its capital nor
/// the cost of money: racks are taken at 3.4 MUSD (Bernstein, 2025-10), the rest of the capital and
/// operations so that they add up to what it states, and money at 7 % a year, the whole per cent at
/// which its three figures agree best with each other. So of the three only their agreement is tested.
#[test]
fn a_gigawatt_costs_what_epoch_says() {
    for (life, stated) in [(5, 8.5e9), (3, 12e9), (7, 7e9)] {
        let text = format!(
            r#"name = "one gigawatt"
start = 2027-01-01
end = 2027-12-31

[[site]]
name = "site"
grid = {{ connection = "1.4 GW", energized = 2026-01-01, price = "62 USD/MWh", carbon = "0 g/kWh" }}

[[phase]]
name = "all"
site = "site"
system = "rack"
power = "1 GW"
basis = "it"
first_rack = 2027-01-01

[[training]]
name = "keeps it busy"
model = "llama-3.1-405b"
tokens = "1e17"
gpus = 1000000

[system.rack]
accelerator = "gb200"
accelerators = 72
unit = "rack"
power_max = "132 kW"
price = "3.4 MUSD"

[economics]
infrastructure = "8.85 USD/W"
operations = "0.79 %/year"
discount = "7 %/year"
machine_life = "{life} years"
infrastructure_life = "14 years"
"#
        );
        let parsed = parse_factory(&text, Catalog::builtin());
        let said = parsed.diagnostics.render("epoch.toml", &text, false);
        let factory = parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"));
        let plan = run(&factory, Catalog::builtin(), Vec::new());
        let capital: f64 = plan.cash.quarters.iter().map(|q| q.capital.as_usd()).sum();
        assert!((capital / 38e9 - 1.0).abs() < 0.01, "{capital}");
        let yearly = plan.cash.ownership_per_year.as_usd();
        assert!((yearly / stated - 1.0).abs() < 0.03, "{life} years: {yearly}");
    }
}

/// The announcement of 2025-09-22: ten gigawatts, "four to five million GPUs", up to 100 GUSD as each
/// gigawatt is deployed. All three hold together when a gigawatt is facility power at the peak PUE and
/// the machines are GB200 racks at their typical power.
#[test]
fn the_announcement_holds_under_its_convention() {
    let catalog = Catalog::builtin();
    let rack = catalog.system("gb200-nvl72").expect("a system").power_typical.expect("a power");
    let text = format!(
        r#"name = "as announced"
start = 2027-01-01
end = 2027-12-31

[[site]]
name = "site"
grid = {{ connection = "10 GW", energized = 2026-01-01, price = "47 USD/MWh", carbon = "0 g/kWh" }}

[[phase]]
name = "all"
site = "site"
system = "gb200-nvl72"
unit_power = "{} kW"
power = "10 GW"
first_rack = 2027-01-01
ramp = "300 days"

[[contract]]
kind = "investment"
from = "nvidia"
amount = "10 GUSD"
for_each = "1 GW deployed"
up_to = "100 GUSD"
"#,
        rack.as_kw()
    );
    let factory = parse_factory(&text, catalog).factory.expect("it is sound");
    let plan = run(&factory, catalog, Vec::new());
    let received: f64 = plan.receipts.iter().map(|receipt| receipt.amount.as_usd()).sum();
    assert_eq!((received, plan.receipts.len()), (100e9, 10));
    assert!((4e6..5e6).contains(&plan.phases[0].accelerators), "{}", plan.phases[0].accelerators);
    let pue = wattmill_factory::Pue { design: 1.4, annual: 1.1 };
    let power = wattmill_units::Power::from_gw(10.0);
    let holding = wattmill_plan::holding(catalog, "gb200-nvl72", power, pue).expect("known");
    let said =
        holding.beside.iter().find(|b| b.said.stated.id == "announced-10gw").expect("stated");
    let convention = &holding.conventions[said.nearest];
    assert_eq!(convention.name, "rack at its typical, PUE 1.4 at peak");
    assert_eq!(convention.accelerators, plan.phases[0].accelerators);
}

fn sound(text: &str) -> Factory {
    let parsed = parse_factory(text, Catalog::builtin());
    let said = parsed.diagnostics.render("contracts.toml", text, false);
    parsed.factory.unwrap_or_else(|| panic!("it is not sound:\n{said}"))
}

/// Users who pay by the month: as many as pay, times their months, as far as they are served.
#[test]
fn subscribers_pay_by_the_month_as_far_as_they_are_served() {
    let text = |users: &str, more: &str| {
        let paid = "subscription = { monthly = \"20 USD\", paying = \"5 %\" }\n";
        let services = chat(&format!("{users}weekly = 10000")) + paid + more;
        hall(("2027-01-01", "2027-12-31"), "", "first_rack = 2027-01-01", &services)
    };
    let sums = |plan: &Plan| {
        let all = plan.quarters.iter().map(|quarter| quarter.services[0]);
        all.fold((0.0, 0.0), |(revenue, of_months), service| {
            (revenue + service.revenue.as_usd(), of_months + service.subscriptions.as_usd())
        })
    };
    let steady = plan(&sound(&text("", "")));
    let (revenue, subscriptions) = sums(&steady);
    // 365 days of twelve months in 365.25.
    let expected = 10_000.0 * 0.05 * 20.0 * 12.0 * 365.0 / 365.25;
    assert!((subscriptions / expected - 1.0).abs() < 1e-9, "{subscriptions} {expected}");
    assert_eq!(revenue, subscriptions);
    let growing = plan(&sound(&text("growth = \"100 %/year\", ", "price = \"1 USD/M tokens\"")));
    let (revenue, subscriptions) = sums(&growing);
    // The mean of twice as many after a year is 1 / ln 2, a day early at most.
    assert!((subscriptions / expected * 2.0_f64.ln() - 1.0).abs() < 0.003, "{subscriptions}");
    let tokens: f64 = growing.quarters.iter().map(|q| q.services[0].served_output_tokens).sum();
    assert!((revenue - subscriptions - tokens / 1e6).abs() < 1e-6 * revenue);
    // More than the machines can serve: who gets no answer does not pay.
    let short = plan(&sound(&text("requests_per_day = 1e10, ", "")));
    let services = short.quarters.iter().map(|quarter| quarter.services[0]);
    let (asked, served) =
        services.fold((0.0, 0.0), |(a, s), of| (a + of.asked_requests, s + of.served_requests));
    assert!(served < 0.9 * asked);
    let (_, subscriptions) = sums(&short);
    assert!((subscriptions / expected / (served / asked) - 1.0).abs() < 1e-3, "{subscriptions}");
    let all = figures(&sound(&text("", "")), Catalog::builtin(), &steady.offers);
    let of = |name| all.iter().find(|(f, _)| f.name == FigureName::Whole(name)).expect("it").1;
    assert!((of("subscriptions") / expected - 1.0).abs() < 1e-9);
    assert!((of("revenue") / expected - 1.0).abs() < 1e-9);
}

/// Parties that default half-way through the first year of the plan.
#[test]
fn a_default_ends_what_comes_from_a_party_and_says_who_goes_without() {
    let contracts = |event: &str| {
        factory(&format!(
            r#"
{event}
[[contract]]
name = "vendor loan"
kind = "loan"
from = "nvidia"
share = "50 %"
rate = "8 %/year"
term = "10 years"

[[contract]]
name = "rented out"
kind = "capacity"
from = "cloud"
yearly = "1 MUSD"

[[contract]]
name = "on to another"
kind = "capacity"
from = "cloud"
to = "steel"
yearly = "2 MUSD"

[[contract]]
name = "share"
kind = "revenue share"
to = "cloud"
share = "1 %"

[[contract]]
kind = "investment"
from = "cloud"
amount = "3 MUSD"
for_each = "200 kW"
"#
        ))
    };
    let event = "[[event]]\nname = \"bankrupt\"\non = 2027-07-02\ndefaults = \"cloud\"\n";
    let (whole, broken) = (plan(&contracts("")), plan(&contracts(event)));
    assert!(whole.statement.defaults.is_empty());
    let mut stressed = whole.statement.parties.iter().filter_map(|party| party.stress);
    assert!(stressed.all(|stress| (0.0..=1.0).contains(&stress.default_of_others)));
    let outcome = &broken.statement.defaults[0];
    assert_eq!((outcome.event.as_str(), outcome.party.as_str()), ("bankrupt", "cloud"));
    // It rents for 182 days of 1096, and invests in what stands until then.
    assert!((paid(&broken, 1) / paid(&whole, 1) - 182.0 / 1096.0).abs() < 1e-9);
    let invested = |plan: &Plan| -> f64 { plan.receipts.iter().map(|r| r.amount.as_usd()).sum() };
    assert!(invested(&broken) < invested(&whole) && invested(&broken) > 0.0);
    let missing = paid(&whole, 1) - paid(&broken, 1) + invested(&whole) - invested(&broken);
    assert!((outcome.missing.as_usd() - missing).abs() < 1.0, "{} {missing}", outcome.missing);
    // Its share of revenue is owed on, to whoever has its claims; the loan is another's.
    assert_eq!(paid(&broken, 3), paid(&whole, 3));
    assert_eq!(paid(&broken, 0), paid(&whole, 0));
    let more = broken.cash.to_finance - whole.cash.to_finance;
    assert!((outcome.to_finance - more).as_usd().abs() < 1.0 && more > Money::ZERO, "{more}");
    let lost = outcome.others.iter().find(|(name, _)| name == "steel").expect("it is paid");
    let of_its_own = paid(&whole, 2) - paid(&broken, 2);
    assert!((lost.1.as_usd() - of_its_own).abs() < 1.0 && of_its_own > 3e6, "{lost:?}");
    assert!(outcome.others.iter().any(|(name, _)| name == "nvidia"), "{:?}", outcome.others);
    // A lender that defaults lends nothing more, and is owed what it lent.
    let lender = plan(&contracts(&event.replace("cloud", "nvidia")));
    let outcome = &lender.statement.defaults[0];
    assert!(paid(&lender, 0) < paid(&whole, 0) && outcome.owed > Money::ZERO);
    assert_eq!(outcome.owed, lender.statement.deals[0].owed);
    // One that is less likely than not does not happen in the plan.
    let unlikely = plan(&contracts(&event.replace("defaults", "chance = 0.2\ndefaults")));
    assert!(unlikely.statement.defaults.is_empty());
    assert_eq!(unlikely.cash, whole.cash);
}

#[test]
fn what_investors_had_paid_before_the_plan_is_there_at_its_start() {
    let equity = |on: &str| {
        let terms = "kind = \"equity\"\nfrom = \"cloud\"\namount = \"3 MUSD\"";
        format!("[[contract]]\n{terms}\non = {on}\n")
    };
    let on = |days: &str| plan(&factory(&equity(days)));
    let (without, early, first) = (plan(&factory("")), on("2026-02-27"), on("2027-01-01"));
    assert_eq!(early.receipts[0].date.to_string(), "2026-02-27");
    assert_eq!(early.cash, first.cash);
    assert_eq!(early.cash.quarters[0].received, Money::from_usd(3e6));
    let less = without.cash.to_finance - early.cash.to_finance;
    assert!((less.as_usd() - 3e6).abs() < 1.0, "{less}");
    let earlier = equity("2026-02-27") + &equity("2026-01-15");
    let days: Vec<String> =
        plan(&factory(&earlier)).receipts.iter().map(|r| r.date.to_string()).collect();
    assert_eq!(days, ["2026-01-15", "2026-02-27"], "in the order of their days");
    // What it has paid it can neither be late with nor take back; what is to come it can.
    let stress = |plan: &Plan| {
        let party = plan.statement.parties.iter().find(|party| party.name == "cloud");
        party.expect("it pays").stress
    };
    assert_eq!(stress(&early), None);
    let both = plan(&factory(&(equity("2026-02-27") + &equity("2027-02-01"))));
    let missing = stress(&both).expect("it is to pay more").default_to_finance;
    assert!((missing.as_usd() - 3e6).abs() < 1.0, "{missing}");
}

#[test]
fn what_is_promised_more_than_once_is_said() {
    let share = |name: &str, share: f64| {
        let terms =
            format!("kind = \"revenue share\"\nfrom = \"us\"\nto = \"{name}\"\nshare = {share}");
        format!("[[contract]]\nname = \"{name}s\"\n{terms}\n")
    };
    let said = |first: f64, second: f64| {
        plan(&factory(&(share("cloud", first) + &share("lender", second)))).warnings
    };
    let said_of_both = said(0.7, 0.6);
    assert_eq!(said_of_both.len(), 1, "{said_of_both:?}");
    for part in ["in 2027-Q1 shares of revenue take", "`clouds` or `lenders`"] {
        assert!(said_of_both[0].contains(part), "{said_of_both:?}");
    }
    assert!(said(0.6, 0.4).is_empty());
    let loan = |name: &str, share: f64| {
        let terms = format!(
            "kind = \"loan\"\nfrom = \"{name}\"\nshare = {share}\nrate = \"5 %/year\"\nterm = \"2 years\""
        );
        format!("[[contract]]\nname = \"{name}s\"\n{terms}\n")
    };
    let lent = |first: f64, second: f64| {
        plan(&factory(&(loan("bank", first) + &loan("fund", second)))).warnings
    };
    let said = lent(0.7, 0.7);
    assert!(said.len() == 1 && said[0].contains("loans pay for"), "{said:?}");
    assert!(said[0].contains("`banks` or `funds`"), "{said:?}");
    assert!(lent(0.7, 0.3).is_empty());
    // Of machines alone more than all is lent, although it is less than all that is spent.
    let covers = |name: &str| loan(name, 0.55) + "covers = \"machines\"\n";
    let said = plan(&factory(&(covers("bank") + &covers("fund")))).warnings;
    assert!(said.len() == 1 && said[0].contains("loans pay for"), "{said:?}");
}

#[test]
fn investors_may_pay_others_and_we_may_invest() {
    let pays = |kind: &str, from: &str, to: &str, more: &str| {
        let terms = format!("kind = \"{kind}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{more}");
        format!("[[contract]]\n{terms}\n")
    };
    let once = "amount = \"3 MUSD\"\non = 2027-05-01";
    let steps = "amount = \"1 MUSD\"\nfor_each = \"200 kW\"";
    let of = |more: &str| plan(&factory(more));
    let none = of("");
    let others =
        of(&(pays("equity", "chips", "cloud", once)
            + &pays("investment", "chips", "cloud", steps)));
    assert_eq!(others.cash, none.cash, "nothing of it is ours");
    assert_eq!(others.receipts.len(), 6, "one at once, five steps of a megawatt");
    assert!(others.receipts.iter().all(|receipt| receipt.to == "cloud"));
    // Both are told beside those who deal with us, after them.
    let among: Vec<(&str, f64, f64)> = others
        .statement
        .parties
        .iter()
        .filter(|party| party.among_others() > Money::ZERO)
        .map(|party| (&*party.name, party.from_others.as_musd(), party.to_others.as_musd()))
        .collect();
    assert_eq!(among, [("chips", 0.0, 8.0), ("cloud", 8.0, 0.0)]);
    let strangers = others.statement.parties.iter().rev().take(2);
    assert!(strangers.clone().all(|party| party.received + party.paid == Money::ZERO));
    // It goes round once the cloud buys of whom it was paid by.
    let lease = "yearly = \"2 MUSD\"\nterm = \"1 years\"";
    let round =
        of(&(pays("equity", "chips", "cloud", once) + &pays("lease", "cloud", "chips", lease)));
    let circle = &round.statement.circles[0];
    assert_eq!(circle.parties, ["chips", "cloud"]);
    assert!((circle.around.as_usd() / 2e6 - 1.0).abs() < 0.01, "{}", circle.around);
    // What we invest in others is ours to pay, and a side that has defaulted neither pays nor is paid.
    let ours = of(&pays("equity", "us", "cloud", once));
    let more = ours.cash.to_finance - none.cash.to_finance;
    assert!((more.as_usd() - 3e6).abs() < 1.0, "{more}");
    let event = "[[event]]\nname = \"bankrupt\"\non = 2027-04-02\ndefaults = \"cloud\"\n";
    let broken = of(&(pays("equity", "us", "cloud", once) + event));
    assert_eq!(broken.cash, none.cash);
    let outcome = &broken.statement.defaults[0];
    assert_eq!((outcome.missing, outcome.spared), (Money::ZERO, Money::from_usd(3e6)));
}
