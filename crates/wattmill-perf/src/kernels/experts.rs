//! A mixture-of-experts layer: reading the experts that are touched, filling their tiles.

use wattmill_catalog::MOST_AXES;

use super::{AxisPlan, Constant, MICRO, Parts, Rates, free, log2};

/// The routed experts of one layer on one accelerator, permutation included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertsKernel {
    /// Tokens routed, over all accelerators that share the experts.
    pub tokens: f64,
    /// Experts a token visits.
    pub top_k: f64,
    /// Routed experts, all accelerators together.
    pub experts: f64,
    /// Accelerators over which whole experts are dealt.
    pub expert_parallel: f64,
    /// Residual width.
    pub hidden: f64,
    /// Inner size of an expert on the accelerator.
    pub inner: f64,
    /// Matrices of an expert: 3 gated, 2 not.
    pub matrices: f64,
    /// Bytes of a stored weight.
    pub weight: f64,
}

/// `tile` is the rows that every touched expert wastes.
pub(super) const CONSTANTS: &[Constant] = &[
    free("launch_us", 25.0, 1.0, 100.0),
    free("memory", 0.7, 0.1, 1.0),
    free("compute", 0.3, 0.02, 1.0),
    free("tile", 8.0, 0.5, 64.0),
];

pub(super) const AXES: &[AxisPlan] = &[
    ("log2 rows per expert", &[-9.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 13.0]),
    ("log2 experts on the accelerator", &[0.0, 2.0, 4.0, 6.0, 8.0, 9.0]),
    ("log2 weights of a matrix", &[18.0, 20.0, 22.0, 24.0, 27.0]),
    ("log2 tokens", &[0.0, 5.0, 10.0, 16.0]),
];

impl ExpertsKernel {
    /// Experts on the accelerator.
    pub fn local(&self) -> f64 {
        self.experts / self.expert_parallel
    }

    /// Rows routed to the accelerator, routing taken as even.
    pub fn rows(&self) -> f64 {
        self.tokens * self.top_k / self.expert_parallel
    }

    /// Experts of the accelerator that at least one token visits; tokens draw without regard to
    /// each other.
    pub fn touched(&self) -> f64 {
        self.local() * (1.0 - libm::pow(1.0 - self.top_k / self.experts, self.tokens))
    }

    /// Experts that are touched on the accelerator with most of them, over those on the mean one, for
    /// which all others wait: with few tokens and experts dealt out whole, chance gives one of them
    /// twice as many. Kernels are timed on one accelerator, which waits for nobody.
    ///
    /// ```
    /// use wattmill_perf::kernels::ExpertsKernel;
    /// let kernel = |tokens, expert_parallel| ExpertsKernel {
    ///     tokens,
    ///     top_k: 8.0,
    ///     experts: 256.0,
    ///     expert_parallel,
    ///     hidden: 7168.0,
    ///     inner: 2048.0,
    ///     matrices: 3.0,
    ///     weight: 1.0,
    /// };
    /// assert_eq!(kernel(4.0, 1.0).busiest(), 1.0);
    /// let [few, many] = [4.0, 1024.0].map(|tokens| kernel(tokens, 8.0).busiest());
    /// assert!(few > 1.5 && few < 2.0 && many < 1.01);
    /// ```
    pub fn busiest(&self) -> f64 {
        if self.expert_parallel < 2.0 || self.touched() <= 0.0 {
            return 1.0;
        }
        let touched = self.touched();
        let left = 1.0 - touched / self.local();
        let deviation = (touched * left.max(0.0)).sqrt();
        let most = touched + largest(self.expert_parallel) * deviation;
        most.min(self.local()).min(self.tokens * self.top_k).max(touched) / touched
    }

    /// Operations.
    pub fn flops(&self) -> f64 {
        2.0 * self.matrices * self.rows() * self.hidden * self.inner
    }

    /// Bytes read and written.
    pub fn bytes(&self) -> f64 {
        let weights = self.touched() * self.matrices * self.hidden * self.inner * self.weight;
        weights + self.rows() * (2.0 * self.hidden + 3.0 * self.inner) * 2.0
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [
            log2(self.tokens * self.top_k / self.experts),
            log2(self.local()),
            log2(self.hidden * self.inner),
            log2(self.tokens),
        ]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, memory, compute, tile] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let rows = self.rows() + self.touched() * tile;
        let flops = 2.0 * self.matrices * rows * self.hidden * self.inner;
        let compute = flops / (rates.compute * compute);
        let memory = self.bytes() / (rates.bandwidth * memory);
        // Short and long phases follow each other: the two overlap less than in one long kernel.
        let work = (compute * compute + memory * memory).sqrt();
        Parts { launch: launch * MICRO, compute, memory, work }
    }
}

/// How many standard deviations the largest of `n` lies above the mean, within 4 % for 2 to 64 of a
/// normal distribution.
fn largest(n: f64) -> f64 {
    1.472 * libm::log(n).sqrt() - 0.662
}
