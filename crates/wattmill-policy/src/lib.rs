//! Pure decisions: `(view, event) → actions`. The same code decides in a simulated and in a live
//! fleet.
//!
//! Does no IO, reads no clock and draws no randomness of its own.

mod admission;
mod autoscaler;
mod batching;
mod content_map;
mod curtailment;
mod dispatch;
mod energy;
mod failover;
mod kv_index;
mod ledger;
mod power_cap;
mod prompt;
mod replica_life;
mod replica_set;
mod router;
mod routing;
mod score_tree;

pub use admission::{Admission, Caller, Pace, QueueLimits, Shed, ShedReason};
pub use autoscaler::{
    Autoscaler, PoolView, ScaleAction, ScaleError, ScaleReason, ScaleRules, drain_first,
};
pub use batching::{BatchLimits, Need, Preemption, PrefillOrder, Scheduling, emptiest};
pub use curtailment::answer_cut;
pub use dispatch::{Claim, serve_in_order};
pub use energy::{
    BatteryRules, BatteryUse, Buyer, EnergyActions, EnergyView, Seller, dispatch_energy,
};
pub use failover::{Preference, SiteChoice, SiteRules, SiteView, UnknownPreference};
pub use ledger::{Ledger, Ticket, Unbalanced};
pub use power_cap::{CapOrder, PowerClaim, cap_power};
pub use prompt::Segment;
pub use replica_life::{ReplicaEvent, ReplicaState, WrongTurn};
pub use router::{KvWeights, Load, Reservation, RouteAsk, Router, RouterKind, UnknownRouter};
pub use routing::RoundRobin;
