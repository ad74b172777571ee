//! Rules of size.

use super::files::File;
use crate::finding::Finding;

/// A file of more lines has more than one subject.
const LINES_MAX: usize = 700;

/// Binary files stay in every clone for ever.
const BINARY_BYTES_MAX: usize = 300_000;

/// A long file, how long it may grow, and why it is not two.
struct Exception {
    path: &'static str,
    lines_max: usize,
    reason: &'static str,
}

/// The fewer the better.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        path: "crates/wattmill-config/src/factory/keys.rs",
        lines_max: 1100,
        reason: "the keys of the factory file are one table",
    },
    Exception {
        path: "crates/wattmill-config/src/factory/tests.rs",
        lines_max: 1600,
        reason: "it is a list of what can be wrong with a file, and most of it is expected text",
    },
    Exception {
        path: "crates/wattmill-config/src/trace/tests.rs",
        lines_max: 800,
        reason: "it is a list of what can be wrong with a trace, and most of it is expected text",
    },
];

/// Whether one file is too long or too large.
pub(super) fn check(file: &File) -> Option<Finding> {
    check_with(EXCEPTIONS, file)
}

fn check_with(exceptions: &[Exception], file: &File) -> Option<Finding> {
    let Some(text) = file.text() else {
        let bytes = file.bytes.len();
        return (bytes > BINARY_BYTES_MAX).then(|| {
            let what = format!("binary, {bytes} bytes; {BINARY_BYTES_MAX} are the most");
            Finding::new(&file.path, what)
        });
    };
    if !file.is_rust() {
        return None;
    }
    let exception = exceptions.iter().find(|e| e.path == file.path);
    let most = exception.map_or(LINES_MAX, |e| e.lines_max);
    let lines = text.lines().count();
    (lines > most).then(|| {
        let reason = exception.map_or(String::new(), |e| format!(" even though {}", e.reason));
        let what = format!("has {lines} lines; {most} are the most{reason}; split it by subject");
        Finding::new(&file.path, what)
    })
}

/// Exceptions that nothing needs any more.
pub(super) fn check_exceptions(files: &[File]) -> Vec<Finding> {
    check_exceptions_of(EXCEPTIONS, files)
}

fn check_exceptions_of(exceptions: &[Exception], files: &[File]) -> Vec<Finding> {
    let needed = |exception: &&Exception| {
        files.iter().any(|file| {
            let text = file.text().unwrap_or_default();
            file.path == exception.path && text.lines().count() > LINES_MAX
        })
    };
    let stale = exceptions.iter().filter(|e| !needed(e));
    stale
        .map(|e| Finding::new(e.path, "needs no exception any more; remove it from sizes.rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Exception] =
        &[Exception { path: "src/table.rs", lines_max: 900, reason: "one table is one file" }];

    fn of_lines(path: &str, lines: usize) -> File {
        File::new(path, &"a\n".repeat(lines))
    }

    #[test]
    fn rust_files_end_in_time() {
        assert!(check_with(TABLE, &of_lines("src/a.rs", 700)).is_none());
        let found = check_with(TABLE, &of_lines("src/a.rs", 701)).unwrap();
        assert!(found.what.contains("701 lines; 700 are the most"), "{found}");
        assert!(check_with(TABLE, &of_lines("data/a.toml", 5000)).is_none());
    }

    #[test]
    fn an_exception_has_its_end_too() {
        assert!(check_with(TABLE, &of_lines("src/table.rs", 900)).is_none());
        let found = check_with(TABLE, &of_lines("src/table.rs", 901)).unwrap();
        assert!(found.what.contains("even though one table is one file"), "{found}");
    }

    #[test]
    fn an_exception_goes_with_its_need() {
        let stale = |files: &[File]| check_exceptions_of(TABLE, files).len();
        assert_eq!(stale(&[]), 1);
        assert_eq!(stale(&[of_lines("src/table.rs", 700)]), 1);
        assert_eq!(stale(&[of_lines("src/table.rs", 701)]), 0);
    }

    #[test]
    fn binary_files_stay_small() {
        let picture = |bytes| File { path: "a.png".to_owned(), bytes: vec![0; bytes] };
        assert!(check(&picture(300_000)).is_none());
        assert!(check(&picture(300_001)).unwrap().what.contains("binary"));
    }
}
