//! Who gets the machines of an hour.

/// What one consumer could use on one group of machines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// Work asked for and not yet placed, in the consumer's own unit.
    pub wanted: f64,
    /// Work one machine of the group does in the hour; 0 if it cannot do it at all.
    pub per_machine: f64,
}

/// Machines of one group given to each claim, earlier claims first; fractions of a machine are
/// allowed, as the group is a fluid. Never gives more than `machines` or than is wanted, and
/// lowers each claim's `wanted` by what was placed.
///
/// ```
/// use wattmill_policy::{Claim, serve_in_order};
/// let mut claims = [
///     Claim { wanted: 30.0, per_machine: 10.0 },
///     Claim { wanted: 5.0, per_machine: 0.0 },
///     Claim { wanted: 90.0, per_machine: 10.0 },
/// ];
/// let mut given = [0.0; 3];
/// serve_in_order(8.0, &mut claims, &mut given);
/// assert_eq!(given, [3.0, 0.0, 5.0]);
/// assert_eq!(claims[2].wanted, 40.0);
/// ```
pub fn serve_in_order(machines: f64, claims: &mut [Claim], given: &mut [f64]) {
    let mut left = machines;
    for (claim, given) in claims.iter_mut().zip(given) {
        *given = 0.0;
        if claim.per_machine <= 0.0 || claim.wanted <= 0.0 {
            continue;
        }
        let needed = claim.wanted / claim.per_machine;
        if needed <= left {
            *given = needed;
            claim.wanted = 0.0;
        } else {
            *given = left;
            claim.wanted = (claim.wanted - left * claim.per_machine).max(0.0);
        }
        left -= *given;
    }
}
