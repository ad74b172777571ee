//! The schema as editors want it.

use serde_json::{Map, Value, json};

use super::keys;
use super::schema::{End, Key, Kind, Limits, Need, Table};
use super::text::{self, COUNT_SUFFIXES, Measure};

/// JSON Schema (draft 2020-12) of a factory file, for editors that check TOML against one.
pub fn json_schema() -> Value {
    whole(&keys::FILE, "Wattmill factory file")
}

/// Likewise of a fleet file.
pub fn fleet_json_schema() -> Value {
    whole(&keys::FLEET, "Wattmill fleet file")
}

fn whole(file: &Table, title: &str) -> Value {
    let mut schema = table(file);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".to_owned(), json!(title));
        object.insert("$defs".to_owned(), json!({ "distribution": distribution() }));
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.keys.iter().map(|k| (k.name.to_owned(), property(k, table))).collect();
    let required: Vec<_> =
        table.keys.iter().filter(|k| matches!(k.need, Need::Required)).map(|k| k.name).collect();
    json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": table.catalogue_row,
    })
}

/// What may stand for a number, whatever it measures.
fn distribution() -> Value {
    json!({ "anyOf": [
        { "type": "string", "pattern": r"^.*[0-9].*\.\..*[0-9].*$" },
        table(&keys::DISTRIBUTION),
    ] })
}

fn property(key: &Key, table: &Table) -> Value {
    let sourced = table.catalogue_row;
    let mut schema = kind(&key.kind);
    if table.certain.is_empty() && key.kind.may_be_uncertain() {
        let distribution = json!({ "$ref": "#/$defs/distribution" });
        match schema.get_mut("anyOf").and_then(Value::as_array_mut) {
            Some(ways) => ways.push(distribution),
            None => schema = json!({ "anyOf": [schema, distribution] }),
        }
    }
    // What a row says of its source has none of its own.
    if sourced && !["source", "date", "confidence"].contains(&key.name) {
        schema = json!({ "anyOf": [schema, {
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": schema,
                "source": { "type": "string" },
                "confidence": { "enum": ["A", "B", "C", "E"] },
            },
        }] });
    }
    let mut doc = key.doc.to_owned();
    if let Need::Default(text, why) = key.need {
        doc.push_str(&format!("\nLeft out: {text} ({why})."));
        let value = match key.kind {
            Kind::Whole(_) => json!(text.parse::<u64>().ok()),
            Kind::Number(_) => json!(text.parse::<f64>().ok()),
            Kind::Flag => json!(text == "true"),
            Kind::Words(_) => json!(text.split(", ").collect::<Vec<_>>()),
            _ => json!(text),
        };
        schema["default"] = value;
    }
    schema["description"] = json!(doc);
    schema
}

fn kind(kind_of: &Kind) -> Value {
    match kind_of {
        Kind::Text | Kind::Reference(_) => json!({ "type": "string", "minLength": 1 }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        // Editors hand a TOML date over as text.
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Moment => json!({ "type": "string", "format": "date-time" }),
        Kind::File(_) => json!({ "type": "string", "minLength": 1 }),
        Kind::Wholes(limits) => json!({ "type": "array", "items": limited("integer", limits) }),
        Kind::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
        Kind::Whole(limits) => limited("integer", limits),
        Kind::Number(limits) => json!({ "anyOf": [
            limited("number", limits),
            { "type": "string", "pattern": pattern(&["%"]) },
        ] }),
        Kind::Count(limits) => {
            let suffixes: Vec<_> = COUNT_SUFFIXES.iter().map(|s| s.0).collect();
            json!({ "anyOf": [
                limited("number", limits),
                { "type": "string", "pattern": pattern(&suffixes) },
            ] })
        }
        Kind::Quantity(measure, limits) => quantity(measure, limits),
        Kind::Percentile => json!({ "type": "string", "pattern": r"^p[5-9][0-9](\.[0-9]+)?$" }),
        Kind::Names => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Kind::Numbers(n) => json!({
            "type": "array", "items": { "type": "number" }, "minItems": n, "maxItems": n,
        }),
        Kind::Quantiles => json!({
            "type": "array",
            "minItems": 2,
            "items": { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 },
        }),
        Kind::Table(inner) => table(inner),
        Kind::Tables(inner) => json!({ "type": "array", "items": table(inner) }),
        Kind::Named(inner) => json!({ "type": "object", "additionalProperties": table(inner) }),
        Kind::Same => json!({ "type": ["number", "string"] }),
        Kind::AllSame => json!({
            "type": "array", "items": { "type": ["number", "string"] }, "minItems": 1,
        }),
        Kind::Weights => json!({
            "type": "array", "items": { "type": "number", "minimum": 0 }, "minItems": 1,
        }),
        Kind::Pair => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 2,
        }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(kind).collect::<Vec<_>>() }),
    }
}

fn limited(of: &str, limits: &Limits) -> Value {
    let mut schema = json!({ "type": of });
    let ends =
        [(limits.low, "minimum", "exclusiveMinimum"), (limits.high, "maximum", "exclusiveMaximum")];
    for (end, allowed, excluded) in ends {
        let (key, text) = match end {
            End::Allowed(text) => (allowed, text),
            End::Excluded(text) => (excluded, text),
        };
        // Whole limits stay whole: an editor shows them.
        if let Ok(whole) = text.parse::<i64>() {
            schema[key] = json!(whole);
        } else if let Some(number) = text::counted(text) {
            schema[key] = json!(number);
        }
    }
    schema
}

fn quantity(measure: &Measure, limits: &Limits) -> Value {
    let units: Vec<_> = measure.units.iter().map(|u| u.0).collect();
    json!({ "type": "string", "pattern": pattern(&units), "$comment": limits.words() })
}

/// A number followed by one of `units`.
fn pattern(units: &[&str]) -> String {
    let spaced = |unit: &&str| unit.replace(' ', r"\s*").replace('/', r"\s*/\s*");
    let units: Vec<_> = units.iter().map(spaced).collect();
    // The one word that may follow, of a contract's power.
    format!(r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*({})(\s+deployed)?$", units.join("|"))
}
