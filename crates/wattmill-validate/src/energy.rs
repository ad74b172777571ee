//! ML.ENERGY: inter-token latency, GPU power and energy of a token over batch sizes.
//!
//! A closed loop at the mean batch, measured in its steady part, with the mean answer length of the
//! row. Prompt lengths are not published: those of `TASKS` are ours. Rows of tasks whose prompts
//! are mostly images or video do not count towards the headline.

use wattmill_catalog::{Catalog, Efficiency};
use wattmill_factory::Layout;
use wattmill_perf::Deployment;

use crate::engine::{self, Effort, Engine, MOST_CONCURRENCY, MOST_DEGREE, MOST_TOKENS};
use crate::labels;
use crate::lengths::Spread;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// Tasks with our estimate of their mean prompt, tokens, and whether text alone makes it up.
const TASKS: &[(&str, u32, bool)] = &[
    ("lm-arena-chat", 150, true),
    ("gpqa", 300, true),
    ("sourcegraph-fim", 400, true),
    ("image-chat", 1_500, false),
    ("video-chat", 6_000, false),
];

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// What runs where.
    pub deployment: Deployment<'a>,
    /// Sequences in the batch.
    pub batch: u32,
    /// Mean prompt tokens.
    pub input: u32,
    /// Mean output tokens.
    pub output: u32,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let name = row.needed_text("model")?;
    let model = labels::model(name, catalog)?;
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    let flavour = labels::flavour_or_usual("vllm");
    let precision = labels::precision_or_published(row.text("precision_label"), name, model)?;
    let task = row.needed_text("task")?;
    let Some((_, input, text)) = TASKS.iter().find(|(known, ..)| *known == task) else {
        return Err(Reason::Unsupported(format!("nothing is known of the prompts of `{task}`")));
    };
    let batch = rounded(row.needed("avg_batch_size")?, "avg_batch_size", MOST_CONCURRENCY)?;
    let output = rounded(row.needed("osl_mean_tokens")?, "osl_mean_tokens", MOST_TOKENS)?;
    engine::within_context(model, u64::from(*input) + u64::from(output))?;
    engine::affordable(batch, u64::from(*input) + u64::from(output))?;
    let layout = layout(row)?;
    let spec = engine::spec(layout, flavour, precision, chip, *input, batch);
    let deployment = engine::deployment(model, chip, catalog, spec)?;
    // As long as the longest that is drawn.
    engine::holds(&deployment, 2 * (u64::from(*input) + u64::from(output)))?;

    let accelerators = f64::from(layout.accelerators());
    let mut figures = vec![
        (Metric::StepTime, row.needed("itl_median_ms")?),
        (Metric::AcceleratorPower, row.needed("avg_power_w_all_gpus")? / accelerators),
    ];
    let rate = row.number("output_tok_s_per_gpu");
    figures.extend(rate.map(|rate| (Metric::OutputRate, rate)));
    let energy = row.number("energy_per_token_j");
    figures.extend(energy.map(|energy| (Metric::EnergyPerToken, energy)));
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let measured = Measured {
        line: row.line,
        group: Group {
            model: model.id.clone(),
            accelerator: chip.id.clone(),
            engine: flavour.name().to_owned(),
            mode: task.to_owned(),
            precision: precision.name().to_owned(),
            concurrency: Some(batch),
            source: row.text("src_kind").unwrap_or_default().to_owned(),
        },
        headline: *text && read,
        figures,
    };
    Ok(Case { measured, deployment, batch, input: *input, output })
}

fn rounded(value: f64, column: &'static str, most: u32) -> Result<u32, Reason> {
    let whole = value.round().max(1.0);
    if whole > f64::from(most) {
        return Err(Reason::OutOfRange { column, value, most });
    }
    Ok(whole as u32)
}

/// Accelerators that neither data nor tensor parallelism accounts for share the attention: vLLM's
/// expert parallelism without data parallelism leaves attention tensor parallel.
fn layout(row: &Row<'_>) -> Result<Layout, Reason> {
    let degree = |column| Ok(row.count(column, MOST_DEGREE)?.unwrap_or(1));
    let (tensor, expert, groups) = (degree("tp")?, degree("ep")?, degree("dp")?);
    let all = row.count("n_gpus", MOST_DEGREE)?.unwrap_or(tensor.saturating_mul(groups));
    let tensor = tensor.max(all / groups);
    Ok(Layout { expert, data_attention: groups, ..Layout::tensor(tensor) })
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
    let engine = Engine::compile(&case.deployment, efficiency)?;
    let steady = engine.loaded(case.batch, Spread::Natural, case.input, case.output)?;
    let accelerators = f64::from(engine.surface.accelerators());
    let (rate, power) = (steady.output_per_s(), engine.accelerator_power(&steady));
    let gap = wattmill_units::Ticks::from_raw(steady.tally.gaps.quantile(0.5));
    let mut all = vec![
        (Metric::StepTime, gap.as_seconds().as_ms()),
        (Metric::OutputRate, rate / accelerators),
    ];
    if let Some(power) = power {
        all.extend([
            (Metric::AcceleratorPower, power),
            (Metric::EnergyPerToken, power * accelerators / rate),
        ]);
    }
    Ok(all)
}
