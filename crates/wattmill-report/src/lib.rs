//! Tables, pictures, HTML, JSON, Parquet and Perfetto traces from results.
//!
//! Draws and writes what others computed; computes nothing itself, opens no file.

mod bars;
mod calibrate;
mod catalog;
mod comparison;
mod day;
mod document;
mod engine;
mod explain;
mod format;
mod holding;
mod html;
mod latency;
mod measure;
mod over_time;
mod parquet;
mod perfetto;
mod plan;
mod replay;
mod risk;
mod saturation;
mod serve;
mod svg;
mod sweep;
mod table;
mod train;
mod validate;
mod zoom;

pub use self::parquet::{
    ParquetError, RequestNames, RequestRow, RequestWriter, SeriesNames, series_table,
};
pub use bars::{EngineBars, PlanBars, ServingBars};
pub use calibrate::{CalibratedWith, CalibrationReport, calibration_text};
pub use catalog::{catalog_list_text, catalog_show_text};
pub use comparison::{Compared, comparison_page, comparison_text};
pub use day::{DayReport, day_text};
pub use document::{
    DiagnosticEntry, DiagnosticSeverity, PrefixCache, ReplayEngine, ReplayInputs, ReplayTraffic,
    calibrate_document, catalog_list_document, catalog_show_document, check_document,
    comparison_document, day_document, explain_document, holding_document,
    output_reference_markdown, output_schemas, replay_document, run_document, saturation_document,
    serve_document, sweep_document, train_document, validate_document, zoom_document,
};
pub use engine::engine_name;
pub use explain::{ExplainFit, ExplainPart, ExplainReport, ExplainedStep, explain_text};
pub use holding::holding_text;
pub use html::Page;
pub use perfetto::{PerfettoError, PerfettoWriter, Traced, TracedPool};
pub use plan::{Detail, plan_page, plan_page_of_week, plan_picture, plan_text};
pub use replay::{ReplayHeading, replay_page, replay_text};
pub use saturation::{
    Limiting, SaturationPoint, SaturationReport, saturation_page, saturation_text,
};
pub use serve::{
    ServeReport, ServedCap, ServedFleet, ServedPool, ServedPoolRow, ServedProvider, ServedRow,
    ServedService, ServedServiceRow, ServedTransferRow, ServedTransfers, serve_page, serve_text,
};
pub use svg::{
    Along, AreaChart, Arrangement, BarChart, Cell, Distribution, DistributionChart, DotChart,
    Heading, Horizontal, Lasting, Limit, LineChart, Place, PlaceMap, Points, ScatterChart, Series,
    Spacing, SpanChart, StageKind, State, StateChart, Svg, Swing, TornadoChart, WaterfallChart,
    WaterfallStage, value_label,
};
pub use sweep::{
    SweepColumn, SweepReport, SweepRow, SweepTable, SweepTableError, SweptKind, sweep_text,
};
pub use table::Table;
pub use train::{TrainAnswer, TrainReport, train_text};
pub use validate::{
    Validated, Validation, validation_csv, validation_page, validation_picture, validation_text,
};
pub use zoom::{zoom_page, zoom_text};
