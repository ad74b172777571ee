//! What is lost between the power station and the accelerators.

use toml::{Table, Value};

use crate::Provenance;

/// What is known without a factory file.
const BUILTIN: &str = include_str!("../data/conversion.toml");

/// A step in which power is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// What loses it.
    pub says: String,
    /// Which published power has the loss in it.
    pub inside: Inside,
    /// What comes out over what goes in, from 0 to 1.
    pub efficiency: f64,
    /// Where it was read, when it was made, how sure it is.
    pub provenance: Provenance,
}

/// Which power a loss is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// IT power of a server or rack.
    Unit,
    /// Facility power: what PUE adds to IT.
    Facility,
    /// What has to be generated, and is not drawn at the meter.
    Beyond,
}

impl Conversion {
    /// Every step that is compiled in, from the packages outwards.
    ///
    /// ```
    /// use wattmill_catalog::{Conversion, Inside};
    /// let all = Conversion::builtin();
    /// assert_eq!(all.first().unwrap().inside, Inside::Unit);
    /// assert!(all.iter().all(|step| (0.9..1.0).contains(&step.efficiency)));
    /// ```
    pub fn builtin() -> Vec<Self> {
        Self::parse(BUILTIN).expect("a test proves that the built-in table parses")
    }

    /// Those of a text; `None` where it is no such table.
    fn parse(text: &str) -> Option<Vec<Self>> {
        let table: Table = text.parse().ok()?;
        table.get("conversion")?.as_array()?.iter().map(Self::of).collect()
    }

    fn of(row: &Value) -> Option<Self> {
        let inside = match row.get("inside")?.as_str()? {
            "unit" => Inside::Unit,
            "facility" => Inside::Facility,
            "beyond" => Inside::Beyond,
            _ => return None,
        };
        let efficiency = row.get("efficiency")?.as_float()?;
        (efficiency > 0.0 && efficiency <= 1.0).then_some(())?;
        Some(Self {
            says: row.get("says")?.as_str()?.to_owned(),
            inside,
            efficiency,
            provenance: Provenance::of_row(row)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_or_refused() {
        let all = Conversion::parse(BUILTIN).expect("it is one");
        // Outwards: what is in a unit comes before what is around it.
        assert!(all.is_sorted_by_key(|step| step.inside as u8), "{all:?}");
        for (right, wrong) in [
            ("efficiency = 0.96", "efficiency = 1.04"),
            ("inside = \"unit\"", "inside = \"it\""),
            ("confidence = \"A\"", ""),
            ("confidence = \"A\"", "confidence = \"Z\""),
        ] {
            assert_eq!(Conversion::parse(&BUILTIN.replacen(right, wrong, 1)), None, "{wrong}");
        }
    }
}
