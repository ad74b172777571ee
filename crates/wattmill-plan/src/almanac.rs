//! What the years bring whatever a sample draws: the sun's path, the hours of tariffs, one year's wind.

use std::sync::Arc;

use wattmill_factory::{Factory, Hourly};

use crate::calendar::Calendar;
use crate::tariff::Schedule;
use crate::weather::{Gales, Sight};

/// Tables that take long to make and that samples of a factory have in common.
///
/// What is not in it is made anew, so that it changes how long an answer takes and never the answer.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_plan::{Almanac, offers, sample};
/// let text = wattmill_config::builtin_factory("sun-and-storage").expect("a built-in factory");
/// let factory = wattmill_config::parse_factory(text, Catalog::builtin()).factory.expect("sound");
/// let offers = offers(&factory, Catalog::builtin(), |_, _| {});
/// let with = |almanac: &Almanac| sample(&factory, Catalog::builtin(), &offers, almanac);
/// assert_eq!(with(&Almanac::of([&factory])), with(&Almanac::default()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Almanac {
    light: Vec<(Sight, Hourly)>,
    periods: Vec<(Schedule, Arc<[u16]>)>,
    wind: Vec<(Gales, Vec<Hourly>)>,
}

impl Almanac {
    /// Of factories whose samples will be walked.
    pub fn of<'f>(factories: impl IntoIterator<Item = &'f Factory>) -> Self {
        let mut almanac = Self::default();
        for factory in factories {
            let calendar = Calendar::new(factory.start, factory.end);
            for site in &factory.sites {
                let panels = site.solar.as_ref();
                if let Some(sight) = panels.and_then(|of| Sight::of(&of.weather, calendar)) {
                    know(&mut almanac.light, sight, Sight::light);
                }
                if let Some(schedule) = Schedule::of(site, calendar) {
                    know(&mut almanac.periods, schedule, Schedule::periods);
                }
            }
            if let Some(gales) = Gales::of(factory, calendar) {
                know(&mut almanac.wind, gales, Gales::hours);
            }
        }
        almanac
    }

    /// Light of a clear sky, W/m².
    pub(crate) fn light(&self, sight: &Sight) -> Hourly {
        found(&self.light, sight).unwrap_or_else(|| sight.light())
    }

    /// Which period holds in which hour.
    pub(crate) fn periods(&self, schedule: &Schedule) -> Arc<[u16]> {
        found(&self.periods, schedule).unwrap_or_else(|| schedule.periods())
    }

    /// What modelled winds bring.
    pub(crate) fn wind(&self, gales: &Gales) -> Vec<Hourly> {
        found(&self.wind, gales).unwrap_or_else(|| gales.hours())
    }
}

fn know<K: PartialEq, T>(tables: &mut Vec<(K, T)>, key: K, make: impl Fn(&K) -> T) {
    if tables.iter().all(|(known, _)| *known != key) {
        let table = make(&key);
        tables.push((key, table));
    }
}

fn found<K: PartialEq, T: Clone>(tables: &[(K, T)], key: &K) -> Option<T> {
    tables.iter().find(|(known, _)| known == key).map(|(_, table)| table.clone())
}
