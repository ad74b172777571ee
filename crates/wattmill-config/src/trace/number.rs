//! Numbers of a trace, read exactly: no value passes through floating point.

use jiff::civil::Date;

/// More tokens than any request has: the longest contexts on offer are a tenth of it.
pub(super) const MOST_TOKENS: u32 = 10_000_000;

/// Why a field is not the number it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    Empty,
    NotANumber,
    NotFinite,
    Negative,
    TooLarge,
    NotWhole,
    Zero,
}

/// Nanoseconds of a decimal number of units of 10^`unit` ns, to the nearest, halves up.
pub(super) fn decimal_ns(text: &str, unit: i64) -> Result<u64, NumberError> {
    let (negative, body) = match text.as_bytes() {
        [] => return Err(NumberError::Empty),
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if ["nan", "inf", "infinity"].iter().any(|word| body.eq_ignore_ascii_case(word)) {
        return Err(NumberError::NotFinite);
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], exponent(&body[at + 1..])?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    if negative && digits().any(|b| b != b'0') {
        return Err(NumberError::Negative);
    }

    // The digits that stand for whole nanoseconds; the first one after them decides the rounding.
    let kept = whole.len() as i64 + exponent + unit;
    let mut ns = 0u64;
    let mut at = 0;
    for digit in digits().map(|b| u64::from(b - b'0')) {
        if at < kept {
            ns = ns.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(TOO_LARGE)?;
        } else {
            if at == kept && digit >= 5 {
                ns = ns.checked_add(1).ok_or(TOO_LARGE)?;
            }
            break;
        }
        at += 1;
    }
    while at < kept && ns != 0 {
        ns = ns.checked_mul(10).ok_or(TOO_LARGE)?;
        at += 1;
    }
    Ok(ns)
}

const TOO_LARGE: NumberError = NumberError::TooLarge;

/// Held within ±10⁹: beyond that every number is zero or too large anyway.
fn exponent(text: &str) -> Result<i64, NumberError> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    Ok(sign * digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000_000))
}

/// A whole number of tokens from 1 to [`MOST_TOKENS`].
pub(super) fn tokens(text: &str) -> Result<u32, NumberError> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<u32>() {
            Ok(0) => Err(NumberError::Zero),
            Ok(count) if count <= MOST_TOKENS => Ok(count),
            _ => Err(NumberError::TooLarge),
        };
    }
    match decimal_ns(text, 0) {
        Err(error) => Err(error),
        Ok(_) => Err(NumberError::NotWhole),
    }
}

/// Nanoseconds from 0001-01-01 of `2023-11-16 18:15:46.6805900`: `T` may stand for the space and
/// up to nine digits after the point are read; at the end there may be `Z` or `+00:00`.
pub(super) fn timestamp_ns(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    if bytes.len() < 19
        || (bytes[4], bytes[7], bytes[13], bytes[16]) != (b'-', b'-', b':', b':')
        || !matches!(bytes[10], b' ' | b'T')
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let year = i16::try_from(number(0, 4)?).ok()?;
    let (month, day) = (number(5, 7)? as i8, number(8, 10)? as i8);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = Date::new(year, month, day).ok()?;
    let days = date.duration_since(Date::constant(1, 1, 1)).as_secs() / 86_400;

    let mut rest = &bytes[19..];
    let mut fraction = 0i64;
    if let [b'.', digits @ ..] = rest {
        let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 || length > 9 {
            return None;
        }
        fraction = number(20, 20 + length)? * 10i64.pow(9 - length as u32);
        rest = &digits[length..];
    }
    let offset_minutes = match rest {
        [] | [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = bytes.len() - 5;
            let (hours, minutes) = (number(at, at + 2)?, number(at + 3, at + 5)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + (minute - offset_minutes) * 60 + second;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_become_exact_nanoseconds() {
        for (text, ns) in [
            ("0", 0),
            ("0.158", 158_000_000),
            ("0.1", 100_000_000),
            ("+7.", 7_000_000_000),
            (".5", 500_000_000),
            ("-0.0", 0),
            ("1e-05", 10_000),
            ("1.5E+2", 150_000_000_000),
            ("0.00000000049", 0),
            ("0.0000000005", 1),
            ("1e-99999999999999999999", 0),
            ("0e99999999999999999999", 0),
            ("9007199.254740993", 9_007_199_254_740_993),
            ("18446744073.709551615", u64::MAX),
        ] {
            assert_eq!(decimal_ns(text, 9), Ok(ns), "{text}");
        }
        assert_eq!(decimal_ns("27482", 6), Ok(27_482_000_000));
        assert_eq!(decimal_ns("0.0000005", 6), Ok(1));
    }

    #[test]
    fn what_is_no_time_says_why() {
        use NumberError::*;
        for (text, error) in [
            ("", Empty),
            ("-", NotANumber),
            (".", NotANumber),
            ("12x", NotANumber),
            ("1.2.3", NotANumber),
            ("1e", NotANumber),
            ("1e5.5", NotANumber),
            ("٣", NotANumber),
            ("NaN", NotFinite),
            ("-Infinity", NotFinite),
            ("inf", NotFinite),
            ("-1e-30", Negative),
            ("-3", Negative),
            ("18446744073.709551616", TooLarge),
            ("18446744073.7095516155", TooLarge),
            ("1e300", TooLarge),
            ("1e999999999999999", TooLarge),
        ] {
            assert_eq!(decimal_ns(text, 9), Err(error), "{text}");
        }
    }

    #[test]
    fn tokens_are_whole_and_within_reason() {
        use NumberError::*;
        for (text, result) in [
            ("1", Ok(1)),
            ("10000000", Ok(10_000_000)),
            ("007", Ok(7)),
            ("10000001", Err(TooLarge)),
            ("99999999999999999999999", Err(TooLarge)),
            ("0", Err(Zero)),
            ("", Err(Empty)),
            ("395.0", Err(NotWhole)),
            ("-5", Err(Negative)),
            ("nan", Err(NotFinite)),
            ("five", Err(NotANumber)),
        ] {
            assert_eq!(tokens(text), result, "{text}");
        }
    }

    #[test]
    fn timestamps_count_in_hundreds_of_nanoseconds() {
        let at = |text| timestamp_ns(text).unwrap();
        let first = at("2023-11-16 18:15:46.6805900");
        assert_eq!(at("2023-11-16 18:15:50.9951690") - first, 4_314_579_000);
        assert_eq!(at("2023-11-17T00:00:00") - at("2023-11-16 23:59:59.9999999Z"), 100);
        assert_eq!(at("2024-03-01 00:00:00") - at("2024-02-29 00:00:00"), 86_400_000_000_000);
        assert_eq!(at("2024-05-10 01:30:00.5+01:30"), at("2024-05-10 00:00:00.500+00:00"));
        for wrong in [
            "",
            "2023-11-16",
            "2023-02-29 00:00:00",
            "2023-13-01 00:00:00",
            "2023-11-16 24:00:00",
            "2023-11-16 18:15:46.",
            "2023-11-16 18:15:46.1234567890",
            "2023-11-16 18:15:46 CET",
            "16/11/2023 18:15:46.68",
            "2023-11-16 18:15:46+1:00",
        ] {
            assert_eq!(timestamp_ns(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_nanosecond_survives_its_decimal(ns: u64) {
            let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
            prop_assert_eq!(decimal_ns(&text, 9), Ok(ns));
            prop_assert_eq!(decimal_ns(&format!("{ns}e-9"), 9), Ok(ns));
            prop_assert_eq!(decimal_ns(&format!("{ns}e-6"), 6), Ok(ns));
        }

        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,30}|[0-9eE+.:T -]{0,40}") {
            let _ = (decimal_ns(&text, 9), tokens(&text), timestamp_ns(&text));
        }
    }
}
