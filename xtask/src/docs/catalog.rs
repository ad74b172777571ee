//! The index of every catalogue row.

mod columns;
mod table;

use std::fmt::Write as _;

use wattmill::catalog::{Catalog, Kind};

use columns::Row;
use table::table;

const INTRODUCTION: &str = "\
# The catalogue

Every row that is compiled in, with its key figures, where they were read, the day that source holds
for, and how sure it is. `wattmill catalog show ID` prints everything a row states, each value with
its own source where it has one.

Confidence: **A** read in a primary document, data file or code, or computed from one; **B** read in
a secondary page; **C** general knowledge, or only partly supported; **E** estimate or derivation. A
letter behind a value is that value's own, where it is not its row's. A dash is a value that no source
states.
";

/// Heading of a kind and what its columns mean.
const fn section(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Accelerator => (
            "Accelerators",
            "Peaks are dense. Bandwidths are one direction of one accelerator. *Domain* counts the \
             accelerators of one scale-up domain.",
        ),
        Kind::System => (
            "Systems",
            "Power is IT power of one unit: typical under full load, and the most, which is what one \
             provisions for. The price is the middle of the sources' range.",
        ),
        Kind::Model => (
            "Models",
            "Parameters are counted from the dimensions (billions; what a token visits behind the \
             slash) and as published. *KV* is the cache of one more token in BF16 over all layers that \
             attend over the whole context.",
        ),
        Kind::Lengths => ("Lengths of requests", "Tokens of prompts and answers in one trace."),
        Kind::Shape => (
            "Shapes of a day",
            "Rate of requests in an hour over the day's mean, and the hours it is reached in, from 0.",
        ),
        Kind::Efficiency => (
            "Efficiencies",
            "What a chip family reaches of its peaks: shares of the dense peak in large matrix \
             multiplications and of memory bandwidth for weights (BF16 / FP8 / FP4) and KV cache; \
             shares of link bandwidth and fixed time of collectives.",
        ),
    }
}

/// The index as Markdown.
pub(super) fn markdown() -> String {
    let catalog = Catalog::builtin();
    let mut page = INTRODUCTION.to_owned();
    for kind in Kind::ALL {
        let rows: Vec<Row> = match kind {
            Kind::Accelerator => catalog.accelerators().map(columns::accelerator).collect(),
            Kind::System => catalog.systems().map(columns::system).collect(),
            Kind::Model => catalog.models().map(columns::model).collect(),
            Kind::Lengths => catalog.all_lengths().map(columns::lengths).collect(),
            Kind::Shape => catalog.shapes().map(columns::shape).collect(),
            Kind::Efficiency => catalog.efficiencies().map(columns::efficiency).collect(),
        };
        let (heading, meaning) = section(kind);
        let _ = write!(page, "\n## {heading}\n\n{meaning}\n\n");
        page.push_str(&table(catalog, kind, &rows));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_every_kind_has_its_line() {
        let page = markdown();
        let catalog = Catalog::builtin();
        for kind in Kind::ALL {
            let (_, after) = page.split_once(section(kind).0).unwrap();
            for id in catalog.ids(kind) {
                assert!(after.contains(&format!("\n| `{id}`")), "{kind} {id}");
            }
        }
    }

    #[test]
    fn figures_come_with_source_date_and_confidence() {
        let page = markdown();
        let line = page.lines().find(|l| l.starts_with("| `vr-nvl72`")).unwrap();
        for part in ["230 kW", "7.8 MUSD", "2026-06", "| B |", "theinformationmachine"] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
