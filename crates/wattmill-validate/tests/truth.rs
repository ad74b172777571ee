//! Every published measurement that is at hand, against the model. Run with `--nocapture` to see
//! the errors.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use wattmill_catalog::Catalog;
use wattmill_validate::{Effort, Evaluation, Group, Outcome, Table, errors_by_metric, evaluate};

fn truth(file: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/truth").join(file);
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        println!("skipped: ../shared absent");
    }
    text
}

fn show<'a>(title: &str, outcomes: impl Iterator<Item = &'a Outcome>) {
    for (metric, e) in errors_by_metric(outcomes) {
        println!(
            "{title:<44} {metric:<30} {:>5}  median {:>5.1} %  mean {:>5.1} %  p90 {:>6.1} %  bias {:>+6.1} %",
            e.count,
            100.0 * e.median,
            100.0 * e.mean,
            100.0 * e.p90,
            100.0 * e.bias,
        );
    }
}

fn by(title: &str, evaluation: &Evaluation, key: impl Fn(&Group) -> String) {
    let mut groups: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
    for outcome in evaluation.headline() {
        groups.entry(key(&outcome.group)).or_default().push(outcome);
    }
    for (name, outcomes) in groups {
        show(&format!("{title} {name}"), outcomes.into_iter());
    }
}

fn report(file: &str) -> Option<Evaluation> {
    let text = truth(file)?;
    let table = Table::read(&text).expect("the truth is well formed");
    let start = Instant::now();
    let evaluation =
        evaluate(&table, Catalog::builtin(), Effort::default(), |_| ControlFlow::Continue(()));
    println!("{file}: {} rows in {:.1} s", evaluation.rows(), start.elapsed().as_secs_f64());
    for (reason, count) in evaluation.reasons() {
        println!("  unanswered: {count:>5} {reason}");
    }
    show("headline", evaluation.headline());
    show("outside the headline", evaluation.outcomes.iter().filter(|o| !o.headline));
    by("source", &evaluation, |g| g.source.clone());
    by("mode", &evaluation, |g| g.mode.clone());
    by("engine", &evaluation, |g| g.engine.clone());
    by("chip", &evaluation, |g| g.accelerator.clone());
    by("model", &evaluation, |g| g.model.clone());
    by("precision", &evaluation, |g| g.precision.clone());
    by("concurrency", &evaluation, |g| g.band().to_owned());
    if let Ok(dir) = std::env::var("DUMP") {
        let mut out = String::new();
        for o in &evaluation.outcomes {
            for f in &o.figures {
                out += &format!("{},{},{},{}\n", o.line, f.metric, f.measured, f.predicted);
            }
        }
        std::fs::write(format!("{dir}/{file}.pred"), out).expect("writable");
    }
    Some(evaluation)
}

#[test]
fn serving_points() {
    let Some(evaluation) = report("inference_serving_points.csv") else { return };
    assert_eq!(evaluation.rows(), 1759);
}

#[test]
fn long_prompts() {
    let Some(evaluation) = report("inference_long_prompt_points.csv") else { return };
    assert_eq!(evaluation.rows(), 72);
}

#[test]
fn mlperf() {
    let Some(evaluation) = report("inference_mlperf.csv") else { return };
    assert_eq!(evaluation.rows(), 414);
}

#[test]
fn throughput() {
    let Some(evaluation) = report("inference_throughput_tables.csv") else { return };
    assert_eq!(evaluation.rows(), 220);
}

#[test]
fn energy() {
    let Some(evaluation) = report("inference_energy_mlenergy.csv") else { return };
    assert_eq!(evaluation.rows(), 518);
}

#[test]
fn phases() {
    let Some(evaluation) = report("inference_phase_profile_splitwise.csv") else { return };
    assert_eq!(evaluation.rows(), 152);
}

#[test]
fn training() {
    let Some(evaluation) = report("training.csv") else { return };
    assert_eq!(evaluation.rows(), 596);
}

#[test]
fn power() {
    let Some(evaluation) = report("power_mlperf_inference.csv") else { return };
    assert_eq!(evaluation.rows(), 10);
}
