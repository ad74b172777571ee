//! Single operators timed alone, against the surface of their chip family.

use wattmill_catalog::{Catalog, Efficiency, Kind};
use wattmill_perf::kernels::price;

use crate::kernels::{KernelProblem, KernelRow, kernel_rows};
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was measured.
    pub measured: Measured,
    /// What ran: one operator, or the two halves of an exchange.
    pub kernels: Vec<KernelRow>,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve(row: &Row<'_>, catalog: &Catalog) -> Result<Case, Reason> {
    let kernels = kernel_rows(&|column| row.text(column), catalog).map_err(|problem| {
        let KernelProblem::Accelerator(name) = problem else {
            return Reason::Unsupported(problem.to_string());
        };
        let closest = catalog.closest(Kind::Accelerator, &name).into_iter();
        Reason::UnknownAccelerator { closest: closest.map(str::to_owned).collect(), name }
    })?;
    let Some(first) = kernels.first() else {
        return Err(Reason::Unsupported("nothing ran".to_owned()));
    };
    let seconds: f64 = kernels.iter().map(|kernel| kernel.seconds).sum();
    let measured = Measured {
        line: row.line,
        group: Group {
            accelerator: first.accelerator.clone(),
            engine: row.text("framework").unwrap_or_default().to_lowercase(),
            mode: first.kernel.operator().to_owned(),
            precision: first.format.clone(),
            ..Group::default()
        },
        headline: row.text("verification").is_none_or(|how| how != "recalled_not_reread"),
        figures: vec![(Metric::KernelTime, seconds * 1e6)],
    };
    Ok(Case { measured, kernels })
}

impl Case {
    /// Chip family whose surfaces the prediction takes.
    pub fn family(&self) -> &str {
        self.kernels.first().map_or("", |kernel| &kernel.family)
    }
}

/// Predicts the time of a case with the surfaces of `efficiency`.
///
/// # Errors
/// The surface that the family lacks.
pub fn predict(case: &Case, efficiency: &Efficiency) -> Result<Vec<(Metric, f64)>, Reason> {
    let mut seconds = 0.0;
    for row in &case.kernels {
        let operator = row.kernel.operator();
        let Some(surface) = efficiency.surfaces.get(operator, &row.format) else {
            let (family, format) = (&row.family, &row.format);
            let why = format!("no surface of `{operator}` in {format} on {family}");
            return Err(Reason::Unsupported(why));
        };
        seconds += price(&row.kernel, surface, &row.rates).seconds();
    }
    Ok(vec![(Metric::KernelTime, seconds * 1e6)])
}
