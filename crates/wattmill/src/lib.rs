//! Wattmill: *watts in, tokens out.*
//!
//! One model of an AI factory, from the grid connection down to a single request. This crate is the
//! one public Rust API; the crates behind it are its modules. It opens no file: text comes in,
//! plain data goes out.
//!
//! ```
//! use wattmill::{catalog::Catalog, config, plan};
//! let text = config::builtin_factory("nvl72-rack").expect("a built-in factory");
//! let parsed = config::parse_factory(text, Catalog::builtin());
//! let factory = parsed.factory.expect("built-in factories are valid");
//! let offers = plan::offers(&factory, Catalog::builtin(), |_, _| {});
//! let plan = plan::run(&factory, Catalog::builtin(), offers);
//! assert!(plan.ledger.iter().all(|balance| balance.closes()));
//! ```

mod bars;
mod check;
mod comparing;
mod day;
mod explain;
mod replay;
mod rows;
mod sampling;
mod saturation;
mod serve;
mod sweep;
mod train;

pub use bars::{Load, plan_bars, serving_bars, zoom_bars};
pub use check::{Checked, check, check_with};
pub use comparing::{Compared, Comparing};
pub use day::{Day, DayShard, DayTotal};
pub use explain::explain;
pub use replay::{Pricing, Replayed, Serving, replay, replay_watched};
pub use sampling::Sampling;
pub use saturation::{Promise, Saturation, saturate};
pub use serve::{CheckedFleet, check_fleet, serve, serve_watched};
pub use sweep::{Design, Sweep, SweepPoint};
pub use train::{TrainRequest, train};
/// Published facts: accelerators, systems, models, efficiencies, traffic.
pub use wattmill_catalog as catalog;
/// Text into factories and traces, with diagnostics.
pub use wattmill_config as config;
/// The validated description of a factory.
pub use wattmill_factory as factory;
/// The performance model: one step of one engine.
pub use wattmill_perf as perf;
/// The programme over years, and the zoom into a window of it.
pub use wattmill_plan as plan;
/// Pure decisions: batching, routing, dispatch.
pub use wattmill_policy as policy;
/// Tables, pictures and documents from results.
pub use wattmill_report as report;
/// The request-level simulator.
pub use wattmill_sim as sim;
/// Quantities, time, ids, random streams.
pub use wattmill_units as units;
/// Measurements against the model: errors, intervals, fits.
pub use wattmill_validate as validate;
