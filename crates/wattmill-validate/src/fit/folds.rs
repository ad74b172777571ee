//! Folds of a cross-validation: whole groups are left out together.

use std::collections::BTreeMap;

/// Folds of a cross-validation.
pub const FOLDS: usize = 5;

/// Which of [`FOLDS`] folds each name goes to: largest groups first, each to the emptiest fold, so
/// that folds are of about one size, and the same each time.
///
/// ```
/// use wattmill_validate::fit::{FOLDS, folds};
/// let of = folds(["a", "b", "a", "c"].map(str::to_owned));
/// assert!(of["a"] != of["b"] && of.values().all(|fold| *fold < FOLDS));
/// ```
pub fn folds(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *sizes.entry(name).or_default() += 1;
    }
    let mut groups: Vec<(String, usize)> = sizes.into_iter().collect();
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut filled = [0; FOLDS];
    let place = |(name, size): (String, usize)| {
        let fold = (0..FOLDS).min_by_key(|i| filled[*i]).unwrap_or(0);
        filled[fold] += size;
        (name, fold)
    };
    groups.into_iter().map(place).collect()
}
