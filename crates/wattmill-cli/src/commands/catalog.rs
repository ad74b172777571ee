//! x
pub(crate) fn run(_: &crate::args::Catalog) -> crate::exit::Outcome {
    Ok(())
}
