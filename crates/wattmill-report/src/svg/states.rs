//! Which of a few states each of several things is in, over time.

use super::legend::{Key, Mark};
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH};
use super::text::{shorten, width};
use super::{Heading, Svg};

/// A state that things can be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// As the legend calls it.
    pub name: String,
    /// Which of the palette's eight colours it has, from 0.
    pub color: usize,
}

/// One thing at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Index of its state.
    pub state: usize,
    /// What stands in the cell if there is room, and is said on hovering.
    pub text: String,
}

/// A grid of colours: things down, time across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChart {
    /// What stands above it.
    pub heading: Heading,
    /// The states, in the order of the legend. Those that no cell is in are left out of it.
    pub states: Vec<State>,
    /// The things.
    pub rows: Vec<String>,
    /// The times.
    pub columns: Vec<String>,
    /// Row by row, a cell for each column; what is missing stays blank.
    pub cells: Vec<Vec<Cell>>,
    /// What the text of cells is: `MW energised`.
    pub text_label: String,
}

const ROW: f64 = 28.0;
const NAMES: f64 = 260.0;
/// Size of the text in cells.
const CELL: f64 = 11.0;

impl StateChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let rows = self.rows.len().min(self.cells.len());
        let columns = self.columns.len();
        let cells = || self.cells.iter().take(rows).flat_map(|row| row.iter().take(columns));
        if !cells().any(|cell| cell.state < self.states.len()) {
            return sheet.no_data();
        }
        let met = |state: usize| cells().any(|cell| cell.state == state);
        let keys: Vec<Key> = self
            .states
            .iter()
            .enumerate()
            .filter(|(index, _)| met(*index))
            .map(|(_, s)| Key { name: s.name.clone(), series: s.color, mark: Mark::Pale })
            .collect();
        sheet.legend(&keys);
        let names = self.rows.iter().map(|name| width(name, LABEL)).fold(0.0, f64::max).min(NAMES);
        let left = 24.0 + names + 12.0;
        let wide = (WIDTH - 24.0 - left) / columns as f64;
        let top = sheet.used + 8.0;
        let told = cells().all(|cell| width(&cell.text, CELL) <= wide - 2.0);
        for (row, cells) in self.cells.iter().take(rows).enumerate() {
            let level = top + ROW * row as f64;
            let name = shorten(&self.rows[row], LABEL, NAMES);
            sheet.text(left - 10.0, level + ROW / 2.0 + 4.5, "", Anchor::End, &name);
            for (column, cell) in cells.iter().take(columns).enumerate() {
                let Some(state) = self.states.get(cell.state) else {
                    continue;
                };
                let from = left + wide * column as f64;
                let gap = (wide * 0.04).min(1.0);
                let place = Plot {
                    left: from + gap,
                    right: from + wide - gap,
                    top: level + 1.0,
                    bottom: level + ROW - 1.0,
                };
                let words = format!(
                    "{}, {}\n{}\n{} {}",
                    self.rows[row], self.columns[column], state.name, cell.text, self.text_label
                );
                sheet.bar(place, &Mark::pale(state.color), words.trim_end());
                if told && !cell.text.is_empty() {
                    let middle = (place.left + place.right) / 2.0;
                    let base = level + ROW / 2.0 + 4.0;
                    sheet.text(middle, base, "wm-cell", Anchor::Middle, &cell.text);
                }
            }
        }
        let bottom = top + ROW * rows as f64;
        let widest = self.columns.iter().map(|name| width(name, LABEL)).fold(0.0, f64::max) + 12.0;
        let widest = widest.min((WIDTH - left) / 2.0);
        let every = libm::ceil(widest / wide).clamp(1.0, 1e6) as usize;
        for (column, name) in self.columns.iter().enumerate().step_by(every) {
            let name = shorten(name, LABEL, widest);
            let half = width(&name, LABEL) / 2.0;
            let middle = left + wide * (column as f64 + 0.5);
            let middle = middle.clamp(half + 2.0, WIDTH - half - 2.0);
            sheet.text(middle, bottom + 18.0, "wm-tick", Anchor::Middle, &name);
        }
        sheet.used = bottom + 34.0;
        sheet.finish()
    }
}
