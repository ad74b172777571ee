//! Files of hours, brought onto the hours of the plan.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Weekday, date};
use wattmill_factory::{Hourly, Weather};

use super::context::{Context, Hours};
use super::row::Row;
use crate::read_moment;

/// Hours of a year without a leap day.
const YEAR: usize = 8760;

/// A column of a file of hours.
pub(super) struct Column {
    /// As the file has it.
    pub(super) name: &'static str,
    /// Least and most that a value may be.
    pub(super) within: (f64, f64),
}

/// Days of the plan, as far as they are known.
#[derive(Clone, Copy)]
pub(super) struct Days {
    pub(super) start: Date,
    pub(super) end: Date,
}

/// A file as it is written.
struct Sheet<'t> {
    names: Vec<&'t str>,
    /// Values of every line, by column; the time left out.
    lines: Vec<Vec<f64>>,
    first: Option<DateTime>,
}

impl Row<'_> {
    /// Whether the row names a file of hours.
    pub(super) fn has_hours(&self) -> bool {
        self.has("hourly")
    }

    /// The `columns` of the file under `hourly` for every hour of the plan, each if it is there;
    /// nothing if the row names no file. Reports a file with none of them, and what is wrong with it.
    pub(super) fn hours<const N: usize>(
        &self,
        cx: &mut Context<'_>,
        columns: [Column; N],
        days: Option<Days>,
    ) -> [Option<Hourly>; N] {
        let nothing = std::array::from_fn(|_| None);
        let Some(path) = self.text(cx, "hourly") else { return nothing };
        let at = self.span("hourly").start;
        if let Some(known) = cx.known_hours(at) {
            let (weather, Some(days)) = (cx.weather(), days) else { return nothing };
            return columns.map(|column| of_weather(known, column.name, weather, days));
        }
        let found = read(cx.files.text(&path), &path, &columns, (days, cx.weather_varies));
        match found {
            Ok(found) => {
                let of = columns.map(|column| found.columns.get(column.name).cloned());
                cx.hours.insert(at, found);
                of
            }
            Err((problem, help)) => {
                cx.error(self.span("hourly"), problem, "this file", help);
                nothing
            }
        }
    }
}

impl Row<'_> {
    /// In a sample the mean that a column of the row's file has in the plan.
    pub(super) fn plan_mean(&self, cx: &Context<'_>, column: &str) -> Option<f64> {
        let known = cx.known_hours(self.span("hourly").start)?;
        known.columns.get(column).map(Hourly::mean)
    }
}

/// A column of a known file as this weather has it: for every year of the plan one of the file's is
/// drawn, the same of all files that have the same years.
fn of_weather(known: &Hours, column: &str, weather: Weather, days: Days) -> Option<Hourly> {
    let plan = known.columns.get(column)?;
    let Weather::Sample { .. } = weather else { return Some(plan.clone()) };
    if known.years.len() < 2 {
        return Some(plan.clone());
    }
    let mut years = weather.stream(0, "years of weather");
    let mut hours = Vec::with_capacity(plan.0.len());
    for year in days.start.year()..=days.end.year() {
        let drawn = (years.uniform() * known.years.len() as f64) as usize;
        let of_year = known.years.get(drawn)?.get(column)?;
        let end = date(year, 12, 31).min(days.end);
        let count = days.start.until(end).map_or(0, |span| span.get_days().max(-1) + 1) as usize;
        hours.extend_from_slice(of_year.0.get(hours.len()..count * 24)?);
    }
    Some(Hourly(hours.into()))
}

type Problem = (String, String);

fn read<const N: usize>(
    text: Result<&str, &str>,
    path: &str,
    columns: &[Column; N],
    (days, varies): (Option<Days>, bool),
) -> Result<Hours, Problem> {
    let text = text.map_err(|why| {
        let help = "name a CSV file by its path from the factory file";
        (format!("there is no `{path}`: {why}"), help.to_owned())
    })?;
    let sheet = sheet(text, path)?;
    let places: [Option<usize>; N] =
        std::array::from_fn(|i| sheet.names.iter().position(|name| *name == columns[i].name));
    if places.iter().all(Option::is_none) {
        let wanted: Vec<_> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
        return Err((
            format!("`{path}` has no column {}", wanted.join(" or ")),
            format!("its columns are {}; rename one", sheet.names.join(", ")),
        ));
    }
    for (column, place) in columns.iter().zip(places) {
        let Some(place) = place else { continue };
        let (low, high) = column.within;
        let wrong = sheet.lines.iter().position(|line| !(low..=high).contains(&line[place]));
        if let Some(line) = wrong {
            return Err((
                format!(
                    "`{path}`, line {}: {} in `{}`",
                    line + 2,
                    sheet.lines[line][place],
                    column.name
                ),
                format!("each must be at least {low} and at most {high}"),
            ));
        }
    }
    // Where the plan's own days are wrong, that is told, and nothing hangs on these hours.
    let Some(days) = days else { return Ok(Hours::default()) };
    let of_lines = |lines: Vec<usize>| -> BTreeMap<&'static str, Hourly> {
        let values =
            |place: usize| lines.iter().map(|line| sheet.lines[*line][place]).collect::<Vec<f64>>();
        let there = columns.iter().zip(places);
        there.filter_map(|(c, place)| Some((c.name, Hourly(values(place?).into())))).collect()
    };
    let calendar = SheetCalendar::of(&sheet, path)?;
    let columns = of_lines(calendar.on_the_plan(path, days)?);
    let years = match varies {
        true => calendar.whole_years().map(|year| of_lines(calendar.of_year(year, days))).collect(),
        false => Vec::new(),
    };
    Ok(Hours { columns, years })
}

fn sheet<'t>(text: &'t str, path: &str) -> Result<Sheet<'t>, Problem> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let cells = |line: &'t str| line.split(',').map(|cell| cell.trim().trim_matches('"'));
    let Some((_, head)) = lines.next() else {
        let help = "write a line of column names and one line for each hour";
        return Err((format!("`{path}` is empty"), help.to_owned()));
    };
    let heads: Vec<&str> = cells(head.trim_start_matches('\u{feff}')).collect();
    let time = heads.iter().position(|name| *name == "time");
    let without_time = |index: &usize| Some(*index) != time;
    let names = (0..heads.len()).filter(without_time).map(|index| heads[index]).collect();
    let mut sheet = Sheet { names, lines: Vec::new(), first: None };
    for (number, line) in lines {
        let here = |what: String, help: &str| {
            (format!("`{path}`, line {}: {what}", number + 1), help.to_owned())
        };
        let cells: Vec<&str> = cells(line).collect();
        if cells.len() != heads.len() {
            let what = format!("{} values for {} columns", cells.len(), heads.len());
            return Err(here(what, "give every line a value for every column"));
        }
        if let Some(time) = time {
            let whole = |stamp: &DateTime| stamp.minute() == 0 && stamp.second() == 0;
            let Some(stamp) = read_moment(cells[time]).ok().filter(whole) else {
                let what = format!("`{}` is no full hour of UTC", cells[time]);
                let help = "write hours like `2027-01-01T00:00`, or of another clock with their \
                            offset: `2027-01-01T01:00+01:00`";
                return Err(here(what, help));
            };
            let first = *sheet.first.get_or_insert(stamp);
            let gap = hours_between(first, stamp) - sheet.lines.len() as i64;
            if gap != 0 {
                let what = format!("{stamp} is not an hour after the line before");
                return Err(here(what, missing_or_doubled(stamp, gap)));
            }
        }
        let mut values = Vec::with_capacity(cells.len());
        for (index, cell) in cells.iter().enumerate().filter(|(index, _)| without_time(index)) {
            match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => {
                    let what = format!("`{cell}` in `{}` is no number", heads[index]);
                    return Err(here(what, "write a number, or take the column away"));
                }
            }
        }
        sheet.lines.push(values);
    }
    Ok(sheet)
}

/// The way out for a line that comes `gap` hours late.
fn missing_or_doubled(stamp: DateTime, gap: i64) -> &'static str {
    // Clocks are changed by an hour in a night to a Sunday of spring or autumn, nearly everywhere.
    let season = matches!(stamp.month(), 3 | 4 | 9..=11);
    let night = season && stamp.hour() <= 4 && stamp.weekday() == Weekday::Sunday;
    match gap {
        1 if night => {
            "where a clock was put forward here, write its offset behind every time, such as \
             `2027-03-28T03:00+02:00`; UTC has the hour"
        }
        -1 if night => {
            "where a clock was put back here, write its offset behind every time, such as \
             `2027-10-31T02:00+01:00`; UTC has the hour once"
        }
        _ => "give every hour once, in order",
    }
}

fn hours_between(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs() / 3600
}

/// Which line of a file has which hour.
struct SheetCalendar {
    first: DateTime,
    count: usize,
}

impl SheetCalendar {
    fn of(sheet: &Sheet<'_>, path: &str) -> Result<Self, Problem> {
        let count = sheet.lines.len();
        let first = match sheet.first {
            Some(first) => first,
            // A year that is not said to be one: leap if it has the hours.
            None if count == YEAR => date(2001, 1, 1).at(0, 0, 0, 0),
            None if count == YEAR + 24 => date(2000, 1, 1).at(0, 0, 0, 0),
            None => {
                return Err((
                    format!("`{path}` has {count} lines and no column `time`"),
                    format!(
                        "give it a column `time`, or the {YEAR} or {} hours of a year",
                        YEAR + 24
                    ),
                ));
            }
        };
        Ok(Self { first, count })
    }

    fn line(&self, moment: DateTime) -> Option<usize> {
        let place = hours_between(self.first, moment);
        (0..self.count as i64).contains(&place).then_some(place as usize)
    }

    fn years(&self) -> impl Iterator<Item = i16> + Clone {
        self.first.year()..=self.first.year().saturating_add((self.count / YEAR) as i16 + 1)
    }

    /// Years that it has from their first hour to their last.
    fn whole_years(&self) -> impl Iterator<Item = i16> {
        self.years().filter(|year| {
            self.line(date(*year, 1, 1).at(0, 0, 0, 0)).is_some()
                && self.line(date(*year, 12, 31).at(23, 0, 0, 0)).is_some()
        })
    }

    /// The same day in one of these years; the 28th where the 29th of February is in none.
    fn same_day(
        &self,
        day: Date,
        hour: i8,
        years: impl Iterator<Item = i16> + Clone,
    ) -> Option<usize> {
        let in_year = |day: Date| {
            let in_year = |year| day.with().year(year).build().ok();
            years.clone().filter_map(in_year).find_map(|day| self.line(day.at(hour, 0, 0, 0)))
        };
        in_year(day).or_else(|| in_year(day.yesterday().ok()?))
    }

    /// The line of every hour of the plan.
    fn on_the_plan(&self, path: &str, days: Days) -> Result<Vec<usize>, Problem> {
        let mut lines = Vec::new();
        for day in days.all() {
            for hour in 0..24 {
                let exact = self.line(day.at(hour, 0, 0, 0));
                match exact.or_else(|| self.same_day(day, hour, self.years())) {
                    Some(line) => lines.push(line),
                    None => {
                        return Err((
                            format!("`{path}` has no hour for {day} {hour:02}:00"),
                            "give it all hours of the plan, or those of a whole year".to_owned(),
                        ));
                    }
                }
            }
        }
        Ok(lines)
    }

    /// The line of every hour of the plan if each of its years was one that the file has whole.
    fn of_year(&self, year: i16, days: Days) -> Vec<usize> {
        let hours = days.all().flat_map(|day| (0..24).map(move |hour| (day, hour)));
        hours.filter_map(|(day, hour)| self.same_day(day, hour, std::iter::once(year))).collect()
    }
}

impl Days {
    fn all(self) -> impl Iterator<Item = Date> {
        let days = self.start.series(jiff::Span::new().days(1));
        days.take_while(move |day| *day <= self.end)
    }
}
