//! Accelerator packages.

use std::fmt;

use toml::Table;
use wattmill_units::{ByteRate, Bytes, FlopRate, Power};

use crate::Provenance;
use crate::row::{Row, RowError};

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
    /// Package power limit, which everything is priced at.
    pub tdp: Option<Power>,
    /// Limit that the maker allows besides, where it has two: Max-P, of which `tdp` is the Max-Q.
    pub tdp_max_p: Option<Power>,
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

    /// Why nothing is known of what it draws; `None` where its power limit is stated.
    ///
    /// ```
    /// # use wattmill_catalog::Catalog;
    /// let known = |id| Catalog::builtin().accelerator(id).unwrap().power_unknown();
    /// assert_eq!(known("h100-sxm"), None);
    /// assert!(known("tpu-v6e").unwrap().starts_with("power unknown: no published TDP"));
    /// ```
    pub fn power_unknown(&self) -> Option<String> {
        self.tdp.is_none().then(|| {
            format!(
                "power unknown: no published TDP of `{}`; times hold, and `tdp` in an accelerator of \
                 your own gives watts",
                self.id
            )
        })
    }

    /// Values without which it can be shown but not priced. Without `tdp` it is priced in time alone:
    /// what it draws is then not known.
    pub fn missing(&self) -> Vec<&'static str> {
        let peak = Precision::ALL.iter().any(|p| self.peak(*p).is_some());
        [
            ("a dense peak", peak),
            ("memory", self.memory.is_some()),
            ("memory_bandwidth", self.memory_bandwidth.is_some()),
            ("scaleup", self.scaleup.is_some() || self.scaleup_domain == Some(1)),
            ("scaleup_domain", self.scaleup_domain.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect()
    }
}

/// One accelerator from its table, such as an `[accelerator.mine]` of a factory file.
///
/// Every value may be bare or `{ value = …, source = …, confidence = … }`. Only `family` must be
/// there; a row that names no source counts as its author's estimate.
///
/// # Errors
///
/// Everything that is wrong with the row: unknown keys, values without unit or below zero, no
/// family.
pub fn parse_accelerator(id: &str, table: &Table) -> Result<Accelerator, Vec<RowError>> {
    let mut row = Row::new(table);
    let name = row.text("name").unwrap_or_else(|| id.to_owned());
    let vendor = row.text("vendor").unwrap_or_default();
    let family = row.text("family");
    let wanted = "the chip family whose efficiency it has, like `hopper`";
    let family = family.unwrap_or_else(|| row.absent("family", wanted, String::new()));
    let launch = row.text("launch").unwrap_or_default();
    row.shown(&["status", "dies"]);
    let (bf16, fp8) = (row.quantity("bf16"), row.quantity("fp8"));
    row.shown(&["fp6"]);
    let fp4 = row.quantity("fp4");
    row.shown(&["fp4_advertised"]);
    let memory = row.quantity("memory");
    let memory_bandwidth = row.quantity("memory_bandwidth");
    let scaleup = row.quantity("scaleup");
    let scaleup_domain = row.count("scaleup_domain");
    let scaleout = row.quantity("scaleout");
    let tdp = row.quantity::<Power>("tdp");
    let tdp_max_p = row.quantity::<Power>("tdp_max_p");
    if let (Some(tdp), Some(most)) = (tdp, tdp_max_p)
        && tdp > most
    {
        row.refuse("tdp_max_p", format!("{most} is below tdp, {tdp}"));
    }
    row.shown(&["facility_power", "cost_per_hour"]);
    Ok(Accelerator {
        id: id.to_owned(),
        name,
        vendor,
        family,
        launch,
        bf16,
        fp8,
        fp4,
        memory,
        memory_bandwidth,
        scaleup,
        scaleup_domain,
        scaleout,
        tdp,
        tdp_max_p,
        provenance: row.finish()?,
    })
}
