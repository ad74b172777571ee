//! `wattmill sweep`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;
use wattmill::catalog::Catalog;
use wattmill::config::{Chosen, Files, Over, Varied, parse_factory_with, with_values};
use wattmill::plan::{Figure, FigureUnit, swept};
use wattmill::report::{
    SweepColumn, SweepReport, SweepRow, SweepTable, SweepTableError, SweptKind, sweep_document,
    sweep_text,
};
use wattmill::units::AnswerHash;
use wattmill::{Design, Sweep, SweepPoint};

use super::cores;
use super::factory::{Loaded, load};
use crate::args::{self, SweepDesign};
use crate::exit::{Failure, Outcome};
use crate::files::{self, Whole};
use crate::interrupt::Interrupt;
use crate::invalid::Invalid;
use crate::known::Known;

/// Points between two writings of the table: what is lost at most when the machine goes down.
const KEPT_EVERY: usize = 512;
/// Most points of a sweep.
const MOST_POINTS: f64 = 10_000_000.0;

pub(crate) fn run(args: &args::Sweep) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let loaded = load(Some(&args.factory), catalog)?;
    let text = &loaded.named.text;
    let seed = args.seed.unwrap_or(loaded.factory.seed);
    let varied = varied(args, &loaded, catalog)?;
    let sweep = Sweep::new(text, files_of(&loaded, &varied), catalog, varied, seed);
    let (design, word) = match args.design {
        SweepDesign::Grid => (Design::Grid, "grid"),
        SweepDesign::Random => (Design::Random, "random"),
        SweepDesign::Lhs => (Design::Lhs, "lhs"),
    };
    if design == Design::Grid && sweep.grid_size(args.points) > MOST_POINTS {
        let many = sweep.grid_size(args.points);
        return Err(Failure::Usage(format!(
            "a grid of {many:.1e} points; take fewer `--points` of each range, or `--design lhs`"
        )));
    }
    let points = sweep.points(design, args.points);
    let figures = known_figures(&sweep, &points)?;
    let mut table = opened(&args.out, &sweep, &figures)?;
    let mut done: BTreeMap<String, usize> =
        table.rows.iter().enumerate().map(|(at, row)| (row.point.clone(), at)).collect();
    let mut missing: Vec<&SweepPoint> = Vec::new();
    for point in &points {
        let twice = missing.last().is_some_and(|last| last.hash == point.hash);
        if !done.contains_key(&name(point)) && !twice {
            missing.push(point);
        }
    }
    let interrupt = Interrupt::install();
    let mut computed = 0;
    while computed < missing.len() && interrupt.flow() == ControlFlow::Continue(()) {
        let part = &missing[computed..missing.len().min(computed + KEPT_EVERY)];
        let range = computed as u64..(computed + part.len()) as u64;
        let rows = cores::each(
            "sweeping",
            range,
            missing.len() as u64,
            || interrupt.flow(),
            |at| row(&sweep, missing[at as usize], &figures),
        )?;
        for (_, row) in rows {
            if done.insert(row.point.clone(), table.rows.len()).is_none() {
                table.rows.push(row);
            }
            computed += 1;
        }
        keep(&args.out, &table)?;
    }
    if missing.is_empty() {
        keep(&args.out, &table)?;
    }
    let report = report(
        &sweep,
        (&loaded.factory.name, word),
        &points,
        (&table, &done),
        computed,
        &figures,
        &args.out,
    );
    if args.json {
        files::print(&sweep_document(&report, &loaded.warnings, known.calibration()))?;
    } else {
        files::print(&known.told(&sweep_text(&report)))?;
    }
    if report.is_partial() { Err(Failure::Interrupted) } else { Ok(()) }
}

/// What the flags vary.
fn varied(args: &args::Sweep, of: &Loaded, catalog: &Catalog) -> Result<Vec<Varied>, Failure> {
    let text = &of.named.text;
    let spans = parse_factory_with(text, catalog, &of.files).spans;
    let (mut all, mut problems): (Vec<Varied>, Vec<(String, Option<String>)>) = Default::default();
    for asked in &args.vary {
        match Varied::read(asked, text, &spans) {
            Ok(varied) if all.iter().any(|other| other.overlaps(&varied)) => {
                let problem = format!("--vary `{}` is varied twice", varied.path);
                problems.push((problem, Some("name each value once".to_owned())));
            }
            Ok(varied) => all.push(varied),
            Err(error) => problems.push((format!("--vary: {error}"), None)),
        }
    }
    if problems.is_empty() {
        Ok(all)
    } else {
        Err(Invalid::plain("command line", &problems).into())
    }
}

/// Every file that the factory file names at any of its values: a list may name other ones.
fn files_of(of: &Loaded, varied: &[Varied]) -> Files {
    let mut files = of.files.clone();
    for one in varied {
        let many = one.listed().unwrap_or(0);
        for place in 0..many {
            let chosen = one.at((place as f64 + 0.5) / many as f64);
            let text = with_values(&of.named.text, std::slice::from_ref(one), &[chosen]);
            files::beside(&of.named, Files::named_in(&text), &mut files);
        }
    }
    files
}

/// Figures that the points have: those of the first that is sound.
fn known_figures(sweep: &Sweep<'_>, points: &[SweepPoint]) -> Result<Vec<Figure>, Failure> {
    let mut first = None;
    for point in points {
        match sweep.figures(point) {
            Ok(figures) => return Ok(figures.into_iter().map(|(figure, _)| figure).collect()),
            Err(why) => first = first.or(Some(why)),
        }
    }
    let why = first.unwrap_or_else(|| "there is no point".to_owned());
    let problem = format!("no point of the sweep is a sound factory: {why}");
    let help = Some("vary over values that the file may have".to_owned());
    Err(Invalid::plain("command line", &[(problem, help)]).into())
}

fn name(point: &SweepPoint) -> String {
    format!("{:016x}", point.hash)
}

/// The table of the file, or a new one.
fn opened(path: &Path, sweep: &Sweep<'_>, figures: &[Figure]) -> Result<SweepTable, Failure> {
    let value = |varied: &Varied| match &varied.over {
        Over::Numbers { unit, .. } | Over::Values { unit, .. } => {
            SweepColumn::new(&varied.path, unit, SweptKind::Number)
        }
        Over::Days { .. } | Over::Dates(_) => {
            SweepColumn::new(&varied.path, "date", SweptKind::Day)
        }
        Over::List(_) => SweepColumn::new(&varied.path, "", SweptKind::Text),
    };
    let figure = |figure: &Figure| {
        let kind = if figure.unit == FigureUnit::Day { SweptKind::Day } else { SweptKind::Number };
        SweepColumn::new(&figure.name.to_string(), figure.unit.suffix(), kind)
    };
    let columns: Vec<SweepColumn> =
        sweep.varied().iter().map(value).chain(figures.iter().map(figure)).collect();
    let new =
        SweepTable { sweep: format!("{:016x}", sweep.base_hash()), columns, rows: Vec::new() };
    if !path.exists() {
        return Ok(new);
    }
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {name}"))?;
    let table = SweepTable::read(bytes)
        .map_err(|error: SweepTableError| anyhow::anyhow!("failed to continue {name}: {error}"))?;
    if table.sweep != new.sweep || table.columns != new.columns {
        let problem =
            "holds a sweep of another factory, of other paths or of another version".to_owned();
        let help = Some("write to another file with `--out`, or take this one away".to_owned());
        return Err(Invalid::plain(&name.to_string(), &[(problem, help)]).into());
    }
    Ok(table)
}

fn row(sweep: &Sweep<'_>, point: &SweepPoint, figures: &[Figure]) -> SweepRow {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for (varied, chosen) in sweep.varied().iter().zip(&point.chosen) {
        let Chosen { words, number, .. } = chosen;
        let is_text = matches!(varied.over, Over::List(_));
        numbers.push(if is_text { f64::NAN } else { *number });
        texts.push(if is_text { words.clone() } else { String::new() });
    }
    texts.resize(numbers.len() + figures.len(), String::new());
    let (there, problem) = match sweep.figures(point) {
        Ok(there) => (there, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    // As the table keeps it: what is no number, such as a rate of return that there is not, is nothing.
    let of = |figure: &Figure| {
        let found = there.iter().find(|(f, _)| f.name == figure.name);
        found.map(|(_, value)| *value).filter(|value| value.is_finite()).unwrap_or(f64::NAN)
    };
    numbers.extend(figures.iter().map(of));
    SweepRow { point: name(point), problem, numbers, texts }
}

fn keep(path: &Path, table: &SweepTable) -> Result<(), Failure> {
    let written = || format!("failed to write {}", path.display());
    let file = table.write(Whole::create(path)?).with_context(written)?;
    file.finish()
}

/// What the points of the design say, as far as they are in the table.
fn report<'a>(
    sweep: &'a Sweep<'_>,
    (factory, design): (&'a str, &'a str),
    points: &[SweepPoint],
    (table, done): (&'a SweepTable, &BTreeMap<String, usize>),
    computed: usize,
    known: &[Figure],
    out: &Path,
) -> SweepReport<'a> {
    let there: Vec<(&SweepPoint, &SweepRow)> = points
        .iter()
        .filter_map(|point| Some((point, &table.rows[*done.get(&name(point))?])))
        .collect();
    let sound: Vec<&(&SweepPoint, &SweepRow)> =
        there.iter().filter(|(_, row)| row.problem.is_none()).collect();
    let inputs = sweep.varied().len();
    let values: Vec<Vec<f64>> = (0..inputs)
        .map(|input| sound.iter().map(|(point, _)| point.chosen[input].number).collect())
        .collect();
    let figures: Vec<Vec<f64>> =
        sound.iter().map(|(_, row)| row.numbers[inputs..].to_vec()).collect();
    let mut hash = AnswerHash::new();
    for (point, row) in &there {
        hash.add(point.hash);
        row.numbers[inputs..].iter().for_each(|value| hash.add_f64(*value));
    }
    SweepReport {
        factory,
        design,
        seed: sweep.seed(),
        paths: sweep.varied().iter().map(|varied| varied.path.as_str()).collect(),
        points: points.len(),
        computed,
        known: there.len() - computed.min(there.len()),
        refused: there.len() - sound.len(),
        first_refusal: there.iter().find_map(|(_, row)| row.problem.as_deref()),
        values: sound
            .iter()
            .map(|(point, _)| point.chosen.iter().map(|c| c.words.clone()).collect())
            .collect(),
        figures: swept(known, &values, &figures),
        table: out.display().to_string(),
        answer_hash: hash.finish(),
    }
}
