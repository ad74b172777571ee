//! `cargo xtask tidy`: what neither rustfmt nor clippy look at, over every committed file.

mod files;
mod lines;
mod names;
mod papers;
mod quoted;
mod sizes;

use std::path::Path;

use crate::finding::{self, Finding};
use files::File;

/// Rules that look at one file, and then at all of them together.
fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(lines::check(file));
        findings.extend(names::check(file));
        findings.extend(sizes::check(file));
    }
    findings.extend(sizes::check_exceptions(files));
    findings.extend(papers::check(files));
    findings
}

/// Checks every committed file of the project at `root`.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let files = files::committed(root)?;
    let looked_at = format!("{} files", files.len());
    finding::conclude("tidy", &looked_at, &check(&files))
}
