//! Keys that are true or false.

use toml::de::DeValue;

use super::context::Context;
use super::row::Row;
use super::schema::Need;

impl Row<'_> {
    /// True or false, or the default.
    pub(super) fn flag(&self, cx: &mut Context<'_>, name: &str) -> Option<bool> {
        let Some(value) = self.raw(name) else {
            return match self.key(name).need {
                Need::Default(text, _) => Some(text == "true"),
                _ => None,
            };
        };
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.mismatch(cx, name, value);
                None
            }
        }
    }
}
