//! Numbers as labels.

/// Powers of a thousand from a million up; below it, thousands are parted by commas.
const SUFFIXES: [(f64, &str); 5] =
    [(1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M")];

/// A number in three significant digits or, from a thousand to a million, all of the whole ones:
/// `0.158`, `12.5`, `12,345`, `2.6 G`.
///
/// ```
/// # use wattmill_report::value_label;
/// assert_eq!(value_label(2.6e9), "2.6 G");
/// assert_eq!(value_label(12_345.4), "12,345");
/// assert_eq!(value_label(0.15812), "0.158");
/// ```
pub fn value_label(value: f64) -> String {
    if !value.is_finite() {
        return "none".to_owned();
    }
    let (divisor, suffix) = scale_of(value.abs() * 1.0005);
    let scaled = value / divisor;
    let size = scaled.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{scaled:.2e}{suffix}");
    }
    let before = libm::floor(libm::log10(size)) as i32 + 1;
    let decimals = (3 - before).clamp(0, 6) as usize;
    format!("{}{suffix}", grouped(&trimmed(format!("{scaled:.decimals$}"))))
}

/// Labels of ticks that are `step` apart, all in the same scale.
pub(super) fn tick_labels(ticks: &[f64], step: f64) -> Vec<String> {
    let most = ticks.iter().fold(0.0, |most: f64, tick| most.max(tick.abs()));
    let (divisor, suffix) = scale_of(most);
    let step = step / divisor;
    if most / divisor >= 1e6 || step < 1e-6 {
        return ticks.iter().map(|tick| value_label(*tick)).collect();
    }
    let decimals = (-libm::floor(libm::log10(step) + 1e-9)).clamp(0.0, 6.0) as usize;
    ticks
        .iter()
        .map(|tick| match *tick / divisor {
            0.0 => "0".to_owned(),
            scaled => format!("{}{suffix}", grouped(&format!("{scaled:.decimals$}"))),
        })
        .collect()
}

/// A share as a percentage: `12.3 %`, `0.04 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent.abs() < 0.1 && percent != 0.0 { 2 } else { 1 };
    format!("{} %", trimmed(format!("{percent:.decimals$}")))
}

fn scale_of(size: f64) -> (f64, &'static str) {
    SUFFIXES.into_iter().find(|(from, _)| size >= *from).unwrap_or((1.0, ""))
}

fn trimmed(digits: String) -> String {
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        digits
    };
    if digits == "-0" { "0".to_owned() } else { digits }
}

fn grouped(digits: &str) -> String {
    let (sign, rest) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let whole = rest.find('.').unwrap_or(rest.len());
    let mut grouped = sign.to_owned();
    for (at, c) in rest.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_say_it() {
        for (value, label) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.000_123_45, "0.000123"),
            (0.000_000_5, "5.00e-7"),
            (12.345, "12.3"),
            (999.9, "1,000"),
            (1234.5, "1,234"),
            (-56_789.0, "-56,789"),
            (999_999.0, "1 M"),
            (2.6e9, "2.6 G"),
            (7.25e13, "72.5 T"),
            (1e30, "1.00e12 E"),
            (f64::NAN, "none"),
        ] {
            assert_eq!(value_label(value), label, "{value}");
        }
    }

    #[test]
    fn ticks_of_an_axis_share_their_scale() {
        assert_eq!(tick_labels(&[0.0, 0.5, 1.0], 0.5), ["0", "0.5", "1.0"]);
        assert_eq!(tick_labels(&[0.0, 5000.0, 10_000.0], 5000.0), ["0", "5,000", "10,000"]);
        assert_eq!(tick_labels(&[0.0, 5e11, 1e12], 5e11), ["0", "0.5 T", "1.0 T"]);
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!(percent(0.1234), "12.3 %");
        assert_eq!(percent(0.000_4), "0.04 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
