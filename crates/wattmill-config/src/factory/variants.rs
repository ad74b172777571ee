//! One factory file read again and again, each time with other numbers for its distributions.

use std::collections::BTreeMap;

use toml::de::DeTable;
use wattmill_catalog::Catalog;
use wattmill_factory::{Factory, Lengths, Uncertainty};

use super::context::{Context, Drawn};
use super::row::Row;
use super::{keys, read};

/// A sound factory file, opened once.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_config::{Variants, builtin_factory};
/// let text = builtin_factory("hundred-megawatt").expect("it is built in");
/// let variants = Variants::open(text, Catalog::builtin()).expect("it is sound");
/// let drawn = variants.uncertainty().draw(1, 0);
/// let sample = variants.factory(&drawn).expect("it is sound whatever is drawn");
/// assert_eq!(sample.name, "A hundred megawatts");
/// ```
#[derive(Debug)]
pub struct Variants<'t> {
    table: DeTable<'t>,
    catalog: &'t Catalog,
    /// Where each distribution starts in the text.
    starts: Vec<usize>,
    /// Lengths of the users that are written there.
    lengths: BTreeMap<usize, Lengths>,
    uncertainty: Uncertainty,
}

impl<'t> Variants<'t> {
    /// Opens a file; `None` unless it is sound, which [`parse_factory`](crate::parse_factory) says
    /// more about.
    pub fn open(text: &'t str, catalog: &'t Catalog) -> Option<Self> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let table = document.into_inner();
        let mut cx = Context::new(catalog);
        let row = Row::file(&mut cx, &keys::FILE, &table);
        let factory = read(&mut cx, &row).filter(|_| errors.is_empty() && !cx.failed())?;
        let starts = cx.uncertain.iter().map(|(at, _)| *at).collect();
        let lengths = std::mem::take(&mut cx.lengths);
        Some(Self { table, catalog, starts, lengths, uncertainty: factory.uncertainty })
    }

    /// What may be drawn.
    pub const fn uncertainty(&self) -> &Uncertainty {
        &self.uncertainty
    }

    /// The factory with `values` for its distributions, in their order and in base units.
    ///
    /// Checks of one table against another are for what people write: a draw may well bring power
    /// after the first rack. `None` if a table alone makes no sense with these numbers.
    pub fn factory(&self, values: &[f64]) -> Option<Factory> {
        let numbers: BTreeMap<usize, f64> =
            self.starts.iter().copied().zip(values.iter().copied()).collect();
        let mut cx =
            Context::sample(self.catalog, Drawn { numbers: &numbers, lengths: &self.lengths });
        let row = Row::file(&mut cx, &keys::FILE, &self.table);
        read(&mut cx, &row)
    }
}
