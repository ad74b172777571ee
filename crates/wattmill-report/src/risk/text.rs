//! What samples say, for the terminal.

use wattmill_factory::Factory;
use wattmill_plan::{Plan, Risk};

use super::tables;
use crate::format::{counted, grouped};

/// Inputs of a tornado that the terminal shows.
const SHOWN: usize = 5;

/// Figures, quarters, phases and targets over the samples, and what matters most.
pub(crate) fn risk_text(factory: &Factory, plan: &Plan, risk: &Risk) -> String {
    let mut out = String::new();
    let mut part = |text: String| {
        out.push_str(&text);
        out.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    };
    part(format!("{}\n\n{}", heading(risk), tables::figures(risk)));
    part(format!("Every quarter, over the samples\n\n{}", tables::quarters(plan, risk)));
    part(format!("Phases, over the samples\n\n{}", tables::phases(factory, risk)));
    if !risk.targets.is_empty() {
        part(format!("Targets\n\n{}", tables::targets(risk)));
    }
    for tornado in &risk.tornados {
        let name = &risk.figures[tornado.figure].figure.name;
        if tornado.bars.is_empty() {
            part(format!("{name}: no single input matters more than chance"));
        } else {
            part(format!(
                "What matters most for {name}: its median in the tenth of the samples where an \
                 input is lowest and highest, the input that moves it furthest first\n\n{}",
                tables::tornado(risk, tornado, SHOWN)
            ));
        }
    }
    if let Some(worst) = risk.worst {
        part(format!("books of every sample checked, largest error {:.0e}", worst.error()));
    }
    if let Some(warning) = risk.warning() {
        part(format!("warning: {warning}"));
    }
    part(format!("drawn with seed {}, samples {:016x}", risk.seed, risk.answer_hash));
    out
}

/// One sentence on how it was drawn.
pub(super) fn heading(risk: &Risk) -> String {
    let mut heading = format!(
        "What is not known: {} samples of {}, each walked hour by hour",
        grouped(risk.samples as f64),
        counted(risk.inputs.len(), "input")
    );
    if risk.refused > 0 {
        heading.push_str(&format!(
            "; {} had no answer, as what was drawn made no sense together",
            grouped(risk.refused as f64)
        ));
    }
    heading
}
