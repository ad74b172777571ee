//! Measurements against the model: what is answered, what is not and why, what is refused.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Dir, Run};

const HEADER: &str = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size,\
                      moe_ep_size,attention_dp_size,precision_label\n";
/// Llama 3.1 8B on one H100, as InferenceX measures it.
const ROW: &str = "llama-3.1-8b,H100-SXM,vllm,1024,128,8,100,8,1,1,1,fp8\n";

fn table(rows: &[&str]) -> String {
    HEADER.to_owned() + &rows.concat()
}

/// The one file of a document.
#[track_caller]
fn file(run: &Run) -> serde_json::Value {
    run.ended(0);
    let document = run.document();
    assert_eq!(document["files"].as_array().map(Vec::len), Some(1), "{document}");
    document["files"][0].clone()
}

/// A row that is no answer is counted under `kind`, and says `said` in the table of rows.
#[track_caller]
fn unanswered(row: &str, kind: &str, said: &str) {
    let dir = Dir::with("m.csv", table(&[ROW, row]));
    let run = dir.run("validate m.csv --json --csv rows.csv");
    let file = file(&run);
    assert_eq!((&file["rows"], &file["answered"]), (&2.into(), &1.into()), "{file}");
    assert_eq!(file["unanswered"][kind], 1, "{file}");
    let rows = std::fs::read_to_string(dir.path("rows.csv")).expect("the rows");
    let line = rows.lines().find(|line| line.starts_with("m.csv,3,")).expect("line 3");
    assert!(line.contains(said), "{line}");
}

#[test]
fn own_measurements_of_any_model_and_chip() {
    let rubin = "gpt-oss-120b,vr200,trtllm,1024,1024,64,100,5,2,1,1,fp4\n";
    let dir = Dir::with("m.csv", table(&[ROW, rubin]));
    let run = dir.run("validate serving m.csv");
    for words in ["2 rows, 2 answered", "ttft_ms", "tpot_ms", "vr200", "llama-3.1-8b"] {
        assert!(run.answer().contains(words), "{words}: {}", run.stdout);
    }
    let file = file(&dir.run("validate m.csv --json"));
    for metric in ["ttft", "tpot", "output_rate"] {
        for error in ["median", "mean", "p90", "bias"] {
            assert!(file["metrics"][metric][error].is_number(), "{metric} {error}: {file}");
        }
    }
    let groups = file["groups"].as_array().expect("groups");
    assert!(groups.iter().any(|g| g["by"] == "accelerator" && g["name"] == "h100-sxm"));
    assert_eq!(dir.run("validate m.csv").hash(), run.hash());
}

#[test]
fn errors_are_those_of_the_rows() {
    let dir = Dir::with("m.csv", table(&[ROW]));
    let answer = file(&dir.run("validate m.csv --json --csv rows.csv"));
    let rows = std::fs::read_to_string(dir.path("rows.csv")).expect("the rows");
    let tpot = rows.lines().find(|line| line.contains(",tpot_ms,")).expect("a line");
    let fields: Vec<&str> = tpot.split(',').collect();
    let number = |i: usize| fields[i].parse::<f64>().expect("a number");
    let (measured, predicted, error) = (number(12), number(13), number(14));
    assert_eq!(measured, 8.0);
    assert!((predicted / measured - 1.0 - error).abs() < 1e-12, "{tpot}");
    let errors = &answer["metrics"]["tpot"];
    assert_eq!(errors["bias"].as_f64(), Some(error));
    assert_eq!(errors["median"].as_f64(), Some(error.abs()));
    // One chip under eight requests of an 8B model: neither free nor stuck.
    assert!((2.0..20.0).contains(&predicted), "{predicted}");
}

#[test]
fn rows_that_cannot_be_say_why() {
    let closest = "did you mean `llama-3.1-8b`";
    unanswered("llama-3.1-8bb,h100,vllm,1,1,1,1,1,1,1,1,fp8\n", "unknown model", closest);
    unanswered("qwen3-32b,h101,vllm,9,9,1,1,1,1,1,1,fp8\n", "unknown accelerator", "`h100`");
    unanswered(
        "llama-3.1-8b,h100,vllm,9,9,1,1,1,3,1,1,fp8\n",
        "tensor parallelism does not divide the heads",
        "tensor = 3 does not divide the 32 heads",
    );
    unanswered(
        "gpt-oss-120b,h100,vllm,9,9,1,1,1,3,3,1,fp8\n",
        "tensor parallelism does not divide the heads",
        "expert = 3 does not divide the 128 experts",
    );
    unanswered(
        "gpt-oss-120b,h100,vllm,9,9,1,1,1,4,3,1,fp8\n",
        "expert parallelism does not divide",
        "expert = 3 does not divide the 128 experts",
    );
    unanswered(
        "llama-3.1-405b,h100,vllm,9,9,1,1,1,1,1,1,fp8\n",
        "does not fit the memory",
        "it fits with tensor = 8",
    );
    unanswered("llama-3.1-8b,h100,vllm,9,9,1,1,1,1,1,1,q\n", "unknown precision", "`q`");
    unanswered("llama-3.1-8b,h100,ollama,9,9,1,1,1,1,1,1,fp8\n", "unknown engine", "`ollama`");
    unanswered("llama-3.1-8b,h100,vllm,,9,1,1,1,1,1,1,fp8\n", "blank field", "`isl_tokens`");
    unanswered(",,,,,,,,,,,\n", "blank field", "`model` is blank");
}

#[test]
fn absurd_sizes_end_soon() {
    let long = "longer than the model's context";
    unanswered("llama-3.1-8b,h100,vllm,4000000,1,1,1,1,1,1,1,fp8\n", long, "4000001 tokens");
    let cache = "request longer than the cache";
    unanswered("llama-4-scout,h100,vllm,4000000,1,1,1,1,4,1,1,fp8\n", cache, "4000001 tokens");
    let range = "count out of range";
    unanswered("llama-3.1-8b,h100,vllm,1e15,1,1,1,1,1,1,1,fp8\n", range, "isl_tokens");
    unanswered("llama-3.1-8b,h100,vllm,9,9,1e9,1,1,1,1,1,fp8\n", range, "concurrency");
    unanswered("llama-3.1-8b,h100,vllm,9.5,9,1,1,1,1,1,1,fp8\n", range, "isl_tokens");
    unanswered("llama-3.1-8b,h100,vllm,9,9,1,1,1,4294967297,1,1,fp8\n", range, "tp_size");
    let much = "more than is simulated";
    unanswered("deepseek-r1,gb200,sglang,1,160000,65536,1,1,1,64,64,fp8\n", much, "65536");
    let huge = "llama-3.1-8b,h100,vllm,9,9,1,1,1,4096,4096,4096,fp8\n";
    unanswered(huge, "cannot be laid out", "at most 65536 accelerators");
}

#[test]
fn tables_that_are_none() {
    for (text, said) in [
        (String::new(), "the file is empty"),
        (" \n\n".to_owned(), "the file is empty"),
        (HEADER.to_owned(), "no row below the header"),
        ("model,gpu,tpot_ms\nx,y,3\n".to_owned(), "which also needs `backend`, `isl_tokens`"),
        ("a,b\n1,2\n".to_owned(), "no kind of file"),
        (table(&["a,b\n"]), "line 2: not CSV: 2 fields, but the header has 12"),
        (HEADER.replacen("gpu", "model", 1) + ROW, "column `model` is there twice"),
    ] {
        let dir = Dir::with("m.csv", &text);
        dir.run("validate m.csv --csv rows.csv --html page.html").refuses(3, &["m.csv", said]);
        assert_eq!(dir.names(), ["m.csv"], "{text}");
    }
    Dir::with("m.csv", b"model,\xff\n").run("validate m.csv").refuses(3, &["not UTF-8"]);
}

#[test]
fn every_number_that_is_none_is_named_with_its_line() {
    let bad = "a,b,c,NaN,-1,inf,0,x,1,1,1,fp8\n";
    let dir = Dir::with("m.csv", table(&[ROW, bad]));
    let run = dir.run("validate m.csv");
    run.ended(0);
    assert!(run.stdout.contains("2 rows, 1 answered"), "{}", run.stdout);
    assert!(
        run.stdout.contains("line 3: `isl_tokens`: `NaN` is not a number above 0"),
        "{}",
        run.stdout
    );
    // Where no row says anything, the file is refused.
    let dir = Dir::with("m.csv", table(&[bad]));
    let run = dir.run("validate m.csv");
    run.refuses(3, &["line 2, `isl_tokens`: `NaN` is not a number above 0"]);
    run.says(&["`-1`", "`inf`", "`tpot_ms`: `x`", "help: "]);
    let run = dir.run("validate m.csv --json");
    run.ended(3);
    assert_eq!(run.document()["diagnostics"].as_array().map(Vec::len), Some(5));
    let many = table(&vec![bad; 100]);
    Dir::with("m.csv", many).run("validate m.csv").refuses(3, &["and 480 more"]);
}

#[test]
fn what_was_asked_for_is_what_is_taken() {
    let dir = Dir::with("m.csv", table(&[ROW]));
    dir.run("validate mlperf m.csv").refuses(3, &["closed-loop", "asked for was mlperf"]);
    dir.run("validate servin").refuses(2, &["neither a file nor one of", "serving"]);
    dir.run("validate none.csv").refuses(4, &["none.csv"]);
    dir.run("validate serving none.csv").refuses(4, &["none.csv"]);
    dir.run("validate all m.csv").answer();
}

#[test]
fn the_built_in_measurements_by_kind() {
    let dir = Dir::new();
    for (what, metrics) in [
        ("power", &["node_power", "node_power_p95"][..]),
        ("phases", &["prompt_time"]),
        ("kernels", &["kernel_time"]),
        ("training", &["training_step"]),
    ] {
        let run = dir.run(&format!("validate {what} --json"));
        run.ended(0);
        let document = run.document();
        let files = document["files"].as_array().expect("files");
        assert_eq!(files.len(), metrics.len(), "{document}");
        for (file, metric) in files.iter().zip(metrics) {
            let answered = file["answered"].as_u64().unwrap_or_default();
            assert!(2 * answered > file["rows"].as_u64().unwrap_or_default(), "{file}");
            assert!(file["metrics"][metric]["median"].is_number(), "{file}");
        }
    }
}

#[test]
fn tables_may_be_packed_and_rows_are_written_whole() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(table(&[ROW]).as_bytes()).expect("memory");
    let dir = Dir::with("m.csv.gz", packed.finish().expect("memory"));
    let run = dir.run("validate m.csv.gz --csv rows.csv --html page.html");
    assert!(run.answer().contains("1 row, 1 answered"), "{}", run.stdout);
    let page = std::fs::read_to_string(dir.path("page.html")).expect("a page");
    assert!(page.contains("<svg") && page.trim_end().ends_with("</html>"));
    assert_eq!(dir.names(), ["m.csv.gz", "page.html", "rows.csv"]);
    dir.run("validate m.csv.gz --csv none/rows.csv").says(&["failed to write none/"]);
    Dir::with("m.gz", [0x1f, 0x8b, 0, 1]).run("validate m.gz").ended(4);
}

#[test]
fn a_run_of_requests_is_replayed() {
    let text = "arrival_s,in,out,queue_s,ttft_s,e2e_s\n0,1000,100,0,0.1,2\n0.5,500,50,0,0.1,1\n";
    // Model and chip are told by the name, the rest by flags.
    let dir = Dir::with("vllm_H100-SXM_Llama-3.1-8B.csv", text);
    let name = "vllm_H100-SXM_Llama-3.1-8B.csv";
    let run = dir.run(&format!("validate serving {name} --set tp_size=2 --json"));
    let file = file(&run);
    assert_eq!((&file["rows"], &file["answered"]), (&1.into(), &1.into()), "{file}");
    for metric in ["ttft", "ttft_p90", "tpot", "e2e"] {
        assert!(file["metrics"][metric]["bias"].is_number(), "{metric}: {file}");
    }
    dir.run(&format!("validate {name} --set tp=2")).refuses(3, &["`tp` is no column of requests"]);
    dir.run(&format!("validate {name} --set tp_size")).refuses(2, &["such as `tp_size=2`"]);
}

#[test]
fn chips_whose_power_nobody_states_are_timed_all_the_same() {
    let chips = ["TPU v5e", "TPU v5p", "TPU v6e", "Trainium2"];
    let rows: Vec<String> = chips
        .iter()
        .map(|chip| ROW.replace("H100-SXM", chip).replace("8,1,1,1,fp8", "8,4,1,1,bf16"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let dir = Dir::with("m.csv", table(&rows));
    assert_eq!(file(&dir.run("validate m.csv --json"))["answered"], 4);
    // What was measured is power alone.
    let power = "model,scenario,gpu,n_gpus,mean_w_core90\nllama2-70b,Offline,tpu-v5p,8,4000\n";
    let dir = Dir::with("p.csv", power);
    let file = file(&dir.run("validate p.csv --json --csv rows.csv"));
    assert_eq!(file["answered"], 0, "{file}");
    let rows = std::fs::read_to_string(dir.path("rows.csv")).expect("the rows");
    assert!(rows.contains("power unknown: no published TDP of `tpu-v5p`"), "{rows}");
}

/// The lines of `rows.csv`, each by the names of its columns.
fn rows_of(dir: &Dir) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = std::fs::read_to_string(dir.path("rows.csv")).expect("the rows");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row = |line: &str| {
        header
            .iter()
            .map(|name| (*name).to_owned())
            .zip(line.split(',').map(str::to_owned))
            .collect()
    };
    lines.map(row).collect()
}

#[test]
fn every_prediction_has_its_interval_and_every_row_its_groups() {
    let unknown = ROW.replace("llama-3.1-8b", "llama-9").replace("H100-SXM", "H100");
    let dir = Dir::with("m.csv", table(&[ROW, &unknown]));
    let run = dir.run("validate m.csv --csv rows.csv");
    assert!(run.line("headline").contains("within  calibrated"), "{}", run.answer());
    let rows = rows_of(&dir);
    assert_eq!(rows.len(), 4);
    for row in &rows[..3] {
        let number = |name: &str| -> f64 { row[name].parse().expect(name) };
        let (low, high) = (number("interval_low"), number("interval_high"));
        assert!(low < number("predicted") && number("predicted") < high, "{row:?}");
        let within = (low..=high).contains(&number("measured"));
        assert_eq!(row["in_interval"], within.to_string(), "{row:?}");
        assert_eq!(row["in_calibrated_range"], "true", "{row:?}");
    }
    // Of the row without an answer the groups are told by the catalogue's names where it has them.
    let told = ["model", "accelerator", "engine", "precision", "concurrency"].map(|c| &*rows[3][c]);
    assert_eq!(told, ["llama-9", "h100-sxm", "vllm", "fp8", "8"]);
    assert!(rows[3]["reason"].contains("no model `llama-9`") && rows[3]["metric"].is_empty());
    let coverage = &file(&dir.run("validate m.csv --json"))["coverage"]["tpot"];
    assert_eq!((&coverage["count"], coverage["within_fraction"].is_number()), (&1.into(), true));
}

#[test]
fn what_was_left_out_of_the_fit_is_told_beside_what_was_not() {
    let dir = Dir::with("m.csv", table(&[ROW]));
    let run = dir.run("validate m.csv");
    for words in ["as they are, these rows", "without the row's model", "without the row's chip"] {
        assert!(run.answer().contains(words), "{words}: {}", run.stdout);
    }
    let all = file(&dir.run("validate m.csv --json"))["cross_validated"].clone();
    let of = |by: &str, metric: &str| {
        let rows = all.as_array().expect("rows").iter();
        let mut found = rows.filter(|row| row["left_out"] == by && row["metric"] == metric);
        found.find(|row| row["engine"].is_null()).cloned().expect("all engines")
    };
    for by in ["model", "chip"] {
        assert!(of(by, "tpot_ms")["median"].as_f64().is_some_and(|m| m <= 0.12), "{all}");
        assert!(of(by, "tpot_ms")["p90"].as_f64().is_some_and(|p90| p90 <= 0.40), "{all}");
        assert!(of(by, "ttft_ms")["count"].as_u64().is_some_and(|n| n > 1_000), "{all}");
    }
    // Tables of another kind have constants of their own.
    let energy = dir.run("validate phases --json");
    assert_eq!(file(&energy)["cross_validated"], serde_json::json!([]));
}

#[test]
fn requests_longer_than_the_model_was_made_for_are_no_answers() {
    let long = ROW.replace("1024,128", "131000,1000");
    unanswered(&long, "longer than the model's context", "context of up to 131072 tokens");
    // A profile times single passes of any length; the answer says so.
    let phases = "model,hardware,tp,batch_size,isl_tokens,osl_tokens,prompt_time_ms_median,\
                  token_time_ms_median\nllama2-70b,H100-SXM,8,1,8192,128,500,30\n";
    let dir = Dir::with("p.csv", phases);
    let run = dir.run("validate p.csv --csv rows.csv");
    assert!(run.answer().contains("1 answered row with something that speaks against"));
    let rows = rows_of(&dir);
    assert!(rows[0]["reason"].contains("4096 tokens that `llama-2-70b`"), "{rows:?}");
    assert!(!rows[0]["predicted"].is_empty());
}
