//! JSON as text that people can read too.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// As a JSON value. A number that is not finite becomes null.
pub(super) fn json(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("documents have text as keys, the only thing that fails")
}

/// As text that ends in a new line: two spaces a level, lists of plain values on one line.
pub(super) fn text(document: &impl Serialize) -> String {
    let mut out = String::new();
    value(&mut out, &json(document), 0);
    out.push('\n');
    out
}

fn value(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            let entries = items.iter().map(|item| (None, item));
            block(out, ['[', ']'], entries, level);
        }
        Value::Object(fields) if !fields.is_empty() => {
            let entries = fields.iter().map(|(name, field)| (Some(name), field));
            block(out, ['{', '}'], entries, level);
        }
        plain => push(out, plain),
    }
}

fn block<'a>(
    out: &mut String,
    [open, close]: [char; 2],
    entries: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    level: usize,
) {
    out.push(open);
    for (index, (name, entry)) in entries.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        indent(out, level + 1);
        if let Some(name) = name {
            push(out, &Value::from(name.as_str()));
            out.push_str(": ");
        }
        value(out, entry, level + 1);
    }
    out.push('\n');
    indent(out, level);
    out.push(close);
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn push(out: &mut String, plain: &Value) {
    match plain {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push(out, item);
            }
            out.push(']');
        }
        // The negative of nothing is nothing.
        nothing if nothing.is_f64() && nothing.as_f64() == Some(0.0) => out.push_str("0.0"),
        // Writing to a string cannot fail.
        other => drop(write!(out, "{other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_plain_values_take_one_line() {
        let document = json!({"b": [1, 2.5, null], "a": [{"x": "\"\n"}, {}], "n": [], "m": [[1]]});
        let expected = concat!(
            "{\n  \"b\": [1,2.5,null],\n  \"a\": [\n    {\n      \"x\": \"\\\"\\n\"\n    },\n",
            "    {}\n  ],\n  \"n\": [],\n  \"m\": [\n    [1]\n  ]\n}\n"
        );
        assert_eq!(text(&document), expected);
        assert_eq!(serde_json::from_str::<Value>(expected).unwrap(), document);
    }

    #[test]
    fn what_is_not_a_number_is_null() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.5, -0.0];
        assert_eq!(text(&numbers), "[null,null,null,1e+300,-0.5,0.0]\n");
        assert_eq!(text(&-0.0), "0.0\n");
    }
}
