//! A step of a small engine, explained.

use wattmill_catalog::{Catalog, Interval, Precision};
use wattmill_factory::{EngineSpec, Layout};
use wattmill_perf::{Deployment, StepModel, StepSurface, explain};

use crate::explain::{ExplainFit, ExplainPart, ExplainReport, ExplainedStep};

const MEASURED: Interval = Interval { low: 0.9, median: 1.0, high: 1.2, rows: 99, inside: true };

/// With every kind of bound, and operators with and without measurements.
pub(super) fn mixed() -> ExplainReport {
    let catalog = Catalog::builtin();
    let accelerator = catalog.accelerator("h100-sxm").unwrap();
    let deployment = Deployment {
        model: catalog.model("llama-3.1-8b").unwrap(),
        accelerator,
        efficiency: catalog.efficiency("hopper").unwrap(),
        spec: EngineSpec::new(Layout::tensor(2), Precision::Bf16),
        accelerators_per_domain: 8,
    };
    let step = ExplainedStep { decodes: 8, context: 1000, prompts: vec![(512, 0), (64, 300)] };
    let surface = StepSurface::compile(&deployment).unwrap();
    let part = |operator: wattmill_perf::Operator| {
        let fit = operator.surface.and_then(|used| {
            let surface = deployment.efficiency.surfaces.get(used.operator, used.format)?;
            Some(ExplainFit {
                measured: vec![("log2 rows".to_owned(), 0.0, 15.0)],
                error: surface.error,
                borrowed: surface.borrowed,
                source: surface.source.clone(),
            })
        });
        ExplainPart { operator, fit }
    };
    ExplainReport {
        calibration: None,
        model: "llama-3.1-8b".to_owned(),
        system: "dgx-h100".to_owned(),
        accelerator: accelerator.id.clone(),
        spec: deployment.spec,
        parts: explain(&deployment, &step.shape()).unwrap().into_iter().map(part).collect(),
        compiled: surface.step(&step.shape()),
        step,
        bandwidth: accelerator.memory_bandwidth,
        link: accelerator.scaleup,
        idle: surface.idle_power(),
        limit: accelerator.tdp,
        cache: (8876, 1_000_000),
        interval: Some(MEASURED),
        energy_interval: Some(MEASURED),
        power_interval: Some(MEASURED),
        warnings: Vec::new(),
    }
}

/// The same without what no source may state.
pub(super) fn unknown() -> ExplainReport {
    ExplainReport {
        bandwidth: None,
        link: None,
        limit: None,
        interval: None,
        energy_interval: None,
        power_interval: None,
        ..mixed()
    }
}
