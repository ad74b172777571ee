//! One step of training in closed form: time, memory, FLOPs and energy.
//!
//! [`TrainingJob`] says what is trained on what and how it is laid out, [`TrainingStep`] what a step
//! then takes, [`TrainingMemory`] what it needs, [`search_layouts`] which layout is best.

mod job;
mod layer;
mod links;
mod memory;
mod problem;
mod run;
mod search;
mod step;
mod work;

pub use job::{
    Recompute, Sharding, Task, TrainingFormat, TrainingJob, TrainingLayout, TrainingRecipe,
};
pub use memory::TrainingMemory;
pub use problem::TrainingProblem;
pub use run::{StepInterval, TrainingRun};
pub use search::{LayoutSearch, LayoutWishes, RankedLayout, RefusedLayout, search_layouts};
pub use step::{TrainingStep, TrainingTime};
pub use work::ModelFlops;
