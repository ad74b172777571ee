//! Answers with what measurements of their kind came to.

use wattmill_catalog::Interval;
use wattmill_units::{Money, Seconds};

use crate::format::{grouped, number, percent, prefixed, usd};

/// Where measurements lie of what a deployment answers, as factors on the answers. `None`: nothing
/// of the kind was ever measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServingBars {
    /// Time to first token.
    pub ttft: Option<Interval>,
    /// Time per output token after the first.
    pub tpot: Option<Interval>,
    /// Output tokens a second.
    pub throughput: Option<Interval>,
    /// Accelerator energy of an output token.
    pub energy: Option<Interval>,
    /// Power of an accelerator.
    pub power: Option<Interval>,
}

impl ServingBars {
    /// Of the time to the last token, whose mean is `end_to_end` where that to the first is `ttft`:
    /// both of its parts off in the same direction.
    pub fn end_to_end(&self, ttft: Seconds, end_to_end: Seconds) -> Option<Interval> {
        let (first, each) = (self.ttft?, self.tpot?);
        if end_to_end <= Seconds::ZERO {
            return None;
        }
        let share = (ttft / end_to_end).clamp(0.0, 1.0);
        let both = |of: fn(&Interval) -> f64| share * of(&first) + (1.0 - share) * of(&each);
        Some(Interval {
            low: both(|bar| bar.low),
            median: both(|bar| bar.median),
            high: both(|bar| bar.high),
            rows: first.rows.min(each.rows),
            inside: first.inside && each.inside,
        })
    }
}

/// The same of one engine of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineBars {
    /// Id of the system.
    pub system: String,
    /// Name of the service.
    pub service: String,
    /// Software whose scheduling it follows.
    pub engine: &'static str,
    /// At its operating point.
    pub bars: ServingBars,
}

/// What measurements make of a plan, every engine erring in the same direction at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanBars {
    /// Every engine that serves, by system, then service.
    pub engines: Vec<EngineBars>,
    /// Of the tokens that the machines could serve; `None` where an engine has no interval, or none
    /// serves.
    pub throughput: Option<Interval>,
    /// Of the energy of a token; `None` likewise.
    pub energy: Option<Interval>,
    /// Output tokens a day that the machines of the last quarter could serve.
    pub capacity_tokens_per_day: f64,
    /// Full cost of a million output tokens over the plan: as answered, and its interval. `None`
    /// where nothing is served or an interval is missing.
    pub cost_per_million: Option<(Money, [Money; 2])>,
}

/// `value`, and the interval around it; `show` writes one figure, in the unit of `shown`.
///
/// `12.3 ms (11.1 to 14.0 in 80 % of measurements of this kind; 290 rows, median 12.5)`
pub(crate) fn with_bar(
    shown: &str,
    value: f64,
    interval: Option<&Interval>,
    show: impl Fn(f64) -> String,
) -> String {
    match interval {
        Some(interval) => {
            let at = |factor: f64| show(value * factor);
            let Interval { low, median, high, rows, inside } = *interval;
            format!("{shown} ({})", words([at(low), at(median), at(high)], rows, inside))
        }
        None => format!("{shown} (nothing of this kind was ever measured)"),
    }
}

/// The ends of the interval around `value`, for a table; `show` writes one figure.
pub(crate) fn ends(value: f64, bar: Option<&Interval>, show: impl Fn(f64) -> String) -> String {
    bar.map_or_else(
        || "-".to_owned(),
        |bar| format!("{} to {}", show(value * bar.low), show(value * bar.high)),
    )
}

/// An interval in words: its ends, where it is from, and the middle of what was measured.
pub(crate) fn words([low, median, high]: [String; 3], rows: u32, inside: bool) -> String {
    let rows = match rows {
        0 => "a guess at what was never measured".to_owned(),
        rows => format!("{} rows", grouped(rows.into())),
    };
    if inside {
        format!("{low} to {high} in 80 % of measurements of this kind; {rows}, median {median}")
    } else {
        format!("{low} to {high}, widened: outside the calibrated range; {rows}, median {median}")
    }
}

/// A plan's interval in one line.
pub(crate) fn plan_words(bars: &PlanBars) -> String {
    let unknown =
        "no error bar: an engine of the plan answers what was never measured, or none serves";
    let Some(throughput) = &bars.throughput else { return unknown.to_owned() };
    let capacity = bars.capacity_tokens_per_day;
    if capacity <= 0.0 {
        return "no error bar: at the end nothing runs that could serve".to_owned();
    }
    let kinds = "every engine off in the same direction; hosts, sites and demand taken as exact";
    let shown = format!("{} output tokens a day could be served at the end", prefixed(capacity));
    let mut line = with_bar(&shown, capacity, Some(throughput), prefixed);
    if let Some(energy) = &bars.energy {
        line += &format!(
            "; energy of a token {} to {} of the answer ({} rows{})",
            percent(energy.low),
            percent(energy.high),
            grouped(energy.rows.into()),
            if energy.inside { "" } else { ", outside the calibrated range" },
        );
    }
    if let Some((cost, [low, high])) = bars.cost_per_million {
        let (cost, low, high) = (usd(cost), usd(low), usd(high));
        line += &format!("; {cost} USD per million ({low} to {high})");
    }
    format!("{line}; {kinds}")
}

/// Milliseconds, or any figure of three to four digits.
pub(crate) fn plain(value: f64) -> String {
    number(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: Interval =
        Interval { low: 0.9, median: 1.02, high: 1.14, rows: 1290, inside: true };

    #[test]
    fn an_answer_says_what_was_measured_and_where_it_was_not() {
        assert_eq!(
            with_bar("TPOT 12.5 ms", 12.5, Some(&MEASURED), plain),
            "TPOT 12.5 ms (11.25 to 14.25 in 80 % of measurements of this kind; 1,290 rows, median \
             12.75)"
        );
        let outside = Interval { rows: 0, inside: false, ..MEASURED };
        let said = with_bar("1 s", 1.0, Some(&outside), plain);
        assert!(said.contains("outside the calibrated range; a guess"), "{said}");
        assert!(with_bar("1 s", 1.0, None, plain).contains("ever measured"));
    }

    #[test]
    fn both_parts_of_an_answer_are_off() {
        let slow = Interval { high: 2.0, rows: 7, inside: false, ..MEASURED };
        let bars = ServingBars { ttft: Some(slow), tpot: Some(MEASURED), ..Default::default() };
        let s = Seconds::from_s;
        let bar = bars.end_to_end(s(1.0), s(4.0)).unwrap();
        assert!((bar.high - (0.25 * 2.0 + 0.75 * 1.14)).abs() < 1e-12);
        assert_eq!((bar.rows, bar.inside), (7, false));
        assert_eq!(bars.end_to_end(s(0.0), s(0.0)), None);
        let unknown = ServingBars { ttft: None, ..bars };
        assert_eq!(unknown.end_to_end(s(1.0), s(4.0)), None);
        assert_eq!(ends(10.0, Some(&slow), plain), "9 to 20");
        assert_eq!(ends(10.0, None, plain), "-");
    }

    #[test]
    fn a_plan_without_intervals_says_so() {
        assert!(plan_words(&PlanBars::default()).starts_with("no error bar"));
        let cost = Money::from_usd(0.5);
        let bars = PlanBars {
            throughput: Some(MEASURED),
            energy: Some(Interval { inside: false, ..MEASURED }),
            capacity_tokens_per_day: 1e12,
            cost_per_million: Some((cost, [cost * 0.9, cost * 1.2])),
            ..PlanBars::default()
        };
        let line = plan_words(&bars);
        for words in [
            "1 T output tokens a day",
            "900 G to 1.14 T in 80 %",
            "0.50 USD per million (0.45 to 0.60)",
        ] {
            assert!(line.contains(words), "{words}: {line}");
        }
        assert!(line.contains("90 % to 114 % of the answer (1,290 rows, outside"), "{line}");
    }
}
