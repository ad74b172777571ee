//! The programme over years: what stands when, who gets it each hour, what it yields and costs.
//!
//! Walks every hour as a fluid and never simulates a request itself: what a machine does for a
//! service it asks [`wattmill_sim::probe`], once per kind of machine and service ([`offers`]).
//! [`zoom`] hands a window of the same factory to the engine, request by request.

mod assets;
mod build;
mod calendar;
mod cash;
mod conventions;
mod engine;
mod figures;
mod fluid;
mod groups;
mod ledger;
mod machine;
mod receipts;
mod result;
mod risk;
mod run;
mod serving;
mod stretch;
mod supply;
mod training;
mod waterfall;
mod zoom;

pub use calendar::QuarterLabel;
pub use cash::{Cash, CashQuarter};
pub use conventions::{Convention, Holding, Published, holding};
pub use engine::{Engine, usual_specs};
pub use figures::{Figure, FigureName, FigureUnit, figure_day, figures, sample};
pub use ledger::Balance;
pub use result::{
    Binds, Day, PhaseMonth, PhaseOutcome, Plan, Quarter, Receipt, ServiceQuarter, SiteQuarter,
    Sums, TrainingOutcome, WaitsFor,
};
pub use risk::{Bar, Chance, Risk, Sample, Spread, Tornado};
pub use run::run;
pub use serving::{Offer, Outcome, ServingPoint, choose, offers};
pub use waterfall::{Split, Stage};
pub use zoom::{Flow, Pool, Window, Zoom, ZoomError, zoom};
