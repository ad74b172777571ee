//! What work draws, and what a power cap makes of its time.
//!
//! A cap lowers the clock of the cores; memory and links keep their time. The power of what that clock
//! drives falls with clock times voltage squared, and voltage falls with the clock down to a floor.
//! So each kernel runs at the highest clock at which it stays under the cap, as if whoever holds the
//! cap looked at every kernel; one that averages over several slows them a little less.

use thiserror::Error;
use wattmill_catalog::{Accelerator, Efficiency};
use wattmill_factory::PowerCap;
use wattmill_units::{Energy, Power};

use crate::kernels::overlap;

/// Lowest clock over the highest: 210 of 1,980 MHz on an H100.
const LOWEST: f64 = 0.1;
/// Clock below which the voltage stays, over the highest: cores run between about 0.7 V and 1.05 V.
const FLOOR: f64 = 2.0 / 3.0;
/// Share of what a byte from memory, or of a message, draws that the clock of the cores drives: caches, fabric, the
/// cores that ask for it. Lowering that clock saves up to 32 % of the energy of decoding on an H200
/// (arXiv 2605.11999) and 42 % on an RTX PRO 6000 for 1 to 6 % of time (arXiv 2501.08219): three
/// quarters to all of what is drawn above idle, at the lowest voltage.
const DRIVEN: f64 = 0.75;
/// Halvings that find the clock to a millionth.
const HALVINGS: u32 = 20;

/// A power cap that leaves nothing to work with, or none at all.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "power_cap = {cap} cannot be on `{accelerator}`; it may be more than the {idle} it draws idle and \
     at most its limit of {limit}"
)]
pub struct CapProblem {
    /// As asked for.
    pub cap: PowerCap,
    /// Catalogue id.
    pub accelerator: String,
    /// Power without work.
    pub idle: Power,
    /// Power limit.
    pub limit: Power,
}

impl CapProblem {
    /// What is wrong with `cap` on an accelerator of that limit, if anything is.
    pub(crate) fn of(
        cap: PowerCap,
        accelerator: &Accelerator,
        efficiency: &Efficiency,
        limit: Power,
    ) -> Option<Self> {
        let (watts, idle) = (cap.of(limit), limit * efficiency.idle_fraction);
        let fine = watts > idle && watts <= limit;
        (!fine).then(|| Self { cap, accelerator: accelerator.id.clone(), idle, limit })
    }
}

/// What the parts of the work draw at full rate, over (limit - idle), and what a cap leaves of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draw {
    pub(crate) compute: f64,
    pub(crate) memory: f64,
    pub(crate) link: f64,
    active: f64,
    waiting: f64,
    sequence: f64,
    exposed: f64,
    /// Power above idle at the limit, W; `None` where nothing states the limit.
    dynamic: Option<f64>,
    /// Share of it that the cap leaves; 1 without.
    ceiling: f64,
}

/// Time of a kernel at the full clock, s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// What no clock changes.
    pub(crate) fixed: f64,
    /// What arithmetic and memory take together.
    pub(crate) work: f64,
    /// What arithmetic alone would take.
    pub(crate) compute: f64,
    /// What memory alone would take.
    pub(crate) memory: f64,
}

/// What a kernel's work is worth in seconds at the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// What the clock of the cores drives.
    driven: f64,
    /// What has a clock of its own.
    others: f64,
}

impl Load {
    /// Of arithmetic and memory.
    pub(crate) fn of(compute: f64, memory: f64) -> Self {
        Self { driven: compute + DRIVEN * memory, others: (1.0 - DRIVEN) * memory }
    }

    fn total(self) -> f64 {
        self.driven + self.others
    }
}

/// A kernel under the cap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// Above idle.
    pub(crate) joules: f64,
    /// Clock of arithmetic over the highest.
    pub(crate) clock: f64,
}

impl Span {
    /// Of something that only takes time.
    pub(crate) const fn fixed(seconds: f64) -> Self {
        Self { fixed: seconds, work: 0.0, compute: 0.0, memory: 0.0 }
    }

    /// Seconds at the full clock.
    const fn full(&self) -> f64 {
        self.fixed + self.work
    }

    fn at(&self, clock: f64) -> f64 {
        let together = overlap(self.compute, self.memory);
        let slower = if together > 0.0 {
            overlap(self.compute / clock, self.memory) / together
        } else {
            1.0
        };
        self.fixed + self.work * slower
    }
}

impl Draw {
    /// Of accelerators that together may draw `limit`, each of them at most `cap` of it.
    pub(crate) fn of(share: &Efficiency, limit: Power, cap: Power) -> Self {
        let idle = limit * share.idle_fraction;
        let dynamic = limit - idle;
        let left = (cap.min(limit) - idle).max(Power::ZERO);
        Self {
            dynamic: Some(dynamic.as_watts()),
            ceiling: if dynamic > Power::ZERO { left / dynamic } else { 1.0 },
            ..Self::without_limit(share)
        }
    }

    /// Of accelerators whose limit nothing states: their work takes its time, and what it draws is not
    /// known.
    pub(crate) const fn without_limit(share: &Efficiency) -> Self {
        Self {
            compute: share.power_compute,
            memory: share.power_memory,
            link: share.power_link,
            active: share.power_active,
            waiting: share.power_waiting,
            sequence: share.power_sequence,
            exposed: share.power_exposed,
            dynamic: None,
            ceiling: 1.0,
        }
    }

    /// A kernel that takes `span` and does `load` at the full clock.
    #[inline]
    pub(crate) fn run(&self, span: &Span, load: Load) -> Run {
        let seconds = span.full();
        let drawn = self.at_work(seconds, load);
        if drawn <= self.ceiling * seconds {
            return Run { seconds, joules: self.joules(drawn), clock: 1.0 };
        }
        self.capped(span, load)
    }

    /// The same where the cap is in the way.
    fn capped(&self, span: &Span, load: Load) -> Run {
        let seconds = span.full();
        let at = |clock: f64| {
            let slowed = span.at(clock);
            (slowed, self.slowed(seconds, load, slowed, clock))
        };
        let clock = self.clock(at);
        let (slowed, drawn) = at(clock);
        // At the lowest clock there is nothing left but to pause in between.
        Run { seconds: slowed.max(drawn / self.ceiling), joules: self.joules(drawn), clock }
    }

    /// Seconds at the limit that a `load` comes to in `seconds`, both at the full clock.
    #[inline]
    pub(crate) fn at_work(&self, seconds: f64, load: Load) -> f64 {
        limited(load.total() + self.active * seconds, seconds)
    }

    /// Seconds at the limit that what does `load` in `seconds` at the full clock comes to at another
    /// `clock`, at which it takes `slowed`.
    pub(crate) fn slowed(&self, seconds: f64, load: Load, slowed: f64, clock: f64) -> f64 {
        let active = self.active * seconds;
        let whole = load.total() + active;
        let drawn = self.at_work(seconds, load);
        if clock >= 1.0 || whole <= 0.0 {
            return drawn;
        }
        // What is drawn is dealt to its causes as their loads are.
        let part = |load: f64| drawn * load / whole;
        let voltage = clock.max(FLOOR);
        let driven = part(load.driven) + part(active) * clock * slowed / seconds;
        driven * voltage * voltage + part(load.others)
    }

    /// The highest clock at which what `at` says of it, seconds and seconds at the limit, stays under
    /// the cap; the lowest where none does.
    pub(crate) fn clock(&self, at: impl Fn(f64) -> (f64, f64)) -> f64 {
        let fits = |clock| {
            let (seconds, drawn) = at(clock);
            drawn <= self.ceiling * seconds
        };
        if fits(1.0) {
            return 1.0;
        }
        let (mut low, mut high) = (LOWEST, 1.0);
        if fits(low) {
            for _ in 0..HALVINGS {
                let middle = f64::midpoint(low, high);
                if fits(middle) { low = middle } else { high = middle }
            }
        }
        low
    }

    /// Joules above idle of so many seconds at the limit; 0 where no limit is stated, which
    /// [`Self::energy`] tells from nothing drawn.
    #[inline]
    pub(crate) fn joules(&self, at_limit: f64) -> f64 {
        self.dynamic.map_or(0.0, |dynamic| dynamic * at_limit)
    }

    /// What so many joules above idle are; `None` where no limit is stated.
    pub(crate) fn energy(&self, joules: f64) -> Option<Energy> {
        self.dynamic.map(|_| Energy::from_joules(joules))
    }

    /// Share of the power above idle that the cap leaves.
    pub(crate) const fn ceiling(&self) -> f64 {
        self.ceiling
    }

    /// Joules above idle of training that waits for messages or other stages.
    pub(crate) fn exposed(&self, seconds: f64) -> f64 {
        self.joules(self.exposed.min(self.ceiling) * seconds)
    }

    /// Sending so many bytes' worth of seconds at the full rate of the links in `seconds`.
    pub(crate) fn send(&self, seconds: f64, at_peak: f64) -> Run {
        // What a message draws is drawn by kernels that move it through memory.
        self.run(&Span::fixed(seconds), Load::of(0.0, self.link * at_peak))
    }

    /// Joules above idle of waiting for the engine, whose time is the host's.
    pub(crate) fn waiting(&self, seconds: f64) -> f64 {
        self.joules(self.waiting.min(self.ceiling) * seconds)
    }

    /// Joules above idle of the engine's work on each sequence, whose time is the host's.
    pub(crate) fn sequences(&self, seconds: f64) -> f64 {
        self.joules(self.sequence.min(self.ceiling) * seconds)
    }
}

/// Seconds at the limit that a `load` of so many comes to in `seconds`: all of it while it is small,
/// never more than there are. Roots alone, so that it is the same everywhere.
#[inline]
fn limited(load: f64, seconds: f64) -> f64 {
    if load <= 0.0 || seconds <= 0.0 {
        return 0.0;
    }
    let x = load / seconds;
    let square = x * x;
    load / (1.0 + square * square).sqrt().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws what its loads say, up to a ceiling.
    const fn draw(ceiling: f64) -> Draw {
        Draw {
            compute: 1.0,
            memory: 1.0,
            link: 1.0,
            active: 0.0,
            waiting: 0.2,
            sequence: 0.9,
            exposed: 0.3,
            dynamic: Some(100.0),
            ceiling,
        }
    }

    const ARITHMETIC: Span = Span { fixed: 0.0, work: 1.0, compute: 1.0, memory: 0.0 };
    const MEMORY: Span = Span { fixed: 0.0, work: 1.0, compute: 0.0, memory: 1.0 };

    #[test]
    fn arithmetic_draws_with_the_cube_of_its_clock() {
        // So much load that it meets the limit at the full clock.
        let load = Load::of(100.0, 0.0);
        let run = draw(0.512).run(&ARITHMETIC, load);
        assert!((run.clock - 0.8).abs() < 1e-5, "{}", run.clock);
        assert!((run.seconds - 1.25).abs() < 1e-5 && (run.joules - 64.0).abs() < 1e-3);
        // Below the lowest voltage it falls with the clock alone.
        let run = draw(0.2).run(&ARITHMETIC, load);
        assert!((run.clock - 0.2 / (FLOOR * FLOOR)).abs() < 1e-5, "{}", run.clock);
        // And below the lowest clock there are pauses.
        let run = draw(0.02).run(&ARITHMETIC, load);
        assert!((run.clock - LOWEST).abs() < 1e-12);
        assert!((run.joules / run.seconds - 2.0).abs() < 1e-9 && run.seconds > 10.0);
    }

    #[test]
    fn memory_keeps_its_time_until_pauses_are_left() {
        let load = Load::of(0.0, 0.5);
        assert_eq!(draw(0.6).run(&MEMORY, load), draw(1.0).run(&MEMORY, load));
        let run = draw(0.3).run(&MEMORY, load);
        assert!(run.seconds == 1.0 && run.clock < 1.0, "{run:?}");
        let run = draw(0.1).run(&MEMORY, load);
        assert!(run.seconds > 2.0 && (run.joules / run.seconds - 10.0).abs() < 1e-9, "{run:?}");
    }

    #[test]
    fn what_the_host_takes_is_not_slowed() {
        assert_eq!((draw(1.0).waiting(2.0), draw(0.1).waiting(2.0)), (40.0, 20.0));
        assert_eq!((draw(1.0).sequences(1.0), draw(0.5).sequences(1.0)), (90.0, 50.0));
        assert_eq!((draw(1.0).exposed(1.0), draw(0.1).exposed(1.0)), (30.0, 10.0));
        let nothing = draw(0.5).run(&Span::fixed(0.0), Load::of(0.0, 0.0));
        assert_eq!((nothing.seconds, nothing.joules, nothing.clock), (0.0, 0.0, 1.0));
    }
}
