//! What one operator of a step does and costs.

use wattmill_units::{Bytes, Energy, FlopRate, Flops, Seconds};

/// What most of an operator's time goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Reading and writing memory.
    Memory,
    /// Messages to other accelerators.
    Communication,
    /// Fixed costs: launches, synchronisation, the engine's own work.
    Latency,
}

/// The measurements an operator was priced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceUse {
    /// Operator of the surface, such as `gemm`.
    pub operator: &'static str,
    /// Number format of the surface, such as `fp8`.
    pub format: &'static str,
    /// Measured rows it was fitted to.
    pub rows: u32,
    /// Whether the shape lies within what was measured on this chip family.
    pub inside: bool,
}

/// One operator of one step, all layers together, as one accelerator sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operator {
    /// What it is.
    pub name: &'static str,
    /// Operations of one accelerator.
    pub flops: Flops,
    /// Dense peak of the format it multiplies in; zero where it multiplies nothing.
    pub peak: FlopRate,
    /// Memory traffic of one accelerator.
    pub bytes: Bytes,
    /// What one accelerator sends.
    pub message: Bytes,
    /// How long it takes.
    pub time: Seconds,
    /// Energy above idle, whole replica; `None` where nothing states the accelerator's power limit.
    pub energy: Option<Energy>,
    /// Clock of its arithmetic over the highest: below 1 where a power cap lowers it.
    pub clock: f64,
    /// What most of the time goes to.
    pub bound: Bound,
    /// The measurements it was priced by, if by any.
    pub surface: Option<SurfaceUse>,
}

impl Operator {
    /// Joules above idle as steps are compiled from them: 0 where they are not known, which the
    /// surface says by having no idle power.
    pub(crate) fn joules(&self) -> f64 {
        self.energy.map_or(0.0, Energy::as_joules)
    }

    /// A `share` of its time and energy.
    pub(crate) fn spread(self, share: f64) -> Self {
        let energy = self.energy.map(|energy| energy * share);
        Self { time: self.time * share, energy, ..self }
    }
}
