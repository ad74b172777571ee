//! How far predictions of a run are with constants that were fitted to other runs only.

use toml::{Table, Value};

/// What `cargo xtask calibrate runs` found.
const BUILTIN: &str = include_str!("../data/cross-runs.toml");

/// One figure of a run, predicted with constants fitted to other runs of its engine and chip family.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossRunError {
    /// Models of the runs that were fitted to.
    pub fitted_to: Vec<String>,
    /// Model of the run that is scored.
    pub model: String,
    /// Chip of that run.
    pub accelerator: String,
    /// Engine of that run.
    pub engine: String,
    /// The figure: `tpot_ms`, `ttft_p90_ms`, …
    pub metric: String,
    /// As measured.
    pub measured: f64,
    /// As predicted.
    pub predicted: f64,
}

impl CrossRunError {
    /// Every one that is compiled in, as they were written.
    ///
    /// ```
    /// use wattmill_catalog::CrossRunError;
    /// let all = CrossRunError::builtin();
    /// assert!(all.iter().all(|run| !run.fitted_to.contains(&run.model) && run.error() > -1.0));
    /// ```
    pub fn builtin() -> Vec<Self> {
        Self::parse(BUILTIN).expect("a test proves that the built-in table parses")
    }

    /// Predicted over measured, minus 1.
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }

    /// Those of a text; `None` where it is no such table.
    fn parse(text: &str) -> Option<Vec<Self>> {
        let table: Table = text.parse().ok()?;
        let runs = table.get("run").and_then(Value::as_array);
        runs.map_or(&[][..], Vec::as_slice).iter().map(Self::of).collect()
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let above_zero =
            |name: &str| value.get(name)?.as_float().filter(|v| v.is_finite() && *v > 0.0);
        let models = value.get("fitted_to")?.as_array()?.iter();
        Some(Self {
            fitted_to: models.map(|m| Some(m.as_str()?.to_owned())).collect::<Option<_>>()?,
            model: text("model")?,
            accelerator: text("accelerator")?,
            engine: text("engine")?,
            metric: text("metric")?,
            measured: above_zero("measured")?,
            predicted: above_zero("predicted")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_or_refused() {
        let text = "[[run]]\nfitted_to = [\"a\"]\nmodel = \"b\"\naccelerator = \"c\"\nengine = \"vllm\"\n\
                    metric = \"tpot_ms\"\nmeasured = 10.0\npredicted = 11.0\n";
        let read = CrossRunError::parse(text).expect("it is one");
        assert_eq!((read[0].model.as_str(), read[0].fitted_to.len()), ("b", 1));
        assert!((read[0].error() - 0.1).abs() < 1e-12);
        assert_eq!(CrossRunError::parse(""), Some(Vec::new()));
        assert_eq!(CrossRunError::parse(&text.replace("= 10.0", "= 0.0")), None);
        assert!(CrossRunError::parse(BUILTIN).is_some());
    }
}
