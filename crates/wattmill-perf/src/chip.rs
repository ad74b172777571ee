//! One accelerator's rates as reached in practice, and the price of kernels at them.

use wattmill_catalog::Precision;
use wattmill_units::{Bytes, Energy, Flops, Power, Seconds};

use crate::deployment::Deployment;
use crate::operator::{Bound, Operator};

/// Peaks and shares of them, as plain numbers per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chip {
    precision: Precision,
    /// Peak of the weights' format, flop/s.
    peak: f64,
    /// Peak of BF16, flop/s.
    pub(crate) peak_bf16: f64,
    gemm: f64,
    pub(crate) gemm_bf16: f64,
    /// Peak memory bandwidth, bytes/s.
    pub(crate) bandwidth: f64,
    memory_weights: f64,
    memory_weights_bf16: f64,
    pub(crate) memory_kv: f64,
    /// Fixed cost of a kernel, s.
    pub(crate) kernel: f64,
    /// Power above idle at most, W, whole replica.
    dynamic: f64,
    power_compute: f64,
    power_memory: f64,
    /// Idle power of the whole replica.
    pub(crate) idle: Power,
}

/// A matrix multiplication of every layer: rows of activations times weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemm {
    pub(crate) name: &'static str,
    pub(crate) layers: f64,
    /// Kernels it is made of, per layer.
    pub(crate) kernels: f64,
    pub(crate) rows: f64,
    /// Weights of one layer.
    pub(crate) weights: f64,
    /// Numbers read and written per row.
    pub(crate) row_io: f64,
    pub(crate) precision: Precision,
}

impl Chip {
    /// Of a deployment whose accelerator misses nothing.
    pub(crate) fn of(deployment: &Deployment<'_>) -> Option<Self> {
        let (chip, share) = (deployment.accelerator, deployment.efficiency);
        let precision = deployment.spec.precision;
        let peak = chip.peak(precision)?.as_flops_per_s();
        // Chips that publish no BF16 peak have always run it at half of FP8.
        let peak_bf16 = match (chip.bf16, chip.fp8, chip.fp4) {
            (Some(rate), _, _) => rate.as_flops_per_s(),
            (_, Some(rate), _) => rate.as_flops_per_s() / 2.0,
            (_, _, Some(rate)) => rate.as_flops_per_s() / 4.0,
            _ => return None,
        };
        let accelerators = f64::from(deployment.spec.layout.accelerators());
        let limit = chip.tdp? * accelerators;
        let idle = limit * share.idle_fraction;
        Some(Self {
            precision,
            peak,
            peak_bf16,
            gemm: share.gemm_at(precision),
            gemm_bf16: share.gemm_at(Precision::Bf16),
            bandwidth: chip.memory_bandwidth?.as_bytes_per_s(),
            memory_weights: share.memory_weights_at(precision),
            memory_weights_bf16: share.memory_weights_at(Precision::Bf16),
            memory_kv: share.memory_kv,
            kernel: share.kernel_latency.as_s(),
            dynamic: (limit - idle).as_watts(),
            power_compute: share.power_compute,
            power_memory: share.power_memory,
            idle,
        })
    }

    /// Format of the weights.
    pub(crate) const fn precision(&self) -> Precision {
        self.precision
    }

    /// Joules above idle, whole replica, of BF16 work on one accelerator, power limit aside.
    pub(crate) fn joules_bf16(&self, flops: f64, bytes: f64) -> f64 {
        self.joules(flops / self.peak_bf16, bytes / self.bandwidth)
    }

    /// Watts above idle, whole replica, times seconds of work at full rate of one accelerator.
    fn joules(&self, compute_at_peak: f64, memory_at_peak: f64) -> f64 {
        self.dynamic * (self.power_compute * compute_at_peak + self.power_memory * memory_at_peak)
    }

    /// The most energy above idle that `seconds` allow, J.
    pub(crate) fn joules_at_most(&self, seconds: f64) -> f64 {
        self.dynamic * seconds
    }

    /// Arithmetic and weight reading overlap imperfectly: measured times follow the root of the sum
    /// of squares of the two, not the larger one. A narrow format quantises its input first, which
    /// takes a kernel of its own.
    pub(crate) fn gemm(&self, gemm: &Gemm) -> Operator {
        let (compute, memory, flops, bytes, peak) = self.gemm_parts(gemm);
        let work = (compute * compute + memory * memory).sqrt();
        self.operator(gemm, work, compute, memory, flops, bytes, peak)
    }

    /// Many small multiplications in one kernel, some of them of a few rows: arithmetic and memory
    /// do not overlap, rows fill tiles, and the fullest expert is waited for.
    pub(crate) fn grouped_gemm(&self, gemm: &Gemm, groups: f64, routed_rows: f64) -> Operator {
        let (_, _, _, bytes, peak) = self.gemm_parts(gemm);
        // One long read of many matrices loses less to their ends than each would alone; taken as
        // halfway to the share of BF16. Measured with aiconfigurator's MoE tables: 0.63 to 0.77 for
        // FP8 on H100, 0.67 to 0.73 for FP4 on B200, skewed routing included.
        let reading = (self.memory_weights + self.memory_weights_bf16) / 2.0;
        let memory = bytes / (self.bandwidth * reading);
        let flops = 2.0 * routed_rows * gemm.weights / groups.max(1.0) * gemm.layers;
        let tiles = (routed_rows + groups * HALF_TILE) / routed_rows.max(1e-9);
        let compute = flops * tiles / (peak * self.gemm * GROUPED_OF_GEMM);
        self.operator(gemm, compute + memory, compute, memory, flops, bytes, peak)
    }

    fn gemm_parts(&self, gemm: &Gemm) -> (f64, f64, f64, f64, f64) {
        let wide = matches!(gemm.precision, Precision::Bf16);
        let (peak, share, reading) = if wide {
            (self.peak_bf16, self.gemm_bf16, self.memory_weights_bf16)
        } else {
            (self.peak, self.gemm, self.memory_weights)
        };
        let flops = gemm.layers * 2.0 * gemm.rows * gemm.weights;
        let weights = gemm.weights * gemm.precision.bytes_per_weight();
        let bytes = gemm.layers * (weights + gemm.rows * gemm.row_io * 2.0);
        let compute = flops / (peak * share);
        let memory = bytes / (self.bandwidth * reading);
        (compute, memory, flops, bytes, peak)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one sum")]
    fn operator(
        &self,
        gemm: &Gemm,
        work: f64,
        compute: f64,
        memory: f64,
        flops: f64,
        bytes: f64,
        peak: f64,
    ) -> Operator {
        let quantise = f64::from(u8::from(!matches!(gemm.precision, Precision::Bf16)));
        let latency = gemm.layers * gemm.kernels * (1.0 + quantise) * self.kernel;
        let time = latency + work;
        let joules = self.joules(flops / peak, bytes / self.bandwidth);
        Operator {
            name: gemm.name,
            flops: Flops::from_flops(flops),
            bytes: Bytes::from_bytes(bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(time),
            energy: Energy::from_joules(joules.min(self.joules_at_most(time))),
            bound: bound(latency, compute, memory),
        }
    }

    /// Kernels that only move memory.
    pub(crate) fn streaming(&self, name: &'static str, kernels: f64, bytes: f64) -> Operator {
        let latency = kernels * self.kernel;
        let memory = bytes / (self.bandwidth * self.memory_weights_bf16);
        let time = latency + memory;
        let joules = self.joules(0.0, bytes / self.bandwidth);
        Operator {
            name,
            flops: Flops::ZERO,
            bytes: Bytes::from_bytes(bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(time),
            energy: Energy::from_joules(joules.min(self.joules_at_most(time))),
            bound: bound(latency, 0.0, memory),
        }
    }
}

/// Rows an expert wastes on average by filling its last tile; engines take small tiles for few rows.
const HALF_TILE: f64 = 8.0;
/// Grouped multiplications reach this share of what a large plain one does, imbalance between
/// experts included. Measured: aiconfigurator MoE tables of H100, BF16 and FP8, power-law routing.
const GROUPED_OF_GEMM: f64 = 0.5;

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
