//! A replayed trace or synthetic traffic, for people.

mod page;
mod text;

pub(crate) use page::milliseconds;
pub use page::replay_page;
pub use text::{ReplayHeading, replay_text};
pub(crate) use text::{joules_per_token, traffic_line};
