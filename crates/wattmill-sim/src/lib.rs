//! The request-level simulator: replicas that batch continuously, exactly, at a cost that grows with
//! what changes and not with what runs.
//!
//! Knows no file, no date and no money. [`Replica`] is the engine; [`twin`] walks every step and
//! every sequence and gives the same answer, which is how the engine is tested. [`Fleet`] puts
//! replicas behind a router, [`ClosedLoop`] has clients that wait for their answers, [`Synthetic`]
//! draws traffic and [`probe`] finds the highest rate inside an SLO.

mod closed_loop;
mod fleet;
mod leavers;
mod prefix;
mod probe;
mod rank;
mod replica;
mod request;
mod summary;
mod synthetic;
mod tally;
pub mod twin;
mod usage;

pub use closed_loop::{ClosedLoop, ClosedRun, Exchange, Steady};
pub use fleet::{Fleet, Progress};
pub use prefix::CacheChange;
pub use probe::{Binding, Capacity, Demand, Operating, power_at, probe, settling_time};
pub use replica::Replica;
pub use request::{Ask, Finished, Request, Resident};
pub use summary::{Latency, Setup, Summary};
pub use synthetic::{Rates, Synthetic};
pub use tally::{Limits, Tally};
pub use usage::Usage;
