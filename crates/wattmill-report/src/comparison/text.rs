//! Factories side by side, for the terminal.

use wattmill_plan::Balance;

use super::{Compared, tables};
use crate::format::grouped;

/// Every factory's figures, and why the others differ from the first.
pub fn comparison_text(compared: &Compared<'_>) -> String {
    let mut out = String::new();
    let mut part = |text: String| {
        out.push_str(&text);
        out.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    };
    let names = std::iter::once(compared.base).chain(compared.others.iter().map(|(f, _)| *f));
    let names = names.enumerate().map(|(index, factory)| {
        let years = format!("{} to {}", factory.start, factory.end);
        format!("{}  {}, {years}\n", Compared::letter(index), factory.name)
    });
    part(names.collect());
    part(format!("Side by side, over the whole plan\n\n{}", tables::side_by_side(compared)));
    part(compared.method());
    for (index, (_, comparison)) in compared.others.iter().enumerate() {
        let letter = Compared::letter(index + 1);
        if let Some(words) = tables::unmatched(compared, index) {
            part(words);
        }
        part(format!("{letter} against A, and why\n\n{}", tables::causes(comparison)));
        if !comparison.gaps.is_empty() {
            let refused = match comparison.refused {
                0 => String::new(),
                refused => format!(", {} without an answer", grouped(refused as f64)),
            };
            part(format!(
                "{letter} against A over {} samples{refused}: quantiles of the difference, the share \
                 of samples in which {letter} is higher, the mean and its causes\n\n{}",
                grouped(compared.samples as f64),
                tables::gaps(comparison)
            ));
        }
    }
    for warning in compared.warnings() {
        part(format!("warning: {warning}"));
    }
    let worst =
        |errors: &mut dyn Iterator<Item = &Balance>| errors.map(Balance::error).fold(0.0, f64::max);
    let all = || compared.others.iter().map(|(_, comparison)| comparison);
    part(format!(
        "causes add up to {:.0e}, the books of every plan behind them to {:.0e}",
        worst(&mut all().flat_map(|comparison| &comparison.ledger)),
        worst(&mut all().map(|comparison| &comparison.worst)),
    ));
    out.pop();
    out.push_str(&format!("seed {}, answer {:016x}\n", compared.base.seed, compared.answer_hash()));
    out
}
