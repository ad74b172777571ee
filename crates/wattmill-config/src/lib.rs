//! Text into catalogue and factory, with diagnostics that point into the text.
//!
//! Takes text and readers; never opens a file.

mod calibration;
mod diagnostic;
mod factory;
mod moment;
mod trace;

pub use calibration::{Calibration, parse_calibration};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use factory::{
    BUILTIN_FACTORIES, BUILTIN_FLEETS, BUILTIN_SESSIONS, Chosen, Files, Fleet, FleetCurtailment,
    FleetPool, FleetProvider, FleetRegion, FleetService, FleetSite, Over, Parsed, ParsedFleet,
    PoolFailures, PoolRole, PoolScale, Spans, Variants, Varied, VaryError, builtin_factory,
    builtin_fleet, fleet_json_schema, json_schema, parse_factory, parse_factory_with, parse_fleet,
    parse_sessions, reference_markdown, with_values,
};
pub use moment::{MomentError, read_day, read_moment};
pub use trace::{
    RecordedLengths, Trace, TraceErrors, TraceForm, TraceProblem, TraceReader, TraceRequest,
    read_client_lengths, read_clients, read_trace,
};
