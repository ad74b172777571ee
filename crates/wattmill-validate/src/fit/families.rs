//! Surfaces of every family from kernel tables.

use std::collections::BTreeMap;

use wattmill_catalog::{Catalog, Surfaces};

use super::surface::{Timed, fit_surface};
use crate::kernels::{KernelProblem, KernelRow, kernel_rows};

/// Streaming multiprocessors of the largest part of a family.
const UNITS: [(&str, f64); 4] =
    [("ampere", 108.0), ("hopper", 132.0), ("blackwell", 148.0), ("blackwell-workstation", 188.0)];

/// Timed kernels by family, operator and format.
#[derive(Clone, Debug, Default)]
pub struct KernelTables {
    groups: BTreeMap<(String, String, String), Vec<Timed>>,
}

impl KernelTables {
    /// Adds the rows of one table.
    ///
    /// # Errors
    /// The first row that says nothing, with its line.
    pub fn add(&mut self, csv: &str, catalog: &Catalog) -> Result<usize, (u64, KernelProblem)> {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().map_err(|_| (1, KernelProblem::Columns))?.clone();
        let places: BTreeMap<&str, usize> =
            header.iter().enumerate().map(|(i, name)| (name, i)).collect();
        let mut added = 0;
        for record in reader.records() {
            let record = record.map_err(|_| (0, KernelProblem::Columns))?;
            let line = record.position().map_or(0, csv::Position::line);
            let get = |name: &str| {
                let text = record.get(*places.get(name)?)?;
                (!text.is_empty()).then_some(text)
            };
            for row in kernel_rows(&get, catalog).map_err(|problem| (line, problem))? {
                self.push(row);
                added += 1;
            }
        }
        Ok(added)
    }

    fn push(&mut self, row: KernelRow) {
        let key = (row.family, row.kernel.operator().to_owned(), row.format);
        let timed = Timed { kernel: row.kernel, rates: row.rates, seconds: row.seconds };
        self.groups.entry(key).or_default().push(timed);
    }

    /// Families that have rows.
    pub fn families(&self) -> Vec<String> {
        let mut families: Vec<String> = self.groups.keys().map(|(f, ..)| f.clone()).collect();
        families.dedup();
        families
    }

    /// Fits everything of one family; `done` hears of each surface.
    pub fn fit(&self, family: &str, source: &str, mut done: impl FnMut(&str)) -> Surfaces {
        let units = UNITS.iter().find(|(name, _)| *name == family);
        let fixed: BTreeMap<&str, f64> = units.map(|(_, n)| ("units", *n)).into_iter().collect();
        let mut surfaces = Surfaces::default();
        for ((of, operator, format), rows) in &self.groups {
            if of != family {
                continue;
            }
            if let Some(surface) = fit_surface(rows, &fixed, source) {
                let e = surface.error;
                done(&format!(
                    "{family} {operator} {format}: {} rows, median {:.1} %, p90 {:.1} %; unseen {:.1} %, {:.1} %; {:?}",
                    surface.rows,
                    e.median * 100.0,
                    e.p90 * 100.0,
                    e.unseen_median * 100.0,
                    e.unseen_p90 * 100.0,
                    surface.constants,
                ));
                surfaces.insert(operator, format, surface);
            }
        }
        surfaces
    }
}
