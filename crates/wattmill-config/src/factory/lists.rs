//! Keys whose value is an array of plain things.

use toml::de::DeValue;

use super::context::Context;
use super::row::{Row, Value, bare, shown};
use super::schema::{Kind, Need};
use super::text;

impl<'a> Row<'a> {
    /// Whole numbers within the schema's limits; none if the file does not write it.
    pub(super) fn wholes(&self, cx: &mut Context<'_>, name: &str) -> Option<Vec<u64>> {
        let Kind::Wholes(limits) = &self.key(name).kind else {
            debug_assert!(false, "`{name}` is not an array of whole numbers");
            return None;
        };
        let mut all = Vec::new();
        for value in self.elements(cx, name)? {
            let number = bare(value.get_ref()).filter(|number| number.fract() == 0.0);
            match number.filter(|number| limits.hold(*number, text::plain)) {
                Some(number) => all.push(number as u64),
                None => {
                    let label = format!("each {}", limits.words());
                    let help = format!("such as `{name} = {}`", self.example(name));
                    cx.error(
                        value.span(),
                        format!("`{name}` cannot have {}", shown(value)),
                        label,
                        help,
                    );
                    return None;
                }
            }
        }
        Some(all)
    }

    /// Words of the schema, or its default.
    pub(super) fn words(&self, cx: &mut Context<'_>, name: &str) -> Option<Vec<&'static str>> {
        let key = self.key(name);
        let Kind::Words(words) = &key.kind else {
            debug_assert!(false, "`{name}` is not an array of words");
            return None;
        };
        if let (Need::Default(text, _), false) = (&key.need, self.has(name)) {
            return Some(text.split(", ").collect());
        }
        let mut all: Vec<&'static str> = Vec::new();
        for value in self.elements(cx, name)? {
            let DeValue::String(text) = value.get_ref() else {
                self.mismatch(cx, name, value);
                return None;
            };
            match words.iter().find(|word| **word == text.as_ref()) {
                Some(word) if !all.contains(word) => all.push(word),
                Some(word) => {
                    cx.error(
                        value.span(),
                        format!("`{word}` stands twice in `{name}`"),
                        "said before",
                        "keep one of them",
                    );
                    return None;
                }
                None => {
                    let meant = cx.closest(text, words.iter().copied());
                    cx.error(
                        value.span(),
                        format!("`{name}` cannot have `{text}`"),
                        meant.map_or("not one of its words".to_owned(), |meant| {
                            format!("did you mean `{meant}`?")
                        }),
                        format!("`{name}` must be {}", key.kind.wanted()),
                    );
                    return None;
                }
            }
        }
        Some(all)
    }

    /// What the array of `name` holds, nothing if the file does not write it.
    fn elements(&self, cx: &mut Context<'_>, name: &str) -> Option<&'a [Value<'a>]> {
        let Some(value) = self.raw(name) else { return Some(&[]) };
        match value.get_ref() {
            DeValue::Array(array) => Some(array),
            _ => {
                self.mismatch(cx, name, value);
                None
            }
        }
    }
}
