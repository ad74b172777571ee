//! The per-request file.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use wattmill::report::{RequestRow, RequestWriter};
use wattmill::sim::Finished;

use crate::exit::Failure;
use crate::files::Whole;

/// The per-request file.
pub(in crate::commands) struct Records {
    writer: RequestWriter<Whole>,
    name: String,
}

impl Records {
    pub(in crate::commands) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let writer = RequestWriter::new(Whole::create(path)?)
            .with_context(|| format!("failed to write {name}"))?;
        Ok(Self { writer, name })
    }

    pub(in crate::commands) fn write(
        &mut self,
        replica: u32,
        done: &Finished,
    ) -> Result<(), Failure> {
        let row = RequestRow {
            id: done.request.id,
            replica,
            arrival_ns: done.request.arrival.as_ns(),
            input_tokens: done.request.input,
            output_tokens: done.request.output,
            first_token_ns: done.first_token.as_ns(),
            finish_ns: done.finish.as_ns(),
            preemptions: done.preemptions,
        };
        Ok(self.writer.write(&row).with_context(|| format!("failed to write {}", self.name))?)
    }

    pub(in crate::commands) fn finish(self) -> Result<(), Failure> {
        let (mut file, _) =
            self.writer.finish().with_context(|| format!("failed to write {}", self.name))?;
        file.flush().with_context(|| format!("failed to write {}", self.name))?;
        file.finish()
    }
}
