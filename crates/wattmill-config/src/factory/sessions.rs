//! The session file: what conversations are like.

use toml::de::DeTable;
use wattmill_catalog::Catalog;
use wattmill_factory::{Pause, Sessions, SystemPrompts};
use wattmill_units::Seconds;

use super::context::Context;
use super::keys::SESSIONS;
use super::row::Row;
use super::traffic::quantiles;
use crate::{Diagnostics, Severity};

/// Name and text of every built-in session file.
pub const BUILTIN_SESSIONS: &[(&str, &str)] = &[
    ("chat", include_str!("../../../../factories/sessions/chat.toml")),
    ("agent", include_str!("../../../../factories/sessions/agent.toml")),
];

/// Reads a session file.
///
/// ```
/// let (_, text) = wattmill_config::BUILTIN_SESSIONS[0];
/// let sessions = wattmill_config::parse_sessions(text).expect("it is sound");
/// assert_eq!(sessions.name, "chat");
/// assert_eq!(sessions.answer.quantile(0.9), 424);
/// ```
///
/// # Errors
/// Everything that is wrong with it, each with its place and a way out.
pub fn parse_sessions(text: &str) -> Result<Sessions, Diagnostics> {
    // Nothing in it names a row of a catalogue.
    let mut cx = Context::new(Catalog::builtin());
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        cx.broken(error.span().unwrap_or(0..0), error.message());
    }
    let file = Row::file(&mut cx, &SESSIONS, document.get_ref());
    let sessions = read(&mut cx, &file);
    let (diagnostics, _) = cx.finish();
    let failed = diagnostics.iter().any(|problem| problem.severity == Severity::Error);
    sessions.filter(|_| !failed).ok_or(diagnostics)
}

fn read(cx: &mut Context<'_>, file: &Row<'_>) -> Option<Sessions> {
    let name = file.text(cx, "name");
    let context = file.small(cx, "context");
    let system = file.table(cx, "system").and_then(|row| {
        let (count, popularity) = (row.small(cx, "count"), row.number(cx, "popularity"));
        let tokens = quantiles(cx, &row, "tokens");
        Some(SystemPrompts { count: count?, popularity: popularity?, tokens: tokens? })
    });
    let turns = quantiles(cx, file, "turns");
    if let Some(turns) = turns.as_ref().filter(|turns| turns.max() > Sessions::MOST_TURNS) {
        let most = Sessions::MOST_TURNS;
        let message = format!("a session of up to {} turns", turns.max());
        let label = format!("at most {most} turns");
        cx.error(file.span("turns"), message, label, "shorten the longest sessions");
    }
    let opening = quantiles(cx, file, "opening");
    let follow_up = quantiles(cx, file, "follow_up");
    let answer = quantiles(cx, file, "answer");
    let pause = file.table(cx, "pause").and_then(|row| {
        let (mean, cv) = (row.quantity::<Seconds>(cx, "mean"), row.number(cx, "cv"));
        Some(Pause { mean: mean?, cv: cv? })
    });
    let sessions = Sessions {
        name: name?,
        system: system?,
        turns: turns?,
        opening: opening?,
        follow_up: follow_up?,
        answer: answer?,
        pause: pause?,
        context: context?,
    };
    let parts = [&sessions.system.tokens, &sessions.opening, &sessions.answer];
    let first: u64 = parts.iter().map(|part| u64::from(part.max())).sum();
    if first > u64::from(sessions.context) {
        cx.error(
            file.span("context"),
            format!("first turns of up to {first} tokens in a context of {}", sessions.context),
            "system prompt, opening and answer must fit",
            "raise `context`, or shorten the longest of the three",
        );
    }
    Some(sessions)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn refused(text: &str) -> String {
        parse_sessions(text).expect_err("it must be refused").render("s.toml", text, false)
    }

    #[test]
    fn built_in_sessions_are_sound() {
        for (name, text) in BUILTIN_SESSIONS {
            let sessions = parse_sessions(text)
                .unwrap_or_else(|why| panic!("{}", why.render(name, text, false)));
            assert_eq!(sessions.name, *name);
            assert!(sessions.turns.mean() > 1.0);
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = "name = \"x\"\ncontext = 900\nturn = 4\n\
            system = { count = 0, tokens = [[0, 500], [1, 500]] }\n\
            turns = [[0, 1], [1, 70000]]\nopening = [[0, 9], [1, 3]]\n\
            follow_up = 7\nanswer = [[0, 1], [1, 500]]\npause = { mean = 3, cv = -1 }\n";
        expect![[r#"
            error: unknown key `turn` in session file
             --> s.toml:3:1
              |
            3 | turn = 4
              | ^^^^ did you mean `turns`?
              |
              = help: keys of session file: name, context, system, turns, opening, follow_up, answer, pause

            error: `count` cannot be 0
             --> s.toml:4:20
              |
            4 | system = { count = 0, tokens = [[0, 500], [1, 500]] }
              |                    ^ at least 1 and at most 1000000
              |
              = help: such as `count = 20`

            error: a session of up to 70000 turns
             --> s.toml:5:9
              |
            5 | turns = [[0, 1], [1, 70000]]
              |         ^^^^^^^^^^^^^^^^^^^^ at most 65536 turns
              |
              = help: shorten the longest sessions

            error: `opening` is not a distribution
             --> s.toml:6:11
              |
            6 | opening = [[0, 9], [1, 3]]
              |           ^^^^^^^^^^^^^^^^ not rising from probability 0 to 1
              |
              = help: probabilities rise from 0 to 1, tokens are at least 1 and never fall, as in `[[0, 3], [0.5, 1020], [1, 4142]]`

            error: `follow_up` must be an array of `[probability, tokens]` pairs
             --> s.toml:7:13
              |
            7 | follow_up = 7
              |             ^ this is a whole number
              |
              = help: write it like `follow_up = [[0, 2], [0.5, 30], [1, 8000]]`

            error: `mean` has no unit
             --> s.toml:9:18
              |
            9 | pause = { mean = 3, cv = -1 }
              |                  ^ 3 of what?
              |
              = help: write `mean = "3 s"` (units: s, ns, us, ms, min, h, hours, hour, days, day, weeks, years, year)

            error: `cv` cannot be -1
             --> s.toml:9:26
              |
            9 | pause = { mean = 3, cv = -1 }
              |                          ^^ at least 0 and at most 100
              |
              = help: such as `cv = 1.5`
        "#]].assert_eq(&refused(text));
        let (_, chat) = BUILTIN_SESSIONS[0];
        expect![[r#"
            error: first turns of up to 21000 tokens in a context of 9000
             --> s.toml:3:11
              |
            3 | context = 9000                                                 # of Llama 3.1 and others of its time
              |           ^^^^ system prompt, opening and answer must fit
              |
              = help: raise `context`, or shorten the longest of the three
        "#]].assert_eq(&refused(&chat.replace("131072", "9000")));
    }
}
