//! One step of one engine in closed form: time, memory and energy.
//!
//! Knows no clock: it prices a step from its shape and never asks when.
//!
//! [`Deployment`] says what runs on what, [`MemoryPlan`] what fits, [`explain`] lists the operators
//! of a step, [`StepSurface`] is the same compiled for a simulator, and [`StepTable`] stands in for
//! it with measured step times.

mod attention;
mod chip;
mod context;
mod decode_table;
mod deployment;
mod divisor;
mod fixed;
pub mod kernels;
mod memory;
mod network;
mod operator;
mod operators;
mod power;
mod prefill_attention;
mod shard;
mod spacing;
mod state;
mod step;
mod step_table;
mod surface;
mod training;

pub use deployment::{Deployment, LayoutProblem};
pub use memory::MemoryPlan;
pub use operator::{Bound, Operator, SurfaceUse};
pub use operators::explain;
pub use power::CapProblem;
pub use step::{DecodeRun, Prefill, StepCost, StepModel, StepShape};
pub use step_table::{StepTable, StepTableError, StepTableProblem};
pub use surface::StepSurface;
pub use training::{
    LayoutSearch, LayoutWishes, ModelFlops, RankedLayout, Recompute, RefusedLayout, Sharding,
    StepInterval, Task, TrainingFormat, TrainingJob, TrainingLayout, TrainingMemory,
    TrainingProblem, TrainingRecipe, TrainingRun, TrainingStep, TrainingTime, search_layouts,
};
