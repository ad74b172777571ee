//! The commands, a file each.

pub(crate) mod catalog;
pub(crate) mod check;
mod factory;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod zoom;
