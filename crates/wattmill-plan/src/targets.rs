//! On which day a plan meets what it is to reach.

use jiff::Span;
use jiff::civil::Date;
use wattmill_factory::{Factory, Goal, Training};
use wattmill_units::{Id, Power};

use crate::result::{Day, Plan};

/// What runs on a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub(crate) energised: Power,
    pub(crate) accelerators: f64,
    pub(crate) tokens: f64,
}

/// Whole racks of a power are a little less than it: so much of it counts.
const WHOLE_RACKS: f64 = 0.999;

/// First day on which a goal is met, of days from `start` on; `finished` is when a training run ends.
pub(crate) fn first_day(
    goal: Goal,
    start: Date,
    mut days: impl Iterator<Item = Reach>,
    finished: impl FnOnce(Id<Training>) -> Option<Date>,
) -> Option<Date> {
    let met = match goal {
        Goal::Energised(power) => days.position(|day| day.energised >= power * WHOLE_RACKS),
        Goal::Accelerators(many) => days.position(|day| day.accelerators >= many),
        Goal::TokensPerDay(tokens) => days.position(|day| day.tokens >= tokens),
        Goal::Trained(run) => return finished(run),
    };
    met.map(|day| start.saturating_add(Span::new().days(day as i64)))
}

/// A target, and when the plan meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetDay {
    /// Its name.
    pub name: String,
    /// Last day on which it counts as met.
    pub by: Date,
    /// First day on which it is met; `None` if that is not within the plan.
    pub met: Option<Date>,
    /// Last day of the plan.
    pub end: Date,
}

impl TargetDay {
    /// Whether it is met by its day; `None` if that lies beyond the plan and it is not met before.
    pub fn in_time(&self) -> Option<bool> {
        match self.met {
            Some(day) => Some(day <= self.by),
            None => (self.by <= self.end).then_some(false),
        }
    }
}

/// When a plan meets each target of its factory, with every input at its median.
///
/// ```
/// use jiff::civil::date;
/// use wattmill_catalog::Catalog;
/// use wattmill_factory::{Goal, Target};
/// use wattmill_plan::{offers, run, targets};
/// let text = wattmill_config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let mut factory =
///     wattmill_config::parse_factory(text, Catalog::builtin()).factory.expect("sound");
/// let by = date(2026, 12, 31);
/// factory.targets = [72.0, 144.0]
///     .map(|many| Target { name: many.to_string(), goal: Goal::Accelerators(many), by })
///     .to_vec();
/// let plan = run(&factory, Catalog::builtin(), offers(&factory, Catalog::builtin(), |_, _| {}));
/// let told = targets(&factory, &plan);
/// assert_eq!((told[0].met, told[0].in_time()), (Some(date(2026, 7, 1)), Some(true)));
/// assert_eq!((told[1].met, told[1].in_time()), (None, Some(false)));
/// ```
pub fn targets(factory: &Factory, plan: &Plan) -> Vec<TargetDay> {
    let reach = |day: &Day| Reach {
        energised: day.phase_power.iter().sum(),
        accelerators: day.accelerators,
        tokens: day.served_tokens,
    };
    let finished = |run| plan.trainings.iter().find(|outcome| outcome.training == run)?.finished;
    let told = |target: &wattmill_factory::Target| TargetDay {
        name: target.name.clone(),
        by: target.by,
        met: first_day(target.goal, plan.start, plan.days.iter().map(reach), finished),
        end: plan.end,
    };
    factory.targets.iter().map(told).collect()
}
