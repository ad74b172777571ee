//! From the watt to the token: where the energy of a plan goes.

use wattmill_units::Energy;

/// One step of the waterfall.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What the energy goes into.
    pub name: &'static str,
    /// What that means, in a few words.
    pub meaning: &'static str,
    /// How much goes into it.
    pub energy: Energy,
}

/// How a serving replica's energy splits at the operating point of its capacity.
///
/// Fractions of its accelerators' energy, by time; they sum to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    /// What the machine would serve more without the SLO.
    pub headroom: f64,
    /// Time no step runs, and fixed overheads of steps and kernels.
    pub overhead: f64,
    /// Time bound by links between accelerators.
    pub communication: f64,
    /// Time bound by memory bandwidth.
    pub memory: f64,
    /// Time bound by arithmetic.
    pub compute: f64,
}

/// The waterfall in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waterfall {
    cooling: Energy,
    host: Energy,
    idle: Energy,
    training: Energy,
    headroom: Energy,
    overhead: Energy,
    communication: Energy,
    memory: Energy,
    compute: Energy,
}

impl Waterfall {
    /// Energy of accelerators that serve.
    pub(crate) fn serving(&mut self, split: &Split, energy: Energy) {
        self.headroom += energy * split.headroom;
        self.overhead += energy * split.overhead;
        self.communication += energy * split.communication;
        self.memory += energy * split.memory;
        self.compute += energy * split.compute;
    }

    /// All other energy.
    pub(crate) fn rest(&mut self, cooling: Energy, host: Energy, idle: Energy, training: Energy) {
        self.cooling += cooling;
        self.host += host;
        self.idle += idle;
        self.training += training;
    }

    /// Sum of all stages.
    pub(crate) fn total(&self) -> Energy {
        self.stages().iter().map(|stage| stage.energy).sum()
    }

    /// From the meter to the token.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let stage = |name, meaning, energy| Stage { name, meaning, energy };
        vec![
            stage("cooling and conversion", "facility energy that is not IT (PUE)", self.cooling),
            stage("host and network", "CPUs, switches, fans of machines that work", self.host),
            stage("idle machines", "machines that nobody asked for, hosts included", self.idle),
            stage("training", "accelerators that train", self.training),
            stage("SLO headroom", "serving that stops short of the machine's limit", self.headroom),
            stage("engine overhead", "time between steps, launches, fixed costs", self.overhead),
            stage("communication", "steps bound by links between accelerators", self.communication),
            stage("memory-bound", "steps bound by memory bandwidth", self.memory),
            stage("compute-bound", "steps bound by arithmetic", self.compute),
        ]
    }
}
