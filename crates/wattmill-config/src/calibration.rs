//! Engine constants of one's own machine, as `wattmill calibrate` writes them.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wattmill_catalog::{Catalog, Overheads, closest};

use crate::{Diagnostic, Diagnostics};

/// Longest time of a constant, s: a step or request that waits longer is no engine's.
const LONGEST: f64 = 10.0;
/// Factors that kernels are multiplied with lie between these: beyond, it is another kernel.
const LEAST_FACTOR: f64 = 0.01;
const MOST_FACTOR: f64 = 100.0;
/// Steps that a first token waits at most.
const MOST_STEPS: f64 = 1_000.0;
/// What a table may say of where its constants come from; not read.
const TOLD: [&str; 3] = ["source", "rows", "error"];

/// Constants of engines, by chip family and name of the constants, such as `("hopper", "vllm")`.
pub type Calibration = BTreeMap<(String, String), Overheads>;

/// Reads a calibration: tables `[family.engine]` of all constants, for
/// [`Catalog::with_overheads`]. Families and engines are those of `catalog`.
///
/// ```
/// use wattmill_catalog::{Catalog, Overheads};
/// let text = format!("[hopper.vllm]\n{}rows = 12\n", Overheads::NONE.to_toml());
/// let calibration = wattmill_config::parse_calibration(&text, Catalog::builtin()).unwrap();
/// let catalog = Catalog::builtin().with_overheads(&calibration);
/// assert_eq!(catalog.efficiency("hopper").unwrap().overheads("vllm"), Overheads::NONE);
/// ```
///
/// # Errors
/// Everything that is wrong with it, each with its place: no TOML, no table, a family or engine
/// that nothing has, constants that are missing, not known or not within reason.
pub fn parse_calibration(text: &str, catalog: &Catalog) -> Result<Calibration, Diagnostics> {
    let mut problems = Diagnostics::new();
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let broken = Diagnostic::error(span, error.message(), "");
        problems.push(broken.with_help("write TOML as in https://toml.io"));
    }
    let mut found = Calibration::new();
    for (family, engines) in document.get_ref() {
        let name = family.get_ref();
        if catalog.efficiency(name).is_none_or(|known| known.family != *name) {
            let families: Vec<&str> = catalog.efficiencies().map(|e| e.family.as_str()).collect();
            problems.push(unknown(family.span(), "chip family", name, &families));
            continue;
        }
        let DeValue::Table(engines) = engines.get_ref() else {
            let what = format!("`{name}` is not a table of engines");
            problems.push(
                Diagnostic::error(engines.span(), what, "a table of engines")
                    .with_help(format!("write `[{name}.vllm]` and the constants below it")),
            );
            continue;
        };
        for (engine, constants) in engines {
            if !is_engine(engine.get_ref(), catalog) {
                let names = names(catalog);
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                problems.push(unknown(engine.span(), "engine", engine.get_ref(), &names));
            }
            let overheads = read(engine, constants, &mut problems);
            found.insert((name.to_string(), engine.get_ref().to_string()), overheads);
        }
    }
    if found.is_empty() && problems.is_empty() {
        problems.push(
            Diagnostic::error(0..0, "there are no constants in it", "")
                .with_help("write it with `wattmill calibrate RESULTS.csv --out FILE`"),
        );
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// All constants of one table; those that are wrong are told, and zero.
fn read(
    engine: &Spanned<std::borrow::Cow<'_, str>>,
    constants: &Spanned<DeValue<'_>>,
    problems: &mut Diagnostics,
) -> Overheads {
    let DeValue::Table(table) = constants.get_ref() else {
        let what = format!("`{}` is not a table of constants", engine.get_ref());
        let label = format!("a table of {}", Overheads::NAMES.join(", "));
        problems.push(Diagnostic::error(constants.span(), what, label));
        return Overheads::NONE;
    };
    let mut values = [0.0; Overheads::NAMES.len()];
    let mut missing = Vec::new();
    for (name, value) in Overheads::NAMES.into_iter().zip(&mut values) {
        let Some(stated) = table.get(name) else {
            missing.push(name);
            continue;
        };
        let (least, most) = limits(name);
        match number(stated.get_ref()).filter(|n| (least..=most).contains(n)) {
            Some(number) => *value = number,
            None => problems.push(
                Diagnostic::error(
                    stated.span(),
                    format!("`{name}` cannot be that"),
                    format!("a number from {least} to {most}"),
                )
                .with_help(format!("write {} as a plain number", meaning(name))),
            ),
        }
    }
    if !missing.is_empty() {
        let missing = missing.join("`, `");
        problems.push(
            Diagnostic::error(
                engine.span(),
                format!("`{}` lacks `{missing}`", engine.get_ref()),
                "all constants of an engine belong together",
            )
            .with_help("take them from the same calibration, or calibrate again"),
        );
    }
    for (key, _) in table {
        let name = key.get_ref().as_ref();
        if !TOLD.contains(&name) && !Overheads::NAMES.contains(&name) {
            problems.push(unknown(key.span(), "constant", name, &Overheads::NAMES));
        }
    }
    Overheads::from_values(values)
}

fn unknown(span: Range<usize>, what: &str, name: &str, known: &[&str]) -> Diagnostic {
    let near = closest(name, known.iter().copied(), 1);
    let label = near.first().map_or("not known".to_owned(), |n| format!("did you mean `{n}`?"));
    Diagnostic::error(span, format!("unknown {what} `{name}`"), label)
        .with_help(format!("known are {}", known.join(", ")))
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64)
        }
        _ => None,
    }
}

fn limits(name: &str) -> (f64, f64) {
    match name {
        "step" | "sequence" | "mixed" | "kernel" | "request" | "prompt_token" | "latency" => {
            (0.0, LONGEST)
        }
        "gathered_steps" => (0.0, MOST_STEPS),
        "launch" | "exposed" => (0.0, MOST_FACTOR),
        _ => (LEAST_FACTOR, MOST_FACTOR),
    }
}

fn meaning(name: &str) -> &'static str {
    match limits(name).1 {
        LONGEST => "seconds",
        MOST_STEPS => "steps",
        _ => "a factor",
    }
}

/// Names of constants that some family of the catalogue has.
fn names(catalog: &Catalog) -> Vec<String> {
    let mut names: Vec<String> =
        catalog.efficiencies().flat_map(|e| e.overheads.keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether the catalogue knows the engine, and the campaign if there is one, on any family.
fn is_engine(name: &str, catalog: &Catalog) -> bool {
    let (engine, campaign) = Overheads::parts_of(name);
    let names = names(catalog);
    let mut known = names.iter().map(|name| Overheads::parts_of(name));
    known.clone().any(|k| k.0 == engine) && known.any(|k| k.1 == campaign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> String {
        let catalog = Catalog::builtin();
        let constants = catalog.efficiency("hopper").unwrap().overheads("vllm");
        format!("[hopper.vllm]\n{}source = \"mine\"\nrows = 3\n", constants.to_toml())
    }

    #[track_caller]
    fn refused(text: &str, said: &[&str]) {
        let problems = parse_calibration(text, Catalog::builtin()).unwrap_err();
        let told = problems.render("mine.toml", text, false);
        for words in said {
            assert!(told.contains(words), "{words:?} is not in:\n{told}");
        }
    }

    #[test]
    fn constants_take_the_place_of_the_catalogues() {
        let catalog = Catalog::builtin();
        let text = sound().replace("\nstep = ", "\nstep = 1 #");
        let calibration = parse_calibration(&text, catalog).unwrap();
        let with = catalog.with_overheads(&calibration);
        let of = |catalog: &Catalog, family: &str, engine: &str| {
            catalog.efficiency(family).unwrap().overheads(engine)
        };
        assert_eq!(of(&with, "hopper", "vllm").step, 1.0);
        assert_eq!(
            Overheads { step: of(catalog, "hopper", "vllm").step, ..of(&with, "hopper", "vllm") },
            of(catalog, "hopper", "vllm"),
        );
        assert_eq!(of(&with, "hopper", "sglang"), of(catalog, "hopper", "sglang"));
        assert_eq!(of(&with, "blackwell", "vllm"), of(catalog, "blackwell", "vllm"));
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let text = sound()
            .replace("\nreading = ", "\nreading = -")
            .replace("\nstep = ", "\nstep = nan # ")
            .replace("\nlaunch = ", "\nlunch = ")
            .replace("rows", "row")
            + "[hoper.vllm]\nstep = 1.0\n[ampere.vlm]\n";
        refused(
            &text,
            &[
                "mine.toml:2:8",
                "`step` cannot be that",
                "from 0 to 10",
                "`reading` cannot be that",
                "from 0.01 to 100",
                "mine.toml:1:9",
                "`vllm` lacks `launch`",
                "did you mean `launch`?",
                "unknown constant `row`",
                "unknown chip family `hoper`",
                "did you mean `hopper`?",
                "unknown engine `vlm`",
                "did you mean `vllm`?",
                "`vlm` lacks `step`, `sequence`",
            ],
        );
    }

    #[test]
    fn text_that_is_no_calibration() {
        refused("", &["no constants in it", "wattmill calibrate"]);
        refused("hopper = 3\n", &["mine.toml:1:10", "not a table of engines"]);
        refused("[hopper]\nvllm = 3\n", &["mine.toml:2:8", "not a table of constants"]);
        refused("[hopper.vllm\n", &["mine.toml:1:"]);
        refused(&(sound() + "step = 1.0\n"), &["duplicate key"]);
        refused("[Hopper.vllm]\n", &["unknown chip family `Hopper`", "did you mean `hopper`?"]);
        let huge = sound().replace("\nkernel = ", "\nkernel = 1e300 #");
        refused(&huge, &["`kernel` cannot be that"]);
    }
}
