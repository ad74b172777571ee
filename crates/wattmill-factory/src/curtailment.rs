//! What the grid asks for in hours of need, and what may answer.

use jiff::civil::DateTime;
use wattmill_units::{Id, Seconds};

use crate::Site;

/// Hours in which a site is asked to draw less from the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Curtailment {
    /// Which site.
    pub site: Id<Site>,
    /// First hour, UTC.
    pub at: DateTime,
    /// For how long; every hour it touches counts.
    pub length: Seconds,
    /// Share of what the site would draw from the grid that it is not to draw, more than 0 and at
    /// most 1.
    pub cut: f64,
    /// What answers, first to last. What is not in it is not asked.
    pub answers: Vec<Answer>,
}

/// Something that lowers what a site draws from the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Services that may wait are throttled.
    Batch,
    /// Training is paused.
    Training,
    /// Requests go to machines of other sites that have nothing to do.
    Shift,
    /// The battery gives what it has, its reserve included.
    Battery,
    /// Generators on the site run more.
    Generation,
    /// Requests of any service are turned away.
    Shed,
}

impl Answer {
    /// Every one, in the usual order: what costs least first.
    pub const ALL: [Self; 6] =
        [Self::Batch, Self::Training, Self::Shift, Self::Battery, Self::Generation, Self::Shed];

    /// As files and tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Training => "training",
            Self::Shift => "shift",
            Self::Battery => "battery",
            Self::Generation => "generation",
            Self::Shed => "shed",
        }
    }

    /// The one of that name.
    ///
    /// ```
    /// use wattmill_factory::Answer;
    /// assert!(Answer::ALL.iter().all(|answer| Answer::named(answer.name()) == Some(*answer)));
    /// assert_eq!(Answer::named("hope"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.name() == name)
    }
}
