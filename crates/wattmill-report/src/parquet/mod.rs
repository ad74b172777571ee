//! Tables for the tools that read Parquet.

mod requests;
mod series;

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::DataType;
use ::parquet::errors::Result as Written;
use ::parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use ::parquet::file::writer::SerializedRowGroupWriter;
use ::parquet::schema::types::{Type, TypePtr};

pub use requests::{RequestNames, RequestRow, RequestWriter};
pub use series::{SeriesNames, series_table};

/// Rows that are held at a time, and so the size of a row group.
const GROUP_ROWS: usize = 1 << 16;

/// Why the table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the Parquet table cannot be written: {0}")]
pub struct ParquetError(#[from] ::parquet::errors::ParquetError);

/// Writes the next column of the group and empties it. `there` says which rows have a value.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &mut Vec<T::T>,
    there: Option<&mut Vec<i16>>,
) -> Written<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, there.as_ref().map(|t| t.as_slice()), None)?;
        column.close()?;
    }
    values.clear();
    if let Some(there) = there {
        there.clear();
    }
    Ok(())
}

/// A column of unsigned integers of 32 or 64 bits, which Parquet stores in signed ones.
fn unsigned(name: &str, bits: i8, repetition: Repetition) -> Written<TypePtr> {
    let physical = if bits == 64 { Physical::INT64 } else { Physical::INT32 };
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::integer(bits, false)))
        .build()
        .map(Arc::new)
}

/// A column of numbers.
fn number(name: &str, repetition: Repetition) -> Written<TypePtr> {
    let column = Type::primitive_type_builder(name, Physical::DOUBLE);
    column.with_repetition(repetition).build().map(Arc::new)
}

/// A column of texts, not all of which are there.
fn text(name: &str) -> Written<TypePtr> {
    Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::String))
        .build()
        .map(Arc::new)
}

fn properties() -> WriterPropertiesPtr {
    Arc::new(
        WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("wattmill ", env!("CARGO_PKG_VERSION")).to_owned())
            .build(),
    )
}
