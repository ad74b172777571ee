//! Step times a user measured, in place of the performance model.

use serde_json::{Map, Value};
use thiserror::Error;
use wattmill_units::{Seconds, Ticks};

use crate::fixed::Slope;
use crate::step::{DecodeRun, Prefill, StepCost, StepModel, StepShape};

/// Chunk length at which prefill attention reaches half of its rate.
const HALF_RATE_TOKENS: u64 = 100;
/// Contexts are priced rounded up to a multiple of this.
const CONTEXT_GRAIN: u64 = 64;
/// Longest step a table may state. Far beyond use, but bounds what one small file can allocate.
const MOST_TOKENS: u64 = 1 << 20;

const LINEAR: &str = "linear_ops_ms_by_tokens_rounded_up_to_8";
const SAVE: &str = "attn_kv_cache_save_ms_by_exact_tokens";
const UNIT: &str = "ms per layer";
/// Keys that may be there and say nothing about the price.
const REMARKS: [&str; 6] = ["model", "device", "tp", "rf_spot_values", "source", "note"];

/// A step-time table with closed-form attention: `linear` by tokens, `kv save` by tokens, decode and
/// prefill attention from three hardware constants.
///
/// One step of `layers` layers takes, in milliseconds,
///
/// ```text
/// layers * (linear[tokens rounded up to 8] + save[tokens] + dec + pre)
/// dec = floor + b * kv * hidden / memory * 1e3                       0 if b = 0; × batching if b > 1
/// pre = floor + 4 * c * (kv + c/2) * hidden / (flops * c/(c+100)) * 1e3
///                                                   0 without chunks; × batching if more than one
/// ```
///
/// with `tokens` = decodes + prefill tokens, `b` decodes whose mean context, truncated and then
/// rounded up to 64, is `kv`; and for the prefill `c` = round(√Σ chunk²) and `kv` = Σ contexts, each
/// rounded up to 64. Entries between two stated token counts are interpolated; beyond the last they
/// grow in proportion to the tokens. An empty step costs nothing.
///
/// The JSON object has `layers`, `unit` (`"ms per layer"`), the two tables
/// `linear_ops_ms_by_tokens_rounded_up_to_8` and `attn_kv_cache_save_ms_by_exact_tokens` (objects from
/// a token count to milliseconds), and may override `hidden` (4096), `memory_bytes_per_s` (1.59e12),
/// `attention_flops_per_s` (200e12), `attention_floor_ms` (0.010) and `batching_overhead` (1.1).
///
/// A table knows nothing of watts: its steps cost no dynamic energy.
///
/// ```
/// use wattmill_perf::{StepModel, StepShape, StepTable};
/// let table = StepTable::from_json(r#"{
///     "layers": 32, "unit": "ms per layer",
///     "linear_ops_ms_by_tokens_rounded_up_to_8": {"8": 0.3, "16": 0.32},
///     "attn_kv_cache_save_ms_by_exact_tokens": {"1": 0.02}
/// }"#)?;
/// let shape = StepShape { decodes: 1, decode_context: 1000, ..StepShape::default() };
/// let ms = table.step(&shape).time.as_seconds().as_ms();
/// assert!((ms - 32.0 * (0.3 + 0.02 + 0.010 + 1024.0 * 4096.0 / 1.59e9)).abs() < 1e-9);
/// # Ok::<(), wattmill_perf::StepTableError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepTable {
    /// Ticks of the linear operators and the cache write, by tokens; 0 at no tokens.
    base: Box<[u64]>,
    /// Ticks a token beyond the end of `base`.
    beyond: Slope,
    /// One decode, several.
    decode: [Attention; 2],
    /// One chunk, several.
    prefill: [Attention; 2],
}

/// Attention of one phase: `floor + slope · work`, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Attention {
    floor: u64,
    slope: Slope,
}

/// Why a step-time table cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepTableError {
    /// The text is not JSON.
    #[error("not JSON: {what} at line {line}, column {column}")]
    Syntax {
        /// What the parser found.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The JSON is not a step-time table; every problem found.
    #[error("{}", listed(.0))]
    Keys(Vec<StepTableProblem>),
}

/// One key of a step-time table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{key}` {wrong}; allowed: {allowed}")]
pub struct StepTableProblem {
    /// The key, as in the file; an entry of a table as `table.entry`.
    pub key: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What may stand there.
    pub allowed: &'static str,
}

fn listed(problems: &[StepTableProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl StepTable {
    /// Reads the JSON text of a table.
    ///
    /// # Errors
    /// [`StepTableError::Syntax`] if it is not JSON; otherwise [`StepTableError::Keys`] with every
    /// key that is missing, unknown or holds something else than it may.
    pub fn from_json(text: &str) -> Result<Self, StepTableError> {
        let value: Value = serde_json::from_str(text).map_err(|e| StepTableError::Syntax {
            what: without_position(&e.to_string()),
            line: e.line(),
            column: e.column(),
        })?;
        let mut reader = Reader::default();
        let Some(object) = value.as_object() else {
            reader.refuse("the document", "is not an object", "{\"layers\": …, …}");
            return Err(StepTableError::Keys(reader.problems));
        };
        let table = reader.table(object);
        if reader.problems.is_empty() {
            Ok(table)
        } else {
            Err(StepTableError::Keys(reader.problems))
        }
    }

    #[inline]
    fn base(&self, tokens: u64) -> u64 {
        match self.base.get(tokens as usize) {
            Some(&ticks) => ticks,
            None => self.beyond.times(tokens),
        }
    }

    #[inline]
    fn decode(&self, decodes: u32, padded_context: u64) -> u64 {
        let kind = self.decode[usize::from(decodes > 1)];
        kind.floor
            .saturating_add(kind.slope.times(u64::from(decodes).saturating_mul(padded_context)))
    }

    #[inline]
    fn prefill(&self, prefill: &Prefill) -> u64 {
        let kind = self.prefill[usize::from(prefill.chunks > 1)];
        let c = if prefill.chunks == 1 {
            u64::from(prefill.tokens)
        } else {
            // The root of an integer is never near a half: adding it and truncating rounds rightly.
            ((prefill.squares as f64).sqrt() + 0.5) as u64
        };
        let reach = prefill.context_padded.saturating_mul(2).saturating_add(c);
        let work = (c + HALF_RATE_TOKENS).saturating_mul(reach);
        kind.floor.saturating_add(kind.slope.times(work))
    }
}

/// Mean context of `decodes` sequences, truncated.
#[inline]
fn mean_context(decodes: u32, context: u64) -> u64 {
    // Half the latency of a 64-bit division on many machines, and nearly always enough.
    match u32::try_from(context) {
        Ok(context) => u64::from(context / decodes),
        Err(_) => context / u64::from(decodes),
    }
}

/// Rounded up to [`CONTEXT_GRAIN`].
#[inline]
const fn padded(context: u64) -> u64 {
    context.saturating_add(CONTEXT_GRAIN - 1) & !(CONTEXT_GRAIN - 1)
}

impl StepModel for StepTable {
    #[inline]
    fn step(&self, shape: &StepShape) -> StepCost {
        let tokens = u64::from(shape.decodes) + u64::from(shape.prefill.tokens);
        let mut ticks = self.base(tokens);
        if shape.decodes > 0 {
            let mean = mean_context(shape.decodes, shape.decode_context);
            ticks = ticks.saturating_add(self.decode(shape.decodes, padded(mean)));
        }
        if shape.prefill.chunks > 0 {
            ticks = ticks.saturating_add(self.prefill(&shape.prefill));
        }
        StepCost { time: Ticks::from_raw(ticks), dynamic_nj: 0 }
    }

    /// Every step lengthens the mean context by one, so the price holds until the padded mean jumps.
    #[inline]
    fn decode_run(&self, decodes: u32, context: u64) -> DecodeRun {
        let mut run =
            DecodeRun { first: StepCost::default(), growth: StepCost::default(), steps: 1 };
        if decodes > 0 {
            let mean = mean_context(decodes, context);
            let padded = padded(mean);
            let base = self.base(u64::from(decodes));
            let ticks = base.saturating_add(self.decode(decodes, padded));
            run.first.time = Ticks::from_raw(ticks);
            run.steps = padded.saturating_sub(mean) + 1;
        }
        run
    }
}

/// Milliseconds to ticks, unrounded.
fn ticks_in_ms() -> f64 {
    1e6 * (1u64 << Ticks::FRACTION_BITS) as f64
}

/// The parser appends the position, which is kept apart here.
fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// Collects the problems on the way.
#[derive(Default)]
struct Reader {
    problems: Vec<StepTableProblem>,
}

impl Reader {
    fn refuse(&mut self, key: &str, wrong: impl Into<String>, allowed: &'static str) {
        self.problems.push(StepTableProblem { key: key.to_owned(), wrong: wrong.into(), allowed });
    }

    fn table(&mut self, object: &Map<String, Value>) -> StepTable {
        self.unknown_keys(object);
        match object.get("unit").map(|v| v.as_str()) {
            Some(Some(UNIT)) => {}
            Some(_) => self.refuse("unit", "is not known", "\"ms per layer\""),
            None => self.refuse("unit", "is missing", "\"ms per layer\""),
        }
        let layers = self.layers(object);
        let linear = self.entries(object, LINEAR, 8);
        let save = self.entries(object, SAVE, 1);
        let hidden = self.constant(object, "hidden", 4096.0);
        let memory = self.constant(object, "memory_bytes_per_s", 1.59e12);
        let flops = self.constant(object, "attention_flops_per_s", 200e12);
        let floor = self.constant(object, "attention_floor_ms", 0.010);
        let batching = self.constant(object, "batching_overhead", 1.1);

        let scale = layers * ticks_in_ms();
        let last = linear.last().map_or(0, |e| e.0).max(save.last().map_or(0, |e| e.0));
        let ms = |tokens: u64| read(&linear, tokens.next_multiple_of(8)) + read(&save, tokens);
        let base = (0..=last).map(|tokens| match tokens {
            0 => 0,
            _ => Ticks::from_seconds(Seconds::from_ms(ms(tokens) * layers)).raw(),
        });
        let attention = |slope_ms: f64| {
            [1.0, batching].map(|factor| Attention {
                floor: (floor * factor * scale).round() as u64,
                slope: Slope::rounded(slope_ms * factor * scale),
            })
        };
        StepTable {
            base: base.collect(),
            beyond: Slope::rounded(ms(last) * scale / last.max(1) as f64),
            decode: attention(hidden / memory * 1e3),
            // 4·c·(kv + c/2)/(c/(c+100)) = 2·(c+100)·(2·kv + c)
            prefill: attention(2.0 * hidden / flops * 1e3),
        }
    }

    fn unknown_keys(&mut self, object: &Map<String, Value>) {
        const ALLOWED: &str = "layers, unit, linear_ops_ms_by_tokens_rounded_up_to_8, \
             attn_kv_cache_save_ms_by_exact_tokens, hidden, memory_bytes_per_s, \
             attention_flops_per_s, attention_floor_ms, batching_overhead; \
             and as remarks model, device, tp, rf_spot_values, source, note";
        for key in object.keys() {
            let remark = REMARKS.contains(&key.as_str());
            if !remark && !ALLOWED.split([',', ';']).any(|a| a.trim() == key) {
                self.refuse(key, "is not a key of a step-time table", ALLOWED);
            }
        }
    }

    fn layers(&mut self, object: &Map<String, Value>) -> f64 {
        const ALLOWED: &str = "a whole number of layers from 1 to 10000";
        match object.get("layers") {
            None => self.refuse("layers", "is missing", ALLOWED),
            Some(value) => match value.as_u64() {
                Some(n @ 1..=10_000) => return n as f64,
                _ => self.refuse("layers", format!("is {value}"), ALLOWED),
            },
        }
        1.0
    }

    fn constant(&mut self, object: &Map<String, Value>, key: &str, default: f64) -> f64 {
        match object.get(key) {
            None => default,
            Some(value) => match value.as_f64() {
                Some(x) if x > 0.0 && x < 1e30 => x,
                _ => {
                    self.refuse(key, format!("is {value}"), "a number above 0, or leave it out");
                    default
                }
            },
        }
    }

    /// Entries in the order of their token counts.
    fn entries(&mut self, object: &Map<String, Value>, key: &str, grain: u64) -> Vec<(u64, f64)> {
        const ALLOWED: &str = "an object from a token count to milliseconds, like {\"8\": 0.31}";
        let entries = match object.get(key) {
            None => {
                self.refuse(key, "is missing", ALLOWED);
                return Vec::new();
            }
            Some(Value::Object(entries)) if !entries.is_empty() => entries,
            Some(_) => {
                self.refuse(key, "has no entries", ALLOWED);
                return Vec::new();
            }
        };
        let mut read = Vec::with_capacity(entries.len());
        for (tokens, ms) in entries {
            let name = format!("{key}.{tokens}");
            let count = tokens.parse().ok().filter(|&t: &u64| {
                t > 0 && t <= MOST_TOKENS && t % grain == 0 && t.to_string() == *tokens
            });
            let time = ms.as_f64().filter(|&x| (0.0..1e6).contains(&x));
            if count.is_none() {
                let allowed = match grain {
                    1 => "a whole number of tokens from 1 to 1048576",
                    _ => "a multiple of 8 tokens from 8 to 1048576",
                };
                self.refuse(&name, "is not a usable token count", allowed);
            }
            if time.is_none() {
                self.refuse(&name, format!("is {ms}"), "milliseconds from 0 to 1e6");
            }
            read.extend(count.zip(time));
        }
        read.sort_by_key(|e| e.0);
        read
    }
}

/// Reads a sorted table: interpolated inside, the first entry before it, in proportion beyond it.
fn read(entries: &[(u64, f64)], tokens: u64) -> f64 {
    let after = entries.partition_point(|e| e.0 < tokens);
    match (after.checked_sub(1).map(|i| entries[i]), entries.get(after)) {
        (_, Some(&(t, ms))) if t == tokens => ms,
        (Some((t0, a)), Some(&(t1, b))) => a + (b - a) * (tokens - t0) as f64 / (t1 - t0) as f64,
        (None, Some(&(_, ms))) => ms,
        (Some((t, ms)), None) => ms * tokens as f64 / t as f64,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_units::Stream;

    /// Llama-3-8B on an A100, a few entries of a measured table.
    const SMALL: &str = r#"{
        "model": "Meta-Llama-3-8B", "device": "a100", "tp": 1, "layers": 32, "unit": "ms per layer",
        "linear_ops_ms_by_tokens_rounded_up_to_8": {
            "8": 0.31014, "16": 0.315846, "64": 0.350684, "128": 0.423442, "512": 1.092758
        },
        "attn_kv_cache_save_ms_by_exact_tokens": {"1": 0.019, "512": 0.019, "1024": 0.02412}
    }"#;

    /// The documented formula as plain floating point, without tables.
    fn twin(linear: &[(u64, f64)], save: &[(u64, f64)], shape: &StepShape) -> f64 {
        let tokens = u64::from(shape.decodes + shape.prefill.tokens);
        if tokens == 0 {
            return 0.0;
        }
        let mut ms = if tokens > 1024 {
            (read(linear, 1024) + read(save, 1024)) * tokens as f64 / 1024.0
        } else {
            read(linear, tokens.div_ceil(8) * 8) + read(save, tokens)
        };
        if shape.decodes > 0 {
            let mean = shape.decode_context / u64::from(shape.decodes);
            let kv = (mean as f64 / 64.0).ceil() * 64.0;
            let dec = 0.010 + f64::from(shape.decodes) * kv * 4096.0 / 1.59e12 * 1e3;
            ms += dec * if shape.decodes > 1 { 1.1 } else { 1.0 };
        }
        if shape.prefill.chunks > 0 {
            let c = (shape.prefill.squares as f64).sqrt().round();
            let kv = shape.prefill.context_padded as f64;
            let rate = 200e12 * c / (c + 100.0);
            let pre = 0.010 + 4.0 * c * (kv + c / 2.0) * 4096.0 / rate * 1e3;
            ms += pre * if shape.prefill.chunks > 1 { 1.1 } else { 1.0 };
        }
        ms * 32.0
    }

    fn any_shape(random: &mut Stream) -> StepShape {
        let mut shape = StepShape { decodes: random.below(513) as u32, ..StepShape::default() };
        shape.decode_context = u64::from(shape.decodes) * random.below(20_000) + random.below(300);
        if shape.decodes == 0 {
            shape.decode_context = 0;
        }
        for _ in 0..random.below(4) {
            let tokens = 1 + random.below(512) as u32;
            shape.prefill.add(tokens, random.below(8192) as u32, random.below(2) == 0);
        }
        shape
    }

    fn agrees_with_its_twin(text: &str) {
        let table = StepTable::from_json(text).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let mut reader = Reader::default();
        let object = value.as_object().unwrap();
        let linear = reader.entries(object, LINEAR, 8);
        let save = reader.entries(object, SAVE, 1);
        let mut random = Stream::new(1, "step table", 0);
        for _ in 0..20_000 {
            let shape = any_shape(&mut random);
            let (ours, theirs) =
                (table.step(&shape).time.as_seconds().as_ms(), twin(&linear, &save, &shape));
            assert!((ours - theirs).abs() <= 1e-9 * theirs, "{shape:?}: {ours} against {theirs}");
        }
    }

    #[test]
    fn integers_agree_with_the_formula() {
        agrees_with_its_twin(SMALL);
    }

    #[test]
    fn a_measured_table_agrees_too() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/peers/step_time_tables.json");
        match std::fs::read_to_string(path) {
            Ok(text) => agrees_with_its_twin(&text),
            Err(_) => println!("skipped: ../shared absent"),
        }
    }

    #[test]
    fn a_run_is_its_steps() {
        let table = StepTable::from_json(SMALL).unwrap();
        let mut random = Stream::new(2, "step table", 0);
        for _ in 0..2_000 {
            let decodes = 1 + random.below(600) as u32;
            let context = u64::from(decodes) + random.below(u64::from(decodes) * 3_000);
            let run = table.decode_run(decodes, context);
            for k in 0..run.steps {
                let shape = StepShape {
                    decodes,
                    decode_context: context + k * u64::from(decodes),
                    ..StepShape::default()
                };
                assert_eq!(table.step(&shape), run.first, "{decodes} {context} {k}");
            }
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = r#"{"layers": 0, "unit": "s", "hiden": 1, "hidden": -4,
            "linear_ops_ms_by_tokens_rounded_up_to_8": {"8": 0.3, "9": 0.3, "16": "long"}}"#;
        let StepTableError::Keys(problems) = StepTable::from_json(text).unwrap_err() else {
            panic!("it is JSON");
        };
        let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "hiden",
                "unit",
                "layers",
                "linear_ops_ms_by_tokens_rounded_up_to_8.9",
                "linear_ops_ms_by_tokens_rounded_up_to_8.16",
                "attn_kv_cache_save_ms_by_exact_tokens",
                "hidden"
            ]
        );
        assert!(problems[2].to_string().contains("allowed: a whole number of layers"));
    }

    #[test]
    fn syntax_is_told_with_its_place() {
        let error = StepTable::from_json("{\n  \"layers\": }").unwrap_err();
        assert_eq!(error.to_string(), "not JSON: expected value at line 2, column 13");
        assert!(matches!(StepTable::from_json("[]"), Err(StepTableError::Keys(_))));
    }
}
