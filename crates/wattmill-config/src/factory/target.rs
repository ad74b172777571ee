//! `[[target]]`: what is to be reached by when.

use wattmill_factory::{Goal, Target, Training};
use wattmill_units::IdVec;

use super::check;
use super::context::Context;
use super::row::Row;

/// Keys that say what is to be reached.
const GOALS: [&str; 4] = ["energised", "accelerators", "tokens_per_day", "training"];

/// Every target of the file, if all are sound.
pub(super) fn targets(
    cx: &mut Context<'_>,
    file: &Row<'_>,
    trainings: &IdVec<Training>,
) -> Option<Vec<Target>> {
    let rows = file.tables(cx, "target");
    check::duplicates(cx, &rows);
    let read: Vec<Option<Target>> = rows.iter().map(|row| target(cx, row, trainings)).collect();
    read.into_iter().collect()
}

fn target(cx: &mut Context<'_>, row: &Row<'_>, trainings: &IdVec<Training>) -> Option<Target> {
    let name = row.text(cx, "name");
    let by = row.date(cx, "by");
    let energised = row.quantity(cx, "energised").map(Goal::Energised);
    let accelerators = row.count(cx, "accelerators").map(Goal::Accelerators);
    let tokens = row.count(cx, "tokens_per_day").map(Goal::TokensPerDay);
    let training = row.has("training").then(|| trained(cx, row, trainings)).flatten();
    let _ = row.text(cx, "source");
    let written: Vec<&str> = GOALS.into_iter().filter(|key| row.has(key)).collect();
    let all = || GOALS.map(|key| format!("`{key}`")).join(", ");
    match written[..] {
        [] if !GOALS.into_iter().any(|key| row.has_or_means(key)) => cx.missing(
            row.header(),
            "nothing is to be reached",
            "what is needed here",
            format!("add one of {}, such as `energised = \"1 GW\"`", all()),
        ),
        [first, second, ..] => {
            cx.error(
                row.span(second),
                format!("both `{first}` and `{second}`"),
                "what is to be reached is said already",
                format!("keep one of {}; write a `[[target]]` for each", all()),
            );
            return None;
        }
        _ => {}
    }
    let goal = energised.or(accelerators).or(tokens).or(training);
    Some(Target { name: name?, goal: goal?, by: by? })
}

fn trained(cx: &mut Context<'_>, row: &Row<'_>, trainings: &IdVec<Training>) -> Option<Goal> {
    let wanted = row.text(cx, "training")?;
    let found = trainings.enumerate().find(|(_, training)| training.name == wanted);
    if found.is_none() {
        let meant = cx.closest(&wanted, trainings.iter().map(|training| training.name.as_str()));
        let label = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "no such `[[training]]`".to_owned(),
        };
        cx.missing(
            row.span("training"),
            format!("there is no training run `{wanted}`"),
            label,
            "name a `[[training]]` of this file",
        );
    }
    found.map(|(id, _)| Goal::Trained(id))
}
