//! One accelerator's rates, and the price of its kernels inside an engine.

use wattmill_catalog::{Overheads, Precision, Surface, Surfaces};
use wattmill_factory::PowerCap;
use wattmill_units::{Bytes, Energy, FlopRate, Flops, Power, Seconds};

use crate::deployment::Deployment;
use crate::kernels::{ExpertsKernel, GemmKernel, Kernel, Parts, Pricer, Rates};
use crate::operator::{Bound, Operator, SurfaceUse};
use crate::power::{Draw, Load, Run, Span};

/// Share of memory bandwidth that kernels reach which only move memory. Measured: the memory-bound
/// corner of the matrix multiplications of every family.
const STREAMING: f64 = 0.8;

/// Rates of one accelerator and everything that prices its kernels.
#[derive(Clone, Debug)]
pub(crate) struct Chip<'a> {
    precision: Precision,
    /// Rates of BF16.
    pub(crate) wide: Rates,
    /// Rates of the weights' format; BF16's where the chip has no such units, and the weights are
    /// widened first.
    narrow: Rates,
    /// Whether it has units of the weights' format.
    native: bool,
    surfaces: &'a Surfaces,
    /// Compute rate against the family its surfaces were measured on, by format.
    relative: [f64; 3],
    pub(crate) overheads: Overheads,
    power: Draw,
    /// Idle power of the whole replica; `None` where nothing states the chip's power limit.
    pub(crate) idle: Option<Power>,
}

/// Matrix multiplications of one shape: rows of activations times weights, in every layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    pub(crate) name: &'static str,
    pub(crate) layers: f64,
    pub(crate) rows: f64,
    pub(crate) outputs: f64,
    pub(crate) inputs: f64,
    pub(crate) precision: Precision,
    /// Whether weights are scaled block by block, as checkpoints with experts are.
    pub(crate) blocks: bool,
}

/// A kernel's surface with the constants looked up.
#[derive(Clone, Debug)]
pub(crate) struct Surfaced<'a> {
    pub(crate) pricer: Pricer<'a>,
    pub(crate) used: SurfaceUse,
}

impl<'a> Chip<'a> {
    /// Of a deployment whose accelerator misses nothing.
    pub(crate) fn of(deployment: &Deployment<'a>) -> Option<Self> {
        let (chip, share) = (deployment.accelerator, deployment.efficiency);
        let precision = deployment.spec.precision;
        // Chips that publish no BF16 peak have always run it at half of FP8.
        let peak_bf16 = match (chip.bf16, chip.fp8, chip.fp4) {
            (Some(rate), _, _) => rate.as_flops_per_s(),
            (_, Some(rate), _) => rate.as_flops_per_s() / 2.0,
            (_, _, Some(rate)) => rate.as_flops_per_s() / 4.0,
            _ => return None,
        };
        let accelerators = f64::from(deployment.spec.layout.accelerators());
        let limit = chip.tdp.map(|each| each * accelerators);
        let power = chip.tdp.map_or(Draw::without_limit(share), |each| {
            let cap = PowerCap::at_most(deployment.spec.power_cap, each);
            Draw::of(share, each * accelerators, cap * accelerators)
        });
        let wide = Rates {
            compute: peak_bf16,
            bandwidth: chip.memory_bandwidth?.as_bytes_per_s(),
            link: chip.scaleup.map_or(0.0, |r| r.as_bytes_per_s()),
        };
        let peak = chip.peak(precision).map(|p| p.as_flops_per_s());
        Some(Self {
            precision,
            wide,
            narrow: Rates { compute: peak.unwrap_or(peak_bf16), ..wide },
            native: peak.is_some(),
            surfaces: &share.surfaces,
            relative: share.gemm_of_lender,
            overheads: share.overheads(deployment.spec.flavour.name()),
            power,
            idle: limit.map(|limit| limit * share.idle_fraction),
        })
    }

    /// Dense peak of BF16.
    pub(crate) const fn peak_wide(&self) -> FlopRate {
        FlopRate::from_flops_per_s(self.wide.compute)
    }

    /// Format of the weights.
    pub(crate) const fn precision(&self) -> Precision {
        self.precision
    }

    /// The first surface of `operator` there is among `formats`.
    pub(crate) fn surface(
        &self,
        kernel: &Kernel,
        formats: &[&'static str],
    ) -> Option<Surfaced<'a>> {
        let operator = kernel.operator();
        let found = |format: &&'static str| Some((*format, self.surfaces.get(operator, format)?));
        let (format, surface): (_, &'a Surface) = formats.iter().find_map(found)?;
        let used = SurfaceUse { operator, format, rows: surface.rows, inside: true };
        Some(Surfaced { pricer: Pricer::new(kernel, surface), used })
    }

    /// What BF16 work of one accelerator draws on the whole replica.
    pub(crate) const fn draws_wide(&self) -> KernelDraw {
        KernelDraw {
            draw: self.power,
            per_flop: self.power.compute / self.wide.compute,
            per_byte: self.power.memory / self.wide.bandwidth,
        }
    }

    /// Sending `bytes` from each accelerator in `seconds`.
    pub(crate) fn send(&self, bytes: f64, seconds: f64) -> Run {
        let at_peak = if self.wide.link > 0.0 { bytes / self.wide.link } else { 0.0 };
        self.power.send(seconds, at_peak)
    }

    /// What so many joules above idle are, whole replica; `None` where no power limit is stated.
    pub(crate) fn energy(&self, joules: f64) -> Option<Energy> {
        self.power.energy(joules)
    }

    /// Energy above idle, whole replica, while the engine keeps it waiting.
    pub(crate) fn energy_of_waiting(&self, seconds: f64) -> Option<Energy> {
        self.energy(self.power.waiting(seconds))
    }

    /// Energy above idle, whole replica, of the engine's work on each sequence.
    pub(crate) fn energy_of_sequences(&self, seconds: f64) -> Option<Energy> {
        self.energy(self.power.sequences(seconds))
    }

    /// A matrix multiplication of every layer.
    pub(crate) fn linear(&self, linear: &Linear) -> Operator {
        let wide = matches!(linear.precision, Precision::Bf16);
        let rates = if wide { self.wide } else { self.narrow };
        let mut kernel =
            GemmKernel::in_precision(linear.rows, linear.outputs, linear.inputs, linear.precision);
        let widened = !wide && !self.native;
        if widened {
            kernel.activation = 2.0;
        }
        let formats: &[&'static str] = match (linear.precision, linear.blocks) {
            (Precision::Bf16, _) => &["bf16"],
            (Precision::Fp8, _) if widened => &["int8_wo", "bf16"],
            (Precision::Fp8, true) => &["fp8_block", "fp8", "bf16"],
            (Precision::Fp8, false) => &["fp8", "bf16"],
            (Precision::Fp4, _) if widened => &["int4_wo", "bf16"],
            (Precision::Fp4, _) => &["fp4", "fp8", "bf16"],
        };
        let relative = self.relative[linear.precision as usize];
        let scaled = Rates { compute: rates.compute * relative, ..rates };
        let as_kernel = Kernel::Gemm(kernel);
        let Some(surfaced) = self.surface(&as_kernel, formats) else {
            return self.streaming(linear.name, linear.layers, linear.layers * kernel.bytes());
        };
        let priced = surfaced.pricer.price(&as_kernel, &scaled);
        let o = &self.overheads;
        let factor = priced.factor * blend(&priced.parts, o.multiplying, o.reading);
        let flops = linear.layers * kernel.flops();
        let bytes = linear.layers * kernel.bytes();
        let used = SurfaceUse { inside: priced.inside, ..surfaced.used };
        self.operator(linear.name, linear.layers, &priced.parts, factor, flops, bytes, &rates, used)
    }

    /// The routed experts of every layer: what the mean accelerator does, in the time of the busiest,
    /// which has `imbalance` times as many tokens.
    pub(crate) fn experts(
        &self,
        layers: f64,
        mut kernel: ExpertsKernel,
        imbalance: f64,
    ) -> Option<Operator> {
        let mut rates = self.narrow;
        kernel.weight = self.precision.bytes_per_weight();
        let formats: &[&'static str] = match self.precision {
            Precision::Bf16 => &["bf16_skew101"],
            Precision::Fp8 => &["fp8_block_skew101"],
            Precision::Fp4 if self.native => &["w4a8_skew101", "fp8_block_skew101"],
            Precision::Fp4 => &["w4a16_skew101", "bf16_skew101"],
        };
        let as_kernel = Kernel::Experts(kernel);
        let four_bits = self.surface(&as_kernel, formats)?;
        // Four-bit experts were measured in one shape; others go by the wider table.
        let mut surfaced = four_bits;
        if matches!(self.precision, Precision::Fp4) && kernel.experts > 128.0 {
            surfaced = self.surface(&as_kernel, &formats[1..])?;
        } else if surfaced.used.format == "w4a8_skew101" {
            rates.compute = rates.compute.min(self.wide.compute * 2.0);
        }
        let busiest = ExpertsKernel { tokens: kernel.tokens * imbalance, ..kernel };
        let priced = surfaced.pricer.price(&Kernel::Experts(busiest), &rates);
        // Weights are read for all by the one that has most of them to read.
        let waiting = blend(&priced.parts, 1.0, kernel.busiest());
        let factor = priced.factor * self.overheads.experts * waiting;
        let (flops, bytes) = (layers * kernel.flops(), layers * kernel.bytes());
        let used = SurfaceUse { inside: priced.inside, ..surfaced.used };
        Some(self.operator(
            "experts",
            layers,
            &priced.parts,
            factor,
            flops,
            bytes,
            &self.narrow,
            used,
        ))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one sum")]
    fn operator(
        &self,
        name: &'static str,
        layers: f64,
        parts: &Parts,
        factor: f64,
        flops: f64,
        bytes: f64,
        rates: &Rates,
        used: SurfaceUse,
    ) -> Operator {
        let launch = self.overheads.launch * parts.launch;
        let span = Span {
            fixed: layers * launch,
            work: layers * factor * parts.work,
            compute: layers * factor * parts.compute,
            memory: layers * factor * parts.memory,
        };
        let draws =
            KernelDraw { per_flop: self.power.compute / rates.compute, ..self.draws_wide() };
        let run = draws.run(&span, flops, bytes);
        Operator {
            name,
            flops: Flops::from_flops(flops),
            peak: FlopRate::from_flops_per_s(rates.compute),
            bytes: Bytes::from_bytes(bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(run.seconds),
            energy: self.energy(run.joules),
            clock: run.clock,
            bound: limit(&span, flops / (rates.compute * run.clock), bytes / rates.bandwidth),
            surface: Some(used),
        }
    }

    /// Small kernels that only move memory.
    pub(crate) fn streaming(&self, name: &'static str, kernels: f64, bytes: f64) -> Operator {
        let latency = kernels * self.overheads.kernel;
        let memory = bytes / (self.wide.bandwidth * STREAMING);
        let span = Span { fixed: latency, work: memory, compute: 0.0, memory };
        let run = self.draws_wide().run(&span, 0.0, bytes);
        Operator {
            name,
            flops: Flops::ZERO,
            peak: FlopRate::ZERO,
            bytes: Bytes::from_bytes(bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(run.seconds),
            energy: self.energy(run.joules),
            clock: run.clock,
            bound: limit(&span, 0.0, memory),
            surface: None,
        }
    }
}

/// What kernels of one format draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct KernelDraw {
    draw: Draw,
    /// Seconds at the limit that an operation and a byte of one accelerator are worth.
    per_flop: f64,
    per_byte: f64,
}

impl KernelDraw {
    /// What so many joules above idle are; `None` where no power limit is stated.
    pub(crate) fn energy(&self, joules: f64) -> Option<Energy> {
        self.draw.energy(joules)
    }

    /// A kernel that takes `span` at the full clock and does so much work on one accelerator.
    #[inline]
    pub(crate) fn run(&self, span: &Span, flops: f64, bytes: f64) -> Run {
        self.draw.run(span, Load::of(self.per_flop * flops, self.per_byte * bytes))
    }
}

/// One of two factors, or between them where arithmetic and memory take alike.
fn blend(parts: &Parts, compute: f64, memory: f64) -> f64 {
    let weigh = |x: f64| {
        let square = x * x;
        square * square
    };
    let (c, m) = (weigh(parts.compute), weigh(parts.memory));
    if c + m > 0.0 { (compute * c + memory * m) / (c + m) } else { memory }
}

/// What limits a kernel of which arithmetic and memory would take so long at their peaks.
pub(crate) fn limit(span: &Span, arithmetic: f64, traffic: f64) -> Bound {
    if span.fixed >= span.work {
        Bound::Latency
    } else if arithmetic >= traffic {
        Bound::Compute
    } else {
        Bound::Memory
    }
}

/// Which of the three is largest.
pub(crate) fn bound(latency: f64, compute: f64, memory: f64) -> Bound {
    if latency >= compute && latency >= memory {
        Bound::Latency
    } else if compute >= memory {
        Bound::Compute
    } else {
        Bound::Memory
    }
}
