//! `cargo xtask calibrate`: fits what the catalogue holds of measurements, from tables beside the
//! project, and writes it into the catalogue's data.

mod power;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, thread};

use anyhow::{Context as _, bail};
use wattmill::catalog::{Catalog, ErrorBars, MOST_MEASURED, Overheads, Residuals};
use wattmill::validate::fit::{
    EngineConstants, FOLDS, KernelTables, LeftOut, Lesson, cross_validate, engine_key,
    evaluate_cases, fit_families, predict_with,
};
use wattmill::validate::{Case, Effort, Kind, Metric, Outcome, Table, quantile, resolve};

/// What to calibrate.
#[derive(clap::Args)]
pub(crate) struct CalibrateArgs {
    /// Folder of the measurements.
    #[arg(long, default_value = "../shared/truth")]
    truth: PathBuf,
    /// Parts to fit, in this order: surfaces, engines, runs, power, cross, errors (all by default).
    #[arg(value_parser = ["surfaces", "engines", "runs", "power", "cross", "errors"])]
    parts: Vec<String>,
    /// Fit only constants of these names, such as `vllm` or `vllm-splitwise`; keep the others.
    #[arg(long)]
    only: Vec<String>,
}

/// Where the kernel tables come from.
const KERNELS: &str = "ai-dynamo/aiconfigurator operator measurements @095f58a51c (2026-08-21)";
const WRITTEN: &str = "# Written by `cargo xtask calibrate`; do not edit.\n";
/// Where the catalogue's data lies.
const DATA: &str = "crates/wattmill-catalog/data";

pub(crate) fn run(root: &Path, args: &CalibrateArgs) -> anyhow::Result<()> {
    let asked = |part: &str| args.parts.is_empty() || args.parts.iter().any(|p| p == part);
    let data = root.join(DATA);
    let truth = if args.truth.is_relative() { root.join(&args.truth) } else { args.truth.clone() };
    if !truth.is_dir() {
        bail!("there are no measurements in {}; name their folder with --truth", truth.display());
    }
    if asked("surfaces") {
        write(&data.join("surfaces.toml"), &surfaces(&truth)?)?;
        println!("surfaces are read when this is built again: run the other parts after that");
        if args.parts.is_empty() {
            return Ok(());
        }
    }
    let mut catalog = Catalog::builtin().clone();
    if asked("engines") {
        let fitted = engines(&cases(&truth, &catalog)?, &catalog, &args.only);
        write(&data.join("overheads.toml"), &constants_toml(&fitted))?;
        catalog = with_constants(&catalog, &fitted);
    }
    if asked("runs") {
        let mut all = own_constants(&catalog);
        all.extend(runs::fit(&catalog));
        write(&data.join("overheads.toml"), &constants_toml(&all))?;
        catalog = with_constants(&catalog, &all);
    }
    if asked("power") {
        write(&data.join("power.toml"), &power::toml(&cases(&truth, &catalog)?, &catalog))?;
        println!("constants are read when this is built again: run the other parts after that");
    }
    if asked("cross") || asked("errors") {
        let cases = cases(&truth, &catalog)?;
        let mut unseen = BTreeMap::new();
        if asked("cross") {
            let (found, text) = cross(&cases, &catalog);
            write(&data.join("cross-validation.toml"), &text)?;
            unseen = found;
        }
        write(&data.join("errors.toml"), &errors(&cases, &unseen, &catalog))?;
    }
    Ok(())
}

/// The catalogue with these constants in place of its own, and with those that families borrow.
fn with_constants(catalog: &Catalog, constants: &EngineConstants) -> Catalog {
    let mut all = constants.clone();
    for efficiency in catalog.efficiencies() {
        let Some(lender) = &efficiency.borrowed_from else { continue };
        for ((family, name), lent) in constants {
            if family == lender {
                all.entry((efficiency.family.clone(), name.clone())).or_insert(*lent);
            }
        }
    }
    catalog.with_overheads(&all)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// The text of every file of `folder`, in order of name, unpacked where it is packed.
fn texts(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = String::new();
        if name.ends_with(".csv.gz") {
            let file = fs::File::open(&path)?;
            flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
        } else if name.ends_with(".csv") {
            text = fs::read_to_string(&path)?;
        } else {
            continue;
        }
        texts.push((name, text));
    }
    Ok(texts)
}

fn surfaces(truth: &Path) -> anyhow::Result<String> {
    let mut tables = KernelTables::default();
    for (name, text) in texts(&truth.join("kernels"))? {
        let added = tables.add(&text, Catalog::builtin());
        let rows = added.map_err(|(line, why)| anyhow::anyhow!("{name}, line {line}: {why}"))?;
        println!("{name}: {rows} timings");
    }
    let families = tables.families();
    let fitted = in_parallel(&families, |family| {
        tables.fit(family, KERNELS, |line| println!("{line}")).to_toml()
    });
    let mut text = WRITTEN.to_owned();
    for (family, toml) in families.iter().zip(fitted) {
        text += &toml.replace("\n[", &format!("\n[{family}."));
    }
    Ok(text)
}

/// Every row of the serving, throughput, energy and phase tables that can be predicted.
fn cases<'a>(truth: &Path, catalog: &'a Catalog) -> anyhow::Result<Vec<Case<'a>>> {
    let mut cases = Vec::new();
    for (name, text) in texts(truth)? {
        let Ok(table) = Table::read(&text) else { continue };
        if matches!(table.kind(), Kind::Training | Kind::Kernels) {
            continue;
        }
        let kind = table.kind();
        let before = cases.len();
        cases.extend(table.rows().filter_map(|row| resolve(&row, kind, catalog).ok()));
        println!("{name}: {} rows", cases.len() - before);
    }
    Ok(cases)
}

/// Constants are fitted to what is predicted quickly: a server's highest rate inside limits takes a
/// search of its own for each row.
fn is_quick(case: &Case<'_>) -> bool {
    let offline = case.measured().group.mode == "offline";
    match case {
        Case::Mlperf(_) => offline,
        // Capped rows of the profile are uncapped ones times a constant.
        Case::Phases(case) => case.deployment.spec.power_cap.is_none(),
        // Every request of a run counts, not the figures of the run.
        Case::Requests(_) => false,
        Case::Power(_) | Case::TrainingPower(_) | Case::Training(_) | Case::Kernels(_) => false,
        _ => true,
    }
}

/// Constants of the engines that were asked for, fitted anew, with all others as they are.
fn engines(cases: &[Case<'_>], catalog: &Catalog, only: &[String]) -> EngineConstants {
    let asked = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
    let quick: Vec<&Case<'_>> =
        cases.iter().filter(|case| is_quick(case) && asked(&engine_key(case).1)).collect();
    let lessons = lessons(&quick, catalog);
    let lessons: Vec<&Lesson<'_>> = lessons.iter().collect();
    let names: BTreeSet<String> =
        lessons.iter().map(|lesson| lesson.response.key().1.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let found = in_parallel(&names, |name| fit_families(&lessons, name, catalog));
    let fitted: EngineConstants = found.into_iter().flatten().collect();
    print_errors(&quick, &fitted, catalog);
    // What runs of single requests say is fitted for itself.
    let runs = runs::keys(catalog);
    let mut all = own_constants(catalog);
    // Constants by whose name no row is predicted any more go.
    let predicted: BTreeSet<String> = cases.iter().map(|case| engine_key(case).1).collect();
    let kept = |name: &str| !asked(name) && predicted.contains(name);
    all.retain(|key, _| kept(&key.1) || runs.contains(key));
    // What an engine does on families without rows, those families borrow.
    all.extend(fitted.into_iter().filter(|((family, _), _)| !family.is_empty()));
    all
}

/// Every family's own constants: what is borrowed is not.
fn own_constants(catalog: &Catalog) -> EngineConstants {
    let mut own = EngineConstants::new();
    for efficiency in catalog.efficiencies() {
        let lender = efficiency.borrowed_from.as_deref().unwrap_or(MOST_MEASURED);
        let lender = catalog.efficiency(lender).filter(|lender| lender.family != efficiency.family);
        for (name, constants) in &efficiency.overheads {
            let lent = lender.and_then(|lender| lender.overheads.get(name));
            if lent != Some(constants) {
                own.insert((efficiency.family.clone(), name.clone()), *constants);
            }
        }
    }
    own
}

/// How far `cases` are with these constants, by name and chip family.
fn print_errors(cases: &[&Case<'_>], constants: &EngineConstants, catalog: &Catalog) {
    let counted: Vec<&Case<'_>> =
        cases.iter().filter(|case| case.measured().headline).copied().collect();
    let found =
        in_parallel(&counted, |case| predict_with(&[*case], constants, catalog, Effort::default()));
    let mut errors: BTreeMap<(String, String, Metric), Vec<f64>> = BTreeMap::new();
    for (name, family, outcome) in found.into_iter().flatten() {
        for figure in &outcome.figures {
            for family in ["", &family] {
                let key = (name.clone(), family.to_owned(), figure.metric);
                errors.entry(key).or_default().push(figure.error().abs());
            }
        }
    }
    for ((name, family, metric), mut errors) in errors {
        let [median, p90] = [0.5, 0.9].map(|q| 100.0 * quantile(&mut errors, q).unwrap_or(0.0));
        let family = if family.is_empty() { "all families" } else { &family };
        let rows = errors.len();
        println!("{name} on {family}, {metric}: {rows} rows, median {median:.1} %, p90 {p90:.1} %");
    }
}

/// How every case answers to the constants of its engine.
fn lessons<'a>(cases: &[&'a Case<'a>], catalog: &Catalog) -> Vec<Lesson<'a>> {
    let found = in_parallel(cases, |case| Lesson::of(case, catalog));
    found.into_iter().flatten().collect()
}

fn constants_toml(all: &EngineConstants) -> String {
    let mut text = WRITTEN.to_owned();
    text += "#\n# Constants of engines by chip family. A name with a campaign behind it is the engine as\n\
             # that campaign ran it.\n";
    for ((family, name), constants) in all {
        let constants: &Overheads = constants;
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[{family}.{name}]\n{}", constants.to_toml());
    }
    text
}

/// Ratios of measured over predicted by metric, family and constants.
type Ratios = BTreeMap<(Metric, String, String), Vec<f64>>;

/// Servers as shipped predicted by constants that saw neither the row's model, nor, the second time,
/// its chip: serving points and throughput tables, which are predicted with the same constants and so
/// fitted together.
fn cross(cases: &[Case<'_>], catalog: &Catalog) -> (Ratios, String) {
    let as_shipped = |name: &str| Overheads::parts_of(name).1.is_none();
    let served: Vec<&Case<'_>> =
        cases.iter().filter(|case| is_quick(case) && as_shipped(&engine_key(case).1)).collect();
    let lessons = lessons(&served, catalog);
    let by = [LeftOut::Model, LeftOut::Chip];
    let folds: Vec<(LeftOut, usize)> =
        by.into_iter().flat_map(|by| (0..FOLDS).map(move |fold| (by, fold))).collect();
    let found = in_parallel(&folds, |(by, fold)| {
        let outcomes = cross_validate(&lessons, *by, *fold, catalog, Effort::default());
        println!("left out a {}, fold {fold}: {} rows", by.name(), outcomes.len());
        outcomes
    });
    let mut unseen = Ratios::new();
    let mut text = WRITTEN.to_owned();
    let mut all: BTreeMap<(LeftOut, String, Metric), Vec<f64>> = BTreeMap::new();
    for ((by, _), outcomes) in folds.iter().zip(found) {
        for (kind, family, outcome) in outcomes {
            for figure in &outcome.figures {
                for kind in ["", &kind] {
                    let key = (*by, kind.to_owned(), figure.metric);
                    all.entry(key).or_default().push(figure.error().abs());
                }
                if *by == LeftOut::Model {
                    let group = (figure.metric, family.clone(), kind.clone());
                    unseen.entry(group).or_default().push(figure.measured / figure.predicted);
                }
            }
        }
    }
    for ((by, kind, metric), mut errors) in all {
        let median = quantile(&mut errors, 0.5).unwrap_or(0.0);
        let p90 = quantile(&mut errors, 0.9).unwrap_or(0.0);
        let _ = write!(
            text,
            "\n[[left_out]]\nby = {:?}\nconstants = {kind:?}\nmetric = {:?}\nrows = {}\n\
             median = {median:.4}\np90 = {p90:.4}\n",
            by.name(),
            metric.name(),
            errors.len(),
        );
    }
    (unseen, text)
}

/// Residuals of everything, by kind of answer, family and constants, with those of unseen models.
fn errors(cases: &[Case<'_>], unseen: &Ratios, catalog: &Catalog) -> String {
    let headline: Vec<Case<'_>> =
        cases.iter().filter(|case| case.measured().headline).cloned().collect();
    let halves: Vec<&[Case<'_>]> = headline.chunks(headline.len().div_ceil(64).max(1)).collect();
    let found = in_parallel(&halves, |cases| evaluate_cases(cases, catalog, Effort::default()));
    let mut seen = Ratios::new();
    let mut models: BTreeMap<(Metric, String, String), BTreeSet<String>> = BTreeMap::new();
    for (kind, family, outcome) in found.into_iter().flatten() {
        for figure in &outcome.figures {
            for (family, kind) in groups(&family, &kind) {
                let key = (figure.metric, family, kind);
                seen.entry(key.clone()).or_default().push(figure.measured / figure.predicted);
                models.entry(key).or_default().insert(outcome.group.model.clone());
            }
        }
    }
    let shipped: BTreeSet<_> = seen.keys().filter(|key| key.1.is_empty()).cloned().collect();
    for (family, engine, outcome) in as_shipped(&headline, catalog) {
        for figure in &outcome.figures {
            // What servers as shipped were measured for themselves says more.
            let whole = (figure.metric, String::new(), engine.clone());
            if shipped.contains(&whole) {
                continue;
            }
            for family in [family.as_str(), ""] {
                let key = (figure.metric, family.to_owned(), engine.clone());
                seen.entry(key.clone()).or_default().push(figure.measured / figure.predicted);
                models.entry(key).or_default().insert(outcome.group.model.clone());
            }
        }
    }
    let mut wide = Ratios::new();
    for ((metric, family, kind), ratios) in unseen {
        for (family, kind) in groups(family, kind) {
            wide.entry((*metric, family, kind)).or_default().extend(ratios);
        }
    }
    // Without a cross-validation, what the last one found.
    let known = |key: &(Metric, String, String)| {
        let mut bars = catalog.error_bars().iter();
        let of = bars.find(|(metric, family, kind, _)| {
            (*metric, *family, *kind) == (key.0.name(), key.1.as_str(), key.2.as_str())
        });
        of.and_then(|(.., residuals)| residuals.unseen)
    };
    let mut bars = ErrorBars::default();
    for (key, mut ratios) in seen {
        let Some(quantiles) = three(&mut ratios) else { continue };
        let residuals = Residuals {
            quantiles,
            unseen: wide.get_mut(&key).and_then(three).or_else(|| known(&key)),
            rows: ratios.len() as u32,
            models: models.remove(&key).unwrap_or_default().into_iter().collect(),
        };
        bars.insert(key.0.name(), &key.1, &key.2, residuals);
    }
    format!("{WRITTEN}{}", bars.to_toml())
}

/// What the constants of engines as shipped make of the rows of who measured energy: chip family,
/// engine and outcome.
fn as_shipped(cases: &[Case<'_>], catalog: &Catalog) -> Vec<(String, String, Outcome)> {
    let engine_of = |name: &str| Overheads::parts_of(name).0.to_owned();
    let mut constants = EngineConstants::new();
    for efficiency in catalog.efficiencies() {
        for name in efficiency.overheads.keys() {
            if let Some(own) = efficiency.overheads.get(&engine_of(name)) {
                constants.insert((efficiency.family.clone(), name.clone()), *own);
            }
        }
    }
    let catalog = catalog.with_overheads(&constants);
    let energy: Vec<Case<'_>> =
        cases.iter().filter(|case| matches!(case, Case::Energy(_))).cloned().collect();
    let found = evaluate_cases(&energy, &catalog, Effort::default());
    found.into_iter().map(|(kind, family, outcome)| (family, engine_of(&kind), outcome)).collect()
}

/// The groups an outcome belongs to: its own, its engine on any family, its family, all.
fn groups(family: &str, kind: &str) -> [(String, String); 4] {
    [(family, kind), ("", kind), (family, ""), ("", "")].map(|(f, k)| (f.to_owned(), k.to_owned()))
}

#[expect(clippy::ptr_arg, reason = "a map's values are vectors")]
fn three(ratios: &mut Vec<f64>) -> Option<[f64; 3]> {
    Some([quantile(ratios, 0.1)?, quantile(ratios, 0.5)?, quantile(ratios, 0.9)?])
}

/// Maps on as many threads as there are, results in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let take = || {
        let mut next = next.lock().unwrap_or_else(|e| e.into_inner());
        let index = *next;
        *next += 1;
        items.get(index).map(|item| (index, item))
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = take() {
                    let result = work(item);
                    done.lock().unwrap_or_else(|e| e.into_inner()).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
