//! Node power during MLPerf inference: accelerators at maximum load, and what a node draws besides
//! them. Layouts and lengths are chosen as for [`crate::mlperf`].

use wattmill_catalog::{Catalog, Efficiency, Precision};
use wattmill_factory::Flavour;
use wattmill_units::Power;

use crate::engine::{Effort, Engine};
use crate::lengths::Spread;
use crate::outcome::{Measured, Metric, Reason};
use crate::table::Row;
use crate::{labels, mlperf};

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// One replica and what is asked of it.
    pub serving: mlperf::Case<'a>,
    /// Accelerators of the node.
    pub accelerators: u32,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    // Neither software nor format is stated; both submitters ran TensorRT-LLM in the narrowest
    // format of the chip.
    let narrowest = Precision::ALL.into_iter().rev().find(|p| chip.peak(*p).is_some());
    let label = narrowest.map(Precision::name);
    let serving = mlperf::submission(row, catalog, Flavour::Trtllm.name(), label)?;
    let accelerators = row.needed_count("n_gpus", crate::engine::MOST_DEGREE)?;
    let mut measured = serving.measured.clone();
    measured.figures = vec![(Metric::NodePower, row.needed("mean_w_core90")?)];
    // A server under latency limits makes fewer tokens than it could.
    let rate = row.number("tokens_per_s").filter(|_| measured.group.mode == "offline");
    let each = |rate: f64| rate / f64::from(accelerators);
    measured.figures.extend(rate.map(|rate| (Metric::OutputRate, each(rate))));
    if let Some(cap) = serving.deployment.spec.power_cap {
        measured.group.mode = format!("{} at {cap}", measured.group.mode);
    }
    Ok(Case { measured, serving, accelerators })
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
    let serving = &case.serving;
    let engine = Engine::compile(&serving.deployment, efficiency)?;
    let (input, output) = (serving.input, serving.output);
    let steady = engine.loaded(engine.batch(input, output), Spread::Natural, input, output)?;
    let rate = steady.output_per_s() / f64::from(engine.surface.accelerators());
    let mut all = vec![(Metric::OutputRate, rate)];
    if let Some(each) = engine.accelerator_power(&steady) {
        let each = Power::from_watts(each) + efficiency.power_node;
        all.push((Metric::NodePower, (each * f64::from(case.accelerators)).as_watts()));
    }
    Ok(all)
}
