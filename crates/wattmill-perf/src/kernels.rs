//! Single operators: the closed form of each, and the surface that corrects it.
//!
//! A [`Kernel`] is one operator on one accelerator, as it is measured alone. Its closed form scales
//! with the peaks of a chip ([`Rates`]) and has a few constants; a [`Surface`] holds the constants
//! fitted to a chip family and what is left over, on a small grid. Calibration fits them,
//! [`price`] reads them.

mod attention;
mod collective;
mod experts;
mod gemm;
mod latent;

pub use attention::{DecodeAttentionKernel, PrefillAttentionKernel};
pub use collective::{Collective, CollectiveKernel, ExchangeKernel};
pub use experts::ExpertsKernel;
pub use gemm::GemmKernel;
pub use latent::{LatentDecodeKernel, LatentPrefillKernel};
use wattmill_catalog::{MOST_AXES, Surface};

/// What the closed forms scale with: peaks of one accelerator, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Operations in the format of the operands.
    pub compute: f64,
    /// Bytes from memory.
    pub bandwidth: f64,
    /// Bytes to neighbours in the scale-up domain, one direction.
    pub link: f64,
}

/// Constants of a closed form by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    /// Name in the catalogue.
    pub name: &'static str,
    /// Where a fit starts.
    pub start: f64,
    /// What it may be at least.
    pub least: f64,
    /// What it may be at most; a constant that may not move is no matter of fitting.
    pub most: f64,
}

const fn free(name: &'static str, start: f64, least: f64, most: f64) -> Constant {
    Constant { name, start, least, most }
}

const fn fixed(name: &'static str, start: f64) -> Constant {
    Constant { name, start, least: start, most: start }
}

impl Constant {
    /// Whether a fit may change it.
    pub fn is_free(&self) -> bool {
        self.least < self.most
    }
}

/// One operator on one accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// Rows of activations times a matrix of weights.
    Gemm(GemmKernel),
    /// Grouped-query attention of sequences that decode.
    DecodeAttention(DecodeAttentionKernel),
    /// Grouped-query attention of whole prompts.
    PrefillAttention(PrefillAttentionKernel),
    /// Latent attention of sequences that decode.
    LatentDecode(LatentDecodeKernel),
    /// Latent attention of whole prompts.
    LatentPrefill(LatentPrefillKernel),
    /// A mixture-of-experts layer.
    Experts(ExpertsKernel),
    /// A collective among neighbours.
    Collective(CollectiveKernel),
    /// Sending rows to the experts that were picked for them, or bringing them back.
    Exchange(ExchangeKernel),
}

/// Names and knots of the axes of an operator's surface.
pub type AxisPlan = (&'static str, &'static [f64]);

impl Kernel {
    /// Name of its surface.
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::Gemm(_) => "gemm",
            Self::DecodeAttention(_) => "decode_attention",
            Self::PrefillAttention(_) => "prefill_attention",
            Self::LatentDecode(_) => "latent_decode",
            Self::LatentPrefill(_) => "latent_prefill",
            Self::Experts(_) => "experts",
            Self::Collective(k) => k.collective.name(),
            Self::Exchange(k) => k.name(),
        }
    }

    /// Constants of its closed form, in the order [`Self::closed_form`] takes them.
    pub const fn constants(&self) -> &'static [Constant] {
        match self {
            Self::Gemm(_) => gemm::CONSTANTS,
            Self::DecodeAttention(_) => attention::DECODE,
            Self::PrefillAttention(_) => attention::PREFILL,
            Self::LatentDecode(_) => latent::DECODE,
            Self::LatentPrefill(_) => latent::PREFILL,
            Self::Experts(_) => experts::CONSTANTS,
            Self::Collective(_) => collective::CONSTANTS,
            Self::Exchange(_) => collective::EXCHANGE,
        }
    }

    /// Axes of its surface.
    pub const fn axes(&self) -> &'static [AxisPlan] {
        match self {
            Self::Gemm(_) => gemm::AXES,
            Self::DecodeAttention(_) => attention::DECODE_AXES,
            Self::PrefillAttention(_) => attention::PREFILL_AXES,
            Self::LatentDecode(_) => latent::DECODE_AXES,
            Self::LatentPrefill(_) => latent::PREFILL_AXES,
            Self::Experts(_) => experts::AXES,
            Self::Collective(_) => collective::AXES,
            Self::Exchange(_) => collective::EXCHANGE_AXES,
        }
    }

    /// Where it lies on them.
    pub fn coordinates(&self) -> [f64; MOST_AXES] {
        match self {
            Self::Gemm(k) => k.coordinates(),
            Self::DecodeAttention(k) => k.coordinates(),
            Self::PrefillAttention(k) => k.coordinates(),
            Self::LatentDecode(k) => k.coordinates(),
            Self::LatentPrefill(k) => k.coordinates(),
            Self::Experts(k) => k.coordinates(),
            Self::Collective(k) => k.coordinates(),
            Self::Exchange(k) => k.coordinates(),
        }
    }

    /// Fixed part and work, seconds, before correction.
    pub fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        match self {
            Self::Gemm(k) => k.closed_form(constants, rates),
            Self::DecodeAttention(k) => k.closed_form(constants, rates),
            Self::PrefillAttention(k) => k.closed_form(constants, rates),
            Self::LatentDecode(k) => k.closed_form(constants, rates),
            Self::LatentPrefill(k) => k.closed_form(constants, rates),
            Self::Experts(k) => k.closed_form(constants, rates),
            Self::Collective(k) => k.closed_form(constants, rates),
            Self::Exchange(k) => k.closed_form(constants, rates),
        }
    }
}

/// The two parts of a kernel's time, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// What it takes however little there is to do.
    pub launch: f64,
    /// Time at the rate of arithmetic.
    pub compute: f64,
    /// Time at the rate of memory or links.
    pub memory: f64,
    /// What the two take together.
    pub work: f64,
}

impl Parts {
    /// Altogether, seconds.
    pub fn total(&self) -> f64 {
        self.launch + self.work
    }
}

/// A kernel's time on a chip of a surface's family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priced {
    /// Before correction.
    pub parts: Parts,
    /// What the surface multiplies them with.
    pub factor: f64,
    /// Whether the shape lies within what was measured.
    pub inside: bool,
}

impl Priced {
    /// Seconds, as measured alone.
    pub fn seconds(&self) -> f64 {
        self.parts.total() * self.factor
    }
}

/// What `kernel` takes by `surface` on a chip with `rates`.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_perf::kernels::{GemmKernel, Kernel, Rates, price};
///
/// let surfaces = &Catalog::builtin().efficiency("hopper").unwrap().surfaces;
/// let bf16 = surfaces.get("gemm", "bf16").unwrap();
/// let rates = Rates { compute: 989e12, bandwidth: 3.35e12, link: 450e9 };
/// let gemm = |rows| Kernel::Gemm(GemmKernel::of_format(rows, 8192.0, 8192.0, "bf16").unwrap());
/// let large = price(&gemm(4096.0), bf16, &rates);
/// let share = 2.0 * 4096.0 * 8192.0 * 8192.0 / large.seconds() / rates.compute;
/// assert!(large.inside && share > 0.5 && share < 1.0);
/// ```
pub fn price(kernel: &Kernel, surface: &Surface, rates: &Rates) -> Priced {
    Pricer::new(kernel, surface).price(kernel, rates)
}

/// A surface with its constants looked up, for pricing many kernels of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Pricer<'a> {
    surface: &'a Surface,
    constants: Vec<f64>,
}

impl<'a> Pricer<'a> {
    /// For kernels of the kind of `kernel`.
    pub(crate) fn new(kernel: &Kernel, surface: &'a Surface) -> Self {
        let constants = kernel.constants().iter().map(|c| surface.constant(c.name)).collect();
        Self { surface, constants }
    }

    /// Constants of the closed form, in its order.
    pub(crate) fn constants(&self) -> &[f64] {
        &self.constants
    }

    pub(crate) fn price(&self, kernel: &Kernel, rates: &Rates) -> Priced {
        let at = kernel.coordinates();
        Priced {
            parts: kernel.closed_form(&self.constants, rates),
            factor: self.surface.factor(&at),
            inside: self.surface.holds(&at),
        }
    }
}

/// Micro to base.
const MICRO: f64 = 1e-6;

/// Two rates that overlap imperfectly: the larger time, a little more where both are alike.
pub(crate) fn overlap(a: f64, b: f64) -> f64 {
    let (a, b) = (a * a, b * b);
    (a * a + b * b).sqrt().sqrt()
}

fn log2(x: f64) -> f64 {
    libm::log2(x.max(1e-9))
}
