//! The engine that flags describe: a model on a system in a layout.

use wattmill::catalog::{Catalog, Kind, Model, Precision, System};
use wattmill::factory::{EngineSpec, Hardware, Layout};
use wattmill::plan::usual_specs;

use super::not_in_catalogue;
use crate::args::EngineArgs;
use crate::exit::Failure;
use crate::invalid::Invalid;

/// Looks up the model and the system; everything unknown is told at once. `or` names what else
/// could be given.
pub(super) fn catalogue<'a>(
    args: &EngineArgs,
    or: &str,
    catalog: &'a Catalog,
) -> Result<(&'a Model, Hardware), Failure> {
    let (Some(model), Some(system)) = (&args.model, &args.system) else {
        let usage = format!("give --model and --system of the catalogue{or}");
        return Err(Failure::Usage(usage));
    };
    found(model, system, catalog)
}

/// A model, and a system or the scale-up domain of an accelerator, of these names.
pub(super) fn found<'a>(
    model: &str,
    system: &str,
    catalog: &'a Catalog,
) -> Result<(&'a Model, Hardware), Failure> {
    let found_model = catalog.model(model);
    let domain = || catalog.accelerator(system).map(System::domain_of);
    let found_system = catalog.system(system).cloned().or_else(domain);
    let mut unknown = Vec::new();
    if found_model.is_none() {
        unknown.push(("--model", model, catalog.closest(Kind::Model, model)));
    }
    if found_system.is_none() {
        let mut near = catalog.closest(Kind::System, system);
        near.extend(catalog.closest(Kind::Accelerator, system));
        unknown.push(("--system", system, near));
    }
    let (Some(model), Some(system)) = (found_model, found_system) else {
        return Err(not_in_catalogue(&unknown));
    };
    let Some(accelerator) = catalog.accelerator(&system.accelerator) else {
        let problem = format!("no source states the accelerator of `{}`", system.id);
        let help = Some("take another system; see `wattmill catalog list systems`".to_owned());
        return Err(Invalid::plain("--system", &[(problem, help)]).into());
    };
    Ok((model, Hardware { accelerator: accelerator.clone(), system }))
}

/// The layout of the flags, or the usual ones, smallest first; formats and software as the flags
/// say.
pub(super) fn candidates(args: &EngineArgs, model: &Model, hardware: &Hardware) -> Vec<EngineSpec> {
    let degrees = [args.tp, args.pp, args.ep, args.dp, args.cp];
    let specs = if degrees.iter().any(Option::is_some) {
        let [tensor, pipeline, expert, data_attention, context] =
            degrees.map(|degree| degree.unwrap_or(1));
        let layout = Layout { tensor, pipeline, expert, data_attention, context };
        let fp8 = hardware.accelerator.peak(Precision::Fp8);
        let precision = if fp8.is_some() { Precision::Fp8 } else { Precision::Bf16 };
        vec![EngineSpec::new(layout, precision)]
    } else {
        usual_specs(model, hardware)
    };
    let with_flags = |spec: EngineSpec| EngineSpec {
        flavour: args.engine.unwrap_or(spec.flavour),
        precision: args.precision.unwrap_or(spec.precision),
        kv_precision: args.kv_precision.unwrap_or(spec.kv_precision),
        power_cap: args.power_cap.or(spec.power_cap),
        speculation: args.speculate.or(spec.speculation),
        expert_imbalance: args.expert_imbalance.unwrap_or(spec.expert_imbalance),
        ..spec
    };
    specs.into_iter().map(with_flags).collect()
}

/// Why no layout can be; the reasons end in their way out.
pub(super) fn refused(model: &Model, hardware: &Hardware, reasons: &[String]) -> Failure {
    let problem = |reason: &String| match reason.split_once("; ") {
        Some((problem, help)) => (problem.to_owned(), Some(help.to_owned())),
        None => (reason.clone(), None),
    };
    let problems: Vec<_> = reasons.iter().map(problem).collect();
    Invalid::plain(&format!("{} on {}", model.id, hardware.system.id), &problems).into()
}
