//! What cargo says of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A member of the workspace.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Where its `Cargo.toml` lies.
    pub(super) folder: PathBuf,
    pub(super) uses: Vec<Use>,
}

/// One dependency of a package.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: String,
    /// For tests, examples and benchmarks only.
    pub(super) dev: bool,
}

/// Asks cargo.
pub(super) fn read(root: &Path) -> anyhow::Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = serde_json::from_slice(&output.stdout)?;
    packages(&metadata).context("cargo metadata has another form than expected")
}

/// Every package of a document of `cargo metadata --format-version 1 --no-deps`.
pub(super) fn packages(metadata: &Value) -> Option<Vec<Package>> {
    let packages = metadata["packages"].as_array()?.iter().map(package);
    packages.collect()
}

fn package(package: &Value) -> Option<Package> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let uses = package["dependencies"].as_array()?.iter().map(|dependency| {
        Some(Use {
            name: dependency["name"].as_str()?.to_owned(),
            dev: dependency["kind"].as_str() == Some("dev"),
        })
    });
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        folder: manifest.parent()?.to_owned(),
        uses: uses.collect::<Option<_>>()?,
    })
}
