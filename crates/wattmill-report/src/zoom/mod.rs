//! A window of a plan at request level, for people.

mod text;

pub use text::zoom_text;
