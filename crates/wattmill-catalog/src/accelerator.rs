//! Accelerator packages.

use std::fmt;

use wattmill_units::{ByteRate, Bytes, FlopRate, Power};

use crate::Provenance;

/// Number format of weights and matrix multiplications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 16 bits.
    Bf16,
    /// 8 bits.
    Fp8,
    /// 4 bits with block scales.
    Fp4,
}

impl Precision {
    /// Every precision, widest first.
    pub const ALL: [Self; 3] = [Self::Bf16, Self::Fp8, Self::Fp4];

    /// Bytes of one stored weight, block scales included (FP4: one FP8 scale for 16 values).
    pub const fn bytes_per_weight(self) -> f64 {
        match self {
            Self::Bf16 => 2.0,
            Self::Fp8 => 1.0,
            Self::Fp4 => 0.5625,
        }
    }

    /// As written in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Fp4 => "fp4",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One accelerator package. `None` is a value no source states.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerator {
    /// Catalogue id, such as `h100-sxm`.
    pub id: String,
    /// As the vendor calls it.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Family whose measured efficiency it has or borrows, such as `hopper`.
    pub family: String,
    /// Announced or shipped, as `2024-06` or `2027 (planned)`.
    pub launch: String,
    /// Dense BF16 peak.
    pub bf16: Option<FlopRate>,
    /// Dense FP8 peak.
    pub fp8: Option<FlopRate>,
    /// Dense FP4 peak.
    pub fp4: Option<FlopRate>,
    /// Usable memory.
    pub memory: Option<Bytes>,
    /// Peak memory bandwidth.
    pub memory_bandwidth: Option<ByteRate>,
    /// Scale-up bandwidth of one accelerator in one direction.
    pub scaleup: Option<ByteRate>,
    /// Accelerators in one scale-up domain.
    pub scaleup_domain: Option<u32>,
    /// Scale-out bandwidth of one accelerator in one direction.
    pub scaleout: Option<ByteRate>,
    /// Package power limit.
    pub tdp: Option<Power>,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl Accelerator {
    /// Dense peak for matrix multiplications of operands in `precision`, if it has such units.
    pub const fn peak(&self, precision: Precision) -> Option<FlopRate> {
        match precision {
            Precision::Bf16 => self.bf16,
            Precision::Fp8 => self.fp8,
            Precision::Fp4 => self.fp4,
        }
    }
}
