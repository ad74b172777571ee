//! `cargo xtask docs`: documents that the code writes, so that they cannot go stale.

mod catalog;
mod cli;
mod validation;

use std::path::Path;
use std::{fs, io};

use anyhow::Context as _;

use crate::finding::{self, Finding};

/// A file that the code writes, and what with.
type Page = (&'static str, fn() -> String);

/// Every generated document. Another one is another line here.
const PAGES: &[Page] = &[
    ("docs/factory-file.md", wattmill::config::reference_markdown),
    ("docs/factory.schema.json", factory_schema),
    ("docs/fleet.schema.json", fleet_schema),
    ("docs/catalog.md", catalog::markdown),
    ("docs/cli.md", cli::markdown),
    ("docs/json.md", wattmill::report::output_reference_markdown),
    ("docs/output-schemas.json", output_schemas),
    ("docs/waterfall.svg", waterfall),
    ("docs/validation.md", validation::markdown),
    ("docs/validation-ttft.svg", validation::ttft),
    ("docs/validation-tpot.svg", validation::tpot),
    ("docs/validation-throughput.svg", validation::throughput),
    ("docs/validation-training.svg", validation::training),
];

fn factory_schema() -> String {
    // `{:#}` is JSON with line breaks, and cannot fail.
    format!("{:#}\n", wattmill::config::json_schema())
}

fn fleet_schema() -> String {
    format!("{:#}\n", wattmill::config::fleet_json_schema())
}

fn output_schemas() -> String {
    format!("{:#}\n", wattmill::report::output_schemas())
}

/// The picture of the README: the built-in ten gigawatts, from the meter to the token.
fn waterfall() -> String {
    let catalog = wattmill::catalog::Catalog::builtin();
    let text = wattmill::config::builtin_factory("ten-gigawatt").expect("it is built in");
    let factory = wattmill::config::parse_factory(text, catalog).factory.expect("it is sound");
    let offers = wattmill::plan::offers(&factory, catalog, |_, _| {});
    let plan = wattmill::plan::run(&factory, catalog, offers);
    wattmill::report::plan_picture(&factory, &plan)
}

/// Writes every page below `root` that is not as the code says.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for (path, content) in stale(root, PAGES)? {
        fs::write(root.join(path), content).with_context(|| format!("cannot write {path}"))?;
        println!("docs: wrote {path}");
    }
    println!("docs: {} files in order", PAGES.len());
    Ok(())
}

/// Fails if a page below `root` is not as the code says.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let findings: Vec<_> = stale(root, PAGES)?.into_iter().map(finding_of).collect();
    finding::conclude("docs", &format!("{} files", PAGES.len()), &findings)
}

fn finding_of((path, _): (&str, String)) -> Finding {
    let what = "is not what the code writes; run `cargo xtask docs` and commit it";
    Finding::new(path, what)
}

/// Pages that are missing or say something else than the code, with what they should say.
fn stale(root: &Path, pages: &[Page]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut stale = Vec::new();
    for (path, content) in pages {
        let content = content();
        let written = match fs::read(root.join(path)) {
            Ok(written) => Some(written),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).context((*path).to_owned()),
        };
        if written.as_deref() != Some(content.as_bytes()) {
            stale.push((*path, content));
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_stale_until_it_says_what_the_code_says() {
        let root = std::env::temp_dir().join(format!("wattmill-docs-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let pages: &[Page] = &[("a.md", || "one\n".to_owned()), ("b.md", || "two\n".to_owned())];
        let names = || -> Vec<&str> {
            let stale = stale(&root, pages).unwrap();
            stale.into_iter().map(|(path, _)| path).collect()
        };
        assert_eq!(names(), ["a.md", "b.md"]);
        fs::write(root.join("a.md"), "one\n").unwrap();
        fs::write(root.join("b.md"), "too\n").unwrap();
        assert_eq!(names(), ["b.md"]);
        fs::remove_dir_all(&root).unwrap();
        let said = finding_of(("b.md", String::new())).to_string();
        assert!(said.starts_with("b.md: ") && said.contains("cargo xtask docs"), "{said}");
    }

    #[test]
    fn every_page_is_text_that_ends_in_a_line_break() {
        for (path, content) in PAGES {
            let content = content();
            assert!(content.ends_with('\n') && !content.ends_with("\n\n"), "{path}");
            let blank = content.lines().any(|line| line.ends_with(' '));
            assert!(!blank, "{path} has white space at an end");
        }
    }
}
