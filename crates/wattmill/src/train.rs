//! A training job: the layout asked for, or the best there is.

use wattmill_catalog::{Catalog, Interval, Model, Question, TrainingTable};
use wattmill_factory::{Hardware, PowerCap};
use wattmill_perf::{
    LayoutWishes, RankedLayout, Recompute, RefusedLayout, StepInterval, Task, TrainingFormat,
    TrainingJob, TrainingLayout, TrainingProblem, TrainingRecipe, TrainingRun, TrainingStep,
    search_layouts,
};
use wattmill_report::{TrainAnswer, TrainReport};
use wattmill_units::{Money, Power};
use wattmill_validate::Metric;
use wattmill_validate::training::{job_cap, step_interval};

use crate::bars::at_most;

/// Tokens of a step where nobody says: what today's large runs start with.
const STEP_TOKENS: u64 = 4 << 20;

/// What there is to say of every capped answer.
pub(crate) const UNMEASURED_CAP: &str = "what a power cap does to time follows a law of clocks and \
                                         voltages; hardly anything was measured under one";

/// What is to be trained on what. `None` leaves it to [`train`].
#[derive(Clone, Debug)]
pub struct TrainRequest<'a> {
    /// The model.
    pub model: &'a Model,
    /// The machine.
    pub hardware: &'a Hardware,
    /// Accelerators.
    pub accelerators: u32,
    /// Layout; `None`: the fastest that fits.
    pub layout: Option<TrainingLayout>,
    /// Sequences of a micro-batch; `None`: what is fastest, or 1 in a stated layout.
    pub micro_batch: Option<u32>,
    /// Sequences of a step; `None`: about four million tokens.
    pub global_batch: Option<u32>,
    /// Tokens of a sequence; `None`: 8192, or the model's context if that is shorter.
    pub sequence: Option<u32>,
    /// Format of the linear layers; `None`: BF16.
    pub format: Option<TrainingFormat>,
    /// What is computed twice; `None`: as little as fits.
    pub recompute: Option<Recompute>,
    /// What is trained.
    pub task: Task,
    /// Software stack; `None`: the one the chip family is best known with.
    pub stack: Option<&'a str>,
    /// Tokens of the whole run.
    pub tokens: Option<f64>,
    /// What each accelerator may draw; `None`: its own limit.
    pub power_cap: Option<PowerCap>,
}

/// Prices a training job; without a layout, the fastest usual one that fits.
///
/// That nothing fits the memory is an answer: [`TrainReport::answer`] is `None` and
/// [`TrainReport::refused`] names what binds.
///
/// ```
/// use wattmill::{TrainRequest, catalog::Catalog, factory::Hardware, perf::Task, train};
/// let catalog = Catalog::builtin();
/// let system = catalog.system("dgx-h100").unwrap().clone();
/// let accelerator = catalog.accelerator(&system.accelerator).unwrap().clone();
/// let request = TrainRequest {
///     model: catalog.model("llama-3.1-8b").unwrap(),
///     hardware: &Hardware { system, accelerator },
///     accelerators: 64,
///     layout: None,
///     micro_batch: None,
///     global_batch: None,
///     sequence: None,
///     format: None,
///     recompute: None,
///     task: Task::Pretrain,
///     stack: None,
///     tokens: Some(1e12),
///     power_cap: None,
/// };
/// let answer = train(&request, catalog).unwrap().answer.unwrap();
/// assert!((0.35..0.6).contains(&answer.step.mfu()));
/// ```
///
/// # Errors
///
/// Everything about the request that cannot be, each with the way out.
pub fn train(
    request: &TrainRequest<'_>,
    catalog: &Catalog,
) -> Result<TrainReport, Vec<TrainingProblem>> {
    let (model, chip) = (request.model, &request.hardware.accelerator);
    let Some(efficiency) = catalog.efficiency(&chip.family) else {
        return Err(vec![TrainingProblem::Unknown {
            what: "accelerator",
            id: chip.id.clone(),
            missing: format!("the efficiency of its family `{}`", chip.family),
        }]);
    };
    let table = TrainingTable::builtin();
    let stack = request.stack.unwrap_or_else(|| table.usual_stack(&chip.family));
    let training = table.get(&chip.family, stack);
    let format = request.format.unwrap_or_default();
    let mut recipe = TrainingRecipe::pretrain(format);
    recipe.task = request.task;
    recipe.recompute = request.recompute.unwrap_or_default();
    recipe.year = training.year;
    // Keeping inputs as they were quantised is what NVIDIA's Transformer Engine does.
    if chip.vendor != "NVIDIA" {
        recipe.kept_bytes = 2.0;
    }
    let longest = if model.context == 0 { 8192 } else { model.context };
    let sequence = request.sequence.unwrap_or(longest.min(8192));
    let domain = chip.scaleup_domain.unwrap_or(1).min(request.hardware.system.accelerators);
    let job = TrainingJob {
        model,
        accelerator: chip,
        efficiency,
        training: &training,
        accelerators_per_domain: domain,
        layout: request.layout.unwrap_or(TrainingLayout::data(request.accelerators)),
        micro_batch: request.micro_batch.unwrap_or(1),
        global_batch: request
            .global_batch
            .unwrap_or_else(|| usual_batch(request.accelerators, sequence)),
        sequence,
        recipe,
        power_cap: request.power_cap,
    };
    let Found { answered, others, refused, tried } = match request.layout {
        Some(layout) => stated(&job, layout, request.recompute)?,
        None => searched(&job, request)?,
    };
    let price = price(request.hardware);
    let answer = answered.map(|best| {
        let step = best.step;
        TrainAnswer {
            layout: best.layout,
            micro_batch: best.micro_batch,
            recompute: best.recompute,
            step,
            interval: StepInterval::of(
                &step,
                &step_interval(catalog, &TrainingJob { layout: best.layout, ..job }),
            ),
            power_interval: step.power().and_then(|power| power_interval(catalog, &job, power)),
            run: request.tokens.map(|tokens| {
                TrainingRun::of(&step, tokens, price.as_ref().map(|(price, _)| *price))
            }),
            price: price.clone(),
        }
    });
    let mut warnings = Vec::new();
    let cap = request.power_cap.zip(chip.tdp).and_then(|(cap, limit)| cap.depth(limit));
    if cap.is_some() {
        warnings.push(UNMEASURED_CAP.to_owned());
    }
    if let Some(lender) = &training.borrowed_from {
        warnings.push(format!(
            "no training with {stack} on {} was measured; constants are those of {lender}, the \
             error is a guess",
            chip.family
        ));
    }
    if !request.accelerators.is_multiple_of(request.hardware.system.accelerators) {
        let of = request.hardware.system.accelerators;
        warnings
            .push(format!("{} accelerators are not whole systems of {of}", request.accelerators));
    }
    Ok(TrainReport {
        model: model.id.clone(),
        system: request.hardware.system.id.clone(),
        accelerator: chip.id.clone(),
        accelerators: request.accelerators,
        stack: stack.to_owned(),
        borrowed_from: training.borrowed_from.clone(),
        format,
        lora_rank: match request.task {
            Task::Lora { rank } => Some(rank),
            Task::Pretrain | Task::Finetune => None,
        },
        global_batch: job.global_batch,
        sequence,
        power_cap: request.power_cap,
        stated: request.layout.is_some(),
        tried,
        answer,
        others,
        refused,
        warnings,
    })
}

/// Error bars of the `power` of an accelerator: of whole nodes that trained, of which accelerators
/// draw most. No accelerator by itself was measured in training.
fn power_interval(catalog: &Catalog, job: &TrainingJob<'_>, power: Power) -> Option<Interval> {
    let bar = catalog.error_bars().interval(&Question {
        metric: Metric::NodePower.name(),
        family: &job.training.family,
        engine: &job.training.stack,
        model: &job.model.id,
        inside: true,
    })?;
    let limit = job.accelerator.tdp?;
    let bar = bar.under_cap(job_cap(job));
    Some(at_most(bar, power, Some(PowerCap::at_most(job.power_cap, limit))))
}

/// What a layout or a search came to.
struct Found {
    answered: Option<RankedLayout>,
    others: Vec<RankedLayout>,
    refused: Vec<RefusedLayout>,
    tried: u32,
}

fn stated(
    job: &TrainingJob<'_>,
    layout: TrainingLayout,
    recompute: Option<Recompute>,
) -> Result<Found, Vec<TrainingProblem>> {
    let recomputes = recompute.map_or(Recompute::ALL.to_vec(), |wish| vec![wish]);
    let mut found = Found { answered: None, others: Vec::new(), refused: Vec::new(), tried: 0 };
    for recompute in recomputes {
        let mut job = *job;
        job.recipe.recompute = recompute;
        found.tried += 1;
        let problems = job.problems();
        match problems.first() {
            None => {
                let step = TrainingStep::of(&job);
                let micro_batch = job.micro_batch;
                found.answered = Some(RankedLayout { layout, micro_batch, recompute, step });
                found.refused.clear();
                return Ok(found);
            }
            Some(problem) if problem.is_memory() => {
                let problem = problem.clone();
                found.refused = vec![RefusedLayout { layout, problem, alike: 1 }];
            }
            Some(_) => return Err(problems),
        }
    }
    Ok(found)
}

fn searched(
    job: &TrainingJob<'_>,
    request: &TrainRequest<'_>,
) -> Result<Found, Vec<TrainingProblem>> {
    // What is wrong whatever the layout is the caller's to mend.
    let alone = TrainingJob { layout: TrainingLayout::data(1), micro_batch: 1, ..*job };
    let wrong: Vec<TrainingProblem> =
        alone.problems().into_iter().filter(|problem| !problem.is_memory()).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let wishes = LayoutWishes { micro_batch: request.micro_batch, recompute: request.recompute };
    let search = search_layouts(job, request.accelerators, wishes);
    let mut ranked = search.ranked.into_iter();
    let answered = ranked.next();
    // What keeps everything from fitting comes first.
    let mut refused = search.refused;
    refused.sort_by_key(|refused| !refused.problem.is_memory());
    Ok(Found { answered, others: ranked.collect(), refused, tried: search.tried })
}

/// About four million tokens in a number of sequences that many layouts divide: the odd part of the
/// accelerators' number times a power of two.
fn usual_batch(accelerators: u32, sequence: u32) -> u32 {
    let odd = u64::from(accelerators.max(1)) >> accelerators.max(1).trailing_zeros();
    let wanted = (STEP_TOKENS / u64::from(sequence.max(1))).max(1);
    let times = wanted.div_ceil(odd).next_power_of_two();
    u32::try_from(odd * times).unwrap_or(u32::MAX)
}

/// Price of an hour of the accelerator as the catalogue states it, and who does.
fn price(hardware: &Hardware) -> Option<(Money, String)> {
    let provenance = &hardware.accelerator.provenance;
    let field = provenance.field("cost_per_hour")?;
    let price: Money = field.value.parse().ok()?;
    let source = field.source.clone().unwrap_or_else(|| provenance.source.clone());
    Some((price, format!("ownership; {source}")))
}
