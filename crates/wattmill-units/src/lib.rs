//! Quantities, simulated time, typed ids, named random streams and answer hashes.
//!
//! The bottom of the house: every other crate may use this one, this one uses none of ours.
//!
//! ```
//! use wattmill_units::{Power, Seconds};
//! let connection: Power = "1.2 GW".parse()?;
//! let day = Seconds::from_hours(24.0);
//! assert_eq!((connection * day).as_mwh(), 28_800.0);
//! # Ok::<(), wattmill_units::QuantityError>(())
//! ```

mod distribution;
mod hash;
mod histogram;
mod id;
mod quantity;
mod random;
mod text;
mod time;
mod ziggurat;

pub use distribution::{Distribution, draw, normal_score, normal_share};
pub use hash::{AnswerHash, scramble};
pub use histogram::Histogram;
pub use id::{Id, IdVec};
pub use quantity::{
    ByteRate, Bytes, CarbonIntensity, Energy, EnergyPrice, FlopRate, Flops, Money, Power, Ratio,
    Seconds,
};
pub use random::Stream;
pub use text::{Magnitude, QuantityError, UnitTable};
pub use time::{SimTime, Ticks, nearest};
