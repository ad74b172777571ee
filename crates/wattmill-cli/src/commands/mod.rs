//! The commands, a file each.

pub(crate) mod bench;
pub(crate) mod calibrate;
pub(crate) mod catalog;
pub(crate) mod check;
pub(crate) mod compare;
mod cores;
mod engine;
pub(crate) mod explain;
mod factory;
pub(crate) mod gigawatt;
mod measured;
pub(crate) mod replay;
pub(crate) mod run;
mod samples;
pub(crate) mod serve;
pub(crate) mod sweep;
pub(crate) mod train;
pub(crate) mod validate;
pub(crate) mod zoom;

use crate::exit::Failure;
use crate::invalid::Invalid;

/// Ids that the catalogue does not have: flag, id and the nearest that it has.
fn not_in_catalogue(unknown: &[(&str, &str, Vec<&str>)]) -> Failure {
    let problem = |(flag, id, near): &(&str, &str, Vec<&str>)| {
        let problem = format!("{flag} `{id}` is not in the catalogue").trim_start().to_owned();
        let help = match near.as_slice() {
            [] => "see `wattmill catalog list`".to_owned(),
            near => format!("did you mean {}? see `wattmill catalog list`", near.join(" or ")),
        };
        (problem, Some(help))
    };
    Invalid::plain("command line", &unknown.iter().map(problem).collect::<Vec<_>>()).into()
}
