//! What a facility takes besides IT, by load and weather.
//!
//! As plant is usually modelled, a part of its loss is there without load, the rest goes with it (N.
//! Rasmussen: Electrical Efficiency Modeling for Data Centers, APC White Paper 113); compressors are
//! added in proportion to how much warmer it is outside than free cooling manages.

use wattmill_factory::{Factory, Site};
use wattmill_units::Power;

use crate::calendar::Calendar;
use crate::weather::Air;

/// What a facility takes besides IT.
#[derive(Clone, Debug)]
pub(crate) enum Overhead {
    /// In every hour the same share of IT power: facility power over it.
    Constant(f64),
    /// What a plant takes, of the whole site.
    Plant(Plant),
}

impl Overhead {
    /// Of every site.
    pub(crate) fn of_all(factory: &Factory, calendar: Calendar) -> Vec<Self> {
        let of = |site: &Site| match Plant::of(site, calendar) {
            Some(plant) => Self::Plant(plant),
            None => Self::Constant(site.pue.annual),
        };
        factory.sites.iter().map(of).collect()
    }

    /// Facility power over IT power of a group of machines; 1 where a plant is counted for all of them.
    pub(crate) const fn pue(&self) -> f64 {
        match self {
            Self::Constant(pue) => *pue,
            Self::Plant(_) => 1.0,
        }
    }

    /// The plant that is counted for the whole site.
    pub(crate) const fn plant(&self) -> Option<&Plant> {
        match self {
            Self::Constant(_) => None,
            Self::Plant(plant) => Some(plant),
        }
    }

    /// Facility power of a site whose machines draw `it` in an hour of the plan in which machines of
    /// `standing` watts stand.
    pub(crate) fn facility(&self, it: Power, standing: f64, hour: usize) -> Power {
        match self {
            Self::Constant(pue) => it * *pue,
            Self::Plant(plant) => {
                it + Power::from_watts(plant.overhead(it.as_watts(), standing, hour))
            }
        }
    }
}

/// Power and cooling plant of a site.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    /// Overhead at full load over IT power, warm weather left out.
    overhead: f64,
    /// Largest overhead over the IT power of what stands: what the plant is sized for.
    most: f64,
    fixed: f64,
    per_degree: f64,
    free_below_c: f64,
    temperature: Option<Air>,
}

impl Plant {
    /// `None` for a site whose overhead is the same share of IT power in every hour.
    fn of(site: &Site, calendar: Calendar) -> Option<Self> {
        if site.cooling.is_constant() {
            return None;
        }
        let longitude = site.location.map_or(0.0, |(_, east)| east);
        let temperature = site.cooling.temperature.as_ref();
        Some(Self {
            overhead: site.pue.annual - 1.0,
            most: site.pue.design - 1.0,
            fixed: site.cooling.fixed,
            per_degree: site.cooling.per_degree,
            free_below_c: site.cooling.free_below_c,
            temperature: temperature.map(|of| Air::of(of, calendar, longitude)),
        })
    }

    /// Watts besides `it` watts of IT in an hour of the plan in which machines of `standing` watts
    /// stand.
    pub(crate) fn overhead(&self, it: f64, standing: f64, hour: usize) -> f64 {
        let warm = match &self.temperature {
            Some(temperature) => (temperature.at(hour) - self.free_below_c).max(0.0),
            None => 0.0,
        };
        let losses = self.overhead * (self.fixed * standing + (1.0 - self.fixed) * it);
        (losses + self.per_degree * warm * it).min(self.most * standing.max(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_factory::Hourly;

    #[test]
    fn pue_rises_as_load_falls_and_as_it_gets_warm() {
        let plant = Plant {
            overhead: 0.1,
            most: 0.4,
            fixed: 0.5,
            per_degree: 0.01,
            free_below_c: 20.0,
            temperature: Some(Air::Hourly(Hourly(vec![10.0, 30.0, 60.0].into()))),
        };
        let pue = |it: f64, hour: usize| 1.0 + plant.overhead(it, 100.0, hour) / it;
        assert!((pue(100.0, 0) - 1.1).abs() < 1e-12, "full load, free cooling: as stated");
        assert!((pue(25.0, 0) - 1.25).abs() < 1e-12, "half of it is there without load");
        assert!((pue(100.0, 1) - 1.2).abs() < 1e-12, "ten degrees more");
        assert!((pue(100.0, 2) - 1.4).abs() < 1e-12, "no more than the plant is sized for");
        assert!((plant.overhead(0.0, 100.0, 1) - 5.0).abs() < 1e-12);
    }
}
