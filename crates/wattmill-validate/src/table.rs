//! CSV text as rows with line numbers, of a kind told by its columns.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::kind::{Column, Content, Kind};
use crate::outcome::Reason;

/// Problems named in one message; a file with more is told how many more.
const MOST_PROBLEMS: usize = 20;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// Nothing in it.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// A header and no row.
    #[error("there is no row below the header")]
    NoRows,
    /// Not CSV.
    #[error("line {line}: not CSV: {message}")]
    Syntax {
        /// Line, from 1.
        line: u64,
        /// What the reader says.
        message: String,
    },
    /// A column named twice.
    #[error("column `{name}` is there twice; drop or rename one of them")]
    Twice {
        /// Its name.
        name: String,
    },
    /// The columns of no kind of file.
    #[error(
        "the columns are those of no kind of file; nearest is {nearest}, which also needs {missing}"
    )]
    UnknownKind {
        /// Kind that shares most columns.
        nearest: &'static str,
        /// Columns of it that are not there.
        missing: String,
    },
    /// A field that is not the number it should be.
    #[error("line {line}, `{column}`: `{value}` is not {wanted}")]
    Number {
        /// Line, from 1.
        line: u64,
        /// Column.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
    /// More problems than are listed.
    #[error("and {count} more")]
    More {
        /// How many.
        count: usize,
    },
}

impl TableProblem {
    /// The way out, where the message does not say it.
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoRows => Some("add a row for each measurement"),
            Self::Syntax { .. } => Some("save it as UTF-8 text with commas between fields"),
            Self::UnknownKind { .. } => {
                Some("README.md of the built-in measurements names the columns of every kind")
            }
            Self::Number { .. } => Some("write a plain number, or leave the field blank"),
            Self::Empty | Self::Twice { .. } | Self::More { .. } => None,
        }
    }
}

/// A measured table.
#[derive(Clone, Debug)]
pub struct Table {
    kind: Kind,
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// One row of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    table: &'a Table,
    /// Line in the file, from 1.
    pub line: u64,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Reads a table. Columns that are not known are ignored, and a field may be blank.
    ///
    /// ```
    /// use wattmill_validate::{Kind, Table};
    /// let text = "model,hardware,tp,isl_tokens,batch_size,osl_tokens,prompt_time_ms_median,\
    ///             token_time_ms_median\nllama2-70b,a100-80gb,2,128,1,128,81.1,53.7\n";
    /// let table = Table::read(text).unwrap();
    /// assert_eq!(table.kind(), Kind::Phases);
    /// assert_eq!(table.rows().next().unwrap().number("tp"), Some(2.0));
    /// assert!(Table::read("a,b\n1,2\n").is_err());
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it: no header, no rows, columns of no kind of file, a column
    /// twice, fields that are not the numbers they should be, each with its line.
    pub fn read(text: &str) -> Result<Self, Vec<TableProblem>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(vec![TableProblem::Empty]);
        }
        let mut problems = Vec::new();
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| vec![syntax(&e)])?.clone();
        let mut columns = BTreeMap::new();
        for (at, name) in header.iter().enumerate() {
            if columns.insert(name.to_lowercase(), at).is_some() {
                problems.push(TableProblem::Twice { name: name.to_owned() });
            }
        }
        let kind = match Kind::of(|name| columns.contains_key(name)) {
            Ok(kind) => kind,
            Err((nearest, missing)) => {
                let missing: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
                problems.push(TableProblem::UnknownKind {
                    nearest: nearest.describe(),
                    missing: missing.join(", "),
                });
                return Err(problems);
            }
        };
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    rows.push((line, record));
                }
                Err(error) => problems.push(syntax(&error)),
            }
        }
        if rows.is_empty() && problems.is_empty() {
            problems.push(TableProblem::NoRows);
        }
        let table = Self { kind, columns, rows };
        for row in table.rows() {
            problems.extend(kind.columns().iter().filter_map(|column| row.problem(column)));
        }
        if problems.is_empty() {
            return Ok(table);
        }
        if problems.len() > MOST_PROBLEMS {
            let count = problems.len() - MOST_PROBLEMS;
            problems.truncate(MOST_PROBLEMS);
            problems.push(TableProblem::More { count });
        }
        Err(problems)
    }

    /// What kind of file it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { table: self, line: *line, record })
    }
}

fn syntax(error: &csv::Error) -> TableProblem {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, but the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    TableProblem::Syntax { line, message }
}

impl<'a> Row<'a> {
    /// What stands in a column; `None` if it is blank or there is no such column.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        let at = *self.table.columns.get(column)?;
        self.record.get(at).filter(|text| !text.is_empty())
    }

    /// The number in a column, `None` if it is blank or none.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.text(column)?.parse().ok().filter(|n: &f64| n.is_finite())
    }

    /// The text of a column that a prediction needs.
    ///
    /// # Errors
    /// [`Reason::Missing`] if it is blank.
    pub fn needed_text(&self, column: &'static str) -> Result<&'a str, Reason> {
        self.text(column).ok_or(Reason::Missing { column })
    }

    /// The number of a column that a prediction needs.
    ///
    /// # Errors
    /// [`Reason::Missing`] if it is blank.
    pub fn needed(&self, column: &'static str) -> Result<f64, Reason> {
        self.number(column).ok_or(Reason::Missing { column })
    }

    /// A count of at least 1 and at most `most`; `None` if it is blank.
    ///
    /// # Errors
    /// [`Reason::OutOfRange`] if it is beyond.
    pub fn count(&self, column: &'static str, most: u32) -> Result<Option<u32>, Reason> {
        let Some(value) = self.number(column) else {
            return Ok(None);
        };
        if value < 1.0 || value.fract() != 0.0 || value > f64::from(most) {
            return Err(Reason::OutOfRange { column, value, most });
        }
        Ok(Some(value as u32))
    }

    /// As [`Self::count`], of a column that a prediction needs.
    ///
    /// # Errors
    /// As [`Self::count`], and [`Reason::Missing`] if it is blank.
    pub fn needed_count(&self, column: &'static str, most: u32) -> Result<u32, Reason> {
        self.count(column, most)?.ok_or(Reason::Missing { column })
    }

    fn problem(&self, column: &Column) -> Option<TableProblem> {
        let value = self.text(column.name)?;
        let number = value.parse::<f64>().ok().filter(|n| n.is_finite());
        let wanted = match (column.content, number) {
            (Content::Text, _) => return None,
            (Content::Positive, Some(n)) if n > 0.0 => return None,
            (Content::AtLeastZero, Some(n)) if n >= 0.0 => return None,
            (Content::Positive, _) => "a number above 0",
            (Content::AtLeastZero, _) => "a number of at least 0",
        };
        Some(TableProblem::Number {
            line: self.line,
            column: column.name.to_owned(),
            value: value.chars().take(40).collect(),
            wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size\n";

    #[test]
    fn rows_keep_their_lines_and_blanks_are_nothing() {
        let text = format!("\u{feff}{HEADER}\"a\nb\",c,d,1,2,3,4,5,\n e ,f,g,1.5,2,3,4,5,8\n");
        let table = Table::read(&text).unwrap();
        let rows: Vec<Row<'_>> = table.rows().collect();
        // The first row takes two lines.
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!((rows[0].text("model"), rows[0].text("tp_size")), (Some("a\nb"), None));
        assert_eq!((rows[1].text("model"), rows[1].text("absent")), (Some("e"), None));
        assert_eq!(rows[0].count("tp_size", 8), Ok(None));
        assert_eq!(rows[1].count("tp_size", 8), Ok(Some(8)));
        assert_eq!(rows[0].needed("tp_size"), Err(Reason::Missing { column: "tp_size" }));
        let beyond = |column, value, most| Err(Reason::OutOfRange { column, value, most });
        assert_eq!(rows[1].count("tp_size", 7), beyond("tp_size", 8.0, 7));
        assert_eq!(rows[1].count("isl_tokens", 7), beyond("isl_tokens", 1.5, 7));
    }

    #[test]
    fn columns_are_found_whatever_their_case_and_order() {
        let text = "TPOT_ms,TTFT_ms,Concurrency,OSL_tokens,ISL_tokens,Backend,GPU,Model\n5,4,3,2,1,v,g,m\n";
        let table = Table::read(text).unwrap();
        assert_eq!(table.kind(), Kind::Serving);
        assert_eq!(table.rows().next().unwrap().number("tpot_ms"), Some(5.0));
    }

    #[test]
    fn every_problem_is_told_with_its_line() {
        let text = format!("{HEADER}m,g,b,x,0,-3,nan,1e999,8\nm,g,b,1,2,3,4,5\n");
        let problems = Table::read(&text).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 3: not CSV: 8 fields, but the header has 9",
                "line 2, `isl_tokens`: `x` is not a number above 0",
                "line 2, `osl_tokens`: `0` is not a number above 0",
                "line 2, `concurrency`: `-3` is not a number above 0",
                "line 2, `ttft_ms`: `nan` is not a number above 0",
                "line 2, `tpot_ms`: `1e999` is not a number above 0",
            ]
        );
    }

    #[test]
    fn the_nearest_kind_is_the_one_that_shares_most() {
        let [TableProblem::UnknownKind { nearest, missing }] =
            &Table::read("task,avg_batch_size,itl_median_ms\na,1,2\n").unwrap_err()[..]
        else {
            panic!("another problem");
        };
        assert_eq!(*nearest, Kind::Energy.describe());
        assert!(missing.contains("`model`") && !missing.contains("task"), "{missing}");
    }
}
