//! The request-level simulator: replicas that batch continuously, exactly, at a cost that grows with
//! what changes and not with what runs.
//!
//! Knows no file, no date and no money. [`Replica`] is the engine; [`twin`] walks every step and
//! every sequence and gives the same answer, which is how the engine is tested. [`Fleet`] puts
//! replicas behind a router, [`ClosedLoop`] has clients that wait for their answers, [`Synthetic`]
//! draws traffic and [`probe`] finds the highest rate inside an SLO.

mod client_traffic;
mod closed_loop;
mod fleet;
mod leavers;
mod merge;
mod mixture;
mod prefix;
mod probe;
mod rank;
mod rates;
mod repeat;
mod replica;
mod request;
mod sessions;
mod summary;
mod synthetic;
mod tally;
mod thinning;
pub mod twin;
mod usage;
mod warp;

pub use client_traffic::ClientTraffic;
pub use closed_loop::{ClosedLoop, ClosedRun, Exchange, Steady};
pub use fleet::{Fleet, Progress};
pub use merge::Merge;
pub use mixture::{Mixture, Part};
pub use probe::{Binding, Capacity, Demand, Operating, power_at, probe, settling_time};
pub use rates::Rates;
pub use repeat::Repeat;
pub use replica::Replica;
pub use request::{Ask, Finished, Request, Resident};
pub use sessions::{AnswerTime, ClosedSessions, OpenSessions, session_of};
pub use summary::{Latency, Setup, Summary};
pub use synthetic::Synthetic;
pub use tally::{Limits, Tally};
pub use thinning::Thinning;
pub use usage::Usage;
pub use warp::Warp;
