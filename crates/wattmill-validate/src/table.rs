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
    /// A value told beside the table, of a column that no such table has.
    #[error("{place}: `{name}` is no column of {kind}; known are {known}")]
    NoColumn {
        /// Where it is told: a line, or what the caller calls it.
        place: String,
        /// Its name.
        name: String,
        /// What the table measures.
        kind: &'static str,
        /// Columns that there may be.
        known: String,
    },
    /// A value told beside the table that is not the number it should be.
    #[error("{place}: `{name}` = `{value}` is not {wanted}")]
    Told {
        /// Where it is told.
        place: String,
        /// Its name.
        name: String,
        /// What is told.
        value: String,
        /// What should be.
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
            Self::NoColumn { .. } => Some("a remark is a line like `# note: …`, without `=`"),
            Self::Told { .. } => Some("write a plain number, or leave it out"),
            Self::Empty | Self::Twice { .. } | Self::More { .. } => None,
        }
    }
}

/// A measured table.
///
/// A line `# name = value` says the value of a column for all rows below it that leave it blank;
/// other lines that begin with `#` are remarks.
#[derive(Clone, Debug)]
pub struct Table {
    kind: Kind,
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, csv::StringRecord)>,
    /// Rows with which a measurement begins.
    starts: Vec<usize>,
    /// Values told in lines of their own: line, column, value.
    told: Vec<(u64, String, String)>,
    /// Values of columns that nothing in the text says.
    otherwise: BTreeMap<String, String>,
}

/// One row of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    table: &'a Table,
    at: usize,
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
    /// Rows with fields that are not the numbers they should be are kept: they cannot be answered.
    ///
    /// # Errors
    /// Everything that is wrong with it: no header, no rows, columns of no kind of file, a column
    /// twice; such fields, each with its line, where no row is sound or rows belong together.
    pub fn read(text: &str) -> Result<Self, Vec<TableProblem>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(vec![TableProblem::Empty]);
        }
        // The reader counts lines at their carriage returns, and what follows would be a line off.
        let text = text.replace("\r\n", "\n");
        let mut problems = Vec::new();
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
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
        let lines: Vec<&str> = text.lines().collect();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    let line = past_remarks(&lines, line);
                    rows.push((line, record));
                }
                Err(error) => problems.push(syntax(&error)),
            }
        }
        if rows.is_empty() && problems.is_empty() {
            problems.push(TableProblem::NoRows);
        }
        let told = told_in(&text);
        for (line, name, value) in &told {
            problems.extend(kind.problem_of(&format!("line {line}"), name, value));
        }
        let mut table =
            Self { kind, columns, rows, starts: Vec::new(), told, otherwise: BTreeMap::new() };
        let wrong: Vec<Vec<TableProblem>> =
            (0..table.rows.len()).map(|at| table.row(at).problems().collect()).collect();
        // A row of its own that says nothing is no more than one that cannot be answered.
        if kind.conditions().is_some() || wrong.iter().all(|row| !row.is_empty()) {
            problems.extend(wrong.into_iter().flatten());
        }
        if problems.is_empty() {
            table.starts = table.beginnings();
            return Ok(table);
        }
        if problems.len() > MOST_PROBLEMS {
            let count = problems.len() - MOST_PROBLEMS;
            problems.truncate(MOST_PROBLEMS);
            problems.push(TableProblem::More { count });
        }
        Err(problems)
    }

    /// The same table, where what is blank and told nowhere in the text is one of `values`, by name of
    /// the column; `place` names whoever says so, for messages. What is told first stays.
    ///
    /// ```
    /// use wattmill_validate::Table;
    /// let table = Table::read("arrival_s,in,out,ttft_s,e2e_s\n0,9,2,0.1,0.2\n").unwrap();
    /// let gpu = [("gpu".to_owned(), "h100-sxm".to_owned())];
    /// let table = table.with("--set", &gpu).unwrap();
    /// assert_eq!(table.rows().next().unwrap().text("gpu"), Some("h100-sxm"));
    /// assert!(table.with("--set", &[("gpus".to_owned(), "8".to_owned())]).is_err());
    /// ```
    ///
    /// # Errors
    /// Names of no column of such a table, and values that are not the numbers they should be.
    pub fn with(
        mut self,
        place: &str,
        values: &[(String, String)],
    ) -> Result<Self, Vec<TableProblem>> {
        let mut problems = Vec::new();
        for (name, value) in values {
            problems.extend(self.kind.problem_of(place, name, value));
            self.otherwise.entry(name.to_lowercase()).or_insert_with(|| value.clone());
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// What kind of file it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its measurements, in order: every row, or the first of each [run](Row::run).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.starts.iter().map(|at| self.row(*at))
    }

    fn row(&self, at: usize) -> Row<'_> {
        let (line, record) = &self.rows[at];
        Row { table: self, at, line: *line, record }
    }

    /// Rows with which a measurement begins: all, or where the conditions change.
    fn beginnings(&self) -> Vec<usize> {
        let begins = |at: &usize| {
            let (Some(conditions), true) = (self.kind.conditions(), *at > 0) else { return true };
            let (before, row) = (self.row(at - 1), self.row(*at));
            conditions.iter().any(|column| before.text(column.name) != row.text(column.name))
        };
        (0..self.rows.len()).filter(begins).collect()
    }
}

/// The line on which a record begins that the reader saw begin at `line`, before what it skips.
fn past_remarks(lines: &[&str], line: u64) -> u64 {
    let from = (line as usize).saturating_sub(1);
    let skipped = lines.iter().skip(from).take_while(|l| l.is_empty() || l.starts_with('#'));
    line + skipped.count() as u64
}

/// What lines `# name = value` tell, with their line.
fn told_in(text: &str) -> Vec<(u64, String, String)> {
    let lines = (1..).zip(text.lines());
    let told = lines.filter_map(|(line, text)| {
        let (name, value) = text.strip_prefix('#')?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let word = !name.is_empty() && !name.contains(char::is_whitespace);
        word.then(|| (line, name.to_lowercase(), value.to_owned()))
    });
    told.collect()
}

impl Kind {
    /// What speaks against a value told for a column beside the rows.
    fn problem_of(self, place: &str, name: &str, value: &str) -> Option<TableProblem> {
        let lower = name.to_lowercase();
        let Some(column) = self.columns().iter().find(|column| column.name == lower) else {
            let known: Vec<&str> = self.columns().iter().map(|column| column.name).collect();
            return Some(TableProblem::NoColumn {
                place: place.to_owned(),
                name: name.to_owned(),
                kind: self.describe(),
                known: known.join(", "),
            });
        };
        Some(TableProblem::Told {
            place: place.to_owned(),
            name: name.to_owned(),
            value: value.chars().take(40).collect(),
            wanted: column.content.unmet(value)?,
        })
    }
}

impl Content {
    /// What `value` should be and is not.
    fn unmet(self, value: &str) -> Option<&'static str> {
        let number = value.parse::<f64>().ok().filter(|n| n.is_finite());
        match (self, number) {
            (Self::Text, _) => None,
            (Self::Positive, Some(n)) if n > 0.0 => None,
            (Self::AtLeastZero, Some(n)) if n >= 0.0 => None,
            (Self::Positive, _) => Some("a number above 0"),
            (Self::AtLeastZero, _) => Some("a number of at least 0"),
        }
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
    /// What stands in a column, or is told for it; `None` if it is blank or there is no such column.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        let own = self.own(column);
        let above = || {
            let told = &self.table.told;
            let below = told.iter().rev().filter(|(line, ..)| *line < self.line);
            below.into_iter().find(|(_, name, _)| name == column).map(|(.., value)| value.as_str())
        };
        let otherwise = || self.table.otherwise.get(column).map(String::as_str);
        own.or_else(above).or_else(otherwise)
    }

    /// What stands in the row itself.
    fn own(&self, column: &str) -> Option<&'a str> {
        let at = *self.table.columns.get(column)?;
        self.record.get(at).filter(|text| !text.is_empty())
    }

    /// Every row of the measurement that begins with this one: the row alone, or all requests of a
    /// [run](Kind::Requests).
    pub fn run(&self) -> impl ExactSizeIterator<Item = Row<'a>> + use<'a> {
        let (table, starts) = (self.table, &self.table.starts);
        let next = starts.partition_point(|start| *start <= self.at);
        let end = starts.get(next).copied().unwrap_or(table.rows.len());
        (self.at..end).map(|at| table.row(at))
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

    /// Fields that are not the numbers they should be.
    pub(crate) fn problems(self) -> impl Iterator<Item = TableProblem> {
        self.table.kind.columns().iter().filter_map(move |column| self.problem(column))
    }

    fn problem(&self, column: &Column) -> Option<TableProblem> {
        let value = self.own(column.name)?;
        Some(TableProblem::Number {
            line: self.line,
            column: column.name.to_owned(),
            value: value.chars().take(40).collect(),
            wanted: column.content.unmet(value)?,
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
    fn a_row_that_says_nothing_leaves_the_others() {
        let text = format!("{HEADER}m,g,b,1,2,0,4,5,8\nm,g,b,1,2,3,4,5,8\n");
        let table = Table::read(&text).unwrap();
        let wrong: Vec<Vec<String>> = table
            .rows()
            .map(|row| row.problems().map(|problem| problem.to_string()).collect())
            .collect();
        assert_eq!(wrong, [vec!["line 2, `concurrency`: `0` is not a number above 0"], vec![]]);
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

    const RUN: &str = "# model = a\narrival_s,in,out,ttft_s,e2e_s,tp_size\n0,9,2,0.1,0.2,\n\
                       # seen: nothing odd\n1,9,2,0.1,0.2,\n# tp_size = 2\n0,9,2,0.1,0.2,\n\
                       0,9,2,0.1,0.2,4\n";

    #[test]
    fn a_run_ends_where_its_conditions_change() {
        let table = Table::read(RUN).unwrap();
        assert_eq!(table.kind(), Kind::Requests);
        let told = table.rows().map(|row| (row.line, row.run().len(), row.number("tp_size")));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(3, 2, None), (7, 1, Some(2.0)), (8, 1, Some(4.0))]);
        assert!(table.rows().all(|row| row.text("model") == Some("a")));
        let elsewhere = Table::read(&RUN.replace('\n', "\r\n")).unwrap();
        assert!(elsewhere.rows().map(|row| row.line).eq(table.rows().map(|row| row.line)));
        // What the caller says fills what is left, and splits nothing.
        let values = [("tp_size", "8"), ("gpu", "b")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let table = table.with("here", &values).unwrap();
        let degrees: Vec<_> = table.rows().map(|row| row.number("tp_size")).collect();
        assert_eq!(degrees, [Some(8.0), Some(2.0), Some(4.0)]);
    }

    #[test]
    fn what_is_told_wrong_is_refused_with_its_place() {
        let text = RUN.replace("# tp_size = 2", "# tp_size = two").replace("# model", "# modell");
        let problems = Table::read(&text).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("line 1: `modell` is no column of requests"), "{told:?}");
        assert_eq!(told[1], "line 6: `tp_size` = `two` is not a number above 0");
        let values = [("gpus".to_owned(), "2".to_owned())];
        let problems = Table::read(RUN).unwrap().with("--set", &values).unwrap_err();
        assert!(problems[0].to_string().starts_with("--set: `gpus` is no column"), "{problems:?}");
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
