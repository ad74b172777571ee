//! How much power an accelerator takes, as others state it, and how they count.

use toml::{Table, Value};
use wattmill_units::Power;

use crate::Provenance;

/// What is known without a factory file.
const BUILTIN: &str = include_str!("../data/stated-power.toml");

/// Somebody's statement about the power of an accelerator with everything that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedPower {
    /// Its name in the table.
    pub id: String,
    /// Who says what.
    pub says: String,
    /// Catalogue id of the accelerator; none where the statement is about any.
    pub accelerator: Option<String>,
    /// What is stated.
    pub statement: Statement,
    /// Where it was read, when it was made, how sure it is.
    pub provenance: Provenance,
}

/// What is stated.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Power of one accelerator.
    Each {
        /// Best single figure.
        power: Power,
        /// Lowest.
        low: Power,
        /// Highest.
        high: Power,
        /// Whether cooling and conversion are in it.
        facility: bool,
        /// The power and the accelerators in it that the statement names, from lowest to highest.
        accelerators: Option<(Power, [f64; 3])>,
    },
    /// Each over the one before, from the power limits of packages to the peak at the meter.
    Chain {
        /// Server over its packages.
        server_over_packages: f64,
        /// IT over its servers.
        it_over_server: f64,
        /// Facility over its IT, at peak.
        facility_over_it: f64,
    },
    /// Units in a power over those that their provisioned powers add up to.
    Oversubscribed {
        /// How many times, above 1.
        times: f64,
        /// Catalogue ids of the systems that it is stated of.
        systems: Vec<String>,
    },
}

impl StatedPower {
    /// Every statement that is compiled in.
    ///
    /// ```
    /// use wattmill_catalog::StatedPower;
    /// let all = StatedPower::builtin();
    /// assert!(all.iter().all(|stated| !stated.provenance.source.is_empty()));
    /// ```
    pub fn builtin() -> Vec<Self> {
        Self::parse(BUILTIN).expect("a test proves that the built-in table parses")
    }

    /// Those of a text; `None` where it is no such table.
    fn parse(text: &str) -> Option<Vec<Self>> {
        let table: Table = text.parse().ok()?;
        table.iter().map(|(id, row)| Self::of(id, row)).collect()
    }

    fn of(id: &str, row: &Value) -> Option<Self> {
        let text = |name: &str| Some(row.get(name)?.as_str()?.to_owned());
        let number = |name: &str| {
            let value = row.get(name)?;
            value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
        };
        let power = |name: &str| row.get(name)?.as_str()?.parse::<Power>().ok();
        let statement = match (number("server_over_packages"), number("oversubscribed")) {
            (Some(server_over_packages), _) => Statement::Chain {
                server_over_packages,
                it_over_server: number("it_over_server")?,
                facility_over_it: number("facility_over_it")?,
            },
            (None, Some(times)) => {
                let ids = row.get("systems")?.as_array()?.iter();
                let systems = ids.map(|id| Some(id.as_str()?.to_owned())).collect::<Option<_>>()?;
                Statement::Oversubscribed { times, systems }
            }
            (None, None) => {
                let best = power("power")?;
                let named = |of: Power| {
                    let middle = number("accelerators")?;
                    let or_middle = |name: &str| number(name).unwrap_or(middle);
                    let ends = (or_middle("accelerators_low"), or_middle("accelerators_high"));
                    Some((of, [ends.0, middle, ends.1]))
                };
                Statement::Each {
                    power: best,
                    low: power("low").unwrap_or(best),
                    high: power("high").unwrap_or(best),
                    facility: text("counted")? == "facility",
                    accelerators: power("of").and_then(named),
                }
            }
        };
        Some(Self {
            id: id.to_owned(),
            says: text("says")?,
            accelerator: text("accelerator"),
            statement,
            provenance: Provenance::of_row(row)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_or_refused() {
        let all = StatedPower::parse(BUILTIN).expect("it is one");
        for stated in &all {
            // What a statement says twice, it says the same.
            if let Statement::Each { power, low, high, accelerators, .. } = &stated.statement {
                assert!(low <= power && power <= high, "{}", stated.id);
                if let Some((of, [_, middle, _])) = accelerators {
                    let said = *of / *power;
                    assert!((said / middle - 1.0).abs() < 2e-3, "{}: {said}", stated.id);
                }
            }
            if let Statement::Oversubscribed { times, systems } = &stated.statement {
                let catalog = crate::Catalog::builtin();
                assert!(*times > 1.0, "{}: {times}", stated.id);
                assert!(systems.iter().all(|id| catalog.system(id).is_some()), "{systems:?}");
            }
        }
        let without = BUILTIN.replacen("confidence", "confidences", 1);
        assert_eq!(StatedPower::parse(&without), None, "no row without its confidence");
    }
}
