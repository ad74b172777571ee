//! Numbers as people read them.

use wattmill_units::{Energy, Magnitude, Money, Seconds};

/// Three to four significant digits.
pub(crate) fn number(value: f64) -> String {
    Magnitude(value).to_string()
}

/// With a decimal prefix: `1.2 M`.
pub(crate) fn prefixed(value: f64) -> String {
    const PREFIXES: [(f64, &str); 6] =
        [(1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    match PREFIXES.iter().find(|(factor, _)| value.abs() >= *factor) {
        Some((factor, prefix)) => format!("{}{prefix}", number(value / factor)),
        None => number(value),
    }
}

/// Whole numbers with thousands apart: `1,234,567`.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

/// So many of a thing: `1 site`, `2 sites`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A fraction in percent.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{} %", Magnitude((fraction * 1e4).round() / 100.0))
}

/// A fraction in percent with its sign; what rounds to nothing has none.
pub(crate) fn signed_percent(fraction: f64) -> String {
    match format!("{:+.1} %", fraction * 100.0) {
        nothing if nothing[1..] == *"0.0 %" => "0.0 %".to_owned(),
        some => some,
    }
}

/// Milliseconds, thousands apart where a queue makes them many.
pub(crate) fn ms(span: Seconds) -> String {
    match span.as_ms() {
        many if many >= 1e4 => grouped(many),
        few => number(few),
    }
}

/// What may be missing, as a dash.
pub(crate) fn or_dash<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// Dollars and cents up to a hundred, then whole dollars.
pub(crate) fn usd(money: Money) -> String {
    let value = money.as_usd();
    if value.abs() < 100.0 { fixed(value, 2) } else { grouped(value) }
}

/// With so many decimals; what rounds to nothing has no sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let shown = format!("{value:.decimals$}");
    match shown.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        _ => shown,
    }
}

/// Energy, nothing of it in a unit that suits a plan.
pub(crate) fn energy(energy: Energy) -> String {
    if energy == Energy::ZERO { "0 MWh".to_owned() } else { energy.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(-999.6), "-1,000");
        assert_eq!(grouped(0.0), "0");
        assert_eq!((counted(1, "site"), counted(2, "site")), ("1 site".into(), "2 sites".into()));
        assert_eq!(prefixed(2.56e9), "2.56 G");
        assert_eq!(prefixed(12.0), "12");
        assert_eq!(percent(0.987_65), "98.77 %");
        assert_eq!(signed_percent(-0.012), "-1.2 %");
        assert_eq!(
            (signed_percent(-0.0004), signed_percent(0.0)),
            ("0.0 %".into(), "0.0 %".into())
        );
        assert_eq!((usd(Money::from_usd(-0.001)), percent(-0.0)), ("0.00".into(), "0 %".into()));
        assert_eq!((prefixed(-0.0), number(-0.0)), ("0".into(), "0".into()));
        assert_eq!(
            (energy(Energy::ZERO), energy(Energy::from_mwh(2.0))),
            ("0 MWh".into(), "2 MWh".into())
        );
        assert_eq!(ms(Seconds::from_s(2098.322)), "2,098,322");
        assert_eq!(ms(Seconds::from_s(1.25)), "1250");
        assert_eq!(usd(Money::from_usd(0.456)), "0.46");
    }
}
