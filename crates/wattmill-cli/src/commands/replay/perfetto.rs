//! The trace of steps.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use wattmill::report::{PerfettoError, PerfettoWriter, Traced};
use wattmill::sim::Window;

use crate::args::Steps;
use crate::exit::Failure;
use crate::files::Whole;

/// A trace about to be written.
pub(in crate::commands) struct Trace {
    out: Out,
    name: String,
    window: Window,
}

/// Where it goes.
pub(in crate::commands) enum Out {
    Plain(Whole),
    Packed(GzEncoder<Whole>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Packed(packed) => packed.flush(),
        }
    }
}

impl Trace {
    /// Starts the file that the flags name; `None` if they name none.
    pub(in crate::commands) fn create(args: &Steps) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.perfetto else { return Ok(None) };
        let file = Whole::create(path)?;
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let out = if packed {
            Out::Packed(GzEncoder::new(file, Compression::default()))
        } else {
            Out::Plain(file)
        };
        Ok(Some(Self { out, name: name(path), window: args.window.unwrap_or(Window::ALL) }))
    }

    /// Begins to write it.
    pub(in crate::commands) fn watch(self, traced: Traced) -> PerfettoWriter<Out> {
        PerfettoWriter::new(self.out, traced, self.window)
    }

    /// What it is called.
    pub(in crate::commands) fn name(&self) -> String {
        self.name.clone()
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// Puts the whole trace under its name.
pub(in crate::commands) fn finish(watch: PerfettoWriter<Out>, name: &str) -> Result<(), Failure> {
    let (out, _) = watch.finish().map_err(|error| match error {
        PerfettoError::Full { .. } | PerfettoError::Empty { .. } => {
            Failure::Usage(format!("no trace in {name}: {error}"))
        }
        PerfettoError::Io(error) => {
            Failure::Other(anyhow::Error::new(error).context(format!("failed to write {name}")))
        }
    })?;
    let file = match out {
        Out::Plain(file) => file,
        Out::Packed(packed) => {
            packed.finish().with_context(|| format!("failed to write {name}"))?
        }
    };
    file.finish()
}
