//! Rules of a line.

use std::collections::BTreeMap;

use super::files::File;
use super::quoted::quoted;
use crate::finding::Finding;

/// rustfmt stops at 100 and gives up on what it cannot break.
const COLUMNS_MAX: usize = 120;

/// Words of work left undone, written apart so that this very list passes.
const LEFT_UNDONE: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Folders of one machine, likewise.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/wo", "rk"),
    concat!("/tm", "p"),
    concat!("/ho", "me"),
    concat!("/ro", "ot"),
    concat!("/Use", "rs"),
];

/// Everything wrong with the lines of one file.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = file.text().unwrap_or_default();
    let quoted = if file.is_rust() { quoted(text) } else { BTreeMap::new() };
    for (at, line) in text.split('\n').enumerate() {
        let quoted = quoted.get(&(at + 1)).copied().unwrap_or_default();
        let mut found = |what: String| {
            findings.push(Finding::new(format!("{}:{}", file.path, at + 1), what));
        };
        if line.ends_with(char::is_whitespace) && !quoted.to_the_end {
            found("ends in white space".to_owned());
        }
        if let Some(word) = LEFT_UNDONE.iter().find(|word| has_word(line, word)) {
            found(format!("says {word}; do it, or open an issue and leave it out"));
        }
        if let Some(folder) = MACHINE_FOLDERS.iter().find(|f| has_path(line, f)) {
            found(format!("names {folder}, a folder of one machine; use a relative path"));
        }
        if file.is_rust() {
            if line.contains('\t') {
                found("has a tab; indent with spaces".to_owned());
            }
            if line.contains(concat!("dbg", "!(")) {
                found(concat!("has a dbg", "!").to_owned());
            }
            let columns = line.chars().count() - quoted.columns;
            if columns > COLUMNS_MAX {
                found(format!(
                    "has {columns} columns outside of quotes; {COLUMNS_MAX} are the most"
                ));
            }
        }
    }
    findings
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word)
    })
}

/// Whether an absolute path begins with `folder`; the middle of a path or an address does not count.
fn has_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let inside = |c: char| is_word(c) || "./-~}>)*".contains(c);
        let longer = |c: char| is_word(c) || c == '-';
        !line[..at].ends_with(inside) && !line[at + folder.len()..].starts_with(longer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(path: &str, text: &str, expected: &[&str]) {
        let found = check(&File::new(path, text));
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (finding, part) in found.iter().zip(expected) {
            assert!(finding.to_string().contains(part), "{finding}");
        }
    }

    #[test]
    fn clean_text_passes() {
        says("a.rs", "//! A.\n\nfn a() {}\n", &[]);
        says("a.bin", "a\0 \n", &[]);
    }

    #[test]
    fn white_space_at_an_end() {
        says("a.md", "one\ntwo \n", &["a.md:2: ends in white space"]);
        says("a.md", "one\r\n", &["a.md:1: ends in white space"]);
    }

    #[test]
    fn work_left_undone() {
        for word in LEFT_UNDONE {
            says("a.toml", &format!("# {word}: later"), &[word]);
            says("a.toml", &format!("x = \"{word}S A{word} {word}_\""), &[]);
        }
    }

    #[test]
    fn folders_of_one_machine() {
        for folder in MACHINE_FOLDERS {
            says("a.md", &format!("see `{folder}/a`"), &[folder]);
            says("a.md", &format!("path={folder}"), &[folder]);
            says("a.md", &format!("https://a.example{folder}/b ..{folder}/c"), &[]);
            says("a.md", &format!("{folder}ing {folder}_weights"), &[]);
        }
    }

    #[test]
    fn tabs_and_long_lines_in_rust_only() {
        says("a.rs", "\tlet a;", &["has a tab"]);
        says("Makefile", "\tall", &[]);
        says("a.rs", &"é".repeat(120), &[]);
        says("a.rs", &"é".repeat(121), &["has 121 columns outside of quotes; 120"]);
        says("a.md", &"a".repeat(121), &[]);
    }

    #[test]
    fn quoted_text_is_as_it_is() {
        says("a.rs", &format!("f(\"{}\");", "a".repeat(200)), &[]);
        says("a.rs", "f(\"a \nb\");", &[]);
        says("a.rs", "f(\"a\"); \n", &["a.rs:1: ends in white space"]);
        says("a.rs", &format!("/// {}", "a".repeat(200)), &["has 204"]);
    }

    #[test]
    fn prints_for_debugging() {
        says("a.rs", concat!("dbg", "!(x);"), &[concat!("dbg", "!")]);
    }
}
