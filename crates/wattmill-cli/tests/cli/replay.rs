//! `wattmill replay`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use expect_test::expect;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::support::{Dir, ENGINE, TRACE};

/// Sums of the columns of a file of requests, and its rows under `rows`.
fn sums(path: &Path) -> BTreeMap<String, u64> {
    let file = SerializedFileReader::new(File::open(path).expect("a file")).expect("Parquet");
    let mut sums = BTreeMap::from([("rows".to_owned(), 0)]);
    for row in file.get_row_iter(None).expect("rows") {
        *sums.entry("rows".to_owned()).or_default() += 1;
        for (name, field) in row.expect("a row").get_column_iter() {
            let value = match field {
                Field::UInt(value) => u64::from(*value),
                Field::ULong(value) => *value,
                Field::Null | Field::Str(_) | Field::Double(_) => 0,
                other => panic!("{name} is {other}"),
            };
            *sums.entry(name.clone()).or_default() += value;
        }
    }
    sums
}

#[test]
fn what_it_prints() {
    let dir = Dir::with("t.csv", TRACE);
    let run = dir.run(&format!("replay t.csv {ENGINE} --tp 1"));
    run.answer();
    let names = run.stdout.lines().map(|line| line.split("  ").next().unwrap_or_default());
    expect![[r#"
        3 requests of t.csv
        on 1 replica of llama-3.1-8b on dgx-h100, TP1 fp8
        latency
        ----------------------------
        time to first token (TTFT)
        time per output token (TPOT)
        inter-token
        end to end
        What measurements make of it
        TTFT
        TPOT
        end to end
        TTFT, tails
        TPOT, tails
        end, tails
        tokens/s
        J a token
        mean power
        requests
        tokens
        span
        throughput
        SLO attainment
        KV cache
        prefix cache
        batch
        energy
        simulated
        answer
    "#]]
    .assert_eq(&names.filter(|n| !n.is_empty()).fold(String::new(), |all, n| all + n + "\n"));
    expect![[r#"
        requests        3 finished, 0 rejected as longer than the cache
        tokens          1,400 in, 70 out
    "#]]
    .assert_eq(&format!("{}\n{}\n", run.line("requests "), run.line("tokens ")));
    assert_eq!(dir.run(&format!("replay t.csv {ENGINE} --tp 1")).timeless(), run.timeless());
}

#[test]
fn every_form_of_the_same_requests_has_the_same_answer() {
    let dir = Dir::with("columns.csv", TRACE);
    dir.write(
        "azure.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n\
         2023-11-16 18:15:46.6805900,100,20\n\
         2023-11-16 18:15:47.1805900,300,40\n\
         2023-11-16 18:15:47.9305900,1000,10\n",
    );
    dir.write(
        "mooncake.jsonl",
        "{\"timestamp\": 0, \"input_length\": 100, \"output_length\": 20, \"hash_ids\": [0]}\n\
         {\"timestamp\": 500, \"input_length\": 300, \"output_length\": 40, \"hash_ids\": [1]}\n\
         {\"timestamp\": 1250, \"input_length\": 1000, \"output_length\": 10, \"hash_ids\": [2, 3]}\n",
    );
    let hash = |name: &str| dir.run(&format!("replay {name} {ENGINE}")).hash();
    let wanted = hash("columns.csv");
    for name in ["azure.csv", "mooncake.jsonl"] {
        assert_eq!(hash(name), wanted, "{name}");
    }
    for name in ["columns.csv", "azure.csv", "mooncake.jsonl"] {
        let plain = std::fs::read(dir.path(name)).expect("a file");
        let mut gz = GzEncoder::new(Vec::new(), Compression::default());
        gz.write_all(&plain).expect("memory");
        dir.write("packed", gz.finish().expect("memory"));
        assert_eq!(hash("packed"), wanted, "{name}, gzip");
        let dos = String::from_utf8(plain).expect("UTF-8").replace('\n', "\r\n");
        dir.write("dos", dos);
        assert_eq!(hash("dos"), wanted, "{name}, CRLF");
    }
}

#[test]
fn every_finished_request_is_a_row() {
    let dir = Dir::new();
    let traffic = "--rate 20 --duration 1min --lengths azure-conv-2023 --replicas 2";
    let run = dir.run(&format!("replay {ENGINE} {traffic} --out out.parquet"));
    run.answer();
    assert_eq!(dir.names(), ["out.parquet"]);
    let sums = sums(&dir.path("out.parquet"));
    let numbers = |line: &str| -> Vec<u64> {
        let text = run.line(line).replace(',', "");
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    assert!(sums["rows"] > 1000);
    assert_eq!(numbers("requests "), [sums["rows"], 0]);
    assert_eq!(numbers("tokens "), [sums["input_tokens"], sums["output_tokens"]]);
    let mean_ms = sums["ttft_ns"] as f64 / sums["rows"] as f64 / 1e6;
    let line = run.line("time to first token");
    let told: f64 = line.split_whitespace().find_map(|word| word.parse().ok()).expect("a mean");
    assert!((told / mean_ms - 1.0).abs() < 1e-3, "{told} against {mean_ms}");
    assert!(sums["replica"] * 2 >= sums["rows"] - 1, "both replicas serve");
}

#[test]
fn synthetic_traffic_is_its_seed() {
    let dir = Dir::new();
    let hash = |flags: &str| {
        let traffic = "--rate 5 --duration 30s --lengths azure-conv-2023";
        dir.run(&format!("replay {ENGINE} {traffic} {flags}")).hash()
    };
    let first = hash("--seed 1");
    assert_eq!(hash(""), first, "1 is the default");
    assert_ne!(hash("--seed 2"), first);
    assert_ne!(hash("--arrivals gamma:3"), first);
    assert_ne!(hash("--shape servegen-m-small"), first);
    assert_ne!(hash("--replicas 2"), first);
    let users = dir.run(&format!("replay {ENGINE} --users 1000 --duration 1h --lengths 300:20"));
    assert!(users.answer().contains(" 0.0428"), "{}", users.stdout);
}

#[test]
fn a_step_table_in_place_of_the_model() {
    let dir = Dir::with("t.csv", TRACE);
    let steps: String =
        (1..=64).map(|i| format!("\"{}\": 0.3{}", i * 8, if i < 64 { "," } else { "" })).collect();
    let saves: String =
        (1..=512).map(|i| format!("\"{i}\": 0.01{}", if i < 512 { "," } else { "" })).collect();
    let table = format!(
        "{{\"layers\": 32, \"unit\": \"ms per layer\", \
          \"linear_ops_ms_by_tokens_rounded_up_to_8\": {{{steps}}}, \
          \"attn_kv_cache_save_ms_by_exact_tokens\": {{{saves}}}}}"
    );
    dir.write("steps.json", table);
    let run = dir.run("replay t.csv --step-table steps.json");
    run.answer();
    assert!(run.line("energy ").contains("unknown"), "{}", run.stdout);
    assert!(run.line("requests ").contains("3 finished"), "{}", run.stdout);
    assert!(
        run.line("error bars ").contains("none: the step times are your own"),
        "{}",
        run.stdout
    );
    assert_eq!(dir.run("replay t.csv --step-table steps.json").hash(), run.hash());
    let document = dir.run("replay t.csv --step-table steps.json --json").document();
    assert!(document["error_bars"].is_null() && document["no_error_bars"].is_string());
}

#[test]
fn every_answer_has_an_error_bar() {
    let dir = Dir::with("t.csv", TRACE);
    let run = dir.run(&format!("replay t.csv {ENGINE} --tp 1"));
    for name in ["TTFT ", "TPOT ", "tokens/s ", "J a token ", "end to end      mean", "mean power "]
    {
        assert!(run.line(name).contains(" rows, median "), "{}", run.stdout);
    }
    let words = "in 80 % of measurements of this kind";
    assert!(run.line("TPOT ").contains(words), "{}", run.stdout);
    let document = dir.run(&format!("replay t.csv {ENGINE} --tp 1 --json")).document();
    let mean = document["tpot_mean_ms"].as_f64().expect("a mean");
    let bar = &document["error_bars"]["tpot"];
    let (low, high) = (bar["mean_low_ms"].as_f64(), bar["mean_high_ms"].as_f64());
    assert!(low < Some(mean) && Some(mean) < high, "{bar}");
    assert_eq!(bar["inside_calibrated_range"], true);
    let (p99, end) = (document["tpot_p99_ms"].as_f64(), document["end_to_end_mean_ms"].as_f64());
    assert!(bar["p99_low_ms"].as_f64() < p99 && p99 < bar["p99_high_ms"].as_f64(), "{bar}");
    let whole = &document["error_bars"]["end_to_end"];
    let (low, high) = (whole["mean_low_ms"].as_f64(), whole["mean_high_ms"].as_f64());
    assert!(low < end && end < high, "{whole}");
    let power = &document["error_bars"]["power"];
    let (low, high) = (&power["low_accelerator_power_mw"], &power["high_accelerator_power_mw"]);
    let watts = document["accelerator_power_mw"].as_f64();
    assert!(low.as_f64() < watts && watts < high.as_f64(), "{power}");
    // A chip that nobody measured.
    let unknown = "replay t.csv --model llama-3.1-8b --system vr-nvl72";
    let run = dir.run(unknown);
    assert!(run.line("TPOT ").contains("outside the calibrated range"), "{}", run.stdout);
}

#[test]
fn the_highest_rate_inside_the_slo() {
    let dir = Dir::with("t.csv", TRACE);
    let traffic = "--rate 10 --duration 1min --lengths 1000:100 --seed 5";
    let run = dir.run(&format!("replay {ENGINE} --tp 1 {traffic} --saturate --json"));
    let found = run.document();
    let highest = found["highest_speed_ratio"].as_f64().expect("some speed holds");
    let points = found["points"].as_array().expect("a curve");
    let holds = |point: &serde_json::Value| point["holds"] == true;
    let speed = |point: &serde_json::Value| point["speed_ratio"].as_f64().expect("a speed");
    assert!(points.iter().map(speed).is_sorted() && points.len() > 4, "{points:?}");
    let above = points.iter().find(|point| speed(point) > highest).expect("one that fails");
    assert!(!holds(above) && speed(above) / highest < 1.021, "{points:?}");
    let bar = &found["highest_error_bar"];
    assert!(bar["low_fraction"].as_f64() < Some(1.0) && bar["high_fraction"].as_f64() > Some(1.0));
    assert!(points.iter().all(|point| point["error_bars"]["tpot"].is_object()), "{points:?}");
    assert!(found["limiting_resource"].as_str().is_some_and(|said| !said.is_empty()), "{found}");
    // The same requests as many times as fast are inside the SLO.
    let at =
        dir.run(&format!("replay {ENGINE} --tp 1 {traffic} --speed {highest} --json")).document();
    assert!(at["slo_attainment_fraction"].as_f64() >= Some(0.99), "{at}");
    let best = points.iter().find(|point| speed(point) == highest).expect("on the curve");
    assert_eq!(at["output_tokens_per_s"], best["output_tokens_per_s"]);
}

#[test]
fn prompts_that_begin_alike_are_computed_once() {
    let dir = Dir::new();
    let traffic = "--sessions chat --rate 1 --duration 5min --replicas 4";
    let run = |flags: &str| {
        let line = format!("replay {ENGINE} --tp 1 {traffic} {flags} --json");
        dir.run(&line).document()
    };
    let (off, kept) = (run(""), run("--prefix-caching"));
    let aware = run("--prefix-caching --router kv-aware");
    assert!(off["prefix_cache"].is_null(), "{off}");
    let hits = |found: &serde_json::Value| {
        found["prefix_cache"]["hit_fraction"].as_f64().expect("a hit rate")
    };
    // System prompts are everywhere; a conversation only where it began, which one router knows.
    assert!(hits(&kept) > 0.3 && hits(&aware) > hits(&kept) + 0.05, "{kept} {aware}");
    assert_eq!(aware["inputs"]["router"], "kv-aware");
    for found in [&off, &kept, &aware] {
        assert_eq!(found["finished_requests"], off["requests"]);
        assert_eq!(found["input_tokens"], off["input_tokens"]);
    }
}

#[test]
fn a_full_queue_turns_away_and_says_so() {
    let dir = Dir::new();
    let traffic = "--rate 3000 --duration 10s --lengths 2000:200 --max-seqs 64 --most-waiting 100";
    let found = dir.run(&format!("replay {ENGINE} --tp 1 {traffic} --json")).document();
    let count = |name: &str| found[name].as_u64().expect("a count");
    assert!(count("shed_requests") > 20_000, "{found}");
    assert_eq!(count("finished_requests") + count("shed_requests"), count("requests"));
    let text = dir.run(&format!("replay {ENGINE} --tp 1 {traffic}"));
    assert!(text.line("requests").contains("turned away from a full queue"));
    // Without the flag they wait at the replica, where a queue has an end too.
    let traffic = traffic.replace("--most-waiting", "--queue");
    for router in ["", " --router least-loaded"] {
        let run = dir.run(&format!("replay {ENGINE} --tp 1 {traffic}{router} --json"));
        run.says(&["found 100 others waiting at their replica", "--queue sets how many"]);
        let found = run.document();
        let count = |name: &str| found[name].as_u64().expect("a count");
        assert!(count("shed_requests") > 20_000, "{found}");
        assert_eq!(count("finished_requests") + count("shed_requests"), count("requests"));
        assert!(found["warnings"][0].as_str().expect("one").contains("beyond"), "{found}");
    }
    dir.run("replay --queue 5 --most-waiting 5").refuses(2, &["--most-waiting"]);
    dir.run("replay --router sticky").refuses(2, &["sticky", "least-loaded", "kv-aware"]);
    dir.run(&format!("replay {ENGINE} --own-batches --rate 1")).refuses(2, &["--dp"]);
}

#[test]
fn what_is_preempted_may_go_to_the_host() {
    let dir = Dir::new();
    let model = "--model llama-3.1-8b --system dgx-h100 --precision bf16 --dp 2 --own-batches";
    let traffic = "--rate 60 --duration 30s --lengths 2000:2000";
    let run = |way: &str| dir.run(&format!("replay {model} {traffic} {way} --json")).document();
    let (again, moved) = (run(""), run("--preemption swap"));
    assert!(again["preemptions"].as_u64().is_some_and(|count| count > 0), "{again}");
    assert_eq!(again["finished_requests"], moved["finished_requests"]);
    assert_ne!(again["answer_hash"], moved["answer_hash"]);
    assert_eq!(moved["inputs"]["engine"]["swap_link_gb_per_s"], 50.0, "{moved}");
    dir.run(&format!("replay {ENGINE} --rate 1 --preemption sell")).refuses(2, &["swap@450GB/s"]);
    let uneven = format!("replay {ENGINE} --rate 1 --expert-imbalance 0.5");
    dir.run(&uneven).refuses(2, &["from 1 to 4096"]);
}

#[test]
fn from_minute_to_minute() {
    let dir = Dir::new();
    let line = format!("replay {ENGINE} --rate 20 --duration 3min --json --series s.parquet");
    let run = dir.run(&line);
    run.ended(0);
    let document = run.document();
    let rows = document["series"].as_array().expect("rows");
    assert_eq!((rows[0]["from_s"].as_f64(), rows[0]["until_s"].as_f64()), (Some(0.0), Some(60.0)));
    let sum = |name: &str| rows.iter().map(|row| row[name].as_u64().expect("a count")).sum::<u64>();
    assert_eq!(sum("asked_requests"), document["requests"].as_u64().expect("requests"));
    assert_eq!(sum("finished_requests"), sum("asked_requests"));
    assert!(rows[1]["pools"][0]["running_sequences"].as_u64() > Some(0));
    assert!(rows[1]["pools"][0]["power_w"].as_f64() > Some(100.0));
    // All, the requests, the replicas.
    assert_eq!(sums(&dir.path("s.parquet"))["rows"], 3 * rows.len() as u64);
    // Rows of another length are of the same answer.
    let short = dir.run(&format!("{line} --row 10s")).document();
    assert_eq!(short["answer_hash"], document["answer_hash"]);
    assert!(short["series"].as_array().expect("rows").len() >= 18);
    dir.run(&format!("{line} --row 100us")).refuses(2, &["error: ", "make them longer"]);
}

#[test]
fn where_no_power_limit_is_published_times_are_told() {
    let dir = Dir::with("t.csv", TRACE);
    for system in ["tpu-v5e", "tpu-v5p", "tpu-v6e", "trainium2"] {
        let line = format!("replay t.csv --model llama-3.1-8b --system {system} --tp 4");
        let run = dir.run(&line);
        assert!(run.line("energy").contains("unknown: no published TDP"), "{}", run.answer());
        let document = dir.run(&format!("{line} --json")).document();
        assert!(document["ttft_mean_ms"].as_f64().is_some_and(|ms| ms > 0.0));
        for key in ["accelerator_energy_mwh", "accelerator_power_mw", "output_tokens_per_j"] {
            assert!(document[key].is_null(), "{system}: {key}");
        }
        let said = document["warnings"].to_string();
        assert!(said.contains(&format!("power unknown: no published TDP of `{system}`")), "{said}");
        let saturated = dir.run(&format!("{line} --saturate"));
        saturated.answer();
    }
}
