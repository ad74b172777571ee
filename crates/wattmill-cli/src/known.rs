//! The catalogue that a command works with: the built-in one, or that with the engine constants of
//! one's own machine.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use wattmill::catalog::Catalog;
use wattmill::config::parse_calibration;
use wattmill::report::CalibratedWith;

use crate::exit::Failure;
use crate::files;
use crate::invalid::Invalid;

/// The flag of every command that prices engines.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct CalibrationArgs {
    /// Engine constants of your own machine, as `wattmill calibrate` writes them, in place of the
    /// catalogue's.
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
}

/// What is known of hardware, models and engines.
pub(crate) struct Known {
    catalog: Cow<'static, Catalog>,
    calibration: Option<CalibratedWith>,
}

impl Known {
    /// The catalogue with what the flag names in place of its own.
    pub(crate) fn open(args: &CalibrationArgs) -> Result<Self, Failure> {
        match &args.calibration {
            Some(path) => Self::with(path),
            None => Ok(Self { catalog: Cow::Borrowed(Catalog::builtin()), calibration: None }),
        }
    }

    fn with(path: &Path) -> Result<Self, Failure> {
        let named = files::text(path)?;
        let constants = parse_calibration(&named.text, Catalog::builtin())
            .map_err(|problems| Invalid::text(&named, &problems))?;
        let engines = constants.keys().map(|(family, name)| format!("{family}.{name}")).collect();
        Ok(Self {
            catalog: Cow::Owned(Catalog::builtin().with_overheads(&constants)),
            calibration: Some(CalibratedWith { file: named.name, engines }),
        })
    }

    /// The catalogue.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The calibration in it.
    pub(crate) const fn calibration(&self) -> Option<&CalibratedWith> {
        self.calibration.as_ref()
    }

    /// An answer for people, which begins with the calibration it was made with.
    pub(crate) fn told(&self, answer: &str) -> String {
        match &self.calibration {
            Some(with) => format!("{with}\n{answer}"),
            None => answer.to_owned(),
        }
    }
}
