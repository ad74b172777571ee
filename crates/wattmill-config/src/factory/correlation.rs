//! `[[correlation]]`: which distributions go together.

use toml::de::DeValue;
use wattmill_factory::{Contradiction, Correlation, Uncertain, Uncertainty};

use super::context::Context;
use super::row::Row;

/// Every distribution of the file, with its correlations. All other tables must have been read.
pub(super) fn uncertainty(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Uncertainty> {
    if cx.sampling() {
        return Some(Uncertainty::default());
    }
    cx.uncertain.sort_by_key(|(at, _)| *at);
    let inputs: Vec<Uncertain> = cx.uncertain.iter().map(|(_, input)| input.clone()).collect();
    let mut correlations: Vec<Correlation> = Vec::new();
    let rows = file.tables(cx, "correlation");
    let mut spans = Vec::new();
    for row in &rows {
        let between = between(cx, row, &inputs);
        let value = row.number(cx, "value");
        let _ = row.text(cx, "source");
        let (Some((a, b)), Some(value)) = (between, value) else { continue };
        let same = |c: &Correlation| c.between == (a, b) || c.between == (b, a);
        if a == b || correlations.iter().any(same) {
            cx.error(
                row.span("between"),
                format!("`{}` and `{}` twice", inputs[a].path, inputs[b].path),
                "how these go together is said already",
                "name each pair of different keys once",
            );
            continue;
        }
        correlations.push(Correlation { between: (a, b), value });
        spans.push(row.span("value"));
    }
    match Uncertainty::new(inputs, &correlations) {
        Ok(uncertainty) => Some(uncertainty),
        Err(Contradiction { input }) => {
            let involved = correlations
                .iter()
                .zip(&spans)
                .rev()
                .find(|(c, _)| c.between.0 == input || c.between.1 == input);
            if let Some((_, span)) = involved {
                cx.error(
                    span.clone(),
                    "the correlations contradict each other",
                    "with this one no numbers have all of them",
                    "the matrix of all correlations must be positive definite: bring `value` \
                     closer to 0, or correlate the other pairs too",
                );
            }
            None
        }
    }
}

/// The two inputs that `between` names.
fn between(cx: &mut Context<'_>, row: &Row<'_>, inputs: &[Uncertain]) -> Option<(usize, usize)> {
    let Some(value) = row.raw("between") else {
        row.require(cx, "between");
        return None;
    };
    let pair: Option<Vec<_>> = value.get_ref().as_array().and_then(|array| {
        let texts = array.iter().map(|value| match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => None,
        });
        texts.collect()
    });
    let Some([a, b]) = pair.as_deref() else {
        row.mismatch(cx, "between", value);
        return None;
    };
    let mut find = |(path, span): &(String, std::ops::Range<usize>)| {
        let found = inputs.iter().position(|input| input.path == *path);
        if found.is_none() {
            let meant = cx.closest(path, inputs.iter().map(|input| input.path.as_str()));
            let label = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "not a distribution of this file".to_owned(),
            };
            cx.missing(
                span.clone(),
                format!("`{path}` is not a distribution"),
                label,
                "a correlation is between keys that are distributions, such as \
                 `site.NAME.grid.price`",
            );
        }
        found
    };
    let (a, b) = (find(a), find(b));
    a.zip(b)
}
