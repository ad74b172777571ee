//! The papers every visitor looks for.

use super::files::File;
use crate::finding::Finding;

/// What must be there and say something.
const PAPERS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "docs/README.md",
];

/// Every paper that is not there.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let there = |paper: &str| {
        let mut papers = files.iter().filter(|file| file.path == paper);
        papers.any(|file| file.text().is_some_and(|text| !text.trim().is_empty()))
    };
    let missing = PAPERS.iter().filter(|paper| !there(paper));
    missing
        .map(|paper| Finding::new(*paper, "is not there, is empty or is not committed"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_paper_is_asked_for() {
        assert_eq!(check(&[]).len(), PAPERS.len());
        let mut files: Vec<_> = PAPERS.iter().map(|paper| File::new(paper, "a\n")).collect();
        assert_eq!(check(&files), []);
        files[1] = File::new(PAPERS[1], "\n");
        assert_eq!(check(&files)[0].place, PAPERS[1]);
    }
}
