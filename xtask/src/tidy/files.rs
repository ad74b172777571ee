//! What git knows of the project.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, ensure};

/// One committed file, as it lies in the working tree.
#[derive(Debug)]
pub(super) struct File {
    /// From the project's root, with `/`.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), bytes: text.into() }
    }

    /// Its text; `None` for pictures, archives and their like.
    pub(super) fn text(&self) -> Option<&str> {
        let text = str::from_utf8(&self.bytes).ok()?;
        (!text.contains('\0')).then_some(text)
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its last part.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Every file that `git ls-files` lists and that is there.
pub(super) fn committed(root: &Path) -> anyhow::Result<Vec<File>> {
    // Built by another user than the one who checked out, as in a container, is no harm here.
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("cannot start git, which knows the committed files")?;
    ensure!(
        output.status.success(),
        "git ls-files failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let mut files = Vec::new();
    for path in listed.split_terminator('\0') {
        match fs::read(root.join(path)) {
            Ok(bytes) => files.push(File { path: path.to_owned(), bytes }),
            // Deleted and not committed so yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(path.to_owned()),
        }
    }
    Ok(files)
}
