//! Where a figure comes from.

use std::fmt;

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

impl Confidence {
    /// As the data files write it.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::E => "E",
        }
    }

    /// From its letter, case ignored.
    pub fn from_letter(letter: &str) -> Option<Self> {
        [Self::A, Self::B, Self::C, Self::E]
            .into_iter()
            .find(|c| c.letter().eq_ignore_ascii_case(letter))
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.letter())
    }
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
    /// Every value the row states, in the order of its type's fields.
    pub fields: Vec<Field>,
}

impl Provenance {
    /// What a row of a table says of all of it; `None` unless it says where, when and how sure.
    pub(crate) fn of_row(row: &toml::Value) -> Option<Self> {
        let text = |name: &str| row.get(name)?.as_str();
        Some(Self {
            source: text("source")?.to_owned(),
            date: text("date")?.to_owned(),
            confidence: Confidence::from_letter(text("confidence")?)?,
            fields: Vec::new(),
        })
    }

    /// The value called `name`, if the row states it.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}
