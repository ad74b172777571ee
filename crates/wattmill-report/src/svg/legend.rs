//! The legend, between heading and plot.

use super::sheet::{self, Anchor, LABEL, Plot, Sheet, color, cycle};
use super::text::{shorten, width};

/// What a colour stands for, and how it is shown.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) series: usize,
    pub(super) mark: Mark,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    Fill,
    /// An area that text stands on.
    Pale,
    Dot,
    /// A line over areas.
    Over,
}

impl Mark {
    /// Of the lines of a series with `over` others on top of it, which it must show beside.
    pub(super) fn line_style(series: usize, over: usize) -> String {
        let dash = match cycle(series) {
            0 => String::new(),
            1 => ";stroke-dasharray:7 4".to_owned(),
            // So many dots between the dashes.
            more => format!(";stroke-dasharray:9 4{}", " 1 4".repeat(more - 1)),
        };
        let wide = match over {
            0 => String::new(),
            over => format!(";stroke-width:{}", 2.2 + 2.8 * over.min(4) as f64),
        };
        format!("class=\"wm-line\" style=\"stroke:{}{dash}{wide}\"", color(series))
    }

    /// Of areas that text stands on, as a CSS value of `fill`.
    pub(super) fn pale(series: usize) -> String {
        format!("{};fill-opacity:.5", color(series))
    }

    /// Of lines over areas: they have no colour of their own.
    pub(super) const fn over_style(series: usize) -> &'static str {
        if series.is_multiple_of(2) {
            "class=\"wm-over\" style=\"stroke-dasharray:6 3\""
        } else {
            "class=\"wm-over\""
        }
    }

    /// Of the areas of a series, as a CSS value of `fill`.
    pub(super) fn fill(series: usize) -> String {
        sheet::fill(series)
    }
}

const MARK_WIDTH: f64 = 22.0;
const ROW: f64 = 22.0;

/// Keys laid out in rows.
pub(super) struct Legend<'a> {
    /// Key, what is shown of its name, left edge and row.
    places: Vec<(&'a Key, String, f64, usize)>,
}

impl<'a> Legend<'a> {
    pub(super) fn new(keys: &'a [Key], left: f64, right: f64) -> Self {
        let mut places: Vec<(&Key, String, f64, usize)> = Vec::new();
        let (mut x, mut row) = (left, 0);
        for key in keys.iter().filter(|key| !key.name.is_empty()) {
            let name = shorten(&key.name, LABEL, right - left - MARK_WIDTH);
            let wide = MARK_WIDTH + width(&name, LABEL);
            if x > left && x + wide > right {
                (x, row) = (left, row + 1);
            }
            places.push((key, name, x, row));
            x += wide + 18.0;
        }
        Self { places }
    }

    /// Draws it from `top` down and returns where it ends.
    pub(super) fn draw(&self, sheet: &mut Sheet, top: f64) -> f64 {
        for (key, name, x, row) in &self.places {
            let middle = top + ROW * (*row as f64 + 0.5) + 2.0;
            match key.mark {
                Mark::Line => sheet.path(
                    &[vec![(*x, middle), (x + 16.0, middle)]],
                    false,
                    &Mark::line_style(key.series, 0),
                ),
                Mark::Over => sheet.path(
                    &[vec![(*x, middle), (x + 16.0, middle)]],
                    false,
                    Mark::over_style(key.series),
                ),
                Mark::Dot => {
                    sheet.dot((x + 8.0, middle), 5.5, &Mark::fill(key.series), "");
                }
                Mark::Fill | Mark::Pale => {
                    let (left, top) = (x + 1.0, middle - 6.0);
                    let square = Plot { left, right: left + 12.0, top, bottom: top + 12.0 };
                    let fill = match key.mark {
                        Mark::Pale => Mark::pale(key.series),
                        _ => Mark::fill(key.series),
                    };
                    sheet.bar(square, &fill, "");
                }
            }
            sheet.text(x + MARK_WIDTH, middle + 4.5, "wm-key", Anchor::Start, name);
        }
        match self.places.last() {
            Some((.., row)) => top + ROW * (*row as f64 + 1.0) + 4.0,
            None => top,
        }
    }
}
