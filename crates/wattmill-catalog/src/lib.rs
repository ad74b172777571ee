//! Published facts: accelerators, systems, model architectures, achieved efficiencies and traffic
//! shapes, each value with its source, date and confidence.
//!
//! Knows no scenario and no clock; the built-in rows are compiled in, a factory file may add its
//! own. [`Catalog`] is the way in.

mod accelerator;
mod catalog;
mod closest;
mod compressed;
mod conversion;
mod cross_validation;
mod efficiency;
mod error_bars;
mod measured;
mod model;
mod naming;
mod overheads;
mod provenance;
mod row;
mod state;
mod stated_power;
mod surface;
mod system;
mod traffic;
mod training;

pub use accelerator::{Accelerator, Precision, parse_accelerator};
pub use catalog::{Catalog, CatalogError, Kind, MOST_MEASURED, Texts};
pub use closest::closest;
pub use compressed::{Compressed, Entries};
pub use conversion::{Conversion, Inside};
pub use cross_validation::LeftOutError;
pub use efficiency::Efficiency;
pub use error_bars::{ErrorBars, Interval, Question, Residuals};
pub use measured::MEASURED;
pub use model::{AttentionKind, Ffn, Indexer, Model, Moe, Undescribed, parse_model};
pub use overheads::Overheads;
pub use provenance::{Confidence, Field, Provenance};
pub use row::RowError;
pub use state::{StateKind, StateMixer};
pub use stated_power::{StatedPower, Statement};
pub use surface::{Axis, CORRECTION, FitError, MOST_AXES, Surface, Surfaces};
pub use system::{System, parse_system};
pub use traffic::{LengthRow, ShapeRow};
pub use training::{
    TrainingConstant, TrainingEfficiency, TrainingReach, TrainingResiduals, TrainingTable,
};
