//! How far the model is from tables of measurements that may lie beside the repository. Prints the
//! error per model, chip and engine; fails only where most of it would be wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{EngineSpec, Layout};
use wattmill_perf::{Deployment, Prefill, StepModel, StepShape, StepSurface};

type Row = BTreeMap<String, String>;
/// Model over measurement, with what it is about.
type Ratios = BTreeMap<String, Vec<f64>>;

fn rows(name: &str) -> Vec<Row> {
    let path = format!("{}/../../../shared/truth/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared absent");
        return Vec::new();
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

fn number(row: &Row, key: &str) -> Option<f64> {
    row.get(key)?.parse().ok()
}

/// A degree of parallelism; not stated means 1.
fn degree(row: &Row, key: &str) -> u32 {
    number(row, key).map_or(1, |n| n.max(1.0) as u32)
}

/// Compiled once per deployment; `None` where it has problems.
#[derive(Default)]
struct Surfaces(BTreeMap<String, Option<StepSurface>>);

impl Surfaces {
    fn of(&mut self, model: &str, chip: &str, spec: EngineSpec) -> Option<&StepSurface> {
        let key = format!("{model} {chip} {} {:?}", spec.precision, spec.layout);
        let entry = self.0.entry(key.clone()).or_insert_with(|| {
            let catalog = Catalog::builtin();
            let accelerator = catalog.accelerator(chip)?;
            let deployment = Deployment {
                model: catalog.model(model)?,
                accelerator,
                efficiency: catalog.efficiency(&accelerator.family)?,
                spec,
                accelerators_per_domain: 8,
            };
            StepSurface::compile(&deployment)
                .inspect_err(|problems| println!("left out {key}: {}", problems[0]))
                .ok()
        });
        entry.as_ref()
    }
}

fn report(what: &str, ratios: &Ratios) {
    let mut all = Vec::new();
    for (name, ratios) in ratios {
        let mut sorted = ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |q: usize| sorted[(sorted.len() - 1) * q / 100];
        let error = ratios.iter().map(|r| (r - 1.0).abs()).sum::<f64>() / ratios.len() as f64;
        println!(
            "{what} {name}: {} points, mean error {:.0} %, ratio p10 {:.2} p50 {:.2} p90 {:.2}",
            ratios.len(),
            error * 100.0,
            at(10),
            at(50),
            at(90)
        );
        all.extend(sorted);
    }
    all.sort_by(f64::total_cmp);
    if let Some(median) = all.get(all.len() / 2) {
        let error = all.iter().map(|r| (r - 1.0).abs()).sum::<f64>() / all.len() as f64;
        println!("{what}: median ratio {median:.2}, mean error {:.0} %", error * 100.0);
        assert!((0.75..1.35).contains(median), "{what}: {median}");
    }
}

fn chip(gpu: &str) -> Option<&'static str> {
    match gpu {
        "A100-80GB" => Some("a100-80"),
        "H100-SXM" | "H100-80GB" => Some("h100-sxm"),
        "H200-SXM" => Some("h200-sxm"),
        "B200" => Some("b200-sxm"),
        _ => None,
    }
}

/// `count` sequences with contexts of `mean` tokens.
fn decoding(count: f64, mean: f64) -> StepShape {
    StepShape {
        decodes: count.round() as u32,
        decode_context: (count.round() * mean) as u64,
        ..StepShape::default()
    }
}

/// Whether the cache holds what the point asks for, so that its engine ran that batch at all.
fn holds(surface: &StepSurface, tokens: f64) -> bool {
    tokens < surface.memory().tokens() as f64
}

#[test]
fn time_per_token_of_serving_points() {
    let (mut ratios, mut surfaces) = (Ratios::new(), Surfaces::default());
    for row in rows("inference_serving_points.csv") {
        let model = match row["model"].as_str() {
            "meta-llama/Llama-3.1-8B-Instruct" => "llama-3.1-8b",
            "meta-llama/Llama-3.1-70B" => "llama-3.1-70b",
            "Qwen/Qwen3-32B" => "qwen3-32b",
            "openai/gpt-oss-120b" => "gpt-oss-120b",
            "deepseek-ai/DeepSeek-V3" => "deepseek-v3",
            "MiniMaxAI/MiniMax-M2.5" => "minimax-m2.5",
            _ => continue,
        };
        let (Some(chip), "agg", "A") =
            (chip(&row["gpu"]), row["mode"].as_str(), row["quality"].as_str())
        else {
            continue;
        };
        let precision = match row["gemm_quant_mode"].as_str() {
            "nvfp4" if chip != "b200-sxm" => continue,
            "nvfp4" => Precision::Fp4,
            mode if mode.starts_with("fp8") => Precision::Fp8,
            _ => Precision::Bf16,
        };
        let layout = Layout {
            tensor: degree(&row, "tp_size"),
            pipeline: degree(&row, "pp_size"),
            expert: degree(&row, "moe_ep_size"),
            data_attention: degree(&row, "attention_dp_size"),
            context: 1,
        };
        let spec = EngineSpec::new(layout, precision);
        let Some(surface) = surfaces.of(model, chip, spec) else {
            continue;
        };
        let wanted = ["isl_tokens", "osl_tokens", "concurrency", "tpot_ms"];
        let [Some(input), Some(output), Some(running), Some(tpot)] =
            wanted.map(|k| number(&row, k))
        else {
            continue;
        };
        if !holds(surface, running * (input + output)) {
            continue;
        }
        // Every token waits for its step; every `output / running` steps one holds a prompt.
        let pure = decoding(running, input + output / 2.0);
        let mut mixed = pure;
        mixed.prefill.add(input.min(8192.0) as u32, 0, true);
        let [pure, mixed] = [pure, mixed].map(|s| surface.step(&s).time.as_seconds().as_ms());
        let ours = pure + (mixed - pure) * running / output;
        let name = format!("{model} {precision} {chip} {}", row["backend"]);
        ratios.entry(name).or_default().push(ours / tpot);
    }
    report("time per token", &ratios);
}

#[test]
fn power_and_time_per_token_in_chat() {
    let (mut times, mut powers) = (Ratios::new(), Ratios::new());
    let mut surfaces = Surfaces::default();
    for row in rows("inference_energy_mlenergy.csv") {
        let model = match row["model"].as_str() {
            "meta-llama/Llama-3.1-8B-Instruct" => "llama-3.1-8b",
            "meta-llama/Llama-3.3-70B-Instruct" => "llama-3.1-70b",
            "Qwen/Qwen3-32B" => "qwen3-32b",
            "deepseek-ai/DeepSeek-V3.1" => "deepseek-v3",
            _ => continue,
        };
        let (Some(chip), "lm-arena-chat") = (chip(&row["gpu"]), row["task"].as_str()) else {
            continue;
        };
        let precision = match row["precision_label"].as_str() {
            "bfloat16" => Precision::Bf16,
            _ => Precision::Fp8,
        };
        let expert = degree(&row, "ep");
        let layout = Layout { tensor: degree(&row, "tp").max(expert), expert, ..Layout::tensor(1) };
        let mut spec = EngineSpec::new(layout, precision);
        spec.max_seqs = 4096;
        let Some(surface) = surfaces.of(model, chip, spec) else {
            continue;
        };
        let wanted = [
            "avg_batch_size",
            "osl_mean_tokens",
            "itl_median_ms",
            "avg_power_w_all_gpus",
            "n_gpus",
        ];
        let [Some(running), Some(output), Some(itl), Some(power), Some(gpus)] =
            wanted.map(|k| number(&row, k))
        else {
            continue;
        };
        if !holds(surface, running * (200.0 + output)) || gpus != f64::from(layout.accelerators()) {
            continue;
        }
        // Prompts of chat are short; a step holds its share of one.
        let mut shape = decoding(running, 200.0 + output / 2.0);
        shape.prefill.add((running * 200.0 / output) as u32 + 1, 0, true);
        let cost = surface.step(&shape);
        let seconds = cost.time.as_seconds();
        let drawn = surface.idle_power().unwrap().as_watts()
            + cost.dynamic_nj as f64 * 1e-9 / seconds.as_s();
        let name = format!("{model} {precision} {chip}");
        times.entry(name.clone()).or_default().push(seconds.as_ms() / itl);
        powers.entry(name).or_default().push(drawn / power);
    }
    report("chat time per token", &times);
    report("chat power", &powers);
}

#[test]
fn phases_of_an_engine_without_captured_graphs() {
    let (mut prefill, mut decode) = (Ratios::new(), Ratios::new());
    let mut surfaces = Surfaces::default();
    for row in rows("inference_phase_profile_splitwise.csv") {
        let (Some(chip), "llama2-70b", "False") =
            (chip(&row["gpu"]), row["model"].as_str(), row["power_capped"].as_str())
        else {
            continue;
        };
        let layout = Layout::tensor(degree(&row, "tp"));
        let mut spec = EngineSpec::new(layout, Precision::Bf16);
        (spec.max_seqs, spec.memory_fraction) = (64, 1.0);
        let Some(surface) = surfaces.of("llama-2-70b", chip, spec) else {
            continue;
        };
        let wanted = [
            "isl_tokens",
            "batch_size",
            "osl_tokens",
            "prompt_time_ms_median",
            "token_time_ms_median",
        ];
        let [Some(input), Some(batch), Some(output), Some(prompt), Some(token)] =
            wanted.map(|k| number(&row, k))
        else {
            continue;
        };
        let mut shape = StepShape::default();
        let mut chunks = Prefill::default();
        (0..batch as u32).for_each(|_| chunks.add(input as u32, 0, true));
        shape.prefill = chunks;
        let name = format!("{chip} x {}", layout.tensor);
        let ours = surface.step(&shape).time.as_seconds().as_ms();
        prefill.entry(name.clone()).or_default().push(ours / prompt);
        let shape = decoding(batch, input + output / 2.0);
        let ours = surface.step(&shape).time.as_seconds().as_ms();
        decode.entry(name).or_default().push(ours / token);
    }
    // Its host launched every kernel of every layer: the steps of a batch of one took 30 ms however
    // many accelerators shared the weights. Such an engine is not what is modelled.
    for (what, ratios) in [("prefill", prefill), ("decode", decode)] {
        for (name, mut ratios) in ratios {
            ratios.sort_by(f64::total_cmp);
            let (n, error) = (ratios.len(), ratios.iter().map(|r| (r - 1.0).abs()).sum::<f64>());
            println!(
                "{what} {name}: {n} points, mean error {:.0} %, ratio p10 {:.2} p50 {:.2} p90 {:.2}",
                error / n as f64 * 100.0,
                ratios[n / 10],
                ratios[n / 2],
                ratios[n * 9 / 10]
            );
        }
    }
}
