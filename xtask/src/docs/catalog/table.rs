//! Rows as one Markdown table.

use std::fmt::Write as _;

use wattmill::catalog::{Catalog, Kind};

use super::columns::Row;

/// One table of rows of one kind, which all have the same columns.
pub(super) fn table(catalog: &Catalog, kind: Kind, rows: &[Row]) -> String {
    let mut text = String::new();
    let Some(first) = rows.first() else {
        return text;
    };
    let headings: Vec<&str> = ["id"]
        .into_iter()
        .chain(first.figures.iter().map(|(heading, _)| *heading))
        .chain(["date", "sure", "source"])
        .collect();
    line(&mut text, headings.iter().copied());
    line(&mut text, headings.iter().map(|_| "---"));
    for row in rows {
        let aliases = catalog.aliases(kind, row.id);
        let names = [row.id].into_iter().chain(aliases);
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        let names = names.join(" ");
        let provenance = row.provenance;
        let cells = [names.as_str()]
            .into_iter()
            .chain(row.figures.iter().map(|(_, value)| value.as_str()))
            .chain([
                provenance.date.as_str(),
                provenance.confidence.letter(),
                provenance.source.as_str(),
            ]);
        line(&mut text, cells);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    text.push('|');
    for cell in cells {
        let cell = if cell.is_empty() { "–" } else { cell };
        let _ = write!(text, " {} |", cell.replace('|', "\\|"));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_to_themselves() {
        let mut text = String::new();
        line(&mut text, ["a", "", "b|c"].into_iter());
        assert_eq!(text, "| a | – | b\\|c |\n");
    }
}
