//! Where a figure comes from.

/// How sure the source is, as a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Read in a primary document, data file or code, or computed from one.
    A,
    /// Read in a secondary page.
    B,
    /// General knowledge, or only partly supported.
    C,
    /// Estimate or derivation.
    E,
}

/// One published value as the catalogue shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name, as in the data file.
    pub name: &'static str,
    /// Value with its unit, as one would write it in a factory file.
    pub value: String,
    /// Source of this very value, if it is not the row's.
    pub source: Option<String>,
    /// Confidence in this very value, if it is not the row's.
    pub confidence: Option<Confidence>,
}

/// Source of a row and every value it states.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Where the row was read.
    pub source: String,
    /// When the source says it holds, as `2026-08-21` or coarser.
    pub date: String,
    /// How sure.
    pub confidence: Confidence,
    /// Every value, in the order of the data file.
    pub fields: Vec<Field>,
}
