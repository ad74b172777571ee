//! Rust text as far as paths and test modules go. Comments and strings do not count.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

use super::rules::{NOW, Rule, broken_by};

/// What one file has.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) touches: Vec<Touch>,
    /// Modules in files of their own that are compiled for tests only.
    pub(super) test_modules: Vec<String>,
}

/// One use of the world outside.
#[derive(Debug)]
pub(super) struct Touch {
    pub(super) line: usize,
    /// As full as the text tells.
    pub(super) path: String,
    pub(super) rule: &'static Rule,
}

/// Reads the text of one file.
pub(super) fn read(text: &str) -> Result<Source, LexError> {
    let stream: TokenStream = text.parse()?;
    let mut source = Source::default();
    source.walk(&tokens(stream));
    Ok(source)
}

fn tokens(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

impl Source {
    fn walk(&mut self, all: &[TokenTree]) {
        let mut rest = all;
        while let Some((token, after)) = rest.split_first() {
            rest = if let Some((attribute, after)) = attribute(rest) {
                if is_for_tests(attribute) { self.skip_item(after) } else { after }
            } else if let TokenTree::Group(group) = token {
                self.walk(&tokens(group.stream()));
                after
            } else if let TokenTree::Ident(ident) = token {
                let name = ident.to_string();
                match (name.as_str(), after) {
                    ("std", _) if separated(after).is_some() => self.path("", rest),
                    // `use std::io;` is no harm by itself, so its like must be followed.
                    ("io" | "time", _) if separated(after).is_some() => self.path("std", rest),
                    (_, [TokenTree::Punct(bang), ..]) if bang.as_char() == '!' => {
                        self.touch(format!("{name}!"), token);
                        after
                    }
                    ("now", [TokenTree::Group(arguments), ..])
                        if arguments.delimiter() == Delimiter::Parenthesis
                            && ends_path(&all[..all.len() - rest.len()]) =>
                    {
                        let (line, path) = (line(token), "…::now()".to_owned());
                        let rule = &NOW;
                        self.touches.push(Touch { line, path, rule });
                        after
                    }
                    _ => after,
                }
            } else {
                after
            };
        }
    }

    /// Reads one path, or a tree of them as `use` writes it; gives what follows.
    fn path<'a>(&mut self, before: &str, tokens: &'a [TokenTree]) -> &'a [TokenTree] {
        let join = |name: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}::{name}"),
        };
        match tokens.split_first() {
            Some((TokenTree::Ident(ident), after)) => {
                let path = join(&ident.to_string());
                match separated(after) {
                    // Deeper parts of a path that is out of bounds say nothing new.
                    Some(deeper) if broken_by(&path).is_none() && goes_on(deeper) => {
                        self.path(&path, deeper)
                    }
                    _ => {
                        self.touch(path, &tokens[0]);
                        after
                    }
                }
            }
            Some((TokenTree::Group(group), after)) => {
                let inner = self::tokens(group.stream());
                let is_comma =
                    |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ',');
                for branch in inner.split(is_comma) {
                    self.path(before, branch);
                }
                after
            }
            _ => tokens,
        }
    }

    fn touch(&mut self, path: String, at: &TokenTree) {
        if let Some(rule) = broken_by(&path) {
            let line = line(at);
            self.touches.push(Touch { line, path, rule });
        }
    }

    /// Skips one item, noting it if it is a module elsewhere; gives what follows.
    fn skip_item<'a>(&mut self, mut rest: &'a [TokenTree]) -> &'a [TokenTree] {
        let mut words: Vec<String> = Vec::new();
        while let Some((token, after)) = rest.split_first() {
            if let Some((_, after)) = attribute(rest) {
                rest = after;
                continue;
            }
            rest = after;
            match token {
                TokenTree::Ident(ident) => words.push(ident.to_string()),
                TokenTree::Punct(p) if p.as_char() == ';' => {
                    if let Some(at) = words.iter().position(|w| w == "mod") {
                        self.test_modules.extend(words.get(at + 1).cloned());
                    }
                    break;
                }
                // Only a `use` goes on after its braces.
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Brace
                        && !words.iter().any(|w| w == "use") =>
                {
                    break;
                }
                _ => {}
            }
        }
        rest
    }
}

/// The bracketed part of an outer attribute that `tokens` begin with, and what follows.
fn attribute(tokens: &[TokenTree]) -> Option<(&TokenTree, &[TokenTree])> {
    match tokens {
        [TokenTree::Punct(hash), TokenTree::Group(group), rest @ ..]
            if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some((&tokens[1], rest))
        }
        _ => None,
    }
}

/// `[test]`, `[cfg(test)]` and `[cfg(all(test, …))]`, not `[cfg(not(test))]`.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let words = words(attribute.clone().into());
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => true,
        ["cfg", ref of @ ..] => {
            of.contains(&"test") && !of.contains(&"not") && !of.contains(&"any")
        }
        _ => false,
    }
}

fn words(stream: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in stream {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => found.extend(words(group.stream())),
            _ => {}
        }
    }
    found
}

/// What follows a leading `::`.
fn separated(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(a), TokenTree::Punct(b), rest @ ..]
            if a.as_char() == ':' && b.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}

fn goes_on(tokens: &[TokenTree]) -> bool {
    matches!(tokens.first(), Some(TokenTree::Ident(_) | TokenTree::Group(_)))
}

fn ends_path(tokens: &[TokenTree]) -> bool {
    tokens.len().checked_sub(2).is_some_and(|at| separated(&tokens[at..]).is_some())
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(text: &str) -> Vec<(usize, String)> {
        let touches = read(text).unwrap().touches;
        touches.into_iter().map(|t| (t.line, t.path)).collect()
    }

    #[track_caller]
    fn one(text: &str, path: &str) {
        assert_eq!(touched(text), [(1, path.to_owned())], "{text}");
    }

    #[track_caller]
    fn none(text: &str) {
        assert_eq!(touched(text), [], "{text}");
    }

    #[test]
    fn every_rule_is_broken_by_its_path() {
        one("use std::fs;", "std::fs");
        one("fn f() { std::fs::read(p) }", "std::fs");
        one("use std::net::TcpStream;", "std::net");
        one("let v = std::env::var(name);", "std::env");
        one("fn f() -> ! { std::process::exit(2) }", "std::process");
        one("std::thread::spawn(f);", "std::thread");
        one("use std::time::Instant;", "std::time::Instant");
        one("use std::time::SystemTime as Wall;", "std::time::SystemTime");
        one("fn f() { println!(\"{x}\"); }", "println!");
        one("fn f() { if a { eprintln!() } }", "eprintln!");
        one("fn f() { let t = jiff::Zoned::now(); }", "…::now()");
        one("fn f() { io::stdout().lock() }", "std::io::stdout");
    }

    #[test]
    fn trees_are_read_to_the_leaves() {
        let text = "use std::{\n  collections::BTreeMap,\n  time::{Duration, Instant},\n  fs,\n};";
        let expected = [(3, "std::time::Instant".to_owned()), (4, "std::fs".to_owned())];
        assert_eq!(touched(text), expected);
    }

    #[test]
    fn what_stays_inside_is_left_alone() {
        none("use std::{collections::BTreeMap, fmt::{self, Write as _}, io::{self, Read}};");
        none("use std::time::Duration;");
        none("pub use time::{SimTime, Ticks};");
        none("fn f(&self) { self.clock.now() + writeln!(out, \"{}\", fs::name()) }");
        none("/// Like `println!(..)` of [`std::fs`].\nfn f() { \"std::fs\" } // std::env::var");
        none("/// ```\n/// println!(\"{}\", std::fs::read(p));\n/// ```\nfn f() {}");
        none("fn f() { size_of::<u8>(); a as std::ops::Range<u8>; }");
    }

    #[test]
    fn tests_may_do_as_they_like() {
        none("#[cfg(test)]\nmod tests { use std::fs; }");
        none("#[cfg(all(test, unix))] pub(crate) fn f() { println!() }");
        none("#[test] #[should_panic] fn f() { println!() }");
        none("#[cfg(test)] use std::{fs, env};");
        one("#[cfg(not(test))] use std::fs;", "std::fs");
        one("#[cfg(test)] use a::{b}; use std::env;", "std::env");
        one("#[cfg(test)] mod tests { fn f() {} } fn g() { print!() }", "print!");
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_named() {
        let source = read("#[cfg(test)]\n#[path_like]\npub(crate) mod tests;\nmod real;").unwrap();
        assert_eq!(source.test_modules, ["tests"]);
    }
}
