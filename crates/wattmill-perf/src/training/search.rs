//! Which layout of a job is best.

use super::job::{Recompute, Sharding, TrainingJob, TrainingLayout};
use super::problem::TrainingProblem;
use super::step::TrainingStep;

/// Micro-batches tried, sequences.
const MICRO_BATCHES: [u32; 4] = [1, 2, 4, 8];
/// Layouts a search keeps: the best and what comes close.
const KEPT: usize = 8;

/// A layout that can be, with its price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankedLayout {
    /// The layout.
    pub layout: TrainingLayout,
    /// Sequences of a micro-batch.
    pub micro_batch: u32,
    /// What is computed twice.
    pub recompute: Recompute,
    /// What a step takes.
    pub step: TrainingStep,
}

/// A kind of layout that cannot be, by what refuses it.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedLayout {
    /// One of them.
    pub layout: TrainingLayout,
    /// Why.
    pub problem: TrainingProblem,
    /// How many are refused for the same kind of reason.
    pub alike: u32,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayoutSearch {
    /// Layouts that can be, fastest first; at most eight.
    pub ranked: Vec<RankedLayout>,
    /// Layouts that cannot be: for each kind of reason the one that came closest.
    pub refused: Vec<RefusedLayout>,
    /// Layouts looked at.
    pub tried: u32,
}

/// What a search may not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutWishes {
    /// Sequences of a micro-batch; `None`: 1, 2, 4 or 8.
    pub micro_batch: Option<u32>,
    /// What is computed twice; `None`: as little as fits.
    pub recompute: Option<Recompute>,
}

/// Tries the usual layouts of `job` on `accelerators`: tensor parallelism within a domain, pipeline
/// stages with and without interleaving, context and expert parallelism, optimizer or full
/// sharding. The layout, micro-batch and recomputation that `job` has count for nothing.
///
/// ```
/// use wattmill_catalog::{Catalog, TrainingTable};
/// use wattmill_perf::{
///     LayoutWishes, TrainingFormat, TrainingJob, TrainingLayout, TrainingRecipe, search_layouts,
/// };
///
/// let catalog = Catalog::builtin();
/// let accelerator = catalog.accelerator("h100-sxm").unwrap();
/// let training = TrainingTable::builtin().get("hopper", "megatron");
/// let job = TrainingJob {
///     model: catalog.model("llama-3.1-70b").unwrap(),
///     accelerator,
///     efficiency: catalog.efficiency("hopper").unwrap(),
///     training: &training,
///     accelerators_per_domain: 8,
///     layout: TrainingLayout::data(64),
///     micro_batch: 1,
///     global_batch: 512,
///     sequence: 8192,
///     power_cap: None,
///     recipe: TrainingRecipe::pretrain(TrainingFormat::Bf16),
/// };
/// let found = search_layouts(&job, 64, LayoutWishes::default());
/// let best = &found.ranked[0];
/// // Replicas alone cannot hold it.
/// assert!(best.layout.tensor * best.layout.pipeline > 1 || best.layout.to_string().contains("zero=3"));
/// assert!(found.refused.iter().any(|r| r.problem.is_memory()));
/// ```
pub fn search_layouts(
    job: &TrainingJob<'_>,
    accelerators: u32,
    wishes: LayoutWishes,
) -> LayoutSearch {
    let mut found = LayoutSearch::default();
    let micro_batches = wishes.micro_batch.map_or(MICRO_BATCHES.to_vec(), |wish| vec![wish]);
    let recomputes = wishes.recompute.map_or(Recompute::ALL.to_vec(), |wish| vec![wish]);
    for layout in layouts(job, accelerators) {
        let mut best: Option<RankedLayout> = None;
        let mut refusal = None;
        for (index, micro_batch) in micro_batches.iter().copied().enumerate() {
            let round = u64::from(layout.data) * u64::from(micro_batch);
            // A wider micro-batch is worth a look only where it divides and the narrower one fits.
            let whole = u64::from(job.global_batch).is_multiple_of(round);
            // Where ranks share sequences it only undoes the sharing.
            if index > 0 && (!whole || best.is_none() || layout.context > 1) {
                continue;
            }
            for recompute in recomputes.iter().copied() {
                let mut candidate = TrainingJob { layout, micro_batch, ..*job };
                candidate.recipe.recompute = recompute;
                found.tried += 1;
                let Some(problem) = candidate.problems().into_iter().next() else {
                    let step = TrainingStep::of(&candidate);
                    let ranked = RankedLayout { layout, micro_batch, recompute, step };
                    let faster = best.is_none_or(|b| step.time.total() < b.step.time.total());
                    best = if faster { Some(ranked) } else { best };
                    break;
                };
                let memory = problem.is_memory();
                if index == 0 {
                    refusal = Some(problem);
                }
                // More recomputation helps against nothing else.
                if !memory {
                    break;
                }
            }
        }
        match (best, refusal) {
            (Some(best), _) => keep(&mut found.ranked, best),
            (None, Some(problem)) => note(&mut found.refused, layout, problem),
            (None, None) => {}
        }
    }
    found
}

fn keep(ranked: &mut Vec<RankedLayout>, new: RankedLayout) {
    let time = |r: &RankedLayout| r.step.time.total();
    let at = ranked.partition_point(|r| time(r) <= time(&new));
    if at < KEPT {
        ranked.insert(at, new);
        ranked.truncate(KEPT);
    }
}

/// Keeps one of each kind; of those that lack memory, the one that lacks least.
fn note(refused: &mut Vec<RefusedLayout>, layout: TrainingLayout, problem: TrainingProblem) {
    let kind = |p: &TrainingProblem| match p {
        TrainingProblem::Division { what, .. } | TrainingProblem::Limit { what, .. } => *what,
        TrainingProblem::Memory { .. } => "memory",
        TrainingProblem::ScaleOut { .. } => "scale-out",
        TrainingProblem::Format { .. } => "format",
        TrainingProblem::PowerCap(_) | TrainingProblem::NoLimit { .. } => "power cap",
        TrainingProblem::NoExperts { what, .. } | TrainingProblem::Unknown { what, .. } => what,
    };
    let need = |p: &TrainingProblem| match p {
        TrainingProblem::Memory { total, .. } => *total,
        _ => 0.0,
    };
    match refused.iter_mut().find(|r| kind(&r.problem) == kind(&problem)) {
        Some(same) => {
            same.alike += 1;
            if need(&problem) < need(&same.problem) {
                (same.layout, same.problem) = (layout, problem);
            }
        }
        None => refused.push(RefusedLayout { layout, problem, alike: 1 }),
    }
}

/// Every combination of usual degrees whose product is `accelerators`.
fn layouts(job: &TrainingJob<'_>, accelerators: u32) -> Vec<TrainingLayout> {
    let (model, domain) = (job.model, job.accelerators_per_domain);
    let heads = crate::deployment::heads(model);
    let mut all = Vec::new();
    let tensors = powers(64).filter(|t| *t <= domain && heads.is_multiple_of(*t));
    for tensor in tensors {
        for pipeline in pipelines(model.layers) {
            for context in powers(32).filter(|c| job.sequence.is_multiple_of(*c)) {
                // Shorter parts than this no stack cuts sequences into.
                if context > 1 && job.sequence / context < 1024 {
                    continue;
                }
                let copy = u64::from(tensor) * u64::from(pipeline) * u64::from(context);
                if !u64::from(accelerators).is_multiple_of(copy) {
                    continue;
                }
                let Ok(data) = u32::try_from(u64::from(accelerators) / copy) else { continue };
                let base = TrainingLayout {
                    tensor,
                    sequence_parallel: tensor > 1,
                    pipeline,
                    context,
                    ..TrainingLayout::data(data)
                };
                for expert in experts(job, base) {
                    let layout = TrainingLayout { expert, ..base };
                    for virtual_stages in chunks(model.layers, pipeline) {
                        all.push(TrainingLayout { virtual_stages, ..layout });
                    }
                    // Gathering weights for every micro-batch of a pipeline pays for nobody.
                    let group = data.saturating_mul(context);
                    if pipeline == 1 && group > 1 {
                        all.push(TrainingLayout { sharding: Sharding::Full { group }, ..layout });
                    }
                }
            }
        }
    }
    all
}

fn powers(most: u32) -> impl Iterator<Item = u32> {
    (0..).map(|k| 1_u32 << k).take_while(move |n| *n <= most)
}

/// Stages: powers of two, and whatever divides the layers up to 64.
fn pipelines(layers: u32) -> Vec<u32> {
    let fits = |p: &u32| *p <= layers && (p.is_power_of_two() || layers.is_multiple_of(*p));
    (1..=64).filter(fits).collect()
}

/// One chunk, and as many as the layers of a stage allow, with at most 12.
fn chunks(layers: u32, pipeline: u32) -> Vec<u32> {
    let stage = layers.div_ceil(pipeline);
    let mut chunks = vec![1];
    if pipeline > 1 {
        chunks.extend((2..=12.min(stage)).rev().find(|v| stage.is_multiple_of(*v)));
    }
    // Rounding stages up must not make more chunks than layers.
    chunks.retain(|v| v * pipeline <= layers);
    chunks
}

fn experts(job: &TrainingJob<'_>, layout: TrainingLayout) -> Vec<u32> {
    let Some(moe) = job.model.ffn.moe else { return vec![1] };
    let ranks = u64::from(layout.tensor) * u64::from(layout.context) * u64::from(layout.data);
    let fits = |e: &u32| moe.routed.is_multiple_of(*e) && ranks.is_multiple_of(u64::from(*e));
    powers(256).filter(fits).collect()
}
