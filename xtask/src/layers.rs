//! `cargo xtask layers`: the house's two structural rules.
//!
//! A crate uses only those above it, and only the edge touches the world outside.

mod dependencies;
mod house;
mod io;
mod metadata;

use std::path::Path;

use crate::finding;

/// Checks every member of the workspace at `root`.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let packages = metadata::read(root)?;
    let mut findings = dependencies::check(&packages);
    for package in packages.iter().filter(|p| !house::at_the_edge(&p.name)) {
        findings.extend(io::check(root, &package.folder)?);
    }
    let looked_at = format!("{} crates", packages.len());
    finding::conclude("layers", &looked_at, &findings)
}
