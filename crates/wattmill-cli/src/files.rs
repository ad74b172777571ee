//! Reading input, writing output whole or not at all.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use wattmill::config::{BUILTIN_FACTORIES, BUILTIN_FLEETS, Files, builtin_factory, builtin_fleet};

use crate::exit::Failure;
use crate::invalid::{Invalid, Named};

/// A factory file by path, or a built-in one by name; the first built-in one without an argument.
pub(crate) fn factory(argument: Option<&str>) -> Result<Named, Failure> {
    let Some(argument) = argument else {
        let (name, text) = BUILTIN_FACTORIES[0];
        return Ok(Named { name: format!("{name}.toml"), text: text.to_owned() });
    };
    or_built_in(argument, builtin_factory(argument), "factories", BUILTIN_FACTORIES)
}

/// The files that a factory file names, by their paths from where it stands. What cannot be read is
/// told where it is named.
pub(crate) fn named_in(factory: &Named) -> Files {
    let mut files = Files::default();
    beside(factory, Files::named_in(&factory.text), &mut files);
    files
}

/// Puts files of these paths from where a factory file stands to those that are read already.
pub(crate) fn beside(factory: &Named, paths: Vec<String>, files: &mut Files) {
    let folder = Path::new(&factory.name).parent().unwrap_or(Path::new(""));
    for path in paths {
        if files.has(&path) {
            continue;
        }
        let text = std::fs::read_to_string(folder.join(&path)).map_err(|error| error.to_string());
        files.put(&path, text);
    }
}

/// A fleet file by path, or a built-in one by name.
pub(crate) fn fleet(argument: &str) -> Result<Named, Failure> {
    or_built_in(argument, builtin_fleet(argument), "fleets", BUILTIN_FLEETS)
}

/// The file of this path, or what is built in under this name if no file has it; whoever gets neither
/// is told what of the `kind` is there.
pub(crate) fn or_built_in(
    argument: &str,
    built_in: Option<&str>,
    kind: &str,
    all: &[(&str, &str)],
) -> Result<Named, Failure> {
    let path = Path::new(argument);
    if let (false, Some(text)) = (path.exists(), built_in) {
        let name = argument.trim_end_matches(".toml");
        return Ok(Named { name: format!("{name}.toml"), text: text.to_owned() });
    }
    text(path).map_err(|failure| match failure {
        Failure::Other(error) => {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Failure::Other(anyhow::anyhow!("{error:#}; built-in {kind} are {names}"))
        }
        other => other,
    })
}

/// A text file.
pub(crate) fn text(path: &Path) -> Result<Named, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {name}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("not UTF-8 text: byte {at} begins no character");
        let help = Some("save the file as UTF-8".to_owned());
        Failure::from(Invalid::plain(&name, &[(message, help)]))
    })?;
    Ok(Named { name, text })
}

/// A text file, plain or gzip.
pub(crate) fn text_or_gzip(path: &Path) -> Result<Named, Failure> {
    let mut file = open(path)?;
    let mut start = [0; 2];
    let gzip = file.read_exact(&mut start).is_ok() && start == GZIP;
    if !gzip {
        return text(path);
    }
    let name = path.display().to_string();
    let read = || format!("failed to read {name}");
    file.rewind().with_context(read)?;
    let mut text = String::new();
    let mut unpacked = MultiGzDecoder::new(file).take(LONGEST_UNPACKED);
    unpacked.read_to_string(&mut text).with_context(read)?;
    Ok(Named { name, text })
}

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of a gzip file that are unpacked: what is longer is no table anyone measured.
const LONGEST_UNPACKED: u64 = 1 << 30;

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("failed to open {name}"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(anyhow::anyhow!("failed to open {name}: it is a directory").into());
    }
    Ok(file)
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("failed to write to standard output")?;
    Ok(())
}

/// Files under way, for a process that is told to end at once.
static PARTIAL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes every file under way.
pub(crate) fn discard_partial() {
    if let Ok(mut partial) = PARTIAL.lock() {
        std::mem::take(&mut *partial).iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
}

/// Says something on standard error. Whether anyone still listens changes no answer.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A file that appears under its name only when it is complete.
pub(crate) struct Whole {
    path: PathBuf,
    partial: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Whole {
    /// Starts a file that is to become `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let Some(name) = path.file_name() else {
            return Err(Failure::Usage(format!("{} is not the name of a file", path.display())));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(hidden);
        let file = File::create(&partial)
            .with_context(|| format!("failed to write {}", path.display()))?;
        if let Ok(mut all) = PARTIAL.lock() {
            all.insert(partial.clone());
        }
        Ok(Self { path: path.to_owned(), partial, file: Some(BufWriter::new(file)) })
    }

    /// Puts the file under its name.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let done = |file: BufWriter<File>| -> io::Result<()> {
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&self.partial, &self.path)
        };
        if let Some(file) = self.file.take() {
            let result =
                done(file).with_context(|| format!("failed to write {}", self.path.display()));
            if result.is_err() {
                let _ = std::fs::remove_file(&self.partial);
            }
            result?;
        }
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.partial);
        }
        if let Ok(mut all) = PARTIAL.lock() {
            all.remove(&self.partial);
        }
    }
}

/// Writes a whole text file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = Whole::create(path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))?;
    file.finish()
}
