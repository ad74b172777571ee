//! Points of a sweep as Parquet: what is kept from one run to the next.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::types::Type;

/// Name of the hash of the sweep in the table's metadata.
const SWEEP: &str = "wattmill.sweep";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweptKind {
    /// Numbers in the unit that the name ends in.
    Number,
    /// Days; null for never.
    Day,
    /// Words.
    Text,
}

/// A column of values or figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepColumn {
    /// Letters, digits and `_`, the unit at its end.
    pub name: String,
    /// What it holds.
    pub kind: SweptKind,
}

impl SweepColumn {
    /// With everything in `name` and `unit` that is no letter or digit as `_`. A name that ends in its unit
    /// says it once.
    ///
    /// ```
    /// use wattmill_report::{SweepColumn, SweptKind};
    /// let price = SweepColumn::new("site.abilene.grid.price", "USD/MWh", SweptKind::Number);
    /// assert_eq!(price.name, "site_abilene_grid_price_usd_per_mwh");
    /// let yielded = SweepColumn::new("tokens per MWh", "tokens_per_mwh", SweptKind::Number);
    /// assert_eq!(yielded.name, "tokens_per_mwh");
    /// ```
    pub fn new(name: &str, unit: &str, kind: SweptKind) -> Self {
        let words = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            words.map(str::to_lowercase).collect()
        };
        let (mut name, unit) =
            (words(name), words(&unit.replace('/', " per ").replace('%', "percent")));
        if !name.ends_with(&unit) {
            name.extend(unit);
        }
        Self { name: name.join("_"), kind }
    }
}

/// A point of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRow {
    /// Content hash of the point, 16 hexadecimal digits.
    pub point: String,
    /// Why it has no figures, if so.
    pub problem: Option<String>,
    /// Numbers and days (from 1970-01-01) by column; `NaN` for null. Those of text are their place in
    /// `texts`.
    pub numbers: Vec<f64>,
    /// Words by column, empty for other columns.
    pub texts: Vec<String>,
}

/// Every point of a sweep so far.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepTable {
    /// Hash of what all points have in common, 16 hexadecimal digits.
    pub sweep: String,
    /// Values that were varied, then figures.
    pub columns: Vec<SweepColumn>,
    /// The points.
    pub rows: Vec<SweepRow>,
}

/// Why a table cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SweepTableError {
    /// Parquet itself.
    #[error("the Parquet table cannot be written or read: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A table of something else.
    #[error("it is no table of a sweep; write to another file")]
    Foreign,
}

impl SweepTable {
    /// Writes it; the same table gives the same bytes.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write<W: Write + Send>(&self, out: W) -> Result<W, SweepTableError> {
        let mut fields = vec![
            field("point", Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED)?,
            field(
                "problem",
                Physical::BYTE_ARRAY,
                Some(LogicalType::String),
                Repetition::OPTIONAL,
            )?,
        ];
        for column in &self.columns {
            let (physical, logical) = match column.kind {
                SweptKind::Number => (Physical::DOUBLE, None),
                SweptKind::Day => (Physical::INT32, Some(LogicalType::Date)),
                SweptKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            fields.push(field(&column.name, physical, logical, Repetition::OPTIONAL)?);
        }
        let schema = Arc::new(Type::group_type_builder("points").with_fields(fields).build()?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("wattmill ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new(SWEEP.to_owned(), self.sweep.clone())]))
            .build();
        let mut file = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        let points: Vec<Option<ByteArray>> =
            self.rows.iter().map(|row| Some(text(&row.point))).collect();
        values::<ByteArrayType, W>(&mut group, points, false)?;
        let problems = self.rows.iter().map(|row| row.problem.as_deref().map(text)).collect();
        values::<ByteArrayType, W>(&mut group, problems, true)?;
        for (index, column) in self.columns.iter().enumerate() {
            let number = |row: &SweepRow| Some(row.numbers[index]).filter(|n| n.is_finite());
            match column.kind {
                SweptKind::Number => {
                    let all = self.rows.iter().map(number).collect();
                    values::<DoubleType, W>(&mut group, all, true)?;
                }
                SweptKind::Day => {
                    let day = |row: &SweepRow| number(row).map(|days| days as i32);
                    let all = self.rows.iter().map(day).collect();
                    values::<Int32Type, W>(&mut group, all, true)?;
                }
                SweptKind::Text => {
                    let all = self.rows.iter().map(|row| Some(text(&row.texts[index]))).collect();
                    values::<ByteArrayType, W>(&mut group, all, true)?;
                }
            }
        }
        group.close()?;
        Ok(file.into_inner()?)
    }

    /// Reads one that was written; its columns have no kinds that matter less than its names.
    ///
    /// # Errors
    /// If it is no such table.
    pub fn read(bytes: Vec<u8>) -> Result<Self, SweepTableError> {
        let reader = SerializedFileReader::new(Bytes::from(bytes))?;
        let meta = reader.metadata().file_metadata();
        let keys = meta.key_value_metadata().map_or(&[][..], |keys| keys.as_slice());
        let sweep = keys.iter().find(|key| key.key == SWEEP).and_then(|key| key.value.clone());
        let sweep = sweep.ok_or(SweepTableError::Foreign)?;
        let kind = |physical| match physical {
            Physical::INT32 => SweptKind::Day,
            Physical::BYTE_ARRAY => SweptKind::Text,
            _ => SweptKind::Number,
        };
        let columns = meta.schema_descr().columns().iter().skip(2).map(|column| SweepColumn {
            name: column.name().to_owned(),
            kind: kind(column.physical_type()),
        });
        let columns: Vec<SweepColumn> = columns.collect();
        let mut rows = Vec::new();
        for row in reader.get_row_iter(None)? {
            let row = row?;
            let mut cells = row.get_column_iter().map(|(_, field)| field);
            let text = |field: Option<&Field>| match field {
                Some(Field::Str(text)) => Some(text.clone()),
                _ => None,
            };
            let point = text(cells.next()).ok_or(SweepTableError::Foreign)?;
            let problem = text(cells.next());
            let (mut numbers, mut texts) = (Vec::new(), Vec::new());
            for cell in cells {
                numbers.push(match cell {
                    Field::Double(number) => *number,
                    Field::Date(days) => f64::from(*days),
                    _ => f64::NAN,
                });
                texts.push(text(Some(cell)).unwrap_or_default());
            }
            rows.push(SweepRow { point, problem, numbers, texts });
        }
        Ok(Self { sweep, columns, rows })
    }
}

fn field(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    repetition: Repetition,
) -> Result<Arc<Type>, SweepTableError> {
    let builder = Type::primitive_type_builder(name, physical);
    let builder = builder.with_repetition(repetition).with_logical_type(logical);
    Ok(Arc::new(builder.build()?))
}

/// Writes the next column of the group.
fn values<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<Option<T::T>>,
    optional: bool,
) -> Result<(), SweepTableError> {
    if let Some(mut column) = group.next_column()? {
        let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let values: Vec<T::T> = values.into_iter().flatten().collect();
        let there = optional.then_some(there.as_slice());
        column.typed::<T>().write_batch(&values, there, None)?;
        column.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let column = |name: &str, kind| SweepColumn::new(name, "", kind);
        let row = |point: &str, number: f64, day: f64, text: &str| SweepRow {
            point: point.to_owned(),
            problem: (number < 0.0).then(|| "below zero".to_owned()),
            numbers: vec![f64::NAN, number, day],
            texts: vec![text.to_owned(), String::new(), String::new()],
        };
        let table = SweepTable {
            sweep: "00ff".to_owned(),
            columns: vec![
                column("system", SweptKind::Text),
                column("capital", SweptKind::Number),
                column("last rack", SweptKind::Day),
            ],
            rows: vec![row("a", 1.5, 20_000.0, "gb200"), row("b", -2.0, 20_001.0, "gb300")],
        };
        let bytes = table.write(Vec::new()).expect("it is written");
        let read = SweepTable::read(bytes.clone()).expect("it is read");
        assert_eq!(format!("{read:?}"), format!("{table:?}"), "NaN is not equal to itself");
        assert_eq!(read.write(Vec::new()).expect("it is written"), bytes);
        assert!(SweepTable::read(b"PAR1".to_vec()).is_err());
    }
}
