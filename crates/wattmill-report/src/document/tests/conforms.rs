//! As much of JSON Schema as the documents' schemas use.

use serde_json::Value;

/// Where and how `value` does not keep to the root schema `root`.
pub(super) fn problems(root: &Value, value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    check(root, root, value, "", &mut problems);
    problems
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").expect("references are to parts");
        return check(root, &root["$defs"][name], value, at, problems);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(options) = schema[several].as_array() {
            let fits = options.iter().any(|option| {
                let mut problems = Vec::new();
                check(root, option, value, at, &mut problems);
                problems.is_empty()
            });
            if !fits {
                problems.push(format!("{at}: {value} fits none of {several}"));
            }
        }
    }
    let mut refuse = |what: &str| problems.push(format!("{at}: {value} {what}"));
    match &schema["type"] {
        Value::Null => {}
        Value::Array(names) if names.iter().any(|name| is(name, value)) => {}
        name if is(name, value) => {}
        _ => refuse("is of another type"),
    }
    if schema["const"] != Value::Null && schema["const"] != *value {
        refuse("is another constant");
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        refuse("is none of the words");
    }
    if let (Some(object), true) = (value.as_object(), schema["properties"].is_object()) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                refuse(&format!("lacks {name}"));
            }
        }
        for (name, field) in object {
            match &schema["properties"][name] {
                Value::Null => problems.push(format!("{at}: {name} is not in the schema")),
                property => check(root, property, field, &format!("{at}.{name}"), problems),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{index}]"), problems);
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_u64() || value.is_i64(),
        _ => false,
    }
}
