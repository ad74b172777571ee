//! Files that a factory file names.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

/// Text of the files that a factory file names, or why there is none, by their path as it is written.
///
/// ```
/// use wattmill_config::Files;
/// let text = "[[site]]\nname = \"a\"\ngrid = { hourly = \"prices.csv\" }\n";
/// assert_eq!(Files::named_in(text), ["prices.csv"]);
/// let mut files = Files::default();
/// files.put("prices.csv", Ok("price_usd_per_mwh\n47\n".to_owned()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<String, Result<String, String>>);

/// What every reading without files has.
pub(super) static NO_FILES: Files = Files(BTreeMap::new());

impl Files {
    /// Paths that a factory file names, each once. Text that is not TOML names what can still be read.
    pub fn named_in(text: &str) -> Vec<String> {
        let (document, _) = DeTable::parse_recoverable(text);
        let mut found = Vec::new();
        in_table(document.get_ref(), &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// Adds a file, or why it could not be read.
    pub fn put(&mut self, path: &str, text: Result<String, String>) {
        self.0.insert(path.to_owned(), text);
    }

    /// Whether a file was put, with its text or with why there is none.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Every file, in the order of their paths: its text, or why there is none.
    ///
    /// ```
    /// use wattmill_config::Files;
    /// let mut files = Files::default();
    /// files.put("b.csv", Ok("47".to_owned()));
    /// files.put("a.csv", Err("it is not there".to_owned()));
    /// let paths: Vec<&str> = files.iter().map(|(path, _)| path).collect();
    /// assert_eq!(paths, ["a.csv", "b.csv"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, Result<&str, &str>)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_deref().map_err(String::as_str)))
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Result<&str, &str> {
        match self.0.get(path) {
            Some(Ok(text)) => Ok(text),
            Some(Err(why)) => Err(why),
            None => Err("it was not given together with the factory file"),
        }
    }
}

/// The key that names a file wherever it stands.
const KEY: &str = "hourly";

fn in_table(table: &DeTable<'_>, found: &mut Vec<String>) {
    for (key, value) in table {
        match value.get_ref() {
            DeValue::String(path) if key.get_ref() == KEY => found.push(path.to_string()),
            value => in_value(value, found),
        }
    }
}

fn in_value(value: &DeValue<'_>, found: &mut Vec<String>) {
    match value {
        DeValue::Table(table) => in_table(table, found),
        DeValue::Array(array) => array.iter().for_each(|v| in_value(v.get_ref(), found)),
        _ => {}
    }
}
