//! Everything that can be said of a factory file before it is run.

use wattmill_catalog::Catalog;
use wattmill_config::{Diagnostic, Diagnostics, Files, parse_factory_with};
use wattmill_factory::{EngineChoice, Factory};
use wattmill_plan::Engine;

/// A factory file, checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The factory, unless a diagnostic is an error.
    pub factory: Option<Factory>,
    /// Everything wrong or odd about the file, in its order.
    pub diagnostics: Diagnostics,
}

/// Reads a factory file and proves that every engine it spells out can be built on the machines it
/// has: that the layout divides the model and the model fits the memory.
///
/// ```
/// use wattmill::{catalog::Catalog, check};
/// let checked = check("name = 3\n", Catalog::builtin());
/// assert!(checked.factory.is_none() && checked.diagnostics.has_errors());
/// ```
pub fn check(text: &str, catalog: &Catalog) -> Checked {
    check_with(text, catalog, &Files::default())
}

/// The same with the files that the factory file names.
pub fn check_with(text: &str, catalog: &Catalog, files: &Files) -> Checked {
    let parsed = parse_factory_with(text, catalog, files);
    let mut diagnostics = parsed.diagnostics;
    let Some(factory) = parsed.factory else {
        return Checked { factory: None, diagnostics };
    };
    for service in &factory.services {
        let EngineChoice::Explicit(spec) = service.engine else {
            continue;
        };
        let refusals: Vec<(&str, Vec<String>)> = factory
            .hardware
            .iter()
            .filter_map(|hardware| {
                let engine = Engine::new(&service.model, hardware, catalog, spec);
                engine.err().map(|why| (hardware.system.id.as_str(), why))
            })
            .collect();
        let span = parsed.spans.near("service", &service.name, "engine").unwrap_or(0..0);
        for (system, why) in &refusals {
            for problem in why {
                // The reasons end in their way out.
                let (problem, help) = problem.split_once("; ").unwrap_or((problem, ""));
                let message = format!("service `{}` on {system}: {problem}", service.name);
                let label = "this engine";
                // A machine that cannot serve stays idle; a service that nothing serves is a mistake.
                let mut diagnostic = if refusals.len() == factory.hardware.len() {
                    Diagnostic::error(span.clone(), message, label)
                } else {
                    Diagnostic::warning(span.clone(), message, label)
                };
                if !help.is_empty() {
                    diagnostic = diagnostic.with_help(help);
                }
                diagnostics.push(diagnostic);
            }
        }
    }
    let factory = (!diagnostics.has_errors()).then_some(factory);
    Checked { factory, diagnostics }
}
