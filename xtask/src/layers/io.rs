//! IO only at the edge: what the source of a crate touches of the world outside.

mod rules;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::finding::Finding;

/// Every touch of the outside in `src/` of the crate in `folder`; tests may do as they like.
pub(super) fn check(root: &Path, folder: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut files = Vec::new();
    collect(&folder.join("src"), &mut files)?;
    let mut for_tests = BTreeSet::new();
    let mut touches = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let source = source::read(&text).map_err(|e| anyhow!("{}: {e}", file.display()))?;
        let modules = source.test_modules.iter();
        for_tests.extend(modules.map(|name| folder_of_modules(file).join(name)));
        touches.extend(source.touches.into_iter().map(|touch| (file, touch)));
    }
    let tested = |file: &Path| {
        let module = file.with_extension("");
        module.ancestors().any(|part| for_tests.contains(part))
    };
    touches.retain(|(file, _)| !tested(file));
    let findings = touches.into_iter().map(|(file, touch)| {
        let shown = file.strip_prefix(root).unwrap_or(file).display();
        let what = format!("`{}`: {}", touch.path, touch.rule.reason);
        Finding::new(format!("{shown}:{}", touch.line), what)
    });
    Ok(findings.collect())
}

/// Where the files of the modules that `file` declares lie.
fn folder_of_modules(file: &Path) -> PathBuf {
    let module = file.with_extension("");
    if ["lib", "main", "mod"].iter().any(|root| module.ends_with(root)) {
        module.parent().map(Path::to_owned).unwrap_or_default()
    } else {
        module
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries: Vec<_> =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files)?;
        } else if entry.extension().is_some_and(|e| e == "rs") {
            files.push(entry);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_lie_beside_a_root_and_below_any_other_file() {
        for (file, folder) in [
            ("a/src/lib.rs", "a/src"),
            ("a/src/trace/mod.rs", "a/src/trace"),
            ("a/src/trace.rs", "a/src/trace"),
        ] {
            assert_eq!(folder_of_modules(Path::new(file)), Path::new(folder));
        }
    }

    #[test]
    fn a_crate_is_read_file_by_file() {
        let root = std::env::temp_dir().join(format!("wattmill-layers-{}", std::process::id()));
        let src = root.join("crates/pure/src");
        fs::create_dir_all(src.join("trace")).unwrap();
        for (file, text) in [
            ("lib.rs", "//! Pure.\nmod trace;\n"),
            ("trace.rs", "#[cfg(test)]\nmod tests;\nuse std::fs;\n"),
            ("trace/tests.rs", "fn t() { println!(); }\n"),
            ("trace/told.rs", "\n\nfn t() { println!(); }\n"),
        ] {
            fs::write(src.join(file), text).unwrap();
        }
        let found = check(&root, &root.join("crates/pure"));
        fs::remove_dir_all(&root).unwrap();
        let mut places: Vec<_> = found.unwrap().into_iter().map(|f| f.place).collect();
        places.sort();
        let expected = ["crates/pure/src/trace.rs:3", "crates/pure/src/trace/told.rs:3"];
        assert_eq!(places, expected);
    }
}
