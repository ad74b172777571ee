//! Other simulators' workloads, kept beside the repository.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wattmill::config::read_trace;
use wattmill::perf::StepTable;
use wattmill::sim::Request;

/// A workload and the step-time table it runs with.
pub(crate) struct Peer {
    pub(crate) requests: Vec<Request>,
    pub(crate) table: StepTable,
}

/// The workload in `name`; `None`, with a word on it, where the files are absent.
pub(crate) fn load(name: &str) -> Result<Option<Peer>> {
    let peers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers");
    let Ok(table) = std::fs::read_to_string(peers.join("step_time_tables.json")) else {
        eprintln!("skipped: {name} needs ../shared/peers, which is absent");
        return Ok(None);
    };
    let file = File::open(peers.join(name)).with_context(|| format!("failed to open {name}"))?;
    let trace = read_trace(file).map_err(|e| anyhow::anyhow!(e.render(name, false)))?;
    let requests = (0..)
        .zip(&trace.requests)
        .map(|(id, r)| Request {
            id,
            arrival: r.arrival,
            input: r.input_tokens,
            output: r.output_tokens,
        })
        .collect();
    Ok(Some(Peer { requests, table: StepTable::from_json(&table)? }))
}
