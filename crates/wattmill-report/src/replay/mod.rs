//! A replayed trace or synthetic traffic, for people.

mod text;

pub use text::{ReplayHeading, replay_text};
