//! The whole of it.

use jiff::civil::Date;
use wattmill_units::IdVec;

use crate::{
    Contract, Curtailment, Deal, Economics, Event, Hardware, Payment, Phase, Service, Site, Target,
    Training, Uncertainty, Weather,
};

/// A programme of AI data centres between two dates.
#[derive(Clone, Debug)]
pub struct Factory {
    /// What people call it.
    pub name: String,
    /// First day of the plan.
    pub start: Date,
    /// Last day of the plan, inclusive; never before `start`.
    pub end: Date,
    /// Seed of everything random.
    pub seed: u64,
    /// Whose weather it has.
    pub weather: Weather,
    /// Where power arrives.
    pub sites: IdVec<Site>,
    /// Every kind of machine that a phase installs.
    pub hardware: IdVec<Hardware>,
    /// What is built, in the order of the file.
    pub phases: IdVec<Phase>,
    /// What is served. Earlier services are served first.
    pub services: IdVec<Service>,
    /// What is trained. Earlier runs are placed first, all after serving.
    pub trainings: IdVec<Training>,
    /// When sites are asked to draw less from the grid.
    pub curtailments: Vec<Curtailment>,
    /// What is paid for what.
    pub contracts: Vec<Contract>,
    /// What is paid, lent and owed over time.
    pub deals: IdVec<Deal>,
    /// What may happen that contracts hang on.
    pub events: Vec<Event>,
    /// What is paid on a day, in the order of the file.
    pub payments: Vec<Payment>,
    /// Costs that no catalogue row states.
    pub economics: Economics,
    /// What is to be reached by when; samples say how likely that is.
    pub targets: Vec<Target>,
    /// What of all this is not known exactly; the fields hold its median.
    pub uncertainty: Uncertainty,
}

impl Factory {
    /// The first day on which an event has `party` default, if one does.
    pub fn default_of(&self, party: &str) -> Option<Date> {
        let of = |event: &&Event| event.defaults.as_deref() == Some(party);
        self.events.iter().filter(of).filter_map(|event| event.on).min()
    }

    /// Whether every sample of it would be the plan: nothing is a distribution, and all have one weather.
    pub fn is_certain(&self) -> bool {
        self.uncertainty.is_empty() && self.weather == Weather::Same
    }
}
