//! Reading one row: a table of values, each either bare or with a source of its own.

use std::borrow::Cow;
use std::str::FromStr;

use toml::{Table, Value};
use wattmill_units::{QuantityError, UnitTable};

use crate::{Confidence, Field, Provenance};

/// What is wrong with one value of a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct RowError {
    /// Key in the row's table. May not be there, if that is what is wrong.
    pub field: String,
    /// What is wrong and what would do.
    pub message: String,
}

/// Keys that say where the rest comes from.
pub(crate) const PROVENANCE: [&str; 3] = ["source", "date", "confidence"];

/// Takes values out of a table and remembers each as the catalogue shows it.
pub(crate) struct Row<'a> {
    table: &'a Table,
    known: Vec<&'static str>,
    /// How many of the known keys the table has.
    met: usize,
    fields: Vec<Field>,
    errors: Vec<RowError>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(table: &'a Table) -> Self {
        let mut known = Vec::with_capacity(32);
        known.extend(PROVENANCE);
        known.push("aliases");
        let met = known.iter().filter(|k| table.contains_key(**k)).count();
        Self { table, known, met, fields: Vec::with_capacity(table.len()), errors: Vec::new() }
    }

    pub(crate) fn refuse(&mut self, field: &str, message: String) {
        self.errors.push(RowError { field: field.to_owned(), message });
    }

    /// Refuses a row without `field`; `stand_in` lets the reading go on to find what else is wrong.
    pub(crate) fn absent<T>(&mut self, field: &str, wanted: &str, stand_in: T) -> T {
        if !self.errors.iter().any(|e| e.field == field) {
            self.refuse(field, format!("missing; write {wanted}"));
        }
        stand_in
    }

    /// The bare value and its own provenance, if it is there.
    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        let value = self.table.get(name)?;
        self.met += 1;
        let Value::Table(own) = value else {
            self.show(name, value, None, None);
            return Some(value);
        };
        for key in own.keys().filter(|k| !["value", "source", "confidence"].contains(&k.as_str())) {
            let message =
                format!("`{key}` is not a part of a value; use value, source, confidence");
            self.refuse(name, message);
        }
        let source = own.get("source").and_then(Value::as_str).map(str::to_owned);
        let confidence = own.get("confidence").and_then(|c| self.letter(name, c));
        let Some(value) = own.get("value") else {
            self.refuse(name, "has no `value`; write { value = …, source = … }".to_owned());
            return None;
        };
        self.show(name, value, source, confidence);
        Some(value)
    }

    fn show(
        &mut self,
        name: &'static str,
        value: &Value,
        source: Option<String>,
        confidence: Option<Confidence>,
    ) {
        self.fields.push(Field { name, value: bare(value).into_owned(), source, confidence });
    }

    fn letter(&mut self, name: &str, value: &Value) -> Option<Confidence> {
        let letter = value.as_str().and_then(Confidence::from_letter);
        if letter.is_none() {
            self.refuse(name, format!("confidence {value} is none of A, B, C, E"));
        }
        letter
    }

    /// A quantity with its unit, not negative.
    pub(crate) fn quantity<Q>(&mut self, name: &'static str) -> Option<Q>
    where
        Q: UnitTable + FromStr<Err = QuantityError>,
    {
        let value = self.take(name)?;
        match bare(value).parse::<Q>() {
            Ok(q) if q.base_value() >= 0.0 && q.base_value().is_finite() => return Some(q),
            Ok(_) => {
                self.refuse(name, format!("{value} is not {}; it must be 0 or more", Q::DIMENSION))
            }
            Err(e) => self.refuse(name, e.to_string()),
        }
        None
    }

    /// A whole number.
    pub(crate) fn count(&mut self, name: &'static str) -> Option<u32> {
        let value = self.take(name)?;
        let count = value.as_integer().and_then(|n| u32::try_from(n).ok());
        if count.is_none() {
            self.refuse(name, format!("{value} is not a whole number from 0 to {}", u32::MAX));
        }
        count
    }

    /// A plain number above zero, such as a count of parameters.
    pub(crate) fn number(&mut self, name: &'static str) -> Option<f64> {
        let value = self.take(name)?;
        let number = value.as_float().or(value.as_integer().map(|n| n as f64));
        let number = number.filter(|n| n.is_finite() && *n > 0.0);
        if number.is_none() {
            self.refuse(name, format!("{value} is not a number above 0"));
        }
        number
    }

    /// Some text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name)?;
        let text = value.as_str().filter(|t| !t.trim().is_empty());
        if text.is_none() {
            self.refuse(name, format!("{value} is not a text in quotes"));
        }
        text.map(str::to_owned)
    }

    /// Values that are shown and used for nothing else.
    pub(crate) fn shown(&mut self, names: &[&'static str]) {
        for name in names {
            self.take(name);
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.take(name)?;
        if value.as_bool().is_none() {
            self.refuse(name, format!("{value} is neither true nor false"));
        }
        value.as_bool()
    }

    /// A list of `N` numbers, not shown among the fields: too long for a line.
    pub(crate) fn numbers(&mut self, name: &'static str) -> Option<Vec<f64>> {
        self.known.push(name);
        let value = self.table.get(name)?;
        self.met += 1;
        let read = |v: &Value| v.as_float().or(v.as_integer().map(|n| n as f64));
        let list = value.as_array().and_then(|a| a.iter().map(read).collect::<Option<Vec<_>>>());
        let list = list.filter(|l| l.iter().all(|x| x.is_finite()));
        if list.is_none() {
            self.refuse(name, "is not a list of numbers".to_owned());
        }
        list
    }

    /// Where the row comes from and all it states, or everything that is wrong with it.
    ///
    /// A row that names no source is taken as its author's own estimate; the built-in catalogue
    /// refuses such rows before they come here.
    pub(crate) fn finish(mut self) -> Result<Provenance, Vec<RowError>> {
        let all_met = self.met == self.table.len();
        let unknown = |key: &&String| !all_met && !self.known.contains(&key.as_str());
        for key in self.table.keys().filter(unknown) {
            let near = crate::closest::closest(key, self.known.iter().copied(), 1);
            let hint = near.first().map_or_else(
                || format!("; known are {}", self.known.join(", ")),
                |known| format!("; did you mean `{known}`?"),
            );
            let message = format!("is not known here{hint}");
            self.errors.push(RowError { field: key.clone(), message });
        }
        let mut text = |name: &str, otherwise: &str| match self.table.get(name) {
            None => otherwise.to_owned(),
            Some(Value::String(s)) if !s.trim().is_empty() => s.clone(),
            Some(other) => {
                let message = format!("{other} is not a text in quotes");
                self.errors.push(RowError { field: name.to_owned(), message });
                String::new()
            }
        };
        let (source, date) = (text("source", "own row"), text("date", "undated"));
        let confidence = match self.table.get("confidence") {
            None => Confidence::E,
            Some(letter) => self.letter("confidence", letter).unwrap_or(Confidence::E),
        };
        if self.errors.is_empty() {
            Ok(Provenance { source, date, confidence, fields: self.fields })
        } else {
            Err(self.errors)
        }
    }
}

/// As one would write it in a file, without quotes.
fn bare(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        // Most values are counts; the general way takes a serializer.
        Value::Integer(n) => Cow::Owned(n.to_string()),
        // Nobody counts the zeros of a parameter count.
        Value::Float(x) if x.abs() >= 1e6 => Cow::Owned(format!("{x:e}")),
        other => Cow::Owned(other.to_string()),
    }
}
