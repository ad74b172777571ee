//! Constants of every engine on every family, and what they are worth on rows they have not seen.

use std::collections::BTreeMap;

use wattmill_catalog::{Catalog, Overheads};

use super::folds::{FOLDS, folds};
use super::overheads::fit_overheads;
use crate::engine::Effort;
use crate::evaluate::{Case, constants_of, predict};
use crate::outcome::Outcome;

/// Rows that a fit takes at most, of more every so many: of the constants that are kept, and of those
/// of a cross-validation, which is ten fits.
const MOST_ROWS: usize = 160;
const MOST_CROSS_ROWS: usize = 50;
/// Rows without which constants are borrowed from the engine's other family.
const FEWEST_ROWS: usize = 12;
/// How long a fit simulates each row.
const EFFORT: Effort = Effort { rounds: 5 };

/// Chip family, and name of the constants: engine and campaign.
pub type EngineKey = (String, String);
/// Constants by chip family and engine.
pub type EngineConstants = BTreeMap<EngineKey, Overheads>;

/// Family and engine of a case.
pub fn engine_key(case: &Case<'_>) -> EngineKey {
    (case.family().to_owned(), constants_of(case))
}

/// Constants of one family and engine from those of `cases` that are theirs. `None` where there are
/// too few.
pub fn fit_engine(cases: &[Case<'_>], key: &EngineKey, catalog: &Catalog) -> Option<Overheads> {
    fit_some(cases, key, catalog, MOST_ROWS)
}

fn fit_some(
    cases: &[Case<'_>],
    key: &EngineKey,
    catalog: &Catalog,
    most: usize,
) -> Option<Overheads> {
    let own: Vec<&Case<'_>> =
        cases.iter().filter(|c| c.measured().headline && engine_key(c) == *key).collect();
    if own.len() < FEWEST_ROWS {
        return None;
    }
    let efficiency = catalog.efficiency(&key.0)?;
    let picked: Vec<&Case<'_>> = own.iter().step_by(own.len().div_ceil(most)).copied().collect();
    Some(fit_overheads(&picked, efficiency, &key.1, None, EFFORT))
}

/// What came of a case: the constants it was predicted with, its chip family, and the figures.
pub type Found = (String, String, Outcome);

/// Predicts `cases` with `constants`; an engine without any takes those of another family.
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
        let other = || constants.iter().find(|((_, name), _)| *name == key.1).map(|(_, o)| o);
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

/// Every row of `fold`, one of [`FOLDS`], predicted with constants fitted to the other folds.
pub fn cross_validate(
    cases: &[Case<'_>],
    by: LeftOut,
    fold: usize,
    catalog: &Catalog,
    effort: Effort,
) -> Vec<Found> {
    let of = folds(cases.iter().map(|case| by.of(case)));
    let held = |case: &&Case<'_>| of.get(&by.of(case)).is_some_and(|f| *f == fold % FOLDS);
    let left: Vec<&Case<'_>> = cases.iter().filter(held).collect();
    let kept: Vec<Case<'_>> = cases.iter().filter(|case| !held(case)).cloned().collect();
    let mut constants = EngineConstants::new();
    for case in &left {
        let key = engine_key(case);
        // What it lacks may come from the engine's other family.
        let families: Vec<EngineKey> =
            kept.iter().map(engine_key).filter(|k| k.1 == key.1).collect();
        for key in std::iter::once(key).chain(families) {
            if !constants.contains_key(&key)
                && let Some(found) = fit_some(&kept, &key, catalog, MOST_CROSS_ROWS)
            {
                constants.insert(key, found);
            }
        }
    }
    predict_with(&left, &constants, catalog, effort)
}
