//! Every published measurement that is at hand, against the model. Run with `--nocapture` to see
//! the errors.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use wattmill_catalog::Catalog;
use wattmill_validate::{
    Effort, Evaluation, FittedErrors, Group, Metric, Outcome, Table, cross_validated,
    errors_by_metric, evaluate,
};

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
    Some(evaluation)
}

/// At least `answered` rows have an answer, and the median and 90 % quantile of the error of `metric`
/// are at most these.
#[track_caller]
fn holds(evaluation: &Evaluation, answered: usize, metric: Metric, (median, p90): (f64, f64)) {
    assert!(evaluation.outcomes.len() >= answered, "{:?}", evaluation.reasons());
    let errors = errors_by_metric(evaluation.headline())[&metric];
    assert!(errors.median <= median && errors.p90 <= p90, "{metric}: {errors:?}");
}

#[test]
fn serving_points() {
    let Some(evaluation) = report("inference_serving_points.csv") else { return };
    assert_eq!(evaluation.rows(), 1759);
    // All rows of quality A. What is left are 20 of quality B whose label says that 72 accelerators
    // share 128 heads.
    assert_eq!(evaluation.headline().count(), 1535);
    assert_eq!(evaluation.reasons(), [("tensor parallelism does not divide the heads", 20)].into());
    holds(&evaluation, 1739, Metric::Tpot, (0.08, 0.25));
    holds(&evaluation, 1739, Metric::Ttft, (0.2, 0.6));
}

/// What the catalogue says of models and chips that were left out.
#[test]
fn models_and_chips_that_were_left_out() {
    for by in ["model", "chip"] {
        let all = cross_validated();
        let of_all = |e: &&FittedErrors| e.fitted.left_out() == Some(by) && e.engine.is_none();
        let errors = all.iter().find(of_all).expect("all engines are there");
        let tpot = errors.metrics[&Metric::Tpot];
        assert!(tpot.rows == 1535 && tpot.median <= 0.12 && tpot.p90 <= 0.4, "{tpot:?}");
    }
}

#[test]
fn long_prompts() {
    let Some(evaluation) = report("inference_long_prompt_points.csv") else { return };
    assert_eq!(evaluation.rows(), 72);
    holds(&evaluation, 72, Metric::EndToEnd, (0.4, 0.6));
}

#[test]
fn mlperf() {
    let Some(evaluation) = report("inference_mlperf.csv") else { return };
    assert_eq!(evaluation.rows(), 414);
    // All but six machines of two kinds of accelerators.
    holds(&evaluation, 408, Metric::OutputRate, (0.15, 0.4));
}

#[test]
fn throughput() {
    let Some(evaluation) = report("inference_throughput_tables.csv") else { return };
    assert_eq!(evaluation.rows(), 220);
    holds(&evaluation, 212, Metric::OutputRate, (0.15, 0.4));
}

#[test]
fn energy() {
    let Some(evaluation) = report("inference_energy_mlenergy.csv") else { return };
    assert_eq!(evaluation.rows(), 518);
    holds(&evaluation, 518, Metric::StepTime, (0.15, 0.4));
    holds(&evaluation, 518, Metric::EnergyPerToken, (0.15, 0.4));
}

#[test]
fn phases() {
    let Some(evaluation) = report("inference_phase_profile_splitwise.csv") else { return };
    assert_eq!(evaluation.rows(), 152);
    holds(&evaluation, 149, Metric::PromptTime, (0.15, 0.4));
    holds(&evaluation, 149, Metric::EnergyPerToken, (0.15, 0.25));
    // Capped rows are outside of the headline: derived from others by a rule, and by a cap we recall.
    let errors = errors_by_metric(evaluation.outcomes.iter().filter(|o| !o.headline));
    assert_eq!(errors[&Metric::PromptTime].count, 37);
    assert!(errors[&Metric::PromptTime].median < 0.15, "{errors:?}");
    assert!(errors[&Metric::StepTime].median < 0.15, "{errors:?}");
}

#[test]
fn training() {
    let Some(evaluation) = report("training.csv") else { return };
    assert_eq!(evaluation.rows(), 596);
    holds(&evaluation, 585, Metric::TrainingStep, (0.08, 0.25));
}

#[test]
fn power() {
    let Some(evaluation) = report("power_mlperf_inference.csv") else { return };
    assert_eq!(evaluation.rows(), 10);
    holds(&evaluation, 10, Metric::NodePower, (0.1, 0.12));
}

#[test]
fn training_power() {
    let Some(evaluation) = report("power_mlperf_training.csv") else { return };
    assert_eq!(evaluation.rows(), 53);
    holds(&evaluation, 43, Metric::NodePower, (0.05, 0.1));
    holds(&evaluation, 43, Metric::NodePowerP95, (0.05, 0.1));
}
