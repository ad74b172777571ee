//! Tables, pictures, HTML, JSON and Parquet from results.
//!
//! Draws and writes what others computed; computes nothing itself, opens no file.

mod parquet;
mod table;

pub use self::parquet::{ParquetError, RequestRow, write_requests};
pub use table::Table;
