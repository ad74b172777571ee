//! Matrix multiplications: tiles in waves over the chip, against reading the weights.

use wattmill_catalog::{MOST_AXES, Precision};

use super::{AxisPlan, Constant, MICRO, Parts, Rates, fixed, free, log2, overlap};

/// A (rows, inputs) x (inputs, outputs) multiplication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GemmKernel {
    /// Rows of activations.
    pub rows: f64,
    /// Columns of the result.
    pub outputs: f64,
    /// What is summed over.
    pub inputs: f64,
    /// Bytes of a stored weight.
    pub weight: f64,
    /// Bytes of an activation read.
    pub activation: f64,
}

/// Format, bytes of a weight and of an activation.
const FORMATS: [(&str, f64, f64); 7] = [
    ("bf16", 2.0, 2.0),
    ("fp8", 1.0, 1.0),
    ("fp8_block", 1.0, 1.0),
    ("fp4", 0.5625, 0.5625),
    ("int8_wo", 1.0, 2.0),
    ("int4_wo", 0.5, 2.0),
    ("sq", 1.0, 1.0),
];

/// Units are the streaming multiprocessors of the family's largest part; `wave` is what each wave
/// of tiles adds, `half_tile` the tile area at which half of the arithmetic rate is reached.
pub(super) const CONSTANTS: &[Constant] = &[
    free("launch_us", 4.0, 0.5, 30.0),
    free("compute", 0.8, 0.05, 2.0),
    free("memory", 0.8, 0.1, 1.0),
    free("wave_us", 0.5, 0.01, 10.0),
    free("half_tile", 1000.0, 10.0, 32768.0),
    fixed("units", 132.0),
];

pub(super) const AXES: &[AxisPlan] = &[
    ("log2 rows", &[0.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 15.0]),
    ("log2 outputs", &[5.0, 7.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 16.0]),
    ("log2 inputs", &[5.0, 7.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 16.0]),
];

/// Tiles that libraries have kernels for.
const TILES: [(f64, f64); 7] = [
    (16.0, 64.0),
    (16.0, 128.0),
    (64.0, 64.0),
    (64.0, 128.0),
    (128.0, 128.0),
    (128.0, 256.0),
    (256.0, 256.0),
];
/// Parts the sum may be split into, so that few tiles still fill the chip.
const SPLITS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// A split sum is at least this deep, and depth is worked off in such pieces.
const DEPTH: f64 = 64.0;
/// Joining the parts of a split sum: another small kernel.
const JOIN_US: f64 = 1.0;

impl GemmKernel {
    /// In a format of the catalogue's surfaces, such as `fp8`. `None` for one nobody knows.
    pub fn of_format(rows: f64, outputs: f64, inputs: f64, format: &str) -> Option<Self> {
        let (_, weight, activation) = FORMATS.into_iter().find(|(name, ..)| *name == format)?;
        Some(Self { rows, outputs, inputs, weight, activation })
    }

    /// In a format of weights.
    pub fn in_precision(rows: f64, outputs: f64, inputs: f64, precision: Precision) -> Self {
        let bytes = precision.bytes_per_weight();
        Self { rows, outputs, inputs, weight: bytes, activation: bytes }
    }

    /// Operations.
    pub fn flops(&self) -> f64 {
        2.0 * self.rows * self.outputs * self.inputs
    }

    /// Bytes read and written.
    pub fn bytes(&self) -> f64 {
        let read =
            self.outputs * self.inputs * self.weight + self.rows * self.inputs * self.activation;
        read + self.rows * self.outputs * 2.0
    }

    pub(super) fn coordinates(&self) -> [f64; MOST_AXES] {
        [log2(self.rows), log2(self.outputs), log2(self.inputs), 0.0]
    }

    pub(super) fn closed_form(&self, constants: &[f64], rates: &Rates) -> Parts {
        let &[launch, compute, memory, wave, half_tile, units] = constants else {
            return Parts { launch: 0.0, compute: 0.0, memory: 0.0, work: f64::NAN };
        };
        let per_unit = rates.compute / units;
        let join = self.rows * self.outputs * 2.4 / (rates.bandwidth * memory);
        let mut best = f64::INFINITY;
        for (tall, wide) in TILES {
            let area = tall * wide;
            let tiles = (self.rows / tall).ceil() * (self.outputs / wide).ceil();
            let rate = per_unit * compute * area / (area + half_tile);
            for split in SPLITS {
                if split > 1.0 && self.inputs / split < DEPTH {
                    break;
                }
                let depth = (self.inputs / split / DEPTH).ceil() * DEPTH;
                let waves = (tiles * split / units).ceil();
                let mut time = waves * (2.0 * area * depth / rate + wave * MICRO);
                if split > 1.0 {
                    time += join * split + JOIN_US * MICRO;
                }
                best = best.min(time);
            }
        }
        let reading = self.bytes() / (rates.bandwidth * memory);
        Parts {
            launch: launch * MICRO,
            compute: best,
            memory: reading,
            work: overlap(best, reading),
        }
    }
}
