//! Days and moments as people write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// Why a text is no day or moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Not a day of the calendar.
    #[error("`{0}` is not a day; write one like 2026-10-01")]
    Day(String),
    /// Not a day and a time.
    #[error(
        "`{0}` is not a moment; write one of UTC like 2027-03-09T18:00, or of another clock with its \
         offset like 2027-03-09T19:00+01:00"
    )]
    Moment(String),
}

/// A day such as `2026-10-01`, and nothing behind it.
///
/// # Errors
/// If it is none.
pub fn read_day(text: &str) -> Result<Date, MomentError> {
    let text = text.trim();
    // A time or a zone would be read over in silence.
    let alone = text.bytes().skip(1).all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day = text.parse().ok().filter(|_| alone);
    day.ok_or_else(|| MomentError::Day(text.to_owned()))
}

/// A moment of UTC: as such, or of another clock whose offset from UTC is written behind it.
///
/// ```
/// use wattmill_config::read_moment;
/// let moment = read_moment("2027-01-01T00:30+02:00")?;
/// assert_eq!(moment, read_moment("2026-12-31T22:30Z")?);
/// assert_eq!(moment, read_moment("2026-12-31 22:30")?);
/// assert!(read_moment("2027-01-01T00:30[Europe/Paris]").is_err(), "an hour may come twice there");
/// # Ok::<(), wattmill_config::MomentError>(())
/// ```
///
/// # Errors
/// If it is none, or names a zone without an offset.
pub fn read_moment(text: &str) -> Result<DateTime, MomentError> {
    let text = text.trim();
    let bare = || {
        // Whatever stands behind the time would be read over in silence.
        let (_, time) = text.split_once(['T', 't', ' '])?;
        let alone = time.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte));
        text.parse::<DateTime>().ok().filter(|_| alone)
    };
    let stamped = || text.parse::<Timestamp>().ok().map(|stamp| Offset::UTC.to_datetime(stamp));
    bare().or_else(stamped).ok_or_else(|| MomentError::Moment(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_offset_is_taken_off_and_never_passed_over() {
        let utc = date(2026, 12, 31).at(22, 0, 0, 0);
        for text in [
            "2026-12-31T22:00",
            "2026-12-31 22:00:00",
            "2026-12-31T22:00Z",
            "2027-01-01T00:00+02:00",
            "2027-01-01 00:00:00+02:00",
            "2027-01-01T00:00:00.000+02:00[Europe/Helsinki]",
            "2026-12-31T16:00-06:00",
            "2027-01-01T03:30+05:30",
        ] {
            assert_eq!(read_moment(text), Ok(utc), "{text}");
        }
        for text in [
            "2026-12-31",
            "2026-12-31T22:00[Europe/Helsinki]",
            "2026-12-31T22:00 CET",
            "2026-02-29T22:00",
            "2026-12-31T25:00",
            "",
        ] {
            assert!(read_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_a_day_and_no_more() {
        assert_eq!(read_day(" 2028-02-29 "), Ok(date(2028, 2, 29)));
        for text in ["2027-02-29", "2028-02-29T23:00-06:00", "2028-02-29[Asia/Tokyo]", "tomorrow"] {
            assert!(read_day(text).is_err(), "{text}");
        }
    }
}
