//! Fleets under traffic: whose machines answer, at which price and power, and what a replica sustains.

use std::fmt::Write;
use std::ops::ControlFlow;

use wattmill::catalog::Catalog;
use wattmill::config::{Fleet, builtin_fleet};
use wattmill::factory::{Arrivals, EngineSpec, Layout, LengthTable, Lengths};
use wattmill::plan::Engine;
use wattmill::policy::Preemption;
use wattmill::report::{ServedFleet, ServedPool};
use wattmill::sim::{Ask, Rates, Synthetic};
use wattmill::units::{ByteRate, SimTime};
use wattmill::{catalog::Precision, check_fleet, serve};

/// A hall with one pool of eight accelerators in two replicas, and what follows in the file.
fn hall(pool: &str, rest: &str) -> String {
    format!(
        "name = \"Mill\"\n[[site]]\nname = \"hall\"\nprice = \"50 USD/MWh\"\n\
         carbon = \"100 g/kWh\"\n{rest}\n\
         [[service]]\nname = \"chat\"\nslo = {{ ttft = \"2 s\", tpot = \"50 ms\" }}\n\
         [[pool]]\nname = \"all\"\nsite = \"hall\"\nmodel = \"llama-3.1-8b\"\n\
         system = \"dgx-h100\"\nreplicas = 2\n{pool}\n"
    )
}

fn fleet(text: &str) -> Fleet {
    let checked = check_fleet(text, Catalog::builtin());
    let said = checked.diagnostics.render("fleet.toml", text, false);
    checked.fleet.unwrap_or_else(|| panic!("{said}"))
}

/// What is said of a file that cannot be run.
fn refused(text: &str) -> String {
    let checked = check_fleet(text, Catalog::builtin());
    assert!(checked.fleet.is_none(), "{text}");
    checked.diagnostics.render("fleet.toml", text, false)
}

/// Requests of the chat of Azure, so many a second.
fn asks(rate: f64, minutes: u64) -> impl Iterator<Item = Ask> {
    let row = Catalog::builtin().lengths("azure-conv-2023").expect("it is there");
    let table = |points| LengthTable::from_quantiles(points).expect("it is one");
    let lengths =
        Lengths { name: row.id.clone(), input: table(&row.input), output: table(&row.output) };
    let end = SimTime::from_ns(minutes * 60_000_000_000);
    let drawn = Synthetic::new(7, Rates::constant(rate), Arrivals::Poisson, &lengths);
    let requests: Vec<_> = drawn.take_while(|request| request.arrival < end).collect();
    requests.into_iter().map(Ask::alone)
}

fn served(text: &str, rate: f64, minutes: u64) -> ServedFleet {
    let going = |_| ControlFlow::Continue(());
    let asked = asks(rate, minutes);
    let served = serve(&fleet(text), Catalog::builtin(), asked, |id| id, |_| {}, going);
    let served = served.unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(served.imbalance, None);
    served
}

fn pool<'s>(served: &'s ServedFleet, name: &str) -> &'s ServedPool {
    let found = served.pools.iter().find(|pool| pool.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

const GROUPS: &str = "name = \"Groups\"\n[[site]]\nname = \"hall\"\n\
    [[service]]\nname = \"chat\"\nslo = { ttft = \"5 s\", tpot = \"100 ms\" }\n\
    [[pool]]\nname = \"all\"\nsite = \"hall\"\nmodel = \"deepseek-v3\"\nsystem = \"dgx-h200\"\n\
    engine = { data_attention = 8, expert = 8, precision = \"fp8\", max_seqs = 512 }\n\
    replicas = 2\nrouter = \"least-loaded\"\n";

#[test]
fn groups_with_batches_of_their_own_wait_for_the_slowest() {
    let even = served(GROUPS, 4.0, 3);
    let own = served(&format!("{GROUPS}own_batches = true\n"), 4.0, 3);
    let uneven = GROUPS.replace("max_seqs = 512", "max_seqs = 512, expert_imbalance = 1.5");
    let uneven = served(&format!("{uneven}own_batches = true\n"), 4.0, 3);
    let tpot = |served: &ServedFleet| served.services[0].tpot.mean;
    assert!(tpot(&own) > tpot(&even), "{} {}", tpot(&own), tpot(&even));
    assert!(tpot(&uneven) > tpot(&own), "{} {}", tpot(&uneven), tpot(&own));
    assert_eq!((even.pools[0].groups, own.pools[0].groups), (1, 8));
    for served in [&even, &own, &uneven] {
        assert_eq!(served.services[0].finished, served.services[0].asked);
    }
    // Each answers everything: the same tokens, whatever the batches.
    assert_eq!(own.services[0].output_tokens, even.services[0].output_tokens);
    let said =
        refused(&hall("engine = { tensor = 1, precision = \"fp8\" }\nown_batches = true", ""));
    assert!(said.contains("--> fleet.toml:17:15") && said.contains("data_attention = 8"), "{said}");
}

/// Two clouds and a hall, all alike but for what an hour and energy cost.
fn clouds(rest: &str) -> String {
    let mut text = String::from(
        "name = \"Clouds\"\nprefer = \"price\"\n\
         [[provider]]\nname = \"dear\"\naccelerator_hour = \"4 USD\"\n\
         [[provider]]\nname = \"cheap\"\naccelerator_hour = \"2 USD\"\n\
         [[service]]\nname = \"chat\"\nslo = { ttft = \"2 s\", tpot = \"50 ms\" }\n\
         [[site]]\nname = \"hall\"\nprice = \"50 USD/MWh\"\n",
    );
    for (place, terms) in [
        ("hall", "accelerator_hour = \"3 USD\""),
        ("dear", "provider = \"dear\""),
        ("cheap", "provider = \"cheap\""),
    ] {
        if place != "hall" {
            let _ = writeln!(text, "[[site]]\nname = \"{place}\"");
        }
        let _ = writeln!(
            text,
            "[[pool]]\nname = \"{place}\"\nsite = \"{place}\"\nmodel = \"llama-3.1-8b\"\n\
             system = \"dgx-h100\"\nreplicas = 2\n{terms}\nadmission = {{ in_hand = 256 }}"
        );
    }
    text + rest
}

#[test]
fn the_cheapest_provider_answers_and_the_next_takes_over() {
    let calm = served(&clouds(""), 8.0, 6);
    assert_eq!(calm.services[0].finished, calm.services[0].asked);
    assert_eq!(pool(&calm, "hall").usage.decode_tokens, 0);
    assert_eq!(pool(&calm, "dear").usage.decode_tokens, 0);
    // The cheap one is lost for two of six minutes, and the hall in the second of them.
    let lost = "[[event]]\nsite = \"cheap\"\nlost = \"2 min\"\nback = \"4 min\"\n\
                [[event]]\nsite = \"hall\"\nlost = \"3 min\"\n";
    let stormy = served(&clouds(lost), 8.0, 6);
    assert_eq!(stormy.services[0].finished, stormy.services[0].asked, "somebody else answers");
    assert!(stormy.books.resent > 0);
    let made = |name: &str| pool(&stormy, name).usage.decode_tokens;
    assert!(made("cheap") > 0 && made("hall") > 0 && made("dear") > 0);
    assert!(made("cheap") < pool(&calm, "cheap").usage.decode_tokens);

    for served in [&calm, &stormy] {
        let [dear, cheap, own] = &served.providers[..] else { panic!("{:?}", served.providers) };
        assert_eq!((dear.name.as_deref(), own.name.as_deref()), (Some("dear"), None));
        // Clouds sell machines that run; one's own energy is paid for.
        assert!(dear.energy.is_some_and(|energy| energy.as_usd() == 0.0));
        let paid = cheap.accelerators.map(|paid| paid.as_usd()).unwrap_or(f64::NAN);
        assert!((paid - 2.0 * cheap.accelerator_hours).abs() < 1e-9, "{paid}");
        let energy = own.energy.map(|energy| energy.as_usd()).unwrap_or(f64::NAN);
        let used = pool(served, "hall").energy.unwrap().as_mwh() * 1.2;
        assert!((energy - 50.0 * used).abs() < 1e-9, "{energy}");
        let sum: f64 = served.providers.iter().filter_map(|p| p.cost()).map(|c| c.as_usd()).sum();
        assert!((sum - served.cost.map(|cost| cost.as_usd()).unwrap_or(0.0)).abs() < 1e-9);
    }
}

#[test]
fn what_the_cheapest_cannot_take_in_time_goes_to_the_next() {
    let tried = served(&hall("autoscale = { min = 2, max = 2 }", ""), 40.0, 2);
    let each = tried.pools[0].sustained.expect("it was tried");
    // Two replicas of each: all of the cheap one, some of the hall, with room in front of every router.
    let text = clouds("").replace("admission = { in_hand = 256 }", "");
    let busy = served(&text, 3.2 * each, 3);
    let kept = busy.services[0].attainment().unwrap_or(0.0);
    assert!(kept > 0.98, "{kept}");
    let made = ["cheap", "hall", "dear"].map(|name| pool(&busy, name).usage.decode_tokens as f64);
    assert!(made[0] > 1.2 * made[1] && made[1] > 20.0 * made[2], "{made:?}");
}

#[test]
fn carbon_and_price_count_what_an_engine_needs() {
    // The same hour and energy for all, but one runs on half as many accelerators a replica.
    let text = clouds("").replace("4 USD", "3 USD").replace("2 USD", "3 USD");
    let frugal = "provider = \"dear\"\nengine = { tensor = 1, precision = \"fp8\" }";
    let text = text.replace("provider = \"dear\"", frugal);
    let others = "engine = { tensor = 4, precision = \"fp8\" }\n";
    let text = text.replace("provider = \"cheap\"", &format!("provider = \"cheap\"\n{others}"));
    let text = text.replace(
        "accelerator_hour = \"3 USD\"\nadmission",
        &format!("accelerator_hour = \"3 USD\"\n{others}admission"),
    );
    let served = served(&text, 4.0, 2);
    assert_eq!(pool(&served, "dear").usage.prompt_completions, served.services[0].finished);
    let silent = clouds("").replace("accelerator_hour = \"3 USD\"", "");
    let said = refused(&silent);
    assert!(said.contains("nothing states what an hour of its accelerators costs"), "{said}");
    let free = clouds("").replace("price = \"50 USD/MWh\"\n", "");
    assert!(refused(&free).contains("site `hall` states no `price`"));
}

#[test]
fn a_site_shares_its_power_and_gives_it_back() {
    // Two replicas of an accelerator, PUE 1.2: 1,680 W at their limit.
    let whole = served(&hall("", ""), 60.0, 6);
    assert!(whole.pools[0].caps.is_empty());
    let less = "[[curtailment]]\nsite = \"hall\"\npower = \"50 %\"\nfrom = \"2 min\"\n\
                until = \"4 min\"\n";
    let curtailed = served(&hall("", less), 60.0, 6);
    let caps: Vec<_> = curtailed.pools[0]
        .caps
        .iter()
        .map(|cap| (cap.from.as_s().round(), cap.accelerator.map(|power| power.as_watts())))
        .collect();
    assert_eq!(caps, [(0.0, None), (120.0, Some(350.0)), (240.0, None)]);
    let power = |served: &ServedFleet, minute: usize| {
        served.rows[minute].pools[0].power().unwrap().as_watts()
    };
    for minute in [2, 3] {
        assert!(power(&curtailed, minute) <= 700.0, "{}", power(&curtailed, minute));
        assert!(power(&curtailed, minute) < power(&whole, minute));
    }
    assert!((power(&curtailed, 1) / power(&whole, 1) - 1.0).abs() < 1e-9, "as before");
    // A stated power holds from the start, and a curtailment takes its part of it.
    let stated = served(&hall("", &format!("power = \"1.2 kW\"\n{less}")), 60.0, 5);
    let watts = |at: usize| stated.pools[0].caps[at].accelerator.map(|power| power.as_watts());
    assert_eq!((watts(0), watts(1), watts(2)), (Some(500.0), Some(250.0), Some(500.0)));
    let caps = stated.rows.iter().map(|row| row.pools[0].power().unwrap().as_watts() * 1.2);
    assert!(caps.into_iter().all(|power| power <= 1_200.0));
}

#[test]
fn whoever_has_priority_keeps_its_power() {
    let two = |shared: &str| {
        let second = "[[pool]]\nname = \"more\"\nsite = \"hall\"\nmodel = \"llama-3.1-8b\"\n\
                      system = \"dgx-h100\"\nreplicas = 2\npriority = 1\n";
        let site = format!("pue = 1\npower = \"2 kW\"\nshared = \"{shared}\"");
        served(&format!("{}{second}", hall("", &site)), 10.0, 1)
    };
    let caps = |served: &ServedFleet| {
        let caps = served.pools.iter().map(|pool| pool.caps.first()?.accelerator);
        caps.map(|cap| cap.map(|power| power.as_watts())).collect::<Vec<_>>()
    };
    assert_eq!(caps(&two("proportional")), [Some(500.0), Some(500.0)]);
    assert_eq!(caps(&two("priority")), [Some(300.0), None]);
    let said = refused(&hall("", "power = \"300 W\""));
    assert!(said.contains("--> fleet.toml:6:9"), "{said}");
    assert!(said.contains("keep pool `all` off") && said.contains("raise its power"), "{said}");
}

#[test]
fn a_curtailment_that_keeps_a_pool_off_is_pointed_at() {
    let less = |power: &str| {
        format!(
            "power = \"1.2 kW\"\n[[curtailment]]\nsite = \"hall\"\npower = \"{power}\"\n\
             from = \"2 min\"\nuntil = \"4 min\"\n"
        )
    };
    let text = hall("", &less("10 %"));
    let said = refused(&text);
    let line = 1 + text.lines().position(|line| line == "power = \"10 %\"").expect("it is there");
    assert!(said.contains(&format!("--> fleet.toml:{line}:9")), "{said}");
    assert!(said.contains("keep pool `all` off") && said.contains("ask for less"), "{said}");
}

#[test]
fn an_autoscaler_finds_what_a_replica_sustains() {
    let scaled = |sustained: &str| {
        let scale = format!("autoscale = {{ min = 1, max = 12{sustained} }}");
        served(&hall(&scale, ""), 60.0, 5)
    };
    let found = scaled("");
    assert_eq!(found.warnings, [] as [String; 0]);
    let rate = found.pools[0].sustained.unwrap_or(f64::NAN);
    // One replica keeps the SLO at that rate, and not at a third more.
    let one = |rate: f64| served(&hall("", "").replace("replicas = 2", "replicas = 1"), rate, 5);
    let kept = |served: &ServedFleet| served.services[0].attainment().unwrap_or(0.0);
    assert!(kept(&one(rate * 0.9)) >= 0.99, "{rate}");
    assert!(kept(&one(rate * 1.3)) < 0.99, "{rate}");
    let stated = scaled(", sustained = 300");
    assert_eq!(stated.pools[0].sustained, Some(300.0));
    let [warning] = &stated.warnings[..] else { panic!("{:?}", stated.warnings) };
    assert!(warning.starts_with("pool `all`: `sustained = 300` is more than the"), "{warning}");
    assert!(kept(&stated) <= kept(&found));
    let modest = scaled(", sustained = 1.5");
    assert_eq!(modest.warnings, [] as [String; 0]);
}

#[test]
fn what_is_preempted_goes_to_the_host_and_comes_back() {
    let catalog = Catalog::builtin();
    let model = catalog.model("llama-3.1-8b").expect("a model");
    let system = catalog.system("dgx-h100").expect("a system").clone();
    let accelerator = catalog.accelerator(&system.accelerator).expect("its accelerator").clone();
    let hardware = wattmill::factory::Hardware { accelerator, system };
    let block = |context: u32| {
        let layout = Layout { context, ..Layout::tensor(2) };
        let link = ByteRate::from_gb_per_s(50.0);
        let spec = EngineSpec { swap: Some(link), ..EngineSpec::new(layout, Precision::Fp8) };
        let engine = Engine::new(model, &hardware, catalog, spec).expect("it fits");
        match engine.limits.preemption {
            Preemption::Swap { block } => block.as_seconds().as_us(),
            Preemption::Recompute => panic!("recomputes"),
        }
    };
    // 16 tokens of 32 layers, 4 of 8 heads of 128, keys and values of two bytes, at 50 GB/s.
    let bytes = 16.0 * 32.0 * 4.0 * 128.0 * 2.0 * 2.0;
    assert!((block(1) - bytes / 50e3).abs() < 0.01, "{}", block(1));
    assert!((block(4) - bytes / 4.0 / 50e3).abs() < 0.01, "{}", block(4));

    // Too little memory for its batch: both ways everything is answered, and differently.
    let tight = |way: &str| {
        let engine = format!(
            "engine = {{ tensor = 1, precision = \"bf16\", memory_fraction = 0.26, max_seqs = 64, \
             preemption = \"{way}\" }}"
        );
        served(&hall(&engine, ""), 12.0, 3)
    };
    let (again, moved) = (tight("recompute"), tight("swap"));
    for served in [&again, &moved] {
        assert!(served.pools[0].preemptions > 0, "{:?}", served.pools[0]);
        assert_eq!(served.services[0].finished, served.services[0].asked);
    }
    let prompts = |served: &ServedFleet| served.pools[0].usage.prefill_tokens;
    assert!(prompts(&moved) < prompts(&again), "what comes back is not computed again");
    let link = "engine = { tensor = 1, precision = \"fp8\", host_link = \"9 GB/s\" }";
    assert!(refused(&hall(link, "")).contains("set `preemption = \"swap\"`"));
}

#[test]
fn pairs_that_only_their_machines_keep_apart_are_told_in_the_file() {
    // Nothing in the file differs: the usual layout of one has no ports to the other.
    let two = builtin_fleet("two-coasts").expect("it is built in");
    let text = two.replace(
        "engine = { tensor = 4, precision = \"fp8\" }\nreplicas = 2",
        "engine = { tensor = 4, pipeline = 2, precision = \"fp8\" }\nreplicas = 2",
    );
    let said = refused(&text);
    assert!(said.contains("1 pipeline stages hold other layers than 2"), "{said}");
    assert!(said.contains("hands_to = \"west-answers\""), "{said}");
    let auto =
        two.replace("engine = { tensor = 4, precision = \"fp8\" }\nreplicas = 2", "replicas = 2");
    let auto = auto.replace(
        "engine = { tensor = 2, precision = \"fp8\" }",
        "engine = { tensor = 2, precision = \"fp8\", block_tokens = 32 }",
    );
    let said = refused(&auto);
    assert!(said.contains("blocks of 32 tokens do not become blocks of 16"), "{said}");
    assert!(said.contains("--> fleet.toml:55:12"), "{said}");
}

#[test]
fn context_ranks_prefill_for_others() {
    let two = builtin_fleet("two-coasts").expect("it is built in");
    let long = two.replace(
        "engine = { tensor = 2, precision = \"fp8\" }",
        "engine = { tensor = 2, context = 4, precision = \"fp8\" }",
    );
    let alone = served(two, 4.0, 3);
    let shared = served(&long, 4.0, 3);
    let busy = |served: &ServedFleet| pool(served, "west-prompts").busy;
    assert!(shared.transfers.count > 0 && busy(&shared) < busy(&alone));
    assert_eq!(pool(&shared, "west-prompts").accelerators, 8);
}

#[test]
fn every_built_in_fleet_can_be_run() {
    for (name, text) in wattmill::config::BUILTIN_FLEETS {
        let served = served(text, 20.0, 1);
        assert!(served.services[0].finished > 500, "{name}");
    }
}
