//! Measurements against the model: rows of published tables in, predictions, errors and fitted
//! constants out.
//!
//! Opens no file: text comes in, plain data goes out.

pub mod fit;
pub mod kernels;
