//! What binds the programme to others over the years: loans, leases, capacity, shares of revenue.

use jiff::civil::Date;
use wattmill_units::{Id, Money, Seconds};

use crate::{Service, Site};

/// How the programme itself is called in contracts.
pub const US: &str = "us";

/// Something that may happen and that contracts hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique name.
    pub name: String,
    /// The day, if it happens.
    pub on: Option<Date>,
    /// Who defaults on it: pays, lends and hands over nothing any more.
    pub defaults: Option<String>,
}

/// A contract that pays over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Deal {
    /// Unique among contracts.
    pub name: String,
    /// What for.
    pub kind: DealKind,
    /// Who pays; of a loan, who lends.
    pub from: String,
    /// Who is paid; of a loan, who borrows.
    pub to: String,
    /// First day; `None` if the event that begins it does not happen.
    pub begins: Option<Date>,
    /// Day from which it has no effect any more, an event's or a term's.
    pub ends: Option<Date>,
    /// The contract after whose end it begins.
    pub after: Option<Id<Deal>>,
    /// How long it lasts from its begin; of a loan, how long a draw is repaid over.
    pub term: Option<Seconds>,
    /// From nothing to all of it, linear.
    pub ramp: Seconds,
    /// Most that is ever paid, or lent.
    pub up_to: Option<Money>,
}

/// What a contract pays for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DealKind {
    /// Lends a share of what is spent, repaid evenly over its term, at a rate a year.
    Loan {
        /// Of what it covers.
        share: f64,
        /// What it is lent for.
        covers: Covers,
        /// Interest a year.
        rate: f64,
    },
    /// So much a year for land, building and plant.
    Lease {
        /// A year.
        yearly: Money,
        /// The site it is of, whose infrastructure is not bought then.
        site: Option<Id<Site>>,
    },
    /// So much a year for machines, used or not.
    Capacity {
        /// A year.
        yearly: Money,
        /// Share that is paid whatever is used of ours; 1 for what others have.
        minimum: f64,
    },
    /// A share of revenue.
    RevenueShare {
        /// Of it.
        share: f64,
        /// Of this service; `None` for all.
        service: Option<Id<Service>>,
    },
}

impl DealKind {
    /// As the file calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loan { .. } => "loan",
            Self::Lease { .. } => "lease",
            Self::Capacity { .. } => "capacity",
            Self::RevenueShare { .. } => "revenue share",
        }
    }
}

/// What a loan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// Machines and infrastructure.
    All,
    /// Machines alone.
    Machines,
    /// Land, building and plant alone.
    Infrastructure,
}
