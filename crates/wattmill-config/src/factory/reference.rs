//! The written reference of the factory file, from the schema.

use std::fmt::Write as _;

use super::keys;
use super::schema::{Kind, Need, Table};
use super::text::{COUNT_SUFFIXES, Measure};

/// Heading, in the order of the page.
const PAGE: &[(&str, &Table)] = &[
    ("The file", &keys::FILE),
    ("`[[site]]`", &keys::SITE),
    ("`grid` of a site", &keys::GRID),
    ("`step` of a grid", &keys::STEP),
    ("`period` of a grid", &keys::PERIOD),
    ("`export` of a grid", &keys::EXPORT),
    ("`onsite` of a site", &keys::ONSITE),
    ("`solar` of a site", &keys::SOLAR),
    ("`wind` of a site", &keys::WIND),
    ("`battery` of a site", &keys::BATTERY),
    ("`clock` of a site", &keys::CLOCK),
    ("`climate` of a site", &keys::CLIMATE),
    ("`pue` of a site", &keys::PUE),
    ("`[[phase]]`", &keys::PHASE),
    ("`chain` of a phase", &keys::CHAIN),
    ("`substitute` of a phase", &keys::SUBSTITUTE),
    ("`refresh` of a phase", &keys::REFRESH),
    ("`[[service]]`", &keys::SERVICE),
    ("`subscription` of a service", &keys::SUBSCRIPTION),
    ("`slo` of a service", &keys::SLO),
    ("`users` of a service", &keys::USERS),
    ("`lengths` of users", &keys::LENGTHS),
    ("`arrivals` of users", &keys::GAMMA),
    ("`regions` of users", &keys::REGION),
    ("`engine` of a service", &keys::ENGINE),
    ("`speculation` of an engine", &keys::SPECULATION),
    ("`[[training]]`", &keys::TRAINING),
    ("`[[curtailment]]`", &keys::CURTAILMENT),
    ("`[[contract]]`", &keys::CONTRACT),
    ("`[[event]]`", &keys::EVENT),
    ("`[[currency]]`", &keys::CURRENCY),
    ("`[[target]]`", &keys::TARGET),
    ("Distributions", &keys::DISTRIBUTION),
    ("`[[correlation]]`", &keys::CORRELATION),
    ("`[economics]`", &keys::ECONOMICS),
    ("`[system.NAME]`", &keys::SYSTEM),
    ("`[accelerator.NAME]`", &keys::ACCELERATOR),
    ("`[model.NAME]`", &keys::MODEL),
    ("A session file", &keys::SESSIONS),
    ("`system` of sessions", &keys::SESSIONS_SYSTEM),
    ("`pause` of sessions", &keys::SESSIONS_PAUSE),
    ("A fleet file", &keys::FLEET),
    ("`[[site]]` of a fleet", &keys::FLEET_SITE),
    ("`[[provider]]` of a fleet", &keys::PROVIDER),
    ("`[[pool]]` of a fleet", &keys::POOL),
    ("`autoscale` of a pool", &keys::AUTOSCALE),
    ("`admission` of a pool", &keys::ADMISSION),
    ("`failures` of a pool", &keys::FAILURES),
    ("`[[region]]` of a fleet", &keys::FLEET_REGION),
    ("`to` of a region", &keys::WAY_TO),
    ("`[[service]]` of a fleet", &keys::FLEET_SERVICE),
    ("`[[event]]` of a fleet", &keys::FLEET_EVENT),
    ("`[[curtailment]]` of a fleet", &keys::FLEET_CURTAILMENT),
];

const INTRODUCTION: &str = "\
# The factory file

A factory file describes a programme of AI data centres between two dates: sites and their power,
phases of machines, what is served and trained on them, who pays. It is [TOML](https://toml.io).
`wattmill check FILE` says everything that is wrong with one, each problem with its place and a way
out.

## How values are written

- A number that has a unit is text with that unit: `\"1.2 GW\"`, `\"47 USD/MWh\"`, `\"180 days\"`.
  A bare number never carries a hidden unit.
- A day is `2026-10-01`, with or without quotes, and lasts from midnight to midnight UTC. A moment is one
  of UTC (`2027-07-15T20:00:00`), or of another clock with its offset (`2027-07-15T15:00:00-05:00`).
- A file of hours is CSV with a line of column names, named by its path from the factory file. With a
  column `time` it begins at that hour of UTC (`2027-01-01T00:00`) and has every hour after it; without
  one it is a year of 8760 or 8784 hours from the first of January, UTC. Times of another clock carry
  their offset (`2027-01-01T01:00+01:00`), which tells the hours apart when clocks are changed. Hours of the plan that it does
  not have are those of the same day in a year that it has, and 29 February is 28 February where there is
  none.
- What is not known exactly may be a [distribution](#distributions), or a range: `\"20..90 USD/MWh\"`.
";

/// The reference of the factory file as Markdown: every key with what it may be, its default and
/// where that comes from.
pub fn reference_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    let suffixes: Vec<_> = COUNT_SUFFIXES
        .iter()
        .filter(|s| !s.0.is_empty())
        .map(|s| format!("`{}` ({:e})", s.0, s.1))
        .collect();
    let _ = writeln!(
        page,
        "- A count is bare (`700e6`) or text with a suffix (`\"700 M\"`): {}.\n\
         - A share is bare (`0.41`) or text in percent (`\"41 %\"`).\n",
        suffixes.join(", ")
    );
    let _ = writeln!(page, "| measure | units |\n| --- | --- |");
    for measure in measures() {
        let units: Vec<_> = measure.units.iter().map(|u| format!("`{}`", u.0)).collect();
        let _ = writeln!(page, "| {} | {} |", measure.what, units.join(", "));
    }
    for (heading, table) in PAGE {
        let _ = writeln!(page, "\n## {heading}\n\n{}", table.doc);
        page.push('\n');
        for key in table.keys {
            let need = match key.need {
                Need::Required => "Needed.".to_owned(),
                Need::Optional => "May be left out.".to_owned(),
                Need::Default(text, why) => format!("Left out: `{text}` ({why})."),
            };
            let _ = write!(
                page,
                "- **`{}`**: {} Must be {}. {need}",
                key.name,
                key.doc,
                key.kind.wanted()
            );
            let fixed = table.certain.is_empty() || table.catalogue_row;
            let whole = matches!(key.kind, Kind::Whole(_)) && table.certain.is_empty();
            if whole || (!fixed && key.kind.may_be_uncertain()) {
                let _ = write!(page, " Never a distribution.");
            }
            if !key.example.is_empty() {
                let _ = write!(page, " Such as `{} = {}`.", key.name, key.example);
            }
            page.push('\n');
        }
    }
    page
}

/// Every measure of the schema, once, in the order of the page.
pub(super) fn measures() -> Vec<&'static Measure> {
    let mut found: Vec<&'static Measure> = Vec::new();
    for key in PAGE.iter().flat_map(|(_, table)| table.keys) {
        if let Kind::Quantity(measure, _) = &key.kind
            && !found.iter().any(|m| m.what == measure.what)
        {
            found.push(measure);
        }
    }
    found
}
