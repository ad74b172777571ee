//! `wattmill train`: answers, what is infeasible and what is refused.

use crate::support::Dir;

const JOB: &str = "train --model llama-3.1-70b --system dgx-h100 --gpus 64";

#[test]
fn a_stated_layout_is_priced_by_part() {
    let dir = Dir::new();
    let line = format!("{JOB} --layout tp=4,pp=8,vpp=5 --global-batch 128 --precision fp8");
    let run = dir.run(&format!("{line} --tokens 15T"));
    let answer = run.answer().to_owned();
    assert!(run.line("layout").contains("tp=4,pp=8,vpp=5,dp=2,zero=1; micro-batch 1"), "{answer}");
    assert!(run.line("layout").contains("as asked for"), "{answer}");
    // NVIDIA publishes 10.1 to 10.2 s for it.
    let step: f64 = run.line("step").split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((9.0..11.5).contains(&step), "{answer}");
    for words in ["pipeline bubble", "tensor parallel", "model FLOPs: ", "HFU", "MWh", "GPU-hours"]
    {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    assert!(run.line("cost").contains("USD an accelerator-hour"), "{answer}");
    let again = dir.run(&format!("{line} --tokens 15T"));
    assert_eq!(answer, again.answer(), "the same question has the same answer");
    let document = dir.run(&format!("{line} --tokens 15T --json")).document();
    assert_eq!(document["schema"], "wattmill.train/1");
    assert_eq!(document["answer_hash"].as_str(), Some(run.hash().as_str()));
    let best = &document["best"];
    let parts: f64 = best["step"]["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| part["time_s"].as_f64().expect("a time"))
        .sum();
    let total = best["step"]["time_s"].as_f64().expect("a time");
    assert!((parts / total - 1.0).abs() < 1e-9, "parts add up to the step");
    let (low, high) = (&best["interval"]["low_s"], &best["interval"]["high_s"]);
    assert!(low.as_f64() < Some(total) && Some(total) < high.as_f64(), "{best}");
    let number = |of: &serde_json::Value, name: &str| of[name].as_f64().expect("a number");
    let (step, interval, run) = (&best["step"], &best["interval"], &best["run"]);
    for (low, of, answer, high) in [
        ("low_mfu_fraction", step, "mfu_fraction", "high_mfu_fraction"),
        ("low_accelerator_power_w", step, "accelerator_power_w", "high_accelerator_power_w"),
    ] {
        let [low, high] = [low, high].map(|name| number(interval, name));
        assert!(low < number(of, answer) && number(of, answer) <= high, "{best}");
    }
    for (low, answer, high) in [
        ("low_accelerator_hours", "accelerator_hours", "high_accelerator_hours"),
        ("accelerator_energy_low_mwh", "accelerator_energy_mwh", "accelerator_energy_high_mwh"),
        ("cost_low_usd", "cost_usd", "cost_high_usd"),
    ] {
        let [low, answer, high] = [low, answer, high].map(|name| number(run, name));
        assert!(low < answer && answer < high, "{run}");
    }
    // Energy is as unsure as time and power together.
    let share = |of: &str, all: &str| number(run, of) / number(run, all);
    let time = share("high_accelerator_hours", "accelerator_hours");
    assert!(share("accelerator_energy_high_mwh", "accelerator_energy_mwh") >= time, "{run}");
    // Without tokens there is no run.
    assert!(dir.run(&format!("{line} --json")).document()["best"]["run"].is_null());
}

#[test]
fn a_search_says_what_is_best_and_why_others_are_not() {
    let dir = Dir::new();
    let run = dir.run(&format!("{JOB} --tokens 1e12"));
    let answer = run.answer();
    for words in ["fastest of", "next best layouts", "refused", "does not fit"] {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    let document = dir.run(&format!("{JOB} --json")).document();
    let time = |layout: &serde_json::Value| layout["time_s"].as_f64().expect("a time");
    let best = time(&document["best"]["step"]);
    let others = document["others"].as_array().expect("others");
    assert!(!others.is_empty() && others.iter().all(|other| time(other) >= best));
    // What it answers can be asked for, and is the same then.
    let layout = document["best"]["layout"].as_str().expect("a layout");
    let micro_batch = &document["best"]["micro_batch_sequences"];
    let stated = format!("{JOB} --json --layout {layout} --micro-batch {micro_batch}");
    assert_eq!(time(&dir.run(&stated).document()["best"]["step"]), best);
}

#[test]
fn a_model_too_big_for_the_memory_is_an_answer() {
    let dir = Dir::new();
    let line = "train --model llama-3.1-405b --system dgx-h100 --gpus 8";
    let run = dir.run(line);
    let answer = run.answer();
    for words in ["INFEASIBLE: 8 accelerators", "GB of optimizer state", "of its 85.5 GB"] {
        assert!(answer.contains(words), "{words}:\n{answer}");
    }
    let document = dir.run(&format!("{line} --json")).document();
    assert_eq!(document["feasible"], false);
    assert!(document["best"].is_null());
    let stated = dir.run(&format!("{JOB} --layout tp=1"));
    assert!(stated.answer().contains("in the layout asked for"), "{}", stated.stdout);
    assert!(stated.stdout.contains("fits with sharded weights"), "{}", stated.stdout);
}

#[test]
fn a_chip_nobody_published_training_on_is_warned_of() {
    let dir = Dir::new();
    let run = dir.run("train --model llama-3.1-8b --system vr-nvl72 --gpus 72 --global-batch 576");
    assert!(run.answer().contains("warning: no training with"), "{}", run.stdout);
    assert!(run.line("step").contains("a guess at what was never measured"), "{}", run.stdout);
}

#[test]
fn contradictory_flags_are_refused_with_a_way_out() {
    let dir = Dir::new();
    for (flags, said) in [
        ("--layout tp=8,pp=4,dp=4", "tp x cp x pp x dp = 128 does not make --gpus 64; use dp=2"),
        ("--layout tp=3", "use --gpus 63"),
        ("--layout tp=8,tp=4", "is there twice"),
        ("--layout tp=", "cannot be"),
        ("--layout tp=-1", "cannot be"),
        ("--layout tp=99999999999", "cannot be"),
        ("--layout warp=9", "`warp` is not known"),
        ("--layout automatic", "is no degree"),
        ("--gpus 0", "0 is not in 1..=4194304"),
        ("--gpus 99999999999", "99999999999"),
        ("--global-batch 0", "0 is not in"),
        ("--seq-len 0", "0 is not in"),
        ("--tokens many", "write tokens like 15.6T"),
        ("--tokens 1e30", "at most 1e18"),
        ("--tokens nan", "write tokens like 15.6T"),
        ("--precision int8", "bf16, fp8, mxfp8, nvfp4"),
        ("--recompute some", "none, selective, full"),
        ("--stack tensorflow", "use one of llm-foundry"),
        ("--lora 0", "0 is not in"),
    ] {
        let base =
            if flags.starts_with("--gpus") { JOB.trim_end_matches(" --gpus 64") } else { JOB };
        dir.run(&format!("{base} {flags}")).refuses(2, &["error: ", said]);
    }
    for (flags, said) in [
        ("--layout tp=1,vpp=4", "virtual_stages = 4 does not divide a pipeline of one stage"),
        ("--layout tp=8,ep=2", "help: use expert = 1"),
        ("--layout tp=8,pp=8,vpp=64", "82 chunks in all"),
        ("--layout cp=8 --seq-len 8190", "help: use 1 or 2 or 3 or 5 or 6 or 7 or 9"),
        ("--layout tp=4 --global-batch 100", "help: use global_batch = 112"),
        ("--layout tp=4,zero=3,shard=7", "sharding group = 7 does not divide"),
        ("--precision nvfp4", "has no fp4 units"),
    ] {
        let run = dir.run(&format!("{JOB} {flags}"));
        run.refuses(3, &["error: llama-3.1-70b on dgx-h100: "]);
        assert!(run.stderr.contains(said), "{flags}: {said}\n{}", run.stderr);
    }
}

#[test]
fn names_are_suggested() {
    let dir = Dir::new();
    let run = dir.run("train --model llama-3.1-71b --system dgx-h10 --gpus 8");
    run.refuses(
        3,
        &["--model `llama-3.1-71b`", "did you mean llama-3.1-70b", "--system `dgx-h10`"],
    );
    let run = dir.run("train --model llama-3.1-71b --system dgx-h100 --gpus 8 --json");
    assert_eq!(run.document()["valid"], false);
    dir.run("train --model llama-3.1-8b --gpus 8").refuses(2, &["--system"]);
    // A model whose shape no source states.
    let run = dir.run("train --model kimi-k3 --system dgx-h100 --gpus 8");
    run.refuses(3, &["cannot be priced: nothing states"]);
}

#[test]
fn the_largest_numbers_do_no_harm() {
    let dir = Dir::new();
    let huge = "--gpus 4194304 --global-batch 4194304 --seq-len 4194304 --micro-batch 4194304";
    let line = format!("train --model deepseek-v3 --system gb200-nvl72 {huge} --tokens 1e18");
    let run = dir.run(&line);
    assert!(run.code == Some(0) || run.code == Some(3), "{:?}\n{}", run.code, run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(!run.stdout.contains("NaN") && !run.stdout.contains("inf "), "{}", run.stdout);
    let layout = "tp=128,pp=61,cp=64,ep=256,etp=8,vpp=1,dp=8";
    let run = dir.run(&format!(
        "train --model deepseek-v3 --system gb200-nvl72 --gpus 3997696 --layout {layout}"
    ));
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn a_power_cap_slows_training_and_is_kept() {
    let dir = Dir::new();
    let line = format!("{JOB} --layout tp=4,pp=8,vpp=5 --global-batch 128 --precision fp8");
    let best = |line: &str| dir.run(&format!("{line} --json")).document()["best"].clone();
    let (free, capped) = (best(&line), best(&format!("{line} --power-cap 400W")));
    let number =
        |best: &serde_json::Value, name: &str| best["step"][name].as_f64().expect("a number");
    assert!(number(&capped, "time_s") > number(&free, "time_s") * 1.05);
    assert!(number(&capped, "accelerator_power_w") <= 400.0);
    assert!(number(&capped, "clock_fraction") < 0.95);
    let run = dir.run(&format!("{line} --power-cap 400W"));
    assert!(run.line("power cap").contains("400 W; arithmetic at"), "{}", run.answer());
    let refused = dir.run(&format!("{line} --power-cap 900W"));
    assert!(refused.stderr.contains("at most its limit of 700 W"), "{}", refused.stderr);
}
