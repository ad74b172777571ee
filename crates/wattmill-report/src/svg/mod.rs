//! Pictures: from numbers to SVG text, nothing else needed to show them.
//!
//! Every picture is 960 units wide and scales, follows the reader's light or dark mode, tells
//! series apart for colour-blind readers too (Okabe and Ito's palette, then striped), says values on hovering
//! without any script, and says "no data" where there is none. Values that are not finite are left
//! out.

mod area;
mod bars;
mod clear;
mod distribution;
mod dots;
mod gather;
mod legend;
mod line;
mod map;
mod number;
mod outline;
mod over_x;
mod scale;
mod scatter;
mod sheet;
mod spans;
mod states;
#[cfg(test)]
mod tests;
mod text;
mod tornado;
mod waterfall;

use std::fmt;

pub use area::AreaChart;
pub use bars::{Arrangement, BarChart};
pub use distribution::{Distribution, DistributionChart};
pub use dots::DotChart;
pub use line::LineChart;
pub use map::{Place, PlaceMap};
pub use number::value_label;
pub use scatter::{Points, ScatterChart};
pub use spans::{Lasting, SpanChart};
pub use states::{Cell, State, StateChart};
pub(crate) use text::escape;
pub use tornado::{Along, Swing, TornadoChart};
pub use waterfall::{StageKind, WaterfallChart, WaterfallStage};

use jiff::civil::Date;

/// What stands above a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// What is shown, in a few words.
    pub title: String,
    /// What it means or how to read it; may be empty.
    pub subtitle: String,
}

impl Heading {
    /// With a title and a subtitle.
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: subtitle.into() }
    }
}

/// Values of one kind, one for each place along the horizontal axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// As the legend calls it.
    pub name: String,
    /// In the unit of the vertical axis; what is not finite leaves a gap.
    pub values: Vec<f64>,
    /// Whether it has the colour of losses: what is idle, wasted or left over.
    pub loss: bool,
    /// Which of the palette's colours it has, from 0; that of its place among the others if none.
    pub color: Option<usize>,
}

impl Series {
    /// With a name and values.
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values, loss: false, color: None }
    }

    /// The same in the colour of losses.
    #[must_use]
    pub fn as_loss(mut self) -> Self {
        self.loss = true;
        self
    }

    /// The same in one of the palette's colours, from 0, whatever its place: what is drawn in several
    /// pictures keeps its colour.
    #[must_use]
    pub const fn colored(mut self, color: usize) -> Self {
        self.color = Some(color);
        self
    }

    /// What its colour goes by, being the `index`-th of its picture.
    fn color(&self, index: usize) -> usize {
        if self.loss { sheet::LOSS } else { self.color.unwrap_or(index) }
    }

    /// Whether it is zero or missing everywhere.
    fn is_nothing(&self) -> bool {
        self.values.iter().all(|value| drawable(*value).is_none_or(|value| value == 0.0))
    }
}

/// A value to compare with, drawn as a dashed line: a grid connection, an SLO.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What stands beside the line.
    pub name: String,
    /// Where it is, in the unit of the axis it crosses.
    pub at: f64,
}

impl Limit {
    /// With a name and a place.
    pub fn new(name: impl Into<String>, at: f64) -> Self {
        Self { name: name.into(), at }
    }
}

/// How the values of an axis are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly, from zero.
    #[default]
    Even,
    /// Each power of ten as wide as the next. What is not above zero has no place and is left out.
    Logarithmic,
}

impl Spacing {
    /// The value, if it has a place.
    fn placed(self, value: Option<f64>) -> Option<f64> {
        value.filter(|v| self == Self::Even || *v > 0.0)
    }

    fn scale(self, values: impl Iterator<Item = f64>) -> scale::Scale {
        match self {
            Self::Even => scale::Scale::from_zero(values),
            Self::Logarithmic => scale::Scale::logarithmic(values),
        }
    }
}

/// Places along the horizontal axis, from left to right.
#[derive(Clone, Debug, PartialEq)]
pub enum Horizontal {
    /// Numbers and what they are, with their unit.
    Numbers {
        /// Name and unit: `requests per second`.
        label: String,
        /// In that unit, rising.
        values: Vec<f64>,
    },
    /// Moments of the calendar, in days from 1970-01-01 (see [`Horizontal::day`]).
    Calendar {
        /// Rising; fractions are parts of a day.
        days: Vec<f64>,
    },
}

impl Horizontal {
    /// Days from 1970-01-01 to a date, for [`Horizontal::Calendar`].
    pub fn day(date: Date) -> f64 {
        date.duration_since(Date::constant(1970, 1, 1)).as_secs() as f64 / 86_400.0
    }

    pub(crate) fn places(&self) -> &[f64] {
        match self {
            Self::Numbers { values, .. } => values,
            Self::Calendar { days } => days,
        }
    }
}

/// A finished picture: an `<svg>` element that stands alone in a file or inside a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg {
    text: String,
    title: String,
    blank: bool,
}

impl Svg {
    /// The element.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether all that it could show is nothing: every value is zero or missing.
    pub const fn is_blank(&self) -> bool {
        self.blank
    }

    /// The element in light colours only, for a page that is not known to follow its reader's mode.
    #[must_use]
    pub fn light(&self) -> Self {
        Self { text: sheet::light_only(&self.text), ..self.clone() }
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Values that can be drawn: the others are no number, or so large that no axis could hold them.
pub(crate) fn drawable(value: f64) -> Option<f64> {
    (value.abs() < 1e100).then_some(if value.abs() < 1e-100 { 0.0 } else { value })
}
