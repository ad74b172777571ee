//! What answers when the grid asks for less.

use wattmill_factory::Answer;
use wattmill_units::Power;

/// Divides `need` among what can answer, in `order`; each gives at most what it is `able` to, which
/// stands in the order of [`Answer::ALL`], as does what comes back. What is not in `order` gives nothing.
///
/// ```
/// use wattmill_factory::Answer::{Battery, Training};
/// use wattmill_policy::answer_cut;
/// use wattmill_units::Power;
/// let mw = Power::from_mw;
/// let able = [0.0, 4.0, 9.0, 20.0, 0.0, 50.0].map(mw);
/// let given = answer_cut(mw(10.0), &[Training, Battery], &able);
/// assert_eq!(given, [0.0, 4.0, 0.0, 6.0, 0.0, 0.0].map(mw));
/// ```
pub fn answer_cut(need: Power, order: &[Answer], able: &[Power; 6]) -> [Power; 6] {
    let mut given = [Power::ZERO; 6];
    let mut left = need;
    for answer in order {
        let index = *answer as usize;
        let gives = left.min(able[index] - given[index]).max(Power::ZERO);
        given[index] += gives;
        left -= gives;
    }
    given
}
