//! Every row of a table, predicted.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use wattmill_catalog::{Accelerator, Catalog, Efficiency};
use wattmill_perf::Deployment;

use crate::bars::{Load, RowBars};
use crate::engine::{self, Effort};
use crate::kind::Kind;
use crate::outcome::{Measured, Metric, Outcome, Reason, Unanswered};
use crate::table::{Row, Table, TableProblem};
use crate::{
    energy, mlperf, node_power, operators, phases, power, requests, serving, throughput, training,
};

/// A row of any kind, ready to be predicted.
#[derive(Clone, Debug)]
pub enum Case<'a> {
    /// Of [`Kind::Serving`] or [`Kind::LongPrompt`].
    Serving(Box<serving::Case<'a>>),
    /// Of [`Kind::Requests`].
    Requests(Box<requests::Case<'a>>),
    /// Of [`Kind::Mlperf`].
    Mlperf(Box<mlperf::Case<'a>>),
    /// Of [`Kind::Throughput`].
    Throughput(Box<throughput::Case<'a>>),
    /// Of [`Kind::Energy`].
    Energy(Box<energy::Case<'a>>),
    /// Of [`Kind::Phases`].
    Phases(Box<phases::Case<'a>>),
    /// Of [`Kind::Power`].
    Power(Box<power::Case<'a>>),
    /// Of [`Kind::TrainingPower`].
    TrainingPower(Box<node_power::Case<'a>>),
    /// Of [`Kind::Training`].
    Training(Box<training::Case>),
    /// Of [`Kind::Kernels`].
    Kernels(Box<operators::Case>),
}

impl Case<'_> {
    /// What was measured.
    pub const fn measured(&self) -> &Measured {
        match self {
            Self::Serving(case) => &case.measured,
            Self::Requests(case) => &case.measured,
            Self::Mlperf(case) => &case.measured,
            Self::Throughput(case) => &case.measured,
            Self::Energy(case) => &case.measured,
            Self::Phases(case) => &case.measured,
            Self::Power(case) => &case.measured,
            Self::TrainingPower(case) => &case.measured,
            Self::Training(case) => &case.measured,
            Self::Kernels(case) => &case.measured,
        }
    }

    /// What served; `None` of training and of single operators.
    pub(crate) const fn deployment(&self) -> Option<&Deployment<'_>> {
        Some(match self {
            Self::Serving(case) => case.deployment(),
            Self::Requests(case) => &case.deployment,
            Self::Mlperf(case) => &case.deployment,
            Self::Throughput(case) => &case.deployment,
            Self::Energy(case) => &case.deployment,
            Self::Phases(case) => &case.deployment,
            Self::Power(case) => &case.serving.deployment,
            Self::TrainingPower(_) | Self::Training(_) | Self::Kernels(_) => return None,
        })
    }

    /// The accelerator, where serving or the power of training was measured.
    fn accelerator(&self) -> Option<&Accelerator> {
        match self {
            Self::TrainingPower(case) => Some(case.job.accelerator),
            _ => Some(self.deployment()?.accelerator),
        }
    }

    /// Power limit of one accelerator, where serving was measured and a limit is stated.
    pub(crate) fn accelerator_limit(&self) -> Option<wattmill_units::Power> {
        self.accelerator()?.tdp
    }

    /// What was served on what; `None` of training and of single operators.
    pub(crate) fn load(&self) -> Option<(&Deployment<'_>, Load)> {
        let deployment = self.deployment()?;
        let at = |batch: f64, input: u32, output: u32| Load {
            batch,
            input: input.into(),
            output: output.into(),
        };
        let full =
            |input, output| at(engine::batch_of(deployment, input, output).into(), input, output);
        let load = match self {
            Self::Serving(case) => {
                let replicas = case.accelerators() / deployment.spec.layout.accelerators();
                let batch = f64::from(case.concurrency) / f64::from(replicas.max(1));
                at(batch, case.input, case.output)
            }
            Self::Requests(case) => case.load(),
            Self::Mlperf(case) => full(case.input, case.output),
            Self::Power(case) => full(case.serving.input, case.serving.output),
            Self::Throughput(case) => match case.load {
                throughput::Load::Whole { input, output } => full(input, output),
                throughput::Load::Prompts { input } => at(1.0, input, 1),
                throughput::Load::Answers { batch, context } => at(batch.into(), context, 1),
            },
            Self::Energy(case) => at(case.batch.into(), case.input, case.output),
            Self::Phases(case) => at(case.batch.into(), case.input, case.output),
            Self::TrainingPower(_) | Self::Training(_) | Self::Kernels(_) => return None,
        };
        Some((deployment, load))
    }

    /// What speaks against the answer: a profile of single passes times any length, whatever the model
    /// makes of it.
    fn note(&self) -> Option<String> {
        let Self::Phases(case) = self else { return None };
        let tokens = u64::from(case.input) + u64::from(case.output);
        engine::within_context(case.deployment.model, tokens).err().map(|why| why.to_string())
    }

    /// Why nothing is known of what its accelerator draws.
    fn power_unknown(&self) -> Option<String> {
        self.accelerator()?.power_unknown()
    }

    /// Chip family whose efficiency the prediction takes.
    pub fn family(&self) -> &str {
        match self {
            Self::Training(case) => &case.family,
            Self::Kernels(case) => case.family(),
            _ => &self.accelerator().expect("all others have one").family,
        }
    }
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, kind: Kind, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    if let Some(TableProblem::Number { column, value, wanted, .. }) = row.problems().next() {
        return Err(Reason::Malformed { column, value, wanted });
    }
    Ok(match kind {
        Kind::Serving | Kind::LongPrompt => {
            Case::Serving(Box::new(serving::resolve(row, kind, catalog)?))
        }
        Kind::Requests => Case::Requests(Box::new(requests::resolve(row, catalog)?)),
        Kind::Mlperf => Case::Mlperf(Box::new(mlperf::resolve(row, catalog)?)),
        Kind::Throughput => Case::Throughput(Box::new(throughput::resolve(row, catalog)?)),
        Kind::Energy => Case::Energy(Box::new(energy::resolve(row, catalog)?)),
        Kind::Phases => Case::Phases(Box::new(phases::resolve(row, catalog)?)),
        Kind::Power => Case::Power(Box::new(power::resolve(row, catalog)?)),
        Kind::TrainingPower => Case::TrainingPower(Box::new(node_power::resolve(row, catalog)?)),
        Kind::Training => Case::Training(Box::new(training::resolve(row, catalog)?)),
        Kind::Kernels => Case::Kernels(Box::new(operators::resolve(row, catalog)?)),
    })
}

/// Predicts every figure of a case with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(
    case: &Case<'_>,
    efficiency: &Efficiency,
    effort: Effort,
) -> Result<Vec<(Metric, f64)>, Reason> {
    let tuned = with_campaign(case, efficiency);
    let efficiency = tuned.as_ref().unwrap_or(efficiency);
    match case {
        Case::Serving(case) => serving::predict(case, efficiency, effort),
        Case::Requests(case) => requests::predict(case, efficiency),
        Case::Mlperf(case) => mlperf::predict(case, efficiency, effort),
        Case::Throughput(case) => throughput::predict(case, efficiency, effort),
        Case::Energy(case) => energy::predict(case, efficiency, effort),
        Case::Phases(case) => phases::predict(case, efficiency, effort),
        Case::Power(case) => power::predict(case, efficiency, effort),
        Case::TrainingPower(case) => node_power::predict(case, efficiency),
        Case::Training(case) => Ok(case.predicted()),
        Case::Kernels(case) => operators::predict(case, efficiency),
    }
}

/// Name of the constants a case is predicted with: its engine, and the campaign that ran it where
/// that was another engine under the same name. MLPerf's submitters drive tuned builds without a
/// server (TensorRT's, not TensorRT-LLM's), ML.ENERGY, the long prompts and Splitwise ran other versions.
pub fn constants_of(case: &Case<'_>) -> String {
    let campaign = match case {
        Case::Serving(case) if case.median => "-long-prompts",
        Case::Mlperf(_) | Case::Power(_) => "-mlperf",
        Case::Energy(_) => "-ml-energy",
        Case::Phases(_) => "-splitwise",
        Case::Serving(_)
        | Case::Requests(_)
        | Case::Throughput(_)
        | Case::TrainingPower(_)
        | Case::Training(_)
        | Case::Kernels(_) => "",
    };
    format!("{}{campaign}", flavour(case))
}

fn flavour<'a>(case: &'a Case<'_>) -> &'a str {
    let group = &case.measured().group;
    case.deployment().map_or(&group.engine, |deployment| deployment.spec.flavour.name())
}

/// The constants of the campaign in place of the engine's, where there are any.
fn with_campaign(case: &Case<'_>, efficiency: &Efficiency) -> Option<Efficiency> {
    let name = constants_of(case);
    let engine = flavour(case);
    if name == engine {
        return None;
    }
    let constants = *efficiency.overheads.get(&name)?;
    let mut tuned = efficiency.clone();
    tuned.overheads.insert(engine.to_owned(), constants);
    Some(tuned)
}

/// What came of the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What the table measures.
    pub kind: Kind,
    /// Rows that were answered, in order.
    pub outcomes: Vec<Outcome>,
    /// Rows that were not, in order.
    pub unanswered: Vec<Unanswered>,
}

impl Evaluation {
    /// Rows.
    pub const fn rows(&self) -> usize {
        self.outcomes.len() + self.unanswered.len()
    }

    /// How many rows went unanswered for each kind of reason.
    pub fn reasons(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.unanswered {
            *counts.entry(row.reason.kind()).or_default() += 1;
        }
        counts
    }

    /// Answered rows that count towards the headline.
    pub fn headline(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.headline)
    }
}

/// Predicts every row of `table` with the catalogue's own constants.
///
/// `progress` is called after each with how many are done, and may stop the run; what is done by
/// then is returned.
pub fn evaluate(
    table: &Table,
    catalog: &Catalog,
    effort: Effort,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Evaluation {
    let kind = table.kind();
    let mut evaluation = Evaluation { kind, outcomes: Vec::new(), unanswered: Vec::new() };
    for (done, row) in (1..).zip(table.rows()) {
        match answer(&row, kind, catalog, effort) {
            Ok(outcome) => evaluation.outcomes.push(outcome),
            Err(reason) => evaluation.unanswered.push(Unanswered::of(&row, catalog, reason)),
        }
        if progress(done).is_break() {
            break;
        }
    }
    evaluation
}

fn answer(row: &Row<'_>, kind: Kind, catalog: &Catalog, effort: Effort) -> Result<Outcome, Reason> {
    let case = resolve(row, kind, catalog)?;
    let family = case.family();
    let unknown = || Reason::Unsupported(format!("no efficiency of the chip family `{family}`"));
    let efficiency = catalog.efficiency(family).ok_or_else(unknown)?;
    let mut outcome = Outcome::of(case.measured(), &predict(&case, efficiency, effort)?);
    let bars = RowBars::of(&case);
    for figure in &mut outcome.figures {
        figure.interval = bars.of_metric(figure.metric, catalog);
    }
    outcome.note = case.note();
    // All that was measured is power, and nobody knows what the chip may draw.
    match (outcome.figures.is_empty(), case.power_unknown()) {
        (true, Some(unknown)) => Err(Reason::Unsupported(unknown)),
        _ => Ok(outcome),
    }
}
