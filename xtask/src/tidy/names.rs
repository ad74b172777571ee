//! Rules of names and first lines.

use super::files::File;
use crate::finding::Finding;

/// Names that say nothing, so that anything may go there.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// Everything wrong with what one file is called and calls itself.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |what: String| findings.push(Finding::new(&file.path, what));
    for part in file.path.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        if EMPTY_NAMES.contains(&stem) {
            found(format!("`{part}` says nothing of what is inside; name the subject"));
        }
    }
    let text = file.text().unwrap_or_default();
    if file.is_rust() && !text.starts_with("//! ") {
        found("does not begin with a line `//! …` that says what it is for".to_owned());
    }
    if file.name() == "Cargo.toml"
        && let Some(package) = package_name(text)
    {
        let folder = file.path.rsplit('/').nth(1).unwrap_or_default();
        if folder != package {
            found(format!("package `{package}` lies in folder `{folder}`; give both one name"));
        }
    }
    findings
}

/// `name` of `[package]`.
fn package_name(manifest: &str) -> Option<&str> {
    let (_, package) = manifest.split_once("[package]\n")?;
    let lines = package.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "name")
        .map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(path: &str, text: &str, expected: &[&str]) {
        let found = check(&File::new(path, text));
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (finding, part) in found.iter().zip(expected) {
            assert!(finding.what.contains(part), "{finding}");
        }
    }

    #[test]
    fn names_say_what_is_inside() {
        for name in EMPTY_NAMES {
            says(&format!("src/{name}.rs"), "//! A.\n", &["says nothing"]);
            says(&format!("tests/{name}/mod.rs"), "//! A.\n", &["says nothing"]);
            says(&format!("src/{name}_of_trade.rs"), "//! A.\n", &[]);
        }
    }

    #[test]
    fn rust_begins_with_its_purpose() {
        says("src/a.rs", "use b;\n", &["does not begin with a line"]);
        says("src/a.rs", "\n//! A.\n", &["does not begin with a line"]);
        says("src/a.toml", "a = 1\n", &[]);
    }

    #[test]
    fn folder_and_package_have_one_name() {
        let manifest =
            |name: &str| format!("[package]\nname = \"{name}\"\n\n[[bin]]\nname = \"b\"\n");
        says("crates/a/Cargo.toml", &manifest("a"), &[]);
        says("crates/a/Cargo.toml", &manifest("b"), &["package `b` lies in folder `a`"]);
        says("Cargo.toml", "[workspace]\n", &[]);
    }
}
