//! A window of a plan at request level, for people.

mod page;
mod text;

pub use page::zoom_page;
pub use text::zoom_text;
