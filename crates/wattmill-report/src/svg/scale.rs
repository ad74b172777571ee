//! From values to places: round ticks and the mapping between the two.

use jiff::civil::Date;

use super::number::tick_labels;
use super::text;

/// A tick and what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// An axis between two values.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
    pub(super) ticks: Vec<Tick>,
}

impl Scale {
    /// From zero, or the lowest value if that is less, to a round value at or above the highest.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let high = if high == low { low + 1.0 } else { high };
        let step = step(high - low, 6.0);
        let (first, last) = (libm::floor(low / step + 1e-9), libm::ceil(high / step - 1e-9));
        let ticks = labelled(first, last, step);
        Self { low: first * step, high: last * step, log: false, ticks }
    }

    /// From the lowest to the highest value, with round ticks between them.
    pub(super) fn between(values: &[f64]) -> Self {
        let (low, high) = ends(values);
        let step = step(high - low, 8.0);
        let (first, last) = (libm::ceil(low / step - 1e-9), libm::floor(high / step + 1e-9));
        Self { low, high, log: false, ticks: labelled(first, last, step) }
    }

    /// From the lowest to the highest value, widened to ticks at 1, 2 and 5 of each power of ten.
    /// Values that are not positive have no place and must not be given.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low < high { (low, high) } else { (low * 0.8, low * 1.25) };
        let (from, to) =
            (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
        let every = 1 + (to - from) / 12;
        let digits: &[f64] = if to - from <= 5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all: Vec<f64> = (from..=to)
            .filter(|power| (power - from) % every == 0)
            .flat_map(|power| digits.iter().map(move |d| d * libm::pow(10.0, f64::from(power))))
            .collect();
        let low = all.iter().copied().rfind(|t| *t <= low * 1.000_001).unwrap_or(low);
        let high = all.iter().copied().find(|t| *t >= high * 0.999_999).unwrap_or(high);
        let ticks = all
            .into_iter()
            .filter(|t| *t >= low * 0.999_999 && *t <= high * 1.000_001)
            .map(|at| Tick { at, label: super::number::value_label(at) })
            .collect();
        Self { low, high, log: true, ticks }
    }

    /// From the first to the last day, with ticks at years, quarters, months, days or hours.
    pub(super) fn calendar(days: &[f64]) -> Self {
        let (low, high) = ends(days);
        Self { low, high, log: false, ticks: calendar_ticks(low, high) }
    }

    /// From 0 to 1, in percent.
    pub(super) fn shares() -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|at| Tick { at, label: format!("{} %", at * 100.0) })
            .to_vec();
        Self { low: 0.0, high: 1.0, log: false, ticks }
    }

    /// Where a value is, from 0 at the low end to 1 at the high one; what is beyond is at the end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            let from = libm::log10(self.low);
            (libm::log10(value) - from) / (libm::log10(self.high) - from)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Leaves out so many labels that the others stand apart along `room` units.
    pub(super) fn thin(&mut self, room: f64, size: f64) {
        let apart = self
            .ticks
            .windows(2)
            .map(|pair| (self.share(pair[1].at) - self.share(pair[0].at)) * room);
        let gap = apart.fold(f64::INFINITY, f64::min);
        let widest = self.widest_label(size) + 14.0;
        let every = if gap > 0.0 { libm::ceil(widest / gap).clamp(1.0, 1e6) as usize } else { 1 };
        let mut index = 0;
        self.ticks.retain(|_| {
            index += 1;
            (index - 1) % every == 0
        });
    }

    pub(super) fn widest_label(&self, size: f64) -> f64 {
        self.ticks.iter().map(|tick| text::width(&tick.label, size)).fold(0.0, f64::max)
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        return (low, high);
    }
    // A single place stands in the middle.
    let low = if low.is_finite() { low } else { 0.0 };
    let around = (low.abs() * 0.1).max(0.5);
    (low - around, low + around)
}

/// 1, 2 or 5 of a power of ten: the smallest that parts `span` into no more than `most`.
fn step(span: f64, most: f64) -> f64 {
    let least = span / most;
    let power = libm::pow(10.0, libm::floor(libm::log10(least)));
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(10.0 * power)
}

fn labelled(first: f64, last: f64, step: f64) -> Vec<Tick> {
    let count = (last - first).clamp(0.0, 50.0) as usize;
    let ticks: Vec<f64> = (0..=count).map(|i| (first + i as f64) * step).collect();
    let labels = tick_labels(&ticks, step);
    ticks.into_iter().zip(labels).map(|(at, label)| Tick { at, label }).collect()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn calendar_ticks(low: f64, high: f64) -> Vec<Tick> {
    let span = high - low;
    if span < 4.0 {
        return hour_ticks(low, high);
    }
    let (Some(first), Some(last)) = (date(low), date(high)) else {
        return Vec::new();
    };
    if span < 70.0 {
        let every = [1.0, 2.0, 7.0, 14.0].into_iter().find(|e| span / e <= 10.0).unwrap_or(14.0);
        let count = (span / every) as i32 + 1;
        return (0..=count)
            .map(|i| libm::ceil(low) + f64::from(i) * every)
            .filter(|at| *at <= high)
            .filter_map(|at| date(at).map(|d| Tick { at, label: d.to_string() }))
            .collect();
    }
    // Months that bear a tick: every first, third, twelfth and so on.
    let every = match span {
        s if s < 300.0 => 1,
        s if s < 3.0 * 366.0 => 3,
        s if s < 13.0 * 366.0 => 12,
        s if s < 60.0 * 366.0 => 60,
        _ => 600,
    };
    let month_of = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month()) - 1;
    (month_of(first)..=month_of(last))
        .filter(|month| month.rem_euclid(every) == 0)
        .filter_map(|month| {
            let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12) as usize);
            let day = Date::new(i16::try_from(year).ok()?, of_year as i8 + 1, 1).ok()?;
            let label = match every {
                1 => format!("{} {year}", MONTHS[of_year]),
                3 => format!("{year} Q{}", of_year / 3 + 1),
                _ => year.to_string(),
            };
            Some(Tick { at: super::Horizontal::day(day), label })
        })
        .filter(|tick| tick.at >= low && tick.at <= high)
        .collect()
}

/// At most four days.
fn hour_ticks(low: f64, high: f64) -> Vec<Tick> {
    let minutes = (high - low) * 1440.0;
    let every = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 360.0, 720.0]
        .into_iter()
        .find(|every| minutes / every <= 9.0)
        .unwrap_or(1440.0);
    let first = libm::ceil(low * 1440.0 / every - 1e-6);
    let last = libm::floor(high * 1440.0 / every + 1e-6);
    let count = (last - first).clamp(-1.0, 20.0) as i32;
    (0..=count)
        .filter_map(|i| {
            let minute = (first + f64::from(i)) * every;
            let of_day = minute.rem_euclid(1440.0) as i32;
            let label = if of_day == 0 {
                date(libm::round(minute / 1440.0))?.to_string()
            } else {
                format!("{:02}:{:02}", of_day / 60, of_day % 60)
            };
            Some(Tick { at: minute / 1440.0, label })
        })
        .collect()
}

fn date(day: f64) -> Option<Date> {
    let days = libm::floor(day).clamp(-4e6, 4e6) as i64;
    Date::constant(1970, 1, 1).checked_add(jiff::SignedDuration::from_hours(days * 24)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        let scale = Scale::from_zero([3.0, 943.0].into_iter());
        assert_eq!(labels(&scale), ["0", "200", "400", "600", "800", "1,000"]);
        let scale = Scale::from_zero([-0.3, 0.9].into_iter());
        assert_eq!(labels(&scale), ["-0.4", "-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let scale = Scale::between(&[12.0, 47.0]);
        assert_eq!(labels(&scale), ["15", "20", "25", "30", "35", "40", "45"]);
        let scale = Scale::logarithmic([0.03, 9.0].into_iter());
        assert_eq!(labels(&scale), ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]);
    }

    #[test]
    fn calendars_have_years_quarters_months_days_and_hours() {
        let day = |y, m, d| super::super::Horizontal::day(Date::constant(y, m, d));
        let between = |a, b| Scale::calendar(&[a, b]);
        let years = between(day(2026, 7, 1), day(2031, 12, 31));
        assert_eq!(labels(&years), ["2027", "2028", "2029", "2030", "2031"]);
        let quarters = between(day(2026, 7, 1), day(2027, 12, 31));
        assert_eq!(labels(&quarters)[..3], ["2026 Q3", "2026 Q4", "2027 Q1"]);
        let months = between(day(2026, 11, 15), day(2027, 3, 1));
        assert_eq!(labels(&months), ["Dec 2026", "Jan 2027", "Feb 2027", "Mar 2027"]);
        let days = between(day(2027, 3, 1), day(2027, 3, 8));
        assert_eq!(labels(&days)[..2], ["2027-03-01", "2027-03-02"]);
        let hours = between(day(2027, 3, 9) + 0.75, day(2027, 3, 10) + 0.25);
        assert_eq!(labels(&hours)[..2], ["18:00", "20:00"]);
        assert!(labels(&hours).contains(&"2027-03-10"));
    }

    proptest! {
        #[test]
        fn every_value_has_a_place(a in -1e30f64..1e30, b in -1e30f64..1e30) {
            for scale in [
                Scale::from_zero([a, b].into_iter()),
                Scale::between(&[a, b]),
                Scale::calendar(&[a, b]),
                Scale::logarithmic([a.abs() + 1e-30, b.abs() + 1e-30].into_iter()),
            ] {
                for tick in &scale.ticks {
                    prop_assert!((0.0..=1.0).contains(&scale.share(tick.at)));
                }
                prop_assert!(scale.ticks.len() < 60);
            }
        }
    }
}
