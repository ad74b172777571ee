//! Tables of plain text.

use std::fmt;

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// A table of plain text: a header, a row of units if there are any, then the rows. Columns are as
/// wide as their widest cell and stand two spaces apart; nothing is wrapped or cut.
///
/// The first column stands left and the others, mostly numbers, right.
///
/// ```
/// use wattmill_report::Table;
/// let table = Table::new(["quarter", "power", "tokens"])
///     .units(["", "MW", "T/day"])
///     .row(["2026 Q4", "200", "1.25"])
///     .row(["2027 Q1", "1000", "6.5"]);
/// assert_eq!(table.to_string(), "\
/// quarter  power  tokens
///             MW   T/day
/// -------  -----  ------
/// 2026 Q4    200    1.25
/// 2027 Q1   1000     6.5
/// ");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    headers: Vec<String>,
    aligns: Vec<Align>,
    units: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new<S: Into<String>>(headers: impl IntoIterator<Item = S>) -> Self {
        let headers: Vec<String> = headers.into_iter().map(Into::into).collect();
        let mut aligns = vec![Align::Right; headers.len()];
        if let Some(first) = aligns.first_mut() {
            *first = Align::Left;
        }
        Self { headers, aligns, units: Vec::new(), rows: Vec::new() }
    }

    /// Says which columns, from 0, hold words and stand left; the others stand right.
    #[must_use]
    pub fn left(mut self, columns: &[usize]) -> Self {
        for (column, align) in self.aligns.iter_mut().enumerate() {
            *align = if columns.contains(&column) { Align::Left } else { Align::Right };
        }
        self
    }

    /// Adds a line below the header that says what each column counts in.
    #[must_use]
    pub fn units<S: Into<String>>(mut self, units: impl IntoIterator<Item = S>) -> Self {
        self.units = units.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row. Cells that are missing at its end stay empty; those beyond the header's are left
    /// out.
    #[must_use]
    pub fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row to a table that is being filled in a loop.
    pub fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// What stands above the columns.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The units, empty if there are none.
    pub fn unit_row(&self) -> &[String] {
        &self.units
    }

    /// The rows, top to bottom.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// Whether the column, from 0, stands right.
    pub fn is_right(&self, column: usize) -> bool {
        self.aligns.get(column) == Some(&Align::Right)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = (!self.units.is_empty()).then_some(&self.units);
        let head: Vec<&Vec<String>> = std::iter::once(&self.headers).chain(units).collect();
        let widths: Vec<usize> = (0..self.headers.len())
            .map(|column| {
                let cells = head.iter().copied().chain(&self.rows);
                cells.filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
            })
            .collect();
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
        for row in head.into_iter().chain([&rule]).chain(&self.rows) {
            writeln!(f, "{}", self.line(row, &widths))?;
        }
        Ok(())
    }
}

impl Table {
    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, (align, wide)) in self.aligns.iter().zip(widths).enumerate() {
            let cell = row.get(column).map_or("", String::as_str);
            let gap = " ".repeat(wide - width(cell).min(*wide));
            if column > 0 {
                line.push_str("  ");
            }
            // A cell of several lines would tear the table apart.
            let cell: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            match align {
                Align::Left => line.extend([cell, gap]),
                Align::Right => line.extend([gap, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Columns of a terminal that a text takes: its characters, for the letters and signs used here.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let table = Table::new(["site", "binds", "GPUs"])
            .left(&[0, 1])
            .row(["abilene", "grid connection", "72"])
            .row(["µ", "", "1000000"])
            .row(["short"]);
        expect![[r#"
            site     binds               GPUs
            -------  ---------------  -------
            abilene  grid connection       72
            µ                         1000000
            short
        "#]]
        .assert_eq(&table.to_string());
    }

    #[test]
    fn cells_too_many_or_of_two_lines_tear_nothing() {
        let table = Table::new(["a", "b"]).row(["1", "2", "3"]).row(["x\ny", ""]);
        assert_eq!(table.to_string(), "a    b\n---  -\n1    2\nx y\n");
    }

    #[test]
    fn a_table_of_nothing_is_no_trouble() {
        assert_eq!(Table::new::<&str>([]).to_string(), "\n\n");
        assert_eq!(Table::new(["only"]).to_string(), "only\n----\n");
    }
}
