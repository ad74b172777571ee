//! Values of a factory file that are varied: which, over what, and the file with others in place.

use std::ops::Range;

use jiff::Span;
use jiff::civil::Date;
use toml::de::{DeTable, DeValue};
use wattmill_catalog::closest;

use super::spans::Spans;
use super::text;
use crate::moment::read_day;

/// One value of a factory file and what it is varied over.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_config::{Varied, builtin_factory, parse_factory};
/// let text = builtin_factory("nvl72-rack").expect("it is built in");
/// let spans = parse_factory(text, Catalog::builtin()).spans;
/// let price = Varied::read("site.hall.grid.price=20..90 USD/MWh", text, &spans).expect("it is there");
/// assert_eq!(price.at(0.5).toml, "\"55 USD/MWh\"");
/// let wrong = Varied::read("site.hall.grid.prise=20..90 USD/MWh", text, &spans);
/// assert!(wrong.unwrap_err().to_string().contains("site.hall.grid.price"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Varied {
    /// Its key's full path, such as `site.abilene.grid.price`.
    pub path: String,
    /// What it is varied over.
    pub over: Over,
    /// Whether it is a whole number.
    whole: bool,
    /// Where its value stands in the file.
    place: Range<usize>,
}

/// What a value is varied over.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// Numbers of a unit, which may be empty.
    Numbers {
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
        /// Unit of both.
        unit: String,
    },
    /// Days.
    Days {
        /// First.
        low: Date,
        /// Last.
        high: Date,
    },
    /// These numbers of a unit, which may be empty. Those that were written in another unit are in this one,
    /// and what is the same is there once.
    Values {
        /// Each of them.
        numbers: Vec<f64>,
        /// Unit of all.
        unit: String,
    },
    /// These days.
    Dates(Vec<Date>),
    /// These, as one would write them in the file without quotes.
    List(Vec<String>),
}

/// A value that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// As TOML.
    pub toml: String,
    /// As people read it.
    pub words: String,
    /// As a number: in its unit, days from 1970-01-01, or its place in the list.
    pub number: f64,
}

/// Why a value cannot be varied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaryError {
    /// Not of the form that is read.
    #[error(
        "`{0}` does not say what is varied over what; write `PATH=LOW..HIGH UNIT`, such as \
         `site.abilene.grid.price=20..90 USD/MWh`, or `PATH=ONE, ANOTHER`"
    )]
    Form(String),
    /// The file writes no such value.
    #[error("the file does not write `{path}`; {}", near_words(near))]
    NoSuchPath {
        /// What was asked for.
        path: String,
        /// The nearest that it writes.
        near: Vec<String>,
    },
    /// Nothing between the ends.
    #[error("`{0}` has nothing to vary over; write the lower end first, and more than one value")]
    Empty(String),
}

fn near_words(near: &[String]) -> String {
    match near {
        [] => "write the key into the file to vary it".to_owned(),
        near => {
            let near: Vec<String> = near.iter().map(|path| format!("`{path}`")).collect();
            format!(
                "did you mean {}? a key left to its default must be written first",
                near.join(" or ")
            )
        }
    }
}

impl Varied {
    /// Reads `PATH=VALUES` for a value that `text` writes; `spans` say where.
    ///
    /// # Errors
    /// If it is not of that form, or the file does not write the path.
    pub fn read(asked: &str, text: &str, spans: &Spans) -> Result<Self, VaryError> {
        let form = || VaryError::Form(asked.to_owned());
        let (path, values) = asked.split_once('=').ok_or_else(form)?;
        let (path, values) = (path.trim(), values.trim());
        if path.is_empty() || values.is_empty() {
            return Err(form());
        }
        let Some(place) = spans.at(path) else {
            let paths: Vec<String> = spans.paths().collect();
            let near = closest(path, paths.iter().map(String::as_str), 3);
            let near = near.into_iter().map(str::to_owned).collect();
            return Err(VaryError::NoSuchPath { path: path.to_owned(), near });
        };
        let over = match text::ends(values) {
            Some((low, high)) => range(&low, &high).ok_or_else(form)?,
            None => listed(values.split(',').map(|value| value.trim().to_owned()).collect()),
        };
        let empty = match &over {
            Over::Numbers { low, high, .. } => low >= high,
            Over::Days { low, high } => low >= high,
            Over::Values { numbers, .. } => numbers.len() < 2,
            Over::Dates(days) => days.len() < 2,
            Over::List(values) => values.len() < 2 || values.iter().any(String::is_empty),
        };
        if empty {
            return Err(VaryError::Empty(asked.to_owned()));
        }
        let written = text.get(place.clone()).unwrap_or_default().trim();
        let whole = written.parse::<i64>().is_ok();
        Ok(Self { path: path.to_owned(), over, whole, place })
    }

    /// Whether both stand in one place of the file, or one within the other.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.place.start < other.place.end && other.place.start < self.place.end
    }

    /// How many values a list has; none for a range.
    pub fn listed(&self) -> Option<usize> {
        match &self.over {
            Over::Values { numbers, .. } => Some(numbers.len()),
            Over::Dates(days) => Some(days.len()),
            Over::List(values) => Some(values.len()),
            Over::Numbers { .. } | Over::Days { .. } => None,
        }
    }

    /// The value at a share of the way, 0 for the lowest and 1 for the highest. Each value of a list
    /// has an equal part of the way.
    pub fn at(&self, share: f64) -> Chosen {
        match &self.over {
            Over::Numbers { low, high, unit } => {
                let mut number = text::rounded(low + (high - low) * share);
                if self.whole && unit.is_empty() {
                    number = number.round();
                }
                in_unit(number, unit)
            }
            Over::Values { numbers, unit } => in_unit(numbers[place(share, numbers.len())], unit),
            Over::Dates(days) => on_day(days[place(share, days.len())]),
            Over::Days { low, high } => {
                let days = low.until(*high).map_or(0, |span| span.get_days());
                let after = (f64::from(days) * share).round() as i64;
                on_day(low.saturating_add(Span::new().days(after)))
            }
            Over::List(values) => {
                let index = place(share, values.len());
                let words = values[index].clone();
                Chosen { toml: plain_or_quoted(&words), words, number: index as f64 }
            }
        }
    }
}

/// The file with chosen values in place of those that are varied.
pub fn with_values(text: &str, varied: &[Varied], chosen: &[Chosen]) -> String {
    let mut places: Vec<(&Range<usize>, &str)> =
        varied.iter().zip(chosen).map(|(v, c)| (&v.place, c.toml.as_str())).collect();
    places.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = text.to_owned();
    for (place, toml) in places {
        text.replace_range(place.clone(), toml);
    }
    text
}

fn range(low: &str, high: &str) -> Option<Over> {
    if let (Ok(low), Ok(high)) = (read_day(low), read_day(high)) {
        return Some(Over::Days { low, high });
    }
    let ((low, unit), (high, other)) = (text::split(low)?, text::split(high)?);
    (unit == other).then(|| Over::Numbers { low, high, unit: unit.to_owned() })
}

/// Numbers, days or words of a list.
fn listed(mut values: Vec<String>) -> Over {
    if let Some(mut days) =
        values.iter().map(|value| read_day(value).ok()).collect::<Option<Vec<Date>>>()
    {
        once(&mut days);
        return Over::Dates(days);
    }
    // A number that has more digits than one of these holds stays as it is written.
    const MOST: f64 = 9_007_199_254_740_992.0;
    if let Some((unit, mut numbers)) = text::Measure::common(&values)
        .filter(|(_, numbers)| numbers.iter().all(|number| number.abs() < MOST))
    {
        once(&mut numbers);
        return Over::Values { numbers, unit };
    }
    once(&mut values);
    Over::List(values)
}

/// Leaves out what was there before.
fn once<T: PartialEq + Clone>(values: &mut Vec<T>) {
    let mut known: Vec<T> = Vec::with_capacity(values.len());
    for value in values.drain(..) {
        if !known.contains(&value) {
            known.push(value);
        }
    }
    *values = known;
}

/// Which of so many values of a list stands at a share of the way.
fn place(share: f64, many: usize) -> usize {
    ((share * many as f64) as usize).min(many - 1)
}

fn in_unit(number: f64, unit: &str) -> Chosen {
    let words = if unit.is_empty() { number.to_string() } else { format!("{number} {unit}") };
    let toml = if unit.is_empty() { words.clone() } else { quoted(&words) };
    Chosen { toml, words, number }
}

fn on_day(day: Date) -> Chosen {
    let epoch = Date::constant(1970, 1, 1);
    let number = epoch.until(day).map_or(0.0, |span| f64::from(span.get_days()));
    Chosen { toml: day.to_string(), words: day.to_string(), number }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// As it is where that is a number, a day or a word of TOML, in quotes otherwise.
fn plain_or_quoted(text: &str) -> String {
    let line = format!("x = {text}");
    let plain = DeTable::parse(&line).is_ok_and(|table| {
        let value = table.get_ref().get("x").map(|value| value.get_ref().clone());
        table.get_ref().len() == 1 && !matches!(value, None | Some(DeValue::Table(_)))
    });
    if plain { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builtin_factory, parse_factory};
    use wattmill_catalog::Catalog;

    fn read(asked: &str) -> Result<Varied, VaryError> {
        let text = builtin_factory("hundred-megawatt").expect("built in");
        Varied::read(asked, text, &parse_factory(text, Catalog::builtin()).spans)
    }

    #[test]
    fn every_kind_of_value_is_chosen_between_its_ends() {
        let text = builtin_factory("hundred-megawatt").expect("built in");
        let spans = parse_factory(text, Catalog::builtin()).spans;
        let paths: Vec<String> = spans.paths().collect();
        let first =
            |end: &str| paths.iter().find(|path| path.ends_with(end)).expect("a path").clone();
        let day = read(&format!("{}=2026-10-01..2026-10-11", first(".first_rack"))).expect("days");
        assert_eq!(day.at(0.5).words, "2026-10-06");
        let price = read(&format!("{}=-20..90 USD/MWh", first("grid.price"))).expect("numbers");
        assert_eq!(price.at(0.0).toml, "\"-20 USD/MWh\"");
        let system =
            read(&format!("{}=gb200-nvl72, gb300-nvl72", first(".system"))).expect("a list");
        let chosen = [0.0, 0.49, 0.5, 1.0].map(|share| system.at(share).number);
        assert_eq!(chosen, [0.0, 0.0, 1.0, 1.0]);
        let all = [day, price, system];
        let values: Vec<Chosen> = all.iter().map(|varied| varied.at(1.0)).collect();
        let other = parse_factory(&with_values(text, &all, &values), Catalog::builtin());
        let factory = other.factory.expect("it is sound with these");
        assert_eq!(
            factory.phases.iter().filter(|p| p.first_rack.to_string() == "2026-10-11").count(),
            1
        );
    }

    #[test]
    fn a_list_of_quantities_is_one_of_numbers_in_one_unit() {
        let text = builtin_factory("nvl72-rack").expect("built in");
        let spans = parse_factory(text, Catalog::builtin()).spans;
        let read = |asked: &str| Varied::read(asked, text, &spans);
        let price = |values: &str| read(&format!("site.hall.grid.price={values}"));
        let prices = price("50 USD/MWh, 0.06 USD/kWh, 0.05 USD/kWh").expect("a list");
        let expected = Over::Values { numbers: vec![50.0, 60.0], unit: "USD/MWh".to_owned() };
        assert_eq!(prices.over, expected);
        let chosen = prices.at(0.9);
        assert_eq!((chosen.toml.as_str(), chosen.number), ("\"60 USD/MWh\"", 60.0));
        // The same in two units is nothing to vary over, and a mixture of dimensions is words.
        assert!(price("50 USD/MWh, 0.05 USD/kWh").is_err());
        assert!(matches!(price("50 USD/MWh, 3 MW").expect("words").over, Over::List(_)));
        let days = read("start=2026-07-01, 2026-07-02, 2026-07-01").expect("days");
        assert_eq!((days.listed(), days.at(1.0).words.as_str()), (Some(2), "2026-07-02"));
        let many = read("service.chat.users.requests_per_day=10 M, 2000 k").expect("counts");
        assert_eq!((many.at(0.9).words.as_str(), many.at(0.9).number), ("2 M", 2.0));
        let plain = read("start=1, 2, 2").expect("numbers, though no days");
        assert_eq!((plain.listed(), plain.at(0.0).toml.as_str()), (Some(2), "1"));
    }

    #[test]
    fn what_cannot_be_varied_is_told_with_a_way_out() {
        let said = |asked: &str| read(asked).expect_err("nonsense").to_string();
        assert!(said("site").contains("write `PATH=LOW..HIGH UNIT`"));
        assert!(said("name=a").contains("more than one value"));
        assert!(said("start=2027-01-01..2026-01-01").contains("lower end first"));
        assert!(said("strat=2027-01-01..2028-01-01").contains("did you mean `start`"));
    }
}
