//! `wattmill catalog`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_catalog::{Catalog, Field, Kind, Provenance};

use super::head::{Head, hash_of};
use super::text::text;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.catalog/1";

/// Every row of a kind, or of all kinds, as JSON text.
///
/// ```
/// use wattmill_catalog::{Catalog, Kind};
/// let text = wattmill_report::catalog_list_document(Catalog::builtin(), Some(Kind::System));
/// assert!(text.contains("\"id\": \"vr-nvl72\""));
/// ```
pub fn catalog_list_document(catalog: &Catalog, kind: Option<Kind>) -> String {
    let kinds = Kind::ALL.into_iter().filter(|one| kind.is_none_or(|kind| kind == *one));
    let ids = |kind: Kind| catalog.ids(kind).into_iter().map(move |id| (kind, id));
    text(&Document::new(kinds.flat_map(ids).filter_map(|(kind, id)| Row::of(catalog, kind, id))))
}

/// Every row that `name` names, by id or alias, as JSON text; `None` if there is none.
pub fn catalog_show_document(catalog: &Catalog, name: &str) -> Option<String> {
    let rows: Vec<Row> =
        Kind::ALL.into_iter().filter_map(|kind| Row::of(catalog, kind, name)).collect();
    (!rows.is_empty()).then(|| text(&Document::new(rows)))
}

/// Rows of the catalogue: published facts, each with its source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Catalog")]
pub(super) struct Document {
    #[serde(flatten)]
    head: Head,
    /// The rows, by kind, then id.
    rows: Vec<Row>,
}

impl Document {
    fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        let rows: Vec<Row> = rows.into_iter().collect();
        Self { head: Head::new(SCHEMA, None, hash_of(&rows), Vec::new()), rows }
    }
}

/// One row.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    /// What it describes.
    #[schemars(extend("enum" = ["accelerator", "system", "model", "lengths", "shape", "efficiency"]))]
    kind: &'static str,
    /// Its id.
    id: String,
    /// Other names it answers to.
    aliases: Vec<String>,
    /// Where it was read.
    source: String,
    /// When the source says it holds, as `2026-08-21` or coarser.
    date: String,
    /// How sure: A read in a primary document or computed from one, B read in a secondary page,
    /// C general knowledge, E estimate or derivation.
    #[schemars(extend("enum" = ["A", "B", "C", "E"]))]
    confidence: &'static str,
    /// What no source states and without which it can be shown but not used.
    missing: Vec<String>,
    /// Every value it states.
    fields: Vec<Value>,
    /// Lengths by quantile, for rows of the kind `lengths`; linear between them.
    lengths: Option<Lengths>,
    /// Rate in each hour over the day's mean, for rows of the kind `shape`.
    hourly_shape_ratio: Option<[f64; 24]>,
}

impl Row {
    /// The row of this id or alias.
    fn of(catalog: &Catalog, kind: Kind, name: &str) -> Option<Self> {
        let mut lengths = None;
        let mut hourly = None;
        let (id, provenance, missing): (&str, &Provenance, Vec<&str>) = match kind {
            Kind::Accelerator => {
                let row = catalog.accelerator(name)?;
                (&row.id, &row.provenance, row.missing())
            }
            Kind::System => {
                let row = catalog.system(name)?;
                (&row.id, &row.provenance, row.missing())
            }
            Kind::Model => {
                let row = catalog.model(name)?;
                (&row.id, &row.provenance, row.missing())
            }
            Kind::Lengths => {
                let row = catalog.lengths(name)?;
                lengths = Some(Lengths::from(row));
                (&row.id, &row.provenance, Vec::new())
            }
            Kind::Shape => {
                let row = catalog.shape(name)?;
                hourly = Some(row.hourly);
                (&row.id, &row.provenance, Vec::new())
            }
            Kind::Efficiency => {
                let row = catalog.efficiency(name)?;
                (&row.family, &row.provenance, Vec::new())
            }
        };
        Some(Self {
            kind: kind.name(),
            id: id.to_owned(),
            aliases: catalog.aliases(kind, id).into_iter().map(str::to_owned).collect(),
            source: provenance.source.clone(),
            date: provenance.date.clone(),
            confidence: provenance.confidence.letter(),
            missing: missing.into_iter().map(str::to_owned).collect(),
            fields: provenance.fields.iter().map(|field| Value::of(provenance, field)).collect(),
            lengths,
            hourly_shape_ratio: hourly,
        })
    }
}

/// One value of a row.
#[derive(Debug, Serialize, JsonSchema)]
struct Value {
    /// Its name, as in a factory file.
    name: &'static str,
    /// With its unit, as one would write it in a factory file.
    value: String,
    /// The same as a number of `unit`; null if it is not a number.
    number: Option<f64>,
    /// Unit of `number`; null for a plain count or ratio, and for what is not a number.
    unit: Option<String>,
    /// Where this value was read.
    source: String,
    /// How sure, as the row's.
    #[schemars(extend("enum" = ["A", "B", "C", "E"]))]
    confidence: &'static str,
    /// When the source of the row says it holds; null for a value with a source of its own.
    date: Option<String>,
}

impl Value {
    fn of(row: &Provenance, field: &Field) -> Self {
        let (number, unit) = measured(&field.value);
        Self {
            name: field.name,
            value: field.value.clone(),
            number,
            unit: unit.map(str::to_owned),
            source: field.source.as_ref().unwrap_or(&row.source).clone(),
            confidence: field.confidence.unwrap_or(row.confidence).letter(),
            date: field.source.is_none().then(|| row.date.clone()),
        }
    }
}

/// The number and the unit of a text that is a number, or a number and one word.
fn measured(text: &str) -> (Option<f64>, Option<&str>) {
    let (number, unit) = match text.split_once(' ') {
        Some((number, unit)) => (number, Some(unit)),
        None => (text, None),
    };
    let word = |unit: &str| unit.starts_with(char::is_alphabetic) && !unit.contains(' ');
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && unit.is_none_or(word) => (Some(value), unit),
        _ => (None, None),
    }
}

/// A distribution of request lengths.
#[derive(Debug, Serialize, JsonSchema)]
struct Lengths {
    /// Shares of the prompts.
    input_quantiles_fraction: Vec<f64>,
    /// For each of them the length that this share does not exceed.
    input_quantiles_tokens: Vec<f64>,
    /// Mean prompt of the trace itself.
    mean_input_tokens: f64,
    /// Shares of the answers.
    output_quantiles_fraction: Vec<f64>,
    /// For each of them the length that this share does not exceed.
    output_quantiles_tokens: Vec<f64>,
    /// Mean answer of the trace itself.
    mean_output_tokens: f64,
}

impl From<&wattmill_catalog::LengthRow> for Lengths {
    fn from(row: &wattmill_catalog::LengthRow) -> Self {
        let (input_quantiles_fraction, input_quantiles_tokens) = row.input.iter().copied().unzip();
        let (output_quantiles_fraction, output_quantiles_tokens) =
            row.output.iter().copied().unzip();
        Self {
            input_quantiles_fraction,
            input_quantiles_tokens,
            mean_input_tokens: row.mean_input,
            output_quantiles_fraction,
            output_quantiles_tokens,
            mean_output_tokens: row.mean_output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_only_if_all_of_it_is() {
        assert_eq!(measured("22 TB/s"), (Some(22.0), Some("TB/s")));
        assert_eq!(measured("72"), (Some(72.0), None));
        assert_eq!(measured("0.8"), (Some(0.8), None));
        for text in [
            "2024-06",
            "2028 (planned)",
            "400 Gbit/s InfiniBand",
            "true",
            "inf",
            "nan W",
            "",
            " ",
            "hopper",
        ] {
            assert_eq!(measured(text), (None, None), "{text}");
        }
    }
}
