//! Pure decisions: `(view, event) → actions`. The same code decides in a simulated and in a live
//! fleet.
//!
//! Does no IO, reads no clock and draws no randomness of its own.

mod batching;
mod dispatch;
mod prompt;
mod routing;

pub use batching::{BatchLimits, Need, Preemption, PrefillOrder, Scheduling, emptiest};
pub use dispatch::{Claim, serve_in_order};
pub use prompt::Segment;
pub use routing::RoundRobin;
