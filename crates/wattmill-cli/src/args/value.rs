//! What the values of flags mean.

use wattmill::units::{Seconds, SimTime};

/// The two sides of `COLUMN=VALUE`.
pub(super) fn column_and_value(text: &str) -> Result<(String, String), String> {
    let sides = text.split_once('=').map(|(column, value)| (column.trim(), value.trim()));
    match sides {
        Some((column, value)) if !column.is_empty() && !value.is_empty() => {
            Ok((column.to_owned(), value.to_owned()))
        }
        _ => Err("write a column, `=` and its value, such as `tp_size=2`".to_owned()),
    }
}

/// A number of tokens: `15.6T`, `300B`, `1e12`.
pub(super) fn tokens(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let factors = [('T', 1e12), ('B', 1e9), ('M', 1e6), ('k', 1e3)];
    let suffix = factors.iter().find(|(letter, _)| text.ends_with(*letter));
    let (number, factor) = match suffix {
        Some((letter, factor)) => (text.trim_end_matches(*letter).trim_end(), *factor),
        None => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(n) if n * factor >= 1.0 && n * factor <= 1e18 => Ok(n * factor),
        _ => Err("write tokens like 15.6T, 300B or 1e12, at most 1e18".to_owned()),
    }
}

pub(super) fn training_format(text: &str) -> Result<wattmill::perf::TrainingFormat, String> {
    wattmill::perf::TrainingFormat::from_name(text)
        .ok_or_else(|| "use one of bf16, fp8, mxfp8, nvfp4".to_owned())
}

pub(super) fn recompute(text: &str) -> Result<wattmill::perf::Recompute, String> {
    wattmill::perf::Recompute::from_name(text)
        .ok_or_else(|| "use one of none, selective, full".to_owned())
}

/// A length of time above zero.
pub(super) fn span(text: &str) -> Result<Seconds, String> {
    match text.parse::<Seconds>() {
        Ok(span) if span > Seconds::ZERO => Ok(span),
        Ok(_) => Err("give a length of time above zero".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Tokens of a prompt, behind so many cached ones.
pub(super) fn chunk(text: &str) -> Result<(u32, u32), String> {
    const MOST: u32 = 1 << 24;
    const LONGEST: u32 = 1 << 30;
    let (tokens, cached) = text.split_once('@').unwrap_or((text, "0"));
    match (tokens.trim().parse::<u32>(), cached.trim().parse::<u32>()) {
        (Ok(tokens), Ok(cached)) if (1..=MOST).contains(&tokens) && cached <= LONGEST => {
            Ok((tokens, cached))
        }
        _ => Err(format!(
            "write tokens from 1 to {MOST}, such as 2048, or 512@8000 behind 8000 cached ones"
        )),
    }
}

/// Watts of an accelerator, or a share of its limit.
pub(super) fn power_cap(text: &str) -> Result<wattmill::factory::PowerCap, String> {
    use wattmill::factory::PowerCap;
    use wattmill::units::{Power, Ratio};
    if let Ok(share) = text.parse::<Ratio>() {
        let fits = share.as_fraction() > 0.0 && share.as_fraction() <= 1.0;
        return fits.then_some(PowerCap::Share(share)).ok_or_else(|| {
            "a share of the limit is above 0 and at most 1; watts need a W".to_owned()
        });
    }
    match text.parse::<Power>() {
        Ok(cap) if cap > Power::ZERO => Ok(PowerCap::Watts(cap)),
        _ => Err("write watts like \"500 W\" or a share of the limit like \"70 %\"".to_owned()),
    }
}

pub(super) fn precision(text: &str) -> Result<wattmill::catalog::Precision, String> {
    wattmill::catalog::Precision::from_name(text)
        .ok_or_else(|| "use one of bf16, fp8, fp4".to_owned())
}

pub(super) fn speculation(text: &str) -> Result<wattmill::factory::Speculation, String> {
    let (guesses, draft) = text.split_once(':').unwrap_or((text, "layer"));
    let read = || {
        let (tokens, acceptance) = guesses.split_once('@')?;
        let draft_tokens = tokens.parse().ok().filter(|n| (1..=64).contains(n))?;
        let acceptance = fraction(acceptance).filter(|a| (0.0..=1.0).contains(a))?;
        let draft = wattmill::factory::Draft::from_name(draft)?;
        Some(wattmill::factory::Speculation { draft_tokens, acceptance, draft })
    };
    read().ok_or_else(|| {
        "give 1 to 64 tokens and a probability, such as 3@0.8, or 3@0.4:lookup".to_owned()
    })
}

/// Where the cache of a preempted sequence goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Swap {
    /// Nowhere: it is computed again.
    Never,
    /// To host memory, over a link of each accelerator.
    Over(wattmill::units::ByteRate),
}

pub(super) fn preemption(text: &str) -> Result<Swap, String> {
    use wattmill::units::ByteRate;
    let link = match text.split_once('@') {
        None if text == "recompute" => return Ok(Swap::Never),
        None if text == "swap" => Some(wattmill::factory::EngineSpec::HOST_LINK),
        Some(("swap", link)) => link.parse().ok().filter(|link| *link > ByteRate::ZERO),
        _ => None,
    };
    link.map(Swap::Over)
        .ok_or_else(|| "use recompute, swap, or swap over a link such as swap@450GB/s".to_owned())
}

pub(super) fn imbalance(text: &str) -> Result<f64, String> {
    let read = text.parse().ok().filter(|ratio| (1.0..=4096.0).contains(ratio));
    read.ok_or_else(|| "a ratio from 1 to 4096, such as 1.3".to_owned())
}

pub(super) fn router(text: &str) -> Result<wattmill::policy::RouterKind, String> {
    text.parse().map_err(|unknown: wattmill::policy::UnknownRouter| unknown.to_string())
}

pub(super) fn flavour(text: &str) -> Result<wattmill::factory::Flavour, String> {
    wattmill::factory::Flavour::from_name(text)
        .ok_or_else(|| "use one of vllm, sglang, trtllm".to_owned())
}

pub(super) fn arrivals(text: &str) -> Result<wattmill::factory::Arrivals, String> {
    use wattmill::factory::Arrivals;
    let allowed = "use `poisson`, or `gamma:CV` with a coefficient of variation from 0.01 to 100";
    match text.split_once(':') {
        None if text == "poisson" => Ok(Arrivals::Poisson),
        Some(("gamma", cv)) => match cv.parse::<f64>() {
            Ok(cv) if (0.01..=100.0).contains(&cv) => Ok(Arrivals::Gamma { cv }),
            _ => Err(allowed.to_owned()),
        },
        _ => Err(allowed.to_owned()),
    }
}

pub(super) fn day_requests(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 1.0 && *n <= 1e13);
    number.ok_or_else(|| "write a number from 1 to 1e13, such as 2.6e9".to_owned())
}

/// A fraction, bare or in percent.
fn fraction(text: &str) -> Option<f64> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let fraction = number.trim().parse::<f64>().ok()? / unit;
    fraction.is_finite().then_some(fraction)
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    fraction(text)
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| "give a share above 0 and up to 1, such as 0.1 or 10%".to_owned())
}

pub(super) fn growth(text: &str) -> Result<f64, String> {
    fraction(text.trim_end_matches("/year"))
        .filter(|growth| *growth > -1.0 && *growth <= 1000.0)
        .ok_or_else(|| "give a share above -100% and up to 100000%, such as 40%".to_owned())
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    let allowed = "give a factor from 0.000001 to 1000000";
    let number = text.parse::<f64>().ok().filter(|factor| (1e-6..=1e6).contains(factor));
    number.ok_or_else(|| allowed.to_owned())
}

pub(super) fn week(text: &str) -> Result<[f64; 7], String> {
    let days: Option<Vec<f64>> = text.split(',').map(|day| day.trim().parse().ok()).collect();
    let days = days.and_then(|days| <[f64; 7]>::try_from(days).ok());
    days.filter(|days| {
        days.iter().all(|f| (0.0..=1e6).contains(f)) && days.iter().any(|f| *f > 0.0)
    })
    .ok_or_else(|| "give seven factors of at least 0, not all 0: 1,1,1,1,1,0.7,0.6".to_owned())
}

pub(super) fn burst(text: &str) -> Result<wattmill::factory::Burst, String> {
    let allowed = || "write FACTOR@START+LENGTH, such as 3@10min+90s".to_owned();
    let (factor, times) = text.split_once('@').ok_or_else(allowed)?;
    let (at, length) = times.split_once('+').ok_or_else(allowed)?;
    let factor = factor.trim().parse::<f64>().ok().filter(|f| (0.0..=1e6).contains(f));
    let at = at.parse::<Seconds>().map_err(|error| error.to_string())?;
    if at < Seconds::ZERO {
        return Err("a burst cannot start before the traffic".to_owned());
    }
    let [at, length] = [at, span(length)?].map(SimTime::from_seconds);
    Ok(wattmill::factory::Burst { at, length, factor: factor.ok_or_else(allowed)? })
}

/// A window of time: `120s..150s`, `10:00:00..10:00:30`, one end or both left out.
pub(super) fn window(text: &str) -> Result<wattmill::sim::Window, String> {
    let allowed = "write FROM..TO, such as 120s..150s, 10:00:00..10:00:30, 2min.. or ..90s";
    let (from, until) = text.split_once("..").ok_or(allowed)?;
    let end = |text: &str, open| match text.trim() {
        "" => Ok(open),
        text => instant(text).ok_or_else(|| format!("`{text}` is no time; {allowed}")),
    };
    let (from, until) = (end(from, SimTime::ZERO)?, end(until, SimTime::MAX)?);
    if from >= until {
        return Err(format!("it ends before it begins; {allowed}"));
    }
    Ok(wattmill::sim::Window { from, until })
}

/// A time since the start: `120s`, `2min`, `10:00:30`, `10:00`.
fn instant(text: &str) -> Option<SimTime> {
    let seconds = match text.split(':').collect::<Vec<_>>()[..] {
        [_] => text.parse::<Seconds>().ok()?,
        [hours, minutes] => on_clock(hours, minutes, "0")?,
        [hours, minutes, seconds] => on_clock(hours, minutes, seconds)?,
        _ => return None,
    };
    (seconds >= Seconds::ZERO && seconds < Seconds::from_days(1e5))
        .then(|| SimTime::from_seconds(seconds))
}

fn on_clock(hours: &str, minutes: &str, seconds: &str) -> Option<Seconds> {
    let minutes = minutes.parse::<u32>().ok().filter(|m| *m < 60)?;
    let seconds = seconds.parse::<f64>().ok().filter(|s| (0.0..60.0).contains(s))?;
    let hours = f64::from(hours.parse::<u32>().ok()?);
    Some(Seconds::from_s((hours * 60.0 + f64::from(minutes)) * 60.0 + seconds))
}

pub(super) fn clock(text: &str) -> Result<Seconds, String> {
    let time = text.parse::<Seconds>().map_err(|error| error.to_string())?;
    let day = Seconds::from_hours(24.0);
    let inside = time >= Seconds::ZERO && time < day;
    if inside { Ok(time) } else { Err("give a time of day from 0h to less than 24h".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_time() {
        let at = |s: f64| SimTime::from_seconds(Seconds::from_s(s));
        for (text, from, until) in [
            ("120s..150s", at(120.0), at(150.0)),
            ("10:00:00..10:00:30.5", at(36_000.0), at(36_030.5)),
            ("1:30..2 h", at(5_400.0), at(7_200.0)),
            ("2min..", at(120.0), SimTime::MAX),
            ("..90 s", SimTime::ZERO, at(90.0)),
            ("..", SimTime::ZERO, SimTime::MAX),
        ] {
            let read = window(text).unwrap();
            assert_eq!((read.from, read.until), (from, until), "{text}");
        }
        for text in
            ["", "5s", "5s..5s", "9s..5s", "a..b", "-5s..5s", "1:60..2:00", "1:2:3:4..", "5..9"]
        {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
