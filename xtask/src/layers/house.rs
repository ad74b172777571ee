//! The house, top to bottom.

/// Crates that share a floor do not use each other.
pub(super) const FLOORS: &[&[&str]] = &[
    &["wattmill-units"],
    &["wattmill-catalog"],
    &["wattmill-factory"],
    &["wattmill-perf"],
    &["wattmill-policy"],
    &["wattmill-sim"],
    &["wattmill-plan", "wattmill-validate"],
    &["wattmill-report", "wattmill-config"],
    &["wattmill"],
    &["wattmill-cli"],
    &["xtask"],
];

/// Where [`FLOORS`] stands, for who has to add to it.
pub(super) const FLOORS_FILE: &str = "xtask/src/layers/house.rs";

/// The only crates that touch files, sockets, the clock, threads, the environment and the terminal.
const EDGE: &[&str] = &["wattmill-cli", "xtask"];

/// Crates of any floor that a test above them may read its data with.
pub(super) const TEST_DATA: &[&str] = &["wattmill-config"];

/// Crates of others for the edge alone, each with the reason.
pub(super) const EDGE_CRATES: &[(&str, &str)] = &[
    ("anyhow", "a library says what went wrong in a type of its own"),
    ("axum", "sockets"),
    ("clap", "arguments"),
    ("crossbeam", "threads"),
    ("ctrlc", "signals"),
    ("getrandom", "chance comes from a named stream, not from the machine"),
    ("hyper", "sockets"),
    ("indicatif", "the terminal"),
    ("memmap2", "files"),
    ("notify", "files"),
    ("rand", "chance comes from a named stream, not from the machine"),
    ("rayon", "threads"),
    ("reqwest", "sockets"),
    ("tempfile", "files"),
    ("tokio", "sockets and threads"),
    ("ureq", "sockets"),
    ("walkdir", "files"),
];

/// Which floor `name` is on, 0 at the top.
pub(super) fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

pub(super) fn at_the_edge(name: &str) -> bool {
    EDGE.contains(&name)
}
