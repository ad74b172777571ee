//! `wattmill explain`: a step by operator, and what it refuses.

use serde_json::Value;

use crate::support::{Dir, ENGINE};

const STEP: &str = "--decodes 8 --context 1000 --prefill 512 256@1000";

fn sum(step: &Value, field: &str) -> f64 {
    let operators = step["operators"].as_array().expect("operators");
    operators.iter().map(|o| o[field].as_f64().expect("a number")).sum()
}

#[test]
fn operators_add_up_to_what_the_simulator_takes() {
    let dir = Dir::new();
    for (engine, step) in [
        (ENGINE, STEP),
        (ENGINE, "--decodes 200 --context 333"),
        ("--model llama-3.1-70b --system dgx-h100 --tp 8 --engine trtllm", STEP),
        (
            "--model deepseek-v3 --system gb200-nvl72 --dp 32 --ep 32",
            "--decodes 256 --context 4000",
        ),
        ("--model gpt-oss-120b --system dgx-b200 --precision fp4 --tp 4", "--prefill 8192"),
    ] {
        let line = format!("explain {engine} {step}");
        let document = dir.run(&format!("{line} --json")).document();
        assert_eq!(document["schema"], "wattmill.explain/1");
        let step = &document["step"];
        let (time, simulated) = (&step["time_ms"], &step["simulated_time_ms"]);
        let (time, simulated) = (time.as_f64().unwrap(), simulated.as_f64().unwrap());
        assert!((sum(step, "time_ms") / time - 1.0).abs() < 1e-12, "{line}");
        // Its tables are interpolated between knots.
        assert!((simulated / time - 1.0).abs() < 0.01, "{line}: {simulated} {time}");
        assert!((sum(step, "time_fraction") - 1.0).abs() < 1e-9, "{line}");
        let watts = |name: &str| step[name].as_f64().expect("watts");
        let power = watts("accelerator_power_w");
        assert!(watts("accelerator_idle_w") < power && power <= watts("accelerator_limit_w"));
        let text = dir.run(&line);
        assert_eq!(document["answer_hash"].as_str(), Some(text.hash().as_str()), "{line}");
    }
}

#[test]
fn a_table_a_bar_and_the_measurements_behind_them() {
    let dir = Dir::new();
    let run = dir.run(&format!("explain {ENGINE} {STEP}"));
    let answer = run.answer();
    for words in [
        "one step of llama-3.1-8b on dgx-h100, TP1 fp8, as vllm, bf16 cache",
        "8 sequences decoding, 1,000 tokens of context each; a prompt of 512 tokens; a prompt of 256 \
         tokens behind 1,000 cached",
        "priced by",
        "rows 1 to 32,768, outputs 32 to 65,536",
    ] {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    let of = |name: &str| answer.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    let operator = of("feed-forward up ");
    assert_eq!(operator.len(), 3, "work, share, fit:\n{answer}");
    assert!(operator[0].ends_with("compute") || operator[0].ends_with("memory"), "{answer}");
    // Bars are in proportion: the longest, and one of a third of its share.
    let bars: Vec<(f64, f64)> = answer
        .lines()
        .filter(|line| line.ends_with('#'))
        .map(|line| {
            let share = line.split_whitespace().rev().nth(1).and_then(|word| word.parse().ok());
            (share.expect("a share"), line.matches('#').count() as f64)
        })
        .collect();
    let (share, length) = bars[0];
    assert_eq!(length, 30.0);
    assert!(bars.len() > 3);
    for (other, shown) in bars {
        assert!((shown - other / share * length).abs() < 0.6, "{other} {shown}");
    }
}

#[test]
fn what_was_never_measured_is_said() {
    let dir = Dir::new();
    let line = "explain --model llama-3.1-8b --system vr-nvl72 --decodes 8 --context 500";
    let run = dir.run(line);
    assert!(run.answer().contains("warning: `rubin` was never measured"), "{}", run.stdout);
    assert!(run.stdout.contains("none on this chip family"), "{}", run.stdout);
    let step = &dir.run(&format!("{line} --json")).document()["step"];
    // All but the engine's own work and small kernels, which no surface prices.
    assert!(step["outside_measured_fraction"].as_f64().unwrap() > 0.4);
    let outside = |step: &str| {
        let run = dir.run(&format!("explain {ENGINE} {step} --json"));
        run.document()["step"]["outside_measured_fraction"].as_f64().unwrap()
    };
    // The output head has more outputs than were measured, but less than twice as many.
    assert_eq!(outside("--decodes 8 --context 500"), 0.0);
    let far = outside("--decodes 1 --context 300000");
    assert!(far > 0.5 && far < 1.0, "{far}");
    let long = dir.run(&format!("explain {ENGINE} --decodes 1 --context 200000"));
    assert!(long.answer().contains("contexts of up to 131072 tokens"), "{}", long.stdout);
}

#[test]
fn the_smallest_layout_that_holds_the_step() {
    let dir = Dir::new();
    let tensor = |step: &str| {
        let line = format!("explain --model llama-3.1-70b --system dgx-h100 {step} --json");
        dir.run(&line).document()["inputs"]["engine"]["tensor_parallel"].as_u64().unwrap()
    };
    assert_eq!(tensor("--decodes 8 --context 1000"), 2);
    assert!(tensor("--decodes 256 --context 4000") > 2);
}

#[test]
fn steps_that_cannot_be() {
    let dir = Dir::new();
    for (flags, said) in [
        ("", "give --decodes N --context TOKENS, --prefill TOKENS or both"),
        ("--decodes 0", "does nothing"),
        ("--context 5", "does nothing"),
        ("--context 5 --prefill 9", "--context is that of decodes"),
        ("--decodes 5", "give --context TOKENS"),
        ("--decodes 9000000 --context 4", "9000000 is not in 0..=1000000"),
        ("--decodes -1 --context 4", "-1"),
        ("--decodes 1 --context 0", "0 is not in"),
        ("--prefill 0", "write tokens from 1 to 16777216"),
        ("--prefill 99999999999999999999", "write tokens from 1 to 16777216"),
        ("--prefill 5@x", "write tokens from 1 to 16777216"),
        ("--prefill 16000000 16000000", "32000000 tokens in one step are too many"),
    ] {
        dir.run(&format!("explain {ENGINE} {flags}")).refuses(2, &["error: ", said]);
    }
    dir.run(&format!("explain {STEP}")).refuses(2, &["give --model and --system"]);
    for (line, said) in [
        ("--model llama-3.1-8 --system dgx-h100", "did you mean llama-3.1-8b"),
        ("--model llama-3.1-8b --system dgx-h10", "did you mean dgx-h100"),
        ("--model llama-3.1-405b --system dgx-h100 --tp 2", "it fits with tensor = 8"),
        ("--model llama-3.1-8b --system dgx-h100 --tp 3", "use one of 1 or 2 or 4"),
    ] {
        dir.run(&format!("explain {line} {STEP}")).refuses(3, &["error: ", said]);
    }
    let full = format!("explain {ENGINE} --tp 1 --decodes 1000 --context 100000");
    dir.run(&full).refuses(3, &["100000000 tokens, but the KV cache of 1 accelerator holds"]);
    let huge = format!("explain {ENGINE} --decodes 1000000 --context 1073741824");
    dir.run(&huge).refuses(3, &["error: "]);
}

#[test]
fn a_power_cap_slows_prompts_and_is_kept() {
    let dir = Dir::new();
    let line = "explain --model llama-3.1-70b --system dgx-h100 --tp 4 --prefill 4096";
    let step = |line: &str| dir.run(&format!("{line} --json")).document()["step"].clone();
    let free = step(line);
    let capped = step(&format!("{line} --power-cap 400W"));
    let number = |step: &Value, name: &str| step[name].as_f64().expect("a number");
    assert!(number(&capped, "time_ms") > 1.1 * number(&free, "time_ms"));
    assert!(number(&capped, "accelerator_power_w") <= 400.0 * (1.0 + 1e-9));
    assert!(
        capped["operators"].as_array().expect("operators").iter().any(|operator| {
            operator["clock_fraction"].as_f64().is_some_and(|clock| clock < 0.9)
        })
    );
    let run = dir.run(&format!("{line} --power-cap 57%"));
    let answer = run.answer();
    for words in
        ["capped at 57 % of the limit", "power cap       57 % of the limit; ", "law of clocks"]
    {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    dir.run(&format!("{line} --power-cap 100W")).refuses(3, &["105 W it draws idle"]);
    dir.run(&format!("{line} --power-cap 1.5")).refuses(2, &["a share of the limit is above 0"]);
}

#[test]
fn every_step_has_an_error_bar() {
    let dir = Dir::new();
    let step =
        |line: &str| dir.run(&format!("explain {ENGINE} {line} --json")).document()["step"].clone();
    let number = |step: &Value, name: &str| step[name].as_f64().expect("a number");
    let width = |bar: &Value| number(bar, "high_fraction") / number(bar, "low_fraction");
    for line in ["--decodes 8 --context 1000", "--prefill 4096", "--prefill 131072", STEP] {
        let step = step(line);
        for (low, answer, high) in [
            ("measured_low_ms", "time_ms", "measured_high_ms"),
            ("energy_low_j", "energy_j", "energy_high_j"),
            ("accelerator_power_low_w", "accelerator_power_w", "accelerator_power_high_w"),
        ] {
            let [low, answer, high] = [low, answer, high].map(|name| number(&step, name));
            assert!(low < answer && answer <= high && low > 0.0, "{line}: {low} {answer} {high}");
        }
        let run = dir.run(&format!("explain {ENGINE} {line}"));
        for name in ["step ", "power ", "energy "] {
            assert!(run.line(name).contains(" rows, median "), "{line}:\n{}", run.stdout);
        }
    }
    let (short, long) = (step("--prefill 4096"), step("--prefill 131072"));
    assert_eq!(short["error_bar"]["inside_calibrated_range"], true);
    assert_eq!(long["error_bar"]["inside_calibrated_range"], false);
    assert!(width(&long["error_bar"]) > 1.2 * width(&short["error_bar"]), "{long}");
    // What nobody measured with prompts in it is never inside.
    assert_eq!(short["energy_error_bar"]["inside_calibrated_range"], false);
    // A cap at the limit is none; below it bars widen the deeper it goes.
    let capped = |cap: &str| step(&format!("--decodes 8 --context 1000 --power-cap {cap}"));
    let free = step("--decodes 8 --context 1000");
    assert_eq!(capped("700W")["error_bar"], free["error_bar"]);
    assert_eq!(capped("100%")["error_bar"], free["error_bar"]);
    let widths = [&free, &capped("99%"), &capped("70%"), &capped("40%")];
    let widths = widths.map(|step| width(&step["error_bar"]));
    assert!(widths.windows(2).all(|pair| pair[0] < pair[1]), "{widths:?}");
    assert!(widths[1] < 1.02 * widths[0], "{widths:?}");
}

#[test]
fn every_chip_and_model_is_explained_or_says_why_not() {
    let dir = Dir::new();
    let step = "--decodes 8 --context 1000";
    // Accelerators that no system is known with stand for a scale-up domain of theirs.
    for chip in [
        "a100-40",
        "a100-80",
        "h100-sxm",
        "h200-sxm",
        "h20",
        "h800-sxm",
        "b200-sxm",
        "b300-sxm",
        "gb200",
        "gb300",
        "rtx-pro-6000",
        "rtx-4090",
        "l40s",
        "mi300x",
        "mi325x",
        "mi350x",
        "mi355x",
        "tpu-v7",
        "vr200",
    ] {
        let line = format!("explain --model llama-3.1-8b --system {chip} {step} --json");
        let document = dir.run(&line).document();
        assert!(document["step"]["time_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{chip}");
    }
    for model in [
        "llama-2-70b",
        "llama-3-70b",
        "llama-3.1-405b",
        "llama-4-maverick",
        "qwen2.5-72b",
        "qwen3-235b-a22b",
        "qwen3.5-397b-a17b",
        "deepseek-v2",
        "deepseek-r1",
        "deepseek-v3.2",
        "deepseek-v4-pro",
        "deepseek-v4-flash",
        "kimi-k2",
        "kimi-k2.5",
        "glm-4.5",
        "glm-4.6",
        "glm-5",
        "minimax-m2",
        "minimax-m2.5",
        "gpt-oss-20b",
        "gpt-oss-120b",
        "mixtral-8x22b",
        "nemotron-3-ultra",
        "gpt-3-175b",
        "megatron-22b",
        "megatron-175b",
        "megatron-530b",
        "megatron-1t",
        "bloom",
        "mpt-70b",
    ] {
        let line = format!("explain --model {model} --system gb200-nvl72 {step} --json");
        let document = dir.run(&line).document();
        assert!(document["step"]["time_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{model}");
    }
    // Whose power limit nobody states.
    for chip in ["tpu-v5e", "tpu-v5p", "tpu-v6e", "trainium2"] {
        let line = format!("explain --model llama-3.1-8b --system {chip} {step}");
        let unknown = format!("power unknown: no published TDP of `{chip}`");
        let run = dir.run(&line);
        let text = run.answer();
        assert!(text.contains(&unknown) && text.contains("unknown: no published TDP\n"), "{text}");
        let document = dir.run(&format!("{line} --json")).document();
        let step = &document["step"];
        assert!(step["time_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{chip}");
        for key in ["energy_j", "energy_high_j", "accelerator_power_w", "accelerator_idle_w"] {
            assert!(step[key].is_null(), "{chip}: {key}");
        }
        assert!(step["operators"][0]["energy_above_idle_j"].is_null());
        assert!(document["warnings"][0].as_str().is_some_and(|w| w.starts_with(&unknown)));
        let capped = dir.run(&format!("{line} --power-cap 60%"));
        capped.refuses(3, &["what a power cap does", "nothing states its limit"]);
    }
    let unstated = format!("explain --model kimi-k3 --system gb200-nvl72 {step}");
    dir.run(&unstated).refuses(3, &["cannot be priced", "nothing states the shape"]);
}
