//! Measurements against the model: rows of published tables in, predictions, errors and fitted
//! constants out.
//!
//! Opens no file: text comes in, plain data goes out. [`Table::read`] tells what a file measures;
//! each kind has an adapter, in which `resolve` turns a row into a case and `predict` prices the
//! case with given constants, so that a fit can predict again without resolving again.

mod bars;
mod caps;
pub mod energy;
mod engine;
mod errors;
mod evaluate;
pub mod fit;
pub mod kernels;
mod kind;
mod labels;
mod left_out;
mod lengths;
pub mod mlperf;
pub mod node_power;
pub mod operators;
mod outcome;
pub mod phases;
pub mod power;
pub mod requests;
pub mod serving;
mod settings;
mod table;
pub mod throughput;
pub mod training;
mod unanswered;

pub use bars::{Load, deployment_cap, error_bar};
pub use engine::Effort;
pub use errors::{
    Coverage, Errors, GroupErrors, coverage_by_metric, errors_by_group, errors_by_metric, quantile,
    worst_figures,
};
pub use evaluate::{Case, Evaluation, constants_of, evaluate, predict, resolve};
pub use kind::Kind;
pub use labels::told_by_name;
pub use left_out::{Fitted, FittedErrors, Missed, beside_left_out, cross_validated};
pub use lengths::Spread;
pub use outcome::{Figure, Group, Measured, Metric, Outcome, Reason, Unanswered};
pub use settings::Held;
pub use table::{Row, Table, TableProblem};
