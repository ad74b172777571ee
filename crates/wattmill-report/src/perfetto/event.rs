//! Events of the Chrome Trace Event Format, one a line.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use serde::Serialize;
use wattmill_units::SimTime;

/// Where an event stands: a process and one of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) process: u64,
    pub(super) thread: u32,
}

/// An instant as the format has it: microseconds, to the nanosecond.
struct Micros(SimTime);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_ns();
        write!(f, "{}.{:03}", ns / 1_000, ns % 1_000)
    }
}

/// Anything as JSON.
struct Json<'a, A: ?Sized>(&'a A);

impl<A: Serialize + ?Sized> Display for Json<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// Nothing to say beside a name.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// Writes events, and no more than it may.
pub(super) struct Events<W> {
    out: W,
    pub(super) most: u64,
    written: u64,
    /// When the first event happened that there was no room for.
    pub(super) full_at: Option<SimTime>,
    failed: Option<io::Error>,
}

impl<W: Write> Events<W> {
    /// Begins the file; `told` is what it says of itself.
    pub(super) fn new(out: W, most: u64, told: &impl Serialize) -> Self {
        let mut events = Self { out, most, written: 0, full_at: None, failed: None };
        let head = Json(told);
        events.put(format_args!(
            "{{\"displayTimeUnit\":\"ms\",\"otherData\":{head},\"traceEvents\":["
        ));
        events
    }

    /// Ends the file; gives what it was written to back, and how many events there are.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        self.put(format_args!("\n]}}\n"));
        match self.failed {
            Some(error) => Err(error),
            None => Ok((self.out, self.written)),
        }
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = self.out.write_fmt(text).err();
        }
    }

    fn event(&mut self, at: SimTime, text: fmt::Arguments<'_>) {
        if self.written == self.most {
            self.full_at = self.full_at.or(Some(at));
            return;
        }
        let comma = if self.written == 0 { "" } else { "," };
        self.written += 1;
        self.put(format_args!("{comma}\n{{{text}}}"));
    }

    /// Names a process, and places it among the others by its number.
    pub(super) fn process(&mut self, process: u64, name: &str) {
        let name = Json(name);
        self.event(
            SimTime::ZERO,
            format_args!(
                "\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{process},\"args\":{{\"name\":{name}}}"
            ),
        );
        self.event(
            SimTime::ZERO,
            format_args!(
                "\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":{process},\
                 \"args\":{{\"sort_index\":{process}}}"
            ),
        );
    }

    /// Names a thread.
    pub(super) fn thread(&mut self, Track { process, thread }: Track, name: &str) {
        let name = Json(name);
        self.event(
            SimTime::ZERO,
            format_args!(
                "\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{process},\"tid\":{thread},\
                 \"args\":{{\"name\":{name}}}"
            ),
        );
    }

    /// Something that lasts, on a track where nothing overlaps.
    pub(super) fn slice(
        &mut self,
        Track { process, thread }: Track,
        name: &str,
        (from, until): (SimTime, SimTime),
        args: &impl Serialize,
    ) {
        let (name, ts, dur) = (Json(name), Micros(from), Micros(until.since(from)));
        let args = Json(args);
        self.event(
            from,
            format_args!(
                "\"ph\":\"X\",\"name\":{name},\"pid\":{process},\"tid\":{thread},\"ts\":{ts},\
                 \"dur\":{dur},\"args\":{args}"
            ),
        );
    }

    /// A number that holds from here on.
    pub(super) fn counter(
        &mut self,
        process: u64,
        name: &str,
        unit: &str,
        at: SimTime,
        value: f64,
    ) {
        let (name, unit, ts) = (Json(name), Json(unit), Micros(at));
        self.event(
            at,
            format_args!(
                "\"ph\":\"C\",\"name\":{name},\"pid\":{process},\"ts\":{ts},\
                 \"args\":{{{unit}:{value}}}"
            ),
        );
    }

    /// Several numbers of one kind likewise, each with a name of its own.
    pub(super) fn counters(
        &mut self,
        process: u64,
        name: &str,
        at: SimTime,
        values: impl Iterator<Item = (usize, f64)>,
    ) {
        let values: BTreeMap<String, f64> =
            values.map(|(place, value)| (format!("{place:03}"), value)).collect();
        let (name, ts, args) = (Json(name), Micros(at), Json(&values));
        self.event(
            at,
            format_args!(
                "\"ph\":\"C\",\"name\":{name},\"pid\":{process},\"ts\":{ts},\"args\":{args}"
            ),
        );
    }

    /// Something that lasts beside others like it; what is written of the same `kind` and `id` before
    /// it [ends](Self::end) is part of it.
    pub(super) fn begin(
        &mut self,
        process: u64,
        (kind, id): (&str, u64),
        name: &str,
        at: SimTime,
        args: &impl Serialize,
    ) {
        self.nestable('b', process, (kind, id), name, at, args);
    }

    /// Its end.
    pub(super) fn end(&mut self, process: u64, (kind, id): (&str, u64), name: &str, at: SimTime) {
        self.nestable('e', process, (kind, id), name, at, &Nothing {});
    }

    /// Something that takes no time.
    pub(super) fn instant(
        &mut self,
        process: u64,
        (kind, id): (&str, u64),
        name: &str,
        at: SimTime,
        args: &impl Serialize,
    ) {
        self.nestable('n', process, (kind, id), name, at, args);
    }

    fn nestable(
        &mut self,
        ph: char,
        process: u64,
        (kind, id): (&str, u64),
        name: &str,
        at: SimTime,
        args: &impl Serialize,
    ) {
        let (kind, name, ts, args) = (Json(kind), Json(name), Micros(at), Json(args));
        self.event(
            at,
            format_args!(
                "\"ph\":\"{ph}\",\"cat\":{kind},\"id\":\"{id:#x}\",\"name\":{name},\"pid\":{process},\
                 \"tid\":0,\"ts\":{ts},\"args\":{args}"
            ),
        );
    }

    /// An arrow from the slice that is on one track at one instant to the slice on another at another.
    pub(super) fn arrow(&mut self, id: u64, name: &str, ends: [(Track, SimTime); 2]) {
        let name = Json(name);
        for ((Track { process, thread }, at), ph) in ends.into_iter().zip(["s", "f"]) {
            let (ts, binds) = (Micros(at), if ph == "f" { "\"bp\":\"e\"," } else { "" });
            self.event(
                at,
                format_args!(
                    "\"ph\":\"{ph}\",{binds}\"cat\":\"handover\",\"id\":\"{id:#x}\",\"name\":{name},\
                     \"pid\":{process},\"tid\":{thread},\"ts\":{ts}"
                ),
            );
        }
    }
}
