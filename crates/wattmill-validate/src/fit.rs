//! Fitting constants to measurements.

mod calibrate;
mod engines;
mod families;
mod folds;
pub(crate) mod least_squares;
mod nodes;
mod overheads;
mod power;
mod response;
mod runs;
mod surface;

pub use calibrate::{
    Calibrated, Contradiction, EngineCalibration, FEWEST_CASES, Fitted, Place, Point, calibrate,
};
pub use engines::{
    EngineConstants, EngineKey, FIT_EFFORT, Found, LeftOut, Lesson, cross_validate, engine_key,
    evaluate_cases, fit_families, predict_with,
};
pub use families::KernelTables;
pub use folds::{FOLDS, folds};
pub use nodes::{NodeConstants, NodeMiss, fit_nodes, node_misses};
pub use overheads::{EngineFit, fit_engine, fit_overheads};
pub use power::{PowerConstants, PowerMiss, cross_validate_power, fit_power, power_miss};
pub use response::Response;
pub use runs::{CrossRun, cross_runs, evaluate_across, fit_runs};
pub use surface::{Timed, fit_surface};

/// The `q` quantile, linear between neighbours; 0 without values.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}
