//! What training reaches of a chip's peaks, by chip family and software stack.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use toml::{Table, Value};

use crate::error_bars::Interval;
use crate::row::RowError;

/// Rows from which deciles of residuals are taken at their word.
const ENOUGH: u32 = 10;
/// Number of [`TrainingConstant`]s.
const CONSTANTS: usize = TrainingConstant::ALL.len();

/// One fitted constant of the training model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrainingConstant {
    /// BF16 matrix multiplications against the family's `gemm_bf16`.
    GemmBf16,
    /// FP8 with one scale per tensor against the family's `gemm_fp8`.
    GemmFp8,
    /// FP8 with block scales (MXFP8) against the family's `gemm_fp8`.
    GemmMxfp8,
    /// FP4 with block scales (NVFP4) against the family's `gemm_fp4`.
    GemmFp4,
    /// How much of the time to move operands adds to the time of arithmetic.
    GemmEdge,
    /// Fused attention: share of the dense BF16 peak, causal half counted once.
    Attention,
    /// Sequence length, tokens, at which attention reaches half of its share.
    AttentionShort,
    /// Memory passes of norms, activations, residuals and position against the least possible.
    Elementwise,
    /// Matrix multiplications of experts against plain ones of the same precision.
    Grouped,
    /// Host time to launch one dense layer, forward and backward, s.
    Launch,
    /// Host time to launch one layer of experts, forward and backward, s.
    LaunchMoe,
    /// Share of tensor parallel messages that nothing hides.
    TensorExposed,
    /// Share of context parallel messages that nothing hides.
    ContextExposed,
    /// Share of expert all-to-alls that nothing hides.
    ExpertExposed,
    /// Share of sends between pipeline stages that nothing hides.
    PipelineExposed,
    /// Share of gathers and reductions over data parallel ranks that nothing hides.
    DataExposed,
    /// Scale-out bandwidth reached in training against the family's `scaleout`.
    Scaleout,
    /// Fixed time of a step: clipping, scaling, logging, data, s.
    Step,
    /// Longer by this share with every doubling of the scale-up domains.
    Straggler,
    /// Share of a layer's forward pass that selective recomputation repeats.
    Selective,
    /// A step of LoRA against one of the same multiplications without adapters.
    Lora,
    /// Yearly fall of step time with newer software, as a share.
    Drift,
}

impl TrainingConstant {
    /// Every one of them.
    pub const ALL: [Self; 22] = [
        Self::GemmBf16,
        Self::GemmFp8,
        Self::GemmMxfp8,
        Self::GemmFp4,
        Self::GemmEdge,
        Self::Attention,
        Self::AttentionShort,
        Self::Elementwise,
        Self::Grouped,
        Self::Launch,
        Self::LaunchMoe,
        Self::TensorExposed,
        Self::ContextExposed,
        Self::ExpertExposed,
        Self::PipelineExposed,
        Self::DataExposed,
        Self::Scaleout,
        Self::Step,
        Self::Straggler,
        Self::Selective,
        Self::Lora,
        Self::Drift,
    ];

    /// As written in `training.toml`.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Where a fit starts, and what holds where nothing was measured.
    pub const fn start(self) -> f64 {
        self.row().1
    }

    /// What it may be, lowest and highest.
    pub const fn range(self) -> (f64, f64) {
        (self.row().2, self.row().3)
    }

    /// How far, as a factor, a fit may leave its start before that counts like an error of one
    /// standard residual. Narrow for what operator measurements already say.
    pub const fn spread(self) -> f64 {
        self.row().4
    }

    /// Name, start, lowest, highest, spread.
    const fn row(self) -> (&'static str, f64, f64, f64, f64) {
        match self {
            Self::GemmBf16 => ("gemm_bf16", 0.95, 0.4, 1.25, 1.2),
            Self::GemmFp8 => ("gemm_fp8", 0.95, 0.4, 2.0, 1.2),
            Self::GemmMxfp8 => ("gemm_mxfp8", 0.95, 0.4, 1.6, 1.2),
            Self::GemmFp4 => ("gemm_fp4", 0.8, 0.3, 1.8, 1.3),
            Self::GemmEdge => ("gemm_edge", 0.5, 0.05, 2.0, 2.0),
            Self::Attention => ("attention", 0.45, 0.08, 0.85, 1.3),
            Self::AttentionShort => ("attention_short", 256.0, 16.0, 4096.0, 2.0),
            Self::Elementwise => ("elementwise", 1.2, 0.4, 5.0, 1.5),
            Self::Grouped => ("grouped", 0.7, 0.2, 1.1, 1.4),
            Self::Launch => ("launch_s", 4e-4, 2e-5, 5e-3, 2.0),
            Self::LaunchMoe => ("launch_moe_s", 3e-3, 1e-4, 2e-2, 2.0),
            Self::TensorExposed => ("tensor_exposed", 0.4, 0.02, 1.5, 1.6),
            Self::ContextExposed => ("context_exposed", 0.2, 0.02, 1.0, 1.6),
            Self::ExpertExposed => ("expert_exposed", 0.6, 0.05, 2.0, 1.6),
            Self::PipelineExposed => ("pipeline_exposed", 0.3, 0.02, 2.0, 1.6),
            Self::DataExposed => ("data_exposed", 0.15, 0.01, 1.0, 1.6),
            Self::Scaleout => ("scaleout", 0.8, 0.2, 1.1, 1.3),
            Self::Step => ("step_s", 0.02, 0.001, 0.5, 2.0),
            Self::Straggler => ("straggler", 0.006, 0.0005, 0.05, 1.8),
            Self::Selective => ("selective", 0.1, 0.01, 0.8, 2.0),
            Self::Lora => ("lora", 1.05, 0.9, 1.5, 1.1),
            Self::Drift => ("drift", 0.03, 0.001, 0.3, 2.0),
        }
    }
}

/// The largest of what a fit's rows had. Beyond it an answer is an extrapolation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainingReach {
    /// Tensor parallel degree.
    pub tensor: u32,
    /// Pipeline stages.
    pub pipeline: u32,
    /// Context parallel degree.
    pub context: u32,
    /// Expert parallel degree.
    pub expert: u32,
    /// Accelerators of a job.
    pub accelerators: u32,
}

impl TrainingReach {
    const NAMES: [&'static str; 5] =
        ["most_tensor", "most_pipeline", "most_context", "most_expert", "most_accelerators"];

    const fn values(self) -> [u32; 5] {
        [self.tensor, self.pipeline, self.context, self.expert, self.accelerators]
    }

    const fn from_values([tensor, pipeline, context, expert, accelerators]: [u32; 5]) -> Self {
        Self { tensor, pipeline, context, expert, accelerators }
    }

    /// The larger of both in everything.
    pub fn max(self, other: Self) -> Self {
        let (ours, theirs) = (self.values(), other.values());
        Self::from_values(std::array::from_fn(|i| ours[i].max(theirs[i])))
    }

    /// Whether it reaches as far as `job` in everything.
    pub fn covers(self, job: Self) -> bool {
        self.max(job) == self
    }
}

/// Measured step time over the model's, over the rows a fit used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingResiduals {
    /// Rows that decided.
    pub rows: u32,
    /// Median of |model / measured − 1|.
    pub median_error: f64,
    /// Ninth decile of the same.
    pub p90_error: f64,
    /// First decile of measured / model.
    pub low: f64,
    /// Median of measured / model.
    pub middle: f64,
    /// Ninth decile of measured / model.
    pub high: f64,
    /// First and ninth decile of measured / model for models that a fit was made without.
    pub unseen: [f64; 2],
}

impl TrainingResiduals {
    /// For what was never measured: the error of held-out chips, which is wide.
    pub const UNMEASURED: Self = Self {
        rows: 0,
        median_error: 0.2,
        p90_error: 0.45,
        low: 0.7,
        middle: 1.0,
        high: 1.5,
        unseen: [0.65, 1.6],
    };
}

/// Fitted constants of training on one chip family with one software stack.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingEfficiency {
    /// Chip family, such as `hopper`.
    pub family: String,
    /// Software stack, such as `megatron`.
    pub stack: String,
    /// `family.stack` of the row these figures were taken from, where this pair was never measured.
    pub borrowed_from: Option<String>,
    /// The constants, indexed by `TrainingConstant as usize`.
    pub constants: [f64; CONSTANTS],
    /// Year the constants hold for; [`TrainingConstant::Drift`] counts from it.
    pub year: f64,
    /// How far measurements lie from the model.
    pub residuals: TrainingResiduals,
    /// Catalogue ids of the models among the rows, sorted.
    pub models: Vec<String>,
    /// The largest degrees and jobs among the rows.
    pub reach: TrainingReach,
    /// What the constants were fitted to.
    pub source: String,
}

impl TrainingEfficiency {
    /// Where a fit of `stack` on `family` starts.
    pub fn start(family: &str, stack: &str) -> Self {
        Self {
            family: family.to_owned(),
            stack: stack.to_owned(),
            borrowed_from: None,
            constants: TrainingConstant::ALL.map(TrainingConstant::start),
            year: 2025.0,
            residuals: TrainingResiduals::UNMEASURED,
            models: Vec::new(),
            reach: TrainingReach::default(),
            source: "where every fit starts; nothing measured".to_owned(),
        }
    }

    /// One constant.
    pub const fn get(&self, constant: TrainingConstant) -> f64 {
        self.constants[constant as usize]
    }

    /// Whether it was fitted to this very pair of chip family and stack.
    pub const fn is_measured(&self) -> bool {
        self.borrowed_from.is_none() && self.residuals.rows > 0
    }

    /// Factors on a step time of `model`, a catalogue id, between which eight in ten measurements
    /// lie: wider for a model that is not among the rows and for a job larger than they are.
    pub fn interval(&self, model: &str, job: TrainingReach) -> Interval {
        let TrainingResiduals { low, middle: median, high, rows, unseen, .. } = self.residuals;
        let seen = self.models.iter().any(|known| known == model);
        let inside = self.is_measured() && seen && self.reach.covers(job) && rows >= ENOUGH;
        // Deciles of a handful of rows say nothing.
        let wide = if rows < ENOUGH { TrainingResiduals::UNMEASURED.unseen } else { unseen };
        let [low, high] = if inside { [low, high] } else { [low.min(wide[0]), high.max(wide[1])] };
        Interval { low, median, high, rows, inside }
    }

    /// As a table of `training.toml`.
    pub fn to_toml(&self) -> String {
        let mut text = format!("[{}.{}]\n", self.family, self.stack);
        for constant in TrainingConstant::ALL {
            let value = significant(self.get(constant));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} = {value}", constant.name());
        }
        let r = self.residuals;
        let _ = writeln!(text, "year = {:?}", self.year);
        let _ = writeln!(text, "rows = {}", r.rows);
        let figures = [
            ("median_error", r.median_error),
            ("p90_error", r.p90_error),
            ("residual_low", r.low),
            ("residual_middle", r.middle),
            ("residual_high", r.high),
            ("unseen_low", r.unseen[0]),
            ("unseen_high", r.unseen[1]),
        ];
        for (name, value) in figures {
            let _ = writeln!(text, "{name} = {}", significant(value));
        }
        for (name, most) in TrainingReach::NAMES.into_iter().zip(self.reach.values()) {
            let _ = writeln!(text, "{name} = {most}");
        }
        let _ = writeln!(text, "models = {:?}", self.models);
        let _ = writeln!(text, "source = {}", Value::String(self.source.clone()));
        text
    }
}

/// Four significant digits: more would only pretend.
fn significant(x: f64) -> String {
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    format!("{rounded:?}")
}

/// Every [`TrainingEfficiency`], by chip family and stack.
///
/// ```
/// use wattmill_catalog::{TrainingConstant, TrainingTable};
///
/// let table = TrainingTable::builtin();
/// let fitted = table.get("hopper", "megatron");
/// assert!(fitted.is_measured() && fitted.get(TrainingConstant::Attention) < 1.0);
/// // Nobody published training on this chip: figures of another, with a wider error.
/// let borrowed = table.get("rubin", "megatron");
/// assert!(!borrowed.is_measured());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingTable {
    rows: BTreeMap<(String, String), TrainingEfficiency>,
}

impl TrainingTable {
    /// What is compiled in, parsed once.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<TrainingTable> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            Self::from_text(include_str!("../data/training.toml"))
                .expect("a test proves that the built-in rows parse")
        })
    }

    /// Rows from their text: a table of stacks for each chip family.
    ///
    /// # Errors
    ///
    /// Text that is no TOML, keys that are not known, and constants that are missing or outside of
    /// [`TrainingConstant::range`].
    pub fn from_text(text: &str) -> Result<Self, Vec<RowError>> {
        let refuse = |field: &str, message: String| RowError { field: field.to_owned(), message };
        let table: Table =
            text.parse().map_err(|e: toml::de::Error| vec![refuse("training", e.to_string())])?;
        let (mut rows, mut errors) = (BTreeMap::new(), Vec::new());
        for (family, stacks) in &table {
            let Value::Table(stacks) = stacks else {
                errors.push(refuse(family, "is not a table of stacks".to_owned()));
                continue;
            };
            for (stack, row) in stacks {
                let id = format!("{family}.{stack}");
                let Value::Table(row) = row else {
                    errors.push(refuse(&id, "is not a table of constants".to_owned()));
                    continue;
                };
                match parse_row(family, stack, row) {
                    Ok(row) => {
                        rows.insert((family.clone(), stack.clone()), row);
                    }
                    Err(wrong) => errors.extend(
                        wrong.into_iter().map(|(key, m)| refuse(&format!("{id}.{key}"), m)),
                    ),
                }
            }
        }
        if errors.is_empty() { Ok(Self { rows }) } else { Err(errors) }
    }

    /// From rows, such as a fit's.
    pub fn from_rows(rows: impl IntoIterator<Item = TrainingEfficiency>) -> Self {
        let key = |row: &TrainingEfficiency| (row.family.clone(), row.stack.clone());
        Self { rows: rows.into_iter().map(|row| (key(&row), row)).collect() }
    }

    /// Rows in the order of family and stack.
    pub fn rows(&self) -> impl Iterator<Item = &TrainingEfficiency> {
        self.rows.values()
    }

    /// Stacks that were measured on some family, sorted.
    pub fn stacks(&self) -> Vec<&str> {
        let mut stacks: Vec<&str> = self.rows.keys().map(|(_, stack)| stack.as_str()).collect();
        stacks.sort_unstable();
        stacks.dedup();
        stacks
    }

    /// The stack a family is best known with: the one with most rows, `megatron` where none is.
    pub fn usual_stack(&self, family: &str) -> &str {
        let of_family = self.rows().filter(|row| row.family == family);
        // The first of equals, so that the answer does not hang on the order of rows.
        of_family
            .fold(None, |best: Option<&TrainingEfficiency>, row| match best {
                Some(best) if best.residuals.rows >= row.residuals.rows => Some(best),
                _ => Some(row),
            })
            .map_or("megatron", |row| row.stack.as_str())
    }

    /// What is measured of this pair, otherwise the closest that is: another stack on the same
    /// family, then the same stack on the family with most rows, then the row with most rows.
    pub fn get(&self, family: &str, stack: &str) -> TrainingEfficiency {
        if let Some(row) = self.rows.get(&(family.to_owned(), stack.to_owned())) {
            return row.clone();
        }
        let most = |candidates: &mut dyn Iterator<Item = &TrainingEfficiency>| {
            candidates
                .fold(None, |best: Option<&TrainingEfficiency>, row| match best {
                    Some(best) if best.residuals.rows >= row.residuals.rows => Some(best),
                    _ => Some(row),
                })
                .cloned()
        };
        let lender = most(&mut self.rows().filter(|row| row.family == family))
            .or_else(|| most(&mut self.rows().filter(|row| row.stack == stack)))
            .or_else(|| most(&mut self.rows()))
            .unwrap_or_else(|| TrainingEfficiency::start(family, stack));
        let wide = TrainingResiduals::UNMEASURED;
        let r = lender.residuals;
        TrainingEfficiency {
            family: family.to_owned(),
            stack: stack.to_owned(),
            borrowed_from: Some(format!("{}.{}", lender.family, lender.stack)),
            residuals: TrainingResiduals {
                rows: 0,
                median_error: r.median_error.max(wide.median_error),
                p90_error: r.p90_error.max(wide.p90_error),
                low: r.low.min(wide.low),
                middle: r.middle,
                high: r.high.max(wide.high),
                unseen: [r.unseen[0].min(wide.unseen[0]), r.unseen[1].max(wide.unseen[1])],
            },
            models: Vec::new(),
            reach: TrainingReach::default(),
            ..lender
        }
    }
}

/// Wrong keys with what is wrong with them.
type Wrong = Vec<(String, String)>;

fn parse_row(family: &str, stack: &str, row: &Table) -> Result<TrainingEfficiency, Wrong> {
    const OTHERS: [&str; 11] = [
        "year",
        "rows",
        "median_error",
        "p90_error",
        "residual_low",
        "residual_middle",
        "residual_high",
        "unseen_low",
        "unseen_high",
        "models",
        "source",
    ];
    let mut wrong: Wrong = Vec::new();
    let mut number = |name: &str, (low, high): (f64, f64)| {
        let value = row.get(name);
        let read = value.and_then(|v| v.as_float().or(v.as_integer().map(|n| n as f64)));
        match read {
            Some(x) if x >= low && x <= high => x,
            _ => {
                let found = value.map_or("missing".to_owned(), |v| format!("{v} cannot be"));
                wrong.push((name.to_owned(), format!("{found}; a number from {low} to {high}")));
                low
            }
        }
    };
    let constants = TrainingConstant::ALL.map(|c| number(c.name(), c.range()));
    let year = number("year", (2015.0, 2100.0));
    let residuals = TrainingResiduals {
        rows: number("rows", (0.0, 1e6)) as u32,
        median_error: number("median_error", (0.0, 10.0)),
        p90_error: number("p90_error", (0.0, 10.0)),
        low: number("residual_low", (0.01, 100.0)),
        middle: number("residual_middle", (0.01, 100.0)),
        high: number("residual_high", (0.01, 100.0)),
        unseen: [number("unseen_low", (0.01, 100.0)), number("unseen_high", (0.01, 100.0))],
    };
    let most = TrainingReach::NAMES.map(|name| number(name, (0.0, 1e9)) as u32);
    let reach = TrainingReach::from_values(most);
    let list = row.get("models").and_then(Value::as_array);
    let models = list.map_or_else(Vec::new, |list| {
        list.iter().filter_map(|m| Some(m.as_str()?.to_owned())).collect()
    });
    let source = row.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
    if source.is_empty() {
        wrong.push(("source".to_owned(), "missing; say what it was fitted to".to_owned()));
    }
    let known = |key: &str| {
        OTHERS.contains(&key)
            || TrainingReach::NAMES.contains(&key)
            || TrainingConstant::ALL.iter().any(|c| c.name() == key)
    };
    for key in row.keys().filter(|key| !known(key)) {
        wrong.push((key.clone(), "is not known here".to_owned()));
    }
    if wrong.is_empty() {
        Ok(TrainingEfficiency {
            family: family.to_owned(),
            stack: stack.to_owned(),
            borrowed_from: None,
            constants,
            year,
            residuals,
            models,
            reach,
            source,
        })
    } else {
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rows_read_and_write_the_same() {
        let table = TrainingTable::builtin();
        let text: String = table.rows().map(|row| row.to_toml() + "\n").collect();
        assert_eq!(&TrainingTable::from_text(&text).unwrap(), table);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_named() {
        let mut text = TrainingEfficiency::start("hopper", "megatron").to_toml();
        text = text.replace("attention = 0.45", "attention = 4.5").replace("drift = ", "drfit = ");
        let errors = TrainingTable::from_text(&text).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        let expected = ["hopper.megatron.attention", "hopper.megatron.drift"];
        assert_eq!(&fields[..2], expected);
        assert_eq!(fields[2], "hopper.megatron.drfit");
    }

    #[test]
    fn what_was_never_measured_is_borrowed_with_a_wider_error() {
        let mut row = TrainingEfficiency::start("hopper", "megatron");
        row.residuals = TrainingResiduals { rows: 20, low: 0.9, high: 1.1, ..row.residuals };
        let table = TrainingTable::from_rows([row]);
        let borrowed = table.get("rubin", "megatron");
        assert_eq!(borrowed.borrowed_from.as_deref(), Some("hopper.megatron"));
        assert!(borrowed.residuals.low < 0.9 && borrowed.residuals.high > 1.1);
        // A model that was among the rows is answered with a narrower interval.
        let mut known = table.get("hopper", "megatron");
        known.models = vec!["mine".to_owned()];
        let job = TrainingReach { tensor: 8, ..TrainingReach::default() };
        known.reach = job;
        let (seen, new) = (known.interval("mine", job), known.interval("yours", job));
        assert!(seen.inside && !new.inside && new.low < seen.low && new.high > seen.high);
        // So is a job of degrees that were.
        let larger = TrainingReach { tensor: 16, ..job };
        assert_eq!(known.interval("mine", larger), new);
        known.residuals.rows = 2;
        assert_eq!(known.interval("mine", job), Interval { rows: 2, ..new });
        assert!(!borrowed.is_measured() && table.get("hopper", "megatron").is_measured());
    }
}
