//! A budget of power as caps of those who draw from it.

use wattmill_units::Power;

/// Who gets how much when there is not enough for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CapOrder {
    /// Everybody the same share of what it could use beyond its least.
    #[default]
    Proportional,
    /// Higher priorities all they want, the earlier of equals first.
    Priority,
}

/// A replica, or a whole pool, that draws power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerClaim {
    /// What it draws if it may.
    pub wanted: Power,
    /// Below this it does no useful work: then it is better off. At most what it wants counts.
    pub least: Power,
    /// Who is switched off last, and with [`CapOrder::Priority`] served first; the higher.
    pub priority: u8,
}

/// Gives every claim a cap, in whole watts and zero for off, that sum to at most `budget`.
///
/// First it is decided who is on: by priority, the earlier of equals first, everybody whose least
/// still fits. What is left beyond the leasts is then shared in the given `order`. Nobody gets more
/// than it wants, and nobody who is on less than its least. As nothing is remembered, what was taken
/// returns with the budget.
///
/// ```
/// use wattmill_policy::{CapOrder, PowerClaim, cap_power};
/// use wattmill_units::Power;
/// let claim = |wanted, priority| PowerClaim {
///     wanted: Power::from_watts(wanted),
///     least: Power::from_watts(300.0),
///     priority,
/// };
/// let claims = [claim(700.0, 0), claim(1100.0, 1)];
/// let caps = |budget, order| {
///     let mut caps = [Power::ZERO; 2];
///     cap_power(Power::from_watts(budget), order, &claims, &mut caps);
///     caps.map(|cap| cap.as_watts())
/// };
/// assert_eq!(caps(2000.0, CapOrder::Proportional), [700.0, 1100.0]);
/// assert_eq!(caps(1200.0, CapOrder::Proportional), [500.0, 700.0], "half of what they could use");
/// assert_eq!(caps(1200.0, CapOrder::Priority), [300.0, 900.0]);
/// assert_eq!(caps(500.0, CapOrder::Priority), [0.0, 500.0], "not enough for both");
/// ```
pub fn cap_power(budget: Power, order: CapOrder, claims: &[PowerClaim], caps: &mut [Power]) {
    // Whole watts are what machines are capped in, and their sums are exact.
    let mut left = whole_watts(budget);
    let mut by_priority: Vec<usize> = (0..claims.len().min(caps.len())).collect();
    by_priority.sort_by_key(|at| std::cmp::Reverse(claims[*at].priority));
    caps.fill(Power::ZERO);
    let mut on = Vec::with_capacity(by_priority.len());
    for at in by_priority {
        let wanted = whole_watts(claims[at].wanted);
        // A least of a fraction of a watt more is not reached by whole watts below it.
        let least = (claims[at].least.as_watts().ceil() as u64).min(wanted);
        if wanted > 0 && least <= left {
            left -= least;
            on.push((at, least, wanted - least));
        }
    }
    let beyond: u64 = on.iter().map(|(_, _, more)| more).sum();
    let shared = left.min(beyond);
    let mut rest = shared;
    for (_, cap, more) in &mut on {
        let part = match order {
            CapOrder::Priority => *more,
            // Rounded down; what that leaves is handed out below.
            CapOrder::Proportional => (u128::from(shared) * u128::from(*more))
                .checked_div(beyond.into())
                .unwrap_or(0) as u64,
        };
        let part = part.min(rest);
        *cap += part;
        *more -= part;
        rest -= part;
    }
    for (at, cap, more) in on {
        let crumb = rest.min(more).min(1);
        rest -= crumb;
        caps[at] = Power::from_watts((cap + crumb) as f64);
    }
}

/// What fits of it; nothing of what is negative or no number.
fn whole_watts(power: Power) -> u64 {
    power.as_watts() as u64
}
