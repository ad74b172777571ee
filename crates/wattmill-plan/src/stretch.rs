//! A stretch of hours on one group of machines: what is asked there, what is served and trained, all
//! hours at once where they are alike.

use std::ops::Range;

use crate::serving::ServingPoint;

/// Hours of a day.
pub(crate) const HOURS: usize = 24;

/// Folds values in four lanes, which a processor does at once.
pub(crate) fn lanes(values: &[f64], start: f64, fold: impl Fn(f64, f64) -> f64) -> f64 {
    let mut all = [start; 4];
    let quads = values.chunks_exact(4);
    let rest = quads.remainder();
    for quad in quads {
        for (lane, value) in all.iter_mut().zip(quad) {
            *lane = fold(*lane, *value);
        }
    }
    let folded = fold(fold(all[0], all[1]), fold(all[2], all[3]));
    rest.iter().fold(folded, |folded, value| fold(folded, *value))
}

pub(crate) fn sum(values: &[f64]) -> f64 {
    lanes(values, 0.0, |a, b| a + b)
}

/// What is asked in the hours of a day and not yet placed: in those of the stretch under way `level`
/// less than `hourly` says.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) hourly: [f64; HOURS],
    pub(crate) level: f64,
    low: f64,
    high: f64,
}

impl Want {
    pub(crate) const fn nothing() -> Self {
        Self { hourly: [0.0; HOURS], level: 0.0, low: 0.0, high: 0.0 }
    }

    pub(crate) fn bound(&mut self, hours: Range<usize>) {
        let hourly = &self.hourly[hours];
        (self.low, self.high) = (
            lanes(hourly, f64::INFINITY, |a, b| if b < a { b } else { a }),
            lanes(hourly, f64::NEG_INFINITY, |a, b| if b > a { b } else { a }),
        );
    }

    pub(crate) fn least(&self) -> f64 {
        self.low - self.level
    }

    pub(crate) fn most(&self) -> f64 {
        self.high - self.level
    }
}

/// What a bank does for a service.
pub(crate) struct Point {
    pub(crate) requests_per_accelerator_hour: f64,
    pub(crate) accelerator_hours_per_request: f64,
    replicas_per_accelerator: f64,
    /// Power above idle of one replica at its capacity, watts.
    full: f64,
    /// Power above idle at no load and what a load of one adds, watts, between each two of
    /// [`ServingPoint::LOADS`]: the lines of [`ServingPoint::dynamic_power_of`].
    lines: [(f64, f64); 5],
    /// Power above idle with the whole bank serving it, watts.
    pub(crate) all: f64,
}

impl Point {
    pub(crate) fn new(serving: &ServingPoint) -> Self {
        let requests_per_accelerator_hour = serving.requests_per_accelerator_hour();
        let mut lines = [(0.0, 0.0); 5];
        let (mut below, mut power_below) = (0.0, 0.0);
        for ((line, load), power) in
            lines.iter_mut().zip(ServingPoint::LOADS).zip(serving.dynamic_power)
        {
            let slope = (power.as_watts() - power_below) / (load - below);
            *line = (power_below - slope * below, slope);
            (below, power_below) = (load, power.as_watts());
        }
        Self {
            requests_per_accelerator_hour,
            accelerator_hours_per_request: 1.0 / requests_per_accelerator_hour,
            replicas_per_accelerator: 1.0 / f64::from(serving.accelerators),
            full: power_below,
            lines,
            all: 0.0,
        }
    }

    /// Power above idle of `accelerators`, watts: whole replicas at capacity and one with the rest.
    pub(crate) fn dynamic_power(&self, accelerators: f64) -> f64 {
        let replicas = accelerators * self.replicas_per_accelerator;
        let whole = replicas as u64 as f64;
        let load = replicas - whole;
        // Counted, not searched: where the load lies is a coin toss to a processor.
        let above = |of: usize| usize::from(load > ServingPoint::LOADS[of]);
        let (at_zero, slope) = self.lines[above(0) + above(1) + above(2) + above(3)];
        let rest = at_zero + slope * load;
        self.full * whole + rest
    }
}

/// What a bank does in the hours of a stretch: the same in each, until something differs.
#[derive(Clone, Copy)]
pub(crate) enum PerHour {
    Same(f64),
    Each([f64; HOURS]),
}

impl PerHour {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Same(value) if *value <= 0.0)
    }

    pub(crate) fn add(&mut self, more: f64) {
        match self {
            Self::Same(value) => *value += more,
            Self::Each(values) => values.iter_mut().for_each(|value| *value += more),
        }
    }

    pub(crate) fn each(&mut self) -> &mut [f64; HOURS] {
        if let Self::Same(value) = *self {
            *self = Self::Each([value; HOURS]);
        }
        match self {
            Self::Each(values) => values,
            Self::Same(_) => unreachable!("it was spread over the hours above"),
        }
    }
}

/// Gives free accelerators of a bank of `all` to a service; returns requests served in all hours.
pub(crate) fn serve(
    want: &mut Want,
    point: &Point,
    all: f64,
    hours: Range<usize>,
    free: &mut PerHour,
    dynamic: &mut PerHour,
) -> f64 {
    let rate = point.requests_per_accelerator_hour;
    let power = |given: f64| if given == all { point.all } else { point.dynamic_power(given) };
    if let PerHour::Same(left) = free
        && want.least() >= *left * rate
    {
        // Every hour takes all that is left.
        let given = std::mem::take(left);
        want.level += given * rate;
        dynamic.add(power(given));
        return given * rate * hours.len() as f64;
    }
    let (left, above_idle) = (&mut free.each()[hours.clone()], dynamic.each());
    let mut served = [0.0; HOURS];
    let served = &mut served[hours.clone()];
    let level = want.level;
    // Without branches, so that a processor takes several hours at once.
    for ((hourly, left), served) in
        want.hourly[hours.clone()].iter_mut().zip(left.iter_mut()).zip(served.iter_mut())
    {
        let wanted = *hourly - level;
        let needed = wanted * point.accelerator_hours_per_request;
        let enough = needed <= *left;
        let given = if enough { needed } else { *left };
        *hourly = level + if enough { 0.0 } else { wanted - *left * rate };
        *left -= given;
        *served = given;
    }
    for (above_idle, given) in above_idle[hours.clone()].iter_mut().zip(served.iter()) {
        if *given > 0.0 {
            *above_idle += power(*given);
        }
    }
    if sum(left) <= 0.0 {
        *free = PerHour::Same(0.0);
    }
    want.bound(hours);
    sum(served) * rate
}

/// Gives free accelerators to a run that wants some, in every hour at most `most`; returns
/// accelerator-hours.
pub(crate) fn train(
    want: &mut PerHour,
    most: f64,
    hours: Range<usize>,
    free: &mut PerHour,
    trained: &mut PerHour,
) -> f64 {
    if let (PerHour::Same(want), PerHour::Same(free), PerHour::Same(trained)) =
        (&mut *want, &mut *free, &mut *trained)
    {
        let taken = free.min(*want).min(most).max(0.0);
        *want -= taken;
        *free -= taken;
        *trained += taken;
        return taken * hours.len() as f64;
    }
    let (left, wanted) = (&mut free.each()[hours.clone()], &mut want.each()[hours.clone()]);
    let mut all = [0.0; HOURS];
    let all = &mut all[hours.clone()];
    for ((left, wanted), taken) in left.iter_mut().zip(wanted.iter_mut()).zip(all.iter_mut()) {
        let some = if *left < *wanted { *left } else { *wanted };
        *taken = if some < most { some } else { most };
        *left -= *taken;
        *wanted -= *taken;
    }
    for (trained, taken) in trained.each()[hours].iter_mut().zip(all.iter()) {
        *trained += taken;
    }
    let (left, wanted, taken) = (sum(left), sum(wanted), sum(all));
    if left <= 0.0 {
        *free = PerHour::Same(0.0);
    }
    if wanted <= 0.0 {
        *want = PerHour::Same(0.0);
    }
    taken
}
