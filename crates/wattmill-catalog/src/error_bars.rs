//! How far the model is from measurements, as intervals for its answers.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::row::RowError;

/// An interval for one answer of the model, as factors on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// A tenth of the measurements lie below the answer times this.
    pub low: f64,
    /// Half of them lie below the answer times this.
    pub median: f64,
    /// A tenth of them lie above the answer times this.
    pub high: f64,
    /// Measurements behind it.
    pub rows: u32,
    /// Whether the question lies within what was measured. If not, the interval is wider.
    pub inside: bool,
}

impl Interval {
    /// The same for an answer further from what was measured: the logarithms of its ends over the
    /// median are `times` as long, and it is no longer inside.
    ///
    /// ```
    /// use wattmill_catalog::Interval;
    /// let known = Interval { low: 0.8, median: 1.0, high: 1.5, rows: 40, inside: true };
    /// let wider = known.widened(2.0);
    /// assert!((wider.low - 0.64).abs() < 1e-12 && (wider.high - 2.25).abs() < 1e-12);
    /// assert!(!wider.inside && wider.median == 1.0 && wider.rows == 40);
    /// ```
    pub fn widened(self, times: f64) -> Self {
        let wider = |factor: f64| self.median * libm::pow(factor / self.median, times);
        Self { low: wider(self.low), high: wider(self.high), inside: false, ..self }
    }

    /// The same under a power cap of this depth; as it is without one.
    #[must_use]
    pub fn under_cap(self, depth: Option<f64>) -> Self {
        depth.map_or(self, |depth| self.widened(depth))
    }
}

/// Residuals of one kind of answer in one group of measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Residuals {
    /// Quantiles of measured over predicted: 10 %, 50 %, 90 %.
    pub quantiles: [f64; 3],
    /// The same where constants were fitted without the row's model, if that was tried.
    pub unseen: Option<[f64; 3]>,
    /// Measurements.
    pub rows: u32,
    /// Catalogue ids of the models among them.
    pub models: Vec<String>,
}

/// What an interval is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Kind of answer: `tpot_ms`, `ttft_ms`, `step_time_s`, `energy_per_token_j`, …
    pub metric: &'a str,
    /// Chip family.
    pub family: &'a str,
    /// Serving software or training stack; empty where there is none.
    pub engine: &'a str,
    /// Catalogue id of the model.
    pub model: &'a str,
    /// Whether every operator lies within its measured range.
    pub inside: bool,
}

/// Groups that count as enough to take an interval from.
const ENOUGH: u32 = 20;
/// A question outside of what was measured widens the logarithm of its interval by this. Estimate:
/// from hopper's constants on blackwell's rows and the other way round.
const WIDER: f64 = 1.5;

/// Residuals by metric and group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorBars {
    by_group: BTreeMap<(String, String, String), Residuals>,
}

impl ErrorBars {
    /// The interval for an answer: from the measurements of its chip family and engine, else of the
    /// engine or the family on others, else from all of its kind. `None` where nothing of that kind
    /// was ever measured.
    ///
    /// ```
    /// use wattmill_catalog::{Catalog, Question};
    /// let bars = Catalog::builtin().error_bars();
    /// let asked = Question {
    ///     metric: "tpot_ms",
    ///     family: "hopper",
    ///     engine: "vllm",
    ///     model: "llama-3.1-70b",
    ///     inside: true,
    /// };
    /// let known = bars.interval(&asked).unwrap();
    /// assert!(known.low < 1.0 && known.high > 1.0 && known.rows > 20);
    /// let unknown = bars.interval(&Question { family: "rubin", inside: false, ..asked }).unwrap();
    /// assert!(unknown.high / unknown.low > known.high / known.low);
    /// ```
    pub fn interval(&self, asked: &Question<'_>) -> Option<Interval> {
        let exact = self.enough(asked.metric, asked.family, asked.engine);
        let residuals = exact
            .or_else(|| self.enough(asked.metric, "", asked.engine))
            .or_else(|| self.enough(asked.metric, asked.family, ""))
            .or_else(|| self.get(asked.metric, "", ""))?;
        let inside = asked.inside && exact.is_some();
        let seen = residuals.models.iter().any(|m| m == asked.model);
        let [low, median, high] = match (&residuals.unseen, seen) {
            (Some(unseen), false) => *unseen,
            _ => residuals.quantiles,
        };
        let known = Interval { low, median, high, rows: residuals.rows, inside: true };
        Some(if inside { known } else { known.widened(WIDER) })
    }

    fn get(&self, metric: &str, family: &str, engine: &str) -> Option<&Residuals> {
        self.by_group.get(&(metric.to_owned(), family.to_owned(), engine.to_owned()))
    }

    fn enough(&self, metric: &str, family: &str, engine: &str) -> Option<&Residuals> {
        self.get(metric, family, engine).filter(|r| r.rows >= ENOUGH)
    }

    /// Adds a group; family and engine are empty for all of them.
    pub fn insert(&mut self, metric: &str, family: &str, engine: &str, residuals: Residuals) {
        let key = (metric.to_owned(), family.to_owned(), engine.to_owned());
        self.by_group.insert(key, residuals);
    }

    /// Every group: metric, family, engine, residuals.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str, &Residuals)> {
        self.by_group.iter().map(|((m, f, e), r)| (m.as_str(), f.as_str(), e.as_str(), r))
    }

    /// As the text that the catalogue reads.
    pub fn to_toml(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let three = |q: &[f64; 3]| format!("[{:.4}, {:.4}, {:.4}]", q[0], q[1], q[2]);
        for (metric, family, engine, r) in self.iter() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n[[{metric}]]");
            let _ = writeln!(text, "family = {family:?}\nengine = {engine:?}\nrows = {}", r.rows);
            let _ = writeln!(text, "quantiles = {}", three(&r.quantiles));
            if let Some(unseen) = &r.unseen {
                let _ = writeln!(text, "unseen = {}", three(unseen));
            }
            let _ = writeln!(text, "models = {:?}", r.models);
        }
        text
    }
}

/// Error bars from their table: groups by metric.
pub(crate) fn parse_error_bars(table: &Table) -> Result<ErrorBars, Vec<RowError>> {
    let mut bars = ErrorBars::default();
    let mut errors = Vec::new();
    for (metric, groups) in table {
        for group in groups.as_array().map_or(&[][..], Vec::as_slice) {
            match parse_group(group) {
                Some((family, engine, residuals)) => {
                    bars.insert(metric, family, engine, residuals);
                }
                None => errors.push(RowError {
                    field: metric.clone(),
                    message:
                        "has a group without family, engine, rows, models and three ascending \
                              quantiles"
                            .to_owned(),
                }),
            }
        }
    }
    if errors.is_empty() { Ok(bars) } else { Err(errors) }
}

fn parse_group(value: &Value) -> Option<(&str, &str, Residuals)> {
    let text = |name: &str| value.get(name)?.as_str();
    let models = value.get("models")?.as_array()?;
    let models = models.iter().map(|m| Some(m.as_str()?.to_owned())).collect::<Option<_>>()?;
    let residuals = Residuals {
        quantiles: quantiles(value.get("quantiles")?)?,
        unseen: match value.get("unseen") {
            Some(unseen) => Some(quantiles(unseen)?),
            None => None,
        },
        rows: u32::try_from(value.get("rows")?.as_integer()?).ok()?,
        models,
    };
    Some((text("family")?, text("engine")?, residuals))
}

fn quantiles(value: &Value) -> Option<[f64; 3]> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_float).collect();
    let three: [f64; 3] = numbers?.try_into().ok()?;
    let ascend = three[0] > 0.0 && three[0] <= three[1] && three[1] <= three[2];
    (ascend && three[2].is_finite()).then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars() -> ErrorBars {
        let mut bars = ErrorBars::default();
        let residuals = |low: f64, rows: u32| Residuals {
            quantiles: [low, 1.0, 1.0 / low],
            unseen: Some([low * 0.9, 1.0, 1.2 / low]),
            rows,
            models: vec!["mine".to_owned()],
        };
        bars.insert("tpot_ms", "hopper", "vllm", residuals(0.9, 100));
        bars.insert("tpot_ms", "ampere", "vllm", residuals(0.1, 3));
        bars.insert("tpot_ms", "", "vllm", residuals(0.8, 200));
        bars.insert("tpot_ms", "", "", residuals(0.7, 300));
        bars
    }

    const ASKED: Question<'_> = Question {
        metric: "tpot_ms",
        family: "hopper",
        engine: "vllm",
        model: "mine",
        inside: true,
    };

    #[test]
    fn the_nearest_group_with_enough_rows_answers() {
        let bars = bars();
        let interval = bars.interval(&ASKED).unwrap();
        assert_eq!((interval.low, interval.rows, interval.inside), (0.9, 100, true));
        let few = bars.interval(&Question { family: "ampere", ..ASKED }).unwrap();
        assert_eq!((few.rows, few.inside), (200, false));
        assert!((few.low - libm::pow(0.8, WIDER)).abs() < 1e-12);
        let other = bars.interval(&Question { engine: "other", ..ASKED }).unwrap();
        assert_eq!(other.rows, 300);
        let new = bars.interval(&Question { model: "yours", ..ASKED }).unwrap();
        assert!((new.low - 0.81).abs() < 1e-12);
        assert!(bars.interval(&Question { metric: "colour", ..ASKED }).is_none());
    }

    #[test]
    fn text_and_bars_are_the_same() {
        let table: Table = bars().to_toml().parse().unwrap();
        let again = parse_error_bars(&table).unwrap();
        assert_eq!(again.iter().count(), 4);
        let (again, first) = (again.interval(&ASKED).unwrap(), bars().interval(&ASKED).unwrap());
        assert_eq!((again.rows, again.inside), (first.rows, first.inside));
        // Four digits are written.
        assert!((again.low - first.low).abs() < 1e-4 && (again.high - first.high).abs() < 1e-4);
    }
}
