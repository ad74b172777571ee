//! The programme over years: what stands when, who gets it each hour, what it yields and costs.
//!
//! Walks every hour as a fluid and never simulates a request itself: what a machine does for a
//! service it asks [`wattmill_sim::probe`], once per kind of machine and service ([`offers`]).
//! [`zoom`] hands a window of the same factory to the engine, request by request.

mod almanac;
mod answer;
mod assets;
mod bank;
mod battery;
mod bound;
mod build;
mod calendar;
mod cash;
mod chain;
mod comparison;
mod conventions;
mod counting;
mod deals;
mod engine;
mod figures;
mod flows;
mod fluid;
mod groups;
mod holding;
mod ledger;
mod machine;
mod microgrid;
mod nearness;
mod plant;
mod probed;
mod property;
mod published;
mod receipts;
mod regions;
mod relief;
mod result;
mod revenue;
mod risk;
mod run;
mod serving;
mod settlement;
mod statement;
mod stretch;
mod supply;
mod sweep;
mod targets;
mod tariff;
mod training;
mod warnings;
mod waterfall;
mod weather;
mod work;
mod zoom;

pub use almanac::Almanac;
pub use bound::{Bound, BoundError, SiteBound, SiteHours, bound};
pub use calendar::QuarterLabel;
pub use cash::{Cash, CashQuarter};
pub use chain::{Link, chain};
pub use comparison::{Comparison, Contrast, ContrastSample, Contrasts, Gap, Step};
pub use conventions::Convention;
pub use counting::{Claim, Counted, Counting, Levels, Provisioned};
pub use engine::{Engine, usual_specs};
pub use figures::{Figure, FigureName, FigureUnit, figure_day, figures, reckon, sample};
pub use flows::{EnergyFlows, HourMix};
pub use holding::{Beside, Holding, holding};
pub use ledger::Balance;
pub use probed::{Probed, offers};
pub use published::Published;
pub use regions::RegionQuarter;
pub use result::{
    Binds, CapitalPart, Day, PhaseMonth, PhaseOutcome, Plan, Quarter, Receipt, ServiceQuarter,
    SiteQuarter, Sums, TrainingOutcome, WaitsFor,
};
pub use risk::{Bar, Chance, Risk, Sample, Spread, Tornado};
pub use run::run;
pub use serving::{Offer, Outcome, ServingPoint, choose};
pub use statement::{Circle, DealOutcome, DefaultOutcome, Party, Statement, Stress};
pub use sweep::{Swept, swept};
pub use targets::{TargetDay, targets};
pub use waterfall::{Split, Stage};
pub use zoom::{Flow, Pool, Window, Zoom, ZoomError, zoom};
