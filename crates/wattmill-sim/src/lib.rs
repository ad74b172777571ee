//! The request-level simulator: replicas that batch continuously, exactly, at a cost that grows with
//! what changes and not with what runs.
//!
//! Knows no file, no date and no money. [`Replica`] is the engine; [`twin`] walks every step and
//! every sequence and gives the same answer, which is how the engine is tested. [`Fleet`] puts
//! replicas behind a router that needs no reports, [`World`] behind those that look, at several sites
//! and with prompts handed over between pools; whoever [watches](Watch) a world sees every step.
//! [`ClosedLoop`] has clients that wait for their answers, [`Synthetic`] draws traffic and [`probe`]
//! finds the highest rate inside an SLO.

mod books;
mod client_traffic;
mod closed_loop;
mod event;
mod fleet;
mod leavers;
mod link;
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
mod sketch;
mod summary;
mod synthetic;
mod tally;
mod thinning;
pub mod twin;
mod usage;
mod wakes;
mod warp;
mod watch;
mod world;

pub use books::{Books, Imbalance};
pub use client_traffic::ClientTraffic;
pub use closed_loop::{ClosedLoop, ClosedRun, Exchange, Steady};
pub use fleet::{Fleet, Progress};
pub use link::Link;
pub use merge::Merge;
pub use mixture::{Mixture, Part};
pub use prefix::CacheChange;
pub use probe::{Binding, Capacity, Demand, Operating, power_at, probe, settling_time};
pub use rates::Rates;
pub use repeat::Repeat;
pub use replica::{Aside, FirstToken, Gauge, Replica};
pub use request::{Ask, Finished, Request, Resident};
pub use sessions::{AnswerTime, ClosedSessions, OpenSessions, session_of};
pub use sketch::Sketch;
pub use summary::{Latency, Setup, Summary};
pub use synthetic::Synthetic;
pub use tally::{Limits, Tally};
pub use thinning::Thinning;
pub use usage::Usage;
pub use wakes::Wakes;
pub use warp::Warp;
pub use watch::{Phase, Spot, Step, Turn, Unanswered, Unwatched, Watch, Window};
pub use world::{
    Answer, Duty, Failures, Handover, Outage, Pairing, PairingProblem, PoolRow, PoolSpec,
    RegionSpec, Row, Scale, ServiceRow, ServiceSpec, SiteSpec, TransferRow, Transfers, World,
    WorldProblem, WorldSpec,
};
