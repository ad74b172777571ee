//! The request-level simulator: replicas that batch continuously, exactly, at a cost that grows with
//! what changes and not with what runs.
//!
//! Knows no file, no date and no money. [`Replica`] is the engine; [`twin`] walks every step and
//! every sequence and gives the same answer, which is how the engine is tested.

mod leavers;
mod replica;
mod request;
mod tally;
pub mod twin;
mod usage;

pub use replica::Replica;
pub use request::{Finished, Request};
pub use tally::{Limits, Tally};
pub use usage::Usage;
