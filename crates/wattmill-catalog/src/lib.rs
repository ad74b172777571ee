//! Published facts: accelerators, systems, model architectures and traffic shapes, each value with
//! its source, date and confidence.
//!
//! Knows no scenario and no clock; the built-in rows are compiled in, a factory file may add its
//! own.

mod accelerator;
mod model;
mod provenance;
mod system;

pub use accelerator::{Accelerator, Precision};
pub use model::{AttentionKind, Ffn, Model, Moe};
pub use provenance::{Confidence, Field, Provenance};
pub use system::System;
