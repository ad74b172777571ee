//! Node power during MLPerf training: packages at work and waiting in a step of the benchmark, and
//! what a node draws besides them.
//!
//! The rows name a benchmark and a system. The job is the one that the same submitters' results
//! describe; what is predicted is its steady step. A run's mean also holds start-up and evaluation,
//! about half a minute of little power: runs of less than `LONG` do not count towards the headline.

use wattmill_catalog::{Catalog, Efficiency, TrainingEfficiency, TrainingTable};
use wattmill_perf::TrainingStep;
use wattmill_units::{Power, Seconds};

use crate::engine::MOST_DEGREE;
use crate::labels;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;
use crate::training::{DescribedJob, TrainingRow, describe, speaks_against};

/// Runs of which start-up and evaluation are a few per cent, s.
const LONG: f64 = 600.0;
/// Time between two readings where the row does not say, s.
const BETWEEN: f64 = 2.0;
/// Steps that readings still tell apart in their parts, over the time between readings.
const RESOLVED: f64 = 2.0;

/// Name in the results, model, task, tokens of a sequence, tensor and pipeline degrees, sequences of
/// a micro-batch: what NVIDIA's scripts and those of the submitters after them run on nodes of eight
/// (`training.csv`, MLPerf Training 4.0 and 4.1).
const BENCHMARKS: &[(&str, &str, &str, u32, u32, u32, u32)] = &[
    ("gpt3", "GPT-3 175B", "pretrain", 2048, 4, 8, 2),
    ("llama2_70b_lora", "Llama-2 70B", "lora", 8192, 4, 1, 1),
];
/// Sequences of a step of GPT-3.
const GPT3_BATCH: u32 = 2048;
/// Fewest sequences of a step of LoRA.
const LORA_BATCH: u32 = 8;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// What is trained on what.
    pub job: DescribedJob<'a>,
    /// What its step is priced with.
    pub training: TrainingEfficiency,
    /// Packages of a node.
    pub accelerators: u32,
    /// Time between two readings.
    pub between: Seconds,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let benchmark = row.needed_text("benchmark")?;
    let Some(known) = BENCHMARKS.iter().find(|(name, ..)| *name == benchmark) else {
        let names: Vec<&str> = BENCHMARKS.iter().map(|(name, ..)| *name).collect();
        let why = format!(
            "nothing is known of a step of `{benchmark}`; known are {}",
            names.join(" and ")
        );
        return Err(Reason::Unsupported(why));
    };
    let (_, model, task, sequence, tensor, pipeline, micro_batch) = *known;
    let gpu = row.needed_text("gpu")?;
    let chip = labels::accelerator(gpu, catalog)?;
    let accelerators = row.needed_count("gpus_per_node", MOST_DEGREE)?;
    let nodes = row.needed_count("n_nodes_metered", MOST_DEGREE)?;
    let gpus = accelerators.saturating_mul(nodes);
    // Beyond one node two ranks share a sequence.
    let context = if task == "lora" && nodes > 1 { 2 } else { 1 };
    let copy = tensor * pipeline * context;
    if !gpus.is_multiple_of(copy) {
        let why = format!("`{benchmark}` runs on multiples of {copy} accelerators, not on {gpus}");
        return Err(Reason::Unsupported(why));
    }
    let data = gpus / copy;
    let round = row.text("mlperf_round").unwrap_or_default();
    let described = TrainingRow {
        line: row.line,
        source_kind: format!("mlperf_training_{round}"),
        source: row.text("source").unwrap_or_default().to_owned(),
        model: model.to_owned(),
        task: task.to_owned(),
        gpu: gpu.to_owned(),
        gpus: Some(gpus),
        degrees: [Some(tensor), Some(pipeline), None, Some(context), None, Some(data)],
        micro_batch: Some(micro_batch),
        global_batch: Some(if task == "lora" { data.max(LORA_BATCH) } else { GPT3_BATCH }),
        sequence: Some(sequence),
        ..TrainingRow::default()
    };
    let job = describe(&described, catalog).map_err(Reason::Unsupported)?;
    let stack = described.stack();
    let training = TrainingTable::builtin().get(&chip.family, stack);
    let duration = row.number("run_duration_s");
    let mut figures = vec![(Metric::NodePower, row.needed("node_mean_w")?)];
    figures.extend(row.number("node_p95_w").map(|watts| (Metric::NodePowerP95, watts)));
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let measured = Measured {
        line: row.line,
        group: Group {
            model: job.model.id.clone(),
            accelerator: chip.id.clone(),
            engine: stack.to_owned(),
            mode: format!("{task}, {nodes} nodes"),
            precision: job.recipe.format.name().to_owned(),
            concurrency: None,
            source: row.text("system").unwrap_or_default().to_owned(),
        },
        headline: read && duration.is_none_or(|seconds| seconds >= LONG),
        figures,
    };
    let between = Seconds::from_s(row.number("sample_period_s").unwrap_or(BETWEEN));
    Ok(Case { measured, job, training, accelerators, between })
}

/// Predicts every figure of a case with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(case: &Case<'_>, efficiency: &Efficiency) -> Result<Vec<(Metric, f64)>, Reason> {
    let job = case.job.with(efficiency, &case.training);
    // That we think it lacks memory is no reason not to say what it draws: it ran.
    if let Some(problem) = job.problems().iter().find(|problem| speaks_against(problem)) {
        return Err(Reason::Unsupported(problem.to_string()));
    }
    let step = TrainingStep::of(&job);
    let (Some(mean), Some(at_work)) = (step.power(), TrainingStep::power_at_work(&job)) else {
        let why = format!("nothing states the power limit of `{}`", job.accelerator.id);
        return Err(Reason::Unsupported(why));
    };
    // Readings average over steps that are shorter than the time between them.
    let resolved = step.time.total() > case.between * RESOLVED;
    let high = if resolved { mean.max(at_work) } else { mean };
    let node = |package: Power| {
        ((package + efficiency.power_node) * f64::from(case.accelerators)).as_watts()
    };
    Ok(vec![(Metric::NodePower, node(mean)), (Metric::NodePowerP95, node(high))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn case(row: &str) -> Result<Case<'static>, Reason> {
        let header = "benchmark,gpu,gpus_per_node,n_nodes_metered,node_mean_w,run_duration_s";
        let table = Table::read(&format!("{header}\n{row}\n")).unwrap();
        let row = table.rows().next().unwrap();
        resolve(&row, Catalog::builtin())
    }

    #[test]
    fn benchmarks_run_as_their_submitters_ran_them() {
        let one = case("llama2_70b_lora,H100-SXM,8,1,7150,1690").unwrap();
        let layout = one.job.layout;
        assert_eq!((layout.tensor, layout.context, layout.data), (4, 1, 2));
        assert_eq!((one.job.global_batch, one.measured.headline), (8, true));
        let many = case("llama2_70b_lora,H100-SXM,8,64,5080,118").unwrap();
        let layout = many.job.layout;
        assert_eq!((layout.tensor, layout.context, layout.data), (4, 2, 64));
        assert_eq!((many.job.global_batch, many.measured.headline), (64, false));
        let gpt = case("gpt3,H100-SXM,8,64,6850,3412").unwrap();
        assert_eq!(
            (gpt.job.layout.pipeline, gpt.job.layout.data, gpt.job.global_batch),
            (8, 16, 2048)
        );
    }

    #[test]
    fn what_cannot_be_predicted_is_named() {
        let why = |row: &str| case(row).unwrap_err().to_string();
        assert_eq!(
            why("bert,H100-SXM,8,1,6800,300"),
            "nothing is known of a step of `bert`; known are gpt3 and llama2_70b_lora"
        );
        assert_eq!(
            why("gpt3,H100-SXM,8,3,6800,300"),
            "`gpt3` runs on multiples of 32 accelerators, not on 24"
        );
    }

    #[test]
    fn readings_see_the_parts_of_long_steps() {
        let efficiency = Catalog::builtin().efficiency("hopper").unwrap();
        let both = |row: &str| predict(&case(row).unwrap(), efficiency).unwrap();
        let high = |all: &[(Metric, f64)]| all[1].1 / all[0].1;
        // GPT-3 takes 11 s a step, LoRA on many nodes less than a second.
        assert!(high(&both("gpt3,H100-SXM,8,64,6850,3412")) > 1.02);
        assert_eq!(high(&both("llama2_70b_lora,H100-SXM,8,64,5080,118")), 1.0);
    }
}
