//! Maximum-load tables: as many requests as the cache holds, always.
//!
//! `offline…` rows are output tokens a second of requests of one length; `prefill` rows prompts
//! alone; `decode` rows answers alone, in a batch and at a context that the row must state.

use wattmill_catalog::{Catalog, Efficiency};
use wattmill_factory::Layout;
use wattmill_perf::{Deployment, StepModel, StepShape};

use crate::engine::{self, Effort, Engine, MOST_DEGREE, MOST_TOKENS};
use crate::labels;
use crate::lengths::Spread;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// What runs where.
    pub deployment: Deployment<'a>,
    /// What is asked of it.
    pub load: Load,
}

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Prompts and their answers.
    Whole {
        /// Prompt tokens.
        input: u32,
        /// Output tokens.
        output: u32,
    },
    /// Prompts alone.
    Prompts {
        /// Prompt tokens.
        input: u32,
    },
    /// Answers alone.
    Answers {
        /// Sequences in the batch of all accelerators.
        batch: u32,
        /// Tokens of the context of each.
        context: u32,
    },
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let name = row.needed_text("model")?;
    let model = labels::model(name, catalog)?;
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    let mode = row.needed_text("mode")?;
    let flavour = labels::flavour_or_usual(row.needed_text("engine")?);
    let precision = labels::precision_or_published(row.text("precision_label"), name, model)?;
    let layout = layout(row)?;
    let accelerators = f64::from(layout.accelerators());

    let kind = mode.to_lowercase();
    let (load, figures) = if kind.contains("disagg") {
        let why = "rates of prefill and decode nodes of one system, of unstated shares";
        return Err(Reason::Unsupported(why.to_owned()));
    } else if kind.contains("prefill") {
        let load = Load::Prompts { input: row.needed_count("isl_tokens", MOST_TOKENS)? };
        (load, vec![(Metric::InputRate, row.needed("input_tok_s_per_gpu")?)])
    } else if kind.contains("decode") {
        let batch = row.needed("batch_per_gpu")? * accelerators;
        let load = Load::Answers {
            batch: batch.clamp(1.0, f64::from(u32::MAX)) as u32,
            context: row.needed_count("isl_tokens", MOST_TOKENS)?,
        };
        (load, vec![(Metric::OutputRate, row.needed("output_tok_s_per_gpu")?)])
    } else {
        let load = Load::Whole {
            input: row.needed_count("isl_tokens", MOST_TOKENS)?,
            output: row.needed_count("osl_tokens", MOST_TOKENS)?,
        };
        (load, vec![(Metric::OutputRate, row.needed("output_tok_s_per_gpu")?)])
    };
    let mut spec = match load {
        Load::Whole { input, .. } | Load::Prompts { input } => {
            engine::loaded_spec(layout, flavour, precision, chip, input)
        }
        Load::Answers { batch, context } => {
            engine::spec(layout, flavour, precision, chip, context, batch)
        }
    };
    if let Load::Prompts { .. } = load {
        // A prefill engine runs few sequences and keeps its memory for prompts.
        spec.max_seqs = 64 * layout.data_attention;
    }
    let deployment = engine::deployment(model, chip, catalog, spec)?;
    let longest = match load {
        Load::Whole { input, output } => u64::from(input) + u64::from(output),
        Load::Prompts { input } => u64::from(input),
        Load::Answers { context, .. } => u64::from(context),
    };
    engine::within_context(model, longest)?;
    engine::holds(&deployment, longest)?;
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let measured = Measured {
        line: row.line,
        group: Group {
            model: model.id.clone(),
            accelerator: chip.id.clone(),
            engine: flavour.name().to_owned(),
            mode: mode.to_owned(),
            precision: precision.name().to_owned(),
            concurrency: None,
            source: row.text("src_kind").unwrap_or_default().to_owned(),
        },
        headline: read,
        figures,
    };
    Ok(Case { measured, deployment, load })
}

/// Blank degrees are 1; where only the expert degree or the number of accelerators is stated,
/// attention is data parallel over as many.
fn layout(row: &Row<'_>) -> Result<Layout, Reason> {
    let degree = |column| row.count(column, MOST_DEGREE);
    let (tensor, groups, expert) = (degree("tp")?, degree("attn_dp")?, degree("ep")?);
    let groups = match (tensor, groups) {
        (_, Some(groups)) => groups,
        (Some(_), None) => 1,
        (None, None) => match expert {
            Some(expert) => expert,
            None => return Err(Reason::Missing { column: "tp" }),
        },
    };
    Ok(Layout {
        expert: expert.unwrap_or(1),
        data_attention: groups,
        ..Layout::tensor(tensor.unwrap_or(1))
    })
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
    let accelerators = f64::from(engine.surface.accelerators());
    match case.load {
        Load::Whole { input, output } => {
            let batch = engine.batch(input, output);
            let steady = engine.loaded(batch, Spread::Fixed, input, output)?;
            Ok(vec![(Metric::OutputRate, steady.output_per_s() / accelerators)])
        }
        Load::Prompts { input } => {
            let steady = engine.loaded(engine.batch(input, 1), Spread::Fixed, input, 1)?;
            Ok(vec![(Metric::InputRate, steady.input_per_s() / accelerators)])
        }
        Load::Answers { batch, context } => {
            let shape = StepShape {
                decodes: batch,
                decode_context: u64::from(batch) * u64::from(context),
                ..StepShape::default()
            };
            let time = engine.surface.step(&shape).time.as_seconds().as_s();
            Ok(vec![(Metric::OutputRate, f64::from(batch) / time / accelerators)])
        }
    }
}
