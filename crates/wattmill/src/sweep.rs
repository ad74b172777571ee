//! One factory at many values of what is varied in it.

use std::sync::{Mutex, PoisonError};

use wattmill_catalog::{Catalog, Kind};
use wattmill_config::{Chosen, Files, Severity, Varied, with_values};
use wattmill_plan::{Almanac, Figure, FigureName, Probed, reckon};
use wattmill_units::{AnswerHash, draw};

use crate::check::check_with;

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Every combination of so many evenly spaced values of each range and all values of each list.
    Grid,
    /// So many, each value drawn on its own. More points begin with the same ones.
    Random,
    /// So many, and every value in each equal part of its range once (McKay, Beckman and Conover
    /// 1979).
    Lhs,
}

/// A factory file and what is varied in it.
///
/// ```
/// use wattmill::{Design, Sweep, catalog::Catalog, config};
/// let text = config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let spans = config::parse_factory(text, Catalog::builtin()).spans;
/// let asked = "site.hall.grid.price=20..90 USD/MWh";
/// let varied = config::Varied::read(asked, text, &spans).expect("it is written there");
/// let sweep = Sweep::new(text, config::Files::default(), Catalog::builtin(), vec![varied], 1);
/// let points = sweep.points(Design::Grid, 3);
/// let costs: Vec<f64> = points
///     .iter()
///     .map(|point| {
///         let figures = sweep.figures(point).expect("it is sound");
///         figures.iter().find(|(f, _)| f.name.to_string() == "energy cost").expect("there").1
///     })
///     .collect();
/// assert!((costs[1] / costs[0] - 55.0 / 20.0).abs() < 1e-9);
/// ```
#[derive(Debug)]
pub struct Sweep<'a> {
    text: &'a str,
    files: Files,
    catalog: &'a Catalog,
    varied: Vec<Varied>,
    seed: u64,
    /// Hash of the catalogue's engine constants.
    constants: u64,
    /// Hash of the files, where there are any.
    named: Option<u64>,
    probed: Mutex<Probed>,
}

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// A value for everything that is varied.
    pub chosen: Vec<Chosen>,
    /// Hash of the factory file with these values, of the files that it names, of the catalogue's engine
    /// constants and of this version: equal ones have equal answers.
    pub hash: u64,
}

impl<'a> Sweep<'a> {
    /// Of the file whose values are `varied`, with every file that it names at any of them.
    pub fn new(
        text: &'a str,
        files: Files,
        catalog: &'a Catalog,
        varied: Vec<Varied>,
        seed: u64,
    ) -> Self {
        let mut constants = AnswerHash::new();
        for family in catalog.ids(Kind::Efficiency) {
            constants.add_text(&format!("{:?}", catalog.efficiency(family)));
        }
        let constants = constants.finish();
        let named = (files.iter().next().is_some()).then(|| {
            let mut named = AnswerHash::new();
            for (path, text) in files.iter() {
                named.add_text(path);
                named.add_text(text.unwrap_or_default());
            }
            named.finish()
        });
        Self { text, files, catalog, varied, seed, constants, named, probed: Mutex::default() }
    }

    /// What is varied.
    pub fn varied(&self) -> &[Varied] {
        &self.varied
    }

    /// Hash of what all points have in common.
    pub fn base_hash(&self) -> u64 {
        let blank = |_: &Varied| Chosen { toml: String::new(), words: String::new(), number: 0.0 };
        let blanks: Vec<Chosen> = self.varied.iter().map(blank).collect();
        let mut hash = self.hash(&blanks);
        self.varied.iter().for_each(|varied| hash.add_text(&varied.path));
        hash.finish()
    }

    fn hash(&self, chosen: &[Chosen]) -> AnswerHash {
        let mut hash = AnswerHash::new();
        hash.add_text(env!("CARGO_PKG_VERSION"));
        hash.add(self.constants);
        hash.add_text(&with_values(self.text, &self.varied, chosen));
        self.named.iter().for_each(|named| hash.add(*named));
        hash
    }

    /// The points of a design, `many` of them or of the values of each range.
    pub fn points(&self, design: Design, many: u64) -> Vec<SweepPoint> {
        let shares = match design {
            Design::Grid => self.grid(many),
            Design::Random => (0..many).map(|point| self.drawn(point)).collect(),
            Design::Lhs => self.latin(many),
        };
        let point = |shares: Vec<f64>| {
            let chosen: Vec<Chosen> =
                self.varied.iter().zip(shares).map(|(varied, share)| varied.at(share)).collect();
            SweepPoint { hash: self.hash(&chosen).finish(), chosen }
        };
        shares.into_iter().map(point).collect()
    }

    fn grid(&self, many: u64) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = vec![Vec::new()];
        for varied in &self.varied {
            let axis: Vec<f64> = match (varied.listed(), many) {
                (None, 1) => vec![0.5],
                (None, many) => (0..many).map(|i| i as f64 / (many - 1) as f64).collect(),
                (Some(len), _) => (0..len).map(|i| (i as f64 + 0.5) / len as f64).collect(),
            };
            let longer = |point: &Vec<f64>| {
                let with = |share: &f64| point.iter().copied().chain([*share]).collect();
                axis.iter().map(with).collect::<Vec<Vec<f64>>>()
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }

    /// Seed of the draws.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Points of a grid with so many values of each range.
    pub fn grid_size(&self, many: u64) -> f64 {
        let axis = |varied: &Varied| varied.listed().map_or(many as f64, |len| len as f64);
        self.varied.iter().map(axis).product()
    }

    fn drawn(&self, point: u64) -> Vec<f64> {
        self.varied.iter().map(|varied| draw(self.seed, &varied.path, point)).collect()
    }

    fn latin(&self, many: u64) -> Vec<Vec<f64>> {
        let mut points: Vec<Vec<f64>> = (0..many).map(|_| Vec::new()).collect();
        for varied in &self.varied {
            let order = format!("{} order", varied.path);
            let mut places: Vec<(f64, u64)> =
                (0..many).map(|point| (draw(self.seed, &order, point), point)).collect();
            places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (part, (_, point)) in places.into_iter().enumerate() {
                let within = draw(self.seed, &varied.path, point);
                points[point as usize].push((part as f64 + within) / many as f64);
            }
        }
        points
    }

    /// Every figure of the plan at a point but those of single quarters.
    ///
    /// # Errors
    /// What is wrong with the factory there, or with the books of its plan.
    pub fn figures(&self, point: &SweepPoint) -> Result<Vec<(Figure, f64)>, String> {
        let text = with_values(self.text, &self.varied, &point.chosen);
        let checked = check_with(&text, self.catalog, &self.files);
        let Some(factory) = checked.factory else {
            let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            let said: Vec<String> = errors.map(|d| format!("{}: {}", d.message, d.label)).collect();
            return Err(said.join("; "));
        };
        let offers = {
            // What a thread that panicked had measured is as good as before.
            let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
            probed.offers(&factory, self.catalog, |_, _| {})
        };
        let (mut all, worst) = reckon(&factory, self.catalog, &offers, &Almanac::default());
        if !worst.closes() {
            return Err(format!("the books do not close: {worst}"));
        }
        all.retain(|(figure, _)| !matches!(figure.name, FigureName::In(..)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_config::{builtin_factory, parse_factory};

    #[test]
    fn a_latin_square_has_every_part_of_every_range_once_and_random_points_can_be_continued() {
        let text = builtin_factory("nvl72-rack").expect("built in");
        let spans = parse_factory(text, Catalog::builtin()).spans;
        let asked = ["site.hall.grid.price=0..100 USD/MWh", "site.hall.grid.carbon=0..1000 g/kWh"];
        let varied = asked.map(|asked| Varied::read(asked, text, &spans).expect("written"));
        let sweep = Sweep::new(text, Files::default(), Catalog::builtin(), varied.to_vec(), 7);
        let points = sweep.points(Design::Lhs, 50);
        for (axis, scale) in [(0, 2.0), (1, 20.0)] {
            let mut parts: Vec<i64> =
                points.iter().map(|p| (p.chosen[axis].number / scale).floor() as i64).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..50).collect::<Vec<i64>>());
        }
        let (few, more) = (sweep.points(Design::Random, 10), sweep.points(Design::Random, 20));
        assert_eq!(few, more[..10]);
        assert_eq!(sweep.points(Design::Grid, 4).len(), 16);
        let mut hashes: Vec<u64> = more.iter().map(|point| point.hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 20);
    }
}
