//! One table of the file, read along its schema.

use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wattmill_units::UnitTable;

use super::context::Context;
use super::day::day;
use super::schema::{Key, Kind, Limits, Need, Table};
use super::text::{self, Measure, TextError};
use super::uncertain::is_drawn;

/// A table and what the schema says about it. Getters report what is wrong and answer `None`.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    schema: &'static Table,
    /// Nothing for a table that the file leaves to its defaults.
    values: Option<&'a DeTable<'a>>,
    span: Range<usize>,
    /// Which named table of the file this belongs to, and the dotted key inside that.
    kind: &'static str,
    name: String,
    prefix: String,
    /// Keys that unknown keys may have meant: their absence is told already.
    meant: Vec<&'static str>,
}

/// A value as it stands in the file.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> Row<'a> {
    /// The top of the file.
    pub(super) fn file(
        cx: &mut Context<'_>,
        schema: &'static Table,
        values: &'a DeTable<'a>,
    ) -> Self {
        Self::open(cx, schema, values, 0..0, "file", String::new(), String::new())
    }

    fn open(
        cx: &mut Context<'_>,
        schema: &'static Table,
        values: &'a DeTable<'a>,
        span: Range<usize>,
        kind: &'static str,
        name: String,
        prefix: String,
    ) -> Self {
        let mut all_meant = Vec::new();
        for (key, _) in values {
            if !schema.catalogue_row && schema.key(key.get_ref()).is_none() {
                let names = schema.keys.iter().map(|k| k.name);
                let meant = cx.closest(key.get_ref(), names.clone());
                all_meant.extend(meant);
                let all = names.collect::<Vec<_>>().join(", ");
                cx.error(
                    key.span(),
                    format!("unknown key `{}` in {}", key.get_ref(), schema.name),
                    meant.map_or("not a key here".to_owned(), |m| format!("did you mean `{m}`?")),
                    format!("keys of {}: {all}", schema.name),
                );
            }
        }
        let row = Self { schema, values: Some(values), span, kind, name, prefix, meant: all_meant };
        // A sample asks for no places.
        if !cx.sampling() {
            cx.spans.note(row.kind, &row.name, &row.prefix, row.span.clone());
            for key in schema.keys {
                if let Some(value) = values.get(key.name) {
                    cx.spans.note(row.kind, &row.name, &row.dotted(key.name), value.span());
                }
            }
        }
        row
    }

    /// Why no number of this table may be a distribution, empty if any may.
    pub(super) const fn certain(&self) -> &'static str {
        self.schema.certain
    }

    /// The key's full path in the file, such as `site.abilene.grid.price`.
    pub(super) fn path(&self, key: &str) -> String {
        match self.kind {
            "file" => self.dotted(key),
            kind => format!("{kind}.{}.{}", self.name, self.dotted(key)),
        }
    }

    /// The table under `name` as one of another schema.
    pub(super) fn table_as(
        &self,
        cx: &mut Context<'_>,
        name: &str,
        schema: &'static Table,
    ) -> Option<Row<'a>> {
        let value = self.raw(name)?;
        let DeValue::Table(table) = value.get_ref() else { return None };
        Some(self.inner(cx, schema, table, value.span(), self.dotted(name)))
    }

    fn dotted(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) }
    }

    /// What messages call this table.
    pub(super) fn what(&self) -> &'static str {
        self.schema.name
    }

    /// Where the table stands: its header, or its braces.
    pub(super) fn header(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where the value of `key` stands, or the table's header if the file does not write it.
    pub(super) fn span(&self, key: &str) -> Range<usize> {
        self.raw(key).map_or_else(|| self.header(), Spanned::span)
    }

    /// Whether the file writes `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    /// Whether the file writes `key`, perhaps misspelt, which is told already.
    pub(super) fn has_or_means(&self, key: &str) -> bool {
        self.has(key) || self.meant.contains(&key)
    }

    /// The value as it stands.
    pub(super) fn raw(&self, key: &str) -> Option<&'a Value<'a>> {
        self.values?.get(key)
    }

    /// What the schema says of `name`.
    pub(super) fn key(&self, name: &str) -> &'static Key {
        self.schema.key(name).expect("the schema has every key that the code asks for")
    }

    /// The value, its key, and whether it is the default's text.
    fn value(&self, cx: &mut Context<'_>, name: &str) -> Option<(&'static Key, Written<'a>)> {
        let key = self.key(name);
        if let Some(value) = self.raw(name) {
            return Some((key, Written::Value(value)));
        }
        match key.need {
            Need::Default(text, _) => Some((key, Written::Default(text))),
            Need::Optional => None,
            Need::Required if self.meant.contains(&name) => None,
            Need::Required => {
                let mut help = format!("`{name}` must be {}", key.kind.wanted());
                if !key.example.is_empty() {
                    help.push_str(&format!(", such as `{name} = {}`", key.example));
                }
                cx.missing(
                    self.header(),
                    format!("{} has no `{name}`", self.schema.name),
                    format!("`{name}` is needed here"),
                    help,
                );
                None
            }
        }
    }

    /// The text under `key` if it is text, without a word about anything else.
    pub(super) fn plain_text(&self, key: &str) -> Option<&'a str> {
        match self.raw(key)?.get_ref() {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// How `key` may be written.
    pub(super) fn example(&self, key: &str) -> &'static str {
        self.key(key).example
    }

    /// The whole table, if the file writes it.
    pub(super) fn values(&self) -> Option<&'a DeTable<'a>> {
        self.values
    }

    /// Reports `key` if the file does not write it and has to.
    pub(super) fn require(&self, cx: &mut Context<'_>, key: &str) {
        self.value(cx, key);
    }

    /// Reports that the value of `key` is not what the schema wants.
    pub(super) fn mismatch(&self, cx: &mut Context<'_>, key: &str, value: &Value<'_>) {
        mismatch(cx, self.key(key), value.span(), value.get_ref());
    }

    /// Text that is not empty.
    pub(super) fn text(&self, cx: &mut Context<'_>, name: &str) -> Option<String> {
        let (key, written) = self.value(cx, name)?;
        match written {
            Written::Default(text) => Some(text.to_owned()),
            Written::Value(value) => match value.get_ref() {
                DeValue::String(text) if !text.trim().is_empty() => Some(text.to_string()),
                other => {
                    mismatch(cx, key, value.span(), other);
                    None
                }
            },
        }
    }

    /// One of the words of the schema.
    pub(super) fn choice(&self, cx: &mut Context<'_>, name: &str) -> Option<&'static str> {
        let (key, written) = self.value(cx, name)?;
        let Kind::Choice(words) = &key.kind else {
            debug_assert!(false, "`{name}` is not a choice");
            return None;
        };
        match written {
            Written::Default(text) => Some(text),
            Written::Value(value) => {
                if let DeValue::String(text) = value.get_ref() {
                    if let Some(word) = words.iter().find(|w| **w == text.as_ref()) {
                        return Some(word);
                    }
                    let meant = cx.closest(text, words.iter().copied());
                    cx.error(
                        value.span(),
                        format!("`{name}` cannot be `{text}`"),
                        meant.map_or("not one of its words".to_owned(), |m| {
                            format!("did you mean `{m}`?")
                        }),
                        format!("`{name}` must be {}", key.kind.wanted()),
                    );
                } else {
                    mismatch(cx, key, value.span(), value.get_ref());
                }
                None
            }
        }
    }

    /// A day, as a TOML date or as text.
    pub(super) fn date(&self, cx: &mut Context<'_>, name: &str) -> Option<Date> {
        let (key, written) = self.value(cx, name)?;
        let Written::Value(value) = written else {
            debug_assert!(false, "a date has no default");
            return None;
        };
        self.perhaps(cx, key, value, &|cx, value| day(cx, key, value)).map(text::day_of)
    }

    /// A whole number within the schema's limits.
    pub(super) fn whole(&self, cx: &mut Context<'_>, name: &str) -> Option<u64> {
        let (key, written) = self.value(cx, name)?;
        let Kind::Whole(limits) = &key.kind else {
            debug_assert!(false, "`{name}` is not a whole number");
            return None;
        };
        let value = match written {
            Written::Default(text) => return text.parse().ok(),
            Written::Value(value) if is_drawn(value) => return self.never_drawn(cx, key, value),
            Written::Value(value) => value,
        };
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            // `1e3` is how some write a thousand.
            DeValue::Float(float) => float
                .as_str()
                .parse::<f64>()
                .ok()
                .filter(|x| x.fract() == 0.0 && x.abs() < 9e15)
                .map(|x| x as i64),
            _ => None,
        };
        let Some(number) = number else {
            mismatch(cx, key, value.span(), value.get_ref());
            return None;
        };
        let held = within(cx, key, limits, number as f64, &number.to_string(), value, text::plain);
        held.and_then(|_| u64::try_from(number).ok())
    }

    /// [`Self::whole`] for what is counted in 32 bits; the schema's limits keep it there.
    pub(super) fn small(&self, cx: &mut Context<'_>, name: &str) -> Option<u32> {
        u32::try_from(self.whole(cx, name)?).ok()
    }

    /// A number without a unit, bare or as a percentage.
    pub(super) fn number(&self, cx: &mut Context<'_>, name: &str) -> Option<f64> {
        let (key, written) = self.value(cx, name)?;
        let Kind::Number(limits) = &key.kind else {
            debug_assert!(false, "`{name}` is not a number");
            return None;
        };
        let value = match written {
            Written::Default(text) => return text::ratio(text),
            Written::Value(value) => value,
        };
        self.perhaps(cx, key, value, &|cx, value| {
            let number = match value.get_ref() {
                DeValue::String(text) => text::ratio(text),
                other => bare(other),
            };
            let Some(number) = number else {
                mismatch(cx, key, value.span(), value.get_ref());
                return None;
            };
            within(cx, key, limits, number, &shown(value), value, text::plain)
        })
    }

    /// How many, bare or with a suffix.
    pub(super) fn count(&self, cx: &mut Context<'_>, name: &str) -> Option<f64> {
        let (key, written) = self.value(cx, name)?;
        let Kind::Count(limits) = &key.kind else {
            debug_assert!(false, "`{name}` is not a count");
            return None;
        };
        let value = match written {
            Written::Default(text) => return text::counted(text),
            Written::Value(value) => value,
        };
        self.perhaps(cx, key, value, &|cx, value| {
            let number = match value.get_ref() {
                DeValue::String(text) => text::counted(text),
                other => bare(other),
            };
            let Some(number) = number else {
                let suffixes: Vec<_> =
                    text::COUNT_SUFFIXES.iter().map(|s| s.0).filter(|s| !s.is_empty()).collect();
                cx.error(
                    value.span(),
                    format!("`{name}` is not a count"),
                    describe(value.get_ref()),
                    format!(
                        "write a number like `{}`; suffixes in text: {}",
                        key.example,
                        suffixes.join(", ")
                    ),
                );
                return None;
            };
            within(cx, key, limits, number, &shown(value), value, text::counted)
        })
    }

    /// A quantity with its unit.
    pub(super) fn quantity<Q: UnitTable>(&self, cx: &mut Context<'_>, name: &str) -> Option<Q> {
        self.measured(cx, name, |text| text).map(Q::from_base_value)
    }

    /// In base units of the schema's measure, after `trim` took away what may surround it.
    pub(super) fn measured(
        &self,
        cx: &mut Context<'_>,
        name: &str,
        trim: impl Fn(&str) -> &str,
    ) -> Option<f64> {
        let (key, written) = self.value(cx, name)?;
        let Kind::Quantity(measure, limits) = &key.kind else {
            debug_assert!(false, "`{name}` is not a quantity");
            return None;
        };
        let value = match written {
            Written::Default(text) => return text::measured(text, measure).ok(),
            Written::Value(value) => value,
        };
        self.perhaps(cx, key, value, &|cx, value| {
            let text = match value.get_ref() {
                DeValue::String(text) => trim(text.trim()).to_owned(),
                DeValue::Integer(_) | DeValue::Float(_) => shown(value),
                other => {
                    mismatch(cx, key, value.span(), other);
                    return None;
                }
            };
            match text::measured(&text, measure) {
                Ok(number) => {
                    let read = |end: &str| text::measured(end, measure).ok();
                    within(cx, key, limits, number, &text, value, read)
                }
                Err(error) => {
                    cx.error_of_text(key, measure, value, &text, &error);
                    None
                }
            }
        })
    }

    /// A quantity with its unit, in base units, or a share of something of the same kind.
    pub(super) fn size_or_share(&self, cx: &mut Context<'_>, name: &str) -> Option<SizeOrShare> {
        let (key, written) = self.value(cx, name)?;
        let (
            Kind::Either([Kind::Quantity(measure, sizes), Kind::Number(shares)]),
            Written::Value(value),
        ) = (&key.kind, written)
        else {
            debug_assert!(false, "`{name}` is not a size or a share");
            return None;
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.trim().to_owned(),
            DeValue::Integer(_) | DeValue::Float(_) => shown(value),
            other => {
                mismatch(cx, key, value.span(), other);
                return None;
            }
        };
        if let Some(share) = text::ratio(&text) {
            return within(cx, key, shares, share, &text, value, text::plain)
                .map(SizeOrShare::Share);
        }
        match text::measured(&text, measure) {
            Ok(size) => {
                let read = |end: &str| text::measured(end, measure).ok();
                within(cx, key, sizes, size, &text, value, read).map(SizeOrShare::Size)
            }
            Err(error) => {
                cx.error_of_text(key, measure, value, &text, &error);
                None
            }
        }
    }

    /// A percentile above the median, as a fraction.
    pub(super) fn percentile(&self, cx: &mut Context<'_>, name: &str) -> Option<f64> {
        let (key, written) = self.value(cx, name)?;
        let value = match written {
            Written::Default(text) => return text::percentile(text),
            Written::Value(value) => value,
        };
        let quantile = match value.get_ref() {
            DeValue::String(text) => text::percentile(text),
            _ => None,
        };
        match quantile {
            Some(q) if q > 0.5 && q < 1.0 => return Some(q),
            Some(_) => cx.error(
                value.span(),
                format!("`{name}` cannot be {}", shown(value)),
                "not between p50 and p100",
                "write a percentile above the median, like `\"p95\"`, `\"p99\"` or `\"p99.9\"`",
            ),
            None => mismatch(cx, key, value.span(), value.get_ref()),
        }
        None
    }

    /// The table under `name`.
    pub(super) fn table(&self, cx: &mut Context<'_>, name: &str) -> Option<Row<'a>> {
        let (key, written) = self.value(cx, name)?;
        let Written::Value(value) = written else {
            return None;
        };
        match (value.get_ref(), &key.kind) {
            (DeValue::Table(table), Kind::Table(schema)) => {
                Some(self.inner(cx, schema, table, value.span(), self.dotted(name)))
            }
            (other, _) => {
                mismatch(cx, key, value.span(), other);
                None
            }
        }
    }

    /// The table under `name`, or one with nothing but defaults if the file does not write it.
    pub(super) fn table_or_defaults(&self, cx: &mut Context<'_>, name: &str) -> Option<Row<'a>> {
        if self.has(name) {
            return self.table(cx, name);
        }
        let Kind::Table(schema) = &self.key(name).kind else {
            return None;
        };
        let prefix = self.dotted(name);
        Some(Row { schema, values: None, prefix, meant: Vec::new(), ..self.clone() })
    }

    /// The table under `name` that the schema allows beside other kinds, if it is one.
    pub(super) fn table_of(&self, cx: &mut Context<'_>, name: &str) -> Option<Row<'a>> {
        let value = self.raw(name)?;
        let DeValue::Table(table) = value.get_ref() else {
            return None;
        };
        let Kind::Either(kinds) = &self.key(name).kind else {
            return None;
        };
        let schema = kinds.iter().find_map(|kind| match kind {
            Kind::Table(schema) => Some(*schema),
            _ => None,
        })?;
        Some(self.inner(cx, schema, table, value.span(), self.dotted(name)))
    }

    fn inner(
        &self,
        cx: &mut Context<'_>,
        schema: &'static Table,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        prefix: String,
    ) -> Row<'a> {
        Row::open(cx, schema, table, span, self.kind, self.name.clone(), prefix)
    }

    /// The tables of the array under `name`, none if the file does not write it.
    pub(super) fn tables(&self, cx: &mut Context<'_>, name: &str) -> Vec<Row<'a>> {
        let Some((key, Written::Value(value))) = self.value(cx, name) else {
            return Vec::new();
        };
        let (DeValue::Array(array), Kind::Tables(schema)) = (value.get_ref(), &key.kind) else {
            mismatch(cx, key, value.span(), value.get_ref());
            return Vec::new();
        };
        let mut rows = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let DeValue::Table(table) = element.get_ref() else {
                mismatch(cx, key, element.span(), element.get_ref());
                continue;
            };
            let row = if self.kind == "file" {
                let called = match table.get("name").map(Spanned::get_ref) {
                    Some(DeValue::String(text)) => text.to_string(),
                    _ => index.to_string(),
                };
                Row::open(cx, schema, table, element.span(), schema.name, called, String::new())
            } else {
                let prefix = format!("{}.{index}", self.dotted(name));
                self.inner(cx, schema, table, element.span(), prefix)
            };
            rows.push(row);
        }
        rows
    }

    /// The tables under `name`, each with the name it has in the file and where that stands.
    pub(super) fn named(
        &self,
        cx: &mut Context<'_>,
        name: &str,
    ) -> Vec<(String, Range<usize>, Row<'a>)> {
        let Some((key, Written::Value(value))) = self.value(cx, name) else {
            return Vec::new();
        };
        let (DeValue::Table(table), Kind::Named(schema)) = (value.get_ref(), &key.kind) else {
            mismatch(cx, key, value.span(), value.get_ref());
            return Vec::new();
        };
        let mut rows = Vec::new();
        for (called, value) in table {
            let DeValue::Table(inner) = value.get_ref() else {
                mismatch(cx, key, value.span(), value.get_ref());
                continue;
            };
            let called_text = called.get_ref().to_string();
            let row = Row::open(
                cx,
                schema,
                inner,
                value.span(),
                schema.name,
                called_text.clone(),
                String::new(),
            );
            rows.push((called_text, called.span(), row));
        }
        rows.sort_by_key(|(_, span, _)| span.start);
        rows
    }
}

/// A quantity, or a share of something of the same kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SizeOrShare {
    /// In base units.
    Size(f64),
    /// As a fraction.
    Share(f64),
}

/// What stands for a key: a value of the file or the text of its default.
#[derive(Clone, Copy)]
enum Written<'a> {
    Value(&'a Value<'a>),
    Default(&'static str),
}

/// A finite number without quotes.
pub(super) fn bare(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64
        }
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A scalar as one would say it in a message.
pub(super) fn shown(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Datetime(stamp) => stamp.to_string(),
        other => describe(other).to_owned(),
    }
}

/// What kind of value it is.
fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(text) if text.trim().is_empty() => "this is empty text",
        DeValue::String(_) => "this is text",
        DeValue::Integer(_) => "this is a whole number",
        DeValue::Float(_) => "this is a number",
        DeValue::Boolean(_) => "this is true or false",
        DeValue::Datetime(_) => "this is a date",
        DeValue::Array(_) => "this is an array",
        DeValue::Table(_) => "this is a table",
    }
}

pub(super) fn mismatch(cx: &mut Context<'_>, key: &Key, span: Range<usize>, value: &DeValue<'_>) {
    let help = if key.example.is_empty() {
        format!("see `{}` in the reference of the factory file", key.name)
    } else {
        format!("write it like `{} = {}`", key.name, key.example)
    };
    cx.error(span, format!("`{}` must be {}", key.name, key.kind.wanted()), describe(value), help);
}

fn within(
    cx: &mut Context<'_>,
    key: &Key,
    limits: &Limits,
    number: f64,
    text: &str,
    value: &Value<'_>,
    read: impl Fn(&str) -> Option<f64>,
) -> Option<f64> {
    if limits.hold(number, read) {
        return Some(number);
    }
    cx.error(
        value.span(),
        format!("`{}` cannot be {text}", key.name),
        limits.words(),
        format!("such as `{} = {}`", key.name, key.example),
    );
    None
}

impl Context<'_> {
    fn error_of_text(
        &mut self,
        key: &Key,
        measure: &Measure,
        value: &Value<'_>,
        text: &str,
        error: &TextError,
    ) {
        let like = if key.example.is_empty() {
            format!("write {} like `\"1 {}\"`", measure.what, measure.usual())
        } else {
            format!("write {} like `{}`", measure.what, key.example)
        };
        let allowed = measure.allowed();
        let (title, label, help) = match error {
            TextError::NoNumber => (
                format!("`{}` does not start with a number", key.name),
                "no number here".to_owned(),
                format!("{like} (units: {allowed})"),
            ),
            TextError::NoUnit(number) => (
                format!("`{}` has no unit", key.name),
                format!("{number} of what?"),
                format!(
                    "write `{} = \"{number} {}\"` (units: {allowed})",
                    key.name,
                    measure.usual()
                ),
            ),
            TextError::UnknownUnit(unit, meant) => (
                format!("`{unit}` is not a unit of {}", measure.what),
                match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("in `{text}`"),
                },
                format!("use one of {allowed}"),
            ),
        };
        self.error(value.span(), title, label, help);
    }
}
