//! Clients of a service, as ServeGen publishes them: when each asks, and how much.

mod lengths;
mod windows;

pub use lengths::{RecordedLengths, read_client_lengths};
pub use windows::read_clients;
