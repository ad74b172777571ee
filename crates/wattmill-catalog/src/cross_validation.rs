//! How far predictions are from models and chips that no constant was fitted to.

use toml::{Table, Value};

/// What `cargo xtask calibrate cross` found.
const BUILTIN: &str = include_str!("../data/cross-validation.toml");

/// The error of one metric on rows whose model or chip was left out of the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOutError {
    /// What was left out together: `model` or `chip`.
    pub by: String,
    /// Engine whose constants were fitted without it; empty for all rows, whatever their engine.
    pub constants: String,
    /// Kind of answer: `tpot_ms`, `ttft_ms`, …
    pub metric: String,
    /// Rows predicted.
    pub rows: u32,
    /// Median of |predicted / measured - 1|.
    pub median: f64,
    /// 90th percentile of the same.
    pub p90: f64,
}

impl LeftOutError {
    /// Every one that is compiled in, as they were written.
    ///
    /// ```
    /// use wattmill_catalog::LeftOutError;
    /// let all = LeftOutError::builtin();
    /// assert!(all.iter().all(|error| error.rows > 0 && error.median <= error.p90));
    /// ```
    pub fn builtin() -> Vec<Self> {
        Self::parse(BUILTIN).expect("a test proves that the built-in table parses")
    }

    /// Those of a text; `None` where it is no such table.
    fn parse(text: &str) -> Option<Vec<Self>> {
        let table: Table = text.parse().ok()?;
        let groups = table.get("left_out").and_then(Value::as_array);
        groups.map_or(&[][..], Vec::as_slice).iter().map(Self::of).collect()
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let share = |name: &str| value.get(name)?.as_float().filter(|v| v.is_finite());
        Some(Self {
            by: text("by")?,
            constants: text("constants")?,
            metric: text("metric")?,
            rows: u32::try_from(value.get("rows")?.as_integer()?).ok()?,
            median: share("median")?,
            p90: share("p90")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_or_refused() {
        let text = "[[left_out]]\nby = \"chip\"\nconstants = \"vllm\"\nmetric = \"tpot_ms\"\n\
                    rows = 3\nmedian = 0.1\np90 = 0.2\n";
        let read = LeftOutError::parse(text).expect("it is one");
        assert_eq!((read[0].by.as_str(), read[0].rows, read[0].p90), ("chip", 3, 0.2));
        assert_eq!(LeftOutError::parse(""), Some(Vec::new()));
        assert_eq!(LeftOutError::parse(&text.replace("rows = 3", "rows = -3")), None);
        assert!(LeftOutError::parse(BUILTIN).is_some());
    }
}
