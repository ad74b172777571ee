//! Text into catalogue and factory, with diagnostics that point into the text.
//!
//! Takes text and readers; never opens a file.

mod diagnostic;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
