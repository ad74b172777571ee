//! Hours, days and quarters of the plan. All times are UTC.

use jiff::civil::Date;
use wattmill_units::Seconds;

/// The plan's days, and what hour of which day an hour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    start: Date,
    days: u32,
}

impl Calendar {
    /// From `start` to `end`, both inclusive.
    pub(crate) fn new(start: Date, end: Date) -> Self {
        Self { start, days: (days_between(start, end) + 1).max(0) as u32 }
    }

    pub(crate) const fn days(self) -> u32 {
        self.days
    }

    /// The `day`-th day.
    pub(crate) fn date(self, day: u32) -> Date {
        self.date_of(f64::from(day) * 24.0)
    }

    /// The day of an `hour` of the plan, which may lie before or after it; the ends of the calendar
    /// for what lies beyond them.
    pub(crate) fn date_of(self, hour: f64) -> Date {
        const MOST: f64 = 7_000_000.0;
        let days = (hour / 24.0).floor().clamp(-MOST, MOST) as i64;
        self.start.saturating_add(jiff::Span::new().days(days))
    }

    /// Hours from the start of the plan to midnight of `date`, negative before it.
    pub(crate) fn hour_of(self, date: Date) -> f64 {
        f64::from(days_between(self.start, date)) * 24.0
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    // Both lie within jiff's four digits of years: the span in days always exists.
    from.until(to).map_or(0, |span| span.get_days())
}

/// Hours of a span.
pub(crate) fn hours(span: Seconds) -> f64 {
    span.as_hours()
}

/// A quarter of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarterLabel {
    /// Calendar year.
    pub year: i16,
    /// 1 to 4.
    pub quarter: i8,
}

impl QuarterLabel {
    /// The quarter `date` lies in.
    pub fn of(date: Date) -> Self {
        Self { year: date.year(), quarter: (date.month() - 1) / 3 + 1 }
    }

    /// Its last day.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use wattmill_plan::QuarterLabel;
    /// assert_eq!(QuarterLabel::of(date(2028, 1, 5)).last_day(), date(2028, 3, 31));
    /// ```
    pub fn last_day(self) -> Date {
        Date::constant(self.year, self.quarter * 3, 1).last_of_month()
    }
}

impl std::fmt::Display for QuarterLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}-Q{}", self.year, self.quarter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn leap_days_count() {
        let calendar = Calendar::new(date(2027, 12, 31), date(2028, 3, 1));
        assert_eq!(calendar.days(), 62);
        assert_eq!(calendar.date(60), date(2028, 2, 29));
        assert_eq!(calendar.hour_of(date(2027, 12, 30)), -24.0);
        assert_eq!(calendar.date_of(-24.0), date(2027, 12, 30));
        assert_eq!(calendar.date_of(-0.5), date(2027, 12, 30));
        assert_eq!(calendar.date_of(1e300), Date::MAX);
        assert_eq!(QuarterLabel::of(calendar.date(61)).to_string(), "2028-Q1");
    }

    #[test]
    fn an_end_before_the_start_has_no_days() {
        assert_eq!(Calendar::new(date(2027, 1, 2), date(2026, 1, 1)).days(), 0);
    }
}
