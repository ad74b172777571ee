//! The per-request file, and that of the time series.

use std::path::Path;

use anyhow::Context;
use wattmill::report::{
    RequestNames, RequestRow, RequestWriter, SeriesNames, ServedRow, series_table,
};
use wattmill::sim::Answer;

use crate::exit::Failure;
use crate::files::Whole;

/// The per-request file.
pub(in crate::commands) struct Records {
    writer: RequestWriter<Whole>,
    name: String,
}

impl Records {
    pub(in crate::commands) fn create(path: &Path, names: &RequestNames) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let writer = RequestWriter::new(Whole::create(path)?, names)
            .with_context(|| format!("failed to write {name}"))?;
        Ok(Self { writer, name })
    }

    pub(in crate::commands) fn write(
        &mut self,
        replica: u32,
        answer: &Answer,
    ) -> Result<(), Failure> {
        let done = &answer.done;
        let row = RequestRow {
            id: done.request.id,
            service: answer.service,
            region: answer.region,
            pool: answer.pool,
            replica,
            arrival_ns: done.request.arrival.as_ns(),
            input_tokens: done.request.input,
            output_tokens: done.request.output,
            first_token_ns: done.first_token.as_ns(),
            finish_ns: done.finish.as_ns(),
            preemptions: done.preemptions,
            cached_tokens: done.cached_tokens,
            resends: answer.resends,
        };
        Ok(self.writer.write(&row).with_context(|| format!("failed to write {}", self.name))?)
    }

    pub(in crate::commands) fn finish(self) -> Result<(), Failure> {
        let (file, _) =
            self.writer.finish().with_context(|| format!("failed to write {}", self.name))?;
        file.finish()
    }
}

/// Writes the time series.
pub(in crate::commands) fn write_series(
    path: &Path,
    names: &SeriesNames,
    rows: &[ServedRow],
) -> Result<(), Failure> {
    let name = path.display();
    let failed = || format!("failed to write {name}");
    let (file, _) = series_table(Whole::create(path)?, names, rows).with_context(failed)?;
    file.finish()
}
