//! From the whole to what is left of it, stage by stage.

use super::number::percent;
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH};
use super::text::{shorten, width};
use super::{Heading, Svg, drawable, value_label};

/// What becomes of a stage's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// It does not reach the end.
    Loss,
    /// It is what the whole is for.
    Useful,
}

/// One stage of a waterfall.
#[derive(Clone, Debug, PartialEq)]
pub struct WaterfallStage {
    /// What it is: `cooling and conversion`.
    pub name: String,
    /// What that means, in a few words; may be empty.
    pub meaning: String,
    /// How much, in the waterfall's unit; what is negative or not finite counts as nothing.
    pub value: f64,
    /// Whether it is lost.
    pub kind: StageKind,
}

impl WaterfallStage {
    /// A part that is lost.
    pub fn loss(name: impl Into<String>, meaning: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), meaning: meaning.into(), value, kind: StageKind::Loss }
    }

    /// A part that the whole is for.
    pub fn useful(name: impl Into<String>, meaning: impl Into<String>, value: f64) -> Self {
        Self { kind: StageKind::Useful, ..Self::loss(name, meaning, value) }
    }

    fn size(&self) -> f64 {
        drawable(self.value).unwrap_or(0.0).max(0.0)
    }
}

/// Where a whole goes: a bar for all of it on top, then one bar for each stage, each starting where
/// the one before it ended. Every bar says its value and its share of the whole.
///
/// The picture of the watt-to-token waterfall: grid → cooling and conversion → … → tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct WaterfallChart {
    /// What stands above it.
    pub heading: Heading,
    /// What the stages add up to: `grid`.
    pub whole: String,
    /// Unit of the values: `TWh`.
    pub unit: String,
    /// From the source to the use.
    pub stages: Vec<WaterfallStage>,
}

const ROW: f64 = 42.0;
const BAR: f64 = 24.0;
/// Room for the value and share beside a bar.
const LABEL_GAP: f64 = 8.0;

impl WaterfallChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let total: f64 = self.stages.iter().map(WaterfallStage::size).sum();
        let Some(total) = drawable(total).filter(|total| *total > 0.0) else {
            return sheet.no_data();
        };
        let told = |value: f64| {
            format!("{} {} · {}", value_label(value), self.unit, percent(value / total))
        };
        let names = self
            .stages
            .iter()
            .flat_map(|s| [width(&s.name, LABEL + 1.0), width(&s.meaning, 12.0)])
            .chain([width(&self.whole, LABEL + 1.0)])
            .fold(0.0, f64::max)
            .min(330.0);
        let labels = self.stages.iter().map(|s| width(&told(s.size()), LABEL));
        // Rounded up: what is as wide as its room to the last bit must not be cut.
        let labels = labels.chain([width(&told(total), LABEL)]).fold(0.0, f64::max);
        let labels = libm::ceil(labels) + 1.0;
        let left = 24.0 + names + 16.0;
        let right = WIDTH - 24.0 - LABEL_GAP - labels.min(WIDTH - 24.0 - left - 160.0);

        let top = sheet.used + 8.0;
        let x = |value: f64| left + (value / total).clamp(0.0, 1.0) * (right - left);
        let row = |index: usize| top + ROW * index as f64;
        let mut remaining = total;
        let whole = WaterfallStage::loss(self.whole.as_str(), "", total);
        for (index, stage) in std::iter::once(&whole).chain(&self.stages).enumerate() {
            let (y, size) = (row(index), stage.size());
            let (from, to) = if index == 0 { (0.0, total) } else { (remaining - size, remaining) };
            let fill = match (index, stage.kind) {
                (0, _) => "var(--wm-s0)",
                (_, StageKind::Loss) => "var(--wm-loss)",
                (_, StageKind::Useful) => "var(--wm-s2)",
            };
            if index > 0 {
                sheet.line((x(to), y - ROW + BAR), (x(to), y), "wm-link");
                remaining = (remaining - size).max(0.0);
            }
            let place = Plot {
                left: x(from).min(x(to) - 1.0).max(left),
                right: x(to).max(left + 1.0),
                top: y,
                bottom: y + BAR,
            };
            let words = [stage.name.as_str(), &told(size), &stage.meaning].join("\n");
            sheet.bar(place, fill, words.trim_end());
            self.row_text(&mut sheet, stage, names, y);
            let bold = if index == 0 || stage.kind == StageKind::Useful { "wm-bold" } else { "" };
            let class = format!("wm-halo {bold}");
            let class = class.trim_end();
            let at = x(to) + LABEL_GAP;
            let label = shorten(&told(size), LABEL, WIDTH - 24.0 - at);
            sheet.text(at, y + BAR / 2.0 + 4.5, class, Anchor::Start, &label);
        }
        sheet.used = row(self.stages.len() + 1);
        sheet.finish()
    }

    fn row_text(&self, sheet: &mut Sheet, stage: &WaterfallStage, room: f64, y: f64) {
        let name = shorten(&stage.name, LABEL + 1.0, room);
        let base = if stage.meaning.is_empty() { y + BAR / 2.0 + 4.5 } else { y + 10.0 };
        sheet.text(24.0, base, "wm-bold", Anchor::Start, &name);
        if !stage.meaning.is_empty() {
            let meaning = shorten(&stage.meaning, 12.0, room);
            sheet.text(24.0, y + 26.0, "wm-axis wm-plain", Anchor::Start, &meaning);
        }
    }
}
