//! `wattmill train`.

mod layout;

use wattmill::catalog::{Catalog, TrainingTable};
use wattmill::perf::Task;
use wattmill::report::{train_document, train_text};
use wattmill::{TrainRequest, train};

use crate::args::Train;
use crate::commands::engine::found;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::invalid::Invalid;

pub(crate) fn run(args: &Train) -> Outcome {
    let catalog = Catalog::builtin();
    let (model, hardware) = found(&args.model, &args.system, catalog)?;
    let stacks = TrainingTable::builtin().stacks();
    if let Some(stack) = args.stack.as_deref()
        && !stacks.contains(&stack)
    {
        let known = stacks.join(", ");
        return Err(Failure::Usage(format!("--stack `{stack}` is not known; use one of {known}")));
    }
    let layout = match args.layout.as_str() {
        "auto" => None,
        text => Some(layout::parse(text, args.gpus).map_err(Failure::Usage)?),
    };
    let request = TrainRequest {
        model,
        hardware: &hardware,
        accelerators: args.gpus,
        layout,
        micro_batch: args.micro_batch,
        global_batch: args.global_batch,
        sequence: args.seq_len,
        format: args.precision,
        recompute: args.recompute,
        task: args.lora.map_or(Task::Pretrain, |rank| Task::Lora { rank }),
        stack: args.stack.as_deref(),
        tokens: args.tokens,
        power_cap: args.power_cap,
    };
    let report = train(&request, catalog).map_err(|problems| {
        // The reasons end in their way out.
        let problem = |text: String| match text.split_once("; ") {
            Some((problem, help)) => (problem.to_owned(), Some(help.to_owned())),
            None => (text, None),
        };
        let problems: Vec<_> = problems.iter().map(|p| problem(p.to_string())).collect();
        Invalid::plain(&format!("{} on {}", model.id, hardware.system.id), &problems)
    })?;
    files::print(&if args.json { train_document(&report) } else { train_text(&report) })
}
