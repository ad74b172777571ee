//! Observed traffic: how long requests are, and how their rate moves through a day.

use toml::Table;

use crate::Provenance;
use crate::row::{Row, RowError};

/// Lengths of the requests of one trace, by their quantiles; linear between them.
#[derive(Clone, Debug, PartialEq)]
pub struct LengthRow {
    /// Catalogue id, such as `azure-conv-2023`.
    pub id: String,
    /// `(probability, prompt tokens)`, probabilities rising from 0 to 1, tokens never falling and
    /// at least 1.
    pub input: Vec<(f64, f64)>,
    /// `(probability, answer tokens)`, likewise.
    pub output: Vec<(f64, f64)>,
    /// Mean prompt tokens of the trace itself.
    pub mean_input: f64,
    /// Mean answer tokens of the trace itself.
    pub mean_output: f64,
    /// Where it comes from. The licence of the trace is among the fields.
    pub provenance: Provenance,
}

/// Rate of requests through a day.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeRow {
    /// Catalogue id, such as `servegen-m-large`.
    pub id: String,
    /// Rate in each hour over the day's mean; the mean of the 24 is 1.
    pub hourly: [f64; 24],
    /// Where it comes from.
    pub provenance: Provenance,
}

pub(crate) fn parse_lengths(id: &str, table: &Table) -> Result<LengthRow, Vec<RowError>> {
    let mut row = Row::new(table);
    let probability = row.numbers("probability").unwrap_or_default();
    let mut points = |name: &'static str| {
        let tokens = row.numbers(name).unwrap_or_default();
        let points: Vec<_> = probability.iter().copied().zip(tokens.iter().copied()).collect();
        let ends =
            points.first().map(|p| p.0) == Some(0.0) && points.last().map(|p| p.0) == Some(1.0);
        let rising = points.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        let long = tokens.len() == probability.len() && tokens.iter().all(|t| *t >= 1.0);
        if !(ends && rising && long) {
            let message = "is not one number of tokens (at least 1, never falling) for each \
                           `probability` from 0 to 1"
                .to_owned();
            row.refuse(name, message);
        }
        points
    };
    let (input, output) = (points("input"), points("output"));
    let mut mean = |name| {
        let mean = row.number(name);
        mean.unwrap_or_else(|| row.absent(name, "the mean of the trace itself", 0.0))
    };
    let (mean_input, mean_output) = (mean("mean_input"), mean("mean_output"));
    row.shown(&["requests", "licence", "cite"]);
    let provenance = row.finish()?;
    Ok(LengthRow { id: id.to_owned(), input, output, mean_input, mean_output, provenance })
}

pub(crate) fn parse_shape(id: &str, table: &Table) -> Result<ShapeRow, Vec<RowError>> {
    let mut row = Row::new(table);
    let hourly = row.numbers("hourly").unwrap_or_default();
    let sum: f64 = hourly.iter().sum();
    let hourly: [f64; 24] = match hourly.try_into() {
        Ok(hourly) => hourly,
        Err(wrong) => {
            let wrong: Vec<f64> = wrong;
            row.refuse("hourly", format!("has {} values; a day has 24 hours", wrong.len()));
            [1.0; 24]
        }
    };
    if sum <= 0.0 || hourly.iter().any(|h| *h < 0.0) {
        row.refuse("hourly", "has values below zero, or nothing above it".to_owned());
    }
    row.shown(&["licence", "cite"]);
    let hourly = hourly.map(|h| h * 24.0 / sum);
    Ok(ShapeRow { id: id.to_owned(), hourly, provenance: row.finish()? })
}
