//! What of a Rust file stands in quotes: text for people, which no rule of code measures.

use std::collections::BTreeMap;

use proc_macro2::{Literal, TokenStream, TokenTree};

/// What of one line is in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted {
    pub(super) columns: usize,
    /// The text goes on in the next line.
    pub(super) to_the_end: bool,
}

/// By line, 1 the first. Nothing for what is not Rust: the compiler will say so.
pub(super) fn quoted(text: &str) -> BTreeMap<usize, Quoted> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = BTreeMap::new();
    if let Ok(stream) = text.parse() {
        walk(stream, &lines, &mut found);
    }
    found
}

fn walk(stream: TokenStream, lines: &[&str], found: &mut BTreeMap<usize, Quoted>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => walk(group.stream(), lines, found),
            TokenTree::Literal(literal) => add(&literal, lines, found),
            _ => {}
        }
    }
}

fn add(literal: &Literal, lines: &[&str], found: &mut BTreeMap<usize, Quoted>) {
    let (start, end) = (literal.span().start(), literal.span().end());
    let columns = |line: usize| lines.get(line - 1).map_or(0, |l| l.chars().count());
    // A doc comment comes as a literal too, and is measured as code is.
    let opening = lines.get(start.line - 1).and_then(|l| l.chars().nth(start.column));
    let is_text = literal.to_string().contains('"');
    if !is_text || !opening.is_some_and(|c| "\"rbc".contains(c)) {
        return;
    }
    for line in start.line..=end.line {
        let from = if line == start.line { start.column } else { 0 };
        let to = if line == end.line { end.column } else { columns(line) };
        let quoted: &mut Quoted = found.entry(line).or_default();
        quoted.columns += to.saturating_sub(from);
        quoted.to_the_end = line < end.line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(usize, usize, bool)> {
        let quoted = quoted(text).into_iter();
        quoted.map(|(line, q)| (line, q.columns, q.to_the_end)).collect()
    }

    #[test]
    fn text_is_measured_with_its_quotes() {
        assert_eq!(of("f(\"ab\", r#\"c\"#, b\"d\");"), [(1, 14, false)]);
        assert_eq!(of("f('a', 12, a);"), []);
        assert_eq!(of("/// A \"comment\".\nfn f() {} // \"b\""), []);
        assert_eq!(of("not \"rust"), []);
    }

    #[test]
    fn text_goes_over_lines() {
        let expected = [(1, 3, true), (2, 2, true), (3, 2, false)];
        assert_eq!(of("f(\"ab\né \nc\", d);"), expected);
    }
}
