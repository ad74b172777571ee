//! Constants of every engine on every family, and what they are worth on rows they have not seen.

use std::collections::{BTreeMap, BTreeSet};

use wattmill_catalog::{Catalog, Overheads};

use super::folds::{FOLDS, folds};
use super::overheads::fit_engine;
use super::response::Response;
use crate::engine::Effort;
use crate::evaluate::{Case, constants_of, predict};
use crate::outcome::Outcome;

/// Rows without which a chip family has no constants of its own.
const FEWEST_ROWS: usize = 12;
/// How long a fit simulates each row.
pub const FIT_EFFORT: Effort = Effort { rounds: 5 };
/// How often a fit takes anew what is predicted with the constants it has come to.
const PASSES: usize = 3;

/// Chip family, and name of the constants: engine and campaign.
pub type EngineKey = (String, String);
/// Constants by chip family and engine; of an engine on any other family where there is none.
pub type EngineConstants = BTreeMap<EngineKey, Overheads>;
/// The family of constants that are for families without rows.
const ANY_FAMILY: &str = "";

/// Family and engine of a case.
pub fn engine_key(case: &Case<'_>) -> EngineKey {
    (case.family().to_owned(), constants_of(case))
}

/// A case that takes part in a fit.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// What was measured, on what.
    pub case: &'a Case<'a>,
    /// How its predictions answer to the constants.
    pub response: Response,
}

impl<'a> Lesson<'a> {
    /// `None` for a case that cannot be predicted, or that does not count.
    pub fn of(case: &'a Case<'a>, catalog: &Catalog) -> Option<Self> {
        let headline = case.measured().headline;
        let response = headline.then(|| Response::of(case, catalog, FIT_EFFORT)).flatten()?;
        Some(Self { case, response })
    }
}

/// Constants of the engine `name` on every chip family, from those of `lessons` that are of it.
pub fn fit_families(lessons: &[&Lesson<'_>], name: &str, catalog: &Catalog) -> EngineConstants {
    let mut own: Vec<Lesson<'_>> = lessons
        .iter()
        .filter(|lesson| lesson.response.key().1 == name)
        .map(|lesson| (*lesson).clone())
        .collect();
    let mut constants = EngineConstants::new();
    if own.is_empty() {
        return constants;
    }
    for pass in 0..PASSES {
        let responses: Vec<&Response> = own.iter().map(|lesson| &lesson.response).collect();
        let fit = fit_engine(&responses);
        if pass + 1 < PASSES {
            for Lesson { case, response } in &mut own {
                let constants = fit.families.get(&response.key().0).unwrap_or(&fit.anywhere);
                response.retake(case, constants, catalog, FIT_EFFORT);
            }
            continue;
        }
        constants.insert((ANY_FAMILY.to_owned(), name.to_owned()), fit.anywhere);
        for (family, found) in fit.families {
            let rows = own.iter().filter(|lesson| lesson.response.key().0 == family).count();
            if rows >= FEWEST_ROWS {
                constants.insert((family, name.to_owned()), found);
            }
        }
    }
    constants
}

/// What came of a case: the constants it was predicted with, its chip family, and the figures.
pub type Found = (String, String, Outcome);

/// Predicts `cases` with `constants`; an engine without any on a family takes those for any.
pub fn predict_with(
    cases: &[&Case<'_>],
    constants: &EngineConstants,
    catalog: &Catalog,
    effort: Effort,
) -> Vec<Found> {
    let mut outcomes = Vec::new();
    for case in cases {
        let key = engine_key(case);
        let own = constants.get(&key);
        let other = || constants.get(&(ANY_FAMILY.to_owned(), key.1.clone()));
        let Some(efficiency) = catalog.efficiency(&key.0) else { continue };
        let mut efficiency = efficiency.clone();
        if let Some(overheads) = own.or_else(other) {
            efficiency.overheads.insert(key.1.clone(), *overheads);
        }
        if let Ok(predicted) = predict(case, &efficiency, effort) {
            outcomes.push((key.1, key.0, Outcome::of(case.measured(), &predicted)));
        }
    }
    outcomes
}

/// Predicts `cases` with the catalogue's own constants.
pub fn evaluate_cases(cases: &[Case<'_>], catalog: &Catalog, effort: Effort) -> Vec<Found> {
    let cases: Vec<&Case<'_>> = cases.iter().collect();
    predict_with(&cases, &EngineConstants::new(), catalog, effort)
}

/// What a cross-validation leaves out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// All rows of a model.
    Model,
    /// All rows of a chip.
    Chip,
}

impl LeftOut {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Chip => "chip",
        }
    }

    fn of(self, case: &Case<'_>) -> String {
        let group = &case.measured().group;
        match self {
            Self::Model => group.model.clone(),
            Self::Chip => group.accelerator.clone(),
        }
    }
}

/// Every case of `fold`, one of [`FOLDS`], predicted with constants fitted to the other folds.
pub fn cross_validate(
    lessons: &[Lesson<'_>],
    by: LeftOut,
    fold: usize,
    catalog: &Catalog,
    effort: Effort,
) -> Vec<Found> {
    let of = folds(lessons.iter().map(|lesson| by.of(lesson.case)));
    let held =
        |lesson: &&Lesson<'_>| of.get(&by.of(lesson.case)).is_some_and(|f| *f == fold % FOLDS);
    let (left, kept): (Vec<&Lesson<'_>>, Vec<&Lesson<'_>>) = lessons.iter().partition(held);
    let engines: BTreeSet<&str> =
        left.iter().map(|lesson| lesson.response.key().1.as_str()).collect();
    let mut constants = EngineConstants::new();
    for engine in engines {
        constants.extend(fit_families(&kept, engine, catalog));
    }
    let left: Vec<&Case<'_>> = left.into_iter().map(|lesson| lesson.case).collect();
    predict_with(&left, &constants, catalog, effort)
}
