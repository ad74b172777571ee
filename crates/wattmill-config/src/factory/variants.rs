//! One factory file read again and again, each time with other numbers for its distributions.

use std::collections::BTreeMap;

use toml::de::DeTable;
use wattmill_catalog::Catalog;
use wattmill_factory::{Factory, Lengths, Uncertainty, Weather};

use super::context::{Context, Drawn, Hours};
use super::files::{Files, NO_FILES};
use super::row::Row;
use super::{keys, read};

/// A sound factory file, opened once.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_config::{Variants, builtin_factory};
/// let text = builtin_factory("hundred-megawatt").expect("it is built in");
/// let variants = Variants::open(text, Catalog::builtin()).expect("it is sound");
/// let (drawn, sample) = variants.sample(1, 0);
/// assert_eq!(drawn, variants.uncertainty().draw(1, 0));
/// assert_eq!(sample.expect("it is sound whatever is drawn").name, "A hundred megawatts");
/// ```
#[derive(Debug)]
pub struct Variants<'t> {
    table: DeTable<'t>,
    catalog: &'t Catalog,
    /// Where each distribution starts in the text.
    starts: Vec<usize>,
    /// Lengths of the users that are written there.
    lengths: BTreeMap<usize, Lengths>,
    /// Files of hours that are named there.
    hours: BTreeMap<usize, Hours>,
    uncertainty: Uncertainty,
}

impl<'t> Variants<'t> {
    /// Opens a file; `None` unless it is sound, which [`parse_factory`](crate::parse_factory) says
    /// more about.
    pub fn open(text: &'t str, catalog: &'t Catalog) -> Option<Self> {
        Self::open_with(text, catalog, &NO_FILES)
    }

    /// The same with the files that it names.
    pub fn open_with(text: &'t str, catalog: &'t Catalog, files: &Files) -> Option<Self> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let table = document.into_inner();
        let mut cx = Context::with(catalog, files);
        let row = Row::file(&mut cx, &keys::FILE, &table);
        let factory = read(&mut cx, &row).filter(|_| errors.is_empty() && !cx.failed())?;
        let starts = cx.uncertain.iter().map(|(at, _)| *at).collect();
        let (lengths, hours) = (std::mem::take(&mut cx.lengths), std::mem::take(&mut cx.hours));
        Some(Self { table, catalog, starts, lengths, hours, uncertainty: factory.uncertainty })
    }

    /// What may be drawn.
    pub const fn uncertainty(&self) -> &Uncertainty {
        &self.uncertainty
    }

    /// What the `index`-th sample draws with `seed`, and the factory with that: with weather of its own
    /// if the file says that it varies.
    pub fn sample(&self, seed: u64, index: u64) -> (Vec<f64>, Option<Factory>) {
        let drawn = self.uncertainty.draw(seed, index);
        let factory = self.factory_in(&drawn, Weather::Sample { seed, index });
        (drawn, factory)
    }

    /// The factory with `values` for its distributions, in their order and in base units, and the plan's
    /// weather.
    ///
    /// Checks of one table against another are for what people write: a draw may well bring power
    /// after the first rack. `None` if a table alone makes no sense with these numbers.
    pub fn factory(&self, values: &[f64]) -> Option<Factory> {
        self.factory_in(values, Weather::Varies)
    }

    fn factory_in(&self, values: &[f64], weather: Weather) -> Option<Factory> {
        let numbers: BTreeMap<usize, f64> =
            self.starts.iter().copied().zip(values.iter().copied()).collect();
        let drawn =
            Drawn { numbers: &numbers, lengths: &self.lengths, hours: &self.hours, weather };
        let mut cx = Context::sample(self.catalog, drawn);
        let row = Row::file(&mut cx, &keys::FILE, &self.table);
        read(&mut cx, &row)
    }
}
