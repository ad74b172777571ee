//! A user's own points: what the constants of the engines they are of would have to be, and whether
//! that helps with points that were not given.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use wattmill_catalog::{Catalog, Efficiency, Overheads};

use super::engines::{EngineKey, engine_key};
use super::overheads::{fit_overheads, misses_of, weighed};
use super::response::Response;
use crate::engine::Effort;
use crate::errors::{Errors, errors_by_metric};
use crate::evaluate::{Case, predict};
use crate::outcome::{Metric, Outcome};

/// Different cases without which constants are not calibrated.
pub const FEWEST_CASES: usize = 4;
/// Cases up to which each is held out alone; of more, every [`FOLDS`]th.
const MOST_ALONE: usize = 6;
const FOLDS: usize = 4;
/// Rows that a fit takes at most, of more every so many.
const MOST_ROWS: usize = 96;
/// How long a fit simulates each row where there are more than [`FEW_ROWS`]; fewer are simulated
/// as long as they are measured.
const EFFORT: Effort = Effort { rounds: 5 };
const FEW_ROWS: usize = 40;
/// Predictions of a row from which its lines in the constants are drawn: one, and one beside it for
/// each constant.
const DRAWING: usize = 1 + Overheads::NAMES.len();
/// Figures of one case that differ by more contradict each other.
const CONTRADICTORY: f64 = 2.0;

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Line in it, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A measured point that resolved.
#[derive(Clone, Debug)]
pub struct Point<'a> {
    /// Where it stands.
    pub place: Place,
    /// What was measured, on what.
    pub case: Case<'a>,
}

/// Two figures of the same case that cannot both be of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    /// What was measured.
    pub metric: Metric,
    /// The lower figure and where it stands.
    pub low: (f64, Place),
    /// The higher one.
    pub high: (f64, Place),
}

/// What came of a calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibrated {
    /// By chip family and engine.
    pub engines: Vec<EngineCalibration>,
    /// Points that say nothing of an engine's constants, and why.
    pub left_out: Vec<(Place, String)>,
    /// Whether it was stopped early: engines that it did not reach are missing or not fitted.
    pub interrupted: bool,
}

/// What the points of one engine on one chip family make of its constants.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineCalibration {
    /// Chip family and name of the constants.
    pub key: EngineKey,
    /// The catalogue's constants, which it starts from.
    pub start: Overheads,
    /// Points that take part, by accelerator. They share their constants: more than one accelerator
    /// is more than one machine.
    pub machines: BTreeMap<String, Vec<Place>>,
    /// Cases that the model can tell apart.
    pub cases: usize,
    /// Points that contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Errors with the catalogue's constants.
    pub before: BTreeMap<Metric, Errors>,
    /// The constants that fit; `None` where there are too few cases, or the run was stopped before
    /// any point was held out.
    pub fitted: Option<Fitted>,
    /// Whether the run was stopped before all points had been held out once.
    pub interrupted: bool,
}

/// Constants that fit, and what they are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The constants.
    pub constants: Overheads,
    /// Errors with them.
    pub after: BTreeMap<Metric, Errors>,
    /// Errors of each point with constants fitted to the others: what to expect of points that were
    /// not given. Empty if there is a single case.
    pub unseen: BTreeMap<Metric, Errors>,
    /// Mean of |ln(predicted/measured)| of what a fit weighs, of the same points with the catalogue's
    /// constants.
    pub miss_before: f64,
    /// The same with constants fitted to the other points.
    pub miss_unseen: f64,
}

impl Fitted {
    /// Whether points that were held out are predicted better than by the catalogue's constants.
    pub fn is_better(&self) -> bool {
        self.miss_unseen < self.miss_before
    }
}

impl EngineCalibration {
    /// Points that take part.
    pub fn rows(&self) -> usize {
        self.machines.values().map(Vec::len).sum()
    }

    /// Constants that moved: name, the catalogue's, the fitted.
    pub fn moved(&self) -> Vec<(&'static str, f64, f64)> {
        let Some(fitted) = &self.fitted else { return Vec::new() };
        let both = self.start.values().into_iter().zip(fitted.constants.values());
        let named = Overheads::NAMES.into_iter().zip(both);
        named.filter(|(_, (a, b))| a != b).map(|(name, (a, b))| (name, a, b)).collect()
    }

    /// As a table of a calibration file, with where it is from; empty without constants.
    pub fn to_toml(&self) -> String {
        let Some(fitted) = &self.fitted else { return String::new() };
        let mut files: Vec<&str> =
            self.machines.values().flatten().map(|place| place.file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        let machines: Vec<&str> = self.machines.keys().map(String::as_str).collect();
        let source = format!("{} of {}", machines.join(", "), files.join(", "));
        let (family, name) = &self.key;
        let mut text = format!("[{family}.{name}]\n{}", fitted.constants.to_toml());
        // Writing to a string cannot fail.
        let _ = write!(text, "source = {}\nrows = {}\n", quoted(&source), self.rows());
        for (metric, before) in &self.before {
            let known = [
                ("before", Some(before)),
                ("after", fitted.after.get(metric)),
                ("unseen", fitted.unseen.get(metric)),
            ];
            let known = known.into_iter().filter_map(|(name, errors)| Some((name, errors?.median)));
            let parts: Vec<String> = known.map(|(name, e)| format!("{name} = {e:.4}")).collect();
            let _ = writeln!(text, "error.{} = {{ {} }}", metric.key(), parts.join(", "));
        }
        text
    }
}

/// As a TOML string.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Constants of the engines that `points` are of. Those of fewer than [`FEWEST_CASES`] cases are
/// fitted only if they are to be `even_few`.
///
/// `progress` is called before each prediction with how many of about how many are done, and may stop
/// the run: engines that are fitted by then are kept, and of the one under way what was held out.
pub fn calibrate(
    points: &[Point<'_>],
    catalog: &Catalog,
    even_few: bool,
    progress: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Calibrated {
    let mut work = Work::of(points, progress);
    let mut left_out = Vec::new();
    let mut groups: BTreeMap<EngineKey, Vec<Answered<'_>>> = BTreeMap::new();
    for point in points {
        if work.step().is_break() {
            return Calibrated { engines: Vec::new(), left_out, interrupted: true };
        }
        let key = engine_key(&point.case);
        match answer(point, &key, catalog) {
            Ok(answered) => groups.entry(key).or_default().push(answered),
            Err(why) => left_out.push((point.place.clone(), why)),
        }
    }
    let mut engines = Vec::new();
    for (key, points) in groups {
        let Some(efficiency) = catalog.efficiency(&key.0) else { continue };
        let group = Group::new(points, efficiency, &key.1);
        let fits = even_few || group.cases >= FEWEST_CASES;
        let fitted = if fits { group.fit(&mut work) } else { None };
        engines.push(group.told(key, fitted, fits && work.is_stopped));
    }
    Calibrated { engines, left_out, interrupted: work.is_stopped }
}

/// How many predictions are made, of about how many.
struct Work<P> {
    done: usize,
    all: usize,
    is_stopped: bool,
    progress: P,
}

impl<P: FnMut(usize, usize) -> ControlFlow<()>> Work<P> {
    fn of(points: &[Point<'_>], progress: P) -> Self {
        let mut rows: BTreeMap<EngineKey, usize> = BTreeMap::new();
        for point in points {
            *rows.entry(engine_key(&point.case)).or_default() += 1;
        }
        // Once before, once held out, once after; drawn twice, and each fit of a fold taken anew.
        let fits = rows.values().map(|n| 3 * n + n.min(&MOST_ROWS) * (2 * DRAWING + FOLDS));
        Self { done: 0, all: fits.sum(), is_stopped: false, progress }
    }

    /// One more.
    fn step(&mut self) -> ControlFlow<()> {
        if !self.is_stopped {
            self.is_stopped = (self.progress)(self.done, self.all.max(self.done + 1)).is_break();
            self.done += 1;
        }
        if self.is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A point and what the catalogue's constants make of it.
struct Answered<'a> {
    point: &'a Point<'a>,
    predicted: Vec<(Metric, f64)>,
}

fn answer<'a>(
    point: &'a Point<'a>,
    key: &EngineKey,
    catalog: &Catalog,
) -> Result<Answered<'a>, String> {
    let case = &point.case;
    let offline = case.measured().group.mode == "offline";
    match case {
        Case::Kernels(_) => return Err("a single operator, which no engine runs".to_owned()),
        Case::Training(_) => return Err("a training step, which no engine serves".to_owned()),
        Case::Power(_) | Case::TrainingPower(_) => {
            return Err("power, which no constant is of".to_owned());
        }
        Case::Mlperf(_) if !offline => {
            return Err("a highest rate inside limits, which says little of a step".to_owned());
        }
        _ => {}
    }
    if !case.measured().headline {
        return Err("its conditions are not fully known".to_owned());
    }
    let unknown = || format!("no efficiency of the chip family `{}`", key.0);
    let efficiency = catalog.efficiency(&key.0).ok_or_else(unknown)?;
    let predicted = predict(case, efficiency, Effort::default()).map_err(|why| why.to_string())?;
    Ok(Answered { point, predicted })
}

/// The points of one engine on one chip family.
struct Group<'a> {
    points: Vec<Answered<'a>>,
    /// Of each point, which case it is: points the model cannot tell apart are of one.
    case_of: Vec<usize>,
    cases: usize,
    efficiency: &'a Efficiency,
    name: String,
    start: Overheads,
}

impl<'a> Group<'a> {
    fn new(points: Vec<Answered<'a>>, efficiency: &'a Efficiency, name: &str) -> Self {
        let mut seen: Vec<(String, Vec<u64>)> = Vec::new();
        let case_of = points
            .iter()
            .map(|answered| {
                let group = &answered.point.case.measured().group;
                let bits = answered.predicted.iter().map(|(_, value)| value.to_bits()).collect();
                let told = [&group.model, &group.accelerator, &group.mode, &group.precision];
                let same = (told.map(String::as_str).join("\n"), bits);
                seen.iter().position(|other| *other == same).unwrap_or_else(|| {
                    seen.push(same);
                    seen.len() - 1
                })
            })
            .collect();
        // A campaign without constants of its own is predicted with its engine's.
        let (engine, _) = Overheads::parts_of(name);
        let own = efficiency.overheads.get(name).copied();
        let start = own.unwrap_or_else(|| efficiency.overheads(engine));
        Self { points, case_of, cases: seen.len(), efficiency, name: name.to_owned(), start }
    }

    fn folds(&self) -> usize {
        match self.cases {
            0 | 1 => 0,
            n if n <= MOST_ALONE => n,
            _ => FOLDS,
        }
    }

    fn with(&self, constants: Overheads) -> Efficiency {
        let mut efficiency = self.efficiency.clone();
        efficiency.overheads.insert(self.name.clone(), constants);
        efficiency
    }

    /// Adds what becomes of the point at each place with `constants` to `done`, until it is stopped.
    fn outcomes<P: FnMut(usize, usize) -> ControlFlow<()>>(
        &self,
        places: impl Iterator<Item = usize>,
        constants: Overheads,
        work: &mut Work<P>,
        done: &mut HeldOut,
    ) {
        let efficiency = self.with(constants);
        for place in places {
            if work.step().is_break() {
                return;
            }
            let Answered { point, predicted: before } = &self.points[place];
            let measured = point.case.measured();
            let predicted = predict(&point.case, &efficiency, Effort::default()).ok();
            let of = |predicted: &[(Metric, f64)]| {
                misses_of(measured, predicted).into_iter().map(f64::abs)
            };
            done.misses.extend(of(predicted.as_deref().unwrap_or_default()));
            done.misses_before.extend(of(before));
            done.outcomes.extend(predicted.map(|predicted| Outcome::of(measured, &predicted)));
        }
    }

    /// Lines of points in the constants, drawn where `constants` lie.
    fn drawn<P: FnMut(usize, usize) -> ControlFlow<()>>(
        &self,
        constants: &Overheads,
        work: &mut Work<P>,
    ) -> Option<Vec<(usize, Response)>> {
        let step = self.points.len().div_ceil(MOST_ROWS).max(1);
        let mut lines = Vec::new();
        for place in (0..self.points.len()).step_by(step) {
            for _ in 0..DRAWING {
                if work.step().is_break() {
                    return None;
                }
            }
            let case = &self.points[place].point.case;
            let line = Response::drawn(case, self.efficiency, constants, self.effort());
            lines.extend(line.map(|line| (place, line)));
        }
        Some(lines)
    }

    fn effort(&self) -> Effort {
        if self.points.len() > FEW_ROWS { EFFORT } else { Effort::default() }
    }

    /// Constants that fit all points, and what they and those of each fold are worth; `None` if it is
    /// stopped before any point is held out.
    fn fit<P: FnMut(usize, usize) -> ControlFlow<()>>(&self, work: &mut Work<P>) -> Option<Fitted> {
        let lines = self.drawn(&self.start, work)?;
        let lines = self.drawn(&fit_overheads(&all(&lines), self.start), work)?;
        let constants = fit_overheads(&all(&lines), self.start);

        let folds = self.folds();
        let mut unseen = HeldOut::default();
        for fold in 0..folds {
            let held = |place: usize| self.case_of[place] % folds == fold;
            // A line serves whatever rows are kept: only its height depends on where it is drawn.
            let mut lines: Vec<(usize, Response)> =
                lines.iter().filter(|(place, _)| !held(*place)).cloned().collect();
            let near = fit_overheads(&all(&lines), self.start);
            for (place, line) in &mut lines {
                if work.step().is_break() {
                    break;
                }
                let case = &self.points[*place].point.case;
                line.retaken(case, self.efficiency, &near, self.effort());
            }
            if work.is_stopped {
                break;
            }
            let constants = fit_overheads(&all(&lines), self.start);
            let places = (0..self.points.len()).filter(|place| held(*place));
            self.outcomes(places, constants, work, &mut unseen);
        }
        if work.is_stopped && unseen.misses.is_empty() {
            return None;
        }
        let mut after = HeldOut::default();
        self.outcomes(0..self.points.len(), constants, work, &mut after);
        let of = if folds == 0 { &after } else { &unseen };
        Some(Fitted {
            constants,
            after: errors_by_metric(&after.outcomes),
            unseen: errors_by_metric(&unseen.outcomes),
            miss_before: mean(&of.misses_before),
            miss_unseen: mean(&unseen.misses),
        })
    }

    fn told(self, key: EngineKey, fitted: Option<Fitted>, interrupted: bool) -> EngineCalibration {
        let mut machines: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for answered in &self.points {
            let chip = answered.point.case.measured().group.accelerator.clone();
            machines.entry(chip).or_default().push(answered.point.place.clone());
        }
        let before: Vec<Outcome> = self
            .points
            .iter()
            .map(|a| Outcome::of(a.point.case.measured(), &a.predicted))
            .collect();
        EngineCalibration {
            key,
            start: self.start,
            machines,
            cases: self.cases,
            contradictions: self.contradictions(),
            before: errors_by_metric(&before),
            fitted,
            interrupted,
        }
    }

    /// The lowest and the highest figure of each metric of each case, where they are far apart.
    fn contradictions(&self) -> Vec<Contradiction> {
        let mut ends: BTreeMap<(usize, Metric), Contradiction> = BTreeMap::new();
        for (case, answered) in self.case_of.iter().zip(&self.points) {
            // What follows from other figures contradicts nothing of its own.
            for (metric, _, value) in weighed(answered.point.case.measured()) {
                let here = (value, answered.point.place.clone());
                let end = ends.entry((*case, metric)).or_insert_with(|| Contradiction {
                    metric,
                    low: here.clone(),
                    high: here.clone(),
                });
                if value < end.low.0 {
                    end.low = here;
                } else if value > end.high.0 {
                    end.high = here;
                }
            }
        }
        let apart = |c: &Contradiction| c.high.0 > CONTRADICTORY * c.low.0;
        ends.into_values().filter(apart).collect()
    }
}

fn all(lines: &[(usize, Response)]) -> Vec<&Response> {
    lines.iter().map(|(_, line)| line).collect()
}

/// What became of points, and by how much they are missed, then and before.
#[derive(Default)]
struct HeldOut {
    outcomes: Vec<Outcome>,
    misses: Vec<f64>,
    misses_before: Vec<f64>,
}

/// Infinite without values: nothing is known.
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::INFINITY;
    }
    values.iter().sum::<f64>() / values.len() as f64
}
