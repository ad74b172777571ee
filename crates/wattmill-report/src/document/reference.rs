//! The reference of the documents, as Markdown.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schema::output_schemas;

const INTRODUCTION: &str = "\
<!-- Generated from the code by `cargo xtask docs`; do not edit. -->

# Answers as JSON

With `--json` every command prints one JSON document on standard output and nothing else there;
progress and messages go to standard error. If the input is wrong, the document is
[check](#check) and the exit code says so.

- A number says its unit in its name: `power_mw`, `ttft_p99_ms`, `energy_mwh`,
  `cost_usd_per_million_output_tokens`. A name without one is a count. Power is in megawatts, energy
  in megawatt-hours, latency in milliseconds, money in US dollars of the factory's `price_year`;
  `fraction` is of 1. `facility_power` includes cooling and conversion, `it_power` does not,
  `accelerator_power` is of the packages alone.
- A field that is in the schema is always there; what is not known is null. A number that is not
  finite would be a fault of the program, and null.
- The order of fields and of lists is fixed: the same question has the same text as its answer, but
  for the wall-clock time of a replay.
- `schema` names the document and its version. A version only ever gains fields; one that changes or
  goes makes the next version. `docs/output-schemas.json` holds the schemas, by command.
";

/// Markdown that explains every document, every field, its type and its meaning.
pub fn output_reference_markdown() -> String {
    let schemas = output_schemas();
    let mut out = INTRODUCTION.to_owned();
    let mut parts: Map<String, Value> = Map::new();
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let id = schema["properties"]["schema"]["const"].as_str().unwrap_or_default();
        let _ = write!(out, "\n## {name}\n\n`{id}`: {}\n\n", description(schema));
        fields(&mut out, schema);
        for (part, schema) in schema["$defs"].as_object().into_iter().flatten() {
            parts.entry(part.clone()).or_insert_with(|| schema.clone());
        }
    }
    out.push_str("\n## Parts\n\nWhat the types of the fields above refer to.\n");
    for (name, schema) in &parts {
        let _ = write!(out, "\n### {name}\n\n{}\n\n", description(schema));
        fields(&mut out, schema);
    }
    out
}

fn fields(out: &mut String, schema: &Value) {
    out.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "| `{name}` | {} | {} |", kind(field), description(field));
    }
}

/// On one line, fit for a cell.
fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(id) = schema["const"].as_str() {
        return format!("`{id}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        let names = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`"));
        return names.collect::<Vec<_>>().join(", ");
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(options) = schema["oneOf"].as_array() {
        return options.iter().map(kind).collect::<Vec<_>>().join(", ");
    }
    if let Some(options) = schema["anyOf"].as_array() {
        return options.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let one = |name: &str| match name {
        "array" => list_of(&kind(&schema["items"])),
        "string" if schema["format"] == "date" => "date".to_owned(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn list_of(one: &str) -> String {
    let plural = if one.ends_with(char::is_alphabetic) { "s" } else { "" };
    format!("list of {one}{plural}")
}
