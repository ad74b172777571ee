//! One step of one engine in closed form: time, memory and energy.
//!
//! Knows no clock: it prices a step from its shape and never asks when.

mod fixed;
mod step;
mod step_table;

pub use step::{DecodeRun, Prefill, StepCost, StepModel, StepShape};
pub use step_table::{StepTable, StepTableError, StepTableProblem};
