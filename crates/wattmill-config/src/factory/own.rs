//! `[system.NAME]`, `[accelerator.NAME]` and `[model.NAME]`: rows that a catalogue would hold.

use std::collections::BTreeMap;

use toml::Table as Plain;
use toml::Value as PlainValue;
use toml::de::{DeTable, DeValue};
use wattmill_catalog::{
    Accelerator, Kind, Model, RowError, System, parse_accelerator, parse_model, parse_system,
};
use wattmill_factory::Hardware;

use super::context::Context;
use super::row::Row;

/// The file's own rows by name; `None` where one is there but wrong.
#[derive(Debug)]
pub(super) struct Own {
    systems: BTreeMap<String, Option<System>>,
    accelerators: BTreeMap<String, Option<Accelerator>>,
    models: BTreeMap<String, Option<Model>>,
}

impl Own {
    /// Reads all of them.
    pub(super) fn read(cx: &mut Context<'_>, file: &Row<'_>) -> Self {
        let accelerators = rows(cx, file, "accelerator", parse_accelerator);
        let systems = rows(cx, file, "system", parse_system);
        let models = rows(cx, file, "model", parse_model);
        Self { systems, accelerators, models }
    }

    /// The machine that `key` of `row` names, of the file or of the catalogue.
    pub(super) fn hardware(
        &self,
        cx: &mut Context<'_>,
        row: &Row<'_>,
        key: &str,
        name: &str,
    ) -> Option<Hardware> {
        let catalog = cx.catalog;
        let system = match self.systems.get(name) {
            Some(own) => own.clone()?,
            None => match catalog.system(name) {
                Some(system) => system.clone(),
                None => {
                    unknown(cx, row, key, name, Kind::System, &self.systems);
                    return None;
                }
            },
        };
        let accelerator = match self.accelerators.get(&system.accelerator) {
            Some(own) => own.clone()?,
            None => match catalog.accelerator(&system.accelerator) {
                Some(accelerator) => accelerator.clone(),
                // Of the catalogue, or of the file: the one who wrote the name is told.
                None if self.systems.contains_key(name) => {
                    let span = cx.spans.near("system", name, "accelerator");
                    let near = near(cx, Kind::Accelerator, &system.accelerator, &self.accelerators);
                    super::not_known(
                        cx,
                        span.unwrap_or_else(|| row.span(key)),
                        Kind::Accelerator,
                        &system.accelerator,
                        near,
                    );
                    return None;
                }
                None => {
                    lacks(cx, row, key, name, "what it holds", &format!("system.{name}"));
                    return None;
                }
            },
        };
        let absent = accelerator.missing();
        if !absent.is_empty() {
            let what = format!("{} of `{}`", absent.join(", "), accelerator.id);
            lacks(cx, row, key, name, &what, &format!("accelerator.{}", accelerator.id));
            return None;
        }
        Some(Hardware { system, accelerator })
    }

    /// The model that `key` of `row` names, of the file or of the catalogue.
    pub(super) fn model(&self, cx: &mut Context<'_>, row: &Row<'_>, key: &str) -> Option<Model> {
        let name = row.text(cx, key)?;
        let catalog = cx.catalog;
        let model = match self.models.get(&name) {
            Some(own) => own.clone()?,
            None => match catalog.model(&name) {
                Some(model) => model.clone(),
                None => {
                    unknown(cx, row, key, &name, Kind::Model, &self.models);
                    return None;
                }
            },
        };
        let absent = model.missing();
        if !absent.is_empty() {
            lacks(cx, row, key, &name, &absent.join(", "), &format!("model.{name}"));
            return None;
        }
        Some(model)
    }
}

fn lacks(cx: &mut Context<'_>, row: &Row<'_>, key: &str, name: &str, what: &str, own: &str) {
    cx.error(
        row.span(key),
        format!("`{name}` cannot be run: no source states {what}"),
        "can be shown, not run",
        format!("take another, or describe it yourself in `[{own}]`"),
    );
}

fn unknown<T>(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    key: &str,
    name: &str,
    kind: Kind,
    own: &BTreeMap<String, T>,
) {
    let near = near(cx, kind, name, own);
    super::not_known(cx, row.span(key), kind, name, near);
}

/// What `name` may have meant, the file's own rows first.
fn near<T>(cx: &Context<'_>, kind: Kind, name: &str, own: &BTreeMap<String, T>) -> Vec<String> {
    let mine = cx.closest(name, own.keys().map(String::as_str));
    let theirs = cx.catalog.closest(kind, name);
    mine.into_iter().chain(theirs).map(str::to_owned).collect()
}

fn rows<T>(
    cx: &mut Context<'_>,
    file: &Row<'_>,
    kind: &'static str,
    parse: impl Fn(&str, &Plain) -> Result<T, Vec<RowError>>,
) -> BTreeMap<String, Option<T>> {
    let mut read = BTreeMap::new();
    for (name, _, row) in file.named(cx, kind) {
        let Some(table) = row.values() else { continue };
        let parsed = match parse(&name, &plain(table)) {
            Ok(parsed) => Some(parsed),
            Err(errors) => {
                for error in errors {
                    refuse(cx, &row, kind, &name, &error);
                }
                None
            }
        };
        read.insert(name, parsed);
    }
    read
}

fn refuse(cx: &mut Context<'_>, row: &Row<'_>, kind: &str, name: &str, error: &RowError) {
    let (problem, way_out) = error.message.split_once("; ").unwrap_or((&error.message, ""));
    let help = match way_out {
        "" => format!("see `[{kind}.NAME]` in the reference of the factory file"),
        way_out => way_out.to_owned(),
    };
    let message = format!("{kind} `{name}`, `{}`: {problem}", error.field);
    let written = row.values().and_then(|t| t.get_key_value(error.field.as_str()));
    match written {
        // An unknown key is wrong itself, a known one has a wrong value.
        Some((key, _)) if problem.starts_with("is not known") => {
            cx.error(key.span(), message, "not a key here", help);
        }
        Some((_, value)) => cx.error(value.span(), message, "cannot be used", help),
        None => cx.missing(row.header(), message, "needed here", help),
    }
}

/// Without spans, as the catalogue reads it.
fn plain(table: &DeTable<'_>) -> Plain {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), plain_value(value.get_ref())))
        .collect()
}

fn plain_value(value: &DeValue<'_>) -> PlainValue {
    match value {
        DeValue::String(text) => PlainValue::String(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => PlainValue::Integer(integer),
            // Too large for anything a row states; the reader refuses it as text.
            Err(_) => PlainValue::String(integer.to_string()),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(float) => PlainValue::Float(float),
            Err(_) => PlainValue::String(float.to_string()),
        },
        DeValue::Boolean(flag) => PlainValue::Boolean(*flag),
        DeValue::Datetime(stamp) => PlainValue::Datetime(*stamp),
        DeValue::Array(array) => {
            PlainValue::Array(array.iter().map(|v| plain_value(v.get_ref())).collect())
        }
        DeValue::Table(table) => PlainValue::Table(plain(table)),
    }
}
