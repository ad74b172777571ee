//! Node power during MLPerf inference: the host, and accelerators at maximum load.
//!
//! The host takes what a machine of these accelerators typically takes beyond their limits; layouts
//! and lengths are chosen as for [`crate::mlperf`].

use wattmill_catalog::{Catalog, Efficiency, Precision, System};
use wattmill_factory::Flavour;
use wattmill_units::Power;

use crate::engine::{Effort, Engine};
use crate::lengths::Spread;
use crate::outcome::{Measured, Metric, Reason};
use crate::table::Row;
use crate::{labels, mlperf};

/// Highest node power measured in training over its rating (arXiv 2412.08602: 8.4 of 10.2 kW), for
/// machines of which no source states a typical power.
const TYPICAL_OF_MAX: f64 = 0.82;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// One replica and what is asked of it.
    pub serving: mlperf::Case<'a>,
    /// Accelerators of the node.
    pub accelerators: u32,
    /// Power of the node besides its accelerators.
    pub host: Power,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let mode = row.text("power_mode").unwrap_or("default");
    if mode != "default" {
        return Err(Reason::Unsupported(format!("the power limit of `{mode}` is not stated")));
    }
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    // Neither software nor format is stated; both submitters ran TensorRT-LLM in the narrowest
    // format of the chip.
    let narrowest = Precision::ALL.into_iter().rev().find(|p| chip.peak(*p).is_some());
    let label = narrowest.map(Precision::name);
    let serving = mlperf::submission(row, catalog, Flavour::Trtllm.name(), label)?;
    let accelerators = row.needed_count("n_gpus", crate::engine::MOST_DEGREE)?;
    let here = |system: &&System| system.accelerator == chip.id;
    let machine = catalog.systems().filter(here).find(|s| s.accelerators == accelerators);
    let (Some(machine), Some(limit)) = (machine, chip.tdp) else {
        let why = format!("no machine of {accelerators} `{}` is known", chip.id);
        return Err(Reason::Unsupported(why));
    };
    let highest = machine.power_max.map(|power| power * TYPICAL_OF_MAX);
    let Some(typical) = machine.power_typical.or(highest) else {
        return Err(Reason::Unsupported(format!("nothing states the power of `{}`", machine.id)));
    };
    let host = (typical - limit * f64::from(accelerators)).max(Power::ZERO);
    let mut measured = serving.measured.clone();
    measured.figures = vec![(Metric::NodePower, row.needed("mean_w_core90")?)];
    Ok(Case { measured, serving, accelerators, host })
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
    let each = engine.accelerator_power(&steady);
    Ok(vec![(Metric::NodePower, case.host.as_watts() + each * f64::from(case.accelerators))])
}
