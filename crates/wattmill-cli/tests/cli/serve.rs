//! `wattmill serve`.

use serde_json::Value;

use crate::support::{Dir, Run};

/// Two pools, two services, one of which waits for nobody.
const FLEET: &str = r#"name = "Mill"

[[site]]
name = "hall"
price = "50 USD/MWh"
carbon = "100 g/kWh"

[[service]]
name = "chat"
share = 3
slo = { ttft = "2 s", tpot = "50 ms" }

[[service]]
name = "batch"
slo = { ttft = "20 s", tpot = "200 ms" }

[[pool]]
name = "all"
site = "hall"
model = "llama-3.1-8b"
system = "dgx-h100"
replicas = 2
accelerator_hour = "2 USD"
"#;

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or_else(|| panic!("no {name} in {of}"))
}

#[test]
fn a_fleet_is_served_and_its_ledger_closes() {
    let dir = Dir::with("fleet.toml", FLEET);
    let line = "serve fleet.toml --rate 20 --duration 3min --json --out rows.parquet";
    let run = dir.run(line);
    run.ended(0);
    let document = run.document();
    let ledger = &document["ledger"];
    assert_eq!(ledger["closes"], true);
    let asked = number(ledger, "asked_requests");
    assert!((3_300.0..3_900.0).contains(&asked), "{asked}");
    assert_eq!(number(ledger, "finished_requests"), asked);
    let services = document["services"].as_array().expect("services");
    let chat = number(&services[0], "asked_requests") / asked;
    assert!((chat - 0.75).abs() < 0.04, "{chat}");
    let sum: f64 = services.iter().map(|service| number(service, "finished_requests")).sum();
    assert_eq!(sum, asked);
    // Minute by minute it is the same as all in all.
    let series = document["series"].as_array().expect("rows");
    assert!(series.len() >= 3, "{}", series.len());
    let rows: f64 = series.iter().map(|row| number(row, "finished_requests")).sum();
    assert_eq!(rows, asked);
    let joules = |row: &Value| {
        number(&row["pools"][0], "power_w") * (number(row, "until_s") - number(row, "from_s"))
    };
    let energy: f64 = series.iter().map(joules).sum::<f64>() / 3.6e9;
    let pool = &document["pools"][0];
    assert!((energy / number(pool, "energy_mwh") - 1.0).abs() < 1e-6, "{energy}");
    // Two accelerators at 2 USD an hour, and energy.
    let hours = number(&document, "span_s") / 3600.0;
    let facility = number(&document, "facility_energy_mwh");
    let cost = number(&document, "cost_usd");
    assert!((cost - (4.0 * hours + 50.0 * facility)).abs() < 1e-6 * cost, "{cost}");
    assert!((facility / number(pool, "energy_mwh") - 1.2).abs() < 1e-9);
    assert_eq!(dir.names(), ["fleet.toml", "rows.parquet"]);
    // The same again, and in words.
    let words = dir.run("serve fleet.toml --rate 20 --duration 3min");
    words.ended(0);
    let hash = document["answer_hash"].as_str().expect("a hash");
    assert!(words.stdout.contains(hash), "{}", words.stdout);
    assert!(words.line("ledger").contains("closes"), "{}", words.stdout);
}

#[test]
fn sites_that_are_all_down_are_an_answer() {
    let text = format!("{FLEET}\n[[event]]\nsite = \"hall\"\nlost = \"0 s\"\n");
    let dir = Dir::with("fleet.toml", text);
    let run = dir.run("serve fleet.toml --rate 5 --duration 1min --json");
    run.ended(0);
    let document = run.document();
    let ledger = &document["ledger"];
    assert!(number(ledger, "asked_requests") > 200.0);
    assert_eq!(ledger["lost_requests"], ledger["asked_requests"]);
    assert_eq!(
        (&ledger["closes"], &document["cost_usd_per_million_output_tokens"]),
        (&true.into(), &Value::Null)
    );
}

#[test]
fn a_thousand_times_too_much_is_shed_and_says_so() {
    let text = format!("{FLEET}admission = {{ in_hand = 8, queue = 100 }}\n");
    let dir = Dir::with("fleet.toml", text);
    let run = dir.run("serve fleet.toml --rate 20000 --duration 10s");
    run.ended(0);
    assert!(run.line("shed").contains("beyond what the fleet serves"), "{}", run.stdout);
    assert!(run.line("ledger").contains("closes"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_served_is_told() {
    let dir = Dir::with("fleet.toml", FLEET.replace("hall\"\nmodel", "hull\"\nmodel"));
    let refuse = |dir: &Dir, what: &[&str]| {
        dir.run("serve fleet.toml --rate 1").refuses(3, what);
    };
    refuse(&dir, &["fleet.toml:19:8", "there is no site `hull`", "did you mean `hall`?"]);
    let engine = "system = \"dgx-h100\"\nengine = { tensor = 3, precision = \"fp8\" }";
    dir.write("fleet.toml", FLEET.replace("system = \"dgx-h100\"", engine));
    refuse(&dir, &["fleet.toml", "pool `all`", "3"]);
    dir.run("serve nowhere.toml --rate 1")
        .refuses(4, &["built-in fleets are two-coasts, three-providers"]);
    dir.write("fleet.toml", FLEET);
    dir.run("serve fleet.toml").refuses(2, &["give a TRACE, --rate or --users, or --clients"]);
}

#[test]
fn three_providers_share_a_fleet() {
    let dir = Dir::new();
    let line = "serve three-providers --rate 40 --duration 20min";
    let document = dir.run(&format!("{line} --json")).document();
    let providers = document["providers"].as_array().expect("providers");
    let names: Vec<&Value> = providers.iter().map(|provider| &provider["name"]).collect();
    assert_eq!(names, [&Value::from("north-cloud"), &Value::from("south-cloud"), &Value::Null]);
    let sum: f64 = providers.iter().map(|provider| number(provider, "cost_usd")).sum();
    assert!((sum / number(&document, "cost_usd") - 1.0).abs() < 1e-9, "{sum}");
    // One cloud is lost for some minutes: the other makes what it would have.
    assert!(number(&providers[0], "output_tokens") > 0.0, "{document}");
    assert_eq!(document["ledger"]["lost_requests"], 0);
    let pool = |name: &str| {
        let pools = document["pools"].as_array().expect("pools");
        pools.iter().find(|pool| pool["name"] == name).expect("a pool").clone()
    };
    let caps = pool("own-chat")["power_caps"].clone();
    assert_eq!(caps.as_array().map(Vec::len), Some(3), "{caps}");
    assert_eq!(pool("own-reasoning")["attention_groups"], 8);
    assert!(number(&pool("north-chat"), "sustained_requests_per_s") > 1.0);
    let words = dir.run(line);
    words.ended(0);
    assert!(words.line("power caps").contains("own-chat"), "{}", words.stdout);
}

#[test]
fn an_autoscaler_that_is_told_too_much_is_warned_of() {
    let dir = Dir::with(
        "fleet.toml",
        format!("{FLEET}autoscale = {{ min = 1, max = 4, sustained = 500 }}\n"),
    );
    let run = dir.run("serve fleet.toml --rate 20 --duration 1min --json");
    run.ended(0);
    run.says(&["warning: pool `all`: `sustained = 500` is more than the"]);
    let warnings = run.document()["warnings"].clone();
    assert!(warnings[0].as_str().is_some_and(|text| text.contains("lower it")), "{warnings}");
}

#[cfg(unix)]
#[test]
fn a_fleet_that_is_interrupted_tells_what_it_has() {
    let dir = Dir::with("fleet.toml", FLEET);
    let line = "serve fleet.toml --rate 50 --duration 366days --lengths 100:20 --out out.parquet";
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let child = dir.command(&arguments).spawn().expect("the program starts");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(killed.success());
    let run = Run::of(line, child.wait_with_output().expect("it ends"));
    run.ended(130);
    run.says(&["interrupted"]);
    assert!(run.stdout.contains("PARTIAL"), "{}", run.stdout);
    assert!(run.line("ledger").contains("closes"), "{}", run.stdout);
}

#[test]
fn every_pool_and_service_has_error_bars() {
    let second = "\n[[pool]]\nname = \"other\"\nsite = \"hall\"\nmodel = \"llama-3.1-8b\"\n\
                  system = \"vr-nvl72\"\nreplicas = 1\nservices = [\"batch\"]\n\
                  accelerator_hour = \"9 USD\"\n";
    let first = FLEET.replace("replicas = 2\n", "replicas = 2\nservices = [\"chat\"]\n");
    let dir = Dir::with("fleet.toml", format!("{first}{second}"));
    let line = "serve fleet.toml --rate 40 --duration 1min";
    let document = dir.run(&format!("{line} --json")).document();
    let around =
        |bar: &Value| number(bar, "low_fraction") < 1.0 && number(bar, "high_fraction") > 1.0;
    let pools = document["pools"].as_array().expect("pools");
    for pool in pools {
        assert!(number(pool, "energy_j_per_output_token") > 0.0, "{pool}");
        assert!(number(pool, "cost_usd_per_million_output_tokens") > 0.0, "{pool}");
        for bar in ["ttft", "tpot", "throughput", "energy", "cost"] {
            assert!(around(&pool["error_bars"][bar]), "{bar}: {pool}");
        }
    }
    // Each pool has its own; nobody measured the second.
    let [known, unknown] = [0, 1].map(|pool: usize| &pools[pool]["error_bars"]["tpot"]);
    assert_eq!(known["inside_calibrated_range"], true);
    assert_eq!(unknown["inside_calibrated_range"], false);
    let width = |bar: &Value| number(bar, "high_fraction") / number(bar, "low_fraction");
    assert!(width(unknown) > width(known), "{known} {unknown}");
    // Each answers a service of its own.
    for (service, pool) in document["services"].as_array().expect("services").iter().zip(pools) {
        let bar = &service["error_bars"]["tpot"];
        assert_eq!(width(bar), width(&pool["error_bars"]["tpot"]), "{bar}");
        assert!(number(bar, "mean_low_ms") < number(service, "tpot_mean_ms"), "{service}");
    }
    assert!(around(&document["cost_error_bar"]), "{document}");
    let run = dir.run(line);
    let rows: Vec<&str> = run.stdout.lines().filter(|line| line.contains(" to ")).collect();
    for name in ["all ", "other ", "chat ", "batch "] {
        assert!(rows.iter().any(|row| row.starts_with(name)), "{name}: {}", run.stdout);
    }
    assert!(run.line("cost ").contains(" rows, median "), "{}", run.stdout);
}

/// Rows of a table, each a line of `name=value` without what is null.
fn table(path: &std::path::Path) -> Vec<String> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let file = std::fs::File::open(path).expect("a file");
    let file = SerializedFileReader::new(file).expect("Parquet");
    let told = |row: parquet::record::Row| {
        let there = row.get_column_iter().filter(|(_, f)| **f != parquet::record::Field::Null);
        there.map(|(name, field)| format!("{name}={field}")).collect::<Vec<_>>().join(" ")
    };
    file.get_row_iter(None).expect("rows").map(|row| told(row.expect("a row"))).collect()
}

#[test]
fn who_asked_what_where_and_when_is_in_the_tables() {
    let dir = Dir::new();
    let flags = "--out rows.parquet --series series.parquet --html page.html --json";
    let run = dir.run(&format!("serve two-coasts --rate 10 --duration 3min {flags}"));
    run.ended(0);
    let document = run.document();
    assert_eq!(dir.names(), ["page.html", "rows.parquet", "series.parquet"]);
    let rows = table(&dir.path("rows.parquet"));
    let asked = number(&document["ledger"], "asked_requests");
    assert_eq!(rows.len() as f64, asked);
    let chats = rows.iter().filter(|row| row.contains("service=\"chat\"")).count();
    assert_eq!(chats as f64, number(&document["services"][0], "finished_requests"));
    for row in &rows {
        let west = row.contains("pool=\"west-answers\" site=\"oregon\"");
        let prompt = row.contains("pool=\"west-prompts\" site=\"oregon\"");
        let east = row.contains("pool=\"east\" site=\"virginia\"");
        assert!(west || prompt || east, "{row}");
        assert!(row.contains("region=\"west\"") || row.contains("region=\"east\""), "{row}");
    }
    let series = table(&dir.path("series.parquet"));
    let minutes = document["series"].as_array().expect("rows");
    // All, two services, three pools.
    assert_eq!(series.len(), 6 * minutes.len());
    let first = |of: &str| {
        series.iter().find(|row| row.starts_with(&format!("of=\"{of}\""))).expect("a row")
    };
    let of_all = &minutes[0];
    assert!(first("all").contains(&format!("asked_requests={} ", of_all["asked_requests"])));
    assert!(first("service").contains("service=\"chat\"") && !first("service").contains("power_w"));
    assert!(first("pool").contains("site=\"oregon\"") && first("pool").contains("cost_usd="));
    let by_region: f64 = minutes
        .iter()
        .flat_map(|row| row["regions_asked_requests"].as_array().expect("regions"))
        .map(|count| count.as_f64().expect("a count"))
        .sum();
    assert_eq!(by_region, asked);
    let page = std::fs::read_to_string(dir.path("page.html")).expect("a page");
    for told in ["<h1>Two coasts</h1>", ">Requests, by region</text>", ">Caches handed over</text>"]
    {
        assert!(page.contains(told), "{told}");
    }
    assert!(page.contains(document["answer_hash"].as_str().expect("a hash")));
}

#[test]
fn a_pool_whose_power_nobody_states_is_served_in_time_alone() {
    let unstated = FLEET.replace("dgx-h100", "tpu-v6e-pod");
    let dir = Dir::with("fleet.toml", &unstated);
    let line = "serve fleet.toml --rate 5 --duration 1min";
    let run = dir.run(line);
    run.says(&["power unknown: no published TDP of `tpu-v6e`"]);
    assert!(run.line("energy").contains("unknown: no published TDP"), "{}", run.stdout);
    let document = dir.run(&format!("{line} --json")).document();
    assert!(number(&document["services"][0], "finished_requests") > 100.0);
    let pool = &document["pools"][0];
    for (of, name) in [
        (&document, "facility_energy_mwh"),
        (&document, "cost_usd"),
        (&document, "carbon_t"),
        (pool, "energy_mwh"),
        (pool, "power_w"),
        (pool, "energy_j_per_output_token"),
        (&pool["error_bars"], "energy"),
        (&document["series"][0]["pools"][0], "power_w"),
    ] {
        assert!(of[name].is_null(), "{name}: {}", of[name]);
    }
    // What a site's power leaves it cannot be told either.
    let limited = unstated.replace("price = \"50 USD/MWh\"", "power = \"1 MW\"");
    let dir = Dir::with("fleet.toml", limited);
    dir.run(line).refuses(3, &["its power cannot be shared", "no published TDP of `tpu-v6e`"]);
}
