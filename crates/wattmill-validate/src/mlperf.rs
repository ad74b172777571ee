//! MLPerf Inference: highest throughput offline, highest rate inside the latency limits as a server.
//!
//! Results name machines and rates, neither layouts nor prompts. Layouts are chosen as submitters
//! do, by one rule: the smallest tensor parallel degree whose cache holds `ROOMY` mean requests and
//! that keeps the limits with one request at least, with all accelerators as replicas behind one
//! router; a model with latent attention spreads
//! attention and experts over the accelerators of a replica instead. Prompt lengths are those of
//! `DATA_SETS`; rows whose prompts are a guess, of the open division, or of DeepSeek-R1 in the
//! interactive scenario, which version 6.0 runs with speculative decoding, do not count towards the
//! headline.

use std::iter;

use wattmill_catalog::{Accelerator, AttentionKind, Catalog, Efficiency, Model, Precision};
use wattmill_factory::{Arrivals, Flavour, Layout, LengthTable, Lengths, Slo};
use wattmill_perf::{Deployment, MemoryPlan};
use wattmill_sim::{Capacity, Demand, probe};
use wattmill_units::Seconds;

use crate::caps;
use crate::engine::{self, Effort, Engine, MOST_DEGREE, MOST_TOKENS};
use crate::labels;
use crate::lengths::Spread;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// Mean prompt and answer of each data set, tokens, by the model's catalogue id. Answers are those of
/// the results, tokens over samples. Of prompts, MLCommons gives about 9,400 for Llama 3.1 405B and
/// 800 for DeepSeek-R1 (recalled, not reread); the others are our estimates: OpenOrca prompts below
/// 1,024, news articles of CNN/DailyMail. Nothing is known of those of gpt-oss: a guess, as the last
/// field says.
const DATA_SETS: &[(&str, u32, u32, bool)] = &[
    ("llama-2-70b", 300, 291, true),
    ("llama-3.1-405b", 9_400, 653, true),
    ("llama-3.1-8b", 800, 128, true),
    ("deepseek-v3", 800, 3_750, true),
    ("gpt-oss-120b", 1_000, 1_310, false),
];
/// Mean requests that the cache of a replica must hold.
const ROOMY: u64 = 64;
/// Quantile that MLPerf holds to its limits.
const LIMITED: f64 = 0.99;
/// Seed of the arrivals.
const SEED: u64 = 1;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// One replica.
    pub deployment: Deployment<'a>,
    /// What is taken where that cannot keep the limits, smallest first.
    pub wider: Vec<Deployment<'a>>,
    /// Replicas behind the router.
    pub replicas: u32,
    /// Mean prompt tokens.
    pub input: u32,
    /// Mean output tokens.
    pub output: u32,
    /// Limits of a server; `None` offline.
    pub slo: Option<Slo>,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let scenario = row.needed_text("scenario")?;
    let slo = if scenario.eq_ignore_ascii_case("offline") {
        None
    } else {
        let limit = |column| match row.number(column).filter(|ms| *ms > 0.0) {
            Some(ms) => Ok(Seconds::from_ms(ms)),
            None => Err(Reason::Missing { column }),
        };
        Some(Slo { ttft: limit("slo_ttft_ms")?, tpot: limit("slo_tpot_ms")?, quantile: LIMITED })
    };
    let software = row.text("software").unwrap_or_default();
    let mut case = submission(row, catalog, software, row.text("precision"))?;
    let accelerators = case.replicas * case.deployment.spec.layout.accelerators();
    let rate = row.needed("output_tok_s")? / f64::from(accelerators);
    case.measured.figures = vec![(Metric::OutputRate, rate)];
    case.slo = slo;
    Ok(case)
}

/// The offline part of a submission with nothing measured yet.
pub(crate) fn submission<'a>(
    row: &Row<'_>,
    catalog: &'a Catalog,
    software: &str,
    label: Option<&str>,
) -> Result<Case<'a>, Reason> {
    let name = row.needed_text("model")?;
    let model = labels::model(name, catalog)?;
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    let flavour = labels::flavour_or_usual(software);
    let precision = precision(label, name, model, chip, flavour)?;
    let Some((_, input, usual, known)) = DATA_SETS.iter().find(|(id, ..)| *id == model.id) else {
        let why = format!("nothing is known of the prompts asked of `{}`", model.id);
        return Err(Reason::Unsupported(why));
    };
    let mean = row.number("osl_mean_tokens").unwrap_or(f64::from(*usual)).round();
    if mean > f64::from(MOST_TOKENS) {
        let most = MOST_TOKENS;
        return Err(Reason::OutOfRange { column: "osl_mean_tokens", value: mean, most });
    }
    let output = mean.max(1.0) as u32;
    engine::within_context(model, u64::from(*input) + u64::from(output))?;
    let accelerators = row.needed_count("n_gpus", MOST_DEGREE)?;
    let submitted =
        Submitted { model, chip, flavour, precision, accelerators, input: *input, output };
    let power_cap = caps::submitted(row, &model.id)?;
    let mut deployments = submitted.deployments(catalog)?;
    for deployment in &mut deployments {
        deployment.spec.power_cap = power_cap;
    }
    let deployment = deployments.remove(0);
    let problems = deployment.problems();
    if !problems.is_empty() {
        return Err(Reason::Layout(problems));
    }
    let replicas = accelerators / deployment.spec.layout.accelerators();
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let closed = row.text("division").is_none_or(|division| division == "closed");
    let scenario = row.text("scenario").unwrap_or_default().to_lowercase();
    let speculative = model.id == "deepseek-v3" && scenario == "interactive";
    let measured = Measured {
        line: row.line,
        group: Group {
            model: model.id.clone(),
            accelerator: chip.id.clone(),
            engine: flavour.name().to_owned(),
            mode: scenario,
            precision: precision.name().to_owned(),
            concurrency: None,
            source: row.text("src_kind").unwrap_or_default().to_owned(),
        },
        headline: read && closed && *known && !speculative,
        figures: Vec::new(),
    };
    let (wider, input) = (deployments, *input);
    Ok(Case { measured, deployment, wider, replicas, input, output, slo: None })
}

/// The label names the checkpoint's weights. Submissions whose label is blank, `UNSET` or a 16-bit
/// format ran in FP8 where the chip has it: their rates are those of the FP8 submissions on the same
/// chip (H200: 4,076 against 4,352 tokens/s, twice what 16 bits allow).
fn precision(
    label: Option<&str>,
    name: &str,
    model: &Model,
    chip: &Accelerator,
    flavour: Flavour,
) -> Result<Precision, Reason> {
    let label = label.filter(|label| !label.eq_ignore_ascii_case("unset"));
    let said = match label {
        Some(label) if label.eq_ignore_ascii_case("fp32") => Some(Precision::Bf16),
        Some(label) => Some(labels::precision(label)?),
        None => None,
    };
    let narrow = flavour == Flavour::Trtllm || said.is_none();
    match said {
        Some(Precision::Bf16) | None if narrow && chip.peak(Precision::Fp8).is_some() => {
            Ok(Precision::Fp8)
        }
        Some(said) => Ok(said),
        None => labels::precision_or_published(None, name, model),
    }
}

/// What a submitter has.
struct Submitted<'a> {
    model: &'a Model,
    chip: &'a Accelerator,
    flavour: Flavour,
    precision: Precision,
    accelerators: u32,
    input: u32,
    output: u32,
}

impl<'a> Submitted<'a> {
    /// From the smallest roomy layout on, one at least; the largest where none is roomy; else why not
    /// even that.
    fn deployments(&self, catalog: &'a Catalog) -> Result<Vec<Deployment<'a>>, Reason> {
        let latent = !matches!(self.model.attention, AttentionKind::Grouped { .. });
        let mut all = Vec::new();
        let mut problem = Reason::Missing { column: "n_gpus" };
        let divides = |degree: &u32| self.accelerators.is_multiple_of(*degree);
        for degree in [1u32, 2, 4, 8, 16].into_iter().filter(divides) {
            let layout = if latent {
                Layout { expert: degree, data_attention: degree, ..Layout::tensor(1) }
            } else {
                Layout::tensor(degree)
            };
            let (flavour, precision, chip) = (self.flavour, self.precision, self.chip);
            let spec = engine::loaded_spec(layout, flavour, precision, chip, self.input);
            match engine::deployment(self.model, chip, catalog, spec) {
                Ok(deployment) => all.push(deployment),
                Err(reason) => problem = reason,
            }
        }
        let each = u64::from(self.input) + u64::from(self.output);
        let roomy = |one: &Deployment<'_>| MemoryPlan::of(one).tokens() >= ROOMY * each;
        let largest = all.len().checked_sub(1).ok_or(problem)?;
        Ok(all.split_off(all.iter().position(roomy).unwrap_or(largest)))
    }
}

/// Predicts every figure of a case with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(
    case: &Case<'_>,
    efficiency: &Efficiency,
    _: Effort,
) -> Result<Vec<(Metric, f64)>, Reason> {
    let Some(slo) = case.slo else {
        let engine = Engine::compile(&case.deployment, efficiency)?;
        let batch = engine.batch(case.input, case.output);
        let steady = engine.loaded(batch, Spread::Natural, case.input, case.output)?;
        let accelerators = f64::from(engine.surface.accelerators());
        return Ok(vec![(Metric::OutputRate, steady.output_per_s() / accelerators)]);
    };
    let all = case.replicas * case.deployment.spec.layout.accelerators();
    let lengths = natural_lengths(case.input, case.output);
    let mut missed = None;
    for deployment in iter::once(&case.deployment).chain(&case.wider) {
        let engine = Engine::compile(deployment, efficiency)?;
        let accelerators = engine.surface.accelerators();
        let demand = Demand {
            lengths: &lengths,
            arrivals: Arrivals::Poisson,
            replicas: all / accelerators,
            slo,
            seed: SEED,
        };
        match probe(&engine.surface, engine.limits, &demand) {
            Capacity::Sustained { at, .. } => {
                let rate = at.rate_per_s * f64::from(case.output);
                return Ok(vec![(Metric::OutputRate, rate / f64::from(accelerators))]);
            }
            Capacity::Infeasible { ttft, tpot, .. } => missed = Some((ttft, tpot)),
        }
    }
    let (ttft, tpot) = missed.expect("there is a layout, and none kept the limits");
    Err(Reason::Unsupported(format!(
        "not even one request at a time keeps the limits: TTFT {ttft}, TPOT {tpot} in the widest layout"
    )))
}

/// As [`Spread::Natural`].
pub(crate) fn natural_lengths(input: u32, output: u32) -> Lengths {
    let table = |mean: u32| {
        let most = 2.0 * f64::from(mean) - 1.0;
        LengthTable::from_quantiles(&[(0.0, 1.0), (1.0, most.max(1.0))])
            .unwrap_or_else(|| LengthTable::fixed(mean))
    };
    Lengths { name: "natural".to_owned(), input: table(input), output: table(output) }
}
