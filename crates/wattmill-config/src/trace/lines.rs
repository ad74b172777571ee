//! Bytes into lines: plain or gzip, one at a time, in bounded memory.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::problem::TraceProblem;
use crate::Diagnostic;

/// Longest line that is read, in bytes: a request of ten million tokens lists its prefix blocks
/// in less.
const LONGEST_LINE: u64 = 16 << 20;

/// Compressions that are told apart from text but not read: first bytes, name, way out.
const OTHERS: [(&[u8], &str, &str); 5] = [
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it with `zstd -d`"),
    (b"\xfd7zXZ\0", "xz", "unpack it with `xz -d`"),
    (b"BZh", "bzip2", "unpack it with `bzip2 -d`"),
    (b"PK\x03\x04", "zip", "unpack it with `unzip`"),
    (b"PAR1", "Parquet", "export it as CSV"),
];

type Sniffed<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

enum Source<R: Read> {
    Unopened(R),
    Plain(Sniffed<R>),
    Gzip(Box<BufReader<MultiGzDecoder<Sniffed<R>>>>),
    Closed,
}

/// The lines of a text.
pub(super) struct Lines<R: Read> {
    source: Source<R>,
    buffer: Vec<u8>,
    read: u64,
}

/// What comes next.
pub(super) enum Next<'a> {
    /// A line, from 1, without its end.
    Line(u64, &'a str),
    /// A line that cannot be read; others may follow.
    Unreadable(TraceProblem),
    /// No more lines, and why if they should not have ended here.
    End(Option<TraceProblem>),
}

impl<R: Read> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { source: Source::Unopened(reader), buffer: Vec::new(), read: 0 }
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Next<'_> {
        self.buffer.clear();
        let buffer = &mut self.buffer;
        let result = loop {
            match &mut self.source {
                Source::Unopened(_) => {
                    if let Some(problem) = self.source.open() {
                        return Next::End(Some(problem));
                    }
                }
                Source::Plain(reader) => break read_line(reader, buffer),
                Source::Gzip(reader) => break read_line(reader.as_mut(), buffer),
                Source::Closed => return Next::End(None),
            }
        };
        let number = self.read + 1;
        match result {
            Ok(Length::End) => {
                self.source = Source::Closed;
                return Next::End(None);
            }
            Ok(Length::Whole) => {}
            Ok(Length::TooLong) => {
                self.read = number;
                return Next::Unreadable(TraceProblem::at_line(
                    number,
                    Diagnostic::error(
                        0..0,
                        "the line is longer than 16 MiB",
                        "one request per line is expected",
                    )
                    .with_help("end every request's line with a line break"),
                ));
            }
            Err(error) => {
                let problem = stream_problem(&self.source, &error, self.read);
                self.source = Source::Closed;
                return Next::End(Some(problem));
            }
        }
        self.read = number;
        let mut bytes = self.buffer.as_slice();
        if number == 1 {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Next::Line(number, text),
            Err(error) => Next::Unreadable(not_utf8(number, bytes, error.valid_up_to())),
        }
    }
}

impl<R: Read> Source<R> {
    /// Looks at the first bytes; returns what keeps it closed.
    fn open(&mut self) -> Option<TraceProblem> {
        let Self::Unopened(mut reader) = std::mem::replace(self, Self::Closed) else {
            return None;
        };
        let mut start = Vec::new();
        if let Err(error) = (&mut reader).take(6).read_to_end(&mut start) {
            return Some(read_failed(&error, 0));
        }
        if let Some((_, name, help)) = OTHERS.iter().find(|other| start.starts_with(other.0)) {
            return Some(TraceProblem::at_line(
                1,
                Diagnostic::error(
                    0..0,
                    format!("the trace is a {name} file"),
                    "text or gzip is read",
                )
                .with_help(*help),
            ));
        }
        let gzip = start.starts_with(b"\x1f\x8b");
        let reader = BufReader::with_capacity(1 << 16, Cursor::new(start).chain(reader));
        *self = if gzip {
            let decoder = MultiGzDecoder::new(reader);
            Self::Gzip(Box::new(BufReader::with_capacity(1 << 16, decoder)))
        } else {
            Self::Plain(reader)
        };
        None
    }
}

enum Length {
    End,
    Whole,
    TooLong,
}

/// Reads a line; of one that is too long, nothing is kept.
fn read_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Length> {
    let read = reader.take(LONGEST_LINE + 1).read_until(b'\n', buffer)?;
    if read as u64 <= LONGEST_LINE || buffer.ends_with(b"\n") {
        return Ok(if read == 0 { Length::End } else { Length::Whole });
    }
    loop {
        buffer.clear();
        let read = reader.take(1 << 16).read_until(b'\n', buffer)?;
        if read == 0 || buffer.ends_with(b"\n") {
            *buffer = Vec::new();
            return Ok(Length::TooLong);
        }
    }
}

fn stream_problem<R: Read>(source: &Source<R>, error: &io::Error, lines: u64) -> TraceProblem {
    if !matches!(source, Source::Gzip(_)) {
        return read_failed(error, lines);
    }
    let plural = if lines == 1 { "" } else { "s" };
    let (message, help) = match error.kind() {
        io::ErrorKind::UnexpectedEof => (
            format!("the compressed stream ends early, after {lines} line{plural}"),
            "fetch the file again: its end is missing",
        ),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => (
            format!("the compressed stream is damaged after {lines} line{plural}"),
            "fetch the file again; `gzip -t` says whether it is whole",
        ),
        _ => return read_failed(error, lines),
    };
    TraceProblem::at_line(lines + 1, Diagnostic::error(0..0, message, "").with_help(help))
}

fn read_failed(error: &io::Error, lines: u64) -> TraceProblem {
    let message = format!("the trace cannot be read further: {error}");
    TraceProblem::at_line(lines + 1, Diagnostic::error(0..0, message, ""))
}

fn not_utf8(number: u64, bytes: &[u8], valid: usize) -> TraceProblem {
    let byte = bytes[valid];
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let after = String::from_utf8_lossy(&bytes[valid..bytes.len().min(valid + 200)]);
    let wrong = valid..valid + after.chars().next().map_or(0, char::len_utf8);
    TraceProblem::in_line(
        number,
        &format!("{before}{after}"),
        Diagnostic::error(wrong, format!("byte 0x{byte:02x} is not UTF-8"), "UTF-8 text")
            .with_help("convert the file with `iconv -t UTF-8`, or drop the line"),
    )
}
