//! One step of an engine, operator by operator.

use wattmill_catalog::{Catalog, Interval};
use wattmill_factory::PowerCap;
use wattmill_perf::{Deployment, LayoutProblem, Operator, StepModel};
use wattmill_plan::Engine;
use wattmill_report::{ExplainFit, ExplainPart, ExplainReport, ExplainedStep};
use wattmill_validate::Metric;

use crate::bars::{at_most, deployment_cap, error_bar, widest};
use crate::train::UNMEASURED_CAP;

/// What `step` consists of on `engine`, which runs on `system`, with the measurements behind every
/// operator.
///
/// # Errors
/// Why the engine cannot run the step, each reason with a way out: it is longer than the KV cache.
///
/// ```
/// use wattmill::catalog::{Catalog, Precision};
/// use wattmill::factory::{EngineSpec, Hardware, Layout};
/// use wattmill::{explain, plan::Engine, report::ExplainedStep};
/// let catalog = Catalog::builtin();
/// let system = catalog.system("dgx-h100").unwrap().clone();
/// let accelerator = catalog.accelerator(&system.accelerator).unwrap().clone();
/// let hardware = Hardware { system, accelerator };
/// let model = catalog.model("llama-3.1-8b").unwrap();
/// let spec = EngineSpec::new(Layout::tensor(1), Precision::Bf16);
/// let engine = Engine::new(model, &hardware, catalog, spec).unwrap();
/// let step = ExplainedStep { decodes: 8, context: 1000, prompts: vec![(512, 0)] };
/// let report = explain(&engine, "dgx-h100", &step, catalog).unwrap();
/// assert!(report.parts.iter().any(|part| part.operator.name == "prefill attention"));
/// ```
pub fn explain(
    engine: &Engine<'_>,
    system: &str,
    step: &ExplainedStep,
    catalog: &Catalog,
) -> Result<ExplainReport, Vec<String>> {
    let deployment = &engine.deployment;
    let (model, chip) = (deployment.model, deployment.accelerator);
    let (held, cache) = (step.cached_tokens(), engine.surface.memory().tokens());
    if held > cache {
        return Err(vec![format!(
            "the step works on {held} tokens, but the KV cache of {} {} holds {cache}; give it more \
             accelerators, or fewer or shorter sequences",
            engine.accelerators(),
            if engine.accelerators() == 1 { "accelerator" } else { "accelerators" },
        )]);
    }
    let shape = step.shape();
    let operators = wattmill_perf::explain(deployment, &shape)
        .map_err(|problems| problems.iter().map(LayoutProblem::to_string).collect::<Vec<_>>())?;
    let efficiency = deployment.efficiency;
    let fit = |operator: &Operator| {
        let used = operator.surface?;
        let surface = efficiency.surfaces.get(used.operator, used.format)?;
        let range = |axis: &wattmill_catalog::Axis| {
            Some((axis.name.clone(), *axis.knots.first()?, *axis.knots.last()?))
        };
        Some(ExplainFit {
            measured: surface.axes.iter().filter_map(range).collect(),
            error: surface.error,
            borrowed: surface.borrowed || !efficiency.is_measured(),
            source: surface.source.clone(),
        })
    };
    let parts: Vec<ExplainPart> = operators
        .into_iter()
        .map(|operator| ExplainPart { fit: fit(&operator), operator })
        .collect();
    let measured = parts.iter().all(|p| p.operator.surface.is_none_or(|used| used.inside));
    let mut warnings: Vec<String> = chip.power_unknown().into_iter().collect();
    if deployment_cap(deployment).is_some() {
        warnings.push(UNMEASURED_CAP.to_owned());
    }
    if step.longest() > u64::from(model.context) {
        warnings.push(format!(
            "`{}` was made for contexts of up to {} tokens; {} are asked for",
            model.id,
            model.context,
            step.longest()
        ));
    }
    if let Some(family) = &efficiency.borrowed_from {
        warnings.push(format!(
            "`{}` was never measured: it is priced as if it reached the shares of peak that {family} \
             does",
            chip.family
        ));
    }
    let bars = StepBars::of(catalog, deployment, step, measured);
    let report = ExplainReport {
        calibration: None,
        model: model.id.clone(),
        system: system.to_owned(),
        accelerator: chip.id.clone(),
        spec: deployment.spec,
        step: step.clone(),
        parts,
        compiled: engine.surface.step(&shape),
        bandwidth: chip.memory_bandwidth,
        link: chip.scaleup,
        idle: engine.idle_power(),
        limit: chip.tdp,
        cache: (held, cache),
        interval: bars.time,
        energy_interval: bars.energy,
        power_interval: None,
        warnings,
    };
    let most = chip.tdp.map(|limit| PowerCap::at_most(deployment.spec.power_cap, limit));
    let power_bar = bars.power.zip(report.power());
    let power_interval = power_bar.map(|(bar, power)| at_most(bar, power, most));
    Ok(ExplainReport { power_interval, ..report })
}

/// How far measurements of steps were from the model.
struct StepBars {
    time: Option<Interval>,
    energy: Option<Interval>,
    power: Option<Interval>,
}

impl StepBars {
    /// A step of decodes is what a token waits for, one of prompts was timed as such. One of both
    /// was measured by no one: it may be off as far as either. Energy and power were measured of
    /// servers that decode most of the time; with prompts a step is outside of that.
    fn of(
        catalog: &Catalog,
        deployment: &Deployment<'_>,
        step: &ExplainedStep,
        measured: bool,
    ) -> Self {
        let (decodes, prompts) = (step.decodes > 0, !step.prompts.is_empty());
        let bar = |metric, inside| error_bar(catalog, deployment, metric, inside);
        let inside = measured && !(decodes && prompts);
        let kinds = [(decodes, Metric::Tpot), (prompts, Metric::PromptTime)];
        let kinds = kinds.into_iter().filter(|(does, _)| *does);
        Self {
            time: widest(kinds.map(|(_, metric)| bar(metric, inside)), f64::max),
            energy: bar(Metric::EnergyPerToken, measured && !prompts),
            power: bar(Metric::AcceleratorPower, measured && !prompts),
        }
    }
}
