//! x
pub(crate) fn run(_: &crate::args::Zoom) -> crate::exit::Outcome { Ok(()) }
