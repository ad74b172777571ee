//! The validated description of a factory: sites, phases, services, training runs and contracts,
//! as plain structs.
//!
//! Never parses text: `wattmill-config` makes these from a file and proves what the field docs
//! promise. Names were resolved on the way, so nothing here can dangle.

mod cause;
mod clients;
mod curtailment;
mod deal;
mod energy;
mod engine;
mod factory;
mod money;
mod profile;
mod sessions;
mod site;
mod speculation;
mod traffic;
mod uncertain;
mod work;

pub use cause::{Cause, Causes, Unmatched, mixed};
pub use clients::{Client, ClientLengths, ClientWindow, Clients, GapShape, LengthPdf};
pub use curtailment::{Answer, Curtailment};
pub use deal::{Covers, Deal, DealKind, Event, US};
pub use energy::{
    Battery, Clock, Cooling, Export, Hourly, Outlay, Period, Solar, SolarWeather, SummerTime,
    Temperature, Weather, Wind, WindWeather,
};
pub use engine::{EngineChoice, EngineSpec, Flavour, Layout, PowerCap};
pub use factory::Factory;
pub use money::{Contract, Economics, PartLives, PartShares, Payment};
pub use profile::{Burst, Piece, Profile};
pub use sessions::{Pause, Sessions, SystemPrompts};
pub use site::{Chain, Grid, Hardware, Onsite, Phase, PowerBasis, Pue, Site};
pub use speculation::{Draft, Speculation};
pub use traffic::{Arrivals, LengthTable, Lengths, Region, Traffic};
pub use uncertain::{Contradiction, Correlation, Uncertain, Uncertainty, Written};
pub use work::{Goal, Service, Slo, Subscription, Target, Training};
