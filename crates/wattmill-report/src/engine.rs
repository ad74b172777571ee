//! Engines by name.

use std::fmt::Write;

use wattmill_factory::EngineSpec;

/// A model on a system in a layout, in short.
///
/// ```
/// use wattmill_catalog::Precision;
/// use wattmill_factory::{EngineSpec, Layout};
/// let spec = EngineSpec::new(Layout::tensor(8), Precision::Fp8);
/// let name = wattmill_report::engine_name("llama-3.1-70b", "dgx-h100", &spec);
/// assert_eq!(name, "llama-3.1-70b on dgx-h100, TP8 fp8");
/// ```
pub fn engine_name(model: &str, system: &str, spec: &EngineSpec) -> String {
    format!("{model} on {system}, {}", layout_name(spec))
}

/// A layout in short: `TP8`, `DP32 EP32`, with its formats, cap and speculation.
pub(crate) fn layout_name(spec: &EngineSpec) -> String {
    let layout = spec.layout;
    let mut text = String::new();
    for (name, degree) in [
        ("TP", layout.tensor),
        ("PP", layout.pipeline),
        ("DP", layout.data_attention),
        ("CP", layout.context),
        ("EP", layout.expert),
    ] {
        if degree > 1 || (name == "TP" && layout.accelerators() == 1) {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{name}{degree}");
        }
    }
    let cap = spec.power_cap.map_or_else(String::new, |cap| format!(", capped at {cap}"));
    let uneven = if spec.expert_imbalance > 1.0 {
        format!(", busiest experts {} times the mean", spec.expert_imbalance)
    } else {
        String::new()
    };
    let swapped = spec.swap.map_or_else(String::new, |link| format!(", swaps over {link}"));
    let guessed = spec.speculation.map_or_else(String::new, |s| format!(", {s}"));
    format!("{text} {}{cap}{guessed}{uneven}{swapped}", spec.precision)
}
