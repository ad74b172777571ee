//! Tables, pictures, HTML, JSON and Parquet from results.
//!
//! Draws and writes what others computed; computes nothing itself, opens no file.

mod format;
mod html;
mod parquet;
mod plan;
mod svg;
mod table;

pub use self::parquet::{ParquetError, RequestRow, write_requests};
pub use html::Page;
pub use plan::{Detail, plan_text};
pub use svg::{
    AreaChart, Arrangement, BarChart, Distribution, DistributionChart, Heading, Horizontal, Limit,
    LineChart, Series, StageKind, Svg, WaterfallChart, WaterfallStage, value_label,
};
pub use table::Table;
