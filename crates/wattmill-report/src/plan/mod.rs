//! The programme over years, for people and programs.

mod text;

pub use text::{Detail, plan_text};
