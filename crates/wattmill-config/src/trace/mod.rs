//! Request traces: who asked when, for how many tokens.

mod blocks;
mod clients;
mod csv;
mod form;
mod jsonl;
mod lines;
mod number;
mod problem;
mod reader;
mod row;
#[cfg(test)]
mod tests;

pub use clients::{RecordedLengths, read_client_lengths, read_clients};
pub use form::TraceForm;
pub use problem::{TraceErrors, TraceProblem};
pub use reader::{Trace, TraceReader, TraceRequest, read_trace};
