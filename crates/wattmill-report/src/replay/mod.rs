//! A replayed trace or synthetic traffic, for people.

mod page;
mod text;

pub use page::replay_page;
pub use text::{ReplayHeading, replay_text};
