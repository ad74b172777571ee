//! Measured training steps against the model of a training step.
//!
//! [`read_training`] reads the table, [`predict`] answers its rows or says why not,
//! [`fit_training`] fits the constants of each chip family and stack, [`leave_out`] fits without
//! some rows and answers those.

mod case;
mod fit;
mod row;

pub use case::Case;
pub(crate) use case::resolve;
pub use fit::{FitReport, FitRow, fit_training, fit_with_unseen, leave_out, training_toml};
pub use row::{DescribedJob, TrainingRow, describe};

use wattmill_catalog::{Catalog, Interval, Precision, Question, TrainingTable};
use wattmill_perf::{ModelFlops, TrainingJob, TrainingProblem, TrainingStep};

use crate::outcome::Metric;

/// Why a table of measured training cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the table of measured training cannot be read: {0}")]
pub struct TrainingTableError(#[from] csv::Error);

/// Rows of a table with the columns of `training.csv`; columns may come in any order.
///
/// # Errors
///
/// Text that is no CSV. Fields that do not read count as not stated.
pub fn read_training(text: &str) -> Result<Vec<TrainingRow>, TrainingTableError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let column = |name: &str| headers.iter().position(|h| h == name);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let text = |name: &str| {
            column(name).and_then(|i| record.get(i)).unwrap_or_default().trim().to_owned()
        };
        rows.push(row_of(record.position().map_or(0, csv::Position::line), &text));
    }
    Ok(rows)
}

/// A row whose columns `text` gives, blank where there is none.
pub(crate) fn row_of(line: u64, text: &dyn Fn(&str) -> String) -> TrainingRow {
    let number = |name: &str| text(name).parse::<f64>().ok().filter(|x| x.is_finite());
    let count = |name: &str| number(name).filter(|x| (1.0..=4e9).contains(x)).map(|x| x as u32);
    let positive = |name: &str| number(name).filter(|x| *x > 0.0);
    TrainingRow {
        line,
        source_kind: text("source_kind"),
        source: text("source"),
        verification: text("verification"),
        model: text("model"),
        task: text("task"),
        gpu: text("gpu"),
        gpus: count("n_gpus"),
        degrees: ["tp", "pp", "vpp", "cp", "ep", "dp"].map(count),
        fsdp: text("fsdp"),
        micro_batch: count("micro_batch_seqs"),
        global_batch: count("global_batch_seqs"),
        sequence: count("seq_len"),
        precision: text("precision"),
        step_s: positive("step_time_s"),
        tokens_per_s: positive("tokens_per_s_per_gpu"),
        model_tflops: positive("model_tflops_per_gpu"),
        hfu_pct: positive("hfu_pct"),
        gpu_hours: positive("gpu_hours"),
        train_tokens_b: positive("train_tokens_b"),
        notes: text("notes"),
    }
}

/// A row and what the model says to it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingAnswer {
    /// Line in the file.
    pub line: u64,
    /// Who published it.
    pub source_kind: String,
    /// Model as labelled.
    pub model: String,
    /// Accelerator as labelled.
    pub gpu: String,
    /// Chip family, empty where the accelerator is not known.
    pub family: String,
    /// Software stack.
    pub stack: String,
    /// `pretrain`, `sft` or `lora`.
    pub task: String,
    /// Whether the row states its layout.
    pub states_layout: bool,
    /// Whether its figure may decide.
    pub decides: bool,
    /// Measured step time, s, from whichever figure the row has.
    pub measured_s: f64,
    /// Predicted step time, s; `None`: not answered.
    pub predicted_s: Option<f64>,
    /// Whether its family and stack were fitted, and the job fits the memory by our account.
    pub inside_calibrated_range: bool,
    /// Where four in five measurements of the kind lie, as factors on what is predicted; `None`: not
    /// answered.
    pub interval: Option<Interval>,
    /// Why it is not answered, or what speaks against the answer.
    pub reason: Option<String>,
}

impl TrainingAnswer {
    /// Predicted over measured.
    pub fn ratio(&self) -> Option<f64> {
        self.predicted_s.map(|p| p / self.measured_s)
    }
}

/// Every row answered with the constants of `table`, or with a reason why not.
pub fn predict(
    rows: &[TrainingRow],
    catalog: &Catalog,
    table: &TrainingTable,
) -> Vec<TrainingAnswer> {
    rows.iter().map(|row| answer(row, catalog, table)).collect()
}

fn answer(row: &TrainingRow, catalog: &Catalog, table: &TrainingTable) -> TrainingAnswer {
    let mut answer = TrainingAnswer {
        line: row.line,
        source_kind: row.source_kind.clone(),
        model: row.model.clone(),
        gpu: row.gpu.clone(),
        family: String::new(),
        stack: row.stack().to_owned(),
        task: row.task.clone(),
        states_layout: row.states_layout(),
        decides: row.decides(),
        measured_s: f64::NAN,
        predicted_s: None,
        inside_calibrated_range: false,
        interval: None,
        reason: None,
    };
    let described = match describe(row, catalog) {
        Ok(described) => described,
        Err(reason) => {
            answer.reason = Some(reason);
            return answer;
        }
    };
    answer.family.clone_from(&described.accelerator.family);
    let Some(efficiency) = catalog.efficiency(&answer.family) else {
        answer.reason = Some(format!("no efficiency of `{}`", answer.family));
        return answer;
    };
    let training = table.get(&answer.family, row.stack());
    let job = described.with(efficiency, &training);
    let Some(measured) = measured_s(row, &job) else {
        answer.reason = Some("it states no rate".to_owned());
        return answer;
    };
    answer.measured_s = measured;
    let problems = job.problems();
    // That we think it lacks memory is no reason not to say how fast it would be: it ran.
    if let Some(problem) = problems.iter().find(|p| speaks_against(p)) {
        answer.reason = Some(problem.to_string());
        return answer;
    }
    let lacking = problems.iter().find(|p| p.is_memory());
    answer.reason = lacking.map(ToString::to_string);
    answer.inside_calibrated_range = training.is_measured() && lacking.is_none();
    answer.interval = Some(step_interval(catalog, &job));
    answer.predicted_s = Some(TrainingStep::of(&job).time.total().as_s());
    answer
}

/// How far measured training was from what is answered for `job`: from the residuals of the published
/// rows where there are any of its chip family and stack, else by how far its constants were lent;
/// wider under a power cap, under which nothing was measured.
pub fn step_interval(catalog: &Catalog, job: &TrainingJob<'_>) -> Interval {
    let training = job.training;
    let measured = training.interval(&job.model.id, job.reach());
    let asked = Question {
        metric: Metric::TrainingStep.name(),
        family: &training.family,
        engine: &training.stack,
        model: &job.model.id,
        inside: measured.inside,
    };
    let bar = catalog.error_bars().interval(&asked).unwrap_or(measured);
    bar.under_cap(job_cap(job))
}

/// How deep the power cap of a job is; `None` without one, and at the chip's own limit.
pub fn job_cap(job: &TrainingJob<'_>) -> Option<f64> {
    job.power_cap?.depth(job.accelerator.tdp?)
}

/// Whether a job with this problem has no price. Batches that do not divide were rounded by whoever
/// ran it; a missing scale-out rate is replaced by the scale-up one.
pub(crate) fn speaks_against(problem: &TrainingProblem) -> bool {
    !matches!(
        problem,
        TrainingProblem::Memory { .. }
            | TrainingProblem::ScaleOut { .. }
            | TrainingProblem::Division { what: "data x micro_batch", .. }
    )
}

/// Measured step time from the figure the row has: its own, tokens per second, model FLOPs by the
/// source's convention, hardware FLOPs, or hours of the whole training.
pub(crate) fn measured_s(row: &TrainingRow, job: &TrainingJob<'_>) -> Option<f64> {
    let gpus = job.layout.accelerators() as f64;
    let of_rate = |rate: f64| job.tokens() / (rate * gpus);
    if let Some(rate) = row.tokens_per_s {
        return Some(of_rate(rate));
    }
    if let Some(step) = row.step_s {
        return Some(step);
    }
    let flops = ModelFlops::of(job);
    if let Some(tflops) = row.model_tflops {
        // NeMo's long-sequence tables and MaxText count the whole square of attention; which of the
        // two a source counts shows where it prints tokens per second as well.
        let counted = match row.source_kind.as_str() {
            "nemo_long_seq" | "maxtext" | "tpu_recipes" => flops.model_full_square(),
            _ => flops.model(),
        };
        return Some(counted.as_tflops() / (tflops * gpus));
    }
    if let Some(hfu) = row.hfu_pct {
        let peak = job.accelerator.peak(Precision::Bf16)?.as_tflops_per_s();
        // One more forward pass beside the three, all with the whole square of attention.
        let counted = flops.model_full_square().as_tflops() * 4.0 / 3.0;
        return Some(counted / (hfu / 100.0 * peak * gpus));
    }
    let (hours, tokens) = (row.gpu_hours?, row.train_tokens_b?);
    Some(of_rate(tokens * 1e9 / (hours * 3600.0)))
}

/// How far a set of answers lies from what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingError {
    /// Rows looked at.
    pub rows: usize,
    /// Rows answered.
    pub answered: usize,
    /// Median of |predicted / measured − 1|.
    pub median: f64,
    /// Ninth decile of the same.
    pub p90: f64,
    /// Median of predicted / measured.
    pub bias: f64,
}

impl TrainingError {
    /// Of some answers; `None` where none is answered.
    pub fn of<'a>(answers: impl IntoIterator<Item = &'a TrainingAnswer>) -> Option<Self> {
        let mut rows = 0;
        let mut ratios = Vec::new();
        for answer in answers {
            rows += 1;
            ratios.extend(answer.ratio());
        }
        let mut errors: Vec<f64> = ratios.iter().map(|r| (r - 1.0).abs()).collect();
        Some(Self {
            rows,
            answered: ratios.len(),
            median: quantile(&mut errors, 0.5)?,
            p90: quantile(&mut errors, 0.9)?,
            bias: quantile(&mut ratios, 0.5)?,
        })
    }
}

/// The smallest value that at least a share `q` of all does not exceed.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = (q * values.len() as f64).ceil().max(1.0) as usize - 1;
    values.get(at).copied()
}
