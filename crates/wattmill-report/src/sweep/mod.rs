//! Points of a sweep: the table that is kept, and what they say together.

mod table;
mod text;

pub use table::{SweepColumn, SweepRow, SweepTable, SweepTableError, SweptKind};
pub use text::sweep_text;

use wattmill_plan::Swept;

/// What a sweep says.
#[derive(Clone, Debug)]
pub struct SweepReport<'a> {
    /// The factory's name.
    pub factory: &'a str,
    /// How points were chosen: `grid`, `random` or `lhs`.
    pub design: &'a str,
    /// What they were drawn with.
    pub seed: u64,
    /// Paths of what was varied.
    pub paths: Vec<&'a str>,
    /// Points of the design.
    pub points: usize,
    /// Of these, computed in this run.
    pub computed: usize,
    /// Of these, that were in the table already.
    pub known: usize,
    /// Of these, that make no sound factory, with what is wrong with the first.
    pub refused: usize,
    /// What is wrong with the first of them.
    pub first_refusal: Option<&'a str>,
    /// Values of every point that has figures, as people read them.
    pub values: Vec<Vec<String>>,
    /// Every figure of the whole plan over them.
    pub figures: Vec<Swept>,
    /// Where the table is.
    pub table: String,
    /// Hash of every point's figures.
    pub answer_hash: u64,
}

impl SweepReport<'_> {
    /// Whether it was interrupted.
    pub const fn is_partial(&self) -> bool {
        self.computed + self.known < self.points
    }
}
