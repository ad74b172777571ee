//! `wattmill explain`.

use wattmill::factory::EngineSpec;
use wattmill::plan::Engine;
use wattmill::report::{ExplainedStep, explain_document, explain_text};

use super::engine::{candidates, catalogue, refused};
use crate::args::Explain;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::known::Known;

/// Tokens of one step at most, as of any engine.
const MOST_TOKENS: u64 = 1 << 24;

pub(crate) fn run(args: &Explain) -> Outcome {
    let step = step(args)?;
    let known = Known::open(&args.engine.calibration)?;
    let catalog = known.catalog();
    let (model, hardware) = catalogue(&args.engine, "", catalog)?;
    let mut refusal = Vec::new();
    let found = candidates(&args.engine, model, &hardware).into_iter().find_map(|spec| {
        let spec = EngineSpec {
            max_seqs: spec.max_seqs.max(step.decodes.saturating_add(step.prompts.len() as u32)),
            max_tokens: spec.max_tokens.max(step.tokens() as u32),
            ..spec
        };
        let engine = Engine::new(model, &hardware, catalog, spec);
        let report =
            engine.and_then(|e| wattmill::explain(&e, &hardware.system.id, &step, catalog));
        report.map_err(|why| refusal = why).ok()
    });
    let Some(mut report) = found else {
        return Err(refused(model, &hardware, &refusal));
    };
    report.calibration = known.calibration().cloned();
    files::print(&if args.json {
        explain_document(&report)
    } else {
        known.told(&explain_text(&report))
    })
}

/// What the step does; refuses one that does nothing.
fn step(args: &Explain) -> Result<ExplainedStep, Failure> {
    let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
    if args.decodes == 0 && args.prefill.is_empty() {
        return usage(
            "a step without decodes and prompts does nothing; give --decodes N --context TOKENS, \
             --prefill TOKENS or both",
        );
    }
    let context = match (args.decodes, args.context) {
        (0, Some(_)) => return usage("--context is that of decodes; give --decodes N beside it"),
        (1.., None) => return usage("give --context TOKENS, the context of each of --decodes"),
        (_, context) => context.unwrap_or(0),
    };
    let step = ExplainedStep { decodes: args.decodes, context, prompts: args.prefill.clone() };
    if step.tokens() > MOST_TOKENS {
        return Err(Failure::Usage(format!(
            "{} tokens in one step are too many; give at most {MOST_TOKENS}",
            step.tokens()
        )));
    }
    Ok(step)
}
