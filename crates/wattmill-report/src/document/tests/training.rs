//! Small training jobs, searched for real.

use wattmill_catalog::{Catalog, Interval, TrainingTable};
use wattmill_perf::{
    LayoutWishes, StepInterval, TrainingFormat, TrainingJob, TrainingLayout, TrainingRecipe,
    TrainingRun, search_layouts,
};
use wattmill_units::Money;

use crate::train::{TrainAnswer, TrainReport};

const MEASURED: Interval = Interval { low: 0.9, median: 1.0, high: 1.1, rows: 9, inside: true };

/// A model that eight nodes train in many layouts.
pub(crate) fn searched() -> TrainReport {
    report("llama-3.1-70b", 64)
}

/// A model that one node cannot hold.
pub(crate) fn too_large() -> TrainReport {
    report("llama-3.1-405b", 8)
}

fn report(model: &str, accelerators: u32) -> TrainReport {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator("h100-sxm").unwrap();
    let training = TrainingTable::builtin().get(&accelerator.family, "megatron");
    let job = TrainingJob {
        model: catalog.model(model).unwrap(),
        accelerator,
        efficiency: catalog.efficiency(&accelerator.family).unwrap(),
        training: &training,
        accelerators_per_domain: 8,
        layout: TrainingLayout::data(accelerators),
        micro_batch: 1,
        global_batch: 64,
        sequence: 8192,
        recipe: TrainingRecipe::pretrain(TrainingFormat::Fp8),
        power_cap: None,
    };
    let found = search_layouts(&job, accelerators, LayoutWishes::default());
    let mut ranked = found.ranked.into_iter();
    let price = Money::from_usd(1.3);
    let answer = ranked.next().map(|best| TrainAnswer {
        layout: best.layout,
        micro_batch: best.micro_batch,
        recompute: best.recompute,
        step: best.step,
        interval: StepInterval::of(&best.step, &training.interval(model, job.reach())),
        power_interval: best.step.power().map(|_| MEASURED),
        run: Some(TrainingRun::of(&best.step, 1e12, Some(price))),
        price: Some((price, "own figure".to_owned())),
    });
    TrainReport {
        model: model.to_owned(),
        system: "dgx-h100".to_owned(),
        accelerator: accelerator.id.clone(),
        accelerators,
        stack: "megatron".to_owned(),
        borrowed_from: None,
        format: TrainingFormat::Fp8,
        lora_rank: None,
        global_batch: job.global_batch,
        sequence: job.sequence,
        power_cap: None,
        stated: false,
        tried: found.tried,
        answer,
        others: ranked.collect(),
        refused: found.refused,
        warnings: Vec::new(),
    }
}
