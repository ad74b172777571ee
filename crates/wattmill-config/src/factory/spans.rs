//! Where things stand in the file, for checks that come later.

use std::collections::BTreeMap;
use std::ops::Range;

/// Byte ranges of every table and value that was read, by what they belong to.
///
/// A check that runs after parsing, such as whether a model fits the memory of its layout, finds
/// here what to point at.
///
/// ```
/// use wattmill_catalog::Catalog;
/// let text = "[[service]]\nname = \"chat\"\nengine = \"auto\"\n";
/// let parsed = wattmill_config::parse_factory(text, &Catalog::builtin());
/// let span = parsed.spans.of("service", "chat", "engine").expect("it is written there");
/// assert_eq!(&text[span], "\"auto\"");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Spans {
    places: BTreeMap<(&'static str, String, String), Range<usize>>,
}

impl Spans {
    /// Bytes of the value of `key` in the table of `kind` that is called `name`, such as
    /// `("phase", "first gigawatt", "power")` or `("service", "chat", "slo.ttft")`. The table's own
    /// header if `key` is empty; `kind` and `name` are `"file"` and `""` at the top of the file.
    /// `None` if the file does not write it.
    pub fn of(&self, kind: &'static str, name: &str, key: &str) -> Option<Range<usize>> {
        self.places.get(&(kind, name.to_owned(), key.to_owned())).cloned()
    }

    /// Like [`Self::of`], falling back to the closest table around it that is written.
    pub fn near(&self, kind: &'static str, name: &str, key: &str) -> Option<Range<usize>> {
        let mut key = key;
        loop {
            if let Some(span) = self.of(kind, name, key) {
                return Some(span);
            }
            if key.is_empty() {
                return None;
            }
            key = key.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }

    /// Bytes of the value at a full path, such as `site.abilene.grid.price`.
    pub(super) fn at(&self, path: &str) -> Option<Range<usize>> {
        let mut places = self.places.iter().filter(|((_, _, key), _)| !key.is_empty());
        places.find(|(place, _)| full(place) == path).map(|(_, span)| span.clone())
    }

    /// The full path of every value that the file writes.
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        self.places.keys().filter(|(_, _, key)| !key.is_empty()).map(full)
    }

    /// The first of a name counts; a second of the same name is an error reported elsewhere.
    pub(super) fn note(&mut self, kind: &'static str, name: &str, key: &str, span: Range<usize>) {
        self.places.entry((kind, name.to_owned(), key.to_owned())).or_insert(span);
    }
}

fn full((kind, name, key): &(&'static str, String, String)) -> String {
    match *kind {
        "file" => key.clone(),
        kind => format!("{kind}.{name}.{key}"),
    }
}
